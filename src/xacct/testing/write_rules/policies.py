"""Managed and inline policies: made, attached, put and deleted.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from xacct.testing.http_messages import Answer, rendered
from xacct.testing.write_rules.documents import identity_document, managed_document, without_white_space
from xacct.testing.write_rules.write import Rule, Write, conflict, exceeded, missing, taken

if TYPE_CHECKING:
    from moto.iam.models import Group, Role, User

__all__ = ["RULES"]

_ATTACHABLE = 10
_INLINE = {"role": 10240, "user": 2048, "group": 5120}


def _create_policy(write: Write) -> None:
    name = write.call.text("PolicyName")
    own = write.state.iam(write.account).managed_policies.values()
    if any(policy.arn.split(":")[4] == write.account and policy.name.lower() == name.lower() for policy in own):
        raise taken(f"A policy called {name} already exists. Duplicate names are not allowed.")
    managed_document(write)


def _version(write: Write) -> None:
    arn, version = write.call.text("PolicyArn"), write.call.text("VersionId")
    policy = write.state.managed_policy(write.account, arn)
    if policy is not None and version not in {known.version_id for known in policy.versions}:
        raise missing(f"Policy {arn} version {version} does not exist or is not attachable.")


def _delete_policy(write: Write) -> None:
    policy = write.state.managed_policy(write.account, write.call.text("PolicyArn"))
    if policy is None:
        return
    if policy.attachment_count or any(
        getattr(found, "permissions_boundary_arn", None) == policy.arn for found in write.state.principals()
    ):
        raise conflict("Cannot delete a policy attached to entities.")
    if len(policy.versions) > 1:
        raise conflict(
            "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. "
            "The default version is deleted with the policy."
        )


def _attach(kind: str) -> Rule:
    def rule(write: Write) -> Answer | None:
        entity = _named(kind, write)
        if entity is None:
            return None
        if write.call.text("PolicyArn") in entity.managed_policies:
            # Moto would count it twice.
            return rendered("iam", write.call.operation, {})
        if len(entity.managed_policies) >= _ATTACHABLE:
            raise exceeded(f"Cannot exceed quota for PoliciesPer{kind.capitalize()}: {_ATTACHABLE}")
        return None

    return rule


def _put_inline(kind: str) -> Rule:
    def rule(write: Write) -> None:
        text, name = identity_document(write), write.call.text("PolicyName")
        entity = _named(kind, write)
        others = [] if entity is None else [other for key, other in entity.policies.items() if key != name]
        if sum(map(without_white_space, [text, *others])) > _INLINE[kind]:
            whose = write.call.text(f"{kind.capitalize()}Name")
            raise exceeded(f"Maximum policy size of {_INLINE[kind]} bytes exceeded for {kind} {whose}")

    return rule


def _inline(kind: str) -> Rule:
    def rule(write: Write) -> None:
        entity, name = _named(kind, write), write.call.text("PolicyName")
        if entity is not None and name not in entity.policies:
            raise missing(f"The {kind} policy with name {name} cannot be found.")

    return rule


def _named(kind: str, write: Write) -> User | Role | Group | None:
    find: Mapping[str, Callable[[str, str], User | Role | Group | None]] = {
        "role": write.state.role, "user": write.state.user, "group": write.state.group,
    }  # fmt: skip
    return find[kind](write.account, write.call.text(f"{kind.capitalize()}Name"))


def _list_policies(write: Write) -> None:
    if write.call.text("Scope", "All") != "Local":
        write.state.take_in_published_policies(write.account)


RULES: dict[tuple[str, str], Rule] = {
    ("iam", "CreatePolicy"): _create_policy,
    ("iam", "CreatePolicyVersion"): managed_document,
    ("iam", "GetPolicyVersion"): _version,
    ("iam", "SetDefaultPolicyVersion"): _version,
    ("iam", "DeletePolicyVersion"): _version,
    ("iam", "DeletePolicy"): _delete_policy,
    ("iam", "ListPolicies"): _list_policies,
    **{("iam", f"Attach{kind.capitalize()}Policy"): _attach(kind) for kind in _INLINE},
    **{("iam", f"Put{kind.capitalize()}Policy"): _put_inline(kind) for kind in _INLINE},
    **{("iam", f"{verb}{kind.capitalize()}Policy"): _inline(kind) for kind in _INLINE for verb in ("Get", "Delete")},
}
