"""Who can assume the role of a grant: the search, and strangers of the sandbox who really do what it says."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from xacct import (
    AccessRequest,
    Check,
    Condition,
    PolicyDocument,
    PolicySet,
    Principal,
    Statement,
    TrustGrant,
    ZoneOfTrust,
    prove,
    s3_read_policy,
)
from xacct.arn import Arn
from xacct.proof import find_access
from xacct.proof.assume_role import trust_checks
from xacct.proof.decision_check import described
from xacct.testing import Sandbox

PROD, DEV, OTHER = "111111111111", "222222222222", "333333333333"
POLICIES = {"read": s3_read_policy(["reports"])}
ANYBODY_ELSE = "anybody else assumes the role"


def grant(*conditions: tuple[str, str, Any], **fields: Any) -> TrustGrant:
    """Return a grant that trusts everybody under conditions, or the principals of its fields."""
    everybody = Principal("AWS", "*", [Condition(operator, key, values) for operator, key, values in conditions])
    return TrustGrant(account=PROD, policies=POLICIES, **{"principals": [everybody] if conditions else DEV, **fields})


def anybody_else(trust: TrustGrant) -> Check:
    (check,) = [check for check in trust_checks(trust) if check.name == ANYBODY_ELSE]
    return check


def witness_of(trust: TrustGrant) -> AccessRequest:
    """Return the request that the proof describes as the counterexample."""
    zone = ZoneOfTrust(accounts=[trust.account, *trust.other_accounts])
    found = find_access(PolicySet(resource=trust.trust_policy), "sts:AssumeRole", trust.role_arn, outside=zone)
    assert found.witness is not None
    return found.witness


def session_of(aws: Sandbox, request: AccessRequest) -> boto3.Session:
    """Create the caller of a request, who may do all that its own account's administrators can allow, and sign in."""
    arn = Arn.parse(request.principal)
    iam = aws.account(arn.account).session.client("iam")
    tags: Any = [
        {"Key": key.removeprefix("aws:principaltag/"), "Value": value}
        for key, (value, *_) in request.context.items()
        if key.startswith("aws:principaltag/")
    ]
    if arn.resource_type == "user":
        iam.create_user(UserName=arn.name, Path=arn.path, Tags=tags)
        iam.attach_user_policy(UserName=arn.name, PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    else:
        trust = PolicyDocument([Statement.allow("sts:AssumeRole", principals=[Principal.account(arn.account)])])
        iam.create_role(RoleName=arn.name, Path=arn.path, Tags=tags, AssumeRolePolicyDocument=trust.to_json())
        iam.attach_role_policy(RoleName=arn.name, PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    return aws.sign_in(request.principal, mfa=request.context.get("aws:multifactorauthpresent") == ("true",))


def parameters_of(request: AccessRequest) -> dict[str, Any]:
    """Return the parameters by which the caller of a request decides its keys."""
    sent = {key: values[0] for key, values in request.context.items()}
    tags = [
        {"Key": key.removeprefix("aws:requesttag/"), "Value": value}
        for key, value in sent.items()
        if key.startswith("aws:requesttag/")
    ]
    given = {"ExternalId": sent.get("sts:externalid"), "SourceIdentity": sent.get("sts:sourceidentity"), "Tags": tags}
    return {name: value for name, value in given.items() if value}


HOLES = {
    "secure transport": grant(("Bool", "aws:SecureTransport", "true")),
    "any user id": grant(("StringLike", "aws:userid", "*")),
    "not from one VPC": grant(("StringNotEquals", "aws:SourceVpc", "vpc-1a2b3c4d")),
    "not from one address": grant(("NotIpAddress", "aws:SourceIp", "203.0.113.0/24")),
    "a principal's tag": grant(("StringEquals", "aws:PrincipalTag/team", "red")),
    "a role's name": grant(("ArnLike", "aws:PrincipalArn", "arn:aws:iam::*:role/team/Admin")),
    "a user's name": grant(("StringEquals", "aws:username", "admin")),
    "accounts that begin alike": grant(("StringLike", "aws:PrincipalAccount", "3*")),
    "not another organization": grant(("StringNotEquals", "aws:PrincipalOrgID", "o-z9y8x7w6v5")),
    "an organization, if there is one": grant(("StringEqualsIfExists", "aws:PrincipalOrgID", "o-a1b2c3d4e5")),
    "an organization's units, if there are any": grant(
        ("ForAllValues:StringLike", "aws:PrincipalOrgPaths", "o-a1b2c3d4e5/*")
    ),
    "the region": grant(("StringEquals", "aws:RequestedRegion", "eu-central-1")),
    "an external ID": grant(("Bool", "aws:SecureTransport", "true"), external_id="acme-42"),
    "MFA": grant(("Bool", "aws:SecureTransport", "true"), require_mfa=True),
    "session tags": grant(("Bool", "aws:SecureTransport", "true"), session_tags={"team": "red-*"}),
    "a source identity": grant(("Bool", "aws:SecureTransport", "true"), source_identity=["al?ce"]),
}


@pytest.mark.parametrize("name", HOLES)
def test_a_stranger_can_do_what_the_counterexample_says(name: str) -> None:
    trust = HOLES[name]
    proof = prove(trust)
    assert not proof.ok
    (check,) = [check for check in proof.checks if check.name == ANYBODY_ELSE]
    assert (check.expected, check.observed, check.ok) == ("refused", "allowed", False)
    request = witness_of(trust)
    assert described(request) in check.why

    with Sandbox([PROD, request.caller.account]) as aws:
        aws.account(PROD).session.client("iam").create_role(
            RoleName=trust.role_name, AssumeRolePolicyDocument=trust.trust_policy.to_json()
        )
        sts = session_of(aws, request).client("sts")
        answer = sts.assume_role(RoleArn=trust.role_arn, RoleSessionName="stranger", **parameters_of(request))
    assert Arn.parse(answer["AssumedRoleUser"]["Arn"]).account == PROD


def test_a_stranger_cannot_do_what_is_proven_to_be_closed() -> None:
    trust = grant(external_id="acme-42")
    check = anybody_else(trust)
    assert (check.observed, check.ok) == ("refused", True)
    with Sandbox([PROD, DEV, OTHER]) as aws:
        aws.account(PROD).session.client("iam").create_role(
            RoleName=trust.role_name, AssumeRolePolicyDocument=trust.trust_policy.to_json()
        )
        sts = aws.account(OTHER).session.client("sts")
        with pytest.raises(ClientError, match="AccessDenied"):
            sts.assume_role(RoleArn=trust.role_arn, RoleSessionName="stranger", ExternalId="acme-42")


@pytest.mark.parametrize(
    "trust",
    [
        grant(),
        grant(principals=[f"arn:aws:iam::{DEV}:role/ci", f"arn:aws:iam::{OTHER}:user/team/bob"]),
        grant(principals=[f"arn:aws:sts::{DEV}:assumed-role/ci/build"]),
        grant(principals=[Principal.permission_set(DEV, "Reader"), "lambda.amazonaws.com"]),
        grant(principals=[Principal.organization("o-a1b2c3d4e5")]),
        grant(principals="*", organization_id="o-a1b2c3d4e5"),
        grant(external_id="acme-42", require_mfa=True, mfa_max_age=600, organization_id="o-a1b2c3d4e5"),
        grant(session_tags={"team": ["red", "blue-*"]}, source_identity=["al?ce", "bob"]),
        grant(source_ips=[f"203.0.{number}.0/24" for number in range(0, 60, 2)] + ["2001:db8::/32"]),
        grant(("ArnLike", "aws:PrincipalArn", f"arn:aws:iam::{DEV}:role/*")),
        grant(("StringEquals", "aws:PrincipalAccount", [DEV, OTHER]), ("Bool", "aws:SecureTransport", "true")),
        grant(
            ("StringEquals", "aws:PrincipalOrgID", "o-a1b2c3d4e5"), ("StringEquals", "aws:SourceVpc", "vpc-1a2b3c4d")
        ),
    ],
)
def test_a_grant_that_names_whom_it_trusts_is_proven(trust: TrustGrant) -> None:
    checks = list(trust_checks(trust))
    assert [check for check in checks if not check.ok] == []
    assert checks[-1].name == ANYBODY_ELSE
    assert checks[-1].why.startswith("no counterexample in ")


@pytest.mark.parametrize(
    ("condition", "reason"),
    [
        (("StringEquals", "ec2:Region", "eu-central-1"), "xacct does not know who decides"),
        (("StringEquals", "aws:PrincipalTag/team", "${aws:username}"), "has policy variables"),
        (("StringEquals", "iam:ResourceTag/team", "red"), "the administrators of the resource's account decide"),
        (("StringLike", "aws:PrincipalArn", "*a" + "?" * 20), "too many callers apart to decide all"),
    ],
)
def test_a_grant_that_the_search_does_not_cover_is_not_decided(condition: tuple[str, str, Any], reason: str) -> None:
    check = anybody_else(grant(condition))
    assert (check.observed, check.ok) == ("not decided", None)
    assert reason in check.why
