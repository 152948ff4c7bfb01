"""Organization: the accounts of an AWS organization, with the control policies that apply to them."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen

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


@frozen(kw_only=True)
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
    unit_names: Mapping[str, str] = field(factory=dict)
    scps: Mapping[str, tuple[ControlPolicy, ...]] = field(factory=dict)
    rcps: Mapping[str, tuple[ControlPolicy, ...]] = field(factory=dict)
    missing: tuple[str, ...] = ()
