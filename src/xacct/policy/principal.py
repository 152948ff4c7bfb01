"""Principals: accounts, users, roles, permission sets, services, identity providers and organizations."""

from __future__ import annotations

import re
from typing import Literal, cast

from attrs import field, frozen

from xacct.arn import Arn, partition
from xacct.errors import InvalidValue
from xacct.limits import ACCOUNT_ID, ORGANIZATION_ID, PERMISSION_SET_NAME
from xacct.policy.condition import Condition, conditions as as_conditions

__all__ = ["Principal", "PrincipalKind", "is_identity_provider", "is_origin_access_identity"]

PrincipalKind = Literal["AWS", "Service", "Federated", "CanonicalUser"]
_KINDS: tuple[PrincipalKind, ...] = ("AWS", "Service", "Federated", "CanonicalUser")

# AWS shows this unique id for a principal that was deleted after the policy was saved.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids
_UNIQUE_ID = re.compile(r"(AIDA|AROA|AGPA|ANPA|ASIA|AKIA)[A-Z0-9]{12,124}")
_SERVICE = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*\.amazonaws\.com(\.cn)?|[a-z0-9.-]+\.(gov|uk|eu)")

# The identity providers that AWS knows without a provider in IAM. Amazon Cognito has one in each partition.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html#principal-federated-web-identity
_WEB_IDENTITY = re.compile(
    r"accounts\.google\.com|graph\.facebook\.com|www\.amazon\.com|cognito-identity[a-z0-9.-]*\.amazonaws\.com(\.cn)?"
)
_PROVIDER_ARN = re.compile(r"arn:[\w-]+:iam::[0-9]{12}:(saml|oidc)-provider/.+")

# CloudFront reads a bucket as such a user, which belongs to no account.
# https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-restricting-access-to-s3.html
_ORIGIN_ACCESS_IDENTITY = re.compile(r"arn:[\w-]+:iam::cloudfront:user/CloudFront Origin Access Identity [A-Z0-9]+")


