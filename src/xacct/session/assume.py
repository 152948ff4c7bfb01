"""The front of the room: checks, the credentials, and a session around them that is like its base."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import boto3
from attrs import evolve

from xacct.arn import Arn
from xacct.errors import InvalidValue
from xacct.policy import PolicyDocument
from xacct.session.cache import CliCache
from xacct.session.credentials import AssumedRoleCredentials, cap_to_one_hour
from xacct.session.derived_session import session_like, sts_client
from xacct.session.mfa_codes import TokenCodes, serial_of
from xacct.session.role_request import LONGEST_CHAINED, RoleRequest, check_region

if TYPE_CHECKING:
    from mypy_boto3_sts import STSClient

__all__ = ["assume_role"]

_NO_TAGS: Mapping[str, str] = {}


def assume_role(
    base: boto3.Session,
    role_arn: Arn | str | Sequence[Arn | str],
    *,
    session_name: str | None = None,
    external_id: str | None = None,
    duration: int | None = None,
    policy: PolicyDocument | Mapping[str, object] | str | None = None,
    policy_arns: Iterable[Arn | str] = (),
    tags: Mapping[str, str] = _NO_TAGS,
    transitive_tag_keys: Iterable[str] = (),
    source_identity: str | None = None,
    mfa_serial: str | None = None,
    mfa_token: str | Callable[[], str] | None = None,
    region: str | None = None,
    cache: str | os.PathLike[str] | bool | None = None,
    wait: float = 0,
    validate: bool = True,
) -> boto3.Session:
    """Assume a role, once, and get a session that stays signed in as that role.

    The session is an ordinary ``boto3.Session`` with its base's profile, region, client configuration and endpoint
    settings, but not the base's event handlers. Clients made from it go on working when the credentials expire: one
    thread assumes the role again ahead of time while the others go on. A renewal that fails is logged to ``xacct`` and
    tried again; it is raised only when the old credentials have expired.

    A base that is itself the result of ``assume_role`` makes a chain; each of its sessions renews by itself. A list of
    roles is the short form: each is assumed with the session of the one before.

    Args:
        base: whoever assumes the role. STS is called in its region, or else in ``region``.
        role_arn: the role, with its path; or several, in order. All of them get the session name and the source
            identity, the first gets the MFA code, and everything else is for the last. Where another one needs more,
            call ``assume_role`` for each.
        session_name: what the trusting account's logs call the session, 2 to 64 letters, digits and ``_+=,.@-``. None
            for the caller's own name (of the user, or of the role session), which takes one call to learn.
        external_id: what the trust policy demands, 2 to 1224 characters.
        duration: seconds from 900 to 43200, at most the role's own maximum; None for 3600. In role chaining AWS's
            limit of 3600 is applied, with a warning.
        policy: a session policy: the session may do what both this and the role's policies allow. At most 2048
            characters.
        policy_arns: managed policies of the role's account that act as session policies, at most 10.
        tags: session tags, at most 50. The trust policy must allow sts:TagSession.
        transitive_tag_keys: which of the tags pass on to the next role in a chain.
        source_identity: who is behind the call; it passes on through a chain and cannot change there. The trust
            policy must allow sts:SetSourceIdentity.
        mfa_serial: the MFA device's ARN or serial number. None with ``mfa_token``: the ``mfa_serial`` of the base's
            profile, or else the user's only device, which takes a call to iam:ListMFADevices.
        mfa_token: six digits, or a callable that gives them. Only a callable can renew the session. None with
            ``mfa_serial``: asked for at the terminal, once.
        region: of the session that is returned; None for the base's.
        cache: True to keep credentials on disk where the AWS CLI keeps its own, ``~/.aws/cli/cache``, or another
            folder. The CLI finds them there, and the other way round. As with the CLI, they are found by what is asked
            for and not by who asks.
        wait: seconds for which a denial is taken for that of a role (or an access key) made a moment ago, which STS
            may not know yet. A denial by an explicit deny ends the wait at once; so do policies that the base may read
            and that go on refusing.
        validate: assume the role now, so that a refusal is raised here. False leaves it to the first call of a client.

    Raises:
        InvalidValue: an argument breaks one of AWS's rules; nothing was called.
        PolicyError: the session policy is not well formed; nothing was called.
        AssumeRoleDenied: STS said no; the message says why that can be, and its ``explanation`` reads the policies
            that the base may read and says why it is.
        MfaRejected: the code was wrong, or none could be had.
        SessionExpired: the base's own credentials have expired.
        PackedPolicyTooLarge: session policies and tags take too much space; ``percent`` says how much.
        RegionDisabled: STS is not active in the region.
        AwsError: any other refusal.

    >>> import boto3
    >>> development = boto3.Session("AKIAEXAMPLE", "secret", region_name="eu-west-1")
    >>> production = assume_role(development, "arn:aws:iam::111111111111:role/Reader", validate=False)
    >>> production
    Session(region_name='eu-west-1')

    Source: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
    """
    codes = None if mfa_serial is None and mfa_token is None else TokenCodes(mfa_token)
    *before, last = _hops(role_arn)
    request = RoleRequest(
        role_arn=last,
        session_name=session_name,
        external_id=external_id,
        duration=duration,
        policy=policy,
        policy_arns=policy_arns,
        tags=tags,
        transitive_tag_keys=transitive_tag_keys,
        source_identity=source_identity,
        mfa_serial=mfa_serial,
    )
    check_region(request, region, base.region_name)
    _check_wait(wait, codes)
    if before:
        base = assume_role(
            base,
            before,
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
    elif codes is not None and request.mfa_serial is None:
        request = evolve(request, mfa_serial=serial_of(base))

    source = base.get_credentials()
    known_name = None
    if isinstance(source, AssumedRoleCredentials):
        known_name = source.known_session_name
        if request.duration is not None and request.duration > LONGEST_CHAINED:
            request = cap_to_one_hour(request)

    def sts() -> STSClient:
        return sts_client(base, base.region_name or region or request.home_region)

    sts()  # now, and not in the thread that renews
    credentials = AssumedRoleCredentials(
        request, sts, caller=base, session_name=known_name, mfa=codes, cache=_cache(cache), wait=wait
    )
    if validate:
        credentials.get_frozen_credentials()
    return session_like(base, credentials, region)


def _hops(role_arn: Arn | str | Sequence[Arn | str]) -> list[Arn | str]:
    hops = [role_arn] if isinstance(role_arn, (Arn, str)) or not isinstance(role_arn, Sequence) else [*role_arn]
    if not hops:
        raise InvalidValue("role_arn", role_arn, "a role, or at least one of them")
    return hops


def _check_wait(wait: float, codes: TokenCodes | None) -> None:
    if not 0 <= wait < float("inf"):
        raise InvalidValue("wait", wait, "seconds, at least 0")
    if wait and codes is not None and not codes.renewable:
        raise InvalidValue("wait", wait, "each try needs another MFA code: give a callable as mfa_token")


def _cache(cache: str | os.PathLike[str] | bool | None) -> CliCache | None:
    if cache is None or cache is False:
        return None
    if cache is not True and not isinstance(cache, (str, os.PathLike)):
        raise InvalidValue("cache", cache, "a folder, or True for that of the AWS CLI")
    return CliCache(None if cache is True else cache)
