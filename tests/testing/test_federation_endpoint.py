"""The sandbox's federation endpoint refuses what AWS refuses."""

from __future__ import annotations

import json
from urllib.parse import urlencode

import boto3
import pytest

from xacct import console_url
from xacct.errors import InvalidValue
from xacct.testing.federation_endpoint import FederationEndpoint

from .conftest import DEV, PROD, Two, create_role

ADMIN = f"arn:aws:iam::{DEV}:user/Administrator"
FEDERATION = "https://signin.aws.amazon.com/federation"


@pytest.fixture
def endpoint(two: Two) -> FederationEndpoint:
    return two.aws._federation


def keys(session: boto3.Session) -> str:
    frozen = session.get_credentials().get_frozen_credentials()
    return json.dumps({"sessionId": frozen.access_key, "sessionKey": frozen.secret_key, "sessionToken": frozen.token})


def status(endpoint: FederationEndpoint, **query: str) -> int:
    return endpoint.answer(f"{FEDERATION}?{urlencode({'Action': 'getSigninToken', **query})}").status


def test_only_valid_temporary_credentials_get_a_token(two: Two, endpoint: FederationEndpoint) -> None:
    create_role(two)
    role = keys(two.aws.sign_in(f"arn:aws:iam::{PROD}:role/Reader"))
    assert status(endpoint, Session=role) == 200
    wrong = json.dumps({**json.loads(role), "sessionKey": "wrong"})
    for given in ("", "{}", "[]", "7", wrong, keys(two.dev)):
        assert status(endpoint, Session=given) == 400
    assert status(endpoint, Session=role, Action="getSignInToken") == 400
    two.aws.clock.advance(3600)
    assert status(endpoint, Session=role) == 400


@pytest.mark.parametrize("duration", ["899", "43201", "1h", "", "-900"])
def test_a_duration_out_of_range_is_refused(two: Two, endpoint: FederationEndpoint, duration: str) -> None:
    create_role(two)
    role = keys(two.aws.sign_in(f"arn:aws:iam::{PROD}:role/Reader"))
    assert status(endpoint, Session=role, SessionDuration="43200") == 200
    assert status(endpoint, Session=role, SessionDuration=duration or "0") == 400


def test_the_console_does_not_sign_in_a_user(two: Two, endpoint: FederationEndpoint) -> None:
    answer = endpoint.answer(
        f"{FEDERATION}?{urlencode({'Action': 'getSigninToken', 'Session': keys(two.aws.sign_in(ADMIN))})}"
    )
    query = {
        "Action": "login",
        "Destination": "https://console.aws.amazon.com/",
        "SigninToken": json.loads(answer.body)["SigninToken"],
    }
    with pytest.raises(InvalidValue, match="Only federation tokens or assume role tokens"):
        two.aws.open_console(f"{FEDERATION}?{urlencode(query)}")


def test_a_link_is_valid_for_15_minutes(two: Two) -> None:
    create_role(two)
    url = console_url(two.aws.sign_in(f"arn:aws:iam::{PROD}:role/Reader"))
    two.aws.clock.advance(899)
    two.aws.open_console(url)
    two.aws.clock.advance(2)
    with pytest.raises(InvalidValue, match="15 minutes"):
        two.aws.open_console(url)


def test_another_link_is_refused_and_not_shown(two: Two) -> None:
    create_role(two)
    url = console_url(two.aws.sign_in(f"arn:aws:iam::{PROD}:role/Reader"))
    for other in (
        url.replace("signin.aws", "signin2.aws"),
        url.replace("Action=login", "Action=logout"),
        url.replace("console.aws.amazon.com", "example.com"),
        f"{url}x",
    ):
        with pytest.raises(InvalidValue) as caught:
            two.aws.open_console(other)
        assert "SigninToken" not in str(caught.value)
