"""Causes from a decision: which cause, how certain, and in which order. Nothing is read here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from tests.access_denied.accounts import ALICE, BUCKET, DEV, PROD, ROLE, allow, deny, document, trusting

from xacct import AccessRequest, PolicySet, evaluate
from xacct.access_denied import Cause
from xacct.access_denied.diagnosis import Evidence, find_causes, layer_named_by_aws
from xacct.authz.policy_set import LayerName

ASSUME = document(allow("sts:AssumeRole"))
EXTERNAL_ID = {"StringEquals": {"sts:ExternalId": "acme-42"}}


def causes(
    *trust: dict[str, Any],
    identity: str = ASSUME,
    caller: str = ALICE,
    unread: frozenset[LayerName] = frozenset(),
    absent: tuple[str, ...] = (),
    message: str = "",
    context: Mapping[str, Any] | None = None,
    **policies: Any,
) -> tuple[Cause, ...]:
    request = AccessRequest(principal=caller, action="sts:AssumeRole", resource=ROLE, context=context or {})
    resource = document(*trust) if trust else None
    decision = evaluate(request, PolicySet(identity=[identity], resource=resource, **policies))
    return find_causes(Evidence(decision=decision, unread=unread, absent=absent, message=message))


@pytest.mark.parametrize(
    ("condition", "kind", "wanted"),
    [
        ({"StringEquals": {"sts:ExternalId": ["a1", "b2"]}}, "external ID", ("a1", "b2")),
        ({"StringLike": {"sts:ExternalId": "acme-*"}}, "external ID", ("acme-*",)),
        ({"Bool": {"aws:MultiFactorAuthPresent": "true"}}, "MFA", ("true",)),
        ({"NumericLessThan": {"aws:MultiFactorAuthAge": "3600"}}, "MFA", ("3600",)),
        ({"DateLessThan": {"aws:CurrentTime": "2026-01-31T00:00:00Z"}}, "expired", ("2026-01-31T00:00:00Z",)),
        ({"NumericLessThanEquals": {"aws:EpochTime": "1"}}, "expired", ("1",)),
        ({"DateGreaterThan": {"aws:CurrentTime": "2999-01-31T00:00:00Z"}}, "not yet valid", ("2999-01-31T00:00:00Z",)),
        ({"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "o-a/*"}}, "organization", ("o-a/*",)),
        ({"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}, "source IP", ("203.0.113.0/24",)),
        (
            {"ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{DEV}:role/B*"}},
            "principal not trusted",
            (f"arn:aws:iam::{DEV}:role/B*",),
        ),
        ({"StringEquals": {"aws:SourceVpc": "vpc-1"}}, "condition", ("StringEquals aws:SourceVpc 'vpc-1'",)),
        ({"StringSortOf": {"sts:ExternalId": "a1"}}, "condition", ("StringSortOf sts:ExternalId 'a1'",)),
        ({"Bool": {"aws:SecureTransport": "false"}}, "condition", ("Bool aws:SecureTransport 'false'",)),
    ],
)
def test_each_condition_has_its_kind_of_cause(condition: dict[str, Any], kind: str, wanted: tuple[str, ...]) -> None:
    context = {"aws:CurrentTime": "2026-02-01T00:00:00Z", "aws:EpochTime": "1769904000"}
    (cause,) = causes(trusting(ALICE, Condition=condition), context=context)
    assert (cause.kind, cause.wanted) == (kind, wanted)
    assert (cause.layer, cause.policy, cause.account) == ("resource", "trust policy of role Reader", PROD)
    assert len(cause.statements) == 1


def test_a_condition_is_certain_if_it_is_known_what_the_request_has() -> None:
    trust = trusting(ALICE, Condition=EXTERNAL_ID)
    (unknown,) = causes(trust)
    assert (unknown.certain, unknown.given, unknown.unknown_keys) == (False, (), ("sts:ExternalId",))
    (absent,) = causes(trust, absent=("sts:externalid",))
    assert (absent.certain, absent.given, absent.unknown_keys) == (True, (), ())
    (other,) = causes(trust, context={"sts:ExternalId": "globex-17"})
    assert (other.certain, other.given, other.unknown_keys) == (True, ("gl... (9 characters)",), ())


def test_a_condition_that_fails_is_not_certain_if_another_statement_may_allow() -> None:
    wrong, unknown = EXTERNAL_ID, {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}
    context = {"sts:ExternalId": "globex-17"}
    found = causes(trusting(ALICE, Condition=wrong), trusting(ALICE, Condition=unknown), context=context)
    assert {cause.kind: cause.certain for cause in found} == {"external ID": False, "source IP": False}
    both = causes(trusting(ALICE, Condition={**wrong, **unknown}), context=context)
    assert [(cause.kind, cause.certain) for cause in both] == [("external ID", True), ("source IP", False)]


def test_the_statement_that_lacks_the_least_is_explained() -> None:
    far = trusting(ALICE, Condition={"Bool": {"aws:MultiFactorAuthPresent": "true"}, **EXTERNAL_ID})
    near = trusting(ALICE, Condition={"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}})
    (cause,) = causes(far, near)
    assert cause.kind == "source IP"
    assert cause.statements[0].endswith("statement 2")


def test_certain_causes_come_first_and_then_the_likely_ones() -> None:
    mfa = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}
    found = causes(trusting(ALICE, Condition={**mfa, **EXTERNAL_ID}), identity=document(allow("s3:*")))
    assert [(cause.kind, cause.certain) for cause in found] == [
        ("missing allow", True), ("external ID", False), ("MFA", False),
    ]  # fmt: skip


def test_a_caller_is_only_a_stranger_if_no_statement_names_the_account() -> None:
    bob = f"arn:aws:iam::{DEV}:user/bob"
    trusted = [trusting(f"arn:aws:iam::444444444444:user/u{n}") for n in range(5)]
    (cause,) = causes(*trusted)
    assert cause.kind == "account not trusted"
    assert len(cause.wanted) == 5
    (cause,) = causes(*trusted, trusting(bob))
    assert (cause.kind, cause.wanted) == ("principal not trusted", (bob,))
    # The statement that names the caller decides, however many others there are.
    (cause,) = causes(*trusted, trusting(ALICE, Condition=EXTERNAL_ID))
    assert cause.kind == "external ID"


def test_a_trust_policy_for_other_actions_does_not_make_the_caller_a_stranger() -> None:
    (cause,) = causes({**trusting(ALICE), "Action": "sts:TagSession"})
    assert (cause.kind, cause.layer, cause.missing_statement) == ("missing allow", "resource", "")
    tagged = {"aws:TagKeys": "team", "aws:RequestTag/team": "blue"}
    identity = document(allow("sts:*"))
    (cause,) = causes(trusting(ALICE), identity=identity, context=tagged)
    assert (cause.kind, cause.layer) == ("missing allow", "resource")


def test_a_deleted_principal_is_named() -> None:
    (cause,) = causes(trusting("AIDAIOSFODNN7EXAMPLE"))
    assert (cause.kind, cause.wanted) == ("deleted principal", ("AIDAIOSFODNN7EXAMPLE (deleted)",))


def test_a_condition_on_the_principal_in_its_own_policy_is_a_condition() -> None:
    other = {"ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{DEV}:role/B*"}}
    (cause,) = causes(trusting(ALICE), identity=document(allow("sts:AssumeRole", Condition=other)))
    assert (cause.kind, cause.layer, cause.account) == ("condition", "identity", DEV)


def test_a_statement_is_only_suggested_as_the_missing_half() -> None:
    nothing = document(allow("s3:*"))
    (granted,) = causes(trusting(ALICE), identity=nothing)
    assert f'"Resource": "{ROLE}"' in granted.missing_statement
    (unread,) = causes(identity=nothing, unread=frozenset({"resource"}))
    assert unread.missing_statement == granted.missing_statement
    refused = causes(trusting(PROD), identity=nothing)
    assert [cause.missing_statement for cause in refused] == ["", ""]
    same_account = causes(identity=nothing, caller=f"arn:aws:iam::{PROD}:user/carol", unread=frozenset({"resource"}))
    assert [cause.missing_statement for cause in same_account] == [""]


@pytest.mark.parametrize("layer", ["boundary", "session", "scp"])
def test_a_limit_is_named_and_not_widened(layer: LayerName) -> None:
    limit = document(allow("s3:*"))
    policies: Any = {"boundary": limit, "session": [limit], "scp": [[limit]]}[layer]
    (cause,) = causes(trusting(ALICE), **{"scps" if layer == "scp" else layer: policies})
    assert (cause.kind, cause.layer, cause.missing_statement) == ("missing allow", layer, "")
    assert cause.account == DEV


def test_nothing_is_said_about_a_layer_that_was_not_read() -> None:
    (cause,) = causes(identity=document(allow("s3:*")), unread=frozenset({"identity", "resource"}))
    assert (cause.kind, cause.certain, cause.wanted, cause.statements) == ("not read", False, (PROD, DEV), ())
    (cause,) = causes(trusting(ALICE), identity=document(allow("s3:*")), unread=frozenset({"identity"}))
    assert (cause.kind, cause.wanted) == ("not read", (DEV,))
    assert len(cause.statements) == 1


def test_a_deny_without_conditions_is_certain_and_one_with_unknown_keys_is_not() -> None:
    (cause,) = causes(trusting(ALICE), identity=document(allow("*"), deny("sts:*")))
    assert (cause.kind, cause.layer, cause.certain, cause.facts) == ("explicit deny", "identity", True, ())
    outside = {"StringNotEquals": {"aws:SourceVpc": "vpc-1"}}
    (cause,) = causes(trusting(ALICE), identity=document(allow("*"), deny("sts:*", Condition=outside)))
    assert (cause.certain, cause.unknown_keys) == (False, ("aws:SourceVpc",))
    assert cause.facts == (
        "Condition StringNotEquals aws:SourceVpc 'vpc-1' is met if the request does not have the key",
    )


def test_what_aws_names_is_likely_unless_something_is_certain() -> None:
    said = "with an explicit deny in a service control policy"
    (cause,) = causes(trusting(ALICE), message=said)
    assert (cause.kind, cause.layer, cause.account) == ("named by AWS", "scp", DEV)
    assert cause.facts == ("an explicit deny in a service control policy", "It is not in what was read.")
    (cause,) = causes(trusting(ALICE), message=said, unread=frozenset({"scp"}))
    assert cause.facts[1] == "It could not be read."
    (cause,) = causes(trusting(ALICE), message=said, identity=document(deny("*")))
    assert cause.kind == "explicit deny"


@pytest.mark.parametrize(
    ("message", "layer"),
    [
        ("because no identity-based policy allows the s3:GetObject action", "identity"),
        ("because no resource-based policy allows the s3:GetObject action", "resource"),
        ("because no permissions boundary allows the s3:GetObject action", "boundary"),
        ("because no session policy allows the s3:GetObject action", "session"),
        ("because no VPC endpoint policy allows the s3:GetObject action", "vpc_endpoint"),
        ("with an explicit deny in an identity-based policy", "identity"),
        ("with an explicit deny in a resource control policy", "rcp"),
        ("with an explicit deny in a permissions boundary", "boundary"),
        (f"with an explicit deny in an identity-based policy: arn:aws:iam::{DEV}:policy/Deny.All", "identity"),
    ],
)
def test_the_kind_of_policy_is_read_from_the_message(message: str, layer: str) -> None:
    named = layer_named_by_aws(f"User: {ALICE} is not authorized to perform: s3:GetObject {message}")
    assert named is not None
    assert named[0] == layer
    assert named[1] in message


def test_what_aws_names_includes_the_policy_that_denies() -> None:
    scp = f"arn:aws:organizations::{DEV}:policy/o-qv5af4abcd/service_control_policy/p-2kgnabcd"
    said = f"with an explicit deny in a service control policy: {scp}. Go to https://us-east-1.console.aws.amazon.com/"
    (cause,) = causes(trusting(ALICE), message=said)
    assert cause.facts[0] == f"an explicit deny in a service control policy: {scp}"


def test_an_allowed_request_lists_what_is_left() -> None:
    (user,) = causes(trusting(ALICE))
    assert (user.kind, user.certain) == ("nothing found", False)
    assert user.facts[0].startswith("a change of the last minutes")
    session = f"arn:aws:sts::{DEV}:assumed-role/Build/run-7"
    hidden = deny("sts:*", Condition={"StringEquals": {"aws:SourceVpc": "vpc-1"}})
    (found,) = causes(trusting(DEV), caller=session, identity=document(allow("*"), hidden), unread=frozenset({"scp"}))
    assert [fact.split(",")[0] for fact in found.facts[:3]] == [
        "what could not be read", "a session policy", "the request's aws:SourceVpc",
    ]  # fmt: skip


def test_a_rule_of_aws_is_named_with_what_to_do_instead() -> None:
    reserved = f"arn:aws:iam::{DEV}:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Dev_0123456789abcdef"
    request = AccessRequest(principal=ALICE, action="iam:DeleteRole", resource=reserved)
    decision = evaluate(request, PolicySet(identity=[document(allow("*"))]))
    (cause,) = find_causes(Evidence(decision=decision))
    assert (cause.kind, cause.certain) == ("rule of AWS", True)
    assert cause.facts == (
        "Only AWS can change a role with the path /aws-reserved/", "change the permission set in IAM Identity Center",
    )  # fmt: skip
    (root,) = causes(trusting(DEV), caller=f"arn:aws:iam::{DEV}:root")
    assert (root.kind, root.account) == ("root user", DEV)
    # The rule holds for a root user too, who is not told to use a role.
    changed = evaluate(
        AccessRequest(principal=f"arn:aws:iam::{DEV}:root", action="iam:DeleteRole", resource=reserved), PolicySet()
    )
    assert [found.kind for found in find_causes(Evidence(decision=changed))] == ["rule of AWS"]


def test_a_rule_of_aws_comes_before_a_deny_without_which_it_decides() -> None:
    reserved = f"arn:aws:iam::{DEV}:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Dev_0123456789abcdef"
    request = AccessRequest(principal=ALICE, action="iam:DeleteRole", resource=reserved)
    decision = evaluate(request, PolicySet(identity=[document(allow("*"), deny("iam:*"))]))
    assert decision.effect == "ExplicitDeny"
    assert [cause.kind for cause in find_causes(Evidence(decision=decision))] == ["rule of AWS", "explicit deny"]
    identity = AccessRequest(principal=ALICE, action="sts:GetCallerIdentity", resource="*")
    denied = evaluate(identity, PolicySet(vpc_endpoint=document(deny("*", Principal="*"))))
    assert [cause.kind for cause in find_causes(Evidence(decision=denied))] == ["explicit deny"]


def test_the_resources_that_an_identity_policy_allows_are_named() -> None:
    request = AccessRequest(
        principal=f"arn:aws:iam::{PROD}:role/Reader", action="s3:GetObject", resource=f"{BUCKET}/k",
        resource_account=PROD,
    )  # fmt: skip
    policies = PolicySet(identity=[document(allow("s3:GetObject", f"{BUCKET}/2026/*"), allow("s3:List*"))])
    (cause,) = find_causes(Evidence(decision=evaluate(request, policies)))
    assert (cause.kind, cause.wanted) == ("missing allow", (f"'{BUCKET}/2026/*'",))
    assert cause.policy == "identity policy of role Reader"
