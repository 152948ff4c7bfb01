"""who_can and what_can: every way to an action on a resource, and every way from a principal, over many accounts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timezone

from xacct.access_audit.audit import surroundings_of
from xacct.access_audit.hops import HopDecider
from xacct.access_audit.identities import (
    Identity,
    allow_statements,
    document_of,
    identities_of,
    levels_of,
    organization_paths,
)
from xacct.access_audit.outsiders import outsiders_of
from xacct.access_audit.permissions import ASSUME_ROLE, AssumePermissions
from xacct.access_audit.role_trust import candidates_of
from xacct.access_audit.subject import Subject
from xacct.access_audit.subjects import resource_policy_of, resource_subject, role_subject
from xacct.access_audit.way import Hop, Way
from xacct.arn import Arn
from xacct.errors import InvalidValue
from xacct.snapshot import Organization, Snapshot

__all__ = ["what_can", "who_can"]


def who_can(
    action: str,
    resource: str,
    snapshots: Iterable[Snapshot],
    *,
    organization: Organization | None = None,
    resource_account: str = "",
    now: datetime | None = None,
) -> tuple[Way, ...]:
    """Return everybody who can do an action on a resource, with the shortest way there.

    A way has a hop for each role that the principal has to assume first, in its own account or in another.

    Args:
        action: one action, such as ``s3:GetObject`` or ``sts:AssumeRole``.
        resource: the resource's ARN. If a snapshot has its resource policy or trust policy, that applies.
        snapshots: the accounts.
        organization: the organization, whose control policies apply.
        resource_account: the account that owns the resource. Required if neither the ARN nor a snapshot tells it.
        now: the time for which conditions on time are decided; by default the current time.

    Returns:
        One way for each user and role of the snapshots, and for each account outside of them that a policy names, which
        the ID of the account stands for. The shortest ways come first. Root users, AWS services and identity providers
        are not listed.

    Raises:
        InvalidValue: the action or the resource does not have the required form, or the resource's account is not
            known.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic-cross-account.html

    >>> import json
    >>> from xacct import Snapshot, who_can
    >>> role = "arn:aws:iam::111111111111:role/Reader"
    >>> trust = {"Statement": {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "222222222222"}}}
    >>> assume = {"Statement": {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": role}}
    >>> read = {"Statement": {"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}}
    >>> production = Snapshot.from_authorization_details({"RoleDetailList": [{"Arn": role,
    ...     "AssumeRolePolicyDocument": trust, "RolePolicyList": [{"PolicyName": "r", "PolicyDocument": read}]}]})
    >>> development = Snapshot.from_authorization_details({"UserDetailList": [{
    ...     "Arn": "arn:aws:iam::222222222222:user/dev",
    ...     "UserPolicyList": [{"PolicyName": "a", "PolicyDocument": assume}]}]})
    >>> for way in who_can("s3:GetObject", "arn:aws:s3:::reports/2026.csv", [production, development],
    ...                    resource_account="111111111111"):
    ...     print(way)
    arn:aws:iam::111111111111:role/Reader
      -> s3:GetObject arn:aws:s3:::reports/2026.csv
    arn:aws:iam::222222222222:user/dev
      -> sts:AssumeRole arn:aws:iam::111111111111:role/Reader
      -> s3:GetObject arn:aws:s3:::reports/2026.csv
    """
    accounts = _Accounts(snapshots, organization, now)
    subject = accounts.subject(resource, resource_account)
    ways: dict[str, Way] = {}
    found = [Way(hops=(hop,)) for hop in accounts.hops_to(subject, action, resource)]
    while found:
        new = [way for way in found if way.principal not in ways]
        ways |= {way.principal: way for way in reversed(new)}
        found = [
            Way(hops=(hop, *way.hops))
            for way in new
            if (role := accounts.role(way.principal)) is not None
            for hop in accounts.hops_to(role, ASSUME_ROLE, role.arn)
        ]
    return tuple(sorted(ways.values(), key=lambda way: (len(way.hops), way.principal)))


def what_can(
    principal: str,
    snapshots: Iterable[Snapshot],
    *,
    actions: Sequence[str] = (),
    organization: Organization | None = None,
    now: datetime | None = None,
) -> tuple[Way, ...]:
    """Return the roles that a principal can assume, directly or through others, and what it can do with them.

    Args:
        principal: the ARN of a user or a role of a snapshot.
        snapshots: the accounts.
        actions: actions that are tried on every resource whose resource policy the snapshots have, with the principal
            and with each role that it can assume.
        organization: the organization, whose control policies apply.
        now: the time for which conditions on time are decided; by default the current time.

    Returns:
        The shortest way to each role, and then the shortest way to each action on each resource.

    Raises:
        InvalidValue: the principal is in no snapshot, or an action does not have the required form.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles.html#iam-term-role-chaining

    >>> from xacct import Snapshot, what_can
    >>> reader, chief = (f"arn:aws:iam::{n * 12}:role/{name}" for n, name in (("1", "Reader"), ("2", "Chief")))
    >>> trust = {"Statement": {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": chief}}}
    >>> assume = {"Statement": {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": reader}}
    >>> snapshots = [Snapshot.from_authorization_details({"RoleDetailList": [role]}) for role in (
    ...     {"Arn": reader, "AssumeRolePolicyDocument": trust},
    ...     {"Arn": chief, "RolePolicyList": [{"PolicyName": "a", "PolicyDocument": assume}]})]
    >>> [way.resource for way in what_can(chief, snapshots)]
    ['arn:aws:iam::111111111111:role/Reader']
    """
    accounts = _Accounts(snapshots, organization, now)
    start = accounts.permissions.by_arn.get(principal)
    if start is None:
        raise InvalidValue("principal", principal, "no snapshot has this user or role")
    to_roles: dict[str, Way] = {}
    reached: dict[str, tuple[Hop, ...]] = {principal: ()}
    frontier = [start]
    while frontier:
        found: list[Identity] = []
        for identity in frontier:
            for hop in accounts.roles_from(identity):
                if hop.resource not in reached:
                    reached[hop.resource] = (*reached[identity.arn], hop)
                    to_roles[hop.resource] = Way(hops=reached[hop.resource])
                    found.append(accounts.permissions.by_arn[hop.resource])
        frontier = found
    to_resources: dict[tuple[str, str], Way] = {}
    for arn, hops in reached.items():
        for hop in accounts.actions_of(accounts.permissions.by_arn[arn], actions):
            to_resources.setdefault((hop.action, hop.resource), Way(hops=(*hops, hop)))
    return (*to_roles.values(), *to_resources.values())


class _Accounts:
    """The accounts of some snapshots."""

    def __init__(self, snapshots: Iterable[Snapshot], organization: Organization | None, now: datetime | None) -> None:
        self._snapshots = list(snapshots)
        self._paths = None if organization is None else organization_paths(organization)
        ids = {snapshot.account for snapshot in self._snapshots}
        scps = {id_: levels_of(organization, id_, "scp") for id_ in ids}
        self._rcps = {id_: levels_of(organization, id_, "rcp") for id_ in ids}
        identities = [one for snapshot in self._snapshots for one in identities_of(snapshot, self._paths)]
        self.permissions = AssumePermissions(identities)
        self._surroundings = surroundings_of(self._snapshots, organization, None, now or datetime.now(timezone.utc))
        self._decider = HopDecider(scps, self._surroundings.now)
        self._roles = {role.arn: (role, found.account) for found in self._snapshots for role in found.roles}
        self._subjects: dict[str, Subject | None] = {}

    def role(self, arn: str) -> Subject | None:
        """Return a role of a snapshot; None if there is none, or if its trust policy was not read."""
        if arn not in self._roles:
            return None
        if arn not in self._subjects:
            role, account = self._roles[arn]
            self._subjects[arn] = role_subject(role, account, rcps=self._rcps[account], paths=self._paths)
        return self._subjects[arn]

    def subject(self, arn: str, account: str) -> Subject:
        """Return a resource, with its resource policy if a snapshot has it."""
        if (role := self.role(arn)) is not None:
            return role
        if (found := resource_policy_of(arn, self._snapshots)) is not None:
            return self._resource_subject(arn, found[0], found[1].policy)
        parsed = None if arn == "*" else Arn.parse(arn, name="resource")
        owner = account or (parsed.account if parsed is not None else "")
        if not owner:
            rule = f"required: neither the ARN {arn} nor a snapshot tells the account"
            raise InvalidValue("resource_account", account, rule)
        return self._resource_subject(arn, owner, None)

    def _resource_subject(self, arn: str, account: str, policy: str | None) -> Subject:
        document = None if policy is None else document_of(policy)
        return resource_subject(arn, account, document, rcps=self._rcps.get(account, ()), paths=self._paths)

    def hops_to(self, subject: Subject, action: str, resource: str) -> Iterator[Hop]:
        """Yield how everybody does an action on a role or a resource: users and roles that were read, and outsiders."""
        if subject.is_role and action.lower() == ASSUME_ROLE.lower():
            for candidate in candidates_of(subject, self.permissions, same_account=True):
                hop = self._decider.of_identity(candidate.identity, subject, action, caller=candidate.caller)
                if hop is not None:
                    yield hop
        else:
            for identity in self.permissions.by_arn.values():
                if subject.side.resource is not None or identity.unread or any(allow_statements(identity, action)):
                    hop = self._decider.of_identity(identity, subject, action, resource)
                    if hop is not None:
                        yield hop
        read = {snapshot.account for snapshot in self._snapshots}
        yield from outsiders_of(subject, action, resource, self._decider, read, self._surroundings)

    def roles_from(self, identity: Identity) -> Iterator[Hop]:
        """Yield how an identity assumes each role that it can assume."""
        for arn in self._roles:
            subject = self.role(arn)
            if subject is None or arn == identity.arn:
                continue
            for candidate in candidates_of(subject, self.permissions, same_account=True, only=identity):
                hop = self._decider.of_identity(identity, subject, ASSUME_ROLE, caller=candidate.caller)
                if hop is not None:
                    yield hop
                    break

    def actions_of(self, identity: Identity, actions: Sequence[str]) -> Iterator[Hop]:
        """Yield how an identity does actions on the resources whose policies were read."""
        for snapshot in self._snapshots if actions else ():
            for found in snapshot.resources:
                for arn in (found.arn, f"{found.arn}/*") if found.service == "s3" else (found.arn,):
                    subject = self._resource_subject(arn, snapshot.account, found.policy)
                    for action in actions:
                        if action.lower().startswith(f"{found.service}:"):
                            hop = self._decider.of_identity(identity, subject, action)
                            if hop is not None:
                                yield hop
