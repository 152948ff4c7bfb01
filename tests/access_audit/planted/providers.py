"""Findings about identity providers, and decoys that look like them."""

from __future__ import annotations

from typing import Any

from tests.access_audit.planted.builder import Builder

__all__ = [
    "oidc_audience", "oidc_audience_decoy", "oidc_stranger", "oidc_stranger_decoy", "saml_audience",
    "saml_audience_decoy",
]  # fmt: skip

GITHUB, GITLAB, TERRAFORM = "token.actions.githubusercontent.com", "gitlab.com", "app.terraform.io"
COGNITO, GOOGLE = "cognito-identity.amazonaws.com", "accounts.google.com"
EKS = "oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE"
AUDIENCE = {TERRAFORM: "aws.workload.identity", GITLAB: "https://gitlab.com"}

Claims = dict[str, dict[str, Any]]


def provider(account: str, issuer: str) -> str:
    """A provider as a principal."""
    return issuer if issuer in (COGNITO, GOOGLE) else f"arn:aws:iam::{account}:oidc-provider/{issuer}"


def web(
    b: Builder, principal: str, issuer: str, claims: Claims, *, audience: bool = True, effect: str = "Allow"
) -> Any:
    """A statement about a provider.

    Args:
        b: the organization.
        principal: the provider as a principal; ``*`` for a Deny.
        issuer: its URL without https://.
        claims: values by claim, by operator.
        audience: whether to require the usual audience too.
        effect: Allow or Deny.
    """
    conditions: dict[str, dict[str, Any]] = {
        operator: {f"{issuer}:{claim}": values for claim, values in of_operator.items()}
        for operator, of_operator in claims.items()
    }
    if audience:
        usual = AUDIENCE.get(issuer, "sts.amazonaws.com")
        conditions.setdefault("StringEquals", {})[f"{issuer}:aud"] = usual
    action = b.one(["sts:AssumeRoleWithWebIdentity", "sts:assumeRoleWithWebIdentity", "sts:AssumeRoleWith*"])
    who: Any = principal if principal == "*" else {"Federated": principal}
    return b.statement(who, conditions, action=action, effect=effect)


def owner(b: Builder) -> str:
    """An organization of GitHub or another platform."""
    return f"octo-{b.word(6).lower()}"


def closed_claims(b: Builder) -> tuple[str, Claims]:
    """A provider, and claims that only the tokens of an owner have."""
    name = owner(b)
    return b.one([
        (GITHUB, {"StringLike": {"sub": f"repo:{name}/*"}}),
        (GITHUB, {"StringEquals": {"sub": f"repo:{name}/app:ref:refs/heads/main"}}),
        (GITHUB, {"ForAnyValue:StringLike": {"sub": [f"repo:{name}/app-*:*", f"repo:{owner(b)}/app:environment:x"]}}),
        (GITHUB, {"StringEquals": {"repository_owner_id": "123456", "environment": "prod"}}),
        (GITHUB, {"StringEquals": {"repository_id": ["456789", "456790"]}}),
        (GITHUB, {"StringLike": {"job_workflow_ref": f"{name}/ci/.github/workflows/deploy.yml@*", "sub": "repo:*"}}),
        (GITHUB, {"StringEqualsIgnoreCase": {"repository": f"{name}/app"}}),
        (GITLAB, {"StringLike": {"sub": f"project_path:{name}/app:ref_type:branch:ref:*"}}),
        (GITLAB, {"StringEquals": {"sub": f"project_path:{name}/app:ref_type:branch:ref:main"}}),
        (TERRAFORM, {"StringLike": {"sub": f"organization:{name}:project:*:workspace:prod:run_phase:*"}}),
        (EKS, {"StringEquals": {"sub": f"system:serviceaccount:{name}:app"}}),
    ])  # fmt: skip


