from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import boto3
import botocore.session
import pytest

from xacct.errors import InvalidValue
from xacct.session.assume import assume_role
from xacct.session.export import credential_process, environment_variables

ROLE = "arn:aws:iam::111111111111:role/Reader"


def test_credential_process_output_has_the_specified_format(base: boto3.Session) -> None:
    assert json.loads(credential_process(assume_role(base, ROLE))) == {
        "Version": 1,
        "AccessKeyId": "ASIA0",
        "SecretAccessKey": "hush-0",
        "SessionToken": "token-0",
        "Expiration": "2030-01-01T01:00:00+00:00",
        "AccountId": "111111111111",
    }


def test_botocore_accepts_the_output(base: boto3.Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = tmp_path / "answer"
    answer.write_text(credential_process(assume_role(base, ROLE)))
    config = tmp_path / "config"
    command = f"{sys.executable} -c 'print(open(\"{answer}\").read())'"
    config.write_text(f"[profile production]\ncredential_process = {command}\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    credentials = botocore.session.Session(profile="production").get_credentials()
    assert (credentials.access_key, credentials.secret_key, credentials.token) == ("ASIA0", "hush-0", "token-0")


def test_the_environment_makes_another_program_act_as_the_role(
    base: boto3.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    variables = environment_variables(assume_role(base, ROLE))
    assert variables["AWS_CREDENTIAL_EXPIRATION"] == "2030-01-01T01:00:00+00:00"
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    other = boto3.Session()
    assert other.region_name == "eu-west-1"
    assert other.get_credentials().get_frozen_credentials()[:3] == ("ASIA0", "hush-0", "token-0")


def test_without_a_region_no_region_variables_are_set(sts: Any) -> None:
    variables = environment_variables(assume_role(boto3.Session("AKIA", "s"), ROLE))
    assert not {"AWS_REGION", "AWS_DEFAULT_REGION"} & set(variables)


def test_credentials_are_renewed_before_they_are_exported(base: boto3.Session, clock: Any) -> None:
    session = assume_role(base, ROLE)
    clock.forward(hours=3)
    assert json.loads(credential_process(session))["Expiration"] == "2030-01-01T04:00:00+00:00"


@pytest.mark.parametrize("export", [credential_process, environment_variables])
def test_another_session_is_rejected_without_showing_its_secrets(base: boto3.Session, export: Any) -> None:
    with pytest.raises(InvalidValue, match=r"session: .*assume_role returned") as caught:
        export(base)
    assert "alices-secret" not in str(caught.value)
