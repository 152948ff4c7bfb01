"""One text for each combination of patterns, against matchers that are written otherwise."""

from __future__ import annotations

import string

import pytest
from hypothesis import given, strategies as st

from xacct.authz.operators import compile_condition
from xacct.authz.wildcard import glob
from xacct.policy import Condition
from xacct.proof.pattern_classes import ANY_TEXT, TextPattern, TooManyStates, characters, one_text_per_class

patterns = st.lists(st.text("ab*?", max_size=6), max_size=4)
# Of ß, the upper case has two characters.
texts_of_any_case = st.text("aAbBß1", max_size=5)
arns = st.lists(st.text("ab:", max_size=3), min_size=4, max_size=7).map(":".join)
arn_patterns = st.lists(st.text("ab*?", max_size=2), min_size=6, max_size=7).map(":".join) | st.sampled_from(
    ["*", "**"]
)


def glob_pattern(text: str) -> TextPattern:
    return TextPattern.of([(text, True)])


def results(found: list[TextPattern], text: str) -> tuple[bool, ...]:
    return tuple(pattern.matches(text) for pattern in found)


def assert_classes(found: list[TextPattern], text: str, within: TextPattern = ANY_TEXT, prefix: str = "") -> None:
    """Assert that each text within is like one that is returned, and that those are not like each other."""
    returned = one_text_per_class(found, within, prefix=prefix)
    combinations = [results(found, one) for one in returned]
    assert len(set(combinations)) == len(combinations)
    assert results(found, prefix + text) in combinations
    assert all(one.startswith(prefix) and within.matches(one[len(prefix) :]) for one in returned)


@given(patterns, st.text("abc", max_size=8))
def test_each_combination_of_wildcard_patterns_has_one_text(found: list[str], text: str) -> None:
    assert_classes([glob_pattern(pattern) for pattern in found], text)


@given(patterns, st.text("ab", max_size=3), st.text("abc", max_size=5))
def test_texts_can_have_a_prefix(found: list[str], prefix: str, text: str) -> None:
    assert_classes([glob_pattern(pattern) for pattern in found], text, prefix=prefix)


@given(patterns, st.text("ab", min_size=2, max_size=8))
def test_texts_can_be_limited_to_a_domain(found: list[str], text: str) -> None:
    assert_classes([glob_pattern(pattern) for pattern in found], text, characters("ab", least=2))


@given(patterns, st.text(string.digits[:2] + "ab-", min_size=3, max_size=8))
def test_a_domain_can_have_characters_that_no_pattern_names(found: list[str], text: str) -> None:
    one, rest = characters("01ab-", least=1, more=False), characters("01ab-", least=1)
    assert_classes([glob_pattern(pattern) for pattern in found], text, one.then(rest))


@given(st.lists(arn_patterns, max_size=3), arns)
def test_each_combination_of_arn_patterns_has_one_text(found: list[str], text: str) -> None:
    assert_classes([TextPattern.of_arn([(pattern, True)]) for pattern in found], text)


@given(st.lists(st.tuples(texts_of_any_case, st.booleans()), max_size=4), texts_of_any_case)
def test_each_combination_of_patterns_that_ignore_case_has_one_text(found: list[tuple[str, bool]], text: str) -> None:
    assert_classes([TextPattern.of([(one, False)], ignores_case=ignores) for one, ignores in found], text)


def test_the_shortest_texts_are_returned() -> None:
    found = [glob_pattern("a*"), glob_pattern("*b"), glob_pattern("??*")]
    assert {text: "".join("01"[matches] for matches in results(found, text)) for text in one_text_per_class(found)} == {
        "": "000", "a": "100", "b": "010", "cc": "001", "ac": "101", "cb": "011", "ab": "111",
    }  # fmt: skip


def test_a_domain_that_no_text_can_have_has_no_texts() -> None:
    assert one_text_per_class([glob_pattern("a")], TextPattern(())) == [""]
    assert one_text_per_class([], characters("", least=1)) == []


def test_a_text_that_no_pattern_names_is_found_even_if_patterns_name_all_usual_characters() -> None:
    named = [glob_pattern(character) for character in string.printable if character not in "*?"]
    (other,) = [text for text in one_text_per_class([*named, glob_pattern("?")]) if text not in string.printable]
    assert len(other) == 1


@given(st.text("ab*?", max_size=8), st.text("abc", max_size=10))
def test_patterns_match_what_policies_match(pattern: str, text: str) -> None:
    assert glob_pattern(pattern).matches(text) is glob(pattern)(text)


@given(arn_patterns, arns)
def test_arn_patterns_match_what_arn_operators_match(pattern: str, arn: str) -> None:
    condition = compile_condition(Condition("ArnLike", "aws:SourceArn", pattern), "2012-10-17")
    if not condition.invalid:
        assert TextPattern.of_arn([(pattern, True)]).matches(arn) is condition.evaluate({"aws:sourcearn": (arn,)})


@pytest.mark.parametrize("segment", range(6))
def test_only_the_last_segment_of_an_arn_pattern_matches_colons(segment: int) -> None:
    pattern, text = ["a"] * 6, ["a"] * 6
    pattern[segment], text[segment] = "?*", "b:c"
    assert TextPattern.of_arn([(":".join(pattern), True)]).matches(":".join(text)) is (segment == 5)


def test_a_text_with_a_colon_tells_arn_patterns_and_others_apart() -> None:
    found = [TextPattern.of_arn([("?:a:a:a:a:a", True)]), glob_pattern("?:a:a:a:a:a")]
    assert "::a:a:a:a:a" in one_text_per_class(found)


@given(texts_of_any_case.filter(bool), texts_of_any_case)
def test_patterns_that_ignore_case_match_what_operators_match(pattern: str, text: str) -> None:
    condition = compile_condition(Condition("StringEqualsIgnoreCase", "aws:userid", pattern), "2012-10-17")
    found = TextPattern.of([(pattern, False)], ignores_case=True)
    assert found.matches(text) is condition.evaluate({"aws:userid": (text,)})


def test_literal_pieces_have_no_wildcards() -> None:
    literal = TextPattern.of([("a", True), ("*", False), ("?", True)])
    assert [literal.matches(text) for text in ("a*x", "abx", "a*")] == [True, False, False]
    assert not TextPattern.of_arn([("*", False)]).matches("arn:aws:s3:::b")


def test_patterns_that_distinguish_too_many_texts_are_refused() -> None:
    # The pattern depends on each of the last 20 characters of a text.
    with pytest.raises(TooManyStates):
        one_text_per_class([glob_pattern("*a" + "?" * 20)])
