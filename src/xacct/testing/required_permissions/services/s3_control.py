"""The permissions of Amazon S3 Control: Block Public Access of accounts, and access points.

Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
"""

from __future__ import annotations

from xacct.testing.required_permissions.service_rules import Needs, ServiceRules

__all__ = ["RULES"]

RULES = ServiceRules(
    prefix="s3",
    operations={
        "DeletePublicAccessBlock": (Needs(action="PutAccountPublicAccessBlock"),),
        "GetPublicAccessBlock": (Needs(action="GetAccountPublicAccessBlock"),),
        "PutPublicAccessBlock": (Needs(action="PutAccountPublicAccessBlock"),),
    },
    names={"AccessPointName": "Name"},
    owner="AccountId",
)
