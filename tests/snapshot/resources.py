"""Resources with resource policies in moto, for tests of what reads them."""

from __future__ import annotations

import io
import json
import zipfile
from functools import partial
from typing import Any

import boto3

OTHER = "222222222222"
REGION = "eu-central-1"


def policy(action: str, resource: str = "*", **elements: object) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Principal": {"AWS": OTHER}, "Action": action, "Resource": resource, **elements}
    return {"Version": "2012-10-17", "Statement": [statement]}


TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"AWS": OTHER}, "Action": "sts:AssumeRole"}],
}


def code() -> bytes:
    with io.BytesIO() as file:
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("index.py", "")
        return file.getvalue()


def create_in_each_service(session: boto3.Session, region: str = REGION) -> dict[str, str]:
    """Create resources with and without a policy in each service but S3 and KMS; return the ARNs of those with one."""
    client: Any = partial(session.client, region_name=region)
    sqs, sns, secrets, ecr = client("sqs"), client("sns"), client("secretsmanager"), client("ecr")
    iam, functions = client("iam"), client("lambda")
    shared = json.dumps(policy("sqs:*"))
    sqs.create_queue(QueueName="shared", Attributes={"Policy": shared})
    sqs.create_queue(QueueName="own")
    topic = sns.create_topic(Name="shared")["TopicArn"]
    sns.set_topic_attributes(
        TopicArn=topic, AttributeName="Policy", AttributeValue=json.dumps(policy("sns:Publish", topic))
    )
    secret = secrets.create_secret(Name="shared", SecretString="x")["ARN"]
    secrets.create_secret(Name="own", SecretString="x")
    secrets.put_resource_policy(SecretId=secret, ResourcePolicy=json.dumps(policy("secretsmanager:GetSecretValue")))
    repository = ecr.create_repository(repositoryName="team/shared")["repository"]["repositoryArn"]
    ecr.create_repository(repositoryName="own")
    ecr.set_repository_policy(
        repositoryName="team/shared", policyText=json.dumps(policy("ecr:BatchGetImage", repository))
    )
    if region == REGION:
        iam.create_role(RoleName="Function", AssumeRolePolicyDocument=json.dumps(TRUST))
    made = {}
    for name in ("shared", "own"):
        made[name] = functions.create_function(
            FunctionName=name, Runtime="python3.13", Role="arn:aws:iam::123456789012:role/Function", Handler="index.f",
            Code={"ZipFile": code()},
        )["FunctionArn"]  # fmt: skip
    functions.add_permission(FunctionName="shared", StatementId="s", Action="lambda:InvokeFunction", Principal=OTHER)
    return {
        "sqs": f"arn:aws:sqs:{region}:123456789012:shared",
        "sns": topic,
        "secretsmanager": secret,
        "ecr": repository,
        "lambda": made["shared"],
    }
