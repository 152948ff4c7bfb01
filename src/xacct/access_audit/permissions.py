"""Permissions: which identities of which accounts have an Allow of sts:AssumeRole that could cover a role."""

from __future__ import annotations

from collections.abc import Iterable

from xacct.access_audit.identities import Identity, allow_statements
from xacct.authz.prefix_index import PrefixIndex
from xacct.authz.wildcard import literal_prefix

__all__ = ["ASSUME_ROLE", "AssumePermissions"]

ASSUME_ROLE = "sts:AssumeRole"


class AssumePermissions:
    """The identities of many accounts by the roles that they could assume.

    A role is compared only with the identities of the accounts that it trusts, and of these only with those whose
    policies have a resource that begins as its ARN does.
    """

    def __init__(self, identities: Iterable[Identity]) -> None:
        self.by_arn: dict[str, Identity] = {}
        self._by_name: dict[str, Identity] = {}
        self._by_id: dict[str, Identity] = {}
        self._by_account: dict[str, PrefixIndex[Identity]] = {}
        self._everywhere = PrefixIndex[Identity]()
        self._members: dict[str, list[Identity]] = {}
        self._unread: dict[str, list[Identity]] = {}
        for identity in identities:
            self._add(identity)

    def _add(self, identity: Identity) -> None:
        self.by_arn[identity.arn] = identity
        self._members.setdefault(identity.account, []).append(identity)
        if identity.unread:
            self._unread.setdefault(identity.account, []).append(identity)
        kind, _, name = identity.arn.split(":", 5)[5].partition("/")
        # Roles are compared by their names without the path, and users by their ARNs.
        self._by_name[
            f"role:{identity.account}/{name.rpartition('/')[2]}" if kind == "role" else f"AWS:{identity.arn}"
        ] = identity
        if identity.unique_id:
            self._by_id[f"id:{identity.unique_id}"] = identity
        prefixes: dict[str, None] = {}
        for _, _, statement in allow_statements(identity, ASSUME_ROLE):
            for resource in statement.resources or ("",):
                prefixes[literal_prefix(resource.partition("${")[0])] = None
        if prefixes:
            self._everywhere.add(identity, prefixes)
            self._by_account.setdefault(identity.account, PrefixIndex[Identity]()).add(identity, prefixes)

    def named(self, name: str) -> Identity | None:
        """Return the identity that a name in `Caller.names` means; None if none does.

        Args:
            name: such as ``role:111111111111/Reader``, ``AWS:`` and a user's ARN, or ``id:`` and a unique ID.
        """
        return self._by_name.get(name) or self._by_id.get(name)

    def of_account(self, account: str) -> list[Identity]:
        """Return the identities of an account."""
        return self._members.get(account, [])

    def unread(self, account: str) -> list[Identity]:
        """Return the identities of an account with policies that were not read, which could allow everything."""
        return self._unread.get(account, [])

    def permitted(self, role_arn: str, account: str) -> list[Identity]:
        """Return the identities with an Allow that could cover a role.

        Args:
            role_arn: the role's ARN.
            account: the account of the identities; empty for all accounts.
        """
        index = self._by_account.get(account) if account else self._everywhere
        lists = [] if index is None else index.lists(role_arn)
        return list(dict.fromkeys(identity for found in lists for identity in found))
