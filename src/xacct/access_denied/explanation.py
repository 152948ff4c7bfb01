"""Why AWS denied a request: the explanation as a value, and the function that finds it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from textwrap import shorten
from typing import TYPE_CHECKING

from attrs import evolve, field, frozen
from botocore.exceptions import ClientError

from xacct.access_denied.account_reads import AccountReads, Unread
from xacct.access_denied.cause import Cause, CauseKind
from xacct.access_denied.diagnosis import Evidence, find_causes, layer_named_by_aws, most_likely_first, rejection
from xacct.access_denied.names import provider_name
from xacct.access_denied.organization_reader import ControlPolicies, OrganizationReader
from xacct.access_denied.policy_reader import CallerPolicies, EncryptionKey, PolicyReader, RoleState
from xacct.access_denied.wording import render
from xacct.arn import Arn, partition
from xacct.authz import AccessRequest, Decision, PolicySet, evaluate
from xacct.authz.policy_set import AWS_WORDS, LayerName
from xacct.concurrency import run_concurrently
from xacct.errors import AssumeRoleDenied, AwsError, InvalidValue
from xacct.plain_data import to_dict
from xacct.policy import PolicyDocument
from xacct.policy.principal import is_identity_provider
from xacct.policy.times import time_to_text

if TYPE_CHECKING:
    import boto3

__all__ = ["Explanation", "explain"]

Context = Mapping[str, str | Iterable[str]]

# AWS extends the text after the resource from time to time.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
_DENIAL = re.compile(
    r"User: (?P<principal>\S+) is not authorized to perform: (?P<action>[\w-]+:\w+)"
    r'(?: on resource: (?:\\?"(?P<quoted>[^"\\\n]+)|(?P<bare>(?:policy path |(?:group|policy|role|user) )?[^"\\\s]+)))?'
)
# What a program can put after a message that it logs. AWS puts names that can end so, those of objects, in quotes.
_AFTER_MESSAGE = "')]}.,;"
# Without a provider and a role: AWS's message for callers without AWS credentials is short.
_FEDERATED_DENIAL = re.compile(r"Not authorized to perform (?P<action>sts:AssumeRoleWith\w+)")
# Context keys that only the parameters of sts:AssumeRole set: a request without the parameter does not have the key.
_KEYS_OF_PARAMETERS = (
    "sts:externalid", "sts:sourceidentity", "sts:rolesessionname", "sts:transitivetagkeys", "aws:requesttag/",
    "aws:tagkeys",
)  # fmt: skip
_RESOURCE: frozenset[LayerName] = frozenset({"resource"})
# The permission on the KMS key that an S3 action requires for an encrypted object.
_KEY_ACTIONS = {"s3:GetObject": "kms:Decrypt", "s3:PutObject": "kms:GenerateDataKey"}


@frozen
class Explanation:
    """Why AWS denied a request, as far as the policies could be read. Print it.

    The text fits on a screen: what is not known comes first, then the causes, the most likely one in full. Of an
    external ID that was sent it shows the first two characters and the length. Nobody is advised to widen access: a
    statement is suggested only for the caller's own identity policy, if it is the missing half of an access.

    Attributes:
        decisions: the decision on the request, and that on the KMS key if the bucket is encrypted with one; empty if
            AWS rejected the request for a reason that no policy decides.
        causes: the causes, the most likely first.
        notes: other findings, such as a message of AWS that names another kind of policy.
        unread: what could not be read, and why. The cause may be there.
    """

    decisions: tuple[Decision, ...]
    causes: tuple[Cause, ...]
    notes: tuple[str, ...] = ()
    unread: tuple[Unread, ...] = field(default=(), repr=False)

    @property
    def refused(self) -> bool:
        """Whether the policies that were read deny the request."""
        return not all(decision.allowed for decision in self.decisions)

    @property
    def explained(self) -> bool:
        """Whether a cause was found, even if it is not certain.

        If not, the policies that were read allow the request, or none that decides could be read.
        """
        return any(cause.kind not in ("not read", "nothing found") for cause in self.causes)

    @property
    def certain(self) -> bool:
        """Whether one of the causes denies the request, whatever the other policies and unknown context keys say.

        A condition on a parameter of the request, such as the external ID, leaves the cause certain if the error is an
        `AssumeRoleDenied`, which has the parameters. A condition on the caller's network or identity does not, unless
        the context contains the key.
        """
        return any(cause.certain for cause in self.causes)

    def to_dict(self) -> dict[str, object]:
        """Return the explanation as plain data that JSON can express, with the text that it prints as."""
        return {
            "explained": self.explained,
            "certain": self.certain,
            "refused": self.refused,
            "text": str(self),
            "causes": [_cause_data(cause) for cause in self.causes],
            "notes": list(self.notes),
            "unread": [to_dict(unread) for unread in self.unread],
        }

    def __str__(self) -> str:
        return render(self.decisions, self.causes, self.notes, self.unread)


def explain(
    error: ClientError | AwsError | str,
    trusting: boto3.Session,
    trusted: boto3.Session | None = None,
    *,
    principal: str | None = None,
    action: str | None = None,
    resource: str | None = None,
    context: Context | None = None,
) -> Explanation:
    """Explain an AccessDenied: which policy denies the request, in which account, and what to do.

    AWS's message names one kind of policy, and sometimes the wrong one. This function reads every policy that applies
    to the request and that the two sessions may read: the caller's policies with those of its groups and its
    boundary, the role's trust policy, the bucket's policy and encryption, the key's policy, and the service and
    resource control policies. What it could not read it says first, and gives no advice on it. It changes nothing.

    Args:
        error: the error that boto3 or `xacct.assume_role` raised, its message, or a text that has the message, such as
            a log. The first denial in it counts.
        trusting: a session of the account with the role or the bucket.
        trusted: a session of the other account; None if there is none, as for `xacct.assume_role_with_web_identity`.
        principal: the caller's ARN, if the message does not contain it; for sts:AssumeRoleWithWebIdentity, that of the
            identity provider.
        action: the action, if the message does not contain it, as with S3's ``Access Denied``.
        resource: the ARN of the resource, if the message does not contain it.
        context: context keys of the request, such as ``{"sts:ExternalId": "acme-42"}``, in addition to those of an
            `AssumeRoleDenied`. The time is that of AWS's response, or else now.

    Raises:
        InvalidValue: neither the error nor the arguments contain the principal, the action or the resource.
        AwsError: the credentials of a session do not work.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html

    >>> from xacct import AssumeRoleDenied, TrustGrant, assume_role, plan
    >>> from xacct.testing import Sandbox
    >>> grant = TrustGrant(account="111111111111", principals="222222222222", external_id="acme-42",
    ...     managed_policy_arns="arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess")
    >>> with Sandbox() as aws:
    ...     production, development = (aws.account(id).session for id in ("111111111111", "222222222222"))
    ...     _ = plan(grant, trusting=production, trusted=development).apply()
    ...     try:
    ...         assume_role(development, grant.role_arn)
    ...     except AssumeRoleDenied as denied:
    ...         print(explain(denied, production, development))
    sts:AssumeRole on arn:aws:iam::111111111111:role/CrossAccountRoleS3
    denied to arn:aws:iam::222222222222:user/Administrator
    Cause: the request sent no external ID.
      Wanted: 'acme-42'.
      Set in: trust policy of role CrossAccountRoleS3, statement 1, account 111111111111.
      Send the wanted value (ExternalId, or external_id of assume_role).
    """
    message = str(error)
    trusted = trusted or trusting
    found = _DENIAL.search(message) or _FEDERATED_DENIAL.search(message)
    known = _named(found) if found else {}
    absent: tuple[str, ...] = ()
    if isinstance(error, AssumeRoleDenied):
        known |= {"action": "sts:AssumeRole", "resource": error.role_arn}
        context = {**error.context, **(context or {})}
        absent = _KEYS_OF_PARAMETERS
        if error.provider is not None:
            known |= {"action": "sts:AssumeRoleWithWebIdentity", "principal": error.provider}
            absent += (f"{provider_name(error.provider)}:".lower(),)
    given = {"principal": principal, "action": action, "resource": resource}
    request = {name: value or known.get(name) or "" for name, value in given.items()}
    kind = rejection(message)
    if kind is not None:
        return _explain_rejection(kind, request["resource"], trusting, trusted)
    for name, value in request.items():
        if not value:
            raise InvalidValue(
                name, None, f"required, because the message does not contain it: {shorten(message, 300)}"
            )
    caller = _CallerName.parse(request["principal"], request["resource"])
    reads = AccountReads.connect(trusting, trusted)
    reader = PolicyReader(reads)
    time = _time_of(error)
    context = {"aws:CurrentTime": time_to_text(time), "aws:EpochTime": str(int(time.timestamp())), **(context or {})}
    evidence = [
        evolve(found, absent=(*found.absent, *absent), message=message if number == 0 else "")
        for number, found in enumerate(_read(reader, caller, request["action"], request["resource"], context))
    ]
    denied = [found for found in evidence if not found.decision.allowed] or evidence[:1]
    # If a rule of AWS denies the request, no policy that could not be read matters.
    is_decided = all(found.decision.note and not found.decision.allowed for found in denied)
    return Explanation(
        tuple(found.decision for found in evidence),
        most_likely_first(cause for found in denied for cause in find_causes(found)),
        (*reader.notes, *_wrong_layer(message, evidence)),
        () if is_decided else tuple(sorted(reads.unread, key=str)),
    )


def _named(denial: re.Match[str]) -> dict[str, str]:
    """Return the principal, the action and the resource that AWS's message names."""
    named = {name: text or "" for name, text in denial.groupdict().items()}
    principal = named.get("principal", "")
    resource = named.get("quoted") or _resource_arn(named.get("bare", "").rstrip(_AFTER_MESSAGE), principal)
    return {"principal": principal, "action": named["action"], "resource": resource}


