"""The checks that look at one policy: each module answers one question of the audit.

Each check is given a policy and what is known of the accounts around it, and yields findings. A check returns at once
if no statement of the policy concerns it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from xacct.audit.checks.confused_deputy import confused_deputy
from xacct.audit.checks.expired import expired
from xacct.audit.checks.oidc import oidc_stranger, oidc_without_audience
from xacct.audit.checks.saml import saml_without_audience
from xacct.audit.checks.self_lockout import self_lockout
from xacct.audit.checks.stale import stale_principal
from xacct.audit.finding import Finding
from xacct.audit.subject import Subject, Surroundings

__all__ = ["POLICY_CHECKS"]

POLICY_CHECKS: tuple[Callable[[Subject, Surroundings], Iterator[Finding]], ...] = (
    confused_deputy,
    expired,
    oidc_stranger,
    oidc_without_audience,
    saml_without_audience,
    self_lockout,
    stale_principal,
)
"""The checks of a policy, in the order of their names."""
