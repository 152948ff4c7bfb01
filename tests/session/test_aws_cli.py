"""The AWS CLI, if it is installed, against a local moto server."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

from xacct.session.assume import assume_role
from xacct.session.profile import profile_block, write_profile

pytestmark = pytest.mark.skipif(shutil.which("aws") is None, reason="the AWS CLI is not installed")

ROLE = "arn:aws:iam::111111111111:role/Reader"
DEVELOPMENT = "[profile development]\nregion = eu-west-1\naws_access_key_id = AKIA\naws_secret_access_key = s\n"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    (tmp_path / "config").write_text(DEVELOPMENT)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("HOME", str(tmp_path))
    yield tmp_path
    server.stop()


def arn_of(profile: str) -> str:
    command = ["aws", "sts", "get-caller-identity", "--profile", profile, "--region", "eu-west-1"]
    return str(json.loads(subprocess.run(command, check=True, capture_output=True).stdout)["Arn"])


def test_it_uses_the_credentials_of_credential_process(home: Path) -> None:
    command = f"{sys.executable} -m xacct credentials --profile development --session-name nightly {ROLE}"
    (home / "config").write_text(f"{DEVELOPMENT}[profile production]\ncredential_process = {command}\n")
    assert arn_of("production") == "arn:aws:sts::111111111111:assumed-role/Reader/nightly"


def test_it_reads_the_profile_and_the_cache_that_xacct_wrote(home: Path) -> None:
    write_profile(profile_block("production", ROLE, source_profile="development", session_name="nightly"))
    session = assume_role(boto3.Session(profile_name="development"), ROLE, session_name="nightly", cache=True)
    assert arn_of("production") == "arn:aws:sts::111111111111:assumed-role/Reader/nightly"
    [file] = (home / ".aws/cli/cache").iterdir()
    assert json.loads(file.read_text())["Credentials"]["AccessKeyId"] == session.get_credentials().access_key


def test_xacct_reads_the_cache_that_it_wrote(home: Path) -> None:
    write_profile(profile_block("production", ROLE, source_profile="development", external_id="42"))
    arn_of("production")
    [file] = (home / ".aws/cli/cache").iterdir()
    session = assume_role(boto3.Session(profile_name="development"), ROLE, external_id="42", cache=True)
    assert json.loads(file.read_text())["Credentials"]["AccessKeyId"] == session.get_credentials().access_key
