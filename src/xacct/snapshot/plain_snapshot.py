"""Snapshots and organizations as plain data: their policies are objects there, and JSON text in the values."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sized
from typing import TypeVar, cast

from attrs import AttrsInstance

from xacct.errors import InvalidValue
from xacct.plain_data import from_dict, to_dict
from xacct.snapshot.details import document_text, is_document
from xacct.snapshot.redaction import Redaction

__all__ = ["counted", "from_plain", "redacted", "to_plain"]

T = TypeVar("T", bound=AttrsInstance)

_ANY = "*"
# Where a snapshot and an organization have policies. The star is for each member of an object or each item of a list.
_DOCUMENTS: tuple[tuple[str, ...], ...] = (
    ("users", _ANY, "inline", _ANY),
    ("groups", _ANY, "inline", _ANY),
    ("roles", _ANY, "inline", _ANY),
    ("roles", _ANY, "trust_policy"),
    ("policies", _ANY, "document"),
    ("resources", _ANY, "policy"),
    ("scps", _ANY, _ANY, "document"),
    ("rcps", _ANY, _ANY, "document"),
)


def to_plain(value: AttrsInstance) -> dict[str, object]:
    """Return a snapshot or an organization as plain data. A policy that is not a JSON object stays a text."""
    data: object = to_dict(value)
    for path in _DOCUMENTS:
        data = _replaced(data, path, _as_object, "")
    return cast("dict[str, object]", data)


def from_plain(kind: type[T], data: object) -> T:
    """Return a snapshot or an organization from plain data.

    Args:
        kind: the class.
        data: what :func:`to_plain` returned.

    Raises:
        InvalidValue: the data is not valid. The error has the path of the field.
    """
    for path in _DOCUMENTS:
        data = _replaced(data, path, _as_text, "")
    return from_dict(kind, data)


def redacted(value: T, secret: str | None, keep: Iterable[str]) -> T:
    """Return a snapshot or an organization with other IDs. A policy that is not a JSON object is left out.

    Args:
        value: the snapshot or the organization.
        secret: what decides about the other IDs; None for a random one.
        keep: the account IDs that stay.

    Raises:
        InvalidValue: the secret is too short, or what to keep is no account ID.
    """
    redaction = Redaction.of(secret, keep)
    data: object = to_plain(value)
    for path in _DOCUMENTS:
        data = _replaced(data, path, lambda document, _: "(redacted)" if isinstance(document, str) else document, "")
    return from_plain(type(value), redaction.plain_data(data))


def counted(items: Sized, one: str, many: str = "") -> str:
    """Return a number with its noun, for a repr.

    >>> counted([1], "policy", "policies"), counted([], "role")
    ('1 policy', '0 roles')
    """
    return f"{len(items)} {one if len(items) == 1 else many or f'{one}s'}"


def _replaced(data: object, path: tuple[str, ...], change: Callable[[object, str], object], place: str) -> object:
    """Return a copy of data with the values at a path changed. What has another form than the path is left alone."""
    if not path:
        return change(data, place)
    key, rest = path[0], path[1:]
    if key == _ANY and isinstance(data, (list, tuple)):
        return [_replaced(item, rest, change, f"{place}[{number}]") for number, item in enumerate(data)]
    if key == _ANY and isinstance(data, Mapping):
        return {name: _replaced(member, rest, change, f"{place}.{name}") for name, member in data.items()}
    if isinstance(data, Mapping) and key in data:
        return {**data, key: _replaced(data[key], rest, change, f"{place}.{key}" if place else key)}
    return data


def _as_object(text: object, _: str) -> object:
    return json.loads(text) if isinstance(text, str) and is_document(text) else text


def _as_text(document: object, place: str) -> object:
    if not isinstance(document, (str, Mapping)):
        return document
    try:
        return document_text(document)
    except InvalidValue as error:
        raise InvalidValue(place, error.value, error.rule) from None
