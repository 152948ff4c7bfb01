"""Why AWS refused: both sides' policies are read, and the request is decided again with all of them in sight."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define, evolve, field, frozen
from botocore.exceptions import BotoCoreError, ClientError

from xacct.arn import Arn
from xacct.authz import AccessRequest, Decision, PolicySet, evaluate
from xacct.authz.policy_set import AWS_WORDS, LayerName
from xacct.concurrency import run_concurrently
from xacct.errors import InvalidValue
from xacct.policy import PolicyDocument
from xacct.retry import code_of

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_sts import STSClient

__all__ = ["Explanation", "explain"]

T = TypeVar("T")
Context = Mapping[str, str | Iterable[str]]

# https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html; the texts after the resource grow.
_REFUSAL = re.compile(
    r"User: (?P<principal>\S+) is not authorized to perform: (?P<action>[\w-]+:\w+)"
    r'(?: on resource: "?(?P<resource>[^"\s]+))?'
)
_NAMED_LAYER = re.compile(r"(?:because no|explicit deny in an?) ([\w -]+?(?:policy|boundary))\b")
_UNIQUE_ID = re.compile(r"A(?:IDA|ROA)[A-Z0-9]{12,}")
# What sts:AssumeRole is asked for in the request, and nowhere else.
_OF_THE_REQUEST = (
    "sts:externalid", "sts:sourceidentity", "sts:rolesessionname", "sts:transitivetagkeys", "aws:requesttag/",
    "aws:tagkeys",
)  # fmt: skip
_ENCRYPTED = {"s3:GetObject": "kms:Decrypt", "s3:PutObject": "kms:GenerateDataKey"}


@frozen
class Explanation:
    """Why a request was refused, as far as the policies could be read. Print it.

    Attributes:
        decisions: what IAM decides on the request, and on the key's decryption where the bucket is encrypted with one.
        notes: what the policies do not say by themselves, such as a trusted user who was deleted.
        unread: what could not be read, and why: the answer may lie there.
        unread_layers: the layers of policies in which something could not be read.
    """

    decisions: tuple[Decision, ...]
    notes: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    unread_layers: frozenset[LayerName] = field(default=frozenset(), repr=False)

    @property
    def refused(self) -> bool:
        """Whether the policies that were read refuse the request by themselves."""
        return not all(decision.allowed for decision in self.decisions)

    @property
    def certain(self) -> bool:
        """Whether policies that were read refuse, whatever those say that were not, and whatever was not told of it.

        A condition on something that the request itself brings, such as an external ID, leaves it certain; one on where
        it comes from, or from whom, does not unless the context says so.
        """
        return any(
            not decision.allowed
            and all(key.lower().startswith(_OF_THE_REQUEST) for key in decision.depends_on)
            and (decision.effect == "ExplicitDeny" or not self.unread_layers.issuperset(decision.decided_by))
            for decision in self.decisions
        )

    def __str__(self) -> str:
        lines = [f"note: {note}" for note in self.notes] + [f"not read: {what}" for what in self.unread]
        if self.unread:
            lines.append("by what could be read:")
        lines += [line for decision in self.decisions for line in str(decision).splitlines()]
        if not self.refused:
            lines += [
                "what could be read allows it: the refusal lies in what was not read, in a session policy, which none",
                "can read, in the request's circumstances (give them as context), or in a write not seen everywhere",
            ]
        return "\n".join(lines)


def explain(
    error: ClientError | str,
    trusting: boto3.Session,
    trusted: boto3.Session,
    *,
    principal: str | None = None,
    action: str | None = None,
    resource: str | None = None,
    context: Context | None = None,
) -> Explanation:
    """Explain an AccessDenied: what is missing or in the way, on which side, and the smallest change that mends it.

    AWS's message names one layer of several and sometimes the wrong one. Everything that bears on the request and that
    the two sessions may read is read, and nothing is written: the caller's policies with their groups and boundary, the
    role's trust policy, the bucket's policy and encryption, the key's policy, and service control policies.

    Args:
        error: what boto3 raised, or its message.
        trusting: a session of the account with the role or the bucket.
        trusted: a session of the other account.
        principal: the caller's ARN, where the message does not say.
        action: the action, where the message does not say, as with S3's bare ``Access Denied``.
        resource: the ARN, where the message does not say.
        context: the request's circumstances as context keys, such as ``{"sts:ExternalId": "acme-42"}``.

    Raises:
        InvalidValue: neither the message nor the arguments say who wanted what.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html

    >>> from xacct import TrustGrant, assume_role, plan
    >>> from xacct.errors import AssumeRoleDenied
    >>> from xacct.testing import Sandbox
    >>> grant = TrustGrant(account="111111111111", principals="222222222222", external_id="acme-42",
    ...     managed_policy_arns="arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess")
    >>> with Sandbox() as aws:
    ...     production, development = (aws.account(id).session for id in ("111111111111", "222222222222"))
    ...     _ = plan(grant, trusting=production, trusted=development).apply()
    ...     try:
    ...         assume_role(development, grant.role_arn)
    ...     except AssumeRoleDenied as denied:
    ...         print(explain(str(denied), production, development))
    ImplicitDeny: arn:aws:iam::222222222222:user/Administrator sts:AssumeRole on ...role/CrossAccountRoleS3
    ...
        trust policy of role CrossAccountRoleS3, statement 1: Condition StringEquals sts:ExternalId 'acme-42' ...
    ...
    """
    said = _REFUSAL.search(str(error))
    given = {"principal": principal, "action": action, "resource": resource}
    known = {name: value or (said[name] if said else None) for name, value in given.items()}
    for name, value in known.items():
        if value is None:
            raise InvalidValue(name, value, f"needed, because the message does not say: {error}")
    asked = {name: str(value) for name, value in known.items()}
    reader = _Reader.of(*dict.fromkeys((trusting, trusted)))
    found = reader.explanation(asked["principal"], asked["action"], asked["resource"], dict(context or {}))
    return evolve(found, notes=(*found.notes, *_misnamed(str(error), found)))


def _misnamed(text: str, found: Explanation) -> list[str]:
    """Where AWS names a layer that is not the one to mend."""
    said = _NAMED_LAYER.search(text)
    decision = next((decision for decision in found.decisions if not decision.allowed), None)
    if said is None or decision is None or said[1] in map(AWS_WORDS.__getitem__, decision.decided_by):
        return []
    right = " and the ".join(AWS_WORDS[layer] for layer in decision.decided_by)
    return [f"AWS names the {said[1]}; by what could be read it is the {right}"]


@define
class _Found:
    """The policies that bear on the request."""

    caller_arn: str = ""
    identity: list[PolicyDocument] = field(factory=list)
    boundary: PolicyDocument | None = None
    resource: PolicyDocument | None = None
    service_control: list[list[PolicyDocument]] = field(factory=list)


@define
class _Reader:
    """Reads what the two sessions may read, and remembers what they may not."""

    sessions: dict[str, boto3.Session]
    unread: list[str] = field(factory=list)
    unread_layers: set[LayerName] = field(factory=set)
    making: Lock = field(factory=Lock)
    notes: list[str] = field(factory=list)

    @classmethod
    def of(cls, *sessions: boto3.Session) -> _Reader:
        # Making clients from one session is not thread-safe.
        clients = [session.client("sts") for session in sessions]
        accounts = run_concurrently(*(partial(_account, sts) for sts in clients))
        return cls(dict(zip(accounts, sessions)))

    def explanation(self, principal: str, action: str, resource: str, context: dict[str, Any]) -> Explanation:
        caller = Arn.parse(principal, name="principal")
        owner = Arn.parse(resource).account if resource != "*" else caller.account
        owner = owner or self._owner_of_bucket(resource, caller.account)
        found = _Found()
        run_concurrently(
            lambda: self._read_caller(caller, found),
            lambda: self._read_resource(resource, owner, found),
            lambda: self._read_organization(caller.account, found),
        )
        if found.caller_arn:
            context.setdefault("aws:PrincipalArn", found.caller_arn)

        def decide(action: str, resource: str, account: str, policy: PolicyDocument | None, more: Context) -> Decision:
            request = AccessRequest(
                principal=principal, action=action, resource=resource, resource_account=account,
                context={**context, **more},
            )  # fmt: skip
            policies = PolicySet(
                identity=found.identity, resource=policy, boundary=found.boundary, scps=found.service_control
            )
            return evaluate(request, policies)

        decisions = [decide(action, resource, owner, found.resource, {})]
        if action in _ENCRYPTED and (key := self._key_of(resource, owner)) is not None:
            arn, region, policy = key
            service = {"kms:ViaService": f"s3.{region}.amazonaws.com", "kms:CallerAccount": caller.account}
            decisions.append(decide(_ENCRYPTED[action], arn, Arn.parse(arn).account, policy, service))
        return Explanation(
            tuple(decisions), tuple(self.notes), tuple(sorted(self.unread)), frozenset(self.unread_layers)
        )

    def _try(
        self, layer: LayerName, what: str, call: Callable[[], T], *, absent: Sequence[str | None] = ()
    ) -> T | None:
        """The result; None where it is not there, and where it could not be read, which is remembered."""
        try:
            return call()
        except (ClientError, BotoCoreError) as error:
            if code_of(error) not in absent:
                self.unread.append(f"{what} ({code_of(error) or error})")
                self.unread_layers.add(layer)
            return None

    def _client(self, layer: LayerName, service: Any, account: str, what: str, region: str | None = None) -> Any:
        session = self.sessions.get(account)
        if session is None:
            self.unread.append(f"{what}: neither session belongs to account {account}")
            self.unread_layers.add(layer)
            return None
        with self.making:
            return session.client(service, region_name=region)

    # Whose call it was

    def _read_caller(self, caller: Arn, found: _Found) -> None:
        kind = "user" if caller.resource_type == "user" else "role"
        name = caller.name if caller.service == "iam" else caller.resource_id.split("/")[0]
        iam = (
            None
            if caller.resource == "root"
            else self._client("identity", "iam", caller.account, f"policies of {kind} {name}")
        )
        if iam is None:
            return
        title = kind.capitalize()
        entity = (
            self._try(
                "identity", f"{kind} {name}", lambda: getattr(iam, f"get_{kind}")(**{f"{title}Name": name})[title]
            )
            or {}
        )
        found.caller_arn = entity.get("Arn", "")
        found.identity = self._documents(iam, kind, name)
        if kind == "user":
            groups = self._try(
                "identity", f"groups of {name}", lambda: iam.list_groups_for_user(UserName=name)["Groups"]
            )
            for group in groups or ():
                found.identity += self._documents(iam, "group", group["GroupName"])
        boundary = entity.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn")
        found.boundary = (
            self._managed(iam, boundary, f"permissions boundary {boundary}", "boundary") if boundary else None
        )

    def _documents(self, iam: Any, kind: str, name: str) -> list[PolicyDocument]:
        key = {f"{kind.capitalize()}Name": name}
        inline = self._try(
            "identity",
            f"inline policies of {kind} {name}",
            lambda: getattr(iam, f"list_{kind}_policies")(**key)["PolicyNames"],
        )
        attached = self._try(
            "identity",
            f"managed policies of {kind} {name}",
            lambda: getattr(iam, f"list_attached_{kind}_policies")(**key)["AttachedPolicies"],
        )
        calls: list[Callable[[], PolicyDocument | None]] = [
            partial(self._inline, iam, kind, key, policy) for policy in inline or ()
        ]
        calls += [
            partial(self._managed, iam, policy["PolicyArn"], f"policy {policy['PolicyName']} of {kind} {name}")
            for policy in attached or ()
        ]
        return [document for document in run_concurrently(*calls) if document is not None]

    def _inline(self, iam: Any, kind: str, key: Mapping[str, str], policy: str) -> PolicyDocument | None:
        words = f"policy {policy} of {kind} {next(iter(key.values()))}"
        read = getattr(iam, f"get_{kind}_policy")
        document = self._try("identity", words, lambda: read(**key, PolicyName=policy)["PolicyDocument"])
        return None if document is None else PolicyDocument.parse(document, name=words)

    def _managed(self, iam: Any, arn: str, words: str, layer: LayerName = "identity") -> PolicyDocument | None:
        def read() -> Any:
            version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
            return iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]

        document = self._try(layer, words, read)
        return None if document is None else PolicyDocument.parse(document, name=words)

    # What it was about

    def _owner_of_bucket(self, resource: str, caller: str) -> str:
        """Whichever of the two accounts lists the bucket; S3's ARNs do not say."""
        name = Arn.parse(resource).resource.split("/")[0]
        for account in self.sessions:
            s3 = self._client("resource", "s3", account, "")
            buckets = self._try("resource", f"buckets of account {account}", lambda: s3.list_buckets()["Buckets"])  # noqa: B023
            if any(bucket["Name"] == name for bucket in buckets or ()):
                return account
        self.notes.append(f"neither account has the bucket {name}: it is taken to be the caller's")
        return caller

    def _read_resource(self, resource: str, owner: str, found: _Found) -> None:
        found.resource = self._policy_of(resource, owner)

    def _policy_of(self, resource: str, owner: str) -> PolicyDocument | None:
        if resource == "*":
            return None
        arn = Arn.parse(resource)
        if arn.service == "s3":
            bucket = arn.resource.split("/")[0]
            s3 = self._client("resource", "s3", owner, f"policy of bucket {bucket}")
            text = s3 and self._try(
                "resource",
                f"policy of bucket {bucket}",
                lambda: s3.get_bucket_policy(Bucket=bucket)["Policy"],
                absent=["NoSuchBucketPolicy"],
            )
            return PolicyDocument.parse(text, name=f"policy of bucket {bucket}") if text else None
        if arn.service == "iam" and arn.resource_type == "role":
            return self._trust(arn)
        if arn.service == "kms":
            return self._key_policy(resource, arn.region, owner)
        return None

    def _trust(self, arn: Arn) -> PolicyDocument | None:
        words = f"trust policy of role {arn.name}"
        iam = self._client("resource", "iam", arn.account, words)
        role = iam and self._try(
            "resource", words, lambda: iam.get_role(RoleName=arn.name)["Role"], absent=["NoSuchEntity"]
        )
        if iam is not None and role is None and not self.unread:
            self.notes.append(f"account {arn.account} has no role {arn.name}: names are case-sensitive")
        if not role:
            return None
        if role["Arn"] != str(arn):
            self.notes.append(f"the role's ARN is {role['Arn']}: path and case must be the same")
        document = PolicyDocument.parse(role["AssumeRolePolicyDocument"], name=words)
        for statement in document.statements:
            for principal in statement.principals or ():
                if _UNIQUE_ID.fullmatch(principal.value):
                    self.notes.append(
                        f"{words} trusts {principal.value}: a principal that was deleted, perhaps made again under the "
                        "same name, and is somebody else now. Save the trust policy again with its ARN"
                    )
        return document

    def _key_of(self, resource: str, owner: str) -> tuple[str, str, PolicyDocument | None] | None:
        """The key with which a bucket encrypts, its region and its policy."""
        bucket = Arn.parse(resource).resource.split("/")[0]
        s3 = self._client("resource", "s3", owner, f"encryption of bucket {bucket}")
        if s3 is None:
            return None
        rules = self._try(
            "resource",
            f"encryption of bucket {bucket}",
            lambda: s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"],
            absent=["ServerSideEncryptionConfigurationNotFoundError"],
        )
        default = rules[0].get("ApplyServerSideEncryptionByDefault", {}) if rules else {}
        reference = default.get("KMSMasterKeyID") if default.get("SSEAlgorithm", "").startswith("aws:kms") else None
        if reference is None:
            return None
        place = self._try("resource", f"region of bucket {bucket}", lambda: s3.get_bucket_location(Bucket=bucket))
        region = (place or {}).get("LocationConstraint") or "us-east-1"
        kms = self._client("resource", "kms", owner, f"key {reference}", region)
        arn = self._try(
            "resource", f"key {reference}", lambda: str(kms.describe_key(KeyId=reference)["KeyMetadata"]["Arn"])
        )
        return None if arn is None else (arn, region, self._key_policy(arn, region, Arn.parse(arn).account))

    def _key_policy(self, arn: str, region: str, owner: str) -> PolicyDocument | None:
        words = f"policy of key {arn}"
        kms = self._client("resource", "kms", owner, words, region)
        text = kms and self._try(
            "resource", words, lambda: kms.get_key_policy(KeyId=arn, PolicyName="default")["Policy"]
        )
        return PolicyDocument.parse(text, name=words) if text else None

    # Above both

    def _read_organization(self, account: str, found: _Found) -> None:
        """The service control policies from the root down; none where the account has no organization."""
        what = f"service control policies of account {account}"
        if account not in self.sessions:
            return
        organizations = self._client("scp", "organizations", account, what)
        levels: list[list[PolicyDocument]] = []

        def read(target: str) -> None:
            listed = organizations.list_policies_for_target(TargetId=target, Filter="SERVICE_CONTROL_POLICY")
            texts = [organizations.describe_policy(PolicyId=policy["Id"])["Policy"] for policy in listed["Policies"]]
            levels.insert(
                0, [PolicyDocument.parse(text["Content"], name=text["PolicySummary"]["Name"]) for text in texts]
            )
            for parent in [] if target.startswith("r-") else organizations.list_parents(ChildId=target)["Parents"]:
                read(parent["Id"])

        def read_all() -> None:
            organizations.describe_organization()
            read(account)

        self._try("scp", what, read_all, absent=["AWSOrganizationsNotInUseException"])
        found.service_control = levels


def _account(sts: STSClient) -> str:
    return sts.get_caller_identity()["Account"]
