"""Verification of the signature of a request: in the Authorization header, a presigned URL, or the form of a POST.

Source: https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html
"""

from __future__ import annotations

import hashlib
import hmac
import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from attrs import frozen
from botocore.auth import HmacV1Auth, S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.compat import HTTPHeaders
from botocore.credentials import Credentials

from xacct.testing.error_responses import Refused
from xacct.testing.http_messages import Call, Signature

__all__ = ["check_headers_are_signed", "is_signed_with", "signature_details"]

_NOBODY = Credentials("", "")
_FIELD = re.compile(r"(SignedHeaders|Signature)=([^,\s]+)")


def is_signed_with(secret: str, call: Call) -> bool:
    """Return whether the request was signed with a secret access key.

    Args:
        secret: the secret access key of the call's access key ID.
        call: the parsed request.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html
    """
    sign = _SIGNERS.get(call.signature)
    if sign is None:
        return False
    signed = sign(secret, call)
    return hmac.compare_digest(signed.expected, signed.given.encode())


def signature_details(secret: str, call: Call) -> Mapping[str, str]:
    """Return the elements of S3's error for a signature that does not match: what the service has signed.

    Args:
        secret: the secret access key of the call's access key ID.
        call: the parsed request.
    """
    sign = _SIGNERS.get(call.signature)
    if sign is None or call.service != "s3":
        return {}
    signed = sign(secret, call)
    texts = {"StringToSign": signed.string_to_sign, "CanonicalRequest": signed.canonical_request}
    bytes_of_texts = {f"{name}Bytes": text.encode().hex(" ") for name, text in texts.items()}
    known = {"AWSAccessKeyId": call.access_key or "", "SignatureProvided": signed.given}
    return {name: value for name, value in {**known, **texts, **bytes_of_texts}.items() if value}


@frozen
class _Signed:
    """A signature that a request has, and the one that it should have, with the texts that were signed."""

    given: str
    expected: bytes
    string_to_sign: str
    canonical_request: str = ""


def check_headers_are_signed(call: Call) -> None:
    """Check that the headers of AWS that accompany a presigned URL are among those that it signs.

    Args:
        call: the parsed request.

    Raises:
        Refused: one is not.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
    """
    if call.signature != ("url", 4):
        return
    signed = call.request.args.get("X-Amz-SignedHeaders", "").split(";")
    given = sorted(name.lower() for name, _ in call.request.headers.items() if name.lower().startswith("x-amz-"))
    others = [name for name in given if name not in signed]
    if others:
        text = "There were headers present in the request which were not signed"
        raise Refused("AccessDenied", text, 403, details={"HeadersNotSigned": ", ".join(others)})


def _sign_header(secret: str, call: Call) -> _Signed:
    headers = call.request.headers
    fields = dict(_FIELD.findall(headers.get("Authorization", "")))
    kind: type[SigV4Auth] = S3SigV4Auth if call.service == "s3" else _PayloadAuth
    signed, given = fields.get("SignedHeaders", ""), fields.get("Signature", "")
    timestamp = headers.get("X-Amz-Date", "")
    content = headers.get("X-Amz-Content-SHA256", "") if "x-amz-content-sha256" in signed.split(";") else ""
    if not content and call.service == "s3":
        return _sign_request(secret, call, kind, call.request.raw_url, timestamp, signed, given)
    canonical = _canonical_request(call, kind, signed, content)
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    scope = f"{timestamp[:8]}/{call.region}/{call.service}/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{timestamp}\n{scope}\n{digest}"
    return _sign_text(secret, call, timestamp, text, given, canonical)


def _canonical_request(call: Call, kind: type[SigV4Auth], signed: str, content: str) -> str:
    """Return the canonical request, as botocore makes it of an AWSRequest, which takes three times as long."""
    request = call.request
    auth: Any = kind(_NOBODY, call.service, call.region)
    parts = urlsplit(request.raw_url)
    values = {name: request.headers.get(name, "") for name in sorted(signed.split(";"))}
    if "host" in values:
        values["host"] = request.environ.get("xacct.host") or parts.netloc
    lines = (
        request.method.upper(),
        auth._normalize_url_path(parts.path),
        auth._canonical_query_string_url(parts),
        *(f"{name}:{' '.join(value.split())}" for name, value in values.items()),
        "",
        ";".join(values),
        content or hashlib.sha256(request.get_data()).hexdigest(),
    )
    return "\n".join(lines)


