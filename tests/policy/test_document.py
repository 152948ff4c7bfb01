"""Policy documents: parsing, equality by meaning, and the canonical form."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, strategies as st

from xacct import Condition, PolicyDocument, PolicyError, Principal, Statement
from xacct.policy.document import check_identity_policy, check_trust_policy

ACCOUNT = "222222222222"
ALLOW: dict[str, Any] = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::reports/*"}
TRUST: dict[str, Any] = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}


def document(*statements: dict[str, Any], version: str = "2012-10-17") -> dict[str, Any]:
    return {"Version": version, "Statement": list(statements)}


actions = st.lists(st.from_regex(r"[a-z0-9]{1,5}:[A-Z][a-zA-Z*]{0,8}", fullmatch=True), min_size=1, max_size=3)
arns = st.lists(st.from_regex(r"arn:aws:s3:::[a-z*]{1,8}", fullmatch=True), min_size=1, max_size=3)
conditions = st.dictionaries(
    st.sampled_from(["StringEquals", "ArnLike", "ForAnyValue:StringLikeIfExists"]),
    st.dictionaries(
        st.sampled_from(["aws:PrincipalArn", "s3:prefix"]), st.lists(st.text(min_size=1), min_size=1), min_size=1
    ),
    max_size=2,
)
statements = st.builds(
    lambda effect, action, resource, condition, sid: {
        "Sid": sid,
        "Effect": effect,
        "Action": action,
        "Resource": resource,
        "Condition": condition,
    },
    st.sampled_from(["Allow", "Deny"]),
    actions,
    arns,
    conditions,
    st.from_regex(r"[A-Za-z0-9]{1,5}", fullmatch=True),
)
documents = st.lists(statements, min_size=1, max_size=4).map(lambda found: document(*found))


@given(documents)
def test_the_canonical_form_means_the_same_and_is_stable(source: dict[str, Any]) -> None:
    parsed = PolicyDocument.parse(source)
    written = parsed.to_json()
    assert PolicyDocument.parse(written) == parsed
    assert PolicyDocument.parse(written).to_json() == written
    assert PolicyDocument.parse(quote(written)) == parsed


@given(documents, st.randoms(use_true_random=False))
def test_order_duplicates_and_names_do_not_matter(source: dict[str, Any], random: Any) -> None:
    shuffled = json.loads(json.dumps(source))
    for statement in shuffled["Statement"]:
        statement["Sid"] = "Another"
        for element in ("Action", "Resource"):
            values = statement[element] * 2
            random.shuffle(values)
            statement[element] = values
        statement["Action"] = [action.upper() for action in statement["Action"]]
    random.shuffle(shuffled["Statement"])
    one, other = PolicyDocument.parse(source), PolicyDocument.parse(shuffled, name="other")
    assert one == other
    assert hash(one) == hash(other)


def test_a_list_of_one_value_equals_the_value() -> None:
    listed = document({**ALLOW, "Action": ["s3:GetObject"], "Resource": ["arn:aws:s3:::reports/*"]})
    assert PolicyDocument.parse(listed) == PolicyDocument.parse({"Version": "2012-10-17", "Statement": ALLOW})


def test_both_forms_of_everyone_are_equal() -> None:
    star, listed = ({**ALLOW, "Principal": who} for who in ("*", {"AWS": ["*"]}))
    assert PolicyDocument.parse(document(star)) == PolicyDocument.parse(document(listed))


def test_an_account_id_equals_its_root_arn() -> None:
    root = {**TRUST, "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}}
    assert PolicyDocument.parse(document(TRUST)) == PolicyDocument.parse(document(root))


def test_the_unique_id_of_a_deleted_principal_differs_from_its_arn() -> None:
    gone = {**TRUST, "Principal": {"AWS": "AIDAIOSFODNN7EXAMPLE1"}}
    user = {**TRUST, "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:user/dev"}}
    assert PolicyDocument.parse(document(gone)) != PolicyDocument.parse(document(user))


@pytest.mark.parametrize(
    "other", [{"Effect": "Deny"}, {"Resource": "arn:aws:s3:::other/*"}, {"Action": "s3:PutObject"}]
)
def test_documents_with_different_meanings_are_not_equal(other: dict[str, Any]) -> None:
    assert PolicyDocument.parse(document(ALLOW)) != PolicyDocument.parse(document({**ALLOW, **other}))


def test_the_case_of_resources_and_the_version_matter() -> None:
    upper = {**ALLOW, "Resource": "arn:aws:s3:::Reports/*"}
    assert PolicyDocument.parse(document(ALLOW)) != PolicyDocument.parse(document(upper))
    old = PolicyDocument.parse({"Statement": ALLOW})
    assert old.version == "2008-10-17"
    assert old != PolicyDocument.parse(document(ALLOW))


def test_booleans_and_numbers_in_conditions_become_strings() -> None:
    parsed = PolicyDocument.parse(
        document({**TRUST, "Condition": {"Bool": {"aws:MultiFactorAuthPresent": True}, "NumericLessThan": {"a:b": 5}}})
    )
    assert parsed.statements[0].conditions == (
        Condition("Bool", "aws:MultiFactorAuthPresent", "true"),
        Condition("NumericLessThan", "a:b", "5"),
    )


def test_every_element_is_kept() -> None:
    source = {
        "Version": "2012-10-17",
        "Id": "mine",
        "Statement": [
            {"Effect": "Deny", "NotPrincipal": {"AWS": ACCOUNT}, "NotAction": ["a:B", "a:C"], "NotResource": "arn:x"}
        ],
    }
    assert PolicyDocument.parse(source).to_dict() == source


@pytest.mark.parametrize(
    ("source", "path"),
    [
        ("{", ""),
        ("[]", ""),
        ({"Statement": [ALLOW], "Extra": 1}, "Extra"),
        ({"Version": "2012-10-17"}, "Statement"),
        (document(ALLOW, version="2020-01-01"), "Version"),
        (document("text"), "Statement[0]"),  # type: ignore[arg-type]
        (document(ALLOW, {**ALLOW, "Effect": "allow"}), "Statement[1].Effect"),
        (document({**ALLOW, "Actions": "x"}), "Statement[0].Actions"),
        (document({**ALLOW, "Action": "s3"}), "Statement[0].Action"),
        (document({**ALLOW, "Action": []}), "Statement[0].Action"),
        (document({**ALLOW, "Action": [1]}), "Statement[0].Action"),
        (document({**ALLOW, "NotAction": "s3:*"}), "Statement[0].Action"),
        (document({**ALLOW, "NotResource": "*"}), "Statement[0].Resource"),
        (document({**ALLOW, "Sid": 1}), "Statement[0].Sid"),
        (document({**TRUST, "Principal": "me"}), "Statement[0].Principal"),
        (document({**TRUST, "Principal": {"AWS": "me"}}), "Statement[0].Principal.AWS"),
        (document({**TRUST, "Principal": {"Group": "me"}}), "Statement[0].Principal"),
        (document({**TRUST, "NotPrincipal": {"AWS": ACCOUNT}}), "Statement[0].Principal"),
        (document({**TRUST, "Principal": {"AWS": []}}), "Statement[0].Principal.AWS"),
        (document({**TRUST, "Principal": {"AWS": ACCOUNT, "Service": []}}), "Statement[0].Principal.Service"),
        (document({**TRUST, "Principal": {"AWS": 1}}), "Statement[0].Principal.AWS"),
        (document({**ALLOW, "Action": "iam:Get:User"}), "Statement[0].Action"),
        (document({**ALLOW, "Action": "i am:GetUser"}), "Statement[0].Action"),
        (document({**ALLOW, "Condition": {1: {"a": "b"}}}), "Statement[0].Condition.1.a"),
        ({"Version": "2012-10-17", "Id": {}, "Statement": ALLOW}, "Id"),
        ({"Version": ["2012-10-17"], "Statement": ALLOW}, "Version"),
        ({1: 2}, "1"),
        (document({**ALLOW, "Condition": []}), "Statement[0].Condition"),
        (document({**ALLOW, "Condition": {"Bool": "x"}}), "Statement[0].Condition.Bool"),
        (document({**ALLOW, "Condition": {"Bool": {"a:b": None}}}), "Statement[0].Condition.Bool.a:b"),
        ({"Version": "2012-10-17", "Statement": {**ALLOW, "Effect": "x"}}, "Statement.Effect"),
        ('{"Version": "2012-10-17", "Version": "2012-10-17"}', "Version"),
    ],
)
def test_a_malformed_policy_raises_the_path_of_the_element(source: Any, path: str) -> None:
    with pytest.raises(PolicyError) as caught:
        PolicyDocument.parse(source)
    assert caught.value.path == path


def test_a_duplicate_operator_and_key_cannot_be_rendered() -> None:
    one = Statement.allow("s3:GetObject", "*", conditions=[Condition("StringEquals", "a:b", v) for v in ("x", "y")])
    with pytest.raises(PolicyError, match="duplicate key"):
        one.to_dict()


def test_a_parsed_document_has_the_given_name() -> None:
    parsed = PolicyDocument.parse(document(ALLOW), name="Read")
    assert parsed.name == "Read"
    assert PolicyDocument.parse(parsed) is parsed
    assert PolicyDocument.parse(parsed, name="Other").name == "Other"
    assert json.loads(str(parsed)) == parsed.to_dict()


@pytest.mark.parametrize(
    ("statement", "path"),
    [
        ({**ALLOW, "Principal": "*"}, "Statement[0].Principal"),
        ({"Effect": "Allow", "Action": "s3:GetObject"}, "Statement[0].Resource"),
    ],
)
def test_an_identity_policy_needs_resources_and_has_no_principal(statement: dict[str, Any], path: str) -> None:
    with pytest.raises(PolicyError) as caught:
        check_identity_policy(PolicyDocument.parse(document(statement)))
    assert caught.value.path == path


@pytest.mark.parametrize(
    ("statement", "path"),
    [
        ({**TRUST, "Resource": "*"}, "Statement[0].Resource"),
        ({"Effect": "Allow", "Action": "sts:AssumeRole"}, "Statement[0].Principal"),
        ({"Effect": "Deny", "NotPrincipal": {"AWS": ACCOUNT}, "Action": "sts:*"}, "Statement[0].NotPrincipal"),
        ({**TRUST, "Action": "s3:GetObject"}, "Statement[0].Action"),
    ],
)
def test_a_trust_policy_needs_principals_and_sts_actions_and_has_no_resource(
    statement: dict[str, Any], path: str
) -> None:
    with pytest.raises(PolicyError) as caught:
        check_trust_policy(PolicyDocument.parse(document(statement)))
    assert caught.value.path == path


@pytest.mark.parametrize("extra", [0, 1])
def test_the_limit_on_length_is_exact_and_does_not_count_white_space(extra: int) -> None:
    empty = PolicyDocument.parse(document({**ALLOW, "Sid": "x"})).size - 1
    padded = PolicyDocument.parse(document({**ALLOW, "Sid": "a " * 5 + "x" * (300 - empty - 5 + extra)}))
    assert padded.size == 300 + extra
    if extra:
        with pytest.raises(
            PolicyError, match="has 301 characters without white space; an identity policy can have at most 300"
        ):
            check_identity_policy(padded, limit=300)
    else:
        assert check_identity_policy(padded, limit=300) is padded


def test_principals_are_grouped_by_kind() -> None:
    statement = Statement.allow(
        "sts:AssumeRole", principals=[Principal.service("ec2.amazonaws.com"), Principal.account(ACCOUNT)]
    )
    assert statement.to_dict()["Principal"] == {
        "AWS": f"arn:aws:iam::{ACCOUNT}:root",
        "Service": "ec2.amazonaws.com",
    }
    assert Statement.deny("s3:*", "*").effect == "Deny"


def test_the_default_limits_are_the_quotas_of_iam() -> None:
    def padded(statement: dict[str, Any], size: int) -> PolicyDocument:
        empty = PolicyDocument.parse(document({**statement, "Sid": "x"})).size - 1
        return PolicyDocument.parse(document({**statement, "Sid": "x" * (size - empty)}))

    assert check_identity_policy(padded(ALLOW, 6144)).size == 6144
    assert check_trust_policy(padded(TRUST, 2048)).size == 2048
    with pytest.raises(PolicyError, match="has 6145 characters without white space"):
        check_identity_policy(padded(ALLOW, 6145))
    with pytest.raises(PolicyError, match="has 2049 characters without white space"):
        check_trust_policy(padded(TRUST, 2049))


def test_the_reprs_are_short() -> None:
    read = Statement.allow("s3:GetObject", "arn:aws:s3:::reports/*", conditions=[Condition("Bool", "a:b", "true")])
    assert repr(PolicyDocument([read], name="read")) == (
        "PolicyDocument([Statement(effect='Allow', actions=('s3:GetObject',), resources=('arn:aws:s3:::reports/*',), "
        "conditions=(Condition('Bool', 'a:b', 'true'),))], name='read')"
    )


@given(documents)
def test_the_repr_evaluates_to_an_equal_document(source: dict[str, Any]) -> None:
    parsed = PolicyDocument.parse(source)
    assert eval(repr(parsed)) == parsed


@pytest.mark.parametrize("action", ["iam: asdf safdsf af ", "s3.s:ListBucket", "s3:Get+Object", "*:*", "*:Get?"])
def test_actions_that_do_not_exist_but_that_aws_stores_are_parsed(action: str) -> None:
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_action.html
    assert PolicyDocument.parse(document({**ALLOW, "Action": action})).statements[0].actions == (action,)


@pytest.mark.parametrize(
    "prepare",
    [
        lambda text: f"\ufeff{text}",
        lambda text: f" \n{text}",
        str.encode,
        lambda text: b"\xef\xbb\xbf" + text.encode(),
        quote,
        lambda text: re.sub("%[0-9A-F]{2}", lambda found: found[0].lower(), quote(text)),
        lambda text: quote(f"\ufeff \n{text}"),
    ],
    ids=["byte order mark", "white space", "bytes", "bytes with a mark", "encoded", "encoded in lower case", "all"],
)
def test_every_encoding_of_the_text_gives_the_same_document(prepare: Callable[[str], str | bytes]) -> None:
    # https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetRolePolicy.html: URL-encoded, compliant with RFC 3986
    source = document({"Effect": "Allow", "Action": "s3:*", "Resource": "*"})
    read = PolicyDocument.parse(prepare(json.dumps(source)))
    assert read == PolicyDocument.parse(source)


deep: Any = []
for _ in range(100_000):
    deep = [deep]
HUGE = 10**5000


@pytest.mark.parametrize(
    "source",
    [
        "[" * 100_000,
        '{"Statement":' * 100_000,
        f'{{"Statement": {"1" * 5000}}}',
        '{"Version": "2012-10-17", "Statement": NaN}',
        "%FF%FE",
        "%7B%FF",
        b"\xff\xfe{",
        "",
        b"",
        document({**ALLOW, "Action": deep}),
        document({**ALLOW, "Effect": deep}),
        document({**TRUST, "Principal": deep}),
        document({**TRUST, "Principal": {"AWS": deep}}),
        document({**ALLOW, "Condition": {"NumericEquals": {"a:b": deep}}}),
        document({**ALLOW, "Condition": {"NumericEquals": {"a:b": [deep]}}}),
        document({**ALLOW, "Condition": {"NumericEquals": {"a:b": HUGE}}}),
        document({**ALLOW, "Sid": HUGE}),
        {"Version": deep, "Statement": ALLOW},
        {"Version": HUGE, "Statement": ALLOW},
        {"Statement": deep},
    ],
    ids=range(20),
)
def test_input_of_extreme_size_or_of_another_encoding_raises_a_policy_error(source: Any) -> None:
    with pytest.raises(PolicyError) as caught:
        PolicyDocument.parse(source)
    assert len(str(caught.value)) < 500


def test_a_number_of_4000_digits_is_kept() -> None:
    number = "7" * 4000
    text = json.dumps(document({**ALLOW, "Condition": {"NumericEquals": {"a:b": 0}}})).replace(" 0}", f" {number}}}")
    assert PolicyDocument.parse(text).statements[0].conditions[0].values == (number,)


element_names = st.sampled_from(
    ["Version", "Id", "Statement", "Sid", "Effect", "Action", "Resource", "Principal", "Condition", "AWS", "aws:userid"]
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text() | element_names, inner, max_size=4),
    max_leaves=12,
)
odd_statements = st.fixed_dictionaries(
    {
        "Effect": st.sampled_from(["Allow", "Deny"]) | json_values,
        "Action": st.sampled_from(["*", "s3:GetObject", ["s3:*"]]) | json_values,
    },
    optional={
        name: st.sampled_from(["*", {"AWS": "*"}, {"Service": "*"}]) | json_values
        for name in ("Sid", "Principal", "NotPrincipal", "Resource", "NotResource", "Condition")
    },
)
odd_documents = st.fixed_dictionaries({"Statement": odd_statements | st.lists(odd_statements, max_size=2)})


@given(json_values | odd_documents)
def test_arbitrary_json_gives_a_document_or_a_policy_error(source: Any) -> None:
    for form in (source, json.dumps(source), quote(json.dumps(source))):
        with suppress(PolicyError):
            assert isinstance(PolicyDocument.parse(form), PolicyDocument)


@given(st.binary() | st.text())
def test_arbitrary_bytes_and_text_give_a_document_or_a_policy_error(source: bytes | str) -> None:
    with suppress(PolicyError):
        assert isinstance(PolicyDocument.parse(source), PolicyDocument)
