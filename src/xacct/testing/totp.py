"""The codes of virtual MFA devices.

Source: https://www.rfc-editor.org/rfc/rfc6238
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import struct
from datetime import datetime

__all__ = ["are_consecutive", "code_of_device", "is_valid"]

_SECONDS = 30


def code_of_device(seed: str, now: datetime) -> str:
    """The six digits that a device shows.

    Args:
        seed: the device's secret, in base32.
        now: the time.
    """
    return _code(seed, _step(now))


def is_valid(code: str, *, seed: str, now: datetime) -> bool:
    """Whether a device shows a code, showed it just before or will next: clocks differ."""
    return code in {_code(seed, step) for step in _nearby(now)}


def are_consecutive(first: str, second: str, *, seed: str, now: datetime) -> bool:
    """Whether a device showed a code and then another, as one types them when it is enabled."""
    return any((first, second) == (_code(seed, step - 1), _code(seed, step)) for step in _nearby(now))


def _nearby(now: datetime) -> tuple[int, ...]:
    step = _step(now)
    return (step - 1, step, step + 1)


def _step(now: datetime) -> int:
    return int(now.timestamp()) // _SECONDS


def _code(seed: str, step: int) -> str:
    digest = hmac.new(base64.b32decode(seed), struct.pack(">Q", step), hashlib.sha1).digest()
    place = digest[-1] & 15
    return f"{(int.from_bytes(digest[place : place + 4], 'big') & 0x7FFFFFFF) % 1_000_000:06}"