def _resource_arn(resource: str, principal: str) -> str:
    """Return the ARN of a resource that IAM's messages name by its kind and name, such as ``role Reader``."""
    kind, _, name = resource.removeprefix("policy path ").partition(" ")
    if resource.startswith("policy path "):
        kind, name = "policy", resource.rpartition("/")[2]
    if not kind or kind == resource or name.startswith("arn:"):
        return name or resource
    caller = Arn.parse(principal, name="principal")
    return f"arn:{caller.partition}:iam::{caller.account}:{kind}/{name}"


def _cause_data(cause: Cause) -> dict[str, object]:
    data = to_dict(cause)
    return {**data, "missing_statement": json.loads(cause.missing_statement)} if cause.missing_statement else data


def _time_of(error: ClientError | AwsError | str) -> datetime:
    """Return the time of AWS's response; now if the error does not have it."""
    answer = error if isinstance(error, ClientError) else getattr(error, "__cause__", None)
    if isinstance(answer, ClientError):
        date = answer.response.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date", "")
        try:
            return parsedate_to_datetime(date).astimezone(timezone.utc)
        except (TypeError, ValueError):
            pass
    return datetime.now(timezone.utc)


def _explain_rejection(kind: CauseKind, role_arn: str, trusting: boto3.Session, trusted: boto3.Session) -> Explanation:
    """Explain a request that AWS rejects whatever the policies say."""
    role = Arn.parse(role_arn, name="resource") if role_arn else None
    state, unread = None, []
    if role is not None and kind == "session duration":
        reads = AccountReads.connect(trusting, trusted)
        state, unread = PolicyReader(reads).role(role), reads.unread
    cause = Cause(
        kind=kind,
        account=role.account if role else "",
        given=(role_arn,) if role_arn else (),
        wanted=(str(state.most_seconds),) if state and state.most_seconds else (),
    )
    return Explanation((), (cause,), unread=tuple(unread))


