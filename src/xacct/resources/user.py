"""The console user in the trusted account."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from attrs import evolve, field, frozen

from xacct.arn import Arn
from xacct.concurrency import run_concurrently
from xacct.console_user import ConsoleUser, Secret
from xacct.errors import AwsError, ForeignAttachments, XacctError
from xacct.grants import DevAccessGrant
from xacct.resources.account_listing import AccountListing, attached_arns
from xacct.resources.attachment import Attachment
from xacct.resources.login_profile import delete_password, set_password
from xacct.resources.managed_policy import ManagedPolicy
from xacct.resources.ownership_tags import (
    RUN_TAG,
    GrantIdentity,
    UserRecord,
    dropped_tags,
    record_of_only_grant,
    tags_from_list,
    tags_to_list,
    user_records,
    user_tags,
    with_recorded,
    without_run,
)
from xacct.resources.passwords import Passwords
from xacct.resources.resource import Purpose, Resource
from xacct.resources.run_timing import clock, is_recent_read, seconds_to_wait
from xacct.resources.step import Change, Step
from xacct.resources.user_sharing import has_own_policy, is_policy_of
from xacct.retry import none_if_missing, not_visible_yet

if TYPE_CHECKING:
    from mypy_boto3_iam.type_defs import UserDetailTypeDef, UserTypeDef

__all__ = ["User", "UserState"]


@frozen(kw_only=True)
class UserState:
    """What was read of the user.

    Attributes:
        created: when the user was created.
        tags: the tags.
        attached: the ARNs of the attached managed policies.
        has_password: whether the user has a console password, or had one when xacct attached the policies.
        boundary: the ARN of the permissions boundary.
        belongings: what else prevents a deletion, such as ``access key AKIA…``; read for a removal and for drift only.
        read_at: the time in seconds before the read; minus infinity if it is not known.
    """

    created: datetime
    tags: Mapping[str, str]
    attached: tuple[str, ...]
    has_password: bool
    boundary: str | None = None
    belongings: tuple[str, ...] = ()
    read_at: float = field(default=float("-inf"), eq=False, repr=False)


@frozen(kw_only=True)
class User(Resource[UserState]):
    """The console user that a DevAccessGrant declares.

    Several grants can name the same user. Each attaches and detaches its own policies, and the last one that is removed
    deletes the user.

    Args:
        grant: the grant.
        user: the console user.
        policy_key: the key of the step that creates the grant's policy.
        passwords: the console passwords.
        created_by_other: whether the steps of another grant of the plan create the user, if it does not exist.
        others_in_plan: the names of the policies of the other grants of the plan that use the user.
        former_policies: the names of the policies that the grant had before, which the user does not keep.
    """

    grant: DevAccessGrant
    user: ConsoleUser
    policy_key: str
    passwords: Passwords = field(repr=False)
    created_by_other: bool = False
    others_in_plan: frozenset[str] = frozenset()
    former_policies: frozenset[str] = frozenset()

    @classmethod
    def of(cls, policy: ManagedPolicy, user: ConsoleUser, passwords: Passwords) -> User:
        """Return a console user of the grant of a policy."""
        return cls(account=policy.account, grant=policy.grant, user=user, policy_key=policy.key, passwords=passwords)

    @property
    def label(self) -> str:
        """The user's kind and name."""
        return f"user {self.user.name}"

    @property
    def arn(self) -> str:
        """The user's ARN."""
        return str(Arn.user(self.account.id, self.user.name, partition=self.account.partition))

    @property
    def identity(self) -> GrantIdentity:
        """The grant that declares the user."""
        return GrantIdentity.of(self.grant)

    def owner(self, tags: Mapping[str, str]) -> GrantIdentity | None:  # noqa: ARG002 - the same for all tags
        """Return None: any grant may use a console user of xacct."""
        return None

    @property
    def _declared_policies(self) -> tuple[str, ...]:
        return (*self.user.managed_policy_arns, self.grant.policy_arn)

    @property
    def _record(self) -> UserRecord:
        return UserRecord.of(self.grant.policy_name, self._declared_policies)

    def _own_record(self, state: UserState) -> UserRecord:
        """Return what this grant attached, as far as it is recorded."""
        records = (record for record in user_records(state.tags) if record.policy_name == self.grant.policy_name)
        own = next(records, record_of_only_grant(self.grant.policy_name, self.grant.policy_arn, state.tags))
        for former in self._former_records(state):
            own = own.merged_with(former)
        return own

    def _former_records(self, state: UserState) -> list[UserRecord]:
        """Return what the grant attached under other names of its policy."""
        return [record for record in user_records(state.tags) if record.policy_name in self.former_policies]

    def _other_records(self, state: UserState) -> list[UserRecord]:
        """Return what the other grants that use the user attached."""
        own = {self.grant.policy_name, *self.former_policies}
        return [record for record in user_records(state.tags) if record.policy_name not in own]

    def _remaining_records(self, state: UserState) -> list[UserRecord]:
        """Return what the grants attached that use the user after the plan's grants are removed."""
        return [record for record in self._other_records(state) if record.policy_name not in self.others_in_plan]

    # Reading

    def _read(self, purpose: Purpose) -> UserState | None:
        """Read the user; return None if it does not exist.

        For a removal and for drift, everything that belongs to the user is read, and not whether there is a password.
        """
        began = clock()
        user = self.attempt(self._find, "reading")
        if user is None:
            return None
        everything = purpose in ("remove", "drift")
        attached, *belongings = run_concurrently(
            lambda: self._list("list_attached_user_policies", "AttachedPolicies", "PolicyArn"),
            *(self._belongings(signed_in="PasswordLastUsed" in user) if everything else ()),
        )
        # Sorted, because reads of the same policies are compared, and IAM documents no order.
        state = self._state(user, sorted(attached), [text for texts in belongings for text in texts])
        state = evolve(state, read_at=began)
        return state if everything else self._with_password(state)

    def read_listed(self, listing: AccountListing, purpose: Purpose = "plan") -> UserState | None:
        """Do what `read` does, with what the account's listing has. It does not have what prevents a deletion."""
        user = listing.users.get(self.user.name)
        if user is None:
            return None
        if purpose in ("remove", "drift"):
            return self.read(purpose)
        return self._with_password(self._state(user, attached_arns(user), ()))

    def _state(
        self, user: UserTypeDef | UserDetailTypeDef, attached: Iterable[str], belongings: Iterable[str]
    ) -> UserState:
        return UserState(
            created=user["CreateDate"],
            tags=tags_from_list(user.get("Tags", [])),
            attached=tuple(attached),
            has_password=True,
            boundary=user.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn"),
            belongings=tuple(belongings),
        )

    def _with_password(self, state: UserState) -> UserState:
        # The password is set before the policies are attached. If all of them are attached and there is no password,
        # it was deleted on purpose, and a rerun must not set another.
        complete = set(self._declared_policies) <= set(state.attached)
        return evolve(
            state, has_password=complete or self.attempt(self._has_password, "reading the console password of")
        )

    def foreign_attachments(self, state: UserState) -> list[str]:
        """Return the policies and belongings of the user that xacct did not create, if the user is to be deleted."""
        return [] if self._remaining_records(state) else self._foreign_things(state)

    def _foreign_things(self, state: UserState) -> list[str]:
        known = (self._record, self._own_record(state), *user_records(state.tags))
        policies = [
            f"policy {arn} on {self.label}" for arn in state.attached if not any(record.has(arn) for record in known)
        ]
        return policies + [f"{text} of {self.label}" for text in state.belongings]

    def drift(self, state: UserState) -> list[Change]:
        """Return the policies, the belongings, the boundary and the tags that xacct did not add to the user."""
        found = super().drift(state)
        if state.boundary is not None:
            found.append(self._left(f"permissions boundary {state.boundary} on {self.label}", state.boundary))
        return found

    def not_applied(self, state: UserState) -> list[str]:
        """Return that the grant's password is not set, if the user has one. AWS does not tell whether it differs."""
        if self.user.hidden_password is None or not state.has_password:
            return []
        name = self.user.name
        text = (
            f"the password of {self.label} in account {self.account.id}: the user exists already, and xacct does not "
            f"change a password. To change it, run: aws iam update-login-profile --user-name {name} --password ..."
        )
        return [text]

    def refuse_unchangeable(self, state: UserState) -> None:
        """Do nothing: AWS can change everything that a grant declares of a user."""

    def is_used(self, state: UserState) -> bool:
        """Return whether the grant uses the user already."""
        return not self._joins(state)

    def is_complete(self, state: UserState) -> bool:
        """Return whether everything that the last run was to attach is attached."""
        recorded = {digest for record in user_records(state.tags) for digest in record.digests}
        return recorded <= UserRecord.of(self.grant.policy_name, state.attached).digests

    def _comparable(self, state: UserState, planned: UserState) -> UserState:
        # Of other grants, a plan of one that begins to use the user concerns only what they had.
        in_plan = {self.grant.policy_name, *self.others_in_plan}
        known = {record.policy_name for record in user_records(planned.tags)}
        added = [
            record
            for record in user_records(state.tags)
            if record.policy_name not in known and (self._joins(planned) or record.policy_name in in_plan)
        ]
        keys = {record.key for record in added}
        attached = [
            arn for arn in state.attached if arn in planned.attached or not any(record.has(arn) for record in added)
        ]
        tags = {key: text for key, text in without_run(state.tags).items() if key not in keys}
        return evolve(state, tags=tags, attached=tuple(attached))

    def _find(self) -> UserTypeDef | None:
        return none_if_missing(lambda: self.account.iam.get_user(UserName=self.user.name)["User"])

    def _has_password(self) -> bool:
        iam, name = self.account.iam, self.user.name
        return none_if_missing(lambda: iam.get_login_profile(UserName=name)) is not None

    def _list(self, operation: str, key: str, member: str | None, prefix: str = "") -> list[str]:
        def call() -> list[str]:
            iam, name = self.account.iam, self.user.name
            if iam.can_paginate(operation):
                pages = list(iam.get_paginator(operation).paginate(UserName=name))  # type: ignore[call-overload]
            else:
                pages = [getattr(iam, operation)(UserName=name)]
            return [f"{prefix}{item[member] if member else item}" for page in pages for item in page[key]]

        def is_transient(error: BaseException) -> bool:
            # Another run may have deleted the user since it was found.
            return not_visible_yet(error) and self.attempt(self._find, "reading") is not None

        return self.attempt(call, "reading what belongs to", is_transient)

    def _belongings(self, *, signed_in: bool) -> list[Callable[[], list[str]]]:
        """Return the reads that find what prevents a deletion.

        Args:
            signed_in: whether to include what users create themselves. A user who never signed in rarely has any, and
                a refused deletion reads it anyway.
        """
        lists: list[tuple[str, str, str | None, str]] = [
            ("list_user_policies", "PolicyNames", None, "inline policy "),
            ("list_access_keys", "AccessKeyMetadata", "AccessKeyId", "access key "),
            ("list_groups_for_user", "Groups", "GroupName", "membership in group "),
        ]
        if signed_in:
            lists += [
                ("list_mfa_devices", "MFADevices", "SerialNumber", "MFA device "),
                ("list_signing_certificates", "Certificates", "CertificateId", "signing certificate "),
                ("list_ssh_public_keys", "SSHPublicKeys", "SSHPublicKeyId", "SSH key "),
                (
                    "list_service_specific_credentials",
                    "ServiceSpecificCredentials",
                    "ServiceSpecificCredentialId",
                    "service-specific credential ",
                ),
            ]
        return [partial(self._list, *entry) for entry in lists]

    def _current_tags(self) -> Mapping[str, str] | None:
        user = self._find()
        return None if user is None else tags_from_list(user.get("Tags", []))

    # Claiming

    def _joins(self, planned: UserState) -> bool:
        """Return whether the grant begins to use a user that other grants use, or resumes a run that began it."""
        if not self._other_records(planned):
            return False
        own = [UserRecord.of(name, ()).key for name in (self.grant.policy_name, *self.former_policies)]
        is_complete = self.grant.policy_arn in planned.attached or self.recent_run(planned.tags) is None
        return not (is_complete and any(key in planned.tags for key in own))

    def step_to_claim(self, planned: UserState) -> Step:
        """Return the step that claims the user; of the grants that begin to use it, each has a step of its own."""
        step = super().step_to_claim(planned)
        return evolve(step, key=f"{step.key} for {self.grant.policy_name}") if self._joins(planned) else step

    def _claim(self, planned: UserState) -> None:
        if not self._joins(planned):
            super()._claim(planned)
            return
        try:
            record = self._own_record(planned).merged_with(self._record)
            self._mark(**{record.key: record.value})
            self.account.patience.sleep(seconds_to_wait(self.account.patience))
            super()._claim(planned)
            self._refuse_unused(planned)
        except XacctError:
            self._withdraw(planned)
            raise

    def _withdraw(self, planned: UserState) -> None:
        """Take the record back, unless another run of the same grant has begun to use the user."""
        state = self.read("recheck")
        if state is None:
            return
        if state.tags.get(RUN_TAG) in (self.run.tag, self.seen_run):
            self._undo_claim(planned)
        elif self.grant.policy_arn not in state.attached:
            self._restore_tags({}, self._added_records(planned))

    def _undo_claim(self, planned: UserState) -> None:
        super()._undo_claim(planned)
        self._restore_tags({}, self._added_records(planned))

    def _added_records(self, planned: UserState) -> list[str]:
        key = self._record.key
        return [key] if self._joins(planned) and key not in planned.tags else []

    def _refuse_unused(self, planned: UserState) -> None:
        others = self._other_records(planned)
        is_used = any(has_own_policy(record, planned.attached) for record in others)
        if self._remaining_records(planned) and not is_used:
            names = ", ".join(sorted(record.policy_name for record in others))
            raise XacctError(
                f"{self.label} in account {self.account.id} has none of the policies of the grants that use it: "
                f"{names}. Another run may be removing or adding them: wait for it, and run again. If no run is in "
                "progress, apply or revoke one of those grants first"
            )

    # Applying

    def steps_to_apply(self, state: UserState | None) -> list[Step]:
        """Return the steps from a state to what the grant declares."""
        if state is None and self.created_by_other:
            return self._steps_to_join()
        if state is None:
            first_password = self._step_to_set_password({self.key})
            attach = self._steps_to_attach(self._declared_policies, {first_password.key}, new=True)
            return [self.step_to_create(), first_password, *attach]
        # First everything is recorded that is or will be attached. At the end what was detached leaves the record.
        wanted = self._tags(state)
        record = self._own_record(state).merged_with(self._record)
        recorded = with_recorded({**wanted, record.key: record.value}, state.tags)
        tag = self.steps_to_tag(state.tags, recorded)
        # A password that another grant, or this one under another name of its policy, was to set is left as it is.
        is_new = not self._other_records(state) and not self._former_records(state)
        lacks_password = not state.has_password and is_new
        set_password = [self._step_to_set_password(())] if lacks_password else []
        missing = [arn for arn in self._declared_policies if arn not in state.attached]
        attach = self._steps_to_attach(missing, {step.key for step in (*tag, *set_password)})
        detach = self._steps_to_detach(self._outdated(state))
        forget = self.steps_to_tag(recorded, wanted, part="record", after={step.key for step in (*tag, *detach)})
        done = {step.key for step in (*tag, *detach)}
        former = [s for r in self._former_records(state) for s in self._steps_to_forget(r, state, after=done)]
        return [*tag, *set_password, *attach, *detach, *forget, *former]

    def _steps_to_join(self) -> list[Step]:
        """Return the steps that add the grant to a user that another grant of the plan creates."""
        record = {**self.grant.tags, self._record.key: self._record.value}
        (tag,) = self.steps_to_tag({}, record, part=f"record of {self.grant.policy_name}", after={self.key})
        return [tag, *self._steps_to_attach(self._declared_policies, {tag.key, f"{self.key} sign-in"}, new=True)]

    def _outdated(self, state: UserState) -> list[str]:
        return [arn for arn in self._own_policies(state) if arn not in self._declared_policies]

    def _own_policies(self, state: UserState) -> list[str]:
        """Return the attached policies that only this grant needs or needed."""
        own, others = self._own_record(state).merged_with(self._record), self._other_records(state)
        return [arn for arn in state.attached if own.has(arn) and not any(record.has(arn) for record in others)]

    def _tags(self, state: UserState | None) -> dict[str, str]:
        if state is None:
            return user_tags(self._record, self.run, tags=self.grant.tags)
        if not self._other_records(state):
            return user_tags(self._record, self.run, tags=self.grant.tags, observed=state.tags, created=state.created)
        # On a shared user the tags of the other grants stay as they are.
        tags = {key: state.tags.get(key, value) for key, value in self.grant.tags.items()}
        own = user_tags(self._record, self.run, tags=tags, observed=state.tags, created=state.created)
        kept = {key: state.tags[key] for key in dropped_tags(state.tags, own) if not key.startswith("xacct:")}
        return {**kept, **with_recorded(own, state.tags)}

    def _steps_to_attach(self, arns: Iterable[str], after: set[str], *, new: bool = False) -> list[Step]:
        return [self.guarded(self._step_to_attach(arn, after, new=new)) for arn in arns]

    def _step_to_attach(self, arn: str, after: set[str], *, new: bool) -> Step:
        # The same run may create the grant's policy.
        is_own = arn == self.grant.policy_arn
        after = {*after, self.policy_key} if is_own else after
        return self._attachment(arn).step_to_attach(after, new_policy=is_own, new_principal=new)

    def _steps_to_detach(self, arns: Iterable[str], after: Iterable[str] = ()) -> list[Step]:
        return [self.guarded(self._attachment(arn).step_to_detach(after)) for arn in arns]

    def _attachment(self, arn: str) -> Attachment:
        return Attachment(account=self.account, kind="user", name=self.user.name, policy_arn=arn)

    def _request_creation(self) -> None:
        self.account.iam.create_user(UserName=self.user.name, Tags=tags_to_list(self._tags(None)))

    def _request_tagging(self, tags: Mapping[str, str]) -> None:
        self.account.iam.tag_user(UserName=self.user.name, Tags=tags_to_list(tags))

    def _request_untagging(self, keys: list[str]) -> None:
        self.account.iam.untag_user(UserName=self.user.name, TagKeys=keys)

    # Console password

    def _step_to_set_password(self, after: Iterable[str]) -> Step:
        return self.step(
            "create",
            "setting the console password of",
            self._set_password,
            self._delete_password,
            key=f"{self.key} sign-in",
            after=after,
            resource=f"console sign-in of {self.label}",
        )

    def _set_password(self) -> None:
        try:
            self._try_to_set(self.passwords.password_for(self.user))
        except AwsError as error:
            if error.code != "PasswordPolicyViolation" or self.user.hidden_password is not None:
                raise
            self._try_to_set(self.passwords.generate_longer(self.user))

    def _try_to_set(self, password: Secret) -> None:
        set_password(
            self.account,
            name=self.user.name,
            label=self.label,
            arn=self.arn,
            password=password,
            reset_required=self.user.password_reset_required,
        )

    def _delete_password(self) -> None:
        delete_password(self.account, name=self.user.name, label=self.label, arn=self.arn)

    # Removing

    def steps_to_remove(self, state: UserState) -> list[Step]:
        """Return the steps that detach every policy and delete the console password and the user.

        If other grants use the user, only what this grant attached is detached, and the user stays. The grant's own
        policy comes first, so that a grant that begins to use the user meanwhile notices the removal.
        """
        is_shared = bool(self._remaining_records(state))
        attached = self._own_policies(state) if is_shared else state.attached
        own = [arn for arn in attached if self._is_own_policy(arn, state)]
        # Attaching it again is right even if another grant has marked the user since.
        leave = [self._attachment(arn).step_to_detach() for arn in own]
        check = self._step_to_check_use(state, after={step.key for step in leave})
        detach = self._steps_to_detach([arn for arn in attached if arn not in own], {check.key})
        done = {check.key, *(step.key for step in detach)}
        if is_shared:
            records = [self._record, *self._former_records(state)]
            forget = [step for record in records for step in self._steps_to_forget(record, state, after=done)]
            return [*leave, check, *detach, *forget]
        delete_password = self.step(
            "delete",
            "deleting the console password of",
            self._delete_password,
            key=f"{self.key} sign-in",
            after={check.key},
            resource=f"console sign-in of {self.label}",
        )
        return [*leave, check, *detach, delete_password, self.step_to_delete(after={*done, delete_password.key})]

    def _is_own_policy(self, arn: str, state: UserState) -> bool:
        """Return whether a policy is the own one of a grant that leaves the user."""
        remaining = self._remaining_records(state)
        leaving = [record for record in user_records(state.tags) if record not in remaining]
        return arn == self.grant.policy_arn or any(is_policy_of(record, arn) for record in leaving)

    def _step_to_check_use(self, state: UserState, *, after: set[str]) -> Step:
        return Step(
            key=f"{self.key} use by grants other than {self.grant.policy_name}",
            account=self.account,
            what=f"checking that no other grant has begun to use {self.label}",
            run=lambda: self._check_use(state),
            after=frozenset(after),
        )

    def _check_use(self, state: UserState) -> None:
        if is_recent_read(state.read_at, self.account.patience):
            return
        tags = self.attempt(self._current_tags, "reading")
        if tags is None:
            return
        if not self._is_unchanged(tags, state):
            raise XacctError(
                f"another run has begun to use or to change {self.label} in account {self.account.id}, so it keeps its "
                "password and its other policies. Wait for that run, and run again"
            )

    def _is_unchanged(self, tags: Mapping[str, str], state: UserState) -> bool:
        remaining = self._remaining_records(evolve(state, tags=tags))
        return super()._is_unchanged(tags, state) and remaining == self._remaining_records(state)

    def _steps_to_forget(self, record: UserRecord, state: UserState, *, after: set[str]) -> list[Step]:
        key = record.key
        if key not in state.tags:
            return []
        return [
            self.step(
                "update",
                "tagging",
                lambda: self.attempt(lambda: self._request_untagging([key]), "tagging"),
                key=f"{self.key} record of {record.policy_name}",
                after=after,
                resource=f"tags of {self.label}",
                detail=f"- {key}={state.tags[key]}",
            )
        ]

    def _request_deletion(self) -> None:
        self.account.iam.delete_user(UserName=self.user.name)

    def _resolve_conflict(self) -> None:
        # One after the other: in threads, they could wait for calls that wait for them (see GrantAccount.attempt).
        found = [text for read in self._belongings(signed_in=True) for text in read()]
        if found:
            names = [f"{text} of {self.label}" for text in found]
            raise ForeignAttachments(f"deleting {self.label}", self.account.id, names, touched=True) from None
