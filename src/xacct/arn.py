"""ARNs, account ids and partitions, with the hosts and regions of each partition."""

from __future__ import annotations

import re

from attrs import Attribute, field, frozen

from xacct.errors import InvalidValue
from xacct.limits import ACCOUNT_ID, PATH

__all__ = ["Arn", "Partition", "account_id", "account_in", "partition", "partition_of_region"]

# arn:partition:service:region:account:resource
_FIELDS = 6


@frozen(kw_only=True)
class Partition:
    """An AWS partition, with the values that differ between partitions.

    Attributes:
        name: the partition's name in ARNs, such as ``aws-cn``.
        dns_suffix: the DNS suffix of its service endpoints.
        signin_host: the host of the console's sign-in and switch-role pages; None if AWS does not publish it.
        console_host: the host of the console; None if AWS does not publish it.
        region_prefixes: the prefixes of its regions' names.
        global_region: the region of its global IAM and STS endpoints.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
    """

    name: str
    dns_suffix: str
    signin_host: str | None = None
    console_host: str | None = None
    region_prefixes: tuple[str, ...] = ()
    global_region: str = ""


_PARTITIONS = {
    p.name: p
    for p in (
        Partition(
            name="aws",
            dns_suffix="amazonaws.com",
            signin_host="signin.aws.amazon.com",
            console_host="console.aws.amazon.com",
            region_prefixes=("us-", "eu-", "ap-", "sa-", "ca-", "me-", "af-", "il-", "mx-"),
            global_region="us-east-1",
        ),
        Partition(
            name="aws-cn",
            dns_suffix="amazonaws.com.cn",
            signin_host="signin.amazonaws.cn",
            console_host="console.amazonaws.cn",
            region_prefixes=("cn-",),
            global_region="cn-north-1",
        ),
        Partition(
            name="aws-us-gov",
            dns_suffix="amazonaws.com",
            signin_host="signin.amazonaws-us-gov.com",
            console_host="console.amazonaws-us-gov.com",
            region_prefixes=("us-gov-",),
            global_region="us-gov-west-1",
        ),
        Partition(
            name="aws-eusc",
            dns_suffix="amazonaws.eu",
            signin_host="signin.amazonaws-eusc.eu",
            console_host="console.amazonaws-eusc.eu",
            region_prefixes=("eusc-",),
            global_region="eusc-de-east-1",
        ),
        Partition(name="aws-iso", dns_suffix="c2s.ic.gov", region_prefixes=("us-iso-",), global_region="us-iso-east-1"),
        Partition(
            name="aws-iso-b", dns_suffix="sc2s.sgov.gov", region_prefixes=("us-isob-",), global_region="us-isob-east-1"
        ),
        Partition(
            name="aws-iso-e", dns_suffix="cloud.adc-e.uk", region_prefixes=("eu-isoe-",), global_region="eu-isoe-west-1"
        ),
        Partition(
            name="aws-iso-f",
            dns_suffix="csp.hci.ic.gov",
            region_prefixes=("us-isof-",),
            global_region="us-isof-south-1",
        ),
    )
}


def partition(name: str) -> Partition:
    """Return the partition with this name.

    Raises:
        InvalidValue: no partition has this name.

    >>> partition("aws-cn").dns_suffix
    'amazonaws.com.cn'
    """
    try:
        return _PARTITIONS[name]
    except (KeyError, TypeError):
        raise InvalidValue("partition", name, f"one of {', '.join(_PARTITIONS)}") from None


def account_in(text: str) -> str:
    """Return the account field of an ARN, or of a pattern of ARNs; empty for a text with fewer fields.

    >>> account_in("arn:aws:iam::111111111111:role/Reader"), account_in("arn:aws:iam")
    ('111111111111', '')
    """
    fields = text.split(":", 5)
    return fields[4] if len(fields) == _FIELDS else ""


def partition_of_region(region: str) -> Partition:
    """Return the partition of a region; ``aws`` if the region's name has the prefix of no other partition.

    >>> partition_of_region("us-gov-west-1").name
    'aws-us-gov'
    >>> partition_of_region("eu-central-1").name
    'aws'
    """
    prefixes = {prefix: p for p in _PARTITIONS.values() for prefix in p.region_prefixes}
    matching = [prefix for prefix in prefixes if region.startswith(prefix)]
    # The longest prefix is the most specific: us-gov- rather than us-.
    return prefixes[max(matching, key=len)] if matching else _PARTITIONS["aws"]


def account_id(value: object, name: str = "account") -> str:
    """Return an account id after checking it. It is a string of 12 digits, so that leading zeros are kept.

    Args:
        value: the account id.
        name: the argument's name in the error.

    Raises:
        InvalidValue: the value is not an account id.

    >>> account_id("012345678901")
    '012345678901'
    """
    if isinstance(value, str) and ACCOUNT_ID.allows(value):
        return value
    raise InvalidValue(name, value, "an AWS account id is a string of exactly 12 digits")


