"""Typical code: the development account reads the newest report of the production account through a role."""

from __future__ import annotations

import boto3

ROLE = "arn:aws:iam::111111111111:role/ReportReader"


def newest_report(development: boto3.Session) -> str:
    """Return the text of the newest report."""
    answer = development.client("sts").assume_role(RoleArn=ROLE, RoleSessionName="reports", ExternalId="acme-42")
    keys = answer["Credentials"]
    production = boto3.Session(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])
    s3 = production.client("s3", region_name="eu-central-1")
    names = [entry["Key"] for entry in s3.list_objects_v2(Bucket="reports")["Contents"]]
    return s3.get_object(Bucket="reports", Key=max(names))["Body"].read().decode()
