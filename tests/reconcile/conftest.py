"""Two accounts in a sandbox, in which others have resources that no grant may touch."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import moto.core.responses
import pytest

from xacct.retry import Patience
from xacct.testing import Sandbox

from .accounts import TRUSTED, TRUSTING, Accounts

POLICY_OF_OTHERS = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
)
TRUST_OF_OTHERS = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}}],
    }
)


@pytest.fixture(autouse=True, scope="package")
def fast_moto() -> Iterator[None]:
    """Inspect moto's response classes once, and not for each call."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            moto.core.responses, "method_names_from_class", cache(moto.core.responses.method_names_from_class)
        )
        yield


@pytest.fixture
def accounts() -> Iterator[Accounts]:
    """Two accounts, in which others have a role, a user, a group and a policy."""
    with Sandbox([TRUSTING, TRUSTED]) as aws:
        accounts = Accounts.sign_in(aws)
        for session in (accounts.trusting, accounts.trusted):
            session.iam.create_role(RoleName="Others", AssumeRolePolicyDocument=TRUST_OF_OTHERS)
            session.iam.create_user(UserName="others")
            session.iam.create_group(GroupName="others")
            session.iam.create_policy(PolicyName="Others", PolicyDocument=POLICY_OF_OTHERS)
        accounts.log.clear()
        yield accounts


@pytest.fixture
def untouched(accounts: Accounts) -> dict[str, Any]:
    """What both accounts have before the test."""
    return accounts.snapshot()


@pytest.fixture
def patience() -> Patience:
    """Long enough for every transient fault."""
    return Patience(deadline=20, first=0.0001, longest=0.001)


@pytest.fixture
def haste() -> Patience:
    """Only long enough for a few tries."""
    return Patience(deadline=0.02, first=0.002, longest=0.005)
