"""The table of OpenID Connect providers: what the tokens of a stranger look like, and which claims say whose they are.

Only the claims that AWS makes condition keys matter; :func:`xacct.reference.find_condition_key` knows them.
"""

from __future__ import annotations

import re
import string
from collections.abc import Mapping
from functools import lru_cache
from typing import Literal

from attrs import field, frozen

from xacct.access_audit.finding import Severity
from xacct.policy import Condition
from xacct.proof.pattern_classes import ANY_TEXT, TextPattern, characters

__all__ = ["Claim", "OidcProvider", "Ownership", "conditions_on_owner", "form_pattern", "provider_of"]

Ownership = Literal["named", "assigned", "unrelated", "free"]
"""What a stranger can have as a claim.

``named``: a text that has the name of an owner. A stranger has every name but those that the policy names in full.
``assigned``: an ID or a login that the provider assigned. A stranger has every one but those that the policy names.
``unrelated``: a text of an unknown form. A stranger has one that has nothing in common with those of the policy.
``free``: any text. A stranger chooses it.
"""


@frozen(kw_only=True)
class Claim:
    """A claim of a provider's tokens.

    Attributes:
        ownership: what a stranger can have.
        example: a stranger's value.
        forms: the forms of a stranger's values, with placeholders such as ``{owner}``; the usual ones first.
        owner_keys: what precedes the name or the ID of an owner in the text, and what can follow it. ``$`` is the end.
        optional: whether some tokens do not have the claim.
        is_list: whether it has several values.
        is_shown: whether a token is shown with the claim even if no policy has a condition on it.
    """

    ownership: Ownership
    example: str
    forms: tuple[str, ...] = ("{any}",)
    owner_keys: tuple[tuple[str, str], ...] = ()
    optional: bool = False
    is_list: bool = False
    is_shown: bool = False


@frozen(kw_only=True)
class OidcProvider:
    """An OpenID Connect provider.

    Attributes:
        title: its name.
        issuer: the pattern of its name in IAM, which is its URL without ``https://``.
        scope: ``everyone`` if everybody can get tokens of their own; ``tenant`` if only one organization can;
            ``unknown`` if that is not known.
        severity: how bad it is if a stranger's token gets in.
        stranger: who a stranger is, in a sentence.
        claims: the claims by name.
        fix: the values that name an owner, by claim. What is in angle brackets stands for the owner's name.
        source: the page that says so.
    """

    title: str
    issuer: re.Pattern[str]
    scope: Literal["everyone", "tenant", "unknown"]
    severity: Severity
    stranger: str
    claims: Mapping[str, Claim] = field(eq=False)
    fix: Mapping[str, str] = field(eq=False)
    source: str


_ALNUM = string.ascii_letters + string.digits
_PLACES: Mapping[str, TextPattern] = {
    # A letter or digit at both ends, as GitHub and others demand of names.
    "owner": characters(_ALNUM, least=1, more=False)
    .then(characters(_ALNUM + "-_", least=0))
    .then(characters(_ALNUM, least=1, more=False)),
    "name": characters(_ALNUM + "-_.", least=1),
    "path": characters(_ALNUM + "-_./", least=1),
    "id": characters(string.digits, least=1),
    "hex": characters(string.hexdigits[:16], least=8),
    "uuid": characters(string.hexdigits[:16] + "-", least=36, more=False),
    "text": characters(_ALNUM + "-_./ @+", least=1),
    "any": ANY_TEXT,
}


@lru_cache(maxsize=256)
def form_pattern(form: str) -> TextPattern:
    """Return the pattern of a form."""
    pattern = TextPattern(())
    for number, part in enumerate(re.split(r"\{(\w+)\}", form)):
        pattern = pattern.then(_PLACES[part] if number % 2 else TextPattern.of([(part, False)]))
    return pattern


def _id(example: str, *, forms: tuple[str, ...] = ("{id}",), optional: bool = False, is_shown: bool = False) -> Claim:
    return Claim(ownership="assigned", example=example, forms=forms, optional=optional, is_shown=is_shown)


def _free(example: str, *, optional: bool = False, is_shown: bool = False) -> Claim:
    return Claim(ownership="free", example=example, optional=optional, is_shown=is_shown)


