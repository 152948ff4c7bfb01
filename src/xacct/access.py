"""Cross-account read access to S3 in one call, and what to do with it: use, verify, extend, revoke."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Literal, overload

from attrs import evolve, field, frozen

from xacct.console_user import ConsoleUser
from xacct.errors import InvalidValue
from xacct.events import OnEvent
from xacct.grant_account import GrantAccount, connect
from xacct.grants import POLICY_DESCRIPTION, ROLE_DESCRIPTION, DevAccessGrant, TrustGrant
from xacct.linter import documents_of_aws
from xacct.policy import Principal
from xacct.read_grant import ReadGrant, external_id_notes
from xacct.reconcile.evidence import accepted_names
from xacct.reconcile.later_ends import plan_with_later_ends
from xacct.reconcile.plan import Plan, plan_between
from xacct.recorded_grants import dev_access_grant_of, only_record, trust_grant_of
from xacct.resources.step import Change
from xacct.retry import Patience
from xacct.revoked_sessions import end_sessions
from xacct.s3_locations import S3Locations, locations_in
from xacct.session.assume import assume_role
from xacct.session.profile import profile_block
from xacct.switch_role import SwitchRoleLink
from xacct.verification import Verification, verify_read_access

if TYPE_CHECKING:
    import boto3

__all__ = ["CrossAccountAccess", "grant_cross_account_read", "load_access"]


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
    _locations: S3Locations = field(alias="locations", repr=False)
    _display_name: str | None = field(alias="display_name", default=None, repr=False)
    _color: str | None = field(alias="color", default=None, repr=False)
    _plan: Plan = field(alias="plan", repr=False, eq=False)
    _trusting: GrantAccount = field(alias="trusting", repr=False, eq=False)
    _trusted: GrantAccount = field(alias="trusted", repr=False, eq=False)
    _accepted: frozenset[str] = field(alias="accepted", default=frozenset(), repr=False, eq=False)
    _on_event: OnEvent | None = field(alias="on_event", default=None, repr=False, eq=False)

    @property
    def name(self) -> str:
        """The grant's name."""
        return self.trust.name

    @property
    def expires(self) -> datetime | None:
        """When the access ends; None if it has no end."""
        return self.trust.expires

    @property
    def drift(self) -> tuple[Change, ...]:
        """Everything on the grant's resources that the grant does not want. Reads both accounts now.

        What xacct did not put there has the action ``leave``: applying the grant again does not change it.

        Raises:
            AwsError: a read failed.
        """
        return self._plan.drift

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
        return ReadGrant(display_name=self._display_name, color=self._color).switch_role_link(self.trust)

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
            self._trusted.session,
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
        return verify_read_access(
            assume,
            buckets=self._locations.buckets,
            prefixes=self._locations.prefixes,
            versions=self._locations.versions,
            needs_mfa=self.trust.needs_mfa,
            other_buckets=self._all_buckets,
            extra=self._extra_permissions,
        )

    def _all_buckets(self) -> Sequence[str]:
        pages = self._trusting.session.client("s3").get_paginator("list_buckets").paginate()
        return [bucket["Name"] for page in pages for bucket in page["Buckets"]]

    def _extra_permissions(self) -> Sequence[str]:
        """Return what the trusting account has on the role that the grant does not want."""
        return [str(change) for change in self.drift if change.side == "trusting" and "policy" in change.resource]

    def extend(self, expires: datetime, *, accept: Iterable[str] = ()) -> CrossAccountAccess:
        """Let the access end later, in both accounts.

        Args:
            expires: the new end; a datetime with a time zone, later than the present end. If the grant was extended
                elsewhere and ends later by now, it keeps the later end.
            accept: as for :func:`xacct.grant_cross_account_read`, in addition to what was accepted there.

        Returns:
            The access with the new end.

        Raises:
            InvalidValue: the access has no end, or the new end is not later. To end access early, call `revoke`.
            ProofNotDecided: the proof is not decided, such as because the trusting session may not read a managed
                policy, and the check was not accepted; nothing was changed.
            ApplyFailed: a step failed; says what was rolled back, what remains, and what to do next.

        >>> from datetime import datetime, timedelta, timezone
        >>> from xacct.testing import Sandbox
        >>> with Sandbox(["111111111111", "222222222222"]) as aws:
        ...     production, development = (aws.account(name).session for name in ("111111111111", "222222222222"))
        ...     end = datetime(2099, 1, 31, tzinfo=timezone.utc)
        ...     access = grant_cross_account_read(production, development, expires=end)
        ...     print(access.extend(end + timedelta(days=7)).expires)
        2099-02-07 00:00:00+00:00
        """
        if self.expires is None:
            raise InvalidValue("expires", expires, "this access has no end, so it cannot be extended")
        with documents_of_aws():
            trust, dev_access = evolve(self.trust, expires=expires), evolve(self.dev_access, expires=expires)
        if expires <= self.expires:
            rule = f"later than the present end, {self.expires.isoformat()}; to end access early, call revoke()"
            raise InvalidValue("expires", expires.isoformat(), rule)
        accepted = self._accepted | accepted_names(accept)
        ((trust, dev_access),), plan = plan_with_later_ends([(trust, dev_access)], self._trusting, self._trusted)
        changes = plan.apply(accept=accepted, on_event=self._on_event)
        return evolve(self, trust=trust, dev_access=dev_access, changes=changes, plan=plan, accepted=accepted)

    def end_sessions(self, now: datetime | None = None) -> Change:
        """Deny every request of the sessions that were started before now. New sessions can be started.

        The role gets the inline policy that the console's "Revoke active sessions" puts on it.

        Args:
            now: sessions that were started before this time are ended; a datetime with a time zone. By default the
                current time.

        Returns:
            The change of the role.

        Raises:
            AwsError: AWS refused.

        Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_revoke-sessions.html
        """
        return end_sessions(self._trusting, self.trust.role_name, now or datetime.now(timezone.utc))

    def revoke(self, *, on_event: OnEvent | None = None) -> list[Change]:
        """Remove everything that the grant created, and nothing else.

        Args:
            on_event: called for each step as it starts and ends; by default the callback that granting got.

        Returns:
            What was removed; empty if nothing was left.

        Raises:
            NotOurs: a resource with the grant's name was not created by xacct.
            ForeignAttachments: something that xacct did not create is attached, and prevents the removal.
            ApplyFailed: a step failed; call again to continue.
        """
        return list(self._plan.destroy(on_event=on_event or self._on_event))


