"""How records name the own policy of a grant that uses a console user."""

from __future__ import annotations

from xacct.resources.ownership_tags import UserRecord
from xacct.resources.user_sharing import has_own_policy

OWN, SAME_NAME = "arn:aws:iam::222222222222:policy/teams/Reader", "arn:aws:iam::aws:policy/Reader"


def test_the_own_policy_of_a_grant_has_the_name_of_its_record_and_belongs_to_the_account() -> None:
    record = UserRecord.of("Reader", [OWN, SAME_NAME])

    assert has_own_policy(record, [SAME_NAME, OWN])
    assert not has_own_policy(record, [SAME_NAME])
    assert not has_own_policy(record, [OWN.replace("/teams", "")])
    assert not has_own_policy(UserRecord.of("Writer", [OWN]), [OWN])
