"""The policies that apply to a request, as snapshots have them: what decides the witness of a finding again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal

from attrs import evolve

from xacct.access_audit.identities import Levels, document_of, identities_of, levels_of
from xacct.access_audit.subjects import resource_policy_of
from xacct.arn import Arn
from xacct.authz import AccessRequest, PolicySet
from xacct.authz.caller import Caller
from xacct.policy import PolicyDocument
from xacct.proof.find_access import ANYTHING
from xacct.snapshot import Organization, Snapshot

__all__ = ["LevelsOf", "policies_for", "policies_with_levels"]

LevelsOf = Callable[[str, Literal["scp", "rcp"]], Levels]
"""Returns the control policies of an account."""


def policies_for(request: AccessRequest, *snapshots: Snapshot, organization: Organization | None = None) -> PolicySet:
    """Return the policies that apply to a request, as snapshots have them.

    With them, :func:`xacct.evaluate` decides the witness of a finding as the audit did.

    Args:
        request: the request.
        snapshots: the accounts, one of each.
        organization: the organization, whose control policies apply.

    Returns:
        The identity policies and the permissions boundary of the caller, with the policies of its groups; the trust
        policy or the resource policy; the service control policies of the caller's account, and the resource control
        policies of the resource's. A caller whose account has no snapshot is allowed everything on its side. A policy
        that a snapshot lacks is left out.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html

    >>> from xacct import Snapshot, evaluate
    >>> from xacct import audit, policies_for
    >>> trust = {"Statement": {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "464622532012"}}}
    >>> snapshot = Snapshot.from_authorization_details({"RoleDetailList": [
    ...     {"Arn": "arn:aws:iam::111111111111:role/Datadog", "AssumeRolePolicyDocument": trust}]})
    >>> finding = audit(snapshot).findings[0]
    >>> evaluate(finding.witness, policies_for(finding.witness, snapshot)).allowed
    True
    """
    return policies_with_levels(request, snapshots, partial(levels_of, organization))


def policies_with_levels(request: AccessRequest, snapshots: Sequence[Snapshot], levels: LevelsOf) -> PolicySet:
    """Do what :func:`policies_for` does, with a function that returns the control policies of an account."""
    by_account = {snapshot.account: snapshot for snapshot in snapshots}
    caller, owner = request.caller, request.resource_account
    side = ANYTHING
    if caller.account in by_account:
        side = _caller_side(caller, by_account[caller.account], levels(caller.account, "scp"))
    rcps = levels(owner, "rcp") if owner in by_account else ()
    return side.with_resource_side(PolicySet(resource=_resource_policy(request, snapshots), rcps=rcps))


def _caller_side(caller: Caller, snapshot: Snapshot, scps: Levels) -> PolicySet:
    users = tuple(user for user in snapshot.users if user.arn == caller.name)
    roles = tuple(role for role in snapshot.roles if Arn.parse(role.arn).name == caller.role_name)
    identity = next(identities_of(evolve(snapshot, users=users, roles=roles)), None)
    return PolicySet(scps=scps) if identity is None else identity.side(scps)


def _resource_policy(request: AccessRequest, snapshots: Sequence[Snapshot]) -> PolicyDocument | None:
    arn = request.resource
    if request.service == "sts":
        roles = (role for snapshot in snapshots for role in snapshot.roles if role.arn == arn)
        text = next((role.trust_policy for role in roles), None)
    else:
        found = resource_policy_of(arn, snapshots)
        text = None if found is None else found[1].policy
    return None if text is None else document_of(text)
