"""Which callers Principal and NotPrincipal name, and the statements in which AWS requires or forbids them."""

from __future__ import annotations

from typing import Any

import pytest

from xacct.authz import AccessRequest, Decision, PolicySet, evaluate
from xacct.policy import PolicyDocument, Principal, Statement

ACCOUNT = "111111111111"
IAM = f"arn:aws:iam::{ACCOUNT}:"
USER, SESSION, ROLE = f"{IAM}user/dev", f"arn:aws:sts::{ACCOUNT}:assumed-role/Build/run-7", f"{IAM}role/Reader"
SAML, SERVICE = f"{IAM}saml-provider/idp", "lambda.amazonaws.com"
ORIGIN = "arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity EH1HDMB1FH2TC"
CANONICAL = "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be"


def read(caller: str, *statements: dict[str, Any]) -> Decision:
    """The decision of a bucket policy on a read."""
    policy = {"Version": "2012-10-17", "Statement": [{"Action": "s3:*", "Resource": "*", **s} for s in statements]}
    request = AccessRequest(
        principal=caller, action="s3:GetObject", resource="arn:aws:s3:::b/k", resource_account=ACCOUNT
    )
    return evaluate(request, PolicySet(resource=policy))


def assume(caller: str, *statements: dict[str, Any] | Statement) -> Decision:
    """The decision of a trust policy on sts:AssumeRole."""
    parsed = [s if isinstance(s, Statement) else Statement.parse({"Action": "sts:AssumeRole", **s}) for s in statements]
    request = AccessRequest(principal=caller, action="sts:AssumeRole", resource=ROLE)
    return evaluate(request, PolicySet(resource=PolicyDocument(parsed)))


# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html#principal-anonymous:
# only "*" and {"AWS": "*"} are everyone.
@pytest.mark.parametrize(
    ("principal", "callers"),
    [
        ("*", {USER, SESSION, SERVICE, SAML, ORIGIN, "*"}),
        ({"AWS": "*"}, {USER, SESSION, SERVICE, SAML, ORIGIN, "*"}),
        ({"Service": "*"}, {SERVICE}),
        ({"Federated": "*"}, {SAML}),
        ({"CanonicalUser": "*"}, set()),
        ({"Service": SERVICE}, {SERVICE}),
        ({"AWS": ORIGIN}, {ORIGIN}),
    ],
)
def test_a_wildcard_matches_only_callers_of_its_kind(principal: Any, callers: set[str]) -> None:
    for caller in (USER, SESSION, SERVICE, SAML, ORIGIN, "*"):
        assert read(caller, {"Effect": "Allow", "Principal": principal}).allowed is (caller in callers), caller


def test_a_deny_for_a_canonical_user_applies_to_everyone_because_ids_cannot_be_compared() -> None:
    for value in ("*", CANONICAL):
        deny = {"Effect": "Deny", "Principal": {"CanonicalUser": value}}
        decision = read(USER, {"Effect": "Allow", "Principal": "*"}, deny)
        assert decision.effect == "ExplicitDeny"
        assert "a canonical user ID cannot be compared with an ARN" in str(decision)


# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html: you must use Principal in
# resource-based policies.
def test_an_allow_without_a_principal_in_a_trust_policy_or_resource_policy_allows_nobody() -> None:
    for decision in (assume(USER, Statement.allow("sts:AssumeRole")), read(USER, {"Effect": "Allow"})):
        assert decision.effect == "ImplicitDeny"
        assert "the statement has no Principal, so the Allow is treated as not matching" in str(decision)


def test_a_near_miss_says_that_the_statement_has_no_principal() -> None:
    lines = str(assume(USER, Statement.allow("sts:AssumeRole"))).splitlines()
    assert "    trust policy of role Reader, statement 1: the statement has no Principal" in lines


def test_a_deny_without_a_principal_in_a_resource_policy_applies() -> None:
    decision = read(USER, {"Effect": "Allow", "Principal": "*"}, {"Effect": "Deny"})
    assert decision.effect == "ExplicitDeny"
    assert "the statement has no Principal, so the Deny is treated as matching" in str(decision)


# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html: you cannot use
# NotPrincipal in a role trust policy.
def test_an_allow_with_not_principal_in_a_trust_policy_allows_nobody() -> None:
    decision = assume(USER, {"Effect": "Allow", "NotPrincipal": {"AWS": f"{IAM}user/ops"}})
    assert decision.effect == "ImplicitDeny"
    assert "a trust policy cannot have NotPrincipal, so the Allow is treated as not matching" in str(decision)
    denied = assume(
        USER,
        {"Effect": "Allow", "Principal": {"AWS": USER}},
        {"Effect": "Deny", "NotPrincipal": {"AWS": f"{IAM}user/ops"}},
    )
    assert denied.effect == "ExplicitDeny"


# https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-restricting-access-to-s3.html
def test_an_origin_access_identity_reads_what_the_bucket_policy_allows_it_and_nothing_else() -> None:
    allow = {"Effect": "Allow", "Principal": {"AWS": ORIGIN}}
    assert read(ORIGIN, allow).allowed
    assert not read(ORIGIN.replace("EH1", "EH2"), allow).allowed
    assert not read(USER, allow).allowed
    assert read(ORIGIN, allow, {"Effect": "Deny", "NotPrincipal": {"AWS": ORIGIN}}).allowed
    assert not read(
        USER, {"Effect": "Allow", "Principal": "*"}, {"Effect": "Deny", "NotPrincipal": {"AWS": ORIGIN}}
    ).allowed


def test_an_anonymous_caller_is_never_excluded_from_a_deny_with_not_principal() -> None:
    for principal in (Principal.anyone(), Principal.account(ACCOUNT), Principal("Service", "*")):
        deny = {"Effect": "Deny", "NotPrincipal": {principal.kind: principal.value}}
        assert read("*", {"Effect": "Allow", "Principal": "*"}, deny).effect == "ExplicitDeny"
