"""The abstract base of the IAM resources: reading one, and the steps that create, change, tag and delete it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta, timezone
from typing import Generic, Literal, Protocol, TypeVar

from attrs import evolve, field, frozen

from xacct.errors import AwsError, NotOurs, StalePlan, XacctError
from xacct.grant_account import GrantAccount
from xacct.resources.account_listing import AccountListing
from xacct.resources.guarded_account import guarded
from xacct.resources.ownership_tags import RUN_TAG, GrantIdentity, Run, dropped_tags, foreign_tags, is_managed, run_in
from xacct.resources.run_timing import clock, is_recent_read, seconds_to_wait
from xacct.resources.step import Action, Change, JsonValue, Step, change
from xacct.retry import (
    Patience,
    creation_not_visible_yet,
    deletion_is_stale,
    never_transient,
    none_if_missing,
    poll,
)

__all__ = ["Purpose", "Resource", "ResourceState"]

T = TypeVar("T")

Purpose = Literal["plan", "recheck", "drift", "remove"]
"""What a read is for: a plan; the check that what is planned is still true; everything unwanted; a removal."""

# Seconds after which nearly every IAM change is visible.
_USUAL_PROPAGATION_SECONDS = 15.0
# Seconds for which a difference from the plan may be a read of a host that has not seen an earlier change.
_RECHECK_SECONDS = 5.0


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
        run: the run that the steps belong to. Everything that a step creates or changes is marked with it.
        seen_run: the run tag that the resource had when it was read.
    """

    account: GrantAccount
    run: Run = field(factory=Run)
    seen_run: str | None = None

    @property
    @abstractmethod
    def label(self) -> str:
        """The kind and the name of the resource, such as ``role CrossAccountRoleS3``."""

    @property
    @abstractmethod
    def arn(self) -> str:
        """The resource's ARN."""

    @property
    @abstractmethod
    def identity(self) -> GrantIdentity:
        """The grant that needs the resource."""

    def read(self, purpose: Purpose = "plan") -> S | None:
        """Read the resource as far as a purpose needs it; return None if it does not exist."""
        try:
            return self._read(purpose)
        except AwsError as error:
            # Another run may have deleted the resource, or a part of it, between two of the calls.
            if error.code != "NoSuchEntity":
                raise
        return self._read(purpose)

    @abstractmethod
    def _read(self, purpose: Purpose) -> S | None:
        """Read the resource once."""

    @abstractmethod
    def read_listed(self, listing: AccountListing, purpose: Purpose = "plan") -> S | None:
        """Do what `read` does, with what the listing of the account has."""

    @abstractmethod
    def owner(self, tags: Mapping[str, str]) -> GrantIdentity | None:
        """Return the only grant that may use the resource; None if any grant may, or if no grant is recorded."""

    @abstractmethod
    def steps_to_apply(self, state: S | None) -> list[Step]:
        """Return the steps from a state to what the grant declares."""

    @abstractmethod
    def steps_to_remove(self, state: S) -> list[Step]:
        """Return the steps that detach what xacct attached and delete the resource."""

    @abstractmethod
    def foreign_attachments(self, state: S) -> list[str]:
        """Return a description of each thing on the resource that xacct did not attach, and that blocks a removal."""

    @abstractmethod
    def refuse_unchangeable(self, state: S) -> None:
        """Check that AWS can change every property that differs from the grant's.

        Raises:
            CannotChange: it cannot change one.
        """

    @abstractmethod
    def _tags(self, state: S | None) -> dict[str, str]:
        """Return the tags that the resource needs."""

    @abstractmethod
    def _foreign_things(self, state: S) -> list[str]:
        """Return a description of each thing on the resource that xacct did not put there."""

    @abstractmethod
    def is_complete(self, state: S) -> bool:
        """Return whether everything that the last run was to attach is attached."""

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

    @abstractmethod
    def _comparable(self, state: S, planned: S) -> S:
        """Return a state without the run that is recorded, and without what was not read for the plan."""

    def drift(self, state: S) -> list[Change]:
        """Return everything on the resource that the grant does not want and that a plan does not change."""
        things = [self._left(text) for text in self._foreign_things(state)]
        tags = foreign_tags(state.tags, self._tags(state))
        return things + [self._left(f"tag {key}={value} of {self.label}", value) for key, value in tags.items()]

    def not_applied(self, state: S) -> list[str]:  # noqa: ARG002 - a subclass needs it
        """Return what the grant asks for and the steps do not do."""
        return []

    def _left(self, resource: str, before: JsonValue = None, after: JsonValue = None) -> Change:
        return change(self.account, "leave", resource, before=before, after=after)

    def _resolve_conflict(self) -> None:
        """Handle a DeleteConflict: delete what xacct created, and report what it did not.

        Raises:
            ForeignAttachments: something that xacct did not create prevents the deletion.
        """

    def _refuse_name_in_use(self) -> None:
        """Handle a name that is in use although the resource is not found.

        Raises:
            CannotChange: a resource of the same name has another path.
        """

    def _is_transient_on_create(self, error: BaseException) -> bool:
        return creation_not_visible_yet(error)

    @property
    def key(self) -> str:
        """The key of the step that creates or deletes the resource."""
        return f"{self.account.side} {self.label}"

    def is_used(self, state: S) -> bool:  # noqa: ARG002 - a subclass needs it
        """Return whether the resource that exists is the grant's, and not one that the grant begins to use."""
        return True

    def is_ours(self, tags: Mapping[str, str]) -> bool:
        """Return whether the tags say that the grant may change the resource."""
        owner = self.owner(tags)
        return is_managed(tags) and (owner is None or owner.is_same_grant(self.identity))

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

    # Claiming

    @property
    def claim_key(self) -> str:
        """The key of the step that claims the resource."""
        return f"{self.key} claim"

    def step_to_claim(self, planned: S) -> Step:
        """Return the step that marks an existing resource with this run, and checks that it is still as planned.

        The mark comes first, and the read after it. So of two runs at least one sees the other.
        """
        return Step(
            key=self.claim_key,
            account=self.account,
            what=f"checking that {self.label} is still as planned",
            run=lambda: self._claim(planned),
            undo=self._if_not_overtaken(lambda: self._undo_claim(planned)),
        )

    def _claim(self, planned: S) -> None:
        self._mark()
        self._wait_for_other_run(planned)

        def is_as_planned(state: S | None) -> bool:
            return (
                state is not None
                and self.run.made(state.tags)
                and self._comparable(state, planned) == self._comparable(planned, planned)
            )

        if not is_as_planned(poll(lambda: self.read("recheck"), is_as_planned, self._patience(_RECHECK_SECONDS))):
            raise StalePlan(self.account.id, [self.label])

    def _mark(self, **more: str) -> None:
        """Record this run, and perhaps more, in the tags."""
        try:
            self.attempt(lambda: self._request_tagging({RUN_TAG: self.run.tag, **more}), "marking")
        except AwsError as error:
            if error.code != "NoSuchEntity":
                raise
            raise StalePlan(self.account.id, [self.label]) from error

    def _undo_claim(self, planned: S) -> None:  # noqa: ARG002 - a subclass needs it
        replaced, added = ({}, [RUN_TAG]) if self.seen_run is None else ({RUN_TAG: self.seen_run}, [])
        self._restore_tags(replaced, added)

    def recent_run(self, tags: Mapping[str, str]) -> Run | None:
        """Return the last run that changed the resource, if it began so recently that it may not have ended."""
        run, longest = run_in(tags), timedelta(seconds=self.account.patience.deadline)
        return None if run is None or datetime.now(timezone.utc) - run.started > longest else run

    def _wait_for_other_run(self, planned: S) -> None:
        """Wait while the run that created the resource still adds to it."""
        patience = self.account.patience
        if self.recent_run(planned.tags) is None:
            return
        state: S | None = planned
        while state is not None and not self.is_complete(state):
            before = state
            patience.sleep(seconds_to_wait(patience))
            state = self.read("recheck")
            if state is not None and self._comparable(state, planned) == self._comparable(before, planned):
                return

    def is_settled(self) -> bool:
        """Return whether the resource is as the grant declares, and no other run has changed it since this one."""

        def is_final(state: S | None) -> bool:
            return state is not None and self.run.made(state.tags) and not self.steps_to_apply(state)

        def is_decided(state: S | None) -> bool:
            # Only a read without this run's mark can be out of date. The mark of another run is not.
            overtaken = state is not None and state.tags.get(RUN_TAG) not in (self.run.tag, self.seen_run)
            return overtaken or is_final(state)

        return is_final(poll(lambda: self.read("recheck"), is_decided, self._patience(_RECHECK_SECONDS)))

    def is_still_there(self) -> bool:
        """Return whether a resource that this run created still exists, and no other run has changed it."""
        tags = self._tags_once_visible()
        return tags is not None and self.run.made(tags)

    def _patience(self, deadline: float) -> Patience:
        return evolve(self.account.patience, deadline=min(self.account.patience.deadline, deadline))

    def _if_not_overtaken(self, undo: Callable[[], None]) -> Callable[[], None]:
        def guarded() -> None:
            tags = self.attempt(self._current_tags, "reading")
            if tags is not None and tags.get(RUN_TAG) not in (self.run.tag, self.seen_run):
                raise XacctError(f"{self.label} was changed by another run since, so it was left as it is")
            undo()

        return guarded

    # Removing

    def guarded_since(self, read_at: float, state: S) -> Resource[S]:
        """Return the resource with steps that stop if another run has begun to change it since it was read.

        Args:
            read_at: the time before the read.
            state: what was read.
        """
        relied_on = read_at

        def guard(*, is_retry: bool) -> None:
            nonlocal relied_on
            # An earlier try may have removed the resource, and another run may have created it again.
            if not is_retry and is_recent_read(relied_on, self.account.patience):
                return
            began = clock()
            tags = self._current_tags()
            if tags is not None and not self._is_unchanged(tags, state):
                raise XacctError(
                    f"another run has begun to use or to change {self.label} in account {self.account.id}, so the "
                    "rest of it stays. Wait for that run, and run again"
                )
            relied_on = began

        return evolve(self, account=guarded(self.account, guard))

    def _is_unchanged(self, tags: Mapping[str, str], state: S) -> bool:
        """Return whether the tags say that no other run has changed the resource since a state was read."""
        return tags.get(RUN_TAG) == state.tags.get(RUN_TAG)

    # Creating and deleting

    def step_to_create(self, *, after: Iterable[str] = (), detail: str = "", value: JsonValue = None) -> Step:
        """Return the step that creates the resource. Its undo also works if the response was lost."""
        created = False

        def run() -> None:
            nonlocal created
            self._create()
            created = True

        def undo() -> None:
            tags = self.attempt(self._current_tags, "reading") if created else self._tags_once_visible()
            # If the creation succeeded, a read that finds nothing is stale.
            if tags is None and not created:
                return
            if tags is None or self.run.made(tags):
                self._delete()
            elif created:
                raise XacctError(f"{self.label} was changed by another run since, so it was left as it is")

        return Step(
            key=self.key,
            account=self.account,
            what=f"creating {self.label}",
            run=run,
            undo=undo,
            change=change(self.account, "create", self.label, detail, after=value),
            after=frozenset(after),
        )

    def step_to_delete(self, *, after: Iterable[str]) -> Step:
        """Return the step that deletes the resource."""
        return self.step("delete", "deleting", self._delete, key=self.key, after=after)

    def _create(self) -> None:
        def call() -> None:
            try:
                self._request_creation()
            except self.account.iam.exceptions.EntityAlreadyExistsException:
                # The plan did not find it. If this run created it, an earlier try did and its response was lost.
                tags = self._current_tags()
                if tags is None:
                    self._refuse_name_in_use()
                    raise
                if self.run.made(tags):
                    return
                names = [self.label]
                raise (StalePlan if is_managed(tags) else NotOurs)(self.account.id, names) from None

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
        return poll(
            lambda: self.attempt(self._current_tags, "reading"),
            lambda tags: tags is not None,
            self._patience(_USUAL_PROPAGATION_SECONDS),
        )

    # Changing

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
        before: JsonValue = None,
        value: JsonValue = None,
    ) -> Step:
        """Return a step that changes the resource.

        Args:
            action: what the step does.
            doing: what messages put before the resource's label.
            run: makes the change.
            undo: reverts it, if no other run has changed the resource since.
            key: the step's key.
            after: the keys of the steps that must finish first.
            resource: what changes, if it is only a part of the resource.
            detail: more about the change, such as a diff.
            before: the old value.
            value: the new value.
        """
        return Step(
            key=key,
            account=self.account,
            what=f"{doing} {self.label}",
            run=run,
            undo=None if undo is None else self._if_not_overtaken(undo),
            change=change(self.account, action, resource or self.label, detail, before=before, after=value),
            after=frozenset(after),
        )

    def guarded(self, step: Step) -> Step:
        """Return a step whose undo does nothing if another run has changed the resource since."""
        return step if step.undo is None else evolve(step, undo=self._if_not_overtaken(step.undo))

    def steps_to_tag(
        self, old: Mapping[str, str], new: Mapping[str, str], *, part: str = "tags", after: Iterable[str] = ()
    ) -> list[Step]:
        """Return the step that sets the tags that differ and removes those that xacct set and that are not wanted.

        Other tags of the resource stay.

        Args:
            old: the tags that the resource has.
            new: the tags that it needs.
            part: what tells this step's key from that of another tagging step.
            after: the keys of the steps that must finish first.
        """
        changed = {key: value for key, value in new.items() if old.get(key) != value and key != RUN_TAG}
        dropped = dropped_tags(old, new)
        if not changed and not dropped:
            return []
        replaced = {key: old[key] for key in (*changed, *dropped) if key in old}
        added = [key for key in changed if key not in old]

        lines = [f"- {key}={old[key]}" for key in (*changed, *dropped) if key in old]
        lines += [f"+ {key}={value}" for key, value in changed.items()]
        return [
            self.step(
                "update",
                "tagging",
                lambda: self._set_tags(changed, dropped, "tagging"),
                lambda: self._restore_tags(replaced, added),
                key=f"{self.key} {part}",
                after=after,
                resource=f"tags of {self.label}",
                detail="\n".join(lines),
                before=dict(replaced),
                value=dict(changed),
            )
        ]

    def _set_tags(self, tags: Mapping[str, str], dropped: list[str], doing: str) -> None:
        if tags:
            self.attempt(lambda: self._request_tagging(tags), doing)
        if dropped:
            self.attempt(lambda: self._request_untagging(dropped), doing)

    def _restore_tags(self, replaced: Mapping[str, str], added: list[str]) -> None:
        """Undo changes of tags, unless another run has deleted the resource."""
        doing = "restoring the tags of"
        if replaced:
            self.attempt(lambda: none_if_missing(lambda: self._request_tagging(replaced)), doing)
        if added:
            self.attempt(lambda: none_if_missing(lambda: self._request_untagging(added)), doing)
