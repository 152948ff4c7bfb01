"""The table of OpenID Connect providers: its claims exist, and its examples have the forms that it lists."""

from __future__ import annotations

import pytest

from xacct.access_audit.checks.oidc_providers import OidcProvider, form_pattern, provider_of
from xacct.reference import find_condition_key

NAMES = (
    "token.actions.githubusercontent.com", "token.actions.githubusercontent.com/octo", "token.actions.octo.ghe.com",
    "gitlab.com", "app.terraform.io", "app.eu.terraform.io", "agent.buildkite.com", "oidc.vercel.com",
    "oidc.vercel.com/octo", "oidc.eks.eu-west-1.amazonaws.com/id/ABC", "cognito-identity.amazonaws.com",
    "accounts.google.com", "graph.facebook.com", "www.amazon.com", "oidc.circleci.com/org/1",
    "api.bitbucket.org/2.0/workspaces/octo/pipelines-config/identity/oidc", "idp.example.com",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_every_claim_is_a_condition_key_of_aws(name: str) -> None:
    assert [claim for claim in provider_of(name).claims if find_condition_key(f"{name}:{claim}") is None] == []


@pytest.mark.parametrize("name", NAMES)
def test_every_example_has_one_of_its_forms(name: str) -> None:
    for claim in provider_of(name).claims.values():
        if claim.ownership in ("named", "assigned"):
            assert any(form_pattern(form).matches(claim.example) for form in claim.forms), claim


@pytest.mark.parametrize("name", NAMES)
def test_every_provider_has_a_page_and_a_way_to_name_the_owner(name: str) -> None:
    provider = provider_of(name)
    assert provider.source.startswith("https://")
    assert provider.stranger.endswith(".")
    assert provider.fix.keys() <= provider.claims.keys()


@pytest.mark.parametrize(
    ("name", "lookalike"),
    [
        ("token.actions.githubusercontent.com", "token-actions.githubusercontent.com"),
        ("gitlab.com", "gitlab.com.example.com"),
        ("app.terraform.io", "my.app.terraform.io"),
        ("accounts.google.com", "accounts.google.com.example.com"),
    ],
)
def test_a_name_that_only_looks_like_a_provider_is_unknown(name: str, lookalike: str) -> None:
    assert provider_of(name).scope == "everyone"
    assert provider_of(lookalike).scope == "unknown"


@pytest.mark.parametrize(
    ("subject", "title"),
    [
        ("project_path:octo/app:*", "the GitLab server"),
        ("organization:octo:*", "the Terraform Enterprise server"),
        ("repo:octo/app:*", "the GitHub server"),
        ("alice", "the identity provider"),
    ],
)
def test_a_server_that_somebody_runs_is_recognized_by_its_subjects(subject: str, title: str) -> None:
    provider: OidcProvider = provider_of("ci.example.com", (subject,))
    assert (provider.title, provider.scope) == (title, "unknown")
