"""What an explanation has: titles, near misses, suggestions, and the form for programs."""

from __future__ import annotations

from typing import Any

import pytest

from xacct.authz import AccessRequest, Decision, PolicySet, evaluate
from xacct.policy import Condition, PolicyDocument, Principal, Statement

ACCOUNT = "111111111111"
USER = f"arn:aws:iam::{ACCOUNT}:user/dev"
OTHER_USER = "arn:aws:iam::222222222222:user/dev"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/team/Reader"


def read(**policies: Any) -> Decision:
    request = AccessRequest(
        principal=USER, action="s3:GetObject", resource="arn:aws:s3:::reports/k", resource_account=ACCOUNT
    )
    return evaluate(request, PolicySet(**policies))


def assume(
    *conditions: Condition, caller: str = OTHER_USER, context: dict[str, Any] | None = None, **policies: Any
) -> Decision:
    trust = Statement.allow("sts:AssumeRole", principals=[Principal.account("222222222222")], conditions=conditions)
    request = AccessRequest(principal=caller, action="sts:AssumeRole", resource=ROLE, context=context or {})
    return evaluate(
        request,
        PolicySet(
            **{
                "identity": [PolicyDocument([Statement.allow("*", "*")])],
                "resource": PolicyDocument([trust]),
                **policies,
            }
        ),
    )


def test_an_allowed_request_names_the_statements_that_allow_it_and_suggests_nothing() -> None:
    decision = assume()
    assert (decision.allowed, decision.note) == (True, "")
    assert str(decision).splitlines()[1:] == [
        "  allowed by trust policy of role Reader, statement 1",
        "  allowed by identity policy 1, statement 1",
    ]
    assert decision.to_dict()["suggestions"] == []


def test_a_root_user_is_allowed_without_an_identity_policy() -> None:
    request = AccessRequest(principal=f"arn:aws:iam::{ACCOUNT}:root", action="s3:ListAllMyBuckets", resource="*")
    deny = PolicyDocument([Statement.deny("*", "*")])
    decision = evaluate(request, PolicySet(identity=[deny]))
    assert str(decision).splitlines()[1:] == ["  allowed: the root user needs no identity policy"]


def test_a_policy_with_a_name_is_named_by_it() -> None:
    limit = PolicyDocument([Statement.allow("ec2:*", "*")], name="Limit")
    text = str(read(identity=[PolicyDocument([Statement.allow("s3:*", "*")])], boundary=limit))
    assert "\n  Limit: no statement allows it\n    Add to Limit: " in text
    bucket = PolicyDocument([Statement.allow("ec2:*", "*", principals=[Principal("AWS", "*")])], name="Bucket")
    request = AccessRequest(
        principal=OTHER_USER, action="s3:GetObject", resource="arn:aws:s3:::reports/k", resource_account=ACCOUNT
    )
    assert "\n  Bucket: no statement allows it\n" in str(evaluate(request, PolicySet(resource=bucket)))


def test_only_the_title_of_an_unnamed_policy_is_replaced_in_the_name_of_a_statement() -> None:
    sid = "resource policy of resource policy"
    trust = PolicyDocument([Statement.allow("sts:*", principals=[Principal.account("222222222222")], sid=sid)])
    assert f"  allowed by trust policy of role Reader, statement 1 ({sid})" in str(assume(resource=trust)).splitlines()


def test_a_trust_policy_of_any_role_has_a_title() -> None:
    request = AccessRequest(principal=USER, action="sts:AssumeRole", resource="*")
    assert "  trust policy of role *: no statement allows it" in str(evaluate(request, PolicySet())).splitlines()


