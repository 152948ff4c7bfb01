"""The accounts of an organization into which a stack set deploys.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DeploymentTargets.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from xacct.testing.error_responses import Refused

if TYPE_CHECKING:
    from moto.organizations.models import OrganizationsBackend

__all__ = ["account_filter", "organization_targets"]

_MOST_UNITS = 50


def organization_targets(asked: Mapping[str, Any], backend: OrganizationsBackend) -> dict[str, str]:
    """Return the IDs of the accounts, each with the ID of the unit for which it is a target.

    The management account and suspended accounts are left out.

    Args:
        asked: the parameter ``DeploymentTargets``.
        backend: the organization.

    Raises:
        Refused: a unit does not exist, or there are too many.
    """
    units: list[str] = asked["OrganizationalUnitIds"]
    if len(units) > _MOST_UNITS:
        raise Refused("ValidationError", f"At most {_MOST_UNITS} organizational units can be targets of an operation")
    above: dict[str, str | None] = {unit.id: unit.parent_id for unit in backend.ou}
    missing = [unit for unit in units if unit not in above]
    if missing:
        text = f"You specified an organizational unit that doesn't exist: {missing[0]}"
        raise Refused("ValidationError", text)
    members = {account.id: str(account.parent_id) for account in backend.accounts if account.status == "ACTIVE"}
    members.pop(backend.account_id, None)
    under: dict[str, str] = {}
    for account, parent in members.items():
        unit: str | None = parent
        while unit is not None and unit not in units:
            unit = above.get(unit)
        if unit is not None:
            under[account] = unit
    is_kept = account_filter(asked)
    found = {account: unit for account, unit in under.items() if is_kept(account)}
    if asked.get("AccountFilterType") == "UNION":
        found |= {account: members[account] for account in asked.get("Accounts") or () if account in members}
    return found


def account_filter(asked: Mapping[str, Any]) -> Callable[[str], bool]:
    """Return whether an account of the units is a target.

    Args:
        asked: the parameter ``DeploymentTargets``.
    """
    named = frozenset(asked.get("Accounts") or ())
    kind = asked.get("AccountFilterType")
    if kind == "INTERSECTION":
        return named.__contains__
    return lambda account: kind != "DIFFERENCE" or account not in named
