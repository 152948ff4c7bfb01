"""The request pipeline of the sandbox.

Each request passes these steps in order: parse the HTTP request, authenticate the caller, find the required
permissions, authorize each of them, check the write against AWS's validation rules, and let moto execute it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import nullcontext, suppress
from threading import RLock
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from attrs import define, evolve, field, frozen

from xacct.authz import Decision
from xacct.testing.authorization import Authorizer
from xacct.testing.bucket_owner import check_bucket_owner
from xacct.testing.credential_store import AuthenticatedPrincipal, CredentialStore
from xacct.testing.delete_objects import NOTHING_DELETED, delete_result, without_denied_objects
from xacct.testing.error_responses import Refused, denied, render
from xacct.testing.faults import Faults, error_of
from xacct.testing.http_messages import Answer, Call, parse_request, with_body
from xacct.testing.key_states import check_key_states
from xacct.testing.post_policy import check_post_fields, check_post_policy
from xacct.testing.propagation import Visibility
from xacct.testing.public_access import restricted
from xacct.testing.request_validation import check_request
from xacct.testing.required_permissions import (
    Context,
    RequiredPermission,
    permissions_by_action,
    required_permissions,
)
from xacct.testing.required_permissions.cloudformation import is_of_stack_sets
from xacct.testing.required_permissions.iam import CALLER_DEFAULT
from xacct.testing.s3_error_details import with_details
from xacct.testing.saml_assertions import SamlAssertions
from xacct.testing.token_service import SecurityTokenService
from xacct.testing.web_identity_tokens import WebIdentityTokens
from xacct.testing.write_rules import Write, apply_write_rules

if TYPE_CHECKING:
    from moto.core.request import Request

    from xacct.testing.clock import Clock
    from xacct.testing.moto_state import MotoState
    from xacct.testing.stack_sets import StackSetService

__all__ = ["AnswerLost", "Pipeline", "RecordedCall"]

log = logging.getLogger("xacct.testing")

KEPT_CALLS = 5_000
"""How many of the last calls are kept, so that the memory of a server does not grow without end."""


class AnswerLost(Exception):
    """The call took effect, but the connection breaks before the client receives the response."""


@frozen(kw_only=True)
class RecordedCall:
    """A call that the sandbox received, and its result.

    Attributes:
        service: such as ``s3``.
        operation: such as ``GetObject``.
        caller: the caller's ARN; ``*`` for an anonymous caller; empty if the caller could not be authenticated.
        account: the account in which the call acted; empty if the call failed earlier.
        decisions: IAM's decision on each required permission, with its explanation. Evaluation stops at the first
            denial.
        code: AWS's error code; None if the call succeeded, empty if the response was lost.
        message: AWS's error message; None if the call succeeded.
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
        """Whether the caller was authenticated and IAM allowed every required permission."""
        return bool(self.caller) and all(decision.allowed for decision in self.decisions)

    def __str__(self) -> str:
        caller = self.caller or "unauthenticated caller"
        lines = [f"{caller} {self.service}:{self.operation} in {self.account or 'no account'}"]
        lines += [line for decision in self.decisions for line in str(decision).splitlines()]
        if self.code is not None:
            lines.append(f"answered {self.code}: {self.message}")
        return "\n  ".join(lines)


_UNAUTHENTICATED = AuthenticatedPrincipal(arn="", account="", user_id="")


@define(kw_only=True)
class RequestContext:
    """What the pipeline knows about one request. Each step fills in its part.

    Attributes:
        call: the parsed request.
        caller: the authenticated principal; its ARN is empty until then.
        condition_keys: the context keys that STS adds.
        permissions: the permissions that the call requires.
        account: the account in which the call acts.
        decisions: IAM's decisions on the permissions.
        denied_objects: the errors of the entries of DeleteObjects that the caller may not delete, by their index.
        code: AWS's error code, once the call has failed.
        message: AWS's error message, once the call has failed.
    """

    call: Call
    caller: AuthenticatedPrincipal = _UNAUTHENTICATED
    condition_keys: Context = field(factory=dict)
    permissions: list[RequiredPermission] = field(factory=list)
    account: str = ""
    decisions: tuple[Decision, ...] = ()
    denied_objects: dict[int, Refused] = field(factory=dict)
    code: str | None = None
    message: str | None = None

    def recorded(self) -> RecordedCall:
        """Return the record of the call."""
        return RecordedCall(
            service=self.call.service,
            operation=self.call.operation,
            caller=self.caller.arn,
            account=self.account,
            decisions=self.decisions,
            code=self.code,
            message=self.message,
        )


