"""Principals."""

from __future__ import annotations

import pytest

from xacct import Condition, InvalidValue, Principal

ACCOUNT = "222222222222"


def test_an_account_id_and_its_root_arn_are_equal() -> None:
    assert Principal("AWS", ACCOUNT) == Principal.account(ACCOUNT)
    assert hash(Principal("AWS", ACCOUNT)) == hash(Principal.account(ACCOUNT))
    assert Principal("AWS", ACCOUNT).is_account
    assert Principal("AWS", ACCOUNT).account_id == ACCOUNT
    assert Principal("AWS", ACCOUNT).partition is None


def test_users_and_roles_have_an_account_and_a_partition() -> None:
    user = Principal.user(ACCOUNT, "dev", partition="aws-cn")
    assert (user.value, user.account_id, user.partition) == (f"arn:aws-cn:iam::{ACCOUNT}:user/dev", ACCOUNT, "aws-cn")
    assert not Principal.role(ACCOUNT, "Builder", "/ci/").is_account


def test_a_permission_set_is_the_account_with_a_condition_on_its_role() -> None:
    principal = Principal.permission_set(ACCOUNT, "Reader")
    assert principal.is_account
    (condition,) = principal.conditions
    roles = f"arn:aws:iam::{ACCOUNT}:role/aws-reserved/sso.amazonaws.com"
    suffix = "?" * 16
    assert condition == Condition(
        "ArnLike",
        "aws:PrincipalArn",
        [f"{roles}/AWSReservedSSO_Reader_{suffix}", f"{roles}/*/AWSReservedSSO_Reader_{suffix}"],
    )


def test_an_organization_is_everyone_with_a_condition_on_the_organization() -> None:
    principal = Principal.organization("o-abcdefghij")
    assert principal.is_anyone
    assert principal.conditions == (Condition("StringEquals", "aws:PrincipalOrgID", "o-abcdefghij"),)
    assert principal != Principal.anyone()


@pytest.mark.parametrize("name", ["lambda.amazonaws.com", "ec2.amazonaws.com.cn", "sts.us-west-2.amazonaws.com"])
def test_a_service_is_recognized_by_its_name(name: str) -> None:
    assert Principal.parse(name) == Principal.service(name)
    assert Principal.service(name).account_id is None


@pytest.mark.parametrize("text", [ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/dev", "*", "AIDAIOSFODNN7EXAMPLE1"])
def test_other_values_are_aws_principals(text: str) -> None:
    assert Principal.parse(text).kind == "AWS"
    assert Principal.parse(Principal.parse(text)) == Principal.parse(text)


@pytest.mark.parametrize(("value", "deleted"), [("AIDAIOSFODNN7EXAMPLE1", True), (ACCOUNT, False)])
def test_a_unique_id_is_a_deleted_principal(value: str, deleted: bool) -> None:
    assert Principal("AWS", value).is_deleted is deleted


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        ("dev", "an account id of 12 digits"),
        (f"arn:aws:iam::{ACCOUNT}:user/*", "does not match wildcards"),
        (f"arn:aws:iam::{ACCOUNT}:role/a?", "does not match wildcards"),
        (f"arn:aws:iam::{ACCOUNT}:group/devs", "an account, a user, a role or a session"),
        ("arn:aws:s3:::reports", "an account, a user, a role or a session"),
        ("arn:aws:iam::12:role/a", "12 digits"),
        (f"arn:aws:iam::{ACCOUNT}:saml-provider/idp", "is a Federated principal"),
        ("arn:aws:iam::cloudfront:user/dev", "12 digits"),
        ("", "not empty"),
    ],
)
def test_values_that_aws_does_not_accept_raise(value: str, rule: str) -> None:
    with pytest.raises(InvalidValue, match=rule):
        Principal("AWS", value)


def test_each_constructor_checks_its_name() -> None:
    with pytest.raises(InvalidValue, match="has the form name"):
        Principal.service("Lambda")
    with pytest.raises(InvalidValue, match="'o-' and 10 to 32"):
        Principal.organization("r-1234")
    with pytest.raises(InvalidValue, match="1 to 32 letters"):
        Principal.permission_set(ACCOUNT, "Reader*")
    with pytest.raises(InvalidValue, match="12 digits"):
        Principal.permission_set("1", "Reader")
    with pytest.raises(InvalidValue, match="one of AWS, Service"):
        Principal("Group", "x")  # type: ignore[arg-type]


# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html#principal-federated-web-identity
@pytest.mark.parametrize(
    "provider",
    [
        "accounts.google.com",
        "graph.facebook.com",
        "www.amazon.com",
        "cognito-identity.amazonaws.com",
        "cognito-identity-us-gov.amazonaws.com",
        "cognito-identity.cn-north-1.amazonaws.com.cn",
        f"arn:aws:iam::{ACCOUNT}:saml-provider/idp",
        f"arn:aws:iam::{ACCOUNT}:oidc-provider/token.actions.githubusercontent.com",
    ],
)
def test_an_identity_provider_is_federated(provider: str) -> None:
    assert Principal.parse(provider) == Principal.federated(provider)
    assert Principal.federated(provider).kind == "Federated"


def test_cognito_user_pools_are_a_service() -> None:
    assert Principal.parse("cognito-idp.amazonaws.com").kind == "Service"


# https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-restricting-access-to-s3.html
def test_an_origin_access_identity_of_cloudfront_is_a_principal_without_an_account() -> None:
    arn = "arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity EH1HDMB1FH2TC"
    principal = Principal.parse(arn)
    assert (principal.kind, principal.value, principal.account_id, principal.partition) == ("AWS", arn, None, "aws")
    assert not principal.is_account


def test_the_repr_is_short_and_evaluates_to_an_equal_principal() -> None:
    assert repr(Principal.service("lambda.amazonaws.com")) == "Principal('Service', 'lambda.amazonaws.com')"
    organization = Principal.organization("o-abcdefghij")
    assert eval(repr(organization)) == organization
