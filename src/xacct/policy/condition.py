"""One condition of a statement."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import field, frozen

__all__ = ["Condition", "conditions"]


def _values(values: Iterable[str] | str) -> tuple[str, ...]:
    return (values,) if isinstance(values, str) else tuple(values)


@frozen
class Condition:
    """An operator, a context key and the values that it is compared with.

    Two conditions are equal when they mean the same: the order of the values and the case of the key and of the
    operator do not matter.

    Attributes:
        operator: as written, such as ``StringEquals`` or ``ForAnyValue:StringLikeIfExists``.
        key: the context key, such as ``sts:ExternalId``.
        values: any of which may match.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition.html

    >>> Condition("Bool", "aws:SecureTransport", "true") == Condition("bool", "AWS:securetransport", ["true"])
    True
    """

    operator: str = field(eq=str.lower)
    key: str = field(eq=str.lower)
    values: tuple[str, ...] = field(converter=_values, eq=frozenset)


def conditions(values: Iterable[Condition]) -> tuple[Condition, ...]:
    """Any iterable of conditions, as the tuple that a field keeps."""
    return tuple(values)
