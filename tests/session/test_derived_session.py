"""Sessions that are derived for many roles have the configuration of the base, which is read once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from xacct import assume_role, fan_out
from xacct.session.derived_session import derive_session, settings_of

ROLE = "arn:aws:iam::111111111111:role/Reader"
NEXT = "arn:aws:iam::333333333333:role/Auditor"
PROFILE = """
[profile dev]
region = eu-west-3
aws_access_key_id = AKIADEV
aws_secret_access_key = s
use_dualstack_endpoint = true
retry_mode = adaptive
max_attempts = 7
s3 =
  addressing_style = path
services = local
[services local]
sqs =
  endpoint_url = http://localhost:9
"""

CONFIGS = [
    None,
    Config(defaults_mode="standard"),
    Config(defaults_mode="in-region"),
    Config(retries={"mode": "legacy"}),
]


@pytest.fixture
def dev(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> boto3.Session:
    """A session of a profile with settings."""
    (tmp_path / "config").write_text(PROFILE)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    return boto3.Session(profile_name="dev")


def settings(session: boto3.Session, service: Any, config: Config | None = None) -> dict[str, Any]:
    """Return everything that a client's configuration and endpoint depend on."""
    meta = session.client(service, config=config).meta
    options = {name: value for name, value in vars(meta.config).items() if not name.startswith("user_agent")}
    return {**options, "endpoint": meta.endpoint_url, "profile": session.profile_name, "region": session.region_name}


@pytest.mark.parametrize("service", ["s3", "sqs"])
@pytest.mark.parametrize(
    "config",
    [None, Config(defaults_mode="standard"), Config(defaults_mode="in-region"), Config(retries={"mode": "legacy"})],
)
@pytest.mark.parametrize("region", [None, "us-east-1"])
def test_clients_are_configured_as_those_of_other_derived_sessions(
    dev: boto3.Session, monkeypatch: pytest.MonkeyPatch, service: str, config: Config | None, region: str | None
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "4")
    credentials: Any = dev.get_credentials()
    alone = settings(derive_session(dev, credentials, region), service, config)
    shared = settings_of(dev)
    for _ in range(2):
        assert settings(derive_session(dev, credentials, region, shared), service, config) == alone


def test_a_value_is_read_once_and_an_error_each_time(dev: boto3.Session, monkeypatch: pytest.MonkeyPatch) -> None:
    shared, credentials = settings_of(dev), dev.get_credentials()

    def attempts() -> object:
        session = derive_session(dev, credentials, None, shared)  # type: ignore[arg-type] # they need not be a role's
        return settings(session, "sqs")["retries"]["total_max_attempts"]

    for _ in range(2):
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", "many")
        with pytest.raises(ValueError, match="many"):
            attempts()
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "4")
    assert attempts() == 4
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "5")
    assert attempts() == 4


def test_a_section_belongs_to_one_session(dev: boto3.Session) -> None:
    provider = settings_of(dev)["s3"]
    provider.provide()["addressing_style"] = "virtual"
    assert provider.provide() == {"addressing_style": "path"}


def test_the_sessions_of_fan_out_and_roles_that_they_assume_have_the_profile(sts: Any, dev: boto3.Session) -> None:
    def work(session: boto3.Session) -> list[dict[str, Any]]:
        session.client("sqs").meta.config.retries["total_max_attempts"] = 1
        return [settings(each, "sqs") for each in (session, assume_role(session, NEXT))]

    ((inside, chained),) = fan_out([ROLE], work, base=dev, session_name="audit").results.values()
    assert inside == chained == settings(assume_role(dev, ROLE), "sqs")
    assert (inside["profile"], inside["region"], inside["endpoint"]) == ("dev", "eu-west-3", "http://localhost:9")
