"""The audit: who from outside can get in, and which trusts lead nowhere."""

from xacct.audit.audit import audit
from xacct.audit.request_policies import policies_for

__all__ = ["audit", "policies_for"]
