"""The matrix: which of many principals may do which actions on which resources.

Only the combinations that an Allow statement could match are evaluated; AWS denies every other one.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from types import MappingProxyType

from xacct.authz.access_request import AccessRequest, ContextValue
from xacct.authz.decision import Decision
from xacct.authz.evaluation import evaluate
from xacct.authz.fixed_rules import ALWAYS_ALLOWED
from xacct.authz.policy_set import Layer, PolicySet
from xacct.authz.statement_matcher import StatementMatcher

__all__ = ["evaluate_matrix"]

# An action and a resource.
_Pair = tuple[str, str]


def evaluate_matrix(
    principals: Mapping[str, PolicySet],
    actions: Iterable[str],
    resources: Iterable[str] | Mapping[str, PolicySet],
    *,
    resource_accounts: Mapping[str, str] = MappingProxyType({}),
    context: Mapping[str, ContextValue | Iterable[ContextValue]] = MappingProxyType({}),
) -> Iterator[Decision]:
    """Decide which of these principals may do which of these actions on which of these resources.

    The result is that of :func:`evaluate` for every combination, without those that are denied. It takes time for the
    combinations that a statement could match, not for all.

    Args:
        principals: each principal with the policies of its side: identity, boundary, session and SCPs. Other policies
            apply to every resource that has none of its own.
        actions: the actions.
        resources: the ARNs of the resources. As a mapping, each has the policies of its side: resource policy, RCPs and
            VPC endpoint policy.
        resource_accounts: the accounts of the resources whose ARN does not contain it, as in S3.
        context: the context keys of every request.

    Returns:
        The decisions that allow a request, in the order of the principals, the resources and the actions.

    Raises:
        InvalidValue: a principal, an action or a resource does not have the required form.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html

    >>> reader = {"Version": "2012-10-17", "Statement": {
    ...     "Effect": "Allow", "Action": "sqs:Receive*", "Resource": "arn:aws:sqs:*:*:jobs"}}
    >>> roles = {f"arn:aws:iam::111111111111:role/{name}": PolicySet(identity=policies)
    ...          for name, policies in {"Reader": [reader], "Other": []}.items()}
    >>> queues = [f"arn:aws:sqs:eu-west-1:111111111111:{name}" for name in ("jobs", "mail")]
    >>> for decision in evaluate_matrix(roles, ["sqs:ReceiveMessage", "sqs:SendMessage"], queues):
    ...     print(decision.request.principal, decision.action, decision.request.resource)
    arn:aws:iam::111111111111:role/Reader sqs:ReceiveMessage arn:aws:sqs:eu-west-1:111111111111:jobs
    """
    names = tuple(dict.fromkeys(actions))
    sides = resources if isinstance(resources, Mapping) else dict.fromkeys(resources)
    if not names or not sides:
        return
    requested = _Requested(names, sides)
    callers = {
        principal: AccessRequest(principal=principal, action=names[0], resource="*", context=context).caller
        for principal in principals
    }
    # What no statement covers is not evaluated, but is refused as in a request.
    for resource in sides:
        account = resource_accounts.get(resource, "")
        AccessRequest(principal="*", action=names[0], resource=resource, resource_account=account)
    for action in names:
        AccessRequest(principal="*", action=action, resource="*")
    by_name: dict[str, list[str]] = {}
    for principal, caller in callers.items():
        for name in caller.names:
            by_name.setdefault(name, []).append(principal)
    named = requested.pairs_by_principal(by_name)
    for principal, policies in principals.items():
        always = requested.all_pairs() if callers[principal].kind == "root" else requested.always_allowed()
        own = (requested.pairs_of(layer) for layer in (policies.identity, policies.resource) if layer is not None)
        wanted: dict[str, set[str]] = {}
        for action, resource in chain(always, named.get(principal, ()), *own):
            wanted.setdefault(resource, set()).add(action)
        for resource in requested.in_order(wanted):
            request = AccessRequest(
                principal=principal,
                action=names[0],
                resource=resource,
                resource_account=resource_accounts.get(resource, ""),
                context=context,
            )
            side = sides[resource]
            both = policies if side is None else policies.with_resource_side(side)
            for action in requested.in_order(wanted[resource]):
                decision = evaluate(request.with_action(action), both)
                if decision.allowed:
                    yield decision


class _Requested:
    """The actions and resources of a matrix, and which of them a statement covers."""

    def __init__(self, actions: tuple[str, ...], resources: Mapping[str, PolicySet | None]) -> None:
        self._actions = [(action, action.lower()) for action in actions]
        self._resources = resources
        self._sorted = sorted(resources)
        self._places = {name: place for place, name in enumerate((*actions, *resources))}
        self._covered: dict[tuple[tuple[str, ...], tuple[str, ...]], tuple[str, ...]] = {}

    def in_order(self, names: Iterable[str]) -> list[str]:
        """Return actions or resources in the order in which they were given."""
        return sorted(names, key=self._places.__getitem__)

    def all_pairs(self) -> Iterator[_Pair]:
        """Return every action with every resource."""
        return ((action, resource) for action, _ in self._actions for resource in self._sorted)

    def always_allowed(self) -> Iterator[_Pair]:
        """Return the actions that need no Allow, with every resource."""
        return (
            (action, resource) for action, name in self._actions if name in ALWAYS_ALLOWED for resource in self._sorted
        )

    def pairs_of(self, layer: Layer) -> Iterator[_Pair]:
        """Return the actions and resources that an Allow of a layer could match."""
        for statement in layer.statements:
            if not statement.denies and (actions := self._covered_actions(statement)):
                resources = list(self._covered_resources(statement))
                yield from ((action, resource) for action in actions for resource in resources)

    def pairs_by_principal(self, by_name: Mapping[str, list[str]]) -> dict[str, set[_Pair]]:
        """Return the actions and resources that an Allow of a resource policy could match, by the principals it names.

        Args:
            by_name: the principals by each name that a policy can give them.
        """
        found: dict[str, set[_Pair]] = {}
        for resource, side in self._resources.items():
            for statement in side.resource.statements if side and side.resource else ():
                if statement.denies:
                    continue
                pairs = [(action, resource) for action in self._covered_actions(statement)]
                for name in statement.names_of_callers if pairs else ():
                    for principal in by_name.get(name, ()):
                        found.setdefault(principal, set()).update(pairs)
        return found

    def _covered_actions(self, statement: StatementMatcher) -> tuple[str, ...]:
        s = statement.statement
        key = (s.actions, s.not_actions)
        found = self._covered.get(key)
        if found is None:
            found = tuple(action for action, name in self._actions if statement.matches_action(name))
            self._covered[key] = found
        return found

    def _covered_resources(self, statement: StatementMatcher) -> Iterator[str]:
        if statement.excludes_resources or not statement.resources:
            yield from self._sorted
            return
        for pattern in statement.resources:
            for place in range(bisect_left(self._sorted, pattern.prefix), len(self._sorted)):
                resource = self._sorted[place]
                if not resource.startswith(pattern.prefix):
                    break
                if pattern.template is not None or pattern.test(resource):
                    yield resource
