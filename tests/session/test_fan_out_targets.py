"""fan_out over accounts, roles and regions, with the options of each target; streams, and running again what failed."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs

import boto3
import botocore.handlers
import pytest
from attrs import field, frozen
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import NoRegionError

from xacct import Account, FanOut, InvalidValue, PermissionMissing, Target, TargetTimedOut, assume_role, fan_out
from xacct.testing import Sandbox

HOME, WEB, DATA = "999999999999", "111111111111", "222222222222"
TRUST = (
    '{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": ["sts:AssumeRole", "sts:TagSession"], '
    '"Principal": {"AWS": "%s"}}}'
)


@frozen
class Many:
    """A sandbox with the roles Reader and team/Writer in two accounts, and the session that may assume them."""

    aws: Sandbox
    base: boto3.Session
    assumed: list[dict[str, str]] = field(factory=list)

    def record(self, request: AWSPreparedRequest, **_: object) -> None:
        self.assumed.append({name: values[0] for name, values in parse_qs(str(request.body)).items()})


@pytest.fixture
def many() -> Iterator[Many]:
    with Sandbox([HOME, WEB, DATA]) as aws:
        for account in (WEB, DATA):
            iam = aws.account(account).session.client("iam")
            for name, path in (("Reader", "/"), ("Writer", "/team/")):
                iam.create_role(RoleName=name, Path=path, AssumeRolePolicyDocument=TRUST % HOME)
        aws.calls.clear()
        many = Many(aws, aws.account(HOME).session)
        many.base.events.register_first("before-send.sts.AssumeRole", many.record)
        yield many


def role(account: str, name: str = "Reader") -> str:
    return f"arn:aws:iam::{account}:role/{name}"


def who(session: boto3.Session) -> str:
    arn = session.client("sts").get_caller_identity()["Arn"].split(":", 5)[5]
    return f"{arn.rsplit('/', 1)[0]} {session.region_name}"


def run(many: Many, targets: Any, **options: Any) -> FanOut[str]:
    return fan_out(targets, who, base=many.base, session_name="audit", **options)


def test_accounts_get_the_role_that_is_named_and_keep_their_names(many: Many) -> None:
    web = Account(id=WEB, name="web", email="web@example.com")
    found = run(many, [web, DATA], role_names="Reader")
    assert found.results == {WEB: "assumed-role/Reader eu-central-1", DATA: "assumed-role/Reader eu-central-1"}
    assert found.targets[WEB] == Target(role(WEB), name="web", email="web@example.com")
    assert str(found).splitlines()[0] == f"ok    {WEB}  web  assumed-role/Reader eu-central-1"


def test_several_roles_of_an_account_have_their_names_in_the_keys(many: Many) -> None:
    found = run(many, [WEB, role(DATA)], role_names=["Reader", "team/Writer"])
    assert {key: text.split()[0] for key, text in found.results.items()} == {
        f"{WEB} Reader": "assumed-role/Reader",
        f"{WEB} Writer": "assumed-role/Writer",
        f"{DATA} Reader": "assumed-role/Reader",
    }
    assert repr(found) == "<FanOut: 3 targets succeeded, 0 failed>"


def test_each_role_is_run_in_each_region_and_assumed_once(many: Many) -> None:
    targets = [role(WEB), Target(role(DATA), region="us-east-1")]
    found = run(many, targets, regions=["eu-west-1", "eu-west-3"])
    assert found.results == {
        f"{WEB} eu-west-1": "assumed-role/Reader eu-west-1",
        f"{WEB} eu-west-3": "assumed-role/Reader eu-west-3",
        f"{DATA} us-east-1": "assumed-role/Reader us-east-1",
    }
    assert len(many.assumed) == 2


def test_without_regions_the_function_runs_in_the_bases_region_before_that_of_the_environment(
    many: Many, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    assert run(many, [role(WEB)]).results == {WEB: f"assumed-role/Reader {many.base.region_name}"}
    keys = many.base.get_credentials().get_frozen_credentials()
    anywhere = boto3.Session(keys.access_key, keys.secret_key, keys.token)
    assert fan_out([role(WEB)], who, base=anywhere, session_name="audit").results == {
        WEB: "assumed-role/Reader eu-west-1"
    }
    found = fan_out([role(WEB)], who, base=anywhere, session_name="audit", region="eu-west-3")
    assert found.results == {WEB: "assumed-role/Reader eu-west-3"}


def test_a_region_that_is_nowhere_is_the_error_of_the_function(many: Many, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    keys = many.base.get_credentials().get_frozen_credentials()
    anywhere = boto3.Session(keys.access_key, keys.secret_key, keys.token)

    def work(session: boto3.Session) -> object:
        return session.client("ec2")

    found = fan_out([role(WEB), Target(role(DATA), region="eu-west-1")], work, base=anywhere, session_name="audit")
    assert [*found.results] == [DATA]
    assert type(found.errors[WEB]) is NoRegionError


def test_sessions_are_run_in_each_region(many: Many) -> None:
    session = many.aws.account(WEB).session
    assumed = assume_role(many.base, role(DATA), session_name="mine")
    found = fan_out([session, assumed], lambda each: each.region_name, regions=["eu-west-1", "eu-central-1"])
    assert [*found.results] == [f"{a} {r}" for a in (WEB, DATA) for r in ("eu-west-1", "eu-central-1")]
    assert {key.split()[1] for key in found.results} == {*found.results.values()}
    assert who(session).endswith("eu-central-1")


def test_a_target_can_have_its_own_region_duration_tags_external_id_and_policy(many: Many) -> None:
    nothing = {"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": "s3:*", "Resource": "*"}}
    target = Target(
        role(WEB), region="eu-west-1", external_id="web-42", duration=900, session_tags={"team": "web"}, policy=nothing
    )
    found = run(many, [target, role(DATA)], external_id="acme-42")
    assert found.results == {WEB: "assumed-role/Reader eu-west-1", DATA: "assumed-role/Reader eu-central-1"}
    sent = {call["RoleArn"]: call for call in many.assumed}
    assert sent[role(WEB)]["ExternalId"] == "web-42"
    assert sent[role(DATA)]["ExternalId"] == "acme-42"
    assert sent[role(WEB)]["DurationSeconds"] == "900"
    assert sent[role(WEB)]["Tags.member.1.Key"] == "team"
    assert "s3:*" in sent[role(WEB)]["Policy"]
    assert not {"DurationSeconds", "Policy", "Tags.member.1.Key"} & {*sent[role(DATA)]}


def test_a_mapping_gives_each_target_its_key(many: Many) -> None:
    session = many.aws.account(DATA).session
    found = run(many, {"web": role(WEB), "data": session}, regions=["eu-west-1"])
    assert [*found.results] == ["web eu-west-1", "data eu-west-1"]
    assert [*run(many, {"web": WEB}, role_names=["Reader", "team/Writer"]).results] == ["web Reader", "web Writer"]


def test_a_stream_yields_each_outcome_when_it_ends(many: Many) -> None:
    wait = threading.Event()

    def wait_in_the_first(session: boto3.Session) -> str:
        if session.get_credentials().account_id == WEB:
            wait.wait()
        return "done"

    stream = fan_out([role(WEB), role(DATA)], wait_in_the_first, base=many.base, session_name="audit", stream=True)
    first = next(stream)
    assert (first.key, first.target, first.result, first.ok) == (DATA, Target(role(DATA)), "done", True)
    wait.set()
    assert [outcome.key for outcome in stream] == [WEB]


def test_a_stream_that_is_closed_starts_no_further_target(many: Many) -> None:
    started: list[boto3.Session] = []
    targets = [role(account, name) for account in (WEB, DATA) for name in ("Reader", "team/Writer")]
    stream = fan_out(targets, started.append, base=many.base, session_name="audit", stream=True, max_workers=1)
    next(stream)
    stream.close()  # type: ignore[attr-defined] # a generator
    assert len(started) < 4


def test_only_what_failed_is_run_again_with_the_same_keys(many: Many) -> None:
    failing = {WEB}

    def work(session: boto3.Session) -> str:
        account = session.get_credentials().account_id
        if account in failing:
            raise RuntimeError("not yet")
        return session.region_name

    targets = [role(WEB), role(DATA)]
    first = fan_out(targets, work, base=many.base, session_name="audit", regions=["eu-west-1", "eu-west-3"])
    assert [*first.failed] == [f"{WEB} eu-west-1", f"{WEB} eu-west-3"]
    failing.clear()
    again = fan_out(first.failed, work, base=many.base, session_name="audit")
    assert again.results == {f"{WEB} eu-west-1": "eu-west-1", f"{WEB} eu-west-3": "eu-west-3"}
    both = first | again
    assert (both.ok, [*both.results]) == (True, [*first.targets])


class Regions:
    """Answers account:ListRegions, or denies it."""

    denied = False

    def answer(self, request: AWSPreparedRequest, **_: object) -> AWSResponse:
        status, body = 200, {"Regions": [{"RegionName": name} for name in ("eu-west-3", "eu-west-1")]}
        if self.denied:
            status, body = 403, {"__type": "AccessDeniedException"}  # type: ignore[dict-item] # another shape
        raw = _Raw(json.dumps(body).encode())
        return AWSResponse(request.url, status, {"Content-Type": "application/json"}, raw)


class _Raw(io.BytesIO):
    def stream(self, **_: object) -> Iterator[bytes]:
        yield self.read()


@pytest.fixture
def regions(monkeypatch: pytest.MonkeyPatch) -> Regions:
    regions = Regions()
    handlers = [*botocore.handlers.BUILTIN_HANDLERS, ("before-send.account", regions.answer)]
    monkeypatch.setattr(botocore.handlers, "BUILTIN_HANDLERS", handlers)
    return regions


def test_all_means_the_regions_that_are_enabled_in_the_account(regions: Regions, many: Many) -> None:
    found = run(many, [role(WEB), Target(role(DATA), region="us-east-1")], regions="all")
    assert [*found.results] == [f"{WEB} eu-west-1", f"{WEB} eu-west-3", f"{DATA} us-east-1"]
    assert len(many.assumed) == 2


def test_an_account_whose_regions_cannot_be_listed_is_named_and_can_be_run_again(regions: Regions, many: Many) -> None:
    regions.denied = True
    first = run(many, [role(WEB), Target(role(DATA), region="us-east-1")], regions="all")
    assert type(first.errors[WEB]) is PermissionMissing
    assert '"Action": "account:ListRegions"' in str(first.errors[WEB])
    assert [*first.results] == [f"{DATA} us-east-1"]
    regions.denied = False
    both = first | run(many, first.failed, regions="all")
    assert (both.ok, {*both.results}) == (True, {f"{DATA} us-east-1", f"{WEB} eu-west-1", f"{WEB} eu-west-3"})


@pytest.mark.parametrize(
    ("targets", "options", "text"),
    [
        ([WEB], {}, f"targets: '{WEB}' is not valid: it has no role to assume. Pass role_names="),
        ([role(WEB), Target(role(WEB))], {}, "two targets have this key. Pass a mapping"),
        (role(WEB), {}, "a sequence of targets, not a single one"),
        ([role(WEB)], {"regions": "eu-west-1"}, "regions: 'eu-west-1' is not valid: 'all', or a sequence of regions"),
        ([role(WEB)], {"regions": []}, "regions: .* is not valid: at least one region"),
        ([role(WEB)], {"regions": ["cn-north-1"]}, "must be a region of aws"),
        ([Target(role(WEB), region="cn-north-1")], {}, "must be a region of aws"),
    ],
)
def test_invalid_targets_are_rejected_before_any_call(
    many: Many, targets: Any, options: dict[str, Any], text: str
) -> None:
    with pytest.raises(InvalidValue, match=text):
        run(many, targets, **options)
    assert many.aws.calls == []


def test_a_session_that_failed_cannot_be_run_again_without_it(many: Many) -> None:
    found = fan_out([many.aws.account(WEB).session], lambda _: 1 // 0)
    with pytest.raises(InvalidValue, match="for a session the session itself"):
        run(many, found.failed)


def test_a_role_that_hangs_costs_its_regions_one_limit(many: Many) -> None:
    hang = threading.Event()

    def wait_for_one(request: Any, **_: object) -> None:
        if WEB in str(request.body):
            hang.wait()

    many.base.events.register_first("before-send.sts.AssumeRole", wait_for_one)
    found = run(many, [role(WEB), role(DATA)], regions=["eu-west-1", "eu-west-3"], timeout=2)
    hang.set()
    assert {key: type(error) for key, error in found.errors.items()} == {
        f"{WEB} eu-west-1": TargetTimedOut,
        f"{WEB} eu-west-3": TargetTimedOut,
    }
