"""The result of fan_out as data."""

from __future__ import annotations

import copy
import json
import pickle

import pytest
from botocore.exceptions import ClientError

from xacct import FanOut, InvalidValue
from xacct.errors import AssumeRoleDenied, XacctError

WEB, DATA, OLD = "111111111111", "222222222222", "333333333333"


class Strict(Exception):
    """An error that pickle cannot restore: its __init__ does not accept its message."""

    def __init__(self, *, why: str) -> None:
        super().__init__(f"because {why}")


def denied() -> AssumeRoleDenied:
    role = f"arn:aws:iam::{DATA}:role/Reader"
    return AssumeRoleDenied("no", role_arn=role, context={"sts:ExternalId": "42"}, doing="assuming it", account=DATA)


def found(**errors: Exception) -> FanOut[int]:
    return FanOut({WEB: 7}, {DATA: denied(), **errors}, order=(DATA, WEB, *errors))


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
    things: FanOut[set[int]] = FanOut({WEB: {2, 1}}, {}, order=(WEB,))
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
