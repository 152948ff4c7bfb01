"""The organizations in moto's state: to which one an account belongs, and the control policies that apply to it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from attrs import define, field, frozen
from moto.backends import get_backend

from xacct.organizations_client import CONTROL_POLICY_FILTERS, FULL_ACCESS_RCP, ControlLayer

if TYPE_CHECKING:
    from moto.organizations.models import FakePolicy, OrganizationsBackend

    from xacct.policy import PolicyDocument
    from xacct.snapshot import Organization

__all__ = ["Handshake", "HandshakeState", "Membership", "Organizations", "enabled_policy_types", "root_of"]

HandshakeState = Literal["OPEN", "ACCEPTED", "DECLINED", "CANCELED", "EXPIRED"]

# https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_accounts_invites.html
_DAYS_UNTIL_EXPIRY = 15

Levels = tuple[tuple["PolicyDocument", ...], ...]


# Compared by identity, so that sets of policies are found in a cache without comparing the policies.
@frozen(eq=False)
class Membership:
    """The place of an account in its organization, until the organization changes.

    Attributes:
        organization: the ID of the organization.
        management_account: the ID of its management account.
        path: the organization, the root and the units above the account, as ``aws:PrincipalOrgPaths`` has them.
        scps: the service control policies that apply to the account, by level from the root down.
        rcps: the resource control policies that apply to its resources, in the same form.
    """

    organization: str
    management_account: str
    path: str
    scps: Levels = field(repr=False)
    rcps: Levels = field(repr=False)


@define(eq=False)
class Handshake:
    """An invitation of an account to an organization.

    Attributes:
        id: its ID.
        management: the ID of the management account, which invites.
        organization: the ID of the organization.
        account: the ID of the account that is invited.
        requested: when it was invited.
        state: whether the account has accepted.
    """

    id: str
    management: str
    organization: str
    account: str
    requested: datetime
    state: HandshakeState = "OPEN"

    @property
    def expires(self) -> datetime:
        """When the invitation expires."""
        return self.requested + timedelta(days=_DAYS_UNTIL_EXPIRY)


class Organizations:
    """The organizations of the accounts.

    Args:
        partition: the partition of the accounts.

    Attributes:
        handshakes: the invitations to organizations.
    """

    def __init__(self, partition: str) -> None:
        self._partition = partition
        self.handshakes: list[Handshake] = []
        # Whether there can be an organization. Without one, no call should take longer because of this class.
        self._in_use = False
        self._memberships: dict[str, Membership | None] = {}
        self._read: dict[str, Organization] = {}

    def refresh(self) -> None:
        """Read moto's state again: an organization may have changed."""
        self._in_use = True
        self._memberships.clear()
        self._read.clear()

    def membership(self, account: str) -> Membership | None:
        """Return the place of an account in its organization; None if it is in none."""
        if not self._in_use:
            return None
        if account not in self._memberships:
            self._memberships[account] = self._find_membership(account)
        return self._memberships[account]

    def backend(self, account: str) -> OrganizationsBackend:
        """Return moto's backend of the organization that an account manages or could create."""
        backends: Any = get_backend("organizations")
        backend: OrganizationsBackend = backends[account][self._partition]
        return backend

    def backend_of_member(self, account: str) -> OrganizationsBackend | None:
        """Return moto's backend of the organization of an account; None if it is in none."""
        if self.backend(account).org is not None:
            return self.backend(account)
        backends: Any = get_backend("organizations")
        management, _ = backends.master_accounts.get(account, ("", ""))
        return self.backend(management) if management else None

    def _find_membership(self, account: str) -> Membership | None:
        backend = self.backend_of_member(account)
        if backend is None or backend.org is None:
            return None
        management = backend.org.master_account_id
        if management not in self._read:
            self._read[management] = _read_organization(backend)
        read = self._read[management]
        place = next((member for member in read.accounts if member.id == account), None)
        if place is None:
            return None
        return Membership(
            organization=read.id,
            management_account=read.management_account,
            path=f"{'/'.join((read.id, *place.parents))}/",
            scps=read.levels(account, "scp"),
            rcps=read.levels(account, "rcp"),
        )


def root_of(backend: OrganizationsBackend) -> Any:
    """Return the root of an organization."""
    return next(unit for unit in backend.ou if unit.type == "ROOT")


def enabled_policy_types(backend: OrganizationsBackend) -> set[str]:
    """Return the types of policies that are enabled in an organization."""
    return {enabled["Type"] for enabled in root_of(backend).policy_types}


def _read_organization(backend: OrganizationsBackend) -> Organization:
    # Importing it takes longer than opening a sandbox.
    from xacct.snapshot import Organization, OrganizationAccount

    above = {unit.id: unit.parent_id for unit in backend.ou}

    def parents(parent: str | None) -> tuple[str, ...]:
        return (*parents(above[parent]), parent) if parent else ()

    accounts = [
        OrganizationAccount(id=one.id, name=one.name, parents=parents(one.parent_id)) for one in backend.accounts
    ]
    policies: dict[ControlLayer, dict[str, tuple[Any, ...]]] = {"scp": {}, "rcp": {}}
    enabled = enabled_policy_types(backend)
    targets: tuple[Any, ...] = (*backend.ou, *backend.accounts)
    for layer, found in policies.items():
        if CONTROL_POLICY_FILTERS[layer] in enabled:
            for target in targets:
                found[target.id] = tuple(_control_policies(target.attached_policies, CONTROL_POLICY_FILTERS[layer]))
    organization: Any = backend.org
    return Organization(
        id=organization.id,
        management_account=organization.master_account_id,
        accounts=tuple(accounts),
        scps=policies["scp"],
        rcps=policies["rcp"],
    )


def _control_policies(attached: list[FakePolicy], kind: str) -> Iterator[Any]:
    from xacct.snapshot import ControlPolicy

    for policy in attached:
        if policy.type == kind and policy.id != FULL_ACCESS_RCP:
            yield ControlPolicy(id=policy.id, name=str(policy.name), document=str(policy.content))
