"""What the kinds of resources share: words for what is being done, and the step that does it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from attrs import evolve, frozen
from botocore.exceptions import ClientError

from xacct.errors import NotPropagated
from xacct.grant_account import GrantAccount
from xacct.resources.ownership_tags import is_ours
from xacct.resources.step import Action, Step, change
from xacct.retry import never, not_visible_yet

__all__ = ["Resource"]

T = TypeVar("T")

# Seconds until nearly every write to IAM is seen.
_SPREADS = 15.0
_NOT_SEEN = ClientError({"Error": {"Code": "NoSuchEntity", "Message": "It is not there."}}, "Get")


@frozen(kw_only=True)
class Resource:
    """A resource that xacct makes in the account of a side."""

    account: GrantAccount

    @property
    def words(self) -> str:
        """The resource in words, such as ``role CrossAccountRoleS3``."""
        raise TypeError("each kind of resource has its own words")

    @property
    def arn(self) -> str:
        """The resource's ARN."""
        raise TypeError("each kind of resource has its own ARN")

    @property
    def key(self) -> str:
        """What other steps name the making or the removing of the resource by."""
        return f"{self.account.side} {self.words}"

    def attempt(self, call: Callable[[], T], doing: str, transient: Callable[[BaseException], bool] = never) -> T:
        """The result of a call about the resource; ``doing`` is the verb that errors put before its words."""
        return self.account.attempt(call, doing=f"{doing} {self.words}", resource=self.arn, transient=transient)

    def _tags(self) -> Mapping[str, str] | None:
        """The tags of the resource as it is now; None where it is not there, or not to be seen yet."""
        raise TypeError("each kind of resource has its own call to read it")

    def _make(self) -> None:
        raise TypeError("each kind of resource has its own call to make it")

    def _delete(self) -> None:
        raise TypeError("each kind of resource has its own call to delete it")

    def creation(self, *, after: Iterable[str] = (), detail: str = "") -> Step:
        """The step that makes the resource, and that takes back what it made even if it cannot be sure of it."""
        confirmed = False

        def make() -> None:
            nonlocal confirmed
            self._make()
            confirmed = True

        def take_back() -> None:
            tags = self.attempt(self._tags, "reading") if confirmed else self._tags_in_time()
            # A read that does not find what was certainly made is stale.
            if is_ours(tags) if tags is not None else confirmed:
                self._delete()

        return self.step("create", "creating", make, take_back, key=self.key, after=after, detail=detail)

    def _tags_in_time(self) -> Mapping[str, str] | None:
        """The tags of what may have been made, after as long as it may take to be seen."""

        def call() -> Mapping[str, str]:
            tags = self._tags()
            if tags is None:
                raise _NOT_SEEN
            return tags

        patience = evolve(self.account.patience, deadline=min(self.account.patience.deadline, _SPREADS))
        try:
            return evolve(self.account, patience=patience).attempt(
                call, doing=f"reading {self.words}", resource=self.arn, transient=not_visible_yet
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
        """A step that changes the resource, or a part of it that ``resource`` names in words."""
        return Step(
            key=key,
            account=self.account,
            what=f"{doing} {self.words}",
            run=run,
            undo=undo,
            change=change(self.account, action, resource or self.words, detail),
            after=frozenset(after),
        )

    def retag(
        self,
        old: Mapping[str, str],
        new: Mapping[str, str],
        *,
        tag: Callable[[Mapping[str, str]], object],
        untag: Callable[[list[str]], object],
        part: str = "tags",
        after: Iterable[str] = (),
    ) -> list[Step]:
        """The step that gives the resource its new tags and leaves all others; none where it has them already."""
        wanted = {key: value for key, value in new.items() if old.get(key) != value}
        if not wanted:
            return []
        replaced = {key: old[key] for key in wanted if key in old}
        added = [key for key in wanted if key not in old]

        def run() -> None:
            self.attempt(lambda: tag(wanted), "tagging")

        def undo() -> None:
            if replaced:
                self.attempt(lambda: tag(replaced), "restoring the tags of")
            if added:
                self.attempt(lambda: untag(added), "restoring the tags of")

        return [
            self.step(
                "update",
                "tagging",
                run,
                undo,
                key=f"{self.key} {part}",
                after=after,
                resource=f"tags of {self.words}",
                detail="\n".join(f"+ {key}={value}" for key, value in wanted.items()),
            )
        ]
