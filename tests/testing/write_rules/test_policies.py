"""Managed and inline policies: quotas, versions and deletion."""

from __future__ import annotations

import pytest
from tests.testing.conftest import Two, allowing, create_role, refusal, trusting

READ_ONLY = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"


def policy_of(characters: int) -> str:
    """An identity policy of so many characters, without white space."""
    text = allowing("s3:GetObject", "arn:aws:s3:::").replace(" ", "")
    return text.replace("s3:::", "s3:::" + "a" * (characters - len(text)))


def white_space(policy: str) -> str:
    """The policy with white space that quotas do not count."""
    return policy.replace("{", "{ \n\t").replace(",", ",\r\n ")


def test_an_entity_has_at_most_10_managed_policies(two: Two) -> None:
    iam = two.prod.client("iam")
    create_role(two)
    iam.create_user(UserName="alice")
    iam.create_group(GroupName="developers")
    arns = [
        iam.create_policy(PolicyName=f"p{number}", PolicyDocument=allowing("s3:Get*"))["Policy"]["Arn"]
        for number in range(11)
    ]
    for kind, name in (("Role", "Reader"), ("User", "alice"), ("Group", "developers")):
        attach = getattr(iam, f"attach_{kind.lower()}_policy")
        for arn in arns[:10]:
            attach(PolicyArn=arn, **{f"{kind}Name": name})
        assert refusal(attach, PolicyArn=arns[10], **{f"{kind}Name": name}) == (
            f"409 LimitExceeded: Cannot exceed quota for PoliciesPer{kind}: 10"
        )
        # A policy that is attached already does not count again.
        attach(PolicyArn=arns[0], **{f"{kind}Name": name})
    assert iam.get_policy(PolicyArn=arns[0])["Policy"]["AttachmentCount"] == 3


@pytest.mark.parametrize(
    ("kind", "name", "most"), [("Role", "Reader", 10240), ("User", "alice", 2048), ("Group", "developers", 5120)]
)
def test_inline_policies_are_limited_in_total(two: Two, kind: str, name: str, most: int) -> None:
    iam = two.prod.client("iam")
    create_role(two)
    iam.create_user(UserName="alice")
    iam.create_group(GroupName="developers")
    put, entity = getattr(iam, f"put_{kind.lower()}_policy"), {f"{kind}Name": name}
    put(PolicyName="one", PolicyDocument=white_space(policy_of(most - 200)), **entity)
    put(PolicyName="two", PolicyDocument=white_space(policy_of(200)), **entity)
    said = refusal(put, PolicyName="two", PolicyDocument=policy_of(201), **entity)
    assert said == f"409 LimitExceeded: Maximum policy size of {most} bytes exceeded for {kind.lower()} {name}"
    put(PolicyName="one", PolicyDocument=policy_of(most - 201), **entity)
    put(PolicyName="two", PolicyDocument=policy_of(201), **entity)


def test_a_managed_policy_has_at_most_6144_characters_without_white_space(two: Two) -> None:
    iam = two.prod.client("iam")
    arn = iam.create_policy(PolicyName="p", PolicyDocument=white_space(policy_of(6144)))["Policy"]["Arn"]
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=policy_of(6144))
    assert (
        refusal(iam.create_policy, PolicyName="long", PolicyDocument=policy_of(6145))
        == refusal(iam.create_policy_version, PolicyArn=arn, PolicyDocument=policy_of(6145))
        == "409 LimitExceeded: Cannot exceed quota for PolicySize: 6144"
    )


def test_a_trust_policy_has_at_most_2048_characters_without_white_space(two: Two) -> None:
    def trust(characters: int) -> str:
        text = trusting(Condition={"StringEquals": {"sts:ExternalId": ["a" * 100] * 10 + ["-"]}}).replace(" ", "")
        return text.replace('-"', "-" + "a" * (characters - len(text)) + '"')

    update = two.prod.client("iam").update_assume_role_policy
    create_role(two, white_space(trust(2048)))
    assert refusal(update, RoleName="Reader", PolicyDocument=trust(2049)) == (
        "409 LimitExceeded: Cannot exceed quota for ACLSizePerRole: 2048"
    )
    update(RoleName="Reader", PolicyDocument=trust(2048))


def test_a_policys_name_is_unique_in_its_account_without_case(two: Two) -> None:
    iam = two.prod.client("iam")
    iam.get_policy(PolicyArn=READ_ONLY)
    iam.create_policy(PolicyName="AmazonS3ReadOnlyAccess", PolicyDocument=allowing("s3:*"))
    name = "amazons3readonlyaccess"
    assert refusal(iam.create_policy, PolicyName=name, PolicyDocument=allowing("s3:*")) == (
        f"409 EntityAlreadyExists: A policy called {name} already exists. Duplicate names are not allowed."
    )


def test_a_user_has_at_most_2_access_keys_and_a_policy_5_versions(two: Two) -> None:
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


def test_a_policy_can_be_deleted_once_it_is_not_attached_and_has_one_version(two: Two) -> None:
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


def test_aws_managed_policies_are_listed_and_have_their_documents(two: Two) -> None:
    iam = two.prod.client("iam")
    listed = [
        policy["PolicyName"] for page in iam.get_paginator("list_policies").paginate() for policy in page["Policies"]
    ]
    assert "AmazonS3ReadOnlyAccess" in listed
    assert len(listed) > 1000
    version = iam.get_policy(PolicyArn=READ_ONLY)["Policy"]["DefaultVersionId"]
    read = iam.get_policy_version(PolicyArn=READ_ONLY, VersionId=version)["PolicyVersion"]["Document"]
    assert "s3:Get*" in read["Statement"][0]["Action"]


def test_the_permissions_boundary_of_a_user_cannot_be_deleted(two: Two) -> None:
    iam = two.prod.client("iam")
    arn = iam.create_policy(PolicyName="p", PolicyDocument=allowing("s3:*"))["Policy"]["Arn"]
    iam.create_user(UserName="alice", PermissionsBoundary=arn)
    assert refusal(iam.delete_policy, PolicyArn=arn) == (
        "409 DeleteConflict: Cannot delete a policy attached to entities."
    )
    iam.delete_user_permissions_boundary(UserName="alice")
    iam.delete_policy(PolicyArn=arn)


def test_local_policies_are_listed_without_aws_managed_policies(two: Two) -> None:
    iam = two.prod.client("iam")
    iam.create_policy(PolicyName="p", PolicyDocument=allowing("s3:*"))
    assert [policy["PolicyName"] for policy in iam.list_policies(Scope="Local")["Policies"]] == ["p"]
