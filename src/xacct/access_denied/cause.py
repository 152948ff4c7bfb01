"""The cause of a denial as a value."""

from __future__ import annotations

from typing import Literal

from attrs import field, frozen

from xacct.authz.policy_set import LayerName

__all__ = ["Cause", "CauseKind"]

CauseKind = Literal[
    "no such role",
    "other role ARN",
    "root user",
    "rule of AWS",
    "MFA code",
    "session duration",
    "role chaining",
    "explicit deny",
    "named by AWS",
    "deleted principal",
    "account not trusted",
    "principal not trusted",
    "provider not trusted",
    "claim",
    "expired",
    "not yet valid",
    "external ID",
    "MFA",
    "organization",
    "source IP",
    "condition",
    "no resource policy",
    "missing allow",
    "not read",
    "nothing found",
]


@frozen(kw_only=True)
class Cause:
    """Why AWS denied a request, or may have.

    Attributes:
        kind: what kind of cause it is, such as ``expired``.
        certain: whether it denies the request whatever is in the policies and context keys that are not known.
        layer: the kind of policy that denies; None if no policy does.
        policy: the policy, such as ``trust policy of role Reader``; empty if no policy denies.
        account: the id of the account in which the cause is.
        statements: the statements of the policy that decide.
        wanted: what would be allowed: the values of the condition, the trusted principals, the resources, the role or
            the seconds. For ``not read``, the accounts in which something has to be read.
        given: what the request has; empty if it has nothing of the kind. An external ID is masked, and a claim with the
            name or address of a person.
        unknown_keys: the context keys that decide and of which it is not known what the request has.
        facts: what else was found, such as the conditions of an explicit Deny, or the words of AWS's message. For
            ``claim``, the first is the name of the claim.
        missing_statement: the Allow statement as JSON that the caller's identity policy lacks, if the resource's policy
            already allows the request, or belongs to another account and could not be read. Otherwise empty: whom a
            resource trusts, and what a boundary or an SCP limits, is not for the caller to widen.
    """

    kind: CauseKind
    certain: bool = True
    layer: LayerName | None = None
    policy: str = ""
    account: str = ""
    statements: tuple[str, ...] = ()
    wanted: tuple[str, ...] = ()
    given: tuple[str, ...] = ()
    unknown_keys: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()
    missing_statement: str = field(default="", repr=False)
