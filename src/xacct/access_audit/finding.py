"""Findings: what the audit reports, each with the request that shows it and the fix."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Literal

from attrs import field, frozen

from xacct.access_audit.way import Answer, StatementSource
from xacct.authz import AccessRequest

__all__ = ["FINDING_KINDS", "SEVERITIES", "Finding", "FindingKind", "Fix", "NotDecided", "Severity"]

Severity = Literal["critical", "high", "medium", "low", "info"]
SEVERITIES: tuple[Severity, ...] = ("critical", "high", "medium", "low", "info")
"""From the worst to the least."""

FindingKind = Literal[
    "public", "external-account", "whole-account", "third-party-without-external-id", "confused-deputy",
    "oidc-stranger", "oidc-without-audience", "saml-without-audience", "dead-trust", "dead-permission",
    "stale-principal", "unused-role", "expired", "self-lockout", "root-of-unknown-account", "transitive",
    "more-than-read", "drift", "policy-problem",
]  # fmt: skip


@frozen(kw_only=True)
class KindOfFinding:
    """What a kind of finding means.

    Attributes:
        title: the kind in a few words.
        help: what it means, why it matters and what to do about it.
        severity: the usual severity.
        source: the page of AWS or of the provider that it rests on.
    """

    title: str
    help: str
    severity: Severity
    source: str


_IAM = "https://docs.aws.amazon.com/IAM/latest/UserGuide"

FINDING_KINDS: Mapping[FindingKind, KindOfFinding] = {
    "public": KindOfFinding(
        title="Anybody on the internet has access",
        help="A policy allows a request of a principal that belongs to no account that it names. "
        "Name the accounts or the organization that need access. S3 Block Public Access, which is not read, can keep a "
        "bucket closed all the same.",
        severity="critical",
        source=f"{_IAM}/access-analyzer-resources.html",
    ),
    "external-account": KindOfFinding(
        title="An account outside of the organization has access",
        help="A policy lets in principals of an account that does not belong to the organization or to the known "
        "accounts. Remove the statement if nobody needs it; add the account to the known accounts if somebody does.",
        severity="medium",
        source=f"{_IAM}/access-analyzer-concepts.html",
    ),
    "whole-account": KindOfFinding(
        title="A role trusts every principal of another account",
        help="The trust policy names an account. Whoever that account's administrators allow can assume the role. "
        "Name the roles or users that need it.",
        severity="low",
        source=f"{_IAM}/reference_policies_elements_principal.html#principal-accounts",
    ),
    "third-party-without-external-id": KindOfFinding(
        title="A third party can assume a role without an external ID",
        help="The third party's other customers can make it use this role in their name. Require the external ID that "
        "the third party issued for you.",
        severity="high",
        source=f"{_IAM}/confused-deputy.html",
    ),
    "confused-deputy": KindOfFinding(
        title="An AWS service acts for any account",
        help="A statement trusts an AWS service without saying for which account or resource it may act, so another "
        "account can use the service to get access. Add a condition on aws:SourceAccount, aws:SourceArn or "
        "aws:SourceOrgID.",
        severity="medium",
        source=f"{_IAM}/confused-deputy.html",
    ),
    "oidc-stranger": KindOfFinding(
        title="A token of somebody else's workload is accepted",
        help="The identity provider signs tokens for everybody, and the trust policy does not say whose token it "
        "wants. Add a condition on the claim that names your organization, project or repository.",
        severity="critical",
        source=f"{_IAM}/id_roles_create_for-idp_oidc.html",
    ),
    "oidc-without-audience": KindOfFinding(
        title="A trust policy accepts tokens that were made for other audiences",
        help="Without a condition on the claim aud, a token that was made for another application is accepted. "
        "Add a condition on the audience.",
        severity="medium",
        source=f"{_IAM}/id_roles_create_for-idp_oidc.html",
    ),
    "saml-without-audience": KindOfFinding(
        title="A trust policy accepts SAML assertions for other recipients",
        help="Without a condition on SAML:aud, an assertion that was made for another application is accepted. "
        "Add StringEquals SAML:aud https://signin.aws.amazon.com/saml.",
        severity="medium",
        source=f"{_IAM}/id_roles_create_for-idp_saml.html",
    ),
    "dead-trust": KindOfFinding(
        title="A role trusts somebody who cannot assume it",
        help="Nobody on the other side is allowed to assume the role. Allow it there, or remove the trust.",
        severity="low",
        source=f"{_IAM}/reference_policies_evaluation-logic-cross-account.html",
    ),
    "dead-permission": KindOfFinding(
        title="A policy allows assuming a role that does not let the principal in",
        help="The role does not exist, its trust policy does not trust the principal, or its name differs in case. "
        "Correct the ARN or the trust policy, or remove the statement.",
        severity="low",
        source=f"{_IAM}/troubleshoot_roles.html",
    ),
    "stale-principal": KindOfFinding(
        title="A policy names a principal that was deleted",
        help="AWS shows the unique ID of a user or role that no longer exists. A new one of the same name does not "
        "have access. Remove the ID or name the new principal.",
        severity="low",
        source=f"{_IAM}/reference_identifiers.html#identifiers-unique-ids",
    ),
    "unused-role": KindOfFinding(
        title="A role is not used",
        help="Nobody has assumed the role for so long that not even a job that runs once a quarter needs it, or ever. "
        "Remove it, or accept the finding with a reason.",
        severity="low",
        source=f"{_IAM}/id_roles_manage_delete.html#roles-delete_prerequisites",
    ),
    "expired": KindOfFinding(
        title="Access has expired",
        help="The statement applies only until a date that has passed. Remove it, or extend the grant.",
        severity="info",
        source=f"{_IAM}/reference_policies_elements_condition_operators.html#Conditions_Date",
    ),
    "self-lockout": KindOfFinding(
        title="A statement requires what its principal can never have",
        help="An AWS service or an identity provider never sends the key that the condition requires, so that it can "
        "never use the statement. Give the principal a statement of its own, with conditions that it can meet.",
        severity="low",
        source=f"{_IAM}/id_credentials_mfa_configure-api-require.html",
    ),
    "root-of-unknown-account": KindOfFinding(
        title="A role trusts an account that nobody knows",
        help="The account belongs neither to the organization nor to the known accounts. Find out whose it is; remove "
        "the trust if nobody knows.",
        severity="high",
        source=f"{_IAM}/reference_policies_elements_principal.html#principal-accounts",
    ),
    "transitive": KindOfFinding(
        title="An account reaches a role of another account through a third one",
        help="A principal can assume a role in one account and from there a role in another, although its own account "
        "is not trusted there. Check that this is intended.",
        severity="medium",
        source=f"{_IAM}/id_roles.html#iam-term-role-chaining",
    ),
    "more-than-read": KindOfFinding(
        title="A grant that says that it reads can do more",
        help="The role of an xacct grant for reading has permissions that change something. Apply the grant again, or "
        "remove the other policies.",
        severity="high",
        source=f"{_IAM}/access_policies_understand-policy-summary-access-level-summaries.html",
    ),
    "drift": KindOfFinding(
        title="A resource of an xacct grant has been changed by hand",
        help="The resource has something that its grant does not record. Apply the grant again, or remove it.",
        severity="medium",
        source=f"{_IAM}/best-practices.html",
    ),
    "policy-problem": KindOfFinding(
        title="A policy has an element that does not do what it seems to",
        help="AWS rejects the element, never matches it or reads it in another way than it looks, such as an action, a "
        "resource or a condition key that AWS does not have, or an operator that does not fit the key. "
        "Correct the element, or remove it.",
        severity="low",
        source=f"{_IAM}/reference_policies_grammar.html",
    ),
}


@frozen(kw_only=True)
class Fix:
    """How to fix a finding.

    Attributes:
        text: what to do, in one sentence.
        statement: the statement to put into the policy instead, as JSON values; None if there is none.
    """

    text: str
    statement: Mapping[str, object] | None = None


@frozen(kw_only=True)
class Finding:
    """An answer of the audit to one of its questions, with the request that shows it.

    Attributes:
        kind: the kind, such as ``external-account``.
        severity: how bad it is.
        account: the account that has the resource.
        resource: the ARN of the role, the user, the resource or the policy.
        principal: whom it concerns: an ARN, an account ID, a service, an identity provider, or ``*``. Empty for a
            ``policy-problem``.
        principal_name: the name of the principal's account, such as that of a vendor; empty if it is not known.
        answer: whether it depends on conditions.
        conditions: the conditions that it depends on, by operator and key. Values are not shown.
        statements: the statements of both sides, with the names of their policies.
        witness: a request that shows it: with the policies of the snapshots, :func:`xacct.evaluate` allows it. For
            ``dead-trust``, ``dead-permission``, ``expired`` and ``self-lockout``, it is the request that is denied.
            None for a finding that is about no request, such as ``unused-role``.
        why: the explanation, in two sentences.
        fix: how to fix it.
        detail: what tells apart two findings of the same kind, resource and principal; part of the ID.
        owner: who made the resource, such as ``service-linked role``, if that makes the finding an expected one; else
            empty. A report lists such findings apart.
    """

    kind: FindingKind
    severity: Severity
    account: str
    resource: str
    principal: str
    principal_name: str = ""
    answer: Answer = "yes"
    conditions: tuple[str, ...] = ()
    statements: tuple[StatementSource, ...] = ()
    witness: AccessRequest | None = field(default=None, eq=False)
    why: str
    fix: Fix
    detail: str = ""
    owner: str = ""

    @property
    def id(self) -> str:
        """The finding's ID, which stays the same as long as its kind, resource and principal do."""
        key = json.dumps([self.kind, self.account, self.resource, self.principal, self.detail])
        return hashlib.sha256(key.encode()).hexdigest()[:16]


@frozen(kw_only=True)
class NotDecided:
    """A question of the audit that was not decided: the conditions have too many combinations, or cannot be compared.

    Attributes:
        kind: the kind of the findings that the question is about.
        resource: the ARN of the role or the resource.
        principal: whom it concerns.
    """

    kind: FindingKind
    resource: str
    principal: str

    def __str__(self) -> str:
        return f"{self.kind} of {self.principal} on {self.resource}: its conditions could not be decided"
