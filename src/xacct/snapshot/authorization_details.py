"""Reads account authorization details, also those that another tool stored: what is there, and what is missing.

Source: https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountAuthorizationDetails.html
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timezone

from attrs import define, field, frozen

from xacct.arn import Arn, account_id
from xacct.errors import InvalidValue
from xacct.snapshot.detail_pages import (
    LISTS,
    PLURALS,
    REST,
    Details,
    EntityKind,
    JsonObject,
    are_truncated,
    kind_of,
    read_pages,
)
from xacct.snapshot.details import (
    GroupDetail,
    PolicyDetail,
    RoleDetail,
    UserDetail,
    document_text,
    is_document,
)
from xacct.snapshot.missing import missing_entry

__all__ = ["AccountDetails", "read_account_details"]

# The last second of the year 9999, in seconds since 1970.
_LATEST_SECONDS = 253_402_300_799


@frozen(kw_only=True)
class AccountDetails:
    """What account authorization details say. The fields are those of a snapshot."""

    account: str
    partition: str
    users: tuple[UserDetail, ...]
    groups: tuple[GroupDetail, ...]
    roles: tuple[RoleDetail, ...]
    policies: tuple[PolicyDetail, ...]
    missing: tuple[str, ...]


def read_account_details(details: Details, account: str | None = None) -> AccountDetails:
    """Return what account authorization details say.

    Args:
        details: JSON text, or what it says, or a list of pages.
        account: the account's ID; None to take it from the ARNs: that of most users, groups, roles and policies.

    Raises:
        InvalidValue: the details are no authorization details, or have nothing of `account`; or `account` is not given,
            and they have no ARN, or as much of one account as of another.
    """
    if account is not None:
        account_id(account)
    pages = read_pages(details)
    reader = _Reader()
    if are_truncated(pages):
        reader.miss(REST, "the details are truncated: read all pages")
    found = {kind: reader.entities(pages, kind) for kind in LISTS}
    owner, partition = reader.owner(account)
    users, groups, roles, policies = (_of_account(found[kind], owner, partition) for kind in LISTS)
    return AccountDetails(
        account=owner,
        partition=partition,
        users=tuple(reader.user(arn, entity) for arn, entity in users.items()),
        groups=tuple(reader.group(arn, entity) for arn, entity in groups.items()),
        roles=tuple(reader.role(arn, entity) for arn, entity in roles.items()),
        policies=reader.policies(policies),
        missing=tuple(missing_entry(what, why) for what, why in sorted(reader.missing.items())),
    )


def _of_account(entities: Mapping[str, JsonObject], account: str, partition: str) -> Mapping[str, JsonObject]:
    """Return the entities of an account, and those of AWS."""
    own = (f"arn:{partition}:iam::{account}:", "arn:aws:iam::aws:", f"arn:{partition}:iam::aws:")
    return {arn: entity for arn, entity in entities.items() if arn.startswith(own)}


@define
class _Reader:
    """Reads entities, and notes what is missing.

    Attributes:
        missing: the reason by what is missing.
    """

    missing: dict[str, str] = field(factory=dict)
    _owners: Counter[tuple[str, str]] = field(factory=Counter)
    _aws_partitions: set[str] = field(factory=set)
    _users_of: dict[str, list[str]] = field(factory=lambda: defaultdict(list))

    def miss(self, what: str, why: str) -> None:
        """Note that something is missing."""
        self.missing.setdefault(what, why)

    def owner(self, wanted: str | None) -> tuple[str, str]:
        """Return the account and the partition of the details. What is of another account is noted as missing."""
        found = self._owners.most_common()
        if not found:
            if wanted is None:
                raise InvalidValue("account", wanted, "must be given: the details have no ARN that says it")
            return wanted, min(self._aws_partitions, default="aws")
        owner = next((one for one, _ in found if one[0] == wanted), None) if wanted else found[0][0]
        accounts = ", ".join(account for (account, _), _ in sorted(found)[:5])
        if owner is None:
            raise InvalidValue("account", wanted, f"the details are of account {accounts}")
        if wanted is None and len(found) > 1 and found[0][1] == found[1][1]:
            raise InvalidValue("details", f"accounts {accounts}", "have as much of each: pass account=")
        for other, _ in found:
            if other != owner:
                why = f"the details have it too, and are read as those of account {owner[0]}: pass account= to read it"
                self.miss(f"account {other[0]}", why)
        return owner

    def entities(self, pages: list[JsonObject], kind: EntityKind) -> Mapping[str, JsonObject]:
        """Return the entities of a kind by ARN, the first of each ARN."""
        key, found = LISTS[kind], dict[str, JsonObject]()
        if all(page.get(key) is None for page in pages):
            self.miss(PLURALS[kind], f"the details have no {key}")
        for page in pages:
            for number, item in enumerate(self._list(page, key, PLURALS[kind])):
                if not isinstance(item, Mapping):
                    self.miss(f"{key}[{number}]", f"it is no object, but {kind_of(item)}")
                elif arn := self._arn(item, kind, f"{key}[{number}]"):
                    found.setdefault(arn, item)
        return dict(sorted(found.items()))

    def _arn(self, entity: JsonObject, kind: EntityKind, place: str) -> str | None:
        text, name = entity.get("Arn"), entity.get(f"{kind.title()}Name")
        what = f"{kind} {name}" if isinstance(name, str) else f"{kind} {place}"
        if not isinstance(text, str):
            self.miss(what, "it has no ARN")
            return None
        try:
            arn = Arn.parse(text)
        except InvalidValue:
            arn = None
        by_aws = arn is not None and kind == "policy" and arn.account == "aws"
        if arn is None or arn.service != "iam" or arn.resource_type != kind or not (arn.account.isdigit() or by_aws):
            self.miss(what, f"its ARN is not that of a {kind}: {text[:200]!r}")
            return None
        if by_aws:
            self._aws_partitions.add(arn.partition)
        else:
            self._owners[arn.account, arn.partition] += 1
        return text

    def user(self, arn: str, entity: JsonObject) -> UserDetail:
        """Return a user."""
        owner = f"user {arn}"
        return UserDetail(
            arn=arn,
            unique_id=self._text(entity, "UserId", owner),
            created=self._time(entity, "CreateDate", owner),
            inline=self._inline(entity, "UserPolicyList", owner),
            attached=self._attached(entity, owner),
            groups=self._groups(entity, owner),
            boundary=self._boundary(entity, owner),
            tags=self._tags(entity, owner),
        )

    def group(self, arn: str, entity: JsonObject) -> GroupDetail:
        """Return a group."""
        owner = f"group {arn}"
        return GroupDetail(
            arn=arn,
            unique_id=self._text(entity, "GroupId", owner),
            created=self._time(entity, "CreateDate", owner),
            inline=self._inline(entity, "GroupPolicyList", owner),
            attached=self._attached(entity, owner),
        )

    def role(self, arn: str, entity: JsonObject) -> RoleDetail:
        """Return a role."""
        owner = f"role {arn}"
        last_used, knows_last_use = self._last_use(entity, owner)
        return RoleDetail(
            arn=arn,
            unique_id=self._text(entity, "RoleId", owner),
            created=self._time(entity, "CreateDate", owner),
            trust_policy=self._document(entity.get("AssumeRolePolicyDocument"), f"trust policy of {owner}"),
            inline=self._inline(entity, "RolePolicyList", owner),
            attached=self._attached(entity, owner),
            boundary=self._boundary(entity, owner),
            tags=self._tags(entity, owner),
            last_used=last_used,
            knows_last_use=knows_last_use,
        )

    def policies(self, entities: Mapping[str, JsonObject]) -> tuple[PolicyDetail, ...]:
        """Return the customer managed policies, and those of AWS that the entities use, which were read before."""
        found = []
        for arn, entity in entities.items():
            if Arn.parse(arn).account == "aws" and arn not in self._users_of:
                continue
            what = f"policy {arn}"
            version = self._default_version(entity, what)
            document = None if version is None else self._document(version.get("Document"), what)
            if document is not None:
                found.append(PolicyDetail(arn=arn, document=document))
        known = {policy.arn for policy in found}
        for arn, users in self._users_of.items():
            if arn not in known:
                others = f" and {len(users) - 1} more" if len(users) > 1 else ""
                self.miss(f"policy {arn}", f"its document is not in the details, and {users[0]}{others} has it")
        return tuple(found)

    # Fields of entities

    def _list(self, entity: JsonObject, key: str, what: str) -> Iterable[object]:
        items = entity.get(key)
        if items is None:
            return ()
        if isinstance(items, (list, tuple)):
            return items
        if isinstance(items, Mapping):
            # In AWS's own example and in what PowerShell writes, a list of one can be that one.
            # https://docs.aws.amazon.com/cli/latest/reference/iam/get-account-authorization-details.html#examples
            return (items,)
        self.miss(what, f"{key} is no list, but {kind_of(items)}")
        return ()

    def _objects(self, entity: JsonObject, key: str, what: str) -> Iterator[JsonObject]:
        for item in self._list(entity, key, what):
            if isinstance(item, Mapping):
                yield item
            else:
                self.miss(what, f"{key} has {kind_of(item)} where an object is expected")

    def _text(self, entity: JsonObject, key: str, owner: str) -> str:
        value = entity.get(key)
        if value is None or isinstance(value, str):
            return value or ""
        self.miss(f"{key} of {owner}", f"it is no text, but {kind_of(value)}")
        return ""

    def _time(self, entity: JsonObject, key: str, owner: str) -> datetime | None:
        value = entity.get(key)
        if value is None:
            return None
        time = _as_time(value)
        if time is None:
            what = repr(value[:40]) if isinstance(value, str) else kind_of(value)
            self.miss(f"{key} of {owner}", f"it is no time, but {what}")
        return time

    def _last_use(self, role: JsonObject, owner: str) -> tuple[datetime | None, bool]:
        """Return when a role was last used, and whether that is known. AWS returns {} for a role that was not used."""
        value = role.get("RoleLastUsed")
        if value is None:
            return None, False
        if not isinstance(value, Mapping):
            self.miss(f"RoleLastUsed of {owner}", f"it is no object, but {kind_of(value)}")
            return None, False
        time = self._time(value, "LastUsedDate", owner)
        return time, time is not None or value.get("LastUsedDate") is None

    def _document(self, value: object, what: str) -> str | None:
        """Return a policy document. A text that is not JSON is kept, and noted."""
        if value is None:
            self.miss(what, "its document is not in the details")
            return None
        if not isinstance(value, (str, Mapping)):
            self.miss(what, f"its document is no object, but {kind_of(value)}")
            return None
        try:
            text = document_text(value)
        except InvalidValue:
            self.miss(what, "its document is not JSON")
            return None
        if isinstance(value, str) and not is_document(text):
            self.miss(what, "its document is not a JSON object")
        return text

    def _inline(self, entity: JsonObject, key: str, owner: str) -> dict[str, str]:
        found: dict[str, str] = {}
        for policy in self._objects(entity, key, f"inline policies of {owner}"):
            name = policy.get("PolicyName")
            if not isinstance(name, str):
                self.miss(f"inline policies of {owner}", "one has no PolicyName")
                continue
            document = self._document(policy.get("PolicyDocument"), f"inline policy {name} of {owner}")
            if document is not None:
                found.setdefault(name, document)
        return dict(sorted(found.items()))

    def _attached(self, entity: JsonObject, owner: str) -> tuple[str, ...]:
        what, found = f"managed policies of {owner}", set[str]()
        for policy in self._objects(entity, "AttachedManagedPolicies", what):
            arn = policy.get("PolicyArn")
            if isinstance(arn, str):
                found.add(arn)
                self._users_of[arn].append(owner)
            else:
                self.miss(what, "one has no PolicyArn")
        return tuple(sorted(found))

    def _groups(self, user: JsonObject, owner: str) -> tuple[str, ...]:
        names = list(self._list(user, "GroupList", f"groups of {owner}"))
        if not all(isinstance(name, str) for name in names):
            self.miss(f"groups of {owner}", "GroupList has something that is no name")
        return tuple(sorted({name for name in names if isinstance(name, str)}))

    def _boundary(self, entity: JsonObject, owner: str) -> str | None:
        value = entity.get("PermissionsBoundary")
        if not value:
            return None
        arn = value.get("PermissionsBoundaryArn") if isinstance(value, Mapping) else None
        if not isinstance(arn, str):
            self.miss(f"permissions boundary of {owner}", "it has no PermissionsBoundaryArn")
            return None
        self._users_of[arn].append(owner)
        return arn

    def _tags(self, entity: JsonObject, owner: str) -> dict[str, str]:
        found: dict[str, str] = {}
        for tag in self._objects(entity, "Tags", f"tags of {owner}"):
            key, value = tag.get("Key"), tag.get("Value")
            if isinstance(key, str) and isinstance(value, str):
                found.setdefault(key, value)
            else:
                self.miss(f"tags of {owner}", "one has no Key or no Value")
        return dict(sorted(found.items()))

    def _default_version(self, policy: JsonObject, what: str) -> JsonObject | None:
        versions = list(self._objects(policy, "PolicyVersionList", what))
        default = policy.get("DefaultVersionId")
        marked = [version for version in versions if version.get("IsDefaultVersion") is True]
        unmarked = [version for version in versions if version.get("IsDefaultVersion") is None]
        named = [version for version in unmarked if default is None or version.get("VersionId") == default]
        if marked:
            return marked[0]
        if named and (len(versions) == 1 or default is not None):
            return named[0]
        self.miss(what, "its default version is not in the details")
        return None


def _as_time(value: object) -> datetime | None:
    """Return a time in UTC; None if the value is none. AWS's times without a zone are in UTC."""
    try:
        if isinstance(value, str):
            value = datetime.fromisoformat(value.strip().replace("Z", "+00:00"))
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            in_range = math.isfinite(value) and 0 <= value <= _LATEST_SECONDS
            return datetime.fromtimestamp(value, timezone.utc) if in_range else None
        if not isinstance(value, datetime):
            return None
        return (value if value.tzinfo else value.replace(tzinfo=timezone.utc)).astimezone(timezone.utc)
    except (ValueError, OverflowError):
        return None
