"""Eventual consistency: for some time after a write, reads may return the previous state."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial

import pytest
from botocore.exceptions import ClientError

from xacct import InvalidValue
from xacct.testing import Propagation, Sandbox

from .conftest import DEV, PROD, REGION, Two, allowing, document, trusting

READER = f"arn:aws:iam::{PROD}:role/Reader"


@pytest.fixture
def slow() -> Iterator[Two]:
    with Sandbox([PROD, DEV], region=REGION, propagation=Propagation(seconds=(5, 15), seed=7)) as aws:
        yield Two(aws, aws.account(PROD).session, aws.account(DEV).session)


def code_of(call: Callable[[], object]) -> str:
    try:
        call()
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return "done"


def outcomes(call: Callable[[], object]) -> set[str]:
    """Return the distinct results of many repetitions of a call."""
    return {code_of(call) for _ in range(40)}


def test_reads_of_a_new_role_alternate_until_it_has_propagated(slow: Two) -> None:
    iam = slow.prod.client("iam")
    iam.create_role(RoleName="Reader", AssumeRolePolicyDocument=trusting())
    assert outcomes(lambda: iam.get_role(RoleName="Reader")) == {"done", "NoSuchEntity"}
    slow.aws.clock.advance(15)
    assert outcomes(lambda: iam.get_role(RoleName="Reader")) == {"done"}


def test_sts_and_iam_have_different_delays(slow: Two) -> None:
    slow.prod.client("iam").create_role(RoleName="Reader", AssumeRolePolicyDocument=trusting())
    sts = slow.dev.client("sts")

    def assume() -> object:
        return sts.assume_role(RoleArn=READER, RoleSessionName="test")

    assert outcomes(assume) == {"done", "AccessDenied"}
    slow.aws.clock.advance(15)
    assert outcomes(assume) == {"done"}


def test_a_deleted_role_stays_visible_for_some_time(slow: Two) -> None:
    iam = slow.prod.client("iam")
    iam.create_role(RoleName="Reader", AssumeRolePolicyDocument=trusting())
    slow.aws.clock.advance(15)
    iam.delete_role(RoleName="Reader")
    assert outcomes(lambda: iam.get_role(RoleName="Reader")) == {"done", "NoSuchEntity"}
    slow.aws.clock.advance(15)
    assert outcomes(lambda: iam.get_role(RoleName="Reader")) == {"NoSuchEntity"}


def test_a_removed_permission_keeps_working_for_some_time(slow: Two) -> None:
    iam = slow.prod.client("iam")
    iam.create_user(UserName="alice")
    iam.put_user_policy(UserName="alice", PolicyName="list", PolicyDocument=allowing("s3:ListAllMyBuckets"))
    slow.aws.clock.advance(15)
    s3 = slow.aws.sign_in(f"arn:aws:iam::{PROD}:user/alice").client("s3")
    iam.delete_user_policy(UserName="alice", PolicyName="list")
    assert outcomes(s3.list_buckets) == {"done", "AccessDenied"}
    slow.aws.clock.advance(15)
    assert outcomes(s3.list_buckets) == {"AccessDenied"}


def test_a_trust_policy_cannot_name_a_new_user_at_once(slow: Two) -> None:
    slow.dev.client("iam").create_user(UserName="alice")
    iam, names = slow.prod.client("iam"), iter(range(100))

    def trust() -> object:
        trust = trusting(f"arn:aws:iam::{DEV}:user/alice")
        return iam.create_role(RoleName=f"Reader{next(names)}", AssumeRolePolicyDocument=trust)

    assert outcomes(trust) == {"done", "MalformedPolicyDocument"}


def test_a_new_login_profile_cannot_be_deleted_at_once(slow: Two) -> None:
    iam = slow.dev.client("iam")
    iam.create_user(UserName="alice")
    slow.aws.clock.advance(15)
    iam.create_login_profile(UserName="alice", Password="Correct-horse-1")
    codes = outcomes(lambda: iam.update_login_profile(UserName="alice", Password="Correct-horse-2"))
    assert codes == {"done", "EntityTemporarilyUnmodifiable"}


def test_a_detached_policy_blocks_deletion_for_some_time(slow: Two) -> None:
    iam, names = slow.prod.client("iam"), [f"Reader{number}" for number in range(20)]
    for name in names:
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=trusting())
        iam.put_role_policy(RoleName=name, PolicyName="read", PolicyDocument=allowing("s3:*"))
    slow.aws.clock.advance(15)
    for name in names:
        iam.delete_role_policy(RoleName=name, PolicyName="read")
    codes = {code_of(partial(iam.delete_role, RoleName=name)) for name in names}
    assert codes == {"done", "DeleteConflict"}


def test_sleeping_in_the_sandbox_takes_no_real_time(slow: Two) -> None:
    iam = slow.prod.client("iam")
    iam.create_role(RoleName="Reader", AssumeRolePolicyDocument=trusting())
    before, real = slow.aws.clock.now(), time.monotonic()
    time.sleep(3600)
    iam.get_waiter("role_exists").wait(RoleName="Reader")
    assert (slow.aws.clock.now() - before).total_seconds() >= 3600
    assert time.monotonic() - real < 3600


def test_a_bucket_policy_reads_back_at_once_and_takes_effect_later(slow: Two) -> None:
    s3 = slow.prod.client("s3")
    s3.create_bucket(Bucket="reports", CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket="reports", Key="k", Body=b"42")
    policy = trusting(DEV, Action="s3:GetObject", Resource="arn:aws:s3:::reports/*")
    s3.put_bucket_policy(Bucket="reports", Policy=policy)
    assert s3.get_bucket_policy(Bucket="reports")["Policy"] == policy
    theirs = slow.dev.client("s3")
    assert outcomes(lambda: theirs.get_object(Bucket="reports", Key="k")) == {"done", "AccessDenied"}
    slow.aws.clock.advance(15)
    assert outcomes(lambda: theirs.get_object(Bucket="reports", Key="k")) == {"done"}


def test_a_key_policy_takes_effect_later(slow: Two) -> None:
    kms = slow.prod.client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    sealed = kms.encrypt(KeyId=key, Plaintext=b"42")["CiphertextBlob"]
    slow.aws.clock.advance(15)
    root = f"arn:aws:iam::{PROD}:root"
    manages = {"Effect": "Allow", "Principal": {"AWS": root}, "Action": "kms:*", "Resource": "*"}
    kms.put_key_policy(
        KeyId=key,
        PolicyName="default",
        Policy=document(manages, {**manages, "Effect": "Deny", "Action": "kms:Decrypt"}),
    )
    assert outcomes(lambda: kms.decrypt(CiphertextBlob=sealed)) == {"done", "AccessDeniedException"}
    slow.aws.clock.advance(15)
    assert outcomes(lambda: kms.decrypt(CiphertextBlob=sealed)) == {"AccessDeniedException"}


def test_tags_of_a_user_take_effect_later(slow: Two) -> None:
    iam = slow.dev.client("iam")
    iam.create_user(UserName="alice")
    slow.aws.clock.advance(15)
    iam.tag_user(UserName="alice", Tags=[{"Key": "team", "Value": "data"}])

    def team() -> tuple[str, ...]:
        return tuple(tag["Value"] for tag in iam.list_user_tags(UserName="alice")["Tags"])

    assert {team() for _ in range(40)} == {(), ("data",)}
    slow.aws.clock.advance(15)
    assert {team() for _ in range(40)} == {("data",)}


@pytest.mark.parametrize("seconds", [(-1, 5), (15, 5)])
def test_an_invalid_range_of_delays_is_refused(seconds: tuple[float, float]) -> None:
    with pytest.raises(InvalidValue, match="the minimum and the maximum delay"):
        Propagation(seconds=seconds)
