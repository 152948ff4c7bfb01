"""How xacct recognizes what it created and attached, and which grant it belongs to."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from importlib.metadata import version

import pytest
from attrs import evolve
from hypothesis import given, strategies as st

from xacct import DevAccessGrant, TrustGrant
from xacct.resources.ownership_tags import (
    Creation,
    GrantIdentity,
    Run,
    UserRecord,
    boundary_record,
    creation_of,
    dropped_tags,
    foreign_tags,
    identity_in,
    is_attached_by_xacct,
    is_boundary_set_by_xacct,
    is_complete,
    is_managed,
    ownership_tags,
    record_of_only_grant,
    recorded_count,
    run_in,
    tags_from_list,
    tags_to_list,
    user_records,
    user_tags,
    with_recorded,
    without_run,
)

RUN = Run("0a1b2c3d4e5f", datetime(2026, 1, 31, 12, 30, 5, tzinfo=timezone.utc))
LATER = Run("ffffffffffff", RUN.started + timedelta(days=400))
READER = GrantIdentity("reader", ("222222222222",))
POLICY_OF_VERSION_BEFORE = {"xacct:managed-by": "xacct", "xacct:attached": "0a1b2c"}

tag_maps = st.dictionaries(st.text("abc-", min_size=1, max_size=4), st.text("xyz", max_size=3), max_size=6)


def tags_of(*attached: str, run: Run = RUN, **tags: str) -> dict[str, str]:
    return ownership_tags(READER, run, tags=tags, attached=attached)


@pytest.mark.parametrize(
    ("tags", "managed"),
    [
        ({"xacct:managed-by": "xacct"}, True),
        ({"xacct:managed-by": "terraform"}, False),
        ({"xacct:managed-by": ""}, False),
        ({"managed-by": "xacct"}, False),
        ({}, False),
    ],
    ids=str,
)
def test_only_the_ownership_tag_with_its_value_makes_a_resource_ours(tags: dict[str, str], managed: bool) -> None:
    assert is_managed(tags) is managed


def test_the_tags_record_the_grant_the_accounts_the_version_and_the_time() -> None:
    assert tags_of(team="data") == {
        "team": "data",
        "xacct:managed-by": "xacct",
        "xacct:grant": "reader",
        "xacct:accounts": "222222222222",
        "xacct:created": "2026-01-31T12:30:05Z",
        "xacct:version": version("xacct"),
        "xacct:run": "2026-01-31T12:30:05Z 0a1b2c3d4e5f",
        "xacct:tags": tags_of(team="other")["xacct:tags"],
    }


def test_the_recorded_grant_is_read_back() -> None:
    assert identity_in(tags_of("S3Read")) == READER
    both = evolve(READER, accounts=("222222222222", "333333333333"))
    assert identity_in(ownership_tags(both, RUN, tags={})) == both
    assert identity_in(ownership_tags(GrantIdentity("reader"), RUN, tags={})) == GrantIdentity("reader")


@pytest.mark.parametrize(
    "tags",
    [{}, {"xacct:grant": "reader"}, {"xacct:managed-by": "terraform", "xacct:grant": "x"}, POLICY_OF_VERSION_BEFORE],
    ids=str,
)
def test_no_grant_is_read_from_tags_of_others_or_of_the_version_before(tags: dict[str, str]) -> None:
    assert identity_in(tags) is None


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (GrantIdentity("a", ("1",)), GrantIdentity("a", ("1",)), True),
        (GrantIdentity("a", ("1",)), GrantIdentity("a", ("1", "2")), True),
        (GrantIdentity("a", ("1",)), GrantIdentity("a", ("2",)), False),
        (GrantIdentity("a", ("1",)), GrantIdentity("b", ("1",)), False),
        (GrantIdentity("a", ("1",)), GrantIdentity("a"), True),
        (GrantIdentity("a"), GrantIdentity("b"), False),
    ],
    ids=str,
)
def test_grants_are_the_same_if_their_names_are_equal_and_their_accounts_overlap(
    one: GrantIdentity, other: GrantIdentity, same: bool
) -> None:
    assert one.is_same_grant(other) is same
    assert other.is_same_grant(one) is same


def test_the_identity_of_a_grant_has_its_name_and_the_accounts_at_the_other_end() -> None:
    trust = TrustGrant(
        account="111111111111",
        principals=["333333333333", "arn:aws:iam::222222222222:user/ada", "ec2.amazonaws.com"],
        managed_policy_arns="arn:aws:iam::aws:policy/ReadOnlyAccess",
    )
    access = DevAccessGrant(name="reports", account="222222222222", role_arns=trust.role_arn)

    assert GrantIdentity.of(trust) == GrantIdentity("CrossAccountRoleS3", ("222222222222", "333333333333"))
    assert GrantIdentity.of(access) == GrantIdentity("reports", ("111111111111",))
    assert str(GrantIdentity.of(access)) == "grant 'reports' with 111111111111"
    assert str(GrantIdentity("reports")) == "grant 'reports'"
    assert str(GrantIdentity("reports", ("1", "2"))) == "grant 'reports' with 1, 2"


@pytest.mark.parametrize(("number", "recorded"), [(19, 19), (20, 0)])
def test_no_more_accounts_are_recorded_than_fit_into_a_tag(number: int, recorded: int) -> None:
    trust = TrustGrant(
        account="111111111111",
        principals=[f"{account:012}" for account in range(200000000000, 200000000000 + number)],
        managed_policy_arns="arn:aws:iam::aws:policy/ReadOnlyAccess",
    )
    identity = GrantIdentity.of(trust)

    assert len(identity.accounts) == recorded
    assert all(len(value) <= 256 for value in ownership_tags(identity, RUN, tags={}).values())


def test_a_user_cannot_override_what_xacct_records() -> None:
    tags = ownership_tags(READER, RUN, tags={"xacct:managed-by": "terraform", "xacct:grant": "other"})

    assert is_managed(tags)
    assert identity_in(tags) == READER


# Creation and runs


def test_the_creation_is_read_back() -> None:
    assert creation_of(tags_of()) == Creation(RUN.started, version("xacct"))


@pytest.mark.parametrize("created", [None, "", "yesterday", "2026-01-31"])
def test_a_creation_that_is_not_recorded_is_unknown(created: str | None) -> None:
    tags = {} if created is None else {"xacct:created": created}
    assert creation_of(tags) == Creation(None, None)


def test_the_creation_and_the_last_run_stay_recorded() -> None:
    first = {**tags_of(), "xacct:version": "0.1"}
    later = ownership_tags(READER, LATER, tags={}, observed=first, created=LATER.started)

    assert creation_of(later) == Creation(RUN.started, "0.1")
    assert run_in(later) == RUN


def test_for_a_resource_of_the_version_before_the_creation_is_that_of_aws() -> None:
    made = datetime(2025, 6, 1, 8, 0, 0, tzinfo=timezone(timedelta(hours=2)))
    migrated = ownership_tags(READER, LATER, tags={}, observed=POLICY_OF_VERSION_BEFORE, created=made)

    assert creation_of(migrated) == Creation(made, version("xacct"))
    assert migrated["xacct:created"] == "2025-06-01T06:00:00Z"


def test_a_run_recognizes_only_what_it_marked_last() -> None:
    assert RUN.made(tags_of())
    assert not LATER.made(tags_of())
    assert not RUN.made({})
    assert not RUN.made({"xacct:run": RUN.id})
    assert run_in(tags_of()) == RUN
    assert Run() != Run()


def test_a_resource_without_a_run_tag_has_no_run() -> None:
    assert run_in({}) is None


@pytest.mark.parametrize("text", ["", "2026-01-31T12:30:05Z", "2026-01-31T12:30:05Z ", "yesterday 0a1b2c3d4e5f"])
def test_a_run_tag_of_another_form_is_no_run(text: str) -> None:
    assert run_in({"xacct:run": text}) is None


def test_tags_without_the_run_keep_everything_else() -> None:
    assert without_run(tags_of("S3Read", team="a")) == {
        key: value for key, value in tags_of("S3Read", team="a").items() if key != "xacct:run"
    }


# What is attached


def test_what_xacct_attaches_is_recorded() -> None:
    tags = tags_of("S3Read", "S3List")

    assert is_attached_by_xacct("S3Read", tags)
    assert not is_attached_by_xacct("S3Write", tags)
    assert recorded_count(tags) == 2
    assert not is_attached_by_xacct("S3Read", tags_of())
    assert "xacct:attached" not in tags_of()


def test_a_resource_is_complete_once_everything_recorded_is_attached() -> None:
    tags = tags_of("S3Read", "S3List")

    assert not is_complete([], tags)
    assert not is_complete(["S3Read"], tags)
    assert is_complete(["S3Read", "S3List"], tags)
    assert is_complete(["S3Read", "S3List", "ByHand"], tags)
    assert is_complete([], tags_of())


def test_the_record_keeps_what_was_recorded_before() -> None:
    merged = with_recorded(tags_of("New", new="1"), tags_of("Old", old="2"))

    assert is_attached_by_xacct("New", merged)
    assert is_attached_by_xacct("Old", merged)
    assert dropped_tags({**merged, "old": "2"}, tags_of("New", new="1")) == ["old"]
    assert with_recorded(tags_of("New"), {}) == tags_of("New")
    assert with_recorded(tags_of(), tags_of()) == tags_of()


def test_the_record_of_a_boundary_is_not_that_of_the_same_policy_attached() -> None:
    bounded = tags_of(*boundary_record("arn:limit"))

    assert is_boundary_set_by_xacct("arn:limit", bounded)
    assert not is_attached_by_xacct("arn:limit", bounded)
    assert not is_boundary_set_by_xacct("arn:other", bounded)
    assert not is_boundary_set_by_xacct("arn:limit", tags_of("arn:limit"))
    assert boundary_record(None) == ()
    assert not is_boundary_set_by_xacct(None, bounded)


def test_the_record_of_many_attachments_fits_into_a_tag_value() -> None:
    names = [f"{number:0128}" for number in range(36)]

    assert len(tags_of(*names)["xacct:attached"]) <= 256


def test_the_record_of_the_most_tags_fits_into_a_tag_value() -> None:
    tags = {f"{number:0128}": "" for number in range(40)}

    assert len(ownership_tags(READER, RUN, tags=tags)["xacct:tags"]) <= 256


# The user's tags


@given(old=tag_maps, new=tag_maps, foreign=tag_maps)
def test_dropped_tags_are_those_that_xacct_set_and_foreign_tags_are_the_others(
    old: dict[str, str], new: dict[str, str], foreign: dict[str, str]
) -> None:
    observed = {**foreign, **ownership_tags(READER, RUN, tags=old)}
    wanted = ownership_tags(READER, LATER, tags=new, observed=observed)
    dropped, left = dropped_tags(observed, wanted), foreign_tags(observed, wanted)

    assert {key for key in dropped if not key.startswith("xacct:")} == {*old} - {*new}
    assert left == {key: value for key, value in foreign.items() if key not in old and key not in new}


def test_records_that_are_not_needed_any_more_are_dropped() -> None:
    observed, wanted = tags_of("S3Read", team="a"), ownership_tags(GrantIdentity("reader"), RUN, tags={})

    assert set(dropped_tags(observed, wanted)) == {"team", "xacct:accounts", "xacct:attached", "xacct:tags"}
    assert dropped_tags(observed, observed) == []


@pytest.mark.parametrize("key", ["aws:cloudformation:stack-name", "AWS:x", "xacct:later", "xacct:run"])
def test_tags_of_aws_and_of_other_versions_of_xacct_are_neither_dropped_nor_foreign(key: str) -> None:
    observed = {**tags_of(), key: "1"}

    assert dropped_tags(observed, tags_of()) == []
    assert foreign_tags(observed, tags_of()) == {}


# Console users


def test_a_console_user_has_a_record_of_each_grant_that_uses_it() -> None:
    one, other = UserRecord.of("PolicyA", ["arn:a", "arn:common"]), UserRecord.of("PolicyB", ["arn:common"])
    first = user_tags(one, RUN, tags={"team": "a"})
    both = {**first, **user_tags(other, LATER, tags={}, observed=first)}

    assert set(user_records(first)) == {one}
    assert set(user_records(both)) == {one, other}
    assert is_managed(first)
    assert identity_in(first) is None
    assert run_in(both) == RUN
    assert user_records({"xacct:grant:0": " ", "team": "a"}) == ()


def test_a_record_knows_what_its_grant_attached() -> None:
    one = UserRecord.of("PolicyA", ["arn:a"])

    assert one.has("arn:a")
    assert not one.has("arn:b")
    assert one.merged_with(UserRecord.of("PolicyA", ["arn:b"])) == UserRecord.of("PolicyA", ["arn:a", "arn:b"])


def test_the_tags_of_a_user_of_the_first_version_record_only_its_owner() -> None:
    tags = {"xacct:attached": tags_of("arn:policy/A", "arn:common")["xacct:attached"]}

    assert record_of_only_grant("A", "arn:policy/A", tags) == UserRecord.of("A", ["arn:policy/A", "arn:common"])
    assert record_of_only_grant("B", "arn:policy/B", tags) == UserRecord.of("B", ())


def test_for_a_user_of_the_version_before_the_creation_is_that_of_aws() -> None:
    made = datetime(2025, 6, 1, 8, 0, 0, tzinfo=timezone.utc)
    tags = user_tags(UserRecord.of("A", ()), RUN, tags={}, observed=POLICY_OF_VERSION_BEFORE, created=made)

    assert creation_of(tags).time == made


def test_a_record_of_the_longest_policy_name_fits_into_a_tag() -> None:
    record = UserRecord.of("P" * 128, [f"arn:{number}" for number in range(10)])

    assert len(record.key) <= 128
    assert len(record.value) <= 256
    assert user_records({record.key: record.value}) == (record,)


def test_the_records_of_two_policies_have_different_keys() -> None:
    assert UserRecord.of("PolicyA", ()).key != UserRecord.of("PolicyB", ()).key


def test_tags_survive_the_way_to_iam_and_back() -> None:
    tags = tags_of("S3Read", team="data")

    assert tags_from_list(tags_to_list(tags)) == tags
