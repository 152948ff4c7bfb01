"""Reads the policies of a caller and of a resource, from the accounts of two sessions."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from functools import partial
from typing import TYPE_CHECKING, Literal, cast

from attrs import define, field, frozen
from botocore.exceptions import BotoCoreError, ClientError

from xacct.access_denied.account_reads import AccountReads, Unread
from xacct.arn import Arn
from xacct.authz.policy_set import LayerName
from xacct.aws_reads import bucket_kms_key, bucket_region, managed_policy_document, parsed_document
from xacct.concurrency import run_concurrently
from xacct.policy import PolicyDocument
from xacct.retry import code_of

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_iam.type_defs import AttachedPolicyTypeDef, RoleTypeDef, UserTypeDef
    from mypy_boto3_kms import KMSClient
    from mypy_boto3_s3 import S3Client

__all__ = ["CallerPolicies", "EncryptionKey", "PolicyReader", "RoleState"]

EntityKind = Literal["user", "group", "role"]


@frozen
class CallerPolicies:
    """The policies of a user or role.

    Attributes:
        arn: its ARN with the path; None if it could not be read.
        identity: its identity policies, including those of its groups.
        boundary: its permissions boundary.
    """

    arn: str | None = None
    identity: tuple[PolicyDocument, ...] = ()
    boundary: PolicyDocument | None = None


@frozen
class EncryptionKey:
    """The KMS key with which a bucket encrypts by default.

    Attributes:
        arn: its ARN.
        policy: its key policy; None if it could not be read.
    """

    arn: Arn
    policy: PolicyDocument | None


@frozen(kw_only=True)
class RoleState:
    """What is known about the role of a request.

    Attributes:
        arn: its ARN as IAM has it; empty if the account has no role of this name.
        trust: its trust policy; None if there is no such role, or if the policy is not well formed.
        most_seconds: its MaxSessionDuration in seconds; 0 if there is no such role.
        nearest: the ARN of the role with the most similar name, if there is no such role; empty if none is similar.
        listed: whether the account's roles could be listed.
    """

    arn: str = ""
    trust: PolicyDocument | None = None
    most_seconds: int = 0
    nearest: str = ""
    listed: bool = True


@define
class PolicyReader:
    """Reads policies.

    Attributes:
        reads: the sessions, and what could not be read.
        notes: findings that no policy shows.
    """

    reads: AccountReads
    notes: list[str] = field(factory=list)

    # The caller

    def caller_policies(self, caller: Arn) -> CallerPolicies:
        """Read the policies of a user, a role or a role session."""
        if caller.resource == "root":
            return CallerPolicies()
        if caller.resource_type == "federated-user":
            what = f"policies of the user who signed in as {caller.resource}"
            self.reads.unread.append(Unread("identity", what, "the ARN does not name the user"))
            return CallerPolicies()
        kind: Literal["user", "role"] = "user" if caller.resource_type == "user" else "role"
        name = caller.name if caller.service == "iam" else caller.resource_id.split("/")[0]
        iam = self._iam("identity", caller.account, f"policies of {kind} {name}")
        if iam is None:
            return CallerPolicies()
        boundary = f"permissions boundary of {kind} {name}"
        entity = self.reads.read("boundary", boundary, lambda: _entity(iam, kind, name))
        documents = self._identity_policies(iam, kind, name)
        if kind == "user":
            groups = self.reads.read(
                "identity", f"groups of user {name}", lambda: iam.list_groups_for_user(UserName=name)
            )
            for group in groups["Groups"] if groups else ():
                documents += self._identity_policies(iam, "group", group["GroupName"])
        return CallerPolicies(entity and entity["Arn"], tuple(documents), self._boundary(iam, entity))

    def _boundary(self, iam: IAMClient, entity: UserTypeDef | RoleTypeDef | None) -> PolicyDocument | None:
        arn = entity.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn") if entity else None
        if arn is None:
            return None
        name = f"permissions boundary {arn}"
        return self.reads.read("boundary", name, lambda: managed_policy_document(iam, arn, name=name))

    def _identity_policies(self, iam: IAMClient, kind: EntityKind, name: str) -> list[PolicyDocument]:
        owner = f"{kind} {name}"
        inline = self.reads.read("identity", f"inline policies of {owner}", lambda: _inline_names(iam, kind, name))
        attached = self.reads.read("identity", f"managed policies of {owner}", lambda: _attached(iam, kind, name))
        reads: list[Callable[[], PolicyDocument | None]] = [
            partial(self._inline_policy, iam, kind, name, policy) for policy in inline or ()
        ]
        reads += [partial(self._managed_policy, iam, policy, owner) for policy in attached or ()]
        return [document for document in run_concurrently(*reads) if document is not None]

    def _inline_policy(self, iam: IAMClient, kind: EntityKind, name: str, policy: str) -> PolicyDocument | None:
        title = f"policy {policy} of {kind} {name}"
        return self.reads.read(
            "identity", title, lambda: parsed_document(_inline_document(iam, kind, name, policy), name=title)
        )

    def _managed_policy(self, iam: IAMClient, policy: AttachedPolicyTypeDef, owner: str) -> PolicyDocument | None:
        title = f"policy {policy['PolicyName']} of {owner}"
        return self.reads.read("identity", title, lambda: managed_policy_document(iam, policy["PolicyArn"], name=title))

    # The resource

    def bucket_owner(self, bucket: Arn, default: str) -> str:
        """Return the account that lists a bucket. A bucket's ARN does not contain its account.

        Args:
            bucket: the ARN of the bucket or of an object in it.
            default: the account to assume if neither account lists it.
        """
        name = _bucket_name(bucket)
        unlisted: list[Unread] = []
        for account in self.reads.sessions:
            s3 = self._s3(account, "buckets")
            try:
                buckets = s3.list_buckets()["Buckets"] if s3 else []
            except (ClientError, BotoCoreError) as error:
                # It matters only if no other account lists the bucket.
                unlisted.append(Unread("resource", f"buckets of account {account}", code_of(error) or str(error)))
                continue
            if any(found.get("Name") == name for found in buckets):
                return account
        self.reads.unread += unlisted
        self.notes.append(f"neither account lists bucket {name}; it is assumed to belong to account {default}")
        return default

    def resource_policy(self, resource: Arn, owner: str) -> PolicyDocument | None:
        """Read a bucket policy or a key policy; None if the resource has none. See `role` for trust policies.

        Args:
            resource: its ARN.
            owner: the account that it belongs to.
        """
        if resource.service == "s3" and not resource.account:
            return self._bucket_policy(_bucket_name(resource), owner)
        if resource.service == "kms" and resource.resource_type == "key":
            return self._key_policy(resource, owner)
        if resource.service != "iam":
            what = f"resource policy of {resource}"
            self.reads.unread.append(Unread("resource", what, "only those of buckets, keys and roles are read"))
        return None

    def _bucket_policy(self, bucket: str, owner: str) -> PolicyDocument | None:
        title = f"policy of bucket {bucket}"
        s3 = self._s3(owner, title)
        if s3 is None:
            return None
        return self.reads.read(
            "resource",
            title,
            lambda: PolicyDocument.parse(s3.get_bucket_policy(Bucket=bucket)["Policy"], name=title),
            absent=["NoSuchBucketPolicy"],
        )

    def role(self, arn: Arn) -> RoleState | None:
        """Read a role with its trust policy; None if it could not be read."""
        title = f"trust policy of role {arn.name}"
        iam = self._iam("resource", arn.account, title)
        if iam is None:
            return None
        try:
            role = iam.get_role(RoleName=arn.name)["Role"]
        except (ClientError, BotoCoreError) as error:
            if code_of(error) == "NoSuchEntity":
                return _missing_role(iam, arn.name)
            self.reads.record("resource", title, error)
            return None
        document = role.get("AssumeRolePolicyDocument")
        trust = self.reads.read("resource", title, lambda: parsed_document(document, name=title))
        return RoleState(arn=role["Arn"], trust=trust, most_seconds=role.get("MaxSessionDuration", 0))

    def encryption_key(self, bucket: Arn, owner: str) -> EncryptionKey | None:
        """Read the KMS key with which a bucket encrypts by default; None if it uses none or cannot be read.

        Args:
            bucket: the ARN of the bucket or of an object in it.
            owner: the account that the bucket belongs to.
        """
        name = _bucket_name(bucket)
        s3 = self._s3(owner, f"encryption of bucket {name}")
        reference = s3 and self.reads.read("resource", f"encryption of bucket {name}", lambda: bucket_kms_key(s3, name))
        region = (
            s3
            and reference
            and self.reads.read("resource", f"region of bucket {name}", lambda: bucket_region(s3, name))
        )
        if not reference or not region:
            return None
        kms = self._kms(owner, f"key {reference}", region)
        if kms is None:
            return None
        key = self.reads.read("resource", f"key {reference}", lambda: kms.describe_key(KeyId=reference)["KeyMetadata"])
        if key is None:
            return None
        arn = Arn.parse(key["Arn"])
        return EncryptionKey(arn, self._key_policy(arn, arn.account))

    def _key_policy(self, arn: Arn, owner: str) -> PolicyDocument | None:
        title = f"policy of key {arn}"
        kms = self._kms(owner, title, arn.region)
        if kms is None:
            return None
        return self.reads.read(
            "resource",
            title,
            lambda: PolicyDocument.parse(
                kms.get_key_policy(KeyId=str(arn), PolicyName="default")["Policy"], name=title
            ),
        )

    # Clients

    def _iam(self, layer: LayerName, account: str, what: str) -> IAMClient | None:
        return cast("IAMClient | None", self.reads.client(layer, "iam", account, what))

    def _s3(self, account: str, what: str) -> S3Client | None:
        return cast("S3Client | None", self.reads.client("resource", "s3", account, what))

    def _kms(self, account: str, what: str, region: str) -> KMSClient | None:
        return cast("KMSClient | None", self.reads.client("resource", "kms", account, what, region))


def _missing_role(iam: IAMClient, name: str) -> RoleState:
    """Return what there is instead of a role that does not exist: the role with the most similar name."""
    try:
        pages = iam.get_paginator("list_roles").paginate(PaginationConfig={"PageSize": 1000})
        arns = {role["RoleName"].lower(): role["Arn"] for page in pages for role in page["Roles"]}
    except (ClientError, BotoCoreError):
        return RoleState(listed=False)
    similar = get_close_matches(name.lower(), arns, n=1)
    return RoleState(nearest=arns[similar[0]] if similar else "")


def _bucket_name(arn: Arn) -> str:
    return arn.resource.split("/")[0]


def _entity(iam: IAMClient, kind: Literal["user", "role"], name: str) -> UserTypeDef | RoleTypeDef:
    return iam.get_user(UserName=name)["User"] if kind == "user" else iam.get_role(RoleName=name)["Role"]


def _inline_names(iam: IAMClient, kind: EntityKind, name: str) -> list[str]:
    if kind == "user":
        return iam.list_user_policies(UserName=name)["PolicyNames"]
    if kind == "group":
        return iam.list_group_policies(GroupName=name)["PolicyNames"]
    return iam.list_role_policies(RoleName=name)["PolicyNames"]


def _attached(iam: IAMClient, kind: EntityKind, name: str) -> list[AttachedPolicyTypeDef]:
    if kind == "user":
        return iam.list_attached_user_policies(UserName=name)["AttachedPolicies"]
    if kind == "group":
        return iam.list_attached_group_policies(GroupName=name)["AttachedPolicies"]
    return iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]


def _inline_document(iam: IAMClient, kind: EntityKind, name: str, policy: str) -> object:
    if kind == "user":
        return iam.get_user_policy(UserName=name, PolicyName=policy)["PolicyDocument"]
    if kind == "group":
        return iam.get_group_policy(GroupName=name, PolicyName=policy)["PolicyDocument"]
    return iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
