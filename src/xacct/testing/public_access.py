"""S3 Block Public Access: which bucket policies are public, and what S3 refuses because of them.

Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
"""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from typing import TYPE_CHECKING

from xacct.errors import PolicyError
from xacct.policy import Condition, PolicyDocument, Statement
from xacct.testing.error_responses import Refused

if TYPE_CHECKING:
    from moto.s3.models import FakeBucket

    from xacct.testing.credential_store import AuthenticatedPrincipal
    from xacct.testing.moto_state import MotoState
    from xacct.testing.required_permissions import RequiredPermission

__all__ = ["blocks", "is_public", "restricted"]

# A statement for everybody is not public if one of these keys must have a fixed value.
_LIMITING_KEYS = frozenset(
    {
        "aws:principalaccount",
        "aws:principalarn",
        "aws:principalorgid",
        "aws:principalorgpaths",
        "aws:sourceaccount",
        "aws:sourcearn",
        "aws:sourceowner",
        "aws:sourcevpc",
        "aws:sourcevpce",
        "aws:userid",
        "s3:dataaccesspointaccount",
        "s3:dataaccesspointarn",
    }
)
_LIMITING_OPERATORS = frozenset(
    {"stringequals", "stringequalsignorecase", "stringlike", "arnequals", "arnlike", "foranyvalue:stringequals"}
)
# A range of addresses that is broader than these is public. AWS excepts private ranges, but none of them is broader.
_BROADEST_PREFIX = {4: 8, 6: 32}


@lru_cache(maxsize=256)
def is_public(policy: str) -> bool:
    """Return whether S3 considers a bucket policy public: one of its statements allows access without fixed limits.

    Args:
        policy: the policy, as JSON text. One that is malformed is not public.

    >>> read = '{"Statement": {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "*"%s}}'
    >>> is_public(read % "")
    True
    >>> is_public(read % ', "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-exampleorg1"}}')
    False
    """
    try:
        statements = PolicyDocument.parse(policy).statements
    except PolicyError:
        return False
    return any(_is_public_statement(statement) for statement in statements)


def _is_public_statement(statement: Statement) -> bool:
    if statement.effect != "Allow":
        return False
    if statement.principals and not any(principal.is_anyone for principal in statement.principals):
        return False
    return not any(map(_limits, statement.conditions))


def _limits(condition: Condition) -> bool:
    operator, key = condition.operator.lower(), condition.key.lower()
    if key == "aws:sourceip":
        return operator == "ipaddress" and all(map(_is_narrow, condition.values))
    if key not in _LIMITING_KEYS or operator not in _LIMITING_OPERATORS:
        return False
    return all(map(_is_fixed, condition.values))


def _is_fixed(value: str) -> bool:
    return not any(character in value for character in "*?$")


def _is_narrow(value: str) -> bool:
    try:
        network = ipaddress.ip_network(value, strict=False)
    except ValueError:
        return False
    return network.prefixlen >= _BROADEST_PREFIX[network.version]


def blocks(bucket: FakeBucket | None, setting: str, state: MotoState) -> bool:
    """Return whether a bucket or its account has a setting of Block Public Access.

    Args:
        bucket: the bucket; None if it does not exist.
        setting: the name of the setting in moto, such as ``block_public_policy``.
        state: the accounts.
    """
    if bucket is None:
        return False
    of_account = state.account_public_access_block(bucket.account_id)
    return any(getattr(block, setting, False) for block in (bucket.public_access_block, of_account) if block)


def restricted(permission: RequiredPermission, caller: AuthenticatedPrincipal, state: MotoState) -> Refused | None:
    """Return the error of a permitted request that RestrictPublicBuckets denies; None if it does not.

    A bucket with a public policy is then for its own account only, even if the policy also names other accounts.

    Args:
        permission: the permission.
        caller: the authenticated principal.
        state: the accounts.
    """
    if permission.policy is None or permission.account == caller.account or not permission.action.startswith("s3:"):
        return None
    bucket = state.bucket(permission.resource.rpartition(":")[2].partition("/")[0])
    if not blocks(bucket, "restrict_public_buckets", state) or not is_public(permission.policy):
        return None
    return Refused("AccessDenied", "Access Denied", 403)
