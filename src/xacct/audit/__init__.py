"""The audit: who from outside can get in, and which trusts lead nowhere."""

from xacct.audit.audit import audit

__all__ = ["audit"]