def oidc_stranger(b: Builder, number: int) -> None:
    """Plant a role that accepts a stranger's token."""
    account, _ = b.two()
    name = owner(b)
    shapes: list[tuple[str, Claims]] = [
        (GITHUB, {}),
        (GITHUB, {"StringLike": {"sub": "repo:*"}}),
        (GITHUB, {"StringLike": {"sub": f"repo:{name}*"}}),
        (GITHUB, {"StringLike": {"sub": f"repo:*/{name}:*"}}),
        (GITHUB, {"StringLike": {"sub": [f"repo:{name}/*", "repo:*:environment:prod"]}}),
        (GITHUB, {"StringNotLike": {"sub": f"repo:{name}/*"}}),
        (GITHUB, {"StringEquals": {"environment": "prod"}}),
        (GITHUB, {"ForAnyValue:StringLike": {"job_workflow_ref": "*/.github/workflows/deploy.yml@refs/heads/main"}}),
        (GITLAB, {"StringLike": {"sub": f"project_path:*/{name}:ref_type:branch:ref:main"}}),
        (GITLAB, {"StringLike": {"sub": f"project_path:{name}*"}}),
        (TERRAFORM, {"StringLike": {"sub": "organization:*:project:*:workspace:prod:run_phase:*"}}),
        (EKS, {"StringLike": {"sub": f"system:serviceaccount:*:{name}"}}),
        (GOOGLE, {"StringEquals": {"oaud": "https://example.com"}}),
        (COGNITO, {"ForAnyValue:StringLike": {"amr": "authenticated"}}),
        (GITHUB, {"StringLike": {"sub": f"repo:{name[:-1]}?/app:*"}}),
    ]
    issuer, claims = shapes[number % len(shapes)]
    principal = provider(account, issuer)
    audience = issuer not in (GOOGLE, COGNITO) and number % 4 != 3
    statements = [web(b, principal, issuer, claims, audience=audience)]
    if number % 5 == 2:  # a narrow statement besides it
        statements.append(web(b, principal, issuer, {"StringLike": {"sub": f"repo:{name}/app:*"}}))
    role = b.role(account, *statements)
    b.expect("oidc-stranger", role, principal)
    if issuer not in (GOOGLE, COGNITO) and not audience:
        b.expect("oidc-without-audience", role, principal)


def oidc_stranger_decoy(b: Builder, number: int) -> None:
    """Plant a role that accepts the tokens of an owner only."""
    account, other = b.two()
    form = number % 5
    issuer, claims = closed_claims(b)
    principal = provider(account, issuer)
    if form == 0:  # a Deny of everybody else
        name = owner(b)
        deny = web(b, "*", GITHUB, {"StringNotLike": {"sub": f"repo:{name}/*"}}, audience=False, effect="Deny")
        b.role(account, web(b, provider(account, GITHUB), GITHUB, {"StringLike": {"sub": "repo:*"}}), deny)
    elif form == 1:  # a pool, and users who have signed in
        pool = f"us-east-1:{b.random.randrange(10**8):08}-abcd-4bcd-8bcd-123456789012"
        claims = {"StringEquals": {"aud": pool}, "ForAnyValue:StringLike": {"amr": "authenticated"}}
        b.role(account, web(b, COGNITO, COGNITO, claims, audience=False))
    elif form == 2:  # nobody can use the provider of another account
        b.role(account, web(b, provider(other, GITHUB), GITHUB, {}))
    elif form == 3:
        claims = {"StringEquals": {"aud": [f"{b.random.randrange(10**12)}-x.apps.googleusercontent.com"]}}
        b.role(account, web(b, GOOGLE, GOOGLE, claims, audience=False))
    else:
        b.role(account, web(b, principal, issuer, claims))


def oidc_audience(b: Builder, number: int) -> None:
    """Plant a role that accepts an owner's tokens for any audience."""
    account, _ = b.two()
    issuer, claims = closed_claims(b)
    principal = provider(account, issuer)
    more = [
        {}, {"StringLike": {"aud": "*"}}, {"StringNotEquals": {"aud": "https://evil.example.com"}},
        {"Null": {"aud": "false"}}, {"StringLike": {"aud": "?*"}},
    ][number % 5]  # fmt: skip
    merged = {operator: {**claims.get(operator, {}), **more.get(operator, {})} for operator in {**claims, **more}}
    role = b.role(account, web(b, principal, issuer, merged, audience=False))
    b.expect("oidc-without-audience", role, principal)