@overload
def grant_cross_account_read(
    trusting: boto3.Session,
    trusted: boto3.Session,
    *,
    name: str | None = None,
    buckets: Iterable[str] = (),
    prefixes: Iterable[str] = (),
    versions: bool = False,
    role_name: str = "CrossAccountRoleS3",
    policy_name: str = "CrossAccountPolicy",
    path: str = "/",
    description: str = ROLE_DESCRIPTION,
    policy_description: str = POLICY_DESCRIPTION,
    principals: Iterable[Principal | str] = (),
    groups: Iterable[str] = (),
    console_user: ConsoleUser | None = None,
    external_id: str | None = None,
    third_party: bool | None = None,
    require_mfa: bool = False,
    organization_id: str | None = None,
    source_ips: Iterable[str] = (),
    expires: datetime | None = None,
    max_session_duration: int = 3600,
    permissions_boundary: str | None = None,
    display_name: str | None = None,
    color: str | None = None,
    tags: Mapping[str, str] | None = None,
    adopt: bool = False,
    accept: Iterable[str] = (),
    dry_run: Literal[False] = False,
    on_event: OnEvent | None = None,
) -> CrossAccountAccess: ...


@overload
def grant_cross_account_read(
    trusting: boto3.Session,
    trusted: boto3.Session,
    *,
    name: str | None = None,
    buckets: Iterable[str] = (),
    prefixes: Iterable[str] = (),
    versions: bool = False,
    role_name: str = "CrossAccountRoleS3",
    policy_name: str = "CrossAccountPolicy",
    path: str = "/",
    description: str = ROLE_DESCRIPTION,
    policy_description: str = POLICY_DESCRIPTION,
    principals: Iterable[Principal | str] = (),
    groups: Iterable[str] = (),
    console_user: ConsoleUser | None = None,
    external_id: str | None = None,
    third_party: bool | None = None,
    require_mfa: bool = False,
    organization_id: str | None = None,
    source_ips: Iterable[str] = (),
    expires: datetime | None = None,
    max_session_duration: int = 3600,
    permissions_boundary: str | None = None,
    display_name: str | None = None,
    color: str | None = None,
    tags: Mapping[str, str] | None = None,
    adopt: bool = False,
    accept: Iterable[str] = (),
    dry_run: Literal[True],
    on_event: OnEvent | None = None,
) -> Plan: ...


