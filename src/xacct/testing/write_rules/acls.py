"""Rules for requests that set an ACL: a canned ACL, grants in headers, or a document.

Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketAcl.html, and answers recorded from AWS
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from xacct.testing.error_responses import Refused
from xacct.testing.write_rules.write import Check, Write

__all__ = ["CHECKS"]

_CANNED = frozenset(
    {
        "authenticated-read",
        "aws-exec-read",
        "bucket-owner-full-control",
        "bucket-owner-read",
        "log-delivery-write",
        "private",
        "public-read",
        "public-read-write",
    }
)
_GRANTS = {
    "GrantFullControl": "x-amz-grant-full-control",
    "GrantRead": "x-amz-grant-read",
    "GrantReadACP": "x-amz-grant-read-acp",
    "GrantWrite": "x-amz-grant-write",
    "GrantWriteACP": "x-amz-grant-write-acp",
}
_PERMISSIONS = frozenset({"FULL_CONTROL", "READ", "READ_ACP", "WRITE", "WRITE_ACP"})
_GRANTEE = re.compile(r'\s*(id|uri|emailAddress)\s*=\s*"?([^"]*)"?\s*')
# Moto's canonical user IDs have 32 digits, AWS's 64.
_CANONICAL_ID = re.compile(r"[0-9a-f]{32}|[0-9a-f]{64}")
_GROUPS = frozenset(
    f"http://acs.amazonaws.com/groups/{name}"
    for name in ("global/AllUsers", "global/AuthenticatedUsers", "s3/LogDelivery")
)


def _check_headers(write: Write) -> None:
    canned = write.call.text("ACL")
    if canned and canned not in _CANNED:
        raise _invalid("x-amz-acl", canned, "")
    grants = {header: write.call.text(name) for name, header in _GRANTS.items() if write.call.text(name)}
    if canned and grants:
        raise Refused("InvalidRequest", "Specifying both Canned ACLs and Header Grants is not allowed")
    for header, grantees in grants.items():
        for grantee in grantees.split(","):
            match = _GRANTEE.fullmatch(grantee)
            if match is None:
                raise _invalid(header, grantees, "Argument format not recognized")
            _check_grantee(match[1], match[2], {"id": "id", "uri": "uri"})


def _check_put_acl(write: Write) -> None:
    _check_headers(write)
    body = write.call.request.get_data()
    has_headers = bool(write.call.text("ACL")) or any(write.call.text(name) for name in _GRANTS)
    if not body and not has_headers:
        header = {"MissingHeaderName": "x-amz-acl"}
        raise Refused("MissingSecurityHeader", "Your request was missing a required header", details=header)
    if body and has_headers:
        raise Refused("UnexpectedContent", "This request does not support content")
    if body:
        _check_document(write.call.params.get("AccessControlPolicy") or {})


def _check_document(document: Mapping[str, Any]) -> None:
    owner, grants = document.get("Owner"), document.get("Grants")
    if not owner or grants is None:
        raise _malformed()
    names = {"id": "CanonicalUser/ID", "uri": "Group/URI"}
    _check_grantee("id", owner.get("ID", ""), names)
    for grant in grants:
        grantee = grant.get("Grantee") or {}
        if grant.get("Permission") not in _PERMISSIONS or not {"ID", "URI", "EmailAddress"} & grantee.keys():
            raise _malformed()
        if grantee.get("Type", "Group") not in ("AmazonCustomerByEmail", "CanonicalUser", "Group"):
            raise _malformed()
        for kind in ("id", "uri"):
            _check_grantee(kind, grantee.get(kind.upper()), names)


def _check_grantee(kind: str, value: str | None, names: Mapping[str, str]) -> None:
    if kind == "id" and value is not None and not _CANONICAL_ID.fullmatch(value):
        raise _invalid(names[kind], value, "Invalid id")
    if kind == "uri" and value is not None and value not in _GROUPS:
        raise _invalid(names[kind], value, "Invalid group uri")


def _invalid(name: str, value: str, text: str) -> Refused:
    return Refused("InvalidArgument", text, details={"ArgumentName": name, "ArgumentValue": value})


def _malformed() -> Refused:
    text = "The XML you provided was not well-formed or did not validate against our published schema"
    return Refused("MalformedACLError", text)


def _with_acls(check: Check) -> Check:
    """Return a check that leaves buckets without ACLs to the rule that refuses every ACL there."""

    def checked(write: Write) -> None:
        bucket = write.state.bucket(write.call.text("Bucket"))
        # Moto keeps the name of the rule, but declares another type.
        rule: object = None if bucket is None else bucket.ownership_rule
        if bucket is not None and rule != "BucketOwnerEnforced":
            check(write)

    return checked


CHECKS: dict[tuple[str, str], tuple[Check, ...]] = {
    ("s3", "CopyObject"): (_with_acls(_check_headers),),
    ("s3", "CreateMultipartUpload"): (_with_acls(_check_headers),),
    ("s3", "PutBucketAcl"): (_with_acls(_check_put_acl),),
    ("s3", "PutObject"): (_with_acls(_check_headers),),
    ("s3", "PutObjectAcl"): (_with_acls(_check_put_acl),),
}
