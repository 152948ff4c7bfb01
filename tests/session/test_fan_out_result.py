"""The result of fan_out as data."""

from __future__ import annotations

import copy
import json
import pickle
import sys
from types import SimpleNamespace

import pytest
from botocore.exceptions import ClientError

from xacct import FanOut, InvalidValue, Target, TargetOutcome
from xacct.errors import AssumeRoleDenied, XacctError

WEB, DATA, OLD = "111111111111", "222222222222", "333333333333"


class Strict(Exception):
    """An error that pickle cannot restore: its __init__ does not accept its message."""

    def __init__(self, *, why: str) -> None:
        super().__init__(f"because {why}")


def denied() -> AssumeRoleDenied:
    role = f"arn:aws:iam::{DATA}:role/Reader"
    return AssumeRoleDenied("no", role_arn=role, context={"sts:ExternalId": "42"}, doing="assuming it", account=DATA)


def targets(*accounts: str) -> dict[str, Target]:
    return {account: Target(f"arn:aws:iam::{account}:role/Reader") for account in accounts}


def found(**errors: Exception) -> FanOut[int]:
    return FanOut({WEB: 7}, {DATA: denied(), **errors}, targets=targets(DATA, WEB, *errors))


def test_it_is_json_with_each_errors_type_message_and_fields() -> None:
    missing = ClientError({"Error": {"Code": "NoSuchBucket", "Message": "gone"}}, "GetObject")
    data = json.loads(json.dumps(found(**{OLD: missing}).to_dict()))
    assert data["results"] == {WEB: 7}
    assert data["errors"][DATA] == {
        "type": "AssumeRoleDenied",
        "message": "no",
        "fields": {
            "role_arn": f"arn:aws:iam::{DATA}:role/Reader",
            "context": {"sts:ExternalId": "42"},
            "provider": None,
            "doing": "assuming it",
            "account": DATA,
            "code": "AccessDenied",
            "ambiguous": False,
        },
    }
    assert data["errors"][OLD]["fields"] == {"code": "NoSuchBucket", "operation": "GetObject"}


def test_attributes_of_other_errors_are_not_written() -> None:
    error = RuntimeError("failed")
    vars(error)["password"] = "hush"
    assert "hush" not in json.dumps(found(**{OLD: error}).to_dict())


def test_a_result_that_is_not_json_is_named_or_converted() -> None:
    things: FanOut[set[int]] = FanOut({WEB: {2, 1}}, {}, targets=targets(WEB))
    with pytest.raises(InvalidValue, match=rf"results\['{WEB}'\]: .*not JSON data \(.*pass a function as result="):
        things.to_dict()
    assert things.to_dict(result=sorted)["results"] == {WEB: [1, 2]}


@pytest.mark.parametrize("duplicate", [lambda it: pickle.loads(pickle.dumps(it)), copy.deepcopy, copy.copy])
def test_it_can_be_pickled_and_copied_with_its_errors(duplicate) -> None:  # type: ignore[no-untyped-def]
    again = duplicate(found())
    assert (again.results, str(again), again.ok) == ({WEB: 7}, str(found()), False)
    assert type(again.errors[DATA]) is AssumeRoleDenied
    assert again.errors[DATA].context == {"sts:ExternalId": "42"}


def test_an_error_that_pickle_cannot_restore_keeps_its_type_and_message_as_text() -> None:
    again = pickle.loads(pickle.dumps(found(**{OLD: Strict(why="of it")})))
    assert type(again.errors[OLD]) is XacctError
    assert str(again.errors[OLD]) == "Strict: because of it"


def test_its_mappings_are_read_only() -> None:
    results: dict[str, int] = found().results  # type: ignore[assignment]
    with pytest.raises(TypeError):
        results[WEB] = 8


def test_its_table_has_the_names_of_the_accounts_if_there_are_any() -> None:
    named = Target(f"arn:aws:iam::{WEB}:role/Reader", name="web", email="web@example.com")
    both = FanOut({WEB: 7}, {DATA: denied()}, {WEB: named, **targets(DATA)})
    assert str(both).splitlines() == [f"ok    {WEB}  web  7", f"FAIL  {DATA}       AssumeRoleDenied: no"]
    assert str(found()).splitlines() == [f"FAIL  {DATA}  AssumeRoleDenied: no", f"ok    {WEB}  7"]


def test_the_targets_that_failed_can_be_made_of_its_json() -> None:
    data = json.loads(json.dumps(found().to_dict()))
    again = {key: Target(**data["targets"][key]) for key in data["errors"]}
    assert again == found().failed == targets(DATA)


def test_a_later_result_replaces_what_it_has() -> None:
    later: FanOut[int] = FanOut({DATA: 8}, {}, targets(DATA))
    both = found(**{OLD: RuntimeError("no")}) | later
    assert ([*both.targets], both.results, [*both.errors]) == ([DATA, WEB, OLD], {DATA: 8, WEB: 7}, [OLD])


def test_the_regions_of_a_later_result_replace_the_error_of_the_account_without_regions() -> None:
    role = f"arn:aws:iam::{DATA}:role/Reader"
    later: FanOut[int] = FanOut({f"{DATA} eu-west-1": 8}, {}, {f"{DATA} eu-west-1": Target(role, region="eu-west-1")})
    both = found() | later
    assert both.ok
    assert both.results == {WEB: 7, f"{DATA} eu-west-1": 8}


def test_it_can_be_made_of_a_stream() -> None:
    target = targets(WEB)[WEB]
    stream = [TargetOutcome(key=WEB, target=target, result=7), TargetOutcome(key=DATA, target=target, error=denied())]
    assert [outcome.ok for outcome in stream] == [True, False]
    assert (FanOut.of(stream).results, [*FanOut.of(stream).errors]) == ({WEB: 7}, [DATA])


def test_a_frame_has_a_row_for_each_target(monkeypatch: pytest.MonkeyPatch) -> None:
    pandas = SimpleNamespace(DataFrame=lambda rows, **options: (rows, options), Index=lambda keys, name: (keys, name))
    monkeypatch.setitem(sys.modules, "pandas", pandas)
    rows, options = found().to_frame()
    assert dict(zip(options["columns"], rows[0])) == {
        "account": DATA,
        "name": "",
        "email": "",
        "role": "Reader",
        "region": None,
        "ok": False,
        "result": None,
        "error": "AssumeRoleDenied: no",
    }
    assert rows[1][5:] == (True, 7, None)
    assert options["index"] == ([DATA, WEB], "key")


def test_a_frame_needs_pandas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match=r"FanOut.to_frame needs pandas: pip install pandas"):
        found().to_frame()
