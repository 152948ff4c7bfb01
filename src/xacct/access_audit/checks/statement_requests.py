"""The requests of a caller that a statement could allow: one for each combination of values that policies tell apart.

The condition keys of the statement, of every Deny and of the control policies are given each value that their
conditions tell apart. A check decides the requests with the evaluator; the first that has the answer it looks for is
the witness.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import product
from math import prod

from attrs import field, frozen

from xacct.access_audit.subject import Subject
from xacct.authz import AccessRequest, evaluate
from xacct.authz.caller import Caller
from xacct.authz.statement_matcher import StatementMatcher
from xacct.policy import Condition, Principal
from xacct.policy.principal import is_identity_provider
from xacct.proof.callers import account_besides, callers_of, name_patterns
from xacct.proof.find_access import ANYTHING, account_ids_in
from xacct.proof.key_control import Controller, control_of
from xacct.proof.key_values import KeyValues, values_of_key
from xacct.proof.pattern_classes import TooManyStates
from xacct.reference import find_condition_key, is_identity_provider_key

__all__ = ["STRANGER", "Asked", "Values", "action_of", "callers_named", "is_allowed", "never_sends", "provider_name"]

Values = tuple[str, ...]

# Requests that are decided for one caller and statement. Above that, a check gives up.
_MOST_REQUESTS = 5_000

STRANGER = account_besides(())
"""The ID of an account that no policy names."""

_ACTIONS = {
    "ecr": "ecr:BatchGetImage", "kms": "kms:GenerateDataKey", "lambda": "lambda:InvokeFunction", "s3": "s3:GetObject",
    "secretsmanager": "secretsmanager:GetSecretValue", "sns": "sns:Publish", "sqs": "sqs:SendMessage",
}  # fmt: skip

_ACTION = re.compile(r"[A-Za-z0-9-]+:[A-Za-z0-9]+")
_SERVICE = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*\.amazonaws\.com(\.cn)?")

_KEYS_OF_PRINCIPALS = ("aws:principal", "aws:userid", "aws:multifactorauth", "aws:tokenissuetime", "aws:sourceidentity")
# Keys that begin so and that requests of AWS services do have.
_KEYS_OF_SERVICES = ("aws:principalisawsservice", "aws:principalservicename", "aws:principaltype")

# Services that assume roles without an external ID. Others, such as elasticbeanstalk.amazonaws.com, send one.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_common-scenarios_third-party.html
_WITHOUT_EXTERNAL_ID = frozenset({
    "apigateway.amazonaws.com", "cloudformation.amazonaws.com", "cloudtrail.amazonaws.com", "codebuild.amazonaws.com",
    "codepipeline.amazonaws.com", "ec2.amazonaws.com", "ecs-tasks.amazonaws.com", "ecs.amazonaws.com",
    "eks.amazonaws.com", "events.amazonaws.com", "glue.amazonaws.com", "lambda.amazonaws.com",
    "pods.eks.amazonaws.com", "scheduler.amazonaws.com", "states.amazonaws.com",
})  # fmt: skip


def is_allowed(request: AccessRequest, subject: Subject) -> bool:
    """Return whether the policies of a subject allow a request, if the caller's own account allows everything."""
    return evaluate(request, ANYTHING.with_resource_side(subject.side)).allowed


def provider_name(principal: str) -> str:
    """Return the name of an identity provider, as in its condition keys."""
    return principal.partition("/")[2] if principal.startswith("arn:") else principal


def callers_named(principal: Principal, subject: Subject) -> list[str]:
    """Return callers whom a principal of a policy names: of each kind that the policy tells apart, one.

    It is empty for a deleted principal, for a service that cannot exist, and for an identity provider of another
    account, which a role cannot use.
    """
    value = principal.value
    if principal.kind == "Service":
        name = "any-service.amazonaws.com" if principal.is_anyone else value
        return [name] if _SERVICE.fullmatch(name) else []
    if principal.kind == "Federated":
        own = is_identity_provider(value) and (not value.startswith("arn:") or principal.account_id == subject.account)
        return [value] if own else []
    if principal.kind != "AWS" or principal.is_deleted:
        return []
    account = STRANGER if principal.is_anyone else principal.account_id
    if account is None or not (principal.is_anyone or principal.is_account):
        return [value]
    try:
        return callers_of(account, subject.partition, name_patterns(subject.statements))
    except TooManyStates:
        return []


def action_of(statement: StatementMatcher, subject: Subject, caller: Caller) -> str:
    """Return an action that a statement covers and that a caller could do; empty if there is none that is known."""
    if subject.is_role:
        action = "sts:AssumeRole"
        if caller.kind == "provider":
            is_saml = ":saml-provider/" in caller.name
            action = "sts:AssumeRoleWithSAML" if is_saml else "sts:AssumeRoleWithWebIdentity"
        return action if statement.matches_action(action.lower()) else ""
    usual = _ACTIONS.get(subject.service, "")
    exact = (action for action in statement.statement.actions if _ACTION.fullmatch(action))
    return next(exact, usual if usual and statement.matches_action(usual.lower()) else "")


def _resource_of(statement: StatementMatcher, subject: Subject) -> str:
    """Return the subject, or a part of it such as an object of a bucket, that a statement covers."""
    texts = statement.statement.resources
    if subject.is_role or not texts or any(text in ("*", subject.arn) for text in texts):
        return subject.arn
    filled = (text.replace("*", "a").replace("?", "a") for text in texts if "${" not in text)
    return next((text for text in filled if text.startswith(subject.arn)), subject.arn)


