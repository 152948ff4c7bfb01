"""The check that a saved plan would still make the same changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from xacct.errors import StalePlan
from xacct.resources.step import Change

__all__ = ["refuse_stale"]


def refuse_stale(changes: Sequence[Change], saved: Mapping[str, object], account: str, *, new_plan: str) -> None:
    """Refuse changes that are not those of a saved plan.

    Args:
        changes: the changes of the plan that is made now.
        saved: the dictionary of the saved plan.
        account: the account to name if nothing is left to change.
        new_plan: the plan that is made now, as text.

    Raises:
        StalePlan: they differ.
    """
    listed = saved.get("changes")
    if [change.to_dict() for change in changes] == listed:
        return
    before: Sequence[object] = listed if isinstance(listed, Sequence) else ()
    changed = [change for change in changes if change.to_dict() not in before]
    names = [change.resource for change in changed] or ["a resource of the grants"]
    raise StalePlan(changed[0].account if changed else account, names, new_plan=new_plan)
