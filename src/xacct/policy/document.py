"""Policy documents, and the rules for identity policies and trust policies."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import cast
from urllib.parse import unquote

from attrs import field, frozen

from xacct.errors import PolicyError
from xacct.limits import MANAGED_POLICY_CHARACTERS, TRUST_POLICY_CHARACTERS
from xacct.policy.statement import Statement, shown

__all__ = ["PolicyDocument", "check_identity_policy", "check_trust_policy", "load_policy_json"]

_VERSIONS = ("2012-10-17", "2008-10-17")
# White space and a byte order mark.
_BEFORE_JSON = " \t\r\n\ufeff"


def _statements(values: Iterable[Statement]) -> tuple[Statement, ...]:
    return tuple(values)


@frozen
class PolicyDocument:
    """An IAM policy document.

    Documents with the same meaning are equal, so a document equals the form in which AWS returns it. The order of
    statements and values, lists of one value, an account id instead of its root ARN, the Id and the Sids do not matter.

    Args:
        statements: the statements, at least one.
        version: the version of the policy language: ``2012-10-17``, or ``2008-10-17``, in which policy variables are
            literal text.
        id: the document's Id.
        name: the policy's name in explanations. It is not part of the document.

    Raises:
        PolicyError: there is no statement, or the version is unknown.

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
            raise PolicyError("Statement", "a policy must have at least one statement")
        if self.version not in _VERSIONS:
            raise PolicyError("Version", f"{shown(self.version)} is not one of {', '.join(_VERSIONS)}")

    @classmethod
    def parse(
        cls, source: PolicyDocument | Mapping[str, object] | str | bytes, *, name: str | None = None
    ) -> PolicyDocument:
        """Parse a policy document.

        Args:
            source: a mapping, JSON text, or URL-encoded JSON text as IAM returns it. Bytes are text in UTF-8.
            name: the policy's name in explanations.

        Raises:
            PolicyError: the document is not valid. The error has the path of the element.
        """
        if isinstance(source, PolicyDocument):
            return source if name is None else cls(source.statements, source.version, source.id, name=name)
        data = load_policy_json(source, _without_duplicates) if isinstance(source, (str, bytes)) else source
        if not isinstance(data, Mapping):
            raise PolicyError("", f"a policy must be a JSON object, not {type(data).__name__}")
        for element in data:
            if element not in ("Version", "Id", "Statement"):
                raise PolicyError(str(element), "unknown element: a policy has Version, Id and Statement")
        if not isinstance(data.get("Id", ""), str):
            raise PolicyError("Id", "an Id must be a string")
        raw = data.get("Statement", ())
        many = isinstance(raw, (list, tuple))
        statements = tuple(
            Statement.parse(item, f"Statement[{i}]" if many else "Statement")
            for i, item in enumerate(cast("Iterable[object]", raw) if many else (raw,))
        )
        # AWS's default for a document without Version.
        return cls(
            statements,
            cast(str, data.get("Version", "2008-10-17")),
            cast("str | None", data.get("Id")),
            name=name,
        )

    def to_dict(self) -> dict[str, object]:
        """Return the document in canonical form: values are sorted, and a list of one value becomes the value."""
        elements: dict[str, object] = {
            "Version": self.version,
            "Id": self.id,
            "Statement": [statement.to_dict() for statement in self.statements],
        }
        return {name: value for name, value in elements.items() if value}

    def to_json(self, indent: int | None = None) -> str:
        """Return the document as JSON text. Without an indent, it is as short as possible."""
        return json.dumps(self.to_dict(), indent=indent, separators=(",", ":") if indent is None else None)

    @property
    def size(self) -> int:
        """The length in characters without white space, as AWS counts it against its quotas."""
        return len("".join(self.to_json().split()))

    def __repr__(self) -> str:
        options = {"version": self.version if self.version != _VERSIONS[0] else None, "id": self.id, "name": self.name}
        given = "".join(f", {name}={value!r}" for name, value in options.items() if value)
        return f"PolicyDocument({list(self.statements)!r}{given})"

    def __str__(self) -> str:
        return self.to_json(indent=2)


def load_policy_json(text: str | bytes, make_object: Callable[[list[tuple[str, object]]], object]) -> object:
    """Return the JSON of a policy.

    Args:
        text: JSON text, or URL-encoded JSON text as IAM returns it. Bytes are text in UTF-8.
        make_object: makes a JSON object of its keys and values, of which a key can be there twice.

    Raises:
        PolicyError: the text is not valid JSON.
    """
    try:
        plain = (text.decode() if isinstance(text, bytes) else text).lstrip(_BEFORE_JSON)
        if plain.startswith("%"):  # JSON cannot begin with a percent sign
            plain = unquote(plain, errors="strict").lstrip(_BEFORE_JSON)
        return json.loads(plain, object_pairs_hook=make_object, parse_constant=_refuse_constant)
    except PolicyError:
        raise
    except RecursionError:
        raise PolicyError("", "the policy is not valid: its JSON is nested too deeply") from None
    except ValueError as error:  # also text that is not UTF-8, and a number with thousands of digits
        raise PolicyError("", f"the policy is not valid JSON: {error}") from None


def _without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, value in pairs:
        if name in found:
            raise PolicyError(name, "duplicate key in a JSON object")
        found[name] = value
    return found


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is not a JSON value")


def check_identity_policy(document: PolicyDocument, *, limit: int = MANAGED_POLICY_CHARACTERS) -> PolicyDocument:
    """Return a document after checking that IAM accepts it as an identity policy.

    Args:
        document: the policy.
        limit: the maximum length in characters without white space: 6,144 for a managed policy.

    Raises:
        PolicyError: a statement has a principal or no resource, or the document is too long.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
    """
    for i, statement in enumerate(document.statements):
        if statement.principals or statement.not_principals:
            raise PolicyError(f"Statement[{i}].Principal", "an identity policy cannot have Principal or NotPrincipal")
        if not statement.resources and not statement.not_resources:
            raise PolicyError(
                f"Statement[{i}].Resource", "a statement of an identity policy needs Resource or NotResource"
            )
    return _check_size(document, limit, "an identity policy")


def check_trust_policy(document: PolicyDocument, *, limit: int = TRUST_POLICY_CHARACTERS) -> PolicyDocument:
    """Return a document after checking that IAM accepts it as a trust policy.

    Args:
        document: the policy.
        limit: the maximum length in characters without white space: 2,048, unless the account's quota is higher.

    Raises:
        PolicyError: a statement has a resource, no principal, NotPrincipal or an action of a service other than STS,
            or the document is too long.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
    """
    for i, statement in enumerate(document.statements):
        if statement.resources or statement.not_resources:
            raise PolicyError(
                f"Statement[{i}].Resource", "a trust policy cannot have Resource or NotResource: it applies to its role"
            )
        if statement.not_principals:
            raise PolicyError(f"Statement[{i}].NotPrincipal", "a trust policy cannot have NotPrincipal")
        if not statement.principals:
            raise PolicyError(f"Statement[{i}].Principal", "a statement of a trust policy needs a Principal")
        for action in statement.actions:
            if not action.lower().startswith("sts:"):
                raise PolicyError(
                    f"Statement[{i}].Action",
                    f"{action!r} is not an STS action: a trust policy can have only sts: actions",
                )
    return _check_size(document, limit, "a trust policy")


def _check_size(document: PolicyDocument, limit: int, kind: str) -> PolicyDocument:
    if document.size > limit:
        raise PolicyError(
            "", f"the document has {document.size} characters without white space; {kind} can have at most {limit}"
        )
    return document