def oidc_audience_decoy(b: Builder, number: int) -> None:
    """Plant a role that accepts tokens for an audience that it names."""
    account, _ = b.two()
    issuer, claims = closed_claims(b)
    principal, usual = provider(account, issuer), AUDIENCE.get(issuer, "sts.amazonaws.com")
    more = [
        {"StringEquals": {"aud": usual}}, {"StringLike": {"aud": usual}}, {"ForAnyValue:StringEquals": {"aud": usual}},
        {"StringEqualsIgnoreCase": {"aud": [usual, "https://tools.example.com"]}}, {},
    ][number % 5]  # fmt: skip
    merged = {operator: {**claims.get(operator, {}), **more.get(operator, {})} for operator in {**claims, **more}}
    statements = [web(b, principal, issuer, merged, audience=False)]
    if not more:
        deny = {b.one(["StringNotEquals", "StringNotLike", "ForAllValues:StringNotEquals"]): {"aud": usual}}
        statements.append(web(b, "*", issuer, deny, audience=False, effect="Deny"))
    b.role(account, *statements)


ENDPOINT = "https://signin.aws.amazon.com/saml"


def saml(b: Builder, principal: Any, conditions: dict[str, dict[str, Any]], **more: Any) -> dict[str, Any]:
    """A statement about a SAML provider."""
    action = b.one(["sts:AssumeRoleWithSAML", "sts:assumerolewithsaml", "sts:AssumeRoleWith*"])
    who = principal if principal == "*" else {"Federated": principal}
    return b.statement(who, conditions, action=action, **more)


def saml_audience(b: Builder, number: int) -> None:
    """Plant a role that accepts assertions for other applications."""
    account, _ = b.two()
    principal = f"arn:aws:iam::{account}:saml-provider/{b.word()}"
    conditions: list[dict[str, dict[str, Any]]] = [
        {}, {"StringLike": {"SAML:aud": "https://*"}}, {"StringEquals": {"SAML:iss": "https://idp.example.com"}},
        {"StringEquals": {"SAML:aud": [ENDPOINT, f"https://{b.word()}.example.com/saml"]}},
        {"StringNotEquals": {"SAML:aud": f"https://{b.word()}.example.com"}}, {"Null": {"SAML:aud": "false"}},
    ]  # fmt: skip
    statements = [saml(b, principal, conditions[number % len(conditions)])]
    if number % 3 == 0:
        statements.append(saml(b, principal, {"StringEquals": {"SAML:aud": ENDPOINT}}))
    b.expect("saml-without-audience", b.role(account, *statements), principal)


def saml_audience_decoy(b: Builder, number: int) -> None:
    """Plant a role that accepts assertions for AWS only."""
    account, other = b.two()
    principal = f"arn:aws:iam::{account}:saml-provider/{b.word()}"
    conditions: list[dict[str, dict[str, Any]]] = [
        {"StringEquals": {"SAML:aud": ENDPOINT}},
        {"StringLike": {"SAML:aud": "https://*.signin.aws.amazon.com/saml"}},
        {"StringEqualsIgnoreCase": {"SAML:aud": ENDPOINT}, "StringEquals": {"SAML:sub_type": "persistent"}},
        {"ForAnyValue:StringEquals": {"SAML:aud": [ENDPOINT, "https://eu-west-1.signin.aws.amazon.com/saml"]}},
    ]
    form = number % (len(conditions) + 2)
    if form < len(conditions):
        b.role(account, saml(b, principal, conditions[form]))
    elif form == len(conditions):
        deny = saml(b, "*", {"StringNotEquals": {"SAML:aud": ENDPOINT}}, effect="Deny")
        b.role(account, saml(b, principal, {}), deny)
    else:  # nobody can use the provider of another account
        b.role(account, saml(b, principal.replace(account, other), {}))
