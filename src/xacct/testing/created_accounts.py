"""Accounts that AWS Organizations creates: the role through which the management account enters them.

Source: https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_accounts_access.html
"""

from __future__ import annotations

import json

from xacct.arn import Arn
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
    iam, name = state.iam(account), role_name or ACCESS_ROLE
    # Moto creates the role with another path and without permissions.
    created = state.role(account, name)
    if created is not None:
        iam.delete_role(name)
    principal = {"AWS": str(Arn.root(management, state.partition))}
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    trust = {"Version": "2012-10-17", "Statement": [statement]}
    iam.create_role(
        role_name=name,
        assume_role_policy_document=json.dumps(trust),
        path="/",
        permissions_boundary=None,
        description="",
        tags=[],
        max_session_duration="3600",
    )
    administrator = f"arn:{state.partition}:iam::aws:policy/AdministratorAccess"
    state.managed_policy(account, administrator)
    iam.attach_role_policy(administrator, name)
