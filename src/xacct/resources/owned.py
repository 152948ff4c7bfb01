"""What the kinds of resources share: words for what is being done, and the step that does it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from attrs import frozen

from xacct.resources.step import Action, Step, change
from xacct.retry import never
from xacct.side import Side

__all__ = ["Owned"]

T = TypeVar("T")


@frozen(kw_only=True)
class Owned:
    """A resource that xacct makes in the account of a side."""

    side: Side

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
        return f"{self.side.name} {self.words}"

    def attempt(self, call: Callable[[], T], doing: str, passing: Callable[[BaseException], bool] = never) -> T:
        """The result of a call about the resource; ``doing`` is the verb that errors put before its words."""
        return self.side.attempt(call, doing=f"{doing} {self.words}", resource=self.arn, passing=passing)

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
            side=self.side,
            what=f"{doing} {self.words}",
            run=run,
            undo=undo,
            change=change(self.side, action, resource or self.words, detail),
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
