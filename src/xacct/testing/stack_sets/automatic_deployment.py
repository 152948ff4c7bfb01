"""Automatic deployment: stack sets follow the accounts that are added to an organizational unit or leave it.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-orgs-manage-auto-deployment.html
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from xacct.testing.stack_sets.operation import Target
from xacct.testing.stack_sets.stack_set import StackSet
from xacct.testing.stack_sets.targets import organization_targets

if TYPE_CHECKING:
    from moto.organizations.models import OrganizationsBackend

__all__ = ["PREFERENCES", "is_automatic", "targets_that_joined", "targets_that_left"]

PREFERENCES = {"MaxConcurrentPercentage": 100, "FailureTolerancePercentage": 100}
"""Automatic deployment ignores the preferences of the operations of the stack set."""


def is_automatic(stack_set: StackSet) -> bool:
    """Return whether a stack set is deployed automatically."""
    automatic = stack_set.settings.get("AutoDeployment") or {}
    return stack_set.is_service_managed and bool(automatic.get("Enabled"))


def targets_that_joined(stack_set: StackSet, backend: OrganizationsBackend) -> list[Target]:
    """Return the accounts that have come into the units of a stack set, in each region of these."""
    return [
        Target(account, region, unit)
        for region, units in stack_set.deployed_units.items()
        for account, unit in _members(units, backend).items()
        if (account, region) not in stack_set.instances
    ]


def targets_that_left(stack_set: StackSet, backend: OrganizationsBackend) -> list[Target]:
    """Return the instances in accounts that are no longer in the units of a stack set."""
    return [
        Target(account, region, instance.target.unit)
        for (account, region), instance in stack_set.instances.items()
        if instance.target.unit in stack_set.deployed_units.get(region, ())
        and account not in _members(stack_set.deployed_units[region], backend)
    ]


def _members(units: Iterable[str], backend: OrganizationsBackend) -> dict[str, str]:
    existing = {unit.id for unit in backend.ou}.intersection(units)
    return organization_targets({"OrganizationalUnitIds": sorted(existing)}, backend)
