"""What each condition operator compares, and how.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

from __future__ import annotations

import base64
import operator as compare
from collections.abc import Callable, Iterable
from datetime import datetime, timezone
from decimal import Decimal
from ipaddress import ip_address, ip_network

from attrs import frozen

from xacct.authz.variables import Context, Template, template
from xacct.authz.wildcard import Piece, glob
from xacct.policy import Condition

__all__ = ["CompiledCondition", "compile_condition"]

Test = Callable[[str], bool]
Builder = Callable[[Iterable[Piece]], Test]


def _text(pieces: Iterable[Piece]) -> str:
    return "".join(text for text, _ in pieces)


def _equals(pieces: Iterable[Piece]) -> Test:
    wanted = _text(pieces)
    return lambda given: given == wanted


def _equals_ignoring_case(pieces: Iterable[Piece]) -> Test:
    wanted = _text(pieces).lower()
    return lambda given: given.lower() == wanted


def _arn(pieces: Iterable[Piece]) -> Test:
    """Each of an ARN's six segments is matched on its own, so that no ``*`` reaches over a colon before the last."""
    segments: list[list[Piece]] = [[]]
    for text, wild in pieces:
        first, *more = text.split(":", 6 - len(segments))
        segments[-1].append((first, wild))
        segments.extend([(part, wild)] for part in more)
    tests = [glob(segment) for segment in segments]
    if len(tests) != 6:
        # "*" alone is what people write for any ARN.
        return glob(segments[0]) if len(tests) == 1 else lambda _: False

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


def _ordered(parse: Callable[[str], object], relation: Callable[..., bool]) -> Builder:
    def build(pieces: Iterable[Piece]) -> Test:
        wanted = parse(_text(pieces))

        def matches(given: str) -> bool:
            try:
                return relation(parse(given), wanted)
            except (ValueError, ArithmeticError):
                return False

        return matches

    return build


def _address(pieces: Iterable[Piece]) -> Test:
    network = ip_network(_text(pieces), strict=False)

    def matches(given: str) -> bool:
        try:
            return ip_address(given) in network
        except ValueError:
            return False

    return matches


# The operator's name in lower case, how a value is compared, and whether the outcome is turned round.
_OPERATORS: dict[str, tuple[Builder, bool]] = {
    "stringequals": (_equals, False),
    "stringnotequals": (_equals, True),
    "stringequalsignorecase": (_equals_ignoring_case, False),
    "stringnotequalsignorecase": (_equals_ignoring_case, True),
    "stringlike": (glob, False),
    "stringnotlike": (glob, True),
    "numericequals": (_ordered(_number, compare.eq), False),
    "numericnotequals": (_ordered(_number, compare.eq), True),
    "numericlessthan": (_ordered(_number, compare.lt), False),
    "numericlessthanequals": (_ordered(_number, compare.le), False),
    "numericgreaterthan": (_ordered(_number, compare.gt), False),
    "numericgreaterthanequals": (_ordered(_number, compare.ge), False),
    "dateequals": (_ordered(_date, compare.eq), False),
    "datenotequals": (_ordered(_date, compare.eq), True),
    "datelessthan": (_ordered(_date, compare.lt), False),
    "datelessthanequals": (_ordered(_date, compare.le), False),
    "dategreaterthan": (_ordered(_date, compare.gt), False),
    "dategreaterthanequals": (_ordered(_date, compare.ge), False),
    "bool": (_ordered(_bool, compare.eq), False),
    "binaryequals": (_ordered(lambda text: base64.b64decode(text, validate=True), compare.eq), False),
    "ipaddress": (_address, False),
    "notipaddress": (_address, True),
    "arnequals": (_arn, False),
    "arnlike": (_arn, False),
    "arnnotequals": (_arn, True),
    "arnnotlike": (_arn, True),
}


@frozen
class CompiledCondition:
    """A condition that is ready to be asked.

    Attributes:
        condition: as the policy has it.
        key: the context key in lower case.
        unknown: why nobody can say what it means; empty where it is known.
    """

    condition: Condition
    key: str
    unknown: str
    _null: bool
    _quantifier: str
    _if_exists: bool
    _negated: bool
    _tests: tuple[Test | tuple[Builder, Template], ...]

    def holds(self, context: Context, *, doubt: bool) -> bool:
        """Whether it holds; ``doubt`` is the answer where its meaning is unknown."""
        if self.unknown:
            return doubt
        given = context.get(self.key, ())
        if self._null:
            return ("false" if given else "true") in (value.lower() for value in self.condition.values)
        if not given:
            return self._if_exists or self._quantifier == "forallvalues" or (self._negated and not self._quantifier)
        try:
            tests = [self._test(test, context) for test in self._tests]
        except (ValueError, ArithmeticError):  # a variable's value that the operator cannot read
            return doubt
        matched = (any(test(value) for test in tests) for value in given)
        if not self._quantifier:
            return any(matched) != self._negated
        combine = all if self._quantifier == "forallvalues" else any
        return combine(one != self._negated for one in matched)

    @staticmethod
    def _test(test: Test | tuple[Builder, Template], context: Context) -> Test:
        if not isinstance(test, tuple):
            return test
        builder, text = test
        pieces = text.fill(context)
        return builder(pieces) if pieces is not None else lambda _: False


def compile_condition(condition: Condition, version: str) -> CompiledCondition:
    """The condition of a document of this version, ready to be asked."""
    quantifier, colon, name = condition.operator.lower().rpartition(":")
    base = name.removesuffix("ifexists")
    unknown = ""
    tests: list[Test | tuple[Builder, Template]] = []
    null = name == "null" and not colon
    known = _OPERATORS.get(base)
    if null:
        if not set(map(str.lower, condition.values)) <= {"true", "false"}:
            unknown = f"Null takes true or false, not {', '.join(condition.values)}"
    elif known is None or (colon and quantifier not in ("forallvalues", "foranyvalue")):
        unknown = f"no such condition operator: {condition.operator}"
    else:
        for value in condition.values:
            text = template(value, version)
            try:
                pieces = text.fill({}) if not text.keys else None
                tests.append((known[0], text) if pieces is None else known[0](pieces))
            except (ValueError, ArithmeticError):
                unknown = f"{condition.operator} cannot compare with {value!r}"
    return CompiledCondition(
        condition,
        condition.key.lower(),
        unknown,
        null,
        quantifier if colon else "",
        base != name,
        known is not None and known[1],
        tuple(tests),
    )
