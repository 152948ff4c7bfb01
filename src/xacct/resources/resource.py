"""The abstract base of the IAM resources: reading one, and the steps that create, tag and delete it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import Generic, Protocol, TypeVar

from attrs import evolve, frozen
from botocore.exceptions import ClientError

from xacct.errors import NotOurs, NotPropagated
from xacct.grant_account import GrantAccount
from xacct.resources.ownership_tags import is_ours
from xacct.resources.step import Action, Step, change
from xacct.retry import creation_not_visible_yet, deletion_is_stale, never_transient, none_if_missing, not_visible_yet

__all__ = ["Resource", "ResourceState"]

T = TypeVar("T")

# Seconds after which nearly every IAM change is visible.
_USUAL_PROPAGATION_SECONDS = 15.0


class ResourceState(Protocol):
    """What was read of a resource that exists."""

    @property
    def tags(self) -> Mapping[str, str]:
        """The resource's tags."""
        ...


S = TypeVar("S", bound=ResourceState)


@frozen(kw_only=True)
class Resource(ABC, Generic[S]):
    """An IAM resource that a grant needs in one of its accounts.

    A subclass implements the abstract members for one kind of resource. Each of its methods that calls AWS once, such
    as `_request_creation`, leaves retries and error messages to this class.

    Args:
        account: the account of the resource.
    """

    account: GrantAccount

    @property
    @abstractmethod
    def label(self) -> str:
        """The kind and the name of the resource, such as ``role CrossAccountRoleS3``."""

    @property
    @abstractmethod
    def arn(self) -> str:
        """The resource's ARN."""

    @abstractmethod
    def read(self, *, removing: bool = False) -> S | None:
        """Read the resource; return None if it does not exist.

        Args:
            removing: whether to read what a removal needs, instead of what an update needs.
        """

    @abstractmethod
    def steps_to_apply(self, state: S | None) -> list[Step]:
        """Return the steps from a state to what the grant declares."""

    @abstractmethod
    def steps_to_remove(self, state: S) -> list[Step]:
        """Return the steps that detach what xacct attached and delete the resource."""

    @abstractmethod
    def foreign_attachments(self, state: S) -> list[str]:
        """Return a description of each thing on the resource that xacct did not attach."""

    @abstractmethod
    def _current_tags(self) -> Mapping[str, str] | None:
        """Read the resource's tags; return None if it does not exist or is not visible yet."""

    @abstractmethod
    def _request_creation(self) -> None:
        """Call the operation that creates the resource, with its ownership tags."""

    @abstractmethod
    def _request_deletion(self) -> None:
        """Call the operation that deletes the resource."""

    @abstractmethod
    def _request_tagging(self, tags: Mapping[str, str]) -> None:
        """Call the operation that tags the resource."""

    @abstractmethod
    def _request_untagging(self, keys: list[str]) -> None:
        """Call the operation that removes tags from the resource."""

    def _resolve_conflict(self) -> None:
        """Handle a DeleteConflict: delete what xacct created, and report what it did not.

        Raises:
            ForeignAttachments: something that xacct did not create prevents the deletion.
        """

    def _is_transient_on_create(self, error: BaseException) -> bool:
        return creation_not_visible_yet(error)

    @property
    def key(self) -> str:
        """The key of the step that creates or deletes the resource."""
        return f"{self.account.side} {self.label}"

    def attempt(
        self, call: Callable[[], T], doing: str, transient: Callable[[BaseException], bool] = never_transient
    ) -> T:
        """Make a call about the resource and return its result, as :func:`xacct.retry.attempt` does.

        Args:
            call: makes the call.
            doing: what errors put before the resource's label, such as ``deleting``.
            transient: returns whether an error is caused by propagation.
        """
        return self.account.attempt(call, doing=f"{doing} {self.label}", resource=self.arn, transient=transient)

    def step_to_create(self, *, after: Iterable[str] = (), detail: str = "") -> Step:
        """Return the step that creates the resource. Its undo also works if the response was lost."""
        created = False

        def run() -> None:
            nonlocal created
            self._create()
            created = True

        def undo() -> None:
            tags = self.attempt(self._current_tags, "reading") if created else self._tags_once_visible()
            # If the creation succeeded, a read that finds nothing is stale.
            if is_ours(tags) if tags is not None else created:
                self._delete()

        return self.step("create", "creating", run, undo, key=self.key, after=after, detail=detail)

    def step_to_delete(self, *, after: Iterable[str]) -> Step:
        """Return the step that deletes the resource."""
        return self.step("delete", "deleting", self._delete, key=self.key, after=after)

    def _create(self) -> None:
        def call() -> None:
            try:
                self._request_creation()
            except self.account.iam.exceptions.EntityAlreadyExistsException:
                # The plan did not find it. If it is ours now, an earlier try created it and its response was lost.
                tags = self._current_tags()
                if tags is None:
                    raise
                if not is_ours(tags):
                    raise NotOurs(self.account.id, [self.label]) from None

        self.attempt(call, "creating", self._is_transient_on_create)

    def _delete(self) -> None:
        def call() -> None:
            try:
                none_if_missing(self._request_deletion)
            except self.account.iam.exceptions.DeleteConflictException:
                self._resolve_conflict()
                raise

        self.attempt(call, "deleting", deletion_is_stale)

    def _tags_once_visible(self) -> Mapping[str, str] | None:
        """Read the tags of a resource that may have been created, until it is visible; return None if it never is."""

        def call() -> Mapping[str, str]:
            tags = self._current_tags()
            if tags is None:
                raise ClientError({"Error": {"Code": "NoSuchEntity", "Message": f"{self.label} not found"}}, "Get")
            return tags

        deadline = min(self.account.patience.deadline, _USUAL_PROPAGATION_SECONDS)
        patience = evolve(self.account.patience, deadline=deadline)
        try:
            return evolve(self.account, patience=patience).attempt(
                call, doing=f"reading {self.label}", resource=self.arn, transient=not_visible_yet
            )
        except NotPropagated:
            return None

    def step(
        self,
        action: Action,
        doing: str,
        run: Callable[[], None],
        undo: Callable[[], None] | None = None,
        *,
        key: str,
        after: Iterable[str] = (),
        resource: str = "",
        detail: str = "",
    ) -> Step:
        """Return a step that changes the resource.

        Args:
            action: what the step does.
            doing: what messages put before the resource's label.
            run: makes the change.
            undo: reverts it.
            key: the step's key.
            after: the keys of the steps that must finish first.
            resource: what changes, if it is only a part of the resource.
            detail: more about the change, such as a diff.
        """
        return Step(
            key=key,
            account=self.account,
            what=f"{doing} {self.label}",
            run=run,
            undo=undo,
            change=change(self.account, action, resource or self.label, detail),
            after=frozenset(after),
        )

    def steps_to_tag(
        self, old: Mapping[str, str], new: Mapping[str, str], *, part: str = "tags", after: Iterable[str] = ()
    ) -> list[Step]:
        """Return the step that sets the tags that differ, or no step. Other tags of the resource stay.

        Args:
            old: the tags that the resource has.
            new: the tags that it needs.
            part: what tells this step's key from that of another tagging step.
            after: the keys of the steps that must finish first.
        """
        changed = {key: value for key, value in new.items() if old.get(key) != value}
        if not changed:
            return []
        replaced = {key: old[key] for key in changed if key in old}
        added = [key for key in changed if key not in old]

        def run() -> None:
            self.attempt(lambda: self._request_tagging(changed), "tagging")

        def undo() -> None:
            if replaced:
                self.attempt(lambda: self._request_tagging(replaced), "restoring the tags of")
            if added:
                self.attempt(lambda: self._request_untagging(added), "restoring the tags of")

        return [
            self.step(
                "update",
                "tagging",
                run,
                undo,
                key=f"{self.key} {part}",
                after=after,
                resource=f"tags of {self.label}",
                detail="\n".join(f"+ {key}={value}" for key, value in changed.items()),
            )
        ]
