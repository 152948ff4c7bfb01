"""Assuming roles in code: ordinary boto3 sessions whose credentials look after themselves."""

from xacct.session.accounts import accounts_in_file, accounts_in_organization
from xacct.session.assume import assume_role
from xacct.session.fan_out import FanOut, fan_out

__all__ = ["FanOut", "accounts_in_file", "accounts_in_organization", "assume_role", "fan_out"]
