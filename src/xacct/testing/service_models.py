"""Which of botocore's models describe the requests of a service: signatures name it differently, and some share one.

Source: https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from moto.core.utils import get_service_model

if TYPE_CHECKING:
    from moto.core.request import Request

__all__ = ["models_of"]

# The models of each name in signatures that is not the name of a model, or that several services of moto share.
_MODELS: Mapping[str, tuple[str, ...]] = {
    "aidevops": ("devops-agent",),
    "aoss": ("opensearchserverless",),
    "apigateway": ("apigateway", "apigatewayv2"),
    "aps": ("amp",),
    "aws-marketplace": ("meteringmarketplace",),
    "bedrock": ("bedrock", "bedrock-agent", "bedrock-runtime"),
    "bedrock-agentcore": ("bedrock-agentcore", "bedrock-agentcore-control"),
    "cloudhsm": ("cloudhsmv2", "cloudhsm"),
    "connect-campaigns": ("connectcampaigns",),
    "dynamodb": ("dynamodb", "dynamodbstreams"),
    "elasticfilesystem": ("efs",),
    "elasticloadbalancing": ("elbv2", "elb"),
    "elasticmapreduce": ("emr",),
    "email": ("ses",),
    "es": ("es", "opensearch"),
    "execute-api": ("apigatewaymanagementapi",),
    "iotdata": ("iot-data",),
    "kinesisanalytics": ("kinesisanalyticsv2", "kinesisanalytics"),
    "kinesisvideo": ("kinesisvideo", "kinesis-video-archived-media"),
    "lex": ("lexv2-models",),
    "mediastore": ("mediastore", "mediastore-data"),
    "mobiletargeting": ("pinpoint",),
    "monitoring": ("cloudwatch",),
    "sagemaker": ("sagemaker", "sagemaker-runtime", "sagemaker-metrics"),
    "servicecatalog": ("servicecatalog", "servicecatalog-appregistry"),
    "servicequotas": ("service-quotas",),
    "ses": ("ses", "sesv2"),
    "states": ("stepfunctions",),
    "tagging": ("resourcegroupstaggingapi",),
    "timestream": ("timestream-write", "timestream-query"),
}


def models_of(service: str, request: Request) -> tuple[str, ...]:
    """Return the names of the models to search for the operation of a request, in this order.

    Args:
        service: the service in the request's signature.
        request: the request.
    """
    if service == "s3" and ".s3-control." in request.host:
        return ("s3control",)
    models = _MODELS.get(service, (service,))
    version = request.values.get("Version") if len(models) > 1 else None
    if version is None:
        return models
    # Requests of the two services Elastic Load Balancing differ in the version of the API only.
    return tuple(name for name in models if get_service_model(name).api_version == version)
