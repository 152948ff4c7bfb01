"""Links that sign in to the AWS console with the credentials of a role session, through AWS's federation endpoint."""

from __future__ import annotations

import json
import re
import ssl
import urllib.request
from datetime import timedelta
from http import HTTPStatus
from http.client import HTTPException
from typing import TYPE_CHECKING, cast
from urllib.error import HTTPError
from urllib.parse import urlencode, urlsplit

import boto3
from botocore.awsrequest import AWSRequest
from botocore.httpsession import get_cert_path

from xacct.arn import Arn, partition
from xacct.aws_reads import caller_arn
from xacct.errors import AwsError, InvalidValue
from xacct.limits import ASSUME_ROLE_SECONDS
from xacct.session.credentials import AssumedRoleCredentials
from xacct.session.role_request import seconds_of
from xacct.session.sts_errors import errors_of_botocore

if TYPE_CHECKING:
    from botocore.awsrequest import AWSPreparedRequest
    from botocore.credentials import Credentials

__all__ = ["console_url"]

_DOING = "getting a sign-in token for the console"
_TIMEOUT = 30
_SERVICE = re.compile(r"[a-z0-9-]+")
_PATH = re.compile(r"[a-z0-9-]+[/?#][!-~]*")


def console_url(
    session: boto3.Session,
    destination: str = "",
    *,
    duration: int | timedelta | None = None,
    issuer: str | None = None,
) -> str:
    """Return a link that signs in to the AWS console as a role session, without a user name and a password.

    The link is a secret: it contains a token, and whoever opens it within 15 minutes acts as the session. xacct neither
    logs nor stores it. For people who sign in with a user or with IAM Identity Center, a `SwitchRoleLink` is better: it
    contains no secret, and CloudTrail shows who switched.

    Args:
        session: a role session, such as one that `assume_role` returned. The console does not accept the access keys of
            an IAM user, nor temporary credentials of a user: assume a role first.
        destination: what the console shows: a service such as ``s3``, a path such as ``s3/buckets/reports``, or a URL
            of the console; empty for its home page. A service is shown in the session's region.
        duration: how long the console session lasts, in seconds or as a timedelta: 15 minutes to 12 hours; None for as
            long as the credentials are valid. AWS rejects a duration for a session of role chaining.
        issuer: the URL of a page that the console shows when its session ends, to sign in again; None for none.

    Raises:
        InvalidValue: an argument is not valid, or the session is not a role session; the endpoint was not called.
        SessionExpired: the session's credentials have expired.
        InvalidCredentials: there are no credentials, or AWS rejects them.
        AwsError: AWS refused, or could not be reached.

    >>> from xacct import console_url, grant_cross_account_read
    >>> from xacct.testing import Sandbox
    >>> with Sandbox(["111111111111", "222222222222"]) as aws:
    ...     production, development = (aws.account(id).session for id in ("111111111111", "222222222222"))
    ...     access = grant_cross_account_read(production, development)
    ...     link = console_url(access.session(), "s3")
    ...     link.partition("&SigninToken=")[0]
    'https://signin.aws.amazon.com/federation?Action=login&Destination=https%3A%2F%2Fconsole.aws.amazon.com%2Fs3%2Fhome%3Fregion%3Deu-central-1'

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_enable-console-custom-url.html
    """
    seconds = _checked_duration(duration, session)
    caller = _role_of(session)
    place = partition(caller.partition)
    if place.signin_host is None or place.console_host is None:
        raise InvalidValue("session", place.name, "AWS does not publish the console's address in this partition")
    target = _destination(destination, place.console_host, session.region_name)
    if issuer is not None and urlsplit(issuer).scheme != "https":
        raise InvalidValue("issuer", issuer, "the https URL of a page to sign in again, or None")
    endpoint = f"https://{place.signin_host}/federation"
    token = _signin_token(session, endpoint, seconds, caller.account)
    query = {"Action": "login", "Destination": target, "SigninToken": token}
    if issuer is not None:
        query["Issuer"] = issuer
    return f"{endpoint}?{urlencode(query)}"


