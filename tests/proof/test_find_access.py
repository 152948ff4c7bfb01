"""The search for access from outside of a zone of trust."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from xacct import AccessSearch, Condition, InvalidValue, PolicyDocument, PolicySet, Principal, Statement, ZoneOfTrust
from xacct.authz import evaluate
from xacct.proof import find_access

PROD, DEV, OTHER = "111111111111", "222222222222", "333333333333"
ORGANIZATION = "o-a1b2c3d4e5"
ROLE, OBJECT = f"arn:aws:iam::{PROD}:role/Reader", "arn:aws:s3:::reports/2026/k"
HOME = ZoneOfTrust(accounts=[PROD, DEV], organizations=[ORGANIZATION])
EVERYBODY = (Principal.anyone(),)
ANYTHING = PolicyDocument([Statement.allow("*", "*")])


Found = tuple[tuple[str, str, Any], ...]


def statement(effect: Any, elements: dict[str, Any], found: Found) -> Statement:
    """Return a statement for everybody, if the elements name nobody else."""
    if "not_principals" not in elements:
        elements = {"principals": EVERYBODY, **elements}
    for name in {"principals", "not_principals"} & elements.keys():
        elements = {**elements, name: [Principal.parse(principal) for principal in elements[name]]}
    conditions = [Condition(operator, key, values) for operator, key, values in found]
    return Statement(effect=effect, conditions=conditions, **elements)


def allow(*found: tuple[str, str, Any], **elements: Any) -> Statement:
    return statement("Allow", {"actions": ["sts:AssumeRole", "sts:TagSession"], **elements}, found)


def deny(*found: tuple[str, str, Any], **elements: Any) -> Statement:
    return statement("Deny", {"actions": "sts:*", **elements}, found)


def searched(*statements: Statement, zone: ZoneOfTrust = HOME) -> AccessSearch:
    """Search for access to a role with this trust policy; a witness is decided again."""
    trust = PolicyDocument(statements)
    found = find_access(PolicySet(resource=trust), "sts:AssumeRole", ROLE, outside=zone)
    if found.witness is not None:
        assert evaluate(found.witness, PolicySet(identity=[ANYTHING], resource=trust)).allowed
        assert not zone.has(found.witness)
        assert found.undecided == ()
    return found


HOLES = {
    "no condition": [allow()],
    "secure transport": [allow(("Bool", "aws:SecureTransport", "true"))],
    "any user id": [allow(("StringLike", "aws:userid", "*"))],
    "any role's session of a name": [allow(("StringLike", "aws:userid", "*:admin"))],
    "any user id of a root user or federated user": [allow(("StringLike", "aws:userid", "?????????????*"))],
    "not through a service": [allow(("Bool", "aws:ViaAWSService", "false"))],
    "through a service": [allow(("Bool", "aws:ViaAWSService", "true"))],
    "any organization": [allow(("StringLike", "aws:PrincipalOrgID", "o-*"))],
    "organizations that begin alike": [allow(("StringLike", "aws:PrincipalOrgID", f"{ORGANIZATION[:-2]}*"))],
    "an organization that is named besides": [
        allow(("StringEquals", "aws:PrincipalOrgID", [ORGANIZATION, "o-z9y8x7w6v5"]))
    ],
    "any organization's unit": [allow(("ForAnyValue:StringLike", "aws:PrincipalOrgPaths", "o-*/r-ab12/*"))],
    "another organization's unit": [allow(("ForAnyValue:StringLike", "aws:PrincipalOrgPaths", "o-z9y8x7w6v5/*"))],
    "a role's name": [allow(("StringLike", "aws:PrincipalArn", "arn:aws:iam::*:role/Admin"))],
    "a role's name, as an ARN": [allow(("ArnLike", "aws:PrincipalArn", "arn:aws:iam::*:role/Admin"))],
    "a role's path": [allow(("ArnLike", "aws:PrincipalArn", "arn:*:iam::*:role/team/*"))],
    "a role's name in any case": [
        allow(("StringEqualsIgnoreCase", "aws:PrincipalArn", f"arn:aws:iam::{OTHER}:role/Admin")),
        deny(("StringEquals", "aws:PrincipalArn", f"arn:aws:iam::{OTHER}:role/Admin")),
    ],
    "accounts that begin alike": [allow(("StringLike", "aws:PrincipalAccount", "1*"))],
    "accounts that end alike": [allow(("ArnLike", "aws:PrincipalArn", "arn:aws:iam::???????????2:role/x"))],
    "an account that a text without colons names": [
        allow(("StringLike", "aws:PrincipalArn", f"arn:aws:iam::{OTHER}*"))
    ],
    "an account that a pattern surrounds": [allow(("StringLike", "aws:PrincipalArn", f"*:{OTHER}:*"))],
    "a user's name": [allow(("StringEquals", "aws:username", "admin"))],
    "a user's name in a path": [
        allow(("StringEquals", "aws:username", "admin"), ("ArnLike", "aws:PrincipalArn", "arn:*:iam::*:user/team/*"))
    ],
    "a user's name in any case": [
        allow(("StringEqualsIgnoreCase", "aws:username", "admin")),
        deny(("StringEquals", "aws:username", "admin")),
    ],
    "a principal's tag": [allow(("StringEquals", "aws:PrincipalTag/team", "red"))],
    "a session's tag": [allow(("StringEquals", "aws:RequestTag/team", "red"))],
    "a session's tag that a Deny requires": [allow(), deny(("StringNotEquals", "aws:RequestTag/team", "red"))],
    "a session's tag that another statement lets in": [
        allow(("StringEquals", "aws:RequestTag/team", "red"), actions="sts:AssumeRole"),
        allow(("StringEquals", "aws:PrincipalTag/team", "red"), actions="sts:TagSession"),
    ],
    "an external ID": [allow(("StringEquals", "sts:ExternalId", "acme-42"))],
    "an address": [allow(("IpAddress", "aws:SourceIp", "203.0.113.0/24"))],
    "MFA": [allow(("Bool", "aws:MultiFactorAuthPresent", "true"))],
    "MFA of late": [allow(("NumericLessThan", "aws:MultiFactorAuthAge", "600"))],
    "a fraction": [allow(("NumericLessThan", "aws:RequestTag/number", "0.5"))],
    "a number that cannot be read": [
        allow(("Null", "aws:PrincipalTag/number", "false")),
        deny(("NumericLessThan", "aws:PrincipalTag/number", "5")),
        deny(("NumericGreaterThanEquals", "aws:PrincipalTag/number", "5")),
    ],
    "a later time": [allow(("DateGreaterThan", "aws:CurrentTime", "2999-01-01T00:00:00Z"))],
    "a time without a year's end": [allow(("DateLessThan", "aws:EpochTime", "32503680000"))],
    "outside one VPC": [allow(("StringNotEquals", "aws:SourceVpc", "vpc-1a2b3c4d"))],
    "any VPC": [allow(("StringLike", "aws:SourceVpc", "vpc-*"))],
    "any VPC's ARN": [allow(("ArnLike", "aws:SourceVpcArn", "arn:aws:ec2:*:*:vpc/*"))],
    "any account's function": [allow(("ArnLike", "lambda:SourceFunctionArn", "arn:aws:lambda:*:*:function:admin"))],
    "NotPrincipal with a Deny": [allow(), deny(not_principals=[OTHER, f"arn:aws:iam::{OTHER}:user/bob"])],
    "IfExists": [allow(("StringEqualsIfExists", "aws:PrincipalOrgID", ORGANIZATION))],
    "IfExists of a VPC": [allow(("StringEqualsIfExists", "aws:SourceVpc", "vpc-1a2b3c4d"))],
    "ForAllValues without the key": [allow(("ForAllValues:StringLike", "aws:PrincipalOrgPaths", f"{ORGANIZATION}/*"))],
    "two of several values": [
        allow(("ForAnyValue:StringEquals", "aws:TagKeys", "a"), ("ForAnyValue:StringEquals", "aws:TagKeys", "b"))
    ],
    "a Deny outside all VPCs": [allow(), deny(("Null", "aws:SourceVpc", "true"))],
    "a Deny outside one VPC, for an account that is named besides": [
        allow(principals=[OTHER]), deny(("StringNotEquals", "aws:SourceVpc", "vpc-1a2b3c4d"))
    ],
    "a Deny that excepts a pattern": [allow(), deny(("ArnNotLike", "aws:PrincipalArn", "arn:aws:iam::*:role/ci-*"))],
    "a Deny of others": [allow(), deny(principals=[OTHER])],
    "a Deny of other actions": [allow(), deny(actions="sts:AssumeRoleWithSAML")],
    "a Deny with two conditions": [
        allow(),
        deny(("StringNotEquals", "aws:PrincipalOrgID", ORGANIZATION), ("Bool", "aws:PrincipalIsAWSService", "true")),
    ],
    "an account that is named besides": [allow(principals=[DEV, OTHER])],
    "a role that is named besides": [allow(principals=[f"arn:aws:iam::{OTHER}:role/team/Admin"])],
    "a session that is named besides": [allow(principals=[f"arn:aws:sts::{OTHER}:assumed-role/Admin/alice"])],
    "an account that a condition names besides": [allow(("StringEquals", "aws:PrincipalAccount", [DEV, OTHER]))],
    "a VPC for an account that is named besides": [
        allow(("StringEquals", "aws:SourceVpc", "vpc-1a2b3c4d"), principals=[OTHER])
    ],
    "a negated operator": [allow(("StringNotEquals", "aws:PrincipalOrgID", "o-z9y8x7w6v5"))],
    "a negated operator on accounts": [allow(("StringNotEquals", "aws:PrincipalAccount", OTHER))],
    "a missing key": [allow(("Null", "aws:PrincipalOrgID", "true"))],
}  # fmt: skip


@pytest.mark.parametrize("name", HOLES)
def test_a_hole_is_found(name: str) -> None:
    assert searched(*HOLES[name]).witness is not None


def searched_bucket(*statements: Statement, zone: ZoneOfTrust = HOME, **layers: Any) -> AccessSearch:
    policies = PolicySet(resource=PolicyDocument(statements), **layers)
    found = find_access(policies, "s3:GetObject", OBJECT, outside=zone, resource_account=PROD)
    if found.witness is not None:
        whole = PolicySet(identity=[ANYTHING], resource=PolicyDocument(statements), **layers)
        assert evaluate(found.witness, whole).allowed
        assert not zone.has(found.witness)
    return found


def bucket(effect: Any, *found: tuple[str, str, Any], **elements: Any) -> Statement:
    resources = {} if "not_resources" in elements else {"resources": "arn:aws:s3:::reports/*"}
    return statement(effect, {"actions": "s3:*", **resources, **elements}, found)


def rcp(*found: tuple[str, str, Any]) -> list[list[PolicyDocument]]:
    return [[PolicyDocument([bucket("Deny", *found, resources="*")])]]


@pytest.mark.parametrize(
    ("statements", "layers"),
    [
        ([bucket("Allow")], {}),
        ([bucket("Allow", not_principals=[OTHER])], {}),
        ([bucket("Allow", ("ArnLike", "aws:PrincipalArn", "arn:aws:sts::*:federated-user/bob"))], {}),
        ([bucket("Allow", ("StringEquals", "aws:PrincipalType", "Anonymous"))], {}),
        ([bucket("Allow", ("Bool", "aws:PrincipalIsAWSService", "true"))], {}),
        ([bucket("Allow"), bucket("Deny", resources="arn:aws:s3:::reports/2025/*")], {}),
        ([bucket("Allow"), bucket("Deny", not_resources="arn:aws:s3:::reports/2026/*")], {}),
        ([bucket("Allow"), bucket("Deny", ("Bool", "aws:SecureTransport", "false"))], {}),
        ([bucket("Allow"), bucket("Deny", ("Bool", "aws:SecureTransport", "true"))], {}),
        ([bucket("Allow")], {"rcps": rcp(("StringNotEqualsIfExists", "aws:PrincipalOrgID", "o-z9y8x7w6v5"))}),
        ([bucket("Allow")], {"rcps": rcp(("BoolIfExists", "aws:ViaAWSService", "false"))}),
    ],
)
def test_a_hole_of_a_bucket_is_found(statements: list[Statement], layers: dict[str, Any]) -> None:
    assert searched_bucket(*statements, **layers).witness is not None


CLOSED = {
    "no statement that allows it": [allow(actions="sts:TagSession")],
    "the organization": [allow(("StringEquals", "aws:PrincipalOrgID", ORGANIZATION))],
    "units of the organization": [allow(("ForAnyValue:StringLike", "aws:PrincipalOrgPaths", f"{ORGANIZATION}/r-1/*"))],
    "an account": [allow(principals=[DEV])],
    "a role": [allow(principals=[f"arn:aws:iam::{DEV}:role/Admin"])],
    "a session": [allow(principals=[f"arn:aws:sts::{DEV}:assumed-role/Admin/alice"])],
    "an account by a condition": [allow(("StringEquals", "aws:PrincipalAccount", DEV))],
    "a role by a condition": [allow(("ArnLike", "aws:PrincipalArn", f"arn:aws:iam::{DEV}:role/*"))],
    "one VPC": [allow(("StringEquals", "aws:SourceVpc", "vpc-1a2b3c4d"))],
    "one VPC endpoint": [allow(("StringEquals", "aws:SourceVpce", "vpce-1a2b3c4d"))],
    "VPCs of an account": [allow(("ArnLike", "aws:SourceVpcArn", f"arn:aws:ec2:*:{DEV}:vpc/*"))],
    "one user id": [allow(("StringEquals", "aws:userid", "AIDAEXAMPLEEXAMPLEEXA"))],
    "sessions of one role id": [allow(("StringLike", "aws:userid", "AROAEXAMPLEEXAMPLEEXA:*"))],
    "a date in the past": [allow(("DateLessThan", "aws:CurrentTime", "2020-01-01T00:00:00Z"))],
    "a date in the past, as a number": [allow(("NumericLessThan", "aws:EpochTime", "1577836800"))],
    "a Deny after a date in the past": [allow(), deny(("DateGreaterThan", "aws:CurrentTime", "2020-01-01T00:00:00Z"))],
    "sessions that ended": [allow(("DateLessThan", "aws:TokenIssueTime", "2020-01-01T00:00:00Z"))],
    "a Deny outside the organization": [allow(), deny(("StringNotEquals", "aws:PrincipalOrgID", ORGANIZATION))],
    "a Deny outside the organization, and without one": [
        allow(),
        deny(("StringNotEqualsIfExists", "aws:PrincipalOrgID", ORGANIZATION)),
    ],
    "a Deny outside one VPC": [allow(), deny(("StringNotEquals", "aws:SourceVpc", "vpc-1a2b3c4d"))],
    "a Deny of all": [allow(), deny()],
    "a Deny of all but an account": [allow(), deny(not_principals=[DEV, f"arn:aws:iam::{DEV}:user/a"])],
    "two conditions that cannot be met": [
        allow(("StringEquals", "sts:ExternalId", "a"), ("StringNotLike", "sts:ExternalId", "a*"))
    ],
    "a session's tag that the policy does not let in": [
        allow(("StringEquals", "aws:RequestTag/team", "red"), actions="sts:AssumeRole")
    ],
    "root users": [allow(("StringLike", "aws:PrincipalArn", "arn:aws:iam::*:root"))],
    "anonymous callers": [
        allow(("Null", "aws:PrincipalArn", "true")),
        deny(("Bool", "aws:PrincipalIsAWSService", "true")),
        deny(("StringEquals", "aws:PrincipalType", "Anonymous")),
    ],
    "a tag of anonymous callers": [
        allow(("StringEquals", "aws:PrincipalType", "Anonymous"), ("StringEquals", "aws:PrincipalTag/team", "red"))
    ],
    "a key that only services send": [
        allow(("StringEquals", "aws:SourceAccount", PROD)), deny(("Bool", "aws:PrincipalIsAWSService", "false"))
    ],
    "a service": [allow(principals=[Principal.service("lambda.amazonaws.com")])],
    "NotPrincipal with an Allow in a trust policy": [allow(not_principals=[OTHER])],
}  # fmt: skip


@pytest.mark.parametrize("name", CLOSED)
def test_a_closed_policy_has_no_witness(name: str) -> None:
    found = searched(*CLOSED[name])
    assert found.witness is None
    assert found.undecided == ()
    assert found.cases > 0


def test_a_resource_control_policy_closes_a_public_bucket() -> None:
    rcps = rcp(("StringNotEqualsIfExists", "aws:PrincipalOrgID", ORGANIZATION))
    found = searched_bucket(bucket("Allow"), rcps=rcps)
    assert (found.witness, found.undecided) == (None, ())


@pytest.mark.parametrize(
    ("search", "reason"),
    [
        (lambda: searched(allow(("StringEquals", "aws:PrincipalTag/team", "${aws:username}"))), "has policy variables"),
        (lambda: searched(allow(("StringEquals", "custom:key", "x"))), "xacct does not know who decides"),
        (lambda: searched(allow(("StringEquals", "iam:ResourceTag/team", "red"))), "the resource's account decide"),
        (lambda: searched(allow(("StringEquals", "saml:sub", "alice"))), "an identity provider decides"),
        (lambda: searched_bucket(bucket("Allow", ("ArnLike", "aws:SourceArn", "*"))), "an AWS service sends"),
        (lambda: searched(allow(("NumericLessThan", "s3:max-keys", "many"))), "a value that cannot be read"),
        (lambda: searched(allow(("BinaryEquals", "custom:key", "YQ=="))), "cannot be compared with each other"),
        (
            lambda: searched(allow(*[("StringLike", f"aws:PrincipalTag/{n}", ["a*", "b"]) for n in range(15)])),
            "combinations of condition keys are too many to decide",
        ),
        (lambda: searched(allow(("StringLike", "aws:PrincipalArn", "*a" + "?" * 20))), "too many callers apart"),
        (lambda: searched(allow(("StringLike", "sts:ExternalId", "*a" + "?" * 20))), "too many values apart"),
        (
            lambda: searched_bucket(bucket("Allow", resources="arn:aws:s3:::reports/${aws:PrincipalTag/team}/*")),
            "its resource has policy variables",
        ),
        (
            lambda: searched_bucket(
                bucket("Allow"), bucket("Deny", not_resources="arn:aws:s3:::reports/${aws:PrincipalTag/team}/*")
            ),
            "its resource has policy variables",
        ),
    ],
)  # fmt: skip
def test_what_the_search_does_not_cover_is_not_decided(search: Callable[[], AccessSearch], reason: str) -> None:
    found = search()
    assert found.witness is None
    assert any(reason in undecided for undecided in found.undecided), found.undecided


def test_a_doubtful_way_in_does_not_hide_a_certain_one() -> None:
    assert searched(allow(("StringEquals", "custom:key", "x")), allow()).witness is not None


def test_the_account_of_the_resource_belongs_to_the_zone() -> None:
    assert searched(allow(principals=[PROD]), zone=ZoneOfTrust()).witness is None
    assert searched_bucket(bucket("Allow", principals=[PROD]), zone=ZoneOfTrust(accounts=[DEV])).witness is None


def test_the_statement_that_allows_the_witness_is_named() -> None:
    assert searched(allow(principals=[DEV]), allow(sid="Open")).statement == "resource policy, statement 2 (Open)"


def test_members_of_an_organization_of_the_zone_are_not_witnesses() -> None:
    both = allow(("StringEquals", "aws:PrincipalOrgID", [ORGANIZATION, "o-z9y8x7w6v5"]))
    found = searched(both).witness
    assert found is not None
    assert found.context["aws:principalorgid"] == ("o-z9y8x7w6v5",)
    assert searched(both, zone=ZoneOfTrust(organizations=[ORGANIZATION, "o-z9y8x7w6v5"])).witness is None


@pytest.mark.parametrize(
    "options", [{"accounts": ["12345"]}, {"accounts": "1"}, {"organizations": ["ou-1"]}, {"organizations": "x"}]
)
def test_a_zone_has_accounts_and_organizations_with_valid_ids(options: Any) -> None:
    with pytest.raises(InvalidValue):
        ZoneOfTrust(**options)


def test_a_zone_takes_one_id_as_text() -> None:
    assert ZoneOfTrust(accounts=PROD, organizations=ORGANIZATION) == ZoneOfTrust([PROD], [ORGANIZATION])
