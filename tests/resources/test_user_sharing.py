"""How long a removal relies on what it read of a console user, and how records name the own policy of a grant."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from xacct.resources import user_sharing
from xacct.resources.ownership_tags import UserRecord
from xacct.resources.user_sharing import has_own_policy, is_recent_read, seconds_to_wait
from xacct.retry import Patience

OWN, SAME_NAME = "arn:aws:iam::222222222222:policy/teams/Reader", "arn:aws:iam::aws:policy/Reader"


@pytest.mark.parametrize(
    ("seconds", "longest", "is_recent"),
    [(0, 5, True), (5, 5, True), (5.1, 5, False), (5.1, 60, False), (1, 1, True), (1.1, 1, False), (-1, 5, False)],
)
def test_a_read_is_recent_for_the_longest_wait_and_five_seconds_at_most(
    monkeypatch: pytest.MonkeyPatch, seconds: float, longest: float, is_recent: bool
) -> None:
    monkeypatch.setattr(user_sharing, "time", SimpleNamespace(time=lambda: 1000 + seconds))

    assert is_recent_read(1000, Patience(longest=longest)) is is_recent


def test_a_read_at_an_unknown_time_is_not_recent() -> None:
    assert not is_recent_read(float("-inf"), Patience())


def test_a_grant_waits_longer_than_a_removal_relies_on_what_it_read() -> None:
    assert seconds_to_wait(Patience()) == 10


def test_the_own_policy_of_a_grant_has_the_name_of_its_record_and_belongs_to_the_account() -> None:
    record = UserRecord.of("Reader", [OWN, SAME_NAME])

    assert has_own_policy(record, [SAME_NAME, OWN])
    assert not has_own_policy(record, [SAME_NAME])
    assert not has_own_policy(record, [OWN.replace("/teams", "")])
    assert not has_own_policy(UserRecord.of("Writer", [OWN]), [OWN])
