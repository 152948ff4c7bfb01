"""Sessions of the sandbox share what is slow to load, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import boto3
import pytest

from xacct import assume_role
from xacct.testing import Sandbox
from xacct.testing.sessions import new_session

from .conftest import DEV, PROD, REGION, Two, create_role


def test_an_event_handler_of_one_session_is_not_called_for_another(two: Two) -> None:
    names: list[str] = []
    two.prod.events.register("before-call.*.*", lambda model, **_: names.append(model.name))
    two.dev.client("iam").list_users()
    assert names == []
    two.prod.client("iam").list_roles()
    assert names == ["ListRoles"]


def test_a_session_has_the_event_handlers_and_services_of_any_other(two: Two) -> None:
    other = boto3.Session(region_name=REGION)
    assert two.prod.get_available_services() == other.get_available_services()
    assert two.prod.get_available_resources() == other.get_available_resources()
    assert hasattr(two.prod.client("s3"), "upload_file")  # which an event handler of boto3 adds


def test_many_sessions_do_not_make_the_search_for_models_longer() -> None:
    def paths() -> Any:
        return new_session("AKIAEXAMPLE", "secret", region=REGION)._session.get_component("data_loader").search_paths

    assert len(paths()) == len(paths())


def advance_past_expiry(aws: Sandbox) -> int:
    """Advance the clock by more than an hour, and return how many calls of STS were made before."""
    aws.clock.advance(3700)
    return [call.operation for call in aws.calls].count("AssumeRole")


def test_a_session_of_assume_role_is_renewed_when_the_clock_is_advanced(two: Two) -> None:
    session = assume_role(two.dev, create_role(two)["Arn"])
    arn = session.client("sts").get_caller_identity()["Arn"]
    before = advance_past_expiry(two.aws)
    assert session.client("sts").get_caller_identity()["Arn"] == arn
    assert [call.operation for call in two.aws.calls].count("AssumeRole") == before + 1


def test_it_is_not_renewed_early(two: Two) -> None:
    session = assume_role(two.dev, create_role(two)["Arn"])
    session.client("sts").get_caller_identity()
    two.aws.clock.advance(1800)
    session.client("sts").get_caller_identity()
    assert [call.operation for call in two.aws.calls].count("AssumeRole") == 1


def test_a_profile_of_botocore_with_a_role_is_renewed_too(
    two: Two, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    role, key = create_role(two)["Arn"], two.aws.account(DEV).key
    file = tmp_path / "config"
    file.write_text(
        f"[profile reader]\nrole_arn = {role}\nsource_profile = base\nregion = {REGION}\n[profile base]\n"
        f"aws_access_key_id = {key.access_key_id}\naws_secret_access_key = {key.secret_access_key}\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(file))
    sts = boto3.Session(profile_name="reader").client("sts")
    arn = sts.get_caller_identity()["Arn"]
    before = advance_past_expiry(two.aws)
    assert sts.get_caller_identity()["Arn"] == arn
    assert [call.operation for call in two.aws.calls].count("AssumeRole") == before + 1


def test_a_session_made_in_a_sandbox_can_be_asked_for_its_credentials_afterwards() -> None:
    with Sandbox([PROD, DEV]) as aws:
        two = Two(aws, aws.account(PROD).session, aws.account(DEV).session)
        credentials: Any = assume_role(two.dev, create_role(two)["Arn"]).get_credentials()
        frozen = credentials.get_frozen_credentials()
    assert credentials.get_frozen_credentials() == frozen
