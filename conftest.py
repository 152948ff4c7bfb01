"""For every test, docstring and page: none of the machine's credentials, configuration or network."""

from __future__ import annotations

import os
import socket
import tempfile
from configparser import ConfigParser
from doctest import ELLIPSIS, NORMALIZE_WHITESPACE
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws
from sybil import Sybil
from sybil.parsers.myst import PythonCodeBlockParser

if TYPE_CHECKING:
    from collections.abc import Iterator

for name in [name for name in os.environ if name.startswith("AWS_")]:
    del os.environ[name]
os.environ |= {
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}


@pytest.fixture(autouse=True, scope="session")
def no_network() -> Iterator[None]:
    """Refuse every connection that leaves the machine."""
    connect = socket.socket.connect

    def connect_here(self: socket.socket, address: Any) -> None:
        if isinstance(address, tuple) and address[0] not in {"127.0.0.1", "::1", "localhost"}:
            raise PermissionError(f"a test tried to connect to {address[0]}")
        connect(self, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", connect_here)
        yield


@pytest.fixture(scope="module")
def aws_accounts() -> Iterator[None]:
    """Two accounts in this process, and the profiles ``production`` and ``development`` of their administrators."""
    with (
        mock_aws(config={"iam": {"load_aws_managed_policies": True}}),
        tempfile.TemporaryDirectory() as folder,
        pytest.MonkeyPatch.context() as patch,
    ):
        credentials = Path(folder, "credentials")
        profiles = ConfigParser()
        sts = boto3.client("sts", "us-east-1", aws_access_key_id="any", aws_secret_access_key="any")
        for profile, account in {"production": "111111111111", "development": "222222222222"}.items():
            administrator = sts.assume_role(
                RoleArn=f"arn:aws:iam::{account}:role/Administrator", RoleSessionName="docs"
            )["Credentials"]
            profiles[profile] = {
                "aws_access_key_id": administrator["AccessKeyId"],
                "aws_secret_access_key": administrator["SecretAccessKey"],
                "aws_session_token": administrator["SessionToken"],
                "region": "us-east-1",
            }
        with credentials.open("w") as file:
            profiles.write(file)
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(credentials))
        yield


collect_ignore = ["docs/conf.py", "tests/typing"]

pytest_collect_file = Sybil(
    parsers=[PythonCodeBlockParser(doctest_optionflags=ELLIPSIS | NORMALIZE_WHITESPACE)],
    patterns=["*.md"],
    fixtures=["aws_accounts"],
).pytest()
