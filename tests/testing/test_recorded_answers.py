"""Answers that other projects recorded from real AWS, and what the sandbox answers to the same calls.

Each file in ``recorded/`` has the rows of one service: what was there before the call (``given`` names a function of
`circumstances`, ``before`` lists further calls), the call, and AWS's answer. ``{name}`` in a row is a value that the
circumstances made. A row with ``differs`` says why the sandbox answers otherwise.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from html import unescape
from pathlib import Path
from typing import Any

import boto3
import pytest
import requests
from attrs import define, field
from botocore.config import Config
from botocore.exceptions import ClientError

from xacct.testing import Sandbox
from xacct.testing.sessions import new_session

from .conftest import DEV, PROD
from .recorded import circumstances

ROWS = [
    (file.stem, row)
    for file in sorted((Path(__file__).parent / "recorded").glob("*.json"))
    for row in json.loads(file.read_text(encoding="utf-8"))["rows"]
]
PARTS = ("status", "code", "text", "details", "elements", "fields", "values")
# botocore would refuse some of the calls itself, and would try again after some answers.
PLAIN = Config(parameter_validation=False, retries={"total_max_attempts": 1})
# Members of an answer of S3 that are in HTTP headers, and those that no two answers share.
NOT_COMPARED = frozenset({"ResponseMetadata", "RequestId", "HostId", "Type", "message"})


@define
class Replay:
    """One row's own names and values, in the sandbox that all rows share."""

    aws: Sandbox
    values: dict[str, Any]
    # The clients of the administrator, which the rows share, because making one takes longer than a call.
    clients: dict[tuple[str, str], Any]
    sessions: dict[str, Any] = field(factory=dict)

    def client(self, service: str, caller: str = "", region: str = "us-east-1") -> Any:
        if caller:
            return self.sessions[caller].client(service, region_name=region, config=PLAIN)
        if (service, region) not in self.clients:
            session: Any = self.aws.account(PROD).session
            self.clients[service, region] = session.client(service, region_name=region, config=PLAIN)
        return self.clients[service, region]

    def session(self, credentials: Mapping[str, Any]) -> boto3.Session:
        # Sessions of the sandbox share botocore's models, which take a tenth of a second to load.
        key, secret = credentials["AccessKeyId"], credentials["SecretAccessKey"]
        return new_session(key, secret, credentials.get("SessionToken"), region="us-east-1")

    def filled(self, value: Any) -> Any:
        """Return a value of a row with the values of this run."""
        if isinstance(value, str):
            whole = re.fullmatch(r"\{(\w+)\}", value)
            if whole and whole[1] in self.values:
                return self.values[whole[1]]
            return re.sub(r"\{(\w+)\}", lambda name: str(self.values.get(name[1], name[0])), value)
        if isinstance(value, list):
            return [self.filled(item) for item in value]
        return {key: self.filled(item) for key, item in value.items()} if isinstance(value, dict) else value

    def call(self, step: Mapping[str, Any]) -> Any:
        service, operation = step["call"].split(":")
        client = self.client(service, step.get("by", ""), step.get("region", "us-east-1"))
        method = {name: method for method, name in client.meta.method_to_api_mapping.items()}[operation]
        answer = getattr(client, method)(**self.filled(step["with"]))
        for name, path in step.get("keep", {}).items():
            self.values[name] = answer
            for member in path.split("."):
                self.values[name] = self.values[name][int(member) if member.isdigit() else member]
        return answer


@pytest.fixture(scope="module")
def aws() -> Iterator[Sandbox]:
    with Sandbox([PROD, DEV, *circumstances.IN_ORGANIZATION], region="us-east-1") as aws:
        circumstances.organize(aws)
        yield aws


@pytest.fixture(scope="module")
def clients() -> dict[tuple[str, str], Any]:
    return {}


def names(value: Any, path: str = "") -> set[str]:
    """Return the names of the members of an answer, with those that they are in."""
    if isinstance(value, list):
        return set().union(*(names(item, path) for item in value)) or {path}
    # The members of a policy document are not those of the answer.
    if not isinstance(value, dict) or not value or path.endswith("Document"):
        return {path}
    prefix = f"{path}." if path else ""
    return {name for key, item in value.items() if key not in NOT_COMPARED for name in names(item, prefix + key)}


def answer_to(replay: Replay, row: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a row says of AWS's answer, of the sandbox's."""
    if row["call"].startswith("http:"):
        return http_answer(replay, row)
    try:
        answer = replay.call(row)
    except ClientError as error:
        found: dict[str, Any] = dict(error.response["Error"])
        return {
            "status": error.response["ResponseMetadata"]["HTTPStatusCode"],
            "code": found.pop("Code"),
            "text": found.pop("Message", None),
            **with_elements(found),
        }
    found = {"status": answer["ResponseMetadata"]["HTTPStatusCode"], "fields": sorted(names(answer))}
    return {**found, "values": {name: answer.get(name) for name in row.get("values", {})}}


def http_answer(replay: Replay, row: Mapping[str, Any]) -> dict[str, Any]:
    request = replay.filled(row["with"])
    answer = requests.request(row["call"].partition(":")[2], timeout=5, **request)
    elements = {name: unescape(text) for name, text in re.findall(r"<([\w-]+)>([^<]*)</\1>", answer.text)}
    found = {"status": answer.status_code, "code": elements.pop("Code", None), "text": elements.pop("Message", None)}
    return {**found, **with_elements(elements)}


def with_elements(elements: Mapping[str, str]) -> dict[str, Any]:
    """Return the further elements of an error: with their values, and their names only, if the values vary."""
    details = {name: value for name, value in elements.items() if name not in NOT_COMPARED}
    return {"details": details, "elements": sorted(details)}


def cases() -> Iterator[Any]:
    for number, (service, row) in enumerate(ROWS):
        marks = [pytest.mark.xfail(reason=row["differs"])] if "differs" in row else []
        name = f"{service}-{number}-{row['call']}-{row['test'].rpartition('::')[2]}-{row.get('key', '')}"
        yield pytest.param(number, row, id=re.sub(r"[^\w.-]+", "_", name), marks=marks)


@pytest.mark.parametrize(("number", "row"), list(cases()))
def test_the_sandbox_answers_as_aws_did(
    number: int, row: dict[str, Any], aws: Sandbox, clients: dict[tuple[str, str], Any]
) -> None:
    accounts = {"account": PROD, "other_account": DEV}
    replay = Replay(aws, {"name": f"recorded-{number}", "region": "us-east-1", **accounts}, clients)
    for circumstance in row.get("given", []):
        replay.values.update(circumstances.NAMED[circumstance](replay))
    for step in row.get("before", []):
        replay.call(step)
    found = answer_to(replay, row)
    expected = {part: replay.filled(row[part]) for part in PARTS if part in row}
    assert {part: found.get(part) for part in expected} == expected
    # AWS enumerates the values of its present API, in no order.
    assert str(found.get("text")).startswith(replay.filled(row.get("begins", "")))


def test_most_answers_are_as_recorded() -> None:
    differing = [row["differs"] for _, row in ROWS if "differs" in row]
    assert len(ROWS) >= 500
    assert len(differing) <= 0.02 * len(ROWS)
    assert all(reason.endswith(".") for reason in differing)
    manual = Path("docs/testing.md").read_text(encoding="utf-8")
    assert f"{len(ROWS)} such answers" in manual
    assert f"{len(ROWS) - len(differing)} answers are the same" in manual
