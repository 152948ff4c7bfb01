"""One statement of a policy."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Literal, cast

from attrs import field, frozen

from xacct.errors import InvalidValue, PolicyError
from xacct.policy.condition import Condition, conditions as as_conditions
from xacct.policy.principal import Principal, as_kind

__all__ = ["Condition", "Effect", "Statement"]

Effect = Literal["Allow", "Deny"]

_ELEMENTS = (
    "Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition",
)  # fmt: skip
_ACTION = re.compile(r"\*|[A-Za-z0-9-]+:[A-Za-z0-9*?_-]+", re.ASCII)


def _strings(values: Iterable[str] | str) -> tuple[str, ...]:
    return (values,) if isinstance(values, str) else tuple(values)


def _principals(values: Iterable[Principal]) -> tuple[Principal, ...]:
    return tuple(values)


def _folded(values: tuple[str, ...]) -> frozenset[str]:
    return frozenset(v.lower() for v in values)


@frozen(kw_only=True)
class Statement:
    """Who may, or may not, do what on what, and when.

    Equality is by meaning: order, repetition, the Sid and the case of action names do not matter.

    Attributes:
        effect: ``Allow`` or ``Deny``.
        actions: or else ``not_actions``: such as ``s3:GetObject``, with ``*`` and ``?``.
        resources: or else ``not_resources``, or neither in a trust policy: ARNs, with ``*`` and ``?``.
        principals: or else ``not_principals``, or neither in an identity policy.
        conditions: all of which must hold.
        sid: a name for people.

    Raises:
        PolicyError: the elements do not go together.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html

    >>> Statement.allow("s3:GetObject", "arn:aws:s3:::reports/*").to_dict()
    {'Effect': 'Allow', 'Action': 's3:GetObject', 'Resource': 'arn:aws:s3:::reports/*'}
    """

    effect: Effect
    actions: tuple[str, ...] = field(default=(), converter=_strings, eq=_folded)
    not_actions: tuple[str, ...] = field(default=(), converter=_strings, eq=_folded)
    resources: tuple[str, ...] = field(default=(), converter=_strings, eq=frozenset)
    not_resources: tuple[str, ...] = field(default=(), converter=_strings, eq=frozenset)
    principals: tuple[Principal, ...] = field(default=(), converter=_principals, eq=frozenset)
    not_principals: tuple[Principal, ...] = field(default=(), converter=_principals, eq=frozenset)
    conditions: tuple[Condition, ...] = field(default=(), converter=as_conditions, eq=frozenset)
    sid: str | None = field(default=None, eq=False)

    def __attrs_post_init__(self) -> None:
        if self.effect not in ("Allow", "Deny"):
            raise PolicyError("Effect", f"{self.effect!r} is neither 'Allow' nor 'Deny'")
        if bool(self.actions) == bool(self.not_actions):
            raise PolicyError("Action", "a statement has either Action or NotAction, with at least one value")
        for action in self.actions + self.not_actions:
            if not _ACTION.fullmatch(action):
                raise PolicyError("Action", f"{action!r} is neither '*' nor of the form service:Action")
        if self.resources and self.not_resources:
            raise PolicyError("Resource", "a statement has Resource or NotResource, not both")
        if self.principals and self.not_principals:
            raise PolicyError("Principal", "a statement has Principal or NotPrincipal, not both")

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
        """A statement that allows. The conditions that the principals carry are the caller's to add."""
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
        """A statement that denies."""
        return cls(
            effect="Deny", actions=actions, resources=resources, principals=principals, conditions=conditions, sid=sid
        )

    @classmethod
    def parse(cls, data: object, path: str = "") -> Statement:
        """The statement that a mapping holds.

        Args:
            data: the statement as JSON has it.
            path: where it stands, for errors.

        Raises:
            PolicyError: with the path of the offending element.
        """
        if not isinstance(data, Mapping):
            raise PolicyError(path, f"a statement is an object, not {type(data).__name__}")
        dot = f"{path}." if path else ""
        for element in data:
            if element not in _ELEMENTS:
                raise PolicyError(f"{dot}{element}", f"no such element; a statement has {', '.join(_ELEMENTS)}")
        for element in ("Action", "NotAction", "Resource", "NotResource", "Principal", "NotPrincipal"):
            if element in data and data[element] in ([], {}, ""):
                raise PolicyError(f"{dot}{element}", "is empty; leave the element out or give it a value")
        sid = data.get("Sid")
        if sid is not None and not isinstance(sid, str):
            raise PolicyError(f"{dot}Sid", "a Sid is a string")
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
        """The statement as AWS writes it: values sorted, lists of one collapsed."""
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


def _parse_strings(data: object, path: str) -> tuple[str, ...]:
    values = data if isinstance(data, (list, tuple)) else (data,)
    texts = tuple(v for v in values if isinstance(v, str) and v)
    if len(texts) < len(values):
        raise PolicyError(path, f"{data!r} is neither a string nor a list of strings")
    return texts


def _parse_principals(data: object, path: str) -> tuple[Principal, ...]:
    if data == "*":
        return (Principal.anyone(),)
    if not isinstance(data, Mapping):
        raise PolicyError(path, f"{data!r} is neither '*' nor an object such as {{'AWS': '111111111111'}}")
    try:
        return tuple(
            Principal(as_kind(kind), value)
            for kind, values in data.items()
            for value in _parse_strings(values, f"{path}.{kind}")
        )
    except InvalidValue as error:
        raise PolicyError(f"{path}{error.field.removeprefix('Principal')}", f"{error.value!r}: {error.rule}") from None


def _parse_conditions(data: object) -> tuple[Condition, ...]:
    if not isinstance(data, Mapping):
        raise PolicyError("Condition", f"is an object of operators, not {type(data).__name__}")
    conditions = []
    for operator, keys in data.items():
        if not isinstance(keys, Mapping):
            raise PolicyError(f"Condition.{operator}", "is an object of context keys and values")
        for key, values in keys.items():
            path = f"Condition.{operator}.{key}"
            conditions.append(Condition(operator, key, _parse_condition_values(values, path)))
    return tuple(conditions)


def _parse_condition_values(data: object, path: str) -> tuple[str, ...]:
    def text(value: object) -> str:
        if isinstance(value, bool):
            return str(value).lower()
        if isinstance(value, (str, int, float)):
            return str(value)
        raise PolicyError(path, f"{value!r} is not a string, a number or a boolean")

    return tuple(text(v) for v in data) if isinstance(data, (list, tuple)) else (text(data),)


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
                "stands twice: JSON holds one list of values for each operator and key",
            )
        keys[condition.key] = _collapsed(condition.values)
    return rendered
