"""Explanations of errors that the sandbox returns, from the policies of both accounts."""

from __future__ import annotations

import json
import pickle
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from attrs import frozen
from botocore.exceptions import ClientError

from xacct import (
    AccessRequest,
    AssumeRoleDenied,
    AwsError,
    Explanation,
    InvalidValue,
    PolicySet,
    assume_role,
    evaluate,
    explain,
)
from xacct.authz.policy_set import LayerName
from xacct.testing import Sandbox

PROD, DEV, REGION = "111111111111", "222222222222", "eu-central-1"
ROLE, ALICE = f"arn:aws:iam::{PROD}:role/Reader", f"arn:aws:iam::{DEV}:user/alice"


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def allow(action: str, resource: str | None = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, **({"Resource": resource} if resource else {}), **more}


@frozen
class Both:
    aws: Sandbox
    prod: boto3.Session
    dev: boto3.Session

    def refusal(self, call: Callable[..., object], **options: Any) -> ClientError:
        with pytest.raises(ClientError) as caught:
            call(**options)
        return caught.value

    def assuming(self, **options: Any) -> ClientError:
        sts = self.aws.sign_in(ALICE).client("sts")
        return self.refusal(sts.assume_role, RoleArn=ROLE, RoleSessionName="test", **options)

    def explain(self, error: ClientError | str, **options: Any) -> Explanation:
        return explain(error, self.prod, self.dev, **options)


@pytest.fixture
def both() -> Iterator[Both]:
    with Sandbox([PROD, DEV], region=REGION) as aws:
        both = Both(aws, aws.account(PROD).session, aws.account(DEV).session)
        both.dev.client("iam").create_user(UserName="alice")
        trust = document(allow("sts:AssumeRole", None, Principal={"AWS": ALICE}))
        both.prod.client("iam").create_role(RoleName="Reader", AssumeRolePolicyDocument=trust)
        yield both


def give(both: Both, *statements: dict[str, Any]) -> None:
    both.dev.client("iam").put_user_policy(UserName="alice", PolicyName="own", PolicyDocument=document(*statements))


def test_a_missing_identity_policy_is_named_with_the_statement_to_add(both: Both) -> None:
    explanation = both.explain(both.assuming())
    assert explanation.refused
    assert explanation.decisions[0].decided_by == ("identity",)
    assert f'"Resource": "{ROLE}"' in str(explanation)
    assert explanation.unread == ()


def test_a_condition_of_the_trust_policy_is_named(both: Both) -> None:
    give(both, allow("sts:AssumeRole"))
    trust = allow("sts:AssumeRole", None, Principal={"AWS": ALICE})
    trust["Condition"] = {"StringEquals": {"sts:ExternalId": "acme-42"}}
    both.prod.client("iam").update_assume_role_policy(RoleName="Reader", PolicyDocument=document(trust))
    error = both.assuming(ExternalId="acme-43")
    explanation = both.explain(error, context={"sts:ExternalId": "acme-43"})
    assert "sts:ExternalId 'acme-42' is not met: the request has 'acme-43'" in str(explanation)
    assert not both.explain(error, context={"sts:ExternalId": "acme-42"}).refused


def test_a_trusted_user_who_was_deleted_and_created_again_is_noted(both: Both) -> None:
    iam = both.dev.client("iam")
    iam.delete_user(UserName="alice")
    iam.create_user(UserName="alice")
    give(both, allow("sts:AssumeRole"))
    (note,) = both.explain(both.assuming()).notes
    assert "trusts AIDA" in note
    assert "Save the trust policy again with the principal's ARN" in note


def test_a_missing_role_and_a_role_with_another_path_are_noted(both: Both) -> None:
    give(both, allow("sts:AssumeRole"))
    sts = both.aws.sign_in(ALICE).client("sts")
    missing = both.refusal(sts.assume_role, RoleArn=f"{ROLE}s", RoleSessionName="test")
    assert both.explain(missing).notes == (f"account {PROD} has no role Readers; role names are case-sensitive",)
    elsewhere = both.refusal(sts.assume_role, RoleArn=ROLE.replace("role/", "role/team/"), RoleSessionName="test")
    assert both.explain(elsewhere).notes == (f"the role's ARN is {ROLE}; its path and case must match",)


def test_groups_boundaries_and_managed_policies_are_read(both: Both) -> None:
    iam = both.dev.client("iam")
    iam.create_group(GroupName="developers")
    iam.put_group_policy(GroupName="developers", PolicyName="assume", PolicyDocument=document(allow("sts:AssumeRole")))
    iam.add_user_to_group(GroupName="developers", UserName="alice")
    arn = iam.create_policy(PolicyName="OnlyS3", PolicyDocument=document(allow("s3:*")))["Policy"]["Arn"]
    iam.attach_user_policy(UserName="alice", PolicyArn=arn)
    iam.put_user_permissions_boundary(UserName="alice", PermissionsBoundary=arn)
    explanation = both.explain(both.assuming())
    assert explanation.decisions[0].decided_by == ("boundary",)
    assert explanation.unread == ()


