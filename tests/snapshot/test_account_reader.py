"""Snapshot.read: the account's IAM in pages, and the resource policies of services, as far as the session may."""

from __future__ import annotations

import json
import pickle
import threading
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from moto import mock_aws
from tests.snapshot.resources import OTHER, REGION, TRUST, create_in_each_service, policy

from xacct import InvalidValue, PermissionMissing, SessionExpired, fan_out
from xacct.resources import account_listing
from xacct.snapshot import Snapshot
from xacct.snapshot.resource_policies import SERVICES
from xacct.testing import Sandbox

HOME = "111111111111"
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
READ_IAM = "iam:GetAccountAuthorizationDetails"


@pytest.fixture
def aws() -> Iterator[Sandbox]:
    with Sandbox([HOME, OTHER]) as aws:
        yield aws


@pytest.fixture
def session(aws: Sandbox) -> boto3.Session:
    return aws.account(HOME).session


def create_bucket(session: boto3.Session, name: str, region: str = REGION) -> None:
    s3 = session.client("s3", region_name=region)
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": region})  # type: ignore[typeddict-item]


def set_bucket_policy(session: boto3.Session, name: str, region: str = REGION) -> None:
    document = json.dumps(policy("s3:GetObject", f"arn:aws:s3:::{name}/*"))
    session.client("s3", region_name=region).put_bucket_policy(Bucket=name, Policy=document)


def user_who_may(aws: Sandbox, *actions: str) -> boto3.Session:
    iam = aws.account(HOME).session.client("iam")
    iam.create_user(UserName="alice")
    allow = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": allow})
    iam.put_user_policy(UserName="alice", PolicyName="Own", PolicyDocument=document)
    return aws.sign_in(f"arn:aws:iam::{HOME}:user/alice")


def calls_of(session: boto3.Session) -> list[str]:
    """Return a list to which each call that the session makes from now on is added."""
    calls: list[str] = []
    session.events.register("before-call.*.*", lambda model, **_: calls.append(model.name))
    return calls


def test_iam_is_read_without_a_call_for_each_role(session: boto3.Session, monkeypatch: pytest.MonkeyPatch) -> None:
    iam = session.client("iam")
    for number in range(5):
        iam.create_role(RoleName=f"Reader{number}", AssumeRolePolicyDocument=json.dumps(TRUST))
        iam.attach_role_policy(RoleName=f"Reader{number}", PolicyArn=READ_ONLY)
    monkeypatch.setattr(account_listing, "_PAGE_SIZE", 2)
    calls = calls_of(session)
    snapshot = Snapshot.read(session)
    assert [role.arn for role in snapshot.roles] == [f"arn:aws:iam::{HOME}:role/Reader{n}" for n in range(5)]
    assert all(json.loads(role.trust_policy or "")["Version"] == "2012-10-17" for role in snapshot.roles)
    assert READ_ONLY in [policy.arn for policy in snapshot.policies]
    assert (snapshot.account, snapshot.partition, snapshot.services, snapshot.missing) == (HOME, "aws", (), ())
    assert snapshot.taken is not None
    assert set(calls) == {"GetCallerIdentity", "GetAccountAuthorizationDetails"}


