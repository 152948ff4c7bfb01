"""Two accounts in this process that count their calls, and that fail where a test says so."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import boto3
import moto.iam.models
import pytest
from attrs import define, evolve, field, frozen
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ConnectionClosedError, EndpointConnectionError

from xacct import ConsoleUser, DevAccessGrant, TrustGrant
from xacct.reconcile import Plan, plan
from xacct.retry import Patience
from xacct.testing import Sandbox

TRUSTING, TRUSTED = "111111111111", "222222222222"
SIDES = {TRUSTING: "trusting", TRUSTED: "trusted"}


ROLE, POLICY, USER = "CrossAccountRoleS3", "CrossAccountPolicy", "EC2UserForCrossAccount"
S3_READ, EC2_READ, EC2_FULL = (
    f"arn:aws:iam::aws:policy/{name}"
    for name in ("AmazonS3ReadOnlyAccess", "AmazonEC2ReadOnlyAccess", "AmazonEC2FullAccess")
)

# The calls for the tutorial's grant: to prove it, and all.
PROOF = ("trusting GetPolicy AmazonS3ReadOnlyAccess", "trusting GetPolicyVersion AmazonS3ReadOnlyAccess")
APPLY = (
    "trusting GetCallerIdentity",
    "trusted GetCallerIdentity",
    f"trusting GetRole {ROLE}",
    f"trusted GetPolicy {POLICY}",
    f"trusted GetUser {USER}",
    *PROOF,
    f"trusting CreateRole {ROLE}",
    f"trusting AttachRolePolicy {ROLE} AmazonS3ReadOnlyAccess",
    f"trusted CreatePolicy {POLICY}",
    f"trusted CreateUser {USER}",
    "trusted GetAccountPasswordPolicy",
    f"trusted CreateLoginProfile {USER}",
    f"trusted AttachUserPolicy {USER} AmazonEC2FullAccess",
    f"trusted AttachUserPolicy {USER} {POLICY}",
    f"trusted AssumeRole {ROLE}",
    f"trusted AssumeRole {ROLE} #2",
    f"trusted AssumeRole {ROLE} #3",
)
REAPPLY = (
    "trusting GetCallerIdentity",
    "trusted GetCallerIdentity",
    f"trusting GetRole {ROLE}",
    f"trusting ListAttachedRolePolicies {ROLE}",
    f"trusting ListRolePolicies {ROLE}",
    f"trusted GetPolicy {POLICY}",
    f"trusted GetPolicyVersion {POLICY}",
    f"trusted GetUser {USER}",
    f"trusted ListAttachedUserPolicies {USER}",
)
DESTROY = (
    f"trusting GetRole {ROLE}",
    f"trusting ListAttachedRolePolicies {ROLE}",
    f"trusting ListRolePolicies {ROLE}",
    f"trusted GetPolicy {POLICY}",
    f"trusted GetUser {USER}",
    f"trusted ListAttachedUserPolicies {USER}",
    f"trusted ListUserPolicies {USER}",
    f"trusted ListAccessKeys {USER}",
    f"trusted ListGroupsForUser {USER}",
    f"trusting DetachRolePolicy {ROLE} AmazonS3ReadOnlyAccess",
    f"trusting DeleteRole {ROLE}",
    f"trusted DetachUserPolicy {USER} AmazonEC2FullAccess",
    f"trusted DetachUserPolicy {USER} {POLICY}",
    f"trusted DeleteLoginProfile {USER}",
    f"trusted DeleteUser {USER}",
    f"trusted DeletePolicy {POLICY}",
)


def tutorial(**changes: Any) -> tuple[TrustGrant, DevAccessGrant]:
    """The tutorial's grant, with its role changed as the test wants."""
    wanted = {"principals": TRUSTED, "managed_policy_arns": S3_READ} | changes
    trust = TrustGrant(account=TRUSTING, **wanted)
    user = ConsoleUser(USER, managed_policy_arns=EC2_FULL)
    return trust, DevAccessGrant(account=TRUSTED, role_arns=trust.role_arn, console_user=user)


def plan_tutorial(accounts: Accounts, patience: Patience, **changes: Any) -> Plan:
    return plan(*tutorial(**changes), trusting=accounts.trusting, trusted=accounts.trusted, patience=patience)


