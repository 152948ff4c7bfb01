"""Services whose permissions come from AWS's reference: resources, owners, resource policies, and their errors."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import boto3
import pytest
from attrs import frozen
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from xacct.testing import Sandbox

from .conftest import DEV, PROD, REGION, allowing, document, refusal

READER = f"arn:aws:iam::{DEV}:user/reader"
TABLE = f"arn:aws:dynamodb:{REGION}:{PROD}:table/orders"
BUS = f"arn:aws:events:{REGION}:{PROD}:event-bus/orders"
QUEUE = f"arn:aws:sqs:{REGION}:{PROD}:orders"
TOPIC = f"arn:aws:sns:{REGION}:{PROD}:orders"
FUNCTION = f"arn:aws:lambda:{REGION}:{PROD}:function:orders"
REPOSITORY = f"arn:aws:ecr:{REGION}:{PROD}:repository/orders"
URL = f"https://sqs.{REGION}.amazonaws.com/{PROD}/orders"
EVENT = {"Source": "shop", "DetailType": "order", "Detail": "{}"}


@frozen
class Shop:
    """A sandbox in which production has a resource of each service, whose policy allows the reader one action."""

    aws: Sandbox
    secret: str

    def client(self, principal: str, service: str) -> Any:
        session: Any = self.aws.sign_in(principal)
        return session.client(service)


def allow(principal: str, action: str, resource: str = "*", **more: Any) -> str:
    return document(
        {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": action, "Resource": resource, **more}
    )


def code_archive() -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr("app.py", "def handler(event, context): return 1")
    return archive.getvalue()


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    with Sandbox([PROD, DEV], region=REGION) as aws:
        prod, dev = aws.account(PROD).session, aws.account(DEV).session
        for name in ("reader", "nobody"):
            dev.client("iam").create_user(UserName=name)
        dev.client("iam").put_user_policy(UserName="reader", PolicyName="all", PolicyDocument=allowing("*"))
        sqs, sns, dynamodb = prod.client("sqs"), prod.client("sns"), prod.client("dynamodb")
        sqs.create_queue(QueueName="orders", Attributes={"Policy": allow(READER, "SQS:SendMessage", QUEUE)})
        sns.create_topic(Name="orders", Attributes={"Policy": allow(READER, "SNS:Publish", TOPIC)})
        dynamodb.create_table(
            TableName="orders",
            KeySchema=[{"AttributeName": "customer", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "customer", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        dynamodb.put_resource_policy(ResourceArn=TABLE, Policy=allow(READER, "dynamodb:GetItem", TABLE))
        ecr, events = prod.client("ecr"), prod.client("events")
        ecr.create_repository(repositoryName="orders")
        images = {"Effect": "Allow", "Principal": {"AWS": READER}, "Action": "ecr:ListImages"}
        ecr.set_repository_policy(repositoryName="orders", policyText=document(images))
        events.create_event_bus(Name="orders")
        events.put_permission(
            EventBusName="orders", Action="events:PutEvents", Principal=DEV, StatementId="Development"
        )
        role = prod.client("iam").create_role(
            RoleName="Orders",
            AssumeRolePolicyDocument=document(
                {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
            ),
        )["Role"]["Arn"]
        function = prod.client("lambda")
        function.create_function(
            FunctionName="orders", Role=role, Runtime="python3.12", Handler="app.handler",
            Code={"ZipFile": code_archive()},
        )  # fmt: skip
        function.add_permission(
            FunctionName="orders", StatementId="Reader-1", Action="lambda:GetFunction", Principal=READER
        )
        key = prod.client("kms").create_key(Policy=allow(DEV, "kms:*"))["KeyMetadata"]["Arn"]
        secrets = prod.client("secretsmanager")
        secret = secrets.create_secret(Name="orders", SecretString="42", KmsKeyId=key)["ARN"]
        secrets.put_resource_policy(SecretId=secret, ResourcePolicy=allow(READER, "secretsmanager:GetSecretValue"))
        yield Shop(aws, secret)


CALLS: dict[str, tuple[str, Callable[[Any, Shop], object], str, str]] = {
    "sqs": ("sqs", lambda sqs, _: sqs.send_message(QueueUrl=URL, MessageBody="x"), QUEUE, "403 AccessDenied"),
    "sqs batch": (
        "sqs",
        lambda sqs, _: sqs.send_message_batch(QueueUrl=URL, Entries=[{"Id": "1", "MessageBody": "x"}]),
        QUEUE,
        "403 AccessDenied",
    ),
    "sns": ("sns", lambda sns, _: sns.publish(TopicArn=TOPIC, Message="x"), TOPIC, "403 AuthorizationError"),
    "dynamodb": (
        "dynamodb",
        lambda dynamodb, _: dynamodb.get_item(TableName=TABLE, Key={"customer": {"S": "anna"}}),
        TABLE,
        "400 AccessDeniedException",
    ),
    "dynamodb transaction": (
        "dynamodb",
        lambda dynamodb, _: dynamodb.transact_get_items(
            TransactItems=[{"Get": {"TableName": TABLE, "Key": {"customer": {"S": "anna"}}}}]
        ),
        TABLE,
        "400 AccessDeniedException",
    ),
    "ecr": (
        "ecr",
        lambda ecr, _: ecr.list_images(registryId=PROD, repositoryName="orders"),
        REPOSITORY,
        "400 AccessDeniedException",
    ),
    "lambda": (
        "lambda",
        lambda function, _: function.get_function(FunctionName=FUNCTION),
        FUNCTION,
        "403 AccessDeniedException",
    ),
    "events": (
        "events",
        lambda events, _: events.put_events(Entries=[{**EVENT, "EventBusName": BUS}]),
        BUS,
        "400 AccessDeniedException",
    ),
    "secretsmanager": (
        "secretsmanager",
        lambda secrets, shop: secrets.get_secret_value(SecretId=shop.secret),
        "",
        "400 AccessDeniedException",
    ),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_resource_policy_lets_a_principal_of_another_account_use_the_resource(shop: Shop, name: str) -> None:
    service, call, resource, _ = CALLS[name]
    call(shop.client(READER, service), shop)
    made = shop.aws.calls[-1]
    assert (made.account, made.decisions[0].request.resource) == (PROD, resource or shop.secret)


@pytest.mark.parametrize("name", CALLS)
def test_a_principal_of_another_account_that_has_no_policy_gets_the_error_of_the_service(shop: Shop, name: str) -> None:
    service, call, resource, error = CALLS[name]
    text = refusal(lambda: call(shop.client(f"arn:aws:iam::{DEV}:user/nobody", service), shop))
    assert text.startswith(f"{error}: User: arn:aws:iam::{DEV}:user/nobody is not authorized to perform: ")
    assert f" on resource: {resource or shop.secret} because no " in text


@pytest.mark.parametrize(
    ("service", "action", "call", "resource"),
    [
        ("sqs", "sqs:deletequeue", lambda c: c.delete_queue(QueueUrl=URL), QUEUE),
        ("sns", "SNS:Subscribe", lambda c: c.subscribe(TopicArn=TOPIC, Protocol="sms"), TOPIC),
        ("dynamodb", "dynamodb:Query", lambda c: c.query(TableName=TABLE, IndexName="all"), f"{TABLE}/index/all"),
        ("dynamodb", "dynamodb:PutItem", lambda c: c.transact_write_items(
            TransactItems=[{"Put": {"TableName": TABLE, "Item": {}}}]), TABLE),
        ("dynamodb", "dynamodb:BatchGetItem", lambda c: c.batch_get_item(
            RequestItems={TABLE: {"Keys": [{"customer": {"S": "anna"}}]}}), TABLE),
        ("dynamodb", "dynamodb:PartiQLSelect", lambda c: c.execute_statement(
            Statement='SELECT * FROM "orders"."by-day" WHERE day = 1'), "table/orders/index/by-day"),
        ("dynamodb", "dynamodb:PartiQLInsert", lambda c: c.batch_execute_statement(
            Statements=[{"Statement": "insert into orders value {'customer': 'anna'}"}]), "table/orders"),
        ("ecr", "ecr:DescribeRepositories", lambda c: c.describe_repositories(), "repository/*"),
        ("lambda", "lambda:InvokeFunction", lambda c: c.invoke(FunctionName=FUNCTION, Qualifier="live"),
         f"{FUNCTION}:live"),
        ("ssm", "ssm:GetParameters", lambda c: c.get_parameters(Names=["/shop/key"]), "parameter/shop/key"),
        ("ssm", "ssm:AddTagsToResource", lambda c: c.add_tags_to_resource(
            ResourceType="Parameter", ResourceId="/shop/key", Tags=[]), "parameter/shop/key"),
        ("logs", "logs:CreateLogGroup", lambda c: c.create_log_group(logGroupName="/shop"),
         "log-group:/shop:log-stream:"),
        ("logs", "logs:PutLogEvents", lambda c: c.put_log_events(
            logGroupName="/shop", logStreamName="s", logEvents=[{"timestamp": 1, "message": "x"}]),
         "log-group:/shop:log-stream:s"),
        ("events", "events:PutRule", lambda c: c.put_rule(Name="r", EventBusName="orders"), "rule/orders/r"),
        ("events", "events:PutRule", lambda c: c.put_rule(Name="r", EventBusName="default"), "rule/r"),
    ],
)  # fmt: skip
def test_the_resource_is_that_of_the_parameters(
    shop: Shop, service: str, action: str, call: Callable[[Any], object], resource: str
) -> None:
    text = refusal(lambda: call(shop.client(f"arn:aws:iam::{DEV}:user/nobody", service)))
    own = f"arn:aws:{service}:{REGION}:{DEV}:{resource}"
    assert f"perform: {action} on resource: {resource if resource.startswith('arn:') else own} because" in text


def test_a_function_can_only_be_created_with_a_role_that_the_caller_may_pass(shop: Shop) -> None:
    iam = shop.aws.account(PROD).session.client("iam")
    iam.create_user(UserName="deployer")
    iam.put_user_policy(UserName="deployer", PolicyName="p", PolicyDocument=allowing("lambda:*"))
    with pytest.raises(ClientError, match=f"iam:PassRole on resource: arn:aws:iam::{PROD}:role/Orders"):
        shop.client(f"arn:aws:iam::{PROD}:user/deployer", "lambda").create_function(
            FunctionName="other", Role=f"arn:aws:iam::{PROD}:role/Orders", Runtime="python3.12",
            Handler="app.handler", Code={"ZipFile": b""},
        )  # fmt: skip


def test_errors_in_json_have_the_type_in_the_body_and_in_the_header_as_the_service_writes_it(shop: Shop) -> None:
    answers = {}
    for service, call in (("dynamodb", "list_tables"), ("lambda", "list_functions"), ("sqs", "list_queues")):
        client = shop.client(f"arn:aws:iam::{DEV}:user/nobody", service)
        client.meta.events.register(
            "before-parse", lambda response_dict, service=service, **_: answers.update({service: response_dict})
        )
        refusal(getattr(client, call))
    assert json.loads(answers["dynamodb"]["body"])["__type"] == "com.amazon.coral.service#AccessDeniedException"
    assert answers["lambda"]["headers"]["x-amzn-errortype"] == "AccessDeniedException"
    assert answers["sqs"]["headers"]["x-amzn-query-error"] == "AccessDenied;Sender"


@pytest.mark.parametrize(
    ("service", "operation", "error"),
    [
        ("ec2", "describe_instances", "403 UnauthorizedOperation: You are not authorized to perform this operation."),
        ("cloudwatch", "describe_alarms", "403 AccessDenied: User: arn:aws:iam::222222222222:user/nobody is not"),
        ("resourcegroupstaggingapi", "get_tag_keys", "400 AccessDeniedException: User: "),
        ("route53", "list_hosted_zones", "403 AccessDenied: User: "),
    ],
)
def test_other_services_answer_in_their_own_form(shop: Shop, service: str, operation: str, error: str) -> None:
    client = shop.client(f"arn:aws:iam::{DEV}:user/nobody", service)
    assert refusal(getattr(client, operation)).startswith(error)


@pytest.mark.parametrize(
    ("service", "call", "action", "resource"),
    [
        ("kinesis", lambda c: c.describe_stream(StreamName="s"), "kinesis:DescribeStream", "stream/s"),
        ("ecs", lambda c: c.update_service(cluster="c", service="s"), "ecs:UpdateService", "service/c/s"),
        ("rds", lambda c: c.delete_db_instance(DBInstanceIdentifier="d"), "rds:DeleteDBInstance", "db:d"),
        ("states", lambda c: c.start_execution(stateMachineArn=f"arn:aws:states:{REGION}:{DEV}:stateMachine:m"),
         "states:StartExecution", "stateMachine:m"),
    ],
)  # fmt: skip
def test_the_parameters_of_other_services_name_the_resource_if_they_can(
    shop: Shop, service: str, call: Callable[[Any], object], action: str, resource: str
) -> None:
    client = shop.client(f"arn:aws:iam::{DEV}:user/nobody", "stepfunctions" if service == "states" else service)
    expected = f"perform: {action} on resource: arn:aws:{service}:{REGION}:{DEV}:{resource} because"
    assert expected in refusal(lambda: call(client))


def test_the_action_of_api_gateway_is_the_method(shop: Shop) -> None:
    client = shop.client(f"arn:aws:iam::{DEV}:user/nobody", "apigateway")
    assert f"apigateway:GET on resource: arn:aws:apigateway:{REGION}::/restapis because" in refusal(
        client.get_rest_apis
    )


@pytest.mark.parametrize(
    ("service", "operation", "unknown", "unsigned"),
    [
        ("sqs", "list_queues", "403 InvalidClientTokenId", "403 AccessDenied: User: *"),
        ("sns", "list_topics", "403 InvalidClientTokenId", "403 AuthorizationError: User: *"),
        ("dynamodb", "list_tables", "400 UnrecognizedClientException", "400 MissingAuthenticationTokenException"),
        ("lambda", "list_functions", "403 UnrecognizedClientException", "403 MissingAuthenticationTokenException"),
        ("ec2", "describe_instances", "401 AuthFailure", "401 AuthFailure"),
    ],
)
def test_credentials_that_do_not_exist_get_the_error_of_the_service(
    shop: Shop, service: Any, operation: str, unknown: str, unsigned: str
) -> None:
    session = boto3.Session("AKIAIOSFODNN7EXAMPLE", "secret", region_name=REGION)
    assert refusal(getattr(session.client(service), operation)).startswith(unknown)
    anonymous = session.client(service, config=Config(signature_version=UNSIGNED))
    assert refusal(getattr(anonymous, operation)).startswith(unsigned)


@pytest.mark.parametrize(
    ("service", "operation", "parameters"),
    [
        ("sqs", "send_message", {"QueueUrl": "https://sqs/abc/orders", "MessageBody": "x"}),
        ("sqs", "send_message", {"MessageBody": "x"}),
        ("sns", "publish", {"TopicArn": "arn:aws:sns:eu-central-1:abc:orders", "Message": "x"}),
        ("dynamodb", "get_item", {"TableName": "arn:aws:dynamodb:eu-central-1:abc:table/orders", "Key": {}}),
        ("dynamodb", "batch_get_item", {"RequestItems": {}}),
        ("dynamodb", "describe_global_table", {"GlobalTableName": "orders"}),
        ("ecr", "list_images", {"registryId": "x", "repositoryName": "orders"}),
        ("logs", "put_destination", {"destinationName": "d", "targetArn": "x", "roleArn": "arn:aws:iam::9:role/x"}),
        ("rds", "create_db_snapshot", {"DBSnapshotIdentifier": "s", "DBInstanceIdentifier": "d", "Tags": [{}]}),
    ],
)
def test_malformed_parameters_get_no_other_error_than_those_of_the_service(
    shop: Shop, service: Any, operation: str, parameters: dict[str, Any]
) -> None:
    session: Any = shop.aws.account(DEV).session
    client = session.client(service, config=Config(parameter_validation=False, retries={"max_attempts": 0}))
    with suppress(ClientError):
        getattr(client, operation)(**parameters)
    assert shop.aws.calls[-1].decisions
