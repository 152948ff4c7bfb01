"""What S3 Object Lock permits; what it refuses is in the recorded answers."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest
from tests.testing.conftest import REGION, Two, refusal

YEAR_2040, YEAR_2041 = (datetime(year, 1, 1, tzinfo=timezone.utc) for year in (2040, 2041))
LOCKED = "403 AccessDenied: Access Denied because object protected by object lock."


@pytest.fixture
def s3(two: Two) -> Any:
    s3 = two.prod.client("s3")
    where = {"LocationConstraint": REGION}
    s3.create_bucket(Bucket="reports", CreateBucketConfiguration=where, ObjectLockEnabledForBucket=True)
    s3.put_object(Bucket="reports", Key="k", Body=b"42")
    return s3


def retain(s3: Any, mode: str, until: datetime, **options: Any) -> None:
    retention = {"Mode": mode, "RetainUntilDate": until}
    s3.put_object_retention(Bucket="reports", Key="k", Retention=retention, **options)


@pytest.mark.parametrize("mode", ["GOVERNANCE", "COMPLIANCE"])
def test_a_retention_can_be_extended(s3: Any, mode: str) -> None:
    retain(s3, mode, YEAR_2040)
    retain(s3, mode, YEAR_2041)
    assert s3.get_object_retention(Bucket="reports", Key="k")["Retention"]["RetainUntilDate"] == YEAR_2041


def test_governance_can_be_bypassed_and_made_stricter(s3: Any) -> None:
    retain(s3, "GOVERNANCE", YEAR_2041)
    retain(s3, "GOVERNANCE", YEAR_2040, BypassGovernanceRetention=True)
    retain(s3, "COMPLIANCE", YEAR_2040)
    assert refusal(retain, s3=s3, mode="GOVERNANCE", until=YEAR_2041, BypassGovernanceRetention=True) == LOCKED


def test_an_expired_retention_can_be_replaced(two: Two, s3: Any) -> None:
    retain(s3, "COMPLIANCE", YEAR_2040)
    two.aws.clock.advance((YEAR_2041 - two.aws.clock.now()).total_seconds())
    later = datetime(2041, 6, 1, tzinfo=timezone.utc)
    two.aws.account("111111111111").session.client("s3").put_object_retention(
        Bucket="reports", Key="k", Retention={"Mode": "GOVERNANCE", "RetainUntilDate": later}
    )


@pytest.mark.parametrize("duration", [{"Days": 1}, {"Years": 1}])
def test_the_default_retention_of_a_bucket_is_in_days_or_years(s3: Any, duration: dict[str, int]) -> None:
    rule = {"DefaultRetention": {"Mode": "GOVERNANCE", **duration}}
    s3.put_object_lock_configuration(
        Bucket="reports", ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": rule}
    )
    s3.put_object(Bucket="reports", Key="later", Body=b"42")
    assert s3.get_object_retention(Bucket="reports", Key="later")["Retention"]["Mode"] == "GOVERNANCE"
    found = s3.get_object_lock_configuration(Bucket="reports")["ObjectLockConfiguration"]["Rule"]["DefaultRetention"]
    assert found == {"Mode": "GOVERNANCE", **duration}
    s3.put_object_legal_hold(Bucket="reports", Key="k", LegalHold={"Status": "ON"})
    assert s3.get_object_legal_hold(Bucket="reports", Key="k")["LegalHold"] == {"Status": "ON"}
