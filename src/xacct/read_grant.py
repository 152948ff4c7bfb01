"""The arguments of grant_cross_account_read, and the two grants that they mean."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from attrs import field, frozen
from botocore.exceptions import BotoCoreError, ClientError

from xacct.arn import Arn
from xacct.aws_reads import bucket_kms_key, bucket_region, parsed_document
from xacct.console_user import ConsoleUser, console_user_or_none
from xacct.errors import AwsError, InvalidValue, PermissionMissing, PolicyError
from xacct.grant_account import GrantAccount
from xacct.grants import (
    POLICY_DESCRIPTION,
    ROLE_DESCRIPTION,
    DevAccessGrant,
    TrustGrant,
    check_source_ip,
    check_third_party,
    check_trusted_principal,
    default_name,
)
from xacct.limits import (
    DEFAULT_SESSION_SECONDS,
    DESCRIPTION,
    ENTITY_NAME,
    EXTERNAL_ID,
    MAX_SESSION_SECONDS,
    ORGANIZATION_ID,
    PATH,
    POLICY_NAME,
)
from xacct.policy import PolicyDocument, Principal
from xacct.s3_read import READ_POLICY_NAME, bucket_name, key_prefix, s3_read_policy
from xacct.switch_role import SwitchRoleLink
from xacct.validators import aware, grant_tags, integer, text

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

__all__ = ["ReadGrant", "external_id_notes"]

T = TypeVar("T")


def _sequence(name: str, values: Iterable[T]) -> tuple[T, ...]:
    if isinstance(values, str):
        raise InvalidValue(name, values, "a list of strings, not one string")
    return tuple(dict.fromkeys(values))


def _buckets(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(map(bucket_name, _sequence("buckets", values)))


def _prefixes(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(map(key_prefix, _sequence("prefixes", values)))


def _principals(values: Iterable[Principal | str]) -> tuple[Principal, ...]:
    return tuple(map(Principal.parse, _sequence("principals", values)))


def _groups(values: Iterable[str]) -> tuple[str, ...]:
    return _sequence("groups", values)


def _source_ips(values: Iterable[str]) -> tuple[str, ...]:
    return _sequence("source_ips", values)


def _tags(tags: Mapping[str, str] | None) -> dict[str, str]:
    return dict(tags or {})


@frozen(kw_only=True)
class ReadGrant:
    """Read access to S3 in another account, as a value: the arguments of :func:`xacct.grant_cross_account_read`.

    The fields are described there. They do not name the two accounts; an entry of a :class:`xacct.GrantsFile` does.

    Raises:
        InvalidValue: a field is not valid.

    >>> ReadGrant(buckets=["reports"], prefixes=["2026/"]).role_name
    'CrossAccountRoleS3'
    """

    name: str | None = field(default=None, validator=text(POLICY_NAME))
    buckets: tuple[str, ...] = field(default=(), converter=_buckets)
    prefixes: tuple[str, ...] = field(default=(), converter=_prefixes)
    versions: bool = False
    role_name: str = field(default="CrossAccountRoleS3", validator=text(ENTITY_NAME))
    policy_name: str = field(default="CrossAccountPolicy", validator=text(POLICY_NAME))
    path: str = field(default="/", validator=text(PATH))
    description: str = field(default=ROLE_DESCRIPTION, validator=text(DESCRIPTION))
    policy_description: str = field(default=POLICY_DESCRIPTION, validator=text(DESCRIPTION))
    principals: tuple[Principal, ...] = field(default=(), converter=_principals)
    groups: tuple[str, ...] = field(default=(), converter=_groups)
    console_user: ConsoleUser | None = field(default=None, validator=console_user_or_none)
    external_id: str | None = field(default=None, validator=text(EXTERNAL_ID))
    third_party: bool | None = None
    require_mfa: bool = False
    organization_id: str | None = field(default=None, validator=text(ORGANIZATION_ID))
    source_ips: tuple[str, ...] = field(default=(), converter=_source_ips)
    expires: datetime | None = field(default=None, validator=aware)
    max_session_duration: int = field(
        default=DEFAULT_SESSION_SECONDS, validator=integer(MAX_SESSION_SECONDS, "seconds")
    )
    permissions_boundary: str | None = None
    display_name: str | None = None
    color: str | None = None
    tags: Mapping[str, str] = field(default=None, converter=_tags, validator=grant_tags)

    def __attrs_post_init__(self) -> None:
        if self.prefixes and not self.buckets:
            raise InvalidValue("prefixes", self.prefixes, "prefixes need buckets: name the buckets too")
        check_third_party(third_party=self.third_party, external_id=self.external_id)
        for principal in self.principals:
            check_trusted_principal(principal, self.organization_id)
        for network in self.source_ips:
            check_source_ip(network)
        if self.display_name is not None or self.color is not None:
            SwitchRoleLink("111111111111", "Any", display_name=self.display_name, color=self.color)

    def switch_role_link(self, trust: TrustGrant) -> SwitchRoleLink:
        """Return the link on which a console user of the trusted account switches to the role.

        Args:
            trust: the grant of the trusting account.

        Raises:
            InvalidValue: the console cannot switch to this role: it requires an external ID, its path and name are
                together too long, or its partition has no public console.
        """
        return SwitchRoleLink.for_role(
            trust.role_arn,
            display_name=self.display_name or trust.role_name,
            color=self.color or "red",
            external_id=trust.external_id,
        )

    def trust_grant(self, trusting: GrantAccount, trusted: GrantAccount) -> TrustGrant:
        """Return the grant of the trusting account. Reads the KMS keys of the buckets.

        Raises:
            InvalidValue: a principal is of an account that is not the trusted one.
        """
        partition = trusting.partition
        for principal in self.principals:
            if principal.account_id not in (None, trusted.id):
                rule = f"a principal of the trusted account, which is {trusted.id}; grant another account on its own"
                raise InvalidValue("principals", principal.value, rule)
        managed = () if self.buckets else (str(Arn.managed_policy("AmazonS3ReadOnlyAccess", "/", partition)),)
        return TrustGrant(
            name=self._name_with(trusted),
            account=trusting.id,
            principals=self.principals or (Principal.account(trusted.id, partition),),
            managed_policy_arns=managed,
            policies={READ_POLICY_NAME: self._read_policy(trusting)} if self.buckets else {},
            role_name=self.role_name,
            path=self.path,
            description=self.description,
            tags=self.tags,
            permissions_boundary=self.permissions_boundary,
            external_id=self.external_id,
            third_party=self.third_party,
            require_mfa=self.require_mfa,
            organization_id=self.organization_id,
            source_ips=self.source_ips,
            expires=self.expires,
            max_session_duration=self.max_session_duration,
            partition=partition,
        )

    def dev_access_grant(self, trust: TrustGrant, trusted: GrantAccount) -> DevAccessGrant:
        """Return the grant of the trusted account, whose users and roles among the principals get the policy."""
        arns = [
            Arn.parse(principal.value)
            for principal in self.principals
            if principal.account_id == trusted.id and not principal.is_account
        ]
        created = self.console_user and self.console_user.name
        return DevAccessGrant(
            name=trust.name,
            account=trusted.id,
            role_arns=trust.role_arn,
            policy_name=self.policy_name,
            path=self.path,
            description=self.policy_description,
            console_user=self.console_user,
            users=[arn.name for arn in arns if arn.resource_type == "user" and arn.name != created],
            groups=self.groups,
            roles=[arn.name for arn in arns if arn.resource_type == "role"],
            expires=trust.expires,
            tags=self.tags,
            partition=trust.partition,
        )

    def _name_with(self, trusted: GrantAccount) -> str:
        return self.name or default_name(self.role_name, trusted.id)

    def _read_policy(self, trusting: GrantAccount) -> PolicyDocument:
        s3 = trusting.session.client("s3")
        keys = {bucket: _kms_key_arn(trusting, s3, bucket) for bucket in self.buckets}
        return s3_read_policy(
            self.buckets,
            self.prefixes,
            kms_keys={bucket: key for bucket, key in keys.items() if key is not None},
            partition=trusting.partition,
            versions=self.versions,
        )


def external_id_notes(account: GrantAccount, trusts: Iterable[TrustGrant]) -> list[str]:
    """Return a note for each other role of the account that requires the external ID of a grant.

    Somebody who knows a shared external ID can use each role that requires it. The roles are listed only if a grant has
    one.

    Args:
        account: the trusting account.
        trusts: its grants.
    """
    with_id = [trust for trust in trusts if trust.external_id is not None]
    if not with_id:
        return []
    pages = account.iam.get_paginator("list_roles").paginate()
    try:
        roles = account.attempt(lambda: [role for page in pages for role in page["Roles"]], doing="listing roles")
    except PermissionMissing as error:
        return [f"it was not checked whether other roles require the same external ID: {error}"]
    ids = {role["Arn"]: _external_ids(role["AssumeRolePolicyDocument"]) for role in roles}
    names = {role["Arn"]: role["RoleName"] for role in roles}
    return [
        f"role {names[arn]} in account {account.id} requires the same external ID: use another one for each third party"
        for trust in with_id
        for arn, required in ids.items()
        if arn != trust.role_arn and trust.external_id in required
    ]


def _external_ids(answer: object) -> list[str]:
    try:
        document = parsed_document(answer)
    except PolicyError:
        return []
    conditions = (condition for statement in document.statements for condition in statement.conditions)
    return [
        value for condition in conditions if condition.key.lower() == "sts:externalid" for value in condition.values
    ]


def _kms_key_arn(account: GrantAccount, s3: S3Client, bucket: str) -> str | None:
    """Return the ARN of the KMS key that a bucket's default encryption names; None if it names none."""
    resource = str(Arn.bucket(bucket, account.partition))
    try:
        key = account.attempt(
            lambda: bucket_kms_key(s3, bucket), doing=f"reading the encryption of bucket {bucket}", resource=resource
        )
    except AwsError as error:
        if error.code in ("AccessDenied", "NoSuchBucket") and not _may_own(s3, bucket):
            rule = f"a bucket of the trusting account: account {account.id} has no bucket of this name"
            raise InvalidValue("buckets", bucket, rule) from None
        raise
    if key is None or (key.startswith("arn:") and ":key/" in key):
        return key
    # A key id or an alias, which KMS resolves in the bucket's region.
    region = account.attempt(
        lambda: bucket_region(s3, bucket), doing=f"reading the region of bucket {bucket}", resource=resource
    )
    kms = account.session.client("kms", region_name=region)
    return account.attempt(
        lambda: kms.describe_key(KeyId=key)["KeyMetadata"]["Arn"],
        doing=f"reading the KMS key of bucket {bucket}",
        resource=f"arn:{account.partition}:kms:{region}:{account.id}:key/*",
    )


def _may_own(s3: S3Client, bucket: str) -> bool:
    """Return whether the account has the bucket, or whether that cannot be read."""
    try:
        pages = s3.get_paginator("list_buckets").paginate()
        return any(found["Name"] == bucket for page in pages for found in page["Buckets"])
    except (ClientError, BotoCoreError):
        return True
