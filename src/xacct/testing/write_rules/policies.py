"""Validation rules for managed and inline policies: creating, attaching and deleting them.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import chain
from typing import TYPE_CHECKING

from attrs import evolve

from xacct.arn import Arn
from xacct.limits import INLINE_POLICY_CHARACTERS, MANAGED_POLICIES_PER_ENTITY
from xacct.testing.http_messages import Answer, rendered
from xacct.testing.moto_state import MotoState
from xacct.testing.write_rules.documents import check_identity_policy, check_managed_policy, count_characters
from xacct.testing.write_rules.write import Postprocess, Rule, Write, conflict, exceeded, missing, taken

if TYPE_CHECKING:
    from moto.iam.models import Group, Role, User

__all__ = ["RULES", "boundary_usage"]


def _create_policy(write: Write) -> Postprocess:
    name = write.call.text("PolicyName")
    # Moto's dictionary holds AWS managed policies too.
    policies = write.state.iam(write.account).managed_policies.values()
    if any(
        Arn.parse(policy.arn).account == write.account and policy.name.lower() == name.lower() for policy in policies
    ):
        raise taken(f"A policy called {name} already exists. Duplicate names are not allowed.")
    check_managed_policy(write)
    return _with_usage_count(write)


def boundary_usage(arn: str, account: str, state: MotoState) -> int:
    """Return how many principals of an account have a policy as their permissions boundary.

    Args:
        arn: the policy's ARN.
        account: the account id.
        state: the accounts.
    """
    iam = state.iam(account)
    principals = chain(iam.users.values(), iam.roles.values())
    return sum(getattr(found, "permissions_boundary_arn", None) == arn for found in principals)


def _with_usage_count(write: Write) -> Postprocess:
    """Add how many principals have the policy as their permissions boundary, which moto leaves out."""

    def postprocess(answer: Answer) -> Answer:
        number = boundary_usage(write.call.text("PolicyArn"), write.account, write.state)
        count = f"<PermissionsBoundaryUsageCount>{number}</PermissionsBoundaryUsageCount>"
        return evolve(answer, body=answer.text.replace("<AttachmentCount>", f"{count}<AttachmentCount>", 1))

    return postprocess


def _check_version(write: Write) -> None:
    arn, version = write.call.text("PolicyArn"), write.call.text("VersionId")
    policy = write.state.managed_policy(write.account, arn)
    if policy is not None and version not in {known.version_id for known in policy.versions}:
        raise missing(f"Policy {arn} version {version} does not exist or is not attachable.")


def _delete_policy(write: Write) -> None:
    policy = write.state.managed_policy(write.account, write.call.text("PolicyArn"))
    if policy is None:
        return
    if policy.attachment_count or boundary_usage(policy.arn, write.account, write.state):
        raise conflict("Cannot delete a policy attached to entities.")
    if len(policy.versions) > 1:
        raise conflict(
            "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. "
            "The default version is deleted with the policy."
        )


def _attach_rule(kind: str) -> Rule:
    def rule(write: Write) -> Answer | None:
        entity = _find_entity(kind, write)
        if entity is None:
            return None
        if write.call.text("PolicyArn") in entity.managed_policies:
            # Moto would count the attachment twice.
            return rendered("iam", write.call.operation, {})
        if len(entity.managed_policies) >= MANAGED_POLICIES_PER_ENTITY:
            raise exceeded(f"Cannot exceed quota for PoliciesPer{kind.capitalize()}: {MANAGED_POLICIES_PER_ENTITY}")
        return None

    return rule


def _put_inline_rule(kind: str) -> Rule:
    most = INLINE_POLICY_CHARACTERS[kind]

    def rule(write: Write) -> None:
        text, name = check_identity_policy(write), write.call.text("PolicyName")
        entity = _find_entity(kind, write)
        others = [] if entity is None else [other for key, other in entity.policies.items() if key != name]
        if sum(map(count_characters, [text, *others])) > most:
            entity_name = write.call.text(f"{kind.capitalize()}Name")
            raise exceeded(f"Maximum policy size of {most} bytes exceeded for {kind} {entity_name}")

    return rule


def _inline_exists_rule(kind: str) -> Rule:
    def rule(write: Write) -> None:
        entity, name = _find_entity(kind, write), write.call.text("PolicyName")
        if entity is not None and name not in entity.policies:
            raise missing(f"The {kind} policy with name {name} cannot be found.")

    return rule


def _find_entity(kind: str, write: Write) -> User | Role | Group | None:
    find: Mapping[str, Callable[[str, str], User | Role | Group | None]] = {
        "role": write.state.role,
        "user": write.state.user,
        "group": write.state.group,
    }
    return find[kind](write.account, write.call.text(f"{kind.capitalize()}Name"))


def _list_policies(write: Write) -> None:
    if write.call.text("Scope", "All") != "Local":
        write.state.load_aws_managed_policies(write.account)


RULES: dict[tuple[str, str], Rule] = {
    ("iam", "CreatePolicy"): _create_policy,
    ("iam", "CreatePolicyVersion"): check_managed_policy,
    ("iam", "GetPolicy"): _with_usage_count,
    ("iam", "GetPolicyVersion"): _check_version,
    ("iam", "SetDefaultPolicyVersion"): _check_version,
    ("iam", "DeletePolicyVersion"): _check_version,
    ("iam", "DeletePolicy"): _delete_policy,
    ("iam", "ListPolicies"): _list_policies,
    **{("iam", f"Attach{kind.capitalize()}Policy"): _attach_rule(kind) for kind in INLINE_POLICY_CHARACTERS},
    **{("iam", f"Put{kind.capitalize()}Policy"): _put_inline_rule(kind) for kind in INLINE_POLICY_CHARACTERS},
    **{
        ("iam", f"{verb}{kind.capitalize()}Policy"): _inline_exists_rule(kind)
        for kind in INLINE_POLICY_CHARACTERS
        for verb in ("Get", "Delete")
    },
}
