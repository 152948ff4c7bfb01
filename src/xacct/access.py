"""The front door: cross-account read access to S3 in one call, used, verified and taken away."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeVar

from attrs import field, frozen

from xacct.arn import Arn, partition_of_region
from xacct.console_user import ConsoleUser
from xacct.errors import AssumeRoleDenied, InvalidValue
from xacct.events import OnEvent
from xacct.grant_account import GrantAccount, connect
from xacct.grants import DevAccessGrant, TrustGrant
from xacct.policy import PolicyDocument, Principal
from xacct.reconcile.plan import Plan, plan_between
from xacct.resources.step import Change
from xacct.retry import Patience
from xacct.s3_read import bucket_name, s3_read_policy
from xacct.session import assume_role, profile_block
from xacct.switch_role import SwitchRoleLink
from xacct.verification import Verification, verify_read_access

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_s3 import S3Client

__all__ = ["CrossAccountAccess", "grant_cross_account_read"]

T = TypeVar("T")


@frozen(kw_only=True)
class CrossAccountAccess:
    """A grant that stands, with what one does with it.

    Attributes:
        trust: the trusting account's side.
        dev_access: the trusted account's side.
        changes: what the call that gave this changed; empty where everything was there already.
    """

    trust: TrustGrant
    dev_access: DevAccessGrant
    changes: tuple[Change, ...]
    _buckets: tuple[str, ...] = field(alias="buckets", repr=False)
    _prefixes: tuple[str, ...] = field(alias="prefixes", repr=False)
    _plan: Plan = field(alias="plan", repr=False, eq=False)
    _trusting: boto3.Session = field(alias="trusting", repr=False, eq=False)
    _trusted: boto3.Session = field(alias="trusted", repr=False, eq=False)
    _on_event: OnEvent | None = field(alias="on_event", repr=False, eq=False)

    @property
    def role_arn(self) -> str:
        """The ARN of the role to assume."""
        return self.trust.role_arn

    @property
    def switch_role_link(self) -> SwitchRoleLink:
        """The link by which a console user of the trusted account switches to the role.

        Raises:
            InvalidValue: the console cannot switch to this role: it demands an external ID, or the partition has no
                published console.
        """
        return SwitchRoleLink.for_role(
            self.role_arn, display_name=self.trust.role_name, color="red", external_id=self.trust.external_id
        )

    @property
    def console_user(self) -> ConsoleUser | None:
        """The console user; a password that this call generated is there, and can be had nowhere else."""
        return self._plan.console_user

    def session(
        self,
        *,
        session_name: str | None = None,
        duration: int | None = None,
        mfa_serial: str | None = None,
        mfa_token: str | Callable[[], str] | None = None,
        region: str | None = None,
    ) -> boto3.Session:
        """A session in the role, assumed as the trusted side, which refreshes its credentials by itself.

        Args:
            session_name: what audits call it; by default who the caller is.
            duration: seconds that one set of credentials lasts, 900 to the role's maximum.
            mfa_serial: the caller's MFA device, where the role asks for MFA; by default the only one there is.
            mfa_token: its six digits, or a callable that gives them and so can renew the session.
            region: the session's region; by default the trusted session's.

        Raises:
            InvalidValue: an argument is not valid; nothing was called.
            AssumeRoleDenied: STS said no; its ``explanation`` reads both accounts and says why.
        """
        try:
            return assume_role(
                self._trusted,
                self.role_arn,
                external_id=self.trust.external_id,
                session_name=session_name,
                duration=duration,
                mfa_serial=mfa_serial,
                mfa_token=mfa_token,
                region=region,
            )
        except AssumeRoleDenied as denied:
            denied.trusting = self._trusting
            raise

    def profile_block(
        self,
        name: str,
        *,
        source_profile: str,
        mfa_serial: str | None = None,
        duration: int | None = None,
        region: str | None = None,
    ) -> str:
        """The lines of a profile in the role, for ``~/.aws/config``; `xacct.write_profile` writes them there.

        Args:
            name: of the profile.
            source_profile: the profile of the trusted account whose credentials assume the role.
            mfa_serial: the caller's MFA device, where the role asks for MFA; the AWS CLI asks for its code.
            duration: seconds that one set of credentials lasts, 900 to the role's maximum.
            region: the profile's region.

        Raises:
            InvalidValue: an argument is not valid, or the role asks for MFA and no device is given.

        Source: https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-role.html
        """
        if self.trust.needs_mfa and mfa_serial is None:
            raise InvalidValue("mfa_serial", None, "the caller's MFA device: the role asks for MFA")
        if duration is not None and duration > self.trust.max_session_duration:
            raise InvalidValue("duration", duration, f"at most the role's {self.trust.max_session_duration} seconds")
        return profile_block(
            name,
            self.role_arn,
            source_profile=source_profile,
            external_id=self.trust.external_id,
            mfa_serial=mfa_serial,
            duration=duration,
            region=region,
        )

    def verify(self, session: boto3.Session | None = None) -> Verification:
        """Assume the role as the trusted side, read what may be read, and see a write refused.

        Args:
            session: one that is in the role already, where assuming it takes MFA; by default ``session()``.

        Returns:
            Every check with what was expected and what was seen; ``.ok`` says whether all went well.
        """
        assume = self.session if session is None else lambda: session
        return verify_read_access(assume, buckets=self._buckets, prefixes=self._prefixes)

    def revoke(self) -> list[Change]:
        """Take away everything that the grant made, and nothing that it did not.

        Returns:
            What was removed; empty where nothing was left.

        Raises:
            NotOurs: something of the grant's name was made by another hand.
            ForeignAttachments: something that xacct did not make stands in the way.
            ApplyFailed: a step failed; run it again to go on.
        """
        return list(self._plan.destroy(on_event=self._on_event))


def grant_cross_account_read(
    trusting: boto3.Session,
    trusted: boto3.Session,
    *,
    buckets: Iterable[str] = (),
    prefixes: Iterable[str] = (),
    role_name: str = "CrossAccountRoleS3",
    policy_name: str = "CrossAccountPolicy",
    principals: Iterable[Principal | str] = (),
    console_user: ConsoleUser | None = None,
    external_id: str | None = None,
    require_mfa: bool = False,
    max_session_duration: int = 3600,
    tags: Mapping[str, str] = MappingProxyType({}),
    adopt: bool = False,
    on_event: OnEvent | None = None,
) -> CrossAccountAccess:
    """Let the trusted account read S3 in the trusting account through an IAM role, set up on both sides.

    Run again it changes nothing, or only what differs. After a failure it takes back what it made.

    Args:
        trusting: a session of the account with the data.
        trusted: a session of the account that is let in.
        buckets: which buckets of the trusting account may be read; none: all, by AmazonS3ReadOnlyAccess. Where one
            encrypts with a KMS key of its own, decryption with that key is granted too.
        prefixes: how the keys begin that may be read in each of the buckets; none: all keys.
        role_name: the role's name.
        policy_name: the name of the policy that allows assuming it.
        principals: who in the trusted account is trusted; none: whoever carries the policy. Users and roles named here
            are given the policy.
        console_user: a person to create in the trusted account, who carries the policy.
        external_id: what the caller must say to assume the role. The console cannot, so there is no link then.
        require_mfa: whether the caller must have signed in with MFA.
        max_session_duration: seconds that a session may last, 3600 to 43200.
        tags: tags for everything that is made.
        adopt: whether to take over what has these names and was not made by xacct.
        on_event: called for each step as it starts and ends.

    Raises:
        InvalidValue: an argument is not valid; nothing was called.
        WrongAccount: the two sessions are of different partitions, which no trust crosses.
        NotOurs: something of these names was made by another hand; nothing was changed.
        PermissionMissing: a session may not do what is needed; says in which account, and which statement to add.
        ApplyFailed: a step failed; says what was taken back, what stands, and how to go on.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/tutorial_cross-account-with-roles.html

    >>> from xacct import grant_cross_account_read
    >>> from xacct.testing import Sandbox
    >>> with Sandbox(["111111111111", "222222222222"]) as aws:
    ...     production, development = (aws.account(name).session for name in ("111111111111", "222222222222"))
    ...     access = grant_cross_account_read(production, development)
    ...     print(access.role_arn, len(access.changes), access.verify().ok, len(access.revoke()))
    arn:aws:iam::111111111111:role/CrossAccountRoleS3 3 True 3
    """
    names, begins = tuple(bucket_name(name) for name in _many("buckets", buckets)), _many("prefixes", prefixes)
    if begins and not names:
        raise InvalidValue("prefixes", begins, "prefixes narrow buckets: name the buckets too")
    whom = tuple(Principal.parse(principal) for principal in _many("principals", principals))

    def grants(here: str, there: str, partition: str, read: PolicyDocument | None) -> tuple[TrustGrant, DevAccessGrant]:
        trust = TrustGrant(
            account=here,
            principals=whom or (Principal.account(there, partition),),
            managed_policy_arns=() if read else (str(Arn.managed_policy("AmazonS3ReadOnlyAccess", "/", partition)),),
            policies={"S3Read": read} if read else {},
            role_name=role_name,
            tags=tags,
            external_id=external_id,
            require_mfa=require_mfa,
            max_session_duration=max_session_duration,
            partition=partition,
        )
        carriers = _carriers(whom, there, console_user)
        dev_access = DevAccessGrant(
            account=there,
            role_arns=trust.role_arn,
            policy_name=policy_name,
            console_user=console_user,
            users=carriers["user"],
            roles=carriers["role"],
            tags=tags,
            partition=partition,
        )
        return trust, dev_access

    # Whose the sessions are takes a call to know. Everything else is checked before it, with accounts that nobody has.
    home = partition_of_region(trusting.region_name or "").name
    grants("0" * 12, "0" * 12, home, s3_read_policy(names, begins, partition=home) if names else None)

    here, there = connect(trusting, trusted, Patience())
    read = _read_policy(here, names, begins) if names else None
    trust, dev_access = grants(here.id, there.id, here.partition, read)
    plan = plan_between((trust, dev_access), here, there, adopt=adopt)
    return CrossAccountAccess(
        trust=trust,
        dev_access=dev_access,
        changes=plan.apply(on_event=on_event),
        buckets=names,
        prefixes=begins,
        plan=plan,
        trusting=trusting,
        trusted=trusted,
        on_event=on_event,
    )


def _many(name: str, values: Iterable[T]) -> tuple[T, ...]:
    if isinstance(values, str):
        raise InvalidValue(name, values, "a list, even of one")
    return tuple(dict.fromkeys(values))


def _carriers(
    principals: Iterable[Principal], account: str, console_user: ConsoleUser | None
) -> dict[str, tuple[str, ...]]:
    """The users and roles of the trusted account among the principals: they need the policy too."""
    found: dict[str, tuple[str, ...]] = {"user": (), "role": ()}
    for principal in principals:
        if principal.kind == "AWS" and principal.account_id == account and not principal.is_account:
            arn = Arn.parse(principal.value)
            if arn.resource_type in found and not (console_user and arn.name == console_user.name):
                found[arn.resource_type] += (arn.name,)
    return found


def _read_policy(account: GrantAccount, buckets: tuple[str, ...], prefixes: tuple[str, ...]) -> PolicyDocument:
    s3 = account.session.client("s3")
    keys = {bucket: key for bucket in buckets if (key := _kms_key(account, s3, bucket)) is not None}
    return s3_read_policy(buckets, prefixes, kms_keys=keys, partition=account.partition)


def _kms_key(account: GrantAccount, s3: S3Client, bucket: str) -> str | None:
    """The ARN of the customer managed key that a bucket encrypts with by default; None where it uses none."""
    resource = str(Arn.bucket(bucket, account.partition))

    def encryption() -> str | None:
        try:
            answer = s3.get_bucket_encryption(Bucket=bucket)
        except s3.exceptions.ClientError as error:
            if error.response.get("Error", {}).get("Code") == "ServerSideEncryptionConfigurationNotFoundError":
                return None
            raise
        rules = answer["ServerSideEncryptionConfiguration"]["Rules"]
        defaults = [rule.get("ApplyServerSideEncryptionByDefault", {}) for rule in rules]
        return next((d.get("KMSMasterKeyID") for d in defaults if "kms" in d.get("SSEAlgorithm", "")), None)

    key = account.attempt(encryption, doing=f"reading the encryption of bucket {bucket}", resource=resource)
    if key is None or (key.startswith("arn:") and ":key/" in key):
        return key
    # An alias, or a bare id: KMS knows the key's ARN, in the bucket's own region.
    region = account.attempt(
        lambda: s3.head_bucket(Bucket=bucket)["BucketRegion"],
        doing=f"reading the region of bucket {bucket}",
        resource=resource,
    )
    kms = account.session.client("kms", region_name=region)
    return account.attempt(
        lambda: kms.describe_key(KeyId=key)["KeyMetadata"]["Arn"],
        doing=f"reading the key of bucket {bucket}",
        resource=f"arn:{account.partition}:kms:{region}:{account.id}:{key}",
    )
