"""Authorization of a call: the caller's policies, the request's context keys, and IAM's decision on them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from xacct.authz import AccessRequest, Decision, PolicySet, evaluate
from xacct.authz.layers import LAYER_TITLES
from xacct.authz.resource_owner import has_owner_keys
from xacct.errors import PolicyError
from xacct.policy import PolicyDocument
from xacct.reference import services_under_rcps
from xacct.testing.credential_store import AuthenticatedPrincipal, document_of, tags_of
from xacct.testing.error_responses import Refused
from xacct.testing.http_messages import Call
from xacct.testing.organizations import Membership
from xacct.testing.required_permissions import Context, RequiredPermission

if TYPE_CHECKING:
    from datetime import datetime

    from moto.iam.models import ManagedPolicy

    from xacct.testing.clock import Clock
    from xacct.testing.moto_state import MotoState

__all__ = ["ALLOWS_NOTHING", "Authorizer"]

# The name of a policy, for explanations, and its JSON text.
NamedPolicy = tuple[str, str]

# A policy that allows no existing action.
ALLOWS_NOTHING = '{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "none:None", "Resource": "*"}}'


class Authorizer:
    """Decides whether a caller has a permission.

    Args:
        state: the state of the accounts.
        clock: the sandbox's clock.
    """

    def __init__(self, state: MotoState, clock: Clock) -> None:
        self._state, self._clock = state, clock

    def decide(
        self, call: Call, caller: AuthenticatedPrincipal, permission: RequiredPermission, condition_keys: Context
    ) -> Decision:
        """Evaluate the policies that apply to a required permission.

        Args:
            call: the parsed request.
            caller: the authenticated principal.
            permission: the required permission.
            condition_keys: context keys of the request that override all others.

        Raises:
            Refused: one of the policies is malformed.
        """
        now = self._clock.now()
        organizations = self._state.organizations
        # An identity provider, which has no user ID, is in no organization.
        of_caller = organizations.membership(caller.account) if caller.user_id else None
        of_resource = organizations.membership(permission.account)
        owner = of_resource if of_resource and has_owner_keys(permission.action.lower()) else None
        context = {
            **_keys_of_request(call, now),
            **_keys_of_caller(caller, now),
            **_keys_of_organization("Principal", of_caller),
            **_keys_of_organization("Resource", owner),
            **permission.context,
            **condition_keys,
        }
        request = AccessRequest(
            principal=caller.arn,
            action=permission.action,
            resource=permission.resource,
            resource_account=permission.account,
            context=context,
        )
        session_policies = caller.session.policies if caller.session else ()
        if of_resource is not None and request.service not in services_under_rcps():
            of_resource = None
        policies = _policy_set(
            tuple(self._identity_policies(caller)),
            permission.policy,
            self._boundary(caller),
            session_policies,
            of_caller,
            of_resource,
        )
        return evaluate(request, policies)

    def _identity_policies(self, caller: AuthenticatedPrincipal) -> list[NamedPolicy]:
        """The caller's inline and attached policies, and those of its groups."""
        entity = caller.entity
        if entity is None:
            return []
        policies = _policies_of(entity.name, entity.policies, entity.managed_policies)
        for group in self._state.groups_of(entity):
            policies += _policies_of(f"group {group.name}", group.policies, group.managed_policies)
        return policies

    def _boundary(self, caller: AuthenticatedPrincipal) -> NamedPolicy | None:
        arn = getattr(caller.entity, "permissions_boundary_arn", None)
        if not arn:
            return None
        policy = self._state.managed_policy(caller.account, arn)
        # The principal stays bounded if the policy does not exist, such as while its creation propagates.
        return (f"permissions boundary {arn}", document_of(policy) if policy else ALLOWS_NOTHING)


def _keys_of_request(call: Call, now: datetime) -> Context:
    return {
        "aws:CurrentTime": f"{now.isoformat()[:19]}Z",
        "aws:EpochTime": str(int(now.timestamp())),
        "aws:RequestedRegion": call.region,
        "aws:SecureTransport": "true",
        "aws:SourceIp": call.request.remote_addr or "127.0.0.1",
        "aws:UserAgent": call.request.headers.get("User-Agent", ""),
    }


def _keys_of_caller(caller: AuthenticatedPrincipal, now: datetime) -> Context:
    """The context keys that depend on the principal and its session.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
    """
    context: Context = {}
    if caller.user_id:
        context["aws:userid"] = caller.user_id
    entity, session = caller.entity, caller.session
    if entity is not None:
        context["aws:PrincipalArn"] = caller.arn if caller.is_federated_user else entity.arn
        tags = {**tags_of(entity), **(session.tags if session else {})}
        context |= {f"aws:PrincipalTag/{key}": value for key, value in tags.items()}
    if session is not None:
        context |= session.provider_keys
        context["aws:TokenIssueTime"] = session.issued.strftime("%Y-%m-%dT%H:%M:%SZ")
        context["aws:MultiFactorAuthPresent"] = "true" if session.mfa_at else "false"
        if session.mfa_at:
            context["aws:MultiFactorAuthAge"] = str(int((now - session.mfa_at).total_seconds()))
        if session.source_identity:
            context["aws:SourceIdentity"] = session.source_identity
    return context


def _keys_of_organization(kind: Literal["Principal", "Resource"], member: Membership | None) -> Context:
    """The context keys of the organization of the principal or of the resource; none if it is in no organization."""
    if member is None:
        return {}
    return {f"aws:{kind}OrgID": member.organization, f"aws:{kind}OrgPaths": (member.path,)}


def _policies_of(owner: str, inline: Mapping[str, str], managed: Mapping[str, ManagedPolicy]) -> list[NamedPolicy]:
    policies = [(f"policy {name} of {owner}", document) for name, document in inline.items()]
    return policies + [(f"policy {policy.name} of {owner}", document_of(policy)) for policy in managed.values()]


@lru_cache(maxsize=1024)
def _policy_set(
    identity: tuple[NamedPolicy, ...],
    resource: str | None,
    boundary: NamedPolicy | None,
    session: tuple[str, ...],
    of_caller: Membership | None,
    of_resource: Membership | None,
) -> PolicySet:
    return PolicySet(
        identity=[_document(policy) for policy in identity],
        resource=None if resource is None else _document((LAYER_TITLES["resource"], resource)),
        boundary=None if boundary is None else _document(boundary),
        session=[_document(("session policy", text)) for text in session],
        scps=of_caller.scps if of_caller else (),
        rcps=of_resource.rcps if of_resource else (),
    )


def _document(policy: NamedPolicy) -> PolicyDocument:
    name, text = policy
    try:
        return PolicyDocument.parse(text, name=name)
    except PolicyError as error:
        raise Refused("MalformedPolicyDocument", f"{name}: {error}") from None
