"""The layers: the kinds of policies that AWS evaluates, and what it requires of the statements of each."""

from __future__ import annotations

from typing import Literal

from xacct.authz.access_request import AccessRequest

__all__ = [
    "AWS_WORDS",
    "LAYERS_THAT_COMPLETE_ARNS",
    "LAYERS_WITH_PRINCIPALS",
    "LAYER_TITLES",
    "SERVICES_WITHOUT_RESOURCE",
    "LayerName",
    "rcps_apply",
]

LayerName = Literal["identity", "resource", "boundary", "session", "scp", "rcp", "vpc_endpoint"]

LAYER_TITLES: dict[LayerName, str] = {
    "identity": "identity policy", "resource": "resource policy", "boundary": "permissions boundary",
    "session": "session policy", "scp": "service control policy", "rcp": "resource control policy",
    "vpc_endpoint": "VPC endpoint policy",
}  # fmt: skip

# The names in AWS's AccessDenied messages:
# https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
AWS_WORDS: dict[LayerName, str] = {
    "identity": "identity-based policy", "resource": "resource-based policy", "boundary": "permissions boundary",
    "session": "session policy", "scp": "service control policy", "rcp": "resource control policy",
    "vpc_endpoint": "VPC endpoint policy",
}  # fmt: skip

# The layers whose statements must have Principal or NotPrincipal.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
LAYERS_WITH_PRINCIPALS = frozenset[LayerName]({"resource", "rcp", "vpc_endpoint"})

# The layers of identity policies, in which AWS completes an ARN of fewer than six fields with wildcards.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
LAYERS_THAT_COMPLETE_ARNS = frozenset[LayerName]({"identity", "boundary"})

# The services whose resource policies have no Resource: trust policies and the policies of ECR repositories.
# https://docs.aws.amazon.com/AmazonECR/latest/userguide/repository-policies.html
SERVICES_WITHOUT_RESOURCE = frozenset({"sts", "ecr", "ecr-public"})

# AWS reserves the aliases that begin so for AWS managed keys.
# https://docs.aws.amazon.com/kms/latest/developerguide/alias-create.html
_ALIAS_OF_AWS = "alias/aws/"


def rcps_apply(request: AccessRequest) -> bool:
    """Return whether resource control policies apply to the request, unless its resource is of a management account.

    Source: https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps.html#actions-not-restricted-by-rcps
    """
    caller = request.caller
    if request.action_name == "kms:retiregrant" or caller.service_linked:
        return False
    if caller.kind == "service" and request.service == "sts" and ":role/aws-service-role/" in request.resource:
        return False
    return request.service != "kms" or not _is_known_managed_key(request)


def _is_known_managed_key(request: AccessRequest) -> bool:
    """Return whether the aliases say that the KMS key is managed by AWS. The ARN of a key does not tell."""
    names = [request.resource.rpartition(":")[2]]
    for key in ("kms:requestalias", "kms:resourcealiases"):
        names += request.context.get(key, ())
    return any(name.startswith(_ALIAS_OF_AWS) for name in names)
