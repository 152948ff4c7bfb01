"""Files of account authorization details that other tools stored: audited as far as they go, what they lack is named.

The forms are those of cloudsplaining's download, of the examples of the AWS CLI, of IAM's API and of PowerShell.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from typing import Any
from urllib.parse import quote

import pytest

from xacct.access_audit import audit
from xacct.access_audit.report import AuditReport
from xacct.snapshot import Snapshot

ACCOUNT, VENDOR = "123456789012", "464622532012"
NOW = datetime(2026, 11, 26, tzinfo=timezone.utc)
LISTS = ("UserDetailList", "GroupDetailList", "RoleDetailList", "Policies")


def arn(kind: str, name: str, account: str = ACCOUNT) -> str:
    return f"arn:aws:iam::{account}:{kind}/{name}"


def policy(**statement: Any) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]}


def role(name: str, trust: Any, **more: Any) -> dict[str, Any]:
    return {
        "Path": "/", "RoleName": name, "RoleId": f"AROA{name.upper():X<17}", "Arn": arn("role", name),
        "CreateDate": "2026-10-18T19:10:08+00:00", "AssumeRolePolicyDocument": trust, "InstanceProfileList": [],
        "RolePolicyList": [], "AttachedManagedPolicies": [], "Tags": [],
        "RoleLastUsed": {"LastUsedDate": "2026-11-18T19:10:08+00:00", "Region": "us-east-1"},
        **more,
    }  # fmt: skip


def user(name: str, **more: Any) -> dict[str, Any]:
    return {
        "Path": "/", "UserName": name, "UserId": f"AIDA{name.upper():X<17}", "Arn": arn("user", name),
        "CreateDate": "2026-10-18T19:10:08+00:00", "GroupList": [], "AttachedManagedPolicies": [], "Tags": [], **more,
    }  # fmt: skip


def managed(name: str, document: Any, account: str = ACCOUNT) -> dict[str, Any]:
    old = {"Document": policy(Action="sts:*", Resource="*"), "VersionId": "v1", "IsDefaultVersion": False}
    versions = [{"Document": document, "VersionId": "v2", "IsDefaultVersion": True}, old]
    return {
        "PolicyName": name, "Arn": arn("policy", name, account), "DefaultVersionId": "v2", "PolicyVersionList": versions
    }  # fmt: skip


def attached(name: str, account: str = ACCOUNT) -> list[dict[str, str]]:
    return [{"PolicyName": name, "PolicyArn": arn("policy", name, account)}]


def stored() -> dict[str, Any]:
    """An account as the AWS CLI writes it."""
    deploy = policy(Action="sts:AssumeRole", Resource=[arn("role", "Deploy"), arn("role", "Gone")])
    return {
        "UserDetailList": [
            user("alice", GroupList=["admins"]),
            user("bob", UserPolicyList=[{"PolicyName": "assume", "PolicyDocument": deploy}]),
        ],
        "GroupDetailList": [
            {
                "Path": "/", "GroupName": "admins", "GroupId": "AGPAEXAMPLE", "Arn": arn("group", "admins"),
                "CreateDate": "2026-10-18T19:10:08+00:00", "GroupPolicyList": [],
                "AttachedManagedPolicies": attached("AdministratorAccess", "aws"),
            }
        ],
        "RoleDetailList": [
            role("Deploy", policy(Action="sts:AssumeRole", Principal={"AWS": arn("user", "bob")})),
            role("Vendor", policy(Action="sts:AssumeRole", Principal={"AWS": f"arn:aws:iam::{VENDOR}:root"}),
                 AttachedManagedPolicies=attached("Read")),
            role("Open", policy(Action="sts:AssumeRole", Principal={"AWS": "*"}),
                 PermissionsBoundary={"PermissionsBoundaryArn": arn("policy", "Read")}),
            role("App", policy(Action="sts:AssumeRole", Principal={"Service": "ec2.amazonaws.com"})),
        ],
        "Policies": [
            managed("Read", policy(Action="s3:Get*", Resource="*")),
            managed("AdministratorAccess", policy(Action="*", Resource="*"), "aws"),
        ],
    }  # fmt: skip


FOUND = {
    ("dead-permission", arn("role", "Gone"), arn("user", "bob")),
    ("third-party-without-external-id", arn("role", "Vendor"), VENDOR),
    ("external-account", arn("role", "Vendor"), VENDOR),
    ("public", arn("role", "Open"), "*"),
}


def audited(data: Any) -> AuditReport:
    return audit(Snapshot.from_authorization_details(data), now=NOW)


def found(report: AuditReport) -> set[tuple[str, str, str]]:
    return {(finding.kind, finding.resource, finding.principal) for finding in report.findings}


def of_cloudsplaining(data: dict[str, Any]) -> str:
    """cloudsplaining: times of Python, keys in order, policies as objects, and all policies of AWS."""
    text = json.dumps(data, indent=4, sort_keys=True)
    return text.replace("T19:10:08+00:00", " 19:10:08+00:00")


def of_the_api(data: dict[str, Any]) -> list[dict[str, Any]]:
    """IAM's API: policies as URL-encoded text, in pages, of which each has all lists."""
    encoded = with_documents(data, lambda document: quote(json.dumps(document)))
    empty: dict[str, Any] = {name: [] for name in LISTS}
    pages = [{**empty, name: encoded[name], "IsTruncated": True, "Marker": "x"} for name in LISTS]
    return [*pages, {**empty, "IsTruncated": False}]


