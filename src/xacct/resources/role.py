"""The role in the trusting account."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from attrs import evolve, frozen

from xacct.aws_reads import inline_policies_of_role, inline_policy_of_role, parsed_document, policies_of_role
from xacct.concurrency import run_concurrently
from xacct.errors import CannotChange, ForeignAttachments
from xacct.grants import TrustGrant
from xacct.iam_records import REVOKED_SESSIONS_POLICY
from xacct.limits import DEFAULT_SESSION_SECONDS
from xacct.policy import PolicyDocument
from xacct.resources.account_listing import AccountListing, attached_arns
from xacct.resources.attachment import Attachment
from xacct.resources.ownership_tags import (
    GrantIdentity,
    boundary_record,
    identity_in,
    is_attached_by_xacct,
    is_boundary_set_by_xacct,
    is_complete,
    ownership_tags,
    tags_from_list,
    tags_to_list,
    with_recorded,
    without_run,
)
from xacct.resources.resource import Purpose, Resource
from xacct.resources.step import Change, JsonValue, Step, document_value, policy_diff
from xacct.retry import (
    creation_not_visible_yet,
    never_transient,
    none_if_missing,
    not_visible_yet,
    principal_not_visible_yet,
)

if TYPE_CHECKING:
    from mypy_boto3_iam.type_defs import CreateRoleRequestTypeDef, RoleTypeDef

__all__ = ["Role", "RoleState"]


@frozen(kw_only=True)
class RoleState:
    """What was read of the role.

    Attributes:
        path: the path.
        created: when the role was created.
        trust: the trust policy.
        description: the description.
        max_session_duration: seconds.
        boundary: the ARN of the permissions boundary.
        tags: the tags.
        attached: the ARNs of the attached managed policies.
        inline: the inline policies by name. The documents that were not read are None: those that are not the grant's,
            and all of them before a removal.
    """

    path: str
    created: datetime
    trust: PolicyDocument
    description: str
    max_session_duration: int
    boundary: str | None
    tags: Mapping[str, str]
    attached: tuple[str, ...]
    inline: Mapping[str, PolicyDocument | None]


@frozen(kw_only=True)
class Role(Resource[RoleState]):
    """The role that a TrustGrant declares.

    Args:
        grant: the grant.
        after: the keys of the steps that create principals that the role trusts.
    """

    grant: TrustGrant
    after: frozenset[str] = frozenset()

    @property
    def label(self) -> str:
        """The role's kind and name."""
        return f"role {self.grant.role_name}"

    @property
    def arn(self) -> str:
        """The role's ARN."""
        return self.grant.role_arn

    @property
    def identity(self) -> GrantIdentity:
        """The grant that declares the role."""
        return GrantIdentity.of(self.grant)

    # Reading

    def owner(self, tags: Mapping[str, str]) -> GrantIdentity | None:
        """Return the grant that the tags of the role record."""
        return identity_in(tags)

    def _read(self, purpose: Purpose) -> RoleState | None:
        """Read the role; return None if it does not exist.

        For a removal, the documents of the inline policies are not read.
        """
        role = self.attempt(self._find, "reading")
        if role is None:
            return None
        iam, name = self.account.iam, self.grant.role_name
        attached, inline_names = run_concurrently(
            lambda: self.attempt(lambda: policies_of_role(iam, name), "reading the policies of"),
            lambda: self.attempt(lambda: inline_policies_of_role(iam, name), "reading the policies of"),
        )
        to_read = self._inline_to_read(inline_names, role, purpose)
        documents = dict(zip(to_read, run_concurrently(*(partial(self._read_inline, name) for name in to_read))))
        return self._state(role, tuple(attached), {name: documents.get(name) for name in inline_names})

    def read_listed(self, listing: AccountListing, purpose: Purpose = "plan") -> RoleState | None:
        """Do what `read` does, with what the account's listing has."""
        name = self.grant.role_name
        if name not in listing.roles:
            return None
        detail, role = listing.roles[name], listing.role(name)
        if role is None:
            return self.read(purpose)
        found = {policy["PolicyName"]: policy["PolicyDocument"] for policy in detail.get("RolePolicyList", [])}
        to_read = self._inline_to_read(found, role, purpose)
        inline = {name: parsed_document(text) if name in to_read else None for name, text in found.items()}
        return self._state(role, attached_arns(detail), inline)

    def _inline_to_read(self, names: Iterable[str], role: RoleTypeDef, purpose: Purpose) -> list[str]:
        """Return the inline policies whose documents are needed."""
        tags = tags_from_list(role.get("Tags", []))
        ours = [name for name in names if name in self.grant.policies or is_attached_by_xacct(name, tags)]
        return [] if purpose == "remove" else ours

    def _state(
        self, role: RoleTypeDef, attached: tuple[str, ...], inline: Mapping[str, PolicyDocument | None]
    ) -> RoleState:
        return RoleState(
            path=role["Path"],
            created=role["CreateDate"],
            trust=parsed_document(role["AssumeRolePolicyDocument"]),
            description=role.get("Description", ""),
            max_session_duration=role.get("MaxSessionDuration", DEFAULT_SESSION_SECONDS),
            boundary=role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn"),
            tags=tags_from_list(role.get("Tags", [])),
            attached=attached,
            inline=inline,
        )

    def foreign_attachments(self, state: RoleState) -> list[str]:
        """Return the policies on the role that xacct did not attach."""
        attached = [(arn, f"policy {arn} on {self.label}") for arn in state.attached]
        inline = [
            (name, f"inline policy {name} on {self.label}") for name in state.inline if name != REVOKED_SESSIONS_POLICY
        ]
        return [text for name, text in (*attached, *inline) if not self._is_known(name, state)]

    def _is_known(self, name: str, state: RoleState) -> bool:
        return name in self._declared_policies or is_attached_by_xacct(name, state.tags)

    def _foreign_things(self, state: RoleState) -> list[str]:
        return self.foreign_attachments(state)

    def drift(self, state: RoleState) -> list[Change]:
        """Return the policies, the boundary and the tags that xacct did not put on the role, and a changed path."""
        found = super().drift(state)
        if self._keeps_boundary(state):
            found.append(self._left(f"permissions boundary {state.boundary} on {self.label}", state.boundary))
        if state.path != self.grant.path:
            found.append(self._left(f"path {state.path} of {self.label}", state.path, self.grant.path))
        return found

    def refuse_unchangeable(self, state: RoleState) -> None:
        """Check that the role has the grant's path.

        Raises:
            CannotChange: it has another.
        """
        if state.path != self.grant.path:
            raise CannotChange(self.account.id, self.label, "path", current=state.path, wanted=self.grant.path)

    def is_complete(self, state: RoleState) -> bool:
        """Return whether everything that the last run was to attach is attached."""
        return is_complete((*state.attached, *state.inline, *boundary_record(state.boundary)), state.tags)

    def _comparable(self, state: RoleState, planned: RoleState) -> RoleState:  # noqa: ARG002 - a plan reads all of it
        return evolve(state, tags=without_run(state.tags))

    def _find(self) -> RoleTypeDef | None:
        return none_if_missing(lambda: self.account.iam.get_role(RoleName=self.grant.role_name)["Role"])

    def _read_inline(self, policy: str) -> PolicyDocument:
        call = partial(inline_policy_of_role, self.account.iam, self.grant.role_name, policy)
        return self.attempt(call, f"reading inline policy {policy} of")

    def _current_tags(self) -> Mapping[str, str] | None:
        role = self._find()
        return None if role is None else tags_from_list(role.get("Tags", []))

    # Applying

    def steps_to_apply(self, state: RoleState | None) -> list[Step]:
        """Return the steps from a state to what the grant declares."""
        if state is None:
            detail = f"trust policy:\n{self.grant.trust_policy.to_json(2)}"
            create = self.step_to_create(after=self.after, detail=detail, value=self._value)
            attach = self._steps_to_attach(
                self.grant.managed_policy_arns, self.grant.policies, after={self.key}, new=True
            )
            return [create, *attach]
        # First everything is recorded that is or will be attached. At the end what was detached leaves the record.
        wanted = self._tags(state)
        recorded = with_recorded(wanted, state.tags)
        tag = self.steps_to_tag(state.tags, recorded)
        tagged = {step.key for step in tag}
        missing = [arn for arn in self.grant.managed_policy_arns if arn not in state.attached]
        absent = {name: document for name, document in self.grant.policies.items() if name not in state.inline}
        attach = self._steps_to_attach(missing, absent, after=tagged)
        detach = self._steps_to_detach(
            self._outdated(state.attached, state), self._outdated(state.inline, state), state
        )
        forget = self.steps_to_tag(recorded, wanted, part="record", after=tagged | {step.key for step in detach})
        return [
            *tag,
            *self._steps_to_update_trust(state),
            *self._steps_to_update_settings(state),
            *self._steps_to_update_boundary(state),
            *self._steps_to_update_inline(state),
            *attach,
            *detach,
            *forget,
        ]

    def _tags(self, state: RoleState | None) -> dict[str, str]:
        return ownership_tags(
            self.identity,
            self.run,
            tags=self.grant.tags,
            attached=(*self._declared_policies, *boundary_record(self.grant.permissions_boundary)),
            observed=None if state is None else state.tags,
            created=None if state is None else state.created,
        )

    @property
    def _value(self) -> JsonValue:
        grant = self.grant
        return {
            "path": grant.path,
            "description": grant.description,
            "max_session_duration": grant.max_session_duration,
            "permissions_boundary": grant.permissions_boundary,
            "trust_policy": document_value(grant.trust_policy),
            "tags": dict(grant.tags),
        }

    @property
    def _declared_policies(self) -> set[str]:
        """The ARNs of the grant's managed policies and the names of its inline policies."""
        return {*self.grant.managed_policy_arns, *self.grant.policies}

    def _outdated(self, names: Iterable[str], state: RoleState) -> list[str]:
        return [
            name for name in names if name not in self._declared_policies and is_attached_by_xacct(name, state.tags)
        ]

    def _request_creation(self) -> None:
        grant = self.grant
        request: CreateRoleRequestTypeDef = {
            "RoleName": grant.role_name,
            "Path": grant.path,
            "Description": grant.description,
            "AssumeRolePolicyDocument": grant.trust_policy.to_json(),
            "MaxSessionDuration": grant.max_session_duration,
            "Tags": tags_to_list(self._tags(None)),
        }
        if grant.permissions_boundary is not None:
            request["PermissionsBoundary"] = grant.permissions_boundary
        self.account.iam.create_role(**request)

    def _is_transient_on_create(self, error: BaseException) -> bool:
        return creation_not_visible_yet(error) or self._is_new_principal(error)

    def _is_new_principal(self, error: BaseException) -> bool:
        # A principal that this run does not create will not become visible.
        return bool(self.after) and principal_not_visible_yet(error)

    def _request_tagging(self, tags: Mapping[str, str]) -> None:
        self.account.iam.tag_role(RoleName=self.grant.role_name, Tags=tags_to_list(tags))

    def _request_untagging(self, keys: list[str]) -> None:
        self.account.iam.untag_role(RoleName=self.grant.role_name, TagKeys=keys)

    def _steps_to_update_trust(self, state: RoleState) -> list[Step]:
        old, new = state.trust, self.grant.trust_policy
        if old == new:
            return []
        doing = "updating the trust policy of"
        return [
            self.step(
                "update",
                doing,
                lambda: self.attempt(partial(self._request_trust, new), doing, self._is_new_principal),
                lambda: self.attempt(partial(self._request_trust, old), "restoring the trust policy of"),
                key=f"{self.key} trust",
                after=self.after,
                resource=f"trust policy of {self.label}",
                detail=policy_diff(old, new),
                before=document_value(old),
                value=document_value(new),
            )
        ]

    def _steps_to_update_settings(self, state: RoleState) -> list[Step]:
        old = (state.description, state.max_session_duration)
        new = (self.grant.description, self.grant.max_session_duration)
        if old == new:
            return []
        return [
            self.step(
                "update",
                "updating",
                lambda: self.attempt(partial(self._request_settings, *new), "updating"),
                lambda: self.attempt(partial(self._request_settings, *old), "restoring"),
                key=f"{self.key} settings",
                detail=f"- {old[0]!r}, {old[1]} s\n+ {new[0]!r}, {new[1]} s",
                before={"description": old[0], "max_session_duration": old[1]},
                value={"description": new[0], "max_session_duration": new[1]},
            )
        ]

    def _steps_to_update_boundary(self, state: RoleState) -> list[Step]:
        old, new = state.boundary, self.grant.permissions_boundary
        if old == new or self._keeps_boundary(state):
            return []
        doing = "setting the permissions boundary of"
        return [
            self.step(
                "update",
                doing,
                lambda: self.attempt(partial(self._request_boundary, new), doing),
                lambda: self.attempt(partial(self._request_boundary, old), "restoring the permissions boundary of"),
                key=f"{self.key} boundary",
                resource=f"permissions boundary of {self.label}",
                detail=f"- {old or 'none'}\n+ {new or 'none'}",
                before=old,
                value=new,
            )
        ]

    def _keeps_boundary(self, state: RoleState) -> bool:
        """Return whether somebody else set a boundary and the grant asks for none: to remove it would widen access."""
        if state.boundary is None or self.grant.permissions_boundary is not None:
            return False
        return not is_boundary_set_by_xacct(state.boundary, state.tags)

    def _steps_to_update_inline(self, state: RoleState) -> list[Step]:
        policies = [(name, state.inline.get(name), new) for name, new in self.grant.policies.items()]
        return [
            self.step(
                "update",
                f"updating inline policy {name} of",
                partial(self._put_inline, name, new),
                partial(self._put_inline, name, old),
                key=f"{self.key} {name}",
                resource=f"inline policy {name} of {self.label}",
                detail=policy_diff(old, new),
                before=document_value(old),
                value=document_value(new),
            )
            for name, old, new in policies
            if old is not None and old != new
        ]

    def _request_trust(self, document: PolicyDocument) -> None:
        self.account.iam.update_assume_role_policy(RoleName=self.grant.role_name, PolicyDocument=document.to_json())

    def _request_settings(self, description: str, duration: int) -> None:
        self.account.iam.update_role(
            RoleName=self.grant.role_name, Description=description, MaxSessionDuration=duration
        )

    def _request_boundary(self, arn: str | None) -> None:
        iam, name = self.account.iam, self.grant.role_name
        if arn:
            iam.put_role_permissions_boundary(RoleName=name, PermissionsBoundary=arn)
        else:
            iam.delete_role_permissions_boundary(RoleName=name)

    # Policies on the role

    def _steps_to_attach(
        self,
        arns: Iterable[str],
        policies: Mapping[str, PolicyDocument],
        *,
        after: Iterable[str],
        new: bool = False,
    ) -> list[Step]:
        attach = [self.guarded(self._attachment(arn).step_to_attach(after, new_principal=new)) for arn in arns]
        put = [
            self.step(
                "attach",
                f"putting inline policy {name} on",
                partial(self._put_inline, name, document, new=new),
                partial(self._delete_inline, name),
                key=f"{self.key} {name}",
                after=after,
                resource=f"inline policy {name} to {self.label}",
                detail=document.to_json(2),
                value=document_value(document),
            )
            for name, document in policies.items()
        ]
        return attach + put

    def _steps_to_detach(self, arns: Iterable[str], names: Iterable[str], state: RoleState) -> list[Step]:
        detach = [self.guarded(self._attachment(arn).step_to_detach()) for arn in arns]
        return detach + [self._step_to_delete_inline(name, state.inline[name]) for name in names]

    def _step_to_delete_inline(self, policy: str, document: PolicyDocument | None) -> Step:
        return self.step(
            "detach",
            f"deleting inline policy {policy} of",
            partial(self._delete_inline, policy),
            None if document is None else partial(self._put_inline, policy, document),
            key=f"{self.key} {policy}",
            resource=f"inline policy {policy} from {self.label}",
            before=document_value(document),
        )

    def _attachment(self, arn: str) -> Attachment:
        return Attachment(account=self.account, kind="role", name=self.grant.role_name, policy_arn=arn)

    def _put_inline(self, policy: str, document: PolicyDocument, *, new: bool = False) -> None:
        iam, name = self.account.iam, self.grant.role_name
        self.attempt(
            lambda: iam.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=document.to_json()),
            f"putting inline policy {policy} on",
            not_visible_yet if new else never_transient,
        )

    def _delete_inline(self, policy: str) -> None:
        iam, name = self.account.iam, self.grant.role_name
        self.attempt(
            lambda: none_if_missing(lambda: iam.delete_role_policy(RoleName=name, PolicyName=policy)),
            f"deleting inline policy {policy} of",
        )

    # Removing

    def steps_to_remove(self, state: RoleState) -> list[Step]:
        """Return the steps that detach every policy and delete the role."""
        detach = self._steps_to_detach(state.attached, state.inline, state)
        return [*detach, self.step_to_delete(after={step.key for step in detach})]

    def _request_deletion(self) -> None:
        self.account.iam.delete_role(RoleName=self.grant.role_name)

    def _resolve_conflict(self) -> None:
        pages = self.account.iam.get_paginator("list_instance_profiles_for_role").paginate(
            RoleName=self.grant.role_name
        )
        profiles = [profile["InstanceProfileName"] for page in pages for profile in page["InstanceProfiles"]]
        if profiles:
            names = [f"instance profile {profile} with {self.label}" for profile in profiles]
            raise ForeignAttachments(f"deleting {self.label}", self.account.id, names, touched=True) from None
