"""The linter: which elements a document of each kind can have, and must have."""

from __future__ import annotations

import pytest

from xacct.linter import PolicyKind

from .findings import OBJECTS, document, findings, of_rule, places, right_documents, rules

KINDS: tuple[PolicyKind, ...] = ("identity", "trust", "resource", "scp", "rcp", "session", "boundary")
PRINCIPAL = {"AWS": "222222222222"}


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_wrong_with_a_right_document(kind: PolicyKind) -> None:
    assert findings(right_documents()[kind], kind) == ()


@pytest.mark.parametrize(
    ("kind", "element", "value"),
    [
        ("identity", "Principal", PRINCIPAL),
        ("session", "Principal", "*"),
        ("boundary", "NotPrincipal", PRINCIPAL),
        ("scp", "Principal", "*"),
        ("scp", "NotPrincipal", PRINCIPAL),
        ("trust", "Resource", "*"),
        ("trust", "NotResource", "*"),
        ("trust", "NotPrincipal", PRINCIPAL),
        ("rcp", "NotPrincipal", PRINCIPAL),
        ("rcp", "NotAction", "s3:GetObject"),
    ],
)
def test_an_element_that_the_kind_cannot_have(kind: PolicyKind, element: str, value: object) -> None:
    (finding,) = of_rule("wrong-element", document(kind, **{element: value}), kind)
    assert finding.element == f"Statement.{element}"
    assert finding.severity == "error"
    assert f"cannot have {element}" in finding.message


@pytest.mark.parametrize("element", ["NotAction", "NotResource", "Condition"])
@pytest.mark.parametrize("effect", ["Allow", "Deny"])
def test_a_service_control_policy_has_the_whole_language_but_principals(effect: str, element: str) -> None:
    value = {"Bool": {"aws:SecureTransport": "true"}} if element == "Condition" else OBJECTS
    value = "s3:GetObject" if element == "NotAction" else value
    without = {"NotAction": "Action", "NotResource": "Resource"}.get(element, "Sid")
    assert findings(document("scp", Effect=effect, **{element: value, without: None}), "scp") == ()


@pytest.mark.parametrize("kind", ["scp", "rcp"])
@pytest.mark.parametrize("version", [None, "2008-10-17"])
def test_organizations_requires_the_version_of_2012(kind: PolicyKind, version: str | None) -> None:
    source = {name: value for name, value in document(kind).items() if name != "Version"}
    (finding,) = findings(source if version is None else source | {"Version": version}, kind)
    assert (finding.element, finding.rule) == ("Version", "version")


def test_an_unknown_version() -> None:
    (finding,) = findings(document() | {"Version": "2012-10-18"})
    assert finding.message == "'2012-10-18' is no version of the policy language. Write 2012-10-17"


def test_variables_in_a_document_without_the_version_of_2012() -> None:
    source = document(Resource=["arn:aws:s3:::reports/${aws:username}/*"], Condition={})
    del source["Version"]
    (finding,) = findings(source)
    assert (finding.element, finding.rule, finding.severity) == ("Statement.Resource[0]", "version", "warning")
    assert findings(source | {"Version": "2012-10-17"}) == ()


def test_a_resource_control_policy_only_denies() -> None:
    assert places("wrong-element", document("rcp", Effect="Allow"), "rcp") == ["Statement.Effect"]


@pytest.mark.parametrize("principal", [PRINCIPAL, {"AWS": ["*"]}, {"Service": "*"}])
def test_a_resource_control_policy_applies_to_every_principal(principal: object) -> None:
    assert places("wrong-element", document("rcp", Principal=principal), "rcp") == ["Statement.Principal"]
    assert findings(document("rcp", Principal={"AWS": "*"}), "rcp") == ()


def test_a_resource_control_policy_names_services() -> None:
    assert places("wrong-element", document("rcp", Action=["s3:*", "*"]), "rcp") == ["Statement.Action[1]"]
    assert places("service-without-rcps", document("rcp", Action="iam:*"), "rcp") == ["Statement.Action"]
    assert findings(document("rcp", Action="dynamodb:*"), "rcp") == ()


def test_not_principal_with_allow() -> None:
    source = document("resource", Principal=None, NotPrincipal=PRINCIPAL)
    (finding,) = findings(source, "resource")
    assert (finding.element, finding.rule) == ("Statement.NotPrincipal", "wrong-element")
    assert findings(document("resource", Effect="Deny", Principal=None, NotPrincipal=PRINCIPAL), "resource") == ()


@pytest.mark.parametrize("action", ["s3:GetObject", "*", "iam:PassRole"])
def test_a_trust_policy_has_actions_of_sts_only(action: str) -> None:
    assert places("wrong-element", document("trust", Action=["sts:AssumeRole", action]), "trust") == [
        "Statement.Action[1]"
    ]


