"""Reads the policies that apply to a request from two accounts, and records what could not be read."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar, cast

from attrs import define, field, frozen
from botocore.exceptions import BotoCoreError, ClientError

from xacct.arn import Arn
from xacct.authz.policy_set import LayerName
from xacct.aws_reads import bucket_kms_key, bucket_region, caller_arn, managed_policy_document, parsed_document
from xacct.concurrency import run_concurrently
from xacct.policy import PolicyDocument
from xacct.retry import code_of

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_iam.type_defs import AttachedPolicyTypeDef, RoleTypeDef, UserTypeDef
    from mypy_boto3_kms import KMSClient
    from mypy_boto3_s3 import S3Client

__all__ = ["CallerPolicies", "EncryptionKey", "PolicyReader"]

T = TypeVar("T")
EntityKind = Literal["user", "group", "role"]

_UNIQUE_ID = re.compile(r"A(?:IDA|ROA)[A-Z0-9]{12,}")


class OrganizationsClient(Protocol):
    """The calls to AWS Organizations that the reader needs. The type stubs of this service are not a dependency."""

    def describe_organization(self) -> object: ...
    def list_policies_for_target(self, *, TargetId: str, Filter: str) -> dict[str, Any]: ...  # noqa: N803
    def describe_policy(self, *, PolicyId: str) -> dict[str, Any]: ...  # noqa: N803
    def list_parents(self, *, ChildId: str) -> dict[str, Any]: ...  # noqa: N803


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


@define
class PolicyReader:
    """Reads policies with two sessions. What they may not read is recorded and does not raise an error.

    Attributes:
        sessions: the sessions by account id.
        notes: findings that no policy shows.
        unread: what could not be read, and why.
        unread_layers: the kinds of policies of which something could not be read.
    """

    sessions: dict[str, boto3.Session]
    notes: list[str] = field(factory=list)
    unread: list[str] = field(factory=list)
    unread_layers: set[LayerName] = field(factory=set)
    _clients: dict[tuple[str, str, str | None], object] = field(factory=dict, init=False, repr=False)
    _client_lock: Lock = field(factory=Lock, init=False)

    @classmethod
    def connect(cls, trusting: boto3.Session, trusted: boto3.Session) -> PolicyReader:
        """Return a reader for the accounts of two sessions.

        Raises:
            AwsError: the credentials of a session do not work; the message says of which.
        """
        sessions = {trusting: "trusting", trusted: "trusted"} if trusting is not trusted else {trusted: "trusted"}
        # Clients are created in this thread, because creating them from one session is not thread-safe.
        reads = [partial(caller_arn, session.client("sts"), name) for session, name in sessions.items()]
        return cls(dict(zip((arn.account for arn in run_concurrently(*reads)), sessions)))

    # The caller

    def caller_policies(self, caller: Arn) -> CallerPolicies:
        """Read the policies of a user, a role or a role session."""
        if caller.resource == "root":
            return CallerPolicies()
        kind: Literal["user", "role"] = "user" if caller.resource_type == "user" else "role"
        name = caller.name if caller.service == "iam" else caller.resource_id.split("/")[0]
        iam = self._iam("identity", caller.account, f"policies of {kind} {name}")
        if iam is None:
            return CallerPolicies()
        entity = self._read("identity", f"{kind} {name}", lambda: _entity(iam, kind, name))
        documents = self._identity_policies(iam, kind, name)
        if kind == "user":
            groups = self._read("identity", f"groups of {name}", lambda: iam.list_groups_for_user(UserName=name))
            for group in groups["Groups"] if groups else ():
                documents += self._identity_policies(iam, "group", group["GroupName"])
        return CallerPolicies(entity and entity["Arn"], tuple(documents), self._boundary(iam, entity))

    def _boundary(self, iam: IAMClient, entity: UserTypeDef | RoleTypeDef | None) -> PolicyDocument | None:
        arn = entity.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn") if entity else None
        if arn is None:
            return None
        name = f"permissions boundary {arn}"
        return self._read("boundary", name, lambda: managed_policy_document(iam, arn, name=name))

    def _identity_policies(self, iam: IAMClient, kind: EntityKind, name: str) -> list[PolicyDocument]:
        owner = f"{kind} {name}"
        inline = self._read("identity", f"inline policies of {owner}", lambda: _inline_names(iam, kind, name))
        attached = self._read("identity", f"managed policies of {owner}", lambda: _attached(iam, kind, name))
        reads: list[Callable[[], PolicyDocument | None]] = [
            partial(self._inline_policy, iam, kind, name, policy) for policy in inline or ()
        ]
        reads += [partial(self._managed_policy, iam, policy, owner) for policy in attached or ()]
        return [document for document in run_concurrently(*reads) if document is not None]

    def _inline_policy(self, iam: IAMClient, kind: EntityKind, name: str, policy: str) -> PolicyDocument | None:
        title = f"policy {policy} of {kind} {name}"
        return self._read(
            "identity", title, lambda: parsed_document(_inline_document(iam, kind, name, policy), name=title)
        )

    def _managed_policy(self, iam: IAMClient, policy: AttachedPolicyTypeDef, owner: str) -> PolicyDocument | None:
        title = f"policy {policy['PolicyName']} of {owner}"
        return self._read("identity", title, lambda: managed_policy_document(iam, policy["PolicyArn"], name=title))

    # The resource

    def bucket_owner(self, bucket: Arn, default: str) -> str:
        """Return the account that lists a bucket. A bucket's ARN does not contain its account.

        Args:
            bucket: the ARN of the bucket or of an object in it.
            default: the account to assume if neither account lists it.
        """
        name = _bucket_name(bucket)
        for account in self.sessions:
            s3 = self._s3(account, f"buckets of account {account}")
            buckets = s3 and self._read("resource", f"buckets of account {account}", s3.list_buckets)
            if buckets and any(found.get("Name") == name for found in buckets["Buckets"]):
                return account
        self.notes.append(f"neither account lists bucket {name}; it is assumed to belong to account {default}")
        return default

    def resource_policy(self, resource: Arn, owner: str) -> PolicyDocument | None:
        """Read a bucket policy, a role's trust policy or a key policy; None for any other resource.

        Args:
            resource: its ARN.
            owner: the account that it belongs to.
        """
        if resource.service == "s3":
            return self._bucket_policy(_bucket_name(resource), owner)
        if resource.service == "iam" and resource.resource_type == "role":
            return self._trust_policy(resource)
        if resource.service == "kms":
            return self._key_policy(resource, owner)
        return None

    def _bucket_policy(self, bucket: str, owner: str) -> PolicyDocument | None:
        title = f"policy of bucket {bucket}"
        s3 = self._s3(owner, title)
        if s3 is None:
            return None
        answer = self._read(
            "resource", title, lambda: s3.get_bucket_policy(Bucket=bucket), absent=["NoSuchBucketPolicy"]
        )
        return None if answer is None else PolicyDocument.parse(answer["Policy"], name=title)

    def _trust_policy(self, arn: Arn) -> PolicyDocument | None:
        title = f"trust policy of role {arn.name}"
        iam = self._iam("resource", arn.account, title)
        if iam is None:
            return None
        try:
            role = iam.get_role(RoleName=arn.name)["Role"]
        except (ClientError, BotoCoreError) as error:
            if code_of(error) == "NoSuchEntity":
                self.notes.append(f"account {arn.account} has no role {arn.name}; role names are case-sensitive")
            else:
                self._record_unread("resource", title, error)
            return None
        if role["Arn"] != str(arn):
            self.notes.append(f"the role's ARN is {role['Arn']}; its path and case must match")
        document = parsed_document(role.get("AssumeRolePolicyDocument"), name=title)
        self.notes += [
            f"{title} trusts {principal.value}, the unique id of a deleted principal. A principal created later "
            "with the same name is not trusted. Save the trust policy again with the principal's ARN"
            for statement in document.statements
            for principal in statement.principals or ()
            if _UNIQUE_ID.fullmatch(principal.value)
        ]
        return document

    def encryption_key(self, bucket: Arn, owner: str) -> EncryptionKey | None:
        """Read the KMS key with which a bucket encrypts by default; None if it uses none or cannot be read.

        Args:
            bucket: the ARN of the bucket or of an object in it.
            owner: the account that the bucket belongs to.
        """
        name = _bucket_name(bucket)
        s3 = self._s3(owner, f"encryption of bucket {name}")
        reference = s3 and self._read("resource", f"encryption of bucket {name}", lambda: bucket_kms_key(s3, name))
        region = (
            s3 and reference and self._read("resource", f"region of bucket {name}", lambda: bucket_region(s3, name))
        )
        if not reference or not region:
            return None
        kms = self._kms(owner, f"key {reference}", region)
        if kms is None:
            return None
        key = self._read("resource", f"key {reference}", lambda: kms.describe_key(KeyId=reference)["KeyMetadata"])
        if key is None:
            return None
        arn = Arn.parse(key["Arn"])
        return EncryptionKey(arn, self._key_policy(arn, arn.account))

    def _key_policy(self, arn: Arn, owner: str) -> PolicyDocument | None:
        title = f"policy of key {arn}"
        kms = self._kms(owner, title, arn.region)
        if kms is None:
            return None
        answer = self._read(
            "resource", title, lambda: kms.get_key_policy(KeyId=str(arn), PolicyName="default")["Policy"]
        )
        return None if answer is None else PolicyDocument.parse(answer, name=title)

    # The organization

    def service_control_policies(self, account: str) -> tuple[tuple[PolicyDocument, ...], ...]:
        """Read the service control policies that apply to an account, by level from the root down.

        Returns:
            Empty if the account is not in an organization, or if they could not be read.
        """
        if account not in self.sessions:
            return ()
        client = self._client("scp", "organizations", account, f"service control policies of account {account}")
        organizations = cast(OrganizationsClient, client)

        def levels(target: str) -> list[tuple[PolicyDocument, ...]]:
            listed = organizations.list_policies_for_target(TargetId=target, Filter="SERVICE_CONTROL_POLICY")
            policies = [organizations.describe_policy(PolicyId=p["Id"])["Policy"] for p in listed["Policies"]]
            level = tuple(PolicyDocument.parse(p["Content"], name=p["PolicySummary"]["Name"]) for p in policies)
            if target.startswith("r-"):
                return [level]
            parents = organizations.list_parents(ChildId=target)["Parents"]
            return [above for parent in parents for above in levels(parent["Id"])] + [level]

        def read() -> tuple[tuple[PolicyDocument, ...], ...]:
            organizations.describe_organization()
            return tuple(levels(account))

        title, absent = f"service control policies of account {account}", ["AWSOrganizationsNotInUseException"]
        return self._read("scp", title, read, absent=absent) or ()

    # Clients and failures

    def _iam(self, layer: LayerName, account: str, what: str) -> IAMClient | None:
        return cast("IAMClient | None", self._client(layer, "iam", account, what))

    def _s3(self, account: str, what: str) -> S3Client | None:
        return cast("S3Client | None", self._client("resource", "s3", account, what))

    def _kms(self, account: str, what: str, region: str) -> KMSClient | None:
        return cast("KMSClient | None", self._client("resource", "kms", account, what, region))

    def _client(self, layer: LayerName, service: str, account: str, what: str, region: str | None = None) -> object:
        session = self.sessions.get(account)
        if session is None:
            self.unread.append(f"{what}: neither session belongs to account {account}")
            self.unread_layers.add(layer)
            return None
        with self._client_lock:
            key = (service, account, region)
            if key not in self._clients:
                # The stubs know literal service names only.
                self._clients[key] = session.client(service, region_name=region)  # type: ignore[call-overload]
            return self._clients[key]

    def _read(self, layer: LayerName, what: str, call: Callable[[], T], *, absent: Sequence[str] = ()) -> T | None:
        """Return the result of a call; None if the resource does not exist or could not be read."""
        try:
            return call()
        except (ClientError, BotoCoreError) as error:
            if code_of(error) not in absent:
                self._record_unread(layer, what, error)
            return None

    def _record_unread(self, layer: LayerName, what: str, error: ClientError | BotoCoreError) -> None:
        self.unread.append(f"{what} ({code_of(error) or error})")
        self.unread_layers.add(layer)


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
