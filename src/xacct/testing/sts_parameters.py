"""The parameters of AWS STS: their forms and limits, and what a session of the caller adds to them.

Source: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from xacct import limits
from xacct.arn import Arn
from xacct.limits import Range, TextRule
from xacct.testing.credential_store import AuthenticatedPrincipal
from xacct.testing.error_responses import Refused, invalid
from xacct.testing.http_messages import Call
from xacct.testing.required_permissions import Context
from xacct.testing.tags import check_tags

if TYPE_CHECKING:
    from moto.iam.models import Role

__all__ = [
    "check_parameters",
    "check_session_tags",
    "keys_of_role_chaining",
    "role_arn",
    "role_session_seconds",
    "saml_provider_arn",
]

_TEXT_RULES: Mapping[str, TextRule] = {
    "RoleSessionName": limits.ROLE_SESSION_NAME,
    "ExternalId": limits.EXTERNAL_ID,
    "SourceIdentity": limits.SOURCE_IDENTITY,
    "SerialNumber": limits.MFA_SERIAL,
    "TokenCode": limits.MFA_TOKEN_CODE,
    "Policy": limits.SESSION_POLICY,
    "Name": limits.FEDERATED_USER_NAME,
    "AccessKeyId": limits.ACCESS_KEY_ID,
}

# The durations of each operation.
_DURATIONS: Mapping[str, Range] = {
    "AssumeRole": limits.ASSUME_ROLE_SECONDS,
    "AssumeRoleWithSAML": limits.ASSUME_ROLE_SECONDS,
    "AssumeRoleWithWebIdentity": limits.ASSUME_ROLE_SECONDS,
    "GetFederationToken": limits.SESSION_TOKEN_SECONDS,
    "GetSessionToken": limits.SESSION_TOKEN_SECONDS,
}


def check_parameters(call: Call) -> None:
    """Check the forms and the limits of the parameters.

    Args:
        call: the parsed request.

    Raises:
        Refused: a parameter is invalid.
    """
    for parameter, rule in _TEXT_RULES.items():
        if parameter in call.params:
            _check_text(parameter, call.text(parameter), rule)
    if call.operation in _DURATIONS:
        _check_duration(call.params.get("DurationSeconds"), _DURATIONS[call.operation])
    if len(call.params.get("PolicyArns") or ()) > limits.SESSION_POLICY_ARNS:
        rule_text = f"have length less than or equal to {limits.SESSION_POLICY_ARNS}"
        raise invalid(call.params["PolicyArns"], "policyArns", rule_text)


def role_arn(call: Call) -> Arn:
    """Return the ARN of the role that a call assumes.

    Raises:
        Refused: it is none of a role.
    """
    arn = call.text("RoleArn")
    if not re.fullmatch(r"arn:[\w-]+:iam::[0-9]{12}:role/[\x21-\x7e]+", arn):
        raise Refused("ValidationError", f"{arn} is invalid")
    return Arn.parse(arn)


def saml_provider_arn(call: Call) -> Arn:
    """Return the ARN of the SAML provider that a call names.

    Raises:
        Refused: it is none of a SAML provider.
    """
    arn = call.text("PrincipalArn")
    if not re.fullmatch(r"arn:[\w-]+:iam::[0-9]{12}:saml-provider/[\w._-]+", arn, re.ASCII):
        raise Refused("ValidationError", f"{arn} is invalid")
    return Arn.parse(arn)


def role_session_seconds(call: Call, caller: AuthenticatedPrincipal, role: Role) -> int:
    """Return the duration of a role session in seconds.

    Args:
        call: the parsed request.
        caller: the authenticated principal.
        role: the role.

    Raises:
        Refused: it exceeds the limit of the role, or that of role chaining.
    """
    seconds = int(call.params.get("DurationSeconds") or limits.DEFAULT_SESSION_SECONDS)
    if seconds > int(role.max_session_duration or limits.DEFAULT_SESSION_SECONDS):
        raise Refused(
            "ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
        )
    if caller.is_role_session and seconds > limits.CHAINED_SESSION_SECONDS:
        raise Refused(
            "ValidationError",
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.",
        )
    return seconds


def keys_of_role_chaining(call: Call, caller: AuthenticatedPrincipal) -> Context:
    """Return the source identity and the tag keys of AssumeRole, with those that the caller's session passes on.

    Args:
        call: the parsed request.
        caller: the authenticated principal.

    Raises:
        Refused: the call would change the source identity of the caller's session.
    """
    context: Context = {}
    session = caller.session
    if session is not None and session.source_identity:
        if call.text("SourceIdentity", session.source_identity) != session.source_identity:
            raise Refused("ValidationError", "The source identity is already set for this assume role session")
        context["sts:SourceIdentity"] = session.source_identity
    keys = {tag["Key"] for tag in call.params.get("Tags") or ()} | (session.transitive if session else set())
    if keys:
        context["aws:TagKeys"] = tuple(sorted(keys))
    return context


def _check_text(parameter: str, value: str, rule: TextRule) -> None:
    field = parameter[0].lower() + parameter[1:]
    if len(value) > rule.longest:
        raise invalid(value, field, f"have length less than or equal to {rule.longest}")
    if len(value) < rule.shortest:
        raise invalid(value, field, f"have length greater than or equal to {rule.shortest}")
    if not rule.has_valid_form(value):
        pattern = f"{rule.characters}{'+' if parameter == 'Policy' else '*'}"
        raise invalid(value, field, f"satisfy regular expression pattern: {pattern}")


def _check_duration(seconds: int | None, allowed: Range) -> None:
    if seconds is not None and int(seconds) > allowed.most:
        raise invalid(seconds, "durationSeconds", f"have value less than or equal to {allowed.most}")
    if seconds is not None and int(seconds) < allowed.least:
        raise invalid(seconds, "durationSeconds", f"have value greater than or equal to {allowed.least}")


def check_session_tags(call: Call, caller: AuthenticatedPrincipal) -> None:
    """Check the session tags.

    Args:
        call: the parsed request.
        caller: the authenticated principal.

    Raises:
        Refused: a tag is invalid, or conflicts with one that the caller's session passes on.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html
    """
    check_tags(call.params.get("Tags") or (), duplicates="InvalidParameterValue")
    keys = {tag["Key"].lower() for tag in call.params.get("Tags") or ()}
    transitive = [key.lower() for key in call.params.get("TransitiveTagKeys") or ()]
    if not set(transitive) <= keys:
        raise Refused(
            "InvalidParameterValue", "The specified transitive tag key must be included in the requested tags."
        )
    inherited = {key.lower() for key in caller.session.transitive} if caller.session else set()
    if inherited & keys:
        raise Refused(
            "InvalidParameterValue",
            "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from "
            "the calling session.",
        )
