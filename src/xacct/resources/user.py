"""The console user in the trusted account."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from attrs import field, frozen

from xacct.arn import Arn
from xacct.concurrency import run_concurrently
from xacct.console_user import ConsoleUser, Secret
from xacct.errors import ForeignAttachments
from xacct.grants import DevAccessGrant
from xacct.resources.attachment import Attachment
from xacct.resources.login_profile import delete_password, set_password
from xacct.resources.ownership_tags import is_recorded, tags_from_list, tags_to_list, with_ownership, with_recorded
from xacct.resources.resource import Resource
from xacct.resources.step import Step
from xacct.retry import none_if_missing, not_visible_yet

if TYPE_CHECKING:
    from mypy_boto3_iam.type_defs import UserTypeDef

__all__ = ["User", "UserState"]


@frozen(kw_only=True)
class UserState:
    """What was read of the user.

    Attributes:
        tags: the tags.
        attached: the ARNs of the attached managed policies.
        has_password: whether the user has a console password, or had one when xacct attached the policies.
        belongings: what else prevents a deletion, such as ``access key AKIA…``; read before a removal only.
    """

    tags: Mapping[str, str]
    attached: tuple[str, ...]
    has_password: bool
    belongings: tuple[str, ...] = ()


@frozen(kw_only=True)
class User(Resource[UserState]):
    """The console user that a DevAccessGrant declares.

    Args:
        grant: the grant.
        user: the console user.
        policy_key: the key of the step that creates the grant's policy.
        password: returns the console password; called only if one is set.
    """

    grant: DevAccessGrant
    user: ConsoleUser
    policy_key: str
    password: Callable[[], str] = field(repr=False)

    @property
    def label(self) -> str:
        """The user's kind and name."""
        return f"user {self.user.name}"

    @property
    def arn(self) -> str:
        """The user's ARN."""
        return str(Arn.user(self.account.id, self.user.name, partition=self.account.partition))

    @property
    def _declared_policies(self) -> tuple[str, ...]:
        return (*self.user.managed_policy_arns, self.grant.policy_arn)

    # Reading

    def read(self, *, removing: bool = False) -> UserState | None:
        """Read the user; return None if it does not exist.

        Args:
            removing: whether to read everything that prevents a deletion, and not whether there is a password.
        """
        user = self.attempt(self._find, "reading")
        if user is None:
            return None
        attached, *belongings = run_concurrently(
            lambda: self._list("list_attached_user_policies", "AttachedPolicies", "PolicyArn"),
            *(self._belongings(signed_in="PasswordLastUsed" in user) if removing else ()),
        )
        # The password is set before the policies are attached. If all of them are attached and there is no password,
        # it was deleted on purpose, and a rerun must not set another.
        complete = set(self._declared_policies) <= set(attached)
        return UserState(
            tags=tags_from_list(user.get("Tags", [])),
            attached=tuple(attached),
            has_password=complete or removing or self.attempt(self._has_password, "reading the console password of"),
            belongings=tuple(text for texts in belongings for text in texts),
        )

    def foreign_attachments(self, state: UserState) -> list[str]:
        """Return the policies and belongings of the user that xacct did not create."""
        policies = [
            f"policy {arn} on {self.label}"
            for arn in state.attached
            if arn not in self._declared_policies and not is_recorded(arn, state.tags)
        ]
        return policies + [f"{text} of {self.label}" for text in state.belongings]

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

        return self.attempt(call, "reading what belongs to", not_visible_yet)

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

    # Applying

    def steps_to_apply(self, state: UserState | None) -> list[Step]:
        """Return the steps from a state to what the grant declares."""
        if state is None:
            first_password = self._step_to_set_password({self.key})
            attach = self._steps_to_attach(self._declared_policies, {first_password.key})
            return [self.step_to_create(), first_password, *attach]
        # First everything is recorded that is or will be attached. At the end what was detached leaves the record.
        recorded = with_recorded(self._tags, state.tags)
        tag = self.steps_to_tag(state.tags, recorded)
        set_password = [] if state.has_password else [self._step_to_set_password(())]
        missing = [arn for arn in self._declared_policies if arn not in state.attached]
        outdated = [
            arn for arn in state.attached if arn not in self._declared_policies and is_recorded(arn, state.tags)
        ]
        attach = self._steps_to_attach(missing, {step.key for step in (*tag, *set_password)})
        detach = [self._attachment(arn).step_to_detach() for arn in outdated]
        forget = self.steps_to_tag(recorded, self._tags, part="record", after={step.key for step in (*tag, *detach)})
        return [*tag, *set_password, *attach, *detach, *forget]

    @property
    def _tags(self) -> dict[str, str]:
        return with_ownership(self.grant.tags, self._declared_policies)

    def _steps_to_attach(self, arns: Iterable[str], after: set[str]) -> list[Step]:
        created_here = {self.grant.policy_arn: {self.policy_key}}
        return [self._attachment(arn).step_to_attach(after | created_here.get(arn, set())) for arn in arns]

    def _attachment(self, arn: str) -> Attachment:
        return Attachment(account=self.account, kind="user", name=self.user.name, policy_arn=arn)

    def _request_creation(self) -> None:
        self.account.iam.create_user(UserName=self.user.name, Tags=tags_to_list(self._tags))

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
        set_password(
            self.account,
            name=self.user.name,
            label=self.label,
            arn=self.arn,
            password=Secret(self.password()),
            reset_required=self.user.password_reset_required,
        )

    def _delete_password(self) -> None:
        delete_password(self.account, name=self.user.name, label=self.label, arn=self.arn)

    # Removing

    def steps_to_remove(self, state: UserState) -> list[Step]:
        """Return the steps that detach every policy and delete the console password and the user."""
        detach = [self._attachment(arn).step_to_detach() for arn in state.attached]
        delete_password = self.step(
            "delete",
            "deleting the console password of",
            self._delete_password,
            key=f"{self.key} sign-in",
            resource=f"console sign-in of {self.label}",
        )
        after = {step.key for step in (*detach, delete_password)}
        return [*detach, delete_password, self.step_to_delete(after=after)]

    def _request_deletion(self) -> None:
        self.account.iam.delete_user(UserName=self.user.name)

    def _resolve_conflict(self) -> None:
        found = [text for texts in run_concurrently(*self._belongings(signed_in=True)) for text in texts]
        if found:
            names = [f"{text} of {self.label}" for text in found]
            raise ForeignAttachments(f"deleting {self.label}", self.account.id, names, touched=True) from None