@frozen
class _CallerName:
    """The caller of a request: an ARN; or None for an identity provider, which has no policies, and the account."""

    principal: str
    account: str
    arn: Arn | None

    @classmethod
    def parse(cls, principal: str, resource: str) -> _CallerName:
        if is_identity_provider(principal):
            return cls(principal, Arn.parse(resource, name="resource").account, None)
        arn = Arn.parse(principal, name="principal")
        return cls(principal, arn.account, arn)


@frozen(kw_only=True)
class _Known:
    """What was read about the caller and about the organizations of both accounts."""

    caller: _CallerName
    policies: CallerPolicies
    owner: str
    scps: ControlPolicies
    rcps: ControlPolicies
    context: Context

    def decide(
        self, action: str, resource: str, policy: PolicyDocument | None, more: Context | None = None
    ) -> Decision:
        """Evaluate a request of the caller. The owner of the resource is that of the ARN, or else of the request."""
        named = "" if resource == "*" else Arn.parse(resource).account
        account = named if named.isdigit() else self.owner
        context = {**self._keys_of_caller(), **self.context, **(more or {})}
        return evaluate(
            AccessRequest(
                principal=self.caller.principal,
                action=action,
                resource=resource,
                resource_account=account,
                context=context,
            ),
            PolicySet(
                identity=self.policies.identity,
                resource=policy,
                boundary=self.policies.boundary,
                scps=self.scps.levels,
                rcps=self.rcps.levels if account == self.owner else (),
            ),
        )

    def _keys_of_caller(self) -> Context:
        found = {"aws:PrincipalArn": self.policies.arn, "aws:PrincipalOrgID": self.scps.organization_id}
        return {key: value for key, value in found.items() if value}

    @property
    def absent(self) -> tuple[str, ...]:
        """The beginnings of the context keys that the request is known not to have."""
        return ("aws:principalorg",) if self.scps.organization_id == "" else ()


