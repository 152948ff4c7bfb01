"""Resources of which everything is given: whose they are, and what is to be done with them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any

from attrs import evolve, field, frozen

from xacct.errors import CannotChange
from xacct.reconcile.observation import Observation, ObservedGrants
from xacct.resources.ownership_tags import RUN_TAG, GrantIdentity, Run
from xacct.resources.step import Change, Step

from .accounts import TRUSTED

MINE, THEIRS = GrantIdentity("mine", ("1",)), GrantIdentity("theirs", ("2",))
NOTHING = ObservedGrants(roles=(), policies=(), users=())
ACCOUNT: Any = SimpleNamespace(side="trusted", id=TRUSTED, partition="aws")


def state(owner: GrantIdentity | None = MINE, *, managed: bool = True, run: str | None = "the last run") -> Any:
    """A state whose tags name the owner."""
    tags = {"owner": owner, "managed": managed}
    return SimpleNamespace(tags=tags if run is None else {**tags, RUN_TAG: run})


OURS, ADOPTED, OTHERS, FOREIGN = state(), state(None), state(THEIRS), state(None, managed=False)


@frozen(kw_only=True)
class Thing:
    """A resource whose steps are given."""

    key: str = "thing"
    account: Any = ACCOUNT
    applied: tuple[str, ...] = ("apply",)
    after: frozenset[str] = frozenset()
    foreign: tuple[str, ...] = ()
    settled: bool = True
    complete: bool = True
    still_there: bool = True
    run: Run | None = None
    seen_run: str | None = None
    identity: GrantIdentity = MINE
    grant: Any = None
    unchangeable: bool = False
    recent: Run | None = None
    runs: list[Run | None] = field(factory=list, repr=False)
    call: Callable[[str], object] = field(default=lambda key: None, repr=False)

    @property
    def label(self) -> str:
        return f"thing {self.key}"

    def steps_to_apply(self, state: object | None) -> list[Step]:
        self.runs.append(self.run)
        return [self._step(f"{self.key} {name}", "creating" if state is None else "changing") for name in self.applied]

    def steps_to_remove(self, state: object) -> list[Step]:
        assert state is not None
        return [self._step(f"{self.key} remove")]

    def step_to_claim(self, state: object) -> Step:
        assert state is not None
        return evolve(self._step(f"{self.key} claim"), change=None)

    def _step(self, key: str, what: str = "") -> Step:
        change = Change(action="update", side=self.account.side, account=self.account.id, resource=key)
        return Step(
            key=key,
            account=self.account,
            what=what or key,
            run=partial(self.call, key),  # type: ignore[arg-type] # the result is not used
            change=change,
            after=self.after,
        )

    def foreign_attachments(self, state: object) -> list[str]:
        assert state is not None
        return list(self.foreign)

    def drift(self, state: object) -> list[Change]:
        assert state is not None
        return [Change(action="leave", side="trusted", account=self.account.id, resource=f"drift of {self.key}")]

    def not_applied(self, state: object) -> list[str]:
        assert state is not None
        return ["not applied"]

    def is_settled(self) -> bool:
        return self.settled

    def is_complete(self, state: object) -> bool:
        assert state is not None
        return self.complete

    def is_used(self, state: object) -> bool:
        assert state is not None
        return True

    def is_still_there(self) -> bool:
        return self.still_there

    def guarded_since(self, read_at: float, state: object) -> Thing:
        assert state is not None
        return self

    def refuse_unchangeable(self, state: object) -> None:
        assert state is not None
        if self.unchangeable:
            raise CannotChange(self.account.id, self.label, "path", current="/", wanted="/a/")

    def recent_run(self, tags: dict[str, Any]) -> Run | None:
        assert RUN_TAG in tags
        return self.recent

    def is_ours(self, tags: dict[str, Any]) -> bool:
        return tags["managed"] and tags["owner"] in (None, self.identity)

    def owner(self, tags: dict[str, Any]) -> GrantIdentity | None:
        return tags["owner"]


def seen(state: Any = OURS, *, unwanted: bool = False, contested: bool = False, **thing: Any) -> Any:
    resource: Any = Thing(**thing)
    return Observation(resource, state, unwanted, contested)
