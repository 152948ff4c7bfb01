"""Values as plain data and back: attrs classes as objects of strings, numbers, booleans, lists and objects, as in JSON.

cattrs reads the data. It is imported on first use, so that ``import xacct`` stays quick.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timezone
from difflib import get_close_matches
from functools import cache
from types import GenericAlias
from typing import TYPE_CHECKING, Any, TypeVar, get_args, get_origin

from attrs import NOTHING, Attribute, AttrsInstance, fields, fields_dict, has

from xacct.errors import InvalidValue, PolicyError
from xacct.policy import Condition, PolicyDocument, Principal, Statement
from xacct.policy.principal import as_kind

if TYPE_CHECKING:
    from cattrs import Converter

__all__ = ["TIME_PATTERN", "check_kind", "from_dict", "to_dict"]

T = TypeVar("T", bound=AttrsInstance)

TIME_PATTERN = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{3}([0-9]{3})?)?(Z|[+-][0-9]{2}:[0-9]{2})"
"""The pattern of a time: ISO 8601 with a time zone, as in RFC 3339."""

_PRINCIPAL_KEYS = ("kind", "value", "conditions")


def to_dict(value: AttrsInstance, defaults: Mapping[str, object] | None = None) -> dict[str, object]:
    """Return the fields of a value that differ from their defaults, and the required ones, as plain data.

    Fields with ``repr=False`` hold secrets and are left out. The order is that of the class; the keys of mappings are
    sorted.

    Args:
        value: an instance of an attrs class.
        defaults: the defaults of fields whose default depends on another field.
    """
    given = defaults or {}
    data: dict[str, object] = {}
    for attribute in fields(type(value)):
        item = getattr(value, attribute.name)
        if attribute.init and attribute.repr and item != given.get(attribute.name, _default(attribute)):
            plain = _converter().unstructure(item)
            data[_key_of(attribute)] = dict(sorted(plain.items())) if isinstance(item, Mapping) else plain
    return data


def from_dict(kind: type[T], data: object) -> T:
    """Return a value from plain data.

    Args:
        kind: the attrs class.
        data: an object with the class's fields.

    Raises:
        InvalidValue: a key is unknown, a required one is missing, or a value has the wrong type or is not valid. The
            error has the path of the field, such as ``policies.read.Statement[0]``.
        PolicyError: the class refuses a policy.

    >>> from xacct import ConsoleUser
    >>> from_dict(ConsoleUser, {"name": "ada", "managed_policy_arn": []})
    Traceback (most recent call last):
        ...
    xacct.errors.InvalidValue: managed_policy_arn: '(unknown key)' is not valid: did you mean 'managed_policy_arns'?
    """
    from cattrs import BaseValidationError

    if not isinstance(data, Mapping):
        raise InvalidValue(kind.__name__, _shown(data), "must be an object")
    try:
        return _converter().structure(data, kind)
    except (BaseValidationError, InvalidValue) as group:
        error = _first_error(group, "")
    # Raised here and without its frames: those, and the other errors, can have a password.
    del data
    raise error.with_traceback(None)


def check_kind(data: object, kinds: Iterable[str]) -> dict[str, object]:
    """Return the members of an object without ``kind``, which says what the object is.

    Args:
        data: the object.
        kinds: the allowed values of ``kind``. If there is only one, the member can be left out.

    Raises:
        InvalidValue: the data is not an object, or ``kind`` is missing or another.
    """
    if not isinstance(data, Mapping):
        raise InvalidValue("grant", _shown(data), "must be an object")
    allowed = tuple(kinds)
    members = dict(data)
    kind = members.pop("kind", allowed[0] if len(allowed) == 1 else "(missing)")
    if kind not in allowed:
        raise InvalidValue("kind", _shown(kind), f"must be {' or '.join(map(repr, allowed))}")
    return members


def _key_of(attribute: Attribute[Any]) -> str:
    # The name in the class's signature: a private field has no underscore there.
    return attribute.alias or attribute.name


def _default(attribute: Attribute[Any]) -> object:
    default: Any = attribute.default
    convert: Any = attribute.converter
    return default if convert is None or default is NOTHING else convert(default)


@cache
def _converter() -> Converter:
    import cattrs

    converter = cattrs.Converter(detailed_validation=True)
    converter.register_structure_hook_factory(has, _class_hook)
    for kind, words in ((str, "must be a string"), (bool, "must be true or false"), (int, "must be a whole number")):
        converter.register_structure_hook(kind, _exactly(kind, words))
    converter.register_structure_hook(datetime, lambda data, _: _time(data))
    converter.register_structure_hook(Principal, lambda data, _: _principal(data))
    converter.register_structure_hook(PolicyDocument, lambda data, _: _policy(data))
    converter.register_structure_hook_func(_is(tuple), _tuple)
    converter.register_structure_hook_func(_is(Mapping), _mapping)

    converter.register_unstructure_hook_func(has, to_dict)
    converter.register_unstructure_hook(tuple, lambda items: [converter.unstructure(item) for item in items])
    converter.register_unstructure_hook(datetime, _time_text)
    converter.register_unstructure_hook(Principal, _principal_data)
    converter.register_unstructure_hook(PolicyDocument, PolicyDocument.to_dict)
    return converter


# Errors --------------------------------------------------------------------------------------------------------------


def _shown(value: object) -> object:
    """Return a value for a message. What is in a list or an object is not shown: it can hold a password."""
    if value is None or isinstance(value, (str, int, float)):
        return value
    if isinstance(value, Mapping):
        return "(an object)"
    return "(a list)" if isinstance(value, (list, tuple)) else f"(of type {type(value).__name__})"


def _first_error(group: Exception, path: str, *, secret: bool = False) -> Exception:
    """Return the first error in cattrs's groups, with the path of its field. An unknown key often explains the rest."""
    from cattrs import BaseValidationError, ClassValidationError, ForbiddenExtraKeysError

    if isinstance(group, BaseValidationError):
        first = min(group.exceptions, key=lambda error: not isinstance(error, ForbiddenExtraKeysError))
        key = _noted_key(first)
        if isinstance(group, ClassValidationError) and key:
            attribute = fields_dict(group.cl)[str(key)]
            key, secret = _key_of(attribute), secret or not attribute.repr
        return _first_error(first, _join(path, key), secret=secret)
    if isinstance(group, ForbiddenExtraKeysError):
        return _unknown_key(path, group.extra_fields, [_key_of(field) for field in fields(group.cl) if field.init])
    if isinstance(group, KeyError):
        return InvalidValue(path, "(missing)", "this key is required")
    if isinstance(group, InvalidValue):
        return InvalidValue(_join(path, group.field), "(not shown)" if secret else group.value, group.rule)
    return group


