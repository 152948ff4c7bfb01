"""What follows from the observation of a resource: its steps, whose it is, and what blocks its removal."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
from attrs import evolve

from xacct.errors import CannotChange, ForeignAttachments, GrantConflict, NotOurs
from xacct.reconcile.observation import (
    Observation,
    ObservedGrants,
    observe,
    refuse_foreign_attachments,
    refuse_resources_of_others,
)
from xacct.resources.ownership_tags import Run
from xacct.resources.step import Step
from xacct.resources.user import User

from .accounts import TRUSTED, TRUSTING
from .things import ADOPTED, FOREIGN, MINE, NOTHING, OTHERS, OURS, THEIRS, seen, state


def keys(steps: list[Step]) -> list[str]:
    return [step.key for step in steps]


def after(steps: list[Step]) -> dict[str, set[str]]:
    return {step.key: set(step.after) for step in steps}


# One resource


def test_a_wanted_resource_is_applied_and_an_unwanted_one_is_removed() -> None:
    assert keys(seen().steps_to_apply()) == keys(seen(None).steps_to_apply()) == ["thing apply"]
    assert [step.what for step in (*seen().steps_to_apply(), *seen(None).steps_to_apply())] == ["changing", "creating"]
    assert keys(seen(unwanted=True).steps_to_apply()) == ["thing remove"]
    assert keys(seen().steps_to_remove()) == ["thing remove"]
    assert seen(None).steps_to_remove() == []
    assert seen(None, unwanted=True).steps_to_apply() == []


@pytest.mark.parametrize(
    ("observation", "claimed"),
    [
        (seen(), True),
        (seen(applied=()), False),
        (seen(applied=(), contested=True), True),
        (seen(None), False),
        (seen(None, contested=True), False),
        (seen(unwanted=True), False),
        (seen(unwanted=True, contested=True), False),
    ],
)
def test_an_existing_resource_is_claimed_if_it_changes_or_if_it_is_contested(observation: Any, claimed: bool) -> None:
    assert keys(observation.steps_to_claim()) == (["thing claim"] if claimed else [])
    assert observation.is_changed_by_several is claimed


def test_steps_for_a_run_know_the_run_and_the_run_before() -> None:
    run = Run()
    here, missing = seen(unwanted=True, contested=True).for_run(run), seen(None).for_run(run)

    assert (here.resource.run, here.resource.seen_run) == (run, "the last run")
    assert (here.unwanted, here.contested) == (True, True)
    assert (missing.resource.run, missing.resource.seen_run) == (run, None)
    assert seen(state(run=None)).for_run(run).resource.seen_run is None


def test_a_run_that_has_not_ended_may_be_in_progress() -> None:
    run = Run()

    assert seen(recent=run).may_be_in_progress({"another"})
    assert not seen(recent=run).may_be_in_progress({"another", run.id})
    assert not seen().may_be_in_progress(set())
    assert not seen(None, recent=run).may_be_in_progress(set())


def test_only_an_existing_resource_has_foreign_attachments_drift_and_what_is_not_applied() -> None:
    assert seen(foreign=("a key",)).foreign_attachments == ["a key"]
    assert seen(None, foreign=("a key",)).foreign_attachments == []
    assert [change.resource for change in seen().drift] == ["drift of thing"]
    assert seen(None).drift == seen(unwanted=True).drift == []
    assert seen().not_applied == ["not applied"]
    assert seen(None).not_applied == seen(unwanted=True).not_applied == []


def test_what_aws_cannot_change_is_refused_only_for_a_wanted_resource_that_exists() -> None:
    with pytest.raises(CannotChange):
        seen(unchangeable=True).refuse_unchangeable()
    seen(None, unchangeable=True).refuse_unchangeable()
    seen(unwanted=True, unchangeable=True).refuse_unchangeable()


def user(*, created_by_other: bool, state: Any = None, unwanted: bool = False, settled: bool = True) -> Any:
    resource = Mock(spec=User, created_by_other=created_by_other)
    resource.steps_to_apply.return_value = []
    resource.is_settled.return_value = settled
    return Observation(resource, state, unwanted)


def test_a_grant_that_joins_a_new_user_is_not_settled_before_the_plan_of_both() -> None:
    joining = user(created_by_other=True)

    assert joining.is_changed_by_several
    assert not joining.is_settled
    for other in (user(created_by_other=False), user(created_by_other=True, state=OURS)):
        assert not other.is_changed_by_several
        assert other.is_settled


def test_a_resource_is_settled_if_it_is_as_declared_or_unwanted() -> None:
    assert seen().is_settled
    assert not seen(settled=False).is_settled
    assert seen(settled=False, unwanted=True).is_settled


class Readable:
    """A resource whose reads return what they were asked for."""

    def __init__(self, key: str) -> None:
        self.key = key

    def read(self, purpose: str) -> str:
        return f"{self.key} for a {purpose}"

    def read_listed(self, listing: str, purpose: str) -> str:
        return f"{self.key} in {listing} for a {purpose}"


def test_resources_are_read_one_by_one_or_from_a_listing() -> None:
    resources: list[Any] = [Readable("a"), Readable("b")]
    listing: Any = "a listing"

    assert observe([], "plan") == ()
    assert observe(resources, "plan") == tuple(
        Observation(resource, f"{resource.key} for a plan") for resource in resources
    )
    assert [o.state for o in observe(resources, "drift", listing)] == [
        "a in a listing for a drift",
        "b in a listing for a drift",
    ]


# Whose it is


@pytest.mark.parametrize(
    ("state", "adopt", "expected"),
    [
        (None, False, None),
        (OURS, False, None),
        (ADOPTED, False, None),
        (FOREIGN, False, NotOurs),
        (FOREIGN, True, None),
        (OTHERS, False, GrantConflict),
        (OTHERS, True, None),
    ],
)
def test_adopting_takes_over_what_others_have(state: Any, adopt: bool, expected: type[Exception] | None) -> None:
    error = seen(state).conflict(adopt=adopt)

    assert type(error) is (expected or type(None))
    if error is not None:
        assert (error.account, error.names) == (TRUSTED, ("thing thing",))
    if isinstance(error, GrantConflict):
        assert (error.owner, error.wanted) == (str(THEIRS), str(MINE))


def test_unless_it_is_said_a_resource_is_not_to_be_removed() -> None:
    assert seen(OTHERS).conflict(adopt=True) is None
    refuse_resources_of_others(evolve(NOTHING, roles=(seen(OTHERS),)), adopt=True)


def test_all_resources_of_others_in_the_first_account_are_named() -> None:
    other = SimpleNamespace(id=TRUSTING)
    observed = ObservedGrants(
        policies=(seen(FOREIGN, key="a"), seen(OURS, key="b")),
        users=(seen(FOREIGN, key="c", account=other),),
        roles=(seen(FOREIGN, key="d"),),
    )
    with pytest.raises(NotOurs) as refused:
        refuse_resources_of_others(observed, adopt=False)

    assert (refused.value.account, refused.value.names) == (TRUSTED, ("thing a", "thing d"))
    refuse_resources_of_others(observed, adopt=True)
    refuse_resources_of_others(NOTHING, adopt=False)


def test_a_conflict_with_another_grant_is_reported_first() -> None:
    observed = evolve(NOTHING, policies=(seen(FOREIGN), seen(OTHERS, key="b"), seen(OTHERS, key="c")))
    with pytest.raises(GrantConflict) as refused:
        refuse_resources_of_others(observed, adopt=False)

    assert refused.value.names == ("thing b",)


def test_a_grant_without_adoption_refuses_what_belongs_to_another_grant() -> None:
    with pytest.raises(GrantConflict):
        refuse_resources_of_others(evolve(NOTHING, roles=(seen(OTHERS),)), adopt=False)


def test_all_foreign_attachments_in_the_first_account_are_named() -> None:
    other = SimpleNamespace(id=TRUSTING)
    observed = [seen(), seen(foreign=("a",)), seen(foreign=("c",), account=other), seen(foreign=("b", "d"))]
    with pytest.raises(ForeignAttachments) as refused:
        refuse_foreign_attachments(observed)

    assert (refused.value.doing, refused.value.account) == ("removing the grant", TRUSTED)
    assert refused.value.names == ("a", "b", "d")
    refuse_foreign_attachments([seen(), seen(None, foreign=("a",))])


# Several resources


def test_every_kind_of_resource_is_among_all() -> None:
    observed = ObservedGrants(roles=(seen(key="r"),), policies=(seen(key="p"),), users=(seen(key="u"),))

    assert {o.resource.key for o in observed.all} == {"r", "p", "u"}


def test_a_run_and_a_contest_reach_every_kind_of_resource() -> None:
    run = Run()
    observed = ObservedGrants(
        roles=(seen(key="r"), seen(key="r2", contested=True)),
        policies=(seen(key="p"), seen(key="p2")),
        users=(seen(key="u"), seen(key="u2")),
    )
    contested = observed.contested({"r", "p2", "u"})

    assert all(o.resource.run == run for o in observed.for_run(run).all)
    assert [o.resource.key for o in observed.for_run(run).all] == [o.resource.key for o in observed.all]
    assert [[o.resource.key for o in kind] for kind in (contested.roles, contested.policies, contested.users)] == [
        ["r", "r2"],
        ["p", "p2"],
        ["u", "u2"],
    ]
    assert {o.resource.key for o in contested.all if o.contested} == {"r", "p2", "u"}


def test_claims_come_before_every_change_and_removals_of_what_is_unwanted_at_the_end() -> None:
    observed = ObservedGrants(
        policies=(seen(key="p", after=frozenset({"first"})),),
        users=(seen(None, key="u"), seen(key="former", unwanted=True)),
        roles=(seen(key="r", applied=("apply", "attach")),),
    )
    claims, changes = {"p claim", "r claim"}, {"p apply", "u apply", "r apply", "r attach"}

    assert after(observed.steps_to_apply()) == {
        "p claim": {"first"},
        "r claim": set(),
        "p apply": {"first", *claims},
        **dict.fromkeys(changes - {"p apply"}, claims),
        "former remove": {*claims, *changes},
    }


def test_a_user_of_several_grants_is_claimed_once() -> None:
    observed = evolve(NOTHING, users=(seen(key="u", applied=("a",)), seen(key="u", applied=("b",))))

    assert keys(observed.steps_to_apply()) == ["u claim", "u a", "u b"]


def test_a_step_does_not_wait_for_itself() -> None:
    # The policy is updated under the key under which it is claimed.
    observed = evolve(NOTHING, policies=(seen(applied=("claim", "apply")),))

    assert after(observed.steps_to_apply()[1:]) == {"thing claim": set(), "thing apply": {"thing claim"}}
