"""The values of a condition key that some conditions tell apart: of each kind of value, one.

Two values of a key that all conditions treat alike lead to the same decision, so that one of them is enough. The values
come from the conditions: a text for each combination of patterns, each number, date and network with its neighbours,
and the missing key.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta, timezone
from decimal import Decimal, Inexact, localcontext
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_network
from itertools import chain, combinations, islice, pairwise

from attrs import evolve, frozen

from xacct.authz.operators import compile_condition
from xacct.authz.variables import Template, parse_template
from xacct.authz.wildcard import Piece
from xacct.policy import Condition
from xacct.policy.times import time_to_text
from xacct.proof.key_control import Control
from xacct.proof.pattern_classes import TextPattern, TooManyStates, one_text_per_class
from xacct.reference import find_condition_key

__all__ = ["KeyValues", "values_of_key"]

Values = tuple[str, ...]

_LARGEST = {4: int(IPv4Address("255.255.255.255")), 6: int(IPv6Address("ffff:" * 7 + "ffff"))}
_MOST_CHOICES = 256
# Neither a number, a date, a boolean nor an address: what a tag, for example, can be.
_UNREADABLE = "x"
# A session of STS lasts no longer.
# https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html
_LONGEST_SESSION = timedelta(hours=36)


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
def values_of_key(conditions: Sequence[Condition], control: Control, now: datetime, *, own: bool = False) -> KeyValues:
    """Return the values of a key that its conditions tell apart.

    Args:
        conditions: the conditions on the key.
        control: who decides the value, and its form.
        now: the time of the search; requests are not made before.
        own: whether to leave out the values that policies name in full, because the caller is somebody else.
    """
    key = conditions[0].key
    known = find_condition_key(key)
    families: dict[str, list[Condition]] = {}
    for condition in dict.fromkeys(conditions):
        families.setdefault(_family(condition.operator), []).append(condition)
    families.pop("null", None)
    compared = [condition for found in families.values() for condition in found]
    problem = ""
    if any(_template(value).keys for condition in conditions for value in condition.values):
        problem = f"a condition on {key} has policy variables"
    elif len(families) > 1 or "other" in families:
        problem = f"the conditions on {key} cannot be compared with each other"
    try:
        single = [v for name, found in families.items() for v in _SINGLE[name](found, control, now)]
        single = single or _texts([], control, now)
    except (ValueError, ArithmeticError):
        return KeyValues((), f"a condition on {key} has a value that cannot be read")
    except TooManyStates:
        return KeyValues((), f"the conditions on {key} tell too many values apart")
    if families.keys() - {"text"} and (known is None or known.type == "String"):
        single.append(_UNREADABLE)
    if own:
        pinned = _pinned_patterns(compared)
        single = [value for value in single if not any(pattern.matches(value) for pattern in pinned)]
    single = _one_for_each_result(single, compared)
    # One value is enough for each condition that some value has to meet.
    has_several = any(":" in condition.operator for condition in compared) or (known is not None and known.multivalued)
    most = max(len(compared), 1) if has_several else 1
    sets = chain.from_iterable(combinations(single, size) for size in range(1, most + 1))
    choices = list(islice(sets, _MOST_CHOICES + 1))
    if len(choices) > _MOST_CHOICES:
        problem = f"the conditions on {key} tell too many values apart"
    missing: list[Values] = [] if control.is_clock else [()]
    return KeyValues((*missing, *choices), problem)


def _one_for_each_result(values: Iterable[str], conditions: Sequence[Condition]) -> list[str]:
    """Return of the values that are like each other to every value of the conditions the first."""
    matchers = [compile_condition(evolve(c, values=(v,)), "2012-10-17") for c in conditions for v in c.values]
    found: dict[tuple[bool | None, ...], str] = {}
    for value in values:
        found.setdefault(tuple(matcher.evaluate({matcher.key: (value,)}) for matcher in matchers), value)
    return list(found.values())


def _pinned_patterns(conditions: Iterable[Condition]) -> list[TextPattern]:
    """Return the patterns that only one holder of what AWS assigned can match: those that name it in full."""
    return [
        _text_pattern(condition, value)
        for condition in conditions
        if _family(condition.operator) == "text"
        for value in condition.values
        if _is_exact(condition.operator) or not set("*?$") & set(_holder(condition.key.lower(), value))
    ]


def _holder(key: str, value: str) -> str:
    """Return the part of a value that says whose it is: a unique ID, an organization or an account; else all of it."""
    segments = value.split(":")
    if key == "aws:userid":
        return segments[0]
    if key.endswith("orgpaths"):
        return value.split("/", maxsplit=1)[0]
    if segments[0] != "arn":
        return value
    account = segments[4] if len(segments) > 5 else ""
    return account or value


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


def _numbers(conditions: Sequence[Condition], control: Control, now: datetime) -> list[str]:
    with localcontext() as exact:
        # A neighbour of a number with more digits would be rounded.
        exact.traps[Inexact] = True
        numbers = sorted({Decimal(value) for condition in conditions for value in condition.values})
        between = [(a + b) / 2 for a, b in pairwise(numbers)]
        around = [numbers[0] - 1, *numbers, *between, numbers[-1] + 1]
    if control.is_clock:
        start = Decimal(int(now.timestamp()))
        around = [number for number in (start, *around) if number >= start]
    if control.least is not None:
        around = list({max(number, Decimal(control.least)) for number in around})
    return [str(number) for number in sorted(around)]


def _dates(conditions: Sequence[Condition], control: Control, now: datetime) -> list[str]:
    dates = {_date(value) for condition in conditions for value in condition.values}
    near = {date + timedelta(seconds=seconds) for date in dates for seconds in (-1, 0, 1)}
    if control.is_clock:
        near = {date for date in near | {now} if date >= now}
    if conditions[0].key.lower() == "aws:tokenissuetime":
        near = {date for date in near | {now} if date >= now - _LONGEST_SESSION}
    return [time_to_text(date) for date in sorted(near)]


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
