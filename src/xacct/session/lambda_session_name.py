"""lambda_session_name: the role session name that leads to the instance of the Lambda function that used a role."""

from __future__ import annotations

import os

from xacct.limits import ROLE_SESSION_NAME

__all__ = ["lambda_session_name"]


def lambda_session_name() -> str | None:
    """Return a role session name for the AWS Lambda function in which the program runs; None outside of Lambda.

    The name is ``function.version.instance``, cut to 64 characters. The version is left out for ``$LATEST``. The
    instance is the last part of the name of its log stream, so that an entry in the trusting account's CloudTrail logs
    leads to the logs of the run; Lambda does not tell it to functions with SnapStart.

    Without this name, `xacct.assume_role` uses that of the calling role session. For a Lambda function, that is the
    name of the function. Outside of Lambda, None means the same default, so that the code can run anywhere.

    >>> from xacct import assume_role, lambda_session_name
    >>> import boto3
    >>> print(lambda_session_name())
    None
    >>> base = boto3.Session("AKIAEXAMPLE", "secret", region_name="eu-west-1")
    >>> session = assume_role(
    ...     base, "arn:aws:iam::111111111111:role/Reader", session_name=lambda_session_name(), validate=False)

    Source: https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime
    """
    function = os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "")
    version = os.environ.get("AWS_LAMBDA_FUNCTION_VERSION", "")
    # A log stream is named 2030/01/31/[$LATEST]0123456789abcdef, with the function's name before the bracket if several
    # functions share a log group.
    instance = os.environ.get("AWS_LAMBDA_LOG_STREAM_NAME", "").partition("]")[2]
    parts = [function, version if version != "$LATEST" else "", instance]
    name = ".".join(part for part in parts if part)[: ROLE_SESSION_NAME.longest]
    return name if function and ROLE_SESSION_NAME.allows(name) else None
