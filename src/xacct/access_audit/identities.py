"""Identities: the users and roles of a snapshot, with their policies and what AWS says of them in requests."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Literal

from attrs import evolve, field, frozen

from xacct.arn import Arn
from xacct.authz import PolicySet
from xacct.authz.wildcard import glob
from xacct.errors import PolicyError
from xacct.policy import PolicyDocument, Statement
from xacct.snapshot import Organization, RoleDetail, Snapshot, UserDetail

__all__ = [
    "Identity",
    "Levels",
    "NamedText",
    "document_of",
    "identities_of",
    "known_of_account",
    "known_of_resource",
    "levels_of",
    "organization_paths",
]

NamedText = tuple[str, str]
"""The name of a policy and its document as JSON text."""

Levels = Sequence[Sequence[PolicyDocument]]
"""Control policies by level, from the root of the organization down."""

Known = Mapping[str, tuple[str, ...]]


@lru_cache(maxsize=16_384)
def document_of(text: str, name: str | None = None) -> PolicyDocument | None:
    """Return the document of a text; None if it cannot be parsed.

    Args:
        text: JSON text.
        name: the policy's name in explanations.
    """
    try:
        return PolicyDocument.parse(text, name=name)
    except PolicyError:
        return None


@lru_cache(maxsize=65_536)
def _covers(actions: tuple[str, ...], action: str) -> bool:
    return any(glob(pattern.lower())(action) for pattern in actions)


def allow_statements(identity: Identity, action: str) -> Iterator[tuple[str, int, Statement]]:
    """Yield the Allow statements of an identity that cover an action, with their policy's name and their index.

    Args:
        identity: the identity.
        action: the action.
    """
    name_of_action = action.lower()
    for name, text in identity.policies:
        document = document_of(text)
        for index, statement in enumerate(document.statements if document is not None else ()):
            covered = _covers(statement.actions or statement.not_actions, name_of_action)
            if statement.effect == "Allow" and covered == bool(statement.actions):
                yield name, index, statement


@frozen(kw_only=True, eq=False)
class Identity:
    """A user or a role, as the caller of a request.

    Attributes:
        arn: its ARN.
        account: its account.
        unique_id: its unique ID; empty if it is not known.
        policies: its identity policies: its own, and those of its groups.
        boundary: the permissions boundary; None if there is none, or if it was not read.
        known: the condition keys of its requests whose values are known, in lower case.
        unread: the policies that were not read or cannot be parsed. If one is a boundary, the identity is treated as
            having no permissions.
    """

    arn: str
    account: str
    unique_id: str
    policies: tuple[NamedText, ...]
    boundary: NamedText | None = None
    known: Known = field(factory=dict)
    unread: tuple[str, ...] = ()

    def side(self, scps: Levels = ()) -> PolicySet:
        """Return the identity's policies, compiled.

        Args:
            scps: the service control policies of its account.
        """
        documents = (document_of(text, name) for name, text in self.policies)
        boundary = None if self.boundary is None else document_of(self.boundary[1], self.boundary[0])
        return PolicySet(identity=[found for found in documents if found is not None], boundary=boundary, scps=scps)


def levels_of(organization: Organization | None, account: str, layer: Literal["scp", "rcp"]) -> Levels:
    """Return the control policies that apply to an account; none without an organization."""
    return () if organization is None else organization.levels(account, layer)


def organization_paths(organization: Organization) -> dict[str, str]:
    """Return the place of each account in the organization, as AWS sends it in ``aws:PrincipalOrgPaths``.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-principalorgpaths
    """
    paths = {one.id: "".join(f"{part}/" for part in (organization.id, *one.parents)) for one in organization.accounts}
    return {organization.management_account: f"{organization.id}/", **paths}


def identities_of(snapshot: Snapshot, paths: Mapping[str, str] | None = None) -> Iterator[Identity]:
    """Yield the users and roles of a snapshot.

    Args:
        snapshot: the snapshot.
        paths: the places of the accounts in the organization; None if it is not known.
    """
    managed = {policy.arn: policy.document for policy in snapshot.policies}
    groups = {Arn.parse(group.arn).name: group for group in snapshot.groups}
    known = known_of_account(snapshot.account, paths)
    for user in snapshot.users:
        of_groups = [groups[name] for name in user.groups if name in groups]
        lost = tuple(f"group {name} of {user.arn}" for name in user.groups if name not in groups)
        inline = [*user.inline.items(), *(item for group in of_groups for item in group.inline.items())]
        attached = dict.fromkeys([*user.attached, *(arn for group in of_groups for arn in group.attached)])
        own = {"aws:userid": (user.unique_id,)} if user.unique_id else {}
        identity = _identity(user, snapshot.account, inline, attached, managed, {**known, **own})
        yield evolve(identity, unread=(*identity.unread, *lost)) if lost else identity
    for role in snapshot.roles:
        # A role session has a name that whoever assumed the role chose.
        own = {"aws:userid": (f"{role.unique_id}:session",)} if role.unique_id else {}
        yield _identity(role, snapshot.account, role.inline.items(), role.attached, managed, {**known, **own})


def _identity(
    entity: UserDetail | RoleDetail,
    account: str,
    inline: Iterable[NamedText],
    attached: Iterable[str],
    managed: Mapping[str, str],
    known: Known,
) -> Identity:
    """Return the identity of a user or a role, with the documents of its managed policies."""
    policies, unread = [], []
    for name, text in [*inline, *((arn, managed.get(arn)) for arn in attached)]:
        if text is None or document_of(text) is None:
            unread.append(f"policy {name} of {entity.arn}")
        else:
            policies.append((name, text))
    boundary = None
    if entity.boundary is not None:
        text = managed.get(entity.boundary)
        if text is None or document_of(text) is None:
            unread.append(f"permissions boundary {entity.boundary} of {entity.arn}")
            policies.clear()
        else:
            boundary = (entity.boundary, text)
    tags = {f"aws:principaltag/{key.lower()}": (value,) for key, value in entity.tags.items()}
    return Identity(
        arn=entity.arn,
        account=account,
        unique_id=entity.unique_id,
        policies=tuple(policies),
        boundary=boundary,
        known={**known, **tags},
        unread=tuple(unread),
    )


def known_of_account(account: str, paths: Mapping[str, str] | None) -> Known:
    """Return the condition keys, in lower case, that AWS sends for the callers of an account."""
    return _of_organization("aws:principalorg", account, paths)


def known_of_resource(account: str, tags: Mapping[str, str], paths: Mapping[str, str] | None) -> Known:
    """Return the condition keys, in lower case, that AWS sends for a resource of an account."""
    of_tags = {f"{kind}:resourcetag/{key.lower()}": (text,) for key, text in tags.items() for kind in ("aws", "iam")}
    return {**_of_organization("aws:resourceorg", account, paths), **of_tags}


def _of_organization(prefix: str, account: str, paths: Mapping[str, str] | None) -> Known:
    if paths is None:
        return {}
    path = paths.get(account)
    return (
        {f"{prefix}id": (), f"{prefix}paths": ()}
        if path is None
        else {f"{prefix}id": (path.split("/")[0],), f"{prefix}paths": (path,)}
    )
