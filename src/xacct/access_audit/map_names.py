"""What the nodes of the map are called, and which names count as the same."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Mapping, Sequence
from typing import Literal, TypedDict

from attrs import evolve, frozen

from xacct.access_audit.contents import Edge
from xacct.arn import Arn, account_in as account_of_arn
from xacct.errors import InvalidValue

__all__ = ["Naming", "NodeKind", "NodeName", "titles"]

NodeKind = Literal["anyone", "organization", "account", "principal", "service", "provider", "role", "resource"]

_ACCOUNT = re.compile(r"\d{12}", re.ASCII)
_ORGANIZATION = re.compile("o-[a-z0-9]{10,32}", re.ASCII)
_PLURALS: Mapping[NodeKind, str] = {
    "anyone": "callers", "organization": "organizations", "account": "accounts", "principal": "principals",
    "service": "services", "provider": "identity providers", "role": "roles", "resource": "resources",
}  # fmt: skip


@frozen(kw_only=True, cache_hash=True)
class NodeName:
    """What a way starts from or leads to.

    Attributes:
        kind: what it is.
        value: the ID or the ARN; for a service or an identity provider, which are the same in all accounts, its name.
        name: the name without the account, such as that of a role; for an account, that of its owner, if it is known.
        account: the account that has it; empty if it belongs to none.
        account_name: the name of that account, if it is known.
        inside: whether the account was audited.
    """

    kind: NodeKind
    value: str
    name: str
    account: str = ""
    account_name: str = ""
    inside: bool = False

    @property
    def shape(self) -> tuple[str, bool, str]:
        """What is the same for those that count as alike, wherever they are."""
        if self.kind == "account" and self.inside:
            return self.kind, True, ""
        # The names of buckets often have the account's ID.
        return self.kind, self.inside, _ACCOUNT.sub("#", self.name)

    @property
    def where(self) -> str:
        """The account, by its name and its ID."""
        return f"{self.account_name} {self.account}" if self.account_name else self.account


@frozen
class Naming:
    """Gives names to what ways start from and lead to.

    Attributes:
        accounts: the names of all accounts that are known, by ID.
        audited: the IDs of the accounts that were audited.
    """

    accounts: Mapping[str, str]
    audited: Container[str]

    @classmethod
    def of(cls, edges: Iterable[Edge], audited: Mapping[str, str]) -> Naming:
        """Return the naming for the ways of a report.

        Args:
            edges: the ways.
            audited: the names of the accounts that were audited, by ID.
        """
        accounts = {account_in(edge.source): edge.source_name for edge in edges if edge.source_name}
        return cls(accounts | {account: name for account, name in audited.items() if name}, audited)

    def source(self, source: str) -> NodeName:
        """Return what a way starts from: an account ID, an ARN, an organization, a service, a provider, or ``*``."""
        if source == "*":
            return NodeName(kind="anyone", value="*", name="Anybody")
        if _ACCOUNT.fullmatch(source):
            return self._account(source)
        if _ORGANIZATION.fullmatch(source):
            return NodeName(kind="organization", value=source, name=source)
        try:
            arn = Arn.parse(source)
        except InvalidValue:
            service = source.endswith((".amazonaws.com", ".amazonaws.com.cn"))
            return NodeName(kind="service" if service else "provider", value=source, name=source)
        kind, _, name = arn.resource.partition("/")
        if kind == "root":
            return self._account(arn.account)
        if kind in ("oidc-provider", "saml-provider"):
            return NodeName(kind="provider", value=name, name=name)
        target = self.target(source, arn.account)
        return target if kind == "role" else evolve(target, kind="principal", name=arn.resource.rpartition("/")[2])

    def target(self, target: str, account: str) -> NodeName:
        """Return what a way leads to: a role or a resource, and the account that has it if the ARN has none."""
        kind: NodeKind = "resource"
        name = target
        if target.startswith("arn:") and target.count(":") >= 5:
            service, _, owner, resource = target.split(":", 5)[2:]
            prefix, _, rest = resource.partition("/")
            is_role = (service, prefix) == ("iam", "role")
            kind, name = ("role", rest.rpartition("/")[2]) if is_role else ("resource", f"{service}:{resource}")
            account = owner or account
        return NodeName(kind=kind, value=target, name=name, **self._where(account))

    def _account(self, account: str) -> NodeName:
        where = self._where(account)
        return NodeName(kind="account", value=account, name=where["account_name"], **where)

    def _where(self, account: str) -> _Where:
        name = self.accounts.get(account, "")
        return {"account": account, "account_name": name, "inside": account in self.audited}


class _Where(TypedDict):
    account: str
    account_name: str
    inside: bool


def account_in(principal: str) -> str:
    """Return the account of a principal: that of its ARN, or the ID itself; empty if it has none."""
    if principal.startswith("arn:"):
        return account_of_arn(principal)
    return principal if _ACCOUNT.fullmatch(principal) else ""


def titles(members: Sequence[NodeName], *, rest: bool = False) -> tuple[str, str]:
    """Return the title and the subtitle of a node.

    Args:
        members: what is folded into the node, in order.
        rest: whether it stands for what does not fit the map.

    >>> one = NodeName(kind="account", value="111111111111", name="", account="111111111111")
    >>> titles([one])
    ('111111111111', 'account outside')
    >>> titles([one, one, one])
    ('3 accounts', 'outside, like 111111111111')
    """
    first, count = members[0], len(members)
    names = {member.name for member in members}
    if rest:
        return f"and {count:,} more {_PLURALS[first.kind]}", f"such as {first.name or first.value}"
    if first.kind == "account":
        return _account_titles(first, count, names)
    if count == 1:
        return first.name, f"in {first.where}" if first.account else _SUBTITLES.get(first.kind, "")
    accounts = {member.account for member in members}
    place = f"in {first.where}" if len(accounts) == 1 else f"in {len(accounts):,} accounts"
    return first.name if len(names) == 1 else f"{count:,} {_PLURALS[first.kind]} like {first.name}", place


_SUBTITLES: Mapping[NodeKind, str] = {
    "anyone": "on the internet", "organization": "all accounts of the organization", "service": "AWS service",
    "provider": "identity provider",
}  # fmt: skip


def _account_titles(first: NodeName, count: int, names: set[str]) -> tuple[str, str]:
    whose = "your" if first.inside else "outside"
    if count == 1:
        kind = "your account" if first.inside else "account outside"
        return (first.name, f"{kind} {first.account}") if first.name else (first.account, kind)
    if len(names) == 1 and first.name:
        return first.name, f"{count:,} {'of your accounts' if first.inside else 'accounts outside'}"
    if first.inside:
        return f"{count:,} of your accounts", f"like {first.where}"
    return f"{count:,} accounts", f"{whose}, like {first.where}"
