"""Whether AWS would allow a request, and why: decided offline from the policies alone."""

from xacct.authz.access_request import AccessRequest
from xacct.authz.decision import Decision, evaluate, evaluate_many
from xacct.authz.policy_set import PolicySet

__all__ = ["AccessRequest", "Decision", "PolicySet", "evaluate", "evaluate_many"]
