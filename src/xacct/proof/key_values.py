"""The values of a condition key that some conditions tell apart: of each kind of value, one.

Two values of a key that all conditions treat alike lead to the same decision, so that one of them is enough. The values
come from the conditions: a text for each combination of patterns, each number, date and network with its neighbours,
and the missing key.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_network
from itertools import combinations, pairwise

from attrs import frozen

from xacct.authz.variables import Template, parse_template
from xacct.authz.wildcard import Piece
from xacct.policy import Condition
from xacct.policy.times import time_to_text
from xacct.proof.key_control import Control
from xacct.proof.pattern_classes import TextPattern, TooManyStates, one_text_per_class

__all__ = ["KeyValues", "pinned_patterns", "values_of_key"]

Values = tuple[str, ...]

_LARGEST = {4: int(IPv4Address("255.255.255.255")), 6: int(IPv6Address("ffff:" * 7 + "ffff"))}
_MOST_CHOICES = 64


@frozen
class KeyValues:
    """The values of a key that some conditions tell apart.

    Attributes:
        choices: the values of the key in a request, each with one value or several; empty for a request without it.
        problem: why there may be other values that matter; empty if there are none.
    """

    choices: tuple[Values, ...]
    problem: str = ""


# A proof searches the same policies several times.
@lru_cache(maxsize=256)
def values_of_key(conditions: tuple[Condition, ...], control: Control, now: datetime) -> KeyValues:
    """Return the values of a key that its conditions tell apart.

    Args:
        conditions: the conditions on the key.
        control: who decides the value, and its form.
        now: the time of the search; requests are not made before.
    """
    key = conditions[0].key
    families: dict[str, list[Condition]] = {}
    for condition in conditions:
        families.setdefault(_family(condition.operator), []).append(condition)
    families.pop("null", None)
    problem = ""
    if any(_template(value).keys for condition in conditions for value in condition.values):
        problem = f"a condition on {key} has policy variables"
    elif len(families) > 1 or "other" in families:
        problem = f"the conditions on {key} cannot be compared with each other"
    try:
        single = list(dict.fromkeys(v for name, found in families.items() for v in _SINGLE[name](found, control, now)))
    except (ValueError, ArithmeticError):
        return KeyValues((), f"a condition on {key} has a value that cannot be read")
    except TooManyStates:
        return KeyValues((), f"the conditions on {key} tell too many values apart")
    several = sum(":" in condition.operator for condition in conditions)
    choices: list[Values] = [(value,) for value in single or _SINGLE["text"]([], control, now)]
    for size in range(2, several + 1):
        choices += list(combinations(single, size))
    if len(choices) > _MOST_CHOICES:
        return KeyValues(tuple(choices[:_MOST_CHOICES]), f"the conditions on {key} tell too many values apart")
    return KeyValues(((), *choices), problem)


def pinned_patterns(conditions: Iterable[Condition]) -> list[TextPattern]:
    """Return the patterns that only one holder of an ID that AWS assigned can match: those that name it in full."""
    return [
        _text_pattern(condition, value)
        for condition in conditions
        if _family(condition.operator) == "text"
        for value in condition.values
        if not set("*?$") & set(value.split(":")[0].split("/")[0]) or _is_exact(condition.operator)
    ]


def _is_exact(operator: str) -> bool:
    return "like" not in operator.lower() and "arn" not in operator.lower()


def _family(operator: str) -> str:
    base = operator.lower().rpartition(":")[2].removesuffix("ifexists")
    for family, beginnings in _FAMILIES.items():
        if base.startswith(beginnings):
            return family
    return "other"


_FAMILIES = {
    "text": ("string", "arn"), "number": ("numeric",), "date": ("date",), "bool": ("bool",), "network": ("ip", "notip"),
    "null": ("null",),
}  # fmt: skip


def _texts(conditions: Sequence[Condition], control: Control, _now: datetime) -> list[str]:
    patterns = [_text_pattern(condition, value) for condition in conditions for value in condition.values]
    return one_text_per_class(list(dict.fromkeys(patterns)), control.form)


def _template(value: str) -> Template:
    # In documents of the version before, variables are text. They are treated as variables: the search gives up.
    return parse_template(value, "2012-10-17")


def _text_pattern(condition: Condition, value: str) -> TextPattern:
    operator = condition.operator.lower()
    pieces: list[Piece] = _template(value).literal
    if "arn" in operator:
        return TextPattern.of_arn(pieces)
    if "like" not in operator:
        pieces = [("".join(text for text, _ in pieces), False)]
    return TextPattern.of(pieces, ignores_case="ignorecase" in operator)


def _numbers(conditions: Sequence[Condition], _control: Control, _now: datetime) -> list[str]:
    numbers = sorted({Decimal(value) for condition in conditions for value in condition.values})
    between = [(a + b) / 2 for a, b in pairwise(numbers)]
    around = [numbers[0] - 1, *numbers, *between, numbers[-1] + 1] if numbers else []
    return [f"{number:f}" for number in sorted(around) if number >= 0 or numbers[0] < 0]


def _dates(conditions: Sequence[Condition], _control: Control, now: datetime) -> list[str]:
    dates = {_date(value) for condition in conditions for value in condition.values}
    near = {date + timedelta(seconds=seconds) for date in dates for seconds in (-1, 0, 1)}
    return [time_to_text(date) for date in sorted(date for date in near | {now} if date >= now)]


def _date(text: str) -> datetime:
    if text.replace(".", "", 1).lstrip("-").isdigit():
        return datetime.fromtimestamp(float(text), timezone.utc).replace(microsecond=0)
    date = datetime.fromisoformat(text.replace("Z", "+00:00")).replace(microsecond=0)
    return date if date.tzinfo else date.replace(tzinfo=timezone.utc)


def _bools(_conditions: Sequence[Condition], _control: Control, _now: datetime) -> list[str]:
    return ["true", "false"]


def _addresses(conditions: Sequence[Condition], _control: Control, _now: datetime) -> list[str]:
    networks = [ip_network(value, strict=False) for condition in conditions for value in condition.values]
    edges = {
        (network.version, number)
        for network in networks
        for edge in (int(network.network_address), int(network.broadcast_address))
        for number in (edge - 1, edge, edge + 1)
        if 0 <= number <= _LARGEST[network.version]
    }
    # An address of the other version is in no network.
    versions = {network.version for network in networks}
    other = [] if versions == {4, 6} else ["2001:db8::1" if versions == {4} else "192.0.2.1"]
    return [str(IPv4Address(n) if version == 4 else IPv6Address(n)) for version, n in sorted(edges)] + other


def _others(_conditions: Sequence[Condition], _control: Control, _now: datetime) -> list[str]:
    return []


_SINGLE: dict[str, Callable[[Sequence[Condition], Control, datetime], list[str]]] = {
    "text": _texts, "number": _numbers, "date": _dates, "bool": _bools, "network": _addresses, "other": _others,
}  # fmt: skip
