"""Whatever the search calls closed, a random search of requests finds no way in."""

from __future__ import annotations

import random
import string
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from attrs import frozen
from hypothesis import given, settings, strategies as st

from xacct import AccessRequest, Condition, PolicyDocument, PolicySet, Principal, Statement, ZoneOfTrust
from xacct.authz import evaluate
from xacct.proof import find_access

PROD, DEV, OTHER = "111111111111", "222222222222", "333333333333"
HOME, FOREIGN = "o-a1b2c3d4e5", "o-z9y8x7w6v5"
ZONE = ZoneOfTrust(accounts=[PROD, DEV], organizations=[HOME])
ROLE, OBJECT = f"arn:aws:iam::{PROD}:role/Reader", "arn:aws:s3:::reports/2026/k"
REQUESTS_PER_POLICY = 100

TEXT_OPERATORS = ["StringEquals", "StringNotEquals", "StringLike", "StringNotLike", "StringEqualsIgnoreCase"]
COMPARISONS = ["Equals", "NotEquals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals"]

# The operators and values of each key that the policies have.
VOCABULARY: dict[str, tuple[list[str], list[str]]] = {
    "aws:SecureTransport": (["Bool"], ["true", "false"]),
    "aws:PrincipalIsAWSService": (["Bool"], ["true", "false"]),
    "aws:MultiFactorAuthAge": ([f"Numeric{name}" for name in COMPARISONS], ["0", "600", "0.5"]),
    "aws:PrincipalTag/n": ([f"Numeric{name}" for name in COMPARISONS], ["0", "600"]),
    "aws:CurrentTime": ([f"Date{name}" for name in COMPARISONS], ["2020-01-01T00:00:00Z", "2999-01-01T00:00:00Z"]),
    "aws:SourceIp": (["IpAddress", "NotIpAddress"], ["10.0.0.0/8", "10.1.0.0/16", "2001:db8::/32", "0.0.0.0/0"]),
    "sts:ExternalId": (TEXT_OPERATORS, ["acme-42", "acme-*", "?cme*", "*"]),
    "aws:PrincipalTag/team": (TEXT_OPERATORS, ["red", "r*", "Red"]),
    "aws:RequestTag/team": (TEXT_OPERATORS, ["red", "r*"]),
    "aws:TagKeys": (TEXT_OPERATORS, ["team", "t*", "cost"]),
    "aws:username": (TEXT_OPERATORS, ["admin", "ad*", "Admin"]),
    "aws:PrincipalAccount": (TEXT_OPERATORS, [DEV, OTHER, "3*", "*2"]),
    "aws:PrincipalType": (TEXT_OPERATORS, ["User", "AssumedRole", "*"]),
    "aws:PrincipalArn": (
        [*TEXT_OPERATORS, "ArnLike", "ArnNotLike"],
        ["arn:aws:iam::*:role/ci-*", "arn:aws:iam::*:*", f"arn:aws:iam::{OTHER}:role/Admin", "arn:aws:iam::3*:user/a?"],
    ),
    "aws:PrincipalOrgID": (TEXT_OPERATORS, [HOME, FOREIGN, "o-*", "o-a1*", "*"]),
    "aws:PrincipalOrgPaths": (TEXT_OPERATORS, [f"{HOME}/*", f"{FOREIGN}/r-ab12/*", "o-*/r-ab12/*"]),
    "aws:userid": (TEXT_OPERATORS, ["AROAEXAMPLEEXAMPLEEXA:*", "AIDA*", "*:admin"]),
    "aws:SourceVpc": (TEXT_OPERATORS, ["vpc-1a2b3c4d", "vpc-1a*", "vpc-*"]),
    "aws:SourceVpcArn": (["ArnLike", "ArnNotLike"], [f"arn:aws:ec2:*:{DEV}:vpc/*", "arn:aws:ec2:*:*:vpc/vpc-1*"]),
}
MULTIVALUED = ("aws:TagKeys", "aws:PrincipalOrgPaths")
PRINCIPALS = ["*", "*", "*", DEV, OTHER, f"arn:aws:iam::{OTHER}:role/Admin", f"arn:aws:iam::{OTHER}:user/team/admin"]


