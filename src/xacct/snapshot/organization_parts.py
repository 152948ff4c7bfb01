"""The parts of an organization: its accounts, and its control policies."""

from __future__ import annotations

from attrs import frozen

__all__ = ["ControlPolicy", "OrganizationAccount"]


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