def bucket(both: Both, **encryption: Any) -> None:
    s3 = both.prod.client("s3")
    s3.create_bucket(Bucket="prod-reports", CreateBucketConfiguration={"LocationConstraint": REGION})
    if encryption:
        rules: Any = [{"ApplyServerSideEncryptionByDefault": encryption}]
        s3.put_bucket_encryption(Bucket="prod-reports", ServerSideEncryptionConfiguration={"Rules": rules})
    s3.put_object(Bucket="prod-reports", Key="k", Body=b"42")


def test_an_s3_message_without_details_is_explained_with_the_details_as_arguments(both: Both) -> None:
    bucket(both)
    give(both, allow("s3:GetObject"))
    error = both.refusal(both.aws.sign_in(ALICE).client("s3").get_object, Bucket="prod-reports", Key="k")
    with pytest.raises(InvalidValue, match=r"the message does not contain it: .*Access Denied"):
        both.explain(error)
    explanation = both.explain(error, principal=ALICE, action="s3:GetObject", resource="arn:aws:s3:::prod-reports/k")
    assert explanation.decisions[0].decided_by == ("resource",)
    assert explanation.decisions[0].request.resource_account == PROD


def test_the_key_of_an_encrypted_bucket_is_checked_too(both: Both) -> None:
    key = both.prod.client("kms").create_key()["KeyMetadata"]["KeyId"]
    bucket(both, SSEAlgorithm="aws:kms", KMSMasterKeyID=key)
    iam = both.prod.client("iam")
    iam.put_role_policy(RoleName="Reader", PolicyName="read", PolicyDocument=document(allow("s3:GetObject")))
    error = both.refusal(both.aws.sign_in(ROLE).client("s3").get_object, Bucket="prod-reports", Key="k")
    session = f"arn:aws:sts::{PROD}:assumed-role/Reader/sign-in"
    explanation = both.explain(error, principal=session, action="s3:GetObject", resource="arn:aws:s3:::prod-reports/k")
    assert [(decision.action, decision.allowed) for decision in explanation.decisions] == [
        ("s3:GetObject", True),
        ("kms:Decrypt", False),
    ]


def test_a_bucket_policy_that_denies_is_named(both: Both) -> None:
    bucket(both)
    deny = {**allow("s3:PutObject", "arn:aws:s3:::prod-reports/*"), "Effect": "Deny", "Principal": "*"}
    both.prod.client("s3").put_bucket_policy(Bucket="prod-reports", Policy=document(deny))
    error = both.refusal(both.prod.client("s3").put_object, Bucket="prod-reports", Key="k", Body=b"x")
    assert both.explain(error).decisions[0].decided_by == ("resource",)


