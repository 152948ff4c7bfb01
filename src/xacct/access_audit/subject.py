"""What the checks look at: a role's or a resource's policy, and what is known of the accounts around it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Literal

from attrs import field, frozen

from xacct.access_audit.way import StatementSource
from xacct.authz import PolicySet
from xacct.authz.statement_matcher import StatementMatcher
from xacct.policy import Statement

__all__ = ["KnownAccount", "Subject", "Surroundings"]


@frozen
class KnownAccount:
    """An account whose owner is known.

    Attributes:
        id: the account's ID.
        name: the owner, such as ``Datadog``.
        kind: ``aws`` for an account of an AWS service, ``vendor`` for a third party, ``own`` for one that the user
            named as theirs.
        source: the page that says so; empty for the user's own.
    """

    id: str
    name: str
    kind: Literal["aws", "vendor", "own"]
    source: str = ""


@frozen(kw_only=True)
class Surroundings:
    """What an audit knows besides the policies.

    Attributes:
        organization_id: the organization's ID; None if there is none or if it is not known.
        own_accounts: the names of the accounts of the zone of trust, by ID: those of the organization, those of the
            snapshots, and those that the user named as their own. A name can be empty.
        known_accounts: the accounts of others whose owner is known, by ID.
        now: the time of the audit.
    """

    organization_id: str | None = None
    own_accounts: Mapping[str, str] = field(factory=dict)
    known_accounts: Mapping[str, KnownAccount] = field(factory=dict)
    now: datetime

    def name_of(self, account: str) -> str:
        """Return the name of an account; empty if it is not known."""
        known = self.known_accounts.get(account)
        return self.own_accounts.get(account) or (known.name if known is not None else "")


@frozen(kw_only=True, eq=False)
class Subject:
    """A role with its trust policy, or a resource with its resource policy.

    Attributes:
        account: the account that has it.
        partition: the account's partition.
        arn: its ARN.
        service: ``iam`` for a role; else the service as in the names of its actions, such as ``s3``.
        side: the trust policy or resource policy, if there is one, and the resource control policies of the account,
            compiled, as evaluate() takes them.
        owner: who made it, such as ``service-linked role``; empty for the account's own.
        known: the condition keys of requests for it whose values are known, in lower case, such as those of its tags.
    """

    account: str
    partition: str
    arn: str
    service: str
    side: PolicySet
    owner: str = ""
    known: Mapping[str, tuple[str, ...]] = field(factory=dict)

    @property
    def is_role(self) -> bool:
        """Whether it is a role."""
        return self.service == "iam"

    @property
    def policy_name(self) -> str:
        """What the policy is called: ``trust policy`` or ``resource policy``."""
        return "trust policy" if self.is_role else "resource policy"

    @property
    def statements(self) -> tuple[Statement, ...]:
        """The statements of the policy."""
        return (
            () if self.side.resource is None else tuple(matcher.statement for matcher in self.side.resource.statements)
        )

    @property
    def allows(self) -> Iterator[StatementMatcher]:
        """The Allow statements of the policy, compiled."""
        if self.side.resource is not None:
            yield from (statement for statement in self.side.resource.statements if not statement.denies)

    def source_of(self, statement: StatementMatcher) -> StatementSource:
        """Return where a statement of the policy is."""
        return StatementSource.of(
            statement.statement,
            account=self.account,
            owner=self.arn,
            policy=self.policy_name,
            index=statement.index,
        )