@pytest.mark.parametrize("kind", ["trust", "resource", "rcp"])
def test_a_missing_principal(kind: PolicyKind) -> None:
    (finding,) = findings(document(kind, Principal=None), kind)
    assert (finding.element, finding.rule) == ("Statement", "missing-principal")


@pytest.mark.parametrize("kind", ["identity", "scp", "rcp", "session", "boundary"])
def test_a_missing_resource(kind: PolicyKind) -> None:
    (finding,) = findings(document(kind, Resource=None), kind)
    assert (finding.element, finding.rule, finding.severity) == ("Statement", "missing-resource", "error")


def test_a_missing_resource_in_the_policy_of_a_resource_is_only_a_warning() -> None:
    (finding,) = findings(document("resource", Resource=None), "resource")
    assert (finding.rule, finding.severity) == ("missing-resource", "warning")


@pytest.mark.parametrize("kind", KINDS)
def test_a_missing_action(kind: PolicyKind) -> None:
    assert places("missing-action", document(kind, Action=None), kind) == ["Statement"]


@pytest.mark.parametrize(
    ("one", "other"), [("Action", "NotAction"), ("Resource", "NotResource"), ("Principal", "NotPrincipal")]
)
def test_two_elements_that_exclude_each_other(one: str, other: str) -> None:
    right = right_documents()["resource"]["Statement"]
    source = document("resource", Effect="Deny", **{other: right[one]})
    assert places("both-elements", source, "resource") == [f"Statement.{other}"]


def test_a_sid_that_is_there_twice() -> None:
    one = document(Sid="Read")["Statement"]
    source = {"Version": "2012-10-17", "Statement": [one, {**one, "Sid": "Other"}, one]}
    (finding,) = findings(source)
    assert (finding.element, finding.rule) == ("Statement[2].Sid", "duplicate-sid")
    assert finding.message == "the Sid 'Read' is that of Statement[0] too. Use another one"


def test_a_sid_with_other_characters() -> None:
    assert rules(document(Sid="read-only")) == ["sid"]
    assert rules(document("resource", Sid="read only"), "resource") == []


@pytest.mark.parametrize(
    ("elements", "place", "rule"),
    [
        ({"Effect": None}, "Statement.Effect", "effect"),
        ({"Effect": "allow"}, "Statement.Effect", "effect"),
        ({"Sid": 5}, "Statement.Sid", "wrong-type"),
        ({"Actions": "s3:*"}, "Statement.Actions", "unknown-element"),
        ({"Action": 5}, "Statement.Action", "wrong-type"),
        ({"Action": []}, "Statement.Action", "empty"),
        ({"Action": ["s3:GetObject", ""]}, "Statement.Action", "empty"),
        ({"Resource": {}}, "Statement.Resource", "wrong-type"),
        ({"Resource": ["*", None]}, "Statement.Resource", "wrong-type"),
    ],
)
def test_an_element_of_a_wrong_form(elements: dict[str, object], place: str, rule: str) -> None:
    assert [(f.element, f.rule) for f in findings(document(**elements))] == [(place, rule)]


@pytest.mark.parametrize(
    ("principal", "place", "rule"),
    [
        ({}, "Statement.Principal", "empty"),
        ([], "Statement.Principal", "empty"),
        ("", "Statement.Principal", "empty"),
        ({"AWS": []}, "Statement.Principal.AWS", "empty"),
        ({"AWS": ""}, "Statement.Principal.AWS", "empty"),
        ("222222222222", "Statement.Principal", "wrong-type"),
        ({"AWS": [222222222222]}, "Statement.Principal.AWS", "wrong-type"),
        ({"AWS": ["222222222222", "2222"]}, "Statement.Principal.AWS[1]", "principal"),
        ({"AWS": "arn:aws:iam::222222222222:user/*"}, "Statement.Principal.AWS", "principal"),
        ({"Account": "222222222222"}, "Statement.Principal.Account", "principal"),
    ],
)
def test_a_principal_that_is_none(principal: object, place: str, rule: str) -> None:
    found = findings(document("trust", Principal=principal), "trust")
    assert [(f.element, f.rule) for f in found] == [(place, rule)]


@pytest.mark.parametrize(
    "principal", ["*", {"AWS": "*"}, {"Service": "ec2.amazonaws.com"}, {"AWS": ["222222222222"], "Service": "s3"}]
)
def test_principals(principal: object) -> None:
    assert findings(document("trust", Principal=principal), "trust") == ()


def test_unknown_elements_of_the_document() -> None:
    assert rules(document() | {"Comment": "x"}) == ["unknown-element"]
