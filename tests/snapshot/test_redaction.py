"""Snapshot.redact and Organization.redact: other IDs, the same ones everywhere, and the same decisions."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from xacct import AccessRequest, InvalidValue, PolicySet, evaluate
from xacct.snapshot import (
    ControlPolicy,
    Organization,
    OrganizationAccount,
    PolicyDetail,
    ResourcePolicy,
    RoleDetail,
    Snapshot,
    UserDetail,
)
from xacct.snapshot.details import document_text
from xacct.snapshot.redaction import Redaction

HOME, OTHER, VENDOR = "111111111111", "222222222222", "464622532012"
SECRET = "a random secret of a test"
ROLE = f"arn:aws:iam::{HOME}:role/team/Reader-{OTHER}"
ALICE = f"arn:aws:iam::{OTHER}:user/alice"
CANONICAL = "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"AWS": [ALICE, f"arn:aws:iam::{VENDOR}:root", "AIDACKCEVSQ6C2EXAMPLE"]},
            "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": {"STS:ExternalId": ["acme-prod", OTHER], "aws:PrincipalAccount": OTHER}},
        }
    ],
}
PERMISSION = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": ROLE}}
BUCKET_POLICY = {
    "Version": "2012-10-17",
    "Statement": {
        "Effect": "Allow",
        "Principal": {"CanonicalUser": CANONICAL},
        "Action": "s3:GetObject",
        "Resource": "*",
        "Condition": {"StringEquals": {"aws:SourceAccount": 222222222222}},
    },
}


def home() -> Snapshot:
    return Snapshot(
        account=HOME,
        roles=(
            RoleDetail(
                arn=ROLE,
                unique_id="AROACKCEVSQ6C2EXAMPLE",
                trust_policy=document_text(TRUST),
                inline={"Broken": "{external ID acme-prod"},
                attached=("arn:aws:iam::aws:policy/ReadOnlyAccess",),
                tags={"partner": f"account {OTHER}"},
            ),
        ),
        policies=(PolicyDetail(arn=f"arn:aws:iam::{HOME}:policy/P", document=document_text(PERMISSION)),),
        services=("s3",),
        resources=(
            ResourcePolicy(arn=f"arn:aws:s3:::logs-{HOME}-eu", service="s3", policy=document_text(BUCKET_POLICY)),
        ),
        missing=(f"trust policy of role {ROLE}x (its document is not in the details)",),
    )


def other() -> Snapshot:
    return Snapshot(account=OTHER, users=(UserDetail(arn=ALICE, inline={"Own": document_text(PERMISSION)}),))


def text(value: Snapshot | Organization) -> str:
    return json.dumps(value.to_dict())


def test_no_id_is_left() -> None:
    redacted = text(home().redact(SECRET))
    for secret in (HOME, OTHER, VENDOR, "acme-prod", "CKCEVSQ6C2EXAMPLE", CANONICAL):
        assert secret not in redacted
    assert "arn:aws:iam::aws:policy/ReadOnlyAccess" in redacted
    assert re.findall("A(?:IDA|ROA)[A-Z0-9]{17}", redacted)


def test_the_shape_stays() -> None:
    before, after = home(), home().redact(SECRET)
    role = after.roles[0]
    assert role.arn == f"arn:aws:iam::{after.account}:role/team/Reader-{other().redact(SECRET).account}"
    assert (role.inline, role.attached) == ({"Broken": "(redacted)"}, before.roles[0].attached)
    assert re.fullmatch("arn:aws:s3:::logs-[0-9]{12}-eu", after.resources[0].arn)
    assert len(after.missing) == 1
    assert after.missing[0].startswith(f"trust policy of role {role.arn}x (")
    condition = json.loads(after.resources[0].policy)["Statement"]["Condition"]
    assert condition == {"StringEquals": {"aws:SourceAccount": other().redact(SECRET).account}}


def test_the_same_secret_gives_the_same_ids_in_every_snapshot_and_organization() -> None:
    organization = Organization(
        id="o-abcdefghij",
        management_account=HOME,
        accounts=(OrganizationAccount(id=OTHER, name="data"),),
        scps={OTHER: (ControlPolicy(id="p-1", name="P", document=document_text(PERMISSION)),)},
    ).redact(SECRET)
    here, there = home().redact(SECRET), other().redact(SECRET)
    assert here == home().redact(SECRET)
    assert (organization.management_account, organization.accounts[0].id) == (here.account, there.account)
    assert [*organization.scps] == [there.account]
    assert here.account in organization.scps[there.account][0].document
    assert (organization.id, organization.accounts[0].name) == ("o-abcdefghij", "data")


def test_another_secret_or_none_gives_other_ids() -> None:
    accounts = {home().redact(secret).account for secret in (SECRET, f"{SECRET}s", None, None)}
    assert len(accounts) == 4


def test_accounts_can_be_kept() -> None:
    redacted = home().redact(SECRET, keep=[VENDOR])
    assert f"arn:aws:iam::{VENDOR}:root" in (redacted.roles[0].trust_policy or "")
    assert OTHER not in text(redacted)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"secret": "short"}, "secret: '.not shown.' is not valid: must be a random text of at least 16 characters"),
        ({"secret": 5}, "secret: '.not shown.'"),
        ({"keep": ["datadog"]}, "keep: 'datadog' is not valid"),
    ],
)
def test_arguments_that_are_not_valid_are_refused(arguments: Any, message: str) -> None:
    with pytest.raises(InvalidValue, match=message):
        home().redact(**arguments)


def test_the_secret_is_not_shown() -> None:
    assert SECRET not in repr(Redaction.of(SECRET, ()))


@pytest.mark.parametrize(
    ("pattern", "shape"),
    [
        ("*", r"\*"),
        ("acme-*", r"external-[0-9a-f]{16}\*"),
        ("a?c", r"external-[0-9a-f]{16}\?external-[0-9a-f]{16}"),
        ("${aws:PrincipalAccount}-x", r"\$\{aws:PrincipalAccount\}external-[0-9a-f]{16}"),
        ("", ""),
    ],
)
def test_wildcards_and_variables_in_external_ids_stay(pattern: str, shape: str) -> None:
    data = Redaction.of(SECRET, ()).plain_data({"StringLike": {"sts:ExternalId": [pattern]}})
    assert isinstance(data, dict)
    assert re.fullmatch(shape, data["StringLike"]["sts:ExternalId"][0])


def decide(here: Snapshot, there: Snapshot, external_id: str) -> bool:
    """Return whether the user of one snapshot can assume the role of the other one."""
    request = AccessRequest(
        principal=there.users[0].arn,
        action="sts:AssumeRole",
        resource=here.roles[0].arn,
        context={"sts:ExternalId": external_id, "aws:PrincipalAccount": there.account},
    )
    policies = PolicySet(identity=[*there.users[0].inline.values()], resource=here.roles[0].trust_policy)
    return bool(evaluate(request, policies).allowed)


def test_decisions_are_the_same_after_redaction() -> None:
    here, there = home().redact(SECRET), other().redact(SECRET)
    (values,) = json.loads(here.roles[0].trust_policy or "")["Statement"]
    redacted_id = values["Condition"]["StringEquals"]["STS:ExternalId"][0]
    assert decide(home(), other(), "acme-prod")
    assert decide(here, there, redacted_id)
    assert not decide(home(), other(), "acme-test")
    assert not decide(here, there, "acme-prod")
