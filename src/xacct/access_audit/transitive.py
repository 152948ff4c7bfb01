"""Chains: accounts that reach a role of another account through a third one."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping

from xacct.access_audit.finding import FINDING_KINDS, Finding, Fix
from xacct.access_audit.subject import Surroundings
from xacct.access_audit.way import Hop, Way

__all__ = ["transitive_findings"]


def transitive_findings(
    hops: Iterable[Hop], public: Container[str], owners: Mapping[str, str], surroundings: Surroundings
) -> Iterator[Finding]:
    """Yield a finding for each account and each role of another account that only a chain of roles leads it to.

    Args:
        hops: who assumes which role, across accounts and within them.
        public: the ARNs of the roles that everybody can assume, for which no chain is needed.
        owners: who made a role, such as ``service-linked role``, by the role's ARN.
        surroundings: what is known of the accounts.
    """
    by_caller: dict[str, list[Hop]] = {}
    by_account: dict[str, dict[str, Hop]] = {}
    for hop in hops:
        if hop.witness is not None:
            by_caller.setdefault(hop.caller, []).append(hop)
            if _is_across(hop):
                by_account.setdefault(_account_of(hop.caller), {}).setdefault(hop.resource, hop)
    for start in sorted(by_account):
        direct = by_account[start]
        for way in _chains(direct, by_caller):
            # A step within an account leads to no account that was not reached before.
            if _is_across(way.hops[-1]) and _account_of(way.resource) != start and way.resource not in public:
                yield _finding(start, way, owners.get(way.resource, ""), surroundings)


def _chains(direct: Mapping[str, Hop], by_caller: Mapping[str, list[Hop]]) -> Iterator[Way]:
    """Yield the shortest chain of hops to each role that is reached by more than one hop."""
    reached: dict[str, tuple[Hop, ...]] = {role: (hop,) for role, hop in direct.items()}
    frontier = list(reached)
    while frontier:
        found: list[str] = []
        for role in frontier:
            for hop in by_caller.get(role, ()):
                if hop.resource not in reached:
                    reached[hop.resource] = (*reached[role], hop)
                    found.append(hop.resource)
                    yield Way(hops=reached[hop.resource])
        frontier = found


def _account_of(caller: str) -> str:
    return caller.split(":")[4] if caller.startswith("arn:") else caller


def _is_across(hop: Hop) -> bool:
    return _account_of(hop.caller) != _account_of(hop.resource)


def _finding(start: str, way: Way, owner: str, surroundings: Surroundings) -> Finding:
    target, name = way.resource, surroundings.name_of(start)
    through = [hop.resource for hop in way.hops[:-1]]
    needs = f" It depends on {', '.join(way.conditions)}." if way.conditions else " No step depends on a condition."
    return Finding(
        kind="transitive",
        severity=FINDING_KINDS["transitive"].severity,
        account=_account_of(target),
        resource=target,
        principal=start,
        principal_name=name,
        answer=way.answer,
        conditions=way.conditions,
        statements=tuple(statement for hop in way.hops for statement in hop.statements),
        witness=way.hops[-1].witness,
        why=f"{way.principal} of account {start}{f' ({name})' if name else ''} reaches {target} through "
        f"{', then '.join(through)}, although {target} does not trust account {start}.{needs}",
        fix=Fix(
            text=f"If account {start} must not reach it, remove the trust of {through[-1]} from {target}, or that of "
            f"{way.principal} from {through[0]}."
        ),
        owner=owner,
    )
