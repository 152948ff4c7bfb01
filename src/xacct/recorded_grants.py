"""Grants rebuilt from what an account has recorded of them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from attrs import evolve

from xacct.arn import Arn
from xacct.aws_reads import policies_of_user
from xacct.console_user import ConsoleUser
from xacct.errors import InvalidValue
from xacct.grant_account import GrantAccount
from xacct.grants import DevAccessGrant, TrustGrant
from xacct.inventory import GrantRecord, grants_in_account
from xacct.record_reader import policy_in, role_in
from xacct.resources.ownership_tags import (
    foreign_tags,
    is_attached_by_xacct,
    is_boundary_set_by_xacct,
    tags_from_list,
    user_records,
)

__all__ = ["dev_access_grant_of", "only_record", "trust_grant_of"]


def only_record(account: GrantAccount, name: str, other_account: str) -> GrantRecord:
    """Return the record of a grant on the account's side.

    Raises:
        InvalidValue: the account has no such grant, or more than one.
    """
    records = [record for record in grants_in_account(account) if record.side == account.side]
    found = [record for record in records if record.name == name and other_account in record.other_accounts]
    if len(found) == 1:
        return found[0]
    if found:
        arns = ", ".join(record.arn for record in found)
        raise InvalidValue("name", name, f"account {account.id} has more than one grant of this name: {arns}")
    names = ", ".join(sorted({record.name for record in records if other_account in record.other_accounts})) or "none"
    rule = (
        f"account {account.id} has no {account.side} side of a grant of this name with {other_account}; it has {names}"
    )
    raise InvalidValue("name", name, rule)


def trust_grant_of(account: GrantAccount, record: GrantRecord) -> TrustGrant:
    """Return the grant of a recorded role, without what xacct did not put on the role.

    Raises:
        CannotExpress: the role has something that no grant can express.
    """
    role = role_in(account, Arn.parse(record.arn).name)
    own = evolve(
        role,
        attached=tuple(arn for arn in role.attached if is_attached_by_xacct(arn, role.tags)),
        inline={name: policy for name, policy in role.inline.items() if is_attached_by_xacct(name, role.tags)},
        boundary=role.boundary if is_boundary_set_by_xacct(role.boundary, role.tags) else None,
        tags=_without_foreign(role.tags),
    )
    # That the role may write, if it may, was decided when it was granted.
    return TrustGrant.from_role(own, may_write=True)


def dev_access_grant_of(account: GrantAccount, record: GrantRecord) -> DevAccessGrant:
    """Return the grant of a recorded policy, with its console user, without what xacct did not attach.

    Raises:
        CannotExpress: the policy has something that no grant can express.
    """
    policy = policy_in(account, record.arn)
    own = frozenset(
        (kind, name) for kind, name in policy.principals if is_attached_by_xacct(f"{kind} {name}", policy.tags)
    )
    policy = evolve(policy, principals=own, tags=_without_foreign(policy.tags))
    user = None
    if record.console_user is not None and ("user", record.console_user) in policy.principals:
        user = _console_user(account, record.console_user, record.arn)
    return DevAccessGrant.from_policy(policy, console_user=user)


def _without_foreign(tags: Mapping[str, str]) -> dict[str, str]:
    foreign = foreign_tags(tags, {})
    return {key: value for key, value in tags.items() if key not in foreign}


def _console_user(account: GrantAccount, name: str, policy_arn: str) -> ConsoleUser:
    """Return a console user with the other managed policies that the grant attached to it."""
    iam, policy_name = account.iam, Arn.parse(policy_arn).name
    resource = str(Arn.user(account.id, name, partition=account.partition))
    attempt = partial(account.attempt, doing=f"reading user {name}", resource=resource)
    user = attempt(lambda: iam.get_user(UserName=name)["User"])
    attached = attempt(partial(policies_of_user, iam, name))
    records = [r for r in user_records(tags_from_list(user.get("Tags", []))) if r.policy_name == policy_name]
    arns = [arn for arn in attached if arn != policy_arn and any(record.has(arn) for record in records)]
    return ConsoleUser(name, managed_policy_arns=arns)
