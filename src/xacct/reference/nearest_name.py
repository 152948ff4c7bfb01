"""The name that somebody meant who wrote an unknown one."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from xacct.reference.actions import find_action
from xacct.reference.condition_keys import GLOBAL_KEYS
from xacct.reference.resource_formats import arn_formats, arn_services
from xacct.reference.service_data import action_entries, condition_key_entries, services

__all__ = ["nearest_action", "nearest_arn_format", "nearest_arn_service", "nearest_condition_key"]

# API operations that are allowed by an action of another name, which is not the nearest one.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
# https://docs.aws.amazon.com/lambda/latest/dg/lambda-api-permissions-ref.html
# https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
_ACTIONS_OF_OPERATIONS = {
    "iam:assumerole": "sts:AssumeRole",
    "lambda:invoke": "lambda:InvokeFunction",
    "s3:completemultipartupload": "s3:PutObject",
    "s3:copyobject": "s3:PutObject",
    "s3:createmultipartupload": "s3:PutObject",
    "s3:deleteobjects": "s3:DeleteObject",
    "s3:getbucketencryption": "s3:GetEncryptionConfiguration",
    "s3:getbucketlifecycleconfiguration": "s3:GetLifecycleConfiguration",
    "s3:headbucket": "s3:ListBucket",
    "s3:headobject": "s3:GetObject",
    "s3:listbuckets": "s3:ListAllMyBuckets",
    "s3:listmultipartuploads": "s3:ListBucketMultipartUploads",
    "s3:listobjects": "s3:ListBucket",
    "s3:listobjectsv2": "s3:ListBucket",
    "s3:listobjectversions": "s3:ListBucketVersions",
    "s3:listparts": "s3:ListMultipartUploadParts",
    "s3:putbucketencryption": "s3:PutEncryptionConfiguration",
    "s3:putbucketlifecycleconfiguration": "s3:PutLifecycleConfiguration",
    "s3:uploadpart": "s3:PutObject",
}


@lru_cache(maxsize=1024)
def nearest_action(name: str) -> str | None:
    """Return the action that an unknown name probably means; None if no name is near.

    The name of an API operation gives the action that allows it.

    >>> nearest_action("s3:GetObjects"), nearest_action("s3:ListBuckets"), nearest_action("s33:GetObject")
    ('s3:GetObject', 's3:ListAllMyBuckets', 's3:GetObject')
    """
    lower = name.lower()
    if lower in _ACTIONS_OF_OPERATIONS:
        return _ACTIONS_OF_OPERATIONS[lower]
    prefix, colon, own_name = lower.partition(":")
    if not colon:
        return None
    service = prefix if prefix in services() else _nearest(prefix, services())
    action = None if service is None else _nearest(own_name, action_entries(service))
    return None if action is None else str(find_action(f"{service}:{action}"))


@lru_cache(maxsize=1024)
def nearest_condition_key(name: str) -> str | None:
    """Return the condition key that an unknown name probably means; None if no name is near.

    >>> nearest_condition_key("aws:PrincipalOrgId"), nearest_condition_key("aws:SourceIpAddress")
    ('aws:PrincipalOrgID', 'aws:SourceIp')
    """
    listed = {name: key.name for name, key in GLOBAL_KEYS.items()}
    listed |= {key: entry["key"] for key, entry in condition_key_entries(name.lower().partition(":")[0]).items()}
    nearest = _nearest(name.lower(), listed)
    return None if nearest is None else listed[nearest]


@lru_cache(maxsize=1024)
def nearest_arn_service(name: str) -> str | None:
    """Return the service of an ARN that an unknown one probably means; None if no name is near.

    >>> nearest_arn_service("dynamo"), nearest_arn_service("S3")
    ('dynamodb', 's3')
    """
    return name.lower() if name.lower() in arn_services() else _nearest(name.lower(), sorted(arn_services()))


@lru_cache(maxsize=1024)
def nearest_arn_format(arn: str) -> str | None:
    """Return the format of an ARN that an unknown one probably means; None if no format of the service is near.

    Args:
        arn: an ARN with six parts.

    >>> nearest_arn_format("arn:aws:dynamodb:eu-central-1:111111111111:tabel/orders")
    'arn:${Partition}:dynamodb:${Region}:${Account}:table/${TableName}'
    >>> nearest_arn_format("arn:aws:s3:eu-central-1::reports")
    'arn:${Partition}:s3:::${BucketName}'
    """
    parts = arn.split(":", 5)
    of_type: dict[str, str] = {}
    for arn_format in sorted(arn_formats(parts[2]), key=len, reverse=True):
        of_type[_type_in(arn_format.split(":", 5)[5]).lower()] = arn_format  # the shortest format stays
    nearest = _nearest(_type_in(parts[5]).lower(), of_type)
    # Some services have a type without a name, as Amazon S3 has buckets.
    return of_type.get("" if nearest is None else nearest)


def _type_in(resource: str) -> str:
    """Return the type that the last part of an ARN or of a format begins with, such as ``table/``; else nothing."""
    found = re.match(r"/?[^/:$*?]+[/:]|[^/:$*?]+$", resource)
    return "" if found is None else found[0]


def _nearest(name: str, names: Iterable[str]) -> str | None:
    # Needed for errors only.
    import difflib

    return next(iter(difflib.get_close_matches(name, names, n=1, cutoff=0.7)), None)
