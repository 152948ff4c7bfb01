"""Whom NotPrincipal excludes, which ARN patterns match, and how dates without a time zone are read."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from xacct import AccessRequest, PolicySet, Principal, Statement, evaluate
from xacct.authz.operators import compile_condition
from xacct.authz.wildcard import glob
from xacct.policy import Condition, PolicyDocument

ACCOUNT = "111111111111"
IAM, STS = f"arn:aws:iam::{ACCOUNT}:", f"arn:aws:sts::{ACCOUNT}:"
ROOT, ROLE, SESSION, USER = f"{IAM}root", f"{IAM}role/Build", f"{STS}assumed-role/Build/run-7", f"{IAM}user/dev"
SAML = f"{IAM}saml-provider/idp"


def excluded(principal: str, *excluded_principals: Principal) -> bool:
    """Whether a Deny with NotPrincipal leaves a caller alone that every other policy allows."""
    allow = Statement.allow(
        "s3:GetObject",
        "*",
        principals=[Principal("AWS", "*"), Principal.service("lambda.amazonaws.com"), Principal.federated(SAML)],
    )
    deny = Statement(effect="Deny", actions=["s3:GetObject"], resources=["*"], not_principals=excluded_principals)
    request = AccessRequest(
        principal=principal, action="s3:GetObject", resource="arn:aws:s3:::reports/k", resource_account=ACCOUNT
    )
    decision = evaluate(
        request,
        PolicySet(identity=[PolicyDocument([Statement.allow("*", "*")])], resource=PolicyDocument([allow, deny])),
    )
    assert decision.effect in ("Allow", "ExplicitDeny")
    return decision.allowed


@pytest.mark.parametrize(
    ("caller", "listed", "expected"),
    [
        (USER, [ROOT], False),
        (USER, [USER], False),
        (USER, [ROOT, USER], True),
        (ROOT, [ROOT], True),
        (ROOT, [USER], False),
        (ACCOUNT, [ROOT], True),
        (ROLE, [ROOT, ROLE], True),
        (ROLE, [ROOT], False),
        (ROLE, [ROLE], False),
        (SESSION, [ROOT, ROLE], False),
        (SESSION, [ROOT, SESSION], False),
        (SESSION, [ROLE, SESSION], False),
        (SESSION, [ROOT, ROLE, SESSION], True),
    ],
)
def test_not_principal_excludes_a_caller_only_if_every_name_of_it_is_listed(
    caller: str, listed: list[str], expected: bool
) -> None:
    assert excluded(caller, *(Principal("AWS", name) for name in listed)) is expected


def test_not_principal_excludes_services_and_identity_providers_by_their_kind() -> None:
    service = "lambda.amazonaws.com"
    assert excluded(service, Principal.service(service))
    assert not excluded(service, Principal.service("ec2.amazonaws.com"))
    assert not excluded(service, Principal.federated(service))
    assert excluded(SAML, Principal.federated(SAML))
    assert not excluded(SAML, Principal("AWS", ROOT))


@pytest.mark.parametrize(
    ("pattern", "given", "matches"),
    [
        ("*", USER, True),
        ("*", "arn:aws:iam", True),
        (f"{IAM}user/*", USER, True),
        (f"{IAM}user/*", "arn:aws:iam", False),
        ("arn:aws:iam::*:user/dev", USER, True),
        ("arn:aws:sns:*:*:topic:*", "arn:aws:sns:eu-west-1:1:topic:a:b", True),
    ],
)
def test_arn_patterns_match_segment_by_segment(pattern: str, given: str, matches: bool) -> None:
    condition = compile_condition(Condition("ArnLike", "aws:SourceArn", pattern), "2012-10-17")
    assert condition.evaluate({"aws:sourcearn": (given,)}) is matches


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("x*a?c*d", "xabcd", True),
        ("x*a?c*d", "xabc", False),
        ("*a?c*c", "abc", False),
        ("*a?c*c", "abcc", True),
        ("*b?*a?*", "axbx", False),
        ("*b?*a?*", "bxax", True),
        ("*?b*", "b", False),
        ("*a?*", "xz", False),
        ("*a?*?b*", "axyb", True),
        ("*a?*a?*", "ab", False),
        ("*a?*a?*", "abab", True),
    ],
)
def test_parts_with_question_marks_match_in_order_and_do_not_overlap(pattern: str, text: str, matches: bool) -> None:
    assert glob(pattern)(text) is matches


def test_a_denial_names_the_values_of_the_statement_and_an_anonymous_caller() -> None:
    trust = Statement.allow("sts:AssumeRole", principals=[Principal("AWS", ROOT), Principal("AWS", USER)])
    request = AccessRequest(principal="*", action="sts:AssumeRole", resource=ROLE)
    text = str(evaluate(request, PolicySet(resource=PolicyDocument([trust]))))
    assert f"Principal '{ROOT}' or '{USER}' does not match an anonymous caller" in text


def test_only_context_keys_that_the_request_lacks_are_missing() -> None:
    home = Statement.allow("s3:GetObject", "arn:aws:s3:::home/${aws:username}/${aws:PrincipalTag/team}/*")
    request = AccessRequest(
        principal=USER, action="s3:GetObject", resource="arn:aws:s3:::home/dev/data/k", resource_account=ACCOUNT
    )
    decision = evaluate(request, PolicySet(identity=[PolicyDocument([home])]))
    assert decision.depends_on == ("aws:principaltag/team",)


def test_a_deny_whose_variable_has_several_values_says_so() -> None:
    deny = Statement(
        effect="Deny", actions=["s3:GetObject"], resources=["arn:aws:s3:::home/${aws:PrincipalTag/team}/*"]
    )
    request = AccessRequest(
        principal=USER,
        action="s3:GetObject",
        resource="arn:aws:s3:::home/dev/k",
        resource_account=ACCOUNT,
        context={"aws:PrincipalTag/team": ["a", "b"]},
    )
    decision = evaluate(request, PolicySet(identity=[PolicyDocument([deny])]))
    assert decision.effect == "ExplicitDeny"
    assert "a policy variable in the resource has several values, so the Deny is treated as matching" in str(decision)


def read(caller: str, *statements: Statement, boundary: PolicyDocument | None = None, **context: str) -> str:
    """The effect of a bucket policy on a read in the caller's account."""
    request = AccessRequest(
        principal=caller,
        action="s3:GetObject",
        resource="arn:aws:s3:::dev/k",
        resource_account=ACCOUNT,
        context={f"aws:{key}": value for key, value in context.items()},
    )
    return evaluate(request, PolicySet(resource=PolicyDocument(statements), boundary=boundary)).effect


