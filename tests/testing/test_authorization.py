"""The policies that apply to a caller."""

from __future__ import annotations

from moto.iam.models import iam_backends

from .conftest import DEV, Two, allowing, create_user, refusal

ALICE = f"arn:aws:iam::{DEV}:user/alice"
ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"


def test_a_permissions_boundary_that_no_longer_exists_denies_everything(two: Two) -> None:
    iam = two.dev.client("iam")
    boundary = iam.create_policy(PolicyName="OnlyS3", PolicyDocument=allowing("s3:*"))["Policy"]["Arn"]
    create_user(two, PermissionsBoundary=boundary)
    iam.attach_user_policy(UserName="alice", PolicyArn=ADMINISTRATOR)
    alice = two.aws.sign_in(ALICE)
    alice.client("s3").list_buckets()
    assert "permissions boundary" in refusal(alice.client("iam").list_users)

    # AWS refuses to delete the policy, but its creation may not have propagated yet.
    del iam_backends[DEV]["aws"].managed_policies[boundary]
    for call in (alice.client("s3").list_buckets, alice.client("iam").list_users):
        assert "because no permissions boundary allows" in refusal(call)


def test_a_user_is_not_bounded_after_the_boundary_was_removed_from_it(two: Two) -> None:
    iam = two.dev.client("iam")
    boundary = iam.create_policy(PolicyName="OnlyS3", PolicyDocument=allowing("s3:*"))["Policy"]["Arn"]
    create_user(two, PermissionsBoundary=boundary)
    iam.attach_user_policy(UserName="alice", PolicyArn=ADMINISTRATOR)
    iam.delete_user_permissions_boundary(UserName="alice")
    two.aws.sign_in(ALICE).client("iam").list_users()
