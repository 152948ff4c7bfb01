"""The values of a condition key that its conditions tell apart."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from ipaddress import ip_address

import pytest
from hypothesis import given, settings, strategies as st

from xacct.authz.operators import compile_condition
from xacct.policy import Condition
from xacct.policy.times import time_to_text
from xacct.proof.key_control import control_of
from xacct.proof.key_values import KeyValues, values_of_key

NOW = datetime(2026, 6, 1, tzinfo=timezone.utc)
UNREADABLE = st.sampled_from(["x", "", "-"])

TEXTS = st.text("aAb*?", max_size=3)
ARNS = st.lists(st.text("ab*", min_size=1, max_size=2), min_size=6, max_size=6).map(":".join) | st.just("*")
NUMBERS = st.integers(-3, 3).map(str) | st.sampled_from(["0.5", "-0.5", "1.0", "1E+2"])
DATES = st.integers(-3, 3).map(lambda days: time_to_text(NOW + timedelta(days=days))) | st.sampled_from(
    ["2026-06-01", str(int(NOW.timestamp())), "2026-06-02T12:00:00+02:00"]
)
BOOLEANS = st.sampled_from(["true", "false", "True"])
NETWORKS = st.sampled_from(
    ["10.0.0.0/8", "10.1.0.0/16", "10.1.2.3", "0.0.0.0/0", "255.255.255.255", "2001:db8::/32", "::/0", "10.1.2.3/8"]
)
ADDRESSES = (
    st.sampled_from(["10.0.0.0", "10.1.0.0", "10.1.2.3", "10.255.255.255", "11.0.0.0", "0.0.0.0", "255.255.255.255"])
    | st.sampled_from(["2001:db8::", "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", "::", "2001:db9::"])
    | st.ip_addresses().map(str)
)

COMPARISONS = ("Equals", "NotEquals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals")
STRINGS = ("Equals", "NotEquals", "EqualsIgnoreCase", "NotEqualsIgnoreCase", "Like", "NotLike")
OPERATORS = {
    "String": tuple(f"String{name}" for name in STRINGS),
    "Arn": ("ArnEquals", "ArnNotEquals", "ArnLike", "ArnNotLike"),
    "Numeric": tuple(f"Numeric{name}" for name in COMPARISONS),
    "Date": tuple(f"Date{name}" for name in COMPARISONS),
    "Bool": ("Bool",),
    "IpAddress": ("IpAddress", "NotIpAddress"),
}


def conditions_on(key: str, family: str, values: st.SearchStrategy[str]) -> st.SearchStrategy[tuple[Condition, ...]]:
    """Return a strategy of several conditions on a key: of a family of operators, and Null."""
    operators = st.builds(
        lambda quantifier, name, if_exists: f"{quantifier}{name}{if_exists}",
        st.sampled_from(["", "", "ForAllValues:", "ForAnyValue:"]),
        st.sampled_from(OPERATORS[family]),
        st.sampled_from(["", "", "IfExists"]),
    )
    one = st.builds(Condition, operators, st.just(key), st.lists(values, min_size=1, max_size=3))
    null = st.builds(Condition, st.just("Null"), st.just(key), st.sampled_from(["true", "false"]))
    return st.tuples(
        st.lists(one, min_size=1, max_size=3), st.lists(null, max_size=1)
    ).map(lambda found: (*found[0], *found[1]))  # fmt: skip


def results(conditions: Sequence[Condition], values: Sequence[str]) -> tuple[bool | None, ...]:
    key = conditions[0].key.lower()
    return tuple(
        compile_condition(c, "2012-10-17").evaluate({key: tuple(values)} if values else {}) for c in conditions
    )


def values_of(conditions: Sequence[Condition], *, own: bool = False) -> KeyValues:
    return values_of_key(tuple(conditions), control_of(conditions[0].key), NOW, own=own)


def assert_covered(conditions: Sequence[Condition], values: Sequence[str]) -> None:
    """Assert that a request's values of a key are treated like those of a choice."""
    found = values_of(conditions)
    if any(":" in condition.operator for condition in conditions):
        assert found.problem in ("", f"the conditions on {conditions[0].key} tell too many values apart")
    else:
        # Without a quantifier, a key has one value.
        values = values[:1]
        assert not found.problem
    if not found.problem:
        assert results(conditions, values) in [results(conditions, choice) for choice in found.choices]


