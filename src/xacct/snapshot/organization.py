"""Organization: the accounts of an AWS organization, with the control policies that apply to them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from attrs import field, frozen

from xacct.policy import PolicyDocument
from xacct.snapshot.organization_parts import ControlPolicy, OrganizationAccount
from xacct.snapshot.plain_snapshot import counted, from_plain, redacted, to_plain

if TYPE_CHECKING:
    import boto3

    from xacct.organizations_client import ControlLayer

__all__ = ["ControlPolicy", "Organization", "OrganizationAccount"]


# The policies of the root apply to every account.
@lru_cache(maxsize=4096)
def _parsed(text: str, name: str) -> PolicyDocument:
    return PolicyDocument.parse(text, name=name)


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
        accounts: the accounts, by ID, also those that are suspended.
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
    _by_id: Mapping[str, OrganizationAccount] = field(init=False, eq=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "_by_id", {account.id: account for account in self.accounts})
        object.__setattr__(self, "accounts", tuple(sorted(self.accounts, key=lambda account: account.id)))
        object.__setattr__(self, "missing", tuple(sorted(set(self.missing))))

    @classmethod
    def read(cls, session: boto3.Session) -> Organization | None:
        """Read the organization of a session's account.

        The management account and delegated administrators can read everything; other accounts, only the IDs of the
        organization and its management account. What the session may not read is named in :attr:`missing`.

        Args:
            session: the session.

        Returns:
            None if the account is in no organization.

        Raises:
            InvalidValue: the argument is not a session, or has no region.
            PermissionMissing: the caller may not ``organizations:DescribeOrganization``.
            AwsError: AWS could not be reached, refuses the credentials, or the call failed.

        Source: https://docs.aws.amazon.com/organizations/latest/APIReference/API_Operations.html
        """
        from xacct.snapshot.organization_reader import OrganizationReader

        reader = OrganizationReader.connect(session)
        ids = reader.describe()
        if ids is None:
            return None
        accounts, unit_names = reader.accounts()
        scps, rcps = reader.policies("scp"), reader.policies("rcp")
        return cls(
            id=ids[0],
            management_account=ids[1],
            accounts=tuple(accounts),
            unit_names=unit_names,
            scps=scps,
            rcps=rcps,
            missing=tuple(reader.missing),
        )

    def levels(self, account: str, layer: ControlLayer) -> tuple[tuple[PolicyDocument, ...], ...]:
        """Return the control policies that apply to an account, as :class:`PolicySet` takes them.

        Args:
            account: the account's ID.
            layer: ``scp`` or ``rcp``.

        Returns:
            The policies of the root, of each organizational unit and of the account, in this order, without what has
            none. Empty for the management account, and for an account that is not known to be in the organization.

        Raises:
            PolicyError: a policy is not well formed.

        Source: https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps_evaluation.html

        >>> policy = ControlPolicy(id="p-1", name="Deny", document='{"Statement":{"Effect":"Deny","Action":"*"}}')
        >>> organization = Organization(
        ...     id="o-abcdefghij",
        ...     accounts=(OrganizationAccount(id="111111111111", parents=("r-ab12",)),),
        ...     scps={"r-ab12": (policy,)},
        ... )
        >>> [[policy.name for policy in level] for level in organization.levels("111111111111", "scp")]
        [['SCP Deny']]
        """
        place = self._by_id.get(account)
        if place is None or account == self.management_account:
            return ()
        policies = self.scps if layer == "scp" else self.rcps
        return tuple(
            tuple(_parsed(policy.document, f"{layer.upper()} {policy.name}") for policy in policies[target])
            for target in (*place.parents, account)
            if policies.get(target)
        )

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

    def redact(self, secret: str | None = None, *, keep: Iterable[str] = ()) -> Organization:
        """Return the organization with other account IDs, as :meth:`Snapshot.redact` does.

        Pass the secret that the snapshots of its accounts were redacted with. The names of accounts, units and
        policies, and the IDs of the organization, its root and its units stay.

        Args:
            secret: a random text of at least 16 characters; None for one that is not known to anybody.
            keep: the account IDs that stay.

        Raises:
            InvalidValue: the secret is too short, or what to keep is no account ID.

        >>> organization = Organization(id="o-abcdefghij", management_account="111111111111")
        >>> organization.redact("wq0rJx3vPz9LtT4mYb7N").management_account
        '239591579774'
        """
        return redacted(self, secret, keep)

    def __repr__(self) -> str:
        policies = {policy.id for layer in (self.scps, self.rcps) for level in layer.values() for policy in level}
        parts = [counted(self.accounts, "account"), counted(policies, "policy", "policies")]
        if self.missing:
            parts.append(f"{len(self.missing)} missing")
        return f"Organization({self.id!r}, {', '.join(parts)})"
