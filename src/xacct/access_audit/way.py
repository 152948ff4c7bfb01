"""Ways: how a principal gets to a resource, with every role that it assumes on the way."""

from __future__ import annotations

import json
from typing import Literal

from attrs import evolve, frozen

from xacct.authz import AccessRequest
from xacct.plain_data import to_dict
from xacct.policy import Statement

__all__ = ["Answer", "Hop", "StatementSource", "Way", "witness_data"]

Answer = Literal["yes", "depends"]
"""``yes``: AWS allows it whatever the caller sends. ``depends``: AWS allows it if the named conditions are met."""


@frozen(kw_only=True)
class StatementSource:
    """A statement that takes part in a decision, and where it is.

    Attributes:
        account: the account that has the policy.
        owner: the ARN of the principal or the resource whose policy it is; the ID of an SCP's or RCP's account.
        policy: the policy's name: that of an inline policy, the ARN of a managed one, ``trust policy``,
            ``resource policy``, or the name of a control policy.
        index: the statement's index in the policy, from 0.
        sid: the statement's Sid; empty if it has none.
        text: the statement as JSON text.
    """

    account: str
    owner: str
    policy: str
    index: int
    sid: str
    text: str

    @classmethod
    def of(cls, statement: Statement, *, account: str, owner: str, policy: str, index: int) -> StatementSource:
        """Return the source of a statement.

        Args:
            statement: the statement.
            account: the account that has the policy.
            owner: the ARN of the principal or the resource whose policy it is.
            policy: the policy's name.
            index: the statement's index in the policy, from 0.
        """
        text = json.dumps(statement.to_dict())
        return cls(account=account, owner=owner, policy=policy, index=index, sid=statement.sid or "", text=text)

    def __str__(self) -> str:
        sid = f" ({self.sid})" if self.sid else ""
        return f"{self.policy} of {self.owner}, statement {self.index + 1}{sid}"


@frozen(kw_only=True)
class Hop:
    """One step of a way: a caller assumes a role, or does an action on a resource.

    Attributes:
        caller: the ARN of the caller; an account ID for anybody in an account that was not read; a service; an identity
            provider; or ``*`` for everybody.
        action: the action.
        resource: the resource's ARN.
        answer: whether the hop depends on conditions.
        conditions: what it depends on, such as ``StringEquals sts:ExternalId``. Values are not shown.
        undecided: what could not be decided, such as a policy that was not read; empty for a complete decision.
        statements: the statements of both sides that allow it.
        witness: a request that is allowed; None if a policy that was not read has to allow it.
    """

    caller: str
    action: str
    resource: str
    answer: Answer
    conditions: tuple[str, ...] = ()
    undecided: tuple[str, ...] = ()
    statements: tuple[StatementSource, ...] = ()
    witness: AccessRequest | None = None


def witness_data(request: AccessRequest) -> dict[str, object]:
    """Return a request as plain data: the arguments of :class:`xacct.AccessRequest`."""
    return {
        "principal": request.principal,
        "action": request.action,
        "resource": request.resource,
        "resource_account": request.resource_account,
        "context": {key: list(values) for key, values in sorted(request.context.items())},
    }


def _hop_data(hop: Hop) -> dict[str, object]:
    data = to_dict(evolve(hop, witness=None))
    return data if hop.witness is None else {**data, "witness": witness_data(hop.witness)}


@frozen(kw_only=True)
class Way:
    """How a principal gets to a resource.

    Attributes:
        hops: the steps, in order.
    """

    hops: tuple[Hop, ...]

    @property
    def principal(self) -> str:
        """The principal that the way starts from."""
        return self.hops[0].caller

    @property
    def resource(self) -> str:
        """The resource that the way leads to."""
        return self.hops[-1].resource

    @property
    def answer(self) -> Answer:
        """Whether a step of the way depends on conditions."""
        return "depends" if any(hop.answer == "depends" for hop in self.hops) else "yes"

    @property
    def conditions(self) -> tuple[str, ...]:
        """What the way depends on, over all steps."""
        return tuple(dict.fromkeys(condition for hop in self.hops for condition in hop.conditions))

    @property
    def undecided(self) -> tuple[str, ...]:
        """What could not be decided, over all steps, such as a policy that was not read."""
        return tuple(dict.fromkeys(text for hop in self.hops for text in hop.undecided))

    def to_dict(self) -> dict[str, object]:
        """Return the way as plain data that JSON can express.

        >>> Way(hops=(Hop(caller="222222222222", action="s3:GetObject", resource="*", answer="yes"),)).to_dict()
        {'principal': '222222222222', 'resource': '*', 'answer': 'yes',
         'hops': [{'caller': '222222222222', 'action': 's3:GetObject', 'resource': '*', 'answer': 'yes'}]}
        """
        return {
            "principal": self.principal,
            "resource": self.resource,
            "answer": self.answer,
            "hops": [_hop_data(hop) for hop in self.hops],
        }

    def __str__(self) -> str:
        steps = [self.principal]
        for hop in self.hops:
            needs = f" if {', '.join(hop.conditions)}" if hop.conditions else ""
            steps.append(f"  -> {hop.action} {hop.resource}{needs}")
        return "\n".join(steps)
