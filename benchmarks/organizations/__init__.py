"""Organizations of any size, generated, with trusts of every kind between their accounts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from xacct.snapshot import Organization, OrganizationAccount, PolicyDetail, RoleDetail, Snapshot, UserDetail

ORGANIZATION = "o-abcdefghij"
MANAGEMENT = "100000000000"
VENDORS = ("464622532012", "017663287629", "955555555555")
ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
_EVERYTHING = '{"Statement":[{"Action":"*","Effect":"Allow","Resource":"*"}],"Version":"2012-10-17"}'


def account_id(number: int) -> str:
    """Return the ID of an account of the organization."""
    return f"{100_000_000_001 + number}"


def organization(accounts: int) -> Organization:
    """Return an organization with some accounts."""
    ids = [account_id(number) for number in range(accounts)]
    return Organization(
        id=ORGANIZATION,
        management_account=MANAGEMENT,
        accounts=tuple(
            OrganizationAccount(id=one, name=f"team-{one}", parents=("r-ab12", "ou-ab12-11111111")) for one in ids
        ),
    )


def snapshots(accounts: int, roles: int = 50) -> Iterator[Snapshot]:
    """Yield the accounts of an organization.

    Args:
        accounts: how many there are.
        roles: how many roles each has.
    """
    ids = [account_id(number) for number in range(accounts)]
    for number, account in enumerate(ids):
        others = [ids[(number + step) % accounts] for step in (1, -1, 2)]
        kinds = [_ROLES[place % len(_ROLES)] for place in range(roles)]
        yield Snapshot(
            account=account,
            users=tuple(_user(account, place, others) for place in range(5)),
            roles=tuple(kind(account, place, others) for place, kind in enumerate(kinds)),
            policies=(PolicyDetail(arn=ADMINISTRATOR, document=_EVERYTHING),),
        )


def _document(*statements: dict[str, object]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements}, sort_keys=True, separators=(",", ":"))


def _trust(
    principal: object, condition: dict[str, dict[str, object]] | None = None, action: str = "sts:AssumeRole"
) -> str:
    condition_element = {"Condition": condition} if condition else {}
    return _document({"Effect": "Allow", "Action": action, "Principal": principal, **condition_element})


def _allow(*roles: str) -> dict[str, str]:
    return {"assume": _document({"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": list(roles)})}


def _arn(account: str, kind: str, place: int) -> str:
    return f"arn:aws:iam::{account}:role/{kind}-{place}"


def _user(account: str, place: int, others: Sequence[str]) -> UserDetail:
    return UserDetail(
        arn=f"arn:aws:iam::{account}:user/user-{place}",
        unique_id=f"AIDA{account}{place:04}",
        inline=_allow(f"arn:aws:iam::{others[0]}:role/whole-*", _arn(others[1], "mfa", 2)) if place == 0 else {},
    )


def _role(
    account: str, kind: str, place: int, trust: str, inline: dict[str, str] | None = None, **more: object
) -> RoleDetail:
    return RoleDetail(
        arn=_arn(account, kind, place),
        unique_id=f"AROA{account}{place:04}",
        trust_policy=trust,
        inline=inline or {},
        **more,  # type: ignore[arg-type] # the fields of the class
    )


def _whole(account: str, place: int, others: Sequence[str]) -> RoleDetail:
    return _role(account, "whole", place, _trust({"AWS": f"arn:aws:iam::{others[2]}:root"}))


def _named(account: str, place: int, others: Sequence[str]) -> RoleDetail:
    trust = _trust({"AWS": _arn(others[0], "deploy", 3)}, {"StringEquals": {"aws:PrincipalOrgID": ORGANIZATION}})
    return _role(account, "named", place, trust)


def _mfa(account: str, place: int, others: Sequence[str]) -> RoleDetail:
    condition = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}
    return _role(account, "mfa", place, _trust({"AWS": f"arn:aws:iam::{others[0]}:root"}, dict(condition)))


def _deploy(account: str, place: int, others: Sequence[str]) -> RoleDetail:
    # The accounts before this one trust it.
    targets = [_arn(other, "named", named) for other in others for named in (1, 12)]
    return _role(account, "deploy", place, _trust({"Service": "codebuild.amazonaws.com"}), _allow(*targets))


def _administrator(account: str, place: int, _: Sequence[str]) -> RoleDetail:
    trust = _trust({"AWS": f"arn:aws:iam::{account}:root"})
    return _role(account, "administrator", place, trust, attached=(ADMINISTRATOR,))


def _vendor(account: str, place: int, _: Sequence[str]) -> RoleDetail:
    condition = {"StringEquals": {"sts:ExternalId": f"id-{account}"}} if place % 2 else None
    return _role(account, "vendor", place, _trust({"AWS": VENDORS[place % 3]}, condition and dict(condition)))


def _github(account: str, place: int, _: Sequence[str]) -> RoleDetail:
    provider = f"arn:aws:iam::{account}:oidc-provider/token.actions.githubusercontent.com"
    condition: dict[str, dict[str, object]] = {
        "StringEquals": {"token.actions.githubusercontent.com:aud": "sts.amazonaws.com"},
        "StringLike": {"token.actions.githubusercontent.com:sub": f"repo:octo-{account}/app-{place}:*"},
    }
    return _role(account, "github", place, _trust({"Federated": provider}, condition, "sts:AssumeRoleWithWebIdentity"))


def _service(account: str, place: int, _: Sequence[str]) -> RoleDetail:
    return _role(account, "lambda", place, _trust({"Service": "lambda.amazonaws.com"}))


def _everybody(account: str, place: int, others: Sequence[str]) -> RoleDetail:
    condition: dict[str, dict[str, object]] = {
        "StringEquals": {"aws:PrincipalOrgID": ORGANIZATION},
        "ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{others[0]}:role/deploy-*"},
    }
    return _role(account, "organization", place, _trust({"AWS": "*"}, condition))


# The places of the kinds matter: policies name roles by kind and place.
_ROLES = (
    _whole, _named, _mfa, _deploy, _service, _service, _vendor, _github, _service, _deploy,
    _whole, _everybody, _named, _service, _github, _mfa, _service, _administrator, _service, _named,
)  # fmt: skip
