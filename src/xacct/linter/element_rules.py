"""Rules about which elements a document of each kind can have, and must have."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from xacct.errors import InvalidValue
from xacct.linter.finding import LintFinding, PolicyKind, Source, error, warning
from xacct.linter.source_document import SourceDocument, SourceStatement, strings
from xacct.policy import Principal
from xacct.policy.principal import as_kind
from xacct.policy.statement import shown

__all__ = ["document_findings", "statement_findings"]

_NAMES: Mapping[PolicyKind, str] = {
    "identity": "an identity policy",
    "trust": "a trust policy",
    "resource": "a resource policy",
    "scp": "a service control policy",
    "rcp": "a resource control policy",
    "session": "a session policy",
    "boundary": "a permissions boundary",
}

_NO_PRINCIPAL = "it applies to the principals that it is attached to. Remove the element"
_EVERY_PRINCIPAL = "it applies to all principals of the account. Use a condition on aws:PrincipalArn"
_NO_NOT_PRINCIPAL = "use a Deny with the condition ArnNotEquals aws:PrincipalArn instead"

# The elements that a statement of each kind cannot have: why, and the page.
_WRONG: Mapping[PolicyKind, Mapping[str, tuple[str, str]]] = {
    **{
        kind: {"Principal": (_NO_PRINCIPAL, Source.PRINCIPAL), "NotPrincipal": (_NO_PRINCIPAL, Source.NOT_PRINCIPAL)}
        for kind in ("identity", "session", "boundary")
    },
    "scp": dict.fromkeys(("Principal", "NotPrincipal"), (_EVERY_PRINCIPAL, Source.SCP)),
    "trust": {
        "Resource": ("it applies to its role. Remove the element", Source.TRUST),
        "NotResource": ("it applies to its role. Remove the element", Source.TRUST),
        "NotPrincipal": (_NO_NOT_PRINCIPAL, Source.NOT_PRINCIPAL),
    },
    "rcp": {
        "NotPrincipal": ("use Principal '*' with a condition on aws:PrincipalArn", Source.RCP),
        "NotAction": ("name the actions in Action", Source.RCP),
    },
    "resource": {},
}

_KINDS_WITH_PRINCIPAL: Mapping[PolicyKind, str] = {
    "trust": Source.PRINCIPAL, "resource": Source.PRINCIPAL, "rcp": Source.RCP
}  # fmt: skip

_PAIRS = (("Action", "NotAction"), ("Resource", "NotResource"), ("Principal", "NotPrincipal"))
_ELEMENTS = (
    "Sid",
    "Effect",
    "Principal",
    "NotPrincipal",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
)
_STRING_ELEMENTS = ("Action", "NotAction", "Resource", "NotResource")

# IAM and Organizations accept letters and digits only. Other services accept more in the policies of their resources.
_SID = re.compile("[A-Za-z0-9]*")


def document_findings(document: SourceDocument, kind: PolicyKind) -> Iterator[LintFinding]:
    """Find what is wrong with the document's own elements, and between its statements."""
    for name in document.elements:
        if name not in ("Version", "Id", "Statement"):
            yield error(
                str(name), "unknown-element", "remove it: a policy has Version, Id and Statement", Source.GRAMMAR
            )
    yield from _version_findings(document, kind)
    first: dict[str, str] = {}
    for statement in document.statements:
        sid = statement.elements.get("Sid")
        if not isinstance(sid, str) or not sid:
            continue
        if sid in first:
            message = f"the Sid {sid!r} is that of {first[sid]} too. Use another one"
            yield error(statement.place("Sid"), "duplicate-sid", message, Source.SID, sid)
        first.setdefault(sid, statement.path)


def _version_findings(document: SourceDocument, kind: PolicyKind) -> Iterator[LintFinding]:
    if not document.elements:
        return
    version = document.version
    if version not in ("2012-10-17", "2008-10-17"):
        message = f"{shown(version)} is no version of the policy language. Write 2012-10-17"
        yield error("Version", "version", message, Source.VERSION, shown(version))
    elif version != "2012-10-17" and kind in ("scp", "rcp"):
        source = Source.SCP if kind == "scp" else Source.RCP
        yield error("Version", "version", f"{_NAMES[kind]} must have the version 2012-10-17", source)
    elif version != "2012-10-17":
        for statement in document.statements:
            used = [*statement.strings("Resource"), *statement.strings("NotResource")]
            for path, _, _, values in statement.conditions():
                used += strings(values, path)
            for path, value in used:
                if "${" in value:
                    message = "without the version 2012-10-17, policy variables are literal text. Write that version"
                    yield warning(path, "version", message, Source.VERSION, value)


