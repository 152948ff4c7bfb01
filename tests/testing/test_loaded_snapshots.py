"""A sandbox is loaded with snapshots of real accounts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any

import pytest
from attrs import evolve
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from xacct import Snapshot, audit
from xacct.errors import InvalidValue
from xacct.snapshot import GroupDetail, PolicyDetail, ResourcePolicy, RoleDetail, UserDetail
from xacct.snapshot.details import document_text
from xacct.testing import Sandbox
from xacct.testing.account import ADMINISTRATOR

PROD, DEV = "111111111111", "222222222222"
GITHUB = "token.actions.githubusercontent.com"
CREATED = datetime(2020, 2, 29, 12, 30, tzinfo=timezone.utc)
READ_ONLY, BOUNDARY = "arn:aws:iam::aws:policy/ReadOnlyAccess", f"arn:aws:iam::{PROD}:policy/limits/Boundary"


def document(**statement: Any) -> str:
    return document_text({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]})


def trusting(principal: Any, action: str = "sts:AssumeRole", **more: Any) -> str:
    return document(Principal=principal if isinstance(principal, dict) else {"AWS": principal}, Action=action, **more)


ALL = document(Action="*", Resource="*")
PRODUCTION = Snapshot(
    account=PROD,
    users=(
        UserDetail(
            arn=f"arn:aws:iam::{PROD}:user/people/alice",
            unique_id="AIDAIIIIIIIIIIIIIIIII",
            created=CREATED,
            inline={"own": document(Action="s3:ListAllMyBuckets", Resource="*")},
            attached=(BOUNDARY,),
            groups=("Readers",),
            boundary=READ_ONLY,
            tags={"team": "blue"},
        ),
    ),
    groups=(
        GroupDetail(
            arn=f"arn:aws:iam::{PROD}:group/Readers",
            unique_id="AGPAIIIIIIIIIIIIIIIII",
            created=CREATED,
            inline={"read": document(Action="iam:Get*", Resource="*")},
            attached=(READ_ONLY,),
        ),
    ),
    roles=(
        RoleDetail(
            arn=f"arn:aws:iam::{PROD}:role/service/Deploy",
            unique_id="AROAIIIIIIIIIIIIIIIII",
            created=CREATED,
            trust_policy=trusting([f"arn:aws:iam::{DEV}:role/Runner", "AROADELETEDDELETEDDEL"]),
            inline={"all": ALL},
            attached=(READ_ONLY,),
            boundary=BOUNDARY,
            tags={"team": "red"},
            last_used=CREATED,
            knows_last_use=True,
        ),
        RoleDetail(
            arn=f"arn:aws:iam::{PROD}:role/Actions",
            unique_id="AROAJJJJJJJJJJJJJJJJJ",
            created=CREATED,
            trust_policy=trusting(
                {"Federated": f"arn:aws:iam::{PROD}:oidc-provider/{GITHUB}"},
                "sts:AssumeRoleWithWebIdentity",
                Condition={"StringEquals": {f"{GITHUB}:aud": "sts.amazonaws.com"}},
            ),
            knows_last_use=True,
        ),
    ),
    policies=(
        PolicyDetail(arn=BOUNDARY, document=document(Action=["iam:ListRoles", "s3:*"], Resource="*")),
        PolicyDetail(arn=READ_ONLY, document=document(Action=["iam:List*", "s3:List*"], Resource="*")),
        PolicyDetail(arn="arn:aws:iam::aws:policy/AdministratorAccess", document=ALL),
    ),
)
DEVELOPMENT = Snapshot(
    account=DEV,
    roles=(
        RoleDetail(
            arn=f"arn:aws:iam::{DEV}:role/Runner",
            trust_policy=trusting(f"arn:aws:iam::{PROD}:role/service/Deploy"),
            inline={"all": ALL},
        ),
    ),
)


@pytest.fixture
def loaded() -> Iterator[Sandbox]:
    with Sandbox([PROD, DEV]) as aws:
        assert aws.load(PRODUCTION, DEVELOPMENT) == ()
        yield aws


def without_administrator(snapshot: Snapshot) -> Snapshot:
    users = tuple(user for user in snapshot.users if not user.arn.endswith(f"/{ADMINISTRATOR}"))
    return evolve(snapshot, users=users, taken=None, regions=())


def test_what_is_read_from_a_loaded_account_is_what_was_loaded(loaded: Sandbox) -> None:
    assert without_administrator(Snapshot.read(loaded.account(PROD).session)) == PRODUCTION


def test_roles_of_two_accounts_that_trust_each_other_can_assume_each_other(loaded: Sandbox) -> None:
    deploy, runner = f"arn:aws:iam::{PROD}:role/service/Deploy", f"arn:aws:iam::{DEV}:role/Runner"
    answer = loaded.sign_in(runner).client("sts").assume_role(RoleArn=deploy, RoleSessionName="one")
    assert answer["AssumedRoleUser"]["AssumedRoleId"] == "AROAIIIIIIIIIIIIIIIII:one"
    with pytest.raises(ClientError, match="AccessDenied"):
        # The permissions boundary of Deploy does not allow sts:AssumeRole.
        loaded.sign_in(deploy).client("sts").assume_role(RoleArn=runner, RoleSessionName="two")
    with pytest.raises(ClientError, match="AccessDenied"):
        loaded.account(DEV).session.client("sts").assume_role(RoleArn=deploy, RoleSessionName="three")


def test_boundaries_groups_and_policies_of_a_loaded_user_are_enforced(loaded: Sandbox) -> None:
    alice = loaded.sign_in(f"arn:aws:iam::{PROD}:user/people/alice")
    assert alice.client("s3").list_buckets()["Buckets"] == []
    assert {role["RoleName"] for role in alice.client("iam").list_roles()["Roles"]} == {"Actions", "Deploy"}
    with pytest.raises(ClientError, match="no permissions boundary allows"):
        alice.client("iam").get_role(RoleName="Actions")


def test_the_witness_of_a_finding_gets_in() -> None:
    [finding] = (found for found in audit(PRODUCTION).findings if found.kind == "oidc-stranger")
    with Sandbox([PROD]) as aws:
        aws.load(PRODUCTION)
        issuer = aws.oidc_provider(f"https://{GITHUB}")
        assert finding.witness is not None
        [subject] = finding.witness.context[f"{GITHUB}:sub"]
        sts = aws.account(PROD).session.client("sts", config=Config(signature_version=UNSIGNED))
        answer = sts.assume_role_with_web_identity(
            RoleArn=finding.resource,
            RoleSessionName="stranger",
            WebIdentityToken=issuer.token(sub=subject, aud="sts.amazonaws.com"),
        )
        assert answer["SubjectFromWebIdentityToken"] == subject


def test_what_cannot_be_loaded_is_named() -> None:
    reader, alice = f"arn:aws:iam::{PROD}:role/Reader", f"arn:aws:iam::{PROD}:user/alice"
    unknown = "arn:aws:iam::aws:policy/NoSuchPolicy"
    snapshot = Snapshot(
        account=PROD,
        users=(
            UserDetail(arn=alice, groups=("Readers",), boundary=unknown),
            UserDetail(arn=f"arn:aws:iam::{PROD}:user/{ADMINISTRATOR}"),
        ),
        roles=(RoleDetail(arn=reader, inline={"broken": "{"}, attached=(unknown,)),),
        policies=(PolicyDetail(arn=f"arn:aws:iam::{PROD}:policy/Broken", document='{"Statement": 1}'),),
        services=("s3",),
        resources=(ResourcePolicy(arn="arn:aws:s3:::reports", service="s3", policy=ALL),),
    )
    with Sandbox([PROD]) as aws:
        assert aws.load(snapshot) == (
            f"policy arn:aws:iam::{PROD}:policy/Broken (its document is not valid)",
            f"user arn:aws:iam::{PROD}:user/{ADMINISTRATOR} (the administrator of the sandbox has its name)",
            f"permissions boundary of {alice} (there is no document of {unknown})",
            f"group Readers of user {alice} (the snapshot does not have it)",
            f"trust policy of role {reader} (it is not valid, so the role trusts nobody)",
            f"inline policy broken of {reader} (its document is not valid)",
            f"managed policy {unknown} of {reader} (neither the snapshot nor moto has it)",
            "resource policy of arn:aws:s3:::reports (a sandbox loads users, groups, roles and policies)",
        )
        with pytest.raises(ClientError, match="AccessDenied"):
            aws.account(PROD).session.client("sts").assume_role(RoleArn=reader, RoleSessionName="try")
        aws.account(PROD).session.client("iam").list_users()


def test_a_snapshot_replaces_what_has_the_same_names() -> None:
    with Sandbox([PROD, DEV]) as aws:
        aws.load(PRODUCTION, DEVELOPMENT)
        session = aws.sign_in(f"arn:aws:iam::{DEV}:role/Runner")
        aws.load(PRODUCTION, DEVELOPMENT)
        assert without_administrator(Snapshot.read(aws.account(PROD).session)) == PRODUCTION
        with pytest.raises(ClientError, match="InvalidClientTokenId"):
            # The unique ID of the role is another one.
            session.client("sts").get_caller_identity()


def test_snapshots_of_other_accounts_are_refused_and_nothing_is_loaded() -> None:
    with Sandbox([PROD]) as aws:
        with pytest.raises(InvalidValue, match=f"one of {PROD}"):
            aws.load(PRODUCTION, DEVELOPMENT)
        with pytest.raises(InvalidValue, match="snapshots of accounts of aws"):
            aws.load(PRODUCTION, Snapshot(account=PROD, partition="aws-cn"))
        assert aws.account(PROD).session.client("iam").list_roles()["Roles"] == []
    with pytest.raises(InvalidValue, match="until it is opened"):
        Sandbox([PROD]).load(PRODUCTION)


def test_a_deleted_principal_of_a_loaded_trust_policy_becomes_its_unique_id() -> None:
    with Sandbox([PROD, DEV]) as aws:
        aws.load(PRODUCTION, DEVELOPMENT)
        runner = aws.account(DEV).session.client("iam")
        unique_id = runner.get_role(RoleName="Runner")["Role"]["RoleId"]
        runner.delete_role_policy(RoleName="Runner", PolicyName="all")
        runner.delete_role(RoleName="Runner")
        trust = aws.account(PROD).session.client("iam").get_role(RoleName="Deploy")["Role"]["AssumeRolePolicyDocument"]
        assert unique_id in json.dumps(trust)