def test_statements_for_other_actions_come_last_among_the_near_misses() -> None:
    other_action = Statement.allow("s3:PutObject", "arn:aws:s3:::reports/*", sid="OtherAction")
    two_differ = Statement.allow(
        "s3:GetObject", "arn:aws:s3:::other/*", sid="TwoDiffer", conditions=[Condition("StringEquals", "a", "b")]
    )
    found: Any = read(identity=[PolicyDocument([other_action, two_differ])]).to_dict()
    (layer,) = found["layers"]
    assert layer["near_misses"] == [
        {
            "statement": "identity policy 1, statement 2 (TwoDiffer)",
            "mismatches": [
                {"element": "Resource", "wanted": "'arn:aws:s3:::other/*'", "given": "arn:aws:s3:::reports/k"},
                {"element": "Condition", "wanted": "StringEquals a 'b'", "given": "none"},
            ],
        },
        {
            "statement": "identity policy 1, statement 1 (OtherAction)",
            "mismatches": [{"element": "Action", "wanted": "'s3:PutObject'", "given": "s3:GetObject"}],
        },
    ]


def test_an_element_that_excludes_the_request_is_named_with_not() -> None:
    found: Any = read(
        identity=[PolicyDocument([Statement(effect="Allow", actions="s3:*", not_resources="arn:aws:s3:::reports/*")])]
    ).to_dict()
    ((mismatch,),) = [miss["mismatches"] for miss in found["layers"][0]["near_misses"]]
    assert (mismatch["element"], mismatch["wanted"]) == ("NotResource", "'arn:aws:s3:::reports/*'")


def test_each_layer_lists_only_its_own_near_misses() -> None:
    identity = PolicyDocument([Statement.allow("sts:AssumeRole", f"{ROLE}-other")])
    lines = str(assume(Condition("Bool", "tls", "true"), identity=[identity])).splitlines()
    assert [line.strip() for line in lines if "statement 1: " in line] == [
        "trust policy of role Reader, statement 1: Condition Bool tls 'true' is not met: the request has no such key",
        f"identity policy 1, statement 1: Resource '{ROLE}-other' does not match {ROLE}",
    ]


def test_a_statement_matches_only_if_its_conditions_are_met() -> None:
    for name, allowed in (("dev", True), ("ops", False)):
        is_user = [Condition("StringEquals", "aws:username", name)]
        allow = PolicyDocument([Statement.allow("s3:*", "*", conditions=is_user)])
        (layer,) = read(identity=[allow]).layers
        assert (layer.effect, len(layer.near_misses)) == (("Allow", 0) if allowed else ("ImplicitDeny", 1))
        deny = PolicyDocument([Statement.deny("s3:*", "*", conditions=is_user)])
        (layer,) = read(identity=[deny]).layers
        assert layer.effect == ("ExplicitDeny" if allowed else "ImplicitDeny")


def test_every_statement_that_cannot_be_evaluated_is_listed() -> None:
    unknown = [Statement.allow("s3:*", "*", conditions=[Condition(name, "a", "b")]) for name in ("First", "Second")]
    (layer,) = read(identity=[PolicyDocument(unknown)]).layers
    first, second = layer.unknown
    assert "unknown condition operator First" in first
    assert "unknown condition operator Second" in second


def test_the_form_for_programs_has_these_keys() -> None:
    deny = Statement.deny("s3:*", "*", conditions=[Condition("StringEquals", "aws:username", "dev")])
    decision = read(identity=[PolicyDocument([deny])])
    assert decision.to_dict() == {
        "allowed": False,
        "effect": "ExplicitDeny",
        "action": "s3:GetObject",
        "decided_by": ["identity"],
        "note": "",
        "depends_on": [],
        "not_evaluated": [],
        "policy_errors": [],
        "layers": [
            {
                "name": "identity",
                "effect": "ExplicitDeny",
                "matched": ["identity policy 1, statement 1"],
                "because": ["Condition StringEquals aws:username 'dev' is met: the request has 'dev'"],
                "near_misses": [],
                "unknown": [],
                "depends_on": [],
            }
        ],
        "suggestions": [],
    }


EXTERNAL_ID = Condition("StringEquals", "sts:ExternalId", ["a", "b"])
IDENTITY = Condition("StringEquals", "sts:SourceIdentity", "ada")
NAME_LIKE = Condition("StringLike", "sts:RoleSessionName", "run-*")
SECURE = Condition("Bool", "aws:SecureTransport", "true")
VPC = Condition("StringEquals", "aws:SourceVpc", "vpc-1")


