"""Reads an organization, as far as a session may."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from attrs import define, field

from xacct.concurrency import run_concurrently
from xacct.errors import AwsError, SessionExpired
from xacct.grant_account import GrantAccount, connect_one
from xacct.organizations_client import (
    CONTROL_POLICY_FILTERS,
    CONTROL_POLICY_TITLES,
    FULL_ACCESS_RCP,
    ControlLayer,
    Listing,
    OrganizationsClient,
    organizations_client,
)
from xacct.retry import Patience
from xacct.snapshot.details import document_text
from xacct.snapshot.missing import missing_entry, reason_of
from xacct.snapshot.organization_parts import ControlPolicy, OrganizationAccount

if TYPE_CHECKING:
    import boto3

__all__ = ["OrganizationReader"]

_Entry = Mapping[str, str]


@define
class OrganizationReader:
    """Reads the organization of a session's account.

    Attributes:
        missing: what could not be read.
    """

    _account: GrantAccount
    _client: OrganizationsClient
    missing: list[str] = field(factory=list)

    @classmethod
    def connect(cls, session: boto3.Session) -> OrganizationReader:
        """Return the reader for a session.

        Raises:
            InvalidValue: the argument is not a session, or has no region.
            AwsError: the caller could not be read.
        """
        account = connect_one(session, "session", patience=Patience(deadline=30))
        return cls(account, organizations_client(session))

    def describe(self) -> tuple[str, str] | None:
        """Return the IDs of the organization and of its management account; None if the account is in none.

        Raises:
            AwsError: the caller may not, or the call failed.
        """
        try:
            answer = self._account.attempt(self._client.describe_organization, doing="reading the organization")
        except AwsError as error:
            if error.code == "AWSOrganizationsNotInUseException":
                return None
            raise
        return answer["Organization"]["Id"], answer["Organization"]["MasterAccountId"]

    def accounts(self) -> tuple[Sequence[OrganizationAccount], Mapping[str, str]]:
        """Return the accounts, and the names of the organizational units by ID, from the root down."""
        accounts: list[OrganizationAccount] = []
        names: dict[str, str] = {}
        try:
            parents: list[tuple[str, ...]] = [(root["Id"],) for root in self._list("list_roots", "Roots")]
            while parents:
                children = run_concurrently(*(partial(self._children, path[-1]) for path in parents))
                for path, (own, units) in zip(parents, children):
                    accounts += (
                        OrganizationAccount(id=child["Id"], name=child.get("Name", ""), parents=path) for child in own
                    )
                    names |= {unit["Id"]: unit.get("Name", "") for unit in units}
                parents = [(*path, unit["Id"]) for path, (_, units) in zip(parents, children) for unit in units]
        except AwsError as error:
            self._miss("accounts and organizational units", error)
            return (), {}
        return accounts, names

    def _children(self, parent: str) -> tuple[list[_Entry], list[_Entry]]:
        accounts = self._list("list_accounts_for_parent", "Accounts", ParentId=parent)
        return accounts, self._list("list_organizational_units_for_parent", "OrganizationalUnits", ParentId=parent)

    def policies(self, layer: ControlLayer) -> Mapping[str, Sequence[ControlPolicy]]:
        """Return the service or resource control policies by the ID of what they are attached to.

        Each policy is asked for its targets: an organization has far fewer policies than accounts.
        """
        try:
            listed = self._list("list_policies", "Policies", Filter=CONTROL_POLICY_FILTERS[layer])
        except AwsError as error:
            self._miss(CONTROL_POLICY_TITLES[layer], error)
            return {}
        summaries = [policy for policy in listed if policy["Id"] != FULL_ACCESS_RCP]
        found: dict[str, list[ControlPolicy]] = {}
        reads = run_concurrently(*(partial(self._attached_policy, layer, summary) for summary in summaries))
        for policy, targets in reads:
            for target in targets:
                if policy is not None:
                    found.setdefault(target, []).append(policy)
        return found

    def _attached_policy(self, layer: ControlLayer, summary: _Entry) -> tuple[ControlPolicy | None, Sequence[str]]:
        """Return a policy and what it is attached to. A policy that is attached to nothing is not read."""
        policy, name = summary["Id"], summary["Name"]
        try:
            targets = [
                target["TargetId"] for target in self._list("list_targets_for_policy", "Targets", PolicyId=policy)
            ]
            if not targets:
                return None, ()
            read = partial(self._client.describe_policy, PolicyId=policy)
            content = self._account.attempt(read, doing=f"reading policy {name} of the organization")
        except AwsError as error:
            self._miss(f"{CONTROL_POLICY_TITLES[layer]}: {name}", error)
            return None, ()
        return ControlPolicy(id=policy, name=name, document=document_text(content["Policy"]["Content"])), targets

    def _list(self, operation: Listing, member: str, **options: str) -> list[_Entry]:
        pages = self._client.get_paginator(operation)
        return self._account.attempt(
            lambda: [entry for page in pages.paginate(**options) for entry in page[member]],
            doing="reading the organization",
        )

    def _miss(self, what: str, error: AwsError) -> None:
        if isinstance(error, SessionExpired):
            raise error
        self.missing.append(missing_entry(what, reason_of(error)))
