"""Sessions of the sandbox share what is slow to load, and nothing else."""

from __future__ import annotations

from typing import Any

import boto3

from xacct.testing.sessions import new_session

from .conftest import REGION, Two


def test_an_event_handler_of_one_session_is_not_called_for_another(two: Two) -> None:
    names: list[str] = []
    two.prod.events.register("before-call.*.*", lambda model, **_: names.append(model.name))
    two.dev.client("iam").list_users()
    assert names == []
    two.prod.client("iam").list_roles()
    assert names == ["ListRoles"]


def test_a_session_has_the_event_handlers_and_services_of_any_other(two: Two) -> None:
    other = boto3.Session(region_name=REGION)
    assert two.prod.get_available_services() == other.get_available_services()
    assert two.prod.get_available_resources() == other.get_available_resources()
    assert hasattr(two.prod.client("s3"), "upload_file")  # which an event handler of boto3 adds


def test_many_sessions_do_not_make_the_search_for_models_longer() -> None:
    def paths() -> Any:
        return new_session("AKIAEXAMPLE", "secret", region=REGION)._session.get_component("data_loader").search_paths

    assert len(paths()) == len(paths())
