"""AWS's limits: each at its borders, and against botocore's service models."""

from __future__ import annotations

import re
from typing import Any

import pytest
from botocore.loaders import Loader
from hypothesis import given, strategies as st

from xacct import limits
from xacct.limits import Range, TextRule, is_bucket_name, is_tag_text, repeated_tag_key

SHAPES = {service: Loader().load_service_model(service, "service-2")["shapes"] for service in ("iam", "sts")}

TEXT_RULES = [
    (limits.ENTITY_NAME, "iam", "roleNameType"),
    (limits.ENTITY_NAME, "iam", "userNameType"),
    (limits.GROUP_NAME, "iam", "groupNameType"),
    (limits.POLICY_NAME, "iam", "policyNameType"),
    (limits.PATH, "iam", "pathType"),
    (limits.DESCRIPTION, "iam", "roleDescriptionType"),
    (limits.MFA_SERIAL, "iam", "serialNumberType"),
    (limits.MFA_TOKEN_CODE, "iam", "authenticationCodeType"),
    (limits.ROLE_SESSION_NAME, "sts", "roleSessionNameType"),
    (limits.EXTERNAL_ID, "sts", "externalIdType"),
    (limits.MFA_SERIAL, "sts", "serialNumberType"),
    (limits.MFA_TOKEN_CODE, "sts", "tokenCodeType"),
    (limits.SESSION_POLICY, "sts", "sessionPolicyDocumentType"),
]
RANGES = [
    (limits.MAX_SESSION_SECONDS, "iam", "roleMaxSessionDurationType"),
    (limits.ASSUME_ROLE_SECONDS, "sts", "roleDurationSecondsType"),
    (limits.SESSION_TOKEN_SECONDS, "sts", "durationSecondsType"),
]


def shape(service: str, name: str) -> dict[str, Any]:
    return dict(SHAPES[service][name])


@pytest.mark.parametrize(("rule", "service", "name"), TEXT_RULES)
def test_a_text_rule_has_the_lengths_of_the_service_model(rule: TextRule, service: str, name: str) -> None:
    model = shape(service, name)
    assert (rule.shortest, rule.longest) == (model.get("min", 0), model["max"])


@pytest.mark.parametrize(("rule", "service", "name"), TEXT_RULES)
def test_a_text_rule_allows_the_characters_of_the_service_model(rule: TextRule, service: str, name: str) -> None:
    pattern = shape(service, name)["pattern"]
    for code in range(0x300):
        text = f"/{chr(code)}/" if rule is limits.PATH else chr(code)
        assert rule.has_valid_form(text) == bool(re.fullmatch(pattern, text, re.ASCII)), hex(code)


@pytest.mark.parametrize(("rule", "service", "name"), [case for case in TEXT_RULES if case[0] is not limits.PATH])
def test_a_text_rule_writes_the_pattern_as_the_service_model_does(rule: TextRule, service: str, name: str) -> None:
    # The sandbox shows it in AWS's error messages.
    assert shape(service, name)["pattern"].rstrip("*+") == rule.characters


@given(st.text("/a \x7f", max_size=6))
def test_a_path_has_the_form_of_the_service_model(path: str) -> None:
    pattern = shape("iam", "pathType")["pattern"]
    assert limits.PATH.has_valid_form(path) == bool(re.fullmatch(pattern, path, re.ASCII))


@pytest.mark.parametrize(("allowed", "service", "name"), RANGES)
def test_a_range_is_that_of_the_service_model(allowed: Range, service: str, name: str) -> None:
    model = shape(service, name)
    assert (allowed.least, allowed.most) == (model["min"], model["max"])


@pytest.mark.parametrize("service", ["iam", "sts"])
def test_the_limits_of_tags_are_those_of_the_service_models(service: str) -> None:
    key, value = shape(service, "tagKeyType"), shape(service, "tagValueType")
    assert shape(service, "tagListType")["max"] == limits.TAGS
    assert (1, limits.TAG_KEY_LENGTH, f"{limits.TAG_PATTERN}+") == (key["min"], key["max"], key["pattern"])
    assert (0, limits.TAG_VALUE_LENGTH, f"{limits.TAG_PATTERN}*") == (value["min"], value["max"], value["pattern"])


def test_limits_that_differ_from_the_service_models() -> None:
    # STS accepts longer source identities than older models document.
    source_identity = shape("sts", "sourceIdentityType")
    assert (limits.SOURCE_IDENTITY.shortest, limits.SOURCE_IDENTITY.longest) == (source_identity["min"], 256)
    assert source_identity["max"] in (64, 256)
    # The model documents the length of any password. The default password policy requires 8 characters.
    assert limits.PASSWORD.least == 8 > shape("iam", "passwordType")["min"]
    assert limits.PASSWORD.most == shape("iam", "passwordType")["max"]
    # The model documents the length of policy documents in general. The quotas on each kind are shorter.
    documents = shape("iam", "policyDocumentType")["max"]
    quotas = (limits.MANAGED_POLICY_CHARACTERS, limits.TRUST_POLICY_CHARACTERS)
    assert max(*quotas, *limits.INLINE_POLICY_CHARACTERS.values()) < documents


