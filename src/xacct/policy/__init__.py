"""The IAM policy language as immutable values: parse, compare by meaning, render canonically."""

from xacct.policy.document import PolicyDocument
from xacct.policy.principal import Principal
from xacct.policy.statement import Condition, Statement

__all__ = ["Condition", "PolicyDocument", "Principal", "Statement"]
