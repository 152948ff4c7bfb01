"""What ``audit``, ``who-can`` and ``what-can`` read: the accounts of profiles, or of a whole organization."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.cli.command import DEVELOPMENT, PRODUCTION, Command
from tests.cli.here import Here, here

from xacct.testing import Sandbox

__all__ = ["here"]

MANAGEMENT = "999999999999"
OUTSIDE = "333333333333"
READ = ["iam:GetAccountAuthorizationDetails", "s3:ListAllMyBuckets", "s3:GetBucketPolicy", "s3:GetBucketLocation"]


def trust(principal: str) -> str:
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": principal}}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def create_role(aws: Sandbox, account: str, name: str, principal: str) -> Any:
    iam = aws.account(account).session.client("iam")
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust(principal))
    return iam


def create_audit_role(aws: Sandbox, account: str) -> None:
    """Create the role that the management account assumes to read an account."""
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": READ, "Resource": "*"}]}
    iam = create_role(aws, account, "Audit", f"arn:aws:iam::{MANAGEMENT}:root")
    iam.put_role_policy(RoleName="Audit", PolicyName="read", PolicyDocument=json.dumps(policy))


def found(out: str) -> set[tuple[str, str]]:
    return {(finding["kind"], finding["account"]) for finding in json.loads(out)["findings"]}


def test_the_accounts_of_several_profiles_are_read(here: Here, command: Command) -> None:
    create_role(command.aws, PRODUCTION, "Reader", DEVELOPMENT)
    here.use_profiles_of(command)
    both = here("audit", "--profile", "production", "--profile", "development", "--services", "s3", "--format", "json")
    assert (both.code, both.err) == (3, "")
    assert set(json.loads(both.out)["accounts"]) == {PRODUCTION, DEVELOPMENT}
    assert ("root-of-unknown-account", PRODUCTION) not in found(both.out)
    one = here("audit", "--profile", "production", "--format", "json")
    assert ("root-of-unknown-account", PRODUCTION) in found(one.out)


def test_without_a_file_or_a_profile_the_default_credentials_are_used(
    here: Here, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.use_profiles_of(command)
    monkeypatch.setenv("AWS_PROFILE", "development")
    assert json.loads(here("audit", "--format", "json").out)["accounts"] == {DEVELOPMENT: ""}


def test_two_profiles_of_one_account_are_one_account(here: Here, command: Command) -> None:
    here.use_profiles_of(command)
    config = (here.folder / "aws.ini").read_text()
    section = config.split("[profile production]")[1].split("[")[0]
    (here.folder / "aws.ini").write_text(f"{config}\n[profile again]{section}")
    ended = here("audit", "--profile", "production", "--profile", "again", "--format", "json")
    assert (ended.code, list(json.loads(ended.out)["accounts"])) == (0, [PRODUCTION])


def test_files_and_profiles_are_taken_together(here: Here, command: Command) -> None:
    here.use_profiles_of(command)
    (here.folder / "outside.json").write_text(json.dumps({"account": OUTSIDE}))
    ended = here("audit", "outside.json", "--profile", "production", "--format", "json")
    assert set(json.loads(ended.out)["accounts"]) == {OUTSIDE, PRODUCTION}


def test_the_region_is_where_resource_policies_are_read(here: Here, command: Command) -> None:
    here.use_profiles_of(command)
    options = ("--profile", "production", "--services", "sqs,kms", "--region", "us-east-1", "--region", "eu-west-1")
    assert here("audit", *options).code == 0
    assert here("audit", *options[:3], "sqs,mq").err.startswith("Error: services: 'mq' is not valid\n")


def test_a_profile_that_may_not_read_is_named_and_the_others_are_audited(here: Here, command: Command) -> None:
    create_role(command.aws, PRODUCTION, "Reader", DEVELOPMENT)
    iam = command.aws.account(DEVELOPMENT).session.client("iam")
    iam.create_user(UserName="nobody")
    key = iam.create_access_key(UserName="nobody")["AccessKey"]
    here.use_profiles_of(command)
    config = (here.folder / "aws.ini").read_text()
    lines = config.split("[profile development]")[1].split("[")[0].splitlines()
    kept = "\n".join(line for line in lines if not line.startswith("aws_"))
    keys = f"aws_access_key_id = {key['AccessKeyId']}\naws_secret_access_key = {key['SecretAccessKey']}\n"
    (here.folder / "aws.ini").write_text(f"{config}\n[profile nobody]{kept}\n{keys}")
    ended = here("audit", "--profile", "production", "--profile", "nobody", "--format", "json")
    assert ended.code == 1
    assert ("root-of-unknown-account", PRODUCTION) in found(ended.out)
    assert ended.err == (
        f"Not read: nobody: listing IAM's resources in account {DEVELOPMENT} failed: the caller may not "
        "iam:GetAccountAuthorizationDetails on *\n"
    )
    alone = here("audit", "--profile", "nobody")
    assert (alone.code, alone.out) == (1, "")
    assert alone.err.startswith(
        f"Error: listing IAM's resources in account {DEVELOPMENT} failed\nWhy:   the caller may not iam:Get"
    )


# Organizations


@pytest.fixture
def company(tmp_path: Path, here: Here) -> Iterator[Sandbox]:
    """An organization of three accounts. The management account can read production, and not development."""
    with Sandbox([MANAGEMENT, PRODUCTION, DEVELOPMENT, OUTSIDE]) as aws, aws.serve() as server:
        (tmp_path / "aws.ini").write_text(aws.aws_config(server, {MANAGEMENT: "management", PRODUCTION: "production"}))
        here.use_profiles_of(Command(aws, tmp_path))
        members = {PRODUCTION: "production", DEVELOPMENT: "development"}
        aws.organization({"/": members}, management=MANAGEMENT, access_role=None)
        create_audit_role(aws, PRODUCTION)
        create_role(aws, PRODUCTION, "Monitoring", OUTSIDE)
        create_role(aws, MANAGEMENT, "Billing", OUTSIDE)
        yield aws


ORGANIZATION = ("--organization", "--profile", "management", "--role", "Audit")


def test_every_account_of_an_organization_is_read(here: Here, company: Sandbox) -> None:
    create_audit_role(company, DEVELOPMENT)
    ended = here("audit", *ORGANIZATION, "--services", "s3", "--format", "json")
    assert (ended.code, ended.err) == (3, "")
    assert json.loads(ended.out)["accounts"] == {
        PRODUCTION: "production",
        DEVELOPMENT: "development",
        MANAGEMENT: "master",
    }
    assert {("root-of-unknown-account", PRODUCTION), ("root-of-unknown-account", MANAGEMENT)} <= found(ended.out)


def test_an_account_that_could_not_be_read_is_named_and_the_exit_code_is_1(here: Here, company: Sandbox) -> None:
    ended = here("audit", *ORGANIZATION, "--format", "json")
    assert ended.code == 1
    role = f"arn:aws:iam::{DEVELOPMENT}:role/Audit"
    assert ended.err.startswith(f"Not read: {DEVELOPMENT} (development): assuming {role} failed: access denied. ")
    assert len(ended.err) < 350
    assert len(ended.err.splitlines()) == 1
    assert set(json.loads(ended.out)["accounts"]) == {PRODUCTION, MANAGEMENT}
    accepted = ("--write-baseline", "known.json", "--reason", "known", "--until", "2099-12-31")
    assert here("audit", *ORGANIZATION, *accepted).code == 1


def test_an_account_can_be_left_out(here: Here, company: Sandbox) -> None:
    ended = here("audit", *ORGANIZATION, "--exclude", DEVELOPMENT)
    assert (ended.code, ended.err) == (3, "")


def test_a_profile_of_another_account_cannot_list_the_organization(here: Here, company: Sandbox) -> None:
    ended = here("audit", "--organization", "--profile", "production", "--role", "Audit")
    assert (ended.code, ended.out) == (1, "")
    assert len(ended.err.splitlines()) == 3


def test_ways_through_an_organization_are_found(here: Here, company: Sandbox) -> None:
    role = f"arn:aws:iam::{PRODUCTION}:role/Audit"
    ended = here("who-can", "sts:AssumeRole", role, *ORGANIZATION, "--exclude", DEVELOPMENT, "--format", "json")
    assert ended.code == 0
    assert f"arn:aws:iam::{MANAGEMENT}:user/Administrator" in {way["principal"] for way in json.loads(ended.out)}
    assert here("who-can", "sts:AssumeRole", role, *ORGANIZATION).code == 1
