"""AWS reads that several modules share: the caller identity, policy documents, and a bucket's region and KMS key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

from botocore.exceptions import BotoCoreError, ClientError, SSOError, TokenRetrievalError

from xacct.arn import Arn
from xacct.errors import AwsError, PolicyError, SessionExpired
from xacct.policy import PolicyDocument
from xacct.retry import Patience, attempt, code_of

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sts import STSClient

__all__ = [
    "bucket_kms_key",
    "bucket_region",
    "caller_arn",
    "managed_policy_document",
    "managed_policy_or_error",
    "parsed_document",
    "sign_in_expired",
]


def caller_arn(sts: STSClient, session_name: str, *, patience: Patience | None = None) -> Arn:
    """Return the ARN of the caller whose credentials a client uses.

    Args:
        sts: the client.
        session_name: which session the client belongs to, for errors, such as ``trusting``.
        patience: how long to retry; 30 seconds if not given.

    Raises:
        SessionExpired: the credentials, or the sign-in to IAM Identity Center, have expired.
        AwsError: there are no credentials, or they do not work.

    Source: https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
    """
    doing = f"reading the caller identity of the {session_name} session"
    try:
        identity = attempt(
            sts.get_caller_identity,
            doing=doing,
            account="(unknown)",
            resource="*",
            patience=patience or Patience(deadline=30),
        )
    except (SSOError, TokenRetrievalError) as error:
        raise sign_in_expired(error, doing=doing) from error
    except BotoCoreError as error:
        raise AwsError(f"{doing} failed: {error}. Check its profile and credentials", doing=doing) from error
    except AwsError as error:
        if error.code not in ("ExpiredToken", "ExpiredTokenException"):
            raise
        message = f"{doing} failed: its credentials have expired. Sign in again"
        raise SessionExpired(message, doing=doing, code=error.code) from error
    return Arn.parse(identity["Arn"])


def sign_in_expired(error: BotoCoreError, *, doing: str) -> SessionExpired:
    """Return the error to raise if a session's sign-in to IAM Identity Center has expired.

    Args:
        error: the error of botocore.
        doing: the operation that failed.
    """
    return SessionExpired(
        f"{doing} failed: the sign-in to IAM Identity Center has expired. Run aws sso login. Cause: {error}",
        doing=doing,
    )


def parsed_document(answer: object, *, name: str | None = None) -> PolicyDocument:
    """Return the policy document of an IAM response. botocore has decoded it, although its type is text.

    Raises:
        PolicyError: the document is not well formed.
    """
    return PolicyDocument.parse(cast("Mapping[str, object] | str", answer), name=name)


def managed_policy_document(iam: IAMClient, arn: str, *, name: str | None = None) -> PolicyDocument:
    """Return the document of a managed policy's default version.

    Args:
        iam: a client of an account that can see the policy.
        arn: the policy's ARN.
        name: what explanations call it; its ARN if not given.

    Raises:
        ClientError: AWS refused.
        PolicyError: the document is not well formed.
    """
    version = iam.get_policy(PolicyArn=arn)["Policy"].get("DefaultVersionId", "v1")
    answer = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]
    return parsed_document(answer.get("Document"), name=name or arn)


def managed_policy_or_error(iam: IAMClient, arn: str) -> tuple[PolicyDocument | None, str]:
    """Return the document of a managed policy's default version, or None and the reason why it could not be read."""
    try:
        return managed_policy_document(iam, arn), ""
    except (ClientError, BotoCoreError, PolicyError) as error:
        return None, str(error)


def bucket_region(s3: S3Client, bucket: str) -> str:
    """Return the region of a bucket.

    Raises:
        ClientError: AWS refused.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketLocation.html
    """
    # The client types leave out that S3 answers with no value for us-east-1.
    location = cast("str | None", s3.get_bucket_location(Bucket=bucket)["LocationConstraint"])
    if not location:
        return "us-east-1"
    # Buckets that were created in eu-west-1 before regions had names.
    return "eu-west-1" if location == "EU" else location


def bucket_kms_key(s3: S3Client, bucket: str) -> str | None:
    """Return the id, ARN or alias of the KMS key with which a bucket encrypts by default; None if it names none.

    Raises:
        ClientError: AWS refused.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketEncryption.html
    """
    try:
        answer = s3.get_bucket_encryption(Bucket=bucket)
    except s3.exceptions.ClientError as error:
        if code_of(error) == "ServerSideEncryptionConfigurationNotFoundError":
            return None
        raise
    for rule in answer["ServerSideEncryptionConfiguration"]["Rules"]:
        default = rule.get("ApplyServerSideEncryptionByDefault")
        if default is not None and default["SSEAlgorithm"].startswith("aws:kms"):
            return default.get("KMSMasterKeyID")
    return None
