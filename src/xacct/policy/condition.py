"""The condition of a statement."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import field, frozen

__all__ = ["Condition", "conditions"]


def _values(values: Iterable[str] | str) -> tuple[str, ...]:
    return (values,) if isinstance(values, str) else tuple(values)


@frozen
class Condition:
    """A condition: an operator that compares a context key with values.

    Conditions with the same meaning are equal: the order of the values and the case of the key and of the operator do
    not matter.

    Args:
        operator: the condition operator, such as ``StringEquals`` or ``ForAnyValue:StringLikeIfExists``.
        key: the context key, such as ``sts:ExternalId``.
        values: a string or several. The condition is met if one of them matches; for a negated operator, if none does.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition.html

    >>> Condition("Bool", "aws:SecureTransport", "true") == Condition("bool", "AWS:securetransport", ["true"])
    True
    """

    operator: str = field(eq=str.lower)
    key: str = field(eq=str.lower)
    values: tuple[str, ...] = field(converter=_values, eq=frozenset)

    def __repr__(self) -> str:
        values = self.values[0] if len(self.values) == 1 else self.values
        return f"Condition({self.operator!r}, {self.key!r}, {values!r})"


def conditions(values: Iterable[Condition]) -> tuple[Condition, ...]:
    """Return conditions as a tuple."""
    return tuple(values)
