"""Eventual consistency: for a while after a write some readers see what was there before."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

from attrs import evolve, field, frozen

from xacct.errors import InvalidValue
from xacct.testing.http_messages import Call
from xacct.testing.moto_state import MotoState

if TYPE_CHECKING:
    from xacct.testing.clock import Clock

__all__ = ["Plane", "Propagation", "Visibility"]

# IAM itself answers on the one; STS, and whoever asks what a caller may, read the copies of the other.
Plane = Literal["control", "data"]
Kind = Literal["role", "user", "group", "policy", "bucket", "key"]
# Of these only their policies take time: S3 and KMS know their own things at once.
_POLICIES_ONLY = ("bucket", "key")


def _range_rule(_: object, __: object, value: tuple[float, float]) -> None:
    if not 0 <= value[0] <= value[1]:
        raise InvalidValue("seconds", value, "the shortest and the longest delay, such as (5, 15)")


@frozen(kw_only=True)
class Propagation:
    """How long writes to IAM, and of bucket and key policies, take to be seen.

    Each write gets two delays, one for reads of IAM and one for STS and all who ask what a caller may do. Until a delay
    is over, every read sees the old or the new, as it happens. What is made, changed, tagged, attached or deleted: all
    of it. Bucket and key policies read back at once, and what they allow takes as long.

    Args:
        seconds: the shortest and the longest delay, on the sandbox's clock.
        seed: of the delays and of what each read sees. With calls from several threads their order matters too.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency

    >>> Propagation(seconds=(5, 15), seed=7)
    Propagation(seconds=(5, 15), seed=7)
    """

    seconds: tuple[float, float] = field(default=(5, 15), validator=_range_rule)
    seed: int = 0


@frozen
class _Version:
    """An entity as it was before a write; ``entity`` is None where there was none.

    Attributes:
        tags: a user's, which moto keeps apart.
        until: when the last reader of each plane has stopped seeing it, in seconds since the epoch.
    """

    entity: Any
    attributes: dict[str, Any]
    tags: dict[str, str | None]
    until: dict[Plane, float] = field(factory=dict)


class Visibility:
    """What each reader sees of what was written.

    Args:
        propagation: how long writes take; None for at once.
        state: the accounts.
        clock: the sandbox's time.
    """

    def __init__(self, propagation: Propagation | None, state: MotoState, clock: Clock) -> None:
        self._propagation, self._state, self._clock = propagation, state, clock
        self._random = random.Random(propagation.seed if propagation else 0)  # noqa: S311 # repeatable, and no secret
        self._old: dict[tuple[str, Kind, str], list[_Version]] = {}

    def remember(self, call: Call, account: str) -> None:
        """Keep how what a call is about to write is now."""
        if self._propagation is None:
            return
        written = _written(call, account, self._state)
        if written is None:
            return
        planes: tuple[Plane, ...] = ("control", "data")
        now = self._clock.now().timestamp()
        until: dict[Plane, float] = {plane: now + self._random.uniform(*self._propagation.seconds) for plane in planes}
        version = _version(self._state, account, *written)
        attributes = {name: _copied(value) for name, value in version.attributes.items()}
        self._old.setdefault((account, *written), []).append(evolve(version, attributes=attributes, until=until))

    @contextmanager
    def seen(self, plane: Plane) -> Iterator[None]:
        """Let moto hold what one reader of a plane sees, for as long as the block lasts."""
        now, restored = self._clock.now().timestamp(), []
        for (account, kind, name), versions in list(self._old.items()):
            versions[:] = [version for version in versions if max(version.until.values()) > now]
            visible = [version for version in versions if version.until[plane] > now]
            chosen = self._random.choice([None, *visible])
            if chosen is not None:
                restored.append((account, kind, name, _version(self._state, account, kind, name)))
                _put(self._state, account, kind, name, chosen)
        try:
            yield
        finally:
            for account, kind, name, version in reversed(restored):
                _put(self._state, account, kind, name, version)


def _written(call: Call, account: str, state: MotoState) -> tuple[Kind, str] | None:
    """What a call writes to: its kind, and its name or, of a policy or a key, its ARN."""
    if (call.service, call.operation) in (("s3", "PutBucketPolicy"), ("s3", "DeleteBucketPolicy")):
        return "bucket", call.text("Bucket")
    if (call.service, call.operation) == ("kms", "PutKeyPolicy"):
        key = state.key(call.text("KeyId"), account, call.region)
        return None if key is None else ("key", key.arn)
    if call.service != "iam" or call.operation.startswith(("Get", "List")):
        return None
    kinds: tuple[tuple[str, Kind], ...] = (("RoleName", "role"), ("GroupName", "group"), ("UserName", "user"))
    for parameter, kind in kinds:
        if call.text(parameter):
            return kind, call.text(parameter)
    if call.operation == "CreatePolicy":
        path = call.text("Path", "/")
        return "policy", f"arn:{state.partition}:iam::{account}:policy{path}{call.text('PolicyName')}"
    return ("policy", call.text("PolicyArn")) if call.text("PolicyArn") else None


def _copied(value: Any) -> Any:
    # As deep as moto changes things in place: lists, dictionaries, and the versions of a policy.
    if isinstance(value, list):
        return [copy.copy(entry) if type(entry).__name__ == "PolicyVersion" else entry for entry in value]
    return dict(value) if isinstance(value, dict) else value


def _find(state: MotoState, account: str, kind: Kind, name: str) -> Any:
    if kind == "policy":
        return state.iam(account).managed_policies.get(name)
    if kind == "bucket":
        return state.bucket(name)
    if kind == "key":
        return state.key(name, account, "")
    return {"role": state.role, "user": state.user, "group": state.group}[kind](account, name)


def _version(state: MotoState, account: str, kind: Kind, name: str) -> _Version:
    """An entity as it is now."""
    entity = _find(state, account, kind, name)
    if entity is None:
        return _Version(None, {}, {})
    if kind in _POLICIES_ONLY:
        return _Version(entity, {"policy": entity.policy}, {})
    tags = dict(state.iam(account).tagger.tags.get(entity.arn, {})) if kind == "user" else {}
    return _Version(entity, dict(vars(entity)), tags)


def _put(state: MotoState, account: str, kind: Kind, name: str, version: _Version) -> None:
    """Let moto hold a version, in place of what it holds."""
    iam, entity = state.iam(account), version.entity
    if kind in _POLICIES_ONLY:
        if entity is not None:
            vars(entity).update(version.attributes)
        return
    shelves: dict[Kind, dict[str, Any]] = {
        "role": iam.roles, "user": iam.users, "group": iam.groups, "policy": iam.managed_policies,
    }  # fmt: skip
    shelf = shelves[kind]
    present = _find(state, account, kind, name)
    if present is not None:
        del shelf[present.id if kind == "role" else name]
    if entity is not None:
        vars(entity).clear()
        vars(entity).update(version.attributes)
        shelf[entity.id if kind == "role" else name] = entity
        if kind == "user":
            iam.tagger.tags[entity.arn] = dict(version.tags)
