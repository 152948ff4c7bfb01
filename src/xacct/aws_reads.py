"""AWS reads that several modules share: the caller identity, policy documents, and a bucket's region and KMS key."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Literal, cast

import botocore.exceptions
from botocore.exceptions import (
    BotoCoreError,
    ConfigNotFound,
    ConfigParseError,
    CredentialRetrievalError,
    InvalidConfigError,
    MetadataRetrievalError,
    MissingDependencyException,
    NoAuthTokenError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    RefreshWithMFAUnsupportedError,
    SSOError,
    TokenRetrievalError,
    UnknownCredentialError,
)

from xacct.arn import Arn
from xacct.errors import AwsError, InvalidCredentials, SessionExpired
from xacct.retry import EXPIRED_CODES, Patience, attempt, code_of

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sts import STSClient

    from xacct.policy import PolicyDocument

__all__ = [
    "REJECTED_CODES",
    "bucket_kms_key",
    "bucket_region",
    "caller_arn",
    "credentials_error",
    "credentials_rejected",
    "inline_policies_of_role",
    "inline_policy_of_role",
    "managed_policy_document",
    "no_credentials",
    "parsed_document",
    "policies_of_role",
    "policies_of_user",
    "principals_of_policy",
    "read_managed_policy",
    "session_label",
]


def _of_aws_login(*names: str) -> tuple[type[BotoCoreError], ...]:
    # botocore has these errors since `aws login` exists, which is later than the oldest version that xacct supports.
    found = (getattr(botocore.exceptions, name, None) for name in names)
    return tuple(error for error in found if isinstance(error, type) and issubclass(error, BotoCoreError))


_SIGN_IN_EXPIRED = (SSOError, TokenRetrievalError, NoAuthTokenError)
_LOGIN_EXPIRED = _of_aws_login("LoginRefreshRequired", "LoginTokenLoadError")
_NOT_LOADED: tuple[type[BotoCoreError], ...] = (
    ConfigNotFound,
    ConfigParseError,
    CredentialRetrievalError,
    InvalidConfigError,
    MetadataRetrievalError,
    MissingDependencyException,
    PartialCredentialsError,
    ProfileNotFound,
    RefreshWithMFAUnsupportedError,
    UnknownCredentialError,
    *_of_aws_login("LoginError"),
)
REJECTED_CODES = frozenset(
    {"AuthFailure", "InvalidClientTokenId", "SignatureDoesNotMatch", "UnrecognizedClientException"}
)
"""AWS's error codes for an access key that it does not know, or with which the request was not signed."""

_HOW_TO_GET_CREDENTIALS = "Pass a session with a profile that has some, such as boto3.Session(profile_name='prod')"


def caller_arn(
    sts: STSClient, session_name: str, *, patience: Patience | None = None, profile: str | None = None
) -> Arn:
    """Return the ARN of the caller whose credentials a client uses.

    Args:
        sts: the client.
        session_name: which session the client belongs to, for errors, such as ``trusting``.
        patience: how long to retry; 30 seconds if not given.
        profile: the session's profile, for errors; None if it is not known.

    Raises:
        SessionExpired: the credentials, or the sign-in to IAM Identity Center, have expired.
        InvalidCredentials: there are no credentials, or AWS rejects them.
        AwsError: AWS could not be reached, or refused.

    Source: https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
    """
    doing = f"reading the caller identity of {session_label(session_name)}"
    try:
        identity = attempt(
            sts.get_caller_identity,
            doing=doing,
            account="(unknown)",
            resource="*",
            patience=patience or Patience(deadline=30),
        )
    except Exception as error:
        explained = credentials_error(error, doing=doing, whose="its", profile=profile)
        if explained is None and isinstance(error, AwsError) and error.code is None:
            explained = _no_connection(error, doing, sts.meta.endpoint_url)
        if explained is None and isinstance(error, BotoCoreError):
            explained = AwsError(f"{doing} failed: {error}. Check its profile and region", doing=doing)
        if explained is None:
            raise
        raise explained from error
    return Arn.parse(identity["Arn"])


def session_label(name: str) -> str:
    """Return what errors call a session, such as ``the trusting session``.

    Args:
        name: the session's name; ``session`` if there is only one.
    """
    return "the session" if name == "session" else f"the {name} session"


def credentials_error(
    error: Exception, *, doing: str, whose: str, profile: str | None = None, account: str | None = None
) -> AwsError | None:
    """Return the error to raise if a session's credentials have expired, are missing or are rejected.

    Args:
        error: an error of botocore, or an AwsError for AWS's answer.
        doing: the operation that failed.
        whose: what the message puts before "credentials", such as ``the trusting session's``.
        profile: the session's profile, for the command that renews the credentials; None if it is not known.
        account: the session's account, if it is known.

    Returns:
        None if the error has nothing to do with credentials.
    """
    # A new access key is unknown for some seconds: that is no reason to replace it.
    if isinstance(error, AwsError) and type(error) is not AwsError and not isinstance(error, SessionExpired):
        return None
    code = error.code if isinstance(error, AwsError) else None
    option = f" --profile {profile}" if profile else ""
    kind: type[AwsError] = SessionExpired
    if isinstance(error, _SIGN_IN_EXPIRED):
        reason = f"the sign-in for {whose} credentials has expired. Run aws sso login{option}, or sign in as before"
    elif isinstance(error, _LOGIN_EXPIRED):
        reason = f"the sign-in for {whose} credentials has expired. Run aws login{option}"
    elif code in EXPIRED_CODES or (isinstance(error, RuntimeError) and "credentials are still expired" in str(error)):
        reason = f"{whose} credentials have expired. Sign in again, such as with aws sso login{option}"
    elif isinstance(error, NoCredentialsError):
        kind = InvalidCredentials
        reason = f"{whose} credentials were not found. {_HOW_TO_GET_CREDENTIALS}"
    elif isinstance(error, _NOT_LOADED):
        kind = InvalidCredentials
        reason = f"{whose} credentials could not be loaded. Check the profile{f' {profile}' if profile else ''}"
    elif code in REJECTED_CODES:
        kind = InvalidCredentials
        reason = credentials_rejected(whose)
    else:
        return None
    cause = error.__cause__ if isinstance(error, AwsError) and error.__cause__ else error
    found = kind(f"{doing} failed: {reason}. Cause: {cause}", doing=doing, account=account, code=code)
    found.ambiguous = isinstance(error, AwsError) and error.ambiguous
    return found


