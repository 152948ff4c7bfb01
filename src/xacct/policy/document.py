"""A whole policy, and what AWS demands of each kind of policy."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import cast
from urllib.parse import unquote

from attrs import field, frozen

from xacct.errors import PolicyError
from xacct.policy.statement import Statement

__all__ = [
    "IDENTITY_POLICY_LIMIT",
    "TRUST_POLICY_LIMIT",
    "PolicyDocument",
    "check_identity_policy",
    "check_trust_policy",
]

VERSIONS = ("2012-10-17", "2008-10-17")
TRUST_POLICY_LIMIT = 2048
IDENTITY_POLICY_LIMIT = 6144


def _statements(values: Iterable[Statement]) -> tuple[Statement, ...]:
    return tuple(values)


@frozen
class PolicyDocument:
    """An IAM policy.

    Two documents are equal when they mean the same, so a document equals what AWS gives back for it: order, lists
    of one, an account id for its root ARN, the Id and the Sids do not matter.

    Args:
        statements: at least one.
        version: ``2012-10-17``, or ``2008-10-17``, in which policy variables are plain text.
        id: the document's own Id.
        name: what explanations call it; not part of the document.

    Raises:
        PolicyError: there is no statement, or an unknown version.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html

    >>> read = PolicyDocument.parse({"Version": "2012-10-17", "Statement": {
    ...     "Effect": "Allow", "Action": ["s3:GetObject"], "Resource": "arn:aws:s3:::reports/*"}})
    >>> read == PolicyDocument((Statement.allow("s3:getobject", ["arn:aws:s3:::reports/*"]),))
    True
    """

    statements: tuple[Statement, ...] = field(converter=_statements, eq=frozenset)
    version: str = "2012-10-17"
    id: str | None = field(default=None, eq=False)
    name: str | None = field(default=None, eq=False, kw_only=True)

    def __attrs_post_init__(self) -> None:
        if not self.statements:
            raise PolicyError("Statement", "a policy has at least one statement")
        if self.version not in VERSIONS:
            raise PolicyError("Version", f"{self.version!r} is not one of {', '.join(VERSIONS)}")

    @classmethod
    def parse(cls, source: PolicyDocument | Mapping[str, object] | str, *, name: str | None = None) -> PolicyDocument:
        """The policy that JSON text, URL-encoded JSON as IAM gives it, or a mapping holds.

        Args:
            source: the document.
            name: what explanations call it.

        Raises:
            PolicyError: with the path of the offending element.
        """
        if isinstance(source, PolicyDocument):
            return source if name is None else cls(source.statements, source.version, source.id, name=name)
        data = _load(source) if isinstance(source, str) else source
        if not isinstance(data, Mapping):
            raise PolicyError("", f"a policy is an object, not {type(data).__name__}")
        for element in data:
            if element not in ("Version", "Id", "Statement"):
                raise PolicyError(element, "no such element; a policy has Version, Id and Statement")
        raw = data.get("Statement", ())
        many = isinstance(raw, (list, tuple))
        statements = tuple(
            Statement.parse(item, f"Statement[{i}]" if many else "Statement")
            for i, item in enumerate(cast("Iterable[object]", raw) if many else (raw,))
        )
        # A document without Version is of the old language: AWS's default.
        return cls(
            statements,
            cast(str, data.get("Version", "2008-10-17")),
            cast("str | None", data.get("Id")),
            name=name,
        )

    def to_dict(self) -> dict[str, object]:
        """The document as AWS writes it: values sorted, lists of one collapsed."""
        elements: dict[str, object] = {
            "Version": self.version,
            "Id": self.id,
            "Statement": [statement.to_dict() for statement in self.statements],
        }
        return {name: value for name, value in elements.items() if value}

    def to_json(self, indent: int | None = None) -> str:
        """The document as JSON text; without an indent as small as it can be."""
        return json.dumps(self.to_dict(), indent=indent, separators=(",", ":") if indent is None else None)

    @property
    def size(self) -> int:
        """Its length in characters without white space, as AWS counts it for its limits."""
        return len("".join(self.to_json().split()))

    def __str__(self) -> str:
        return self.to_json(indent=2)


def _load(text: str) -> object:
    def unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
        found = dict(pairs)
        if len(found) < len(pairs):
            names = [name for name, _ in pairs]
            raise PolicyError(next(n for n in names if names.count(n) > 1), "stands twice in the same object")
        return found

    try:
        return json.loads(unquote(text) if text.lstrip().startswith("%7B") else text, object_pairs_hook=unique)
    except json.JSONDecodeError as error:
        raise PolicyError("", f"is not JSON: {error}") from None


def check_identity_policy(document: PolicyDocument, *, limit: int = IDENTITY_POLICY_LIMIT) -> PolicyDocument:
    """The document, if IAM would take it as an identity policy.

    Args:
        document: the policy.
        limit: its greatest length in characters, white space not counted.

    Raises:
        PolicyError: a statement has a principal or no resource, or the document is too long.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
    """
    for i, statement in enumerate(document.statements):
        if statement.principals or statement.not_principals:
            raise PolicyError(f"Statement[{i}].Principal", "an identity policy names no principal")
        if not statement.resources and not statement.not_resources:
            raise PolicyError(f"Statement[{i}].Resource", "an identity policy needs Resource or NotResource")
    return _check_size(document, limit, "an identity policy")


def check_trust_policy(document: PolicyDocument, *, limit: int = TRUST_POLICY_LIMIT) -> PolicyDocument:
    """The document, if IAM would take it as a trust policy.

    Args:
        document: the policy.
        limit: its greatest length in characters, white space not counted: 2048 unless AWS raised it for the account.

    Raises:
        PolicyError: a statement has a resource, no principal, NotPrincipal, or an action that is not of STS, or the
            document is too long.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
    """
    for i, statement in enumerate(document.statements):
        if statement.resources or statement.not_resources:
            raise PolicyError(f"Statement[{i}].Resource", "a trust policy has none: the role itself is meant")
        if statement.not_principals:
            raise PolicyError(f"Statement[{i}].NotPrincipal", "is not allowed in a trust policy")
        if not statement.principals:
            raise PolicyError(f"Statement[{i}].Principal", "a trust policy names who is trusted")
        for action in statement.actions:
            if not action.lower().startswith("sts:"):
                raise PolicyError(f"Statement[{i}].Action", f"{action!r}: a trust policy has only actions of STS")
    return _check_size(document, limit, "a trust policy")


def _check_size(document: PolicyDocument, limit: int, kind: str) -> PolicyDocument:
    if document.size > limit:
        raise PolicyError(
            "", f"is {document.size} characters long without white space; {kind} may have at most {limit}"
        )
    return document
