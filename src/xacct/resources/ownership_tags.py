"""The tags by which xacct recognizes its resources: the grant that they belong to, and what xacct put on them.

A role and a policy belong to one grant. A console user can be shared: it has a record of each grant that uses it.
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from attrs import field, frozen

from xacct._version import __version__
from xacct.iam_records import GRANT_TAG, grant_name_in, name_of_tag_value, tag_value_of_name, without_reserved_tags
from xacct.policy.times import time_from_text, time_to_text

if TYPE_CHECKING:
    from mypy_boto3_iam.type_defs import TagTypeDef

    from xacct.grants import DevAccessGrant, TrustGrant

__all__ = [
    "GRANT_TAG",
    "RUN_TAG",
    "Creation",
    "GrantIdentity",
    "Run",
    "UserRecord",
    "boundary_record",
    "creation_of",
    "dropped_tags",
    "foreign_tags",
    "identity_in",
    "is_attached_by_xacct",
    "is_boundary_set_by_xacct",
    "is_complete",
    "is_managed",
    "ownership_tags",
    "record_of_only_grant",
    "recorded_count",
    "run_in",
    "tags_from_list",
    "tags_to_list",
    "user_records",
    "user_tags",
    "with_recorded",
    "without_run",
]

MANAGED_TAG = "xacct:managed-by"
_MANAGER = "xacct"
ACCOUNTS_TAG = "xacct:accounts"
CREATED_TAG = "xacct:created"
VERSION_TAG = "xacct:version"
RUN_TAG = "xacct:run"
ATTACHED_TAG = "xacct:attached"
TAG_KEYS_TAG = "xacct:tags"
USER_RECORD_PREFIX = "xacct:grant:"

# As many account ids as fit into a tag value.
_MOST_ACCOUNTS = 19


@frozen
class GrantIdentity:
    """Which grant a resource belongs to.

    Two identities are of the same grant if the names are equal and the accounts at the other end overlap. So two
    production accounts that grant access to one development account under the same name do not share a policy, and a
    grant can be widened to one more account.

    Attributes:
        name: the grant's name.
        accounts: the ids of the accounts at the other end, sorted; empty if none or too many are recorded.
    """

    name: str
    accounts: tuple[str, ...] = ()

    @classmethod
    def of(cls, grant: TrustGrant | DevAccessGrant) -> GrantIdentity:
        """Return the identity of a grant."""
        return cls(grant.name, grant.other_accounts if len(grant.other_accounts) <= _MOST_ACCOUNTS else ())

    def is_same_grant(self, other: GrantIdentity) -> bool:
        """Return whether both are of the same grant."""
        if self.name != other.name:
            return False
        return not self.accounts or not other.accounts or bool({*self.accounts} & {*other.accounts})

    def __str__(self) -> str:
        with_accounts = f" with {', '.join(self.accounts)}" if self.accounts else ""
        return f"grant {self.name!r}{with_accounts}"


@frozen
class Run:
    """One run of apply, recorded on everything that it creates or changes.

    Attributes:
        id: a random id.
        started: when the run started.
    """

    id: str = field(factory=lambda: secrets.token_hex(6))
    started: datetime = field(factory=lambda: datetime.now(timezone.utc).replace(microsecond=0))

    @property
    def tag(self) -> str:
        """The value of the tag that records the run."""
        return f"{time_to_text(self.started)} {self.id}"

    def made(self, tags: Mapping[str, str]) -> bool:
        """Return whether the tags say that this run was the last one to create or change the resource."""
        return tags.get(RUN_TAG) == self.tag


@frozen
class Creation:
    """When a resource was created or adopted, and by which version of xacct.

    Attributes:
        time: the time in UTC; None if it is not recorded.
        version: the version of xacct; None if it is not recorded.
    """

    time: datetime | None
    version: str | None


def _digest(name: str) -> str:
    # A tag value has 256 characters. The names of all policies that a role can have do not fit.
    return hashlib.sha256(name.encode()).hexdigest()[:6]


_KEY_DIGEST = 5


def _key_digest(key: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(key.encode()).digest())[:_KEY_DIGEST].decode()


def is_managed(tags: Mapping[str, str]) -> bool:
    """Return whether the tags say that xacct created or adopted the resource."""
    return tags.get(MANAGED_TAG) == _MANAGER


def identity_in(tags: Mapping[str, str]) -> GrantIdentity | None:
    """Return the grant that a role or a policy belongs to.

    None if xacct did not create it, or if a version of xacct did that recorded no grant.
    """
    name = grant_name_in(tags)
    if not is_managed(tags) or name is None:
        return None
    return GrantIdentity(name, tuple(tags.get(ACCOUNTS_TAG, "").split()))


def creation_of(tags: Mapping[str, str]) -> Creation:
    """Return when and by which version of xacct a resource was created or adopted."""
    return Creation(time_from_text(tags.get(CREATED_TAG, "")), tags.get(VERSION_TAG))


def run_in(tags: Mapping[str, str]) -> Run | None:
    """Return the last run that created or changed a resource; None if it is not recorded."""
    text, _, run = tags.get(RUN_TAG, "").partition(" ")
    started = time_from_text(text)
    return Run(run, started) if run and started is not None else None


def ownership_tags(
    identity: GrantIdentity,
    run: Run,
    *,
    tags: Mapping[str, str],
    attached: Iterable[str] = (),
    observed: Mapping[str, str] | None = None,
    created: datetime | None = None,
) -> dict[str, str]:
    """Return all tags of a role or a policy: the user's, and those that record the grant and what xacct attaches.

    With the record, a later grant that needs less can detach what xacct attached, and only that.

    Args:
        identity: the grant.
        run: the run that creates the resource.
        tags: the user's tags.
        attached: the ARNs or names of what the grant attaches.
        observed: the tags of the resource if it exists; its creation and last run stay recorded.
        created: when the resource was created, if it exists.
    """
    digests = sorted({_digest(name) for name in attached})
    return {
        **tags,
        **_creation_tags(run, observed, created),
        GRANT_TAG: tag_value_of_name(identity.name),
        **({ACCOUNTS_TAG: " ".join(identity.accounts)} if identity.accounts else {}),
        **({ATTACHED_TAG: " ".join(digests)} if digests else {}),
        **_key_record(tags),
    }


def _creation_tags(run: Run, observed: Mapping[str, str] | None, created: datetime | None) -> dict[str, str]:
    own = {MANAGED_TAG: _MANAGER, CREATED_TAG: time_to_text(created or run.started), VERSION_TAG: __version__}
    if observed is None:
        return {**own, RUN_TAG: run.tag}
    kept = {key: observed[key] for key in (CREATED_TAG, VERSION_TAG, RUN_TAG) if key in observed}
    return {**own, **kept}


def _key_record(keys: Iterable[str]) -> dict[str, str]:
    digests = sorted(map(_key_digest, keys))
    return {TAG_KEYS_TAG: "".join(digests)} if digests else {}


def _recorded_keys(tags: Mapping[str, str]) -> list[str]:
    return re.findall(f".{{{_KEY_DIGEST}}}", tags.get(TAG_KEYS_TAG, ""))


def _digests(tags: Mapping[str, str]) -> frozenset[str]:
    return frozenset(tags.get(ATTACHED_TAG, "").split())


def with_recorded(tags: Mapping[str, str], observed: Mapping[str, str]) -> dict[str, str]:
    """Return tags whose records also have everything that the observed tags record."""
    digests = sorted(_digests(tags) | _digests(observed))
    keys = sorted({*_recorded_keys(tags), *_recorded_keys(observed)})
    return {
        **tags,
        **({ATTACHED_TAG: " ".join(digests)} if digests else {}),
        **({TAG_KEYS_TAG: "".join(keys)} if keys else {}),
    }


def is_attached_by_xacct(name: str, tags: Mapping[str, str]) -> bool:
    """Return whether the tags record that xacct attached the policy or principal of this ARN or name."""
    return _digest(name) in _digests(tags)


def boundary_record(arn: str | None) -> tuple[str, ...]:
    """Return the name by which the tags record a permissions boundary: the same policy can be attached too."""
    return () if arn is None else (f"boundary {arn}",)


def is_boundary_set_by_xacct(arn: str | None, tags: Mapping[str, str]) -> bool:
    """Return whether the tags record that xacct set the permissions boundary."""
    return any(is_attached_by_xacct(name, tags) for name in boundary_record(arn))


def is_complete(names: Iterable[str], tags: Mapping[str, str]) -> bool:
    """Return whether everything that the tags record is among the names of what is attached."""
    return _digests(tags) <= {_digest(name) for name in names}


def recorded_count(tags: Mapping[str, str]) -> int:
    """Return how many attachments the tags record."""
    return len(_digests(tags))


def dropped_tags(observed: Mapping[str, str], wanted: Mapping[str, str]) -> list[str]:
    """Return the keys of the tags that xacct set and that are not wanted any more."""
    recorded = {*_recorded_keys(observed)}
    own = (ACCOUNTS_TAG, ATTACHED_TAG, TAG_KEYS_TAG)
    return [key for key in observed if key not in wanted and (key in own or _key_digest(key) in recorded)]


def foreign_tags(observed: Mapping[str, str], wanted: Mapping[str, str]) -> dict[str, str]:
    """Return the tags that xacct did not set."""
    known = {*wanted, *dropped_tags(observed, wanted)}
    return {key: value for key, value in without_reserved_tags(observed).items() if key not in known}


def without_run(tags: Mapping[str, str]) -> dict[str, str]:
    """Return tags without the record of the last run."""
    return {key: value for key, value in tags.items() if key != RUN_TAG}


@frozen
class UserRecord:
    """What a console user's tags record of one grant that uses it.

    Attributes:
        policy_name: the name of the grant's policy.
        digests: the digests of the ARNs of the policies that the grant attaches to the user.
    """

    policy_name: str
    digests: frozenset[str]

    @classmethod
    def of(cls, policy_name: str, arns: Iterable[str]) -> UserRecord:
        """Return the record of a grant that attaches policies."""
        return cls(policy_name, frozenset(map(_digest, arns)))

    def has(self, arn: str) -> bool:
        """Return whether the grant attached the policy."""
        return _digest(arn) in self.digests

    @property
    def key(self) -> str:
        """The key of the tag: the name itself can be longer than a key."""
        return USER_RECORD_PREFIX + hashlib.sha256(self.policy_name.encode()).hexdigest()[:12]

    @property
    def value(self) -> str:
        """The value of the tag."""
        return " ".join([tag_value_of_name(self.policy_name), *sorted(self.digests)])

    def merged_with(self, other: UserRecord) -> UserRecord:
        """Return the record with what another record has."""
        return UserRecord(self.policy_name, self.digests | other.digests)


def user_records(tags: Mapping[str, str]) -> tuple[UserRecord, ...]:
    """Return the record of each grant that uses a console user."""
    values = [value.split() for key, value in sorted(tags.items()) if key.startswith(USER_RECORD_PREFIX)]
    return tuple(UserRecord(name_of_tag_value(words[0]), frozenset(words[1:])) for words in values if words)


def record_of_only_grant(policy_name: str, policy_arn: str, tags: Mapping[str, str]) -> UserRecord:
    """Return what the first version of xacct recorded of a user's only grant; empty if that is another grant."""
    is_owner = is_attached_by_xacct(policy_arn, tags)
    return UserRecord(policy_name, _digests(tags) if is_owner else frozenset())


def user_tags(
    record: UserRecord,
    run: Run,
    *,
    tags: Mapping[str, str],
    observed: Mapping[str, str] | None = None,
    created: datetime | None = None,
) -> dict[str, str]:
    """Return the tags of a console user for one of the grants that use it.

    Args:
        record: what the grant attaches.
        run: the run that creates the user.
        tags: the grant's tags.
        observed: the tags of the user if it exists.
        created: when the user was created, if it exists.
    """
    return {**tags, **_creation_tags(run, observed, created), record.key: record.value, **_key_record(tags)}


def tags_to_list(tags: Mapping[str, str]) -> list[TagTypeDef]:
    """Return tags in the form that IAM requests have."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def tags_from_list(tags: Sequence[TagTypeDef]) -> dict[str, str]:
    """Return tags from the form that IAM responses have."""
    return {tag["Key"]: tag["Value"] for tag in tags}
