"""The confused deputy: services that let strangers in, and the false alarms of other tools."""

from __future__ import annotations

from typing import Any

import pytest
from tests.access_audit.checks.policies import ACCOUNT, OTHER, SURROUNDINGS, subject

from xacct.access_audit.checks.confused_deputy import confused_deputy
from xacct.access_audit.checks.service_sources import ROLE_SOURCES, source_page
from xacct.access_audit.checks.statement_requests import is_allowed
from xacct.access_audit.subject import Subject
from xacct.policy import Statement

STATES = "states.amazonaws.com"


def trust(service: Any, condition: Any = None, **more: Any) -> dict[str, Any]:
    extra = {} if condition is None else {"Condition": condition}
    return {"Principal": {"Service": service}, "Action": "sts:AssumeRole", **extra, **more}


def bucket(condition: Any = None, service: str = "cloudtrail.amazonaws.com", **more: Any) -> Subject:
    statement = trust(service, condition, Action="s3:PutObject", Resource="arn:aws:s3:::logs/AWSLogs/*", **more)
    return subject(statement, arn="arn:aws:s3:::logs", service="s3")


OPEN: list[Any] = [
    None,
    {"StringLike": {"aws:SourceAccount": "*"}},
    {"ArnLike": {"aws:SourceArn": "arn:aws:states:*:*:stateMachine:*"}},
    {"StringLike": {"aws:SourceArn": "arn:aws:states:eu-west-1:*"}},
    {"StringNotEquals": {"aws:SourceAccount": OTHER}},
    {"Null": {"aws:SourceAccount": "false"}},
    {"StringEqualsIfExists": {"aws:SourceOrgID": "o-abcdefghij"}},
    {"StringEquals": {"aws:RequestedRegion": "eu-west-1"}},
    {"Bool": {"aws:PrincipalIsAWSService": "true"}},
]


@pytest.mark.parametrize("condition", OPEN)
def test_a_service_that_acts_for_any_account_is_found(condition: Any) -> None:
    policy = subject(trust(STATES, condition))
    (finding,) = confused_deputy(policy, SURROUNDINGS)
    witness = finding.witness
    assert witness is not None
    assert is_allowed(witness, policy)
    (account,) = witness.context["aws:sourceaccount"]
    assert account not in (ACCOUNT, OTHER)
    assert account in witness.context["aws:sourcearn"][0]
    assert finding.severity == "low"
    assert finding.fix.statement is not None
    fixed = subject(dict(Statement.parse(finding.fix.statement).to_dict()))
    assert not list(confused_deputy(fixed, SURROUNDINGS))


CLOSED: list[Any] = [
    {"StringEquals": {"aws:SourceAccount": ACCOUNT}},
    {"StringEquals": {"AWS:sourceaccount": [ACCOUNT, OTHER]}},
    {"StringEquals": {"aws:SourceAccount": "${aws:ResourceAccount}"}},
    {"ArnLike": {"aws:SourceArn": f"arn:aws:states:*:{ACCOUNT}:stateMachine:*"}},
    {"StringLike": {"aws:SourceArn": f"arn:aws:states:*:{ACCOUNT}:*"}},
    {"ArnEquals": {"aws:SourceArn": f"arn:aws:states:eu-west-1:{ACCOUNT}:stateMachine:x"}},
    {"StringEquals": {"aws:SourceOrgID": "o-abcdefghij"}},
    {"ForAnyValue:StringLike": {"aws:SourceOrgPaths": "o-abcdefghij/r-1234/*"}},
    {"StringEquals": {"aws:SourceAccount": OTHER}},
]


@pytest.mark.parametrize("condition", CLOSED)
def test_a_service_that_acts_for_named_accounts_is_not_found(condition: Any) -> None:
    assert not list(confused_deputy(subject(trust(STATES, condition)), SURROUNDINGS))