class Killed(BaseException):
    """The process is dead: nothing that it would have done afterwards happens."""


@frozen
class Fault:
    """How a call fails.

    Args:
        code: AWS's code; None where no answer comes at all.
        takes_effect: whether the call does what it was asked to, and only its answer is lost.
        kills: whether the process dies.
    """

    name: str
    status: int = 0
    code: str | None = None
    message: str = ""
    takes_effect: bool = False
    kills: bool = False

    def __str__(self) -> str:
        return self.name

    def answer(self) -> tuple[AWSResponse, dict[str, Any]]:
        if self.kills:
            raise Killed
        if self.code is None:
            raise (ConnectionClosedError if self.takes_effect else EndpointConnectionError)(endpoint_url="https://aws")
        error = {"Code": self.code, "Message": self.message}
        parsed = {"Error": error, "ResponseMetadata": {"HTTPStatusCode": self.status}}
        return AWSResponse("https://aws", self.status, {}, None), parsed


THROTTLED = Fault("throttled", 400, "Throttling", "Rate exceeded")
BROKEN = Fault("server error", 500, "ServiceFailure", "We encountered an internal error")
LOST = Fault("lost answer", takes_effect=True)
BROKEN_AFTERWARDS = Fault("server error afterwards", 500, "ServiceFailure", "We broke", takes_effect=True)
UNREACHABLE = Fault("unreachable")
DENIED = Fault("denied", 403, "AccessDenied", "User: admin is not authorized to perform: this")
KILLED = Fault("killed before", kills=True)
KILLED_AFTERWARDS = Fault("killed after", kills=True, takes_effect=True)


def in_turn(faults: tuple[Fault, ...]) -> str:
    return ", then ".join(map(str, faults))


@define
class Wire:
    """What goes over the wire: every call in words such as ``trusting GetRole CrossAccountRoleS3``.

    A call's second occurrence ends in ``#2``. ``requests`` has what was sent with each.
    """

    calls: list[str] = field(factory=list)
    requests: dict[str, dict[str, str]] = field(factory=dict)
    _seen: Counter[str] = field(factory=Counter)
    _faults: list[tuple[str, Fault, str]] = field(factory=list)
    _down: Fault | None = None
    _lock: threading.Lock = field(factory=threading.Lock)

    def fail(self, call: str, *faults: Fault) -> None:
        """Let the call fail, each time that it is made by the next of the faults; then it succeeds."""
        self._faults += [(call, fault, "once") for fault in faults]

    def fail_always(self, call: str, fault: Fault) -> None:
        """Let the call fail however often it is made from then on."""
        self._faults.append((call, fault, "always"))

    def go_down(self, call: str, fault: Fault) -> None:
        """Let the call fail, and every other from then on."""
        self._faults.append((call, fault, "all"))

    def mend(self) -> None:
        """Let every call succeed from now on, and forget those that were made."""
        self._faults.clear()
        self._down = None
        self.forget()

    def forget(self) -> None:
        """Begin to count anew."""
        self.calls.clear()
        self._seen.clear()

    @property
    def writes(self) -> list[str]:
        """The calls that change something."""
        reading = ("Get", "List", "AssumeRole")
        return [call for call in self.calls if not call.split()[1].startswith(reading)]

    def before(self, call: str, request: dict[str, str]) -> Fault | None:
        with self._lock:
            self._seen[call] += 1
            numbered = call if self._seen[call] == 1 else f"{call} #{self._seen[call]}"
            self.calls.append(numbered)
            self.requests[numbered] = request
            if self._down is not None:
                return self._down
            for entry in self._faults:
                name, fault, how = entry
                if name not in (call, numbered):
                    continue
                self._faults.remove(entry)
                if how == "always":
                    self._faults.append((call, fault, how))
                if how == "all" or fault.kills:
                    self._down = evolve(fault, takes_effect=False)
                return fault
        return None


def in_words(account: str, operation: str, body: dict[str, str]) -> str:
    names = [body.get(key) for key in ("RoleName", "UserName", "GroupName", "PolicyName")]
    names += [body[key].split("/")[-1] for key in ("RoleArn", "PolicyArn") if key in body]
    return " ".join([SIDES[account], operation, *(name for name in names if name)])


