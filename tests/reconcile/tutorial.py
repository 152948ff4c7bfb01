"""The tutorial's grant, and the calls that creating, checking and removing it takes."""

from __future__ import annotations

from typing import Any

from xacct import ConsoleUser, DevAccessGrant, TrustGrant
from xacct.reconcile import Plan, plan
from xacct.retry import Patience

from .accounts import TRUSTED, TRUSTING, Accounts

ROLE, POLICY, USER = "CrossAccountRoleS3", "CrossAccountPolicy", "EC2UserForCrossAccount"
USER_ARN = f"arn:aws:iam::{TRUSTED}:user/{USER}"
S3_READ, EC2_READ, EC2_FULL = (
    f"arn:aws:iam::aws:policy/{name}"
    for name in ("AmazonS3ReadOnlyAccess", "AmazonEC2ReadOnlyAccess", "AmazonEC2FullAccess")
)

PROOF = ("trusting GetPolicyVersion AmazonS3ReadOnlyAccess",)
APPLY = (
    "trusting GetCallerIdentity",
    "trusted GetCallerIdentity",
    f"trusting GetRole {ROLE}",
    f"trusted GetPolicy {POLICY}",
    f"trusted GetUser {USER}",
    *PROOF,
    "trusting DescribeOrganization",
    f"trusting CreateRole {ROLE}",
    f"trusting AttachRolePolicy {ROLE} AmazonS3ReadOnlyAccess",
    f"trusted CreatePolicy {POLICY}",
    f"trusted CreateUser {USER}",
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
    """The tutorial's grants, with changes to the TrustGrant."""
    arguments = {"principals": TRUSTED, "managed_policy_arns": S3_READ} | changes
    trust = TrustGrant(account=TRUSTING, **arguments)
    user = ConsoleUser(USER, managed_policy_arns=EC2_FULL)
    return trust, DevAccessGrant(account=TRUSTED, role_arns=trust.role_arn, console_user=user)


def plan_tutorial(accounts: Accounts, patience: Patience, **changes: Any) -> Plan:
    return plan(*tutorial(**changes), trusting=accounts.trusting, trusted=accounts.trusted, patience=patience)


def bring_about_tutorial(accounts: Accounts, patience: Patience) -> None:
    """Bring the accounts to the state after the tutorial's grant was applied."""
    accounts.bring_about("the tutorial's grant", lambda: plan_tutorial(accounts, patience).apply())


def existing_resources(accounts: Accounts) -> set[str]:
    """What exists of the tutorial's grant, without the attachments."""
    now = accounts.snapshot()
    found = set()
    if ROLE in now[TRUSTING]["roles"]:
        found.add(f"role {ROLE}")
    if user := now[TRUSTED]["users"].get(USER):
        found.add(f"user {USER}")
        if user.password is not None:
            found.add(f"console sign-in of user {USER}")
    if f"arn:aws:iam::{TRUSTED}:policy/{POLICY}" in now[TRUSTED]["policies"]:
        found.add(f"policy {POLICY}")
    return found


def existing_attachments(accounts: Accounts) -> set[tuple[str, str]]:
    """The names of the policies that are attached to the tutorial's role and user, each with its principal."""
    now = accounts.snapshot()
    role, user = now[TRUSTING]["roles"].get(ROLE), now[TRUSTED]["users"].get(USER)
    on_role = [(arn.split("/")[-1], f"role {ROLE}") for arn in (role.attached if role else ())]
    return {*on_role, *((arn.split("/")[-1], f"user {USER}") for arn in (user.attached if user else ()))}
