"""Bodies of S3's requests that are sent in chunks.

Source: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xacct.testing.http_messages import Call

__all__ = ["content_of", "content_of_chunks", "is_in_chunks"]


def is_in_chunks(call: Call) -> bool:
    """Return whether the body of a request is sent in chunks."""
    return str(call.request.headers.get("x-amz-content-sha256", "")).startswith("STREAMING-")


def content_of(call: Call) -> bytes:
    """Return the content of a request: its body, without the lengths and signatures of chunks."""
    body: bytes = call.request.get_data()
    return (content_of_chunks(body) or b"") if is_in_chunks(call) else body


def content_of_chunks(body: bytes) -> bytes | None:
    """Return the content of a body in chunks; None if it is not well-formed."""
    position, content = 0, bytearray()
    while True:
        end = body.find(b"\r\n", position)
        digits = body[position : max(end, position)].partition(b";")[0]
        if not re.fullmatch(rb"[0-9a-fA-F]+", digits):
            return None
        size = int(digits, 16)
        if size == 0:
            return bytes(content)
        content += body[end + 2 : end + 2 + size]
        position = end + 2 + size
        if body[position : position + 2] != b"\r\n":
            return None
        position += 2
