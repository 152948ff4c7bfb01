from __future__ import annotations

import getpass
import subprocess
import sys
import warnings
from typing import Any

import boto3
import pytest

from xacct.errors import InvalidValue, MfaRejected
from xacct.session.assume import assume_role

ROLE = "arn:aws:iam::111111111111:role/Reader"
SERIAL = "arn:aws:iam::222222222222:mfa/alice"


def test_a_given_code_is_sent_with_the_serial(base: boto3.Session, sts: Any) -> None:
    assume_role(base, ROLE, mfa_serial=SERIAL, mfa_token="012345")
    assert (sts.assumed[0]["SerialNumber"], sts.assumed[0]["TokenCode"]) == (SERIAL, "012345")


def test_without_mfa_neither_is_sent(base: boto3.Session, sts: Any) -> None:
    assume_role(base, ROLE)
    assert not {"SerialNumber", "TokenCode"} & set(sts.assumed[0])


def test_a_callable_is_called_once_and_again_at_expiry(base: boto3.Session, sts: Any, clock: Any) -> None:
    codes = iter(["000001", "000002"])
    session = assume_role(base, ROLE, mfa_serial=SERIAL, mfa_token=lambda: next(codes))
    clock.forward(minutes=58)
    session.get_credentials().get_frozen_credentials()
    assert len(sts.assumed) == 1
    clock.forward(minutes=2)
    session.get_credentials().get_frozen_credentials()
    assert [call["TokenCode"] for call in sts.assumed] == ["000001", "000002"]


def test_the_code_can_be_the_output_of_a_program(base: boto3.Session, sts: Any) -> None:
    command = [sys.executable, "-c", "import sys; print('123456'); print('Touch the device', file=sys.stderr)"]
    assume_role(base, ROLE, mfa_serial=SERIAL, mfa_token=lambda: subprocess.check_output(command, text=True))
    assert sts.assumed[0]["TokenCode"] == "123456"


def test_a_program_for_codes_that_fails_is_the_error(base: boto3.Session, sts: Any) -> None:
    command = [sys.executable, "-c", "raise SystemExit(3)"]
    with pytest.raises(subprocess.CalledProcessError, match="exit status 3"):
        assume_role(base, ROLE, mfa_serial=SERIAL, mfa_token=lambda: subprocess.check_output(command, text=True))
    assert sts.assumed == []


def test_with_only_a_serial_the_code_is_requested_at_the_terminal(
    base: boto3.Session, sts: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(getpass, "getpass", lambda prompt: asked.append(prompt) or " 654321 ")
    assume_role(base, ROLE, mfa_serial=SERIAL)
    assert asked == [f"MFA code for {SERIAL}: "]
    assert sts.assumed[0]["TokenCode"] == "654321"


@pytest.mark.parametrize("mfa_token", [None, "012345"])
def test_one_code_does_not_renew_the_session(
    base: boto3.Session, sts: Any, clock: Any, mfa_token: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(getpass, "getpass", lambda prompt: "012345")
    session = assume_role(base, ROLE, mfa_serial=SERIAL, mfa_token=mfa_token)
    clock.forward(minutes=59, seconds=30)
    assert session.get_credentials().access_key == "ASIA0"
    clock.forward(minutes=1)
    with pytest.raises(
        MfaRejected, match=f"MFA code of {SERIAL} failed: the single code was used already.*a callable as mfa_token"
    ):
        session.get_credentials().get_frozen_credentials()
    assert len(sts.assumed) == 1


@pytest.mark.parametrize("failure", [EOFError(), OSError()])
def test_without_a_terminal_the_error_says_what_to_pass(
    base: boto3.Session, failure: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_terminal(prompt: str) -> str:
        raise failure

    monkeypatch.setattr(getpass, "getpass", no_terminal)
    with pytest.raises(MfaRejected, match=r"no terminal .*Pass mfa_token"):
        assume_role(base, ROLE, mfa_serial=SERIAL)


def test_a_code_is_not_read_if_the_terminal_would_echo_it(base: boto3.Session, monkeypatch: pytest.MonkeyPatch) -> None:
    def echoing(prompt: str) -> str:
        warnings.warn("Can not control echo on the terminal.", getpass.GetPassWarning, stacklevel=2)
        raise AssertionError("read all the same")

    monkeypatch.setattr(getpass, "getpass", echoing)
    with pytest.raises(MfaRejected, match="no terminal"):
        assume_role(base, ROLE, mfa_serial=SERIAL)


@pytest.mark.parametrize("token", ["12345", "1234567", "12345x", "", 123456, lambda: "12345", lambda: None])
def test_a_code_is_six_digits_and_is_not_repeated_in_the_error(base: boto3.Session, sts: Any, token: Any) -> None:
    with pytest.raises(InvalidValue, match=r"mfa_token: .*the six digits") as caught:
        assume_role(base, ROLE, session_name="alice", mfa_serial=SERIAL, mfa_token=token)
    assert "12345" not in str(caught.value)
    assert sts.calls == []


def test_the_serial_is_taken_from_the_profile(sts: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "config"
    config.write_text(f"[default]\naws_access_key_id = AKIA\naws_secret_access_key = s\nmfa_serial = {SERIAL}\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    assume_role(boto3.Session(), ROLE, mfa_token="012345")
    assert sts.assumed[0]["SerialNumber"] == SERIAL


def list_mfa_devices(base: boto3.Session, status: int, answer: dict[str, Any]) -> None:
    response = type("Response", (), {"status_code": status})()
    base.events.register(
        "before-call.iam.ListMFADevices", lambda **_: (response, {**answer, "ResponseMetadata": {}}), unique_id="list"
    )


def test_the_serial_is_that_of_the_users_only_device(base: boto3.Session, sts: Any) -> None:
    list_mfa_devices(base, 200, {"MFADevices": [{"SerialNumber": SERIAL}]})
    assume_role(base, ROLE, mfa_token="012345")
    assert sts.assumed[0]["SerialNumber"] == SERIAL


@pytest.mark.parametrize("devices", [[], [{"SerialNumber": SERIAL}, {"SerialNumber": SERIAL + "2"}]])
def test_without_exactly_one_device_a_serial_is_required(base: boto3.Session, devices: list[Any]) -> None:
    list_mfa_devices(base, 200, {"MFADevices": devices})
    with pytest.raises(MfaRejected, match=f"the user has {len(devices)} devices. Pass mfa_serial"):
        assume_role(base, ROLE, mfa_token="012345")


def test_if_devices_cannot_be_listed_a_serial_is_required(base: boto3.Session) -> None:
    list_mfa_devices(base, 403, {"Error": {"Code": "AccessDenied", "Message": "no"}})
    with pytest.raises(MfaRejected, match=r"Pass mfa_serial. AWS's message: .*AccessDenied"):
        assume_role(base, ROLE, mfa_token="012345")


def test_wait_needs_a_code_for_each_retry(base: boto3.Session, sts: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda _: None)
    with pytest.raises(InvalidValue, match=r"wait: .*a callable as mfa_token"):
        assume_role(base, ROLE, mfa_serial=SERIAL, mfa_token="012345", wait=60)
    sts.deny()
    codes = iter(["000001", "000002"])
    assume_role(base, ROLE, mfa_serial=SERIAL, mfa_token=lambda: next(codes), wait=60)
    assert [call["TokenCode"] for call in sts.assumed] == ["000001", "000002"]