# https://docs.github.com/en/actions/reference/security/oidc
# Repositories and organizations can customize the subject: it is then made of other claims, each with its key. A colon
# within a value is written %3A. New repositories have IDs behind the names.
_GITHUB_REPOSITORIES = ("repo:{owner}/{name}", "repo:{owner}@{id}/{name}@{id}")
_GITHUB_SUBJECT = Claim(
    ownership="named",
    example="repo:another-org/any-repo:ref:refs/heads/main",
    forms=(
        *(
            f"{repository}:{context}"
            for context in ("ref:refs/heads/{text}", "environment:{text}", "pull_request", "ref:refs/tags/{text}")
            for repository in _GITHUB_REPOSITORIES
        ),
        *(f"{repository}:{{any}}" for repository in _GITHUB_REPOSITORIES),
        *_GITHUB_REPOSITORIES,
        "repository_owner:{owner}", "repository_owner:{owner}:{any}",
        "repository_owner_id:{id}", "repository_owner_id:{id}:{any}",
        "repository_id:{id}", "repository_id:{id}:{any}",
        "repository:{owner}/{name}", "repository:{owner}/{name}:{any}",
        "job_workflow_ref:{owner}/{name}/{any}",
        "workflow_ref:{owner}/{name}/{any}",
        "environment:{any}", "ref:{any}", "workflow:{any}", "event_name:{any}", "repository_visibility:{any}",
        "runner_environment:{any}", "actor:{owner}:{any}", "actor_id:{id}:{any}",
    ),
    owner_keys=(
        ("repo:", "/@"), ("repository:", "/"), ("repository_owner:", ":$"), ("repository_owner_id:", ":$"),
        ("repository_id:", ":$"), ("enterprise:", ":$"), ("enterprise_id:", ":$"), ("actor_id:", ":$"),
        # Whoever may call a reusable workflow can have its name in a token. It is taken to be that of a private
        # repository, which only repositories of the same owner can call.
        ("job_workflow_ref:", "/"), ("workflow_ref:", "/"),
        # The ID behind the name of an owner.
        ("@", "/"),
    ),
)  # fmt: skip
_GITHUB_CLAIMS: Mapping[str, Claim] = {
    "sub": _GITHUB_SUBJECT,
    "aud": _free("sts.amazonaws.com", is_shown=True),
    "repository": Claim(
        ownership="named", example="another-org/any-repo", forms=("{owner}/{name}",), owner_keys=(("", "/"),)
    ),
    "job_workflow_ref": Claim(
        ownership="named",
        example="another-org/any-repo/.github/workflows/any.yml@refs/heads/main",
        forms=(
            "{owner}/{name}/.github/workflows/{name}@refs/heads/{text}",
            "{owner}/{name}/.github/workflows/{name}@refs/tags/{text}",
            "{owner}/{name}/{any}",
        ),
        owner_keys=(("", "/"),),
    ),
    "repository_id": _id("900000001"),
    "repository_owner_id": _id("900000002"),
    # A repository can belong to no enterprise.
    "enterprise_id": _id("900000003", optional=True),
    "actor_id": _id("900000004"),
    # Anybody's repository has runs of bots.
    "actor": _id("any-user", forms=("{owner}", "{owner}[bot]")),
    "environment": _free("any-environment", optional=True),
    "ref": _free("refs/heads/main"),
    "workflow": _free("any-workflow"),
}
_GITHUB_PAGE = "https://docs.github.com/en/actions/reference/security/oidc"
_GITHUB_FIX = {"sub": "repo:<ORGANIZATION>/REPOSITORY:*"}

_GITLAB_CLAIMS: Mapping[str, Claim] = {
    "sub": Claim(
        ownership="named",
        example="project_path:another-group/any-project:ref_type:branch:ref:main",
        forms=(
            "project_path:{owner}/{path}:ref_type:branch:ref:{text}",
            "project_path:{owner}/{path}:ref_type:tag:ref:{text}",
            "project_path:{owner}/{path}:{any}",
            "project_path:{owner}/{path}",
        ),
        owner_keys=(("project_path:", "/"), ("project_id:", ":$"), ("namespace_id:", ":$")),
    ),
    "aud": _free("https://gitlab.com", is_shown=True),
    "project_id": _id("900000001"),
    "namespace_id": _id("900000002"),
    "user_id": _id("900000003"),
    "user_login": _id("any-user", forms=("{owner}",)),
    "user_email": _id("any-user@example.com", forms=("{owner}@{name}",)),
    "user_access_level": _free("owner"),
    "pipeline_source": _free("push"),
    "ref_protected": _free("true"),
    "runner_environment": _free("gitlab-hosted"),
}
_GITLAB_PAGE = "https://docs.gitlab.com/ci/secrets/id_token_authentication/"
_GITLAB_FIX = {"sub": "project_path:<GROUP>/PROJECT:ref_type:branch:ref:main"}