@frozen
class Principal:
    """A principal of a trust policy or a resource policy, with the conditions that narrow it.

    Class methods such as :meth:`account` and :meth:`permission_set` make each kind of principal.

    Args:
        kind: the key in the Principal element: ``AWS``, ``Service``, ``Federated`` or ``CanonicalUser``.
        value: an ARN, an account id, a unique id, a service or an identity provider; ``*`` for everyone.
        conditions: the conditions that a statement with this principal needs, as for an organization.

    Raises:
        InvalidValue: AWS does not accept the value as a principal of this kind.

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
        if self.kind not in _KINDS:
            raise InvalidValue("Principal", self.kind, f"the kind of a principal is one of {', '.join(_KINDS)}")
        if not isinstance(self.value, str) or not self.value:
            raise InvalidValue(f"Principal.{self.kind}", self.value, "a principal must be a string that is not empty")
        if self.kind == "AWS":
            _check_aws(self.value)
        object.__setattr__(self, "_meaning", self._canonical())

    def _canonical(self) -> str:
        # An account id does not contain the partition, and AWS returns the root ARN in the account's own partition.
        if self.kind == "AWS" and (root := re.fullmatch(r"arn:[\w-]+:iam::([0-9]{12}):root", self.value)):
            return root[1]
        return self.value

    def __repr__(self) -> str:
        conditions = f", {self.conditions!r}" if self.conditions else ""
        return f"Principal({self.kind!r}, {self.value!r}{conditions})"

    @classmethod
    def account(cls, account: str, partition: str = "aws") -> Principal:
        """An account: every principal of the account to which its own identity policy allows the action."""
        return cls("AWS", str(Arn.root(account, partition)))

    @classmethod
    def user(cls, account: str, name: str, path: str = "/", partition: str = "aws") -> Principal:
        """An IAM user. AWS stores its unique id, so a user with the same name that is created later does not match."""
        return cls("AWS", str(Arn.user(account, name, path, partition)))

    @classmethod
    def role(cls, account: str, name: str, path: str = "/", partition: str = "aws") -> Principal:
        """An IAM role. AWS stores its unique id, so a role with the same name that is created later does not match."""
        return cls("AWS", str(Arn.role(account, name, path, partition)))

    @classmethod
    def permission_set(cls, account: str, name: str, partition: str = "aws") -> Principal:
        """The users who sign in to an account with a permission set of IAM Identity Center.

        The role of a permission set has a region in its path (except in us-east-1) and a random suffix of 16
        characters, and IAM Identity Center replaces it with each new assignment. So the principal is the account, with
        a condition on the role's name.

        Source: https://docs.aws.amazon.com/singlesignon/latest/userguide/referencingpermissionsets.html
        """
        if not PERMISSION_SET_NAME.allows(name):
            raise InvalidValue("permission_set", name, f"the name of a permission set has {PERMISSION_SET_NAME}")
        base = cls.account(account, partition)
        roles = f"arn:{partition}:iam::{account}:role/aws-reserved/sso.amazonaws.com"
        # Not _*, which would also match a permission set called name_other.
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
        """An identity provider: the ARN of a SAML or OIDC provider, or a name such as ``accounts.google.com``."""
        return cls("Federated", provider)

    @classmethod
    def organization(cls, organization_id: str) -> Principal:
        """Every principal of an AWS organization.

        Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
        """
        if not ORGANIZATION_ID.allows(organization_id):
            raise InvalidValue("organization_id", organization_id, f"an organization id has {ORGANIZATION_ID}")
        return cls("AWS", "*", (Condition("StringEquals", "aws:PrincipalOrgID", (organization_id,)),))

    @classmethod
    def anyone(cls) -> Principal:
        """Everyone, including anonymous callers. A TrustGrant accepts it only with an organization id."""
        return cls("AWS", "*")

    @classmethod
    def parse(cls, value: str | Principal) -> Principal:
        """Return the principal for an ARN, an account id, a service, an identity provider, a unique id or ``*``.

        Raises:
            InvalidValue: AWS does not accept the value as a principal.

        >>> Principal.parse("lambda.amazonaws.com").kind
        'Service'
        """
        if isinstance(value, Principal):
            return value
        if isinstance(value, str) and is_identity_provider(value):
            return cls.federated(value)
        if isinstance(value, str) and _SERVICE.fullmatch(value):
            return cls.service(value)
        return cls("AWS", value)

    @property
    def account_id(self) -> str | None:
        """The principal's account id; None if the value does not contain it."""
        if ACCOUNT_ID.allows(self.value):
            return self.value
        if is_origin_access_identity(self.value):
            return None
        return Arn.parse(self.value).account or None if self.value.startswith("arn:") else None

    @property
    def partition(self) -> str | None:
        """The name of the principal's partition; None if the value does not contain it."""
        return partition(self.value.split(":")[1]).name if self.value.startswith("arn:") else None

    @property
    def is_account(self) -> bool:
        """Whether the principal is an account."""
        return self.kind == "AWS" and ACCOUNT_ID.allows(self._meaning)

    @property
    def is_anyone(self) -> bool:
        """Whether the principal is ``*``."""
        return self.value == "*"

    @property
    def is_deleted(self) -> bool:
        """Whether the value is a unique id, which AWS shows for a principal that was deleted."""
        return self.kind == "AWS" and bool(_UNIQUE_ID.fullmatch(self.value))


def as_kind(kind: str) -> PrincipalKind:
    """Return a string as a kind of principal. :class:`Principal` checks it."""
    return cast(PrincipalKind, kind)


def is_identity_provider(value: str) -> bool:
    """Return whether a value is an identity provider: the ARN of one, or the name of one that AWS knows.

    Amazon Cognito has the name of a service, but signs its users in as the other providers do.

    >>> is_identity_provider("cognito-identity.amazonaws.com"), is_identity_provider("lambda.amazonaws.com")
    (True, False)
    """
    return bool(_WEB_IDENTITY.fullmatch(value) or _PROVIDER_ARN.fullmatch(value))


def is_origin_access_identity(value: str) -> bool:
    """Return whether a value is the ARN of a CloudFront origin access identity."""
    return bool(_ORIGIN_ACCESS_IDENTITY.fullmatch(value))


def _check_aws(value: str) -> None:
    if value == "*" or ACCOUNT_ID.allows(value) or _UNIQUE_ID.fullmatch(value) or is_origin_access_identity(value):
        return
    if not value.startswith("arn:"):
        raise InvalidValue(
            "Principal.AWS", value, "use an account id of 12 digits, an IAM or STS ARN, a unique id, or '*'"
        )
    arn = Arn.parse(value, name="Principal.AWS")
    if "*" in value or "?" in value:
        raise InvalidValue(
            "Principal.AWS",
            value,
            "AWS does not match wildcards in a principal's ARN: use the account with a condition ArnLike "
            "aws:PrincipalArn",
        )
    if _PROVIDER_ARN.fullmatch(value):
        raise InvalidValue("Principal.AWS", value, "an identity provider is a Federated principal")
    if arn.service not in ("iam", "sts") or arn.resource_type in ("group", "policy", "instance-profile"):
        raise InvalidValue("Principal.AWS", value, "a principal must be an account, a user, a role or a session")
