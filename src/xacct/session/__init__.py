"""Assuming a role in code: an ordinary boto3 session whose credentials look after themselves."""

from xacct.session.assume import assume_role

__all__ = ["assume_role"]
