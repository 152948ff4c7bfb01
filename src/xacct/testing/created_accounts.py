"""How accounts come into an organization, and the role through which the management account enters them.

Source: https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_accounts_access.html
"""

from __future__ import annotations

from unittest.mock import patch

from xacct.arn import Arn
from xacct.testing.account import create_administrator_role
from xacct.testing.moto_state import MotoState

__all__ = ["ACCESS_ROLE", "enter_from_management", "join_organization"]

ACCESS_ROLE = "OrganizationAccountAccessRole"
"""The default name of the role."""


def enter_from_management(account: str, role_name: str, management: str, state: MotoState) -> None:
    """Make an account one of the sandbox's, with the role of an administrator that the management account can assume.

    Args:
        account: the ID of the account.
        role_name: the name of the role; empty for the default.
        management: the ID of the management account.
        state: the accounts.
    """
    state.add_account(account)
    name = role_name or ACCESS_ROLE
    # Moto creates the role with another path and without permissions.
    if state.role(account, name) is not None:
        state.iam(account).delete_role(name)
    create_administrator_role(account, name, {"AWS": str(Arn.root(management, state.partition))}, state)


def join_organization(account: str, name: str, access_role: str | None, management: str, state: MotoState) -> None:
    """Make an existing account a member. Moto can only create accounts, each with a random ID and a role.

    Args:
        account: the ID of the account.
        name: the name of the account in the organization.
        access_role: the name of the role that the management account can assume; None for no role. A role of this name
            that exists stays as it is.
        management: the ID of the management account.
        state: the accounts.
    """
    backend, role = state.organizations.backend(management), access_role or ACCESS_ROLE
    existed = state.role(account, role) is not None
    with patch("moto.organizations.utils.make_random_account_id", lambda: account):
        backend.create_account(AccountName=name, Email=f"{account}@example.com", RoleName=role)
    if access_role is not None and not existed:
        enter_from_management(account, access_role, management, state)
    elif not existed:
        state.iam(account).delete_role(role)
