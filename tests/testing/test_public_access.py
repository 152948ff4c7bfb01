"""S3 Block Public Access, and the ownership of objects."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from xacct.testing.public_access import is_public

from .conftest import DEV, PROD, REGION, Two, document, refusal

BUCKET = "arn:aws:s3:::reports"
READ = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"{BUCKET}/*"}
BY_DEV = {**READ, "Principal": {"AWS": DEV}}
URL = f"https://reports.s3.{REGION}.amazonaws.com/k"
NO_ACLS = "400 AccessControlListNotSupported: The bucket does not allow ACLs"


@pytest.fixture
def s3(two: Two) -> Any:
    s3 = two.prod.client("s3")
    s3.create_bucket(Bucket="reports", CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket="reports", Key="k", Body=b"42")
    return s3


def block(s3: Any, **settings: bool) -> None:
    s3.put_public_access_block(Bucket="reports", PublicAccessBlockConfiguration=settings)


def test_a_new_bucket_blocks_public_access_and_has_no_acls(s3: Any) -> None:
    settings = s3.get_public_access_block(Bucket="reports")["PublicAccessBlockConfiguration"]
    assert settings == dict.fromkeys(
        ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True
    )
    rules = s3.get_bucket_ownership_controls(Bucket="reports")["OwnershipControls"]["Rules"]
    assert rules == [{"ObjectOwnership": "BucketOwnerEnforced"}]


def test_creating_a_bucket_again_keeps_its_settings(two: Two) -> None:
    s3 = two.prod.client("s3", region_name="us-east-1")
    s3.create_bucket(Bucket="twice", ObjectOwnership="ObjectWriter")
    s3.delete_public_access_block(Bucket="twice")
    s3.create_bucket(Bucket="twice")
    assert refusal(s3.get_public_access_block, Bucket="twice").startswith("404 NoSuchPublicAccessBlockConfiguration")
    rules = s3.get_bucket_ownership_controls(Bucket="twice")["OwnershipControls"]["Rules"]
    assert rules == [{"ObjectOwnership": "ObjectWriter"}]


def test_a_public_policy_is_refused_while_public_policies_are_blocked(s3: Any) -> None:
    assert refusal(s3.put_bucket_policy, Bucket="reports", Policy=document(READ)) == (
        f"403 AccessDenied: User: arn:aws:iam::{PROD}:user/Administrator is not authorized to perform: "
        f's3:PutBucketPolicy on resource: "{BUCKET}" because public policies are blocked by the BlockPublicPolicy '
        "block public access setting."
    )
    s3.put_bucket_policy(Bucket="reports", Policy=document(BY_DEV))
    assert s3.get_bucket_policy_status(Bucket="reports")["PolicyStatus"]["IsPublic"] is False
    block(s3, BlockPublicPolicy=False, RestrictPublicBuckets=False)
    s3.put_bucket_policy(Bucket="reports", Policy=document(READ))
    assert s3.get_bucket_policy_status(Bucket="reports")["PolicyStatus"]["IsPublic"] is True
    assert requests.get(URL, timeout=5).content == b"42"


def test_a_restricted_bucket_with_a_public_policy_is_for_its_own_account_only(two: Two, s3: Any) -> None:
    block(s3, BlockPublicPolicy=False, RestrictPublicBuckets=True)
    read_by_dev = two.dev.client("s3").get_object
    s3.put_bucket_policy(Bucket="reports", Policy=document(BY_DEV))
    read_by_dev(Bucket="reports", Key="k")
    s3.put_bucket_policy(Bucket="reports", Policy=document(BY_DEV, {**READ, "Resource": f"{BUCKET}/public/*"}))
    assert refusal(read_by_dev, Bucket="reports", Key="k") == "403 AccessDenied: Access Denied"
    assert requests.get(URL.replace("/k", "/public/k"), timeout=5).status_code == 403
    assert s3.get_object(Bucket="reports", Key="k")["Body"].read() == b"42"


def test_entries_of_a_restricted_bucket_are_denied_one_by_one(two: Two, s3: Any) -> None:
    block(s3, BlockPublicPolicy=False, RestrictPublicBuckets=True)
    s3.put_bucket_policy(Bucket="reports", Policy=document({**READ, "Action": "s3:DeleteObject"}))
    answer = two.dev.client("s3").delete_objects(Bucket="reports", Delete={"Objects": [{"Key": "k"}]})
    assert [error["Code"] for error in answer["Errors"]] == ["AccessDenied"]
    assert s3.get_object(Bucket="reports", Key="k")["Body"].read() == b"42"


@pytest.mark.parametrize(
    ("public", "changes"),
    [
        (True, {}),
        (True, {"Principal": {"AWS": "*"}}),
        (False, {"Principal": {"AWS": DEV}}),
        (False, {"Effect": "Deny"}),
        (True, {"Condition": {"Bool": {"aws:SecureTransport": "true"}}}),
        (False, {"Condition": {"StringEquals": {"AWS:PrincipalOrgID": "o-exampleorg1"}}}),
        (True, {"Condition": {"StringLike": {"aws:PrincipalOrgID": "o-*"}}}),
        (True, {"Condition": {"StringNotEquals": {"aws:PrincipalOrgID": "o-exampleorg1"}}}),
        (True, {"Condition": {"StringEqualsIfExists": {"aws:PrincipalOrgID": "o-exampleorg1"}}}),
        (True, {"Condition": {"StringEquals": {"aws:SourceVpc": "${aws:PrincipalTag/vpc}"}}}),
        (False, {"Condition": {"IpAddress": {"aws:SourceIp": ["203.0.113.0/24", "10.0.0.0/8"]}}}),
        (True, {"Condition": {"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}}}),
        (True, {"Condition": {"IpAddress": {"aws:SourceIp": "64.0.0.0/7"}}}),
        (True, {"Condition": {"IpAddress": {"aws:SourceIp": "fc00::/7"}}}),
        (True, {"Condition": {"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}}}),
    ],
)
def test_a_policy_is_public_unless_its_access_is_limited_to_fixed_values(public: bool, changes: dict[str, Any]) -> None:
    assert is_public(document({**READ, **changes})) is public


def test_the_setting_of_an_account_applies_to_its_buckets(two: Two, s3: Any) -> None:
    control = two.prod.client("s3control")
    block(s3, BlockPublicPolicy=False, RestrictPublicBuckets=False)
    control.put_public_access_block(AccountId=PROD, PublicAccessBlockConfiguration={"BlockPublicPolicy": True})
    assert two.aws.calls[-1].decisions[0].action == "s3:PutAccountPublicAccessBlock"
    assert "BlockPublicPolicy" in refusal(s3.put_bucket_policy, Bucket="reports", Policy=document(READ))
    control.delete_public_access_block(AccountId=PROD)
    s3.put_bucket_policy(Bucket="reports", Policy=document(READ))
    two.dev.client("s3").get_object(Bucket="reports", Key="k")
    control.put_public_access_block(AccountId=PROD, PublicAccessBlockConfiguration={"RestrictPublicBuckets": True})
    assert refusal(two.dev.client("s3").get_object, Bucket="reports", Key="k") == "403 AccessDenied: Access Denied"
    other = two.dev.client("s3control").get_public_access_block
    assert refusal(other, AccountId=PROD).startswith("403 AccessDenied: ")


def test_a_bucket_without_acls_refuses_them(s3: Any) -> None:
    assert refusal(s3.put_object, Bucket="reports", Key="k", ACL="public-read") == NO_ACLS
    assert refusal(s3.put_object, Bucket="reports", Key="k", GrantRead=f"id={DEV}") == NO_ACLS
    assert refusal(s3.put_object_acl, Bucket="reports", Key="k", ACL="private") == NO_ACLS
    assert refusal(s3.put_bucket_acl, Bucket="reports", ACL="private") == NO_ACLS
    s3.put_object(Bucket="reports", Key="k", ACL="bucket-owner-full-control")
    assert refusal(s3.put_bucket_acl, Bucket="none", ACL="private").startswith("404 NoSuchBucket: ")


def test_a_public_acl_is_refused_while_public_acls_are_blocked(s3: Any) -> None:
    rules: Any = {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}
    s3.put_bucket_ownership_controls(Bucket="reports", OwnershipControls=rules)
    s3.put_object(Bucket="reports", Key="k", ACL="private")
    said = refusal(s3.put_object, Bucket="reports", Key="k", ACL="public-read")
    assert said.endswith("because public ACLs are blocked by the BlockPublicAcls block public access setting.")
    block(s3, BlockPublicAcls=False)
    s3.put_object(Bucket="reports", Key="k", ACL="public-read")


def test_a_new_bucket_has_no_public_acl(two: Two) -> None:
    create: Any = two.prod.client("s3", region_name="us-east-1").create_bucket
    text = "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting"
    assert refusal(create, Bucket="open", ACL="public-read") == f"400 InvalidBucketAclWithObjectOwnership: {text}"
    said = refusal(create, Bucket="open", ACL="public-read", ObjectOwnership="ObjectWriter")
    assert said.startswith("400 InvalidBucketAclWithBlockPublicAccessError: ")
    create(Bucket="open", ACL="private")
