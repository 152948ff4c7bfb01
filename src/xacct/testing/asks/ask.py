"""One question that a call puts to IAM."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen

__all__ = ["Ask"]


@frozen(kw_only=True)
class Ask:
    """One permission that a call needs.

    Attributes:
        action: such as ``s3:GetObject``.
        resource: the ARN, or ``*``.
        account: the account that the resource belongs to.
        policy: the resource's own policy, as JSON text.
        context: the service's context keys. What follows from the caller and from the request as such is added later.
    """

    action: str
    resource: str
    account: str
    policy: str | None = field(default=None, repr=False)
    context: Mapping[str, str | tuple[str, ...]] = field(factory=dict)
