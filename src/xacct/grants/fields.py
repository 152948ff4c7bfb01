"""What the arguments of a grant become: lists as tuples, mappings as copies, times in whole seconds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from xacct.errors import InvalidValue
from xacct.limits import POLICY_NAME
from xacct.policy import PolicyDocument, Principal

__all__ = [
    "as_documents",
    "as_name",
    "as_principals",
    "as_tags",
    "as_texts",
    "in_any_order",
    "tag_patterns",
    "whole_seconds",
]


def as_name(value: str | None) -> str:
    """Return a name as given; empty if it follows from another field.

    Raises:
        InvalidValue: it is given, and empty.
    """
    if value == "":
        raise InvalidValue("name", value, str(POLICY_NAME))
    return value or ""


def whole_seconds(value: datetime | None) -> datetime | None:
    """Return a time in whole seconds."""
    # Policies have no fractions of seconds. The validator refuses what is no datetime.
    return value.replace(microsecond=0) if isinstance(value, datetime) else value


def as_principals(values: Iterable[Principal | str] | Principal | str) -> tuple[Principal, ...]:
    """Return one principal or several as a tuple."""
    many = (values,) if isinstance(values, (str, Principal)) else values
    return tuple(Principal.parse(value) for value in many)


def as_documents(
    policies: Mapping[str, PolicyDocument | Mapping[str, object] | str] | None,
) -> dict[str, PolicyDocument]:
    """Return inline policies by name, as documents with these names."""
    return {name: PolicyDocument.parse(document, name=name) for name, document in (policies or {}).items()}


def as_texts(values: Iterable[str] | str) -> tuple[str, ...]:
    """Return one text or several as a tuple, each once."""
    return (values,) if isinstance(values, str) else tuple(dict.fromkeys(values))


def as_tags(tags: Mapping[str, str] | None) -> dict[str, str]:
    """Return a copy of tags; empty for None."""
    return dict(tags or {})


def tag_patterns(tags: Mapping[str, Iterable[str] | str] | None) -> dict[str, tuple[str, ...]]:
    """Return the patterns of each session tag as a tuple."""
    return {key: as_texts(values) for key, values in (tags or {}).items()}


def in_any_order(patterns: Mapping[str, tuple[str, ...]]) -> dict[str, frozenset[str]]:
    """Return what two fields of patterns have in common if they mean the same."""
    return {key: frozenset(values) for key, values in patterns.items()}
