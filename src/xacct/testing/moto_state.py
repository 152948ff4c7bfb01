"""Access to moto's state of the accounts: IAM entities, buckets and KMS keys."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, Literal, cast

from moto.backends import get_backend
from moto.iam.aws_managed_policies import aws_managed_policies_data
from moto.iam.models import AWSManagedPolicy
from moto.utilities.utils import PARTITION_NAMES

from xacct.arn import Arn, partition as partition_named
from xacct.errors import InvalidValue
from xacct.testing.organizations import Organizations

if TYPE_CHECKING:
    from moto.iam.models import Group, IAMBackend, ManagedPolicy, Role, User
    from moto.kms.models import Key
    from moto.s3.models import FakeBucket, FakeKey, PublicAccessBlock

__all__ = ["MotoState", "set_unique_id"]


class MotoState:
    """Moto's state of the accounts of one partition.

    Args:
        partition: the name of the partition, such as ``aws``.
        accounts: the account ids.

    Attributes:
        organizations: the organizations of the accounts.

    Raises:
        InvalidValue: moto does not know the partition.
    """

    def __init__(self, partition: str, accounts: frozenset[str]) -> None:
        if partition not in PARTITION_NAMES:
            supported = ", ".join(sorted(PARTITION_NAMES))
            raise InvalidValue("partition", partition, f"a partition that the sandbox supports: {supported}")
        self.partition, self.accounts = partition, accounts
        self.organizations = Organizations(partition)
        self._iam, self._s3 = get_backend("iam"), get_backend("s3")
        # The account in which each bucket was found.
        self._owners: dict[str, str] = {}

    @cached_property
    def _kms(self) -> Any:
        # Imported when it is needed: it imports much of the package cryptography.
        return get_backend("kms")

    def backend(self, service: str, account: str, region: str) -> Any | None:
        """Return moto's backend of a service; None if the sandbox has no such account, or the service no such region.

        Args:
            service: the name of the service in moto, such as ``sqs``.
            account: the account id.
            region: the region.
        """
        backends: Any = get_backend(cast("Literal['sqs']", service))
        try:
            return backends[account][region] if account in self.accounts else None
        except KeyError:
            return None

    def add_account(self, account: str) -> None:
        """Add an account that AWS Organizations has created."""
        self.accounts |= {account}

    def iam(self, account: str) -> IAMBackend:
        """Return moto's IAM backend of an account: its users, roles, groups and policies."""
        return self._iam[account][self.partition]

    def user(self, account: str, name: str) -> User | None:
        """Return a user by name."""
        user: User | None = self.iam(account).users.get(name)
        return user

    def role(self, account: str, name: str) -> Role | None:
        """Return a role by name. The name is case-sensitive."""
        return next((role for role in self.iam(account).roles.values() if role.name == name), None)

    def group(self, account: str, name: str) -> Group | None:
        """Return a group by name."""
        group: Group | None = self.iam(account).groups.get(name)
        return group

    def groups_of(self, entity: User | Role) -> list[Group]:
        """Return the groups of a user; a role has none."""
        return [group for group in self.iam(entity.account_id).groups.values() if entity in group.users]

    def principal(self, arn: str) -> User | Role | None:
        """Return the user or role with this ARN, path included; None if it does not exist."""
        try:
            parsed = Arn.parse(arn)
        except ValueError:
            return None
        if parsed.service != "iam" or parsed.resource_type not in ("user", "role"):
            return None
        find = self.user if parsed.resource_type == "user" else self.role
        entity = find(parsed.account, parsed.name)
        return entity if entity is not None and entity.arn == arn else None

    def role_of(self, arn: str) -> Role | None:
        """Return the role with this ARN, path included; None if the role or its account does not exist."""
        parsed = Arn.parse(arn)
        role = self.role(parsed.account, parsed.name) if parsed.account in self.accounts else None
        return role if role is not None and role.arn == arn else None

    def principals(self) -> Iterator[User | Role]:
        """Iterate over the users and roles of all accounts."""
        for account in self.accounts:
            yield from self.iam(account).users.values()
            yield from self.iam(account).roles.values()

    def managed_policy(self, account: str, arn: str) -> ManagedPolicy | None:
        """Return a managed policy of the account, or an AWS managed policy, which this loads into moto."""
        policies: dict[str, ManagedPolicy] = self.iam(account).managed_policies
        if arn not in policies and (data := _aws_managed_policy(arn)) is not None:
            policies[arn] = AWSManagedPolicy.from_data(
                arn.rsplit("/", 1)[1], account, partition_named(self.partition).global_region, data
            )
        return policies.get(arn)

    def load_aws_managed_policies(self, account: str) -> None:
        """Load every AWS managed policy into moto, which takes about a second."""
        for name, data in json.loads(aws_managed_policies_data).items():
            self.managed_policy(account, f"arn:{self.partition}:iam::aws:policy{data['Path']}{name}")

    def buckets(self, account: str) -> Iterable[FakeBucket]:
        """Return the buckets of an account."""
        buckets: dict[str, FakeBucket] = self._s3[account][self.partition].buckets
        return buckets.values()

    def bucket(self, name: str) -> FakeBucket | None:
        """Return a bucket by name, from any account."""
        owner = self._owners.get(name)
        for account in [owner, *self.accounts] if owner is not None else self.accounts:
            bucket: FakeBucket | None = self._s3[account][self.partition].buckets.get(name)
            if bucket is not None:
                self._owners[name] = account
                return bucket
        return None

    def account_public_access_block(self, account: str) -> PublicAccessBlock | None:
        """Return the Block Public Access configuration of an account; None if it has none."""
        backend = self.backend("s3control", account, self.partition)
        block: PublicAccessBlock | None = None if backend is None else backend.public_access_block
        return block

    def tags_of_object(self, bucket: FakeBucket, found: FakeKey) -> dict[str, str]:
        """Return the tags of an object."""
        tagger = self._s3[bucket.account_id][self.partition].tagger
        tags: dict[str, str] = tagger.get_tag_dict_for_resource(found.arn)
        return tags

    def key(self, reference: str, account: str, region: str) -> Key | None:
        """Return a KMS key; None if it does not exist.

        Args:
            reference: the key's id or ARN, or the name or ARN of an alias.
            account: the account of a reference that is not an ARN.
            region: the region of a reference that is not an ARN.
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
        key: Key | None = backend.keys.get(reference)
        return key

    def kms_keys(self) -> Iterator[Key]:
        """Iterate over the KMS keys of all accounts."""
        if "moto.kms.models" not in sys.modules:
            return
        # Accounts without keys have no backends.
        for account in self.accounts & self._kms.keys():
            for backend in list(self._kms[account].values()):
                yield from backend.keys.values()

    def tags_of_key(self, key: Key) -> dict[str, str]:
        """Return the tags of a KMS key."""
        backend: Any = self._kms[key.account_id][key.region]
        return {tag["TagKey"]: tag["TagValue"] for tag in backend.list_resource_tags(key.id)["Tags"]}


def set_unique_id(entity: User | Group, prefix: str) -> None:
    """Replace moto's unique ID of a new user or group by one of AWS's form.

    Args:
        entity: the user or group.
        prefix: the prefix of its kind, such as ``AIDA`` for users.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-prefixes
    """
    entity.id = prefix + entity.id[: 21 - len(prefix)].upper()


@cache
def _aws_managed_policy(arn: str) -> dict[str, Any] | None:
    """Return moto's data of an AWS managed policy; None if there is no such policy.

    Only this policy is parsed out of moto's JSON text: parsing all of them takes half a second.
    """
    parsed = Arn.parse(arn)
    if parsed.account != "aws":
        return None
    position = aws_managed_policies_data.find(f'\n "{parsed.name}":{{')
    if position < 0:
        return None
    data: dict[str, Any]
    data, _ = json.JSONDecoder().raw_decode(aws_managed_policies_data, aws_managed_policies_data.index("{", position))
    return data if f"policy{data['Path']}{parsed.name}" == parsed.resource else None
