"""The search for a request that policies allow: the counterexample to a proof, or an example of what is intended.

For each statement that could allow the action, requests are built that meet its conditions, with every value of every
other condition key that the policies tell apart, and each of them is decided. If none is allowed, none can be.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timezone
from itertools import product
from math import prod

from attrs import field, frozen

from xacct.authz import AccessRequest, PolicySet, evaluate
from xacct.authz.caller import Caller
from xacct.authz.layers import LayerName
from xacct.authz.statement_matcher import StatementMatcher
from xacct.proof.key_control import control_of
from xacct.proof.key_values import KeyValues, values_of_key

__all__ = ["AccessSearch", "Searched", "search"]

# Requests that are decided for one caller, resource and statement. Above that, the search gives up.
_MOST_REQUESTS = 20_000
_EXTRA_ACTIONS = {"sts:assumerole": ("sts:tagsession", "sts:setsourceidentity")}
_KEYS_OF_PRINCIPALS = ("aws:principal", "aws:userid", "aws:multifactorauth", "aws:tokenissuetime", "aws:sourceidentity")
_KEYS_OF_MEMBERS = ("aws:principalorgid", "aws:principalorgpaths")
_EXTRA_KEYS = ("aws:requesttag/", "aws:tagkeys", "sts:sourceidentity")


@frozen(kw_only=True)
class AccessSearch:
    """The result of a search.

    Attributes:
        witness: a request that the policies allow; None if none was found.
        statement: the statement that allows it, as explanations name it; empty without a witness.
        cases: the number of requests that were decided, and of callers whom no statement names.
        undecided: what the search does not cover, and why; empty if it covers everything.
    """

    witness: AccessRequest | None
    statement: str = ""
    cases: int
    undecided: tuple[str, ...]


@frozen(kw_only=True)
class Searched:
    """A caller and a resource for which requests are searched.

    Attributes:
        principal: the caller, as an AccessRequest has it.
        resource: the resource's ARN.
        resource_account: the account that owns the resource.
        stranger: whether the caller is somebody else than those whom the policies name. Of the keys that AWS assigns,
            such a caller has values of its own only.
        is_member: whether a stranger's account belongs to an organization that the policies name.
        context: condition keys that the request has if the search has no other values for them.
        known: condition keys in lower case whose values are known, and not searched. A key without values is one that
            the request does not have.
    """

    principal: str
    resource: str
    resource_account: str
    stranger: bool = False
    is_member: bool = False
    context: Mapping[str, tuple[str, ...]] = field(factory=dict)
    known: Mapping[str, tuple[str, ...]] = field(factory=dict)

    def request(self, action: str, context: Mapping[str, Sequence[str]]) -> AccessRequest:
        """Return a request for an action."""
        return AccessRequest(
            principal=self.principal,
            action=action,
            resource=self.resource,
            resource_account=self.resource_account,
            context={**self.context, **self.known, **context},
        )


def search(
    policies: PolicySet,
    action: str,
    searched: Iterable[Searched],
    *,
    granting: LayerName,
    is_wanted: Callable[[AccessRequest], bool] = lambda _: True,
    now: datetime | None = None,
) -> AccessSearch:
    """Search for a request that the policies allow.

    Args:
        policies: the policies.
        action: the action.
        searched: the callers and resources.
        granting: the layer whose statements are searched for the Allow.
        is_wanted: whether a request is one of those that are searched.
        now: the time of the search; by default the current time.
    """
    space = _Space(policies, action.lower(), granting, (now or datetime.now(timezone.utc)).replace(microsecond=0))
    cases = 0
    undecided: dict[str, None] = {}
    for one in searched:
        cases += 1
        for seed in space.seeds:
            for context in space.contexts(seed, one, undecided):
                request = one.request(action, context)
                cases += 1
                if not is_wanted(request) or not evaluate(request, policies).allowed:
                    continue
                reasons = _reasons_to_doubt(context)
                if not reasons:
                    return AccessSearch(witness=request, statement=seed.label, cases=cases, undecided=())
                undecided.update(dict.fromkeys(reasons))
    return AccessSearch(witness=None, cases=cases, undecided=tuple(undecided))


class _Space:
    """The statements and the condition keys that matter to an action."""

    def __init__(self, policies: PolicySet, action: str, granting: LayerName, now: datetime) -> None:
        covered = (action, *_EXTRA_ACTIONS.get(action, ()))
        statements = [
            (layer.name, statement)
            for layer in policies.layers
            for statement in layer.statements
            if any(statement.matches_action(name) for name in covered)
        ]
        self._action = action
        self.seeds = [s for name, s in statements if name == granting and not s.denies and s.matches_action(action)]
        # Of the granting layer one Allow is enough. All others of the other layers, and each Deny, can matter.
        self._others = [s for name, s in statements if s.denies or name != granting]
        self._extra = [s for name, s in statements if name == granting and not s.denies]
        self._statements = [statement for _, statement in statements]
        self._now = now
        self._values: dict[tuple[str, bool], KeyValues] = {}

    def _values_of(self, key: str, *, own: bool) -> KeyValues:
        """Return the values of a key that the conditions tell apart.

        Args:
            key: the key in lower case.
            own: whether the caller has only values of its own for what AWS assigns.
        """
        control = control_of(key)
        own = own and control.controller in ("AWS", "AWS service")
        found = self._values.get((key, own))
        if found is None:
            conditions = tuple(c.condition for s in self._statements for c in s.conditions if c.key == key)
            found = self._values[key, own] = values_of_key(conditions, control, self._now, own=own)
        return found

    def contexts(
        self, seed: StatementMatcher, one: Searched, undecided: dict[str, None]
    ) -> Iterator[dict[str, tuple[str, ...]]]:
        """Yield the contexts in which a statement could allow the action."""
        base = one.request(self._action, {})
        if not seed.match_principal(base, has_boundary=False):
            return
        others = self._others_for(base)
        for statement in (seed, *others):
            depends = [r for r in statement.resources if r.depends_on_variables(base.resource)]
            if any(key not in one.known for pattern in depends for key in pattern.keys):
                undecided[f"{statement.label}: its resource has policy variables"] = None
        if not seed.matches_resource(base):
            return
        if any(c.key in one.known and c.evaluate(base.context) is False for c in seed.conditions):
            return
        keys = [key for key in self._keys(seed, others) if key not in one.known]
        values = {
            key: KeyValues(((),))
            if _lacks(base.caller, key)
            else self._values_of(key, own=one.stranger and not (one.is_member and key in _KEYS_OF_MEMBERS))
            for key in keys
        }
        choices = {key: _meeting(seed, key, values[key]) for key in keys}
        undecided.update({f"{seed.label}: {values[key].problem}": None for key in keys if values[key].problem})
        number = prod(map(len, choices.values()))
        if number > _MOST_REQUESTS:
            undecided[f"{seed.label}: {number} combinations of condition keys are too many to decide"] = None
            return
        for combination in product(*choices.values()):
            yield {key: values for key, values in zip(choices, combination) if values}

    def _others_for(self, base: AccessRequest) -> list[StatementMatcher]:
        return [
            s
            for s in self._others
            if s.match_principal(base, has_boundary=False)
            and (s.matches_resource(base) or any(r.depends_on_variables(base.resource) for r in s.resources))
        ]

    def _keys(self, seed: StatementMatcher, others: Sequence[StatementMatcher]) -> list[str]:
        keys = [condition.key for s in (seed, *others) for condition in s.conditions]
        if any(key.startswith(_EXTRA_KEYS) for key in keys):
            # With such a key, the request needs other actions too.
            keys += [condition.key for s in self._extra for condition in s.conditions]
        return [key for key in dict.fromkeys(keys) if control_of(key).controller != "request"]


def _lacks(caller: Caller, key: str) -> bool:
    """Return whether no request of a caller has a key."""
    if control_of(key).controller == "AWS service":
        return caller.kind != "service"
    # Neither services nor anonymous callers have what the principals of an account have.
    return not caller.account and key.startswith(_KEYS_OF_PRINCIPALS)


def _meeting(seed: StatementMatcher, key: str, values: KeyValues) -> list[tuple[str, ...]]:
    """Return the values of a key that meet the conditions of a statement."""
    conditions = [condition for condition in seed.conditions if condition.key == key]
    return [choice for choice in values.choices if all(c.evaluate({key: choice} if choice else {}) for c in conditions)]


def _reasons_to_doubt(context: Mapping[str, object]) -> list[str]:
    """Return why a request that is allowed may not be one that anybody can make."""
    who = {
        "AWS service": "an AWS service sends",
        "resource's account": "the administrators of the resource's account decide",
        "identity provider": "an identity provider decides",
        "unknown": "xacct does not know who decides",
    }
    controllers = {key: control_of(key).controller for key in context}
    return [f"it depends on {key}, which {who[found]}" for key, found in controllers.items() if found in who]
