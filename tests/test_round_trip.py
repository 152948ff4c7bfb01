"""Generated grants, applied in the sandbox, and made again from what the accounts have."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timezone

import pytest
from hypothesis import assume, given, settings, strategies as st
from tests.grant_strategies import conditions, descriptions, dev_access_grants, trust_grants
from tests.two_accounts import EC2_FULL, S3_READ, TRUSTED, TRUSTING, TwoAccounts, two_accounts

from xacct import (
    ConsoleUser,
    DevAccessGrant,
    Principal,
    ProofFailed,
    TrustGrant,
    plan,
    read_policy,
    read_role,
    s3_read_policy,
)

POWER_USER = "arn:aws:iam::aws:policy/PowerUserAccess"


@pytest.fixture(scope="module")
def populated() -> Iterator[TwoAccounts]:
    """Two accounts, of which the trusted one has a user, a group and a role."""
    with two_accounts() as accounts:
        iam = accounts.development.client("iam")
        iam.create_user(UserName="ops")
        iam.create_group(GroupName="developers")
        trust = {"Effect": "Allow", "Principal": {"AWS": TRUSTED}, "Action": "sts:AssumeRole"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        iam.create_role(RoleName="Build", Path="/ci/", AssumeRolePolicyDocument=document)
        yield accounts


EXISTING = [
    Principal.parse(TRUSTED),
    Principal.account(TRUSTED),
    Principal.user(TRUSTED, "ops"),
    Principal.role(TRUSTED, "Build", "/ci/"),
    Principal.permission_set(TRUSTED, "Developers"),
    Principal.service("lambda.amazonaws.com"),
]
TEAM = ("aws:PrincipalTag/team",)
narrowed = st.builds(
    lambda one, own: Principal(one.kind, one.value, own), st.sampled_from(EXISTING[:4]), conditions(TEAM)
)
principals = st.lists(st.sampled_from(EXISTING) | narrowed, min_size=1, max_size=4)
# moto's XML does not keep carriage returns.
texts = descriptions.map(lambda text: text.replace("\r", ""))
future = st.sampled_from([None, datetime(2090, 1, 31, tzinfo=timezone.utc)])
inline_policies = st.dictionaries(
    st.sampled_from(["S3Read", "Logs,=@"]), st.just(s3_read_policy(["reports"])), min_size=1
)
aws_policies = st.sampled_from([S3_READ, EC2_FULL, POWER_USER])


@settings(max_examples=15)
@given(
    trust_grants(
        TRUSTING,
        "aws",
        principals=principals,
        managed_policy=aws_policies,
        policies=inline_policies,
        may_write=st.just(True),
        expires=future,
        description=texts,
    )
)
def test_the_role_of_a_grant_that_was_applied_gives_back_the_grant(populated: TwoAccounts, grant: TrustGrant) -> None:
    # With one session for both sides nobody waits until the role can be assumed, which most generated conditions deny.
    both = {"trusting": populated.production, "trusted": populated.production}
    try:
        applied = plan(grant, **both)
        applied.apply()
    except ProofFailed:
        # Generated conditions can contradict each other.
        assume(False)
    try:
        assert TrustGrant.from_role(read_role(populated.production, grant.role_name)) == grant
        assert plan(grant, **both).is_empty
    finally:
        applied.destroy()


@settings(max_examples=15)
@given(
    dev_access_grants(
        TRUSTED,
        "aws",
        console_user=st.none() | st.builds(ConsoleUser, st.just("dev"), managed_policy_arns=st.just([EC2_FULL])),
        users=st.lists(st.just("ops"), max_size=1),
        groups=st.lists(st.just("developers"), max_size=1),
        roles=st.lists(st.just("Build"), max_size=1),
        expires=future,
        description=texts,
    )
)
def test_the_policy_of_a_grant_that_was_applied_gives_back_the_grant(
    populated: TwoAccounts, grant: DevAccessGrant
) -> None:
    both = {"trusting": populated.production, "trusted": populated.development}
    applied = plan(grant, **both)
    applied.apply()
    try:
        policy = read_policy(populated.development, grant.policy_arn)
        assert DevAccessGrant.from_policy(policy, console_user=grant.console_user) == grant
        assert plan(grant, **both).is_empty
    finally:
        applied.destroy()