def test_the_policy_of_a_key_is_read(both: Both) -> None:
    kms = both.prod.client("kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    secret = kms.encrypt(KeyId=key, Plaintext=b"42")["CiphertextBlob"]
    give(both, allow("kms:*"))
    error = both.refusal(both.aws.sign_in(ALICE).client("kms").decrypt, CiphertextBlob=secret)
    assert both.explain(error).decisions[0].decided_by == ("resource",)


def test_policies_that_may_not_be_read_are_listed_with_the_error_code(both: Both) -> None:
    error = both.assuming()
    nobody = both.aws.sign_in(ALICE)
    explanation = explain(error, both.prod, nobody)
    assert "inline policies of user alice (AccessDenied)" in explanation.unread
    assert "could not read: user alice (AccessDenied)" in str(explanation)


def test_policies_of_a_third_account_are_listed_as_unread(both: Both) -> None:
    text = f"User: {ALICE} is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::333333333333:role/R"
    unread = both.explain(text).unread
    assert unread == ("trust policy of role R: neither session belongs to account 333333333333",)


def test_other_causes_are_listed_if_the_policies_allow_the_request(both: Both) -> None:
    error = both.assuming()
    give(both, allow("sts:AssumeRole"))
    explanation = both.explain(error)
    assert not explanation.refused
    assert "The policies that were read allow this" in str(explanation)


def test_root_has_no_policies_to_read(both: Both) -> None:
    root = both.aws.sign_in(f"arn:aws:iam::{DEV}:root").client("sts")
    error = both.refusal(root.assume_role, RoleArn=ROLE, RoleSessionName="test")
    text = f"User: arn:aws:iam::{DEV}:root is not authorized to perform: sts:AssumeRole on resource: {ROLE}"
    assert "Roles may not be assumed by root accounts" in str(error)
    assert "root" in str(both.explain(text))


def test_a_bucket_that_neither_account_lists_is_noted(both: Both) -> None:
    text = f'User: {ALICE} is not authorized to perform: s3:GetObject on resource: "arn:aws:s3:::elsewhere/k"'
    assert both.explain(text).notes == (
        f"neither account lists bucket elsewhere; it is assumed to belong to account {DEV}",
    )


def test_actions_without_a_resource_are_decided_in_the_callers_account(both: Both) -> None:
    error = both.refusal(both.aws.sign_in(ALICE).client("s3").list_buckets)
    assert both.explain(error).decisions[0].request.resource == "*"


def test_service_control_policies_are_read_if_the_session_may_read_them(both: Both) -> None:
    organizations = both.dev.client("organizations")
    organizations.create_organization(FeatureSet="ALL")
    error = both.assuming()
    give(both, allow("sts:AssumeRole"))
    explanation = both.explain(error)
    assert "service control" not in " ".join(explanation.unread)
    assert {layer.name for layer in explanation.decisions[0].policies.layers} >= {"scp"}


def test_a_message_that_names_another_kind_of_policy_is_noted(both: Both) -> None:
    bucket(both)
    text = (
        f'User: {ALICE} is not authorized to perform: s3:GetObject on resource: "arn:aws:s3:::prod-reports/k" because '
        "no resource-based policy allows the s3:GetObject action"
    )
    read = {**allow("s3:GetObject", "arn:aws:s3:::prod-reports/*"), "Principal": {"AWS": DEV}}
    both.prod.client("s3").put_bucket_policy(Bucket="prod-reports", Policy=document(read))
    (note,) = both.explain(text).notes
    assert note.startswith("AWS's message names the resource-based policy")
    assert note.endswith("by the policies that were read, the identity-based policy denies")


def test_the_region_and_partition_of_the_bucket_select_the_service_that_uses_the_key() -> None:
    partition, region = "aws-cn", "cn-northwest-1"
    with Sandbox([PROD, DEV], partition=partition, region=region) as aws:
        prod, dev = (aws.account(account).session for account in (PROD, DEV))
        key = prod.client("kms").create_key()["KeyMetadata"]["KeyId"]
        s3 = prod.client("s3")
        s3.create_bucket(Bucket="prod-reports", CreateBucketConfiguration={"LocationConstraint": region})
        rules: Any = [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}}]
        s3.put_bucket_encryption(Bucket="prod-reports", ServerSideEncryptionConfiguration={"Rules": rules})
        explanation = explain(
            "Access Denied",
            prod,
            dev,
            principal=f"arn:aws-cn:iam::{PROD}:user/Administrator",
            action="s3:GetObject",
            resource="arn:aws-cn:s3:::prod-reports/k",
        )
    request = explanation.decisions[1].request
    assert request.context["kms:viaservice"] == ("s3.cn-northwest-1.amazonaws.com.cn",)


def test_a_session_whose_credentials_do_not_work_is_named(both: Both) -> None:
    unknown = boto3.Session("AKIAIOSFODNN7EXAMPLE", "secret", region_name=REGION)
    text = f"User: {ALICE} is not authorized to perform: sts:AssumeRole on resource: {ROLE}"
    with pytest.raises(AwsError, match="caller identity of the trusted session") as error:
        explain(text, both.prod, unknown)
    assert error.value.code == "InvalidClientTokenId"


