"""Findings about grants of xacct that somebody changed by hand, and decoys that look like them."""

from __future__ import annotations

import json
from typing import Any

from tests.access_audit.planted.builder import Builder

from xacct.snapshot import RoleDetail

__all__ = ["drift", "drift_decoy", "more_than_read", "more_than_read_decoy"]

S3_READ = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
# The records of what a grant attached, as its tags have them.
RECORDS = {S3_READ: "874374", "S3Read": "ef407d"}
WRITES = (
    {"Effect": "Allow", "Action": "s3:PutObject", "Resource": "*"},
    {"Effect": "Allow", "Action": ["s3:Get*", "s3:*Object"], "Resource": "arn:aws:s3:::reports/*"},
    {"Effect": "Allow", "NotAction": ["iam:*", "sts:*"], "Resource": "*"},
    {"Effect": "Allow", "Action": "sqs:sendmessage", "Resource": "*", "Condition": {
        "Bool": {"aws:SecureTransport": "true"}
    }},
)  # fmt: skip


def read_buckets(b: Builder) -> str:
    """The policy of a grant for reading a bucket."""
    bucket = f"arn:aws:s3:::{b.word().lower()}"
    return json.dumps({
        "Version": "2012-10-17",
        "Statement": [
            {"Sid": "LocateBuckets", "Effect": "Allow", "Action": "s3:GetBucketLocation", "Resource": bucket},
            {"Sid": "ListBuckets", "Effect": "Allow", "Action": "s3:ListBucket", "Resource": bucket},
            {"Sid": "ReadObjects", "Effect": "Allow", "Action": "s3:GetObject", "Resource": f"{bucket}/*"},
        ],
    })  # fmt: skip


def grant(b: Builder, *, changes: dict[str, Any] | None = None, of_bucket: bool | None = None) -> str:
    """A role of a grant for reading, which an account uses. Returns its ARN.

    Args:
        b: the organization.
        changes: what the role has besides: ``trust``, statements of the trust policy, and members of the role.
            Inline policies and attached ones are added to those of the grant; None as an attached one removes it.
        of_bucket: whether it reads a bucket; otherwise, it has the policy of AWS for S3. None for any of the two.
    """
    account, other = b.two()
    changes = {**(changes or {})}
    of_bucket = b.chance(0.5) if of_bucket is None else of_bucket
    arn = b.role_arn(account)
    b.caller(other, b.matching(arn))
    inline: dict[str, str] = {"S3Read": read_buckets(b)} if of_bucket else {}
    attached: tuple[str, ...] = () if of_bucket else (S3_READ,)
    if not of_bucket:
        b.add_s3_read(account)
    inline |= changes.pop("inline", {})
    for policy in changes.pop("attached", ()):
        attached = () if policy is None else (*attached, b.managed(account, policy))
    if (boundary := changes.pop("boundary", None)) is not None:
        changes["boundary"] = b.managed(account, boundary)
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": f"arn:aws:iam::{other}:root"}}
    statements = [trust, *changes.pop("trust", ())]
    b.add_role(RoleDetail(**{
        "arn": arn,
        "trust_policy": json.dumps({"Version": "2012-10-17", "Statement": statements}),
        "inline": inline,
        "attached": attached,
        "tags": {
            "xacct:managed-by": "xacct", "xacct:grant": b.word(), "xacct:accounts": other,
            "xacct:attached": RECORDS["S3Read" if of_bucket else S3_READ],
        },
        **changes,
    }))  # fmt: skip
    b.expect("whole-account", arn, other)
    return arn


def inline(b: Builder, statement: Any, name: str = "") -> dict[str, str]:
    """An inline policy of one statement."""
    return {name or b.word(): json.dumps({"Version": "2012-10-17", "Statement": [statement]})}


def more_than_read(b: Builder, number: int) -> None:
    """Plant a grant for reading whose role can do more. What was added by hand is drift too."""
    form, write = number % 3, WRITES[number % len(WRITES)]
    if form == 0:
        arn = grant(b, changes={"inline": inline(b, write)})
    elif form == 1:
        arn = grant(b, changes={"attached": [write]})
    else:  # the grant's own policy was changed
        arn = grant(b, changes={"inline": inline(b, write, "S3Read")}, of_bucket=True)
    b.expect("more-than-read", arn, arn)
    if form != 2:
        b.expect("drift", arn, arn)


def more_than_read_decoy(b: Builder, number: int) -> None:
    """Plant a grant whose role looks as if it could write, or a role that is no grant."""
    form, write = number % 4, WRITES[number % len(WRITES)]
    deny = {"Effect": "Deny", "NotAction": ["s3:Get*", "s3:List*"], "Resource": "*"}
    if form == 0:  # a Deny
        arn = grant(b, changes={"inline": {**inline(b, write), **inline(b, deny)}})
        b.expect("drift", arn, arn)
        b.expect("drift", arn, arn)
    elif form == 1:  # a boundary
        reads = {"Effect": "Allow", "Action": ["s3:Get*", "s3:List*"], "Resource": "*"}
        arn = grant(b, changes={"inline": inline(b, write), "boundary": reads})
        b.expect("drift", arn, arn)
        b.expect("drift", arn, arn)
    elif form == 2:  # a role that xacct did not make
        grant(b, changes={"inline": inline(b, write), "tags": {"managed-by": "xacct", "xacct:grant": b.word()}})
    else:  # it reads
        reads = {"Effect": "Allow", "Action": ["s3:ListAllMyBuckets", "sqs:ListQueues"], "Resource": "*"}
        arn = grant(b, changes={"inline": inline(b, reads)})
        b.expect("drift", arn, arn)


def drift(b: Builder, number: int) -> None:
    """Plant a grant that has something by hand, or lacks something."""
    form = number % 5
    reads = {"Effect": "Allow", "Action": "s3:List*", "Resource": "*"}
    if form == 0:
        arn = grant(b, changes={"inline": inline(b, reads)})
    elif form == 1:
        arn = grant(b, changes={"attached": [reads]})
    elif form == 2:
        arn = grant(b, changes={"attached": [None]}, of_bucket=False)
    elif form == 3:
        arn = grant(b, changes={"boundary": {"Effect": "Allow", "Action": "*", "Resource": "*"}})
    else:
        principal = {"AWS": f"arn:aws:iam::{b.one(b.unread)}:user/{b.word()}"}
        arn = grant(b, changes={"trust": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal}]})
    b.expect("drift", arn, arn)


def drift_decoy(b: Builder, number: int) -> None:
    """Plant a grant that is as it was made, also with what AWS adds."""
    form = number % 3
    if form == 0:
        grant(b)
    elif form == 1:  # somebody ended its sessions
        revoke = {"Effect": "Deny", "Action": ["*"], "Resource": ["*"], "Condition": {
            "DateLessThan": {"aws:TokenIssueTime": "2026-10-01T00:00:00Z"}
        }}  # fmt: skip
        grant(b, changes={"inline": inline(b, revoke, "AWSRevokeOlderSessions")})
    else:  # other roles have such names and policies
        account, _ = b.two()
        b.role(account, b.statement({"Service": "lambda.amazonaws.com"}), inline=inline(b, WRITES[0], "S3Read"))
