"""The time-based one-time passwords (TOTP) of virtual MFA devices.

Source: https://www.rfc-editor.org/rfc/rfc6238
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import struct
from datetime import datetime

__all__ = ["are_consecutive", "code_of_device", "is_valid"]

_STEP_SECONDS = 30


def code_of_device(seed: str, now: datetime) -> str:
    """Return the six-digit code that a device shows.

    Args:
        seed: the device's secret, in base32.
        now: the current time.
    """
    return _code(seed, _step(now))


def is_valid(code: str, *, seed: str, now: datetime) -> bool:
    """Return whether a code is a device's current, previous or next code. This allows for clock skew."""
    return code in {_code(seed, step) for step in _adjacent_steps(now)}


def are_consecutive(first: str, second: str, *, seed: str, now: datetime) -> bool:
    """Return whether two codes are consecutive codes of a device, as EnableMFADevice requires."""
    return any((first, second) == (_code(seed, step - 1), _code(seed, step)) for step in _adjacent_steps(now))


def _adjacent_steps(now: datetime) -> tuple[int, ...]:
    step = _step(now)
    return (step - 1, step, step + 1)


def _step(now: datetime) -> int:
    return int(now.timestamp()) // _STEP_SECONDS


def _code(seed: str, step: int) -> str:
    digest = hmac.new(base64.b32decode(seed), struct.pack(">Q", step), hashlib.sha1).digest()
    offset = digest[-1] & 15
    return f"{(int.from_bytes(digest[offset : offset + 4], 'big') & 0x7FFFFFFF) % 1_000_000:06}"
