"""What an explanation says about each kind of cause: one sentence for the summary, then the details and what to do."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

from xacct.access_denied.cause import Cause, CauseKind
from xacct.access_denied.names import caller_name, resource_name
from xacct.authz import AccessRequest

__all__ = ["listed", "sentences"]

# How many of each are listed before "and N more".
_MOST_VALUES = 4
_MOST_FACTS = 3
_MOST_LEFT = 6

Sentences = list[str]


def sentences(cause: Cause, request: AccessRequest | None) -> Sentences:
    """Return the sentences about a cause: the summary, which starts in lower case, and the details.

    Args:
        cause: the cause.
        request: the request; None if AWS rejected it before any policy.
    """
    return _OF_KIND[cause.kind](cause, request)


def listed(values: Iterable[str], most: int = _MOST_VALUES, last: str = "") -> str:
    """Return values in a list that is cut after a number of them.

    >>> listed("abc", last="or"), listed("abcdef")
    ('a, b or c', 'a, b, c, d and 2 more')
    """
    found = list(values)
    if len(found) > most:
        return f"{', '.join(found[:most])} and {len(found) - most} more"
    if last and len(found) > 1:
        return f"{', '.join(found[:-1])} {last} {found[-1]}"
    return ", ".join(found)


def _quoted(values: Iterable[str]) -> str:
    return listed(map(repr, values), last="or")


def _where(cause: Cause) -> str:
    # A control policy belongs to the organization.
    account = f"for account {cause.account}" if cause.layer in ("scp", "rcp") else f"account {cause.account}"
    return f"{listed(cause.statements, most=2, last='and') or cause.policy}, {account}"


def _set_in(cause: Cause) -> str:
    return f"Set in: {_where(cause)}."


def _trusts(cause: Cause) -> tuple[str, str]:
    """Return the verb for what a policy does to its principals: a trust policy trusts, and any other allows."""
    return ("trust", "trusts") if cause.policy.startswith("trust policy") else ("allow", "allows")


def _owner_decides(cause: Cause, what: str) -> str:
    return f"Account {cause.account} decides {what}."


def _no_such_role(cause: Cause, _: AccessRequest | None) -> Sentences:
    role = resource_name(cause.given[0])
    sentences = [f"account {cause.account} has no {role}."]
    if cause.wanted:
        nearest = resource_name(cause.wanted[0])
        sentences += [f"The nearest name is {nearest.removeprefix('role ')}: {cause.wanted[0]}"]
    elif cause.facts:
        sentences += [f"No similar name is shown, because {cause.facts[0]}."]
    else:
        sentences += ["No role of the account has a similar name."]
    return [*sentences, "Role names are case-sensitive. Check the name and the account in the ARN."]


def _other_role_arn(cause: Cause, _: AccessRequest | None) -> Sentences:
    return [
        f"{resource_name(cause.wanted[0])} has another ARN.",
        f"Use {cause.wanted[0]}",
        "The path and the case of the name must match.",
    ]


def _root_user(_: Cause, __: AccessRequest | None) -> Sentences:
    return ["the root user of an account cannot assume roles.", "Assume the role as a user or a role."]


def _rule_of_aws(cause: Cause, _: AccessRequest | None) -> Sentences:
    note, advice = (text.rstrip(".") for text in cause.facts[:2])
    return [f"{note}.", f"No policy can allow it: {advice}."]


def _mfa_code(_: Cause, __: AccessRequest | None) -> Sentences:
    return [
        "AWS rejected the MFA code.",
        "Each code is valid once, for about 30 seconds. Wait for the next code, and check the serial number.",
    ]


def _session_duration(cause: Cause, _: AccessRequest | None) -> Sentences:
    role = resource_name(cause.given[0]) if cause.given else "the role"
    most = f"{cause.wanted[0]} seconds" if cause.wanted else "its MaxSessionDuration"
    return [
        f"the session would be longer than {role} allows: at most {most}.",
        "Request a shorter duration (DurationSeconds, or duration of assume_role).",
    ]


def _role_chaining(_: Cause, __: AccessRequest | None) -> Sentences:
    return [
        "a role that assumes a role gets at most 3600 seconds, whatever MaxSessionDuration is.",
        "Request at most 3600 seconds, or assume the role directly as a user.",
    ]


def _explicit_deny(cause: Cause, _: AccessRequest | None) -> Sentences:
    sentences = [f"an explicit Deny in {_where(cause)}."]
    sentences += [f"{text}." for text in cause.facts[:_MOST_FACTS]]
    if any("aws:multifactorauth" in text.lower() for text in cause.facts):
        sentences.append("Sign in with MFA.")
    return [*sentences, f"No Allow can override it. {_manager(cause)}"]


def _manager(cause: Cause) -> str:
    if cause.layer in ("scp", "rcp"):
        return "The administrators of the organization manage it."
    if cause.layer == "session":
        return "It was passed when the role was assumed."
    return f"Account {cause.account} manages it."


def _named_by_aws(cause: Cause, _: AccessRequest | None) -> Sentences:
    sentences = [f"{cause.facts[0]}, by AWS's message."]
    if cause.layer == "session":
        sentences += [
            "A session policy is passed when the role is assumed (Policy, PolicyArns). Nobody can read it later.",
            "Look at the code that assumes the role.",
        ]
    else:
        sentences += [f"{cause.facts[1]} {_manager(cause)}"]
    return sentences


def _deleted_principal(cause: Cause, request: AccessRequest | None) -> Sentences:
    caller = caller_name(request) if request else "the caller"
    return [
        f"the {cause.policy} names a principal that was deleted.",
        f"It names {listed(cause.wanted)}. A principal that is created later under the same name is another one.",
        f"If that was {caller}, account {cause.account} must save the policy again with the ARN.",
    ]


def _account_not_trusted(cause: Cause, request: AccessRequest | None) -> Sentences:
    account = request.caller.account if request else ""
    caller = f"account {account}" if account else "this caller"
    verb, third_person = _trusts(cause)
    return [
        f"the {cause.policy} does not {verb} {caller}.",
        f"It {third_person} {listed(cause.wanted) or 'nobody for this action'}.",
        _owner_decides(cause, f"whom it {third_person}"),
        "If this is not the caller that you expect, check the credentials: aws sts get-caller-identity",
    ]


def _principal_not_trusted(cause: Cause, request: AccessRequest | None) -> Sentences:
    caller = caller_name(request) if request else "the caller"
    account = request.caller.account if request else ""
    verb, third_person = _trusts(cause)
    return [
        f"the {cause.policy} does not {verb} {caller}.",
        f"In account {account}, it {third_person} {listed(cause.wanted)}.",
        _owner_decides(cause, f"whom it {third_person}"),
        "If this is not the caller that you expect, check the credentials: aws sts get-caller-identity",
    ]


def _provider_not_trusted(cause: Cause, _: AccessRequest | None) -> Sentences:
    return [
        f"the {cause.policy} does not trust {listed(cause.given[:1])}.",
        f"For this action, it trusts {listed(cause.wanted) or 'nobody'}.",
        *cause.facts[:1],
        _owner_decides(cause, "whom it trusts"),
        "If this is not the provider that you expect, check where the program gets its token.",
    ]


def _claim(cause: Cause, _: AccessRequest | None) -> Sentences:
    claim, *hints = cause.facts
    summary = f"the claim {claim} of the token does not match. Sent: {listed(cause.given)}."
    if cause.unknown_keys:
        summary = f"the claim {claim} of the token must match."
    elif not cause.given:
        summary = f"the token has no claim {claim}."
    return [
        summary,
        f"Wanted: {cause.wanted[0]}.",
        *hints[:1],
        _set_in(cause),
        _owner_decides(cause, "which tokens it trusts"),
    ]


def _expired(cause: Cause, _: AccessRequest | None) -> Sentences:
    return [
        f"the grant expired on {_time(max(cause.wanted))}.",
        *(f"The request was at {_time(text)}." for text in cause.given[:1]),
        _set_in(cause),
        _owner_decides(cause, "whether it is extended"),
    ]


def _not_yet_valid(cause: Cause, _: AccessRequest | None) -> Sentences:
    return [
        f"the grant is not valid before {_time(min(cause.wanted))}.",
        *(f"The request was at {_time(text)}." for text in cause.given[:1]),
        _set_in(cause),
    ]


def _time(text: str) -> str:
    """Return a time in ISO 8601 as people read it, and any other text as it is."""
    found = re.fullmatch(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:Z|\+00:00)", text)
    return f"{found[1]} {found[2]} UTC" if found else text


def _external_id(cause: Cause, _: AccessRequest | None) -> Sentences:
    # AWS does not treat an external ID as a secret: everybody who may read the trust policy sees it. What was sent may
    # be the ID of another customer, or a secret by mistake, so only its beginning is shown.
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create_for-user_externalid.html
    summary = f"the external ID is wrong. Sent: {listed(cause.given)}."
    if cause.unknown_keys:
        summary = "an external ID is required."
    elif not cause.given:
        summary = "the request sent no external ID."
    send = "Send the wanted value (ExternalId, or external_id of assume_role)."
    return [summary, f"Wanted: {_quoted(cause.wanted)}.", _set_in(cause), send]


def _mfa(cause: Cause, _: AccessRequest | None) -> Sentences:
    said = "MFA is required" if cause.unknown_keys else "MFA is required, and the request has none or an old one"
    return [
        f"{said}.",
        _set_in(cause),
        "Sign in with MFA, or pass mfa_serial and mfa_token to assume_role.",
    ]


def _organization(cause: Cause, request: AccessRequest | None) -> Sentences:
    account = f"account {request.caller.account}" if request else "the caller's account"
    belongs = f"{account} belongs to {listed(cause.given) or 'no organization'}"
    if cause.unknown_keys:
        belongs = f"the organization of {account} could not be read"
    return [
        "only the principals of an organization are trusted.",
        f"Trusted: {_quoted(cause.wanted)}; {belongs}.",
        _set_in(cause),
        _owner_decides(cause, "whom it trusts"),
    ]


def _source_ip(cause: Cause, _: AccessRequest | None) -> Sentences:
    came = f" The request came from {cause.given[0]}." if cause.given else ""
    return [
        "only requests from certain networks are allowed.",
        f"Allowed: {_quoted(cause.wanted)}.{came}",
        _set_in(cause),
        "Make the call from such a network, for example through the VPN, and not through a VPC endpoint.",
    ]


def _condition(cause: Cause, _: AccessRequest | None) -> Sentences:
    has = f"the request has {_quoted(cause.given)}" if cause.given else "the request has no such key"
    is_met = "must be met" if cause.unknown_keys else f"is not met: {has}"
    return [f"the condition {cause.wanted[0]} {is_met}.", _set_in(cause), "Send a request that meets the condition."]


def _no_resource_policy(cause: Cause, request: AccessRequest | None) -> Sentences:
    resource = resource_name(request.resource) if request else "the resource"
    return [
        f"{resource} has no policy that allows another account.",
        "Access from another account needs an Allow on both sides.",
        _owner_decides(cause, "whom it allows"),
    ]


def _missing_allow(cause: Cause, request: AccessRequest | None) -> Sentences:
    sentences = [f"the {cause.policy} does not allow it."]
    if cause.wanted:
        sentences.append(f"It allows the action on {listed(cause.wanted)} only.")
    if cause.missing_statement:
        return [*sentences, *cause.facts[:1], f"Missing in the {cause.policy}, account {cause.account}:"]
    if cause.layer == "boundary":
        return [*sentences, f"A boundary limits what identity policies can allow. {_manager(cause)}"]
    if cause.layer in ("scp", "rcp"):
        return [*sentences, f"No IAM policy can allow it. {_manager(cause)}"]
    return [*sentences, _owner_decides(cause, f"what {caller_name(request) if request else 'the caller'} may do")]


def _not_read(cause: Cause, _: AccessRequest | None) -> Sentences:
    sentences = ["unknown. No policy that decides could be read."]
    if cause.statements:
        sentences = ["unknown. What was read allows the request.", f"Allowed by {listed(cause.statements)}."]
    accounts = listed(cause.wanted, last="and")
    return [*sentences, f"Call explain with a session that may read the rest, in account {accounts}."]


def _nothing_found(cause: Cause, _: AccessRequest | None) -> Sentences:
    sentences = ["unknown. The policies that were read allow the request."]
    if cause.statements:
        sentences.append(f"Allowed by {listed(cause.statements)}.")
    return [*sentences, "What is left, the most likely first:", *(f"- {text}" for text in cause.facts[:_MOST_LEFT])]


_OF_KIND: Mapping[CauseKind, Callable[[Cause, AccessRequest | None], Sentences]] = {
    "no such role": _no_such_role,
    "other role ARN": _other_role_arn,
    "root user": _root_user,
    "rule of AWS": _rule_of_aws,
    "MFA code": _mfa_code,
    "session duration": _session_duration,
    "role chaining": _role_chaining,
    "explicit deny": _explicit_deny,
    "named by AWS": _named_by_aws,
    "deleted principal": _deleted_principal,
    "account not trusted": _account_not_trusted,
    "principal not trusted": _principal_not_trusted,
    "provider not trusted": _provider_not_trusted,
    "claim": _claim,
    "expired": _expired,
    "not yet valid": _not_yet_valid,
    "external ID": _external_id,
    "MFA": _mfa,
    "organization": _organization,
    "source IP": _source_ip,
    "condition": _condition,
    "no resource policy": _no_resource_policy,
    "missing allow": _missing_allow,
    "not read": _not_read,
    "nothing found": _nothing_found,
}
