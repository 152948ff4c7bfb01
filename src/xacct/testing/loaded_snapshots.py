"""Snapshots of real accounts, put into the accounts of a sandbox: directly into moto's state, without calls."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timezone
from functools import lru_cache
from typing import TYPE_CHECKING

from moto.core.utils import utcnow
from moto.iam.models import AWSManagedPolicy, ManagedPolicy, Role
from moto.iam.utils import random_role_id

from xacct.arn import Arn, partition
from xacct.errors import PolicyError
from xacct.policy import PolicyDocument
from xacct.snapshot.details import GroupDetail, PolicyDetail, RoleDetail, UserDetail, document_text
from xacct.snapshot.missing import missing_entry
from xacct.testing.account import ADMINISTRATOR
from xacct.testing.moto_state import set_unique_id
from xacct.testing.write_rules.entities import set_user_boundary

if TYPE_CHECKING:
    from moto.iam.models import Group, IAMBackend, User

    from xacct.snapshot import Snapshot
    from xacct.testing.moto_state import MotoState

__all__ = ["load_snapshot"]

_TRUSTS_NOBODY = document_text(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRole"}]}
)


def load_snapshot(snapshot: Snapshot, state: MotoState) -> Iterator[str]:
    """Put what a snapshot has into its account, and yield what the sandbox cannot have.

    Args:
        snapshot: the snapshot of an account of the sandbox.
        state: the accounts.
    """
    loader = _Loader(snapshot, state)
    yield from loader.load_policies(snapshot.policies)
    yield from loader.load_groups(snapshot.groups)
    yield from loader.load_users(snapshot.users)
    yield from loader.load_roles(snapshot.roles)
    for resource in snapshot.resources:
        yield missing_entry(f"resource policy of {resource.arn}", "a sandbox loads users, groups, roles and policies")


class _Loader:
    """Loads the entities of one account. What exists under the same name is replaced."""

    def __init__(self, snapshot: Snapshot, state: MotoState) -> None:
        self._account, self._state = snapshot.account, state
        self._iam: IAMBackend = state.iam(snapshot.account)
        self._region = partition(state.partition).global_region

    def load_policies(self, policies: Iterable[PolicyDetail]) -> Iterator[str]:
        for detail in policies:
            if not _is_policy(detail.document):
                yield missing_entry(f"policy {detail.arn}", "its document is not valid")
                continue
            arn = Arn.parse(detail.arn)
            kind = AWSManagedPolicy if arn.account == "aws" else ManagedPolicy
            before = self._iam.managed_policies.get(detail.arn)
            if before is not None and kind is AWSManagedPolicy:
                # The administrator has it, too.
                before.versions[0].document = detail.document
                continue
            self._iam.managed_policies[detail.arn] = kind(  # type: ignore[abstract] # moto makes objects of it, too
                arn.name, self._account, self._region, document=detail.document, path=arn.path
            )

    def load_groups(self, groups: Iterable[GroupDetail]) -> Iterator[str]:
        for detail in groups:
            arn = Arn.parse(detail.arn)
            self._iam.groups.pop(arn.name, None)
            group: Group = self._iam.create_group(arn.name, arn.path)
            if detail.unique_id:
                group.id = detail.unique_id
            else:
                set_unique_id(group, "AGPA")
            group.create_date = _moto_time(detail.created)
            self._iam.groups[arn.name] = group
            yield from self._add_policies(group, detail)

    def load_users(self, users: Iterable[UserDetail]) -> Iterator[str]:
        for detail in users:
            arn = Arn.parse(detail.arn)
            if arn.name == ADMINISTRATOR:
                yield missing_entry(f"user {detail.arn}", "the administrator of the sandbox has its name")
                continue
            self._iam.users.pop(arn.name, None)
            self._iam.tagger.delete_all_tags_for_resource(detail.arn)
            user: User = self._iam.create_user(self._region, arn.name, arn.path, _tag_list(detail))
            if detail.unique_id:
                user.id = detail.unique_id
            else:
                set_unique_id(user, "AIDA")
            user.create_date = _moto_time(detail.created)
            set_user_boundary(user, detail.boundary)
            yield from self._missing_boundary(detail)
            yield from self._add_policies(user, detail)
            for name in detail.groups:
                if name in self._iam.groups:
                    self._iam.groups[name].users.append(user)
                else:
                    yield missing_entry(f"group {name} of user {detail.arn}", "the snapshot does not have it")

    def load_roles(self, roles: Iterable[RoleDetail]) -> Iterator[str]:
        ids = {role.name: unique_id for unique_id, role in self._iam.roles.items()}
        for detail in roles:
            arn, trust = Arn.parse(detail.arn), detail.trust_policy
            if trust is None or not _is_policy(trust):
                yield missing_entry(f"trust policy of role {detail.arn}", "it is not valid, so the role trusts nobody")
                trust = _TRUSTS_NOBODY
            if arn.name in ids:
                del self._iam.roles[ids[arn.name]]
            is_free = detail.unique_id and detail.unique_id not in self._iam.roles
            # Moto's `create_role` would compare each role with all others.
            role: Role = Role(  # type: ignore[abstract] # moto makes objects of it, too
                account_id=self._account,
                partition=self._state.partition,
                role_id=detail.unique_id if is_free else random_role_id(self._account),
                name=arn.name,
                assume_role_policy_document=trust,
                path=arn.path,
                permissions_boundary=detail.boundary,
                description="",
                tags=_tag_list(detail),
                max_session_duration="3600",
            )
            role.create_date, role.last_used = _moto_time(detail.created), detail.last_used
            self._iam.roles[role.id] = role
            yield from self._missing_boundary(detail)
            yield from self._add_policies(role, detail)

    def _missing_boundary(self, detail: UserDetail | RoleDetail) -> Iterator[str]:
        if detail.boundary is not None and self._state.managed_policy(self._account, detail.boundary) is None:
            yield missing_entry(f"permissions boundary of {detail.arn}", f"there is no document of {detail.boundary}")

    def _add_policies(
        self, entity: User | Group | Role, detail: UserDetail | GroupDetail | RoleDetail
    ) -> Iterator[str]:
        for name, document in detail.inline.items():
            if _is_policy(document):
                entity.policies[name] = document
            else:
                yield missing_entry(f"inline policy {name} of {detail.arn}", "its document is not valid")
        for arn in detail.attached:
            policy = self._state.managed_policy(self._account, arn)
            if policy is None:
                yield missing_entry(f"managed policy {arn} of {detail.arn}", "neither the snapshot nor moto has it")
            else:
                policy.attach_to(entity)


@lru_cache(10_000)
def _is_policy(document: str) -> bool:
    try:
        PolicyDocument.parse(document)
    except PolicyError:
        return False
    return True


def _moto_time(time: datetime | None) -> datetime:
    """Return a time as moto keeps it: in UTC, without a zone."""
    return utcnow() if time is None else time.astimezone(timezone.utc).replace(tzinfo=None)


def _tag_list(detail: UserDetail | RoleDetail) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in detail.tags.items()]
