"""The principals that policies name: they must be there, and a policy holds on to who they are and not to their names.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from xacct.arn import Arn
from xacct.errors import InvalidValue
from xacct.testing.moto_state import MotoState

__all__ = ["missing_principal", "rename_principal", "spell_out_accounts"]


def missing_principal(document: dict[str, Any], state: MotoState) -> str | None:
    """The first principal of a policy that AWS would not find, as its refusal writes it; None where all are there.

    Args:
        document: the policy.
        state: the accounts.
    """
    for kind, value in _principals(document):
        if not _is_there(kind, value, state):
            return f'"{kind.upper()}":"{value}"'
    return None


def _principals(document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    statements = document.get("Statement") or ()
    for statement in [statements] if isinstance(statements, dict) else statements:
        for element in ("Principal", "NotPrincipal"):
            principal = statement.get(element)
            for kind, values in ({"AWS": principal} if isinstance(principal, str) else principal or {}).items():
                yield from ((kind, value) for value in ([values] if isinstance(values, str) else values))


def _is_there(kind: str, value: str, state: MotoState) -> bool:
    if kind == "Service":
        return re.fullmatch(r"[a-z0-9.-]+\.amazonaws\.com(\.cn)?", value) is not None
    if kind == "Federated" and value.startswith("arn:"):
        arn = _parsed(value)
        if arn is None or arn.account not in state.accounts:
            return False
        iam = state.iam(arn.account)
        return value in iam.open_id_providers or value in {provider.arn for provider in iam.saml_providers.values()}
    if kind != "AWS":
        return True
    if value == "*" or value in state.accounts:
        return True
    arn = _parsed(value)
    if arn is None:
        return any(value == found.id for found in state.principals())
    if arn.account not in state.accounts or arn.partition != state.partition:
        return False
    if (arn.service, arn.resource_type) == ("sts", "assumed-role"):
        return state.role(arn.account, arn.resource_id.split("/")[0]) is not None
    return arn.resource == "root" or (arn.service == "sts") or state.principal(value) is not None


def _parsed(value: str) -> Arn | None:
    try:
        return Arn.parse(value)
    except InvalidValue:
        return None


def rename_principal(before: str, after: str, state: MotoState) -> None:
    """Let every policy name a principal otherwise: a renamed user by its new ARN, a deleted one by its unique id.

    Args:
        before: its ARN.
        after: its new ARN, or its unique id.
        state: the accounts.
    """
    change = _renamer(before, after)
    for account in state.accounts:
        for role in state.iam(account).roles.values():
            role.assume_role_policy_document = change(role.assume_role_policy_document)
        for bucket in state.buckets(account):
            if bucket.policy:
                bucket.policy = change(bucket.policy.decode()).encode()
    for key in state.kms_keys():
        key.policy = change(key.policy)


def spell_out_accounts(text: str, partition: str) -> str:
    """A trust policy as IAM keeps it: an account's bare id becomes the ARN of its root.

    Args:
        text: the policy.
        partition: that the accounts are in.
    """
    accounts = {
        value for kind, value in _principals(json.loads(text)) if kind == "AWS" and re.fullmatch(r"\d{12}", value)
    }
    for account in sorted(accounts):
        text = _renamer(account, f"arn:{partition}:iam::{account}:root")(text)
    return text


def _renamer(before: str, after: str) -> Callable[[str], str]:
    # A string of JSON as a whole; in a policy an ARN of a user or role stands alone only as a principal or in a
    # condition, and conditions on aws:PrincipalArn keep the name.
    def renamed(value: Any) -> Any:
        if isinstance(value, list):
            return [renamed(entry) for entry in value]
        if isinstance(value, dict):
            return {key: renamed(entry) for key, entry in value.items()}
        return after if value == before else value

    def change(text: str) -> str:
        if before not in text:
            return text
        document = json.loads(text)
        statements = document["Statement"]
        for statement in [statements] if isinstance(statements, dict) else statements:
            for element in statement.keys() & {"Principal", "NotPrincipal"}:
                statement[element] = renamed(statement[element])
        return json.dumps(document)

    return change
