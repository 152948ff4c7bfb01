"""Switch-role links: links to the console's page for switching roles, with account and role filled in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from attrs import field, frozen

from xacct.arn import Arn, account_id, partition as partition_named
from xacct.errors import InvalidValue
from xacct.limits import SWITCH_ROLE_NAME_LENGTH

__all__ = ["COLORS", "SwitchRoleLink"]

COLORS: Mapping[str, str] = MappingProxyType(
    {"red": "f2b0a9", "orange": "fbc8aa", "yellow": "efda95", "green": "b7ca9d", "blue": "83d4e8"}
)
"""The colour names that a link accepts, with the hex digits that the console's links need."""

_ALIAS = re.compile(r"(?![0-9]+\Z)[a-z0-9](?:[a-z0-9]|-(?!-)){1,61}[a-z0-9]")
_ROLE = re.compile(r"(?:[!-.0-~]+/)*[A-Za-z0-9_+=,.@-]+")
_HEX = re.compile(r"[0-9a-f]{6}")
# The partitions whose sign-in host is published.
_PARTITIONS_WITH_CONSOLE = ("aws", "aws-cn", "aws-us-gov", "aws-eusc")


def _account(value: object) -> str:
    if isinstance(value, str) and _ALIAS.fullmatch(value):
        return value
    try:
        return account_id(value)
    except InvalidValue:
        raise InvalidValue(
            "account",
            value,
            "an account id is a string of exactly 12 digits; an alias has 3 to 63 lower-case letters, digits and "
            "single hyphens, and begins and ends with a letter or digit",
        ) from None


def _role(value: object) -> str:
    role = value[1:] if isinstance(value, str) and value.startswith("/") else value
    if not isinstance(role, str) or not _ROLE.fullmatch(role):
        raise InvalidValue(
            "role_name", value, "a role name of letters, digits and _+=,.@-, after an optional path such as team/blue/"
        )
    if len(role) > SWITCH_ROLE_NAME_LENGTH:
        raise InvalidValue(
            "role_name",
            value,
            f"the console can switch to a role only if its path and name together have at most "
            f"{SWITCH_ROLE_NAME_LENGTH} characters; these have {len(role)}",
        )
    return role


def _display_name(value: object) -> str | None:
    if value is None or (isinstance(value, str) and value and value.isprintable()):
        return value
    raise InvalidValue("display_name", value, "one line of text, or None for the console's default, role @ account")


def _color(value: object) -> str | None:
    if value is None:
        return None
    text = value.lower().removeprefix("#") if isinstance(value, str) else ""
    digits = COLORS.get(text, text)
    if not _HEX.fullmatch(digits):
        raise InvalidValue("color", value, f"one of {', '.join(COLORS)}, or six hex digits such as f2b0a9")
    return digits


def _partition(value: str) -> str:
    if partition_named(value).signin_host is None:
        raise InvalidValue("partition", value, "AWS does not publish the console's address in this partition")
    return value