def of_powershell(data: dict[str, Any]) -> str:
    """PowerShell: a list of one is that one, policies are URL-encoded text, and times are in milliseconds."""

    def flat(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: flat(one) for key, one in value.items()}
        if isinstance(value, list):
            items = [flat(one) for one in value]
            return items[0] if len(items) == 1 and isinstance(items[0], dict) else items
        return "/Date(1413450189000)/" if isinstance(value, str) and value.endswith("T19:10:08+00:00") else value

    encoded = with_documents(data, lambda document: quote(json.dumps(document)))
    return "\ufeff" + json.dumps(flat({**encoded, "IsTruncated": False, "Marker": None}))


def with_documents(data: Any, change: Callable[[Any], Any]) -> Any:
    if isinstance(data, dict):
        return {k: change(v) if k.endswith("Document") else with_documents(v, change) for k, v in data.items()}
    return [with_documents(one, change) for one in data] if isinstance(data, list) else data


@pytest.mark.parametrize("form", [json.dumps, of_cloudsplaining, of_the_api])
def test_files_of_other_tools_are_audited_with_the_same_findings(form: Callable[[Any], Any]) -> None:
    report = audited(form(stored()))
    assert found(report) == FOUND
    assert report.undecided == ()
    assert report == audited(stored())


def test_what_powershell_writes_is_audited_and_its_times_are_named() -> None:
    report = audited(of_powershell(stored()))
    assert found(report) == FOUND
    assert all("it is no time" in text for text in report.undecided)
    assert len(report.undecided) == 11  # the creation of 7 entities, and the last use of 4 roles


def test_the_example_of_the_aws_cli_is_read() -> None:
    """It is the first page of several, has objects in place of lists, and lacks policies that it mentions.

    Source: https://docs.aws.amazon.com/cli/latest/reference/iam/get-account-authorization-details.html#examples
    """
    data = stored()
    data["GroupDetailList"][0]["AttachedManagedPolicies"] = attached("AdministratorAccess", "aws")[0]
    data["RoleDetailList"][3]["AttachedManagedPolicies"] = attached("AmazonDynamoDBFullAccess", "aws")
    report = audited({**data, "IsTruncated": True, "Marker": "EXAMPLEkakv9BCuUNFDtxWSyfzetYwEx2ADc8dnzfvERF5S"})
    assert found(report) == FOUND
    assert [text.partition(" (")[0] for text in report.undecided] == [
        f"policy {arn('policy', 'AmazonDynamoDBFullAccess', 'aws')}",
        "the rest of the users, groups, roles and policies",
    ]