_TERRAFORM_CLAIMS: Mapping[str, Claim] = {
    "sub": Claim(
        ownership="named",
        example="organization:another-org:project:any-project:workspace:any-workspace:run_phase:apply",
        forms=(
            "organization:{owner}:project:{text}:workspace:{text}:run_phase:apply",
            "organization:{owner}:project:{text}:workspace:{text}:run_phase:plan",
            "organization:{owner}:{any}",
        ),
        owner_keys=(("organization:", ":"),),
    ),
    "aud": _free("aws.workload.identity", is_shown=True),
}
_TERRAFORM_PAGE = (
    "https://developer.hashicorp.com/terraform/cloud-docs/dynamic-provider-credentials/workload-identity-tokens"
)
_TERRAFORM_FIX = {"sub": "organization:<ORGANIZATION>:project:PROJECT:workspace:*:run_phase:*"}

_VERCEL_CLAIMS: Mapping[str, Claim] = {
    "sub": Claim(
        ownership="named",
        example="owner:another-team:project:any-project:environment:production",
        forms=("owner:{owner}:project:{text}:environment:{text}", "owner:{owner}:{any}"),
        owner_keys=(("owner:", ":"),),
    ),
    # The shared issuer gives it no other value.
    "aud": Claim(
        ownership="named",
        example="https://vercel.com/another-team",
        forms=("https://vercel.com/{owner}",),
        owner_keys=(("https://vercel.com/", "$"),),
        is_shown=True,
    ),
}
_VERCEL_PAGE = "https://vercel.com/docs/oidc/reference"
_VERCEL_FIX = {"sub": "owner:<TEAM>:project:PROJECT:environment:production"}

