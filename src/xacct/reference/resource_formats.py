"""The formats of the ARNs of each service: those of the reference, and those that it lacks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache

from xacct.reference.service_data import resource_type_entries, services

__all__ = ["UNLISTED_ARN_FORMATS", "arn_formats", "arn_services", "split_formats", "unlisted_arn_formats"]

_AWS = "https://docs.aws.amazon.com"
# The pages of AWS managed policies.
_POLICY = f"{_AWS}/aws-managed-policy/latest/reference"
_CONFIG = f"{_POLICY}/AWSConfigServiceRolePolicy.html"
_SPACES = f"{_POLICY}/AWSMigrationHubRefactorSpacesFullAccess.html"
_CONNECT = f"{_POLICY}/AmazonConnectServiceLinkedRolePolicy.html"
_HYPERPOD = f"{_POLICY}/AmazonSageMakerHyperPodObservabilityAdminAccess.html"
_ECS = f"{_AWS}/AmazonECS/latest/developerguide/ecs-account-settings.html"

UNLISTED_ARN_FORMATS: Mapping[str, str] = {
    "arn:${Partition}:apigateway:${Region}::/tags": _SPACES,
    "arn:${Partition}:apigateway:${Region}::/v2/apis": _CONFIG,
    "arn:${Partition}:apigateway:${Region}::/v2/apis/${ApiId}": _CONFIG,
    "arn:${Partition}:applicationinsights:${Region}:${Account}:application/resource-group/${ResourceGroupName}": (
        f"{_POLICY}/ServerMigrationServiceLaunchRole.html"
    ),
    "arn:${Partition}:aps:${Region}:${Account}:/workspaces": _HYPERPOD,
    "arn:${Partition}:autoscaling:${Region}:${Account}:scalingPolicy:${PolicyId}:${Name}": (
        f"{_POLICY}/DynamoDBGlobalTableSettingsManagementServiceRolePolicy.html"
    ),
    "arn:${Partition}:backup:${Region}:${Account}:recovery-point:${RecoveryPointId}": (
        f"{_AWS}/aws-backup/latest/devguide/access-control.html"
    ),
    "arn:${Partition}:bedrock-agentcore:${Region}:${Account}:credential-provider/${Name}": (
        f"{_POLICY}/AgentRegistryFullAccess.html"
    ),
    # A stack without its ID.
    "arn:${Partition}:cloudformation:${Region}:${Account}:stack/${StackName}": (
        f"{_POLICY}/AWSManagedServices_DetectiveControlsConfig_ServiceRolePolicy.html"
    ),
    # The account is aws for the transforms that AWS hosts.
    "arn:${Partition}:cloudformation:${Region}:${Account}:transform/${TransformName}": (
        f"{_AWS}/AWSCloudFormation/latest/UserGuide/using-iam-template.html"
    ),
    "arn:${Partition}:devops-guru:${Region}:${Account}:/channels": (
        f"{_POLICY}/AWSQuickSetupDevOpsGuruPermissionsBoundary.html"
    ),
    # The format of before 2019, without the cluster, which resources of that time still have.
    "arn:${Partition}:ecs:${Region}:${Account}:container-instance/${ContainerInstanceId}": _ECS,
    "arn:${Partition}:ecs:${Region}:${Account}:service/${ServiceName}": _ECS,
    "arn:${Partition}:ecs:${Region}:${Account}:task/${TaskId}": _ECS,
    "arn:${Partition}:grafana:${Region}:${Account}:/workspaces": _HYPERPOD,
    # The reference has no resource type of the service.
    "arn:${Partition}:migrationhub-strategy:${Region}:${Account}:${Resource}": (
        f"{_POLICY}/AWSMigrationHubStrategyCollector.html"
    ),
    "arn:${Partition}:profile:${Region}:${Account}:/domains/${DomainName}": _CONNECT,
    "arn:${Partition}:profile:${Region}:${Account}:/templates": _CONNECT,
    "arn:${Partition}:redshift-serverless:${Region}:${Account}:snapshotcopyconfiguration/${ConfigurationId}": (
        f"{_POLICY}/SageMakerStudioProjectProvisioningRolePolicy.html"
    ),
    "arn:${Partition}:robomaker:${Region}:${Account}:/createSimulationApplication": (
        f"{_POLICY}/AWSDeepRacerCloudFormationAccessPolicy.html"
    ),
    "arn:${Partition}:secretsmanager:${Region}:${Account}:${ServiceId}!${SecretName}": (
        f"{_POLICY}/AmazonRedshiftQueryEditorV2FullAccess.html"
    ),
    "arn:${Partition}:securityagent:${Region}:${Account}:agent-instance/${AgentInstanceId}": (
        f"{_POLICY}/SecurityAgentWebAppAPIPolicy.html"
    ),
    "arn:${Partition}:waf:${Region}:${Account}:changetoken/${ChangeToken}": f"{_POLICY}/AWSWAFConsoleFullAccess.html",
    "arn:${Partition}:waf-regional:${Region}:${Account}:changetoken/${ChangeToken}": (
        f"{_POLICY}/AWSWAFConsoleFullAccess.html"
    ),
}
"""Formats of ARNs that the reference lacks, and that AWS's own policies or its documentation have, with the page.

