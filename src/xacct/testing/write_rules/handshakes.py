"""Invitations to an organization, which moto does not have, and leaving it.

Source: https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_accounts_invites.html
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from typing import Any, Literal

from xacct.limits import ACCOUNT_ID
from xacct.testing.created_accounts import join_organization
from xacct.testing.error_responses import Refused
from xacct.testing.http_messages import Answer
from xacct.testing.organizations import Handshake, HandshakeState
from xacct.testing.write_rules.write import Rule, Write

__all__ = ["RULES"]


def _invite(write: Write) -> Answer:
    target: dict[str, str] = write.call.params.get("Target") or {}
    account, organizations = target.get("Id", ""), write.state.organizations
    if target.get("Type") != "ACCOUNT" or not ACCOUNT_ID.allows(account):
        raise Refused("InvalidInputException", "The sandbox invites accounts by their ID, with the type ACCOUNT.")
    if account not in write.state.accounts:
        raise Refused("AccountNotFoundException", "You specified an account that doesn't exist.")
    if organizations.membership(account) is not None:
        text = "The account is already a member of an organization."
        raise Refused("HandshakeConstraintViolationException", text)
    if any(one.account == account and one.management == write.account for one in _open(write)):
        text = "A handshake with the same action and target already exists."
        raise Refused("DuplicateHandshakeException", text)
    organization: Any = organizations.backend(write.account).org
    handshake = Handshake(f"h-{secrets.token_hex(16)}", write.account, organization.id, account, write.now)
    organizations.handshakes.append(handshake)
    return _answer({"Handshake": _described(handshake, write)})


def _end(state: HandshakeState) -> Callable[[Write], Answer]:
    def end(write: Write) -> Answer:
        handshake = _find(write)
        if handshake.state != "OPEN":
            text = f"The handshake is in the state {handshake.state}, and no longer open."
            raise Refused("InvalidHandshakeTransitionException", text)
        # The account that was invited accepts or declines, and the one that invited it cancels.
        if write.account != (handshake.management if state == "CANCELED" else handshake.account):
            raise Refused("AccessDeniedException", "You don't have permissions to access this resource.")
        if state == "ACCEPTED":
            if write.state.organizations.membership(handshake.account) is not None:
                text = "The account is already a member of an organization."
                raise Refused("HandshakeConstraintViolationException", text)
            join_organization(handshake.account, handshake.account, None, handshake.management, write.state)
        handshake.state = state
        return _answer({"Handshake": _described(handshake, write)})

    return end


def _describe(write: Write) -> Answer:
    return _answer({"Handshake": _described(_find(write), write)})


def _list(side: Literal["account", "management"]) -> Callable[[Write], Answer]:
    def listed(write: Write) -> Answer:
        _expire(write)
        found = [one for one in write.state.organizations.handshakes if getattr(one, side) == write.account]
        return _answer({"Handshakes": [_described(handshake, write) for handshake in found]})

    return listed


def _leave(write: Write) -> Answer:
    member = write.state.organizations.membership(write.account)
    if member is not None and member.management_account == write.account:
        text = "You can't remove a management account from an organization."
        raise Refused("MasterCannotLeaveOrganizationException", text)
    if member is not None:
        backend = write.state.organizations.backend(member.management_account)
        backend.remove_account_from_organization(AccountId=write.account)
    return _answer({})


def _find(write: Write) -> Handshake:
    _expire(write)
    for handshake in write.state.organizations.handshakes:
        is_party = write.account in (handshake.account, handshake.management)
        if handshake.id == write.call.text("HandshakeId") and is_party:
            return handshake
    raise Refused("HandshakeNotFoundException", "We can't find a handshake with the HandshakeId that you specified.")


def _open(write: Write) -> list[Handshake]:
    _expire(write)
    return [handshake for handshake in write.state.organizations.handshakes if handshake.state == "OPEN"]


def _expire(write: Write) -> None:
    for handshake in write.state.organizations.handshakes:
        if handshake.state == "OPEN" and handshake.expires <= write.now:
            handshake.state = "EXPIRED"


def _described(handshake: Handshake, write: Write) -> dict[str, Any]:
    place = f"arn:{write.state.partition}:organizations::{handshake.management}:handshake/{handshake.organization}"
    return {
        "Id": handshake.id,
        "Arn": f"{place}/invite/{handshake.id}",
        "Parties": [
            {"Id": handshake.organization, "Type": "ORGANIZATION"},
            {"Id": handshake.account, "Type": "ACCOUNT"},
        ],
        "State": handshake.state,
        "RequestedTimestamp": handshake.requested.timestamp(),
        "ExpirationTimestamp": handshake.expires.timestamp(),
        "Action": "INVITE",
        "Resources": [{"Type": "ORGANIZATION", "Value": handshake.organization}],
    }


def _answer(result: dict[str, Any]) -> Answer:
    return Answer(200, {"content-type": "application/x-amz-json-1.1"}, json.dumps(result))


RULES: dict[tuple[str, str], Rule] = {
    ("organizations", "AcceptHandshake"): _end("ACCEPTED"),
    ("organizations", "CancelHandshake"): _end("CANCELED"),
    ("organizations", "DeclineHandshake"): _end("DECLINED"),
    ("organizations", "DescribeHandshake"): _describe,
    ("organizations", "InviteAccountToOrganization"): _invite,
    ("organizations", "LeaveOrganization"): _leave,
    ("organizations", "ListHandshakesForAccount"): _list("account"),
    ("organizations", "ListHandshakesForOrganization"): _list("management"),
}
