"""Whom a policy names: accounts, users, roles, permission sets, services, federated identities, organizations."""

from __future__ import annotations

import re
from typing import Literal, cast

from attrs import field, frozen

from xacct.arn import Arn, partition
from xacct.errors import InvalidValue
from xacct.policy.condition import Condition, conditions as as_conditions

__all__ = ["Principal", "PrincipalKind"]

PrincipalKind = Literal["AWS", "Service", "Federated", "CanonicalUser"]
KINDS: tuple[PrincipalKind, ...] = ("AWS", "Service", "Federated", "CanonicalUser")

# What AWS shows for a principal that was deleted after the policy was saved: its unique id.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids
_UNIQUE_ID = re.compile(r"(AIDA|AROA|AGPA|ANPA|ASIA|AKIA)[A-Z0-9]{12,124}")
_SERVICE = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*\.amazonaws\.com(\.cn)?|[a-z0-9.-]+\.(gov|uk|eu)")
_ORGANIZATION = re.compile(r"o-[a-z0-9]{10,32}")
_PERMISSION_SET = re.compile(r"[\w+=,.@-]{1,32}")


@frozen
class Principal:
    """Somebody that a trust policy or a resource policy names, with the conditions that belong to the name.

    Use the constructors; they refuse what AWS refuses.

    Attributes:
        kind: the key below ``Principal``: ``AWS``, ``Service``, ``Federated`` or ``CanonicalUser``.
        value: the ARN, account id, unique id, service or provider; ``*`` for anyone.
        conditions: what must also hold for this principal to be meant.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html

    >>> Principal.account("222222222222").value
    'arn:aws:iam::222222222222:root'
    >>> Principal("AWS", "222222222222") == Principal.account("222222222222")
    True
    """

    kind: PrincipalKind = field()
    value: str = field(eq=False)
    conditions: tuple[Condition, ...] = field(default=(), converter=as_conditions, eq=frozenset)
    _meaning: str = field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        if self.kind not in KINDS:
            raise InvalidValue("Principal", self.kind, f"one of {', '.join(KINDS)}")
        if not isinstance(self.value, str) or not self.value:
            raise InvalidValue(f"Principal.{self.kind}", self.value, "a principal is a string that is not empty")
        if self.kind == "AWS":
            _check_aws(self.value)
        object.__setattr__(self, "_meaning", self._canonical())

    def _canonical(self) -> str:
        # The id says nothing of the partition, and AWS gives back the ARN of the partition that it lives in.
        if self.kind == "AWS" and (root := re.fullmatch(r"arn:[\w-]+:iam::([0-9]{12}):root", self.value)):
            return root[1]
        return self.value

    @classmethod
    def account(cls, account: str, partition: str = "aws") -> Principal:
        """A whole account: whoever in it is also allowed by an identity policy there."""
        return cls("AWS", str(Arn.root(account, partition)))

    @classmethod
    def user(cls, account: str, name: str, path: str = "/", partition: str = "aws") -> Principal:
        """An IAM user. AWS stores its unique id: a user who is deleted and made again is not trusted any more."""
        return cls("AWS", str(Arn.user(account, name, path, partition)))

    @classmethod
    def role(cls, account: str, name: str, path: str = "/", partition: str = "aws") -> Principal:
        """An IAM role. AWS stores its unique id: a role that is deleted and made again is not trusted any more."""
        return cls("AWS", str(Arn.role(account, name, path, partition)))

    @classmethod
    def permission_set(cls, account: str, name: str, partition: str = "aws") -> Principal:
        """Those who sign in to the account through this permission set of IAM Identity Center.

        The role behind a permission set has a region in its path (none in us-east-1) and a random suffix of 16
        characters, and is made anew with the assignment: so the account is named and the role matched by its name.

        Source: https://docs.aws.amazon.com/singlesignon/latest/userguide/referencingpermissionsets.html
        """
        if not isinstance(name, str) or not _PERMISSION_SET.fullmatch(name):
            raise InvalidValue("permission_set", name, "1 to 32 characters of letters, digits and +=,.@_-")
        base = cls.account(account, partition)
        roles = f"arn:{partition}:iam::{account}:role/aws-reserved/sso.amazonaws.com"
        # Not _*, which would also admit a permission set called name_other.
        role = f"AWSReservedSSO_{name}_{'?' * 16}"
        patterns = (f"{roles}/{role}", f"{roles}/*/{role}")
        return cls("AWS", base.value, (Condition("ArnLike", "aws:PrincipalArn", patterns),))

    @classmethod
    def service(cls, name: str) -> Principal:
        """An AWS service, such as ``lambda.amazonaws.com``."""
        if not isinstance(name, str) or not _SERVICE.fullmatch(name):
            raise InvalidValue("service", name, "a service principal has the form name.amazonaws.com")
        return cls("Service", name)

    @classmethod
    def federated(cls, provider: str) -> Principal:
        """An identity provider: the ARN of a SAML or OIDC provider, or one of the web identity providers' names."""
        return cls("Federated", provider)

    @classmethod
    def organization(cls, organization_id: str) -> Principal:
        """Every principal of an AWS organization.

        Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
        """
        if not isinstance(organization_id, str) or not _ORGANIZATION.fullmatch(organization_id):
            raise InvalidValue("organization", organization_id, "o- and 10 to 32 lower-case letters or digits")
        return cls("AWS", "*", (Condition("StringEquals", "aws:PrincipalOrgID", (organization_id,)),))

    @classmethod
    def anyone(cls) -> Principal:
        """Everybody, signed in or not. xacct's own grants accept it only with a condition that narrows it."""
        return cls("AWS", "*")

    @classmethod
    def parse(cls, value: str | Principal) -> Principal:
        """The principal that a user, role or root ARN, an account id, a service or a unique id stands for.

        >>> Principal.parse("lambda.amazonaws.com").kind
        'Service'
        """
        if isinstance(value, Principal):
            return value
        if isinstance(value, str) and _SERVICE.fullmatch(value):
            return cls.service(value)
        return cls("AWS", value)

    @property
    def account_id(self) -> str | None:
        """The account that the principal lives in; None where the value does not say."""
        if re.fullmatch("[0-9]{12}", self.value):
            return self.value
        return Arn.parse(self.value).account or None if self.value.startswith("arn:") else None

    @property
    def partition(self) -> str | None:
        """The partition that the principal lives in; None where the value does not say."""
        return partition(self.value.split(":")[1]).name if self.value.startswith("arn:") else None

    @property
    def is_account(self) -> bool:
        """Whether a whole account is named."""
        return self.kind == "AWS" and bool(re.fullmatch("[0-9]{12}", self._meaning))

    @property
    def is_anyone(self) -> bool:
        """Whether ``*`` is named."""
        return self.value == "*"

    @property
    def is_deleted(self) -> bool:
        """Whether the value is the bare unique id that AWS shows for a principal that is gone."""
        return self.kind == "AWS" and bool(_UNIQUE_ID.fullmatch(self.value))


def as_kind(kind: str) -> PrincipalKind:
    """The kind of this name; Principal's own check refuses a wrong one."""
    return cast(PrincipalKind, kind)


def _check_aws(value: str) -> None:
    if value == "*" or re.fullmatch("[0-9]{12}", value) or _UNIQUE_ID.fullmatch(value):
        return
    if not value.startswith("arn:"):
        raise InvalidValue("Principal.AWS", value, "an account id of 12 digits, an IAM or STS ARN, a unique id, or '*'")
    arn = Arn.parse(value, name="Principal.AWS")
    if "*" in value or "?" in value:
        raise InvalidValue(
            "Principal.AWS",
            value,
            "AWS does not match wildcards inside a principal's ARN: name the account, with a condition "
            "ArnLike aws:PrincipalArn",
        )
    if arn.service not in ("iam", "sts") or arn.resource_type in ("group", "policy", "instance-profile"):
        raise InvalidValue("Principal.AWS", value, "a principal is an account, a user, a role or a session")
