"""The time and the region of a signature: AWS refuses requests that are too old, and signatures for unknown regions.

Source: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-auth-using-authorization-header.html
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from functools import cache
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import botocore.auth
import botocore.signers
from botocore.auth import HmacV1QueryAuth
from botocore.loaders import Loader

from xacct.arn import partition
from xacct.testing.error_responses import Refused, bad_signature

if TYPE_CHECKING:
    from xacct.testing.clock import Clock
    from xacct.testing.http_messages import Call
    from xacct.testing.moto_state import MotoState

__all__ = ["check_region", "check_time", "regions", "signing_at"]

_SKEW = timedelta(minutes=15)
_URL_PARAMETERS = frozenset(
    f"X-Amz-{name}" for name in ("Algorithm", "Credential", "Date", "Expires", "Signature", "SignedHeaders")
)
_LONGEST_URL_SECONDS = 7 * 24 * 3600
_STAMP = re.compile(r"(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z")


@contextmanager
def signing_at(clock: Clock) -> Iterator[None]:
    """Make botocore sign requests with the time of a clock, until the block ends.

    Args:
        clock: the sandbox's clock. A URL that was presigned before the clock was advanced can then be told from one
            that was presigned afterwards.
    """

    def current(remove_tzinfo: bool = True) -> datetime:
        return clock.now().replace(tzinfo=None) if remove_tzinfo else clock.now()

    class OfClock(datetime):
        @classmethod
        def utcnow(cls) -> datetime:  # type: ignore[override] # botocore needs no instance of this class
            return current()

    def expiry(auth: Any) -> str:
        return str(int(clock.now().timestamp()) + int(auth._expires))

    with ExitStack() as stack:
        for module in (botocore.auth, botocore.signers):
            if hasattr(module, "get_current_datetime"):
                stack.enter_context(patch.object(module, "get_current_datetime", current))
            else:
                # botocore 1.40 calls datetime.datetime.utcnow.
                names = SimpleNamespace(datetime=OfClock, timedelta=timedelta)
                stack.enter_context(patch.object(module, "datetime", names))
        stack.enter_context(patch.object(HmacV1QueryAuth, "_get_date", expiry))
        yield


def check_time(call: Call, now: datetime) -> None:
    """Check that a request is neither too old nor from the future, and that a presigned URL has not expired.

    Args:
        call: the parsed request. A presigned POST expires with its policy, which is checked elsewhere.
        now: the sandbox's time. The header of a request may also have the system's time, as other processes sign with.

    Raises:
        Refused: AWS would refuse the request.
    """
    kind, version = call.signature or ("", 4)
    if kind == "url":
        begin, end = _validity(call, version)
        if now < begin - _SKEW:
            raise Refused("AccessDenied", "Request is not valid yet", 403)
        if now >= end:
            times = {"Expires": f"{end:%Y-%m-%dT%H:%M:%SZ}", "ServerTime": f"{now:%Y-%m-%dT%H:%M:%SZ}"}
            if version == 4:
                times["X-Amz-Expires"] = call.request.args["X-Amz-Expires"]
            raise Refused("AccessDenied", "Request has expired", 403, details=times)
    elif kind == "header":
        headers = call.request.headers
        stamp = headers.get("X-Amz-Date") or headers.get("Date") or ""
        signed = _time_of(stamp)
        if signed is None:
            raise _without_date(call)
        system = datetime.fromtimestamp(time.time(), timezone.utc)
        if all(abs(signed - current) > _SKEW for current in (now, system)):
            raise _skewed(call, signed, now)


def _validity(call: Call, version: int) -> tuple[datetime, datetime]:
    """Return the times between which a presigned URL is valid."""
    query = call.request.args
    _check_parameters(query, version)
    always = datetime.min.replace(tzinfo=timezone.utc) + _SKEW
    if version == 2:
        expires = query.get("Expires", "")
        if not expires.isdigit():
            raise Refused("AccessDenied", f"Invalid date (should be seconds since epoch): {expires}", 403)
        return always, datetime.fromtimestamp(int(expires), timezone.utc)
    signed, seconds = _time_of(query.get("X-Amz-Date", "")), query.get("X-Amz-Expires", "")
    if signed is None:
        text = "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\""
        raise Refused("AuthorizationQueryParametersError", text)
    if not re.fullmatch(r"-?\d+", seconds):
        raise Refused("AuthorizationQueryParametersError", "X-Amz-Expires should be a number")
    if int(seconds) < 0:
        raise Refused("AuthorizationQueryParametersError", "X-Amz-Expires must be non-negative")
    if int(seconds) > _LONGEST_URL_SECONDS:
        limit = f"the given X-Amz-Expires must be less than {_LONGEST_URL_SECONDS} seconds"
        text = f"X-Amz-Expires must be less than a week (in seconds); that is, {limit}"
        raise Refused("AuthorizationQueryParametersError", text)
    return signed, signed + timedelta(seconds=int(seconds))


def _check_parameters(query: Mapping[str, str], version: int) -> None:
    if version == 2:
        if not {"AWSAccessKeyId", "Expires", "Signature"} <= query.keys():
            text = "Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters"
            raise Refused("AccessDenied", text, 403)
    elif not query.keys() >= _URL_PARAMETERS:
        text = (
            "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, "
            "X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters."
        )
        raise Refused("AuthorizationQueryParametersError", text)


def _time_of(stamp: str) -> datetime | None:
    """Return the time of a date in a request; None if it is not a date."""
    match = _STAMP.fullmatch(stamp)
    try:
        if match is not None:
            year, month, day, hour, minute, second = map(int, match.groups())
            return datetime(year, month, day, hour, minute, second, tzinfo=timezone.utc)
        return parsedate_to_datetime(stamp).astimezone(timezone.utc)
    except (ValueError, TypeError):
        return None


def _without_date(call: Call) -> Refused:
    if call.service == "s3":
        return Refused("AccessDenied", "AWS authentication requires a valid Date or x-amz-date header", 403)
    text = "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header."
    return Refused("IncompleteSignature", text, 403)


def _skewed(call: Call, signed: datetime, now: datetime) -> Refused:
    if call.service == "s3":
        text = "The difference between the request time and the current time is too large."
        return Refused("RequestTimeTooSkewed", text, 403)
    later = signed > now
    limit, sign = (now + _SKEW, "+") if later else (now - _SKEW, "-")
    stamps = [f"{moment:%Y%m%dT%H%M%SZ}" for moment in (signed, limit, now)]
    verdict = (
        "Signature not yet current: {} is still later than" if later else "Signature expired: {} is now earlier than"
    )
    return bad_signature(call, f"{verdict.format(stamps[0])} {stamps[1]} ({stamps[2]} {sign} 15 min.)")


def check_region(call: Call, state: MotoState) -> None:
    """Check that a request is signed for a region that exists.

    Args:
        call: the parsed request.
        state: the state of the accounts.

    Raises:
        Refused: AWS has no such region in the partition of the accounts.
    """
    if call.region in regions(state.partition):
        return
    if call.service != "s3":
        raise bad_signature(call, "Credential should be scoped to a valid region. ")
    bucket = state.bucket(call.text("Bucket")) if call.text("Bucket") else None
    expected = str(bucket.region_name) if bucket else partition(state.partition).global_region
    expecting = {"Region": expected}
    reason = f"the region '{call.region}' is wrong; expecting '{expected}'"
    if call.signature == ("url", 4):
        text = f"Error parsing the X-Amz-Credential parameter; {reason}"
        raise Refused("AuthorizationQueryParametersError", text, details=expecting)
    text = f"The authorization header is malformed; {reason}"
    raise Refused("AuthorizationHeaderMalformed", text, details=expecting)


@cache
def regions(name: str) -> frozenset[str]:
    """Return the regions of a partition.

    Args:
        name: the partition's name.
    """
    partitions: list[dict[str, Any]] = Loader().load_data("partitions")["partitions"]
    return frozenset(
        region for entry in partitions if entry["id"] == name for region in entry["regions"] if "-global" not in region
    )
