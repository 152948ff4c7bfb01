"""From desired state to accounts: plan, apply, roll back, destroy."""

from xacct.reconcile.plan import Plan, plan

__all__ = ["Plan", "plan"]
