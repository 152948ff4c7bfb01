"""The entries of a grants file: its accounts and its grants."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from attrs import field, frozen

from xacct.arn import Arn
from xacct.errors import InvalidValue
from xacct.grants import DevAccessGrant, TrustGrant
from xacct.limits import ACCOUNT_ID
from xacct.plain_data import check_kind, from_dict, to_dict
from xacct.read_grant import ReadGrant
from xacct.session.assume import assume_role
from xacct.session.sts_errors import errors_of_botocore
from xacct.validators import text

if TYPE_CHECKING:
    import boto3

__all__ = ["GRANT_KINDS", "AccountEntry", "GrantEntry"]

AnyGrant = ReadGrant | TrustGrant | DevAccessGrant

GRANT_KINDS: Mapping[str, type[AnyGrant]] = {"read": ReadGrant, "trust": TrustGrant, "dev-access": DevAccessGrant}
"""What ``kind`` says in a grants file. Without it, a grant is of the first kind."""


def _role_arn(_: object, __: object, value: str | None) -> None:
    if value is None:
        return
    arn = Arn.parse(value, name="role_arn")
    if arn.service != "iam" or arn.resource_type != "role":
        raise InvalidValue("role_arn", value, "the ARN of an IAM role")


@frozen(kw_only=True)
class AccountEntry:
    """An account of a grants file, and the credentials for it: a profile, a role, or the default credentials.

    Args:
        profile: the profile in ``~/.aws/config`` to use.
        role_arn: the ARN of a role to assume with the default credentials, instead of a profile.
        id: the account's ID, to refuse credentials of another account.
        region: the region; by default that of the profile or of the default credentials.

    Raises:
        InvalidValue: a field is not valid, or both a profile and a role are given.
    """

    profile: str | None = None
    role_arn: str | None = field(default=None, validator=_role_arn)
    id: str | None = field(default=None, validator=text(ACCOUNT_ID))
    region: str | None = None

    def __attrs_post_init__(self) -> None:
        if self.profile is not None and self.role_arn is not None:
            raise InvalidValue("role_arn", self.role_arn, "name a profile or a role, not both")

    def open_session(self) -> boto3.Session:
        """Return a session of the account.

        Raises:
            InvalidCredentials: there is no such profile, or there are no credentials.
            AwsError: the role cannot be assumed.
        """
        import boto3

        with errors_of_botocore(f"opening profile {self.profile or 'default'}"):
            session = boto3.Session(profile_name=self.profile, region_name=self.region)
        return session if self.role_arn is None else assume_role(session, self.role_arn, region=self.region)


@frozen(kw_only=True)
class GrantEntry:
    """A grant of a grants file, between two of its accounts.

    Args:
        trusting: the name that the file gives to the account that has the data and the role.
        trusted: the name that the file gives to the account that gets access.
        grant: read access to S3 in both accounts; or the role of the trusting account, or the policy of the trusted
            account, alone.
    """

    trusting: str
    trusted: str
    grant: AnyGrant

    @classmethod
    def from_dict(cls, data: Mapping[str, object]) -> GrantEntry:
        """Return the entry for plain data.

        Args:
            data: the fields of the grant, with ``trusting`` and ``trusted``; ``kind`` is ``read`` if it is left out.

        Raises:
            InvalidValue: a key is unknown, a required one is missing, or a value is not valid; or there is a password.
            PolicyError: a policy is not valid.
        """
        members: dict[str, object] = {"kind": next(iter(GRANT_KINDS)), **data}
        trusting, trusted = (_label(side, members.pop(side, None)) for side in ("trusting", "trusted"))
        user = members.get("console_user")
        if isinstance(user, Mapping) and "password" in user:
            rule = "a grants file has no password: one is generated, and shown only where it is asked for by name"
            raise InvalidValue("console_user.password", "(not shown)", rule)
        fields = check_kind(members, GRANT_KINDS)
        kind = GRANT_KINDS[str(members["kind"])]
        return cls(trusting=trusting, trusted=trusted, grant=from_dict(kind, fields))

    def to_dict(self) -> dict[str, object]:
        """Return the entry as plain data, without a password."""
        grant = to_dict(self.grant) if isinstance(self.grant, ReadGrant) else self.grant.to_dict()
        return {"trusting": self.trusting, "trusted": self.trusted, **grant}

    @property
    def name(self) -> str:
        """The grant's name; if a `ReadGrant` has none, that of its role."""
        if isinstance(self.grant, ReadGrant):
            return self.grant.name or self.grant.role_name
        return self.grant.name

    @property
    def resources(self) -> dict[str, tuple[str, str]]:
        """The name of the account and of the role or policy that the grant has there, by the field that names it."""
        named = {}
        if not isinstance(self.grant, DevAccessGrant):
            named["role_name"] = (self.trusting, self.grant.role_name)
        if not isinstance(self.grant, TrustGrant):
            named["policy_name"] = (self.trusted, self.grant.policy_name)
        return named


def _label(side: str, value: object) -> str:
    if isinstance(value, str):
        return value
    rule = "the name of one of the file's accounts"
    raise InvalidValue(side, "(missing)" if value is None else type(value).__name__, rule)
