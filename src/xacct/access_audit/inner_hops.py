"""Steps within an account: roles that other accounts reach, and that assume roles of their own account from there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from xacct.access_audit.hops import HopDecider
from xacct.access_audit.identities import allow_statements, identities_of
from xacct.access_audit.permissions import ASSUME_ROLE, AssumePermissions
from xacct.access_audit.role_trust import candidates_of
from xacct.access_audit.subject import Subject
from xacct.access_audit.way import Hop
from xacct.snapshot import Snapshot

__all__ = ["inner_hops"]


def inner_hops(
    snapshot: Snapshot,
    paths: Mapping[str, str] | None,
    subjects: Mapping[str, Subject | None],
    hops: Iterable[Hop],
    decider: HopDecider,
) -> Iterator[Hop]:
    """Yield how roles that other accounts reach assume further roles of the account, which trust it as a whole.

    Args:
        snapshot: the account.
        paths: the place of the account in the organization; None if the organization is not known.
        subjects: the roles of the account, by ARN; None for one whose trust policy was not read.
        hops: who assumes the roles of the account, without these steps.
        decider: decides hops.
    """
    by_caller: dict[str, set[str]] = {}
    for hop in hops:
        if hop.witness is not None:
            by_caller.setdefault(hop.caller, set()).add(hop.resource)
    reached = {role for caller, roles in by_caller.items() if not _is_of(caller, snapshot.account) for role in roles}
    if not reached:
        return
    identities = {one.arn: one for one in identities_of(snapshot, paths) if any(allow_statements(one, ASSUME_ROLE))}
    frontier = reached
    while frontier:
        permissions = AssumePermissions(identities[arn] for arn in sorted(frontier) if arn in identities)
        for arn, subject in subjects.items() if permissions.by_arn else ():
            if subject is None:
                continue
            for candidate in candidates_of(subject, permissions, same_account=True):
                known = by_caller.setdefault(candidate.identity.arn, set())
                found = None if arn in known else decider.of_identity(candidate.identity, subject, ASSUME_ROLE)
                if found is not None:
                    known.add(arn)
                    yield found
        frontier = {role for caller in frontier for role in by_caller.get(caller, ())} - reached
        reached |= frontier


def _is_of(caller: str, account: str) -> bool:
    return caller.startswith("arn:") and caller.split(":")[4] == account
