"""Why AWS denied a request: the explanation as a value, and the function that finds it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from attrs import field, frozen
from botocore.exceptions import ClientError

from xacct.access_denied.policy_reader import CallerPolicies, PolicyReader
from xacct.arn import Arn, partition
from xacct.authz import AccessRequest, Decision, PolicySet, evaluate
from xacct.authz.policy_set import AWS_WORDS, LayerName
from xacct.concurrency import run_concurrently
from xacct.errors import AssumeRoleDenied, InvalidValue
from xacct.policy import PolicyDocument

if TYPE_CHECKING:
    import boto3

__all__ = ["Explanation", "explain"]

Context = Mapping[str, str | Iterable[str]]

# AWS extends the text after the resource from time to time.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
_DENIAL = re.compile(
    r"User: (?P<principal>\S+) is not authorized to perform: (?P<action>[\w-]+:\w+)"
    r'(?: on resource: "?(?P<resource>[^"\s]+))?'
)
_NAMED_LAYER = re.compile(r"(?:because no|explicit deny in an?) ([\w -]+?(?:policy|boundary))\b")
# Context keys that only the parameters of sts:AssumeRole set: a request without the parameter does not have the key.
_KEYS_OF_PARAMETERS = (
    "sts:externalid", "sts:sourceidentity", "sts:rolesessionname", "sts:transitivetagkeys", "aws:requesttag/",
    "aws:tagkeys",
)  # fmt: skip
# The permission on the KMS key that an S3 action requires for an encrypted object.
_KEY_ACTIONS = {"s3:GetObject": "kms:Decrypt", "s3:PutObject": "kms:GenerateDataKey"}


@frozen
class Explanation:
    """Why AWS denied a request, as far as the policies could be read. Print it.

    Attributes:
        decisions: the decision on the request, and that on the KMS key if the bucket is encrypted with one.
        notes: findings that no policy shows, such as a trusted user who was deleted.
        unread: what could not be read, and why. The cause may be there.
        unread_layers: the kinds of policies of which something could not be read.
    """

    decisions: tuple[Decision, ...]
    notes: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    unread_layers: frozenset[LayerName] = field(default=frozenset(), repr=False)

    @property
    def refused(self) -> bool:
        """Whether the policies that were read deny the request."""
        return not all(decision.allowed for decision in self.decisions)

    @property
    def certain(self) -> bool:
        """Whether the policies that were read deny the request, whatever the others and the unknown context keys say.

        A condition on a parameter of the request, such as the external ID, leaves the decision certain. A condition on
        the caller's network or identity does not, unless the context contains the key.
        """
        return any(
            not decision.allowed
            and all(key.lower().startswith(_KEYS_OF_PARAMETERS) for key in decision.depends_on)
            and (decision.effect == "ExplicitDeny" or not self.unread_layers.issuperset(decision.decided_by))
            for decision in self.decisions
        )

    def __str__(self) -> str:
        lines = [f"note: {note}" for note in self.notes] + [f"could not read: {what}" for what in self.unread]
        if self.unread:
            lines.append("by the policies that were read:")
        lines += [line for decision in self.decisions for line in str(decision).splitlines()]
        if not self.refused:
            lines += [
                "The policies that were read allow this. The denial may come from a policy that could not be read,",
                "from a session policy (which nobody can read), from a context key (pass it as context), or from a",
                "recent change that is not visible everywhere yet.",
            ]
        return "\n".join(lines)


def explain(
    error: ClientError | AssumeRoleDenied | str,
    trusting: boto3.Session,
    trusted: boto3.Session,
    *,
    principal: str | None = None,
    action: str | None = None,
    resource: str | None = None,
    context: Context | None = None,
) -> Explanation:
    """Explain an AccessDenied: which policy denies the request, in which account, and the smallest change to allow it.

    AWS's message names one kind of policy, and sometimes the wrong one. This function reads every policy that applies
    to the request and that the two sessions may read: the caller's policies with those of its groups and its
    boundary, the role's trust policy, the bucket's policy and encryption, the key's policy and the service control
    policies. It changes nothing.

    Args:
        error: the error that boto3 or `xacct.assume_role` raised, or its message.
        trusting: a session of the account with the role or the bucket.
        trusted: a session of the other account.
        principal: the caller's ARN, if the message does not contain it.
        action: the action, if the message does not contain it, as with S3's ``Access Denied``.
        resource: the ARN of the resource, if the message does not contain it.
        context: context keys of the request, such as ``{"sts:ExternalId": "acme-42"}``, in addition to those of an
            `AssumeRoleDenied`.

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
    ImplicitDeny: arn:aws:iam::222222222222:user/Administrator sts:AssumeRole on ...role/CrossAccountRoleS3
    ...
        trust policy of role CrossAccountRoleS3, statement 1: Condition StringEquals sts:ExternalId 'acme-42' ...
    ...
    """
    found = _DENIAL.search(str(error))
    known = found.groupdict() if found else {}
    if isinstance(error, AssumeRoleDenied):
        known |= {"action": "sts:AssumeRole", "resource": error.role_arn}
        context = {**error.context, **(context or {})}
    given = {"principal": principal, "action": action, "resource": resource}
    request = {name: value or known.get(name) or "" for name, value in given.items()}
    for name, value in request.items():
        if not value:
            raise InvalidValue(name, None, f"required, because the message does not contain it: {error}")
    caller = Arn.parse(request["principal"], name="principal")
    reader = PolicyReader.connect(trusting, trusted)
    decisions = _decide(reader, caller, request["action"], request["resource"], context or {})
    return Explanation(
        decisions,
        (*reader.notes, *_wrong_layer(str(error), decisions)),
        tuple(sorted(reader.unread)),
        frozenset(reader.unread_layers),
    )


def _decide(reader: PolicyReader, caller: Arn, action: str, resource: str, context: Context) -> tuple[Decision, ...]:
    """Read the policies and evaluate the request, and the use of the KMS key if the bucket is encrypted with one."""
    arn = None if resource == "*" else Arn.parse(resource, name="resource")
    owner = caller.account if arn is None else arn.account or reader.bucket_owner(arn, caller.account)
    callers: list[CallerPolicies] = []
    resources: list[PolicyDocument | None] = []
    organizations: list[tuple[tuple[PolicyDocument, ...], ...]] = []
    run_concurrently(
        lambda: callers.append(reader.caller_policies(caller)),
        lambda: resources.append(None if arn is None else reader.resource_policy(arn, owner)),
        lambda: organizations.append(reader.service_control_policies(caller.account)),
    )
    own = callers[0]
    known = {**({"aws:PrincipalArn": own.arn} if own.arn else {}), **context}

    def decide(action: str, resource: str, account: str, policy: PolicyDocument | None, more: Context) -> Decision:
        request = AccessRequest(
            principal=str(caller), action=action, resource=resource, resource_account=account, context={**known, **more}
        )
        policies = PolicySet(identity=own.identity, resource=policy, boundary=own.boundary, scps=organizations[0])
        return evaluate(request, policies)

    decisions = [decide(action, resource, owner, resources[0], {})]
    key = reader.encryption_key(arn, owner) if arn is not None and action in _KEY_ACTIONS else None
    if key is not None:
        region = key.arn.region
        service = f"s3.{region}.{partition(key.arn.partition).dns_suffix}"
        more = {"kms:ViaService": service, "kms:CallerAccount": caller.account}
        decisions.append(decide(_KEY_ACTIONS[action], str(key.arn), key.arn.account, key.policy, more))
    return tuple(decisions)


def _wrong_layer(message: str, decisions: Iterable[Decision]) -> list[str]:
    """A note if AWS's message names a kind of policy that is not the one that denies."""
    named = _NAMED_LAYER.search(message)
    decision = next((decision for decision in decisions if not decision.allowed), None)
    if named is None or decision is None or named[1] in map(AWS_WORDS.__getitem__, decision.decided_by):
        return []
    denying = " and the ".join(AWS_WORDS[layer] for layer in decision.decided_by)
    return [f"AWS's message names the {named[1]}; by the policies that were read, the {denying} denies"]
