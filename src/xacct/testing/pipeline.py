"""Where every request passes: who calls, may they, and what happens then."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import lru_cache
from threading import RLock
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from attrs import define, evolve, field

from xacct.authz import AccessRequest, Decision, PolicySet, evaluate
from xacct.errors import PolicyError
from xacct.policy import PolicyDocument
from xacct.testing.credential_store import AuthenticatedPrincipal, CredentialStore, NamedPolicy
from xacct.testing.delete_objects import delete_permitted_objects
from xacct.testing.error_responses import Refused, denied, render
from xacct.testing.faults import Faults, refusal_of
from xacct.testing.http_messages import Answer, Call, read, with_body
from xacct.testing.propagation import Visibility
from xacct.testing.required_permissions import Context, RequiredPermission, required_permissions
from xacct.testing.required_permissions.iam import CALLER_DEFAULT
from xacct.testing.token_service import SecurityTokenService
from xacct.testing.write_rules import Write, apply_write_rules

if TYPE_CHECKING:
    from moto.core.request import Request

    from xacct.testing.clock import Clock
    from xacct.testing.moto_state import MotoState

__all__ = ["AnswerLost", "Pipeline", "RecordedCall"]

log = logging.getLogger("xacct.testing")


class AnswerLost(Exception):
    """The call took effect, and whoever made it will not hear of it."""


@define(kw_only=True)
class RecordedCall:
    """A call that was made, and what became of it.

    Attributes:
        service: such as ``s3``.
        operation: such as ``GetObject``.
        caller: the caller's ARN; ``*`` for an anonymous one, empty where the credentials are nobody's.
        account: the account in which it acted.
        decisions: what IAM decided, each with its explanation; those after a refusal were not asked.
        code: AWS's code where it was refused; empty where the answer was lost.
        message: AWS's text where it was refused.
    """

    service: str
    operation: str
    caller: str = ""
    account: str = ""
    decisions: tuple[Decision, ...] = field(default=(), repr=False)
    code: str | None = None
    message: str | None = field(default=None, repr=False)

    @property
    def allowed(self) -> bool:
        """Whether IAM let it through."""
        return bool(self.caller) and all(decision.allowed for decision in self.decisions)

    def __str__(self) -> str:
        lines = [f"{self.caller or 'nobody'} {self.service}:{self.operation} in {self.account or 'no account'}"]
        lines += [line for decision in self.decisions for line in str(decision).splitlines()]
        if self.code is not None:
            lines.append(f"answered {self.code}: {self.message}")
        return "\n  ".join(lines)


class Pipeline:
    """Answers requests as AWS would: one at a time, as moto's dictionaries want it.

    Args:
        state: the accounts.
        callers: who has credentials.
        clock: the sandbox's time.
        moto: answers what is allowed.
        visibility: who sees what of what was written.
        strict: whether calls are refused whose permissions the sandbox does not know.

    Attributes:
        calls: what was called.
        faults: what goes wrong.
    """

    def __init__(
        self,
        state: MotoState,
        callers: CredentialStore,
        clock: Clock,
        moto: Callable[[Request], Answer],
        *,
        visibility: Visibility,
        strict: bool,
    ) -> None:
        self._state, self._callers, self._clock, self._moto, self._strict = state, callers, clock, moto, strict
        self._visibility = visibility
        self.faults = Faults()
        self._sts = SecurityTokenService(state, callers, clock)
        self.lock = RLock()
        self.calls: list[RecordedCall] = []

    def answer(self, request: Request) -> Answer:
        """The answer to a request.

        Raises:
            AnswerLost: a fault lets it get lost.
        """
        with self.lock:
            call = read(request)
            record = RecordedCall(service=call.service, operation=call.operation)
            self.calls.append(record)
            fault = self.faults.strike(call)
            try:
                if fault is not None and (told := refusal_of(fault, call)) is not None:
                    raise told
                answer = self._admitted(call, record)
                if fault == "lost answer":
                    record.code, record.message = "", "The answer was lost."
                    raise AnswerLost(request.url)
                return answer
            except Refused as refused:
                record.code, record.message = refused.code, refused.message
                return render(refused, call)

    def _admitted(self, call: Call, record: RecordedCall) -> Answer:
        refused: dict[int, Refused] = {}
        with self._visibility.seen("data"):
            caller = self._callers.identify(call)
            record.caller = caller.arn
            context = self._sts.check(call, caller) if call.service == "sts" else {}
            asks = self._asks(call, caller)
            record.account = account = self._acting_account(call, caller, asks)
            for ask in asks:
                decision = self._decide(call, caller, ask, context)
                record.decisions += (decision,)
                if decision.allowed:
                    continue
                if ask.entry is None:
                    raise denied(decision, caller.arn, call)
                refused[ask.entry] = denied(decision, caller.arn, call)
            if call.service == "sts":
                return self._sts.answer(call, caller)
        if refused:
            return delete_permitted_objects(call, refused, lambda rest: self._carried_out(rest, account))
        return self._carried_out(_naming_whom_it_is_about(call, caller), account)

    def _carried_out(self, call: Call, account: str) -> Answer:
        if call.service == "iam" and call.operation.startswith(("Get", "List")):
            with self._visibility.seen("control"):
                return self._done(call, account)
        self._visibility.remember(call, account)
        return self._done(call, account)

    def _done(self, call: Call, account: str) -> Answer:
        now = self._clock.now()
        afterwards = apply_write_rules(Write(call, account, self._state, lambda: self._visibility.seen("control"), now))
        if isinstance(afterwards, Answer):
            return afterwards
        # Moto takes the account from here, before it looks at the credentials.
        call.request.environ["HTTP_X_MOTO_ACCOUNT_ID"] = account
        answer = self._moto(call.request)
        return answer if afterwards is None or answer.status >= 300 else afterwards(answer)

    def _asks(self, call: Call, caller: AuthenticatedPrincipal) -> list[RequiredPermission]:
        asks = required_permissions(call, caller, self._state)
        if asks is not None:
            return asks
        action = f"{call.service}:{call.operation or 'Unknown'}"
        if self._strict:
            raise Refused("AccessDenied", f"The sandbox does not know what {action} needs, and it is strict.", 403)
        log.warning("%s is judged on its name and on resource *, which is not all that AWS looks at", action)
        return [RequiredPermission(action=action, resource="*", account=caller.account)]

    def _acting_account(self, call: Call, caller: AuthenticatedPrincipal, asks: list[RequiredPermission]) -> str:
        # What belongs to another account is found there; what is new belongs to who makes it.
        bucket = self._state.bucket(call.text("Bucket")) if call.operation != "CreateBucket" else None
        if bucket is not None:
            return str(bucket.account_id)
        if call.service == "kms" and asks:
            return asks[0].account
        return caller.account or min(self._state.accounts)

    def _decide(self, call: Call, caller: AuthenticatedPrincipal, ask: RequiredPermission, more: Context) -> Decision:
        now = self._clock.now()
        context: Context = {
            "aws:CurrentTime": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "aws:EpochTime": str(int(now.timestamp())),
            "aws:RequestedRegion": call.region,
            "aws:SecureTransport": "true",
            "aws:SourceIp": call.request.remote_addr or "127.0.0.1",
            "aws:UserAgent": call.request.headers.get("User-Agent", ""),
            **self._callers.circumstances(caller),
            **ask.context,
            **more,
        }
        request = AccessRequest(
            principal=caller.arn,
            action=ask.action,
            resource=ask.resource,
            resource_account=ask.account,
            context=context,
        )
        session = caller.session
        return evaluate(
            request,
            _policy_set(
                tuple(self._callers.identity_policies(caller)),
                ask.policy,
                self._callers.boundary(caller),
                session.policies if session else (),
            ),
        )


def _naming_whom_it_is_about(call: Call, caller: AuthenticatedPrincipal) -> Call:
    """A call about the caller with the caller's name, of which moto knows nothing where the credentials are temporary.

    Raises:
        Refused: the caller is a role.
    """
    if call.service != "iam" or call.operation not in CALLER_DEFAULT or call.text("UserName") or caller.session is None:
        return call
    if caller.in_role:
        raise Refused("ValidationError", "Must specify userName when calling with non-User credentials")
    if caller.entity is None:
        return call
    named = urlencode({"UserName": caller.entity.name})
    request = with_body(call.request, call.request.get_data() + f"&{named}".encode())
    return evolve(call, params={**call.params, "UserName": caller.entity.name}, request=request)


@lru_cache(maxsize=1024)
def _policy_set(
    identity: tuple[NamedPolicy, ...], resource: str | None, boundary: NamedPolicy | None, session: tuple[str, ...]
) -> PolicySet:
    return PolicySet(
        identity=[_document(policy) for policy in identity],
        resource=resource,
        boundary=None if boundary is None else _document(boundary),
        session=[_document(("session policy", text)) for text in session],
    )


def _document(policy: NamedPolicy) -> PolicyDocument:
    name, text = policy
    try:
        return PolicyDocument.parse(text, name=name)
    except PolicyError as error:
        raise Refused("MalformedPolicyDocument", f"{name}: {error}") from None