_PROVIDERS: tuple[OidcProvider, ...] = (
    OidcProvider(
        title="GitHub Actions",
        issuer=re.compile(r"token\.actions\.githubusercontent\.com"),
        scope="everyone",
        severity="critical",
        stranger="Anybody with a GitHub account can get such a token in a repository of their own.",
        claims=_GITHUB_CLAIMS,
        fix=_GITHUB_FIX,
        source=_GITHUB_PAGE,
    ),
    OidcProvider(
        title="GitHub Actions of an enterprise",
        # An issuer of its own, GitHub Enterprise Cloud with data residency, and GitHub Enterprise Server.
        issuer=re.compile(
            r"token\.actions\.githubusercontent\.com/.+|token\.actions\.[^./]+\.ghe\.com(/.*)?|[^/]+/_services/token"
        ),
        scope="tenant",
        severity="low",
        stranger="Everybody who can create a repository in the enterprise can get such a token.",
        claims=_GITHUB_CLAIMS,
        fix=_GITHUB_FIX,
        source=_GITHUB_PAGE,
    ),
    OidcProvider(
        title="GitLab.com",
        issuer=re.compile(r"gitlab\.com"),
        scope="everyone",
        severity="critical",
        stranger="Anybody with a GitLab account can get such a token in a project of their own.",
        claims=_GITLAB_CLAIMS,
        fix=_GITLAB_FIX,
        source=_GITLAB_PAGE,
    ),
    OidcProvider(
        title="HCP Terraform",
        issuer=re.compile(r"app(\.eu)?\.terraform\.io"),
        scope="everyone",
        severity="critical",
        stranger="Anybody with an HCP Terraform account can get such a token in an organization of their own.",
        claims=_TERRAFORM_CLAIMS,
        fix=_TERRAFORM_FIX,
        source=_TERRAFORM_PAGE,
    ),
    OidcProvider(
        title="Buildkite",
        issuer=re.compile(r"agent\.(.+\.)?buildkite\.(com|dev|site)"),
        scope="everyone",
        severity="critical",
        stranger="Anybody with a Buildkite account can get such a token in an organization of their own.",
        claims={
            "sub": Claim(
                ownership="named",
                example="organization:another-org:pipeline:any:ref:refs/heads/main:commit:0123abcd:step:any",
                forms=(
                    "organization:{owner}:pipeline:{text}:ref:refs/heads/{text}:commit:{hex}:step:{text}",
                    "organization:{owner}:{any}",
                ),
                owner_keys=(("organization:", ":"),),
            ),
            "aud": _free("sts.amazonaws.com", is_shown=True),
            "organization_slug": _id("another-org", forms=("{owner}",)),
            "organization_id": _id("00000000-0000-4000-8000-000000000001", forms=("{uuid}",)),
            "pipeline_id": _id("00000000-0000-4000-8000-000000000002", forms=("{uuid}",)),
            "cluster_id": _id("00000000-0000-4000-8000-000000000003", forms=("{uuid}",), optional=True),
            "pipeline_slug": _free("any-pipeline"),
            "cluster_name": _free("any-cluster", optional=True),
            "build_branch": _free("main"),
        },
        fix={"sub": "organization:<ORGANIZATION>:pipeline:PIPELINE:*"},
        source="https://buildkite.com/docs/agent/v3/cli-oidc",
    ),
    OidcProvider(
        title="Vercel",
        issuer=re.compile(r"oidc\.vercel\.com"),
        scope="everyone",
        severity="critical",
        stranger="Anybody with a Vercel account can get such a token in a team of their own.",
        claims=_VERCEL_CLAIMS,
        fix=_VERCEL_FIX,
        source=_VERCEL_PAGE,
    ),
    OidcProvider(
        title="a Vercel team",
        issuer=re.compile(r"oidc\.vercel\.com/.+"),
        scope="tenant",
        severity="low",
        stranger="Every project of the team can get such a token.",
        claims={**_VERCEL_CLAIMS, "aud": _free("https://vercel.com/TEAM", is_shown=True)},
        fix=_VERCEL_FIX,
        source=_VERCEL_PAGE,
    ),
    OidcProvider(
        title="the Amazon EKS cluster",
        issuer=re.compile(r"oidc\.eks\.[a-z0-9-]+\.amazonaws\.com(\.cn)?/id/.+"),
        scope="tenant",
        severity="medium",
        stranger="Everybody who can run a pod in the cluster can get such a token.",
        claims={
            "sub": Claim(
                ownership="named",
                example="system:serviceaccount:any-namespace:default",
                forms=("system:serviceaccount:{owner}:{name}",),
                owner_keys=(("system:serviceaccount:", ":"),),
            ),
            "aud": _free("sts.amazonaws.com", is_shown=True),
        },
        fix={"sub": "system:serviceaccount:<NAMESPACE>:SERVICE_ACCOUNT"},
        source="https://docs.aws.amazon.com/eks/latest/userguide/associate-service-account-role.html",
    ),
    OidcProvider(
        title="Amazon Cognito",
        issuer=re.compile(r"cognito-identity[a-z0-9.-]*\.amazonaws\.com(\.cn)?"),
        scope="everyone",
        severity="critical",
        stranger="Anybody with an AWS account can get such a token from an identity pool of their own.",
        claims={
            "aud": _id(
                "us-east-1:00000000-0000-4000-8000-000000000001",
                forms=("us-east-1:{uuid}", "{name}:{uuid}"),
                is_shown=True,
            ),
            "sub": _id(
                "us-east-1:00000000-0000-4000-8000-000000000002", forms=("us-east-1:{uuid}", "{name}:{uuid}")
            ),
            "amr": Claim(ownership="free", example="authenticated", is_list=True, is_shown=True),
        },
        fix={"aud": "IDENTITY_POOL_ID", "amr": "authenticated"},
        source="https://docs.aws.amazon.com/cognito/latest/developerguide/iam-roles.html",
    ),
    OidcProvider(
        title="Google",
        issuer=re.compile(r"accounts\.google\.com"),
        scope="everyone",
        severity="critical",
        stranger="Anybody with a Google account can get such a token in a project of their own.",
        claims={
            # aud is the claim azp; whoever asks for a token chooses oaud.
            "aud": _id("900000000001-any.apps.googleusercontent.com", forms=("{id}", "{name}"), is_shown=True),
            "oaud": _free("https://example.com"),
            "sub": _id("900000000000000000002"),
            "email": _id("anybody@example.com", forms=("{name}@{name}",), optional=True),
            "google/organization_number": _id("900000000003", optional=True),
        },
        fix={"aud": "CLIENT_ID"},
        source="https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create_for-idp_oidc.html",
    ),
    OidcProvider(
        title="Facebook",
        issuer=re.compile(r"graph\.facebook\.com"),
        scope="everyone",
        severity="critical",
        stranger="Anybody with a Facebook account can get such a token for an app of their own.",
        claims={"app_id": _id("900000000000001", is_shown=True), "id": _id("900000000000002")},
        fix={"app_id": "APP_ID"},
        source="https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create_for-idp_oidc.html",
    ),
    OidcProvider(
        title="Login with Amazon",
        issuer=re.compile(r"www\.amazon\.com"),
        scope="everyone",
        severity="critical",
        stranger="Anybody with an Amazon account can get such a token for an app of their own.",
        claims={
            "app_id": _id("amzn1.application.another", forms=("amzn1.application.{name}", "{name}"), is_shown=True),
            "user_id": _id("amzn1.account.another", forms=("amzn1.account.{name}", "{name}")),
        },
        fix={"app_id": "APP_ID"},
        source="https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create_for-idp_oidc.html",
    ),
    OidcProvider(
        title="CircleCI",
        issuer=re.compile(r"oidc\.circleci\.com/org/.+"),
        scope="tenant",
        severity="low",
        stranger="Every project of the CircleCI organization can get such a token.",
        claims={
            "sub": Claim(ownership="unrelated", example="org/ORGANIZATION/project/any-project/user/any-user"),
            "aud": _free("any-organization", is_shown=True),
            "oidc.circleci.com/project-id": Claim(ownership="unrelated", example="any-project"),
        },
        fix={"sub": "org/ORGANIZATION_ID/project/PROJECT_ID/user/*"},
        source="https://circleci.com/docs/openid-connect-tokens/",
    ),
    OidcProvider(
        title="Bitbucket Pipelines",
        issuer=re.compile(r"api\.bitbucket\.org/2\.0/workspaces/[^/]+/pipelines-config/identity/oidc"),
        scope="tenant",
        severity="low",
        stranger="Every repository of the Bitbucket workspace can get such a token.",
        claims={
            "sub": Claim(ownership="unrelated", example="{any-repository}:{any-step}"),
            "aud": _free("ari:cloud:bitbucket::workspace/any", is_shown=True),
        },
        fix={"sub": "{REPOSITORY_UUID}:*"},
        source="https://support.atlassian.com/bitbucket-cloud/docs/integrate-pipelines-with-resource-servers-using-oidc/",
    ),
)  # fmt: skip

