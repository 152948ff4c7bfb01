"""Validation of policy documents: trust, identity, bucket and key policies."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.testing.conftest import (
    DEV,
    PROD,
    REGION,
    Two,
    allowing,
    create_role,
    create_user,
    document,
    refusal,
    trusting,
)

ROLE = f"arn:aws:iam::{PROD}:role/Reader"
USER = f"arn:aws:iam::{DEV}:user/alice"


@pytest.mark.parametrize(
    ("principal", "written"),
    [
        (USER, f'"AWS":"{USER}"'),
        (f"arn:aws:iam::{DEV}:role/Missing", f'"AWS":"arn:aws:iam::{DEV}:role/Missing"'),
        ("333333333333", '"AWS":"333333333333"'),
        ("arn:aws:iam::333333333333:root", '"AWS":"arn:aws:iam::333333333333:root"'),
        (f"arn:aws:iam::{DEV}:group/developers", f'"AWS":"arn:aws:iam::{DEV}:group/developers"'),
        (
            f"arn:aws:sts::{DEV}:assumed-role/Missing/session",
            f'"AWS":"arn:aws:sts::{DEV}:assumed-role/Missing/session"',
        ),
        (f"arn:aws-cn:iam::{DEV}:root", f'"AWS":"arn:aws-cn:iam::{DEV}:root"'),
        (ROLE, f'"AWS":"{ROLE}"'),
        ({"Service": "lambda"}, '"SERVICE":"lambda"'),
        (
            {"Federated": f"arn:aws:iam::{PROD}:saml-provider/missing"},
            f'"FEDERATED":"arn:aws:iam::{PROD}:saml-provider/missing"',
        ),
    ],
)
def test_a_trust_policy_with_a_missing_principal_is_refused(two: Two, principal: Any, written: str) -> None:
    text = refusal(two.prod.client("iam").create_role, RoleName="Reader", AssumeRolePolicyDocument=trusting(principal))
    assert text == f"400 MalformedPolicyDocument: Invalid principal in policy: {written}"


@pytest.mark.parametrize(
    "principal",
    [
        "*",
        DEV,
        f"arn:aws:iam::{DEV}:root",
        f"arn:aws:iam::{DEV}:user/Administrator",
        {"Service": "lambda.amazonaws.com"},
        {"Federated": "cognito-identity.amazonaws.com"},
        {"AWS": [DEV, PROD]},
    ],
)
def test_a_trust_policy_with_existing_principals_is_accepted(two: Two, principal: Any) -> None:
    assert create_role(two, trusting(principal))["RoleName"] == "Reader"


def test_an_existing_identity_provider_can_be_trusted(two: Two) -> None:
    provider = two.prod.client("iam").create_open_id_connect_provider(
        Url="https://token.example.com", ThumbprintList=["a" * 40]
    )["OpenIDConnectProviderArn"]
    assert create_role(two, trusting({"Federated": provider}))


@pytest.mark.parametrize(
    ("trust", "text"),
    [
        ("{", "This policy contains invalid Json"),
        (document({"Effect": "Perhaps", "Principal": "*", "Action": "sts:AssumeRole"}), "Syntax errors in policy."),
        (document({"Effect": "Allow", "Action": "sts:AssumeRole"}), "Missing required field Principal"),
        (trusting(Resource="*"), "Has prohibited field Resource"),
        (trusting(NotResource="*"), "Has prohibited field NotResource"),
        (trusting(Action=["sts:AssumeRole", "s3:*"]), "AssumeRole policy may only specify STS AssumeRole actions."),
        (trusting().replace("Principal", "NotPrincipal"), "Has prohibited field NotPrincipal"),
        (trusting(Action="s3:GetObject"), "AssumeRole policy may only specify STS AssumeRole actions."),
    ],
)
def test_an_invalid_trust_policy_is_refused(two: Two, trust: str, text: str) -> None:
    iam = two.prod.client("iam")
    assert refusal(iam.create_role, RoleName="Reader", AssumeRolePolicyDocument=trust).endswith(f"Document: {text}")
    create_role(two)
    written = refusal(iam.update_assume_role_policy, RoleName="Reader", PolicyDocument=trust)
    assert written == f"400 MalformedPolicyDocument: {text}"


@pytest.mark.parametrize(
    ("policy", "text"),
    [
        ("{}", "Syntax errors in policy."),
        (trusting(Action="s3:*", Resource="*"), "Policy document should not specify a principal."),
        (allowing("everything"), "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."),
        (allowing("s3:*", "reports"), 'Resource reports must be in ARN format or "*".'),
        (allowing("s3:*").replace("Version", "version"), "Syntax errors in policy."),
    ],
)
def test_an_invalid_identity_policy_is_refused(two: Two, policy: str, text: str) -> None:
    iam = two.dev.client("iam")
    inline = refusal(iam.put_user_policy, UserName="Administrator", PolicyName="p", PolicyDocument=policy)
    managed = refusal(iam.create_policy, PolicyName="p", PolicyDocument=policy)
    assert inline == managed == f"400 MalformedPolicyDocument: {text}"


def test_a_trusted_account_id_is_stored_as_the_arn_of_its_root(two: Two) -> None:
    create_role(two, trusting([PROD, DEV]))
    role = two.prod.client("iam").get_role(RoleName="Reader")["Role"]
    principal = role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]
    assert principal == {"AWS": [f"arn:aws:iam::{PROD}:root", f"arn:aws:iam::{DEV}:root"]}


@pytest.mark.parametrize(
    ("policy", "text"),
    [
        ("{", "Policies must be valid JSON and the first byte must be '{'"),
        (trusting(Action="s3:*", Resource="arn:aws:s3:::other/*"), "Policy has invalid resource"),
        (trusting(Action="s3:*", Resource="arn:aws:s3:::reports2/*"), "Policy has invalid resource"),
        (trusting("444444444444", Action="s3:*", Resource="arn:aws:s3:::reports/*"), "Invalid principal in policy"),
        (document({"Effect": "Perhaps"}), ""),
    ],
)
def test_an_invalid_bucket_policy_is_refused(two: Two, policy: str, text: str) -> None:
    s3 = two.prod.client("s3")
    s3.create_bucket(Bucket="reports", CreateBucketConfiguration={"LocationConstraint": REGION})
    said = refusal(s3.put_bucket_policy, Bucket="reports", Policy=policy)
    assert said.startswith("400 MalformedPolicy: ")
    assert text in said


def test_an_invalid_key_policy_is_refused(two: Two) -> None:
    kms = two.prod.client("kms")
    use = trusting("444444444444", Action="kms:*", Resource="*")
    assert refusal(kms.create_key, Policy=use) == (
        "400 MalformedPolicyDocumentException: Policy contains a statement with one or more invalid principals."
    )
    assert refusal(kms.create_key, Policy="{}").startswith("400 MalformedPolicyDocumentException: ")


@pytest.mark.parametrize("resource", ["arn:aws:s3:::reports", "arn:aws:s3:::reports/*", "arn:aws:s3:::reports*"])
def test_a_bucket_policy_may_name_the_bucket_and_its_objects(two: Two, resource: str) -> None:
    s3 = two.prod.client("s3")
    s3.create_bucket(Bucket="reports", CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_bucket_policy(Bucket="reports", Policy=trusting(Action="s3:*", Resource=resource))


def test_a_condition_on_a_principals_arn_keeps_the_arn_of_a_deleted_user(two: Two) -> None:
    unique = create_user(two)["UserId"]
    condition = {"ArnEquals": {"aws:PrincipalArn": USER}}
    create_role(two, trusting([USER, DEV], Condition=condition))
    two.dev.client("iam").delete_user(UserName="alice")
    role = two.prod.client("iam").get_role(RoleName="Reader")["Role"]
    statement = role["AssumeRolePolicyDocument"]["Statement"][0]
    assert statement["Principal"] == {"AWS": [unique, f"arn:aws:iam::{DEV}:root"]}
    assert statement["Condition"] == condition


def test_a_single_statement_need_not_be_in_a_list(two: Two) -> None:
    statement = {"Effect": "Allow", "Principal": {"AWS": DEV}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": statement})
    create_role(two, trust)
    stored = two.prod.client("iam").get_role(RoleName="Reader")["Role"]["AssumeRolePolicyDocument"]
    assert stored["Statement"]["Principal"] == {"AWS": f"arn:aws:iam::{DEV}:root"}
