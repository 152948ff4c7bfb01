"""The statement of a policy."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import lru_cache
from typing import Literal, cast

from attrs import field, fields, frozen

from xacct.errors import InvalidValue, PolicyError
from xacct.policy.condition import Condition, conditions as as_conditions
from xacct.policy.principal import Principal, as_kind

__all__ = ["Condition", "Effect", "Statement", "shown"]

Effect = Literal["Allow", "Deny"]

_ELEMENTS = (
    "Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition",
)  # fmt: skip
_NEVER_EMPTY = ("Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource")
# AWS also stores names of actions that do not exist, such as "s3.s:ListBucket" and "iam: asdf".
_ACTION = re.compile(r"\*|[A-Za-z0-9.*?-]+:[^:]+")
_LONGEST_SHOWN = 200


def _as_strings(values: Iterable[str] | str) -> tuple[str, ...]:
    return (values,) if isinstance(values, str) else tuple(values)


def _as_principals(values: Iterable[Principal]) -> tuple[Principal, ...]:
    return tuple(values)


def _lower_case(values: tuple[str, ...]) -> frozenset[str]:
    return frozenset(v.lower() for v in values)


@frozen(kw_only=True)
class Statement:
    """A statement, which allows or denies actions.

    Statements with the same meaning are equal: the order of values, duplicate values, the Sid and the case of action
    names do not matter. :meth:`allow` and :meth:`deny` make the usual statements.

    Args:
        effect: ``Allow`` or ``Deny``.
        actions: the actions that the statement covers, such as ``s3:GetObject``, with the wildcards ``*`` and ``?``.
        not_actions: the only actions that it does not cover. Give either this or ``actions``.
        resources: the ARNs of the resources that it covers, with ``*`` and ``?``. A trust policy has none.
        not_resources: the only resources that it does not cover. Give at most one of this and ``resources``.
        principals: the principals that it applies to. An identity policy has none.
        not_principals: the only principals that it does not apply to. Give at most one of this and ``principals``.
        conditions: the conditions, all of which must be met.
        sid: the statement's Sid.

    Raises:
        PolicyError: the statement has no action, an action of the wrong form, or two elements that exclude each other.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html

    >>> Statement.allow("s3:GetObject", "arn:aws:s3:::reports/*").to_dict()
    {'Effect': 'Allow', 'Action': 's3:GetObject', 'Resource': 'arn:aws:s3:::reports/*'}
    """

    effect: Effect
    actions: tuple[str, ...] = field(default=(), converter=_as_strings, eq=_lower_case)
    not_actions: tuple[str, ...] = field(default=(), converter=_as_strings, eq=_lower_case)
    resources: tuple[str, ...] = field(default=(), converter=_as_strings, eq=frozenset)
    not_resources: tuple[str, ...] = field(default=(), converter=_as_strings, eq=frozenset)
    principals: tuple[Principal, ...] = field(default=(), converter=_as_principals, eq=frozenset)
    not_principals: tuple[Principal, ...] = field(default=(), converter=_as_principals, eq=frozenset)
    conditions: tuple[Condition, ...] = field(default=(), converter=as_conditions, eq=frozenset)
    sid: str | None = field(default=None, eq=False)

    def __attrs_post_init__(self) -> None:
        if self.effect not in ("Allow", "Deny"):
            raise PolicyError("Effect", f"{shown(self.effect)} is neither 'Allow' nor 'Deny'")
        if bool(self.actions) == bool(self.not_actions):
            raise PolicyError("Action", "a statement must have either Action or NotAction, with at least one value")
        for action in self.actions + self.not_actions:
            if not _ACTION.fullmatch(action):
                raise PolicyError("Action", f"{action!r} is not an action: use '*' or the form service:Action")
        if self.resources and self.not_resources:
            raise PolicyError("Resource", "a statement cannot have both Resource and NotResource")
        if self.principals and self.not_principals:
            raise PolicyError("Principal", "a statement cannot have both Principal and NotPrincipal")

    @classmethod
    def allow(
        cls,
        actions: Iterable[str] | str,
        resources: Iterable[str] | str = (),
        *,
        principals: Iterable[Principal] = (),
        conditions: Iterable[Condition] = (),
        sid: str | None = None,
    ) -> Statement:
        """Make an Allow statement. Pass the principals' own conditions in ``conditions``; they are not added."""
        return cls(
            effect="Allow", actions=actions, resources=resources, principals=principals, conditions=conditions, sid=sid
        )

    @classmethod
    def deny(
        cls,
        actions: Iterable[str] | str,
        resources: Iterable[str] | str = (),
        *,
        principals: Iterable[Principal] = (),
        conditions: Iterable[Condition] = (),
        sid: str | None = None,
    ) -> Statement:
        """Make a Deny statement. Pass the principals' own conditions in ``conditions``; they are not added."""
        return cls(
            effect="Deny", actions=actions, resources=resources, principals=principals, conditions=conditions, sid=sid
        )

    @classmethod
    def parse(cls, data: object, path: str = "") -> Statement:
        """Parse a statement.

        Args:
            data: a mapping, as in the JSON of a policy.
            path: the statement's path in its document, for errors.

        Raises:
            PolicyError: the statement is not valid. The error has the path of the element.
        """
        if not isinstance(data, Mapping):
            raise PolicyError(path, f"a statement must be a JSON object, not {type(data).__name__}")
        dot = f"{path}." if path else ""
        for element, value in data.items():
            if element not in _ELEMENTS:
                raise PolicyError(f"{dot}{element}", f"unknown element: a statement has {', '.join(_ELEMENTS)}")
            if value in ([], {}, "") and element in _NEVER_EMPTY:
                raise PolicyError(f"{dot}{element}", "the element is empty: leave it out or give it a value")
        sid = data.get("Sid")
        if sid is not None and not isinstance(sid, str):
            raise PolicyError(f"{dot}Sid", "a Sid must be a string")
        try:
            return cls(
                effect=cast(Effect, data.get("Effect")),
                actions=_parse_strings(data.get("Action", ()), "Action"),
                not_actions=_parse_strings(data.get("NotAction", ()), "NotAction"),
                resources=_parse_strings(data.get("Resource", ()), "Resource"),
                not_resources=_parse_strings(data.get("NotResource", ()), "NotResource"),
                principals=_parse_principals(data.get("Principal", {}), "Principal"),
                not_principals=_parse_principals(data.get("NotPrincipal", {}), "NotPrincipal"),
                conditions=_parse_conditions(data.get("Condition", {})),
                sid=sid,
            )
        except PolicyError as error:
            raise PolicyError(f"{dot}{error.path}", error.problem) from None

    def to_dict(self) -> dict[str, object]:
        """Return the statement in canonical form: values are sorted, and a list of one value becomes the value."""
        elements: dict[str, object] = {
            "Sid": self.sid,
            "Effect": self.effect,
            "Principal": _render_principals(self.principals),
            "NotPrincipal": _render_principals(self.not_principals),
            "Action": _collapsed(self.actions),
            "NotAction": _collapsed(self.not_actions),
            "Resource": _collapsed(self.resources),
            "NotResource": _collapsed(self.not_resources),
            "Condition": _render_conditions(self.conditions),
        }
        return {name: value for name, value in elements.items() if value}

    def __repr__(self) -> str:
        values = {attribute.name: getattr(self, attribute.name) for attribute in fields(Statement)}
        return f"Statement({', '.join(f'{name}={value!r}' for name, value in values.items() if value)})"


