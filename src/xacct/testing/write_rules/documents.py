"""Policies as AWS takes them: trust policies, identity policies, bucket policies and key policies.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
"""

from __future__ import annotations

import json
import re
from typing import Any

from moto.iam.exceptions import MalformedPolicyDocument
from moto.iam.policy_validation import IAMPolicyDocumentValidator

from xacct.errors import PolicyError
from xacct.policy import PolicyDocument
from xacct.testing.error_responses import Refused
from xacct.testing.principals import missing_principal, spell_out_accounts
from xacct.testing.write_rules.write import Write, exceeded, malformed

__all__ = [
    "bucket_policy", "identity_document", "key_policy", "managed_document", "trust_document", "without_white_space",
]  # fmt: skip

_TRUST, _MANAGED = 2048, 6144


def without_white_space(text: str) -> int:
    """How long a policy is as quotas count it."""
    return len(re.sub(r"\s", "", text))


def trust_document(write: Write, parameter: str) -> str:
    """A trust policy as IAM keeps it.

    Args:
        write: what brings it.
        parameter: its name there.

    Raises:
        Refused: it is none, is too long or trusts somebody who is not there.
    """
    text = write.call.text(parameter)
    try:
        document: dict[str, Any] = json.loads(text)
    except ValueError:
        raise malformed("This policy contains invalid Json") from None
    try:
        PolicyDocument.parse(text)
    except PolicyError as error:
        # What cannot be a principal is one that is not there, in AWS's words.
        absent = missing_principal(document, write.state) if ".Principal." in error.path else None
        raise malformed(f"Invalid principal in policy: {absent}" if absent else "Syntax errors in policy.") from None
    for statement in _statements(document):
        for element in ("Resource", "NotResource", "NotPrincipal"):
            if element in statement:
                raise malformed(f"Has prohibited field {element}")
        if "Principal" not in statement:
            raise malformed("Missing required field Principal")
        actions = statement.get("Action", "sts:AssumeRole")
        if any(
            not action.lower().startswith("sts:") for action in ([actions] if isinstance(actions, str) else actions)
        ):
            raise malformed("AssumeRole policy may only specify STS AssumeRole actions.")
    if without_white_space(text) > _TRUST:
        raise exceeded(f"Cannot exceed quota for ACLSizePerRole: {_TRUST}")
    with write.seen():
        absent = missing_principal(document, write.state)
    if absent is not None:
        raise malformed(f"Invalid principal in policy: {absent}")
    return spell_out_accounts(text, write.state.partition)


def _statements(document: dict[str, Any]) -> list[dict[str, Any]]:
    statements = document["Statement"]
    return [statements] if isinstance(statements, dict) else statements


def identity_document(write: Write) -> str:
    """The text of a policy that is attached to a user, a role or a group.

    Raises:
        Refused: it is none.
    """
    text = write.call.text("PolicyDocument")
    try:
        IAMPolicyDocumentValidator(text).validate()
    except MalformedPolicyDocument as error:
        raise malformed(str(error.message)) from None
    try:
        document = PolicyDocument.parse(text)
    except PolicyError:
        raise malformed("Syntax errors in policy.") from None
    if any(statement.principals or statement.not_principals for statement in document.statements):
        raise malformed("Policy document should not specify a principal.")
    return text


def managed_document(write: Write) -> None:
    """A managed policy's next version.

    Raises:
        Refused: it is no policy, or too long.
    """
    if without_white_space(identity_document(write)) > _MANAGED:
        raise exceeded(f"Cannot exceed quota for PolicySize: {_MANAGED}")


def bucket_policy(write: Write) -> None:
    """A bucket policy.

    Raises:
        Refused: it is none, is about something else or names somebody who is not there.
    """
    text, bucket = write.call.text("Policy"), write.call.text("Bucket")
    try:
        document = json.loads(text)
    except ValueError:
        raise Refused("MalformedPolicy", "Policies must be valid JSON and the first byte must be '{'") from None
    try:
        parsed = PolicyDocument.parse(text)
    except PolicyError as error:
        raise Refused("MalformedPolicy", str(error)) from None
    absent = missing_principal(document, write.state)
    if absent is not None:
        raise Refused("MalformedPolicy", "Invalid principal in policy")
    own = f"arn:{write.state.partition}:s3:::{bucket}"
    for statement in parsed.statements:
        for resource in statement.resources or ():
            if resource != own and not resource.startswith((f"{own}/", f"{own}*")):
                raise Refused("MalformedPolicy", "Policy has invalid resource")


def key_policy(write: Write) -> None:
    """A KMS key's policy, where one is given.

    Raises:
        Refused: it is none, or names somebody who is not there.
    """
    text = write.call.text("Policy")
    if not text:
        return
    try:
        PolicyDocument.parse(text)
    except PolicyError as error:
        raise Refused("MalformedPolicyDocumentException", str(error)) from None
    if missing_principal(json.loads(text), write.state) is not None:
        raise Refused(
            "MalformedPolicyDocumentException", "Policy contains a statement with one or more invalid principals."
        )