def _checked_duration(duration: int | timedelta | None, session: boto3.Session) -> int | None:
    if not isinstance(session, boto3.Session):
        raise InvalidValue("session", type(session).__name__, "a boto3.Session in a role, as assume_role returns it")
    seconds = seconds_of(duration)
    if seconds is None:
        return None
    if seconds not in ASSUME_ROLE_SECONDS:
        rule = (
            f"a whole number of seconds from {ASSUME_ROLE_SECONDS.least} to {ASSUME_ROLE_SECONDS.most}, or a timedelta"
        )
        raise InvalidValue("duration", duration, rule)
    credentials = session.get_credentials()
    if isinstance(credentials, AssumedRoleCredentials) and credentials.is_chained:
        rule = (
            "AWS accepts no duration for a session of role chaining. Leave it out: the console session then lasts as "
            "long as the credentials are valid, at most one hour"
        )
        raise InvalidValue("duration", duration, rule)
    return seconds


def _role_of(session: boto3.Session) -> Arn:
    """Return the role of `assume_role`'s session, or the caller of another one that is a role session."""
    with errors_of_botocore(_DOING, base=session):
        credentials = session.get_credentials()
    if isinstance(credentials, AssumedRoleCredentials):
        return credentials.request.role_arn
    caller = caller_arn(session.client("sts"), "session", profile=session._session.profile)
    if (caller.service, caller.resource_type) not in (("sts", "assumed-role"), ("sts", "federated-user")):
        raise InvalidValue(
            "session",
            str(caller),
            "the console accepts role sessions only. Pass assume_role(session, role_arn), or sign in with the user",
        )
    return caller


def _destination(destination: str, host: str, region: str | None) -> str:
    url = urlsplit(destination)
    if url.scheme == "https" and (url.netloc == host or url.netloc.endswith(f".{host}")):
        return destination
    if not destination:
        return f"https://{host}/"
    if _SERVICE.fullmatch(destination):
        return f"https://{host}/{destination}/home{f'?region={region}' if region else ''}"
    if _PATH.fullmatch(destination):
        return f"https://{host}/{destination}"
    raise InvalidValue(
        "destination",
        destination,
        f"a service such as s3, a path such as s3/buckets/reports, or a URL of https://{host}/",
    )


def _signin_token(session: boto3.Session, endpoint: str, seconds: int | None, account: str) -> str:
    with errors_of_botocore(_DOING, account=account, base=session):
        credentials = cast("Credentials", session.get_credentials()).get_frozen_credentials()
    query = {
        "Action": "getSigninToken",
        "Session": json.dumps(
            {
                "sessionId": credentials.access_key,
                "sessionKey": credentials.secret_key,
                "sessionToken": credentials.token,
            }
        ),
    }
    if seconds is not None:
        query["SessionDuration"] = str(seconds)
    status, body = _get(session, endpoint, query, account)
    if status == HTTPStatus.OK:
        try:
            return str(json.loads(body)["SigninToken"])
        except (ValueError, KeyError, TypeError):
            pass  # the answer is not shown: it may contain the token
    advice = "Check that the session's credentials are valid"
    if seconds is not None:
        advice += "; and leave duration out: AWS accepts none for a session of role chaining"
    raise AwsError(
        f"{_DOING} in account {account} failed: {endpoint} answered with HTTP status {status}. {advice}",
        doing=_DOING,
        account=account,
    )


def _get(session: boto3.Session, endpoint: str, query: dict[str, str], account: str) -> tuple[int, bytes]:
    """Send a GET request, which AWS documents for this endpoint. Its URL contains the secret key.

    Handlers of the event ``before-send.signin`` see the request first, as with botocore's clients. Otherwise it is sent
    by urllib: botocore's urllib3 would log the URL.
    """
    request = AWSRequest(method="GET", url=endpoint, params=query).prepare()
    events = session._session.get_component("event_emitter")
    answer = events.emit_until_response("before-send.signin.GetSigninToken", request=request)[1]
    if answer is not None:
        return answer.status_code, answer.content
    try:
        return _send(session, request)
    except (OSError, HTTPException) as error:
        cause = f"{type(error).__name__}{f': {error}' if isinstance(error, OSError) else ''}"
    raise AwsError(
        f"{_DOING} in account {account} failed: {endpoint} could not be reached. Check the network and the proxy. "
        f"Cause: {cause}",
        doing=_DOING,
        account=account,
    )


def _send(session: boto3.Session, request: AWSPreparedRequest) -> tuple[int, bytes]:
    core = session._session
    proxies = getattr(core.get_default_client_config(), "proxies", None)
    trusted = get_cert_path(core.get_config_variable("ca_bundle") or True)
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler(proxies),
        urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=trusted)),
    )
    try:
        with opener.open(request.url, timeout=_TIMEOUT) as answer:
            return answer.status, answer.read()
    except HTTPError as error:
        with error:
            return error.code, b""