@frozen
class SwitchRoleLink:
    """A switch-role link. A user who is signed in to the trusted account opens it to switch to the role.

    The console switches with the user's own credentials. It cannot chain roles, cannot switch roles for a root user,
    and cannot send an external ID: see `for_role`.

    Args:
        account: the trusting account's id or alias.
        role_name: the role's name, after its path if it has one (``team/blue/Reader``); at most 64 characters together.
        display_name: the text that the console shows while the role is in use; None for ``role @ account``.
        color: the colour of that text: red, orange, yellow, green or blue, or six hex digits; None for the default.
        partition: ``aws``, ``aws-cn``, ``aws-us-gov`` or ``aws-eusc``. AWS does not publish the other consoles.

    Raises:
        InvalidValue: an argument is not valid.

    >>> link = SwitchRoleLink("111111111111", "CrossAccountRoleS3", display_name="S3 in production", color="red")
    >>> print(link)
    https://signin.aws.amazon.com/switchrole?account=111111111111&roleName=CrossAccountRoleS3&displayName=S3%20in%20production&color=f2b0a9
    >>> SwitchRoleLink.parse(link.url) == link
    True

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_switch-role-console.html
    """

    account: str = field(converter=_account)
    role_name: str = field(converter=_role)
    display_name: str | None = field(default=None, converter=_display_name)
    color: str | None = field(default=None, converter=_color)
    partition: str = field(default="aws", converter=_partition)

    @property
    def url(self) -> str:
        """The URL."""
        query = {"account": self.account, "roleName": self.role_name}
        if self.display_name is not None:
            query["displayName"] = self.display_name
        if self.color is not None:
            query["color"] = self.color
        host = partition_named(self.partition).signin_host
        return f"https://{host}/switchrole?{urlencode(query, quote_via=quote, safe='')}"

    def __str__(self) -> str:
        return self.url

    @classmethod
    def for_role(
        cls,
        role_arn: Arn | str,
        *,
        external_id: str | None = None,
        display_name: str | None = None,
        color: str | None = None,
    ) -> SwitchRoleLink:
        """Return the link for a role.

        Args:
            role_arn: the role's ARN.
            external_id: the external ID that the role's trust policy requires, or None.
            display_name: see :class:`SwitchRoleLink`.
            color: see :class:`SwitchRoleLink`.

        Raises:
            InvalidValue: the ARN is not that of a role, or an external ID is required. The console cannot send one, so
                such a role can be assumed in code only.

        >>> SwitchRoleLink.for_role("arn:aws-cn:iam::111111111111:role/team/Reader").url
        'https://signin.amazonaws.cn/switchrole?account=111111111111&roleName=team%2FReader'
        """
        arn = role_arn if isinstance(role_arn, Arn) else Arn.parse(role_arn, name="role_arn")
        if (arn.service, arn.resource_type) != ("iam", "role"):
            raise InvalidValue("role_arn", str(arn), "the ARN of an IAM role: arn:aws:iam::111111111111:role/Name")
        if external_id is not None:
            raise InvalidValue(
                "external_id",
                external_id,
                "the console cannot send an external ID, so it cannot switch to a role "
                "that requires one: use assume_role",
            )
        return cls(arn.account, arn.resource_id, display_name, color, arn.partition)

    @classmethod
    def parse(cls, url: str) -> SwitchRoleLink:
        """Parse a switch-role link.

        Args:
            url: the link, on the global or a regional sign-in host of a partition.

        Raises:
            InvalidValue: it is not a switch-role link, or a value in it is not valid.

        >>> SwitchRoleLink.parse("https://signin.aws.amazon.com/switchrole?roleName=Reader&account=my-company")
        SwitchRoleLink(account='my-company', role_name='Reader', display_name=None, color=None, partition='aws')
        """
        try:
            parts = urlsplit(str(url))
            fields = parse_qs(parts.query, strict_parsing=True, max_num_fields=20)
        except ValueError:
            raise InvalidValue(
                "url", url, "https://signin.aws.amazon.com/switchrole?account=...&roleName=..."
            ) from None
        partition = _partition_of_host(parts.netloc.lower())
        if parts.scheme != "https" or partition is None or parts.path.rstrip("/") != "/switchrole":
            raise InvalidValue("url", url, "a link with https, a sign-in host of AWS and the path /switchrole")
        for name in ("account", "roleName"):
            if name not in fields:
                raise InvalidValue("url", url, f"the query needs {name}=...")
        for name in ("account", "roleName", "displayName", "color"):
            if len(fields.get(name, [])) > 1:
                raise InvalidValue("url", url, f"the query must have {name} only once")
        account, role_name, display_name, color = (
            fields.get(name, [None])[0] for name in ("account", "roleName", "displayName", "color")
        )
        return cls(account or "", role_name or "", display_name, color, partition)


def _partition_of_host(host: str) -> str | None:
    for name in _PARTITIONS_WITH_CONSOLE:
        signin = partition_named(name).signin_host or ""
        if host == signin or re.fullmatch(rf"[a-z0-9-]+\.{re.escape(signin)}", host):
            return name
    return None
