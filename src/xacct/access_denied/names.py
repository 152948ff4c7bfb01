"""How explanations name callers, resources and principals."""

from __future__ import annotations

from xacct.arn import Arn
from xacct.authz import AccessRequest
from xacct.policy import Principal

__all__ = [
    "caller_name", "claim_name", "masked", "masked_context", "principal_name", "provider_name", "resource_name",
]  # fmt: skip

# The claims of OpenID Connect with the name or an address of a person.
# https://openid.net/specs/openid-connect-core-1_0.html#StandardClaims
_PERSONAL = (
    "name", "given_name", "family_name", "middle_name", "nickname", "preferred_username", "email", "phone_number",
    "birthdate", "upn",
)  # fmt: skip


def caller_name(request: AccessRequest) -> str:
    """Return the short name of a request's caller.

    >>> session = "arn:aws:sts::222222222222:assumed-role/Build/run-7"
    >>> caller_name(AccessRequest(principal=session, action="s3:ListAllMyBuckets", resource="*"))
    'role Build'
    """
    caller = request.caller
    if caller.kind == "user":
        return f"user {caller.name.rsplit('/', 1)[-1]}"
    if caller.kind == "role":
        return f"role {caller.role_name}"
    if caller.kind == "root":
        return "the root user"
    if caller.kind == "provider":
        return f"provider {provider_name(caller.name)}"
    return "an anonymous caller" if caller.kind == "anonymous" else caller.name


def provider_name(provider: str) -> str:
    """Return the name of an identity provider from its ARN, or the name that AWS knows.

    >>> provider_name("arn:aws:iam::111111111111:oidc-provider/gitlab.com"), provider_name("accounts.google.com")
    ('gitlab.com', 'accounts.google.com')
    """
    return Arn.parse(provider).resource_id if provider.startswith("arn:") else provider


def claim_name(request: AccessRequest, key: str) -> str:
    """Return the claim of the caller's token that sets a context key; empty if none does.

    >>> request = AccessRequest.assume_role_with_web_identity(
    ...     "arn:aws:iam::111111111111:role/Deploy", provider="gitlab.com", claims={"sub": "a"})
    >>> claim_name(request, "gitlab.com:sub"), claim_name(request, "aws:SourceIp")
    ('sub', '')
    """
    if request.caller.kind != "provider":
        return ""
    prefix = f"{provider_name(request.principal)}:".lower()
    return key[len(prefix) :] if key.lower().startswith(prefix) else ""


def masked_context(request: AccessRequest, key: str) -> tuple[str, ...]:
    """Return the values of a context key as explanations show them: an external ID and personal data are masked."""
    values = request.context.get(key.lower(), ())
    secret = key.lower() == "sts:externalid" or claim_name(request, key).lower() in _PERSONAL
    return tuple(map(masked, values)) if secret else values


def resource_name(resource: str) -> str:
    """Return the short name of a resource.

    >>> resource_name("arn:aws:iam::111111111111:role/team/Reader"), resource_name("arn:aws:s3:::reports/2026/q1.csv")
    ('role Reader', 'bucket reports')
    """
    if resource == "*":
        return "any resource"
    arn = Arn.parse(resource, name="resource")
    if arn.service == "s3" and not arn.account:
        return f"bucket {arn.resource.split('/')[0]}"
    if (arn.service, arn.resource_type) in (("iam", "role"), ("kms", "key")):
        return f"{arn.resource_type} {arn.name}"
    return resource


def principal_name(principal: Principal) -> str:
    """Return the name of a principal of a policy.

    >>> principal_name(Principal.account("222222222222")), principal_name(Principal.service("ec2.amazonaws.com"))
    ('account 222222222222', 'service ec2.amazonaws.com')
    """
    if principal.is_anyone:
        return "everyone who meets its conditions"
    if principal.is_account:
        return f"account {principal.account_id}"
    if principal.is_deleted:
        return f"{principal.value} (deleted)"
    return {"AWS": "", "Service": "service ", "Federated": "provider "}.get(principal.kind, "") + principal.value


def masked(value: str) -> str:
    """Return the first two characters of a value and its length: enough to recognize it, too little to use it.

    >>> masked("customer-17"), masked("abc")
    ('cu... (11 characters)', '(3 characters)')
    """
    start = f"{value[:2]}... " if len(value) > 5 else ""
    return f"{start}({len(value)} characters)"
