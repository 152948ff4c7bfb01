"""The rules of AWS that decide a request whatever its policies say.

An explicit Deny is reported first: it is the reason that an administrator can change.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from attrs import frozen

from xacct.authz.access_request import AccessRequest

__all__ = ["ALWAYS_ALLOWED", "FixedRule", "fixed_rule"]


@frozen
class FixedRule:
    """A rule of AWS that no policy can change.

    Attributes:
        allows: whether it allows the request. If not, it denies it.
        note: the rule.
        advice: what to do instead; empty if the rule allows the request.
        applies: whether it applies to a request for one of its actions.
        error_code: the code of AWS's error; empty if it is the service's usual one for a denied permission.
    """

    allows: bool
    note: str
    advice: str
    applies: Callable[[AccessRequest], bool]
    error_code: str = ""


def fixed_rule(request: AccessRequest) -> FixedRule | None:
    """Return the rule that decides a request; None if policies decide it."""
    for rule in _RULES.get(request.action_name, ()):
        if rule.applies(request):
            return rule
    return None


def _is_signed(request: AccessRequest) -> bool:
    return bool(request.caller.account)


def _is_root(request: AccessRequest) -> bool:
    return request.caller.kind == "root"


def _is_aws(request: AccessRequest) -> bool:
    return request.caller.kind == "service" or request.caller.service_linked


def _resource_of_aws(pattern: str) -> Callable[[AccessRequest], bool]:
    matches = re.compile(pattern).match
    return lambda request: matches(request.resource) is not None and not _is_aws(request)


# The policy of a VPC endpoint is not attached to the caller, and does apply.
# https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
_CALLER_IDENTITY = FixedRule(
    True, "sts:GetCallerIdentity needs no permission, and no policy of the caller can deny it", "", _is_signed
)

# https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
_ROOT_ASSUMES_ROLE = FixedRule(
    False, "Roles may not be assumed by root accounts.", "assume the role as a user or a role", _is_root
)

# https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_managed-vs-inline.html#aws-managed-policies
_MANAGED_POLICY = FixedRule(
    False,
    "AWS owns the AWS managed policies: no account can change them",
    "copy the policy to a customer managed policy",
    _resource_of_aws(r"arn:[^:]+:iam::aws:policy/"),
)

# https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create-service-linked-role.html
_SERVICE_LINKED_ROLE = FixedRule(
    False,
    "Only the linked AWS service can change a service-linked role",
    "change or remove it in that service",
    _resource_of_aws(r"arn:[^:]+:iam::[^:]*:role/aws-service-role/"),
    "UnmodifiableEntity",
)

# https://docs.aws.amazon.com/singlesignon/latest/userguide/referencingpermissionsets.html
_RESERVED_ROLE = FixedRule(
    False,
    "Only AWS can change a role with the path /aws-reserved/",
    "change the permission set in IAM Identity Center",
    _resource_of_aws(r"arn:[^:]+:iam::[^:]*:role/aws-reserved/"),
    "UnmodifiableEntity",
)

# https://docs.aws.amazon.com/kms/latest/developerguide/alias-create.html
_RESERVED_ALIAS = FixedRule(
    False,
    "AWS reserves the aliases that begin with alias/aws/ for AWS managed keys",
    "use an alias with another name",
    _resource_of_aws(r"arn:[^:]+:kms:[^:]*:[^:]*:alias/aws/"),
)

# The operations of a role for which IAM can answer UnmodifiableEntity. The description of a service-linked role can be
# edited, so that UpdateRole and UpdateRoleDescription depend on their parameters.
# https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteRole.html
_WRITES_OF_A_ROLE = (
    "iam:addroletoinstanceprofile", "iam:attachrolepolicy", "iam:createrole", "iam:deleterole",
    "iam:deleterolepermissionsboundary", "iam:deleterolepolicy", "iam:detachrolepolicy",
    "iam:putrolepermissionsboundary", "iam:putrolepolicy", "iam:removerolefrominstanceprofile",
    "iam:updateassumerolepolicy",
)  # fmt: skip
_WRITES_OF_A_POLICY = (
    "iam:createpolicy", "iam:createpolicyversion", "iam:deletepolicy", "iam:deletepolicyversion",
    "iam:setdefaultpolicyversion", "iam:tagpolicy", "iam:untagpolicy",
)  # fmt: skip

_RULES: dict[str, tuple[FixedRule, ...]] = {
    "sts:getcalleridentity": (_CALLER_IDENTITY,),
    "sts:assumerole": (_ROOT_ASSUMES_ROLE,),
    **dict.fromkeys(_WRITES_OF_A_POLICY, (_MANAGED_POLICY,)),
    **dict.fromkeys(_WRITES_OF_A_ROLE, (_SERVICE_LINKED_ROLE, _RESERVED_ROLE)),
    **dict.fromkeys(("iam:updaterole", "iam:updateroledescription"), (_RESERVED_ROLE,)),
    **dict.fromkeys(("kms:createalias", "kms:updatealias", "kms:deletealias"), (_RESERVED_ALIAS,)),
}

# The actions, in lower case, that a rule can allow.
ALWAYS_ALLOWED = frozenset(action for action, rules in _RULES.items() if any(rule.allows for rule in rules))