def several(values: st.SearchStrategy[str]) -> st.SearchStrategy[list[str]]:
    return st.lists(values, max_size=3)


@given(conditions_on("sts:ExternalId", "String", TEXTS), several(st.text("aAbc*?", max_size=4)))
def test_string_operators(conditions: Sequence[Condition], values: Sequence[str]) -> None:
    assert_covered(conditions, values)


@given(
    conditions_on("custom:Arn", "Arn", ARNS),
    several(st.lists(st.text("ab", max_size=2), min_size=5, max_size=7).map(":".join)),
)
def test_arn_operators(conditions: Sequence[Condition], values: Sequence[str]) -> None:
    assert_covered(conditions, values)


@settings(max_examples=40)
@given(
    st.tuples(
        conditions_on("custom:Arn", "Arn", ARNS | st.just("a:a:a:a:a:*")),
        conditions_on("custom:Arn", "String", ARNS | TEXTS),
    ).map(lambda pair: (*pair[0], *pair[1])),
    several(ARNS | st.text("ab", max_size=2)),
)
def test_string_and_arn_operators_on_one_key(conditions: Sequence[Condition], values: Sequence[str]) -> None:
    assert_covered(conditions, values)


@given(conditions_on("s3:max-keys", "Numeric", NUMBERS), several(NUMBERS | st.floats(-4, 4).map(str)))
def test_numeric_operators(conditions: Sequence[Condition], values: Sequence[str]) -> None:
    assert_covered(conditions, values)


@given(
    conditions_on("aws:CurrentTime", "Date", DATES),
    several(st.integers(0, 4 * 86400).map(lambda seconds: time_to_text(NOW + timedelta(seconds=seconds))))
    .filter(bool)
    .map(lambda values: values[:1]),
)
def test_date_operators(conditions: Sequence[Condition], values: Sequence[str]) -> None:
    assert_covered(conditions, values)


@given(conditions_on("aws:MultiFactorAuthPresent", "Bool", BOOLEANS), several(st.sampled_from(["true", "false"])))
def test_bool_operators(conditions: Sequence[Condition], values: Sequence[str]) -> None:
    assert_covered(conditions, values)


@given(conditions_on("aws:SourceIp", "IpAddress", NETWORKS), several(ADDRESSES))
def test_address_operators(conditions: Sequence[Condition], values: Sequence[str]) -> None:
    assert_covered(conditions, values)


@given(
    st.sampled_from(
        [("Numeric", NUMBERS), ("Date", DATES), ("Bool", BOOLEANS), ("IpAddress", NETWORKS)]
    ).flatmap(lambda family: st.tuples(
        conditions_on("aws:PrincipalTag/any", *family), several(family[1] | ADDRESSES | UNREADABLE)
    ))
)  # fmt: skip
def test_a_tag_can_have_a_value_that_the_operator_cannot_read(
    found: tuple[Sequence[Condition], Sequence[str]],
) -> None:
    assert_covered(*found)


@given(
    st.lists(st.sampled_from(["a", "b", "c", "a*", "*b"]), min_size=1, max_size=3), several(st.text("abc", max_size=2))
)
def test_a_multivalued_key_has_several_values_without_a_quantifier(wanted: list[str], values: list[str]) -> None:
    conditions = [Condition("StringLike", "aws:TagKeys", value) for value in wanted]
    found = values_of(conditions)
    assert results(conditions, values) in [results(conditions, choice) for choice in found.choices]


