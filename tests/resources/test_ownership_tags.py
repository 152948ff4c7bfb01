"""How xacct recognizes what it created and attached."""

from __future__ import annotations

import pytest

from xacct.resources.ownership_tags import (
    is_ours,
    is_recorded,
    tags_from_list,
    tags_to_list,
    with_ownership,
    with_recorded,
)


@pytest.mark.parametrize(
    ("tags", "ours"),
    [
        ({"xacct:managed-by": "xacct"}, True),
        ({"xacct:managed-by": "terraform"}, False),
        ({"xacct:managed-by": ""}, False),
        ({"managed-by": "xacct"}, False),
        ({}, False),
    ],
    ids=str,
)
def test_only_the_ownership_tag_with_its_value_makes_a_resource_ours(tags: dict[str, str], ours: bool) -> None:
    assert is_ours(tags) is ours


def test_ownership_is_added_to_the_users_tags() -> None:
    tags = with_ownership({"team": "data"}, ["S3Read"])

    assert is_ours(tags)
    assert tags["team"] == "data"
    assert is_recorded("S3Read", tags)
    assert not is_recorded("S3Write", tags)


def test_a_user_cannot_override_the_ownership_tag() -> None:
    assert is_ours(with_ownership({"xacct:managed-by": "terraform"}))


def test_without_attachments_there_is_no_record() -> None:
    assert set(with_ownership({})) == {"xacct:managed-by"}


def test_the_record_keeps_what_was_recorded_before() -> None:
    merged = with_recorded(with_ownership({}, ["New"]), with_ownership({}, ["Old"]))

    assert is_recorded("New", merged)
    assert is_recorded("Old", merged)


def test_the_record_of_many_attachments_fits_into_a_tag_value() -> None:
    names = [f"{number:0128}" for number in range(36)]

    assert len(with_ownership({}, names)["xacct:attached"]) <= 256


def test_tags_survive_the_way_to_iam_and_back() -> None:
    tags = with_ownership({"team": "data"}, ["S3Read"])

    assert tags_from_list(tags_to_list(tags)) == tags
