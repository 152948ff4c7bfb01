"""Condition keys: AWS's global ones, those of each service, and those of identity providers."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from typing import Literal, cast

from attrs import frozen

from xacct.reference.service_data import condition_key_entries

__all__ = ["GLOBAL_KEYS", "ConditionKey", "KeyType", "find_condition_key", "is_identity_provider_key", "matches_key"]

KeyType = Literal["String", "ARN", "Bool", "Numeric", "Date", "IPAddress"]


@frozen
class ConditionKey:
    """A condition key.

    Attributes:
        name: its name, as AWS writes it. Some have a placeholder, as ``aws:ResourceTag/${TagKey}`` has.
        type: the type of its values.
        multivalued: whether a request can have several values of it, so that an operator needs ``ForAllValues`` or
            ``ForAnyValue``.
    """

    name: str
    type: KeyType
    multivalued: bool = False


# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
# The keys with other prefixes are those that AWS's page calls cross-service condition keys. aws:SourceOwner, which
# Amazon SNS writes into the policy of each topic, is not on the page:
# https://docs.aws.amazon.com/sns/latest/dg/sns-access-policy-use-cases.html#source-account-versus-source-owner
_GLOBAL: Mapping[KeyType, str] = {
    "String": """
        aws:CalledViaAWSMCP aws:CalledViaFirst aws:CalledViaLast aws:Ec2InstanceSourceVpc aws:FederatedProvider
        aws:PrincipalAccount aws:PrincipalOrgID aws:PrincipalServiceName aws:PrincipalTag/${TagKey} aws:PrincipalType
        aws:RequestTag/${TagKey} aws:RequestedRegion aws:ResourceAccount aws:ResourceOrgID aws:ResourceTag/${TagKey}
        aws:SourceAccount aws:SourceIdentity aws:SourceOrgID aws:SourceOwner aws:SourceVpc aws:SourceVpce aws:UserAgent
        aws:VpceAccount aws:VpceOrgID aws:referer aws:userid aws:username glue:CredentialIssuingService
        glue:RoleAssumedBy identitystore:UserId
    """,
    "ARN": """
        aws:ChatbotSourceArn aws:PrincipalArn aws:SignInSessionArn aws:SourceArn aws:SourceVpcArn codebuild:BuildArn
        codebuild:ProjectArn ec2:SourceInstanceArn lambda:SourceFunctionArn ssm:SourceInstanceArn
    """,
    "Bool": """
        aws:AssumedRoot aws:IsMcpServiceAction aws:MultiFactorAuthPresent aws:PrincipalIsAWSService aws:SecureTransport
        aws:ViaAWSMCPService aws:ViaAWSService
    """,
    "Numeric": "aws:MultiFactorAuthAge ec2:RoleDelivery",
    "Date": "aws:CurrentTime aws:EpochTime aws:TokenIssueTime",
    "IPAddress": "aws:Ec2InstanceSourcePrivateIPv4 aws:SourceIp aws:VpcSourceIp",
}
_MULTIVALUED = """
    aws:CalledVia aws:PrincipalOrgPaths aws:PrincipalServiceNamesList aws:ResourceOrgPaths aws:SourceOrgPaths
    aws:TagKeys aws:VpceOrgPaths
"""

GLOBAL_KEYS: Mapping[str, ConditionKey] = {
    key.name.lower(): key
    for key in (
        *(ConditionKey(name, key_type) for key_type, names in _GLOBAL.items() for name in names.split()),
        *(ConditionKey(name, "String", multivalued=True) for name in _MULTIVALUED.split()),
    )
}
"""AWS's global condition keys by name in lower case.

A request has those that fit it: ``aws:ResourceTag`` only if the action's resources have tags, ``aws:RequestTag`` and
``aws:TagKeys`` only if the action takes tags.
"""

# The claims of every OIDC provider that STS offers as condition keys, besides those that the reference lists for
# some providers:
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html#condition-keys-wif
_CLAIMS = frozenset({"amr", "aud", "azp", "email", "oaud", "sub"})

# Keys whose prefix is not that of the service that lists them.
_LISTED_BY = {
    "catalog": "aws-marketplace",
    "cognito-identity-auth": "cognito-identity",
    "cognito-identity-unauth": "cognito-identity",
    "identitycenter": "sso",
    "saml": "sts",
}

_PLACEHOLDER = re.compile(r"\$\{[^}]*\}|<[^>]*>")


def find_condition_key(name: str) -> ConditionKey | None:
    """Return the condition key with this name, in any letter case; None if the reference has no such key.

    Args:
        name: a key as a policy has it. A key with a placeholder is found by any name that fits.

    >>> find_condition_key("aws:sourceip")
    ConditionKey(name='aws:SourceIp', type='IPAddress', multivalued=False)
    >>> find_condition_key("aws:ResourceTag/team").name
    'aws:ResourceTag/${TagKey}'
    >>> print(find_condition_key("s3:Prefixes"))
    None
    """
    return _find(name.lower())


def is_identity_provider_key(name: str) -> bool:
    """Return whether a key is a claim of an OIDC identity provider: the provider's host, a colon and the claim.

    The reference lists the claims of a few providers. The token of another provider can have claims that it does not
    know.

    >>> is_identity_provider_key("token.actions.githubusercontent.com:sub"), is_identity_provider_key("s3:prefix")
    (True, False)
    """
    host, colon, _ = name.partition(":")
    return bool(colon) and "." in host.partition("/")[0]


def matches_key(listed: str, name: str) -> bool:
    """Return whether a listed key, which can have a placeholder, is the key with this name, in any letter case.

    >>> matches_key("aws:RequestTag/${TagKey}", "aws:requesttag/team")
    True
    """
    return _key_matcher(listed.lower())(name.lower())


@lru_cache(maxsize=4096)
def _find(name: str) -> ConditionKey | None:
    prefix = name.partition(":")[0]
    if name in GLOBAL_KEYS:
        return GLOBAL_KEYS[name]
    if prefix == "aws":
        return _find_in(tuple(GLOBAL_KEYS.values()), name)
    if not is_identity_provider_key(name):
        return _find_in(_keys_of(_LISTED_BY.get(prefix, prefix)), name)
    listed = _find_in(_keys_of("sts"), name)
    return ConditionKey(name, "String") if listed is None and name.rpartition(":")[2] in _CLAIMS else listed


def _find_in(keys: tuple[ConditionKey, ...], name: str) -> ConditionKey | None:
    return next((key for key in keys if matches_key(key.name, name)), None)


@cache
def _keys_of(service: str) -> tuple[ConditionKey, ...]:
    keys = []
    for entry in condition_key_entries(service).values():
        single = entry["type"].removeprefix("ArrayOf")
        keys.append(ConditionKey(entry["key"], cast(KeyType, single), multivalued=single != entry["type"]))
    return tuple(keys)


@lru_cache(maxsize=8192)
def _key_matcher(listed: str) -> Callable[[str], bool]:
    literals = _PLACEHOLDER.split(listed)
    if len(literals) == 1:
        return listed.__eq__
    pattern = re.compile(".+".join(map(re.escape, literals)), re.DOTALL)
    return lambda name: pattern.fullmatch(name) is not None
