"""Policies as AWS takes them: trust, identity, bucket and key policies."""

from __future__ import annotations

from typing import Any

import pytest
from tests.testing.conftest import DEV, PROD, REGION, Two, allowing, create_role, document, refusal, trusting

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
def test_a_trust_policy_names_principals_that_are_there(two: Two, principal: Any, written: str) -> None:
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
def test_a_trust_policy_takes_principals_that_are_there(two: Two, principal: Any) -> None:
    assert create_role(two, trusting(principal))["RoleName"] == "Reader"


def test_a_provider_that_is_there_may_be_trusted(two: Two) -> None:
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
        (trusting().replace("Principal", "NotPrincipal"), "Has prohibited field NotPrincipal"),
        (trusting(Action="s3:GetObject"), "AssumeRole policy may only specify STS AssumeRole actions."),
    ],
)
def test_a_trust_policy_that_is_none_is_refused(two: Two, trust: str, text: str) -> None:
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
def test_a_policy_document_is_parsed_when_it_is_written(two: Two, policy: str, text: str) -> None:
    iam = two.dev.client("iam")
    inline = refusal(iam.put_user_policy, UserName="Administrator", PolicyName="p", PolicyDocument=policy)
    managed = refusal(iam.create_policy, PolicyName="p", PolicyDocument=policy)
    assert inline == managed == f"400 MalformedPolicyDocument: {text}"


def test_a_trusted_account_reads_back_as_its_root(two: Two) -> None:
    create_role(two, trusting([PROD, DEV]))
    role = two.prod.client("iam").get_role(RoleName="Reader")["Role"]
    principal = role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]
    assert principal == {"AWS": [f"arn:aws:iam::{PROD}:root", f"arn:aws:iam::{DEV}:root"]}


@pytest.mark.parametrize(
    ("policy", "text"),
    [
        ("{", "Policies must be valid JSON and the first byte must be '{'"),
        (trusting(Action="s3:*", Resource="arn:aws:s3:::other/*"), "Policy has invalid resource"),
        (trusting("444444444444", Action="s3:*", Resource="arn:aws:s3:::reports/*"), "Invalid principal in policy"),
        (document({"Effect": "Perhaps"}), ""),
    ],
)
def test_a_bucket_policy_is_about_its_bucket_and_principals_that_are_there(two: Two, policy: str, text: str) -> None:
    s3 = two.prod.client("s3")
    s3.create_bucket(Bucket="reports", CreateBucketConfiguration={"LocationConstraint": REGION})
    said = refusal(s3.put_bucket_policy, Bucket="reports", Policy=policy)
    assert said.startswith("400 MalformedPolicy: ")
    assert text in said


def test_a_key_policy_names_principals_that_are_there(two: Two) -> None:
    kms = two.prod.client("kms")
    use = trusting("444444444444", Action="kms:*", Resource="*")
    assert refusal(kms.create_key, Policy=use) == (
        "400 MalformedPolicyDocumentException: Policy contains a statement with one or more invalid principals."
    )
    assert refusal(kms.create_key, Policy="{}").startswith("400 MalformedPolicyDocumentException: ")
