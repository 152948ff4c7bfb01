"""The object that a copy of S3 reads.

Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

from attrs import frozen

if TYPE_CHECKING:
    from xacct.testing.http_messages import Call

__all__ = ["CopySource", "copy_source"]

_SOURCE = re.compile(r"/?([^/?]+)/([^?]+)(?:\?versionId=(.+))?")


@frozen
class CopySource:
    """The object that a copy reads: its bucket, its key, and its version; empty for the latest version."""

    bucket: str
    key: str
    version: str


def copy_source(call: Call) -> CopySource | None:
    """Return the object that a call of S3 copies; None if it copies none."""
    match = _SOURCE.fullmatch(unquote(call.request.headers.get("x-amz-copy-source", "")))
    return None if match is None else CopySource(match[1], match[2], match[3] or "")