def shown(value: object) -> str:
    """Return a value as text for an error message, shortened."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # a number with thousands of digits, or deep nesting
        return f"a value of type {type(value).__name__}"
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"


def _parse_strings(data: object, path: str) -> tuple[str, ...]:
    if isinstance(data, str) and data:
        return (data,)
    if data == ():  # the default of an element that is not there
        return ()
    values = data if isinstance(data, (list, tuple)) else (data,)
    texts = tuple(v for v in values if isinstance(v, str) and v)
    if len(texts) < len(values):
        raise PolicyError(path, f"{shown(data)} is neither a string nor a list of strings")
    return texts


@lru_cache(maxsize=4096)
def _principal(kind: str, name: str) -> Principal:
    # Many statements name the same principals.
    return Principal(as_kind(kind), name)


def _parse_principals(data: object, path: str) -> tuple[Principal, ...]:
    if data == "*":
        return (Principal.anyone(),)
    if data == {}:  # the default of an element that is not there
        return ()
    if not isinstance(data, Mapping):
        raise PolicyError(path, f"{shown(data)} is neither '*' nor an object such as {{'AWS': '111111111111'}}")
    principals: list[Principal] = []
    for kind, values in data.items():
        names = _parse_strings(values, f"{path}.{kind}")
        if not names:
            # Without this principal the statement would have none, which is not the same as one that matches nobody.
            raise PolicyError(f"{path}.{kind}", "the list is empty: name a principal or leave the key out")
        try:
            principals += (_principal(kind, name) for name in names)
        except InvalidValue as error:
            where = f"{path}{error.field.removeprefix('Principal')}"
            raise PolicyError(where, f"{shown(error.value)}: {error.rule}") from None
    return tuple(principals)


def _parse_conditions(data: object) -> tuple[Condition, ...]:
    if not isinstance(data, Mapping):
        raise PolicyError("Condition", f"must be a JSON object of operators, not {type(data).__name__}")
    conditions = []
    for operator, keys in data.items():
        if not isinstance(keys, Mapping):
            raise PolicyError(f"Condition.{operator}", "must be a JSON object of context keys and values")
        for key, values in keys.items():
            path = f"Condition.{operator}.{key}"
            if not isinstance(operator, str) or not isinstance(key, str):
                raise PolicyError(path, "an operator and a context key must be strings")
            conditions.append(Condition(operator, key, _parse_condition_values(values, path)))
    return tuple(conditions)


def _parse_condition_values(data: object, path: str) -> tuple[str, ...]:
    values = data if isinstance(data, (list, tuple)) else (data,)
    return tuple([_condition_text(value, path) for value in values])


def _condition_text(value: object, path: str) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        with suppress(ValueError):  # a number with thousands of digits
            return str(value)
    raise PolicyError(path, f"{shown(value)} is not a string, a number or a boolean")


def _collapsed(values: Iterable[str]) -> str | list[str]:
    unique = sorted(set(values))
    return unique[0] if len(unique) == 1 else unique


def _render_principals(principals: tuple[Principal, ...]) -> dict[str, object]:
    kinds = sorted({p.kind for p in principals})
    return {kind: _collapsed(p.value for p in principals if p.kind == kind) for kind in kinds}


def _render_conditions(conditions: tuple[Condition, ...]) -> dict[str, dict[str, object]]:
    rendered: dict[str, dict[str, object]] = {}
    for condition in sorted(conditions, key=lambda c: (c.operator, c.key)):
        keys = rendered.setdefault(condition.operator, {})
        if condition.key in keys:
            raise PolicyError(
                f"Condition.{condition.operator}.{condition.key}",
                "duplicate key: JSON can have one list of values for each operator and context key",
            )
        keys[condition.key] = _collapsed(condition.values)
    return rendered
