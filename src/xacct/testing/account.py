"""The accounts of a sandbox, each with an administrator."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3
from attrs import field, frozen

from xacct.testing.moto_state import MotoState, set_unique_id
from xacct.testing.sessions import new_session

if TYPE_CHECKING:
    from moto.iam.models import AccessKey

__all__ = ["Account", "create_administrator"]


@frozen(kw_only=True)
class Account:
    """One of the sandbox's accounts.

    Attributes:
        id: the account id.
        session: a session of the user ``Administrator``, which has AdministratorAccess.
        key: the access key of that user.
    """

    id: str
    session: boto3.Session = field(repr=False)
    key: AccessKey = field(repr=False)


def create_administrator(account: str, state: MotoState, region: str) -> Account:
    """Create the administrator of an account.

    Args:
        account: the account id.
        state: the accounts.
        region: the region of the administrator's session.
    """
    iam = state.iam(account)
    user = iam.create_user(region, "Administrator")
    set_unique_id(user, "AIDA")
    administrator = f"arn:{state.partition}:iam::aws:policy/AdministratorAccess"
    state.managed_policy(account, administrator)
    iam.attach_user_policy(administrator, "Administrator")
    key = user.create_access_key("AKIA")
    session = new_session(key.access_key_id, key.secret_access_key, region=region)
    return Account(id=account, session=session, key=key)
