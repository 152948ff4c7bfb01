"""A policy document as it is written, with the paths of its elements, whether or not AWS accepts it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import cast

from attrs import frozen

from xacct.errors import PolicyError
from xacct.linter.finding import LintFinding, Source, error
from xacct.policy import Condition, PolicyDocument, Principal, Statement
from xacct.policy.document import load_policy_json

__all__ = ["Place", "SourceDocument", "SourceStatement", "read_document"]

Place = tuple[str, str]
"""The path of a value, and the value."""

# The levels of a policy: the document, statements, a condition's operators, keys and values.
_DEPTH = 8


class _JsonObject(dict[str, object]):
    """A JSON object that knows which of its keys it has more than once."""

    repeated: tuple[str, ...] = ()


@frozen
class SourceStatement:
    """A statement as it is written.

    Attributes:
        path: its path in the document.
        elements: its elements; each has the value that the document has, of any type.
    """

    path: str
    elements: Mapping[str, object]

    @property
    def allows(self) -> bool:
        """Whether the effect is Allow."""
        return self.elements.get("Effect") == "Allow"

    def place(self, element: str) -> str:
        """Return the path of an element."""
        return f"{self.path}.{element}"

    def strings(self, element: str) -> list[Place]:
        """Return the strings of an element with their paths. Values of other types are left out."""
        return strings(self.elements.get(element), self.place(element))

    def conditions(self) -> Iterator[tuple[str, str, str, object]]:
        """Yield each condition: its path, the operator, the context key, and the value of any type."""
        operators = self.elements.get("Condition")
        for operator, keys in operators.items() if isinstance(operators, Mapping) else ():
            for key, values in keys.items() if isinstance(keys, Mapping) else ():
                yield f"{self.place('Condition')}.{operator}.{key}", str(operator), str(key), values


@frozen
class SourceDocument:
    """A document as it is written.

    Attributes:
        elements: the elements of the document.
        statements: those of its statements that are JSON objects.
        findings: what is wrong with its JSON.
        text: its JSON text, if it was given as text that is not URL-encoded; else empty.
    """

    elements: Mapping[str, object]
    statements: tuple[SourceStatement, ...]
    findings: tuple[LintFinding, ...]
    text: str = ""

    @property
    def version(self) -> object:
        """The version of the policy language. AWS's default is that of 2008."""
        return self.elements.get("Version", "2008-10-17")


def read_document(source: PolicyDocument | Mapping[str, object] | str | bytes) -> SourceDocument:
    """Read a document. What cannot be read is a finding."""
    if isinstance(source, PolicyDocument):
        elements: object = _elements_of(source)
    elif isinstance(source, (str, bytes)):
        try:
            elements = load_policy_json(source, _json_object)
        except PolicyError as failure:
            return SourceDocument({}, (), (_unreadable(failure.problem),))
    else:
        elements = source
    if not isinstance(elements, Mapping):
        return SourceDocument({}, (), (_unreadable("a policy must be a JSON object"),))
    raw = elements.get("Statement", ())
    many = isinstance(raw, (list, tuple))
    statements = [
        (f"Statement[{i}]" if many else "Statement", item)
        for i, item in enumerate(cast("Iterable[object]", raw) if many else (raw,))
    ]
    found = [_not_an_object(path) for path, item in statements if not isinstance(item, Mapping)]
    if not statements:
        found.append(_unreadable("a policy must have at least one statement", "Statement"))
    return SourceDocument(
        elements,
        tuple(SourceStatement(path, item) for path, item in statements if isinstance(item, Mapping)),
        (*_repeated_keys(elements, ""), *found),
        _json_text(source),
    )


def _json_text(source: object) -> str:
    text = source.decode() if isinstance(source, bytes) else source
    # JSON cannot begin with a percent sign.
    return text if isinstance(text, str) and not text.lstrip().startswith("%") else ""


def strings(value: object, path: str) -> list[Place]:
    """Return a string, or the strings of a list, with their paths. Values of other types are left out."""
    if isinstance(value, (list, tuple)):
        return [(f"{path}[{i}]", item) for i, item in enumerate(value) if isinstance(item, str)]
    return [(path, value)] if isinstance(value, str) else []


def _json_object(pairs: list[tuple[str, object]]) -> _JsonObject:
    found = _JsonObject(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        found.repeated = tuple(dict.fromkeys(name for name in names if names.count(name) > 1))
    return found


def _repeated_keys(value: object, path: str, depth: int = 0) -> Iterator[LintFinding]:
    if depth > _DEPTH:
        return
    if isinstance(value, _JsonObject):
        for name in value.repeated:
            message = f"the key {name!r} is there more than once, which AWS rejects. Merge the values"
            yield error(f"{path}.{name}".lstrip("."), "duplicate-key", message, Source.GRAMMAR, name)
        for name, inner in value.items():
            yield from _repeated_keys(inner, f"{path}.{name}".lstrip("."), depth + 1)
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            yield from _repeated_keys(inner, f"{path}[{i}]", depth + 1)


def _unreadable(message: str, element: str = "") -> LintFinding:
    return error(element, "json", message, Source.GRAMMAR)


def _not_an_object(path: str) -> LintFinding:
    return _unreadable("a statement must be a JSON object", path)


def _elements_of(document: PolicyDocument) -> dict[str, object]:
    """Return a document as plain data, with its values in their own order."""
    elements: dict[str, object] = {"Version": document.version, "Id": document.id}
    elements["Statement"] = [_statement_elements(statement) for statement in document.statements]
    return {name: value for name, value in elements.items() if value}


def _statement_elements(statement: Statement) -> dict[str, object]:
    elements: dict[str, object] = {
        "Sid": statement.sid,
        "Effect": statement.effect,
        "Principal": _principals(statement.principals),
        "NotPrincipal": _principals(statement.not_principals),
        "Action": _one_or_many(statement.actions),
        "NotAction": _one_or_many(statement.not_actions),
        "Resource": _one_or_many(statement.resources),
        "NotResource": _one_or_many(statement.not_resources),
        "Condition": _conditions(statement.conditions),
    }
    return {name: value for name, value in elements.items() if value}


def _one_or_many(values: tuple[str, ...]) -> object:
    return values[0] if len(values) == 1 else list(values)


def _principals(principals: tuple[Principal, ...]) -> dict[str, object]:
    kinds = dict.fromkeys(principal.kind for principal in principals)
    return {kind: _one_or_many(tuple(p.value for p in principals if p.kind == kind)) for kind in kinds}


def _conditions(conditions: tuple[Condition, ...]) -> dict[str, dict[str, object]]:
    rendered: dict[str, dict[str, object]] = {}
    for condition in conditions:
        rendered.setdefault(condition.operator, {})[condition.key] = _one_or_many(condition.values)
    return rendered
