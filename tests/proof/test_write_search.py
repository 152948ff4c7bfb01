"""The search for a request of a role that does more than read."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from xacct import (
    AccessRequest,
    AccessSearch,
    Condition,
    PolicyDocument,
    Principal,
    Statement,
    TrustGrant,
    s3_read_policy,
)
from xacct.arn import Arn
from xacct.authz import PolicySet, evaluate
from xacct.proof.pattern_classes import characters, one_text_per_class
from xacct.proof.write_search import _form, search_for_writes
from xacct.reference import actions_matching, find_action

PROD, DEV = "111111111111", "222222222222"
GRANT = TrustGrant(account=PROD, principals=DEV, policies={"read": s3_read_policy(["reports"])})
VPC = "vpc-1a2b3c4d"
allow, deny = Statement.allow, Statement.deny


def where(operator: str, key: str, value: Any) -> list[Condition]:
    return [Condition(operator, key, value)]


def searched(
    *statements: Statement, boundary: Sequence[Statement] | None = None, grant: TrustGrant = GRANT
) -> AccessSearch:
    """Search for writes of a role with these statements; a witness is decided again."""
    identity, limit = PolicyDocument(statements), None if boundary is None else PolicyDocument(boundary)
    found = search_for_writes(grant, [identity], limit)
    if found.witness is not None:
        action = find_action(found.witness.action)
        assert action is not None
        assert not action.only_reads
        owner = PolicyDocument([allow("*", "*", principals=[Principal.account(PROD, grant.partition)])])
        assert evaluate(found.witness, PolicySet(identity=[identity], boundary=limit, resource=owner)).allowed
        assert found.witness.principal == grant.role_arn
    return found


def witness(*statements: Statement, **options: Any) -> tuple[str, str]:
    """Return the action and the resource of the witness; empty texts if there is none and nothing is undecided."""
    found = searched(*statements, **options)
    if found.witness is None:
        assert found.undecided == ()
        return "", ""
    return found.witness.action, found.witness.resource


@pytest.mark.parametrize(
    "action",
    [
        # Names that look like reading.
        "redshift:GetClusterCredentials", "sts:GetFederationToken", "lakeformation:GetDataAccess",
        "cognito-identity:GetCredentialsForIdentity", "s3:PutObject", "s3:PutObjectTagging", "s3:PutBucketPolicy",
        "iam:PassRole", "sts:AssumeRole", "kms:Encrypt", "ec2:RunInstances",
    ],
)  # fmt: skip
def test_actions_that_aws_classes_as_more_than_reading_are_found(action: str) -> None:
    found, _ = witness(allow(action, "*"))
    assert found == action


@pytest.mark.parametrize(
    "actions",
    [
        ["kms:Decrypt"],
        # Names that do not look like reading.
        ["athena:BatchGetQueryExecution", "dynamodb:Query", "dynamodb:Scan", "dynamodb:BatchGetItem"],
        ["logs:FilterLogEvents", "logs:StartQuery", "cloudtrail:LookupEvents", "ec2:SearchTransitGatewayRoutes"],
        ["s3:Get*", "s3:List*", "ec2:Describe*", "iam:List*", "sts:GetCallerIdentity"],
    ],
)
def test_actions_that_aws_classes_as_reading_are_not_found(actions: list[str]) -> None:
    assert all(action.only_reads for name in actions for action in actions_matching(name))
    assert witness(allow(actions, "*")) == ("", "")


def test_a_deny_outside_one_vpc_leaves_writes_inside_it() -> None:
    found = searched(allow("s3:*", "*"), deny("s3:*", "*", conditions=where("StringNotEquals", "aws:SourceVpc", VPC)))
    assert found.witness is not None
    assert found.witness.context["aws:sourcevpc"] == (VPC,)


@pytest.mark.parametrize(
    ("statements", "resource"),
    [
        # Only actions on buckets have such a resource.
        ([allow("s3:*", "arn:aws:s3:::reports")], "arn:aws:s3:::reports"),
        ([allow("s3:*", "arn:aws:s3:::reports/year=2026/*")], "arn:aws:s3:::reports/year=2026/"),
        ([allow("s3:PutObject", "arn:aws:s3:::reports/a b!/*")], "arn:aws:s3:::reports/a b!/"),
        ([allow("dynamodb:*", f"arn:aws:dynamodb:*:{PROD}:table/T/index/*")], f":{PROD}:table/T/index/"),
        ([allow("sqs:*", f"arn:aws:sqs:eu-west-1:{PROD}:jobs")], f"arn:aws:sqs:eu-west-1:{PROD}:jobs"),
        ([allow("sts:AssumeRole", f"arn:aws:iam::{DEV}:role/Next")], f"arn:aws:iam::{DEV}:role/Next"),
        ([allow("iam:*", "*"), deny("iam:*", f"arn:aws:iam::{PROD}:*")], ":iam::"),
        ([allow("s3:PutObject", "arn:aws:s3:::reports/*"), deny("s3:*", "arn:aws:s3:::reports/a*")], "reports/"),
        (
            [allow("s3:PutObject", "*"), Statement(effect="Deny", actions="s3:*", not_resources="arn:aws:s3:::r/k")],
            "r/k",
        ),
        ([Statement(effect="Allow", actions="s3:PutObject", not_resources="arn:aws:s3:::*a*")], "arn:aws:s3:::"),
        ([allow("s3:CreateAccessPoint", "*")], ":accesspoint/"),
        ([allow("ec2:CreateVpc", "arn:aws:ec2")], "arn:aws:ec2:"),
        ([allow("s3:DeleteObject", "arn:aws:s3:::${aws:PrincipalTag/home}/*")], "arn:aws:s3:::x/"),
        ([allow("s3:DeleteObject", "arn:aws:s3:::${aws:PrincipalAccount}/*")], f"arn:aws:s3:::{PROD}/"),
        ([allow("organizations:LeaveOrganization", "*")], "*"),
    ],
)
def test_a_resource_that_is_left_is_found(statements: list[Statement], resource: str) -> None:
    assert resource in witness(*statements)[1]


@pytest.mark.parametrize(
    "statements",
    [
        [allow("s3:*", "*"), deny("s3:*", "*")],
        [allow("s3:*", "arn:aws:s3:::reports/*"), deny("s3:*", "arn:aws:s3:::reports/*")],
        [allow("s3:*", "arn:aws:s3:::reports/*"), deny("s3:*", ["arn:aws:s3:::reports/a*", "arn:aws:s3:::reports/*"])],
        [allow("*", "*"), Statement(effect="Deny", not_actions=["s3:Get*", "s3:List*"], resources="*")],
        [Statement(effect="Allow", not_actions="s3:*", resources="arn:aws:s3:::reports/*")],
        # Objects are not tables.
        [allow("s3:PutObject", f"arn:aws:dynamodb:eu-west-1:{PROD}:table/T")],
        # A bucket's policy is a bucket's, not an object's.
        [allow("s3:PutBucketPolicy", "arn:aws:s3:::reports/*")],
        [allow("s3:PutObject", "*", conditions=where("DateLessThan", "aws:CurrentTime", "2020-01-01T00:00:00Z"))],
        [allow("s3:PutObject", "*", conditions=where("Bool", "aws:PrincipalIsAWSService", "true"))],
        [allow("s3:PutObject", "*", conditions=where("StringEquals", "aws:PrincipalAccount", DEV))],
    ],
)
def test_writes_that_are_always_denied_are_not_found(statements: list[Statement]) -> None:
    assert witness(*statements) == ("", "")


@pytest.mark.parametrize(
    ("boundary", "action"),
    [
        ([allow("s3:Get*", "*")], ""),
        ([allow("s3:*", "arn:aws:s3:::other/*")], ""),
        ([allow("*", "*"), deny("s3:Put*", "*")], ""),
        ([allow("s3:*", "*")], "s3:PutObject"),
        ([allow("*", "*"), deny("s3:*", "arn:aws:s3:::reports/a*")], "s3:PutObject"),
    ],
)
def test_a_boundary_limits_writes(boundary: list[Statement], action: str) -> None:
    assert witness(allow(["s3:Get*", "s3:PutObject"], "arn:aws:s3:::reports/*"), boundary=boundary)[0] == action


def test_a_boundary_can_require_a_key() -> None:
    limit = allow("s3:*", "*", conditions=where("StringEquals", "aws:PrincipalTag/team", "red"))
    found = searched(allow("s3:PutObject", "*"), boundary=[limit])
    assert found.witness is not None
    assert found.witness.context["aws:principaltag/team"] == ("red",)


def test_a_boundary_alone_grants_nothing() -> None:
    assert witness(allow("s3:GetObject", "*"), boundary=[allow("*", "*")]) == ("", "")


@pytest.mark.parametrize("effect", ["Allow", "Deny"])
def test_not_action_covers_all_other_actions(effect: Any) -> None:
    others = Statement(effect=effect, not_actions=["s3:*", "iam:Get*"], resources="*")
    assert witness(allow("s3:PutObject" if effect == "Deny" else "s3:GetObject", "*"), others)[0] == (
        "s3:PutObject" if effect == "Deny" else "iam:CreateUser"
    )


@pytest.mark.parametrize(
    ("statements", "reason"),
    [
        ([allow("s3:ReadObject", "*")], "AWS's reference has no action s3:ReadObject"),
        ([allow("newservice:*", "*")], "AWS's reference has no action newservice:*"),
        ([allow("s3:Frobnicate*", "*")], "AWS's reference has no action s3:Frobnicate*"),
        (
            [allow("s3:PutObject", "*", conditions=where("StringEquals", "custom:key", "x"))],
            "does not know who decides",
        ),
        (
            [allow("s3:DeleteObject", "*", conditions=where("StringEquals", "s3:ExistingObjectTag/a", "x"))],
            "the administrators of the resource's account decide",
        ),
        (
            [allow("s3:PutObject", "*", conditions=where("StringEquals", "aws:PrincipalTag/a", "${aws:username}"))],
            "has policy variables",
        ),
        (
            [
                allow("s3:PutObject", "arn:aws:s3:::${aws:PrincipalTag/a}/*"),
                deny("s3:PutObject", "arn:aws:s3:::${aws:PrincipalTag/b}/*"),
            ],
            "its resource has policy variables",
        ),
        (
            [allow("sqs:SendMessage", "arn:aws:sqs"), deny("sqs:*", "arn:aws:sqs")],
            "the ARN arn:aws:sqs is not complete",
        ),
        (
            [allow("s3:PutObject", "*"), deny("s3:*", "*a" + "?" * 20), deny("s3:PutObject", "arn:*")],
            "the resources of s3:PutObject are too many to tell apart",
        ),
    ],
)
def test_what_the_search_does_not_cover_is_not_decided(statements: list[Statement], reason: str) -> None:
    found = searched(*statements)
    assert found.witness is None
    assert any(reason in undecided for undecided in found.undecided), found.undecided


def test_a_witness_is_found_beside_what_is_not_decided() -> None:
    assert witness(allow(["s3:ReadObject", "s3:PutObject"], "*"))[0] == "s3:PutObject"


def test_the_resources_are_of_the_partition_of_the_grant() -> None:
    policy = {"read": s3_read_policy(["reports"], partition="aws-cn")}
    grant = TrustGrant(account=PROD, principals=DEV, policies=policy, partition="aws-cn")
    assert witness(allow("s3:PutObject", "arn:aws-cn:s3:::b/*"), grant=grant)[1].startswith("arn:aws-cn:s3:::b/")
    assert witness(allow("s3:PutObject", "arn:aws:s3:::b/*"), grant=grant) == ("", "")


@pytest.mark.parametrize("service", ["s3", "iam", "backup", "braket", "artifact", "bedrock-agentcore", "ec2", "sts"])
def test_the_arns_of_a_service_have_the_forms_of_the_reference(service: str) -> None:
    account = characters("0", least=12, more=False)
    for arn_format in {kind.arn_format for a in actions_matching(f"{service}:*") for kind in a.resource_types}:
        (text,) = one_text_per_class([], _form(arn_format.replace("${Partition}", "aws"), account))
        assert Arn.parse(text).partition == "aws"
        assert not set("${}*") & set(text)


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        # The reference has two formats for one type of resource.
        ("lex:DeleteBot", "arn:aws:lex:eu-west-1:111111111111:bot:Orders"),
        # The reference lacks the format.
        ("ecs:UpdateService", "arn:aws:ecs:eu-west-1:111111111111:service/web"),
        ("cloudformation:DeleteStack", "arn:aws:cloudformation:eu-west-1:111111111111:stack/web"),
    ],
)
def test_every_format_of_a_resource_is_tried(action: str, resource: str) -> None:
    assert witness(allow(action, resource)) == (action, resource)


PATTERNS = [
    "*",
    "s3:*",
    "s3:Get*",
    "S3:Put*",
    "s3:*Object",
    "s3:?etObject",
    "sqs:*",
    "sqs:Send*",
    "sts:AssumeRole",
    "*:*",
]
# The patterns tell the services apart that they name, and no others.
WRITES = [
    action
    for pattern in ("s3:*", "sqs:*", "sts:*", "iam:CreateUser")
    for action in actions_matching(pattern)
    if not action.only_reads
]


@st.composite
def statements_of_every_action(draw: Any, effects: Sequence[str]) -> Statement:
    patterns = draw(st.lists(st.sampled_from(PATTERNS), min_size=1, max_size=3, unique_by=str.lower))
    element = draw(st.sampled_from(["actions", "actions", "not_actions"]))
    return Statement(**{"effect": draw(st.sampled_from(effects)), element: patterns, "resources": ["*"]})


@settings(max_examples=100)
@given(
    st.lists(statements_of_every_action(["Allow", "Deny"]), min_size=1, max_size=4),
    st.none() | st.lists(statements_of_every_action(["Allow", "Deny"]), min_size=1, max_size=2),
)
def test_a_write_is_found_exactly_if_an_action_of_the_reference_is_allowed(
    statements: list[Statement], boundary: list[Statement] | None
) -> None:
    identity, limit = PolicyDocument(statements), None if boundary is None else PolicyDocument(boundary)
    owner = PolicyDocument([allow("*", "*", principals=[Principal.account(PROD)])])
    policies = PolicySet(identity=[identity], boundary=limit, resource=owner)
    ask = AccessRequest(
        principal=GRANT.role_arn, action="s3:GetObject", resource="arn:aws:s3:::b/k", resource_account=PROD
    )
    possible = any(evaluate(ask.with_action(str(action)), policies).allowed for action in WRITES)
    found = searched(*statements, boundary=boundary)
    assert (found.witness is not None) is possible
    assert found.undecided == ()


@pytest.mark.parametrize(
    ("statements", "boundary", "most"),
    [
        ('[allow("*", "*")]', "None", 10),
        ('[allow("*", "*"), deny("*", "*")]', "None", 10),
        ('[allow("*", "*"), deny(["s3:*", "iam:*"], "*")]', "None", 10),
        ('[allow("*", "*"), Statement(effect="Deny", not_actions=["s3:Get*"], resources=["*"])]', "None", 10),
        ('[allow("*", "*")]', '[allow("s3:Get*", "*")]', 10),
    ],
)
def test_the_reference_is_read_only_for_services_that_matter(statements: str, boundary: str, most: int) -> None:
    code = f"""
from xacct import PolicyDocument, Statement, TrustGrant
from xacct.proof.write_search import search_for_writes
from xacct.reference.service_data import action_entries
allow, deny = Statement.allow, Statement.deny
grant = TrustGrant(account="{PROD}", principals="{DEV}", managed_policy_arns="arn:aws:iam::aws:policy/ReadOnlyAccess")
boundary = {boundary}
search_for_writes(grant, [PolicyDocument({statements})], boundary and PolicyDocument(boundary))
print(action_entries.cache_info().currsize)
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 0 < int(ran.stdout) <= most
