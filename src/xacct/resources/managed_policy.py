"""The policy in the trusted account that allows assuming the role, and whom it is attached to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from attrs import evolve, frozen

from xacct.errors import NotOurs
from xacct.grants import DevAccessGrant
from xacct.policy import PolicyDocument
from xacct.resources.attachment import Attachment, Carrier
from xacct.resources.ownership_tags import is_ours, marked, merged, tag_list, tags_of, was_recorded
from xacct.resources.resource import Resource
from xacct.resources.step import Step, document_of, policy_diff
from xacct.retry import deletion_is_stale, made_but_not_visible_yet, not_visible_yet

if TYPE_CHECKING:
    from mypy_boto3_iam.type_defs import PolicyTypeDef

__all__ = ["ManagedPolicy", "ManagedPolicyState"]

_VERSIONS = 5


@frozen(kw_only=True)
class ManagedPolicyState:
    """The policy as the account has it.

    Attributes:
        document: what the default version says; None where it was not read.
        default_version: its id.
        attachments: how many users, groups and roles carry the policy.
        carriers: who they are; None where they were not read.
    """

    document: PolicyDocument | None
    default_version: str
    tags: Mapping[str, str]
    attachments: int
    carriers: frozenset[tuple[Carrier, str]] | None = None


@frozen(kw_only=True)
class ManagedPolicy(Resource):
    """The managed policy that a DevAccessGrant asks for."""

    grant: DevAccessGrant

    @property
    def words(self) -> str:
        """The policy in words."""
        return f"policy {self.grant.policy_name}"

    @property
    def arn(self) -> str:
        """The policy's ARN."""
        return self.grant.policy_arn

    @property
    def targets(self) -> list[Attachment]:
        """Whom the grant attaches the policy to, the console user apart."""
        named: list[tuple[Carrier, Iterable[str]]] = [
            ("user", self.grant.users),
            ("group", self.grant.groups),
            ("role", self.grant.roles),
        ]
        return [self._attachment(kind, name) for kind, names in named for name in names]

    # Observation

    def read(self, *, removing: bool = False) -> ManagedPolicyState | None:
        """The policy as it is, without its carriers; None where there is none.

        Args:
            removing: whether what the policy says does not matter any more.
        """
        policy = self.attempt(self._get, "reading")
        if policy is None:
            return None
        version = policy["DefaultVersionId"]
        return ManagedPolicyState(
            document=None if removing else self.attempt(lambda: self._get_version(version), "reading"),
            default_version=version,
            tags=tags_of(policy.get("Tags", [])),
            attachments=policy["AttachmentCount"],
        )

    def read_carriers(self, state: ManagedPolicyState) -> ManagedPolicyState:
        """The state with everybody who carries the policy."""

        def call() -> frozenset[tuple[Carrier, str]]:
            pages = list(self.account.iam.get_paginator("list_entities_for_policy").paginate(PolicyArn=self.arn))
            found: set[tuple[Carrier, str]] = set()
            for page in pages:
                found.update(("user", entity["UserName"]) for entity in page["PolicyUsers"])
                found.update(("group", entity["GroupName"]) for entity in page["PolicyGroups"])
                found.update(("role", entity["RoleName"]) for entity in page["PolicyRoles"])
            return frozenset(found)

        return evolve(state, carriers=self.attempt(call, "reading who carries"))

    def _get(self) -> PolicyTypeDef | None:
        try:
            return self.account.iam.get_policy(PolicyArn=self.arn)["Policy"]
        except self.account.iam.exceptions.NoSuchEntityException:
            return None

    def _get_version(self, version: str) -> PolicyDocument:
        answer = self.account.iam.get_policy_version(PolicyArn=self.arn, VersionId=version)
        return document_of(answer["PolicyVersion"]["Document"])

    # Applying

    @property
    def _wanted_tags(self) -> dict[str, str]:
        return marked(self.grant.tags, (_recorded_as(*carrier) for carrier in self._wanted_carriers))

    @property
    def _wanted_carriers(self) -> set[tuple[Carrier, str]]:
        carriers: set[tuple[Carrier, str]] = {(target.kind, target.name) for target in self.targets}
        if self.grant.console_user is not None:
            carriers.add(("user", self.grant.console_user.name))
        return carriers

    def steps_to_apply(self, state: ManagedPolicyState | None) -> list[Step]:
        """The steps from a state to what the grant asks for, the console user apart."""
        if state is None:
            create = self.creation(detail=self.grant.assume_role_policy.to_json(2))
            return [create, *(target.attach({self.key}) for target in self.targets)]
        carriers = state.carriers or frozenset()
        record = merged(self._wanted_tags, state.tags)
        tagging = self._retag(state.tags, record)
        tagged = {step.key for step in tagging}
        given = [target.attach(tagged) for target in self.targets if (target.kind, target.name) not in carriers]
        outdated = [carrier for carrier in sorted(carriers - self._wanted_carriers) if _was_given(carrier, state)]
        taken = [self._attachment(*carrier).detach() for carrier in outdated]
        forgetting = self._retag(record, self._wanted_tags, "record", {*tagged, *(step.key for step in taken)})
        return [*tagging, *self._revise(state), *given, *taken, *forgetting]

    def _make(self) -> None:
        grant, iam = self.grant, self.account.iam

        def call() -> None:
            try:
                iam.create_policy(
                    PolicyName=grant.policy_name,
                    Path=grant.path,
                    Description=grant.description,
                    PolicyDocument=grant.assume_role_policy.to_json(),
                    Tags=tag_list(self._wanted_tags),
                )
            except iam.exceptions.EntityAlreadyExistsException:
                # It was not there when the plan was made. Ours: an answer was lost, and the call had taken effect.
                policy = self._get()
                if policy is None:
                    raise
                if not is_ours(tags_of(policy.get("Tags", []))):
                    raise NotOurs(self.account.id, [self.words]) from None

        self.attempt(call, "creating", made_but_not_visible_yet)

    def _tags(self) -> Mapping[str, str] | None:
        found = self._get()
        return None if found is None else tags_of(found.get("Tags", []))

    def _retag(
        self, old: Mapping[str, str], new: Mapping[str, str], part: str = "tags", after: Iterable[str] = ()
    ) -> list[Step]:
        iam, arn = self.account.iam, self.arn
        return self.retag(
            old,
            new,
            tag=lambda tags: iam.tag_policy(PolicyArn=arn, Tags=tag_list(tags)),
            untag=lambda keys: iam.untag_policy(PolicyArn=arn, TagKeys=keys),
            part=part,
            after=after,
        )

    def _revise(self, state: ManagedPolicyState) -> list[Step]:
        wanted = self.grant.assume_role_policy
        if state.document is None or state.document == wanted:
            return []
        return [
            self.step(
                "update",
                "updating",
                self._add_version,
                lambda: self._restore_version(state.default_version),
                key=f"{self.key} version",
                detail=policy_diff(state.document, wanted),
            )
        ]

    def _add_version(self) -> None:
        iam = self.account.iam
        versions = self._versions()
        if len(versions) >= _VERSIONS:
            oldest = min((v for v, default in versions.items() if not default), key=lambda v: int(v[1:]))
            self._delete_version(oldest)
        wanted = self.grant.assume_role_policy
        tried = False

        def call() -> None:
            nonlocal tried
            if tried and self._says(wanted):
                return  # An answer was lost, and the call had taken effect.
            tried = True
            iam.create_policy_version(PolicyArn=self.arn, PolicyDocument=wanted.to_json(), SetAsDefault=True)

        self.attempt(call, "updating")

    def _says(self, wanted: PolicyDocument) -> bool:
        policy = self._get()
        return policy is not None and self._get_version(policy["DefaultVersionId"]) == wanted

    def _restore_version(self, version: str) -> None:
        iam = self.account.iam
        added = [v for v, default in self._versions().items() if default and v != version]
        self.attempt(lambda: iam.set_default_policy_version(PolicyArn=self.arn, VersionId=version), "restoring")
        for newer in added:
            self._delete_version(newer)

    def _versions(self) -> dict[str, bool]:
        def call() -> dict[str, bool]:
            pages = self.account.iam.get_paginator("list_policy_versions").paginate(PolicyArn=self.arn)
            return {v["VersionId"]: v["IsDefaultVersion"] for page in pages for v in page["Versions"]}

        return self.attempt(call, "reading the versions of", not_visible_yet)

    def _delete_version(self, version: str) -> None:
        iam = self.account.iam

        def call() -> None:
            try:
                iam.delete_policy_version(PolicyArn=self.arn, VersionId=version)
            except iam.exceptions.NoSuchEntityException:
                return

        self.attempt(call, f"deleting version {version} of")

    # What others did

    def foreign(self, state: ManagedPolicyState) -> list[str]:
        """Who carries the policy without a grant's having asked for it."""
        others = (state.carriers or frozenset()) - self._wanted_carriers
        return [
            f"{self.words} on {kind} {name}" for kind, name in sorted(others) if not _was_given((kind, name), state)
        ]

    # Removing

    def steps_to_remove(self, state: ManagedPolicyState) -> list[Step]:
        """The steps that detach the policy from those whom it was given to, and remove it with all its versions."""
        user = self.grant.console_user
        # The console user is removed with what they carry.
        of_user = () if user is None else (self._attachment("user", user.name),)
        carriers = sorted(
            (state.carriers or frozenset()) - {(attachment.kind, attachment.name) for attachment in of_user}
        )
        detached = [self._attachment(*carrier).detach() for carrier in carriers]
        after = {*(step.key for step in detached), *(attachment.key for attachment in of_user)}
        return [*detached, self.step("delete", "deleting", self._delete, key=self.key, after=after)]

    def _delete(self) -> None:
        iam = self.account.iam

        def call() -> None:
            try:
                iam.delete_policy(PolicyArn=self.arn)
            except iam.exceptions.NoSuchEntityException:
                return
            except iam.exceptions.DeleteConflictException:
                # Nearly always there is one version only, so that they are asked for when AWS refuses.
                for version in (version for version, default in self._versions().items() if not default):
                    self._delete_version(version)
                raise

        self.attempt(call, "deleting", deletion_is_stale)

    def _attachment(self, kind: Carrier, name: str) -> Attachment:
        return Attachment(account=self.account, kind=kind, name=name, policy_arn=self.arn)


def _recorded_as(kind: Carrier, name: str) -> str:
    return f"{kind} {name}"


def _was_given(carrier: tuple[Carrier, str], state: ManagedPolicyState) -> bool:
    return was_recorded(_recorded_as(*carrier), state.tags)
