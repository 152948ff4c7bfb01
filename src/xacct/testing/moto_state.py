"""What moto keeps of the accounts, as the rest of the sandbox asks for it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

from moto.backends import get_backend
from moto.iam.aws_managed_policies import aws_managed_policies_data
from moto.iam.models import AWSManagedPolicy

from xacct.arn import Arn

if TYPE_CHECKING:
    from moto.iam.models import Group, IAMBackend, ManagedPolicy, Role, User
    from moto.kms.models import Key
    from moto.s3.models import FakeBucket, FakeKey

__all__ = ["MotoState"]


class MotoState:
    """The accounts of one partition in moto's memory.

    Args:
        partition: such as ``aws``.
        accounts: the ids of those that there are.
    """

    def __init__(self, partition: str, accounts: frozenset[str]) -> None:
        self.partition, self.accounts = partition, accounts
        self._iam, self._s3, self._kms = get_backend("iam"), get_backend("s3"), get_backend("kms")

    def iam(self, account: str) -> IAMBackend:
        """An account's users, roles, groups and policies."""
        return self._iam[account][self.partition]

    def user(self, account: str, name: str) -> User | None:
        """A user by name."""
        found: User | None = self.iam(account).users.get(name)
        return found

    def role(self, account: str, name: str) -> Role | None:
        """A role by name, in the case in which it was made."""
        return next((role for role in self.iam(account).roles.values() if role.name == name), None)

    def group(self, account: str, name: str) -> Group | None:
        """A group by name."""
        found: Group | None = self.iam(account).groups.get(name)
        return found

    def groups_of(self, entity: User | Role) -> list[Group]:
        """The groups that a user is in; a role is in none."""
        return [group for group in self.iam(entity.account_id).groups.values() if entity in group.users]

    def principal(self, arn: str) -> User | Role | None:
        """The user or role that an ARN names, with its path."""
        try:
            parsed = Arn.parse(arn)
        except ValueError:
            return None
        if parsed.service != "iam" or parsed.resource_type not in ("user", "role"):
            return None
        find = self.user if parsed.resource_type == "user" else self.role
        found = find(parsed.account, parsed.name)
        return found if found is not None and found.arn == arn else None

    def role_of(self, arn: str) -> Role | None:
        """The role that an ARN names, in its case and with its path; None too where there is no such account."""
        parsed = Arn.parse(arn)
        found = self.role(parsed.account, parsed.name) if parsed.account in self.accounts else None
        return found if found is not None and found.arn == arn else None

    def principals(self) -> Iterator[User | Role]:
        """Every user and role."""
        for account in self.accounts:
            yield from self.iam(account).users.values()
            yield from self.iam(account).roles.values()

    def managed_policy(self, account: str, arn: str) -> ManagedPolicy | None:
        """A managed policy of the account, or one of AWS's own, which moto takes in with this."""
        policies: dict[str, ManagedPolicy] = self.iam(account).managed_policies
        if arn not in policies and (data := _published(arn)) is not None:
            policies[arn] = AWSManagedPolicy.from_data(arn.rsplit("/", 1)[1], account, self._global_region, data)
        return policies.get(arn)

    def take_in_published_policies(self, account: str) -> None:
        """Let moto know every policy of AWS's own, which takes a second."""
        for name, data in json.loads(aws_managed_policies_data).items():
            self.managed_policy(account, f"arn:{self.partition}:iam::aws:policy{data['Path']}{name}")

    def buckets(self, account: str) -> Iterable[FakeBucket]:
        """An account's buckets."""
        found: dict[str, FakeBucket] = self._s3[account][self.partition].buckets
        return found.values()

    def bucket(self, name: str) -> FakeBucket | None:
        """A bucket, whosever it is."""
        for account in self.accounts:
            found: FakeBucket | None = self._s3[account][self.partition].buckets.get(name)
            if found is not None:
                return found
        return None

    def tags_of_object(self, bucket: FakeBucket, found: FakeKey) -> dict[str, str]:
        """An object's tags."""
        tagger = self._s3[bucket.account_id][self.partition].tagger
        tags: dict[str, str] = tagger.get_tag_dict_for_resource(found.arn)
        return tags

    def key(self, reference: str, account: str, region: str) -> Key | None:
        """A KMS key.

        Args:
            reference: its id, its ARN, an alias or an alias's ARN.
            account: where to look where the reference names no account.
            region: the same for the region.
        """
        if reference.startswith("arn:"):
            try:
                arn = Arn.parse(reference)
            except ValueError:
                return None
            account, region, reference = arn.account, arn.region, arn.resource.removeprefix("key/")
        if account not in self.accounts:
            return None
        backend: Any = self._kms[account][region]
        if reference.startswith("alias/"):
            reference = backend.get_key_id_from_alias(reference) or ""
        found: Key | None = backend.keys.get(reference)
        return found

    def kms_keys(self) -> Iterator[Key]:
        """Every KMS key."""
        for account in self.accounts:
            for backend in list(self._kms[account].values()):
                yield from backend.keys.values()

    def tags_of_key(self, key: Key) -> dict[str, str]:
        """A KMS key's tags."""
        backend: Any = self._kms[key.account_id][key.region]
        return {tag["TagKey"]: tag["TagValue"] for tag in backend.list_resource_tags(key.id)["Tags"]}

    @property
    def _global_region(self) -> str:
        return {"aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1"}.get(self.partition, "us-east-1")


@cache
def _published(arn: str) -> dict[str, Any] | None:
    """One of AWS's own policies, found in moto's text of all without reading the rest, which takes half a second."""
    parsed = Arn.parse(arn)
    if parsed.account != "aws":
        return None
    place = aws_managed_policies_data.find(f'\n "{parsed.name}":{{')
    if place < 0:
        return None
    data: dict[str, Any]
    data, _ = json.JSONDecoder().raw_decode(aws_managed_policies_data, aws_managed_policies_data.index("{", place))
    return data if f"policy{data['Path']}{parsed.name}" == parsed.resource else None
