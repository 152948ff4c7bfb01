"""Plans of grants that keep the end of existing access, if it is later than theirs."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from attrs import evolve

from xacct.grant_account import GrantAccount
from xacct.grants import DevAccessGrant, TrustGrant
from xacct.linter import documents_of_aws
from xacct.reconcile.parts import Grant
from xacct.reconcile.plan import OnError, Plan, plan_between

__all__ = ["GrantPair", "plan_with_later_ends"]

log = logging.getLogger("xacct")

GrantPair = tuple[TrustGrant, DevAccessGrant]


def plan_with_later_ends(
    pairs: Sequence[GrantPair],
    trusting: GrantAccount,
    trusted: GrantAccount,
    *,
    others: Sequence[Grant] = (),
    adopt: bool = False,
    on_error: OnError = "raise",
    notes: Sequence[str] = (),
) -> tuple[list[GrantPair], Plan]:
    """Return the two grants of each access, with the end of the existing access if that is later, and their plan.

    Args:
        pairs: the grants of both accounts for each access.
        trusting: the account that has the roles.
        trusted: the account whose principals assume the roles.
        others: grants that end when they say.
        adopt: as for :func:`xacct.plan`.
        on_error: as for :func:`xacct.plan`.
        notes: further notes of the plan.
    """

    def planned(pairs: Sequence[GrantPair]) -> Plan:
        grants = [*(grant for pair in pairs for grant in pair), *others]
        return plan_between(grants, trusting, trusted, adopt=adopt, on_error=on_error, notes=notes)

    plan = planned(pairs)
    later = [_with_later_end(pair, plan) for pair in pairs]
    return (later, plan) if later == list(pairs) else (later, planned(later))


def _with_later_end(pair: GrantPair, plan: Plan) -> GrantPair:
    trust, dev_access = pair
    end = plan.current_expiry(trust)
    if trust.expires is None or end is None or end <= trust.expires:
        return pair
    log.info("Grant %r already ends at %s, which is later than asked: it keeps that end", trust.name, end)
    with documents_of_aws():
        return evolve(trust, expires=end), evolve(dev_access, expires=end)
