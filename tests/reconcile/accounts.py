"""A trusting and a trusted account in a sandbox, whose calls are recorded and fail when a test says so."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from copy import deepcopy
from functools import cache
from itertools import count
from typing import Any, NamedTuple

import boto3
import moto.iam.models
from attrs import define, field, frozen
from botocore.config import Config

from xacct.testing import Fault, Sandbox
from xacct.testing.error_responses import Refused
from xacct.testing.http_messages import Call

TRUSTING, TRUSTED = "111111111111", "222222222222"
SIDES = {TRUSTING: "trusting", TRUSTED: "trusted"}

# Each try of xacct is one call: botocore must not retry by itself. A short user agent saves time.
ONE_TRY = Config(retries={"total_max_attempts": 1}, user_agent="tests")
BOTOCORE_RETRIES = Config(user_agent="tests")


class Killed(BaseException):
    """The process was killed: it makes no more calls."""


@define
class CallLog:
    """The calls of both accounts in order, such as ``trusting GetRole CrossAccountRoleS3``.

    The second occurrence of a call ends in ``#2``.

    Attributes:
        calls: the calls.
        requests: the parameters of each call.
        on_call: called with the operation before each call.
    """

    calls: list[str] = field(factory=list)
    requests: dict[str, Mapping[str, str]] = field(factory=dict)
    on_call: Callable[[str], object] = lambda operation: None
    _counts: Counter[str] = field(factory=Counter)
    _last_call: tuple[str, str] | None = None
    _killed: bool = False
    _lock: threading.Lock = field(factory=threading.Lock)

    def clear(self) -> None:
        """Forget all calls."""
        self.calls.clear()
        self._counts.clear()

    def count(self, call: str) -> int:
        return self._counts[call]

    @property
    def writes(self) -> list[str]:
        """The calls that change something."""
        reads = ("Get", "List", "Describe", "AssumeRole")
        return [call for call in self.calls if not call.split()[1].startswith(reads)]

    def kill(self, call: str, when: str) -> None:
        """Kill the process before or after a call."""
        self._last_call = (call, when)

    def restart(self) -> None:
        """Start a new process."""
        self._last_call, self._killed = None, False
        self.clear()

    def before(self, call: str, request: Mapping[str, str]) -> str:
        with self._lock:
            self._counts[call] += 1
            numbered = call if self._counts[call] == 1 else f"{call} #{self._counts[call]}"
            self.calls.append(numbered)
            self.requests[numbered] = request
        self._die(numbered, "before")
        return numbered

    def after(self, numbered: str) -> None:
        self._die(numbered, "after")

    def _die(self, numbered: str, when: str) -> None:
        with self._lock:
            self._killed = self._killed or self._last_call == (numbered, when)
            if self._killed:
                raise Killed


def describe(account: str, operation: str, body: Mapping[str, Any] | bytes) -> str:
    """The call as the log has it. A call of AWS Organizations has a JSON text as its body, with no names."""
    parameters = {} if isinstance(body, bytes) else body
    names = [parameters.get(key) for key in ("RoleName", "UserName", "GroupName", "PolicyName")]
    names += [parameters[key].split("/")[-1] for key in ("RoleArn", "PolicyArn") if key in parameters]
    return " ".join([SIDES[account], operation, *(name for name in names if name)])


class Account(boto3.Session):
    """An administrator's session, whose clients are created once: that is the slowest part of a test."""

    def __init__(self, account: str, config: Config) -> None:
        super().__init__("AKIAEXAMPLE", "secret", region_name="eu-central-1")
        self._session.set_default_client_config(config)
        self.account, self.log = account, CallLog()
        self.client = cache(super().client)  # type: ignore[method-assign]
        self.events.register("before-call.*.*", self._before)
        self.events.register("after-call.*.*", self._after)

    @property
    def iam(self) -> Any:
        return self.client("iam")

    def sign_in(self, key: Any) -> None:
        """Make the existing clients sign with another key."""
        credentials: Any = self.get_credentials()
        credentials.access_key, credentials.secret_key = key.access_key_id, key.secret_access_key

    def _before(self, model: Any, params: dict[str, Any], context: dict[str, Any], **_: object) -> None:
        self.log.on_call(model.name)
        context["numbered"] = self.log.before(describe(self.account, model.name, params["body"]), params["body"])

    def _after(self, context: dict[str, Any], **_: object) -> None:
        self.log.after(context["numbered"])


@cache
def administrators(config: Config) -> tuple[Account, Account]:
    """The sessions that all tests share."""
    return Account(TRUSTING, config), Account(TRUSTED, config)


