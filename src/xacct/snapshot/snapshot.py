"""Snapshot: an account's IAM as data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from attrs import Attribute, evolve, field, frozen

from xacct.arn import account_id, partition
from xacct.errors import InvalidValue
from xacct.snapshot.authorization_details import read_account_details
from xacct.snapshot.detail_pages import LISTS, PLURALS, REST, Details, read_json
from xacct.snapshot.details import GroupDetail, PolicyDetail, ResourcePolicy, RoleDetail, UserDetail
from xacct.snapshot.missing import missing_entry, what_is_missing
from xacct.snapshot.plain_snapshot import counted, from_plain, redacted, to_plain
from xacct.snapshot.resource_policies import SERVICES
from xacct.validators import aware

if TYPE_CHECKING:
    import boto3

__all__ = ["Snapshot"]

Entity = TypeVar("Entity", bound=UserDetail | GroupDetail | RoleDetail | PolicyDetail | ResourcePolicy)


def _is_account(_: object, attribute: Attribute[str], value: object) -> None:
    account_id(value, attribute.name)


def _is_partition(_: object, __: object, value: str) -> None:
    partition(value)


@frozen(kw_only=True, repr=False)
class Snapshot:
    """An account's IAM as data: users, groups, roles, managed policies, and the resource policies that were read.

    A snapshot is made by :meth:`read` or :meth:`from_authorization_details`. It needs no access to AWS.

    Attributes:
        account: the account's ID.
        partition: the account's partition, such as ``aws``.
        taken: when the snapshot was taken; None if that is not known.
        users: the users, by ARN.
        groups: the groups, by ARN.
        roles: the roles, by ARN.
        policies: the managed policies, by ARN: the customer managed ones, and those of AWS that are in use.
        services: the services whose resource policies were read, such as ``s3``.
        regions: the regions in which they were read. S3 buckets are read in every region.
        resources: the resource policies, by ARN.
        missing: what the data lacks, such as ``policy arn:aws:iam::aws:policy/ReadOnlyAccess``, each with the reason.

    Raises:
        InvalidValue: the account, the partition or the time is not valid.
    """

    account: str = field(validator=_is_account)
    partition: str = field(default="aws", validator=_is_partition)
    taken: datetime | None = field(default=None, validator=aware)
    users: tuple[UserDetail, ...] = ()
    groups: tuple[GroupDetail, ...] = ()
    roles: tuple[RoleDetail, ...] = ()
    policies: tuple[PolicyDetail, ...] = ()
    services: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    resources: tuple[ResourcePolicy, ...] = ()
    missing: tuple[str, ...] = ()

    def __attrs_post_init__(self) -> None:
        for name in ("users", "groups", "roles", "policies", "resources"):
            object.__setattr__(self, name, tuple(sorted(getattr(self, name), key=lambda entity: entity.arn)))
        for name in ("services", "regions", "missing"):
            object.__setattr__(self, name, tuple(sorted(set(getattr(self, name)))))

    @classmethod
    def read(
        cls,
        session: boto3.Session,
        services: Iterable[str] = (),
        *,
        regions: Iterable[str] | None = None,
    ) -> Snapshot:
        """Read the snapshot of a session's account.

        IAM is read in pages, with no call for each role. Then the resource policies of the services are read, with at
        most 8 calls at the same time. What a service does not allow is named in :attr:`missing`, and the rest is read.

        For many accounts, pass ``functools.partial(Snapshot.read, services=["s3"])`` to :func:`xacct.fan_out`.

        Args:
            session: the session.
            services: the services whose resource policies to read: ``ecr`` (repositories), ``kms`` (customer managed
                keys), ``lambda`` (functions, without versions and aliases), ``s3`` (general purpose buckets),
                ``secretsmanager`` (secrets), ``sns`` (topics), ``sqs`` (queues); ``all`` for all of them. S3 Block
                Public Access is not read, so a bucket policy may allow more than S3 does.
            regions: the regions in which to read resource policies; None for the session's. Buckets of all regions are
                read.

        Raises:
            InvalidValue: an argument is not valid; nothing was called, except to find out the account.
            PermissionMissing: the caller may not ``iam:GetAccountAuthorizationDetails``.
            SessionExpired: the session's credentials have expired.
            AwsError: AWS could not be reached, refuses the credentials, or reading IAM failed.

        Source: https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountAuthorizationDetails.html

        >>> from xacct.testing import Sandbox
        >>> with Sandbox(["111111111111"]) as aws:
        ...     Snapshot.read(aws.account("111111111111").session, services=["s3", "kms"])
        Snapshot('111111111111', 1 user, 0 roles, 1 policy, 0 resource policies)
        """
        from xacct.snapshot.account_reader import AccountReader

        reader = AccountReader.connect(session, services, regions)
        details = read_account_details(reader.details(), reader.account.id)
        resources = reader.resource_policies()
        return cls(
            account=details.account,
            partition=reader.account.partition,
            taken=reader.taken,
            users=details.users,
            groups=details.groups,
            roles=details.roles,
            policies=details.policies,
            services=tuple(reader.read_services),
            regions=reader.regions,
            resources=tuple(resources),
            missing=(*details.missing, *reader.missing),
        )

    @classmethod
    def from_authorization_details(
        cls, details: Details, account: str | None = None, *, taken: datetime | None = None
    ) -> Snapshot:
        """Return the snapshot of what ``aws iam get-account-authorization-details`` returned.

        The details may be incomplete, or stored by another tool: policies as objects, JSON or URL-encoded text; times
        as text or as datetime; pages or one object; with or without the managed policies of AWS. What is there is read.
        What is not is named in :attr:`missing`, such as the document of a policy that a role has.

        Args:
            details: JSON text or bytes, the object that it says, or a list of such objects, one for each page. For a
                file, pass ``Path(...).read_bytes()``.
            account: the account's ID. It can be left out if the details have an ARN. Of details of several accounts,
                it says which one to read; by default, the one that they have the most of.
            taken: when the details were read, with a time zone.

        Raises:
            InvalidValue: the details are not JSON, are no authorization details, or have nothing of `account`; or
                `account` is not given, and they have no ARN, or as much of one account as of another.

        Source: https://docs.aws.amazon.com/cli/latest/reference/iam/get-account-authorization-details.html

        >>> snapshot = Snapshot.from_authorization_details({"RoleDetailList": [{
        ...     "Arn": "arn:aws:iam::111111111111:role/Reader",
        ...     "AssumeRolePolicyDocument": "%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%5D%7D",
        ...     "AttachedManagedPolicies": [{"PolicyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}]}]})
        >>> snapshot
        Snapshot('111111111111', 0 users, 1 role, 0 policies, 4 missing)
        >>> snapshot.roles[0].trust_policy
        '{"Statement":[],"Version":"2012-10-17"}'
        >>> print(snapshot.missing[2])
        policy arn:aws:iam::aws:policy/ReadOnlyAccess (its document is not in the details, and role
        arn:aws:iam::111111111111:role/Reader has it)
        """
        read = read_account_details(details, account)
        return cls(
            account=read.account,
            partition=read.partition,
            taken=taken,
            users=read.users,
            groups=read.groups,
            roles=read.roles,
            policies=read.policies,
            missing=read.missing,
        )

    def to_dict(self) -> dict[str, object]:
        """Return the snapshot as plain data, which JSON can express. Policies are objects; times are ISO 8601 texts.

        >>> Snapshot(account="111111111111").to_dict()
        {'account': '111111111111'}
        """
        return to_plain(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, object]) -> Snapshot:
        """Return the snapshot of what :meth:`to_dict` returned.

        Args:
            data: the plain data.

        Raises:
            InvalidValue: a key is unknown, a required one is missing, or a value is not valid. The error has the path
                of the field, such as ``roles[0].arn``.

        >>> Snapshot.from_dict({"account": "111111111111", "roles": []})
        Snapshot('111111111111', 0 users, 0 roles, 0 policies)
        """
        return from_plain(cls, data)

    @classmethod
    def from_json(cls, text: str | bytes) -> Snapshot:
        """Return the snapshot of a file: authorization details, or a snapshot that was saved.

        Args:
            text: what ``aws iam get-account-authorization-details`` printed, as :meth:`from_authorization_details`
                takes it, or what :meth:`to_dict` returned, as JSON. For a file, pass ``Path(...).read_bytes()``.

        Raises:
            InvalidValue: the text is not JSON, or is neither of them.

        >>> import json
        >>> saved = json.dumps(Snapshot(account="111111111111").to_dict())
        >>> Snapshot.from_json(saved)
        Snapshot('111111111111', 0 users, 0 roles, 0 policies)
        """
        data = read_json(text)
        if isinstance(data, Mapping) and "account" in data and not any(key in data for key in LISTS.values()):
            return cls.from_dict(data)
        return cls.from_authorization_details(data if isinstance(data, (Mapping, list)) else text)

    def merge(self, other: Snapshot) -> Snapshot:
        """Return what this snapshot and another one of the same account have together.

        Of a user, group, role, policy or resource that both have, the one that was taken later counts; if that is not
        known, that of this snapshot. What one of them lacks and the other has is not missing any more.

        Args:
            other: a snapshot of the same account, such as one with the resource policies of another service.

        Raises:
            InvalidValue: the other snapshot is of another account.

        >>> reader = RoleDetail(arn="arn:aws:iam::111111111111:role/Reader")
        >>> iam = Snapshot(account="111111111111", roles=(reader,))
        >>> iam.merge(Snapshot(account="111111111111", services=("s3",)))
        Snapshot('111111111111', 0 users, 1 role, 0 policies, 0 resource policies)
        """
        if (self.partition, self.account) != (other.partition, other.account):
            raise InvalidValue("other", other.account, f"must be a snapshot of account {self.account}")
        is_later = other.taken is not None and (self.taken is None or other.taken > self.taken)
        earlier, later = (self, other) if is_later else (other, self)
        services, regions = {*self.services, *other.services}, {*self.regions, *other.regions}
        unread = (
            missing_entry(f"{service} in {region}", "it was not read")
            for service in services
            for region in regions
            if not (self._has_read(service, region) or other._has_read(service, region))
        )
        merged = evolve(
            later,
            users=_latest(earlier.users, later.users),
            groups=_latest(earlier.groups, later.groups),
            roles=_latest(earlier.roles, later.roles),
            policies=_latest(earlier.policies, later.policies),
            services=tuple(services),
            regions=tuple(regions),
            resources=_latest(earlier.resources, later.resources),
            missing=(),
        )
        missing = (*_still_missing(self, other, merged), *_still_missing(other, self, merged), *unread)
        return evolve(merged, missing=missing)

    def _has_read(self, service: str, region: str) -> bool:
        """Return whether the resource policies of a service were read in a region; those of S3 are, in every region."""
        return service in self.services and (region in self.regions or service == "s3")

    def redact(self, secret: str | None = None, *, keep: Iterable[str] = ()) -> Snapshot:
        """Return the snapshot with other account IDs, unique IDs and external IDs, for example to hand it on.

        An ID is replaced by the same one everywhere, also in policies, so that each decision about a request stays the
        same with the IDs replaced in it. With the same secret, several snapshots and their organization get the same
        IDs. Only who knows the secret can find out the account of an ID: without one, all 12 digits could be tried.

        Every number of 12 digits counts as an account ID. These stay: names, tags, regions, ``aws`` as the account of
        AWS's own policies, and parts of IDs in patterns such as ``1111*``. Wildcards in external IDs stay as well.

        Args:
            secret: a random text of at least 16 characters; None for one that is not known to anybody, so that no
                other snapshot gets the same IDs.
            keep: the account IDs that stay, such as those of known vendors.

        Raises:
            InvalidValue: the secret is too short, or what to keep is no account ID.

        >>> reader = RoleDetail(arn="arn:aws:iam::111111111111:role/Reader")
        >>> snapshot = Snapshot(account="111111111111", roles=(reader,))
        >>> snapshot.redact("wq0rJx3vPz9LtT4mYb7N").roles[0].arn
        'arn:aws:iam::239591579774:role/Reader'
        """
        return redacted(self, secret, keep)

    def __repr__(self) -> str:
        parts = [counted(self.users, "user"), counted(self.roles, "role"), counted(self.policies, "policy", "policies")]
        if self.services:
            parts.append(counted(self.resources, "resource policy", "resource policies"))
        if self.missing:
            parts.append(f"{len(self.missing)} missing")
        return f"Snapshot({self.account!r}, {', '.join(parts)})"


# Lists of which nothing was in the data.
_WHOLE_LISTS = frozenset({*PLURALS.values(), REST})


def _latest(earlier: tuple[Entity, ...], later: tuple[Entity, ...]) -> tuple[Entity, ...]:
    return tuple({entity.arn: entity for entity in (*earlier, *later)}.values())


def _principals(snapshot: Snapshot) -> dict[str, object]:
    found: dict[str, object] = {user.arn: user for user in snapshot.users}
    return found | {group.arn: group for group in snapshot.groups} | {role.arn: role for role in snapshot.roles}


def _still_missing(one: Snapshot, other: Snapshot, merged: Snapshot) -> Iterator[str]:
    """Yield what is missing in a snapshot, and also in what it makes with another one."""
    others = {what_is_missing(entry) for entry in other.missing}
    own, kept = _principals(one), _principals(merged)
    policies = {policy.arn for policy in merged.policies}

    def is_missing(what: str) -> bool:
        subject = what.rpartition(" ")[2]
        if what == f"policy {subject}":
            return subject not in policies
        if what == f"resource policy of {subject}":
            _, _, service, region, *_ = f"{subject}:::".split(":")
            return what in others or not other._has_read(service, region)
        if subject.startswith("arn:"):  # something of a user, group or role
            return subject not in kept or kept[subject] is own.get(subject)
        service, _, region = what.partition(" in ")
        if service in SERVICES:
            return what in others or not other._has_read(service, region)
        return what in others or what not in _WHOLE_LISTS

    yield from (entry for entry in one.missing if is_missing(what_is_missing(entry)))
