"""Typed uses of the public names, as a user writes them. Never run: mypy and pyright read it."""

from __future__ import annotations

from typing_extensions import assert_type

from xacct import (
    Arn,
    Condition,
    ConsoleUser,
    DevAccessGrant,
    InvalidValue,
    PolicyDocument,
    PolicyError,
    Principal,
    Statement,
    SwitchRoleLink,
    TrustGrant,
    XacctError,
    s3_read_policy,
)

assert_type(Arn.parse("arn:aws:iam::111111111111:role/Reader"), Arn)
assert_type(Arn.role("111111111111", "Reader").account, str)

trust = PolicyDocument(
    [
        Statement.allow(
            "sts:AssumeRole",
            principals=[Principal.account("222222222222"), Principal.service("ec2.amazonaws.com")],
            conditions=[Condition("Bool", "aws:MultiFactorAuthPresent", "true")],
        )
    ],
    name="trust",
)
assert_type(trust.statements, tuple[Statement, ...])
assert_type(trust == PolicyDocument.parse(trust.to_dict()), bool)
assert_type(trust.to_json(indent=2), str)

grant = TrustGrant(
    account="111111111111",
    principals=["222222222222", Principal.service("ec2.amazonaws.com")],
    policies={"read": s3_read_policy(["reports"]), "more": {"Statement": []}, "raw": "{}"},
    source_ips=["192.0.2.0/24"],
)
assert_type(grant.trust_policy, PolicyDocument)
assert_type(grant.role_arn, str)
assert_type(grant.external_id, str | None)
trusted = DevAccessGrant(
    account="222222222222", role_arns=grant.role_arn, console_user=ConsoleUser("dev", managed_policy_arns=[])
)
assert_type(trusted.assume_role_policy, PolicyDocument)

link = SwitchRoleLink(account="111111111111", role_name="Reader", display_name="Production", color="red")
assert_type(link.url, str)
assert_type(SwitchRoleLink.parse(link.url), SwitchRoleLink)

try:
    PolicyDocument.parse("{}")
except InvalidValue as invalid:
    assert_type(invalid.field, str)
except PolicyError as malformed:
    assert_type(malformed.path, str)
except XacctError:
    raise
