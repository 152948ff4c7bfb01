"""A generated organization in which each kind of finding is planted, beside decoys that look alike.

What an audit has to find follows from what was planted, and never from what the audit does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tests.access_audit.planted import grants, leftovers, outsiders, problems, providers, services, trusts
from tests.access_audit.planted.builder import NOW, Builder
from tests.access_audit.planted.result import Planted, Triple

__all__ = ["KINDS", "NOW", "Planted", "Triple", "plant"]

Plant = Callable[[Builder, int], None]

KINDS: Mapping[str, tuple[Plant, Plant]] = {
    "public": (outsiders.public, outsiders.public_decoy),
    "external-account": (outsiders.external, outsiders.external_decoy),
    "third-party-without-external-id": (outsiders.third_party, outsiders.third_party_decoy),
    "root-of-unknown-account": (outsiders.root_of_unknown, outsiders.root_of_unknown_decoy),
    "whole-account": (trusts.whole_account, trusts.whole_account_decoy),
    "dead-trust": (trusts.dead_trust, trusts.dead_trust_decoy),
    "dead-permission": (trusts.dead_permission, trusts.dead_permission_decoy),
    "transitive": (trusts.transitive, trusts.transitive_decoy),
    "oidc-stranger": (providers.oidc_stranger, providers.oidc_stranger_decoy),
    "oidc-without-audience": (providers.oidc_audience, providers.oidc_audience_decoy),
    "saml-without-audience": (providers.saml_audience, providers.saml_audience_decoy),
    "confused-deputy": (services.confused_deputy, services.confused_deputy_decoy),
    "self-lockout": (services.self_lockout, services.self_lockout_decoy),
    "stale-principal": (leftovers.stale, leftovers.stale_decoy),
    "unused-role": (leftovers.unused, leftovers.unused_decoy),
    "expired": (leftovers.expired, leftovers.expired_decoy),
    "more-than-read": (grants.more_than_read, grants.more_than_read_decoy),
    "drift": (grants.drift, grants.drift_decoy),
    "policy-problem": (problems.policy_problem, problems.policy_problem_decoy),
}
"""What plants each kind of finding, and what plants decoys."""


def plant(seed: int, *, accounts: int = 60, times: int = 50) -> Planted:
    """Return an organization in which each kind is planted some times, in several shapes, beside as many decoys.

    Args:
        seed: the same seed makes the same organization.
        accounts: how many accounts it has that are read.
        times: how many times each kind is planted.
    """
    builder = Builder(seed, accounts)
    for finding, decoy in KINDS.values():
        for number in range(times):
            finding(builder, number)
            decoy(builder, number)
    for number in range(times):
        leftovers.of_aws(builder, number)
    return builder.planted()
