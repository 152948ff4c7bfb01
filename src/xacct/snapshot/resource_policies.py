"""How each service lists its resources and returns their resource policies."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol, cast

from attrs import frozen

from xacct.arn import Arn

if TYPE_CHECKING:
    import boto3

__all__ = ["SERVICES", "Place", "Resource", "Service", "ServiceClient", "ServiceName", "client_of"]

ServiceName = Literal["ecr", "kms", "lambda", "s3", "secretsmanager", "sns", "sqs"]

_Response = Mapping[str, Any]
_Lister = Callable[["ServiceClient", "Place"], list["Resource"]]


class _Paginator(Protocol):
    def paginate(self, **options: object) -> Iterable[_Response]: ...


class ServiceClient(Protocol):
    """The calls that are made to the services. Each client has those of its own service.

    The type stubs of most of these services are not a dependency.
    """

    def get_paginator(self, operation: str, /) -> _Paginator:
        """Return what lists everything, page by page."""
        ...

    def get_bucket_policy(self, *, Bucket: str) -> _Response:  # noqa: N803
        """Return the policy of an S3 bucket."""
        ...

    def get_key_policy(self, *, KeyId: str, PolicyName: str) -> _Response:  # noqa: N803
        """Return the policy of a KMS key."""
        ...

    def get_policy(self, *, FunctionName: str) -> _Response:  # noqa: N803
        """Return the policy of a Lambda function."""
        ...

    def get_queue_attributes(self, *, QueueUrl: str, AttributeNames: Sequence[str]) -> _Response:  # noqa: N803
        """Return the policy of an SQS queue."""
        ...

    def get_repository_policy(self, *, repositoryName: str) -> _Response:  # noqa: N803
        """Return the policy of an ECR repository."""
        ...

    def get_resource_policy(self, *, SecretId: str) -> _Response:  # noqa: N803
        """Return the policy of a secret."""
        ...

    def get_topic_attributes(self, *, TopicArn: str) -> _Response:  # noqa: N803
        """Return the policy of an SNS topic."""
        ...


@frozen
class Place:
    """Where a client looks.

    Attributes:
        partition: the account's partition.
        region: the client's region.
        account: the account's ID.
    """

    partition: str
    region: str
    account: str


@frozen
class Resource:
    """A resource that may have a resource policy.

    Attributes:
        arn: its ARN.
        name: what the service's API calls it: a name, a URL, an ID or the ARN.
        region: its region, if it can be another one than the client's; else None.
    """

    arn: str
    name: str
    region: str | None = None


@frozen
class Service:
    """How a service is asked.

    Attributes:
        resources: lists the resources.
        policy: returns the resource policy of a resource; None if it has none.
        absent: AWS's error codes for a resource that has no policy, or that was deleted after it was listed.
        has_regions: whether each region has its own list of resources.
    """

    resources: _Lister
    policy: Callable[[ServiceClient, Resource], str | None]
    absent: frozenset[str]
    has_regions: bool = True


def client_of(session: boto3.Session, service: ServiceName, region: str | None) -> ServiceClient:
    """Return a client. A session must not create two at the same time."""
    # The stubs know literal service names only.
    return cast(ServiceClient, session.client(cast("Literal['s3']", service), region_name=region))


def _listed(client: ServiceClient, operation: str, member: str, page_size: int | None = None) -> list[Any]:
    """Return everything that a service lists. Some return all pages only if they are asked for a page size."""
    config = {} if page_size is None else {"PaginationConfig": {"PageSize": page_size}}
    return [item for page in client.get_paginator(operation).paginate(**config) for item in page.get(member, ())]


def _buckets(client: ServiceClient, place: Place) -> list[Resource]:
    # S3 says the region of a bucket only if the request has a parameter.
    # https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListBuckets.html
    return [
        Resource(str(Arn.bucket(bucket["Name"], place.partition)), bucket["Name"], bucket.get("BucketRegion"))
        for bucket in _listed(client, "list_buckets", "Buckets", page_size=1000)
    ]


def _keys(client: ServiceClient, _: Place) -> list[Resource]:
    # AWS managed keys are those that have an alias of AWS. Their policies cannot be changed.
    # https://docs.aws.amazon.com/kms/latest/developerguide/concepts.html#aws-managed-key
    aliases = _listed(client, "list_aliases", "Aliases")
    managed = {alias.get("TargetKeyId") for alias in aliases if alias["AliasName"].startswith("alias/aws/")}
    keys = _listed(client, "list_keys", "Keys")
    return [Resource(key["KeyArn"], key["KeyId"]) for key in keys if key["KeyId"] not in managed]


def _queues(client: ServiceClient, place: Place) -> list[Resource]:
    # Without a page size, SQS returns 1,000 queues, and does not say that there are more.
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ListQueues.html
    prefix = f"arn:{place.partition}:sqs:{place.region}:{place.account}"
    urls = _listed(client, "list_queues", "QueueUrls", page_size=1000)
    return [Resource(f"{prefix}:{url.rsplit('/', 1)[-1]}", url) for url in urls]


def _with_arns(operation: str, member: str, arn: str, name: str = "") -> _Lister:
    """Return a function that lists resources with the keys that have their ARN and, if it is needed, their name."""

    def resources(client: ServiceClient, _: Place) -> list[Resource]:
        return [Resource(item[arn], item[name or arn]) for item in _listed(client, operation, member)]

    return resources


def _queue_policy(client: ServiceClient, queue: Resource) -> str | None:
    answer = client.get_queue_attributes(QueueUrl=queue.name, AttributeNames=["Policy"])
    return cast("str | None", answer.get("Attributes", {}).get("Policy"))


SERVICES: Mapping[ServiceName, Service] = {
    "ecr": Service(
        _with_arns("describe_repositories", "repositories", "repositoryArn", "repositoryName"),
        lambda client, repository: client.get_repository_policy(repositoryName=repository.name).get("policyText"),
        frozenset({"RepositoryPolicyNotFoundException", "RepositoryNotFoundException"}),
    ),
    "kms": Service(
        _keys,
        lambda client, key: client.get_key_policy(KeyId=key.name, PolicyName="default").get("Policy"),
        frozenset({"NotFoundException"}),
    ),
    "lambda": Service(
        _with_arns("list_functions", "Functions", "FunctionArn"),
        lambda client, function: client.get_policy(FunctionName=function.name).get("Policy"),
        frozenset({"ResourceNotFoundException"}),
    ),
    "s3": Service(
        _buckets,
        lambda client, bucket: client.get_bucket_policy(Bucket=bucket.name).get("Policy"),
        frozenset({"NoSuchBucketPolicy", "NoSuchBucket"}),
        has_regions=False,
    ),
    "secretsmanager": Service(
        _with_arns("list_secrets", "SecretList", "ARN"),
        lambda client, secret: client.get_resource_policy(SecretId=secret.name).get("ResourcePolicy"),
        frozenset({"ResourceNotFoundException"}),
    ),
    "sns": Service(
        _with_arns("list_topics", "Topics", "TopicArn"),
        lambda client, topic: client.get_topic_attributes(TopicArn=topic.name)["Attributes"].get("Policy"),
        frozenset({"NotFound", "NotFoundException"}),
    ),
    "sqs": Service(
        _queues,
        _queue_policy,
        frozenset({"AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"}),
    ),
}
