"""Rules for the tags of buckets and objects.

Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObjectTagging.html, and answers recorded from AWS
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from urllib.parse import parse_qsl

from xacct.testing.error_responses import Refused
from xacct.testing.write_rules.write import Check, Write

__all__ = ["CHECKS"]

_TEXT = re.compile(r"[\w\s+\-=.:/@]*")
_RESERVED = {
    "PutBucketTagging": "System tags cannot be added/updated by requester",
    "PutObjectTagging": "Your TagKey cannot be prefixed with aws:",
}


def _check_tagging(write: Write) -> None:
    tags = (write.call.params.get("Tagging") or {}).get("TagSet") or []
    keys = [tag["Key"] for tag in tags]
    for key in keys:
        if keys.count(key) > 1:
            raise _invalid("Cannot provide multiple Tags with the same key", TagKey=key)
    for tag in tags:
        if tag["Key"].startswith("aws:"):
            raise _invalid(_RESERVED[write.call.operation], TagKey=tag["Key"])
    _check_texts(tags)


def _check_texts(tags: Iterable[Mapping[str, str]]) -> None:
    for tag in tags:
        if not _TEXT.fullmatch(tag["Key"]):
            raise _invalid("The TagKey you have provided is invalid", TagKey=tag["Key"])
        if not _TEXT.fullmatch(tag["Value"]):
            raise _invalid("The TagValue you have provided is invalid", TagKey=tag["Key"], TagValue=tag["Value"])


def _check_new_bucket(write: Write) -> None:
    tags = (write.call.params.get("CreateBucketConfiguration") or {}).get("Tags") or []
    if any(tag["Key"].startswith("aws:") for tag in tags):
        raise _invalid(
            'User-defined tag keys can\'t start with "aws:". This prefix is reserved for system tags. Remove "aws:" '
            "from your tag keys and try again."
        )
    _check_texts(tags)


def _check_header(write: Write) -> None:
    header = write.call.text("Tagging")
    try:
        pairs = parse_qsl(header, keep_blank_values=True, strict_parsing=True) if header else []
    except ValueError:
        pairs = [("", ""), ("", "")]
    names = [name for name, _ in pairs]
    if len(set(names)) < len(names) or any(not _TEXT.fullmatch(text) for pair in pairs for text in pair):
        text = (
            "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag "
            "name duplicates."
        )
        argument = {"ArgumentName": "x-amz-tagging", "ArgumentValue": header}
        raise Refused("InvalidArgument", text, details=argument)


def _invalid(text: str, **details: str) -> Refused:
    return Refused("InvalidTag", text, details=details)


CHECKS: dict[tuple[str, str], tuple[Check, ...]] = {
    ("s3", "CopyObject"): (_check_header,),
    ("s3", "CreateBucket"): (_check_new_bucket,),
    ("s3", "CreateMultipartUpload"): (_check_header,),
    ("s3", "PutBucketTagging"): (_check_tagging,),
    ("s3", "PutObject"): (_check_header,),
    ("s3", "PutObjectTagging"): (_check_tagging,),
}
