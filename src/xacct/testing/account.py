"""The accounts of a sandbox, each with an administrator."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

import boto3
from attrs import field, frozen

from xacct.testing.moto_state import MotoState, set_unique_id
from xacct.testing.sessions import new_session

if TYPE_CHECKING:
    from moto.iam.models import AccessKey

__all__ = ["ADMINISTRATOR", "Account", "create_administrator", "create_administrator_role"]

ADMINISTRATOR = "Administrator"
"""The name of the administrator of each account."""


@frozen(kw_only=True)
class Account:
    """One of the sandbox's accounts.

    Attributes:
        id: the account id.
        key: the access key of the user ``Administrator``.
    """

    id: str
    key: AccessKey = field(repr=False)
    _region: str = field(alias="region", repr=False)

    @cached_property
    def session(self) -> boto3.Session:
        """A session of the user ``Administrator``, which has AdministratorAccess."""
        # Made when it is needed: of many accounts, a test uses few.
        return new_session(self.key.access_key_id, self.key.secret_access_key, region=self._region)


def create_administrator(account: str, state: MotoState, region: str) -> Account:
    """Create the administrator of an account.

    Args:
        account: the account id.
        state: the accounts.
        region: the region of the administrator's session.
    """
    iam = state.iam(account)
    user = iam.create_user(region, ADMINISTRATOR)
    set_unique_id(user, "AIDA")
    administrator = f"arn:{state.partition}:iam::aws:policy/AdministratorAccess"
    state.managed_policy(account, administrator)
    iam.attach_user_policy(administrator, ADMINISTRATOR)
    key = user.create_access_key("AKIA")
    return Account(id=account, key=key, region=region)


def create_administrator_role(account: str, name: str, principal: Mapping[str, str], state: MotoState) -> None:
    """Create a role with AdministratorAccess.

    Args:
        account: the account id.
        name: the name of the role.
        principal: the principal that its trust policy trusts, such as ``{"AWS": "arn:aws:iam::111111111111:root"}``.
        state: the accounts.
    """
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    iam = state.iam(account)
    iam.create_role(
        role_name=name,
        assume_role_policy_document=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
        path="/",
        permissions_boundary=None,
        description="",
        tags=[],
        max_session_duration="3600",
    )
    administrator = f"arn:{state.partition}:iam::aws:policy/AdministratorAccess"
    state.managed_policy(account, administrator)
    iam.attach_role_policy(administrator, name)
