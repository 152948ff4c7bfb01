"""The organization of a sandbox: `Sandbox.organization` makes it, and the API of AWS Organizations changes it too."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import count
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from xacct.errors import InvalidValue
from xacct.limits import ACCOUNT_ID
from xacct.organizations_client import CONTROL_POLICY_FILTERS, ControlLayer
from xacct.policy import PolicyDocument
from xacct.testing.created_accounts import join_organization

if TYPE_CHECKING:
    import boto3

    from xacct.testing.moto_state import MotoState

__all__ = ["SandboxOrganization", "create_organization"]

_ROOT = "/"


def _unchangeable(units: Mapping[str, str]) -> Mapping[str, str]:
    return MappingProxyType(dict(units))


@frozen(kw_only=True)
class SandboxOrganization:
    """An organization in a sandbox, of `Sandbox.organization`.

    Attributes:
        id: the ID, such as ``o-abcdefghij``.
        management_account: the ID of the management account.
        root: the ID of the root.
        units: the IDs of the organizational units, by their path, such as ``Workloads/Production``.
        session: a session of the management account's administrator, with which this makes its calls.

    >>> from xacct.testing import Sandbox
    >>> with Sandbox(["111111111111", "222222222222"]) as aws:
    ...     organization = aws.organization({"Workloads/Production": ["222222222222"]})
    ...     print(list(organization.units), organization.path("/") == f"{organization.id}/{organization.root}/")
    ['Workloads', 'Workloads/Production'] True
    """

    id: str
    management_account: str
    root: str
    units: Mapping[str, str] = field(converter=_unchangeable)
    session: boto3.Session = field(repr=False, eq=False)

    def path(self, unit: str) -> str:
        """Return what ``aws:PrincipalOrgPaths`` and ``aws:ResourceOrgPaths`` are for the accounts directly in a unit.

        Args:
            unit: the path of an organizational unit; ``/`` for the root.

        Raises:
            InvalidValue: there is no such unit.

        Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_last-accessed-view-data-orgs.html#access_policies_last-accessed-viewing-orgs-entity-path
        """
        self._target(unit)
        parts = [] if unit == _ROOT else unit.split("/")
        above = ["/".join(parts[:length]) for length in range(1, len(parts) + 1)]
        return f"{'/'.join([self.id, self.root, *(self.units[name] for name in above)])}/"

    def attach_scp(self, target: str, policy: PolicyDocument | Mapping[str, object] | str) -> str:
        """Attach a new service control policy, and return its ID.

        Args:
            target: the path of an organizational unit; ``/`` for the root; or the ID of an account.
            policy: the policy.

        Raises:
            InvalidValue: there is no such unit or account.
            ClientError: AWS would refuse the policy.

        Source: https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps.html
        """
        return self._attach("scp", target, policy)

    def attach_rcp(self, target: str, policy: PolicyDocument | Mapping[str, object] | str) -> str:
        """Attach a new resource control policy, and return its ID.

        Args:
            target: the path of an organizational unit; ``/`` for the root; or the ID of an account.
            policy: the policy.

        Raises:
            InvalidValue: there is no such unit or account.
            ClientError: AWS would refuse the policy.

        Source: https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps.html
        """
        return self._attach("rcp", target, policy)

    def detach(self, target: str, policy_id: str) -> None:
        """Detach a policy. For an allow list, attach its SCP first, and then detach ``p-FullAWSAccess``.

        Args:
            target: the path of an organizational unit; ``/`` for the root; or the ID of an account.
            policy_id: the policy's ID.

        Raises:
            InvalidValue: there is no such unit or account.
            ClientError: AWS would refuse it, such as for the last SCP of a target.
        """
        self._client.detach_policy(PolicyId=policy_id, TargetId=self._target(target))

    def move(self, account: str, unit: str) -> None:
        """Move an account to a unit.

        Args:
            account: the ID of the account.
            unit: the path of an organizational unit; ``/`` for the root.

        Raises:
            InvalidValue: there is no such unit.
            ClientError: the account is not in the organization.
        """
        client, destination = self._client, self._target(unit)
        source = client.list_parents(ChildId=account)["Parents"][0]["Id"]
        if source != destination:
            client.move_account(AccountId=account, SourceParentId=source, DestinationParentId=destination)

    @property
    def _client(self) -> Any:
        return self.session.client("organizations")

    def _attach(self, layer: ControlLayer, target: str, policy: PolicyDocument | Mapping[str, object] | str) -> str:
        target_id, client = self._target(target), self._client
        kind, list_policies = CONTROL_POLICY_FILTERS[layer], client.get_paginator("list_policies")
        content = policy if isinstance(policy, str) else json.dumps(_plain(policy))
        # In moto, policies of different types cannot have the same name, either.
        pages = [page for kind in CONTROL_POLICY_FILTERS.values() for page in list_policies.paginate(Filter=kind)]
        taken = {listed["Name"] for page in pages for listed in page["Policies"]}
        name = getattr(policy, "name", None) or ("Root" if target == _ROOT else target)
        if name in taken:
            name = next(f"{name} {number}" for number in count(2) if f"{name} {number}" not in taken)
        created = client.create_policy(Name=name, Description="", Type=kind, Content=content)["Policy"]
        policy_id = str(created["PolicySummary"]["Id"])
        client.attach_policy(PolicyId=policy_id, TargetId=target_id)
        return policy_id

    def _target(self, target: str) -> str:
        if target == _ROOT:
            return self.root
        if ACCOUNT_ID.allows(target):
            return target
        if target not in self.units:
            raise InvalidValue("target", target, f"one of {', '.join([_ROOT, *self.units])}, or the ID of an account")
        return self.units[target]


def _plain(policy: PolicyDocument | Mapping[str, object]) -> Mapping[str, object]:
    return policy.to_dict() if isinstance(policy, PolicyDocument) else policy


def create_organization(
    units: Mapping[str, Iterable[str]],
    *,
    session: boto3.Session,
    management: str,
    access_role: str | None,
    state: MotoState,
) -> SandboxOrganization:
    """Create an organization. The arguments are those of `Sandbox.organization`."""
    places = [(account, unit) for unit, accounts in units.items() for account in _members(unit, accounts)]
    for account, unit in places:
        _check_place(account, unit, management, state)
    members = dict(places)
    if len(members) < len(places):
        raise InvalidValue("units", [account for account, _ in places], "an account can be in one unit only")
    names = {account: name for found in units.values() if isinstance(found, Mapping) for account, name in found.items()}
    client: Any = session.client("organizations")
    organization = client.create_organization(FeatureSet="ALL")["Organization"]
    root = str(client.list_roots()["Roots"][0]["Id"])
    for kind in CONTROL_POLICY_FILTERS.values():
        client.enable_policy_type(RootId=root, PolicyType=kind)
    ids: dict[str, str] = {}
    for path in dict.fromkeys(path for unit in units for path in _with_those_above(unit)):
        above, _, name = path.rpartition("/")
        created = client.create_organizational_unit(ParentId=ids.get(above, root), Name=name)
        ids[path] = created["OrganizationalUnit"]["Id"]
    backend = state.organizations.backend(management)
    for account, unit in members.items():
        join_organization(account, names.get(account, account), access_role, management, state)
        backend.get_account_by_id(account).parent_id = ids.get(unit) or root
    state.organizations.refresh()
    return SandboxOrganization(
        id=organization["Id"], management_account=management, root=root, units=ids, session=session
    )


def _members(unit: str, accounts: Iterable[str]) -> list[str]:
    if isinstance(accounts, str):
        raise InvalidValue(f"units[{unit!r}]", accounts, "a list of account IDs")
    if unit != _ROOT and not all(unit.split("/")):
        raise InvalidValue("units", unit, "the names of units, separated by slashes, or '/' for the root")
    return list(accounts)


def _check_place(account: str, unit: str, management: str, state: MotoState) -> None:
    where = f"units[{unit!r}]"
    if account not in state.accounts:
        raise InvalidValue(where, account, f"an account of the sandbox: {', '.join(sorted(state.accounts))}")
    if account == management:
        raise InvalidValue(where, account, "leave out the management account, which is in the root")
    if state.organizations.membership(account) is not None:
        raise InvalidValue(where, account, "the account is in another organization already")


def _with_those_above(unit: str) -> Iterator[str]:
    names = [] if unit == _ROOT else unit.split("/")
    yield from ("/".join(names[:length]) for length in range(1, len(names) + 1))