@pytest.mark.parametrize(
    ("conditions", "suggestion"),
    [
        ([EXTERNAL_ID], "Send sts:ExternalId='a' or 'b'"),
        ([EXTERNAL_ID, IDENTITY], "Send sts:ExternalId='a' or 'b' and sts:SourceIdentity='ada'"),
        ([VPC], "Meet the condition StringEquals aws:SourceVpc 'vpc-1'"),
        ([NAME_LIKE], "Meet the condition StringLike sts:RoleSessionName 'run-*'"),
        (
            [SECURE, VPC],
            "Meet the conditions Bool aws:SecureTransport 'true' and StringEquals aws:SourceVpc 'vpc-1'",
        ),
        ([IDENTITY, VPC], "Send sts:SourceIdentity='ada' and meet the condition StringEquals aws:SourceVpc 'vpc-1'"),
    ],
)
def test_keys_that_the_caller_can_send_are_suggested_and_others_are_conditions_to_meet(
    conditions: list[Condition], suggestion: str
) -> None:
    assert assume(*conditions).to_dict()["suggestions"] == [
        f"{suggestion} (required by trust policy of role Reader, statement 1)"
    ]


def test_layers_and_missing_context_keys_are_listed_with_commas() -> None:
    needs = [Condition("StringEquals", name, "x") for name in ("aws:SourceVpc", "aws:SourceVpce")]
    bucket = PolicyDocument([Statement.allow("s3:*", "*", principals=[Principal.account("222222222222")])])
    request = AccessRequest(
        principal=OTHER_USER, action="s3:GetObject", resource="arn:aws:s3:::reports/k", resource_account=ACCOUNT
    )
    limit = PolicyDocument([Statement.allow("s3:*", "*", conditions=needs)])
    lines = str(evaluate(request, PolicySet(resource=bucket, boundary=limit))).splitlines()
    assert lines[1] == (
        "  allowed by: resource policy; an Allow is also required in: identity policy, permissions boundary"
    )
    assert lines[-1] == "  depends on context keys that were not provided: aws:SourceVpc, aws:SourceVpce"
    allow = PolicyDocument([Statement.allow("s3:*", "*")])
    lines = str(evaluate(request, PolicySet(resource=bucket, identity=[allow], boundary=limit))).splitlines()
    assert lines[1] == (
        "  allowed by: resource policy, identity policy; an Allow is also required in: permissions boundary"
    )


def test_several_values_of_the_request_are_listed() -> None:
    decision = assume(Condition("StringEquals", "aws:TagKeys", "c"), context={"aws:TagKeys": ["a", "b"]})
    assert "is not met: the request has 'a', 'b'" in str(decision)


def test_the_suggested_principal_of_a_session_is_its_role() -> None:
    tags = {"aws:TagKeys": "team", "aws:RequestTag/team": "blue"}
    decision = assume(caller="arn:aws:sts::222222222222:assumed-role/Build/run-7", context=tags)
    assert decision.action == "sts:TagSession"
    assert '"Principal": {"AWS": "arn:aws:iam::222222222222:role/Build"}' in str(decision)


def test_nobody_is_advised_to_let_a_stranger_in() -> None:
    bob = PolicyDocument([Statement.allow("sts:AssumeRole", principals=[Principal.user("222222222222", "bob")])])
    for decision in (assume(caller="arn:aws:iam::333333333333:user/eve"), assume(resource=bob), assume(resource=None)):
        assert decision.to_dict()["suggestions"] == [
            f"Account {ACCOUNT} owns the resource and decides whom its policy allows"
        ]


def test_a_policy_set_shows_how_many_statements_each_layer_has() -> None:
    one, two = (PolicyDocument([Statement.allow("s3:*", "*", sid=f"S{i}") for i in range(n)]) for n in (1, 2))
    assert repr(PolicySet(identity=[one], boundary=two)) == (
        "PolicySet(<identity policy: 1 statement>, <permissions boundary: 2 statements>)"
    )
