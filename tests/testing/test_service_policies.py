"""Keys, tags and policies of services whose permissions come from AWS's reference."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from xacct.testing import Sandbox

from .conftest import DEV, PROD, REGION, Two, document, refusal


def allow(principal: str, action: str) -> str:
    return document({"Effect": "Allow", "Principal": {"AWS": principal}, "Action": action, "Resource": "*"})


def test_the_key_of_a_secret_is_required_too(two: Two) -> None:
    secrets, dev = two.prod.client("secretsmanager"), two.dev.client("secretsmanager")
    secret = secrets.create_secret(Name="orders", SecretString="42")["ARN"]
    secrets.put_resource_policy(SecretId=secret, ResourcePolicy=allow(DEV, "secretsmanager:GetSecretValue"))
    # No other account can use the AWS managed key.
    assert refusal(dev.get_secret_value, SecretId=secret) == ("400 AccessDeniedException: Access to KMS is not allowed")
    assert secrets.get_secret_value(SecretId="orders")["SecretString"] == "42"


def test_a_secret_that_does_not_exist_has_only_its_name_in_the_message(two: Two) -> None:
    two.dev.client("iam").create_user(UserName="nobody")
    nobody = two.aws.sign_in(f"arn:aws:iam::{DEV}:user/nobody").client("secretsmanager")
    assert "secretsmanager:GetSecretValue on resource: orders because no identity-based policy" in refusal(
        nobody.get_secret_value, SecretId="orders"
    )


def test_the_key_of_an_encrypted_queue_topic_or_parameter_is_required_too(two: Two) -> None:
    owner = {"Effect": "Allow", "Principal": {"AWS": PROD}, "Action": "kms:*", "Resource": "*"}
    key = two.prod.client("kms").create_key(Policy=document(owner))["KeyMetadata"]["Arn"]
    iam = two.prod.client("iam")
    iam.create_user(UserName="writer")
    services: list[dict[str, Any]] = [{"Effect": "Allow", "Action": ["sqs:*", "sns:*", "ssm:*"], "Resource": "*"}]
    iam.put_user_policy(UserName="writer", PolicyName="p", PolicyDocument=document(*services))
    writer = two.aws.sign_in(f"arn:aws:iam::{PROD}:user/writer")
    attributes = {"KmsMasterKeyId": key}
    url = two.prod.client("sqs").create_queue(QueueName="orders", Attributes=attributes)["QueueUrl"]
    topic = two.prod.client("sns").create_topic(Name="orders", Attributes=attributes)["TopicArn"]
    two.prod.client("ssm").put_parameter(Name="/key", Value="42", Type="SecureString", KeyId=key)
    sqs, sns, ssm = writer.client("sqs"), writer.client("sns"), writer.client("ssm")
    assert refusal(sqs.send_message, QueueUrl=url, MessageBody="x").startswith("400 KMS.AccessDeniedException: ")
    assert refusal(sns.publish, TopicArn=topic, Message="x").startswith("400 KMSAccessDenied: ")
    assert f"kms:Decrypt on resource: {key}" in refusal(ssm.get_parameter, Name="/key", WithDecryption=True)
    ssm.get_parameter(Name="/key")
    through_sqs = {"StringEquals": {"kms:ViaService": f"sqs.{REGION}.amazonaws.com"}}
    services.append({"Effect": "Allow", "Action": ["kms:*"], "Resource": key, "Condition": through_sqs})
    iam.put_user_policy(UserName="writer", PolicyName="p", PolicyDocument=document(*services))
    sqs.send_message(QueueUrl=url, MessageBody="x")


def test_an_explicit_deny_of_a_queue_applies_to_its_own_account(two: Two) -> None:
    sqs = two.prod.client("sqs")
    url = sqs.create_queue(QueueName="orders", tags={"stage": "test"})["QueueUrl"]
    deny = {"Effect": "Deny", "Principal": "*", "Action": "sqs:*", "Resource": "*"}
    tagged = {"StringEquals": {"aws:ResourceTag/stage": "test"}}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": document({**deny, "Condition": tagged})})
    assert "with an explicit deny in a resource-based policy" in refusal(sqs.receive_message, QueueUrl=url)


def test_a_topic_is_not_open_to_everybody(two: Two) -> None:
    sns = two.prod.client("sns")
    topic = sns.create_topic(Name="orders")["TopicArn"]
    assert "no resource-based policy allows the SNS:Publish" in refusal(
        two.dev.client("sns").publish, TopicArn=topic, Message="x"
    )
    sns.publish(TopicArn=topic, Message="x")


def test_tags_of_a_request_are_context_keys_and_need_the_permission_to_tag(two: Two) -> None:
    iam = two.prod.client("iam")
    iam.create_user(UserName="writer")
    writer = two.aws.sign_in(f"arn:aws:iam::{PROD}:user/writer").client("sqs")
    own_team = {"StringEquals": {"aws:RequestTag/team": "red"}}
    create = {"Effect": "Allow", "Action": ["sqs:CreateQueue", "sqs:TagQueue"], "Resource": "*"}
    iam.put_user_policy(UserName="writer", PolicyName="p", PolicyDocument=document({**create, "Condition": own_team}))
    writer.create_queue(QueueName="orders", tags={"team": "red"})
    assert "sqs:createqueue" in refusal(writer.create_queue, QueueName="others", tags={"team": "blue"})


def test_items_of_a_table_can_be_limited_to_a_partition_key(two: Two) -> None:
    two.prod.client("dynamodb").create_table(
        TableName="orders",
        KeySchema=[{"AttributeName": "customer", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "customer", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    iam = two.prod.client("iam")
    iam.create_user(UserName="anna")
    condition = {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["${aws:username}"]}}
    statement = {"Effect": "Allow", "Action": "dynamodb:*", "Resource": "*", "Condition": condition}
    iam.put_user_policy(UserName="anna", PolicyName="own", PolicyDocument=document(statement))
    anna = two.aws.sign_in(f"arn:aws:iam::{PROD}:user/anna").client("dynamodb")
    anna.put_item(TableName="orders", Item={"customer": {"S": "anna"}})
    by_key = {"KeyConditionExpression": "#c = :c", "ExpressionAttributeNames": {"#c": "customer"}}
    found = anna.query(TableName="orders", ExpressionAttributeValues={":c": {"S": "anna"}}, **by_key)
    assert found["Count"] == 1
    for call, options in (
        (anna.get_item, {"Key": {"customer": {"S": "otto"}}}),
        (anna.query, {"ExpressionAttributeValues": {":c": {"S": "otto"}}, **by_key}),
    ):
        assert "400 AccessDeniedException" in refusal(call, TableName="orders", **options)


def test_a_strict_sandbox_knows_the_permissions_of_these_services() -> None:
    with Sandbox([PROD], strict=True) as aws:
        aws.account(PROD).session.client("sqs").list_queues()
        aws.account(PROD).session.client("ssm").put_parameter(Name="/shop/key", Value="42", Type="String")


def test_an_invalid_resource_policy_is_refused(two: Two) -> None:
    sqs, sns = two.prod.client("sqs"), two.prod.client("sns")
    url, topic = sqs.create_queue(QueueName="orders")["QueueUrl"], sns.create_topic(Name="orders")["TopicArn"]
    for text in ("x", "{}", document({"Effect": "Allow", "Action": "sqs:*", "Resource": "*"})):
        assert "400 InvalidAttributeValue" in refusal(
            sqs.set_queue_attributes, QueueUrl=url, Attributes={"Policy": text}
        )
        assert "400 InvalidParameter" in refusal(
            sns.set_topic_attributes, TopicArn=topic, AttributeName="Policy", AttributeValue=text
        )
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": "", "DelaySeconds": "1"})
    sns.set_topic_attributes(TopicArn=topic, AttributeName="DisplayName", AttributeValue="Orders")


def test_a_queue_can_be_open_to_callers_without_credentials(two: Two) -> None:
    sqs = two.prod.client("sqs")
    url = sqs.create_queue(QueueName="orders", Attributes={"Policy": allow("*", "sqs:SendMessage")})["QueueUrl"]
    anonymous = boto3.client("sqs", region_name=REGION, config=Config(signature_version=UNSIGNED))
    anonymous.send_message(QueueUrl=url, MessageBody="42")
    assert refusal(anonymous.receive_message, QueueUrl=url).startswith("403 AccessDenied: User: * is not authorized")


def test_logs_go_to_another_account_if_the_destination_allows_it(two: Two) -> None:
    owner, sender = two.prod.client("logs"), two.dev.client("logs")
    stream, role = f"arn:aws:kinesis:{REGION}:{PROD}:stream/logs", f"arn:aws:iam::{PROD}:role/Logs"
    owner.put_destination(destinationName="central", targetArn=stream, roleArn=role)
    sender.create_log_group(logGroupName="/shop")
    put: Any = sender.put_subscription_filter
    options = {
        "logGroupName": "/shop",
        "filterName": "all",
        "filterPattern": "",
        "destinationArn": f"arn:aws:logs:{REGION}:{PROD}:destination:central",
    }
    assert "no resource-based policy allows the logs:PutSubscriptionFilter action" in refusal(put, **options)
    owner.put_destination_policy(destinationName="central", accessPolicy=allow(DEV, "logs:PutSubscriptionFilter"))
    with suppress(ClientError):
        put(**options)
    # Moto then looks for the destination in the sender's account.
    assert two.aws.calls[-1].allowed