class Pipeline:
    """Processes requests as AWS would, one at a time: moto's state is not thread-safe.

    Args:
        state: the state of the accounts.
        credentials: the temporary credentials and access keys.
        clock: the sandbox's clock.
        moto: executes a permitted request.
        tokens: the tokens of OpenID Connect providers.
        assertions: the assertions of SAML providers.
        visibility: which version of the state each reader sees.
        strict: whether to deny calls whose required permissions the sandbox does not know.

    Attributes:
        calls: the calls received; at least the last 5,000.
        faults: the faults to inject.
    """

    def __init__(
        self,
        state: MotoState,
        credentials: CredentialStore,
        clock: Clock,
        moto: Callable[[Request], Answer],
        *,
        tokens: WebIdentityTokens,
        assertions: SamlAssertions,
        visibility: Visibility,
        strict: bool,
    ) -> None:
        self._state, self._credentials, self._clock = state, credentials, clock
        self._moto, self._visibility, self._strict = moto, visibility, strict
        self._authorizer = Authorizer(state, clock)
        self._sts = SecurityTokenService(state, credentials, clock, tokens, assertions)
        self._lock = RLock()
        self._stack_sets: StackSetService | None = None
        self.faults = Faults()
        self.calls: list[RecordedCall] = []

    def answer(self, request: Request) -> Answer:
        """Process a request and record the call.

        Raises:
            AnswerLost: an injected fault drops the response.
        """
        with self._lock:
            context = RequestContext(call=parse_request(request))
            try:
                return self._process(context)
            except AnswerLost:
                context.code, context.message = "", "The answer was lost."
                raise
            except Refused as error:
                context.code, context.message = error.code, error.message
                return render(error, context.call)
            finally:
                self.calls.append(context.recorded())
                if len(self.calls) > KEPT_CALLS + KEPT_CALLS // 10:
                    del self.calls[:-KEPT_CALLS]
                if context.call.form:
                    # Close the uploaded files.
                    request.close()

    def _process(self, context: RequestContext) -> Answer:
        fault = self.faults.next_fault(context.call)
        error = None if fault is None else error_of(fault, context.call)
        if error is not None:
            raise error
        if fault != "lost answer":
            return self._run_steps(context)
        # An error response is lost as well.
        with suppress(Refused):
            self._run_steps(context)
        raise AnswerLost(context.call.request.url)

    def _run_steps(self, context: RequestContext) -> Answer:
        if self._stack_sets is not None:
            with self._visibility.latest():
                self._stack_sets.advance()
        with self._visibility.view("data"):
            self._authenticate(context)
            self._find_required_permissions(context)
            self._find_account(context)
            self._authorize(context)
            if context.call.service == "sts":
                return self._sts.answer(context.call, context.caller)
        if context.call.service == "cloudformation" and is_of_stack_sets(context.call.operation):
            with self._visibility.latest():
                return self._stack_set_service().answer(context.call, context.account)
        if (context.call.service, context.call.operation) == ("s3", "DeleteObjects"):
            return self._delete_permitted_objects(context)
        return self._execute(_with_user_name(context.call, context.caller), context)

    def _stack_set_service(self) -> StackSetService:
        if self._stack_sets is None:
            # Imported here, because few tests have stack sets.
            from xacct.testing.stack_sets import Deployer, StackSetService

            deployer = Deployer(self._state, self._credentials, self.faults)
            self._stack_sets = StackSetService(self._state, self._clock, deployer)
        return self._stack_sets

    def _authenticate(self, context: RequestContext) -> None:
        if context.call.operation == "PostObject":
            check_post_fields(context.call)
        context.caller = self._credentials.authenticate(context.call)
        check_request(context.call)
        if context.call.operation == "PostObject" and context.call.signature is not None:
            check_post_policy(context.call, self._clock.now())
        if context.call.service == "sts":
            context.caller = self._sts.caller(context.call, context.caller)
            context.condition_keys = self._sts.check(context.call, context.caller)

    def _find_required_permissions(self, context: RequestContext) -> None:
        call, caller = context.call, context.caller
        permissions = required_permissions(call, caller, self._state)
        if permissions is None:
            found = permissions_by_action(call, caller, self._state)
            if self._strict and not found.is_complete:
                text = f"The sandbox does not know the permissions that {found.action} requires and is in strict mode."
                raise Refused("AccessDenied", text, 403)
            permissions = found.permissions
            if not found.is_complete:
                resources = ", ".join(repr(permission.resource) for permission in permissions)
                text = "%s is authorized by its action name on resource %s only; AWS may check more"
                log.warning(text, found.action, resources)
        context.permissions = permissions

    def _find_account(self, context: RequestContext) -> None:
        # An existing resource is in its owner's account. A new resource is created in the caller's.
        call = context.call
        name = "" if call.operation == "CreateBucket" else call.text("Bucket")
        bucket = self._state.bucket(name) if name else None
        if bucket is not None:
            context.account = str(bucket.account_id)
        elif call.service not in ("iam", "s3", "sts") and context.permissions:
            context.account = context.permissions[0].account
        else:
            context.account = context.caller.account or min(self._state.accounts)

    def _authorize(self, context: RequestContext) -> None:
        call, caller = context.call, context.caller
        if call.service == "s3":
            check_bucket_owner(call, self._state)
        for permission in context.permissions:
            if permission.missing is not None:
                raise permission.missing
            decision = self._authorizer.decide(call, caller, permission, context.condition_keys)
            context.decisions += (decision,)
            if decision.allowed:
                error = restricted(permission, caller, self._state)
            else:
                error = denied(decision, caller.arn, call, permission.shown)
            if error is None:
                continue
            if permission.entry is None:
                raise error
            context.denied_objects[permission.entry] = error
        check_key_states(call, context.permissions, self._state)

    def _delete_permitted_objects(self, context: RequestContext) -> Answer:
        call, denied = context.call, context.denied_objects
        permitted = without_denied_objects(call, denied) if denied else call
        answer = NOTHING_DELETED if permitted is None else self._execute(permitted, context)
        return delete_result(answer, call, denied)

    def _execute(self, call: Call, context: RequestContext) -> Answer:
        reads_iam = call.service == "iam" and call.operation.startswith(("Get", "List"))
        if not reads_iam:
            self._visibility.remember(call, context.account)
        with self._visibility.view("control") if reads_iam else nullcontext():
            answer = self._check_and_write(call, context)
        if call.service == "organizations" and not call.operation.startswith(("Describe", "List")):
            self._state.organizations.refresh()
            if self._stack_sets is not None:
                self._stack_sets.organization_changed()
        return answer

    def _check_and_write(self, call: Call, context: RequestContext) -> Answer:
        write = Write(
            call,
            context.account,
            self._state,
            lambda: self._visibility.view("control"),
            self._clock.now(),
            context.caller.arn,
        )
        checked = apply_write_rules(write)
        if isinstance(checked, Answer):
            return checked
        # Moto reads the account from here before it looks at the credentials.
        environ = call.request.environ
        environ["HTTP_X_MOTO_ACCOUNT_ID"] = context.account
        if call.access_key is None:
            # Without a signature, moto reads the region of a queue from here.
            environ["HTTP_USER_AGENT"] = f"{environ.get('HTTP_USER_AGENT', '')} region/{call.region}"
        try:
            answer = self._moto(call.request)
        except NotImplementedError:
            text = f"{call.service}:{call.operation} is not implemented in the sandbox"
            raise Refused("NotImplemented", text, 501) from None
        answer = with_details(answer, call)
        return answer if checked is None or answer.status >= 300 else checked(answer)


def _with_user_name(call: Call, caller: AuthenticatedPrincipal) -> Call:
    """Add the caller's user name to an IAM call that omits it, because moto does not know temporary credentials.

    Raises:
        Refused: the caller is a role session.
    """
    if call.service != "iam" or call.operation not in CALLER_DEFAULT or call.text("UserName") or caller.session is None:
        return call
    if caller.is_role_session:
        raise Refused("ValidationError", "Must specify userName when calling with non-User credentials")
    if caller.entity is None:
        return call
    parameter = urlencode({"UserName": caller.entity.name})
    request = with_body(call.request, call.request.get_data() + f"&{parameter}".encode())
    return evolve(call, params={**call.params, "UserName": caller.entity.name}, request=request)
