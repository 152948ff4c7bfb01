"""Requests of botocore are parsed and built as moto has them."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.awsrequest import AWSPreparedRequest, HeadersDict
from moto.core.request import Request

from xacct.testing.http_messages import new_request

FORM = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8", "X-Amz-Date": b"20300101T000000Z"}
JSON = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "TrentService.ListKeys"}
IAM, S3 = "https://iam.amazonaws.com/", "https://reports.s3.eu-central-1.amazonaws.com"


@pytest.mark.parametrize(
    ("method", "url", "headers", "body"),
    [
        ("POST", IAM, FORM, b"Action=TagRole&Tags.member.1.Value=a%2Bb+%C3%BC"),
        ("POST", IAM.removesuffix("/"), FORM, b""),
        ("POST", "http://127.0.0.1:5000/", JSON, b"{}"),
        ("POST", IAM, FORM | {"Content-Length": "7", "Host": "other", "amz-sdk-request": "attempt=1"}, b"Action="),
        ("POST", f"{IAM}?Action=ListRoles", FORM, b""),
        ("POST", f"{S3}/?delete", {}, b"<Delete/>"),
        ("PUT", f"{S3}/a%20b/%C3%BC", {"x-amz-meta-my_key": "1"}, b"42"),
        ("GET", f"{S3}/k", {}, None),
        ("GET", f"{S3}/a+b/%FF/%2F//(c)?versionId=%C3%BC+a&x", {"Range": "bytes=0-1", "x-amz-meta-my_key": "1"}, None),
        ("GET", f"{S3}/ü?a=ü", {}, None),
        ("POST", IAM, FORM, "Action=ListRoles"),
    ],
)
def test_a_request_is_as_moto_builds_it(method: str, url: str, headers: dict[str, Any], body: Any) -> None:
    given = HeadersDict(headers)
    ours = new_request(AWSPreparedRequest(method, url, given, body, False), url)
    theirs = Request.from_primitives(method, url, given, body)
    for name in ("method", "url", "raw_url", "base_url", "path", "remote_addr", "content_type", "host"):
        assert getattr(ours, name) == getattr(theirs, name), name
    assert dict(ours.headers) == dict(theirs.headers)
    differing = {"CONTENT_LENGTH", "werkzeug.request", "wsgi.input", "wsgi.errors"}
    ours_only = {name: value for name, value in ours.environ.items() if name not in differing}
    assert {name: theirs.environ.get(name) for name in ours_only} == ours_only
    assert ours.get_data() == theirs.get_data()
    assert (ours.form, ours.args, ours.values) == (theirs.form, theirs.args, theirs.values)
