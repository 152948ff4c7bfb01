"""Changes, which a plan shows, and steps, which make them."""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable
from typing import Literal, TypeAlias

from attrs import field, frozen

from xacct.grant_account import GrantAccount, Side
from xacct.policy import PolicyDocument

__all__ = ["Action", "Change", "JsonValue", "Step", "change", "document_value", "policy_diff"]

Action = Literal["create", "update", "attach", "detach", "delete", "leave"]
JsonValue: TypeAlias = "bool | int | str | list[JsonValue] | dict[str, JsonValue] | None"
"""A value that JSON can express."""


@frozen(kw_only=True)
class Change:
    """One change of a plan, or one thing that it does not touch.

    Attributes:
        action: what happens; ``leave`` for what was not created by xacct and stays.
        side: ``trusting`` or ``trusted``.
        account: the account's ID.
        resource: what changes, such as ``role CrossAccountRoleS3``.
        detail: more about the change, such as the diff of two policies.
        before: the old value as JSON, such as a policy document; None if there is none.
        after: the new value as JSON; None if there is none.
    """

    action: Action
    side: Side
    account: str
    resource: str
    detail: str = ""
    before: JsonValue = field(default=None, repr=False, hash=False)
    after: JsonValue = field(default=None, repr=False, hash=False)

    def __str__(self) -> str:
        return f"{self.action} {self.resource} in the {self.side} account {self.account}"

    def to_dict(self) -> dict[str, JsonValue]:
        """Return the change as a dictionary that JSON can express."""
        return {
            "action": self.action,
            "side": self.side,
            "account": self.account,
            "resource": self.resource,
            "detail": self.detail,
            "before": self.before,
            "after": self.after,
        }


@frozen(kw_only=True, eq=False)
class Step:
    """One or a few API calls that bring an account closer to what the grants declare.

    Attributes:
        key: identifies the step for the `after` of other steps.
        account: where the step acts.
        what: what the step does, for messages, such as ``creating role CrossAccountRoleS3``.
        change: what the step changes; None for a step that only waits.
        run: makes the calls. It is safe to repeat.
        undo: reverts them, also if only some took effect; None if there is nothing to revert.
        after: the keys of the steps that must finish before this one starts.
    """

    key: str
    account: GrantAccount
    what: str
    run: Callable[[], None] = field(repr=False)
    undo: Callable[[], None] | None = field(default=None, repr=False)
    change: Change | None = None
    after: frozenset[str] = frozenset()


def change(
    account: GrantAccount,
    action: Action,
    resource: str,
    detail: str = "",
    *,
    before: JsonValue = None,
    after: JsonValue = None,
) -> Change:
    """Return a change in an account."""
    return Change(
        action=action,
        side=account.side,
        account=account.id,
        resource=resource,
        detail=detail,
        before=before,
        after=after,
    )


def document_value(document: PolicyDocument | None) -> JsonValue:
    """Return a policy document as a JSON value; None if there is none."""
    if document is None:
        return None
    value: JsonValue = json.loads(document.to_json())
    return value


def policy_diff(before: PolicyDocument, after: PolicyDocument) -> str:
    """Return the lines that differ between two policies in canonical form, with two lines of context.

    >>> from xacct.policy import Statement
    >>> old, new = (PolicyDocument((Statement.allow(action, "*"),)) for action in ("s3:GetObject", "s3:ListBucket"))
    >>> print(policy_diff(old, new))
         {
           "Effect": "Allow",
    -      "Action": "s3:GetObject",
    +      "Action": "s3:ListBucket",
           "Resource": "*"
         }
    """
    lines = difflib.unified_diff(before.to_json(2).splitlines(), after.to_json(2).splitlines(), lineterm="", n=2)
    return "\n".join(line for line in lines if not line.startswith(("---", "+++", "@@")))
