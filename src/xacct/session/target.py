"""The targets of fan_out as values, and the keys of their results."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from attrs import Attribute, evolve, field, frozen

from xacct.arn import Arn, account_id
from xacct.errors import InvalidValue
from xacct.policy import PolicyDocument
from xacct.session.role_request import RoleRequest
from xacct.validators import check_tags

__all__ = ["Account", "Target", "keys_of"]


def _account_id(value: str) -> str:
    return account_id(value, "id")


@frozen(kw_only=True)
class Account:
    """An account with what AWS Organizations knows of it. Its text is its ID.

    Attributes:
        id: the account's ID.
        name: the account's name.
        email: the email address of its root user.

    >>> str(Account(id="111111111111", name="web"))
    '111111111111'
    """

    id: str = field(converter=_account_id)
    name: str = ""
    email: str = ""

    def __str__(self) -> str:
        return self.id


def _role(value: Arn | str | None) -> Arn | None:
    return None if value is None else RoleRequest(role_arn=value).role_arn


def _policy(value: PolicyDocument | Mapping[str, object] | str | None) -> str | None:
    return None if value is None else PolicyDocument.parse(value).to_json()


def _check_tags(_: object, attribute: Attribute[Mapping[str, str]], value: Mapping[str, str]) -> None:
    check_tags(attribute.name, value)


@frozen
class Target:
    """A role in an account to run a function with, and how to assume it.

    Args:
        role_arn: the role's ARN with its path; None if `fan_out` is given ``role_names``.
        account: the account's ID; None for the role's.
        region: the session's region; None for the one that fan_out is given.
        external_id: the external ID that the role's trust policy requires; None for the one that fan_out is given.
        duration: the lifetime of the credentials in seconds, 900 to 43200; None for 3600. They are renewed.
        session_tags: session tags, at most 50. The trust policy must allow sts:TagSession.
        policy: a session policy; None for the one that fan_out is given.
        name: the account's name, for results.
        email: the email address of the account, for results.

    Raises:
        InvalidValue: an argument breaks one of AWS's rules.
        PolicyError: the session policy is not well formed.

    Source: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html

    >>> Target("arn:aws:iam::111111111111:role/Reader", region="eu-west-1", name="web").account
    '111111111111'
    """

    role_arn: Arn | None = field(default=None, converter=_role)
    account: str = field(default="", kw_only=True)
    region: str | None = field(default=None, kw_only=True)
    external_id: str | None = field(default=None, kw_only=True)
    duration: int | None = field(default=None, kw_only=True)
    session_tags: Mapping[str, str] = field(factory=dict, converter=dict, validator=_check_tags, kw_only=True)
    policy: str | None = field(default=None, converter=_policy, kw_only=True)
    name: str = field(default="", kw_only=True)
    email: str = field(default="", kw_only=True)

    def __attrs_post_init__(self) -> None:
        if self.role_arn is None:
            account_id(self.account)
            return
        if self.account not in ("", self.role_arn.account):
            raise InvalidValue("account", self.account, f"the role belongs to account {self.role_arn.account}")
        object.__setattr__(self, "account", self.role_arn.account)
        self.request()

    def request(
        self,
        session_name: str | None = None,
        external_id: str | None = None,
        policy: PolicyDocument | Mapping[str, object] | str | None = None,
    ) -> RoleRequest:
        """Return the request for the role.

        Args:
            session_name: the role session name.
            external_id: the external ID for a target without one.
            policy: the session policy for a target without one.

        Raises:
            InvalidValue: an argument breaks one of AWS's rules, or the target has no role.
        """
        if self.role_arn is None:
            rule = "it has no role to assume. Pass role_names=, or for a session the session itself"
            raise InvalidValue("targets", self.account, rule)
        return RoleRequest(
            role_arn=self.role_arn,
            session_name=session_name,
            external_id=self.external_id or external_id,
            duration=self.duration,
            policy=self.policy or policy,
            tags=self.session_tags,
        )

    def with_role(self, name: str, partition: str) -> Target:
        """Return the target with a role of its account.

        Args:
            name: the role's name with its path, such as ``team/Reader``.
            partition: the partition's name.
        """
        path, _, name = f"/{name.lstrip('/')}".rpartition("/")
        return evolve(self, role_arn=Arn.role(self.account, name, f"{path}/", partition))

    def to_dict(self) -> dict[str, str]:
        """Return what identifies the target. ``Target(**data)`` has the same role, account, region, name and email."""
        data = {
            "role_arn": None if self.role_arn is None else str(self.role_arn),
            "account": self.account,
            "region": self.region,
            "name": self.name,
            "email": self.email,
        }
        return {name: value for name, value in data.items() if value}


def keys_of(targets: Iterable[Target], *, with_region: bool) -> list[str]:
    """Return the keys of the results. All keys of a run have the same parts, separated by spaces.

    A key is the account's ID; the name of the role, if an account has several roles in the run; and the region, if
    fan_out is given ``regions`` or a role has several.

    Args:
        targets: the targets.
        with_region: whether fan_out is given ``regions``.

    >>> reader, writer = (Target(f"arn:aws:iam::111111111111:role/{name}") for name in ("Reader", "Writer"))
    >>> keys_of([reader], with_region=False), keys_of([reader, writer], with_region=False)
    (['111111111111'], ['111111111111 Reader', '111111111111 Writer'])
    """
    places = [(target.account, target.role_arn, target.region) for target in targets]
    roles = {(account, role) for account, role, _ in places}
    with_role = len(roles) > len({account for account, _ in roles})
    with_region = with_region or len({*places}) > len(roles)
    return [
        " ".join(
            [account]
            + ([role.name] if with_role and role is not None else [])
            + ([region] if with_region and region is not None else [])
        )
        for account, role, region in places
    ]