def test_bucket_policies_are_read_in_the_region_of_the_bucket(session: boto3.Session) -> None:
    create_bucket(session, "here")
    create_bucket(session, "there", "eu-west-1")
    create_bucket(session, "without")
    set_bucket_policy(session, "here")
    set_bucket_policy(session, "there", "eu-west-1")
    hosts: list[str] = []
    session.events.register("before-send.s3.GetBucketPolicy", lambda request, **_: hosts.append(request.url))
    requests: list[dict[str, Any]] = []
    session.events.register("before-parameter-build.s3.ListBuckets", lambda params, **_: requests.append(params))

    def with_regions(parsed: dict[str, Any], **_: object) -> None:
        for bucket in parsed["Buckets"]:
            bucket["BucketRegion"] = "eu-west-1" if bucket["Name"] == "there" else REGION

    # moto does not return it. S3 does if the request has a parameter.
    session.events.register("after-call.s3.ListBuckets", with_regions)
    snapshot = Snapshot.read(session, ["s3"])
    assert [(resource.arn, resource.service) for resource in snapshot.resources] == [
        ("arn:aws:s3:::here", "s3"),
        ("arn:aws:s3:::there", "s3"),
    ]
    assert json.loads(snapshot.resources[0].policy) == policy("s3:GetObject", "arn:aws:s3:::here/*")
    assert (snapshot.services, snapshot.regions, snapshot.missing) == (("s3",), (REGION,), ())
    assert sorted("eu-west-1" in host for host in hosts) == [False, False, True]
    assert [request["MaxBuckets"] for request in requests] == [1000]


def test_a_bucket_without_a_region_is_asked_for_in_that_of_the_session(session: boto3.Session) -> None:
    create_bucket(session, "there", "eu-west-1")
    set_bucket_policy(session, "there", "eu-west-1")
    assert [resource.arn for resource in Snapshot.read(session, ["s3"]).resources] == ["arn:aws:s3:::there"]


def test_key_policies_are_read_also_the_default_one(session: boto3.Session) -> None:
    kms = session.client("kms")
    shared_policy = policy("kms:*", Principal={"AWS": [HOME, OTHER]})
    own = kms.create_key()["KeyMetadata"]["Arn"]
    shared = kms.create_key(Policy=json.dumps(shared_policy))["KeyMetadata"]["Arn"]
    by_aws = kms.create_key()["KeyMetadata"]
    kms.create_alias(AliasName="alias/own", TargetKeyId=shared)
    aliases = {"Aliases": [{"AliasName": "alias/aws/s3", "TargetKeyId": by_aws["KeyId"]}]}

    def with_alias_of_aws(parsed: dict[str, Any], **_: object) -> None:
        parsed["Aliases"] += aliases["Aliases"]

    session.events.register("after-call.kms.ListAliases", with_alias_of_aws)
    snapshot = Snapshot.read(session, ["kms"])
    assert [resource.arn for resource in snapshot.resources] == sorted([own, shared])
    found = {resource.arn: json.loads(resource.policy) for resource in snapshot.resources}
    assert found[shared] == shared_policy


@pytest.fixture
def moto_session() -> Iterator[boto3.Session]:
    """Yield a session of an account without authorization: the sandbox has S3 and KMS only."""
    with mock_aws():
        yield boto3.Session("any", "any", region_name=REGION)


def test_the_policies_of_every_service_are_read_in_the_named_regions(moto_session: boto3.Session) -> None:
    here, there = create_in_each_service(moto_session), create_in_each_service(moto_session, "eu-west-1")
    create_in_each_service(moto_session, "us-east-1")
    snapshot = Snapshot.read(moto_session, "all", regions=[REGION, "eu-west-1"])
    assert [(resource.service, resource.arn) for resource in snapshot.resources] == sorted(
        [*here.items(), *there.items()], key=lambda item: item[1]
    )
    assert snapshot.services == tuple(sorted(SERVICES))
    assert snapshot.regions == (REGION, "eu-west-1")
    assert snapshot.missing == ()
    for resource in snapshot.resources:
        (statement,) = json.loads(resource.policy)["Statement"][-1:]
        assert OTHER in json.dumps(statement["Principal"])
    assert Snapshot.from_dict(json.loads(json.dumps(snapshot.to_dict()))) == snapshot


