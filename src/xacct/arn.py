"""ARNs, account ids and partitions, and everything that differs between partitions."""

from __future__ import annotations

import re

from attrs import field, frozen
from attrs.validators import instance_of

from xacct.errors import InvalidValue

__all__ = ["Arn", "Partition", "account_id", "partition", "partition_of_region"]


@frozen(kw_only=True)
class Partition:
    """A separate AWS cloud, with what differs in it.

    Attributes:
        name: as it stands in ARNs, such as ``aws-cn``.
        dns_suffix: of its service endpoints.
        signin_host: where the console signs in and switches roles; None where AWS does not publish one.
        console_host: where the console lives; None where AWS does not publish it.
        region_prefixes: how the names of its regions begin.
        global_region: the region whose IAM and STS endpoints stand for the whole partition.

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
    """The partition of this name.

    Raises:
        InvalidValue: there is none.

    >>> partition("aws-cn").dns_suffix
    'amazonaws.com.cn'
    """
    try:
        return _PARTITIONS[name]
    except (KeyError, TypeError):
        raise InvalidValue("partition", name, f"one of {', '.join(_PARTITIONS)}") from None


def _known(name: str) -> str:
    return partition(name).name


def partition_of_region(region: str) -> Partition:
    """The partition that a region belongs to; ``aws`` for a region that no other partition claims.

    >>> partition_of_region("us-gov-west-1").name
    'aws-us-gov'
    >>> partition_of_region("eu-central-1").name
    'aws'
    """
    claims = [
        (len(prefix), p) for p in _PARTITIONS.values() for prefix in p.region_prefixes if region.startswith(prefix)
    ]
    return max(claims, key=lambda claim: claim[0])[1] if claims else _PARTITIONS["aws"]


_ACCOUNT_ID = re.compile(r"[0-9]{12}")


def account_id(value: object, name: str = "account") -> str:
    """The account id, if it is one: twelve digits, as a string so that leading zeros stay.

    Args:
        value: the id.
        name: what the error calls it.

    Raises:
        InvalidValue: it is not one.

    >>> account_id("012345678901")
    '012345678901'
    """
    if isinstance(value, str) and _ACCOUNT_ID.fullmatch(value):
        return value
    raise InvalidValue(name, value, "an AWS account id is a string of exactly 12 digits")


_NAMES_BEHIND_A_SLASH = ("role", "user", "group", "policy", "assumed-role", "instance-profile", "mfa")


def _path_rule(value: str) -> str:
    if len(value) <= 512 and (value == "/" or re.fullmatch(r"/[!-~]+/", value)):
        return value
    raise InvalidValue("path", value, "a path begins and ends with '/' and has at most 512 printable characters")


@frozen
class Arn:
    """An Amazon Resource Name.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html

    >>> role = Arn.parse("arn:aws:iam::111111111111:role/team/Reader")
    >>> role.account, role.resource_type, role.path, role.name
    ('111111111111', 'role', '/team/', 'Reader')
    >>> str(Arn.bucket("reports"))
    'arn:aws:s3:::reports'
    """

    partition: str = field(validator=instance_of(str))
    service: str = field(validator=instance_of(str))
    region: str = field(validator=instance_of(str))
    account: str = field(validator=instance_of(str))
    resource: str = field(validator=instance_of(str))

    @classmethod
    def parse(cls, text: str, *, name: str = "arn") -> Arn:
        """The ARN that a text holds.

        Args:
            text: ``arn:partition:service:region:account:resource``.
            name: what the error calls it.

        Raises:
            InvalidValue: it has another form, an unknown partition, or an account that is not twelve digits.
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
        return cls(_known(partition), "iam", "", owner, f"{kind}{_path_rule(path)}{name}")

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
        """The ARN of a policy that AWS manages.

        >>> str(Arn.managed_policy("AmazonS3ReadOnlyAccess", partition="aws-cn"))
        'arn:aws-cn:iam::aws:policy/AmazonS3ReadOnlyAccess'
        """
        return cls._iam("policy", "aws", name, path, partition)

    @classmethod
    def root(cls, account: str, partition: str = "aws") -> Arn:
        """The ARN that stands for a whole account in a policy."""
        return cls(_known(partition), "iam", "", account_id(account), "root")

    @classmethod
    def bucket(cls, name: str, partition: str = "aws") -> Arn:
        """The ARN of an S3 bucket, which names no account."""
        return cls(_known(partition), "s3", "", "", name)

    @property
    def resource_type(self) -> str:
        """What stands before the first ``/`` or ``:`` of the resource; empty where neither is there."""
        return re.split("[:/]", self.resource, maxsplit=1)[0] if re.search("[:/]", self.resource) else ""

    @property
    def resource_id(self) -> str:
        """What follows the first ``/`` or ``:`` of the resource; the whole of it where neither is there."""
        return re.split("[:/]", self.resource, maxsplit=1)[-1]

    @property
    def name(self) -> str:
        """The last segment, which is the name without its path."""
        return self.resource.rsplit("/", 1)[-1]

    @property
    def path(self) -> str:
        """The IAM path, from ``/`` to ``/``; ``/`` for everything that has none."""
        if self.service != "iam" or self.resource_type not in _NAMES_BEHIND_A_SLASH or "/" not in self.resource_id:
            return "/"
        return f"/{self.resource_id.rsplit('/', 1)[0]}/"

    def __str__(self) -> str:
        return f"arn:{self.partition}:{self.service}:{self.region}:{self.account}:{self.resource}"
