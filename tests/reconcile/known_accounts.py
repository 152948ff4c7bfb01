"""Two accounts whose resources have given states: nothing is called."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timezone
from importlib import import_module
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
from attrs import define, field

from xacct import DevAccessGrant, PolicyDocument, Statement, TrustGrant
from xacct.reconcile.observation import Observation
from xacct.resources.account_listing import AccountListing
from xacct.resources.managed_policy import ManagedPolicyState
from xacct.resources.ownership_tags import GrantIdentity, Run, UserRecord, ownership_tags, tags_to_list, user_tags
from xacct.resources.role import RoleState
from xacct.resources.user import UserState

from .accounts import TRUSTED, TRUSTING

CREATED = datetime(2026, 1, 31, tzinfo=timezone.utc)
ANY_DOCUMENT = PolicyDocument([Statement.allow("s3:ListAllMyBuckets", "*")])


class Read(NamedTuple):
    """The read of one resource."""

    arn: str
    purpose: str
    listing: object


@define
class KnownAccounts:
    """The trusting and the trusted account.

    Attributes:
        states: the state of each resource that exists, by its ARN.
        principals: what has a policy, by its ARN; nothing by default.
        role_listing: the listing of the roles; None if the caller may not list.
        policy_listing: the listing of the policies and users.
        reads: the reads of resources.
        listed: the listings that were asked for.
        calls: the descriptions of the other calls.
    """

    states: dict[str, Any] = field(factory=dict)
    principals: dict[str, Collection[tuple[str, str]]] = field(factory=dict)
    role_listing: AccountListing | None = None
    policy_listing: AccountListing | None = None
    reads: list[Read] = field(factory=list)
    listed: list[tuple[object, ...]] = field(factory=list)
    calls: list[str] = field(factory=list)
    trusting: Any = field(init=False)
    trusted: Any = field(init=False)

    def __attrs_post_init__(self) -> None:
        common = {"partition": "aws", "iam": None, "attempt": self._attempt}
        self.trusting = SimpleNamespace(side="trusting", id=TRUSTING, **common)
        self.trusted = SimpleNamespace(side="trusted", id=TRUSTED, **common)

    def take_over(self, patch: pytest.MonkeyPatch) -> None:
        """Answer the reads of the modules."""
        reads, former = (import_module(f"xacct.reconcile.{name}") for name in ("grant_reads", "former_resources"))
        patch.setattr(reads, "observe", self._observe)
        patch.setattr(former, "observe", self._observe)
        patch.setattr(reads, "list_roles", self._list_roles)
        patch.setattr(reads, "list_policies", self._list_policies)
        patch.setattr(former, "list_details", self._list_details)

    def _attempt(self, call: object, *, doing: str, resource: str, **_: object) -> object:
        self.calls.append(doing)
        return frozenset(self.principals.get(resource, ()))

    def _observe(self, resources: Sequence[Any], purpose: str, listing: object = None) -> tuple[Observation[Any], ...]:
        self.reads += [Read(resource.arn, purpose, listing) for resource in resources]
        return tuple(Observation(resource, self.states.get(resource.arn)) for resource in resources)

    def _list_roles(self, account: object, *, most_pages: int) -> AccountListing | None:
        self.listed.append(("roles", account, most_pages))
        return self.role_listing

    def _list_policies(self, account: object, *, most_pages: int) -> AccountListing | None:
        self.listed.append(("policies", account, most_pages))
        return self.policy_listing

    def _list_details(self, account: object, kinds: Iterable[str], unchecked: str) -> AccountListing | None:
        self.listed.append((*kinds, account, unchecked))
        return self.role_listing if account is self.trusting else self.policy_listing


def role_state(owner: TrustGrant | None) -> RoleState:
    """The state of a role that belongs to a grant, or to nobody."""
    tags = {} if owner is None else ownership_tags(GrantIdentity.of(owner), Run(), tags={})
    return RoleState(
        path="/",
        created=CREATED,
        trust=ANY_DOCUMENT,
        description="",
        max_session_duration=3600,
        boundary=None,
        tags=tags,
        attached=(),
        inline={},
    )


def policy_state(
    owner: DevAccessGrant | None, *, attached: Iterable[str] = (), principals: Any = (), count: int = 0
) -> ManagedPolicyState:
    """The state of a policy that belongs to a grant, with the principals that the tags record and those that it has."""
    tags = {} if owner is None else ownership_tags(GrantIdentity.of(owner), Run(), tags={}, attached=attached)
    return ManagedPolicyState(
        created=CREATED,
        description="",
        document=ANY_DOCUMENT if owner is None else owner.assume_role_policy,
        default_version="v1",
        tags=tags,
        attachment_count=count,
        principals=None if principals is None else frozenset(principals),
    )


def user_state(*policy_names: str, attached: Sequence[str] = (), managed: bool = True) -> UserState:
    """The state of a console user with the records of the grants that have these policies."""
    tags: dict[str, str] = {}
    for name in policy_names:
        tags |= user_tags(UserRecord.of(name, attached), Run(), tags={}, observed=tags)
    if not managed:
        del tags["xacct:managed-by"]
    return UserState(created=CREATED, tags=tags, attached=tuple(attached), has_password=True)


def role_detail(arn: str, owner: TrustGrant | None) -> Any:
    """A role in the listing of an account."""
    return {"Arn": arn, **({} if owner is None else {"Tags": tags_to_list(role_state(owner).tags)})}
