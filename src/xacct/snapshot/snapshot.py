"""Snapshot: an account's IAM as data."""

from __future__ import annotations

from datetime import datetime

from attrs import frozen

from xacct.snapshot.details import GroupDetail, PolicyDetail, ResourcePolicy, RoleDetail, UserDetail

__all__ = ["Snapshot"]


@frozen(kw_only=True)
class Snapshot:
    """An account's IAM as data: users, groups, roles, managed policies, and the resource policies that were read.

    Attributes:
        account: the account's ID.
        partition: the account's partition, such as ``aws``.
        taken: when the snapshot was taken; None if that is not known.
        users: the users, by ARN.
        groups: the groups, by ARN.
        roles: the roles, by ARN.
        policies: the managed policies, by ARN: the customer managed ones, and those of AWS that are in use.
        services: the services whose resource policies were read, such as ``s3``.
        resources: the resource policies, by ARN.
        missing: what the data lacks, such as ``policy arn:aws:iam::aws:policy/ReadOnlyAccess``, each with the reason.
    """

    account: str
    partition: str = "aws"
    taken: datetime | None = None
    users: tuple[UserDetail, ...] = ()
    groups: tuple[GroupDetail, ...] = ()
    roles: tuple[RoleDetail, ...] = ()
    policies: tuple[PolicyDetail, ...] = ()
    services: tuple[str, ...] = ()
    resources: tuple[ResourcePolicy, ...] = ()
    missing: tuple[str, ...] = ()
