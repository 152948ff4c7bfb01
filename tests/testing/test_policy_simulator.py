"""IAM's policy simulator in the sandbox."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from xacct.testing import Sandbox

from .conftest import DEV, PROD, allowing, document, refusal

ALICE, GROUP = f"arn:aws:iam::{PROD}:user/alice", f"arn:aws:iam::{PROD}:group/writers"
BUCKET = "arn:aws:s3:::reports"


@pytest.fixture(scope="module")
def iam() -> Iterator[Any]:
    with Sandbox([PROD, DEV]) as aws:
        client: Any = aws.account(PROD).session.client("iam")
        # The policy of the recorded answers.
        statement = {"Sid": "", "Effect": "Allow", "Action": "s3:PutObject", "Resource": "*"}
        text = json.dumps({"Version": "2012-10-17", "Statement": statement})
        policy = client.create_policy(PolicyName="Write", PolicyDocument=text)["Policy"]["Arn"]
        client.create_user(UserName="alice")
        client.create_user(UserName="bob")
        client.create_group(GroupName="writers")
        client.attach_group_policy(GroupName="writers", PolicyArn=policy)
        client.add_user_to_group(GroupName="writers", UserName="alice")
        client.put_user_policy(UserName="bob", PolicyName="Simulate", PolicyDocument=allowing("iam:Sim*", ALICE))
        client.bob = aws.sign_in(f"arn:aws:iam::{PROD}:user/bob").client("iam")
        client.aws = aws
        yield client


def decisions(answer: dict[str, Any]) -> dict[tuple[str, str], str]:
    return {
        (one["EvalActionName"], one["EvalResourceName"]): one["EvalDecision"] for one in answer["EvaluationResults"]
    }


@pytest.mark.parametrize("source", [ALICE, GROUP])
def test_the_answer_is_that_which_aws_was_recorded_to_give(iam: Any, source: str) -> None:
    # https://github.com/localstack/localstack/blob/main/tests/aws/services/iam/test_iam.snapshot.json
    answer = iam.simulate_principal_policy(
        PolicySourceArn=source, ActionNames=["s3:PutObject", "s3:GetObjectVersion"], ResourceArns=[BUCKET]
    )
    matched = {
        "SourcePolicyId": "Write",
        "SourcePolicyType": "IAM Policy",
        "StartPosition": {"Line": 1, "Column": 41},
        "EndPosition": {"Line": 1, "Column": 113},
    }
    assert answer["EvaluationResults"] == [
        {
            "EvalActionName": action,
            "EvalResourceName": BUCKET,
            "EvalDecision": decision,
            "EvalDecisionDetails": {},
            "MatchedStatements": statements,
            "MissingContextValues": [],
            "ResourceSpecificResults": [
                {
                    "EvalResourceName": BUCKET,
                    "EvalResourceDecision": decision,
                    "MatchedStatements": statements,
                    "MissingContextValues": [],
                }
            ],
        }
        for action, decision, statements in (
            ("s3:PutObject", "allowed", [matched]),
            ("s3:GetObjectVersion", "implicitDeny", []),
        )
    ]
    assert answer["IsTruncated"] is False


def test_a_deny_is_the_only_matched_statement_and_lines_and_columns_are_its_place(iam: Any) -> None:
    text = """{
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow", "Action": "s3:*", "Resource": "*"
        },
        {"Effect": "Deny", "Action": "s3:Get*", "Resource": "*", "Condition": {
            "StringNotEquals": {"aws:PrincipalTag/team": "red"}}}]
}"""
    (found,) = iam.simulate_custom_policy(PolicyInputList=[text], ActionNames=["s3:GetObject"])["EvaluationResults"]
    (matched,) = found["MatchedStatements"]
    assert found["EvalDecision"] == "explicitDeny"
    assert (matched["SourcePolicyId"], matched["StartPosition"]) == ("PolicyInputList.1", {"Line": 6, "Column": 11})
    assert matched["EndPosition"] == {"Line": 8, "Column": 66}
    assert found["MissingContextValues"] == ["aws:PrincipalTag/team"]
    entry = {"ContextKeyName": "aws:PrincipalTag/team", "ContextKeyType": "string", "ContextKeyValues": ["red"]}
    (found,) = iam.simulate_custom_policy(PolicyInputList=[text], ActionNames=["s3:GetObject"], ContextEntries=[entry])[
        "EvaluationResults"
    ]
    assert (found["EvalDecision"], found["MissingContextValues"]) == ("allowed", [])


def test_the_permissions_boundary_limits_the_result(iam: Any) -> None:
    found = iam.simulate_custom_policy(
        PolicyInputList=[allowing("*")],
        PermissionsBoundaryPolicyInputList=[allowing("s3:*")],
        ActionNames=["s3:GetObject", "sqs:SendMessage"],
    )["EvaluationResults"]
    bounds = [one["PermissionsBoundaryDecisionDetail"]["AllowedByPermissionsBoundary"] for one in found]
    assert bounds == [True, False]
    assert [one["EvalDecision"] for one in found] == ["allowed", "implicitDeny"]


def test_service_control_policies_limit_the_result(iam: Any) -> None:
    shape = iam.meta.service_model.operation_model("SimulateCustomPolicy").input_shape
    if "OrderedOrganizationPolicyInputList" not in shape.members:
        pytest.skip("this botocore does not know the parameter")
    levels = [{"ServiceControlPolicyInputList": [allowing(action)]} for action in ("*", "s3:*")]
    found = iam.simulate_custom_policy(
        PolicyInputList=[allowing("*")],
        OrderedOrganizationPolicyInputList=levels,
        ActionNames=["s3:GetObject", "sqs:SendMessage"],
    )["EvaluationResults"]
    by_organization = [one["OrganizationsDecisionDetail"]["AllowedByOrganizations"] for one in found]
    assert by_organization == [True, False]
    assert [one["EvalDecision"] for one in found] == ["allowed", "implicitDeny"]


def test_a_resource_policy_decides_across_accounts(iam: Any) -> None:
    def simulate(principal: str, **options: Any) -> dict[str, Any]:
        statement = {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": "s3:*", "Resource": "*"}
        options = {"ResourcePolicy": document(statement), "ResourceOwner": PROD, **options}
        (found,) = iam.simulate_custom_policy(
            ActionNames=["s3:GetObject"], ResourceArns=[f"{BUCKET}/k"], CallerArn=f"arn:aws:iam::{DEV}:user/dev",
            **options,
        )["EvaluationResults"]  # fmt: skip
        return dict(found)

    granted = simulate(DEV, PolicyInputList=[allowing("s3:*")])
    assert granted["EvalDecision"] == "allowed"
    assert {one["SourcePolicyId"] for one in granted["MatchedStatements"]} == {"ResourcePolicy", "PolicyInputList.1"}
    assert simulate(PROD, PolicyInputList=[allowing("s3:*")])["EvalDecisionDetails"] == {
        "IAM Policy": "allowed",
        "Resource Policy": "implicitDeny",
    }
    assert simulate(DEV, PolicyInputList=[allowing("sqs:*")])["EvalDecision"] == "implicitDeny"


def test_trust_policies_and_key_policies_are_ignored_as_on_aws(iam: Any) -> None:
    role, key = f"arn:aws:iam::{DEV}:role/Reader", f"arn:aws:kms:eu-central-1:{PROD}:key/1"
    answer = iam.simulate_custom_policy(
        PolicyInputList=[allowing("*")], ActionNames=["sts:AssumeRole", "kms:Decrypt"], ResourceArns=[role, key]
    )
    assert set(decisions(answer).values()) == {"allowed"}


def test_results_come_in_pages(iam: Any) -> None:
    pages = iam.get_paginator("simulate_custom_policy").paginate(
        PolicyInputList=[allowing("s3:*")],
        ActionNames=["s3:GetObject", "s3:PutObject", "sqs:SendMessage"],
        PaginationConfig={"PageSize": 2},
    )
    found = [decisions(page) for page in pages]
    assert found == [
        {("s3:GetObject", "*"): "allowed", ("s3:PutObject", "*"): "allowed"},
        {("sqs:SendMessage", "*"): "implicitDeny"},
    ]


def test_the_context_keys_of_policies_are_listed(iam: Any) -> None:
    secure = {"Bool": {"aws:SecureTransport": "true"}}
    statement = {"Effect": "Allow", "Action": "s3:*", "Resource": f"{BUCKET}/${{aws:username}}/*", "Condition": secure}
    answer = iam.get_context_keys_for_custom_policy(PolicyInputList=[document(statement)])
    assert answer["ContextKeyNames"] == ["aws:SecureTransport", "aws:username"]
    assert iam.get_context_keys_for_principal_policy(PolicySourceArn=ALICE)["ContextKeyNames"] == []


def test_a_caller_needs_the_permission_to_simulate_a_principal(iam: Any) -> None:
    iam.bob.simulate_principal_policy(PolicySourceArn=ALICE, ActionNames=["s3:PutObject"])
    text = refusal(iam.bob.simulate_principal_policy, PolicySourceArn=GROUP, ActionNames=["s3:PutObject"])
    assert f"iam:SimulatePrincipalPolicy on resource: {GROUP}" in text


@pytest.mark.parametrize(
    "options",
    [
        {"PolicyInputList": ["{}"]},
        {"ActionNames": ["s3:Get*"]},
        {"ResourceArns": ["reports"]},
        {"PermissionsBoundaryPolicyInputList": [allowing("s3:*"), allowing("sqs:*")]},
        {"ContextEntries": [{"ContextKeyName": "s3:max-keys", "ContextKeyType": "numeric", "ContextKeyValues": ["x"]}]},
    ],
)
def test_invalid_input_is_an_error(iam: Any, options: dict[str, Any]) -> None:
    valid = {"PolicyInputList": [allowing("s3:*")], "ActionNames": ["s3:GetObject"]}
    assert refusal(iam.simulate_custom_policy, **{**valid, **options}).startswith("400 InvalidInput: ")


def test_a_principal_that_does_not_exist_is_an_error(iam: Any) -> None:
    missing = f"arn:aws:iam::{PROD}:role/Reader"
    assert refusal(iam.simulate_principal_policy, PolicySourceArn=missing, ActionNames=["s3:GetObject"]).startswith(
        "404 NoSuchEntity: "
    )


def test_the_organization_of_a_principal_limits_the_result(iam: Any) -> None:
    iam.aws.organization({"Workloads": [PROD]}, management=DEV)
    answer = iam.simulate_principal_policy(PolicySourceArn=ALICE, ActionNames=["s3:PutObject"])
    assert answer["EvaluationResults"][0]["OrganizationsDecisionDetail"] == {"AllowedByOrganizations": True}