def _noted_key(error: BaseException) -> str | int:
    """Return the field's name, the mapping's key or the list's index that cattrs notes on an error."""
    from cattrs import AttributeValidationNote, IterableValidationNote

    for note in getattr(error, "__notes__", ()):
        if isinstance(note, AttributeValidationNote):
            return note.name
        if isinstance(note, IterableValidationNote):
            return note.index
    return ""


def _join(path: str, key: str | int) -> str:
    if isinstance(key, int):
        return f"{path}[{key}]"
    return f"{path}.{key}" if path and key else path or key


def _unknown_key(path: str, unknown: Iterable[object], known: Iterable[str]) -> InvalidValue:
    key = min(map(str, unknown))
    names = list(known)
    nearest = get_close_matches(key, names, n=1)
    rule = f"did you mean {nearest[0]!r}?" if nearest else f"the keys are {', '.join(names)}"
    return InvalidValue(_join(path, key), "(unknown key)", rule)


# Hooks ---------------------------------------------------------------------------------------------------------------


def _class_hook(kind: type[AttrsInstance]) -> Callable[[object, object], object]:
    from cattrs.gen import make_dict_structure_fn, override

    # A secret is a text in the data, whatever the class keeps it in.
    secrets: dict[str, Any] = {
        field.name: override(struct_hook=_optional_text) for field in fields(kind) if not field.repr
    }
    read = make_dict_structure_fn(kind, _converter(), _cattrs_forbid_extra_keys=True, _cattrs_use_alias=True, **secrets)

    def check(data: object, _: object) -> object:
        if not isinstance(data, Mapping):
            raise InvalidValue("", "(not shown)", "must be an object")
        _check_text_keys(data, "")
        return read(data, kind)

    return check


def _optional_text(data: object, _: object) -> object:
    if data is not None and not isinstance(data, str):
        raise InvalidValue("", "(not shown)", "must be a string")
    return data


def _exactly(kind: type, words: str) -> Callable[[object, object], object]:
    # cattrs would convert: 5 to '5', 'no' to True. A bool is an int, so isinstance does not do.
    def check(data: object, _: object) -> object:
        if type(data) is not kind:
            raise InvalidValue("", _shown(data), words)
        return data

    return check


