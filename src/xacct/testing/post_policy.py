"""The policy of S3's POST of an object: which forms the signer permits, and until when.

Source: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html
"""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from xacct.testing.error_responses import Refused

if TYPE_CHECKING:
    from xacct.testing.http_messages import Call

__all__ = ["check_post_fields", "check_post_policy"]

# The fields that a policy need not permit.
_EXEMPT = frozenset({"awsaccesskeyid", "signature", "x-amz-signature", "policy", "file", "bucket", "submit"})
# The fields of a signature, of each version of AWS's signing process.
_SIGNATURES = (
    ("AWSAccessKeyId", "Signature"),
    ("X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Signature"),
)


def check_post_fields(call: Call) -> None:
    """Check that a form has all fields of a signature, or none.

    Args:
        call: S3's POST of an object.

    Raises:
        Refused: some of the fields are missing.
    """
    for fields in _SIGNATURES:
        missing = [name for name in fields if name.lower() not in call.form]
        if missing and len(missing) < len(fields):
            text = f"Bucket POST must contain a field named '{missing[0]}'.  If it is specified, please check the order"
            details = {"ArgumentName": missing[0], "ArgumentValue": ""}
            raise Refused("InvalidArgument", f"{text} of the fields.", details=details)


def check_post_policy(call: Call, now: datetime) -> None:
    """Check that a form meets the conditions of its policy.

    Args:
        call: S3's POST of an object.
        now: the sandbox's time.

    Raises:
        Refused: the policy is malformed or has expired, or the form or the file does not meet its conditions.
    """
    policy = _policy(call.form.get("policy", ""))
    if now >= _expiration(policy):
        raise _violated("Policy expired.")
    form = {**call.form, "bucket": call.text("Bucket"), "key": call.form.get("key", "")}
    permitted = set(_EXEMPT)
    for condition in policy["conditions"]:
        permitted |= set(_check(condition, form, call))
    extra = sorted(name for name in form if name not in permitted and not name.startswith("x-ignore-"))
    if extra:
        raise _violated(f"Extra input fields: {', '.join(extra)}")


def _policy(encoded: str) -> dict[str, Any]:
    try:
        policy = json.loads(b64decode(encoded))
    except ValueError:
        raise _malformed("Invalid JSON.") from None
    if not isinstance(policy, dict) or not isinstance(policy.get("expiration"), str):
        raise _malformed("Policy missing expiration.")
    if not isinstance(policy.get("conditions"), list):
        raise _malformed("Policy missing conditions.")
    return policy


def _expiration(policy: Mapping[str, Any]) -> datetime:
    text = policy["expiration"]
    try:
        return datetime.strptime(text, f"%Y-%m-%dT%H:%M:%S{'.%f' if '.' in text else ''}Z").replace(tzinfo=timezone.utc)
    except ValueError:
        raise _malformed("Invalid 'expiration' value.") from None


def _check(condition: Any, form: Mapping[str, str], call: Call) -> Iterator[str]:
    """Check one condition, and iterate over the names of the fields that it permits."""
    if isinstance(condition, dict):
        if len(condition) != 1:
            reason = "Invalid Simple-Condition: Simple-Conditions must have exactly one property specified."
            raise _malformed(reason)
        for name, value in condition.items():
            yield from _check_field(["eq", f"${name}", value], form)
    elif isinstance(condition, list) and len(condition) == 3 and condition[0] == "content-length-range":
        _check_length(condition, call)
    elif isinstance(condition, list) and len(condition) == 3:
        yield from _check_field(condition, form)
    else:
        raise _malformed("Invalid Policy condition.")


def _check_field(condition: list[Any], form: Mapping[str, str]) -> Iterator[str]:
    operator, name, value = map(str, condition)
    field = name.removeprefix("$").lower()
    given = form.get(field, "")
    matches = given == value if operator.lower() == "eq" else given.startswith(value)
    if not name.startswith("$") or not matches:
        raise _violated(f"Policy Condition failed: {json.dumps(condition)}")
    yield field


def _check_length(condition: list[Any], call: Call) -> None:
    file = call.request.files.get("file")
    content = file.stream.read() if file is not None else call.form.get("file", "").encode()
    if file is not None:
        file.stream.seek(0)
    if not all(str(limit).isdigit() for limit in condition[1:]):
        raise _violated(f"Policy Condition failed: {json.dumps([str(part) for part in condition])}")
    least, most = int(condition[1]), int(condition[2])
    sizes = {"ProposedSize": str(len(content))}
    if len(content) > most:
        text = "Your proposed upload exceeds the maximum allowed size"
        raise Refused("EntityTooLarge", text, details={**sizes, "MaxSizeAllowed": str(most)})
    if len(content) < least:
        text = "Your proposed upload is smaller than the minimum allowed size"
        raise Refused("EntityTooSmall", text, details={**sizes, "MinSizeAllowed": str(least)})


def _violated(reason: str) -> Refused:
    return Refused("AccessDenied", f"Invalid according to Policy: {reason}", 403)


def _malformed(reason: str) -> Refused:
    return Refused("InvalidPolicyDocument", f"Invalid Policy: {reason}")
