"""Unused roles: roles that nobody has assumed for longer than a quarter, or ever."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from xacct.access_audit.finding import FINDING_KINDS, Finding, Fix
from xacct.access_audit.subject import Subject, Surroundings
from xacct.snapshot import RoleDetail

__all__ = ["unused_role"]

# A job that runs once a quarter runs at most 92 days after the last time, and some days late.
_LONGEST_PAUSE = timedelta(days=100)

# AWS keeps the last use for this long.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_access-advisor.html
_TRACKED = timedelta(days=400)


def unused_role(role: RoleDetail, subject: Subject, surroundings: Surroundings) -> Iterator[Finding]:
    """Find a role that was last used more than 100 days ago, or never since it was created more than 100 days ago.

    Source: https://docs.aws.amazon.com/IAM/latest/APIReference/API_RoleLastUsed.html
    """
    now, created, used = surroundings.now, role.created, role.last_used
    if not role.knows_last_use:
        return
    if used is not None:
        if now - used <= _LONGEST_PAUSE:
            return
        detail = "no longer used"
        why = f"The role was last used on {used:%Y-%m-%d}, {(now - used).days} days ago."
    else:
        if created is None or now - created <= _LONGEST_PAUSE:
            return
        if now - created <= _TRACKED:
            detail = "never used"
            why = f"The role was created on {created:%Y-%m-%d} and has never been used."
        else:
            detail = "not used in 400 days"
            why = f"The role was created on {created:%Y-%m-%d} and has not been used in 400 days (AWS tracks no more)."
    yield Finding(
        kind="unused-role",
        severity=FINDING_KINDS["unused-role"].severity,
        account=subject.account,
        resource=role.arn,
        principal="*",
        why=f"{why} Whoever gets into a principal that it trusts gets its permissions too.",
        fix=Fix(text="Delete the role, or accept the finding with a reason if a rare task needs it, such as recovery "
                     "from a disaster."),
        detail=detail,
        owner=subject.owner,
    )  # fmt: skip