def _is(origin: object) -> Callable[[Any], bool]:
    return lambda kind: get_origin(kind) is origin


def _tuple(data: object, kind: Any) -> object:
    if not isinstance(data, (list, tuple)):
        raise InvalidValue("", _shown(data), "must be a list")
    items: Any = GenericAlias(list, get_args(kind)[:1])
    return tuple(_converter().structure(data, items))


def _mapping(data: object, kind: Any) -> object:
    if not isinstance(data, Mapping):
        raise InvalidValue("", _shown(data), "must be an object")
    members: Any = GenericAlias(dict, get_args(kind))
    return _converter().structure(data, members)


def _time(data: object) -> datetime:
    # TOML and YAML have times.
    if isinstance(data, datetime) and data.tzinfo is not None:
        return data
    if isinstance(data, str) and re.fullmatch(TIME_PATTERN, data):
        try:
            return datetime.fromisoformat(data.replace("Z", "+00:00"))
        except ValueError:  # a month 13, for example
            pass
    raise InvalidValue("", _shown(data), "must be a time with a time zone, such as '2030-01-31T12:00:00Z'")


def _time_text(time: datetime) -> str:
    return time.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")


def _policy(data: object) -> PolicyDocument:
    if not isinstance(data, Mapping):
        raise InvalidValue("", _shown(data), "must be a policy as an object")
    _check_keys(data, "")
    try:
        return PolicyDocument.parse(data)
    except PolicyError as error:
        raise InvalidValue(error.path, "(in the policy)", error.problem) from None


def _check_keys(data: object, path: str) -> None:
    """Check that all keys in data are strings."""
    if isinstance(data, Mapping):
        _check_text_keys(data, path)
    members = data.items() if isinstance(data, Mapping) else enumerate(data) if isinstance(data, (list, tuple)) else ()
    for key, value in members:
        _check_keys(value, _join(path, key))


def _check_text_keys(data: Mapping[object, object], path: str) -> None:
    # JSON has no other keys, but YAML has.
    for key in data:
        if not isinstance(key, str):
            raise InvalidValue(_join(path, str(key)), _shown(key), "a key must be a string")


def _principal_data(principal: Principal) -> object:
    """Return a principal as the text that Principal.parse reads, or as an object if the text does not say all."""
    kind = {} if _parsed_kind(principal.value) == principal.kind else {"kind": principal.kind}
    if not kind and not principal.conditions:
        return principal.value
    conditions: dict[str, dict[str, object]] = {}
    for condition in principal.conditions:
        many = condition.values if len(condition.values) != 1 else condition.values[0]
        conditions.setdefault(condition.operator, {})[condition.key] = many if isinstance(many, str) else list(many)
    return {**kind, "value": principal.value, **({"conditions": conditions} if conditions else {})}


def _parsed_kind(value: str) -> str | None:
    try:
        return Principal.parse(value).kind
    except InvalidValue:
        return None


def _principal(data: object) -> Principal:
    members = {"value": data} if isinstance(data, str) else data
    if not isinstance(members, Mapping):
        raise InvalidValue("", _shown(data), "must be a string or an object such as {'value': '222222222222'}")
    if unknown := [key for key in members if key not in _PRINCIPAL_KEYS]:
        raise _unknown_key("", unknown, _PRINCIPAL_KEYS)
    value, kind = members.get("value", "(missing)"), members.get("kind")
    if not isinstance(value, str) or "value" not in members:
        raise InvalidValue("value", _shown(value), "must be a string")
    if "kind" in members and not isinstance(kind, str):
        raise InvalidValue("kind", _shown(kind), "must be a string")
    conditions = _conditions(members.get("conditions", {}))
    try:
        return Principal(as_kind(kind) if isinstance(kind, str) else Principal.parse(value).kind, value, conditions)
    except InvalidValue as error:
        raise InvalidValue("", error.value, error.rule) from None


def _conditions(data: object) -> tuple[Condition, ...]:
    _check_keys(data, "conditions")
    try:
        return Statement.parse({"Effect": "Allow", "Action": "sts:AssumeRole", "Condition": data}).conditions
    except PolicyError as error:
        path = error.path.replace("Condition", "conditions", 1)
        raise InvalidValue(path, "(in the conditions)", error.problem) from None
