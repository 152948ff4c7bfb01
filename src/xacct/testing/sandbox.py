"""AWS accounts in this process that enforce IAM."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, cast, final
from unittest.mock import patch
from urllib.parse import urlsplit

import boto3
from attrs import field, frozen
from botocore.exceptions import ConnectionClosedError
from moto import mock_aws
from moto.core.botocore_stubber import BotocoreStubber
from moto.core.models import botocore_stubber
from moto.core.request import normalize_request
from moto.s3.models import S3Backend

from xacct.arn import Arn, account_id, partition as partition_named
from xacct.errors import InvalidValue, XacctError
from xacct.testing.clock import Clock
from xacct.testing.credential_store import CredentialStore
from xacct.testing.faults import Faults
from xacct.testing.http_messages import Answer
from xacct.testing.moto_state import MotoState
from xacct.testing.pipeline import AnswerLost, Pipeline, RecordedCall
from xacct.testing.propagation import Propagation, Visibility
from xacct.testing.server import Server
from xacct.testing.switch_role_page import page
from xacct.testing.totp import code_of_device

if TYPE_CHECKING:
    from botocore.awsrequest import AWSPreparedRequest
    from moto.core.request import Request
    from moto.iam.models import AccessKey

__all__ = ["Account", "Sandbox"]

_ANSWER = BotocoreStubber.process_request


@frozen(kw_only=True)
class Account:
    """One of the sandbox's accounts.

    Attributes:
        id: its twelve digits.
        session: of its administrator, the user ``Administrator`` with AdministratorAccess.
        key: the administrator's access key.
    """

    id: str
    session: boto3.Session = field(repr=False)
    key: AccessKey = field(repr=False)


@final
class Sandbox:
    """AWS accounts in this process that enforce IAM: to be used in a ``with``.

    Inside, every boto3 client talks to these accounts and to nothing else. Moto keeps what is in them, `xacct.authz`
    decides who may do what. IAM, STS, S3 and KMS are enforced as AWS documents it: identity policies, boundaries,
    session policies, trust, bucket and key policies, across accounts. S3's ACLs are not: as in new buckets of AWS, they
    grant nothing.

    Args:
        accounts: their ids.
        region: of the sessions that it gives.
        partition: that the accounts are in.
        propagation: how long writes to IAM take to be seen; None for at once. With it the whole process sleeps on the
            sandbox's clock: `time.sleep` waits no real time, so that retries and waiters cost none.
        strict: whether calls are refused whose permissions the sandbox does not know, those of other services than the
            four; otherwise they are judged on the action and ``*``, and the log ``xacct.testing`` says so.

    Attributes:
        calls: every call that was made, by whom, with IAM's decisions; ``print`` one for the explanation.
        clock: the sandbox's time; ``clock.advance(3600)`` lets an hour pass.
        faults: what goes wrong; ``faults.add("throttled", operation="CreateRole")`` lets it.

    Raises:
        InvalidValue: no accounts, or an id that is none.
        XacctError: another sandbox is open in this process.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html

    >>> with Sandbox(["111111111111", "222222222222"]) as aws:
    ...     s3 = aws.account("111111111111").session.client("s3")
    ...     _ = s3.create_bucket(Bucket="reports", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    ...     try:
    ...         aws.account("222222222222").session.client("s3").list_objects_v2(Bucket="reports")
    ...     except s3.exceptions.ClientError as error:
    ...         print(error)
    An error occurred (AccessDenied) when calling the ListObjectsV2 operation: Access Denied
    """

    _open: Sandbox | None = None

    def __init__(
        self,
        accounts: Iterable[str] = ("111111111111", "222222222222"),
        *,
        region: str = "eu-central-1",
        partition: str = "aws",
        propagation: Propagation | None = None,
        strict: bool = False,
    ) -> None:
        ids = [account_id(account, "accounts") for account in accounts]
        if not ids:
            raise InvalidValue("accounts", ids, "at least one account id")
        self.region, self.partition = region, partition_named(partition).name
        self._domains = (".amazonaws.com", f".{partition_named(partition).dns_suffix}")
        self.clock = Clock()
        self._state = MotoState(self.partition, frozenset(ids))
        self._callers = CredentialStore(self._state, self.clock)
        self._propagation = propagation
        visibility = Visibility(propagation, self._state, self.clock)
        self._gate = Pipeline(self._state, self._callers, self.clock, _moto, visibility=visibility, strict=strict)
        self._open_things = ExitStack()
        self._accounts: Mapping[str, Account] = MappingProxyType({})
        self._ids = ids

    @property
    def calls(self) -> list[RecordedCall]:
        """Every call that was made since the sandbox opened, or since the list was cleared."""
        return self._gate.calls

    @property
    def faults(self) -> Faults:
        """What goes wrong."""
        return self._gate.faults

    def __enter__(self) -> Sandbox:
        if Sandbox._open is not None:
            raise XacctError("another sandbox is open in this process, and moto has one memory: close it first")
        with ExitStack() as stack:
            stack.enter_context(patch.dict(os.environ, _environment(), clear=True))
            stack.enter_context(mock_aws(config={"core": {"mock_credentials": False}}))
            stack.enter_context(patch.object(BotocoreStubber, "process_request", self._process))
            # Moto loads S3's addresses anew for each request, and here they stay the same.
            addresses = S3Backend(self.region, self._ids[0]).urls
            stack.enter_context(patch.object(S3Backend, "urls", addresses))
            if self._propagation is not None:
                stack.enter_context(patch("time.sleep", self.clock.advance))
            self._accounts = {account: self._found(account) for account in self._ids}
            self._open_things = stack.pop_all()
        Sandbox._open = self
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        Sandbox._open = None
        self._open_things.close()

    def account(self, account: str) -> Account:
        """One of the accounts.

        Args:
            account: its id.

        Raises:
            InvalidValue: there is no such account here.
        """
        if account not in self._accounts:
            raise InvalidValue(
                "account", account, f"one of {', '.join(self._accounts) or 'none: open the sandbox first'}"
            )
        return self._accounts[account]

    def sign_in(self, principal: str, *, mfa: bool = False, duration: int = 3600) -> boto3.Session:
        """A session as a principal, as after signing in to the console.

        Args:
            principal: the ARN of a user, of a role (whatever its trust policy says) or of an account's root.
            mfa: whether they gave an MFA code.
            duration: seconds that it lasts.

        Raises:
            InvalidValue: there is no such principal here.
        """
        arn = Arn.parse(principal, name="principal")
        entity = self._state.principal(principal) if arn.account in self._accounts else None
        root = arn.account in self._accounts and (arn.service, arn.resource) == ("iam", "root")
        if entity is None and not root:
            raise InvalidValue("principal", principal, "the ARN of a user, role or root of the sandbox's accounts")
        in_role = arn.resource_type == "role"
        name = "sign-in"
        session = self._callers.open_session(
            arn=f"arn:{arn.partition}:sts::{arn.account}:assumed-role/{arn.name}/{name}" if in_role else principal,
            account=arn.account,
            user_id=arn.account if entity is None else f"{entity.id}:{name}" if in_role else entity.id,
            seconds=duration,
            entity=entity,
            assumed=in_role,
            mfa_at=self.clock.now() if mfa else None,
        )
        return boto3.Session(session.access_key, session.secret_key, session.token, region_name=self.region)

    def mfa_code(self, serial: str) -> str:
        """The six digits that a virtual MFA device shows now.

        Args:
            serial: the device's ARN.

        Raises:
            InvalidValue: there is no such device here.
        """
        account = Arn.parse(serial, name="serial").account
        device = self._state.iam(account).virtual_mfa_devices.get(serial) if account in self._accounts else None
        if device is None:
            raise InvalidValue("serial", serial, "the ARN of a virtual MFA device of the sandbox's accounts")
        return code_of_device(device.base32_string_seed, self.clock.now())

    def serve(self, port: int = 0) -> Server:
        """Offer the accounts over HTTP on 127.0.0.1, to the AWS CLI and to other languages, enforced just the same.

        A switch-role link opens at ``/switchrole``, with the link's own parameters.

        Args:
            port: to listen on; 0 for one that is free.

        >>> with Sandbox(["111111111111"]) as aws, aws.serve() as server:
        ...     session = aws.account("111111111111").session
        ...     session.client("sts", endpoint_url=server.url).get_caller_identity()["Arn"]
        'arn:aws:iam::111111111111:user/Administrator'
        """
        return Server(port, self._gate.answer, lambda request: page(request, self))

    def environment(self, account: str, server: Server) -> dict[str, str]:
        """The environment variables by which other programs are an account's administrator.

        Args:
            account: its id.
            server: where the accounts are offered.
        """
        key = self.account(account).key
        return {
            "AWS_ENDPOINT_URL": server.url,
            "AWS_ACCESS_KEY_ID": key.access_key_id,
            "AWS_SECRET_ACCESS_KEY": key.secret_access_key,
            "AWS_DEFAULT_REGION": self.region,
        }

    def console_users(self) -> list[str]:
        """The ARNs of the users who have a console password."""
        users = (user for account in self._ids for user in self._state.iam(account).users.values())
        return [user.arn for user in users if user.password]

    def __repr__(self) -> str:
        return f"Sandbox({self._ids!r})"

    def _found(self, account: str) -> Account:
        """An account as AWS hands it over, with an administrator made by its root."""
        iam = self._state.iam(account)
        user = iam.create_user(self.region, "Administrator")
        administrator = f"arn:{self.partition}:iam::aws:policy/AdministratorAccess"
        self._state.managed_policy(account, administrator)
        iam.attach_user_policy(administrator, "Administrator")
        key = user.create_access_key("AKIA")
        session = boto3.Session(key.access_key_id, key.secret_access_key, region_name=self.region)
        return Account(id=account, session=session, key=key)

    def _process(self, request: AWSPreparedRequest) -> tuple[int, Mapping[str, object], str | bytes] | None:
        if not (urlsplit(request.url).hostname or "").endswith(self._domains):
            return None
        try:
            answer = self._gate.answer(normalize_request(request))
        except AnswerLost:
            raise ConnectionClosedError(endpoint_url=request.url) from None
        return answer.status, answer.headers, answer.body


def _environment() -> dict[str, str]:
    """The environment without what it says of real accounts."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    nothing = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    return {**kept, **nothing, "AWS_EC2_METADATA_DISABLED": "true"}


def _moto(request: Request) -> Answer:
    # Moto takes a request that is already read, and only declares the other kind.
    found = _ANSWER(botocore_stubber, cast("AWSPreparedRequest", request))
    status, headers, body = found if found is not None else (404, {}, "")
    return Answer(status, headers, body)