@st.composite
def conditions(draw: Any) -> Condition:
    key = draw(st.sampled_from(sorted(VOCABULARY)))
    operators, values = VOCABULARY[key]
    operator = draw(st.sampled_from(operators)) + draw(st.sampled_from(["", "", "IfExists"]))
    if key in MULTIVALUED:
        operator = draw(st.sampled_from(["ForAllValues:", "ForAnyValue:", ""])) + operator
    if draw(st.integers(0, 9)) == 0:
        return Condition("Null", key, draw(st.sampled_from(["true", "false"])))
    return Condition(operator, key, draw(st.lists(st.sampled_from(values), min_size=1, max_size=2)))


@st.composite
def statements(draw: Any, actions: Sequence[str], resources: Sequence[str]) -> Statement:
    effect = draw(st.sampled_from(["Allow", "Deny"]))
    who = [Principal.parse(value) for value in draw(st.lists(st.sampled_from(PRINCIPALS), min_size=1, max_size=2))]
    excludes = effect == "Deny" and draw(st.integers(0, 4)) == 0 and not any(one.is_anyone for one in who)
    return Statement(
        effect=effect,
        actions=draw(st.sampled_from([actions, actions[:1]])),
        resources=[draw(st.sampled_from(resources))] if resources else [],
        conditions=draw(st.lists(conditions(), max_size=2, unique_by=lambda c: (c.operator.lower(), c.key.lower()))),
        principals=[] if excludes else who,
        not_principals=who if excludes else [],
    )


def documents(actions: Sequence[str], resources: Sequence[str]) -> st.SearchStrategy[PolicyDocument]:
    return st.lists(statements(actions, resources), min_size=1, max_size=3).map(PolicyDocument)


