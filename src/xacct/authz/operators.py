"""Condition operators: how each one compares the values of a context key with the values of a policy.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

from __future__ import annotations

import base64
import operator as compare
from collections.abc import Callable, Iterable
from datetime import datetime, timezone
from decimal import Decimal
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import Any

from attrs import frozen

from xacct.authz.variables import Context, Template, parse_template
from xacct.authz.wildcard import Piece, glob
from xacct.policy import Condition

__all__ = ["CompiledCondition", "compile_condition", "seconds_of_date"]

Test = Callable[[str], bool]
Builder = Callable[[Iterable[Piece]], Test]
# A value with policy variables is compiled for each request.
Unfilled = tuple[Builder, Template]


def _text(pieces: Iterable[Piece]) -> str:
    return "".join(text for text, _ in pieces)


def _arn(pieces: Iterable[Piece]) -> Test:
    """Match the six segments of an ARN one by one. Only a ``*`` in the last segment can match a colon.

    A single ``*`` matches every ARN. AWS does not document what any other pattern with fewer segments matches.
    """
    segments: list[list[Piece]] = [[]]
    for text, wild in pieces:
        first, *more = text.split(":", 6 - len(segments))
        segments[-1].append((first, wild))
        segments.extend([(part, wild)] for part in more)
    tests = [glob(segment) for segment in segments]
    if len(tests) == 1 and set(_text(segments[0])) == {"*"}:
        return tests[0]
    if len(tests) != 6:
        raise ValueError(_text(pieces))

    def matches(given: str) -> bool:
        parts = given.split(":", 5)
        return len(parts) == 6 and all(test(part) for test, part in zip(tests, parts))

    return matches


# A request is compared with many statements: its values are parsed once.
_parsed_once = lru_cache(maxsize=1024)


@_parsed_once
def _number(text: str) -> Decimal:
    number = Decimal(text)
    if not number.is_finite():
        raise ValueError(text)
    return number


@_parsed_once
def seconds_of_date(text: str) -> float:
    """Return the seconds since 1970 of a value of a date operator: ISO 8601, in UTC if it has no zone, or seconds.

    Raises:
        ValueError: the text is no date.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html#Conditions_Date

    >>> seconds_of_date("2027-01-31T12:00:00Z") == seconds_of_date("1801396800")
    True
    """
    try:
        return float(_number(text))
    except ArithmeticError:
        when = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return (when if when.tzinfo else when.replace(tzinfo=timezone.utc)).timestamp()


@_parsed_once
def _address(text: str) -> tuple[int, int]:
    """Return the version and the number of an IP address."""
    address = ip_address(text)
    return address.version, int(address)


def _network(text: str) -> tuple[int, int, int]:
    """Return the version, the number and the mask of an IP network."""
    network = ip_network(text, strict=False)
    return network.version, int(network.network_address), int(network.netmask)


def _is_in(address: tuple[int, int], network: tuple[int, int, int]) -> bool:
    return address[0] == network[0] and address[1] & network[2] == network[1]


def _equals(pieces: Iterable[Piece]) -> Test:
    return _text(pieces).__eq__


def _equals_ignoring_case(pieces: Iterable[Piece]) -> Test:
    wanted = _text(pieces).lower()
    return lambda given: given.lower() == wanted


def _bool(pieces: Iterable[Piece]) -> Test:
    text = _text(pieces)
    if text.lower() not in ("true", "false"):
        raise ValueError(text)
    return _equals_ignoring_case([(text, False)])


def _comparison(
    parse: Callable[[str], Any], relation: Callable[[Any, Any], bool], parse_wanted: Callable[[str], Any] | None = None
) -> Builder:
    """Return a builder of tests that parse both values and compare them. What cannot be parsed does not match."""

    def build(pieces: Iterable[Piece]) -> Test:
        wanted = (parse_wanted or parse)(_text(pieces))

        def matches(given: str) -> bool:
            try:
                return relation(parse(given), wanted)
            except (ValueError, ArithmeticError):
                return False

        return matches

    return build


# The operator's name in lower case, how a value is compared, and whether the result is negated.
_OPERATORS: dict[str, tuple[Builder, bool]] = {
    "stringequals": (_equals, False),
    "stringnotequals": (_equals, True),
    "stringequalsignorecase": (_equals_ignoring_case, False),
    "stringnotequalsignorecase": (_equals_ignoring_case, True),
    "stringlike": (glob, False),
    "stringnotlike": (glob, True),
    "numericequals": (_comparison(_number, compare.eq), False),
    "numericnotequals": (_comparison(_number, compare.eq), True),
    "numericlessthan": (_comparison(_number, compare.lt), False),
    "numericlessthanequals": (_comparison(_number, compare.le), False),
    "numericgreaterthan": (_comparison(_number, compare.gt), False),
    "numericgreaterthanequals": (_comparison(_number, compare.ge), False),
    "dateequals": (_comparison(seconds_of_date, compare.eq), False),
    "datenotequals": (_comparison(seconds_of_date, compare.eq), True),
    "datelessthan": (_comparison(seconds_of_date, compare.lt), False),
    "datelessthanequals": (_comparison(seconds_of_date, compare.le), False),
    "dategreaterthan": (_comparison(seconds_of_date, compare.gt), False),
    "dategreaterthanequals": (_comparison(seconds_of_date, compare.ge), False),
    "bool": (_bool, False),
    "binaryequals": (_comparison(lambda text: base64.b64decode(text, validate=True), compare.eq), False),
    "ipaddress": (_comparison(_address, _is_in, _network), False),
    "notipaddress": (_comparison(_address, _is_in, _network), True),
    "arnequals": (_arn, False),
    "arnlike": (_arn, False),
    "arnnotequals": (_arn, True),
    "arnnotlike": (_arn, True),
}


@frozen(kw_only=True)
class CompiledCondition:
    """A condition, compiled for repeated evaluation.

    Attributes:
        condition: the condition as the policy has it.
        key: the context key in lower case.
        invalid: why the condition itself cannot be evaluated; empty if it can.
        null: whether the operator is Null.
        quantifier: ``forallvalues``, ``foranyvalue`` or empty.
        met_without_key: whether the condition is met if the request does not have the key.
        negated: whether the operator negates its comparison.
        tests: the compiled values without policy variables.
        unfilled: the values with policy variables.
        is_plain: whether the condition is valid and has neither Null, nor a quantifier, nor policy variables.
        texts: the texts with which a plain condition compares for equality; None if it compares in another way.
        required_values: the values of which a request must have one, if the condition requires just that; else empty.
    """

    condition: Condition
    key: str
    invalid: str
    null: bool
    quantifier: str
    met_without_key: bool
    negated: bool
    tests: tuple[Test, ...]
    unfilled: tuple[Unfilled, ...]
    is_plain: bool
    texts: frozenset[str] | None
    required_values: tuple[str, ...]

    def evaluate(self, context: Context) -> bool | None:
        """Return whether the condition is met; None if it cannot be evaluated."""
        given = context.get(self.key)
        if self.is_plain:
            if not given:
                return self.met_without_key
            if self.texts is not None:
                return self.texts.isdisjoint(given) is self.negated
            for value in given:
                for test in self.tests:
                    if test(value):
                        return not self.negated
            return self.negated
        if self.invalid:
            return None
        if self.null:
            return ("false" if given else "true") in (value.lower() for value in self.condition.values)
        if not given:
            return self.met_without_key
        tests = self.tests
        if self.unfilled:
            try:
                tests += tuple(_filled(builder, text, context) for builder, text in self.unfilled)
            except (ValueError, ArithmeticError):  # a variable has several values, or one that cannot be parsed
                return None
        if not self.quantifier:
            return any(test(value) for value in given for test in tests) != self.negated
        matched = (any(test(value) for test in tests) != self.negated for value in given)
        return all(matched) if self.quantifier == "forallvalues" else any(matched)

    def problem(self, context: Context) -> str:
        """Return why the condition cannot be evaluated for a request; empty if it can."""
        if self.invalid or self.evaluate(context) is not None:
            return self.invalid
        return f"{self.condition.operator} cannot use the values that the request has for its policy variables"


def _filled(builder: Builder, text: Template, context: Context) -> Test:
    pieces = text.fill(context)
    return builder(pieces) if pieces is not None else lambda _: False


def compile_condition(condition: Condition, version: str) -> CompiledCondition:
    """Compile a condition of a document of this version."""
    quantifier, colon, name = condition.operator.lower().rpartition(":")
    base = name.removesuffix("ifexists")
    invalid = ""
    tests: list[Test] = []
    unfilled: list[Unfilled] = []
    null = name == "null" and not colon
    builder, negated = _OPERATORS.get(base, (None, False))
    if not condition.values:
        invalid = f"{condition.operator} {condition.key} has no value"
    elif null:
        if not set(map(str.lower, condition.values)) <= {"true", "false"}:
            invalid = f"Null accepts true or false, not {', '.join(condition.values)}"
    elif builder is None or (colon and quantifier not in ("forallvalues", "foranyvalue")):
        invalid = f"unknown condition operator {condition.operator}"
    else:
        for value in condition.values:
            text = parse_template(value, version) if "${" in value else None
            if text is not None and text.keys:
                unfilled.append((builder, text))
                continue
            try:
                tests.append(builder([(value, True)] if text is None else text.literal))
            except (ValueError, ArithmeticError):
                invalid = f"{value!r} is not a valid value for {condition.operator}"
    if_exists = base != name
    is_plain = not (invalid or null or colon or unfilled)
    has_variables = any("${" in value for value in condition.values)
    return CompiledCondition(
        condition=condition,
        key=condition.key.lower(),
        invalid=invalid,
        null=null,
        quantifier=quantifier if colon else "",
        met_without_key=if_exists or quantifier == "forallvalues" or (negated and not colon),
        negated=negated,
        tests=tuple(tests),
        unfilled=tuple(unfilled),
        is_plain=is_plain,
        texts=frozenset(condition.values) if is_plain and builder is _equals and not has_variables else None,
        required_values=condition.values if is_plain and name == "stringequals" and not has_variables else (),
    )