def credentials_rejected(whose: str) -> str:
    """Return what a message says about credentials that AWS rejects with one of `REJECTED_CODES`.

    Args:
        whose: what the message puts before "credentials", such as ``its``.
    """
    return (
        f"AWS rejects {whose} credentials. Check that the access key exists, is active and belongs to this partition, "
        "and that the clock of this computer is right"
    )


def no_credentials(doing: str, whose: str) -> InvalidCredentials:
    """Return the error to raise if a session has no credentials.

    Args:
        doing: the operation that needs them.
        whose: what the message puts before "credentials", such as ``its``.
    """
    return InvalidCredentials(
        f"{doing} failed: {whose} credentials were not found. {_HOW_TO_GET_CREDENTIALS}", doing=doing
    )


def _no_connection(error: AwsError, doing: str, endpoint: str) -> AwsError:
    return AwsError(
        f"{doing} failed: AWS could not be reached at {endpoint}. Check the network, the proxy and the session's "
        f"region. Cause: {error.__cause__}",
        doing=doing,
        ambiguous=error.ambiguous,
    )


def parsed_document(answer: object, *, name: str | None = None) -> PolicyDocument:
    """Return the policy document of an IAM response. botocore has decoded it, although its type is text.

    Raises:
        PolicyError: the document is not well formed.
    """
    # Imported here, because a session reads no policy.
    from xacct.policy import PolicyDocument

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


def read_managed_policy(iam: IAMClient, arn: str, *, account: str) -> PolicyDocument:
    """Return the document of a managed policy's default version. Retries for at most 30 seconds.

    Args:
        iam: a client of an account that can see the policy.
        arn: the policy's ARN.
        account: the account of the client's session, for errors.

    Raises:
        SessionExpired: the session's credentials have expired.
        InvalidCredentials: there are no credentials, or AWS rejects them.
        AwsError: AWS could not be reached, or refused.
        PolicyError: the document is not well formed.
    """
    doing = f"reading policy {arn}"
    call = partial(managed_policy_document, iam, arn)
    try:
        return attempt(call, doing=doing, account=account, resource=arn, patience=Patience(deadline=30))
    except Exception as error:
        explained = credentials_error(error, doing=doing, whose="the session's", account=account)
        if explained is None and isinstance(error, BotoCoreError):
            explained = AwsError(f"{doing} failed: {error}", doing=doing, account=account)
        if explained is None:
            raise
        raise explained from error


def policies_of_role(iam: IAMClient, role_name: str) -> list[str]:
    """Return the ARNs of the managed policies that are attached to a role, sorted: IAM documents no order.

    Raises:
        ClientError: AWS refused.
    """
    pages = iam.get_paginator("list_attached_role_policies").paginate(RoleName=role_name)
    return sorted(policy["PolicyArn"] for page in pages for policy in page["AttachedPolicies"])


def policies_of_user(iam: IAMClient, user_name: str) -> list[str]:
    """Return the ARNs of the managed policies that are attached to a user, sorted: IAM documents no order.

    Raises:
        ClientError: AWS refused.
    """
    pages = iam.get_paginator("list_attached_user_policies").paginate(UserName=user_name)
    return sorted(policy["PolicyArn"] for page in pages for policy in page["AttachedPolicies"])


def inline_policies_of_role(iam: IAMClient, role_name: str) -> list[str]:
    """Return the names of a role's inline policies.

    Raises:
        ClientError: AWS refused.
    """
    pages = iam.get_paginator("list_role_policies").paginate(RoleName=role_name)
    return [name for page in pages for name in page["PolicyNames"]]


def inline_policy_of_role(iam: IAMClient, role_name: str, policy_name: str) -> PolicyDocument:
    """Return the document of a role's inline policy.

    Raises:
        ClientError: AWS refused.
        PolicyError: the document is not well formed.
    """
    answer = iam.get_role_policy(RoleName=role_name, PolicyName=policy_name)
    return parsed_document(answer["PolicyDocument"], name=policy_name)


def principals_of_policy(iam: IAMClient, policy_arn: str) -> frozenset[tuple[Literal["user", "group", "role"], str]]:
    """Return the kind and the name of each principal that has a managed policy, not as its boundary.

    Raises:
        ClientError: AWS refused.

    Source: https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListEntitiesForPolicy.html
    """
    found: set[tuple[Literal["user", "group", "role"], str]] = set()
    pages = iam.get_paginator("list_entities_for_policy")
    # Without the filter, AWS also lists those whose permissions boundary it is.
    for page in pages.paginate(PolicyArn=policy_arn, PolicyUsageFilter="PermissionsPolicy"):
        found.update(("user", user["UserName"]) for user in page["PolicyUsers"])
        found.update(("group", group["GroupName"]) for group in page["PolicyGroups"])
        found.update(("role", role["RoleName"]) for role in page["PolicyRoles"])
    return frozenset(found)


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