def _sign_url(secret: str, call: Call) -> _Signed:
    query = call.request.args
    kind: type[SigV4Auth] = S3SigV4QueryAuth if call.service == "s3" else _PayloadAuth
    signed, given = query.get("X-Amz-SignedHeaders", ""), query.get("X-Amz-Signature", "")
    return _sign_request(
        secret, call, kind, _unsigned(call.request.raw_url), query.get("X-Amz-Date", ""), signed, given
    )


def _sign_request(
    secret: str, call: Call, kind: type[SigV4Auth], url: str, timestamp: str, signed: str, given: str
) -> _Signed:
    request = call.request
    headers = {name: request.headers.get(name, "") for name in signed.split(";")}
    if "host" in headers:
        headers["host"] = request.environ.get("xacct.host") or urlsplit(url).netloc
    original = AWSRequest(method=request.method, url=url, headers=headers, data=request.get_data())
    original.context["timestamp"] = timestamp
    auth = kind(Credentials(call.access_key or "", secret), call.service, call.region)
    canonical: str = auth.canonical_request(original)
    return _sign_text(secret, call, timestamp, auth.string_to_sign(original, canonical), given, canonical)


def _sign_form(secret: str, call: Call) -> _Signed:
    form = call.form
    return _sign_text(secret, call, form.get("x-amz-date", ""), form.get("policy", ""), form.get("x-amz-signature", ""))


def _sign_text(
    secret: str, call: Call, timestamp: str, string_to_sign: str, given: str, canonical: str = ""
) -> _Signed:
    key = _signing_key(secret, timestamp[:8], call.region, call.service)
    expected = hmac.new(key, string_to_sign.encode(), hashlib.sha256).hexdigest()
    return _Signed(given, expected.encode(), string_to_sign, canonical)


def _sign_with_version_2(secret: str, call: Call) -> _Signed:
    """Sign with S3's Signature Version 2, with which boto3 presigns URLs by default.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/API/RESTAuthentication.html
    """
    request, query = call.request, call.request.args
    # The type that botocore signs has more methods than its stubs declare.
    headers: Any = HTTPHeaders.from_dict(dict(request.headers.items()))
    if call.signature == ("url", 2):
        date, given = query.get("Expires", ""), query.get("Signature", "")
        for name, value in query.items():
            if name.lower().startswith("x-amz-"):
                headers[name] = value
    else:
        # A signed x-amz-date replaces the date.
        date = "" if "x-amz-date" in headers else headers.get("Date", "")
        given = request.headers.get("Authorization", "").rpartition(":")[2]
    parts = urlsplit(request.raw_url)
    bucket = call.text("Bucket")
    virtual = bool(bucket) and parts.netloc.startswith(f"{bucket}.")
    auth = _Version2Auth(Credentials(call.access_key or "", secret), date)
    text = auth.canonical_string(
        request.method, parts, headers, auth_path=f"/{bucket}{parts.path}" if virtual else None
    )
    return _Signed(given, _version_2(secret, text), text)


def _sign_form_with_version_2(secret: str, call: Call) -> _Signed:
    policy = call.form.get("policy", "")
    return _Signed(call.form.get("signature", ""), _version_2(secret, policy), policy)


def _version_2(secret: str, text: str) -> bytes:
    return b64encode(hmac.new(secret.encode(), text.encode(), hashlib.sha1).digest())


class _PayloadAuth(SigV4Auth):
    """Signs the payload, without the AWSRequest that botocore prepares for it."""

    def payload(self, request: AWSRequest) -> str:
        return hashlib.sha256(request.data or b"").hexdigest()


class _Version2Auth(HmacV1Auth):
    """Signs for a given date; botocore takes the current one."""

    def __init__(self, credentials: Credentials, date: str) -> None:
        super().__init__(credentials)
        self._date = date

    def _get_date(self) -> str:
        return self._date


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


_SIGNERS: dict[Signature | None, Callable[[str, Call], _Signed]] = {
    ("header", 4): _sign_header,
    ("url", 4): _sign_url,
    ("form", 4): _sign_form,
    ("header", 2): _sign_with_version_2,
    ("url", 2): _sign_with_version_2,
    ("form", 2): _sign_form_with_version_2,
}
