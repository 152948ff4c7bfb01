"""Where the codes of an MFA device come from, and which device it is."""

from __future__ import annotations

import getpass
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from xacct.errors import InvalidValue, MfaRejected
from xacct.session.role_request import is_token_code

if TYPE_CHECKING:
    import boto3

__all__ = ["TokenCodes", "serial_of"]

_DOING = "getting an MFA code"


class TokenCodes:
    """The codes of one device: from a callable as often as needed, or else one, given or asked for at the terminal.

    Args:
        token: six digits, or a callable that gives them; None to ask at the terminal.

    Raises:
        InvalidValue: the token is neither six digits nor a callable.
    """

    def __init__(self, token: str | Callable[[], str] | None) -> None:
        self._token = token if token is None or callable(token) else _checked(token)
        self._used = False

    @property
    def renewable(self) -> bool:
        """Whether there can be more than one code."""
        return callable(self._token)

    def next(self, serial: str | None) -> str:
        """A code for one call.

        Args:
            serial: of the device, for whoever is asked.

        Raises:
            MfaRejected: there is none: the one code is used up, or there is no terminal to ask at.
            InvalidValue: what was answered is not six digits.
        """
        if callable(self._token):
            return _checked(self._token())
        if self._used:
            raise MfaRejected(
                f"the one MFA code of {serial} is used up: assume the role anew, or with a callable as mfa_token",
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
            f"there is no terminal to ask for the MFA code of {serial} at: give mfa_token", doing=_DOING
        ) from None


def _checked(code: object) -> str:
    if isinstance(code, str) and is_token_code(code):
        return code
    raise InvalidValue("mfa_token", "...", "the six digits that the device shows, as a string, or a callable for them")


def serial_of(base: boto3.Session) -> str:
    """The MFA device of whoever a session belongs to: its profile's ``mfa_serial``, or else the user's only device.

    Raises:
        MfaRejected: it cannot be told.
    """
    configured = base._session.get_scoped_config().get("mfa_serial")
    if isinstance(configured, str):
        return configured
    doing = "finding the MFA device"
    try:
        devices = base.client("iam").list_mfa_devices()["MFADevices"]
    except ClientError as error:
        raise MfaRejected(f"{doing}: give mfa_serial. AWS said: {error}", doing=doing) from error
    if len(devices) != 1:
        raise MfaRejected(f"{doing}: the user has {len(devices)}; give mfa_serial", doing=doing)
    return devices[0]["SerialNumber"]