@frozen
class Requests:
    """A generator of random requests of callers outside of the zone, with what such callers can have."""

    document: PolicyDocument
    chance: random.Random
    number: int = REQUESTS_PER_POLICY

    def of_key(self, key: str) -> list[str]:
        return [
            v
            for s in self.document.statements
            for c in s.conditions
            if c.key == key and c.operator != "Null"
            for v in c.values
        ]

    def like(self, pattern: str, alphabet: str) -> str:
        """Return a text that a pattern matches, or nearly so."""
        text = ""
        for character in pattern:
            length = {"*": self.chance.randrange(4), "?": 1}.get(character)
            text += character if length is None else "".join(self.chance.choices(alphabet, k=length))
        return self.chance.choice([text, text, text, text.swapcase(), text + self.chance.choice(alphabet), text[:-1]])

    def random_like(self, key: str, alphabet: str, *others: str) -> str:
        return self.like(self.chance.choice([*self.of_key(key), *others]), alphabet)

    def caller(self) -> str:
        account = self.chance.choice([OTHER, "444455556666", "344455556666", "444455556662", "344455556662"])
        name = self.chance.choice(
            ["Admin", "admin", "ci-1", "a1", "team/admin", self.random_like("aws:username", "ab", "x")]
        )
        name = "".join(c for c in name if c in string.ascii_letters + string.digits + "-/").strip("/") or "x"
        return self.chance.choice(
            [
                "*",
                "sns.amazonaws.com",
                f"arn:aws:iam::{account}:root",
                *[f"arn:aws:iam::{account}:user/{name}"] * 4,
                *[f"arn:aws:iam::{account}:role/{name}"] * 4,
                f"arn:aws:sts::{account}:assumed-role/{name.split('/')[-1]}/admin",
            ]
        )

    def values(self, key: str, *, stranger: bool) -> list[str]:
        """Return random values of a key; of a key that AWS assigns, those of somebody else for a stranger only."""
        chance = self.chance
        code = string.ascii_lowercase + string.digits
        if key == "aws:CurrentTime":
            return [
                chance.choice(
                    ["2027-01-01T00:00:00Z", "2998-12-31T23:59:59Z", "2999-01-01T00:00:00Z", "3000-01-01T00:00:00Z"]
                )
            ]
        if key == "aws:SourceIp":
            return [chance.choice(["10.0.0.1", "10.1.0.1", "9.9.9.9", "2001:db8::1", "2001:db9::1", "10.255.255.255"])]
        if key == "aws:MultiFactorAuthAge":
            return [str(chance.choice([0, 0.25, 0.5, 1, 599, 600, 601]))]
        if key == "aws:PrincipalTag/n":
            return [chance.choice(["-1", "0", "1", "600", "601", "x", ""])]
        if key in ("aws:SecureTransport", "aws:PrincipalIsAWSService"):
            return [chance.choice(["true", "false"])]
        if key == "aws:PrincipalOrgID":
            own = self.random_like(key, code, "o-??????????")
            return [own if len(own) > 11 and own.startswith("o-") and own.islower() and own != HOME else FOREIGN]
        if key == "aws:PrincipalOrgPaths":
            return [
                chance.choice(
                    [f"{FOREIGN}/r-ab12/ou/", f"{FOREIGN}/r-x/", "o-q1q1q1q1q1/r-ab12/x/", "o-q1q1q1q1q1/r-y/"]
                )
            ]
        if key == "aws:userid":
            own = chance.choice(["AROAQQQQQQQQQQQQQQQQQ:admin", "AIDAQQQQQQQQQQQQQQQQQ", "AROAQQQQQQQQQQQQQQQQQ:x"])
            return [own if stranger or chance.random() < 0.5 else "AROAEXAMPLEEXAMPLEEXA:x"]
        if key == "aws:SourceVpc":
            return [
                chance.choice(["vpc-1a2b3c4e", "vpc-1aaaaaaa", "vpc-2a2b3c4d", "vpc-1a2b3c4d"][: 3 if stranger else 4])
            ]
        if key == "aws:SourceVpcArn":
            account = "444455556666" if stranger else chance.choice([DEV, "444455556666"])
            return [f"arn:aws:ec2:eu-west-1:{account}:vpc/vpc-{chance.choice('12')}a2b3c4d"]
        alphabet = string.ascii_letters + string.digits
        number = chance.randrange(1, 4) if key == "aws:TagKeys" else 1
        return [self.random_like(key, alphabet, "x", "*") or "x" for _ in range(number)]

    def __iter__(self) -> Iterator[tuple[str, dict[str, Any]]]:
        keys = {c.key for s in self.document.statements for c in s.conditions}
        follow = {
            "aws:PrincipalArn",
            "aws:PrincipalAccount",
            "aws:PrincipalType",
            "aws:username",
            "aws:PrincipalIsAWSService",
        }
        is_named = OTHER in self.document.to_json()
        for _ in range(self.number):
            caller = self.caller()
            stranger = not (is_named and OTHER in caller)
            lacking = ("aws:Principal", "aws:userid", "aws:MultiFactorAuth") if not caller.startswith("arn:") else ()
            yield (
                caller,
                {
                    key: self.values(key, stranger=stranger)
                    for key in keys - follow
                    if not key.startswith(lacking or "-") and (self.chance.random() < 0.8 or key == "aws:CurrentTime")
                },
            )


def assert_closed(document: PolicyDocument, action: str, resource: str, number: int) -> None:
    policies = PolicySet(resource=document, identity=[PolicyDocument([Statement.allow("*", "*")])])
    found = find_access(policies, action, resource, outside=ZONE, resource_account=PROD)
    if found.witness is not None:
        assert evaluate(found.witness, policies).allowed
        assert not ZONE.has(found.witness)
        return
    if found.undecided:
        return
    assert_nobody_gets_in(document, policies, action, resource, Requests(document, random.Random(number)))


def assert_nobody_gets_in(
    document: PolicyDocument, policies: PolicySet, action: str, resource: str, requests: Requests
) -> int:
    """Check that no request of a caller outside of the zone is allowed, and return their number."""
    outside = 0
    for caller, context in requests:
        request = AccessRequest(
            principal=caller, action=action, resource=resource, resource_account=PROD, context=context
        )
        if not ZONE.has(request):
            outside += 1
            assert not evaluate(request, policies).allowed, (caller, context)
    return outside


@settings(max_examples=120)
@given(documents(["sts:AssumeRole", "sts:TagSession"], []), st.integers(0, 9999))
def test_a_trust_policy_that_is_called_closed_lets_nobody_in(document: PolicyDocument, number: int) -> None:
    assert_closed(document, "sts:AssumeRole", ROLE, number)


