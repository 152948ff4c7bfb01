"""Service-specific credentials of IAM users, which moto does not implement.

Source: https://docs.aws.amazon.com/IAM/latest/APIReference/API_ServiceSpecificCredential.html, and answers recorded
from AWS
"""

from __future__ import annotations

import re
import secrets
import string
from typing import Any

from xacct.testing.error_responses import Refused
from xacct.testing.http_messages import Answer, rendered
from xacct.testing.moto_state import MotoState
from xacct.testing.write_rules.write import Rule, Write, missing

__all__ = ["RULES", "has_service_credentials"]

_SERVICES = frozenset({"bedrock.amazonaws.com", "cassandra.amazonaws.com", "codecommit.amazonaws.com"})
_STATUSES = ("Active", "Inactive", "Expired")
_ATTRIBUTE = "service_specific_credentials"
_SECRETS = ("ServicePassword",)


def _credentials(state: MotoState, account: str, user: str) -> dict[str, dict[str, Any]]:
    """Return the credentials of a user by their ids. Moto's users have no place for them, so this makes one."""
    found = state.user(account, user)
    if found is None:
        return {}
    credentials: dict[str, dict[str, Any]] = vars(found).setdefault(_ATTRIBUTE, {})
    return credentials


def has_service_credentials(state: MotoState, account: str, user: str) -> bool:
    """Return whether a user has service-specific credentials."""
    return bool(_credentials(state, account, user))


def _check_service(service: str) -> None:
    if service and service not in _SERVICES:
        raise missing(f"No such service {service} is supported for Service Specific Credentials")


def _create(write: Write) -> Answer:
    service, user = write.call.text("ServiceName"), write.call.text("UserName")
    _check_service(service)
    credential = {
        "CreateDate": write.now,
        "ServiceName": service,
        "ServiceUserName": f"{user}-at-{write.account}",
        "ServicePassword": secrets.token_urlsafe(32),
        "ServiceSpecificCredentialId": "ACCA" + "".join(secrets.choice(string.ascii_uppercase) for _ in range(17)),
        "UserName": user,
        "Status": "Active",
    }
    _credentials(write.state, write.account, user)[str(credential["ServiceSpecificCredentialId"])] = credential
    return rendered("iam", write.call.operation, {"ServiceSpecificCredential": credential})


def _list(write: Write) -> Answer:
    service = write.call.text("ServiceName")
    _check_service(service)
    found = [
        {name: value for name, value in credential.items() if name not in _SECRETS}
        for credential in _credentials(write.state, write.account, write.call.text("UserName")).values()
        if service in ("", credential["ServiceName"])
    ]
    return rendered("iam", write.call.operation, {"ServiceSpecificCredentials": found})


def _named(write: Write) -> dict[str, Any]:
    credential_id = write.call.text("ServiceSpecificCredentialId")
    if not re.fullmatch(r"\w+", credential_id):
        raise _violated("serviceSpecificCredentialId", "regular expression pattern: [\\w]+")
    user = write.call.text("UserName")
    users = [user] if user else list(write.state.iam(write.account).users)
    for name in users:
        credential = _credentials(write.state, write.account, name).get(credential_id)
        if credential is not None:
            return credential
    raise missing(f"No such credential {credential_id} exists")


def _update(write: Write) -> Answer:
    status = write.call.text("Status")
    if status not in _STATUSES:
        raise _violated("status", "enum value set")
    _named(write)["Status"] = status
    return rendered("iam", write.call.operation, {})


def _reset(write: Write) -> Answer:
    credential = _named(write)
    credential["ServicePassword"] = secrets.token_urlsafe(32)
    return rendered("iam", write.call.operation, {"ServiceSpecificCredential": credential})


def _delete(write: Write) -> Answer:
    credential = _named(write)
    del _credentials(write.state, write.account, credential["UserName"])[credential["ServiceSpecificCredentialId"]]
    return rendered("iam", write.call.operation, {})


def _violated(field: str, rule: str) -> Refused:
    """Return the error of a constraint as AWS was recorded to send it here: without the value."""
    constraint = f"failed to satisfy constraint: Member must satisfy {rule}"
    return Refused("ValidationError", f"1 validation error detected: Value at '{field}' {constraint}")


RULES: dict[tuple[str, str], Rule] = {
    ("iam", "CreateServiceSpecificCredential"): _create,
    ("iam", "DeleteServiceSpecificCredential"): _delete,
    ("iam", "ListServiceSpecificCredentials"): _list,
    ("iam", "ResetServiceSpecificCredential"): _reset,
    ("iam", "UpdateServiceSpecificCredential"): _update,
}
