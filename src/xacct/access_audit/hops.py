"""Hops: whether a caller can do an action on a resource, and on which conditions that depends."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime, timezone

from attrs import evolve

from xacct.access_audit.identities import Identity, Levels
from xacct.access_audit.subject import Subject
from xacct.access_audit.way import Hop, StatementSource
from xacct.authz import AccessRequest, PolicySet, evaluate
from xacct.authz.caller import context_of_caller
from xacct.authz.operators import seconds_of_date
from xacct.authz.statement_matcher import StatementMatcher
from xacct.policy.times import time_to_text
from xacct.proof.access_search import Searched, search
from xacct.proof.find_access import ANYTHING

__all__ = ["HopDecider"]


_CLOCKS = ("aws:currenttime", "aws:epochtime")
# The year 9999, in seconds since 1970.
_LATEST = 253_370_764_800


class HopDecider:
    """Decides hops at a time. The compiled policies of identities are kept.

    Args:
        scps: the service control policies by account.
        now: the time.
    """

    def __init__(self, scps: Mapping[str, Levels], now: datetime) -> None:
        self.now = now
        self._scps = scps
        self._sides: dict[str, PolicySet] = {}
        seconds = now.timestamp()
        self._known = {
            "aws:currenttime": (time_to_text(now),),
            "aws:epochtime": (f"{seconds:.0f}",),
            "aws:securetransport": ("true",),
        }

    def side_of(self, identity: Identity) -> PolicySet:
        """Return the compiled policies of an identity, with the service control policies of its account."""
        side = self._sides.get(identity.arn)
        if side is None:
            side = self._sides[identity.arn] = identity.side(self._scps.get(identity.account, ()))
        return side

    def of_identity(
        self, identity: Identity, subject: Subject, action: str, resource: str = "", caller: str = ""
    ) -> Hop | None:
        """Return how an identity does an action on a subject; None if it cannot.

        Args:
            identity: the identity.
            subject: the role or resource.
            action: the action.
            resource: a part of the resource, such as a bucket's object; by default the subject's ARN.
            caller: the session of the role that is meant; by default the identity's ARN.
        """
        policies = self.side_of(identity).with_resource_side(subject.side)
        searched = self._searched(identity, subject, action, policies, resource, caller)
        found = self.decide(policies, action, [searched], subject, identity)
        if found is not None or not identity.unread or not self.is_trusted(identity, subject, action, resource, caller):
            return found
        return Hop(
            caller=searched.principal,
            action=action,
            resource=searched.resource,
            answer="depends",
            undecided=tuple(f"{name} was not read" for name in identity.unread),
        )

    def is_trusted(
        self, identity: Identity, subject: Subject, action: str, resource: str = "", caller: str = ""
    ) -> bool:
        """Return whether an identity could do an action if everything were allowed on its own side.

        The arguments are those of :meth:`of_identity`.
        """
        policies = ANYTHING.with_resource_side(subject.side)
        searched = self._searched(identity, subject, action, policies, resource, caller)
        return self.decide(policies, action, [searched], subject) is not None

    def request_of(self, identity: Identity, subject: Subject, action: str, caller: str = "") -> AccessRequest:
        """Return the request of an identity with the condition keys whose values are known.

        The arguments are those of :meth:`of_identity`.
        """
        policies = self.side_of(identity).with_resource_side(subject.side)
        return self._searched(identity, subject, action, policies, "", caller).request(action, {})

    def request_of_anybody(self, caller: str, subject: Subject, action: str) -> AccessRequest:
        """Return the request of a caller of whom nothing is known, with the condition keys whose values are known."""
        searched = Searched(principal=caller, resource=subject.arn, resource_account=subject.account)
        return _with_known(searched, {**self._known, **subject.known}).request(action, {})

    def begins_later(self, identity: Identity, subject: Subject, action: str, caller: str = "") -> bool:
        """Return whether an identity can do an action at a time to come that conditions name.

        The arguments are those of :meth:`of_identity`.
        """
        deciders = self.later(self.side_of(identity), subject.side)
        return any(decider.of_identity(identity, subject, action, caller=caller) is not None for decider in deciders)

    def later(self, *sides: PolicySet) -> Iterator[HopDecider]:
        """Yield deciders for the times to come at which conditions of policies can begin to be met.

        Args:
            sides: the policies.
        """
        found = {value for side in sides for layer in side.layers for s in layer.statements for value in _dates(s)}
        for seconds in sorted(found):
            if self.now.timestamp() <= seconds < _LATEST:
                decider = HopDecider(self._scps, datetime.fromtimestamp(seconds + 1, timezone.utc))
                decider._sides = self._sides
                yield decider

    def _searched(
        self, identity: Identity, subject: Subject, action: str, policies: PolicySet, resource: str, caller: str
    ) -> Searched:
        principal = caller or identity.arn
        return Searched(
            principal=principal,
            resource=resource or subject.arn,
            resource_account=subject.account,
            known={
                **self._known,
                **_absent_tags(identity, policies, action),
                **context_of_caller(principal),
                **identity.known,
                **subject.known,
            },
        )

    def of_anybody(self, searched: Iterable[Searched], subject: Subject, action: str, caller: str) -> Hop | None:
        """Return how one of some callers, whose own policies can allow everything, does an action; None if none can.

        Args:
            searched: the callers.
            subject: the role or resource.
            action: the action.
            caller: what the hop names as the caller, such as an account ID.
        """
        known = [_with_known(one, {**self._known, **subject.known}) for one in searched]
        return self.decide(ANYTHING.with_resource_side(subject.side), action, known, subject, caller=caller)

    def of_witness(self, witness: AccessRequest, subject: Subject, caller: str) -> Hop:
        """Return the hop of a request that the policies of a subject allow to somebody.

        Args:
            witness: the request.
            subject: the role or resource.
            caller: what the hop names as the caller.
        """
        policies = ANYTHING.with_resource_side(subject.side)
        base = evolve(witness, context={**self._known, **subject.known})
        return _hop(_smallest(witness, base, policies), base, policies, subject, None, caller)

    def decide(
        self,
        policies: PolicySet,
        action: str,
        searched: list[Searched],
        subject: Subject,
        identity: Identity | None = None,
        caller: str = "",
    ) -> Hop | None:
        """Return the hop of the first caller whose request some context lets through; None if there is none."""
        for one in searched:
            request = one.request(action, {})
            if evaluate(request, policies).allowed:
                return _hop(request, request, policies, subject, identity, caller)
        if not _has_conditions(policies, action):
            return None
        result = search(policies, action, searched, granting="resource", now=self.now)
        if result.witness is None:
            if not result.undecided:
                return None
            first = searched[0]
            return Hop(
                caller=caller or first.principal, action=action, resource=first.resource, answer="depends",
                undecided=result.undecided,
            )  # fmt: skip
        base = next(one for one in searched if one.principal == result.witness.principal).request(action, {})
        return _hop(_smallest(result.witness, base, policies), base, policies, subject, identity, caller)


def _dates(statement: StatementMatcher) -> Iterator[float]:
    """Yield the times that conditions of a statement name, in seconds since 1970."""
    for condition in statement.conditions:
        for value in condition.condition.values if condition.key in _CLOCKS else ():
            with suppress(ValueError):
                yield seconds_of_date(value)


def _with_known(one: Searched, known: Mapping[str, tuple[str, ...]]) -> Searched:
    return evolve(one, known={**known, **one.known})


def _absent_tags(identity: Identity, policies: PolicySet, action: str) -> dict[str, tuple[str, ...]]:
    """Return the tags that policies require and a user does not have. A role session can have more than the role's.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html
    """
    if ":user/" not in identity.arn:
        return {}
    keys = {
        key
        for statement in _statements_about(policies, action)
        for key in (*(c.key for c in statement.conditions), *(k for r in statement.resources for k in r.keys))
    }
    return {key: () for key in keys if key.startswith("aws:principaltag/")}


def _statements_about(policies: PolicySet, action: str) -> Iterator[StatementMatcher]:
    name = action.lower()
    return (s for layer in policies.layers for s in layer.statements if s.matches_action(name))


def _has_conditions(policies: PolicySet, action: str) -> bool:
    found = _statements_about(policies, action)
    return any(s.conditions or any(pattern.keys for pattern in s.resources) for s in found)


def _smallest(witness: AccessRequest, base: AccessRequest, policies: PolicySet) -> AccessRequest:
    """Return the witness without the condition keys that it does not need."""
    for key in sorted(witness.context):
        if key not in base.context:
            smaller = evolve(witness, context={k: v for k, v in witness.context.items() if k != key})
            if evaluate(smaller, policies).allowed:
                witness = smaller
    return witness


def _hop(
    witness: AccessRequest,
    base: AccessRequest,
    policies: PolicySet,
    subject: Subject,
    identity: Identity | None,
    caller: str,
) -> Hop:
    needed = {key for key in witness.context if witness.context[key] != base.context.get(key)}
    conditions = dict.fromkeys(
        f"{condition.condition.operator} {condition.condition.key}"
        for statement in _statements_about(policies, witness.action)
        for condition in statement.conditions
        if condition.key in needed
    )
    return Hop(
        caller=caller or witness.principal,
        action=witness.action,
        resource=witness.resource,
        answer="depends" if needed else "yes",
        conditions=tuple(conditions),
        statements=tuple(_statements(witness, policies, subject, identity)),
        witness=witness,
    )


def _statements(
    witness: AccessRequest, policies: PolicySet, subject: Subject, identity: Identity | None
) -> Iterator[StatementSource]:
    """Yield the statements of both sides that allow a request."""
    if policies.resource is not None:
        yield from (subject.source_of(found) for found in _allowing(policies.resource.statements, witness))
    if identity is not None:
        for found in _allowing(policies.identity.statements, witness):
            yield StatementSource.of(
                found.statement, account=identity.account, owner=identity.arn, policy=found.policy, index=found.index
            )


def _allowing(statements: Iterable[StatementMatcher], request: AccessRequest) -> Iterator[StatementMatcher]:
    for statement in statements:
        if not statement.denies and statement.matches_action(request.action_name) and statement.match(request):
            yield statement
