"""Rules for AWS Organizations that moto does not check, and what the creation of an account brings about.

Source: https://docs.aws.amazon.com/organizations/latest/APIReference/API_Operations.html
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from xacct.linter import PolicyKind, lint
from xacct.organizations_client import CONTROL_POLICY_FILTERS, FULL_ACCESS_RCP
from xacct.testing.created_accounts import enter_from_management
from xacct.testing.error_responses import Refused
from xacct.testing.http_messages import Answer
from xacct.testing.organizations import enabled_policy_types
from xacct.testing.write_rules.write import Postprocess, Rule, Write

if TYPE_CHECKING:
    from moto.organizations.models import FakePolicy, OrganizationsBackend

__all__ = ["RULES"]

# https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html
_MOST_POLICIES_OF_A_TARGET = 5

_MOST_LEVELS_OF_UNITS = 5

_FULL_ACCESS = ("p-FullAWSAccess", FULL_ACCESS_RCP)
_CONTROL_POLICY_KINDS: dict[str, PolicyKind] = {filter_: layer for layer, filter_ in CONTROL_POLICY_FILTERS.items()}

# What AWS rejects about the form of a document. It accepts unknown actions and condition keys.
_RULES_OF_FORM = frozenset(
    {
        "both-elements",
        "duplicate-key",
        "duplicate-sid",
        "effect",
        "empty",
        "json",
        "missing-action",
        "missing-principal",
        "missing-resource",
        "sid",
        "size",
        "unknown-element",
        "version",
        "wrong-element",
        "wrong-type",
    }
)


def _backend(write: Write) -> OrganizationsBackend:
    return write.state.organizations.backend(write.account)


def _policy(write: Write) -> FakePolicy | None:
    policies = _backend(write).policies
    return next((policy for policy in policies if policy.id == write.call.text("PolicyId")), None)


def _attached_to(target: str, backend: OrganizationsBackend) -> list[FakePolicy] | None:
    """Return the policies that are attached to a target; None if the target does not exist."""
    found: tuple[Any, ...] = (*backend.ou, *backend.accounts)
    return next((entity.attached_policies for entity in found if entity.id == target), None)


def _check_enabled(kind: str, backend: OrganizationsBackend) -> None:
    if kind not in enabled_policy_types(backend):
        text = "This operation can be performed only for enabled policy types."
        raise Refused("PolicyTypeNotEnabledException", text)


def _attach_policy(write: Write) -> None:
    policy, attached = _policy(write), _attached_to(write.call.text("TargetId"), _backend(write))
    if policy is None or attached is None:
        return
    _check_enabled(policy.type, _backend(write))
    if policy in attached:
        text = "A policy with the specified name and type already is attached to the specified target."
        raise Refused("DuplicatePolicyAttachmentException", text)
    if len([other for other in attached if other.type == policy.type]) >= _MOST_POLICIES_OF_A_TARGET:
        raise Refused("ConstraintViolationException", "You have attached the maximum number of policies to the target.")


def _detach_policy(write: Write) -> None:
    policy, attached = _policy(write), _attached_to(write.call.text("TargetId"), _backend(write))
    if policy is None or attached is None:
        return
    _check_enabled(policy.type, _backend(write))
    if policy not in attached:
        text = "The specified policy isn't attached to the specified target."
        raise Refused("PolicyNotAttachedException", text)
    if policy.id == FULL_ACCESS_RCP:
        raise Refused("ConstraintViolationException", "You cannot detach the policy RCPFullAWSAccess.")
    if policy.type in _CONTROL_POLICY_KINDS and len([other for other in attached if other.type == policy.type]) == 1:
        # An allow list replaces FullAWSAccess: it is attached first.
        text = (
            "You cannot remove the last policy attached to the specified target. You must have at least one attached "
        )
        raise Refused("ConstraintViolationException", f"{text}at all times.")


def _check_content(write: Write) -> None:
    policy = _policy(write)
    if policy is not None and policy.aws_managed:
        raise Refused("InvalidInputException", "You cannot update an AWS managed policy.")
    kind = _CONTROL_POLICY_KINDS.get(policy.type if policy else write.call.text("Type"))
    if kind is None or "Content" not in write.call.params:
        return
    findings = lint(write.call.text("Content"), kind)
    if any(finding.severity == "error" and finding.rule in _RULES_OF_FORM for finding in findings):
        text = "The provided policy document does not meet the requirements of the specified policy type."
        raise Refused("MalformedPolicyDocumentException", text)


def _delete_policy(write: Write) -> None:
    policy = _policy(write)
    if policy is not None and policy.aws_managed:
        raise Refused("InvalidInputException", "You cannot delete an AWS managed policy.")


def _disable_policy_type(write: Write) -> Postprocess:
    def detach(answer: Answer) -> Answer:
        # Enabling the type again attaches only the policy that allows everything.
        for policy in _backend(write).policies:
            if policy.type == write.call.text("PolicyType") and policy.id not in _FULL_ACCESS:
                for target in policy.attachments:
                    target.attached_policies.remove(policy)
                policy.attachments.clear()
        return answer

    return detach


def _create_account(write: Write) -> Postprocess:
    def created(answer: Answer) -> Answer:
        status: dict[str, Any] = json.loads(answer.body)["CreateAccountStatus"]
        account = status.pop("AccountId")
        enter_from_management(account, write.call.text("RoleName"), write.account, write.state)
        # AWS answers before the account exists.
        del status["CompletedTimestamp"]
        body = {"CreateAccountStatus": {**status, "State": "IN_PROGRESS"}}
        return Answer(answer.status, answer.headers, json.dumps(body))

    return created


def _move_account(write: Write) -> None:
    accounts = _backend(write).accounts
    account = next((one for one in accounts if one.id == write.call.text("AccountId")), None)
    if account is not None and account.parent_id != write.call.text("SourceParentId"):
        text = "You specified a source parent that doesn't contain the account."
        raise Refused("SourceParentNotFoundException", text)


def _create_unit(write: Write) -> None:
    backend, parent = _backend(write), write.call.text("ParentId")
    if not any(unit.id == parent for unit in backend.ou):
        raise Refused("ParentNotFoundException", "You specified parent that doesn't exist.")
    if any((unit.parent_id, unit.name) == (parent, write.call.text("Name")) for unit in backend.ou):
        text = "An OU with the same name already exists."
        raise Refused("DuplicateOrganizationalUnitException", text)
    above: dict[str, str | None] = {unit.id: unit.parent_id for unit in backend.ou}
    levels, place = 0, above.get(parent)
    while place is not None:
        levels, place = levels + 1, above.get(place)
    if levels >= _MOST_LEVELS_OF_UNITS:
        raise Refused("ConstraintViolationException", "You have exceeded the allowed depth of organizational units.")


def _delete_unit(write: Write) -> None:
    children: tuple[Any, ...] = (*_backend(write).ou, *_backend(write).accounts)
    if any(child.parent_id == write.call.text("OrganizationalUnitId") for child in children):
        text = (
            "The specified OU isn't empty. Move all accounts to another root or to other OUs, and remove all child OUs"
        )
        raise Refused("OrganizationalUnitNotEmptyException", f"{text}.")


RULES: dict[tuple[str, str], Rule] = {
    ("organizations", "AttachPolicy"): _attach_policy,
    ("organizations", "CreateAccount"): _create_account,
    ("organizations", "CreateOrganizationalUnit"): _create_unit,
    ("organizations", "CreatePolicy"): _check_content,
    ("organizations", "DeleteOrganizationalUnit"): _delete_unit,
    ("organizations", "DeletePolicy"): _delete_policy,
    ("organizations", "DetachPolicy"): _detach_policy,
    ("organizations", "DisablePolicyType"): _disable_policy_type,
    ("organizations", "MoveAccount"): _move_account,
    ("organizations", "UpdatePolicy"): _check_content,
}