@settings(max_examples=120)
@given(
    documents(["s3:GetObject", "s3:*"], ["arn:aws:s3:::reports/*", "arn:aws:s3:::reports/2025/*", OBJECT]),
    st.integers(0, 9999),
)
def test_a_bucket_policy_that_is_called_closed_lets_nobody_in(document: PolicyDocument, number: int) -> None:
    assert_closed(document, "s3:GetObject", OBJECT, number)


def _allow(*conditions: Condition, principals: Sequence[str] = ("*",)) -> Statement:
    return Statement.allow("*", "*", principals=list(map(Principal.parse, principals)), conditions=list(conditions))


def _deny(*conditions: Condition) -> Statement:
    return Statement.deny("*", "*", principals=[Principal.anyone()], conditions=list(conditions))


ORGANIZATION = Condition("StringEquals", "aws:PrincipalOrgID", HOME)
CLOSED = {
    "account": [_allow(principals=[DEV])],
    "organization": [_allow(ORGANIZATION)],
    "paths of the organization": [_allow(Condition("ForAnyValue:StringLike", "aws:PrincipalOrgPaths", f"{HOME}/*"))],
    "principals": [_allow(Condition("ArnLike", "aws:PrincipalArn", f"arn:aws:iam::{DEV}:role/ci-*"))],
    "account and a Deny of the others": [
        _allow(Condition("StringLike", "aws:PrincipalAccount", ["3*", DEV])),
        _deny(Condition("StringNotEquals", "aws:PrincipalAccount", DEV)),
    ],
    "VPC": [_allow(Condition("StringEquals", "aws:SourceVpc", "vpc-1a2b3c4d"))],
    "an end that has passed": [_allow(Condition("DateLessThan", "aws:CurrentTime", "2020-01-01T00:00:00Z"))],
    "a number that none is": [
        _allow(*(Condition(f"Numeric{name}Than", "aws:MultiFactorAuthAge", "600") for name in ("Less", "Greater"))),
        _allow(ORGANIZATION, Condition("StringLike", "aws:username", "ad*")),
    ],
    "a network within the organization": [
        _allow(ORGANIZATION, Condition("IpAddress", "aws:SourceIp", "10.0.0.0/8")),
        _deny(Condition("NotIpAddressIfExists", "aws:SourceIp", "10.1.0.0/16")),
    ],
    "tags that a Deny leaves to the organization": [
        _allow(Condition("StringLike", "aws:PrincipalTag/team", "r*")),
        _deny(Condition("StringNotEqualsIfExists", "aws:PrincipalOrgID", HOME)),
    ],
}


@pytest.mark.parametrize("name", CLOSED)
def test_ten_thousand_requests_find_no_way_into_a_policy_that_is_called_closed(name: str) -> None:
    document = PolicyDocument(CLOSED[name])
    policies = PolicySet(resource=document, identity=[PolicyDocument([Statement.allow("*", "*")])])
    found = find_access(policies, "s3:GetObject", OBJECT, outside=ZONE, resource_account=PROD)
    assert (found.witness, found.undecided) == (None, ())
    requests = Requests(document, random.Random(name), 11_000)
    assert assert_nobody_gets_in(document, policies, "s3:GetObject", OBJECT, requests) >= 10_000


@pytest.mark.parametrize("hole", ["organization", "VPC", "account"])
def test_the_random_requests_find_a_hole_that_is_planted(hole: str) -> None:
    wider = {
        "organization": Condition("StringLike", "aws:PrincipalOrgID", "o-*"),
        "VPC": Condition("StringLike", "aws:SourceVpc", "vpc-1*"),
        "account": Condition("StringLike", "aws:PrincipalAccount", "3*"),
    }
    document = PolicyDocument([_allow(wider[hole])])
    policies = PolicySet(resource=document, identity=[PolicyDocument([Statement.allow("*", "*")])])
    requests = Requests(document, random.Random(hole))
    with pytest.raises(AssertionError):
        assert_nobody_gets_in(document, policies, "s3:GetObject", OBJECT, requests)
    assert find_access(policies, "s3:GetObject", OBJECT, outside=ZONE, resource_account=PROD).witness is not None
