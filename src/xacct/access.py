"""Cross-account read access to S3 in one call, and what to do with it: use, verify, revoke."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, TypeVar

from attrs import field, frozen

from xacct.arn import Arn
from xacct.aws_reads import bucket_kms_key, bucket_region
from xacct.console_user import ConsoleUser, console_user_or_none
from xacct.errors import InvalidValue
from xacct.events import OnEvent
from xacct.grant_account import GrantAccount, connect
from xacct.grants import DevAccessGrant, TrustGrant, check_trusted_principal
from xacct.limits import ENTITY_NAME, EXTERNAL_ID, MAX_SESSION_SECONDS, POLICY_NAME
from xacct.policy import PolicyDocument, Principal
from xacct.reconcile.plan import Plan, plan_between
from xacct.resources.step import Change
from xacct.retry import Patience
from xacct.s3_read import bucket_name, key_prefix, s3_read_policy
from xacct.session import assume_role, profile_block
from xacct.switch_role import SwitchRoleLink
from xacct.validators import grant_tags, integer, text
from xacct.verification import Verification, verify_read_access

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_s3 import S3Client

__all__ = ["CrossAccountAccess", "grant_cross_account_read"]

T = TypeVar("T")


@frozen(kw_only=True)
class CrossAccountAccess:
    """Cross-account access that was granted, to use, verify and revoke.

    Attributes:
        trust: the grant of the trusting account.
        dev_access: the grant of the trusted account.
        changes: the changes that granting made; empty if both accounts were up to date.
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
        """The link on which a console user of the trusted account switches to the role.

        Raises:
            InvalidValue: the console cannot switch to this role: it requires an external ID, its path and name are
                together too long, or its partition has no public console.
        """
        return SwitchRoleLink.for_role(
            self.role_arn, display_name=self.trust.role_name, color="red", external_id=self.trust.external_id
        )

    @property
    def console_user(self) -> ConsoleUser | None:
        """The console user, with the password if granting generated one. xacct keeps the password nowhere else."""
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
        """Assume the role with the trusted session, and return a session that refreshes its credentials.

        Args:
            session_name: the role session name, which CloudTrail shows; by default the caller's name.
            duration: seconds until credentials are refreshed, 900 to the role's maximum session duration.
            mfa_serial: the ARN or serial number of the caller's MFA device, if the role requires MFA; by default the
                caller's only device.
            mfa_token: a code of the device, or a callable that returns one. Only a callable can refresh the session.
            region: the session's region; by default that of the trusted session.

        Raises:
            InvalidValue: an argument is not valid; no call was made.
            AssumeRoleDenied: STS denied the request. `xacct.explain` reads the policies of both accounts and says why.
        """
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

    def profile_block(
        self,
        name: str,
        *,
        source_profile: str,
        mfa_serial: str | None = None,
        duration: int | None = None,
        region: str | None = None,
    ) -> str:
        """Return a profile that assumes the role, as text for ``~/.aws/config``. `xacct.write_profile` writes it there.

        Args:
            name: the profile's name.
            source_profile: the profile whose credentials assume the role.
            mfa_serial: the ARN or serial number of the caller's MFA device, if the role requires MFA. The AWS CLI
                prompts for the code.
            duration: seconds until credentials expire, 900 to the role's maximum session duration.
            region: the profile's region.

        Raises:
            InvalidValue: an argument is not valid, or the role requires MFA and ``mfa_serial`` is missing.

        Source: https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-role.html
        """
        if self.trust.needs_mfa and mfa_serial is None:
            raise InvalidValue(
                "mfa_serial", None, "the role requires MFA: give the ARN or serial number of the caller's MFA device"
            )
        if duration is not None and duration > self.trust.max_session_duration:
            raise InvalidValue(
                "duration",
                duration,
                f"the role's maximum session duration is {self.trust.max_session_duration} seconds",
            )
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
        """Assume the role with the trusted session, read what it can read, and check that it cannot write.

        Args:
            session: a session in the role, for example one that required MFA; by default ``session()``.

        Returns:
            The checks, each with its expected and observed result. ``ok`` is True if none failed.
        """
        assume = self.session if session is None else lambda: session
        return verify_read_access(assume, buckets=self._buckets, prefixes=self._prefixes)

    def revoke(self) -> list[Change]:
        """Remove everything that the grant created, and nothing else.

        Returns:
            What was removed; empty if nothing was left.

        Raises:
            NotOurs: a resource with the grant's name was not created by xacct.
            ForeignAttachments: something that xacct did not create is attached, and prevents the removal.
            ApplyFailed: a step failed; call again to continue.
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
    tags: Mapping[str, str] | None = None,
    adopt: bool = False,
    on_event: OnEvent | None = None,
) -> CrossAccountAccess:
    """Allow the trusted account to read S3 in the trusting account through an IAM role, set up in both accounts.

    A second call with the same arguments changes nothing; with other arguments it changes only what differs. After a
    failure, the changes of the call are rolled back.

    Args:
        trusting: a session of the account that has the data.
        trusted: a session of the account that gets access.
        buckets: the buckets of the trusting account that can be read; empty for all buckets, with the managed policy
            AmazonS3ReadOnlyAccess. If a bucket is encrypted with a customer managed KMS key, the role can decrypt with
            that key.
        prefixes: the prefixes of the keys that can be read in each bucket; empty for all keys.
        role_name: the role's name.
        policy_name: the name of the policy that allows assuming the role.
        principals: the principals that can assume the role. The policy is attached to the users and roles of the
            trusted account among them. Empty for every principal of the trusted account that has the policy.
        console_user: a user to create in the trusted account, with the policy attached.
        external_id: the external ID that callers must send. The console cannot send one, so there is no switch-role
            link for the role.
        require_mfa: whether callers must have signed in with MFA.
        max_session_duration: the maximum length of a session, 3600 to 43200 seconds.
        tags: tags for the role, the policy and the console user; at most 40.
        adopt: whether to take over resources with these names that xacct did not create.
        on_event: called at the start and at the end of each step.

    Raises:
        InvalidValue: an argument is not valid; no call was made. Or a principal or a managed policy does not fit the
            accounts; nothing was changed.
        PolicyError: a policy would be longer than IAM allows; nothing was changed.
        WrongAccount: the sessions are of different partitions.
        NotOurs: a resource with one of these names was not created by xacct; nothing was changed.
        PermissionMissing: a session lacks a permission; says in which account, and which statement to add.
        ProofFailed: the grant would give more or less access than intended; nothing was changed.
        ApplyFailed: a step failed; says what was rolled back, what remains, and what to do next.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/tutorial_cross-account-with-roles.html

    >>> from xacct import grant_cross_account_read
    >>> from xacct.testing import Sandbox
    >>> with Sandbox(["111111111111", "222222222222"]) as aws:
    ...     production, development = (aws.account(name).session for name in ("111111111111", "222222222222"))
    ...     access = grant_cross_account_read(production, development)
    ...     print(access.role_arn, len(access.changes), access.verify().ok, len(access.revoke()))
    arn:aws:iam::111111111111:role/CrossAccountRoleS3 3 True 3
    """
    grant = _ReadGrant(
        buckets=buckets,
        prefixes=prefixes,
        role_name=role_name,
        policy_name=policy_name,
        principals=principals,
        console_user=console_user,
        external_id=external_id,
        require_mfa=require_mfa,
        max_session_duration=max_session_duration,
        tags=tags or {},
    )
    here, there = connect(trusting, trusted, Patience())
    trust = grant.trust_grant(here, there)
    dev_access = grant.dev_access_grant(trust, there)
    plan = plan_between((trust, dev_access), here, there, adopt=adopt)
    return CrossAccountAccess(
        trust=trust,
        dev_access=dev_access,
        changes=plan.apply(on_event=on_event),
        buckets=grant.buckets,
        prefixes=grant.prefixes,
        plan=plan,
        trusting=trusting,
        trusted=trusted,
        on_event=on_event,
    )


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


@frozen(kw_only=True)
class _ReadGrant:
    """The arguments of grant_cross_account_read, validated before the first call.

    Account ids and KMS keys are added when AWS has been asked for them.
    """

    buckets: tuple[str, ...] = field(converter=_buckets)
    prefixes: tuple[str, ...] = field(converter=_prefixes)
    role_name: str = field(validator=text(ENTITY_NAME))
    policy_name: str = field(validator=text(POLICY_NAME))
    principals: tuple[Principal, ...] = field(converter=_principals)
    console_user: ConsoleUser | None = field(validator=console_user_or_none)
    external_id: str | None = field(validator=text(EXTERNAL_ID))
    require_mfa: bool
    max_session_duration: int = field(validator=integer(MAX_SESSION_SECONDS, "seconds"))
    tags: Mapping[str, str] = field(validator=grant_tags)

    def __attrs_post_init__(self) -> None:
        if self.prefixes and not self.buckets:
            raise InvalidValue("prefixes", self.prefixes, "prefixes need buckets: name the buckets too")
        for principal in self.principals:
            check_trusted_principal(principal)

    def trust_grant(self, trusting: GrantAccount, trusted: GrantAccount) -> TrustGrant:
        """Return the grant of the trusting account. Reads the KMS keys of the buckets."""
        partition = trusting.partition
        managed = () if self.buckets else (str(Arn.managed_policy("AmazonS3ReadOnlyAccess", "/", partition)),)
        return TrustGrant(
            account=trusting.id,
            principals=self.principals or (Principal.account(trusted.id, partition),),
            managed_policy_arns=managed,
            policies={"S3Read": self._read_policy(trusting)} if self.buckets else {},
            role_name=self.role_name,
            tags=self.tags,
            external_id=self.external_id,
            require_mfa=self.require_mfa,
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
            account=trusted.id,
            role_arns=trust.role_arn,
            policy_name=self.policy_name,
            console_user=self.console_user,
            users=[arn.name for arn in arns if arn.resource_type == "user" and arn.name != created],
            roles=[arn.name for arn in arns if arn.resource_type == "role"],
            tags=self.tags,
            partition=trust.partition,
        )

    def _read_policy(self, trusting: GrantAccount) -> PolicyDocument:
        s3 = trusting.session.client("s3")
        keys = {bucket: _kms_key_arn(trusting, s3, bucket) for bucket in self.buckets}
        return s3_read_policy(
            self.buckets,
            self.prefixes,
            kms_keys={bucket: key for bucket, key in keys.items() if key is not None},
            partition=trusting.partition,
        )


def _kms_key_arn(account: GrantAccount, s3: S3Client, bucket: str) -> str | None:
    """Return the ARN of the KMS key that a bucket's default encryption names; None if it names none."""
    resource = str(Arn.bucket(bucket, account.partition))
    key = account.attempt(
        lambda: bucket_kms_key(s3, bucket), doing=f"reading the encryption of bucket {bucket}", resource=resource
    )
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
