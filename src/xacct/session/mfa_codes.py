"""The codes of an MFA device, and its serial number."""

from __future__ import annotations

import getpass
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from xacct.errors import InvalidValue, MfaRejected
from xacct.limits import MFA_TOKEN_CODE

if TYPE_CHECKING:
    import boto3

__all__ = ["TokenCodes", "mfa_serial_of"]

_DOING = "reading an MFA code"


class TokenCodes:
    """The codes of one MFA device: any number from a callable, or a single one, passed or entered at the terminal.

    Args:
        token: six digits, or a callable that returns them, with any white space around them; None to ask at the
            terminal.

    Raises:
        InvalidValue: the token is neither six digits nor a callable.
    """

    def __init__(self, token: str | Callable[[], str] | None) -> None:
        self._token = token if token is None or callable(token) else _checked(token)
        self._used = False

    @property
    def renewable(self) -> bool:
        """Whether more than one code is available."""
        return callable(self._token)

    def next(self, serial: str | None) -> str:
        """Return a code for one call.

        Args:
            serial: the device's serial number, for the prompt.

        Raises:
            MfaRejected: the single code was used already, or there is no terminal.
            InvalidValue: the code is not six digits.
        """
        if callable(self._token):
            code: object = self._token()
            return _checked(code.strip() if isinstance(code, str) else code)
        if self._used:
            raise MfaRejected(
                f"{_DOING} of {serial} failed: the single code was used already, and each code works once. "
                "Call assume_role again, or pass a callable as mfa_token",
                doing=_DOING,
            )
        self._used = True
        return self._token or _checked(_ask(serial))


def _ask(serial: str | None) -> str:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", getpass.GetPassWarning)
            return getpass.getpass(f"MFA code for {serial}: ").strip()
    except (EOFError, OSError, getpass.GetPassWarning):
        raise MfaRejected(
            f"{_DOING} of {serial} failed: there is no terminal to ask for it. Pass mfa_token", doing=_DOING
        ) from None


def _checked(code: object) -> str:
    if isinstance(code, str) and MFA_TOKEN_CODE.allows(code):
        return code
    raise InvalidValue(
        "mfa_token", "...", "the six digits of the MFA device as a string, or a callable that returns them"
    )


def mfa_serial_of(base: boto3.Session) -> str:
    """Return the serial number of the caller's MFA device: the profile's ``mfa_serial``, or the user's only device.

    Args:
        base: the session that assumes the role.

    Raises:
        MfaRejected: the profile has no ``mfa_serial``, and the user does not have exactly one device or its devices
            cannot be listed.
    """
    configured = base._session.get_scoped_config().get("mfa_serial")
    if isinstance(configured, str):
        return configured
    doing = "finding the caller's MFA device"
    try:
        devices = base.client("iam").list_mfa_devices()["MFADevices"]
    except ClientError as error:
        raise MfaRejected(f"{doing} failed. Pass mfa_serial. AWS's message: {error}", doing=doing) from error
    if len(devices) != 1:
        raise MfaRejected(f"{doing} failed: the user has {len(devices)} devices. Pass mfa_serial", doing=doing)
    return devices[0]["SerialNumber"]
