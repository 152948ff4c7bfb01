"""Verification of AWS Signature Version 4, in the Authorization header or in a presigned URL."""

from __future__ import annotations

import hashlib
import hmac
import re
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

if TYPE_CHECKING:
    from xacct.testing.http_messages import Call

__all__ = ["is_signed_with"]

_FIELD = re.compile(r"(SignedHeaders|Signature)=([^,\s]+)")


def is_signed_with(secret: str, call: Call) -> bool:
    """Return whether the request was signed with a secret access key.

    Args:
        secret: the secret access key of the call's access key ID.
        call: the parsed request.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html
    """
    request = call.request
    authorization = request.headers.get("Authorization")
    if authorization:
        fields = dict(_FIELD.findall(authorization))
        signed, given = fields.get("SignedHeaders", ""), fields.get("Signature", "")
        url, timestamp = request.raw_url, request.headers.get("X-Amz-Date", "")
        kind: type[SigV4Auth] = S3SigV4Auth if call.service == "s3" else _PayloadAuth
    else:
        signed, given = request.args.get("X-Amz-SignedHeaders", ""), request.args.get("X-Amz-Signature", "")
        url, timestamp, kind = _unsigned(request.raw_url), request.args.get("X-Amz-Date", ""), S3SigV4QueryAuth
    headers = {name: request.headers.get(name, "") for name in signed.split(";")}
    if "host" in headers:
        headers["host"] = request.environ.get("xacct.host") or urlsplit(url).netloc
    original = AWSRequest(method=request.method, url=url, headers=headers, data=request.get_data())
    original.context["timestamp"] = timestamp
    auth = kind(Credentials(call.access_key or "", secret), call.service, call.region)
    string_to_sign = auth.string_to_sign(original, auth.canonical_request(original)).encode()
    key = _signing_key(secret, timestamp[:8], call.region, call.service)
    expected = hmac.new(key, string_to_sign, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected, given)


class _PayloadAuth(SigV4Auth):
    """Signs the payload, without the AWSRequest that botocore prepares for it."""

    def payload(self, request: AWSRequest) -> str:
        return hashlib.sha256(request.data or b"").hexdigest()


@lru_cache(maxsize=256)
def _signing_key(secret: str, *scope: str) -> bytes:
    # Cached, because the key is valid for a whole day and botocore derives it again for each request.
    key = f"AWS4{secret}".encode()
    for part in (*scope, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key


def _unsigned(url: str) -> str:
    parts = urlsplit(url)
    query = [pair for pair in parse_qsl(parts.query, keep_blank_values=True) if pair[0] != "X-Amz-Signature"]
    return urlunsplit(parts._replace(query=urlencode(query)))