def test_a_resource_that_is_deleted_while_it_is_read_is_left_out(moto_session: boto3.Session) -> None:
    create_in_each_service(moto_session)
    # Made here, because a session makes clients in one thread only.
    sqs, ecr, functions, secrets = map(moto_session.client, ("sqs", "ecr", "lambda", "secretsmanager"))
    queue = sqs.get_queue_url(QueueName="shared")["QueueUrl"]
    deletions = {
        "sqs.GetQueueAttributes": lambda: sqs.delete_queue(QueueUrl=queue),
        "ecr.GetRepositoryPolicy": lambda: ecr.delete_repository(repositoryName="team/shared"),
        "lambda.GetPolicy": lambda: functions.delete_function(FunctionName="shared"),
        "secrets-manager.GetResourcePolicy": lambda: secrets.delete_secret(
            SecretId="shared", ForceDeleteWithoutRecovery=True
        ),
    }

    def once(delete: Any) -> Any:
        pending, lock = [delete], threading.Lock()

        def before_call(**_: object) -> None:
            # Resources are read side by side: no other one is read before this one is deleted.
            with lock:
                if pending:
                    pending.pop()()

        return before_call

    for operation, delete in deletions.items():
        moto_session.events.register(f"before-call.{operation}", once(delete))
    snapshot = Snapshot.read(moto_session, ["sqs", "ecr", "lambda", "secretsmanager"])
    assert (snapshot.resources, snapshot.missing) == ((), ())


def test_what_is_denied_is_named_and_the_rest_is_read(aws: Sandbox, session: boto3.Session) -> None:
    create_bucket(session, "reports")
    set_bucket_policy(session, "reports")
    session.client("kms").create_key()
    snapshot = Snapshot.read(user_who_may(aws, READ_IAM, "s3:ListAllMyBuckets"), ["s3", "kms"])
    assert snapshot.missing == (
        f"kms in {REGION} (the caller may not kms:ListAliases)",
        "resource policy of arn:aws:s3:::reports (the caller may not s3:GetBucketPolicy)",
    )
    assert (snapshot.services, snapshot.resources) == (("s3",), ())
    assert [user.arn for user in snapshot.users][-1] == f"arn:aws:iam::{HOME}:user/alice"


def test_buckets_that_may_not_be_listed_are_named(aws: Sandbox, session: boto3.Session) -> None:
    snapshot = Snapshot.read(user_who_may(aws, READ_IAM, "kms:List*", "kms:GetKeyPolicy"), ["s3", "kms"])
    assert snapshot.missing == ("s3 (the caller may not s3:ListAllMyBuckets)",)
    assert snapshot.services == ("kms",)


def test_a_caller_who_may_not_read_iam_is_told(aws: Sandbox) -> None:
    with pytest.raises(PermissionMissing, match=READ_IAM):
        Snapshot.read(user_who_may(aws, "s3:*"), ["s3"])


def answer(status: int, body: str) -> Any:
    response: Any = AWSResponse("https://aws", status, HTTPHeaders(), None)
    response._content = body.encode()
    return response


def test_a_region_that_is_disabled_is_named(moto_session: boto3.Session) -> None:
    body = json.dumps({"__type": "UnrecognizedClientException", "message": "The security token is invalid"})
    moto_session.events.register("before-send.secretsmanager.*", lambda **_: answer(400, body))
    snapshot = Snapshot.read(moto_session, ["secretsmanager"])
    assert snapshot.missing == (f"secretsmanager in {REGION} (UnrecognizedClientException)",)
    assert snapshot.services == ()


def test_credentials_that_expire_end_the_reading(moto_session: boto3.Session) -> None:
    body = json.dumps({"__type": "ExpiredTokenException", "message": "The security token has expired"})
    moto_session.events.register("before-send.secretsmanager.*", lambda **_: answer(400, body))
    with pytest.raises(SessionExpired):
        Snapshot.read(moto_session, ["secretsmanager"])


def test_a_throttled_call_is_tried_again(moto_session: boto3.Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: None)
    create_in_each_service(moto_session)
    body = json.dumps({"__type": "ThrottlingException", "message": "Rate exceeded"})
    refusals = [answer(400, body) for _ in range(7)]
    moto_session.events.register(
        "before-send.secretsmanager.GetResourcePolicy", lambda **_: refusals.pop() if refusals else None
    )
    snapshot = Snapshot.read(moto_session, ["secretsmanager"])
    assert (len(snapshot.resources), snapshot.missing, refusals) == (1, (), [])


