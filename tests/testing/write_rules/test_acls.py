"""The ACLs that S3 accepts in a bucket that has them; those that it refuses are in the recorded answers."""

from __future__ import annotations

from typing import Any

import pytest
from tests.testing.conftest import REGION, Two

GROUP = "http://acs.amazonaws.com/groups/s3/LogDelivery"
OWNER = "0123456789abcdef" * 4


@pytest.fixture
def s3(two: Two) -> Any:
    s3 = two.prod.client("s3")
    where = {"LocationConstraint": REGION}
    s3.create_bucket(Bucket="reports", CreateBucketConfiguration=where, ObjectOwnership="ObjectWriter")
    s3.put_object(Bucket="reports", Key="k", Body=b"42", ACL="bucket-owner-read")
    return s3


@pytest.mark.parametrize(
    "options",
    [
        {"ACL": "log-delivery-write"},
        {"GrantWrite": f'uri="{GROUP}"', "GrantReadACP": f'uri="{GROUP}", id="{OWNER}"'},
        {
            "AccessControlPolicy": {
                "Owner": {"ID": OWNER},
                "Grants": [
                    {"Grantee": {"Type": "Group", "URI": GROUP}, "Permission": "WRITE"},
                    {"Grantee": {"Type": "CanonicalUser", "ID": OWNER}, "Permission": "FULL_CONTROL"},
                ],
            }
        },
    ],
)
def test_an_acl_is_a_canned_one_grants_or_a_document(s3: Any, options: dict[str, Any]) -> None:
    s3.put_bucket_acl(Bucket="reports", **options)
    if "ACL" not in options:
        s3.put_object_acl(Bucket="reports", Key="k", **options)
