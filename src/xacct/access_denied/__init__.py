"""Explaining an AccessDenied: read the policies of both accounts and evaluate the request again."""

from xacct.access_denied.account_reads import Unread
from xacct.access_denied.cause import Cause, CauseKind
from xacct.access_denied.explanation import Explanation, explain

__all__ = ["Cause", "CauseKind", "Explanation", "Unread", "explain"]