def test_at_most_eight_calls_run_at_the_same_time(moto_session: boto3.Session) -> None:
    sns = moto_session.client("sns")
    for number in range(30):
        sns.create_topic(Name=f"topic{number}")
    running, most, lock = 0, 0, threading.Lock()

    def begin(**_: object) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.01)

    def end(**_: object) -> None:
        nonlocal running
        with lock:
            running -= 1

    moto_session.events.register("before-call.sns.GetTopicAttributes", begin)
    moto_session.events.register("after-call.sns.GetTopicAttributes", end)
    assert len(Snapshot.read(moto_session, ["sns"]).resources) == 30
    assert 2 <= most <= 8


def test_reading_only_reads(moto_session: boto3.Session) -> None:
    create_in_each_service(moto_session)
    calls = calls_of(moto_session)
    Snapshot.read(moto_session, "all")
    assert all(call.startswith(("Get", "List", "Describe")) for call in calls)


@pytest.mark.parametrize(
    ("services", "message"),
    [
        (["s3", "kmss"], "services: 'kmss' is not valid: did you mean 'kms'"),
        (["S3"], "did you mean 's3'"),
        (["dynamodb"], "services: 'dynamodb' is not valid: The services are ecr, kms, lambda, s3"),
        ([5], "services: 5 is not valid"),
        ("everything", "services: 'everything' is not valid"),
    ],
)
def test_an_unknown_service_is_refused_with_the_nearest_name(services: Any, message: str) -> None:
    with pytest.raises(InvalidValue, match=message):
        Snapshot.read(boto3.Session(), services)


@pytest.mark.parametrize(
    ("regions", "message"),
    [
        (["frankfurt"], "regions: 'frankfurt' is not valid: the name of a region"),
        (["cn-north-1"], "must be a region of aws, the account's partition"),
        ([], "at least one region"),
        ([5], "regions: 5 is not valid"),
    ],
)
def test_regions_must_be_of_the_account(moto_session: boto3.Session, regions: Any, message: str) -> None:
    with pytest.raises(InvalidValue, match=message):
        Snapshot.read(moto_session, ["s3"], regions=regions)


def test_one_service_or_region_need_not_be_in_a_list(moto_session: boto3.Session) -> None:
    snapshot = Snapshot.read(moto_session, "sns", regions="eu-west-1")
    assert (snapshot.services, snapshot.regions) == (("sns",), ("eu-west-1",))


def test_the_session_must_be_one() -> None:
    with pytest.raises(InvalidValue, match="session: 'prod' is not valid"):
        Snapshot.read("prod")  # type: ignore[arg-type]


def test_many_accounts_are_read_with_fan_out(aws: Sandbox) -> None:
    roles = []
    for account in (HOME, OTHER):
        create_bucket(aws.account(account).session, f"reports-{account}")
        set_bucket_policy(aws.account(account).session, f"reports-{account}")
        iam = aws.account(account).session.client("iam")
        trust = {**TRUST, "Statement": [{**TRUST["Statement"][0], "Principal": {"AWS": HOME}}]}  # type: ignore[dict-item]
        roles.append(iam.create_role(RoleName="Auditor", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"])
        iam.attach_role_policy(RoleName="Auditor", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    read = partial(Snapshot.read, services=["s3"])
    ran = fan_out(roles, pickle.loads(pickle.dumps(read)), base=aws.account(HOME).session)
    assert ran.ok, ran
    assert {account: len(snapshot.resources) for account, snapshot in ran.results.items()} == {HOME: 1, OTHER: 1}
    assert f"ok    {HOME}  Snapshot('{HOME}', 1 user, 1 role, 1 policy, 1 resource policy)" in str(ran)
    assert pickle.loads(pickle.dumps(ran.results[HOME])) == ran.results[HOME]
