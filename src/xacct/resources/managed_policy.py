"""The managed policy in the trusted account that allows assuming the role, and its attachments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from attrs import evolve, frozen

from xacct.arn import Arn
from xacct.aws_reads import parsed_document, principals_of_policy
from xacct.errors import CannotChange
from xacct.grants import DevAccessGrant
from xacct.limits import MANAGED_POLICY_VERSIONS
from xacct.policy import PolicyDocument
from xacct.resources.account_listing import AccountListing
from xacct.resources.attachment import Attachment, PrincipalKind
from xacct.resources.ownership_tags import (
    GrantIdentity,
    identity_in,
    is_attached_by_xacct,
    ownership_tags,
    recorded_count,
    tags_from_list,
    tags_to_list,
    with_recorded,
    without_run,
)
from xacct.resources.resource import Purpose, Resource
from xacct.resources.step import Step, document_value, policy_diff
from xacct.retry import none_if_missing, not_visible_yet

if TYPE_CHECKING:
    from mypy_boto3_iam.type_defs import PolicyTypeDef

__all__ = ["ManagedPolicy", "ManagedPolicyState", "NamedPrincipal"]

NamedPrincipal = tuple[PrincipalKind, str]


@frozen(kw_only=True)
class ManagedPolicyState:
    """What was read of the policy.

    Attributes:
        created: when the policy was created.
        description: the description.
        document: the default version's document; None before a removal.
        default_version: the default version's ID.
        tags: the tags.
        attachment_count: how many users, groups and roles have the policy.
        principals: the users, groups and roles that have the policy; None if they were not read.
    """

    created: datetime
    description: str
    document: PolicyDocument | None
    default_version: str
    tags: Mapping[str, str]
    attachment_count: int
    principals: frozenset[NamedPrincipal] | None = None


@frozen(kw_only=True)
class ManagedPolicy(Resource[ManagedPolicyState]):
    """The managed policy that a DevAccessGrant declares.

    Args:
        grant: the grant.
        removed_users: the names of former console users, whose own steps detach the policy.
    """

    grant: DevAccessGrant
    removed_users: frozenset[str] = frozenset()

    @property
    def label(self) -> str:
        """The policy's kind and name."""
        return f"policy {self.grant.policy_name}"

    @property
    def arn(self) -> str:
        """The policy's ARN."""
        return self.grant.policy_arn

    @property
    def identity(self) -> GrantIdentity:
        """The grant that declares the policy."""
        return GrantIdentity.of(self.grant)

    def owner(self, tags: Mapping[str, str]) -> GrantIdentity | None:
        """Return the grant that the tags of the policy record."""
        return identity_in(tags)

    @property
    def attachments(self) -> list[Attachment]:
        """The attachments that the grant declares, without that to the console user."""
        declared: list[tuple[PrincipalKind, Iterable[str]]] = [
            ("user", self.grant.users),
            ("group", self.grant.groups),
            ("role", self.grant.roles),
        ]
        return [self._attachment(kind, name) for kind, names in declared for name in names]

    # Reading

    def _read(self, purpose: Purpose) -> ManagedPolicyState | None:
        """Read the policy; return None if it does not exist.

        Its principals are read later for a plan and for a removal. For a removal, the document is not read.
        """
        policy = self.attempt(self._find, "reading")
        if policy is None:
            return None
        version = policy["DefaultVersionId"]
        document = None if purpose == "remove" else self.attempt(partial(self._read_version, version), "reading")
        state = self._state(policy, document)
        return self.read_principals(state) if purpose in ("recheck", "drift") else state

    def read_listed(self, listing: AccountListing, purpose: Purpose = "plan") -> ManagedPolicyState | None:
        """Do what `read` does, with what the account's listing has: the document and the principals."""
        if self.arn not in listing.policy_versions:
            return None
        policy = self.attempt(self._find, "reading")
        if policy is None:
            return None
        version, principals = policy["DefaultVersionId"], listing.principals.get(self.arn, frozenset())
        listed = listing.policy_versions[self.arn].get(version)
        if listed is None or policy["AttachmentCount"] != len(principals):
            # The policy has changed since it was listed.
            return self.read(purpose)
        document = None if purpose == "remove" else parsed_document(listed)
        return evolve(self._state(policy, document), principals=principals)

    def _state(self, policy: PolicyTypeDef, document: PolicyDocument | None) -> ManagedPolicyState:
        return ManagedPolicyState(
            created=policy["CreateDate"],
            description=policy.get("Description", ""),
            document=document,
            default_version=policy["DefaultVersionId"],
            tags=tags_from_list(policy.get("Tags", [])),
            attachment_count=policy["AttachmentCount"],
        )

    def read_principals(self, state: ManagedPolicyState) -> ManagedPolicyState:
        """Return the state with the users, groups and roles that have the policy."""
        call = partial(principals_of_policy, self.account.iam, self.arn)
        return evolve(state, principals=self.attempt(call, "reading the attachments of"))

    def foreign_attachments(self, state: ManagedPolicyState) -> list[str]:
        """Return the users, groups and roles that have the policy and that no grant named."""
        others = sorted((state.principals or frozenset()) - self._declared_principals)
        return [f"{self.label} on {kind} {name}" for kind, name in others if not _is_recorded((kind, name), state)]

    def _foreign_things(self, state: ManagedPolicyState) -> list[str]:
        return self.foreign_attachments(state)

    def refuse_unchangeable(self, state: ManagedPolicyState) -> None:
        """Check that the policy has the grant's description.

        Raises:
            CannotChange: it has another.
        """
        if state.description != self.grant.description:
            raise CannotChange(
                self.account.id, self.label, "description", current=state.description, wanted=self.grant.description
            )

    def _refuse_name_in_use(self) -> None:
        pages = self.account.iam.get_paginator("list_policies").paginate(Scope="Local")
        for found in (Arn.parse(policy["Arn"]) for page in pages for policy in page["Policies"]):
            if found.name.lower() == self.grant.policy_name.lower() and found.path != self.grant.path:
                raise CannotChange(self.account.id, self.label, "path", current=found.path, wanted=self.grant.path)

    def is_complete(self, state: ManagedPolicyState) -> bool:
        """Return whether everything that the last run was to attach is attached."""
        return recorded_count(state.tags) <= state.attachment_count

    def _comparable(self, state: ManagedPolicyState, planned: ManagedPolicyState) -> ManagedPolicyState:
        # Without principals in the plan, the console user alone had the policy.
        principals = None if planned.principals is None else state.principals
        return evolve(state, tags=without_run(state.tags), principals=principals)

    def undeclared_users(self, state: ManagedPolicyState | None) -> list[str]:
        """Return the names of the users that xacct attached the policy to and that the grant does not name now."""
        principals = (state.principals if state is not None else None) or frozenset()
        return [
            name
            for kind, name in sorted(principals - self._declared_principals)
            if state is not None and kind == "user" and _is_recorded((kind, name), state)
        ]

    def _find(self) -> PolicyTypeDef | None:
        return none_if_missing(lambda: self.account.iam.get_policy(PolicyArn=self.arn)["Policy"])

    def _read_version(self, version: str) -> PolicyDocument:
        response = self.account.iam.get_policy_version(PolicyArn=self.arn, VersionId=version)
        return parsed_document(response["PolicyVersion"]["Document"])

    def _current_tags(self) -> Mapping[str, str] | None:
        policy = self._find()
        return None if policy is None else tags_from_list(policy.get("Tags", []))

    # Applying

    def steps_to_apply(self, state: ManagedPolicyState | None) -> list[Step]:
        """Return the steps from a state to what the grant declares, without the attachment to the console user."""
        if state is None:
            document = self.grant.assume_role_policy
            create = self.step_to_create(detail=document.to_json(2), value=document_value(document))
            attach = [
                self.guarded(attachment.step_to_attach({self.key}, new_policy=True)) for attachment in self.attachments
            ]
            return [create, *attach]
        # First everything is recorded that is or will be attached. At the end what was detached leaves the record.
        wanted = self._tags(state)
        recorded = with_recorded(wanted, state.tags)
        tag = self.steps_to_tag(state.tags, recorded)
        tagged = {step.key for step in tag}
        attached = state.principals or frozenset()
        missing = [attachment for attachment in self.attachments if (attachment.kind, attachment.name) not in attached]
        outdated = [
            principal for principal in sorted(attached - self._declared_principals) if _is_recorded(principal, state)
        ]
        attach = [self.guarded(attachment.step_to_attach(tagged)) for attachment in missing]
        by_user_steps = {self._attachment("user", name).key for name in self.removed_users}
        detach = [
            self.guarded(self._attachment(*principal).step_to_detach())
            for principal in outdated
            if self._attachment(*principal).key not in by_user_steps
        ]
        forget = self.steps_to_tag(recorded, wanted, part="record", after=tagged | {step.key for step in detach})
        return [*tag, *self._steps_to_update_document(state), *attach, *detach, *forget]

    def _tags(self, state: ManagedPolicyState | None) -> dict[str, str]:
        return ownership_tags(
            self.identity,
            self.run,
            tags=self.grant.tags,
            attached=map(_record_name, self._declared_principals),
            observed=None if state is None else state.tags,
            created=None if state is None else state.created,
        )

    @property
    def _declared_principals(self) -> set[NamedPrincipal]:
        declared: set[NamedPrincipal] = {(attachment.kind, attachment.name) for attachment in self.attachments}
        if self.grant.console_user is not None:
            declared.add(("user", self.grant.console_user.name))
        return declared

    def _request_creation(self) -> None:
        grant = self.grant
        self.account.iam.create_policy(
            PolicyName=grant.policy_name,
            Path=grant.path,
            Description=grant.description,
            PolicyDocument=grant.assume_role_policy.to_json(),
            Tags=tags_to_list(self._tags(None)),
        )

    def _request_tagging(self, tags: Mapping[str, str]) -> None:
        self.account.iam.tag_policy(PolicyArn=self.arn, Tags=tags_to_list(tags))

    def _request_untagging(self, keys: list[str]) -> None:
        self.account.iam.untag_policy(PolicyArn=self.arn, TagKeys=keys)

    def _attachment(self, kind: PrincipalKind, name: str) -> Attachment:
        return Attachment(account=self.account, kind=kind, name=name, policy_arn=self.arn)

    # Versions

    def _steps_to_update_document(self, state: ManagedPolicyState) -> list[Step]:
        new = self.grant.assume_role_policy
        if state.document is None or state.document == new:
            return []
        return [
            self.step(
                "update",
                "updating",
                self._add_version,
                lambda: self._restore_version(state.default_version),
                key=f"{self.key} version",
                detail=policy_diff(state.document, new),
                before=document_value(state.document),
                value=document_value(new),
            )
        ]

    def _add_version(self) -> None:
        iam = self.account.iam
        versions = self._versions()
        if len(versions) >= MANAGED_POLICY_VERSIONS:
            oldest = min((v for v, default in versions.items() if not default), key=lambda v: int(v[1:]))
            self._delete_version(oldest)
        new = self.grant.assume_role_policy
        retrying = False

        def call() -> None:
            nonlocal retrying
            if retrying and self._has_document(new):
                return  # The first try took effect, and its response was lost.
            retrying = True
            iam.create_policy_version(PolicyArn=self.arn, PolicyDocument=new.to_json(), SetAsDefault=True)

        self.attempt(call, "updating")

    def _has_document(self, document: PolicyDocument) -> bool:
        policy = self._find()
        return policy is not None and self._read_version(policy["DefaultVersionId"]) == document

    def _restore_version(self, version: str) -> None:
        iam = self.account.iam
        added = [v for v, default in self._versions().items() if default and v != version]
        self.attempt(lambda: iam.set_default_policy_version(PolicyArn=self.arn, VersionId=version), "restoring")
        for newer in added:
            self._delete_version(newer)

    def _versions(self) -> dict[str, bool]:
        """Return whether each version is the default, by ID."""
        return self.attempt(self._list_versions, "reading the versions of", not_visible_yet)

    def _list_versions(self) -> dict[str, bool]:
        pages = self.account.iam.get_paginator("list_policy_versions").paginate(PolicyArn=self.arn)
        return {v["VersionId"]: v["IsDefaultVersion"] for page in pages for v in page["Versions"]}

    def _delete_version(self, version: str) -> None:
        iam = self.account.iam
        self.attempt(
            lambda: none_if_missing(lambda: iam.delete_policy_version(PolicyArn=self.arn, VersionId=version)),
            f"deleting version {version} of",
        )

    # Removing

    def steps_to_remove(self, state: ManagedPolicyState) -> list[Step]:
        """Return the steps that detach the policy and delete it with all its versions.

        The console user's own steps detach it from the console user.
        """
        user = self.grant.console_user
        names = [*self.removed_users, *(() if user is None else (user.name,))]
        by_user_steps = [self._attachment("user", name) for name in names]
        others = (state.principals or frozenset()) - {(a.kind, a.name) for a in by_user_steps}
        detach = [self._attachment(*principal).step_to_detach() for principal in sorted(others)]
        after = {*(step.key for step in detach), *(attachment.key for attachment in by_user_steps)}
        return [*detach, self.step_to_delete(after=after)]

    def _request_deletion(self) -> None:
        self.account.iam.delete_policy(PolicyArn=self.arn)

    def _resolve_conflict(self) -> None:
        # Most policies have a single version, so the versions are listed only after AWS refused the deletion. If the
        # policy is gone by then, the next try of the deletion finds nothing to delete.
        for version in [version for version, default in self._list_versions().items() if not default]:
            self._delete_version(version)


def _record_name(principal: NamedPrincipal) -> str:
    kind, name = principal
    return f"{kind} {name}"


def _is_recorded(principal: NamedPrincipal, state: ManagedPolicyState) -> bool:
    return is_attached_by_xacct(_record_name(principal), state.tags)
