"""Reconciliation of grants with both accounts: plan, apply, roll back and destroy."""

from xacct.reconcile.plan import Plan, plan

__all__ = ["Plan", "plan"]