_UNKNOWN = OidcProvider(
    title="the identity provider",
    issuer=re.compile(r".+"),
    scope="unknown",
    severity="medium",
    stranger="Everybody to whom the provider gives a token for an accepted audience gets in.",
    claims={"sub": Claim(ownership="unrelated", example="anybody"), "aud": _free("sts.amazonaws.com", is_shown=True)},
    fix={"sub": "SUBJECT"},
    source="https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create_for-idp_oidc.html",
)

# Servers that somebody runs themselves, which the form of the subjects in a policy shows.
_SELF_HOSTED: tuple[tuple[str, OidcProvider], ...] = tuple(
    (
        beginning,
        OidcProvider(
            title=f"the {title} server",
            issuer=_UNKNOWN.issuer,
            scope="unknown",
            severity="medium",
            stranger="Everybody with an account on the server can get such a token.",
            claims=claims,
            fix=fix,
            source=page,
        ),
    )
    for beginning, title, claims, fix, page in (
        ("project_path:", "GitLab", _GITLAB_CLAIMS, _GITLAB_FIX, _GITLAB_PAGE),
        ("organization:", "Terraform Enterprise", _TERRAFORM_CLAIMS, _TERRAFORM_FIX, _TERRAFORM_PAGE),
        ("repo:", "GitHub", _GITHUB_CLAIMS, _GITHUB_FIX, _GITHUB_PAGE),
    )
)


def conditions_on_owner(provider: OidcProvider, name: str, owner: str = "") -> list[Condition]:
    """Return the conditions that keep strangers out.

    Args:
        provider: the provider.
        name: its name in IAM.
        owner: the owner's name; empty if it is not known.

    >>> conditions_on_owner(provider_of("gitlab.com"), "gitlab.com", "octo")
    [Condition('StringEquals', 'gitlab.com:sub', 'project_path:octo/PROJECT:ref_type:branch:ref:main')]
    """
    conditions = []
    for claim, template in provider.fix.items():
        value = re.sub(r"<(\w+)>", owner or r"\1", template)
        operator = "StringLike" if "*" in value else "StringEquals"
        several = "ForAnyValue:" if provider.claims[claim].is_list else ""
        conditions.append(Condition(f"{several}{operator}", f"{name}:{claim}", value))
    return conditions


def provider_of(name: str, subjects: tuple[str, ...] = ()) -> OidcProvider:
    """Return what is known of a provider.

    Args:
        name: its name in IAM, which is its URL without ``https://``.
        subjects: the subjects that a policy accepts, from which the kind of a self-hosted server is recognized.

    >>> provider_of("token.actions.githubusercontent.com").title
    'GitHub Actions'
    >>> provider_of("gitlab.example.com", ("project_path:octo/app:*",)).title
    'the GitLab server'
    """
    for provider in _PROVIDERS:
        if provider.issuer.fullmatch(name):
            return provider
    for beginning, provider in _SELF_HOSTED:
        if any(subject.startswith(beginning) for subject in subjects):
            return provider
    return _UNKNOWN
