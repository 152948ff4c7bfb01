"""The removal of grants whose access has ended."""

from __future__ import annotations

import logging
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from attrs import evolve

from xacct.errors import GrantsFailed, InvalidValue, XacctError
from xacct.events import OnEvent
from xacct.grant_account import GrantAccount, connect_one
from xacct.inventory import GrantRecord, grants_in_account
from xacct.reconcile.plan import plan_between
from xacct.recorded_grants import dev_access_grant_of, trust_grant_of
from xacct.resources.step import Change

if TYPE_CHECKING:
    import boto3

__all__ = ["sweep"]

log = logging.getLogger("xacct")


def sweep(
    session: boto3.Session, now: datetime | None = None, *, on_event: OnEvent | None = None
) -> tuple[Change, ...]:
    """Remove the roles, policies and console users of the grants in an account whose access has ended.

    The end is read from the policies themselves: a grant that was extended stays. Run it in each account, for example
    once a day. IAM denies access from the end on, even if it is never run.

    Args:
        session: a session of the account.
        now: the time, with a time zone; by default the current time.
        on_event: called for each step as it starts and ends.

    Returns:
        What was removed.

    Raises:
        GrantsFailed: some grants could not be removed, and the others were; names each with the reason.
        AwsError: the account's grants could not be read.

    >>> from datetime import datetime, timedelta, timezone
    >>> from xacct import grant_cross_account_read, sweep
    >>> from xacct.testing import Sandbox
    >>> with Sandbox(["111111111111", "222222222222"]) as aws:
    ...     production, development = (aws.account(name).session for name in ("111111111111", "222222222222"))
    ...     end = datetime(2099, 1, 31, tzinfo=timezone.utc)
    ...     access = grant_cross_account_read(production, development, expires=end)
    ...     print(len(sweep(production)), *sweep(development, end + timedelta(seconds=1)))
    0 delete policy CrossAccountPolicy in the trusted account 222222222222
    """
    if now is not None and now.tzinfo is None:
        raise InvalidValue("now", now, "a datetime with a time zone, such as datetime(..., tzinfo=timezone.utc)")
    account = connect_one(session, "session")
    moment = now or datetime.now(timezone.utc)
    expired = [record for record in grants_in_account(account) if record.is_expired(moment)]
    removed: list[Change] = []
    failures: dict[str, Exception] = {}
    for record in expired:
        log.info("Removing %s of grant %r, which ended at %s", record.arn, record.name, record.expires)
        try:
            removed += _remove(account, record, on_event)
        except XacctError as error:
            failures[f"{record.name} ({record.side})"] = error
    if failures:
        raise GrantsFailed(failures, [r.name for r in expired if f"{r.name} ({r.side})" not in failures])
    return tuple(removed)


def _remove(account: GrantAccount, record: GrantRecord, on_event: OnEvent | None) -> tuple[Change, ...]:
    trusting, trusted = evolve(account, side="trusting"), evolve(account, side="trusted")
    if record.side == "trusting":
        plan = plan_between((trust_grant_of(trusting, record),), trusting, trusted, adopt=False)
    else:
        plan = plan_between((dev_access_grant_of(trusted, record),), trusting, trusted, adopt=False)
    return plan.destroy(on_event=on_event)