@given(conditions_on("aws:CurrentTime", "Date", DATES))
def test_a_request_is_not_made_before_now_and_always_has_a_time(conditions: Sequence[Condition]) -> None:
    for choice in values_of(conditions).choices:
        assert choice
        assert all(value >= time_to_text(NOW) for value in choice)


@pytest.mark.parametrize("key", ["aws:TagKeys", "aws:PrincipalOrgID", "sts:ExternalId", "aws:PrincipalTag/n"])
def test_a_key_that_must_only_exist_has_a_value(key: str) -> None:
    missing, (value,) = values_of([Condition("Null", key, "false")]).choices
    assert missing == ()
    assert control_of(key).form.matches(value)


def test_the_epoch_time_is_not_before_now() -> None:
    now = int(NOW.timestamp())
    assert values_of([Condition("NumericLessThan", "aws:EpochTime", str(now - 1))]).choices == ((str(now),),)
    choices = values_of([Condition("NumericLessThan", "aws:EpochTime", str(now + 5))]).choices
    assert choices == ((str(now),), (str(now + 5),))


def test_a_session_began_at_most_36_hours_before() -> None:
    def of_sessions_before(date: str) -> list[tuple[bool | None, ...]]:
        conditions = [Condition("DateLessThan", "aws:TokenIssueTime", date)]
        return [results(conditions, choice) for choice in values_of(conditions).choices]

    assert of_sessions_before("2026-05-31T00:00:00Z") == [(False,), (True,), (False,)]
    assert of_sessions_before("2026-05-30T00:00:00Z") == [(False,), (False,)]


def test_an_address_below_the_only_network_of_its_version_is_outside() -> None:
    conditions = [Condition("IpAddress", "aws:SourceIp", ["128.0.0.0/1", "::/0"])]
    assert [results(conditions, choice) for choice in values_of(conditions).choices] == [
        (False,), (False,), (True,), (True,)
    ]  # fmt: skip


def test_a_policy_with_many_networks_has_a_value_inside_and_one_outside() -> None:
    networks = [f"203.0.{number}.0/24" for number in range(0, 200, 2)]
    (missing, *choices) = values_of([Condition("IpAddress", "aws:SourceIp", networks)]).choices
    assert missing == ()
    assert {ip_address(value).packed[:2] == bytes([203, 0]) and ip_address(value).packed[2] % 2 == 0
            for (value,) in choices} == {True, False}  # fmt: skip


@pytest.mark.parametrize(
    ("conditions", "problem"),
    [
        ([("StringEquals", "${aws:username}")], "a condition on aws:k has policy variables"),
        ([("StringEquals", "a"), ("Bool", "true")], "the conditions on aws:k cannot be compared with each other"),
        ([("BinaryEquals", "YQ==")], "the conditions on aws:k cannot be compared with each other"),
        ([("UnknownOperator", "a")], "the conditions on aws:k cannot be compared with each other"),
        ([("NumericEquals", "ten")], "a condition on aws:k has a value that cannot be read"),
        ([("NumericEquals", "NaN")], "a condition on aws:k has a value that cannot be read"),
        ([("NumericEquals", "1" * 40)], "a condition on aws:k has a value that cannot be read"),
        ([("NumericLessThan", "1E+999999999")], "a condition on aws:k has a value that cannot be read"),
        ([("DateLessThan", "tomorrow")], "a condition on aws:k has a value that cannot be read"),
        ([("DateLessThan", "9999-12-31T23:59:59Z")], "a condition on aws:k has a value that cannot be read"),
        ([("IpAddress", "10.0.0.0/33")], "a condition on aws:k has a value that cannot be read"),
        ([("StringLike", "*a" + "?" * 20)], "the conditions on aws:k tell too many values apart"),
        (
            [("ForAnyValue:StringEquals", value) for value in "abcdefgh"],
            "the conditions on aws:k tell too many values apart",
        ),
    ],
)
def test_conditions_whose_values_are_not_all_found_have_a_problem(
    conditions: list[tuple[str, str]], problem: str
) -> None:
    assert values_of([Condition(operator, "aws:k", value) for operator, value in conditions]).problem == problem


