"""Every service that moto has works in a sandbox, whatever name its signatures have."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from moto.core.request import Request

from xacct.testing import Sandbox
from xacct.testing.service_models import models_of

from .conftest import PROD

CALLS = [
    ("amp", "list_workspaces", {}, "aps:ListWorkspaces"),
    ("apigatewayv2", "get_apis", {}, "apigateway:GetApis"),
    ("apigateway", "get_rest_apis", {}, "apigateway:GetRestApis"),
    ("bedrock-agent", "list_agents", {}, "bedrock:ListAgents"),
    ("cloudhsmv2", "describe_clusters", {}, "cloudhsm:DescribeClusters"),
    ("cloudwatch", "list_metrics", {}, "monitoring:ListMetrics"),
    ("connectcampaigns", "list_campaigns", {}, "connect-campaigns:ListCampaigns"),
    ("devops-agent", "list_agent_spaces", {}, "aidevops:ListAgentSpaces"),
    ("dynamodbstreams", "list_streams", {}, "dynamodb:ListStreams"),
    ("efs", "describe_file_systems", {}, "elasticfilesystem:DescribeFileSystems"),
    ("elb", "describe_load_balancers", {}, "elasticloadbalancing:DescribeLoadBalancers"),
    ("elbv2", "describe_load_balancers", {}, "elasticloadbalancing:DescribeLoadBalancers"),
    ("emr", "list_clusters", {}, "elasticmapreduce:ListClusters"),
    ("iot-data", "get_thing_shadow", {"thingName": "lamp"}, "iotdata:GetThingShadow"),
    ("kinesisanalyticsv2", "list_applications", {}, "kinesisanalytics:ListApplications"),
    ("lexv2-models", "list_bots", {}, "lex:ListBots"),
    ("opensearch", "list_domain_names", {}, "es:ListDomainNames"),
    ("opensearchserverless", "list_collections", {}, "aoss:ListCollections"),
    ("pinpoint", "get_apps", {}, "mobiletargeting:GetApps"),
    ("resourcegroupstaggingapi", "get_resources", {}, "tagging:GetResources"),
    ("s3control", "get_public_access_block", {"AccountId": PROD}, "s3:GetPublicAccessBlock"),
    (
        "service-quotas",
        "list_aws_default_service_quotas",
        {"ServiceCode": "vpc"},
        "servicequotas:ListAWSDefaultServiceQuotas",
    ),
    ("servicecatalog-appregistry", "list_applications", {}, "servicecatalog:ListApplications"),
    ("sesv2", "list_email_identities", {}, "ses:ListEmailIdentities"),
    ("stepfunctions", "list_state_machines", {}, "states:ListStateMachines"),
    ("timestream-query", "describe_endpoints", {}, "timestream:DescribeEndpoints"),
    ("timestream-write", "list_databases", {}, "timestream:ListDatabases"),
]


@pytest.fixture(scope="module")
def aws() -> Iterator[Sandbox]:
    with Sandbox([PROD], region="us-east-1") as opened:
        yield opened


@pytest.mark.parametrize(("service", "operation", "parameters", "wanted"), CALLS, ids=[call[0] for call in CALLS])
def test_a_service_that_signs_with_another_name_answers(
    aws: Sandbox, service: Any, operation: str, parameters: dict[str, Any], wanted: str
) -> None:
    client = aws.account(PROD).session.client(service)
    with suppress(client.exceptions.ClientError):  # what is not found, in the words of the service
        getattr(client, operation)(**parameters)
    call = aws.calls[-1]
    assert f"{call.service}:{call.operation}" == wanted


def test_a_name_that_no_model_has_is_an_unknown_operation(aws: Sandbox) -> None:
    client: Any = aws.account(PROD).session.client("sqs")
    client.meta.events.register(
        "choose-signer.sqs.*", lambda context, **_: context.update(signing={"signing_name": "unheard-of"})
    )
    client.list_queues()
    assert (aws.calls[-1].service, aws.calls[-1].operation) == ("unheard-of", "")


@pytest.mark.parametrize(("version", "model"), [("2012-06-01", "elb"), ("2015-12-01", "elbv2")])
def test_the_version_of_a_request_chooses_between_services_with_one_name(version: str, model: str) -> None:
    body = f"Action=DescribeLoadBalancers&Version={version}".encode()
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    request = Request.from_primitives("POST", "https://elasticloadbalancing.amazonaws.com/", headers, body)
    assert models_of("elasticloadbalancing", request) == (model,)
