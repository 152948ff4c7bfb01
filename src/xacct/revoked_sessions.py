"""The end of a role's sessions: an inline policy that denies every request of the sessions started before a time."""

from __future__ import annotations

from datetime import datetime

from xacct.errors import InvalidValue
from xacct.grant_account import GrantAccount
from xacct.iam_records import REVOKED_SESSIONS_POLICY
from xacct.policy import Condition, PolicyDocument, Statement
from xacct.policy.times import time_to_text
from xacct.resources.step import Change, change, document_value

__all__ = ["end_sessions"]


def end_sessions(account: GrantAccount, role_name: str, now: datetime) -> Change:
    """Deny every request of a role's sessions that were started before a time.

    Args:
        account: the role's account.
        role_name: the role's name.
        now: the time, with a time zone.

    Raises:
        AwsError: AWS refused.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_revoke-sessions.html
    """
    if now.tzinfo is None:
        raise InvalidValue("now", now, "a datetime with a time zone, such as datetime(..., tzinfo=timezone.utc)")
    moment = time_to_text(now)
    started_before = Condition("DateLessThan", "aws:TokenIssueTime", moment)
    document = PolicyDocument([Statement(effect="Deny", actions="*", resources="*", conditions=[started_before])])
    account.attempt(
        lambda: account.iam.put_role_policy(
            RoleName=role_name, PolicyName=REVOKED_SESSIONS_POLICY, PolicyDocument=document.to_json()
        ),
        doing=f"ending the sessions of role {role_name}",
        resource=f"arn:{account.partition}:iam::{account.id}:role/{role_name}",
    )
    resource = f"inline policy {REVOKED_SESSIONS_POLICY} to role {role_name}"
    return change(account, "attach", resource, document.to_json(2), after=document_value(document))
