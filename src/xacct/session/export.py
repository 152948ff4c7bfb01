"""A role's credentials for other programs: ``credential_process`` output, environment variables, an endpoint's answer.

All contain secrets. Do not log them.
"""

from __future__ import annotations

import json
from datetime import timezone

import boto3

from xacct.errors import InvalidValue
from xacct.session.credentials import AssumedRoleCredentials, Lease

__all__ = ["container_credentials", "credential_process", "environment_variables"]


def credential_process(session: boto3.Session) -> str:
    """Return the JSON that a ``credential_process`` in ``~/.aws/config`` must print.

    Args:
        session: a session that `xacct.assume_role` returned.

    Raises:
        InvalidValue: the session comes from somewhere else.
        AwsError: the role had to be assumed again, and AWS refused.

    Source: https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html
    """
    lease = _credentials(session).lease()
    return json.dumps(
        {
            "Version": 1,
            "AccessKeyId": lease.access_key,
            "SecretAccessKey": lease.secret_key,
            "SessionToken": lease.token,
            "Expiration": _expiration(lease),
            "AccountId": lease.account,
        }
    )


def environment_variables(session: boto3.Session) -> dict[str, str]:
    """Return the environment variables with which another program acts as the role, until the credentials expire.

    Args:
        session: a session that `xacct.assume_role` returned.

    Raises:
        InvalidValue: the session comes from somewhere else.
        AwsError: the role had to be assumed again, and AWS refused.

    Source: https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-envvars.html
    """
    lease = _credentials(session).lease()
    variables = {
        "AWS_ACCESS_KEY_ID": lease.access_key,
        "AWS_SECRET_ACCESS_KEY": lease.secret_key,
        "AWS_SESSION_TOKEN": lease.token,
        "AWS_CREDENTIAL_EXPIRATION": _expiration(lease),
    }
    if session.region_name:
        variables |= {"AWS_REGION": session.region_name, "AWS_DEFAULT_REGION": session.region_name}
    return variables


def container_credentials(session: boto3.Session) -> str:
    """Return the JSON with which a container credentials endpoint answers, as those of Amazon ECS and EKS do.

    Args:
        session: a session that `xacct.assume_role` returned.

    Raises:
        InvalidValue: the session comes from somewhere else.
        AwsError: the role had to be assumed again, and AWS refused.

    Source: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html
    """
    credentials = _credentials(session)
    lease = credentials.lease()
    return json.dumps(
        {
            "RoleArn": str(credentials.request.role_arn),
            "AccessKeyId": lease.access_key,
            "SecretAccessKey": lease.secret_key,
            "Token": lease.token,
            # Version 1 of the AWS SDK for Java reads no other form of UTC.
            "Expiration": _expiration(lease).replace("+00:00", "Z"),
            "AccountId": lease.account,
        }
    )


def _credentials(session: boto3.Session) -> AssumedRoleCredentials:
    credentials = session.get_credentials() if isinstance(session, boto3.Session) else None
    if not isinstance(credentials, AssumedRoleCredentials):
        raise InvalidValue("session", session, "a session that assume_role returned")
    return credentials


def _expiration(lease: Lease) -> str:
    return lease.expires.astimezone(timezone.utc).isoformat(timespec="seconds")