@pytest.mark.parametrize("rule", [limits.ACCOUNT_ID, limits.SOURCE_IDENTITY, *(rule for rule, _, _ in TEXT_RULES)])
def test_a_text_rule_includes_both_borders(rule: TextRule) -> None:
    def text(length: int) -> str:
        return ("/" + "1" * (length - 2) + "/")[:length] if rule is limits.PATH and length != 1 else "1" * length

    lengths = {rule.shortest, rule.longest} - ({1} if rule is limits.PATH else set())
    assert all(rule.allows(text(length)) for length in lengths)
    assert not rule.allows(text(rule.longest + 1))
    assert rule.shortest == 0 or not rule.allows(text(rule.shortest - 1))


def test_the_quotas_of_the_documentation() -> None:
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
    assert (limits.MANAGED_POLICY_CHARACTERS, limits.TRUST_POLICY_CHARACTERS) == (6144, 2048)
    assert limits.INLINE_POLICY_CHARACTERS == {"role": 10_240, "user": 2048, "group": 5120}
    assert (limits.MANAGED_POLICIES_PER_ENTITY, limits.MANAGED_POLICY_VERSIONS) == (10, 5)
    # https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
    assert limits.SESSION_POLICY_ARNS == 10
    assert limits.DEFAULT_SESSION_SECONDS == limits.CHAINED_SESSION_SECONDS == 3600
    # https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html
    assert limits.DEFAULT_SESSION_TOKEN_SECONDS == 43_200


@pytest.mark.parametrize("value", ["", "/", "//", "team", "/team", "team/", "/te am/", "/té/", "/team/\n"])
def test_a_path_begins_and_ends_with_a_slash(value: str) -> None:
    assert limits.PATH.allows(value) == (value == "/")


@pytest.mark.parametrize("value", [None, 1, b"Reader", ["Reader"], "Reader\n", "Readér", "Rea der"])
def test_a_text_rule_refuses_other_types_and_characters(value: object) -> None:
    assert not limits.ENTITY_NAME.allows(value)


def test_account_ids_and_token_codes_are_ascii_digits() -> None:
    assert limits.ACCOUNT_ID.allows("012345678901")
    assert not limits.ACCOUNT_ID.allows("01234567890")
    assert not limits.ACCOUNT_ID.allows("0123456789012")
    assert not limits.ACCOUNT_ID.allows("٠١٢٣٤٥٦٧٨٩٠١")
    assert not limits.MFA_TOKEN_CODE.allows("١٢٣٤٥٦")


def test_a_rule_describes_itself() -> None:
    assert str(limits.ENTITY_NAME) == "1 to 64 letters, digits and +=,.@_-"
    assert str(limits.DESCRIPTION) == "at most 1000 characters of Latin-1, tabs and line breaks"
    assert str(limits.MAX_SESSION_SECONDS) == "3600 to 43200"


@given(st.integers(0, 50), st.integers(0, 50), st.integers(-5, 105))
def test_a_range_includes_both_borders(least: int, size: int, value: int) -> None:
    assert (value in Range(least, least + size)) == (least <= value <= least + size)


@pytest.mark.parametrize("value", [True, 3600.0, "3600", None])
def test_a_range_has_integers_only(value: object) -> None:
    assert value not in Range(1, 43_200)


@pytest.mark.parametrize("text", ["", "équipe", "データ", "٣", "½", " ", "\u00a0", "\u2028", "_.:/=+-@"])
def test_tags_may_have_letters_digits_and_spaces_of_all_scripts(text: str) -> None:
    assert is_tag_text(text)


@pytest.mark.parametrize("text", ["\t", "a\n", "\x00", "!", "#", "a,b", "´", "e\u0301", "😀", None, 1])
def test_tags_may_not_have_control_characters_or_other_signs(text: object) -> None:
    assert not is_tag_text(text)


@given(st.lists(st.text("aAbB", max_size=3)))
def test_the_repeated_tag_key_is_the_first_that_equals_another_without_case(keys: list[str]) -> None:
    repeated = repeated_tag_key(keys)
    folded = [key.lower() for key in keys]
    assert (repeated is None) == (len(set(folded)) == len(folded))
    if repeated is not None:
        first = keys.index(repeated)
        assert folded.count(repeated.lower()) > 1
        assert len(set(folded[:first])) == first
        assert all(folded.count(key) == 1 for key in folded[:first])


@pytest.mark.parametrize(
    "name",
    ["abc", "a" * 63, "0ab", "ab0", "a.b", "a-b", "a--b", "1.2.3", "1.2.3.4a", "192.168.5.4.5", "xn-a", "a-s3alias-a"],
)
def test_a_valid_bucket_name(name: str) -> None:
    assert is_bucket_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "ab",
        "a" * 64,
        "Abc",
        "a_b",
        "a b",
        "äbc",
        "abc\n",
        "-ab",
        "ab-",
        ".ab",
        "ab.",
        "a..b",
        "192.168.5.4",
        "xn--abc",
        "sthree-abc",
        "amzn-s3-demo-bucket",
        "abc-s3alias",
        "abc--ol-s3",
        "abc.mrap",
        "abc--x-s3",
        "abc--table-s3",
        "",
        None,
    ],
)
def test_an_invalid_bucket_name(name: object) -> None:
    assert not is_bucket_name(name)


@given(st.text("ab0.-", min_size=1, max_size=5), st.integers(0, 70))
def test_a_bucket_name_has_3_to_63_characters_with_a_letter_or_digit_at_both_ends(middle: str, padding: int) -> None:
    name = middle + "a" * padding
    valid = 3 <= len(name) <= 63 and name[0] not in ".-" and name[-1] not in ".-" and ".." not in name
    assert is_bucket_name(name) == valid