@pytest.mark.parametrize("order", [1, -1])
def test_the_most_direct_allow_counts_in_any_order(order: int) -> None:
    allows = [Statement.allow("s3:*", "*", principals=[Principal("AWS", name)]) for name in (ROOT, USER)]
    assert read(USER, *allows[::order]) == "Allow"


def test_an_id_of_a_deleted_principal_names_its_sessions_and_a_boundary_limits_those_of_a_role() -> None:
    nothing = PolicyDocument([Statement.allow("ec2:*", "*")])
    role, user = (f"{kind}{'X' * 17}" for kind in ("AROA", "AIDA"))
    of_role, of_user = (Statement.allow("s3:*", "*", principals=[Principal("AWS", name)]) for name in (role, user))
    assert read(SESSION, of_role, userid=f"{role}:run-7") == "Allow"
    assert read(SESSION, of_role, userid=f"{role}:run-7", boundary=nothing) == "ImplicitDeny"
    assert read(USER, of_user, userid=user, boundary=nothing) == "Allow"


def test_an_allow_with_not_principal_and_a_canonical_user_allows_nobody() -> None:
    canonical, other = Principal("CanonicalUser", "7" * 64), Principal("AWS", f"{IAM}user/ops")
    for excluded_principals, effect in (([canonical, other], "ImplicitDeny"), ([other], "Allow")):
        allow = Statement(effect="Allow", actions="s3:*", resources="*", not_principals=excluded_principals)
        assert read(USER, allow) == effect


def test_a_default_of_a_variable_in_a_resource_is_used_only_without_a_value() -> None:
    for bucket, effect in (("${aws:username, 'guest'}", "Allow"), ("${aws:missing, 'dev'}", "Allow")):
        allow = Statement.allow("s3:*", f"arn:aws:s3:::{bucket}/*", principals=[Principal("AWS", "*")])
        assert read(USER, allow) == effect
    allow = Statement.allow("s3:*", "arn:aws:s3:::${aws:username, 'dev'}/*", principals=[Principal("AWS", "*")])
    assert read(f"{IAM}user/ops", allow) == "ImplicitDeny"


@pytest.mark.parametrize(
    ("action", "resource", "required"),
    [
        ("kms:Decrypt", f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/1", True),
        ("kms:CreateAlias", f"arn:aws:kms:eu-west-1:{ACCOUNT}:alias/a", False),
        ("payment-cryptography:GetKey", f"arn:aws:payment-cryptography:eu-west-1:{ACCOUNT}:key/1", False),
    ],
)
def test_only_policies_of_kms_keys_must_allow_within_one_account(action: str, resource: str, required: bool) -> None:
    request = AccessRequest(principal=USER, action=action, resource=resource)
    assert evaluate(request, PolicySet(identity=[PolicyDocument([Statement.allow("*", "*")])])).allowed is not required


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("?*?", "a", False),
        ("?*?", "ab", True),
        ("?*b*", "\nxb", True),
        ("*b*?", "xb\n", True),
        ("*a?b*", "xa\nby", True),
    ],
)
def test_a_question_mark_is_any_one_character(pattern: str, text: str, matches: bool) -> None:
    assert glob(pattern)(text) is matches


@pytest.fixture
def tokyo(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="this platform cannot change its time zone")
@pytest.mark.parametrize(
    "wanted", ["2026-01-01T00:00:00Z", "2026-01-01T00:00:00", "2026-01-01T09:00:00+09:00", "1767225600"]
)
@pytest.mark.usefixtures("tokyo")
def test_a_date_without_a_time_zone_is_in_utc(wanted: str) -> None:
    condition = compile_condition(Condition("DateEquals", "aws:CurrentTime", wanted), "2012-10-17")
    assert condition.evaluate({"aws:currenttime": ("2026-01-01T00:00:00Z",)}) is True
    assert condition.evaluate({"aws:currenttime": ("2026-01-01T00:00:01Z",)}) is False