def test_a_session_without_credentials_is_named(both: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    empty = boto3.Session(region_name=REGION)
    monkeypatch.setattr(empty._session, "get_credentials", lambda: None)
    text = f"User: {ALICE} is not authorized to perform: sts:AssumeRole on resource: {ROLE}"
    with pytest.raises(AwsError, match="caller identity of the trusted session failed: its credentials were not found"):
        explain(text, both.prod, empty)


def test_an_error_of_assume_role_brings_its_request_with_it(both: Both) -> None:
    give(both, allow("sts:AssumeRole"))
    trust = allow("sts:AssumeRole", None, Principal={"AWS": ALICE})
    trust["Condition"] = {"StringEquals": {"sts:ExternalId": "acme-42"}}
    both.prod.client("iam").update_assume_role_policy(RoleName="Reader", PolicyDocument=document(trust))
    with pytest.raises(AssumeRoleDenied) as denied:
        assume_role(both.aws.sign_in(ALICE), ROLE, external_id="acme-43", session_name="test")
    copied = pickle.loads(pickle.dumps(denied.value))
    assert (copied.role_arn, copied.context) == (ROLE, {"sts:RoleSessionName": "test", "sts:ExternalId": "acme-43"})
    assert "'acme-42' is not met: the request has 'acme-43'" in str(explain(copied, both.prod, both.dev))
    assert not explain(copied, both.prod, both.dev, context={"sts:ExternalId": "acme-42"}).refused


def test_an_explicit_deny_is_certain_even_if_other_policies_of_the_kind_could_not_be_read() -> None:
    request = AccessRequest(principal=ALICE, action="sts:AssumeRole", resource=ROLE)
    deny = document({**allow("sts:AssumeRole"), "Effect": "Deny"})
    denied = evaluate(request, PolicySet(identity=[deny]))
    not_allowed = evaluate(request, PolicySet())
    unread = frozenset[LayerName]({"identity", "resource"})
    assert Explanation((denied,), unread_layers=unread).certain
    assert not Explanation((not_allowed,), unread_layers=unread).certain
    assert Explanation((not_allowed,)).certain


Scenario = Callable[[Both], Explanation]


def nothing_granted(both: Both) -> Explanation:
    return both.explain(both.assuming())


def another_external_id(both: Both) -> Explanation:
    give(both, allow("sts:AssumeRole"))
    trust = allow("sts:AssumeRole", None, Principal={"AWS": ALICE})
    trust["Condition"] = {"StringEquals": {"sts:ExternalId": "acme-42"}}
    both.prod.client("iam").update_assume_role_policy(RoleName="Reader", PolicyDocument=document(trust))
    return both.explain(both.assuming(ExternalId="acme-43"), context={"sts:ExternalId": "acme-43"})


def created_again(both: Both) -> Explanation:
    iam = both.dev.client("iam")
    iam.delete_user(UserName="alice")
    iam.create_user(UserName="alice")
    give(both, allow("sts:AssumeRole"))
    return both.explain(both.assuming())


def no_such_role(both: Both) -> Explanation:
    give(both, allow("sts:AssumeRole"))
    sts = both.aws.sign_in(ALICE).client("sts")
    return both.explain(both.refusal(sts.assume_role, RoleArn=f"{ROLE}s", RoleSessionName="test"))


def bounded(both: Both) -> Explanation:
    iam = both.dev.client("iam")
    give(both, allow("sts:AssumeRole", ROLE))
    arn = iam.create_policy(PolicyName="OnlyS3", PolicyDocument=document(allow("s3:*")))["Policy"]["Arn"]
    iam.put_user_permissions_boundary(UserName="alice", PermissionsBoundary=arn)
    return both.explain(both.assuming())


def denied_by_a_bucket(both: Both) -> Explanation:
    bucket(both)
    condition = {"Bool": {"aws:MultiFactorAuthPresent": "false"}}
    deny = {**allow("s3:*", "arn:aws:s3:::prod-reports/*", Principal="*", Condition=condition), "Effect": "Deny"}
    both.prod.client("s3").put_bucket_policy(Bucket="prod-reports", Policy=document(deny))
    error = both.refusal(
        both.aws.sign_in(f"arn:aws:iam::{PROD}:user/Administrator").client("s3").get_object,
        Bucket="prod-reports",
        Key="k",
    )
    return both.explain(error, context={"aws:MultiFactorAuthPresent": "false"})


def without_the_key(both: Both) -> Explanation:
    key = both.prod.client("kms").create_key()["KeyMetadata"]["KeyId"]
    bucket(both, SSEAlgorithm="aws:kms", KMSMasterKeyID=key)
    iam = both.prod.client("iam")
    iam.put_role_policy(RoleName="Reader", PolicyName="read", PolicyDocument=document(allow("s3:GetObject")))
    error = both.refusal(both.aws.sign_in(ROLE).client("s3").get_object, Bucket="prod-reports", Key="k")
    return both.explain(error)


def unreadable(both: Both) -> Explanation:
    error = both.assuming()
    return explain(error, both.prod, both.aws.sign_in(ALICE))


def allowed_by_now(both: Both) -> Explanation:
    error = both.assuming()
    give(both, allow("sts:AssumeRole"))
    return both.explain(error)


SCENARIOS = (
    nothing_granted, another_external_id, created_again, no_such_role, bounded, denied_by_a_bucket, without_the_key,
    unreadable, allowed_by_now,
)  # fmt: skip
GOLDEN = json.loads((Path(__file__).parent / "explanations.json").read_text())


@pytest.mark.parametrize("scenario", SCENARIOS, ids=[scenario.__name__ for scenario in SCENARIOS])
def test_explanations_match_the_reviewed_texts(both: Both, scenario: Scenario) -> None:
    # Generated ids differ from run to run.
    seen = re.sub(r"AIDA\w+", "AIDAIOSFODNN7EXAMPLE", re.sub(r"key/[0-9a-f-]{36}", "key/1234", str(scenario(both))))
    assert seen.splitlines() == GOLDEN[scenario.__name__]
