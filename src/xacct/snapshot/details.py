"""The users, groups, roles and policies of an account, as AWS returns their details.

Policy documents are kept as JSON text, in one form: the same document is the same text in every account, so that it is
stored and parsed once. A document that cannot be parsed is kept too; what reads it says so.

Source: https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountAuthorizationDetails.html
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from datetime import datetime

from attrs import field, frozen

__all__ = ["GroupDetail", "PolicyDetail", "ResourcePolicy", "RoleDetail", "UserDetail", "document_text"]


def document_text(document: object) -> str:
    """Return a policy document as the text that a snapshot keeps.

    Args:
        document: the document as JSON text, or as JSON values. A text that is not JSON is kept as it is.

    >>> document_text({"Version": "2012-10-17", "Statement": []})
    '{"Statement":[],"Version":"2012-10-17"}'
    >>> document_text('{ "Statement": [], "Version": "2012-10-17" }')
    '{"Statement":[],"Version":"2012-10-17"}'
    """
    values = document
    if isinstance(document, str):
        try:
            values = json.loads(document)
        except ValueError:
            return sys.intern(document)
    return sys.intern(json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=False))


@frozen(kw_only=True)
class UserDetail:
    """An IAM user.

    Attributes:
        arn: the user's ARN.
        unique_id: the unique ID, which begins with AIDA; empty if it is not known.
        created: when the user was created; None if that is not known.
        inline: the inline policies by name, as JSON text.
        attached: the ARNs of the attached managed policies.
        groups: the names of the user's groups.
        boundary: the ARN of the permissions boundary; None if there is none.
        tags: the tags.
    """

    arn: str
    unique_id: str = ""
    created: datetime | None = None
    inline: Mapping[str, str] = field(factory=dict)
    attached: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    boundary: str | None = None
    tags: Mapping[str, str] = field(factory=dict)


@frozen(kw_only=True)
class GroupDetail:
    """An IAM group.

    Attributes:
        arn: the group's ARN.
        unique_id: the unique ID, which begins with AGPA; empty if it is not known.
        created: when the group was created; None if that is not known.
        inline: the inline policies by name, as JSON text.
        attached: the ARNs of the attached managed policies.
    """

    arn: str
    unique_id: str = ""
    created: datetime | None = None
    inline: Mapping[str, str] = field(factory=dict)
    attached: tuple[str, ...] = ()


@frozen(kw_only=True)
class RoleDetail:
    """An IAM role.

    Attributes:
        arn: the role's ARN.
        unique_id: the unique ID, which begins with AROA; empty if it is not known.
        created: when the role was created; None if that is not known.
        trust_policy: the trust policy as JSON text; None if it is missing in the data.
        inline: the inline policies by name, as JSON text.
        attached: the ARNs of the attached managed policies.
        boundary: the ARN of the permissions boundary; None if there is none.
        tags: the tags.
        last_used: when the role was last used, in the last 400 days; None if it was not, or if that is not known.
        knows_last_use: whether the data says when the role was last used, or that it never was.
    """

    arn: str
    unique_id: str = ""
    created: datetime | None = None
    trust_policy: str | None = None
    inline: Mapping[str, str] = field(factory=dict)
    attached: tuple[str, ...] = ()
    boundary: str | None = None
    tags: Mapping[str, str] = field(factory=dict)
    last_used: datetime | None = None
    knows_last_use: bool = False


@frozen(kw_only=True)
class PolicyDetail:
    """A managed policy.

    Attributes:
        arn: the policy's ARN.
        document: the default version's document as JSON text.
    """

    arn: str
    document: str


@frozen(kw_only=True)
class ResourcePolicy:
    """The policy of a resource, such as a bucket.

    Attributes:
        arn: the resource's ARN. That of a bucket has no account: the snapshot has it.
        service: the service as in the names of its actions, such as ``s3``.
        policy: the resource policy as JSON text.
    """

    arn: str
    service: str
    policy: str
