"""CloudFormation's stack sets: they deploy IAM resources into accounts, with faults on demand."""

from __future__ import annotations

from xacct.testing.stack_sets.deployment import Deployer
from xacct.testing.stack_sets.service import StackSetService

__all__ = ["Deployer", "StackSetService"]
