"""Accounts that AWS Organizations creates: the role through which the management account enters them.

Source: https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_accounts_access.html
"""

from __future__ import annotations

from xacct.arn import Arn
from xacct.testing.account import create_administrator_role
from xacct.testing.moto_state import MotoState

__all__ = ["ACCESS_ROLE", "enter_from_management"]

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
