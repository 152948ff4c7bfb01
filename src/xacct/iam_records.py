"""A role and a policy as AWS has them: plain values, from which grants are rebuilt."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from attrs import field, frozen

from xacct.policy import PolicyDocument

__all__ = [
    "GRANT_TAG",
    "REVOKED_SESSIONS_POLICY",
    "PolicyRecord",
    "RoleRecord",
    "grant_name_in",
    "name_of_tag_value",
    "tag_value_of_name",
    "without_reserved_tags",
]

GRANT_TAG = "xacct:grant"
"""The tag that has the name of the grant that a role or a policy belongs to."""

REVOKED_SESSIONS_POLICY = "AWSRevokeOlderSessions"
"""The inline policy that ends the sessions of a role. The console uses the same name."""


def tag_value_of_name(name: str) -> str:
    """Return the text that records a name in a tag. Names can have commas; tag values cannot, but they can have colons.

    >>> tag_value_of_name("reports,logs")
    'reports:logs'
    """
    return name.replace(",", ":")


def name_of_tag_value(value: str) -> str:
    """Return the name that a tag records.

    >>> name_of_tag_value("reports:logs")
    'reports,logs'
    """
    return value.replace(":", ",")


def grant_name_in(tags: Mapping[str, str]) -> str | None:
    """Return the name of the grant that a role or a policy belongs to; None if the tags have none."""
    return name_of_tag_value(tags[GRANT_TAG]) if GRANT_TAG in tags else None


def without_reserved_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Return tags without those of AWS and of xacct.

    >>> without_reserved_tags({"team": "data", "xacct:grant": "reports", "aws:cloudformation:stack-name": "x"})
    {'team': 'data'}
    """
    return {key: value for key, value in tags.items() if not key.lower().startswith(("aws:", "xacct:"))}


@frozen(kw_only=True)
class RoleRecord:
    """A role as AWS has it. :func:`xacct.read_role` reads it.

    Attributes:
        arn: the role's ARN.
        trust: the trust policy.
        description: the description.
        max_session_duration: the maximum length of a session in seconds.
        boundary: the ARN of the permissions boundary; None if there is none.
        tags: the tags, including those of AWS and of xacct.
        attached: the ARNs of the attached managed policies.
        inline: the inline policies by name.
        created: when the role was created.
    """

    arn: str
    trust: PolicyDocument
    description: str = ""
    max_session_duration: int = 3600
    boundary: str | None = None
    tags: Mapping[str, str] = field(factory=dict)
    attached: tuple[str, ...] = ()
    inline: Mapping[str, PolicyDocument] = field(factory=dict)
    created: datetime | None = None


@frozen(kw_only=True)
class PolicyRecord:
    """A managed policy as AWS has it. :func:`xacct.read_policy` reads it.

    Attributes:
        arn: the policy's ARN.
        document: the document of the default version.
        description: the description.
        tags: the tags, including those of AWS and of xacct.
        principals: the kind (``user``, ``group`` or ``role``) and the name of each principal that has the policy.
        created: when the policy was created.
    """

    arn: str
    document: PolicyDocument
    description: str = ""
    tags: Mapping[str, str] = field(factory=dict)
    principals: frozenset[tuple[Literal["user", "group", "role"], str]] = frozenset()
    created: datetime | None = None
