"""Organization: the accounts of an AWS organization, with the control policies that apply to them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from attrs import field, frozen

from xacct.snapshot.plain_snapshot import counted, from_plain, to_plain

__all__ = ["ControlPolicy", "Organization", "OrganizationAccount"]


@frozen(kw_only=True)
class OrganizationAccount:
    """An account of an organization.

    Attributes:
        id: the account's ID.
        name: the account's name.
        parents: the IDs of the root and of the organizational units above the account, from the root down.
    """

    id: str
    name: str = ""
    parents: tuple[str, ...] = ()


@frozen(kw_only=True)
class ControlPolicy:
    """A service or resource control policy.

    Attributes:
        id: the policy's ID, such as ``p-FullAWSAccess``.
        name: the policy's name.
        document: the document as JSON text.
    """

    id: str
    name: str
    document: str


def _names(names: Mapping[str, str]) -> dict[str, str]:
    return dict(sorted(names.items()))


def _by_target(policies: Mapping[str, Iterable[ControlPolicy]]) -> dict[str, tuple[ControlPolicy, ...]]:
    return {target: tuple(sorted(found, key=lambda policy: policy.id)) for target, found in sorted(policies.items())}


@frozen(kw_only=True, repr=False)
class Organization:
    """An AWS organization.

    Attributes:
        id: the organization's ID, such as ``o-abcdefghij``.
        management_account: the ID of the management account, to which no control policies apply.
        accounts: the accounts, by ID.
        unit_names: the names of the organizational units, by ID.
        scps: the service control policies, by the ID of the root, unit or account that they are attached to.
        rcps: the resource control policies, in the same form, without RCPFullAWSAccess.
        missing: what could not be read, each with the reason.
    """

    id: str
    management_account: str = ""
    accounts: tuple[OrganizationAccount, ...] = ()
    unit_names: Mapping[str, str] = field(default=MappingProxyType({}), converter=_names)
    scps: Mapping[str, tuple[ControlPolicy, ...]] = field(default=MappingProxyType({}), converter=_by_target)
    rcps: Mapping[str, tuple[ControlPolicy, ...]] = field(default=MappingProxyType({}), converter=_by_target)
    missing: tuple[str, ...] = ()

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "accounts", tuple(sorted(self.accounts, key=lambda account: account.id)))
        object.__setattr__(self, "missing", tuple(sorted(set(self.missing))))

    def to_dict(self) -> dict[str, object]:
        """Return the organization as plain data, which JSON can express. Policies are objects.

        >>> Organization(id="o-abcdefghij").to_dict()
        {'id': 'o-abcdefghij'}
        """
        return to_plain(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, object]) -> Organization:
        """Return the organization of what :meth:`to_dict` returned.

        Args:
            data: the plain data.

        Raises:
            InvalidValue: a key is unknown, a required one is missing, or a value is not valid. The error has the path
                of the field, such as ``accounts[0].id``.

        >>> Organization.from_dict({"id": "o-abcdefghij", "accounts": [{"id": "111111111111"}]})
        Organization('o-abcdefghij', 1 account, 0 policies)
        """
        return from_plain(cls, data)

    def __repr__(self) -> str:
        policies = {policy.id for layer in (self.scps, self.rcps) for level in layer.values() for policy in level}
        parts = [counted(self.accounts, "account"), counted(policies, "policy", "policies")]
        if self.missing:
            parts.append(f"{len(self.missing)} missing")
        return f"Organization({self.id!r}, {', '.join(parts)})"