def own_values(operator: str, key: str, *values: str) -> list[bool]:
    """Return whether strangers can meet a condition, for each of the values that they can have."""
    condition = Condition(operator, key, values)
    return [bool(results([condition], choice)[0]) for choice in values_of([condition], own=True).choices]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("aws:PrincipalOrgID", "o-a1b2c3d4e5"),
        ("aws:PrincipalOrgPaths", "o-a1b2c3d4e5/r-ab12/*"),
        ("aws:userid", "AROAEXAMPLEEXAMPLEEXA:*"),
        ("aws:userid", "AIDAEXAMPLEEXAMPLEEXA"),
        ("aws:SourceVpc", "vpc-1a2b3c4d"),
        ("aws:SourceVpcArn", "arn:aws:ec2:*:111111111111:vpc/*"),
        ("lambda:SourceFunctionArn", "arn:aws:lambda:us-east-1:111111111111:function:*"),
        ("aws:SourceArn", "arn:aws:s3:::bucket"),
    ],
)
def test_a_stranger_cannot_have_what_names_its_holder(key: str, value: str) -> None:
    operator = "ArnLike" if value.startswith("arn:") else "ForAnyValue:StringLike"
    assert True not in own_values(operator, key, value)
    assert True in [results([Condition(operator, key, value)], choice)[0] for choice in
                    values_of([Condition(operator, key, value)]).choices]  # fmt: skip


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("aws:PrincipalOrgID", "o-*"),
        ("aws:PrincipalOrgID", "o-a1b2*"),
        ("aws:PrincipalOrgPaths", "*/r-ab12/*"),
        ("aws:userid", "*:admin"),
        ("aws:userid", "AROA*"),
        ("aws:userid", "111111111111"[:3] + "*"),
        ("aws:SourceVpc", "vpc-1*"),
        ("aws:SourceVpcArn", "arn:aws:ec2:*:*:vpc/*"),
        ("lambda:SourceFunctionArn", "arn:aws:lambda:*:1111????1111:function:admin"),
        ("aws:SourceArn", "arn:aws:s3:::bucket-*"),
        # What is before the colon is a Region, and the repository of anybody.
        ("cognito-identity.amazonaws.com:sub", "us-east-1:*"),
        ("token.actions.githubusercontent.com:sub", "repo:*"),
    ],
)
def test_a_stranger_can_have_what_a_pattern_matches(key: str, value: str) -> None:
    operator = "ArnLike" if value.startswith("arn:") else "ForAnyValue:StringLike"
    assert True in own_values(operator, key, value)


def test_a_value_in_full_beside_a_pattern_leaves_a_stranger_the_pattern() -> None:
    assert own_values("StringLike", "aws:PrincipalOrgID", "o-a1b2c3d4e5", "o-a*").count(True) == 1


@pytest.mark.parametrize(
    ("operator", "value"),
    [
        ("NumericLessThan", "3600"),
        ("NumericLessThan", "0"),
        ("NumericLessThanEquals", "-5"),
        ("NumericGreaterThan", "-1"),
        ("NumericEquals", "0.5"),
    ],
)
def test_the_age_of_a_sign_in_with_mfa_is_never_negative(operator: str, value: str) -> None:
    condition = Condition(operator, "aws:MultiFactorAuthAge", value)
    ages = [float(age) for choice in values_of([condition]).choices for age in choice]
    assert ages
    assert min(ages) >= 0
    met = [results([condition], choice)[0] for choice in values_of([condition]).choices if choice]
    possible = operator != "NumericLessThanEquals" and (operator, value) != ("NumericLessThan", "0")
    assert (True in met) == possible


def test_other_numbers_can_be_negative() -> None:
    condition = Condition("NumericLessThan", "aws:RequestTag/level", "0")
    assert ("-1",) in values_of([condition]).choices
