"""S3's bucket owner condition: a request may name the account that it expects to own a bucket.

Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xacct.testing.copy_source import copy_source
from xacct.testing.error_responses import Refused

if TYPE_CHECKING:
    from xacct.testing.http_messages import Call
    from xacct.testing.moto_state import MotoState

__all__ = ["check_bucket_owner"]


def check_bucket_owner(call: Call, state: MotoState) -> None:
    """Check that the buckets of a call of S3 have the owners that it expects. A bucket that does not exist has none.

    Args:
        call: the parsed request.
        state: the accounts.

    Raises:
        Refused: a bucket belongs to another account.
    """
    _check(call.text("ExpectedBucketOwner"), call.text("Bucket"), state)
    if call.text("ExpectedSourceBucketOwner"):
        source = copy_source(call)
        _check(call.text("ExpectedSourceBucketOwner"), source.bucket if source else "", state)


def _check(expected: str, name: str, state: MotoState) -> None:
    if not expected:
        return
    if not (len(expected) == 12 and expected.isdigit()):
        text = f"The value of the expected bucket owner parameter must be an AWS Account ID... [{expected}]"
        raise Refused("InvalidBucketOwnerAWSAccountID", text)
    bucket = state.bucket(name)
    if bucket is not None and bucket.account_id != expected:
        raise Refused("AccessDenied", "Access Denied", 403)
