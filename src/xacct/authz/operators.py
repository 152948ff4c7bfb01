"""Condition operators: how each one compares the values of a context key with the values of a policy.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

from __future__ import annotations

import base64
import operator as compare
from collections.abc import Callable, Iterable
from datetime import datetime, timezone
from decimal import Decimal
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

from attrs import frozen

from xacct.authz.variables import Context, Template, parse_template
from xacct.authz.wildcard import Piece, glob
from xacct.policy import Condition

__all__ = ["CompiledCondition", "compile_condition"]

Test = Callable[[str], bool]
Builder = Callable[[Iterable[Piece]], Test]
# A value with policy variables is compiled for each request.
CompiledValue = Test | tuple[Builder, Template]


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


def _number(text: str) -> Decimal:
    number = Decimal(text)
    if not number.is_finite():
        raise ValueError(text)
    return number


def _date(text: str) -> float:
    try:
        return float(_number(text))
    except ArithmeticError:
        when = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return (when if when.tzinfo else when.replace(tzinfo=timezone.utc)).timestamp()


def _bool(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError(text)
    return text.lower() == "true"


def _network(text: str) -> IPv4Network | IPv6Network:
    return ip_network(text, strict=False)


def _is_in(address: IPv4Address | IPv6Address, network: IPv4Network | IPv6Network) -> bool:
    return address in network


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
    "stringequals": (_comparison(str, compare.eq), False),
    "stringnotequals": (_comparison(str, compare.eq), True),
    "stringequalsignorecase": (_comparison(str.lower, compare.eq), False),
    "stringnotequalsignorecase": (_comparison(str.lower, compare.eq), True),
    "stringlike": (glob, False),
    "stringnotlike": (glob, True),
    "numericequals": (_comparison(_number, compare.eq), False),
    "numericnotequals": (_comparison(_number, compare.eq), True),
    "numericlessthan": (_comparison(_number, compare.lt), False),
    "numericlessthanequals": (_comparison(_number, compare.le), False),
    "numericgreaterthan": (_comparison(_number, compare.gt), False),
    "numericgreaterthanequals": (_comparison(_number, compare.ge), False),
    "dateequals": (_comparison(_date, compare.eq), False),
    "datenotequals": (_comparison(_date, compare.eq), True),
    "datelessthan": (_comparison(_date, compare.lt), False),
    "datelessthanequals": (_comparison(_date, compare.le), False),
    "dategreaterthan": (_comparison(_date, compare.gt), False),
    "dategreaterthanequals": (_comparison(_date, compare.ge), False),
    "bool": (_comparison(_bool, compare.eq), False),
    "binaryequals": (_comparison(lambda text: base64.b64decode(text, validate=True), compare.eq), False),
    "ipaddress": (_comparison(ip_address, _is_in, _network), False),
    "notipaddress": (_comparison(ip_address, _is_in, _network), True),
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
        if_exists: whether the operator ends in IfExists.
        negated: whether the operator negates its comparison.
        tests: the compiled values.
    """

    condition: Condition
    key: str
    invalid: str
    null: bool
    quantifier: str
    if_exists: bool
    negated: bool
    tests: tuple[CompiledValue, ...]

    def evaluate(self, context: Context) -> bool | None:
        """Return whether the condition is met; None if it cannot be evaluated."""
        if self.invalid:
            return None
        given = context.get(self.key, ())
        if self.null:
            return ("false" if given else "true") in (value.lower() for value in self.condition.values)
        if not given:
            return self.if_exists or self.quantifier == "forallvalues" or (self.negated and not self.quantifier)
        try:
            tests = [self._test(test, context) for test in self.tests]
        except (ValueError, ArithmeticError):  # a variable has several values, or one that the operator cannot parse
            return None
        matched = (any(test(value) for test in tests) for value in given)
        if not self.quantifier:
            return any(matched) != self.negated
        combine = all if self.quantifier == "forallvalues" else any
        return combine(one != self.negated for one in matched)

    def problem(self, context: Context) -> str:
        """Return why the condition cannot be evaluated for a request; empty if it can."""
        if self.invalid or self.evaluate(context) is not None:
            return self.invalid
        return f"{self.condition.operator} cannot use the values that the request has for its policy variables"

    @staticmethod
    def _test(test: CompiledValue, context: Context) -> Test:
        if not isinstance(test, tuple):
            return test
        builder, text = test
        pieces = text.fill(context)
        return builder(pieces) if pieces is not None else lambda _: False


def compile_condition(condition: Condition, version: str) -> CompiledCondition:
    """Compile a condition of a document of this version."""
    quantifier, colon, name = condition.operator.lower().rpartition(":")
    base = name.removesuffix("ifexists")
    invalid = ""
    tests: tuple[CompiledValue, ...] = ()
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
        tests, invalid = _compile_values(condition, builder, version)
    return CompiledCondition(
        condition=condition,
        key=condition.key.lower(),
        invalid=invalid,
        null=null,
        quantifier=quantifier if colon else "",
        if_exists=base != name,
        negated=negated,
        tests=tests,
    )


def _compile_values(condition: Condition, builder: Builder, version: str) -> tuple[tuple[CompiledValue, ...], str]:
    """Return the compiled values, and why one of them is not valid."""
    tests: list[CompiledValue] = []
    invalid = ""
    for value in condition.values:
        text = parse_template(value, version)
        try:
            pieces = text.fill({}) if not text.keys else None
            tests.append((builder, text) if pieces is None else builder(pieces))
        except (ValueError, ArithmeticError):
            invalid = f"{value!r} is not a valid value for {condition.operator}"
    return tuple(tests), invalid
