"""Callers that an identity provider signed in: who trusts them, and their claims as context keys."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from xacct import AccessRequest, InvalidValue, PolicyDocument, PolicySet, evaluate

ACCOUNT = "111111111111"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/Deploy"
GITHUB = "token.actions.githubusercontent.com"
GITHUB_ARN = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{GITHUB}"
SAML_ARN = f"arn:aws:iam::{ACCOUNT}:saml-provider/idp"


def trust(action: str, provider: str, condition: dict[str, Any] | None = None, **more: Any) -> PolicySet:
    statement = {"Effect": "Allow", "Action": action, "Principal": {"Federated": provider}, **more}
    return PolicySet(
        resource={
            "Version": "2012-10-17",
            "Statement": {**statement, "Condition": condition} if condition else statement,
        }
    )


def web_identity(provider: str, claims: dict[str, Any], **context: Any) -> AccessRequest:
    return AccessRequest.assume_role_with_web_identity(ROLE, provider=provider, claims=claims, context=context)


# https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create_for-idp_oidc.html
@pytest.mark.parametrize("given", [GITHUB, f"https://{GITHUB}", GITHUB_ARN])
@pytest.mark.parametrize(
    ("claims", "allowed"),
    [
        ({"sub": "repo:octo/app:ref:refs/heads/main", "aud": "sts.amazonaws.com"}, True),
        ({"sub": "repo:octo/app:pull_request", "aud": "sts.amazonaws.com"}, True),
        ({"sub": "repo:evil/app:ref:refs/heads/main", "aud": "sts.amazonaws.com"}, False),
        ({"sub": "repo:octo/app:ref:refs/heads/main", "aud": "another"}, False),
        ({"sub": "repo:octo/app:ref:refs/heads/main"}, False),
        ({}, False),
    ],
)
def test_a_workflow_of_a_trusted_repository_assumes_the_role(given: str, claims: dict[str, Any], allowed: bool) -> None:
    condition = {
        "StringEquals": {f"{GITHUB}:aud": "sts.amazonaws.com"},
        "StringLike": {f"{GITHUB}:sub": "repo:octo/app:*"},
    }
    policies = trust("sts:AssumeRoleWithWebIdentity", GITHUB_ARN, condition)
    assert evaluate(web_identity(given, claims), policies).allowed is allowed


def test_a_provider_of_another_account_or_name_is_not_trusted() -> None:
    policies = trust("sts:AssumeRoleWithWebIdentity", GITHUB_ARN)
    other_account = GITHUB_ARN.replace(ACCOUNT, "2" * 12)
    for provider in (other_account, "gitlab.com", "accounts.google.com"):
        assert not evaluate(web_identity(provider, {"sub": "x"}), policies).allowed
    assert not evaluate(web_identity(GITHUB, {}), trust("sts:AssumeRole", GITHUB_ARN)).allowed


# https://docs.aws.amazon.com/cognito/latest/developerguide/iam-roles.html
def test_a_user_of_an_identity_pool_is_a_federated_caller_not_a_service() -> None:
    cognito = "cognito-identity.amazonaws.com"
    condition = {
        "StringEquals": {f"{cognito}:aud": "eu-west-1:pool"},
        "ForAnyValue:StringLike": {f"{cognito}:amr": "authenticated"},
    }
    policies = trust("sts:AssumeRoleWithWebIdentity", cognito, condition)
    user = {"aud": "eu-west-1:pool", "amr": ["authenticated", "www.amazon.com"], "sub": "eu-west-1:user"}
    request = web_identity(cognito, user)
    assert (request.principal, request.caller.kind) == (cognito, "provider")
    assert "aws:principalservicename" not in request.context
    assert evaluate(request, policies).allowed
    assert not evaluate(web_identity(cognito, {**user, "amr": "unauthenticated"}), policies).allowed
    by_hand = AccessRequest(principal=cognito, action="sts:AssumeRoleWithWebIdentity", resource=ROLE)
    assert by_hand.caller.kind == "provider"


def test_a_service_and_a_user_are_not_the_provider_with_the_same_right() -> None:
    policies = trust("sts:AssumeRoleWithWebIdentity", "cognito-identity.amazonaws.com")
    for principal in ("cognito-idp.amazonaws.com", f"arn:aws:iam::{ACCOUNT}:user/dev", "*"):
        request = AccessRequest(principal=principal, action="sts:AssumeRoleWithWebIdentity", resource=ROLE)
        assert not evaluate(request, policies).allowed


# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html#condition-keys-wif
@pytest.mark.parametrize(
    ("claims", "aud", "oaud"),
    [({"aud": "web"}, "web", "web"), ({"aud": "web", "azp": "android"}, "android", "web")],
)
def test_the_audience_of_google_is_the_authorized_party(claims: dict[str, str], aud: str, oaud: str) -> None:
    context = web_identity("accounts.google.com", claims).context
    assert (context["accounts.google.com:aud"], context["accounts.google.com:oaud"]) == ((aud,), (oaud,))


def test_another_provider_has_the_audience_of_its_token() -> None:
    context = web_identity(GITHUB, {"aud": "web", "azp": "android"}).context
    assert context[f"{GITHUB}:aud"] == ("web",)
    assert f"{GITHUB}:oaud" not in context


def test_the_path_of_a_provider_is_part_of_its_keys() -> None:
    # https://docs.aws.amazon.com/eks/latest/userguide/associate-service-account-role.html
    cluster = "oidc.eks.eu-west-1.amazonaws.com/id/ABC123"
    request = web_identity(cluster, {"sub": "system:serviceaccount:default:app"})
    assert request.principal == f"arn:aws:iam::{ACCOUNT}:oidc-provider/{cluster}"
    assert request.context[f"{cluster}:sub".lower()] == ("system:serviceaccount:default:app",)


# https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html#id_session-tags_adding-assume-role-idp
def test_session_tags_and_the_source_identity_of_a_token_need_their_own_permissions() -> None:
    claims = {
        "sub": "ada",
        "https://aws.amazon.com/tags": {"principal_tags": {"team": ["data"]}, "transitive_tag_keys": ["team"]},
        "https://aws.amazon.com/source_identity": "ada",
        "profile": {"email": "ada@example.com"},
        "groups": [{"id": 1}],
        "email_verified": True,
        "iat": 1544218355,
    }
    request = web_identity(GITHUB, claims)
    assert request.actions == ("sts:AssumeRoleWithWebIdentity", "sts:TagSession", "sts:SetSourceIdentity")
    own = {key: value for key, value in request.context.items() if not key.startswith("aws:")}
    assert own == {
        f"{GITHUB}:sub": ("ada",),
        f"{GITHUB}:email_verified": ("true",),
        f"{GITHUB}:iat": ("1544218355",),
        "sts:sourceidentity": ("ada",),
        "sts:transitivetagkeys": ("team",),
    }
    assert request.context["aws:requesttag/team"] == ("data",)
    assert request.context["aws:tagkeys"] == ("team",)
    assert evaluate(request, trust("sts:AssumeRoleWithWebIdentity", GITHUB_ARN)).action == "sts:TagSession"
    assert evaluate(request, trust("sts:*", GITHUB_ARN)).allowed


# https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create_for-idp_saml.html
@pytest.mark.parametrize("provider", ["idp", SAML_ARN])
@pytest.mark.parametrize(
    ("aud", "allowed"), [("https://signin.aws.amazon.com/saml", True), ("https://elsewhere", False)]
)
def test_a_user_of_a_saml_provider_assumes_a_role_for_the_audience(provider: str, aud: str, allowed: bool) -> None:
    condition = {"StringEquals": {"SAML:aud": "https://signin.aws.amazon.com/saml", "saml:doc": f"{ACCOUNT}/idp"}}
    request = AccessRequest.assume_role_with_saml(ROLE, provider=provider, attributes={"aud": aud, "sub": "ada"})
    assert (request.principal, request.action) == (SAML_ARN, "sts:AssumeRoleWithSAML")
    assert evaluate(request, trust("sts:AssumeRoleWithSAML", SAML_ARN, condition)).allowed is allowed


# https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html#id_session-tags_adding-assume-role-saml
def test_session_tags_and_the_source_identity_of_an_assertion_are_context_keys() -> None:
    names = "https://aws.amazon.com/SAML/Attributes"
    attributes = {
        f"{names}/PrincipalTag:team": "data",
        f"{names}/TransitiveTagKeys": ["team"],
        f"{names}/SourceIdentity": "ada",
        "eduPersonAffiliation": ["staff", "faculty"],
    }
    request = AccessRequest.assume_role_with_saml(ROLE, provider="idp", attributes=attributes)
    assert request.actions == ("sts:AssumeRoleWithSAML", "sts:TagSession", "sts:SetSourceIdentity")
    assert request.context["saml:edupersonaffiliation"] == ("staff", "faculty")
    assert request.context["aws:requesttag/team"] == ("data",)
    assert request.context["sts:transitivetagkeys"] == ("team",)
    assert request.context["sts:sourceidentity"] == ("ada",)
    assert not any("amazon.com" in key for key in request.context)


def test_other_context_keys_can_be_given() -> None:
    assert web_identity(GITHUB, {}, **{"sts:RoleSessionName": "run-7"}).context["sts:rolesessionname"] == ("run-7",)
    request = AccessRequest.assume_role_with_saml(
        ROLE, provider="idp", attributes={}, context={"sts:RoleSessionName": "ada"}
    )
    assert request.context["sts:rolesessionname"] == ("ada",)


@pytest.mark.parametrize(("provider", "kind"), [(SAML_ARN, "oidc"), ("", "oidc"), (GITHUB_ARN, "saml"), ("", "saml")])
def test_a_provider_of_the_other_kind_is_refused(provider: str, kind: str) -> None:
    assume = {
        "oidc": partial(AccessRequest.assume_role_with_web_identity, claims={}),
        "saml": partial(AccessRequest.assume_role_with_saml, attributes={}),
    }
    with pytest.raises(InvalidValue, match=f"identity provider of kind {kind}"):
        assume[kind](ROLE, provider=provider)


def test_the_suggested_principal_is_a_federated_one() -> None:
    other = {"Effect": "Allow", "Action": "sts:TagSession", "Principal": {"Federated": GITHUB_ARN}}
    policies = PolicySet(resource=PolicyDocument.parse({"Version": "2012-10-17", "Statement": other}))
    text = str(evaluate(web_identity(GITHUB, {}), policies))
    assert f'"Action": "sts:AssumeRoleWithWebIdentity", "Principal": {{"Federated": "{GITHUB_ARN}"}}' in text
