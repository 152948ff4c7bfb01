"""Reads an account's organization: its id, and the service and resource control policies that apply to the account."""

from __future__ import annotations

from typing import cast

from attrs import define, frozen
from botocore.exceptions import BotoCoreError, ClientError

from xacct.access_denied.account_reads import AccountReads, Unread
from xacct.errors import PolicyError
from xacct.organizations_client import (
    CONTROL_POLICY_FILTERS,
    CONTROL_POLICY_TITLES,
    FULL_ACCESS_RCP,
    ControlLayer,
    OrganizationsClient,
)
from xacct.policy import PolicyDocument
from xacct.retry import code_of

__all__ = ["ControlPolicies", "OrganizationReader"]


@frozen
class ControlPolicies:
    """What an organization says about one of its accounts.

    Attributes:
        organization_id: the organization's id; empty if the account is in none, None if that could not be read.
        levels: the policies by level from the root down; empty if none apply, or if they could not be read.
    """

    organization_id: str | None = None
    levels: tuple[tuple[PolicyDocument, ...], ...] = ()


@define
class OrganizationReader:
    """Reads organizations.

    Only the management account and delegated administrators may read these policies, so each session is tried.

    Attributes:
        reads: the sessions, and what could not be read.
    """

    reads: AccountReads

    def control_policies(self, account: str, layer: ControlLayer) -> ControlPolicies:
        """Read the service or resource control policies that apply to an account.

        They do not apply to the management account.

        Source: https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps.html
        """
        title, organization_id = f"{CONTROL_POLICY_TITLES[layer]} of account {account}", None
        if account in self.reads.sessions:
            try:
                found = self._client(layer, account).describe_organization()["Organization"]
            except (ClientError, BotoCoreError) as error:
                if code_of(error) == "AWSOrganizationsNotInUseException":
                    return ControlPolicies("")
            else:
                organization_id = found["Id"]
                if found["MasterAccountId"] == account:
                    return ControlPolicies(organization_id)
        why = f"no session of account {account}"
        for reader in sorted(self.reads.sessions, key=lambda owner: owner != account):
            try:
                return ControlPolicies(organization_id, _levels(self._client(layer, reader), account, layer))
            except (ClientError, BotoCoreError, PolicyError) as error:  # noqa: PERF203 the next session may read them
                if reader == account:
                    why = code_of(error) or str(error)
        self.reads.unread.append(Unread(layer, title, why))
        return ControlPolicies(organization_id)

    def _client(self, layer: ControlLayer, account: str) -> OrganizationsClient:
        return cast(
            OrganizationsClient, self.reads.client(layer, "organizations", account, CONTROL_POLICY_TITLES[layer])
        )


def _levels(client: OrganizationsClient, target: str, layer: ControlLayer) -> tuple[tuple[PolicyDocument, ...], ...]:
    """Return the policies that are attached to a target and to what is above it, from the root down.

    A level without policies is left out: while a policy type is enabled, each level has at least one.
    """
    listed = client.list_policies_for_target(TargetId=target, Filter=CONTROL_POLICY_FILTERS[layer])["Policies"]
    policies = [client.describe_policy(PolicyId=p["Id"])["Policy"] for p in listed if p["Id"] != FULL_ACCESS_RCP]
    level = tuple(
        PolicyDocument.parse(policy["Content"], name=f"{layer.upper()} {policy['PolicySummary']['Name']}")
        for policy in policies
    )
    own = (level,) if level else ()
    if target.startswith("r-"):
        return own
    parents = client.list_parents(ChildId=target)["Parents"]
    return (*(above for parent in parents for above in _levels(client, parent["Id"], layer)), *own)