def _read(reader: PolicyReader, caller: _CallerName, action: str, resource: str, context: Context) -> list[Evidence]:
    """Read the policies and evaluate the request, and the use of the KMS key if the bucket is encrypted with one."""
    arn = None if resource == "*" else Arn.parse(resource, name="resource")
    owner = caller.account if arn is None else _owner(arn, caller.account, reader)
    is_role = arn is not None and (arn.service, arn.resource_type) == ("iam", "role") and action.startswith("sts:")
    organizations = OrganizationReader(reader.reads)
    callers: list[CallerPolicies] = []
    resources: list[PolicyDocument | None] = []
    roles: list[RoleState | None] = []
    limits: dict[str, ControlPolicies] = {}

    def scps_of_caller() -> ControlPolicies:
        # Identity providers belong to no organization.
        return organizations.control_policies(caller.account, "scp") if caller.arn else ControlPolicies("")

    run_concurrently(
        lambda: callers.append(reader.caller_policies(caller.arn) if caller.arn else CallerPolicies()),
        lambda: roles.append(reader.role(arn) if arn is not None and is_role else None),
        lambda: resources.append(None if arn is None or is_role else reader.resource_policy(arn, owner)),
        lambda: limits.update(scps=scps_of_caller()),
        lambda: limits.update(rcps=organizations.control_policies(owner, "rcp")),
    )
    known = _Known(caller=caller, policies=callers[0], owner=owner, context=context, **limits)
    unread, role = _layers(reader.reads.unread), roles[0]
    decision = known.decide(action, resource, role.trust if role else resources[0])
    found = Evidence(decision=decision, unread=unread, absent=known.absent, role=role)
    key = reader.encryption_key(arn, owner) if arn is not None and action in _KEY_ACTIONS else None
    if decision.allowed:  # the denial may come from a key that could not be read
        found = evolve(found, unread=_layers(reader.reads.unread))
    return [found] if key is None else [found, _evidence_of_key(key, known, action, unread)]


def _owner(arn: Arn, caller: str, reader: PolicyReader) -> str:
    # What belongs to AWS, such as an AWS managed policy, is used in the caller's account.
    return caller if arn.account == "aws" else arn.account or reader.bucket_owner(arn, caller)


def _layers(unread: Iterable[Unread]) -> frozenset[LayerName]:
    return frozenset(item.layer for item in unread)


def _evidence_of_key(key: EncryptionKey, known: _Known, action: str, unread: frozenset[LayerName]) -> Evidence:
    """Evaluate the use of a bucket's KMS key by S3 for the caller."""
    service = f"s3.{key.arn.region}.{partition(key.arn.partition).dns_suffix}"
    more = {"kms:ViaService": service, "kms:CallerAccount": known.caller.account}
    decision = known.decide(_KEY_ACTIONS[action], str(key.arn), key.policy, more)
    of_key = unread | _RESOURCE if key.policy is None else unread - _RESOURCE
    return Evidence(decision=decision, unread=of_key, absent=known.absent)


def _wrong_layer(message: str, evidence: Iterable[Evidence]) -> list[str]:
    """A note if AWS's message names a kind of policy that was read and is not the one that denies."""
    named = layer_named_by_aws(message)
    denied = next((found for found in evidence if not found.decision.allowed), None)
    if named is None or denied is None or named[0] in {*denied.decision.decided_by, *denied.unread, "session"}:
        return []
    denying = " and the ".join(AWS_WORDS[layer] for layer in denied.decision.decided_by)
    return [f"AWS's message names the {AWS_WORDS[named[0]]}; by the policies that were read, the {denying} denies"]
