"""Templates of CloudFormation, and their functions."""

from __future__ import annotations

from typing import Any

import pytest

from xacct.testing.error_responses import Refused
from xacct.testing.stack_sets.template import (
    Resolver,
    TemplateError,
    check_template,
    parse_template,
    resources_in_order,
)

TEMPLATE: dict[str, Any] = {
    "Parameters": {"Stage": {"Type": "String", "Default": "test"}, "Size": {"Type": "Number"}},
    "Conditions": {
        "IsProduction": {"Fn::Equals": [{"Ref": "Stage"}, "production"]},
        "IsTest": {"Fn::Not": [{"Condition": "IsProduction"}]},
        "IsLarge": {"Fn::And": [{"Condition": "IsTest"}, {"Fn::Equals": [{"Ref": "Size"}, 5]}]},
        "IsEither": {"Fn::Or": [{"Condition": "IsProduction"}, {"Condition": "IsLarge"}]},
    },
    "Resources": {"Role": {"Type": "AWS::IAM::Role"}},
}


def resolver(**values: str) -> Resolver:
    attributes = {("Role", "Ref"): "Reader", ("Role", "Arn"): "arn:aws:iam::111111111111:role/Reader"}
    given = {"Size": "5", "AWS::AccountId": "111111111111", **values}
    return Resolver(TEMPLATE, given, lambda name, attribute: attributes.get((name, attribute)))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("plain", "plain"),
        ({"Ref": "Stage"}, "test"),
        ({"Ref": "AWS::AccountId"}, "111111111111"),
        ({"Ref": "Role"}, "Reader"),
        ({"Fn::GetAtt": ["Role", "Arn"]}, "arn:aws:iam::111111111111:role/Reader"),
        ({"Fn::GetAtt": "Role.Arn"}, "arn:aws:iam::111111111111:role/Reader"),
        ({"Fn::Sub": "${Stage} ${Role.Arn} ${!Stage}"}, "test arn:aws:iam::111111111111:role/Reader ${Stage}"),
        ({"Fn::Sub": ["${Other}/${Stage}", {"Other": {"Ref": "Role"}}]}, "Reader/test"),
        ({"Fn::Join": ["-", ["a", {"Ref": "Size"}]]}, "a-5"),
        ({"Fn::Select": ["1", {"Fn::Split": [",", "a,b"]}]}, "b"),
        ({"Fn::If": ["IsProduction", "yes", "no"]}, "no"),
        ({"Fn::If": ["IsLarge", "yes", "no"]}, "yes"),
        ({"Fn::If": ["IsEither", "yes", "no"]}, "yes"),
        ({"a": {"Ref": "AWS::NoValue"}, "b": [1, {"Ref": "AWS::NoValue"}]}, {"b": [1]}),
        # The condition of a policy is no function.
        ({"Condition": {"Bool": {"a": True}}}, {"Condition": {"Bool": {"a": True}}}),
    ],
)
def test_functions_are_resolved(value: Any, expected: Any) -> None:
    assert resolver().resolve(value) == expected


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ({"Ref": "Nothing"}, "Unresolved resource dependency Nothing"),
        ({"Fn::GetAtt": "Role.Nothing"}, "Unresolved resource dependency Role.Nothing"),
        ({"Fn::If": ["Nothing", 1, 2]}, "Unresolved condition Nothing"),
        ({"Fn::ImportValue": "x"}, "The sandbox does not implement Fn::ImportValue"),
    ],
)
def test_what_cannot_be_resolved_is_named(value: Any, problem: str) -> None:
    with pytest.raises(TemplateError, match=problem):
        resolver().resolve(value)


def test_resources_come_after_those_that_they_refer_to() -> None:
    template = {
        **TEMPLATE,
        "Resources": {
            "A": {"Type": "T", "Properties": {"x": {"Fn::Sub": "${B.Arn}"}}},
            "B": {"Type": "T", "Properties": {"x": [{"Fn::GetAtt": "C.Arn"}]}},
            "C": {"Type": "T", "DependsOn": "D", "Properties": {"x": {"Ref": "AWS::Region"}}},
            "D": {"Type": "T"},
            "E": {"Type": "T", "Condition": "IsProduction"},
        },
    }
    assert [resource.logical_id for resource in resources_in_order(template, resolver())] == ["D", "C", "B", "A"]


def test_a_circle_of_resources_is_refused() -> None:
    template = {"Resources": {name: {"Properties": {"x": {"Ref": other}}} for name, other in ("AB", "BA")}}
    with pytest.raises(TemplateError, match="Circular dependency between resources"):
        resources_in_order(template, resolver())


def test_yaml_has_short_forms_of_functions_and_versions_that_are_no_dates() -> None:
    template = parse_template(
        """
        Resources:
          Role:
            Properties:
              Version: 2012-10-17
              Name: !Sub "${AWS::StackName}-x"
              Arn: !GetAtt Other.Arn
              List: !Join ["-", [!Ref A, b]]
              Kept: !If [C, !Ref AWS::NoValue, {a: 1}]
        """
    )
    assert template["Resources"]["Role"]["Properties"] == {
        "Version": "2012-10-17",
        "Name": {"Fn::Sub": "${AWS::StackName}-x"},
        "Arn": {"Fn::GetAtt": "Other.Arn"},
        "List": {"Fn::Join": ["-", [{"Ref": "A"}, "b"]]},
        "Kept": {"Fn::If": ["C", {"Ref": "AWS::NoValue"}, {"a": 1}]},
    }


@pytest.mark.parametrize(
    ("properties", "capabilities", "missing"),
    [
        ({}, set(), "CAPABILITY_IAM"),
        ({}, {"CAPABILITY_IAM"}, None),
        ({}, {"CAPABILITY_NAMED_IAM"}, None),
        ({"RoleName": "x"}, {"CAPABILITY_IAM"}, "CAPABILITY_NAMED_IAM"),
        ({"RoleName": "x"}, {"CAPABILITY_NAMED_IAM"}, None),
    ],
)
def test_iam_resources_must_be_acknowledged(properties: Any, capabilities: set[str], missing: str | None) -> None:
    template = {"Resources": {"Role": {"Type": "AWS::IAM::Role", "Properties": properties}}}
    if missing is None:
        check_template(template, {}, capabilities)
        return
    with pytest.raises(Refused, match=missing):
        check_template(template, {}, capabilities)