@frozen
class Accounts:
    """The trusting and the trusted account, the log of their calls, and their sandbox."""

    trusting: Account
    trusted: Account
    log: CallLog
    aws: Sandbox

    @classmethod
    def sign_in(cls, aws: Sandbox, config: Config = ONE_TRY) -> Accounts:
        log = CallLog()
        sessions = administrators(config)
        for session in sessions:
            session.log = log
            session.sign_in(aws.account(session.account).key)
        return cls(*sessions, log, aws)

    def fail(self, call: str, *faults: Fault | Refused) -> None:
        """Make the next calls of this name fail, one for each fault. With ``#2`` it starts at the second call."""
        for number, fault in enumerate(faults, _number(call)):
            self.aws.faults.add(fault, at=number, matching=self._is(call))

    def fail_always(self, call: str, fault: Fault | Refused) -> None:
        """Make every call of this name fail. With ``#2`` it starts at the second call."""
        numbers, is_call = count(1), self._is(call)
        self.aws.faults.add(fault, matching=lambda request: is_call(request) and next(numbers) >= _number(call))

    def fail_everything_from(self, call: str, fault: Fault | Refused) -> None:
        """Make this call fail, and every call after it."""
        numbers, is_call = count(1), self._is(call)
        down = threading.Event()

        def matches(request: Call) -> bool:
            if is_call(request) and next(numbers) == _number(call):
                down.set()
            return down.is_set()

        self.aws.faults.add(fault, matching=matches)

    def recover(self) -> None:
        """Make every call succeed again, in a new process."""
        self.aws.faults.clear()
        self.log.restart()

    def _is(self, call: str) -> Callable[[Call], bool]:
        name = call.split(" #", maxsplit=1)[0]
        keys = {self.aws.account(account).key.access_key_id: account for account in SIDES}
        return lambda request: describe(keys[request.access_key or ""], request.operation, request.params) == name

    def bring_about(self, state: str, make: Callable[[], object]) -> None:
        """Bring the accounts, as the fixture makes them, to a state.

        The first test of this process makes it, and the others copy it. The log has no calls afterwards.
        """
        if state not in _MADE:
            make()
            _MADE[state] = {account: deepcopy(_iam(account)) for account in SIDES}
        for account, iam in deepcopy(_MADE[state]).items():
            # The administrators differ from test to test.
            iam["users"]["Administrator"] = _iam(account)["users"]["Administrator"]
            vars(moto.iam.models.iam_backends[account]["aws"]).update(iam)
        self.log.clear()

    def snapshot(self) -> dict[str, dict[str, dict[str, Any]]]:
        """Everything in both accounts, without the IDs and dates that AWS chooses, and with pending changes visible."""
        return {account: _snapshot(account) for account in SIDES}


# What both accounts have in a state.
_MADE: dict[str, dict[str, dict[str, Any]]] = {}


def _iam(account: str) -> dict[str, Any]:
    """What moto has in an account that a grant can change."""
    iam = moto.iam.models.iam_backends[account]["aws"]
    return {name: getattr(iam, name) for name in ("roles", "users", "groups", "managed_policies", "tagger")}


def _number(call: str) -> int:
    return int(call.partition(" #")[2] or 1)


class RoleSnapshot(NamedTuple):
    attached: list[str]
    inline: dict[str, Any]
    tags: Any
    trust: dict[str, Any]
    settings: tuple[Any, ...]


class UserSnapshot(NamedTuple):
    attached: list[str]
    password: str | None
    tags: dict[str, str]
    belongings: tuple[Any, ...]


class GroupSnapshot(NamedTuple):
    attached: list[str]
    users: list[str]


class PolicySnapshot(NamedTuple):
    versions: dict[str, tuple[bool, str]]
    tags: Any


def _lasting(tags: Any) -> Any:
    """The tags, without those that differ from run to run."""
    if isinstance(tags, dict):
        return {key: value for key, value in tags.items() if key not in ("xacct:run", "xacct:created")}
    return [tag for tag in tags if tag["Key"] not in ("xacct:run", "xacct:created")]


def _snapshot(account: str) -> dict[str, dict[str, Any]]:
    iam = moto.iam.models.iam_backends[account]["aws"]
    roles = {
        role.name: RoleSnapshot(
            attached=sorted(role.managed_policies),
            inline={name: json.loads(text) for name, text in role.policies.items()},
            tags=_lasting(role.tags),
            trust=json.loads(role.assume_role_policy_document),
            settings=(role.path, role.description or "", role.max_session_duration, role.permissions_boundary),
        )
        for role in iam.roles.values()
    }
    users = {
        user.name: UserSnapshot(
            attached=sorted(user.managed_policies),
            password=user.password,
            tags=_lasting(iam.tagger.get_tag_dict_for_resource(user.arn)),
            belongings=(
                user.path,
                dict(user.policies),
                sorted(key.access_key_id for key in user.access_keys),
                sorted(map(str, user.mfa_devices)),
            ),
        )
        for user in iam.users.values()
    }
    groups = {
        group.name: GroupSnapshot(sorted(group.managed_policies), sorted(user.name for user in group.users))
        for group in iam.groups.values()
    }
    policies = {
        arn: PolicySnapshot(
            {version.version_id: (version.is_default, version.document) for version in policy.versions},
            _lasting(policy.tags),
        )
        for arn, policy in iam.managed_policies.items()
        if ":aws:policy/" not in arn
    }
    return {"roles": roles, "users": users, "groups": groups, "policies": policies}
