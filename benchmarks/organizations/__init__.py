"""Organizations of any size, generated, with trusts of every kind between their accounts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

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


def one_account() -> dict[str, object]:
    """Return the authorization details of an account of 44 users, 5 groups, 78 roles and 84 managed policies.

    It has the size and the kinds of roles of the example that cloudsplaining publishes:
    https://github.com/salesforce/cloudsplaining/blob/master/examples/files/example.json
    """
    account = account_id(0)
    policies = [
        _managed_policy(account, place, 200 if place % 8 == 0 else 3 + place % 9) for place in range(_POLICIES_OF_ONE)
    ]
    return {
        "UserDetailList": [_user_of_one(account, place) for place in range(44)],
        "GroupDetailList": [
            {
                "GroupName": f"group-{place}",
                "Arn": f"arn:aws:iam::{account}:group/group-{place}",
                "GroupPolicyList": [],
                "AttachedManagedPolicies": [_attached(account, place)],
            }
            for place in range(5)
        ],
        "RoleDetailList": [_role_of_one(account, place) for place in range(78)],
        "Policies": policies,
    }


_POLICIES_OF_ONE = 84


def _managed_policy(account: str, place: int, statements: int) -> dict[str, object]:
    document = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": [f"iam:Action{place}{number}", "sts:AssumeRole"] if number == 0 else [f"s3:Action{number}*"],
                "Resource": f"arn:aws:iam::{account}:role/role-{number}*" if number == 0 else "*",
            }
            for number in range(statements)
        ],
    }
    version = {"Document": document, "VersionId": "v1", "IsDefaultVersion": True}
    arn = _attached(account, place)["PolicyArn"]
    return {"Arn": arn, "DefaultVersionId": "v1", "PolicyVersionList": [version]}


def _attached(account: str, place: int) -> dict[str, str]:
    # About half are managed by AWS.
    owner = "aws" if place % 2 else account
    name = f"policy-{place % _POLICIES_OF_ONE}"
    return {"PolicyName": name, "PolicyArn": f"arn:aws:iam::{owner}:policy/{name}"}


def _user_of_one(account: str, place: int) -> dict[str, object]:
    return {
        "UserName": f"user-{place}",
        "UserId": f"AIDA{account}{place:04}",
        "Arn": f"arn:aws:iam::{account}:user/user-{place}",
        "CreateDate": "2025-03-09T10:41:45+00:00",
        "GroupList": [f"group-{place % 5}"] if place % 7 == 0 else [],
        "AttachedManagedPolicies": [_attached(account, place)],
    }


def _role_of_one(account: str, place: int) -> dict[str, object]:
    session = f"arn:aws:sts::{account}:assumed-role/AWSReservedSSO_AdministratorAccess_0123456789abcdef/somebody"
    action = "sts:AssumeRole"
    principal: dict[str, object] = {"AWS": session}
    if place % 2:
        kinds: list[dict[str, object]] = [
            {"Service": "ssm.amazonaws.com"},
            {"Service": ["codebuild.amazonaws.com", "ecs-tasks.amazonaws.com", "ec2.amazonaws.com"]},
            {"AWS": f"arn:aws:iam::{account}:root"},
            {"AWS": f"arn:aws:iam::{account}:role/role-{place - 1}"},
            {"AWS": "arn:aws:iam::955555555555:root"},
            {"AWS": "*"},
            {"Federated": f"arn:aws:iam::{account}:saml-provider/Okta"},
            {"Federated": f"arn:aws:iam::{account}:oidc-provider/token.actions.githubusercontent.com"},
        ]
        principal = kinds[place // 2 % len(kinds)]
        if "Federated" in principal:
            action += "WithSAML" if "saml" in str(principal) else "WithWebIdentity"
    statement = {"Effect": "Allow", "Principal": principal, "Action": action}
    return {
        "RoleName": f"role-{place}",
        "RoleId": f"AROA{account}{place:04}",
        "Arn": f"arn:aws:iam::{account}:role/role-{place}",
        "CreateDate": "2025-03-09T10:41:45+00:00",
        "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        "RolePolicyList": [],
        "AttachedManagedPolicies": [_attached(account, place)],
        "RoleLastUsed": {},
    }


def _document(*statements: dict[str, object]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements}, sort_keys=True, separators=(",", ":"))


def _trust(
    principal: object, condition: Mapping[str, Mapping[str, object]] | None = None, action: str = "sts:AssumeRole"
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
    return _role(account, "mfa", place, _trust({"AWS": f"arn:aws:iam::{others[0]}:root"}, condition))


def _deploy(account: str, place: int, others: Sequence[str]) -> RoleDetail:
    # The accounts before this one trust it.
    targets = [_arn(other, "named", named) for other in others for named in (1, 12)]
    return _role(account, "deploy", place, _trust({"Service": "codebuild.amazonaws.com"}), _allow(*targets))


def _administrator(account: str, place: int, _: Sequence[str]) -> RoleDetail:
    trust = _trust({"AWS": f"arn:aws:iam::{account}:root"})
    return _role(account, "administrator", place, trust, attached=(ADMINISTRATOR,))


def _vendor(account: str, place: int, _: Sequence[str]) -> RoleDetail:
    condition = {"StringEquals": {"sts:ExternalId": f"id-{account}"}} if place % 2 else None
    return _role(account, "vendor", place, _trust({"AWS": VENDORS[place % 3]}, condition))


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
