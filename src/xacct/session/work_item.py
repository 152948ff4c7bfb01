"""The units of work of fan_out: a target with its session or its request for one, and the key of its result."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import cast

import boto3
from attrs import evolve, frozen

from xacct.arn import Arn
from xacct.errors import InvalidValue
from xacct.session.credentials import AssumedRoleCredentials
from xacct.session.role_request import RoleRequest
from xacct.session.sts_errors import errors_of_botocore
from xacct.session.target import Account, Target, keys_of

__all__ = ["TargetLike", "WorkItem", "keyed", "work_items"]

TargetLike = boto3.Session | Target | Account | Arn | str


@frozen(kw_only=True)
class WorkItem:
    """A target, and how to get its session.

    Attributes:
        target: the target.
        key: the key that the caller gave it, if any.
        session: its session, if the caller passed one.
        request: otherwise the request for its role.
    """

    target: Target
    key: str | None
    session: boto3.Session | None = None
    request: RoleRequest | None = None

    def in_region(self, region: str) -> WorkItem:
        """Return the same work in a region."""
        key = None if self.key is None else f"{self.key} {region}"
        return evolve(self, key=key, target=evolve(self.target, region=region))


def work_items(
    targets: Iterable[TargetLike] | Mapping[str, TargetLike],
    *,
    role_names: Sequence[str],
    partition: str,
    request: Callable[[Target], RoleRequest],
    accounts_of: Callable[[Sequence[boto3.Session]], Sequence[str]],
) -> list[WorkItem]:
    """Return the work for what the caller of fan_out passed.

    Args:
        targets: the targets.
        role_names: the roles to assume in targets without a role.
        partition: the partition of these roles.
        request: returns the request for a target's role.
        accounts_of: returns the accounts of sessions. It is called after everything else has been checked.

    Raises:
        InvalidValue: a target is not valid, or two have the same key.
    """
    pairs: list[tuple[str | None, TargetLike]]
    if isinstance(targets, Mapping):
        pairs = [*cast("Mapping[str, TargetLike]", targets).items()]
    else:
        pairs = [(None, target) for target in targets]
    found: list[list[WorkItem]] = []
    unknown: dict[int, boto3.Session] = {}
    for place, (key, given) in enumerate(pairs):
        if isinstance(given, boto3.Session):
            doing = "loading the credentials of a target session"
            with errors_of_botocore(doing, base=given, whose="the target session's"):
                credentials = given.get_credentials()
            if not isinstance(credentials, AssumedRoleCredentials):
                unknown[place] = given
                found.append([])
                continue
            found.append([WorkItem(target=Target(credentials.request.role_arn), key=key, session=given)])
            continue
        targets_of_item = _targets(given, role_names, partition)
        several = len(targets_of_item) > 1
        found.append(
            [
                WorkItem(target=target, key=_key(key, target if several else None), request=request(target))
                for target in targets_of_item
            ]
        )
    keyed([item for items in found for item in items], with_region=False)
    for (place, session), account in zip(unknown.items(), accounts_of([*unknown.values()])):
        found[place] = [WorkItem(target=Target(account=account), key=pairs[place][0], session=session)]
    return [item for items in found for item in items]


def _targets(given: Target | Account | Arn | str, role_names: Sequence[str], partition: str) -> list[Target]:
    if isinstance(given, Account):
        given = Target(account=given.id, name=given.name, email=given.email)
    elif isinstance(given, str) and given.isdigit():
        given = Target(account=given)
    elif not isinstance(given, Target):
        given = Target(given)
    if given.role_arn is None and role_names:
        return [given.with_role(name, partition) for name in role_names]
    return [given]


def _key(key: str | None, target: Target | None) -> str | None:
    if key is None or target is None or target.role_arn is None:
        return key
    return f"{key} {target.role_arn.name}"


def keyed(items: Sequence[WorkItem], *, with_region: bool) -> list[str]:
    """Return the key of each item: the caller's, or that of `keys_of`.

    Args:
        items: the items.
        with_region: whether the keys have regions.

    Raises:
        InvalidValue: two items have the same key.
    """
    made = keys_of([item.target for item in items], with_region=with_region)
    keys = [key if item.key is None else item.key for item, key in zip(items, made)]
    seen: set[str] = set()
    for key in keys:
        if key in seen:
            rule = "two targets have this key. Pass a mapping, to give each target a key of its own"
            raise InvalidValue("targets", key, rule)
        seen.add(key)
    return keys
