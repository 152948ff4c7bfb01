"""Explaining an AccessDenied: read the policies of both accounts and evaluate the request again."""

from xacct.access_denied.explanation import Explanation, explain

__all__ = ["Explanation", "explain"]
