"""The checks of grants that do not depend on their other fields, and those of what a grant can express."""

from __future__ import annotations

import ipaddress

from xacct.arn import Arn
from xacct.errors import CannotExpress, InvalidValue
from xacct.policy import PolicyDocument, Principal

__all__ = [
    "arn_of",
    "check_expressed",
    "check_managed_policy",
    "check_source_ip",
    "check_third_party",
    "check_trusted_principal",
]


def check_trusted_principal(principal: Principal, organization_id: str | None = None) -> None:
    """Check that a principal can be trusted by a grant, whatever the account.

    Args:
        principal: the principal.
        organization_id: the organization that all principals must belong to.

    Raises:
        InvalidValue: it cannot assume roles, was deleted, or is everybody.
    """
    if principal.is_anyone and not principal.conditions and not organization_id:
        rule = "this trusts everybody: name accounts, or use Principal.organization"
    elif principal.kind == "Federated":
        rule = "federated users call sts:AssumeRoleWithSAML or WithWebIdentity, but a grant allows only sts:AssumeRole"
    elif principal.kind == "CanonicalUser":
        rule = "a canonical user id cannot assume roles"
    elif principal.is_deleted:
        rule = "this is the unique id of a deleted principal: name the principal by ARN"
    else:
        return
    raise InvalidValue("principals", principal.value, rule)


def check_third_party(
    *, third_party: bool | None, external_id: str | None, reason: str = "", way_out: str = ""
) -> None:
    """Check that a third party's role requires an external ID.

    Args:
        third_party: whether the trusted account belongs to somebody else; None if that is not known.
        external_id: the external ID that callers must send.
        reason: what the error says first: why the account is a third party, if the caller of xacct did not say so.
        way_out: what the error says last.

    Raises:
        InvalidValue: it does not.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_common-scenarios_third-party.html
    """
    if third_party and external_id is None:
        rule = (
            f"{reason}a third party's role needs an external ID, so that another customer of the third party cannot "
            f"use it: pass one that is unique to this grant, such as str(uuid.uuid4()){way_out}"
        )
        raise InvalidValue("external_id", None, rule)


def check_managed_policy(name: str, value: str, account: str, partition_name: str) -> None:
    """Check that a value is the ARN of a managed policy that can be attached in an account.

    Raises:
        InvalidValue: it is not.
    """
    arn = Arn.parse(value, name=name)
    if arn.service != "iam" or arn.resource_type != "policy" or not arn.name or "*" in value:
        raise InvalidValue(name, value, "the ARN of a managed policy")
    if arn.partition != partition_name:
        raise InvalidValue(name, value, f"the policy is of another partition than the account's, {partition_name}")
    if arn.account not in ("aws", account):
        raise InvalidValue(name, value, f"the policy must be AWS's or of account {account}")


def check_source_ip(value: str) -> None:
    """Check that a text is an IP network.

    Raises:
        InvalidValue: it is not.
    """
    try:
        ipaddress.ip_network(value)
    except ValueError as error:
        raise InvalidValue(
            "source_ips", value, f"an IP network in CIDR notation, such as 192.0.2.0/24 ({error})"
        ) from None


def arn_of(kind: str, value: str) -> Arn:
    """Return the ARN of a role or a policy.

    Args:
        kind: ``role`` or ``policy``.
        value: the ARN as text.

    Raises:
        InvalidValue: it is of something else.
    """
    arn = Arn.parse(value, name="arn")
    if (arn.service, arn.resource_type) != ("iam", kind):
        raise InvalidValue("arn", value, f"the ARN of an IAM {kind}")
    return arn


def check_expressed(arn: str, found: PolicyDocument, expressed: PolicyDocument) -> None:
    """Check that a grant's policy is the one that was found.

    Raises:
        CannotExpress: it is not; names the statements that differ.
    """
    if expressed == found:
        return
    differing = [
        f"statement {number}"
        for number, statement in enumerate(found.statements, start=1)
        if statement not in expressed.statements
    ]
    raise CannotExpress(arn, differing or ["its Version, or the lack of a statement that a grant has"])
