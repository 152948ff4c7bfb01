"""The role in the trusting account."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from attrs import frozen

from xacct.concurrency import run_concurrently
from xacct.errors import ForeignAttachments, NotOurs
from xacct.grants import TrustGrant
from xacct.policy import PolicyDocument
from xacct.resources.attachment import Attachment
from xacct.resources.ownership_tags import is_ours, marked, merged, tag_list, tags_of, was_recorded
from xacct.resources.resource import Resource
from xacct.resources.step import Step, document_of, policy_diff
from xacct.retry import deletion_is_stale, made_but_not_visible_yet, not_visible_yet, principal_not_visible_yet

if TYPE_CHECKING:
    from mypy_boto3_iam.type_defs import CreateRoleRequestTypeDef, RoleTypeDef

__all__ = ["Role", "RoleState"]


@frozen(kw_only=True)
class RoleState:
    """The role as the account has it.

    Attributes:
        inline: its inline policies by name; with the document where it was read, which is done for the grant's own,
            and not for a removal.
    """

    trust: PolicyDocument
    description: str
    max_session_duration: int
    boundary: str | None
    tags: Mapping[str, str]
    attached: tuple[str, ...]
    inline: Mapping[str, PolicyDocument | None]


@frozen(kw_only=True)
class Role(Resource):
    """The role that a TrustGrant asks for.

    Args:
        after: the keys of steps that make principals whom the role trusts.
    """

    grant: TrustGrant
    after: frozenset[str] = frozenset()

    @property
    def words(self) -> str:
        """The role in words."""
        return f"role {self.grant.role_name}"

    @property
    def arn(self) -> str:
        """The role's ARN."""
        return self.grant.role_arn

    # Observation

    def read(self, *, removing: bool = False) -> RoleState | None:
        """The role as it is; None where there is none.

        Args:
            removing: whether what the inline policies say does not matter any more.
        """
        role = self.attempt(self._get, "reading")
        if role is None:
            return None
        iam, name = self.account.iam, self.grant.role_name

        def attached() -> tuple[str, ...]:
            pages = iam.get_paginator("list_attached_role_policies").paginate(RoleName=name)
            return tuple(policy["PolicyArn"] for page in pages for policy in page["AttachedPolicies"])

        def inline() -> tuple[str, ...]:
            pages = iam.get_paginator("list_role_policies").paginate(RoleName=name)
            return tuple(policy for page in pages for policy in page["PolicyNames"])

        arns, names = run_concurrently(
            lambda: self.attempt(attached, "reading the policies of"),
            lambda: self.attempt(inline, "reading the policies of"),
        )
        tags = tags_of(role.get("Tags", []))
        ours = [] if removing else [name for name in names if name in self.grant.policies or was_recorded(name, tags)]
        documents = dict(zip(ours, run_concurrently(*(partial(self._read_inline, name) for name in ours))))
        return RoleState(
            trust=document_of(role["AssumeRolePolicyDocument"]),
            description=role.get("Description", ""),
            max_session_duration=role.get("MaxSessionDuration", 3600),
            boundary=role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn"),
            tags=tags,
            attached=arns,
            inline={name: documents.get(name) for name in names},
        )

    def _get(self) -> RoleTypeDef | None:
        try:
            return self.account.iam.get_role(RoleName=self.grant.role_name)["Role"]
        except self.account.iam.exceptions.NoSuchEntityException:
            return None

    def _read_inline(self, policy: str) -> PolicyDocument:
        return self.attempt(
            lambda: document_of(
                self.account.iam.get_role_policy(RoleName=self.grant.role_name, PolicyName=policy)["PolicyDocument"]
            ),
            f"observation inline policy {policy} of",
        )

    # Applying

    @property
    def _wanted_tags(self) -> dict[str, str]:
        return marked(self.grant.tags, (*self.grant.managed_policy_arns, *self.grant.policies))

    def steps_to_apply(self, state: RoleState | None) -> list[Step]:
        """The steps from a state to what the grant asks for."""
        if state is None:
            create = self.creation(after=self.after, detail=f"trust policy:\n{self.grant.trust_policy.to_json(2)}")
            return [create, *self._give(self.grant.managed_policy_arns, self.grant.policies, after={self.key})]
        return self._update(state)

    def _make(self) -> None:
        grant, iam = self.grant, self.account.iam
        request: CreateRoleRequestTypeDef = {
            "RoleName": grant.role_name,
            "Path": grant.path,
            "Description": grant.description,
            "AssumeRolePolicyDocument": grant.trust_policy.to_json(),
            "MaxSessionDuration": grant.max_session_duration,
            "Tags": tag_list(self._wanted_tags),
        }
        if grant.permissions_boundary is not None:
            request["PermissionsBoundary"] = grant.permissions_boundary

        def call() -> None:
            try:
                iam.create_role(**request)
            except iam.exceptions.EntityAlreadyExistsException:
                # It was not there when the plan was made. Ours: an answer was lost, and the call had taken effect.
                role = self._get()
                if role is None:
                    raise
                if not is_ours(tags_of(role.get("Tags", []))):
                    raise NotOurs(self.account.id, [self.words]) from None

        self.attempt(call, "creating", self._not_visible_yet)

    def _not_visible_yet(self, error: BaseException) -> bool:
        # Only a principal that this run makes may be about to become visible; any other is simply wrong.
        return made_but_not_visible_yet(error) or (bool(self.after) and principal_not_visible_yet(error))

    def _tags(self) -> Mapping[str, str] | None:
        found = self._get()
        return None if found is None else tags_of(found.get("Tags", []))

    def _give(self, arns: Iterable[str], policies: Mapping[str, PolicyDocument], *, after: Iterable[str]) -> list[Step]:
        attached = [self._attachment(arn).attach(after) for arn in arns]
        inline = [
            self.step(
                "attach",
                f"putting inline policy {name} on",
                partial(self._put_inline, name, document),
                partial(self._delete_inline, name),
                key=f"{self.key} {name}",
                after=after,
                resource=f"inline policy {name} to {self.words}",
                detail=document.to_json(2),
            )
            for name, document in policies.items()
        ]
        return attached + inline

    def _update(self, state: RoleState) -> list[Step]:
        grant = self.grant
        record = merged(self._wanted_tags, state.tags)
        tagging = self._retag(state.tags, record)
        missing = [arn for arn in grant.managed_policy_arns if arn not in state.attached]
        absent = {name: document for name, document in grant.policies.items() if name not in state.inline}
        given = self._give(missing, absent, after={step.key for step in tagging})
        taken = [self._attachment(arn).detach() for arn in self._outdated(state.attached, state)]
        taken += [self._drop_inline(name, state.inline[name]) for name in self._outdated(state.inline, state)]
        forgetting = self._retag(record, self._wanted_tags, "record", {s.key for s in (*tagging, *taken)})
        return [*tagging, *self._change_role(state), *self._change_inline(state), *given, *taken, *forgetting]

    def _outdated(self, names: Iterable[str], state: RoleState) -> list[str]:
        wanted = {*self.grant.managed_policy_arns, *self.grant.policies}
        return [name for name in names if name not in wanted and was_recorded(name, state.tags)]

    def _change_role(self, state: RoleState) -> list[Step]:
        grant, iam, name = self.grant, self.account.iam, self.grant.role_name
        steps = []

        def trust(document: PolicyDocument) -> None:
            iam.update_assume_role_policy(RoleName=name, PolicyDocument=document.to_json())

        def role(description: str, duration: int) -> None:
            iam.update_role(RoleName=name, Description=description, MaxSessionDuration=duration)

        def boundary(arn: str | None) -> None:
            if arn:
                iam.put_role_permissions_boundary(RoleName=name, PermissionsBoundary=arn)
            else:
                iam.delete_role_permissions_boundary(RoleName=name)

        if state.trust != grant.trust_policy:
            steps.append(
                self.step(
                    "update",
                    "updating the trust policy of",
                    lambda: self.attempt(
                        lambda: trust(grant.trust_policy),
                        "updating the trust policy of",
                        self._not_visible_yet,
                    ),
                    lambda: self.attempt(lambda: trust(state.trust), "restoring the trust policy of"),
                    key=f"{self.key} trust",
                    after=self.after,
                    resource=f"trust policy of {self.words}",
                    detail=policy_diff(state.trust, grant.trust_policy),
                )
            )
        old, new = (state.description, state.max_session_duration), (grant.description, grant.max_session_duration)
        if old != new:
            steps.append(
                self.step(
                    "update",
                    "updating",
                    lambda: self.attempt(lambda: role(*new), "updating"),
                    lambda: self.attempt(lambda: role(*old), "restoring"),
                    key=f"{self.key} settings",
                    detail=f"- {old[0]!r}, {old[1]} s\n+ {new[0]!r}, {new[1]} s",
                )
            )
        if state.boundary != grant.permissions_boundary:
            steps.append(
                self.step(
                    "update",
                    "bounding",
                    lambda: self.attempt(lambda: boundary(grant.permissions_boundary), "bounding"),
                    lambda: self.attempt(lambda: boundary(state.boundary), "restoring the boundary of"),
                    key=f"{self.key} boundary",
                    resource=f"permissions boundary of {self.words}",
                    detail=f"- {state.boundary or 'none'}\n+ {grant.permissions_boundary or 'none'}",
                )
            )
        return steps

    def _change_inline(self, state: RoleState) -> list[Step]:
        found = [(name, state.inline.get(name), wanted) for name, wanted in self.grant.policies.items()]
        return [
            self.step(
                "update",
                f"updating inline policy {name} of",
                partial(self._put_inline, name, wanted),
                partial(self._put_inline, name, old),
                key=f"{self.key} {name}",
                resource=f"inline policy {name} of {self.words}",
                detail=policy_diff(old, wanted),
            )
            for name, old, wanted in found
            if old is not None and old != wanted
        ]

    def _retag(
        self, old: Mapping[str, str], new: Mapping[str, str], part: str = "tags", after: Iterable[str] = ()
    ) -> list[Step]:
        iam, name = self.account.iam, self.grant.role_name
        return self.retag(
            old,
            new,
            tag=lambda tags: iam.tag_role(RoleName=name, Tags=tag_list(tags)),
            untag=lambda keys: iam.untag_role(RoleName=name, TagKeys=keys),
            part=part,
            after=after,
        )

    # What others did

    def foreign(self, state: RoleState) -> list[str]:
        """The policies on the role that xacct did not put there."""
        wanted = {*self.grant.managed_policy_arns, *self.grant.policies}
        others = [f"policy {arn} on {self.words}" for arn in state.attached]
        others += [f"inline policy {name} on {self.words}" for name in state.inline]
        names = (*state.attached, *state.inline)
        return [text for name, text in zip(names, others) if name not in wanted and not was_recorded(name, state.tags)]

    # Removing

    def steps_to_remove(self, state: RoleState) -> list[Step]:
        """The steps that remove the role and what the grant put on it."""
        taken = [self._attachment(arn).detach() for arn in state.attached]
        taken += [self._drop_inline(name, state.inline[name]) for name in state.inline]
        return [*taken, self.step("delete", "deleting", self._delete, key=self.key, after={s.key for s in taken})]

    def _delete(self) -> None:
        iam, name = self.account.iam, self.grant.role_name

        def call() -> None:
            try:
                iam.delete_role(RoleName=name)
            except iam.exceptions.NoSuchEntityException:
                return
            except iam.exceptions.DeleteConflictException:
                pages = iam.get_paginator("list_instance_profiles_for_role").paginate(RoleName=name)
                profiles = [p["InstanceProfileName"] for page in pages for p in page["InstanceProfiles"]]
                if profiles:
                    names = [f"instance profile {profile} with {self.words}" for profile in profiles]
                    raise ForeignAttachments(f"deleting {self.words}", self.account.id, names, touched=True) from None
                raise

        self.attempt(call, "deleting", deletion_is_stale)

    # Shared

    def _attachment(self, arn: str) -> Attachment:
        return Attachment(account=self.account, kind="role", name=self.grant.role_name, policy_arn=arn)

    def _put_inline(self, policy: str, document: PolicyDocument) -> None:
        self.attempt(
            lambda: self.account.iam.put_role_policy(
                RoleName=self.grant.role_name, PolicyName=policy, PolicyDocument=document.to_json()
            ),
            f"putting inline policy {policy} on",
            not_visible_yet,
        )

    def _drop_inline(self, policy: str, document: PolicyDocument | None) -> Step:
        return self.step(
            "detach",
            f"deleting inline policy {policy} of",
            partial(self._delete_inline, policy),
            None if document is None else partial(self._put_inline, policy, document),
            key=f"{self.key} {policy}",
            resource=f"inline policy {policy} from {self.words}",
        )

    def _delete_inline(self, policy: str) -> None:
        iam = self.account.iam

        def call() -> None:
            try:
                iam.delete_role_policy(RoleName=self.grant.role_name, PolicyName=policy)
            except iam.exceptions.NoSuchEntityException:
                return

        self.attempt(call, f"deleting inline policy {policy} of")
