"""Offline evaluation: whether AWS allows a request under given policies, and why."""

from xacct.authz.access_request import AccessRequest
from xacct.authz.decision import Decision
from xacct.authz.evaluation import evaluate, evaluate_many
from xacct.authz.layer_report import LayerReport, NearMiss
from xacct.authz.matrix import evaluate_matrix
from xacct.authz.policy_set import PolicySet
from xacct.authz.statement_matcher import Mismatch

__all__ = [
    "AccessRequest",
    "Decision",
    "LayerReport",
    "Mismatch",
    "NearMiss",
    "PolicySet",
    "evaluate",
    "evaluate_many",
    "evaluate_matrix",
]
