"""OpenID Connect providers: whose tokens get in. Each answer is a request that the evaluator decides."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st
from tests.access_audit.checks.policies import ACCOUNT, OTHER, ROLE, SURROUNDINGS, subject

from xacct.access_audit.checks.oidc import oidc_stranger, oidc_without_audience
from xacct.access_audit.checks.statement_requests import is_allowed
from xacct.access_audit.finding import Finding
from xacct.access_audit.subject import Subject
from xacct.authz import AccessRequest
from xacct.policy import Statement

GITHUB = "token.actions.githubusercontent.com"
GITLAB, TERRAFORM, BUILDKITE, COGNITO = (
    "gitlab.com",
    "app.terraform.io",
    "agent.buildkite.com",
    "cognito-identity.amazonaws.com",
)
EKS = "oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE"
CIRCLECI = "oidc.circleci.com/org/11111111-1111-4111-8111-111111111111"
POOL = "us-east-1:12345678-abcd-4bcd-8bcd-123456789012"


def arn(issuer: str, account: str = ACCOUNT) -> str:
    builtin = ("accounts.google.com", "graph.facebook.com", "www.amazon.com", COGNITO)
    return issuer if issuer in builtin else f"arn:aws:iam::{account}:oidc-provider/{issuer}"


def trust(issuer: str, aud: str | None = "sts.amazonaws.com", *, federated: str = "", **more: Any) -> dict[str, Any]:
    """Return a statement; the arguments are its operators, each with claims and values, and other elements."""
    elements = {name: more.pop(name) for name in ("Effect", "Action", "Principal") if name in more}
    conditions: dict[str, dict[str, Any]] = {"StringEquals": {f"{issuer}:aud": aud}} if aud else {}
    for operator, claims in more.items():
        keys = {claim if claim.startswith(("aws:", "sts:")) else f"{issuer}:{claim}": v for claim, v in claims.items()}
        conditions.setdefault(operator.replace("__", ":"), {}).update(keys)
    statement = {"Principal": {"Federated": federated or arn(issuer)}, "Action": "sts:AssumeRoleWithWebIdentity"}
    return {**statement, **({"Condition": conditions} if conditions else {}), **elements}


def strangers(*statements: dict[str, Any], **more: Any) -> list[Finding]:
    policy = subject(*statements, **more)
    found = list(oidc_stranger(policy, SURROUNDINGS))
    for finding in found:
        assert finding.witness is not None
        assert is_allowed(finding.witness, policy)
        assert finding.why.count(". ") == 1
        assert finding.fix.statement is not None
        Statement.parse(finding.fix.statement)
    return found


OPEN = {
    "no condition": trust(GITHUB, None),
    "the audience only": trust(GITHUB),
    "every subject": trust(GITHUB, StringLike={"sub": "*"}),
    "every repository": trust(GITHUB, StringLike={"sub": "repo:*"}),
    "a prefix of the owner": trust(GITHUB, StringLike={"sub": "repo:octo*"}),
    "a prefix of the owner, and a repository": trust(GITHUB, StringLike={"sub": "repo:octo-*/app:*"}),
    "both forms of subjects at once": trust(GITHUB, StringLike={"sub": "repo:octo-org*/app*"}),
    "a letter of the owner": trust(GITHUB, StringLike={"sub": "repo:oct?/app:*"}),
    "the repository only": trust(GITHUB, StringLike={"sub": "repo:*/infra:*"}),
    "the end of the owner": trust(GITHUB, StringLike={"sub": "repo:*octo/infra:ref:refs/heads/main"}),
    "the environment only": trust(GITHUB, StringLike={"sub": "*:environment:prod"}),
    "the branch only": trust(GITHUB, StringLike={"sub": "repo:*:ref:refs/heads/main"}),
    "one value of two": trust(GITHUB, StringLike={"sub": ["repo:octo/*", "repo:*/infra:*"]}),
    "the claim environment": trust(GITHUB, StringEquals={"environment": "prod"}),
    "a custom subject of the environment": trust(GITHUB, StringEquals={"sub": "environment:prod"}),
    "all but some": trust(GITHUB, StringNotLike={"sub": "repo:evil/*"}),
    "all but some, if there": trust(GITHUB, StringNotEqualsIfExists={"sub": "repo:evil/app:ref:refs/heads/main"}),
    "any value of the repository": trust(GITHUB, ForAnyValue__StringLike={"sub": "repo:*/app:*"}),
    "all values, of which some": trust(GITHUB, ForAllValues__StringLike={"sub": "repo:*/app:*"}),
    "an optional claim, if there": trust(GITHUB, StringEqualsIfExists={"enterprise_id": "123"}),
    "all values of an optional claim": trust(GITHUB, ForAllValues__StringEquals={"enterprise_id": "123"}),
    "the claim repository of an owner": trust(GITHUB, StringLike={"repository": "*/infra"}),
    "subject and repository of the same": trust(GITHUB, StringLike={"sub": "repo:octo-*", "repository": "*/infra"}),
    "a workflow of any owner": trust(GITHUB, StringLike={"job_workflow_ref": "*/.github/workflows/deploy.yml@*"}),
    "a workflow in the subject": trust(
        GITHUB, StringLike={"sub": "repo:*:job_workflow_ref:*/deploy.yml@refs/heads/main"}
    ),
    "a bot": trust(GITHUB, StringLike={"actor": "*[bot]"}),
    "any ID": trust(GITHUB, StringLike={"repository_id": "12*"}),
    "not null": trust(GITHUB, Null={"sub": "false"}),
    "ignoring case": trust(GITHUB, StringEqualsIgnoreCase={"environment": "PROD"}),
    "GitLab, the project only": trust(GITLAB, StringLike={"sub": "project_path:*/app:*"}),
    "GitLab, a prefix of the group": trust(GITLAB, StringLike={"sub": "project_path:octo*:ref_type:branch:ref:main"}),
    "GitLab, the branch": trust(GITLAB, StringEquals={"ref_protected": "true"}),
    "HCP Terraform, the workspace only": trust(
        TERRAFORM, "aws.workload.identity", StringLike={"sub": "organization:*:project:*:workspace:prod:run_phase:*"}
    ),
    "HCP Terraform, a prefix": trust(TERRAFORM, "aws.workload.identity", StringLike={"sub": "organization:octo*"}),
    "Buildkite, the pipeline": trust(BUILDKITE, StringEquals={"pipeline_slug": "deploy"}),
    "Buildkite, any organization": trust(BUILDKITE, StringLike={"sub": "organization:*:pipeline:deploy:*"}),
    "Cognito, any pool": trust(COGNITO, None, ForAnyValue__StringLike={"amr": "authenticated"}),
    "Cognito, any pool of a region": trust(COGNITO, None, StringLike={"aud": "us-east-1:*"}),
    "Google, no audience": trust("accounts.google.com", None),
    "Google, what the requester chooses": trust("accounts.google.com", None, StringEquals={"oaud": "https://mine"}),
    "Facebook": trust("graph.facebook.com", None),
    "Amazon": trust("www.amazon.com", None, StringLike={"app_id": "amzn1.*"}),
    "Vercel, the project": trust("oidc.vercel.com", None, StringLike={"sub": "owner:*:project:app:*"}),
    "everybody": trust(GITHUB, StringLike={"sub": "repo:*/infra:*"}, Principal="*"),
    "everybody without a condition": {"Principal": "*", "Action": "sts:AssumeRoleWithWebIdentity"},
    "every action": {**trust(GITHUB), "Action": "sts:*"},
}  # fmt: skip


@pytest.mark.parametrize("statement", OPEN.values(), ids=OPEN)
def test_a_strangers_token_gets_in(statement: dict[str, Any]) -> None:
    (finding,) = strangers(statement)
    assert (finding.severity, finding.answer) == ("critical", "yes")


CLOSED = {
    "an owner": trust(GITHUB, StringLike={"sub": "repo:octo/*"}),
    "a repository": trust(GITHUB, StringLike={"sub": "repo:octo/app:*"}),
    "a branch": trust(GITHUB, StringEquals={"sub": "repo:octo/app:ref:refs/heads/main"}),
    "an environment": trust(GITHUB, StringEquals={"sub": "repo:octo/app:environment:prod"}),
    "a prefix of the repository": trust(GITHUB, StringLike={"sub": "repo:octo/app-*:*"}),
    "two owners": trust(GITHUB, StringLike={"sub": ["repo:octo/*", "repo:acme/app:*"]}),
    "an immutable subject": trust(GITHUB, StringLike={"sub": "repo:octo@123456/app@456789:*"}),
    "any ID behind an owner": trust(GITHUB, StringLike={"sub": "repo:octo@*/app@*:*"}),
    "the ID of an owner": trust(GITHUB, StringLike={"sub": "repo:*@123456/*"}),
    "a custom subject": trust(GITHUB, StringLike={"sub": "repository_owner_id:123456:*"}),
    "a custom subject of an owner": trust(GITHUB, StringEquals={"sub": "repository_owner:octo"}),
    "an owner somewhere in a custom subject": trust(GITHUB, StringLike={"sub": "*:repository_owner:octo:*"}),
    "an owner behind a wildcard": trust(GITHUB, StringLike={"sub": "*repo:octo/*"}),
    "a wildcard that is none": trust(GITHUB, StringEquals={"sub": "repo:octo-*/app:*"}),
    "the ID of the repository": trust(GITHUB, StringEquals={"repository_id": "456789"}),
    "the ID of the owner": trust(GITHUB, StringEquals={"repository_owner_id": "123456"}),
    "the ID of the owner and an environment": trust(
        GITHUB, StringEquals={"repository_owner_id": "123456", "environment": "prod"}
    ),
    "the repository": trust(GITHUB, StringEquals={"repository": "octo/app"}),
    "the repositories of an owner": trust(GITHUB, StringLike={"repository": "octo/*", "sub": "*:environment:prod"}),
    "a workflow": trust(
        GITHUB, StringEquals={"job_workflow_ref": "octo/ci/.github/workflows/deploy.yml@refs/heads/main"}
    ),
    "the workflows of an owner": trust(GITHUB, StringLike={"job_workflow_ref": "octo/ci/.github/workflows/*"}),
    "a workflow in the subject": trust(
        GITHUB, StringLike={"sub": "repo:*:job_workflow_ref:octo/ci/.github/workflows/x.yml@*"}
    ),
    "the enterprise": trust(GITHUB, StringEquals={"enterprise_id": "123"}),
    "the actor": trust(GITHUB, StringEquals={"actor_id": "123"}),
    "if there, which it always is": trust(GITHUB, StringLikeIfExists={"sub": "repo:octo/*"}),
    "any value": trust(GITHUB, ForAnyValue__StringLike={"sub": "repo:octo/*"}),
    "all values": trust(GITHUB, ForAllValues__StringLike={"sub": "repo:octo/*"}),
    "ignoring case": trust(GITHUB, StringEqualsIgnoreCase={"sub": "REPO:OCTO/APP:REF:REFS/HEADS/MAIN"}),
    "different owners of one token": trust(GITHUB, StringLike={"sub": "repo:octo-*", "repository": "acme-*"}),
    # The role is locked: AWS has no condition key for the claim.
    "a claim that AWS does not send": trust(GITHUB, StringLike={"workflow_ref": "*"}),
    "GitLab, a group": trust(GITLAB, "https://gitlab.com", StringLike={"sub": "project_path:octo/*"}),
    "GitLab, a project": trust(GITLAB, None, StringEquals={"project_id": "42"}),
    "GitLab, a namespace": trust(GITLAB, StringEquals={"namespace_id": "42"}),
    "GitLab, a subgroup": trust(
        GITLAB, StringLike={"sub": "project_path:octo/team/app:ref_type:branch:ref:*"}
    ),
    "GitLab, a claim that AWS does not send": trust(GITLAB, StringLike={"namespace_path": "*"}),
    "HCP Terraform": trust(TERRAFORM, StringLike={"sub": "organization:octo:project:*:workspace:*:run_phase:*"}),
    "HCP Terraform, a claim that AWS does not send": trust(
        TERRAFORM, StringEquals={"terraform_organization_id": "org-1"}
    ),
    "Buildkite, a subject": trust(BUILDKITE, StringLike={"sub": "organization:octo:pipeline:*"}),
    "Buildkite, an organization": trust(BUILDKITE, StringEquals={"organization_slug": "octo"}),
    "Cognito": trust(COGNITO, POOL, ForAnyValue__StringLike={"amr": "authenticated"}),
    "Google": trust("accounts.google.com", "123-abc.apps.googleusercontent.com"),
    "Google, a service account": trust("accounts.google.com", None, StringEquals={"sub": "112233445566778899001"}),
    "Facebook": trust("graph.facebook.com", None, StringEquals={"app_id": "123456789012345"}),
    "Amazon": trust("www.amazon.com", None, StringEquals={"app_id": "amzn1.application.mine"}),
    "EKS": trust(EKS, StringEquals={"sub": "system:serviceaccount:apps:web"}),
    "EKS, a namespace": trust(EKS, StringLike={"sub": "system:serviceaccount:apps:*"}),
    "CircleCI, a project": trust(CIRCLECI, None, StringLike={"sub": "org/1/project/2/user/*"}),
    "Vercel, the audience": trust("oidc.vercel.com", "https://vercel.com/octo"),
    "Vercel, a project": trust("oidc.vercel.com", None, StringLike={"sub": "owner:octo:project:app:*"}),
    "Buildkite, an ID": trust(BUILDKITE, StringEquals={"sub": "0184990a-477b-4fa8-9968-496074483cee"}),
    "an unknown provider": trust("idp.example.com", "client", StringEquals={"sub": "alice"}),
    "an unknown provider, a part": trust("idp.example.com", "client", StringLike={"sub": "team-*"}),
    "a provider of another account": trust(GITHUB, federated=arn(GITHUB, OTHER)),
    "another action": trust(GITHUB, Action="sts:AssumeRole"),
    "two providers, whose claims no token has together": trust(
        GITHUB, StringLike={"sub": "*"}, StringEquals={"aws:x": "y"}
    ) | {"Condition": {"StringLike": {f"{GITHUB}:sub": "*", f"{GITLAB}:sub": "*"}}},
    "a SAML provider": {
        "Principal": {"Federated": f"arn:aws:iam::{ACCOUNT}:saml-provider/Okta"}, "Action": "sts:AssumeRoleWithSAML"
    },
    "an account": {"Principal": {"AWS": OTHER}, "Action": "sts:AssumeRole"},
    "a service": {"Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"},
}  # fmt: skip


@pytest.mark.parametrize("statement", CLOSED.values(), ids=CLOSED)
def test_no_strangers_token_gets_in(statement: dict[str, Any]) -> None:
    assert not strangers(statement)


def test_one_open_statement_of_several_is_enough() -> None:
    closed, opened = CLOSED["an owner"], OPEN["the repository only"]
    (finding,) = strangers(closed, opened)
    assert [source.index for source in finding.statements] == [1]
    assert finding.witness is not None
    assert not finding.witness.context[f"{GITHUB}:sub"][0].startswith("repo:octo/")


DENIES = (
    trust(GITHUB, None, StringNotLike={"sub": "repo:octo/*"}, Effect="Deny", Principal="*"),
    trust(GITHUB, None, StringNotEquals={"repository_owner_id": "123"}, Effect="Deny"),
)


@pytest.mark.parametrize("deny", DENIES)
def test_a_deny_of_everybody_else_closes_the_role(deny: dict[str, Any]) -> None:
    assert not strangers(trust(GITHUB), deny)


@pytest.mark.parametrize("deny", DENIES)
def test_a_resource_control_policy_closes_the_role(deny: dict[str, Any]) -> None:
    rcp = {"Version": "2012-10-17", "Statement": [{**deny, "Principal": "*", "Resource": "*"}]}
    assert not strangers(trust(GITHUB), rcps=(rcp,))


def test_a_deny_of_some_does_not_close_the_role() -> None:
    deny = trust(GITHUB, None, StringLike={"sub": "repo:another-org/*"}, Effect="Deny")
    (finding,) = strangers(trust(GITHUB), deny)
    assert finding.witness is not None
    assert not finding.witness.context[f"{GITHUB}:sub"][0].startswith("repo:another-org/")


@pytest.mark.parametrize(
    ("statement", "severity", "answer"),
    [
        (trust(EKS), "medium", "yes"),
        (trust(EKS, StringLike={"sub": "system:serviceaccount:*:web"}), "medium", "yes"),
        (trust(f"{GITHUB}/octo-enterprise"), "low", "yes"),
        (trust(f"{GITHUB}/octo-enterprise", StringLike={"sub": "repo:*/infra:*"}), "low", "yes"),
        (trust("token.actions.octo.ghe.com"), "low", "yes"),
        (trust("github.example.com/_services/token"), "low", "yes"),
        (trust(CIRCLECI, "11111111-1111-4111-8111-111111111111"), "low", "yes"),
        (trust("api.bitbucket.org/2.0/workspaces/octo/pipelines-config/identity/oidc", None), "low", "yes"),
        (trust("oidc.vercel.com/octo", "sts.amazonaws.com"), "low", "yes"),
        (trust("idp.example.com", None), "medium", "depends"),
        (trust("idp.example.com", "client"), "low", "depends"),
        (trust("gitlab.example.com", None, StringLike={"sub": "project_path:*/infra:*"}), "medium", "depends"),
        (trust("tfe.example.com", None, StringLike={"sub": "organization:*:workspace:prod:*"}), "medium", "depends"),
        (trust(GITHUB, IpAddress={"aws:SourceIp": "192.0.2.0/24"}), "high", "depends"),
        (trust(GITHUB, DateLessThan={"aws:CurrentTime": "2027-01-01T00:00:00Z"}), "critical", "yes"),
        (trust(GITHUB, StringEquals={"sts:RoleSessionName": "deploy"}), "critical", "yes"),
        (trust(COGNITO, POOL, ForAnyValue__StringLike={"amr": "unauthenticated"}), "low", "depends"),
        (trust(COGNITO, POOL, ForAnyValue__StringLike={"amr": "*authenticated"}), "low", "depends"),
        (trust(COGNITO, POOL), "low", "depends"),
    ],
)
def test_the_severity_says_how_far_away_strangers_are(statement: dict[str, Any], severity: str, answer: str) -> None:
    (finding,) = strangers(statement)
    assert (finding.severity, finding.answer) == (severity, answer)


def test_self_hosted_servers_are_recognized_by_the_form_of_subjects() -> None:
    closed = trust("gitlab.example.com", None, StringLike={"sub": "project_path:octo/*"})
    assert not strangers(closed)
    (finding,) = strangers(trust("gitlab.example.com", None, StringLike={"sub": "project_path:*/infra:*"}))
    assert "the GitLab server" in finding.why


def test_each_provider_of_a_role_has_a_finding() -> None:
    found = strangers(trust(GITHUB), trust(GITLAB), trust(GITHUB, None))
    assert [finding.principal for finding in found] == [arn(GITHUB), arn(GITLAB)]
    assert len({finding.id for finding in found}) == 2


def test_the_explanation_and_the_fix_name_the_token_and_the_owner() -> None:
    (finding,) = strangers(trust(GITHUB, StringLike={"sub": ["repo:octo/app:*", "repo:*/infra:*"]}))
    assert "with sub repo:" in finding.why
    assert finding.fix.statement is not None
    fixed = Statement.parse(finding.fix.statement)
    assert f"'{GITHUB}:sub', 'repo:octo/REPOSITORY:*'" in repr(fixed.conditions)
    assert not strangers(dict(fixed.to_dict()))
    (finding,) = strangers(trust(GITHUB))
    assert "repo:ORGANIZATION/REPOSITORY:*" in str(finding.fix.statement)
    assert "repo:another-org/any-repo:ref:refs/heads/main" in finding.why


@pytest.mark.parametrize("statement", [s for name, s in OPEN.items() if not name.startswith("every")])
def test_the_fixed_statement_keeps_strangers_out(statement: dict[str, Any]) -> None:
    (finding,) = strangers(statement)
    assert finding.fix.statement is not None
    fixed = dict(finding.fix.statement)
    assert not strangers(fixed)


def test_claims_of_a_token_of_github_agree_with_each_other() -> None:
    (finding,) = strangers(OPEN["subject and repository of the same"])
    assert finding.witness is not None
    context = finding.witness.context
    assert context[f"{GITHUB}:sub"][0].startswith(f"repo:{context[f'{GITHUB}:repository'][0]}")
    assert context[f"{GITHUB}:repository"][0].startswith("octo-")


@pytest.mark.parametrize("statement", [*OPEN.values(), *CLOSED.values()], ids=[*OPEN, *CLOSED])
def test_the_short_way_and_the_whole_search_agree(statement: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    quick = [finding.id for finding in strangers(statement)]
    monkeypatch.setattr("xacct.access_audit.checks.oidc.closes", lambda *_: False)
    assert [finding.id for finding in strangers(statement)] == quick


NAMES = st.sampled_from(["octo", "octo-b", "acme", "another-org"])
OWNERS = st.sampled_from(["octo", "octo*", "*", "o?to", "*to", "acme", "octo@*", "*@7"])
TAILS = st.sampled_from([":*", "", "*", ":ref:*", ":environment:prod", ":*:prod", ":ref:refs/heads/main"])
PATTERNS = st.builds(
    "{}{}/{}{}".format, st.sampled_from(["repo:", "*", "*:"]), OWNERS, st.sampled_from(["app", "*"]), TAILS
)
SUBJECTS = st.builds(
    "repo:{}{}/{}{}:{}".format, NAMES, st.sampled_from(["", "@8"]), st.sampled_from(["app", "x"]),
    st.sampled_from(["", "@9"]), st.sampled_from(["ref:refs/heads/main", "environment:prod", "pull_request"]),
)  # fmt: skip


@given(
    allowed=st.lists(PATTERNS, min_size=1, max_size=3),
    denied=st.lists(PATTERNS, max_size=1),
    operator=st.sampled_from(["StringLike", "StringLikeIfExists", "ForAnyValue__StringLike", "StringNotLike"]),
    tokens=st.lists(SUBJECTS, min_size=5, max_size=20),
)
@settings(max_examples=60, deadline=None)
def test_a_random_strangers_token_that_gets_in_is_always_found(
    allowed: list[str], denied: list[str], operator: str, tokens: list[str]
) -> None:
    statements = [trust(GITHUB, **{operator: {"sub": allowed}})]
    statements += [trust(GITHUB, None, StringLike={"sub": denied}, Effect="Deny")] if denied else []
    policy = subject(*statements)
    # An owner that a value of the policy names in full is no stranger.
    named = {found for text in [*allowed, *denied] for found in re.findall(r"repo:([a-z-]+)[/@]", text)}
    getting_in = [
        token
        for token in tokens
        if re.split("[:/@]", token)[1] not in named
        and is_allowed(
            AccessRequest.assume_role_with_web_identity(
                ROLE, provider=GITHUB, claims={"sub": token, "aud": "sts.amazonaws.com"}
            ),
            policy,
        )
    ]
    found = list(oidc_stranger(policy, SURROUNDINGS))
    assert found or not getting_in
    for finding in found:
        assert finding.witness is not None
        assert is_allowed(finding.witness, policy)
        assert re.split("[:/@]", finding.witness.context[f"{GITHUB}:sub"][0])[1] not in named


def audience(*statements: dict[str, Any]) -> list[Finding]:
    policy: Subject = subject(*statements)
    found = list(oidc_without_audience(policy, SURROUNDINGS))
    for finding in found:
        assert finding.witness is not None
        assert is_allowed(finding.witness, policy)
        assert finding.fix.statement is not None
        fixed = subject(dict(finding.fix.statement))
        assert not list(oidc_without_audience(fixed, SURROUNDINGS))
    return found


@pytest.mark.parametrize(
    ("statement", "severity"),
    [
        (trust(GITHUB, None, StringLike={"sub": "repo:octo/*"}), "medium"),
        (trust(GITHUB, None), "medium"),
        (trust(GITHUB, None, StringLike={"aud": "*", "sub": "repo:octo/*"}), "medium"),
        (trust(GITHUB, None, StringNotEquals={"aud": "x"}, StringLike={"sub": "repo:octo/*"}), "medium"),
        (trust(GITHUB, None, Null={"aud": "false"}, StringLike={"sub": "repo:octo/*"}), "medium"),
        (trust(GITLAB, None, StringEquals={"project_id": "42"}), "medium"),
        (trust(EKS, None, StringEquals={"sub": "system:serviceaccount:apps:web"}), "low"),
        (trust("idp.example.com", None, StringEquals={"sub": "alice"}), "medium"),
    ],
)
def test_tokens_for_other_audiences_are_found(statement: dict[str, Any], severity: str) -> None:
    (finding,) = audience(statement)
    assert finding.severity == severity


@pytest.mark.parametrize(
    "statement",
    [
        trust(GITHUB, StringLike={"sub": "repo:octo/*"}),
        trust(GITHUB),
        trust(GITHUB, None, StringLike={"aud": "https://github.com/octo*"}),
        trust(GITHUB, None, StringEqualsIfExists={"aud": ["sts.amazonaws.com", "other"]}),
        trust(GITHUB, None, ForAllValues__StringEquals={"aud": "sts.amazonaws.com"}),
        trust(EKS),
        trust(COGNITO, None),  # the audience says whose the token is: a stranger's
        trust("accounts.google.com", None),
        trust(GITHUB, None, StringEquals={"workflow_ref": "x"}),  # locked
        trust(GITHUB, None, federated=arn(GITHUB, OTHER)),
    ],
)
def test_a_policy_that_names_the_audience_is_not_found(statement: dict[str, Any]) -> None:
    assert not audience(statement)


def test_a_deny_of_other_audiences_is_as_good() -> None:
    deny = trust(GITHUB, None, StringNotEquals={"aud": "sts.amazonaws.com"}, Effect="Deny")
    assert not audience(trust(GITHUB, None), deny)
