"""The principals in resource policies: whether they exist, and how AWS stores and updates them.

AWS stores a principal's unique id, not its ARN. The policy therefore follows a renamed user, and shows the unique id of
a deleted principal.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from xacct.arn import Arn
from xacct.errors import InvalidValue
from xacct.limits import ACCOUNT_ID
from xacct.testing.moto_state import MotoState

__all__ = ["expand_account_ids", "missing_principal", "rename_principal", "statements_of"]


def statements_of(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the statements of a policy document, which may have a single statement in place of a list."""
    statements = document.get("Statement") or []
    return [statements] if isinstance(statements, dict) else statements


def missing_principal(document: Mapping[str, Any], state: MotoState) -> str | None:
    """Return the first principal of a policy that does not exist; None if all exist.

    Args:
        document: the policy.
        state: the accounts.

    Returns:
        The principal as AWS's error message shows it, such as ``"AWS":"arn:aws:iam::111111111111:user/alice"``.
    """
    for kind, value in _principals(document):
        if not _exists(kind, value, state):
            return f'"{kind.upper()}":"{value}"'
    return None


def _principals(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for statement in statements_of(document):
        for element in ("Principal", "NotPrincipal"):
            principal = statement.get(element)
            for kind, values in ({"AWS": principal} if isinstance(principal, str) else principal or {}).items():
                yield from ((kind, value) for value in ([values] if isinstance(values, str) else values))


def _exists(kind: str, value: str, state: MotoState) -> bool:
    if kind == "Service":
        return re.fullmatch(r"[a-z0-9.-]+\.amazonaws\.com(\.cn)?", value) is not None
    if kind == "Federated" and value.startswith("arn:"):
        return _provider_exists(value, state)
    if kind != "AWS" or value == "*" or value in state.accounts:
        return True
    arn = _parsed(value)
    if arn is None:
        return any(value == principal.id for principal in state.principals())
    if arn.account not in state.accounts or arn.partition != state.partition:
        return False
    if (arn.service, arn.resource_type) == ("sts", "assumed-role"):
        return state.role(arn.account, arn.resource_id.split("/")[0]) is not None
    return arn.resource == "root" or arn.service == "sts" or state.principal(value) is not None


def _provider_exists(value: str, state: MotoState) -> bool:
    arn = _parsed(value)
    if arn is None or arn.account not in state.accounts:
        return False
    iam = state.iam(arn.account)
    return value in iam.open_id_providers or value in {provider.arn for provider in iam.saml_providers.values()}


def _parsed(value: str) -> Arn | None:
    try:
        return Arn.parse(value)
    except InvalidValue:
        return None


def rename_principal(before: str, after: str, state: MotoState) -> None:
    """Replace a principal in every resource policy: a renamed user by its new ARN, a deleted one by its unique id.

    Args:
        before: the principal's ARN in the policies.
        after: its new ARN, or its unique id.
        state: the accounts.
    """
    for account in state.accounts:
        for role in state.iam(account).roles.values():
            role.assume_role_policy_document = _replace(before, after, role.assume_role_policy_document)
        for bucket in state.buckets(account):
            if bucket.policy:
                bucket.policy = _replace(before, after, bucket.policy.decode()).encode()
    for key in state.kms_keys():
        key.policy = _replace(before, after, key.policy)


def expand_account_ids(policy: str, partition: str) -> str:
    """Return a trust policy as IAM stores it: the id of an account as a principal becomes the ARN of its root.

    Args:
        policy: the trust policy.
        partition: the partition of the accounts.
    """
    accounts = {value for kind, value in _principals(json.loads(policy)) if kind == "AWS" and ACCOUNT_ID.allows(value)}
    for account in sorted(accounts):
        policy = _replace(account, str(Arn.root(account, partition)), policy)
    return policy


def _replace(before: str, after: str, policy: str) -> str:
    # Only whole principals are replaced: a condition on aws:PrincipalArn keeps the ARN.
    if before not in policy:
        return policy
    document = json.loads(policy)
    for statement in statements_of(document):
        for element in statement.keys() & {"Principal", "NotPrincipal"}:
            statement[element] = _replace_value(before, after, statement[element])
    return json.dumps(document)


def _replace_value(before: str, after: str, value: Any) -> Any:
    if isinstance(value, list):
        return [_replace_value(before, after, entry) for entry in value]
    if isinstance(value, dict):
        return {key: _replace_value(before, after, entry) for key, entry in value.items()}
    return after if value == before else value
