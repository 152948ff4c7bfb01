"""Validation rules for policy documents: trust, identity, bucket and key policies.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from moto.iam.exceptions import MalformedPolicyDocument
from moto.iam.policy_validation import IAMPolicyDocumentValidator

from xacct.errors import PolicyError
from xacct.limits import MANAGED_POLICY_CHARACTERS, TRUST_POLICY_CHARACTERS
from xacct.policy import PolicyDocument
from xacct.testing.error_responses import Refused
from xacct.testing.principals import expand_account_ids, missing_principal, statements_of
from xacct.testing.write_rules.write import Write, exceeded, malformed

__all__ = [
    "check_bucket_policy",
    "check_identity_policy",
    "check_key_policy",
    "check_managed_policy",
    "check_trust_policy",
    "count_characters",
]


def count_characters(policy: str) -> int:
    """Return the length of a policy as IAM's quotas count it: without white space."""
    return len(re.sub(r"\s", "", policy))


def check_trust_policy(write: Write, parameter: str) -> str:
    """Check a trust policy, and return it as IAM stores it.

    Args:
        write: the call that has the policy.
        parameter: the name of the parameter that holds it.

    Raises:
        Refused: it is not a valid trust policy, is too long, or names a principal that does not exist.
    """
    text = write.call.text(parameter)
    try:
        document: dict[str, Any] = json.loads(text)
    except ValueError:
        raise malformed("This policy contains invalid Json") from None
    try:
        PolicyDocument.parse(text)
    except PolicyError as error:
        # AWS reports a principal of an invalid form as one that does not exist.
        absent = missing_principal(document, write.state) if ".Principal." in error.path else None
        raise malformed(f"Invalid principal in policy: {absent}" if absent else "Syntax errors in policy.") from None
    sids = [str(statement.get("Sid", "")) for statement in statements_of(document)]
    invalid = [sid for sid in sids if not re.fullmatch(r"[0-9A-Za-z]*", sid)]
    if invalid:
        raise malformed(f"The following Statement Ids are invalid: {', '.join(invalid)}")
    for statement in statements_of(document):
        _check_trust_statement(statement)
    if count_characters(text) > TRUST_POLICY_CHARACTERS:
        raise exceeded(f"Cannot exceed quota for ACLSizePerRole: {TRUST_POLICY_CHARACTERS}")
    with write.seen():
        absent = missing_principal(document, write.state)
    if absent is not None:
        raise malformed(f"Invalid principal in policy: {absent}")
    return expand_account_ids(text, write.state.partition)


def _check_trust_statement(statement: Mapping[str, Any]) -> None:
    for element in ("Resource", "NotResource", "NotPrincipal"):
        if element in statement:
            raise malformed(f"Has prohibited field {element}")
    if "Principal" not in statement:
        raise malformed("Missing required field Principal")
    actions = statement.get("Action", "sts:AssumeRole")
    for action in [actions] if isinstance(actions, str) else actions:
        if not action.lower().startswith("sts:"):
            raise malformed("AssumeRole policy may only specify STS AssumeRole actions.")


def check_identity_policy(write: Write) -> str:
    """Check the policy document of a managed or inline policy, and return it.

    Raises:
        Refused: it is not a valid identity policy.
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


def check_managed_policy(write: Write) -> None:
    """Check the policy document of a managed policy's new version.

    Raises:
        Refused: it is not a valid identity policy, or is too long.
    """
    if count_characters(check_identity_policy(write)) > MANAGED_POLICY_CHARACTERS:
        raise exceeded(f"Cannot exceed quota for PolicySize: {MANAGED_POLICY_CHARACTERS}")


def check_bucket_policy(write: Write) -> None:
    """Check a bucket policy.

    Raises:
        Refused: it is not a valid policy, names another bucket, or names a principal that does not exist.
    """
    text, bucket = write.call.text("Policy"), write.call.text("Bucket")
    try:
        document = json.loads(text)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise Refused("MalformedPolicy", "Policies must be valid JSON and the first byte must be '{'")
    _check_required_elements(document)
    try:
        parsed = PolicyDocument.parse(text)
    except PolicyError as error:
        raise Refused("MalformedPolicy", str(error)) from None
    if missing_principal(document, write.state) is not None:
        raise Refused("MalformedPolicy", "Invalid principal in policy")
    bucket_arn = f"arn:{write.state.partition}:s3:::{bucket}"
    for statement in parsed.statements:
        for resource in statement.resources or ():
            if resource != bucket_arn and not resource.startswith((f"{bucket_arn}/", f"{bucket_arn}*")):
                raise Refused("MalformedPolicy", "Policy has invalid resource")


def _check_required_elements(document: Mapping[str, Any]) -> None:
    if not document.get("Statement"):
        raise Refused("MalformedPolicy", "Missing required field Statement")
    for statement in filter(lambda entry: isinstance(entry, dict), statements_of(document)):
        for element in ("Effect", "Principal", "Action", "Resource"):
            if element not in statement and f"Not{element}" not in statement:
                raise Refused("MalformedPolicy", f"Missing required field {element}")


def check_key_policy(write: Write) -> None:
    """Check a KMS key policy, if the call has one.

    Raises:
        Refused: it is not a valid policy, or names a principal that does not exist.
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