def statement_findings(statement: SourceStatement, kind: PolicyKind) -> Iterator[LintFinding]:
    """Find elements that are wrong for the kind of policy, missing, or of a wrong type."""
    elements = statement.elements
    for name in elements:
        if name not in _ELEMENTS:
            message = f"remove it: a statement has {', '.join(_ELEMENTS)}"
            yield error(statement.place(name), "unknown-element", message, Source.GRAMMAR)
    yield from _effect_findings(statement, kind)
    sid = elements.get("Sid")
    if sid is not None and not isinstance(sid, str):
        yield error(statement.place("Sid"), "wrong-type", "a Sid must be a string", Source.SID)
    elif kind != "resource" and sid and not _SID.fullmatch(sid):
        message = f"{sid!r} has other characters than A-Z, a-z and 0-9, which AWS rejects"
        yield error(statement.place("Sid"), "sid", message, Source.SID, sid)
    for one, other in _PAIRS:
        if one in elements and other in elements:
            message = f"a statement cannot have both {one} and {other}. Remove one"
            yield error(statement.place(other), "both-elements", message, Source.GRAMMAR)
    for name, (why, source) in _WRONG[kind].items():
        if name in elements:
            message = f"{_NAMES[kind]} cannot have {name}: {why}"
            yield error(statement.place(name), "wrong-element", message, source)
    yield from _missing_findings(statement, kind)
    for name in _STRING_ELEMENTS:
        yield from _type_findings(elements.get(name), statement.place(name))
    if not _WRONG[kind].get("Principal"):
        yield from _principal_findings(statement, kind)


def _effect_findings(statement: SourceStatement, kind: PolicyKind) -> Iterator[LintFinding]:
    effect = statement.elements.get("Effect")
    if effect not in ("Allow", "Deny"):
        given = "there is no Effect" if effect is None else f"{shown(effect)} is no effect"
        yield error(statement.place("Effect"), "effect", f"{given}. Write Allow or Deny", Source.GRAMMAR)
    elif effect == "Allow" and kind == "rcp":
        message = "a resource control policy can only deny. AWS attaches RCPFullAWSAccess, which allows"
        yield error(statement.place("Effect"), "wrong-element", message, Source.RCP, "Allow")
    elif effect == "Allow" and kind == "resource" and "NotPrincipal" in statement.elements:
        message = (
            f"NotPrincipal with Allow would allow everybody else, and AWS does not support it: {_NO_NOT_PRINCIPAL}"
        )
        yield error(statement.place("NotPrincipal"), "wrong-element", message, Source.NOT_PRINCIPAL)


def _missing_findings(statement: SourceStatement, kind: PolicyKind) -> Iterator[LintFinding]:
    elements = statement.elements
    if "Action" not in elements and ("NotAction" not in elements or kind == "rcp"):
        name = "Action" if kind == "rcp" else "Action or NotAction"
        yield error(statement.path, "missing-action", f"the statement needs {name}", Source.GRAMMAR)
    source = _KINDS_WITH_PRINCIPAL.get(kind)
    if source and "Principal" not in elements and "NotPrincipal" not in elements:
        message = f"a statement of {_NAMES[kind]} needs a Principal"
        yield error(statement.path, "missing-principal", message, source)
    if kind != "trust" and "Resource" not in elements and "NotResource" not in elements:
        if kind == "resource":
            message = "most services need a Resource in the policies of their resources; Amazon ECR has none"
            yield warning(statement.path, "missing-resource", message, Source.RESOURCE)
        else:
            message = f"a statement of {_NAMES[kind]} needs Resource or NotResource"
            yield error(statement.path, "missing-resource", message, Source.RESOURCE)


def _type_findings(value: object, path: str) -> Iterator[LintFinding]:
    values = value if isinstance(value, (list, tuple)) else (value,)
    if value is None:
        return
    if not values or "" in values:
        yield error(path, "empty", "the element is empty. Give it a value, or leave it out", Source.GRAMMAR)
    if not all(isinstance(item, str) for item in values):
        yield error(path, "wrong-type", f"{shown(value)} is neither a string nor a list of strings", Source.GRAMMAR)


def _principal_findings(statement: SourceStatement, kind: PolicyKind) -> Iterator[LintFinding]:
    for name in ("Principal", "NotPrincipal"):
        path, value = statement.place(name), statement.elements.get(name)
        if kind == "rcp" and name == "Principal" and value is not None and value not in ("*", {"AWS": "*"}):
            message = "a resource control policy applies to every principal: write '*', and use a condition"
            yield error(path, "wrong-element", message, Source.RCP, shown(value))
        elif isinstance(value, Mapping) and value:
            for principal_kind, values in value.items():
                yield from _type_findings(values, f"{path}.{principal_kind}")
                for place, text in strings(values, f"{path}.{principal_kind}"):
                    yield from _principal_value_findings(place, str(principal_kind), text)
        elif value in ({}, [], ""):
            yield error(path, "empty", "nobody is named. Name a principal", Source.PRINCIPAL)
        elif value not in (None, "*"):
            message = f"{shown(value)} is neither '*' nor an object such as {{'AWS': '111111111111'}}"
            yield error(path, "wrong-type", message, Source.PRINCIPAL)


def _principal_value_findings(place: str, kind: str, text: str) -> Iterator[LintFinding]:
    try:
        Principal(as_kind(kind), text)
    except InvalidValue as invalid:
        if text:
            yield error(
                place, "principal", f"{invalid.value!r} is no principal: {invalid.rule}", Source.PRINCIPAL, text
            )