def never_sends(caller: Caller, key: str) -> bool:
    """Return whether no request of a caller has a condition key, given in lower case.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
    """
    controller = control_of(key).controller
    if controller == "AWS service":
        return caller.kind != "service"
    if caller.kind not in ("service", "provider"):
        return False
    if controller == "identity provider":
        return caller.kind == "service" or not _is_claim_of(caller.name, key)
    if key == "sts:externalid":
        return caller.kind == "provider" or caller.name in _WITHOUT_EXTERNAL_ID
    return key.startswith(_KEYS_OF_PRINCIPALS) and not key.startswith(_KEYS_OF_SERVICES)


def _is_claim_of(provider: str, key: str) -> bool:
    """Return whether a key is a claim of an identity provider that AWS makes a condition key."""
    if not is_identity_provider_key(key):
        return key == "aws:federatedprovider" or ":saml-provider/" in provider
    return key.startswith(f"{provider_name(provider).lower()}:") and find_condition_key(key) is not None


def _is_assigned(controller: Controller, conditions: Iterable[Condition]) -> bool:
    """Return whether a stranger has other values of a key than those that conditions name in full.

    Of a key that xacct does not know, such as kms:EncryptionContext:aws:cloudtrail:arn, it has if they name accounts.
    """
    if controller == "unknown":
        return all(account_ids_in(value) for condition in conditions for value in condition.values)
    return controller in ("AWS", "AWS service")


@frozen(kw_only=True)
class Asked:
    """A caller that asks for what a statement could allow.

    Attributes:
        subject: the role or the resource.
        statement: the Allow statement.
        caller: the caller, as an AccessRequest has it.
        action: the action.
        now: the time.
        given: the values of keys, each of which is tried, instead of those that policies tell apart.
        is_stranger: whether the caller has none of the values that policies name in full and that AWS assigns.
        lacks_nothing: whether to give the caller also the keys that it never sends.
        is_complete: whether the requests have to be all that policies tell apart, because the check is about none of
            them being allowed. A request that is allowed shows that, whatever others there are.
    """

    subject: Subject
    statement: StatementMatcher
    caller: str
    action: str
    now: datetime
    given: Mapping[str, Sequence[Values]] = field(factory=dict)
    is_stranger: bool = False
    lacks_nothing: bool = False
    is_complete: bool = False

    @property
    def base(self) -> AccessRequest:
        """The request without condition keys."""
        return self._request({})

    def _request(self, context: Mapping[str, Values]) -> AccessRequest:
        return AccessRequest(
            principal=self.caller,
            action=self.action,
            resource=_resource_of(self.statement, self.subject),
            resource_account=self.subject.account,
            context=context,
        )

    def conditions(self) -> dict[str, list[Condition]]:
        """Return the conditions that matter to the caller, by key: the statement's, and those of what can deny."""
        base, action = self.base, self.action.lower()
        found: dict[str, list[Condition]] = {}
        for layer in self.subject.side.layers:
            for statement in layer.statements:
                is_other = layer.name == "resource" and not statement.denies and statement is not self.statement
                if is_other or not statement.conditions or not statement.matches_action(action):
                    continue
                if statement is self.statement or statement.match_principal(base, has_boundary=False):
                    for condition in statement.conditions:
                        found.setdefault(condition.key, []).append(condition.condition)
        return found

    def requests(self) -> Iterator[AccessRequest]:
        """Yield the requests that meet the statement's conditions.

        Raises:
            TooManyStates: the policies tell too many requests apart, or those that have to be complete cannot be.
        """
        base = self.base
        if not self.statement.match_principal(base, has_boundary=False) or not self.statement.matches_resource(base):
            return
        choices = {key: self._met(key, values, base) for key, values in self._values(base).items()}
        if prod(map(len, choices.values())) > _MOST_REQUESTS:
            raise TooManyStates
        for combination in product(*choices.values()):
            yield self._request({key: values for key, values in zip(choices, combination) if values})

    def _values(self, base: AccessRequest) -> dict[str, Iterable[Values]]:
        values: dict[str, Iterable[Values]] = {}
        for key, conditions in self.conditions().items():
            control = control_of(key)
            if key in self.given and not never_sends(base.caller, key):
                continue
            if key in self.subject.known:
                values[key] = [self.subject.known[key]]
                continue
            if never_sends(base.caller, key) and not self.lacks_nothing:
                values[key] = [()]
            elif control.controller != "request" or never_sends(base.caller, key):
                own = self.is_stranger and _is_assigned(control.controller, conditions)
                known = self._choices(tuple(conditions), key, own=own)
                if known.problem and self.is_complete:
                    raise TooManyStates
                values[key] = known.choices
        return {**values, **{key: given for key, given in self.given.items() if not never_sends(base.caller, key)}}

    def _choices(self, conditions: tuple[Condition, ...], key: str, *, own: bool) -> KeyValues:
        return values_of_key(conditions, control_of(key), self.now.replace(microsecond=0), own=own)

    def _met(self, key: str, values: Iterable[Values], base: AccessRequest) -> list[Values]:
        """Return the values that meet the statement's conditions on a key."""
        conditions = [condition for condition in self.statement.conditions if condition.key == key]
        others = {name: value for name, value in base.context.items() if name != key}
        return [
            choice
            for choice in values
            if all(condition.evaluate({**others, key: choice} if choice else others) for condition in conditions)
        ]
