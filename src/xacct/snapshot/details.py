"""The users, groups, roles and policies of an account, as AWS returns their details.

Policy documents are kept as JSON text, in one form: the same document is the same text in every account, so that it is
stored and parsed once. A document that cannot be parsed is kept too; what reads it says so.

Source: https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountAuthorizationDetails.html
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from datetime import datetime
from types import MappingProxyType

from attrs import field, frozen

from xacct.errors import InvalidValue, PolicyError
from xacct.policy.document import load_policy_json

__all__ = ["GroupDetail", "PolicyDetail", "ResourcePolicy", "RoleDetail", "UserDetail", "document_text", "is_document"]


def document_text(document: object) -> str:
    """Return a policy document as the text that a snapshot keeps.

    Args:
        document: the document as JSON text, as URL-encoded JSON text, or as JSON values. A text that is not JSON, or in
            which an object has a key twice, is kept as it is.

    Raises:
        InvalidValue: the document is not a text, and JSON cannot express it.

    >>> document_text({"Version": "2012-10-17", "Statement": []})
    '{"Statement":[],"Version":"2012-10-17"}'
    >>> document_text('{ "Statement": [], "Version": "2012-10-17" }')
    '{"Statement":[],"Version":"2012-10-17"}'
    """
    values = document
    try:
        if isinstance(document, str):
            values = load_policy_json(document, _object)
        text = json.dumps(values, sort_keys=True, separators=(",", ":"), allow_nan=False, default=_as_dict)
    except (PolicyError, TypeError, ValueError, RecursionError):
        if isinstance(document, str):
            return sys.intern(str(document))
        raise InvalidValue("document", f"(of type {type(document).__name__})", "must be a policy in JSON") from None
    return sys.intern(text)


def is_document(text: str) -> bool:
    """Return whether a text that :func:`document_text` returned is a JSON object.

    >>> is_document(document_text({"Statement": []})), is_document(document_text("{Statement}"))
    (True, False)
    """
    if not text.startswith("{"):
        return False
    try:
        load_policy_json(text, _object)
    except PolicyError:
        return False
    return True


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise PolicyError("", "an object has a key twice")
    return members


def _as_dict(value: object) -> dict[object, object]:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(type(value).__name__)


# Many accounts have the same names, policies and tags: each text is kept once.


def _once(text: str) -> str:
    return sys.intern(text) if type(text) is str else text


def _each_once(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(_once(text) for text in texts)


def _members_once(texts: Mapping[str, str]) -> Mapping[str, str]:
    return {_once(name): _once(text) for name, text in texts.items()}


_NONE: Mapping[str, str] = MappingProxyType({})


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
    inline: Mapping[str, str] = field(default=_NONE, converter=_members_once)
    attached: tuple[str, ...] = field(default=(), converter=_each_once)
    groups: tuple[str, ...] = field(default=(), converter=_each_once)
    boundary: str | None = None
    tags: Mapping[str, str] = field(default=_NONE, converter=_members_once)


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
    inline: Mapping[str, str] = field(default=_NONE, converter=_members_once)
    attached: tuple[str, ...] = field(default=(), converter=_each_once)


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
    inline: Mapping[str, str] = field(default=_NONE, converter=_members_once)
    attached: tuple[str, ...] = field(default=(), converter=_each_once)
    boundary: str | None = None
    tags: Mapping[str, str] = field(default=_NONE, converter=_members_once)
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
