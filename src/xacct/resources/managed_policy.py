"""The managed policy in the trusted account that allows assuming the role, and its attachments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from attrs import evolve, frozen

from xacct.aws_reads import parsed_document
from xacct.grants import DevAccessGrant
from xacct.limits import MANAGED_POLICY_VERSIONS
from xacct.policy import PolicyDocument
from xacct.resources.attachment import Attachment, PrincipalKind
from xacct.resources.ownership_tags import is_recorded, tags_from_list, tags_to_list, with_ownership, with_recorded
from xacct.resources.resource import Resource
from xacct.resources.step import Step, policy_diff
from xacct.retry import none_if_missing, not_visible_yet

if TYPE_CHECKING:
    from mypy_boto3_iam.type_defs import PolicyTypeDef

__all__ = ["ManagedPolicy", "ManagedPolicyState", "NamedPrincipal"]

NamedPrincipal = tuple[PrincipalKind, str]


@frozen(kw_only=True)
class ManagedPolicyState:
    """What was read of the policy.

    Attributes:
        document: the default version's document; None before a removal.
        default_version: the default version's ID.
        tags: the tags.
        attachment_count: how many users, groups and roles have the policy.
        principals: the users, groups and roles that have the policy; None if they were not read.
    """

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
    """

    grant: DevAccessGrant

    @property
    def label(self) -> str:
        """The policy's kind and name."""
        return f"policy {self.grant.policy_name}"

    @property
    def arn(self) -> str:
        """The policy's ARN."""
        return self.grant.policy_arn

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

    def read(self, *, removing: bool = False) -> ManagedPolicyState | None:
        """Read the policy without its principals; return None if it does not exist.

        Args:
            removing: whether to skip the document.
        """
        policy = self.attempt(self._find, "reading")
        if policy is None:
            return None
        version = policy["DefaultVersionId"]
        return ManagedPolicyState(
            document=None if removing else self.attempt(partial(self._read_version, version), "reading"),
            default_version=version,
            tags=tags_from_list(policy.get("Tags", [])),
            attachment_count=policy["AttachmentCount"],
        )

    def read_principals(self, state: ManagedPolicyState) -> ManagedPolicyState:
        """Return the state with the users, groups and roles that have the policy."""
        return evolve(state, principals=self.attempt(self._list_principals, "reading the attachments of"))

    def foreign_attachments(self, state: ManagedPolicyState) -> list[str]:
        """Return the users, groups and roles that have the policy and that no grant named."""
        others = sorted((state.principals or frozenset()) - self._declared_principals)
        return [f"{self.label} on {kind} {name}" for kind, name in others if not _is_recorded((kind, name), state)]

    def _find(self) -> PolicyTypeDef | None:
        return none_if_missing(lambda: self.account.iam.get_policy(PolicyArn=self.arn)["Policy"])

    def _read_version(self, version: str) -> PolicyDocument:
        response = self.account.iam.get_policy_version(PolicyArn=self.arn, VersionId=version)
        return parsed_document(response["PolicyVersion"]["Document"])

    def _list_principals(self) -> frozenset[NamedPrincipal]:
        found: set[NamedPrincipal] = set()
        for page in self.account.iam.get_paginator("list_entities_for_policy").paginate(PolicyArn=self.arn):
            found.update(("user", entity["UserName"]) for entity in page["PolicyUsers"])
            found.update(("group", entity["GroupName"]) for entity in page["PolicyGroups"])
            found.update(("role", entity["RoleName"]) for entity in page["PolicyRoles"])
        return frozenset(found)

    def _current_tags(self) -> Mapping[str, str] | None:
        policy = self._find()
        return None if policy is None else tags_from_list(policy.get("Tags", []))

    # Applying

    def steps_to_apply(self, state: ManagedPolicyState | None) -> list[Step]:
        """Return the steps from a state to what the grant declares, without the attachment to the console user."""
        if state is None:
            create = self.step_to_create(detail=self.grant.assume_role_policy.to_json(2))
            return [create, *(attachment.step_to_attach({self.key}) for attachment in self.attachments)]
        # First everything is recorded that is or will be attached. At the end what was detached leaves the record.
        recorded = with_recorded(self._tags, state.tags)
        tag = self.steps_to_tag(state.tags, recorded)
        tagged = {step.key for step in tag}
        attached = state.principals or frozenset()
        missing = [attachment for attachment in self.attachments if (attachment.kind, attachment.name) not in attached]
        outdated = [
            principal for principal in sorted(attached - self._declared_principals) if _is_recorded(principal, state)
        ]
        attach = [attachment.step_to_attach(tagged) for attachment in missing]
        detach = [self._attachment(*principal).step_to_detach() for principal in outdated]
        forget = self.steps_to_tag(recorded, self._tags, part="record", after=tagged | {step.key for step in detach})
        return [*tag, *self._steps_to_update_document(state), *attach, *detach, *forget]

    @property
    def _tags(self) -> dict[str, str]:
        return with_ownership(self.grant.tags, map(_record_name, self._declared_principals))

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
            Tags=tags_to_list(self._tags),
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

        def call() -> dict[str, bool]:
            pages = self.account.iam.get_paginator("list_policy_versions").paginate(PolicyArn=self.arn)
            return {v["VersionId"]: v["IsDefaultVersion"] for page in pages for v in page["Versions"]}

        return self.attempt(call, "reading the versions of", not_visible_yet)

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
        console_user = () if user is None else (self._attachment("user", user.name),)
        others = (state.principals or frozenset()) - {(a.kind, a.name) for a in console_user}
        detach = [self._attachment(*principal).step_to_detach() for principal in sorted(others)]
        after = {*(step.key for step in detach), *(attachment.key for attachment in console_user)}
        return [*detach, self.step_to_delete(after=after)]

    def _request_deletion(self) -> None:
        self.account.iam.delete_policy(PolicyArn=self.arn)

    def _resolve_conflict(self) -> None:
        # Most policies have a single version, so the versions are listed only after AWS refused the deletion.
        for version in [version for version, default in self._versions().items() if not default]:
            self._delete_version(version)


def _record_name(principal: NamedPrincipal) -> str:
    kind, name = principal
    return f"{kind} {name}"


def _is_recorded(principal: NamedPrincipal, state: ManagedPolicyState) -> bool:
    return is_recorded(_record_name(principal), state.tags)
