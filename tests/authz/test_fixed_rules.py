"""The rules of AWS that decide a request whatever its policies say."""

from __future__ import annotations

from typing import Any

import pytest

from xacct.authz import AccessRequest, Decision, PolicySet, evaluate
from xacct.policy import PolicyDocument, Principal, Statement

ACCOUNT = "111111111111"
IAM = f"arn:aws:iam::{ACCOUNT}:"
USER = f"{IAM}user/dev"
SERVICE_LINKED = f"{IAM}role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS"
RESERVED = f"{IAM}role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Admin_0123456789abcdef"
SSO = f"{IAM}role/aws-service-role/sso.amazonaws.com/AWSServiceRoleForSSO"
MANAGED = "arn:aws:iam::aws:policy/ReadOnlyAccess"
ALIAS = f"arn:aws:kms:eu-west-1:{ACCOUNT}:alias/aws/s3"
EVERYTHING = PolicyDocument([Statement.allow("*", "*")])
NOTHING = PolicyDocument([Statement.deny("*", "*")])


def decide(action: str, resource: str = "*", *, caller: str = USER, **policies: Any) -> Decision:
    request = AccessRequest(principal=caller, action=action, resource=resource, resource_account=ACCOUNT)
    return evaluate(request, PolicySet(**policies))


# https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html: no permissions are required, and a
# policy that explicitly denies the action has no effect.
@pytest.mark.parametrize(
    "caller",
    [USER, f"{IAM}root", f"arn:aws:sts::{ACCOUNT}:assumed-role/R/S", f"arn:aws:sts::{ACCOUNT}:federated-user/f"],
)
@pytest.mark.parametrize("policies", [{}, {"identity": [NOTHING]}, {"scps": [[NOTHING]], "session": [NOTHING]}])
def test_get_caller_identity_needs_no_permission_and_cannot_be_denied(caller: str, policies: dict[str, Any]) -> None:
    decision = decide("sts:GetCallerIdentity", caller=caller, **policies)
    assert (decision.allowed, decision.decided_by, decision.layers) == (True, (), ())
    assert str(decision).splitlines() == [
        f"Allow: {caller} sts:GetCallerIdentity on *",
        "  sts:GetCallerIdentity needs no permission, and no policy of the caller can deny it",
    ]
    assert decision.to_dict()["suggestions"] == []
    assert decide("STS:getcalleridentity", caller=caller, **policies).allowed


def test_the_policy_of_a_vpc_endpoint_applies_to_get_caller_identity() -> None:
    # https://docs.aws.amazon.com/vpc/latest/privatelink/vpc-endpoints-access.html
    for effect, expected in (("Allow", "Allow"), ("Deny", "ExplicitDeny")):
        endpoint = {
            "Version": "2012-10-17",
            "Statement": {"Effect": effect, "Action": "*", "Resource": "*", "Principal": "*"},
        }
        assert decide("sts:GetCallerIdentity", vpc_endpoint=endpoint).effect == expected
    closed = {
        "Version": "2012-10-17",
        "Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*", "Principal": "*"},
    }
    decision = decide("sts:GetCallerIdentity", vpc_endpoint=closed)
    assert (decision.effect, decision.decided_by) == ("ImplicitDeny", ("vpc_endpoint",))


def test_get_caller_identity_needs_a_signed_request() -> None:
    assert not decide("sts:GetCallerIdentity", caller="*").allowed


# https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_managed-vs-inline.html#aws-managed-policies
# https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create-service-linked-role.html
# https://docs.aws.amazon.com/singlesignon/latest/userguide/referencingpermissionsets.html
# https://docs.aws.amazon.com/kms/latest/developerguide/alias-create.html
@pytest.mark.parametrize(
    ("action", "resource", "note", "advice"),
    [
        (
            action,
            MANAGED,
            "AWS owns the AWS managed policies: no account can change them",
            "copy the policy to a customer managed policy",
        )
        for action in ("iam:CreatePolicyVersion", "iam:DeletePolicy", "iam:SetDefaultPolicyVersion")
    ]
    + [
        (
            action,
            SERVICE_LINKED,
            "Only the linked AWS service can change a service-linked role",
            "change or remove it in that service",
        )
        for action in ("iam:PutRolePolicy", "iam:UpdateAssumeRolePolicy", "iam:DeleteRole", "iam:attachrolepolicy")
    ]
    + [
        (
            action,
            RESERVED,
            "Only AWS can change a role with the path /aws-reserved/",
            "change the permission set in IAM Identity Center",
        )
        for action in ("iam:PutRolePolicy", "iam:UpdateAssumeRolePolicy", "iam:UpdateRole", "iam:CreateRole")
    ]
    + [
        (
            action,
            ALIAS,
            "AWS reserves the aliases that begin with alias/aws/ for AWS managed keys",
            "use an alias with another name",
        )
        for action in ("kms:CreateAlias", "kms:UpdateAlias", "kms:DeleteAlias")
    ],
)
@pytest.mark.parametrize("caller", [USER, f"{IAM}root", RESERVED])
def test_nobody_can_write_what_belongs_to_aws(action: str, resource: str, note: str, advice: str, caller: str) -> None:
    decision = decide(action, resource, caller=caller, identity=[EVERYTHING])
    assert (decision.effect, decision.note) == ("ImplicitDeny", note)
    assert str(decision).splitlines()[1:] == [f"  {note}"]
    assert decision.to_dict()["suggestions"] == [f"No policy can allow this: {advice}"]


def test_an_explicit_deny_is_named_before_a_rule_that_no_policy_can_change() -> None:
    assert decide("iam:DeletePolicy", MANAGED, identity=[NOTHING]).effect == "ExplicitDeny"
    assert decide("iam:DeletePolicy", MANAGED, identity=[NOTHING]).note == ""


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("iam:GetPolicyVersion", MANAGED),
        ("iam:AttachRolePolicy", f"{IAM}role/Build"),
        ("iam:DeletePolicy", f"{IAM}policy/aws/ReadOnlyAccess"),
        ("iam:GetRole", RESERVED),
        ("iam:PassRole", SERVICE_LINKED),
        ("iam:UpdateRoleDescription", SERVICE_LINKED),
        ("iam:DeleteServiceLinkedRole", SERVICE_LINKED),
        ("iam:PutRolePolicy", f"{IAM}role/aws-reserved-by-us"),
        ("iam:PutRolePolicy", f"{IAM}role/team/aws-reserved/R"),
        ("kms:CreateAlias", f"arn:aws:kms:eu-west-1:{ACCOUNT}:alias/awsome"),
        ("kms:ListAliases", "*"),
    ],
)
def test_policies_decide_everything_else(action: str, resource: str) -> None:
    decision = decide(action, resource, identity=[EVERYTHING])
    assert (decision.allowed, decision.note) == (True, "")


def test_the_service_that_owns_a_reserved_role_can_change_it() -> None:
    assert decide("iam:PutRolePolicy", RESERVED, caller=SSO, identity=[EVERYTHING]).allowed


def test_a_root_user_cannot_assume_a_role() -> None:
    # https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
    trust = PolicyDocument([Statement.allow("sts:AssumeRole", principals=[Principal.account(ACCOUNT)])])
    request = AccessRequest(principal=f"{IAM}root", action="sts:AssumeRole", resource=f"{IAM}role/R")
    decision = evaluate(request, PolicySet(resource=trust))
    assert (decision.effect, decision.note) == ("ImplicitDeny", "Roles may not be assumed by root accounts.")
    assert decision.to_dict()["suggestions"] == ["No policy can allow this: assume the role as a user or a role"]