class Account(boto3.Session):
    """A session of an administrator; its clients are made once."""

    def __init__(self, account: str) -> None:
        super().__init__("AKIAEXAMPLE", "secret", region_name="eu-central-1")
        self.account, self.wire = account, Wire()
        self.gate: Callable[[str], object] = lambda operation: None
        self.client = cache(super().client)  # type: ignore[method-assign]
        self.events.register("before-call.*.*", self._before)
        self.events.register("after-call.*.*", self._after)

    @property
    def iam(self) -> Any:
        return self.client("iam")

    def sign_in(self, key: Any) -> None:
        """Let the clients that there are sign with another key."""
        credentials: Any = self.get_credentials()
        credentials.access_key, credentials.secret_key = key.access_key_id, key.secret_access_key

    def _before(self, model: Any, params: dict[str, Any], context: dict[str, Any], **_: object) -> Any:
        self.gate(model.name)
        fault = self.wire.before(in_words(self.account, model.name, params["body"]), params["body"])
        if fault and not fault.takes_effect:
            return fault.answer()
        context["fault"] = fault
        return None

    def _after(self, http_response: Any, parsed: dict[str, Any], context: dict[str, Any], **_: object) -> None:
        if fault := context.pop("fault", None):
            response, error = fault.answer()
            http_response.status_code = response.status_code
            parsed.clear()
            parsed.update(error)


@frozen
class Accounts:
    """The trusting and the trusted account, the wire to both, and the sandbox that they are in."""

    trusting: Account
    trusted: Account
    wire: Wire
    aws: Sandbox

    def snapshot(self) -> dict[str, Any]:
        """All that both accounts hold, without what AWS chooses: ids and dates."""
        return {side.account: _snapshot(side.account) for side in (self.trusting, self.trusted)}


def _snapshot(account: str) -> dict[str, Any]:
    iam = moto.iam.models.iam_backends[account]["aws"]
    roles = {
        role.name: (
            role.path,
            role.description or "",
            role.max_session_duration,
            role.permissions_boundary,
            json.loads(role.assume_role_policy_document),
            role.tags,
            sorted(role.managed_policies),
            {name: json.loads(text) for name, text in role.policies.items()},
        )
        for role in iam.roles.values()
    }
    users = {
        user.name: (
            user.path,
            user.password,
            sorted(user.managed_policies),
            dict(user.policies),
            sorted(key.access_key_id for key in user.access_keys),
            sorted(map(str, user.mfa_devices)),
            iam.tagger.get_tag_dict_for_resource(user.arn),
        )
        for user in iam.users.values()
    }
    groups = {
        group.name: (sorted(group.managed_policies), sorted(user.name for user in group.users))
        for group in iam.groups.values()
    }
    policies = {
        arn: (
            {version.version_id: (version.is_default, version.document) for version in policy.versions},
            policy.tags,
        )
        for arn, policy in iam.managed_policies.items()
        if ":aws:policy/" not in arn
    }
    return {"roles": roles, "users": users, "groups": groups, "policies": policies}


@pytest.fixture(scope="session")
def sessions() -> tuple[Account, Account]:
    """Made once: making clients is what takes longest."""
    return Account(TRUSTING), Account(TRUSTED)


@pytest.fixture
def accounts(sessions: tuple[Account, Account]) -> Iterator[Accounts]:
    """Two accounts, in which others have a role, a user, a group and a policy that no grant may touch."""
    wire = Wire()
    with Sandbox([TRUSTING, TRUSTED]) as aws:
        for session in sessions:
            session.wire = wire
            session.sign_in(aws.account(session.account).key)
            session.iam.create_role(RoleName="Others", AssumeRolePolicyDocument=_TRUST_OF_OTHERS)
            session.iam.create_user(UserName="others")
            session.iam.create_group(GroupName="others")
            session.iam.create_policy(PolicyName="Others", PolicyDocument=_POLICY_OF_OTHERS)
        wire.forget()
        yield Accounts(*sessions, wire, aws)


@pytest.fixture
def patience() -> Patience:
    """Long enough for a fault that passes."""
    return Patience(deadline=20, first=0.0001, longest=0.001)


@pytest.fixture
def haste() -> Patience:
    """So short that a fault that lasts is given up soon, after a few tries."""
    return Patience(deadline=0.02, first=0.002, longest=0.005)


_POLICY_OF_OTHERS = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
)
_TRUST_OF_OTHERS = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}}],
    }
)
