"""The console user in the trusted account."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from attrs import field, frozen

from xacct.concurrency import run_concurrently
from xacct.console_user import ConsoleUser
from xacct.errors import AwsError, ForeignAttachments, NotOurs
from xacct.grants import DevAccessGrant
from xacct.resources.attachment import Attachment
from xacct.resources.ownership_tags import is_ours, marked, merged, tag_list, tags_of, was_recorded
from xacct.resources.resource import Resource
from xacct.resources.step import Step
from xacct.retry import deletion_is_stale, made_but_not_visible_yet, not_visible_yet

if TYPE_CHECKING:
    from mypy_boto3_iam.type_defs import UserTypeDef

__all__ = ["User", "UserState"]


@frozen(kw_only=True)
class UserState:
    """The user as the account has it.

    Attributes:
        has_password: whether the user can sign in to the console; True where the policies say that it was once set.
        belongings: what else the user has that would stand in the way of a removal; read for a removal only.
    """

    tags: Mapping[str, str]
    attached: tuple[str, ...]
    has_password: bool
    belongings: tuple[str, ...] = ()


@frozen(kw_only=True)
class User(Resource):
    """The console user that a DevAccessGrant asks for.

    Args:
        policy_key: the key of the step that makes the grant's policy.
        password: what the user signs in with, where they have to be made.
    """

    grant: DevAccessGrant
    user: ConsoleUser
    policy_key: str
    password: Callable[[], str] = field(repr=False)

    @property
    def words(self) -> str:
        """The user in words."""
        return f"user {self.user.name}"

    @property
    def arn(self) -> str:
        """The user's ARN."""
        return f"arn:{self.account.partition}:iam::{self.account.id}:user/{self.user.name}"

    @property
    def _policies(self) -> tuple[str, ...]:
        return (*self.user.managed_policy_arns, self.grant.policy_arn)

    # Observation

    def read(self, *, removing: bool = False) -> UserState | None:
        """The user as they are; None where there is none.

        Args:
            removing: whether to read also what would stand in the way of a removal.
        """
        user = self.attempt(self._get, "reading")
        if user is None:
            return None
        attached, *belongings = run_concurrently(
            lambda: self._list("list_attached_user_policies", "AttachedPolicies", "PolicyArn"),
            *(self._belongings(signed_in="PasswordLastUsed" in user) if removing else ()),
        )
        # The policies are attached after the password is set, so that they stand for it: a user whose password was
        # taken away by hand does not get another one by a rerun.
        finished = set(self._policies) <= set(attached)
        return UserState(
            tags=tags_of(user.get("Tags", [])),
            attached=tuple(attached),
            has_password=finished or removing or self.attempt(self._has_password, "reading the sign-in of"),
            belongings=tuple(text for texts in belongings for text in texts),
        )

    def _get(self) -> UserTypeDef | None:
        try:
            return self.account.iam.get_user(UserName=self.user.name)["User"]
        except self.account.iam.exceptions.NoSuchEntityException:
            return None

    def _has_password(self) -> bool:
        try:
            self.account.iam.get_login_profile(UserName=self.user.name)
        except self.account.iam.exceptions.NoSuchEntityException:
            return False
        return True

    def _list(self, operation: str, key: str, member: str | None, prefix: str = "") -> list[str]:
        def call() -> list[str]:
            iam, name = self.account.iam, self.user.name
            if iam.can_paginate(operation):
                pages = list(iam.get_paginator(operation).paginate(UserName=name))  # type: ignore[call-overload]
            else:
                pages = [getattr(iam, operation)(UserName=name)]
            return [f"{prefix}{item[member] if member else item}" for page in pages for item in page[key]]

        return self.attempt(call, "reading what belongs to", not_visible_yet)

    def _belongings(self, *, signed_in: bool) -> list[Callable[[], list[str]]]:
        lists: list[tuple[str, str, str | None, str]] = [
            ("list_user_policies", "PolicyNames", None, "inline policy "),
            ("list_access_keys", "AccessKeyMetadata", "AccessKeyId", "access key "),
            ("list_groups_for_user", "Groups", "GroupName", "membership in group "),
        ]
        if signed_in:
            # What people enrol by themselves. Where nobody has ever signed in, a refused delete still finds it.
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

    # Applying

    @property
    def _wanted_tags(self) -> dict[str, str]:
        return marked(self.grant.tags, self._policies)

    def steps_to_apply(self, state: UserState | None) -> list[Step]:
        """The steps from a state to what the grant asks for."""
        if state is None:
            create = self.creation()
            sign_in = self._sign_in({self.key})
            return [create, sign_in, *self._attach(self._policies, {sign_in.key})]
        record = merged(self._wanted_tags, state.tags)
        tagging = self._retag(state.tags, record)
        sign_ins = [] if state.has_password else [self._sign_in(())]
        missing = [arn for arn in self._policies if arn not in state.attached]
        outdated = [arn for arn in state.attached if arn not in self._policies and was_recorded(arn, state.tags)]
        given = self._attach(missing, {step.key for step in (*tagging, *sign_ins)})
        taken = [self._attachment(arn).detach() for arn in outdated]
        forgetting = self._retag(record, self._wanted_tags, "record", {s.key for s in (*tagging, *taken)})
        return [*tagging, *sign_ins, *given, *taken, *forgetting]

    def _attach(self, arns: Iterable[str], after: set[str]) -> list[Step]:
        own = {self.grant.policy_arn: {self.policy_key}}
        return [self._attachment(arn).attach(after | own.get(arn, set())) for arn in arns]

    def _make(self) -> None:
        iam, name = self.account.iam, self.user.name

        def call() -> None:
            try:
                iam.create_user(UserName=name, Tags=tag_list(self._wanted_tags))
            except iam.exceptions.EntityAlreadyExistsException:
                # It was not there when the plan was made. Ours: an answer was lost, and the call had taken effect.
                user = self._get()
                if user is None:
                    raise
                if not is_ours(tags_of(user.get("Tags", []))):
                    raise NotOurs(self.account.id, [self.words]) from None

        self.attempt(call, "creating", made_but_not_visible_yet)

    def _tags(self) -> Mapping[str, str] | None:
        found = self._get()
        return None if found is None else tags_of(found.get("Tags", []))

    def _sign_in(self, after: Iterable[str]) -> Step:
        return self.step(
            "create",
            "setting the console password of",
            self._set_password,
            self._delete_password,
            key=f"{self.key} sign-in",
            after=after,
            resource=f"console sign-in of {self.words}",
        )

    def _set_password(self) -> None:
        iam, name = self.account.iam, self.user.name
        password, reset = self.password(), self.user.password_reset_required

        def call() -> None:
            try:
                iam.create_login_profile(UserName=name, Password=password, PasswordResetRequired=reset)
            except iam.exceptions.EntityAlreadyExistsException:
                # An answer was lost on the way. A sign-in carries no tags, so that only setting it again is certain.
                iam.update_login_profile(UserName=name, Password=password, PasswordResetRequired=reset)

        try:
            self.attempt(call, "setting the console password of", not_visible_yet)
        except AwsError as error:
            if error.code != "PasswordPolicyViolation":
                raise
            raise AwsError(
                f"setting the console password of {self.words} in account {self.account.id}: the password breaks "
                "the account's password policy: give another, or none to have one generated",
                doing=error.doing,
                account=error.account,
                code=error.code,
            ) from None

    def _delete_password(self) -> None:
        iam = self.account.iam

        def call() -> None:
            try:
                iam.delete_login_profile(UserName=self.user.name)
            except iam.exceptions.NoSuchEntityException:
                return

        self.attempt(call, "removing the console password of")

    def _retag(
        self, old: Mapping[str, str], new: Mapping[str, str], part: str = "tags", after: Iterable[str] = ()
    ) -> list[Step]:
        iam, name = self.account.iam, self.user.name
        return self.retag(
            old,
            new,
            tag=lambda tags: iam.tag_user(UserName=name, Tags=tag_list(tags)),
            untag=lambda keys: iam.untag_user(UserName=name, TagKeys=keys),
            part=part,
            after=after,
        )

    # What others did

    def foreign(self, state: UserState) -> list[str]:
        """What the user has that xacct did not give."""
        policies = [
            f"policy {arn} on {self.words}"
            for arn in state.attached
            if arn not in self._policies and not was_recorded(arn, state.tags)
        ]
        return policies + [f"{text} of {self.words}" for text in state.belongings]

    # Removing

    def steps_to_remove(self, state: UserState) -> list[Step]:
        """The steps that remove the user with what the grant gave them."""
        taken = [self._attachment(arn).detach() for arn in state.attached]
        sign_in = self.step(
            "delete",
            "removing the console password of",
            self._delete_password,
            key=f"{self.key} sign-in",
            resource=f"console sign-in of {self.words}",
        )
        after = {step.key for step in (*taken, sign_in)}
        return [*taken, sign_in, self.step("delete", "deleting", self._delete, key=self.key, after=after)]

    def _delete(self) -> None:
        iam = self.account.iam

        def call() -> None:
            try:
                iam.delete_user(UserName=self.user.name)
            except iam.exceptions.NoSuchEntityException:
                return
            except iam.exceptions.DeleteConflictException:
                found = [text for texts in run_concurrently(*self._belongings(signed_in=True)) for text in texts]
                if found:
                    names = [f"{text} of {self.words}" for text in found]
                    raise ForeignAttachments(f"deleting {self.words}", self.account.id, names, touched=True) from None
                raise

        self.attempt(call, "deleting", deletion_is_stale)

    def _attachment(self, arn: str) -> Attachment:
        return Attachment(account=self.account, kind="user", name=self.user.name, policy_arn=arn)
