"""Invitations to an organization."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from xacct.testing import Sandbox

HOME, PROD, OTHER = "111111111111", "222222222222", "333333333333"
PROD_BY_ID = {"Id": PROD, "Type": "ACCOUNT"}


@pytest.fixture
def aws() -> Iterator[Sandbox]:
    with Sandbox([HOME, PROD, OTHER]) as aws:
        aws.organization()
        yield aws


def client(aws: Sandbox, account: str) -> Any:
    return aws.account(account).session.client("organizations")


def invite(aws: Sandbox) -> str:
    return str(client(aws, HOME).invite_account_to_organization(Target=PROD_BY_ID)["Handshake"]["Id"])


def code(function: Any, **parameters: Any) -> str:
    with pytest.raises(ClientError) as caught:
        function(**parameters)
    return str(caught.value.response["Error"]["Code"])


def test_an_account_that_accepts_is_a_member_without_a_role(aws: Sandbox) -> None:
    handshake = invite(aws)
    (seen,) = client(aws, PROD).list_handshakes_for_account()["Handshakes"]
    assert (seen["Id"], seen["State"], seen["Action"]) == (handshake, "OPEN", "INVITE")
    assert client(aws, PROD).accept_handshake(HandshakeId=handshake)["Handshake"]["State"] == "ACCEPTED"
    assert client(aws, PROD).describe_organization()["Organization"]["MasterAccountId"] == HOME
    assert PROD in {account["Id"] for account in client(aws, HOME).list_accounts()["Accounts"]}
    assert aws.account(PROD).session.client("iam").list_roles()["Roles"] == []
    assert client(aws, HOME).list_handshakes_for_organization()["Handshakes"][0]["State"] == "ACCEPTED"
    assert code(client(aws, PROD).accept_handshake, HandshakeId=handshake) == "InvalidHandshakeTransitionException"
    assert code(client(aws, HOME).invite_account_to_organization, Target=PROD_BY_ID) == (
        "HandshakeConstraintViolationException"
    )


def test_only_the_account_that_was_invited_accepts_and_only_the_one_that_invited_cancels(aws: Sandbox) -> None:
    handshake = invite(aws)
    assert code(client(aws, OTHER).accept_handshake, HandshakeId=handshake) == "HandshakeNotFoundException"
    assert code(client(aws, HOME).accept_handshake, HandshakeId=handshake) == "AccessDeniedException"
    client(aws, HOME).cancel_handshake(HandshakeId=handshake)
    assert client(aws, PROD).describe_handshake(HandshakeId=handshake)["Handshake"]["State"] == "CANCELED"
    assert code(client(aws, PROD).accept_handshake, HandshakeId=handshake) == "InvalidHandshakeTransitionException"


def test_an_invitation_can_be_declined_and_made_again(aws: Sandbox) -> None:
    handshake = invite(aws)
    assert code(client(aws, HOME).invite_account_to_organization, Target=PROD_BY_ID) == "DuplicateHandshakeException"
    client(aws, PROD).decline_handshake(HandshakeId=handshake)
    client(aws, PROD).accept_handshake(HandshakeId=invite(aws))


def test_an_invitation_expires_after_15_days(aws: Sandbox) -> None:
    handshake = invite(aws)
    aws.clock.advance(15 * 24 * 3600 + 1)
    assert code(client(aws, PROD).accept_handshake, HandshakeId=handshake) == "InvalidHandshakeTransitionException"


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ({"Id": "a@example.com", "Type": "EMAIL"}, "InvalidInputException"),
        ({"Id": "999999999999", "Type": "ACCOUNT"}, "AccountNotFoundException"),
    ],
)
def test_accounts_of_the_sandbox_are_invited_by_their_ids(aws: Sandbox, target: Any, expected: str) -> None:
    assert code(client(aws, HOME).invite_account_to_organization, Target=target) == expected


def test_an_account_in_another_organization_does_not_join(aws: Sandbox) -> None:
    handshake = invite(aws)
    aws.organization({"/": [PROD]}, management=OTHER)
    assert code(client(aws, PROD).accept_handshake, HandshakeId=handshake) == "HandshakeConstraintViolationException"


def test_a_member_can_leave_and_the_management_account_cannot(aws: Sandbox) -> None:
    client(aws, PROD).accept_handshake(HandshakeId=invite(aws))
    client(aws, PROD).leave_organization()
    assert code(client(aws, PROD).describe_organization) == "AWSOrganizationsNotInUseException"
    assert code(client(aws, HOME).leave_organization) == "MasterCannotLeaveOrganizationException"


def test_organizations_throttles_in_its_own_words(aws: Sandbox) -> None:
    aws.faults.add("throttled", operation="ListRoots")
    assert code(client(aws, HOME).list_roots) == "TooManyRequestsException"
    aws.faults.clear()
    aws.faults.add("denied", operation="ListRoots")
    assert code(client(aws, HOME).list_roots) == "AccessDeniedException"