These ARNs of AWS's own policies are mistakes, because the reference has another format of the same type of resource:
``states:…:statemachine:…``, ``sagemaker:…:endpointconfig/…`` or ``logs:…:/aws-glue/*``, for example.
"""


def arn_formats(service: str) -> Iterator[str]:
    """Yield the formats of the ARNs of a service, those that are soonest known first.

    Args:
        service: the service as in ARNs. An action of another service can define the format, so a full list reads the
            data of all services.

    >>> next(arn_formats("dynamodb"))
    'arn:${Partition}:dynamodb:${Region}:${Account}:table/${TableName}/backup/${BackupName}'
    >>> list(arn_formats("s4"))
    []
    """
    own = _formats_that(service)
    yield from own
    yield from (arn_format for arn_format in _formats_of_all().get(service, ()) if arn_format not in own)


@cache
def unlisted_arn_formats(service: str) -> tuple[str, ...]:
    """Return the formats of the ARNs of a service that the reference lacks.

    >>> unlisted_arn_formats("grafana")
    ('arn:${Partition}:grafana:${Region}:${Account}:/workspaces',)
    """
    return tuple(arn_format for arn_format in UNLISTED_ARN_FORMATS if _service_of(arn_format) == service)


def split_formats(text: str) -> list[str]:
    """Return the formats of a type of resource. Some types of Amazon API Gateway and Amazon Lex have two."""
    return text.split(", ")


@cache
def arn_services() -> frozenset[str]:
    """Return the names that services have in ARNs: their prefixes, and a few others. It reads all resource types.

    >>> {"s3", "catalog"} <= arn_services(), "s4" in arn_services()
    (True, False)
    """
    return services() | frozenset(_formats_of_all())


@cache
def _formats_of_all() -> Mapping[str, tuple[str, ...]]:
    """Return the formats of the ARNs of each service."""
    found: dict[str, dict[str, None]] = {}
    listed = (arn_format for prefix in sorted(services()) for arn_format in _listed_by(prefix))
    for arn_format in (*UNLISTED_ARN_FORMATS, *listed):
        service = _service_of(arn_format)
        # The recovery points of AWS Backup have the ARNs of any service.
        if "$" not in service:
            found.setdefault(service, {})[arn_format] = None
    return {service: tuple(formats) for service, formats in found.items()}


@cache
def _formats_that(service: str) -> tuple[str, ...]:
    """Return the formats of the ARNs of a service that the service itself lists."""
    listed = (arn_format for arn_format in _listed_by(service) if _service_of(arn_format) == service)
    return tuple(dict.fromkeys(listed))


def _service_of(arn_format: str) -> str:
    return arn_format.split(":", 3)[2]


def _listed_by(prefix: str) -> Iterator[str]:
    for entry in resource_type_entries(prefix).values():
        yield from split_formats(entry["arn"])