def grant_cross_account_read(
    trusting: boto3.Session,
    trusted: boto3.Session,
    *,
    name: str | None = None,
    buckets: Iterable[str] = (),
    prefixes: Iterable[str] = (),
    versions: bool = False,
    role_name: str = "CrossAccountRoleS3",
    policy_name: str = "CrossAccountPolicy",
    path: str = "/",
    description: str = ROLE_DESCRIPTION,
    policy_description: str = POLICY_DESCRIPTION,
    principals: Iterable[Principal | str] = (),
    groups: Iterable[str] = (),
    console_user: ConsoleUser | None = None,
    external_id: str | None = None,
    third_party: bool | None = None,
    require_mfa: bool = False,
    organization_id: str | None = None,
    source_ips: Iterable[str] = (),
    expires: datetime | None = None,
    max_session_duration: int = 3600,
    permissions_boundary: str | None = None,
    display_name: str | None = None,
    color: str | None = None,
    tags: Mapping[str, str] | None = None,
    adopt: bool = False,
    accept: Iterable[str] = (),
    dry_run: bool = False,
    on_event: OnEvent | None = None,
) -> CrossAccountAccess | Plan:
    """Allow the trusted account to read S3 in the trusting account through an IAM role, set up in both accounts.

    A second call with the same arguments changes nothing; with other arguments it changes only what differs. After a
    failure, the changes of the call are rolled back.

    Args:
        trusting: a session of the account that has the data.
        trusted: a session of the account that gets access.
        name: the grant's name, by which it is found later; by default the role's name and the trusted account's id.
        buckets: the buckets of the trusting account that can be read; empty for all buckets, with the managed policy
            AmazonS3ReadOnlyAccess. If a bucket is encrypted with a customer managed KMS key, the role can decrypt with
            that key.
        prefixes: the prefixes of the keys that can be read in each bucket; empty for all keys.
        versions: whether old versions of objects, and tags, can be read in the named buckets too.
        role_name: the role's name.
        policy_name: the name of the policy that allows assuming the role.
        path: the path of the role and of the policy.
        description: the role's description; at most 1000 characters.
        policy_description: the policy's description; at most 1000 characters. AWS cannot change it later.
        principals: the principals of the trusted account that can assume the role. The policy is attached to the users
            and roles among them. Empty for every principal of the trusted account that has the policy.
        groups: the names of groups of the trusted account that get the policy.
        console_user: a user to create in the trusted account, with the policy attached. Several grants can name the
            same user; the password is that of the first.
        external_id: the external ID that callers must send. The console cannot send one, so there is no switch-role
            link for the role.
        third_party: whether the trusted account belongs to somebody else; then an external ID is required. None if it
            does when it is outside the trusting account's organization, as far as both sessions may read that.
        require_mfa: whether callers must have signed in with MFA.
        organization_id: the id of the AWS organization that callers must belong to.
        source_ips: IP networks from which the role can be assumed, in CIDR notation.
        expires: the time after which IAM denies new sessions; a datetime with a time zone. If the grant exists and ends
            later, it keeps the later end.
        max_session_duration: the maximum length of a session, 3600 to 43200 seconds.
        permissions_boundary: the ARN of the managed policy that is the role's permissions boundary.
        display_name: the name that the console shows after switching to the role; by default the role's name.
        color: the color of that name; see :class:`SwitchRoleLink`.
        tags: tags for the role, the policy and the console user; at most 40.
        adopt: whether to take over resources with these names that xacct did not create, or that belong to another
            grant.
        accept: the names of checks of the proof that are accepted although they are not decided, such as ``policy
            arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess`` if the trusting session may not read that policy. See
            `Plan.apply`, to which they are passed for a plan of ``dry_run=True``.
        dry_run: whether to return the plan without applying it.
        on_event: called at the start and at the end of each step.

    Returns:
        The access; with ``dry_run=True`` the plan.

    Raises:
        InvalidValue: an argument is not valid; no call was made. Or a principal or a managed policy does not fit the
            accounts; nothing was changed.
        PolicyError: a policy would be longer than IAM allows; nothing was changed.
        WrongAccount: the sessions are of different partitions.
        NotOurs: a resource with one of these names was not created by xacct; nothing was changed.
        GrantConflict: a resource with one of these names belongs to another grant; nothing was changed.
        CannotChange: a resource differs in something that AWS cannot change; nothing was changed.
        PermissionMissing: a session lacks a permission; says in which account, and which statement to add.
        ProofFailed: the grant would give more or less access than intended; nothing was changed.
        ProofNotDecided: the proof is not decided, such as because the trusting session may not read a managed policy,
            and ``accept`` does not name the check; nothing was changed.
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
    request = ReadGrant(
        name=name,
        buckets=buckets,
        prefixes=prefixes,
        versions=versions,
        role_name=role_name,
        policy_name=policy_name,
        path=path,
        description=description,
        policy_description=policy_description,
        principals=principals,
        groups=groups,
        console_user=console_user,
        external_id=external_id,
        third_party=third_party,
        require_mfa=require_mfa,
        organization_id=organization_id,
        source_ips=source_ips,
        expires=expires,
        max_session_duration=max_session_duration,
        permissions_boundary=permissions_boundary,
        display_name=display_name,
        color=color,
        tags=tags,
    )
    accepted = accepted_names(accept)
    here, there = connect(trusting, trusted, Patience())
    trust = request.trust_grant(here, there)
    dev_access = request.dev_access_grant(trust, there)
    notes = external_id_notes(here, [trust])
    ((trust, dev_access),), plan = plan_with_later_ends([(trust, dev_access)], here, there, adopt=adopt, notes=notes)
    if dry_run:
        return plan
    return CrossAccountAccess(
        trust=trust,
        dev_access=dev_access,
        changes=plan.apply(accept=accepted, on_event=on_event),
        locations=S3Locations(request.buckets, request.prefixes, request.versions),
        display_name=display_name,
        color=color,
        plan=plan,
        trusting=here,
        trusted=there,
        accepted=accepted,
        on_event=on_event,
    )


def load_access(trusting: boto3.Session, trusted: boto3.Session, name: str) -> CrossAccountAccess:
    """Return the access of an existing grant by its name, to use, verify, extend and revoke.

    The grant is rebuilt from what both accounts have, so the arguments that it was made with are not needed. Reads the
    IAM of both accounts in pages.

    Args:
        trusting: a session of the account that has the data.
        trusted: a session of the account that has access.
        name: the grant's name, as :func:`xacct.grants_in` lists it.

    Raises:
        InvalidValue: an account has no grant of this name with the other account, or more than one.
        CannotExpress: a resource of the grant was changed by hand into something that no grant can express.
        AwsError: a read failed.

    >>> from xacct.testing import Sandbox
    >>> with Sandbox(["111111111111", "222222222222"]) as aws:
    ...     production, development = (aws.account(name).session for name in ("111111111111", "222222222222"))
    ...     granted = grant_cross_account_read(production, development, name="reports")
    ...     access = load_access(production, development, "reports")
    ...     print(access.role_arn, access.trust == granted.trust, len(access.revoke()))
    arn:aws:iam::111111111111:role/CrossAccountRoleS3 True 3
    """
    here, there = connect(trusting, trusted, Patience())
    role = only_record(here, name, there.id)
    policy = only_record(there, name, here.id)
    trust, dev_access = trust_grant_of(here, role), dev_access_grant_of(there, policy)
    locations = [found for document in trust.policies.values() if (found := locations_in(document)) is not None]
    plan = plan_between((trust, dev_access), here, there, adopt=False)
    return CrossAccountAccess(
        trust=trust,
        dev_access=dev_access,
        changes=(),
        locations=locations[0] if locations else S3Locations(),
        plan=plan,
        trusting=here,
        trusted=there,
    )
