"""Managed and inline policies, and how many of what there may be."""

from __future__ import annotations

from ..conftest import Two, allowing, create_role, refusal, trusting

READ_ONLY = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"


def test_quotas_hold(two: Two) -> None:
    iam = two.prod.client("iam")
    create_role(two)
    long = allowing("s3:GetObject", "arn:aws:s3:::" + "a" * 5200)
    for number in range(10):
        arn = iam.create_policy(PolicyName=f"p{number}", PolicyDocument=allowing("s3:Get*"))["Policy"]["Arn"]
        iam.attach_role_policy(RoleName="Reader", PolicyArn=arn)
    iam.put_role_policy(RoleName="Reader", PolicyName="one", PolicyDocument=long)
    many = trusting(Condition={"StringEquals": {"sts:ExternalId": ["a" * 100] * 20}})
    assert [
        refusal(iam.attach_role_policy, RoleName="Reader", PolicyArn=READ_ONLY),
        refusal(iam.put_role_policy, RoleName="Reader", PolicyName="two", PolicyDocument=long),
        refusal(iam.create_policy, PolicyName="long", PolicyDocument=allowing("s3:*", "arn:aws:s3:::" + "a" * 6144)),
        refusal(iam.update_assume_role_policy, RoleName="Reader", PolicyDocument=many),
    ] == [
        "409 LimitExceeded: Cannot exceed quota for PoliciesPerRole: 10",
        "409 LimitExceeded: Maximum policy size of 10240 bytes exceeded for role Reader",
        "409 LimitExceeded: Cannot exceed quota for PolicySize: 6144",
        "409 LimitExceeded: Cannot exceed quota for ACLSizePerRole: 2048",
    ]


def test_each_user_has_two_keys_and_each_policy_five_versions(two: Two) -> None:
    iam = two.dev.client("iam")
    iam.create_access_key(UserName="Administrator")
    arn = iam.create_policy(PolicyName="p", PolicyDocument=allowing("s3:*"))["Policy"]["Arn"]
    for _ in range(4):
        last = iam.create_policy_version(PolicyArn=arn, PolicyDocument=allowing("s3:Get*"))["PolicyVersion"]
    said = [
        refusal(iam.create_access_key, UserName="Administrator"),
        refusal(iam.create_policy_version, PolicyArn=arn, PolicyDocument=allowing("s3:Get*")),
        refusal(iam.delete_policy_version, PolicyArn=arn, VersionId="v1"),
    ]
    iam.delete_policy_version(PolicyArn=arn, VersionId=last["VersionId"])
    another = iam.create_policy_version(PolicyArn=arn, PolicyDocument=allowing("s3:Get*"))["PolicyVersion"]
    assert said == [
        "409 LimitExceeded: Cannot exceed quota for AccessKeysPerUser: 2",
        (
            "409 LimitExceeded: A managed policy can have up to 5 versions. Before you create a new version, you must "
            "delete an existing version."
        ),
        "409 DeleteConflict: Cannot delete the default version of a policy.",
    ]
    assert (last["VersionId"], another["VersionId"]) == ("v5", "v6")


def test_a_policy_is_deleted_when_nobody_has_it_and_its_versions_are_gone(two: Two) -> None:
    iam = two.prod.client("iam")
    arn = iam.create_policy(PolicyName="p", PolicyDocument=allowing("s3:*"))["Policy"]["Arn"]
    create_role(two, PermissionsBoundary=arn)
    said = [refusal(iam.delete_policy, PolicyArn=arn)]
    iam.delete_role_permissions_boundary(RoleName="Reader")
    iam.attach_role_policy(RoleName="Reader", PolicyArn=arn)
    said.append(refusal(iam.delete_policy, PolicyArn=arn))
    iam.detach_role_policy(RoleName="Reader", PolicyArn=arn)
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=allowing("s3:Get*"), SetAsDefault=True)
    said.append(refusal(iam.delete_policy, PolicyArn=arn))
    iam.delete_policy_version(PolicyArn=arn, VersionId="v1")
    iam.delete_policy(PolicyArn=arn)
    assert said[0] == said[1] == "409 DeleteConflict: Cannot delete a policy attached to entities."
    assert said[2].startswith("409 DeleteConflict: This policy has more than one version. Before you delete")


def test_awss_own_policies_are_listed_and_have_their_text(two: Two) -> None:
    iam = two.prod.client("iam")
    listed = [
        policy["PolicyName"] for page in iam.get_paginator("list_policies").paginate() for policy in page["Policies"]
    ]
    assert "AmazonS3ReadOnlyAccess" in listed
    assert len(listed) > 1000
    version = iam.get_policy(PolicyArn=READ_ONLY)["Policy"]["DefaultVersionId"]
    read = iam.get_policy_version(PolicyArn=READ_ONLY, VersionId=version)["PolicyVersion"]["Document"]
    assert "s3:Get*" in read["Statement"][0]["Action"]
