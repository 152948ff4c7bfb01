"""The fields of a TrustGrant that a trust policy expresses."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from attrs import define, field

from xacct.policy import Condition, PolicyDocument, Principal, Statement
from xacct.policy.times import time_from_text

__all__ = ["TrustFields"]

_REQUEST_TAG = "aws:requesttag/"


@define(kw_only=True)
class TrustFields:
    """What a trust policy says in terms of a TrustGrant.

    Attributes:
        principals: the trusted principals, with the conditions of their own.
        external_id: the external ID.
        require_mfa: whether MFA is required.
        mfa_max_age: the maximum seconds since the sign-in with MFA.
        organization_id: the id of the organization.
        source_ips: the networks.
        source_identity: the patterns of the source identity.
        session_tags: the patterns of the session tags by key.
        expires: when the trust ends.
        problems: what a TrustGrant cannot express.
    """

    principals: list[Principal] = field(factory=list)
    external_id: str | None = None
    require_mfa: bool = False
    mfa_max_age: int | None = None
    organization_id: str | None = None
    source_ips: tuple[str, ...] = ()
    source_identity: tuple[str, ...] = ()
    session_tags: dict[str, tuple[str, ...]] = field(factory=dict)
    expires: datetime | None = None
    problems: list[str] = field(factory=list)

    @classmethod
    def of(cls, trust: PolicyDocument) -> TrustFields:
        """Return the fields that a trust policy expresses."""
        fields = cls()
        assuming = [s for number, s in enumerate(trust.statements, 1) if fields._can_express(number, s)]
        shared = _shared_conditions([s.conditions for s in assuming if not _is_for_services(s)])
        if any(principal.is_anyone for s in assuming for principal in s.principals):
            # Everybody is trusted only as a member of an organization, which is the principal then.
            shared = [condition for condition in shared if condition.key.lower() != "aws:principalorgid"]
        for condition in shared:
            if not fields._take(condition):
                shared = [other for other in shared if other != condition]
        for statement in assuming:
            fields._add_principals(statement, shared)
        return fields

    def _can_express(self, number: int, statement: Statement) -> bool:
        """Return whether a statement lets principals assume the role; note what a grant cannot express."""
        name = f"statement {number}"
        if statement.effect == "Deny":
            self.problems.append(f"{name} has the effect Deny")
        elif statement.not_principals or statement.not_actions:
            self.problems.append(f"{name} has NotPrincipal or NotAction")
        elif {action.lower() for action in statement.actions} == {"sts:assumerole"}:
            federated = [p.value for p in statement.principals if p.kind == "Federated"]
            self.problems += [f"{name} trusts the identity provider {provider}" for provider in federated]
            return not federated
        elif len(statement.actions) != 1 or statement.actions[0].lower() not in (
            "sts:tagsession",
            "sts:setsourceidentity",
        ):
            self.problems.append(f"{name} allows {', '.join(statement.actions)} together")
        return False

    def _take(self, condition: Condition) -> bool:
        """Set the field that a condition expresses; return whether there is one."""
        name = (condition.operator.lower(), condition.key.lower())
        values = condition.values
        if name[0] == "stringlike" and name[1].startswith(_REQUEST_TAG):
            self.session_tags[condition.key[len(_REQUEST_TAG) :]] = values
        elif name == ("stringlike", "sts:sourceidentity"):
            self.source_identity = values
        elif name == ("ipaddress", "aws:sourceip"):
            self.source_ips = values
        elif len(values) == 1:
            return self._take_one(name, values[0])
        else:
            return False
        return True

    def _take_one(self, name: tuple[str, str], value: str) -> bool:
        if name == ("stringequals", "sts:externalid"):
            self.external_id = value
        elif name == ("bool", "aws:multifactorauthpresent") and value.lower() == "true":
            self.require_mfa = True
        elif name == ("numericlessthan", "aws:multifactorauthage") and value.isdigit():
            self.mfa_max_age = int(value)
        elif name == ("stringequals", "aws:principalorgid"):
            self.organization_id = value
        elif name == ("datelessthan", "aws:currenttime") and (moment := time_from_text(value)) is not None:
            self.expires = moment
        else:
            return False
        return True

    def _add_principals(self, statement: Statement, shared: Sequence[Condition]) -> None:
        own = [condition for condition in statement.conditions if condition not in shared]
        if _is_for_services(statement):
            # The expiry is the only condition that a service meets.
            own = [condition for condition in own if not (_is_expiry(condition) and self._take(condition))]
        for principal in statement.principals:
            self.principals.append(Principal(principal.kind, principal.value, (*principal.conditions, *own)))


def _is_for_services(statement: Statement) -> bool:
    return bool(statement.principals) and all(principal.kind == "Service" for principal in statement.principals)


def _is_expiry(condition: Condition) -> bool:
    return (condition.operator.lower(), condition.key.lower()) == ("datelessthan", "aws:currenttime")


def _shared_conditions(conditions: Iterable[Sequence[Condition]]) -> list[Condition]:
    """Return the conditions that every statement has."""
    first, *others = [*conditions] or [()]
    return [condition for condition in first if all(condition in other for other in others)]
