"""assume_role: a boto3 session in an IAM role that renews its credentials."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING

import boto3
from attrs import evolve

from xacct.arn import Arn
from xacct.errors import InvalidValue
from xacct.limits import CHAINED_SESSION_SECONDS, ROLE_SESSION_NAME
from xacct.session.cache import CliCache
from xacct.session.credentials import AssumedRoleCredentials, cap_to_one_hour
from xacct.session.derived_session import derive_session, sts_client
from xacct.session.mfa_codes import TokenCodes, mfa_serial_of
from xacct.session.role_request import RoleRequest, check_region
from xacct.session.sts_errors import errors_of_botocore

if TYPE_CHECKING:
    from mypy_boto3_sts import STSClient

    from xacct.policy import PolicyDocument

__all__ = ["assume_role", "check_base", "credential_cache"]


def assume_role(
    base: boto3.Session,
    role_arn: Arn | str | Sequence[Arn | str],
    *,
    session_name: str | None = None,
    external_id: str | None = None,
    duration: int | timedelta | None = None,
    policy: PolicyDocument | Mapping[str, object] | str | None = None,
    policy_arns: Iterable[Arn | str] = (),
    tags: Mapping[str, str] | Iterable[Mapping[str, object]] = MappingProxyType({}),
    transitive_tag_keys: Iterable[str] = (),
    source_identity: str | None = None,
    name_from_source_identity: bool = False,
    provided_contexts: Mapping[str, str] = MappingProxyType({}),
    mfa_serial: str | None = None,
    mfa_token: str | Callable[[], str] | None = None,
    region: str | None = None,
    cache: str | os.PathLike[str] | bool | None = None,
    wait: float = 0,
    validate: bool = True,
) -> boto3.Session:
    """Return a session in an IAM role. It assumes the role now, and again before the credentials expire.

    The session is an ordinary ``boto3.Session`` with its base's profile, region, client configuration and endpoint
    settings, but without the base's event handlers. Its clients keep working after the credentials expire: one thread
    renews them in advance while the others continue. A renewal that fails is logged to ``xacct`` and retried; it raises
    only after the old credentials have expired.

    A session that ``assume_role`` returned can be the base of another call. This is role chaining, and each session
    renews its own credentials. A list of roles is a short form: each role is assumed with the session of the previous.

    Args:
        base: the session that assumes the role. STS is called in its region, or in ``region`` if it has none.
        role_arn: the role's ARN with its path, or a list of ARNs in order. In a list, the session name and the source
            identity apply to all roles, the MFA code to the first, and all other arguments to the last. For anything
            else call ``assume_role`` for each role.
        session_name: the role session name, which appears in the trusting account's CloudTrail logs: 2 to 64 letters,
            digits and ``_+=,.@-``. None for the name of the calling user or role session, which takes one API call.
        external_id: the external ID that the trust policy requires, 2 to 1224 characters.
        duration: the lifetime of one set of credentials in seconds or as a timedelta, 15 minutes to 12 hours and at
            most the role's maximum; None for one hour. With role chaining it is reduced to AWS's limit of one hour,
            with a warning.
        policy: a session policy of at most 2048 characters. The session can do what both this policy and the role's
            policies allow.
        policy_arns: at most 10 managed policies of the role's account to use as session policies.
        tags: session tags, at most 50: values by key, or AWS's list of ``{"Key": ..., "Value": ...}``. The trust
            policy must allow sts:TagSession.
        transitive_tag_keys: the keys of those tags that are passed on to the next role in a chain.
        source_identity: the identity of the person or application behind the call. It is passed on through a chain and
            cannot change there. The trust policy must allow sts:SetSourceIdentity.
        name_from_source_identity: whether the role session name is the source identity, or its first 64 characters: the
            one of this call, or that of the base if `assume_role` returned it.
        provided_contexts: trusted context assertions for trusted identity propagation, by the ARN of their provider,
            such as ``arn:aws:iam::aws:contextProvider/IdentityCenter``; at most 5. The trust policy must allow
            sts:SetContext. An assertion is valid for a short time, so such a session cannot be renewed for long.
        mfa_serial: the MFA device's ARN or serial number. If None and ``mfa_token`` is set: the ``mfa_serial`` of the
            base's profile, or the user's only device, which takes a call of iam:ListMFADevices.
        mfa_token: six digits, or a callable that returns them. Only a callable can renew the session. If None and
            ``mfa_serial`` is set: one code is requested at the terminal.
        region: the region of the new session; None for the base's, also if it changes later.
        cache: True to store credentials in the AWS CLI's cache, ``~/.aws/cli/cache``, or the path of another folder.
            The AWS CLI and xacct find each other's entries. As in the AWS CLI, an entry depends on the request, not on
            the caller. Of several processes that need the same entry at once, one calls STS, and asks for the MFA code.
        wait: seconds for which a denial is retried, because STS may not know a new role, policy or access key yet.
            Retries end at once on an explicit deny, and after three denials if the policies that the base can read
            deny the request.
        validate: whether to assume the role now, so that errors are raised here. If False, the first API call of a
            client assumes the role.

    Raises:
        InvalidValue: an argument breaks one of AWS's rules; nothing was called.
        PolicyError: the session policy is not well formed; nothing was called.
        AssumeRoleDenied: STS denied the call. Pass the error to `xacct.explain` to find the cause.
        MfaRejected: the MFA code was rejected, or none was available.
        SessionExpired: the base's credentials, or its sign-in, have expired.
        InvalidCredentials: the base has no credentials, they could not be loaded, or AWS rejects them.
        PackedPolicyTooLarge: session policies and tags are too large; ``percent`` is their size in % of the limit.
        RegionDisabled: STS is not activated in the region.
        AwsError: any other error response, or AWS could not be reached.

    >>> import boto3
    >>> development = boto3.Session("AKIAEXAMPLE", "secret", region_name="eu-west-1")
    >>> production = assume_role(development, "arn:aws:iam::111111111111:role/Reader", validate=False)
    >>> production
    Session(region_name='eu-west-1')

    Source: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
    """
    codes = None if mfa_serial is None and mfa_token is None else TokenCodes(mfa_token)
    *earlier_roles, last_role = _roles(role_arn)
    check_base(base)
    if name_from_source_identity:
        with errors_of_botocore(f"assuming {last_role}", base=base):
            session_name = _name_of_source_identity(base, session_name, source_identity)
    request = RoleRequest(
        role_arn=last_role,
        session_name=session_name,
        external_id=external_id,
        duration=duration,
        policy=policy,
        policy_arns=policy_arns,
        tags=tags,
        transitive_tag_keys=transitive_tag_keys,
        source_identity=source_identity,
        provided_contexts=provided_contexts,
        mfa_serial=mfa_serial,
    )
    check_region(request, region, base.region_name)
    _check_wait(wait, codes)
    store = credential_cache(cache)
    if earlier_roles:
        base = assume_role(
            base,
            earlier_roles,
            session_name=session_name,
            source_identity=source_identity,
            mfa_serial=mfa_serial,
            mfa_token=mfa_token,
            region=region,
            cache=cache,
            wait=wait,
            validate=False,
        )
        codes, request = None, evolve(request, mfa_serial=None)
    with errors_of_botocore(f"assuming {request.role_arn}", account=request.role_arn.account, base=base):
        if _exceeds_chaining_limit(base, request):
            request = cap_to_one_hour(request)
        if codes is not None and request.mfa_serial is None:
            request = evolve(request, mfa_serial=mfa_serial_of(base))
        credentials = _credentials(base, request, codes=codes, region=region, cache=store, wait=wait)
    if validate:
        credentials.get_frozen_credentials()
    return derive_session(base, credentials, region)


def _roles(role_arn: Arn | str | Sequence[Arn | str]) -> list[Arn | str]:
    roles = [role_arn] if isinstance(role_arn, (Arn, str)) or not isinstance(role_arn, Sequence) else [*role_arn]
    if not roles:
        raise InvalidValue("role_arn", role_arn, "a role ARN, or a list of at least one")
    return roles


def check_base(base: object) -> None:
    """Check that a base is a session of boto3.

    Raises:
        InvalidValue: it has another type.
    """
    if not isinstance(base, boto3.Session):
        rule = "a boto3.Session, such as boto3.Session() or boto3.Session(botocore_session=...)"
        raise InvalidValue("base", type(base).__name__, rule)


def _name_of_source_identity(base: boto3.Session, session_name: str | None, source_identity: str | None) -> str:
    if session_name is not None:
        raise InvalidValue("session_name", session_name, "leave it out with name_from_source_identity")
    credentials = base.get_credentials() if source_identity is None else None
    inherited = credentials.source_identity if isinstance(credentials, AssumedRoleCredentials) else None
    identity = source_identity or inherited
    if identity is None:
        rule = "there is none: pass source_identity, or a base that assume_role returned with one"
        raise InvalidValue("name_from_source_identity", True, rule)
    return identity[: ROLE_SESSION_NAME.longest]


def _check_wait(wait: float, codes: TokenCodes | None) -> None:
    if not 0 <= wait < float("inf"):
        raise InvalidValue("wait", wait, "a finite number of seconds, at least 0")
    if wait and codes is not None and not codes.renewable:
        raise InvalidValue("wait", wait, "each retry needs a new MFA code: pass a callable as mfa_token")


def credential_cache(cache: str | os.PathLike[str] | bool | None) -> CliCache | None:
    """Return the cache that the argument ``cache`` of `assume_role` means; None for none.

    Raises:
        InvalidValue: it is neither a path nor a bool.
    """
    if cache is None or cache is False:
        return None
    if cache is not True and not isinstance(cache, (str, os.PathLike)):
        raise InvalidValue("cache", cache, "the path of a folder, or True for the AWS CLI's")
    return CliCache(None if cache is True else cache)


def _exceeds_chaining_limit(base: boto3.Session, request: RoleRequest) -> bool:
    return (
        request.duration is not None
        and request.duration > CHAINED_SESSION_SECONDS
        and isinstance(base.get_credentials(), AssumedRoleCredentials)
    )


def _credentials(
    base: boto3.Session,
    request: RoleRequest,
    *,
    codes: TokenCodes | None,
    region: str | None,
    cache: CliCache | None,
    wait: float,
) -> AssumedRoleCredentials:
    source = base.get_credentials()
    known_name = source.known_session_name if isinstance(source, AssumedRoleCredentials) else None

    def sts() -> STSClient:
        return sts_client(base, base.region_name or region or request.home_region)

    sts()  # create the client in this thread, not in the one that renews
    return AssumedRoleCredentials(request, sts, caller=base, session_name=known_name, mfa=codes, cache=cache, wait=wait)
