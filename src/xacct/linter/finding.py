"""What the linter finds, and the pages of AWS's documentation that its rules come from."""

from __future__ import annotations

from typing import Literal, get_args

from attrs import frozen

__all__ = ["KINDS", "LintFinding", "PolicyKind", "Severity", "Source", "error", "warning"]

PolicyKind = Literal["identity", "trust", "resource", "scp", "rcp", "session", "boundary"]
Severity = Literal["error", "warning"]

KINDS: tuple[PolicyKind, ...] = get_args(PolicyKind)


class Source:
    """Pages of AWS's documentation."""

    _IAM = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_"
    _ORGANIZATIONS = "https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_"

    ACTION = f"{_IAM}elements_action.html"
    ARN = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html"
    CONDITION = f"{_IAM}elements_condition.html"
    CONDITION_KEYS = f"{_IAM}condition-keys.html"
    GRAMMAR = f"{_IAM}grammar.html"
    NOT_PRINCIPAL = f"{_IAM}elements_notprincipal.html"
    OPERATORS = f"{_IAM}elements_condition_operators.html"
    PRINCIPAL = f"{_IAM}elements_principal.html"
    QUOTAS = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"
    QUOTAS_OF_ORGANIZATIONS = "https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html"
    RCP = f"{_ORGANIZATIONS}rcps_syntax.html"
    RCP_SERVICES = f"{_ORGANIZATIONS}rcps.html#rcp-supported-services"
    REFERENCE = (
        "https://docs.aws.amazon.com/service-authorization/latest/reference/"
        "reference_policies_actions-resources-contextkeys.html"
    )
    RESOURCE = f"{_IAM}elements_resource.html"
    SCP = f"{_ORGANIZATIONS}scps_syntax.html"
    SET_OPERATORS = f"{_IAM}condition-single-vs-multi-valued-context-keys.html"
    SID = f"{_IAM}elements_sid.html"
    TRUST = "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_update-role-trust-policy.html"
    VARIABLES = f"{_IAM}variables.html"
    VERSION = f"{_IAM}elements_version.html"


@frozen(kw_only=True)
class LintFinding:
    """Something in a policy that AWS rejects, ignores or reads in another way than it looks.

    Attributes:
        element: the path of the element in the document, such as ``Statement[2].Action[0]``; empty for the document.
        rule: the rule's name, which does not change between versions.
        message: what is wrong, and what to do.
        severity: ``error`` if AWS rejects the document, or if the element can never have the effect that it names;
            ``warning`` if the element is probably a mistake.
        source: the page of AWS's documentation.
        value: the value that is wrong; None if something is missing.
        policy: the name of the policy, as in explanations, if :meth:`PolicySet.lint` found it; else empty.
    """

    element: str
    rule: str
    message: str
    severity: Severity
    source: str
    value: str | None = None
    policy: str = ""

    def __str__(self) -> str:
        place = ", ".join(filter(None, (self.policy, self.element)))
        return f"{self.severity}: {place}{': ' if place else ''}{self.message} ({self.rule})"


def error(element: str, rule: str, message: str, source: str, value: str | None = None) -> LintFinding:
    """Return a finding with the severity ``error``."""
    return LintFinding(element=element, rule=rule, message=message, severity="error", source=source, value=value)


def warning(element: str, rule: str, message: str, source: str, value: str | None = None) -> LintFinding:
    """Return a finding with the severity ``warning``."""
    return LintFinding(element=element, rule=rule, message=message, severity="warning", source=source, value=value)