@pytest.mark.parametrize("condition", [*OPEN, *CLOSED])
def test_the_short_way_and_the_whole_search_agree(condition: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    policy = subject(trust(STATES, condition))
    quick = [finding.id for finding in confused_deputy(policy, SURROUNDINGS)]
    monkeypatch.setattr("xacct.access_audit.checks.confused_deputy._names_sources", lambda _: False)
    assert [finding.id for finding in confused_deputy(policy, SURROUNDINGS)] == quick


# The false alarms of prowler's check, by the issue of prowler-cloud/prowler that reports them.
FALSE_ALARMS = {
    "2792: a role of Lambda with aws:SourceArn": trust(
        "lambda.amazonaws.com",
        {"StringEquals": {"aws:SourceArn": f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:Internal-role"}},
    ),
    "2810: EC2 sends neither key": trust("ec2.amazonaws.com"),
    "2810: a role of Lambda": trust("lambda.amazonaws.com"),
    "2810: a role of API Gateway": trust("apigateway.amazonaws.com"),
    "2810: a role of Glue": trust("glue.amazonaws.com"),
    "2810: a role of AWS Backup": trust("backup.amazonaws.com"),
    "2248: a service role of RDS monitoring of the organization": trust(
        "monitoring.rds.amazonaws.com", {"StringEquals": {"aws:SourceAccount": ACCOUNT}}
    ),
    "4714: CloudTrail sends no such key to its role of CloudWatch Logs": trust("cloudtrail.amazonaws.com"),
    "4714: Elastic Transcoder and Transcribe": trust(["elastictranscoder.amazonaws.com", "transcribe.amazonaws.com"]),
    "5454: aws:SourceOrgID is as good": trust(STATES, {"StringEquals": {"aws:SourceOrgID": "o-abcdefghij"}}),
    "7021: services that send neither key": trust(["eks.amazonaws.com", "spotfleet.amazonaws.com"]),
}


@pytest.mark.parametrize("statement", FALSE_ALARMS.values(), ids=FALSE_ALARMS)
def test_false_alarms_of_other_tools_are_not_found(statement: dict[str, Any]) -> None:
    assert not list(confused_deputy(subject(statement), SURROUNDINGS))


def test_a_service_linked_role_is_not_found() -> None:
    """Reported to prowler as false alarm 2314: nobody can edit its trust policy."""
    arn = f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/events.amazonaws.com/AWSServiceRoleForEvents"
    policy = subject(trust("events.amazonaws.com"), arn=arn, owner="service-linked role")
    assert not list(confused_deputy(policy, SURROUNDINGS))


def test_services_in_a_list_are_found_each() -> None:
    """A miss of prowler, fixed in its pull request 9213: a list of services was not looked into."""
    policy = subject(trust(["scheduler.amazonaws.com", "events.amazonaws.com", "ec2.amazonaws.com"]))
    found = list(confused_deputy(policy, SURROUNDINGS))
    assert {finding.principal for finding in found} == {"scheduler.amazonaws.com", "events.amazonaws.com"}
    assert len({finding.id for finding in found}) == 2


def test_a_statement_that_another_statement_opens_is_found() -> None:
    narrow = trust(STATES, {"StringEquals": {"aws:SourceAccount": ACCOUNT}})
    (finding,) = confused_deputy(subject(narrow, trust(STATES)), SURROUNDINGS)
    assert [source.index for source in finding.statements] == [1]


@pytest.mark.parametrize("rcps", [False, True])
def test_a_deny_or_a_resource_control_policy_closes_it(rcps: bool) -> None:
    deny = {
        "Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRole",
        "Condition": {
            "StringNotEqualsIfExists": {"aws:SourceOrgID": "o-abcdefghij"},
            "Null": {"aws:SourceAccount": "false"},
            "Bool": {"aws:PrincipalIsAWSService": "true"},
        },
    }  # fmt: skip
    rcp = {"Version": "2012-10-17", "Statement": [{**deny, "Resource": "*"}]}
    policy = subject(trust(STATES), rcps=(rcp,)) if rcps else subject(trust(STATES), deny)
    assert not list(confused_deputy(policy, SURROUNDINGS))


def test_a_source_that_is_no_arn_ends_no_check() -> None:
    statement = {
        "Principal": {"Service": "states.amazonaws.com"},
        "Action": "sts:AssumeRole",
        "Condition": {"Bool": {"aws:SourceArn": "*"}},
    }
    assert not list(confused_deputy(subject(statement), SURROUNDINGS))


def test_a_deny_with_policy_variables_does_not_hide_an_open_service() -> None:
    deny = {
        "Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRole",
        "Condition": {
            "StringNotEqualsIfExists": {"aws:PrincipalOrgID": "${aws:ResourceOrgID}"},
            "BoolIfExists": {"aws:PrincipalIsAWSService": "false"},
        },
    }  # fmt: skip
    assert len(list(confused_deputy(subject(trust(STATES), deny), SURROUNDINGS))) == 1


def test_a_bucket_to_which_cloudtrail_writes_for_anybody_is_found() -> None:
    policy = bucket({"StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control"}})
    (finding,) = confused_deputy(policy, SURROUNDINGS)
    assert (finding.severity, finding.answer) == ("medium", "depends")
    assert finding.witness is not None
    assert finding.witness.context["s3:x-amz-acl"] == ("bucket-owner-full-control",)
    assert is_allowed(finding.witness, policy)


@pytest.mark.parametrize(
    "policy",
    [
        bucket({"StringEquals": {"aws:SourceArn": f"arn:aws:cloudtrail:eu-west-1:{ACCOUNT}:trail/main"}}),
        bucket({"StringEquals": {"aws:SourceArn": "arn:aws:s3:::source"}}, "s3.amazonaws.com"),
        bucket(service="logdelivery.elasticloadbalancing.amazonaws.com"),
        subject(
            trust("cloudtrail.amazonaws.com", Action="kms:GenerateDataKey*", Resource="*", Condition={
                "StringLike": {"kms:EncryptionContext:aws:cloudtrail:arn": f"arn:aws:cloudtrail:*:{ACCOUNT}:trail/*"},
            }), arn=f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/1", service="kms",
        ),
    ],
    ids=["arn of the trail", "arn of a bucket", "a service that sends no key", "encryption context of the account"],
)  # fmt: skip
def test_resources_whose_services_are_limited_are_not_found(policy: Subject) -> None:
    assert not list(confused_deputy(policy, SURROUNDINGS))


@pytest.mark.parametrize(
    ("service", "action", "resource"),
    [
        ("lambda", "lambda:InvokeFunction", f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:f"),
        ("sns", "sns:Publish", f"arn:aws:sns:eu-west-1:{ACCOUNT}:t"),
        ("sqs", "sqs:*", f"arn:aws:sqs:eu-west-1:{ACCOUNT}:q"),
        ("kms", "kms:GenerateDataKey*", f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/1"),
    ],
)
def test_a_resource_that_s3_uses_for_anybodys_bucket_is_found(service: str, action: str, resource: str) -> None:
    for condition, count in (
        (None, 1),
        ({"ArnLike": {"aws:SourceArn": "arn:aws:s3:::mine-*"}}, 1),
        ({"ArnLike": {"aws:SourceArn": "arn:aws:s3:::mine"}}, 0),
        ({"ArnLike": {"aws:SourceArn": "arn:aws:s3:*:*:*"}, "StringEquals": {"aws:SourceAccount": ACCOUNT}}, 0),
    ):
        statement = trust("s3.amazonaws.com", condition, Action=action, Resource=resource)
        policy = subject(statement, arn=resource, service=service)
        found = list(confused_deputy(policy, SURROUNDINGS))
        assert len(found) == count, condition
        assert all(finding.witness and is_allowed(finding.witness, policy) for finding in found)


def test_every_service_has_a_page_of_aws() -> None:
    assert all(page.startswith("https://docs.aws.amazon.com/") for page in ROLE_SOURCES.values())
    assert source_page("sns.amazonaws.com", "sqs").startswith("https://docs.aws.amazon.com/")
    assert source_page("sns.amazonaws.com", "iam") == ""
