from __future__ import annotations

import json
import stat
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.credentials import AssumeRoleCredentialFetcher
from botocore.utils import JSONFileCache

from xacct.errors import InvalidValue
from xacct.session.assume import assume_role
from xacct.session.cache import CliCache
from xacct.session.role_request import RoleRequest

ROLE = "arn:aws:iam::111111111111:role/Reader"
POLICY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
REQUESTS = [
    ({}, {}),
    ({"session_name": "nightly"}, {"RoleSessionName": "nightly"}),
    (
        {"external_id": "42", "duration": 1800, "mfa_serial": "GAHT12345678", "mfa_token": "012345"},
        {"ExternalId": "42", "DurationSeconds": 1800, "SerialNumber": "GAHT12345678"},
    ),
    ({"policy": POLICY}, {"Policy": json.dumps(POLICY)}),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cli" / "cache"


@pytest.fixture
def today(clock: Any) -> datetime:
    clock.now = datetime.now(timezone.utc).replace(microsecond=0)
    return clock.now


def only_file(folder: Path) -> Path:
    [file] = folder.iterdir()
    return file


def fetcher(base: boto3.Session, folder: Path, asked: dict[str, Any]) -> AssumeRoleCredentialFetcher:
    """Return botocore's fetcher, which assumes roles for the AWS CLI, with the CLI's cache."""
    return AssumeRoleCredentialFetcher(
        base._session.create_client,
        base.get_credentials(),
        ROLE,
        extra_args=asked,
        mfa_prompter=lambda _: "012345",
        cache=JSONFileCache(folder),
    )


def test_a_second_process_uses_the_cached_credentials(base: boto3.Session, sts: Any, folder: Path) -> None:
    keys = {assume_role(base, ROLE, cache=folder).get_credentials().access_key for _ in range(2)}
    assert keys == {"ASIA0"}
    assert len(sts.assumed) == 1


def test_the_default_is_no_cache(base: boto3.Session, sts: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(folder))
    assume_role(base, ROLE)
    assume_role(base, ROLE, cache=False)
    assert len(sts.assumed) == 2
    assert not folder.exists()


def test_true_selects_the_aws_clis_folder(base: boto3.Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assume_role(base, ROLE, cache=True)
    assert only_file(tmp_path / ".aws/cli/cache").suffix == ".json"


@pytest.mark.parametrize(("ours", "theirs"), REQUESTS)
@pytest.mark.usefixtures("today")
def test_the_aws_cli_reads_xaccts_entries(
    base: boto3.Session, sts: Any, folder: Path, ours: dict[str, Any], theirs: dict[str, Any]
) -> None:
    assume_role(base, ROLE, cache=folder, **ours)
    found = fetcher(base, folder, theirs).fetch_credentials()
    assert (found["access_key"], found["secret_key"], found["token"]) == ("ASIA0", "hush-0", "token-0")
    assert found["account_id"] == "111111111111"
    assert len(sts.assumed) == 1


@pytest.mark.parametrize(("ours", "theirs"), REQUESTS)
@pytest.mark.usefixtures("today")
def test_xacct_reads_the_aws_clis_entries(
    base: boto3.Session, sts: Any, folder: Path, ours: dict[str, Any], theirs: dict[str, Any]
) -> None:
    fetcher(base, folder, theirs).fetch_credentials()
    assert assume_role(base, ROLE, cache=folder, **ours).get_credentials().access_key == "ASIA0"
    assert len(sts.assumed) == 1


def test_different_requests_have_different_files(base: boto3.Session, sts: Any, folder: Path) -> None:
    for asked in ({}, {"external_id": "42"}, {"duration": 900}, {"tags": {"Team": "Blue"}}, {"session_name": "x1"}):
        assume_role(base, ROLE, cache=folder, **asked)
    assert len(list(folder.iterdir())) == len(sts.assumed) == 5


def test_only_the_owner_can_read_it(base: boto3.Session, folder: Path) -> None:
    assume_role(base, ROLE, cache=folder)
    assert stat.S_IMODE(only_file(folder).stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_credentials_close_to_expiry_are_replaced(base: boto3.Session, sts: Any, clock: Any, folder: Path) -> None:
    assume_role(base, ROLE, cache=folder)
    clock.forward(minutes=46)
    assert assume_role(base, ROLE, cache=folder).get_credentials().access_key == "ASIA1"
    assert "ASIA1" in only_file(folder).read_text()


def test_a_session_uses_credentials_that_another_process_renewed(
    base: boto3.Session, sts: Any, clock: Any, folder: Path
) -> None:
    session, other = (assume_role(base, ROLE, cache=folder) for _ in range(2))
    clock.forward(minutes=50)
    assert other.get_credentials().access_key == "ASIA1"
    assert session.get_credentials().access_key == "ASIA1"


def damage() -> Iterator[str]:
    good = {"AccessKeyId": "A", "SecretAccessKey": "s", "SessionToken": "t", "Expiration": "2031-01-01T00:00:00Z"}
    yield from ("", "{", '{"Credentials": {"Acc', "[]", "null", '{"Credentials": []}', '"\\ud800"')
    for name in good:
        yield json.dumps({"Credentials": {k: v for k, v in good.items() if k != name}})
        yield json.dumps({"Credentials": {**good, name: 7}})
    yield json.dumps({"Credentials": {**good, "Expiration": "soon"}})


@pytest.mark.parametrize("content", list(damage()))
def test_a_damaged_file_is_ignored_and_replaced(base: boto3.Session, folder: Path, content: str) -> None:
    assume_role(base, ROLE, cache=folder)
    file = only_file(folder)
    file.write_text(content)
    assert assume_role(base, ROLE, cache=folder).get_credentials().access_key == "ASIA1"
    assert json.loads(only_file(folder).read_text())["Credentials"]["AccessKeyId"] == "ASIA1"


@pytest.mark.parametrize("written", ["2030-01-01T02:00:00Z", "2030-01-01T02:00:00UTC", "2030-01-01T02:00:00"])
def test_every_time_format_of_the_aws_cli_is_read(base: boto3.Session, sts: Any, folder: Path, written: str) -> None:
    assume_role(base, ROLE, cache=folder)
    file = only_file(folder)
    content = json.loads(file.read_text())
    content["Credentials"]["Expiration"] = written
    file.write_text(json.dumps(content))
    credentials = assume_role(base, ROLE, cache=folder).get_credentials()
    assert credentials._lease.expires == datetime(2030, 1, 1, 2, tzinfo=timezone.utc)
    assert len(sts.assumed) == 1


def test_concurrent_writes_leave_one_complete_file(base: boto3.Session, sts: Any, folder: Path) -> None:
    sessions = [assume_role(base, ROLE, cache=folder, validate=False) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda session: session.get_credentials().access_key, sessions))
    assert json.loads(only_file(folder).read_text())["Credentials"]["AccessKeyId"].startswith("ASIA")


def test_a_folder_that_cannot_be_written_logs_a_warning(
    base: boto3.Session, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    assert assume_role(base, ROLE, cache=tmp_path / "file").get_credentials().access_key == "ASIA0"
    assert f"could not cache the credentials of {ROLE}" in caplog.text
    assert "hush" not in caplog.text


def test_a_failed_write_leaves_no_file(base: boto3.Session, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("pathlib.Path.replace", full)
    assume_role(base, ROLE, cache=folder)
    assert list(folder.iterdir()) == []


def test_an_invalid_cache_argument_is_rejected(base: boto3.Session) -> None:
    with pytest.raises(InvalidValue, match="cache: 7"):
        assume_role(base, ROLE, cache=7)  # type: ignore[arg-type]


def test_a_cached_session_still_renews(base: boto3.Session, sts: Any, clock: Any, folder: Path) -> None:
    assume_role(base, ROLE, cache=folder)
    session = assume_role(base, ROLE, cache=folder)
    clock.now += timedelta(hours=2)
    assert session.get_credentials().access_key == "ASIA1"


def test_a_lock_that_is_held_too_long_is_not_waited_for(
    base: boto3.Session, sts: Any, folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("xacct.session.credentials._LONGEST_CALL", 0.1)
    with CliCache(folder).lock(RoleRequest(role_arn=ROLE), timeout=0):
        assert assume_role(base, ROLE, cache=folder).get_credentials().access_key == "ASIA0"
    assert f"another process has been assuming {ROLE} for 0.1 s; assuming it as well" in caplog.text


def test_different_requests_do_not_wait_for_each_other(base: boto3.Session, sts: Any, folder: Path) -> None:
    with CliCache(folder).lock(RoleRequest(role_arn=ROLE, external_id="42"), timeout=0):
        begun = time.monotonic()
        assume_role(base, ROLE, cache=folder)
        assert time.monotonic() - begun < 30


def test_sessions_in_threads_make_one_call(base: boto3.Session, sts: Any, folder: Path) -> None:
    sessions = [assume_role(base, ROLE, cache=folder, validate=False) for _ in range(8)]
    sts.before_answer = lambda: time.sleep(0.1)  # until the others wait
    with ThreadPoolExecutor(8) as pool:
        assert {*pool.map(lambda session: session.get_credentials().access_key, sessions)} == {"ASIA0"}
    assert len(sts.assumed) == 1