_TYPES_WITH_PATH = ("role", "user", "group", "policy", "assumed-role", "instance-profile", "mfa")


def _checked_path(value: str) -> str:
    if PATH.allows(value):
        return value
    raise InvalidValue("path", value, f"a path has {PATH}")


def _partition_name(name: str) -> str:
    return partition(name).name


def _is_text(_: object, attribute: Attribute[str], value: object) -> None:
    if not isinstance(value, str):
        raise InvalidValue(attribute.name, value, "a text")


@frozen
class Arn:
    """An Amazon Resource Name.

    Attributes:
        partition: the partition's name, such as ``aws``.
        service: the service, such as ``iam``.
        region: the region; empty for global services.
        account: the account id; ``aws`` for AWS managed policies; empty if the ARN does not contain it, as in S3.
        resource: the resource, such as ``role/team/Reader``.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html

    >>> role = Arn.parse("arn:aws:iam::111111111111:role/team/Reader")
    >>> role.account, role.resource_type, role.path, role.name
    ('111111111111', 'role', '/team/', 'Reader')
    >>> str(Arn.bucket("reports"))
    'arn:aws:s3:::reports'
    """

    partition: str = field(validator=_is_text)
    service: str = field(validator=_is_text)
    region: str = field(validator=_is_text)
    account: str = field(validator=_is_text)
    resource: str = field(validator=_is_text)

    @classmethod
    def parse(cls, text: str, *, name: str = "arn") -> Arn:
        """Parse an ARN.

        Args:
            text: the ARN, in the form ``arn:partition:service:region:account:resource``.
            name: the argument's name in the error.

        Raises:
            InvalidValue: the text has another form, an unknown partition, or an account id that is not 12 digits.
        """
        parts = text.split(":", 5) if isinstance(text, str) else []
        if len(parts) != 6 or parts[0] != "arn" or not parts[2] or not parts[5]:
            raise InvalidValue(name, text, "an ARN has the form arn:partition:service:region:account:resource")
        if parts[1] not in _PARTITIONS:
            raise InvalidValue(name, text, f"its partition is not one of {', '.join(_PARTITIONS)}")
        if parts[4] not in ("", "aws"):
            account_id(parts[4], name)
        return cls(*parts[1:])

    @classmethod
    def _iam(cls, kind: str, account: str, name: str, path: str, partition: str) -> Arn:
        owner = account if account == "aws" else account_id(account)
        return cls(_partition_name(partition), "iam", "", owner, f"{kind}{_checked_path(path)}{name}")

    @classmethod
    def role(cls, account: str, name: str, path: str = "/", partition: str = "aws") -> Arn:
        """The ARN of an IAM role."""
        return cls._iam("role", account, name, path, partition)

    @classmethod
    def user(cls, account: str, name: str, path: str = "/", partition: str = "aws") -> Arn:
        """The ARN of an IAM user."""
        return cls._iam("user", account, name, path, partition)

    @classmethod
    def policy(cls, account: str, name: str, path: str = "/", partition: str = "aws") -> Arn:
        """The ARN of a customer managed policy."""
        return cls._iam("policy", account, name, path, partition)

    @classmethod
    def managed_policy(cls, name: str, path: str = "/", partition: str = "aws") -> Arn:
        """The ARN of an AWS managed policy.

        >>> str(Arn.managed_policy("AmazonS3ReadOnlyAccess", partition="aws-cn"))
        'arn:aws-cn:iam::aws:policy/AmazonS3ReadOnlyAccess'
        """
        return cls._iam("policy", "aws", name, path, partition)

    @classmethod
    def root(cls, account: str, partition: str = "aws") -> Arn:
        """The ARN of an account's root user, which represents the whole account in a policy."""
        return cls(_partition_name(partition), "iam", "", account_id(account), "root")

    @classmethod
    def bucket(cls, name: str, partition: str = "aws") -> Arn:
        """The ARN of an S3 bucket. It contains no account id."""
        return cls(_partition_name(partition), "s3", "", "", name)

    @property
    def resource_type(self) -> str:
        """The part of the resource before its first ``/`` or ``:``; empty if it has neither."""
        return re.split("[:/]", self.resource, maxsplit=1)[0] if re.search("[:/]", self.resource) else ""

    @property
    def resource_id(self) -> str:
        """The part of the resource after its first ``/`` or ``:``; the whole resource if it has neither."""
        return re.split("[:/]", self.resource, maxsplit=1)[-1]

    @property
    def name(self) -> str:
        """The part of the resource after its last ``/``: the name without the path."""
        return self.resource.rsplit("/", 1)[-1]

    @property
    def path(self) -> str:
        """The IAM path, which begins and ends with ``/``; ``/`` for resources that have no path."""
        if self.service != "iam" or self.resource_type not in _TYPES_WITH_PATH or "/" not in self.resource_id:
            return "/"
        return f"/{self.resource_id.rsplit('/', 1)[0]}/"

    def __str__(self) -> str:
        return f"arn:{self.partition}:{self.service}:{self.region}:{self.account}:{self.resource}"
