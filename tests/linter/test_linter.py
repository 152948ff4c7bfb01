"""The linter on policies that were not written for it, and what a finding is."""

from __future__ import annotations

import json
import pickle
import time
from collections import Counter
from typing import Any

import pytest
from moto.iam.aws_managed_policies import aws_managed_policies_data

from xacct import InvalidValue, LintFinding, lint, s3_read_policy

from .findings import document, findings

MANAGED: dict[str, dict[str, Any]] = json.loads(aws_managed_policies_data)


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(InvalidValue, match="kind: 'bucket' is not valid: one of identity, trust, resource"):
        lint(document(), "bucket")  # type: ignore[arg-type]  # the error is tested


def test_a_finding_is_a_value() -> None:
    (finding,) = findings(document(Action="s3:GetObjects", Resource="*"))
    assert isinstance(finding, LintFinding)
    assert str(finding) == (
        "error: Statement.Action: AWS's reference has no action s3:GetObjects: did you mean s3:GetObject? "
        "(unknown-action)"
    )
    assert pickle.loads(pickle.dumps(finding)) == finding
    assert len({finding, *findings(document(Action="s3:GetObjects", Resource="*"))}) == 1


def test_findings_are_in_the_order_of_the_document() -> None:
    wrong = document(Action="s3:GetObjects", Resource="reports")["Statement"]
    found = findings({"Version": "2012-10-17", "Statement": [wrong, wrong]})
    assert [finding.element for finding in found] == [
        "Statement[0].Action",
        "Statement[0].Resource",
        "Statement[1].Action",
        "Statement[1].Resource",
    ]


def test_nothing_is_wrong_with_the_policies_that_xacct_writes() -> None:
    assert findings(s3_read_policy(["reports", "logs"], ["a/", "b/"])) == ()


def test_awss_managed_policies_have_few_findings() -> None:
    found = {name: findings(policy["Document"]) for name, policy in MANAGED.items()}
    assert len(found) > 1_500
    rules = Counter(finding.rule for one in found.values() for finding in one)
    # AWS keeps actions of services that it retired, and of services that it does not document. Its own policies can be
    # larger than those of an account.
    assert {finding.rule for one in found.values() for finding in one if finding.severity == "error"} == {
        "unknown-action",
        "matches-nothing",
        "unknown-condition-key",
        "unknown-resource",
        "size",
    }
    assert rules["unknown-action"] + rules["matches-nothing"] < 500
    assert rules["unknown-condition-key"] < 20
    # Most are actions that take only the resource '*', beside others that take the one that is named.
    assert rules["resource-type"] < 2_500
    assert rules["key-not-sent"] < 200
    assert rules["operator-type"] < 20
    assert rules["set-operator"] < 10
    assert rules["null-check"] < 200
    assert rules["size"] < 100
    assert sum(1 for one in found.values() if not one) > 1_200


# The resources that AWS's managed policies name in a form that no resource has, and the form of the reference.
# Each other form that the reference lacks is in UNLISTED_ARN_FORMATS.
MISTAKES_OF_AWS = {
    "arn:*:kms:*:::*": "an ARN with seven parts",
    "arn:aws:appflow:*:*:connector-profile/*": "connectorprofile/",
    "arn:aws:cloudwatch:*:*:iotfleethub*": "alarm:",
    "arn:aws:config:*:*::config-rule/*": "an ARN with seven parts",
    "arn:aws:ec2:*:*:vpc-endpoint:*": "vpc-endpoint/",
    "arn:aws:elasticloadbalancing:*:*:listener/awseb-*": "listener/app/",
    "arn:aws:elasticloadbalancing:*:*:listener/eb-*": "listener/app/",
    "arn:aws:logs:*:*:/aws-glue/*": "log-group:",
    "arn:aws:logs:*:*:/aws/lambda/AmazonSecurityLake*": "log-group:",
    "arn:aws:pricingplanmanager::*:subscription:*": "subscription/",
    "arn:aws:quicksight:*:*:vpcconnection/*": "vpcConnection/",
    "arn:aws:sagemaker:*:*:Canvas*": "endpoint/ and others",
    "arn:aws:sagemaker:*:*:canvas*": "endpoint/ and others",
    "arn:aws:sagemaker:*:*:endpointconfig/*": "endpoint-config/",
    "arn:aws:states:*:*:statemachine:*sagemaker*": "stateMachine:",
}


def test_the_resources_of_awss_managed_policies_are_known() -> None:
    found = (finding for policy in MANAGED.values() for finding in findings(policy["Document"]))
    unknown = {finding.value for finding in found if finding.rule == "unknown-resource"}
    assert unknown - set(MISTAKES_OF_AWS) == set()


def test_a_policy_is_read_in_milliseconds() -> None:
    policy = MANAGED["AmazonS3ReadOnlyAccess"]["Document"]
    findings(policy)
    times = []
    for _ in range(5):
        start = time.perf_counter()
        findings(policy)
        times.append(time.perf_counter() - start)
    assert min(times) < 0.005