def test_a_file_without_the_policies_of_aws_calls_nothing_dead_that_they_could_allow() -> None:
    """Many tools ask for customer managed policies only."""
    development = {
        "UserDetailList": [user("dev", AttachedManagedPolicies=attached("AdministratorAccess", "aws"))],
        "GroupDetailList": [], "RoleDetailList": [], "Policies": [],
    }  # fmt: skip
    text = json.dumps(development).replace(ACCOUNT, "210987654321")
    trust = policy(Action="sts:AssumeRole", Principal={"AWS": "arn:aws:iam::210987654321:root"})
    production = {**stored(), "RoleDetailList": [role("Deploy", trust)], "UserDetailList": []}
    report = audit(*map(Snapshot.from_authorization_details, (production, text)), now=NOW)
    (finding,) = report.findings
    assert finding.kind == "whole-account"
    assert "may by policies that were not read" in finding.why
    assert any("policy/AdministratorAccess" in text for text in report.undecided)


BROKEN: dict[str, tuple[Callable[[dict[str, Any]], Any], str, set[str]]] = {
    "a trust policy that is no JSON": (
        lambda d: d["RoleDetailList"][2].update(AssumeRolePolicyDocument="{'a': 1}"), "trust policy", {"public"}
    ),
    "a trust policy that AWS would refuse": (
        lambda d: d["RoleDetailList"][2]["AssumeRolePolicyDocument"]["Statement"][0].update(Effect="allow"),
        "trust policy", {"public"},
    ),
    "no trust policy": (
        lambda d: d["RoleDetailList"][2].pop("AssumeRolePolicyDocument"), "trust policy", {"public"}
    ),
    "a role without an ARN": (lambda d: d["RoleDetailList"][2].pop("Arn"), "role Open", {"public"}),
    "no users": (lambda d: d.pop("UserDetailList"), "users", {"dead-permission"}),
    "users that are null": (lambda d: d.update(UserDetailList=None), "users", {"dead-permission"}),
    "no groups": (lambda d: d.pop("GroupDetailList"), "groups", set()),
    "no policies": (lambda d: d.pop("Policies"), "managed policies", set()),
    "no default version": (
        lambda d: d["Policies"][0].update(PolicyVersionList=[]), f"policy {arn('policy', 'Read')}", set()
    ),
    "an inline policy that is no JSON": (
        lambda d: d["UserDetailList"][1]["UserPolicyList"][0].update(PolicyDocument="%7B"), "inline policy assume",
        {"dead-permission"},
    ),
    "a key twice in an inline policy": (
        lambda d: d["UserDetailList"][1]["UserPolicyList"][0].update(PolicyDocument='{"Statement":[],"Statement":[]}'),
        "inline policy assume", {"dead-permission"},
    ),
    "a number in place of roles": (
        lambda d: d.update(RoleDetailList=5), "roles", {"public", "third-party-without-external-id", "external-account"}
    ),
    "a user that is a text": (lambda d: d["UserDetailList"].append("carol"), "UserDetailList[2]", set()),
}  # fmt: skip


@pytest.mark.parametrize(("break_it", "named", "lost"), BROKEN.values(), ids=BROKEN)
def test_a_file_that_is_broken_in_one_place_is_audited_in_all_others(
    break_it: Callable[[dict[str, Any]], Any], named: str, lost: set[str]
) -> None:
    data = stored()
    break_it(data)
    report = audited(json.dumps(data))
    assert any(named in text for text in report.undecided), report.undecided
    assert {one for one in FOUND if one[0] not in lost} <= found(report)
    assert not {one for one in found(report) if one[0] in lost and one in FOUND}


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every value of a file."""
    if path:
        yield path
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in members:
        yield from places(inner, (*path, key))


@pytest.mark.parametrize("junk", [None, 5, "*", {}, ["x"]], ids=repr)
def test_junk_in_any_place_of_a_file_does_not_end_the_audit(junk: Any) -> None:
    """What is junk is read or named; the audit never fails, and the report can be printed and stored."""
    for path in places(stored()):
        data = copy.deepcopy(stored())
        inner: Any = data
        for key in path[:-1]:
            inner = inner[key]
        inner[path[-1]] = junk
        report = audited(data)
        assert json.dumps(report.to_dict())
        lost = FOUND - found(report)
        # A finding that is lost is about the place, and never about another role or user.
        assert len({resource for _, resource, _ in lost}) <= 1 or len(path) <= 2
