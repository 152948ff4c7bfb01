"""Eventual consistency: for some time after a write, reads may return the previous state."""

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

# Reads of IAM see the control plane. STS and all authorization see the data plane.
Plane = Literal["control", "data"]
Kind = Literal["role", "user", "group", "policy", "bucket", "key"]
# Only the policies of these are eventually consistent. S3 and KMS see everything else at once.
_POLICIES_ONLY = ("bucket", "key")


def _range_rule(_: object, __: object, value: tuple[float, float]) -> None:
    if not 0 <= value[0] <= value[1]:
        raise InvalidValue("seconds", value, "the minimum and the maximum delay, such as (5, 15)")


@frozen(kw_only=True)
class Propagation:
    """The propagation delay of writes to IAM and of changes to bucket and key policies.

    Each write to IAM gets two random delays: one for reads of IAM, one for STS and authorization. Until its delay has
    passed, each read sees either the previous or the new state, at random. This applies to creating, changing, tagging,
    attaching and deleting. A bucket or key policy reads back at once, but authorization sees it after a delay. Changes
    to an organization take effect at once.

    Args:
        seconds: the minimum and the maximum delay in seconds of the sandbox's clock.
        seed: the seed of the delays and of what each read sees. The results of calls from several threads also depend
            on the order of the calls.

    Raises:
        InvalidValue: the minimum is negative or greater than the maximum.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency

    >>> Propagation(seconds=(5, 15), seed=7)
    Propagation(seconds=(5, 15), seed=7)
    """

    seconds: tuple[float, float] = field(default=(5, 15), validator=_range_rule)
    seed: int = 0


@frozen
class _Version:
    """The state of an entity before a write.

    Attributes:
        entity: moto's object; None if the entity did not exist.
        attributes: the object's attributes.
        tags: a user's tags, which moto keeps outside the object.
        until: for each plane, the time until which reads may see this version, in seconds since the epoch.
    """

    entity: Any
    attributes: dict[str, Any]
    tags: dict[str, str | None]
    until: dict[Plane, float] = field(factory=dict)


class Visibility:
    """Keeps earlier versions of entities and shows them to reads until they have expired.

    Args:
        propagation: the delays; None if every read sees the latest state.
        state: the state of the accounts.
        clock: the sandbox's clock.
    """

    def __init__(self, propagation: Propagation | None, state: MotoState, clock: Clock) -> None:
        self._propagation, self._state, self._clock = propagation, state, clock
        self._random = random.Random(propagation.seed if propagation else 0)  # noqa: S311 # repeatable, and no secret
        self._versions: dict[tuple[str, Kind, str], list[_Version]] = {}
        self._latest = False

    def remember(self, call: Call, account: str) -> None:
        """Keep the current version of the entity that a call is about to change."""
        if self._propagation is None:
            return
        target = _write_target(call, account, self._state)
        if target is None:
            return
        planes: tuple[Plane, ...] = ("control", "data")
        now = self._clock.now().timestamp()
        until: dict[Plane, float] = {plane: now + self._random.uniform(*self._propagation.seconds) for plane in planes}
        version = _current_version(self._state, account, *target)
        attributes = {name: _shallow_copy(value) for name, value in version.attributes.items()}
        self._versions.setdefault((account, *target), []).append(evolve(version, attributes=attributes, until=until))

    @contextmanager
    def latest(self) -> Iterator[None]:
        """Let every read see the latest state until the block ends: AWS's own services wait until they see it."""
        before, self._latest = self._latest, True
        try:
            yield
        finally:
            self._latest = before

    @contextmanager
    def view(self, plane: Plane) -> Iterator[None]:
        """Make moto's state what one read on a plane sees, until the block ends."""
        now, restored = self._clock.now().timestamp(), []
        for (account, kind, name), versions in [] if self._latest else list(self._versions.items()):
            versions[:] = [version for version in versions if max(version.until.values()) > now]
            visible = [version for version in versions if version.until[plane] > now]
            chosen = self._random.choice([None, *visible])
            if chosen is not None:
                restored.append((account, kind, name, _current_version(self._state, account, kind, name)))
                _restore(self._state, account, kind, name, chosen)
        try:
            yield
        finally:
            for account, kind, name, version in reversed(restored):
                _restore(self._state, account, kind, name, version)


def _write_target(call: Call, account: str, state: MotoState) -> tuple[Kind, str] | None:
    """Return the kind of the entity that a call changes, and its name; the ARN of a policy or key."""
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


def _shallow_copy(value: Any) -> Any:
    # Copies what moto changes in place: lists, dictionaries, and the versions of a policy.
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


def _current_version(state: MotoState, account: str, kind: Kind, name: str) -> _Version:
    """Return the current version of an entity."""
    entity = _find(state, account, kind, name)
    if entity is None:
        return _Version(None, {}, {})
    if kind in _POLICIES_ONLY:
        return _Version(entity, {"policy": entity.policy}, {})
    tags = dict(state.iam(account).tagger.tags.get(entity.arn, {})) if kind == "user" else {}
    return _Version(entity, dict(vars(entity)), tags)


def _restore(state: MotoState, account: str, kind: Kind, name: str, version: _Version) -> None:
    """Replace moto's current version of an entity."""
    iam, entity = state.iam(account), version.entity
    if kind in _POLICIES_ONLY:
        if entity is not None:
            vars(entity).update(version.attributes)
        return
    collections: dict[Kind, dict[str, Any]] = {
        "role": iam.roles, "user": iam.users, "group": iam.groups, "policy": iam.managed_policies,
    }  # fmt: skip
    entities = collections[kind]
    current = _find(state, account, kind, name)
    if current is not None:
        del entities[current.id if kind == "role" else name]
    if entity is not None:
        vars(entity).clear()
        vars(entity).update(version.attributes)
        entities[entity.id if kind == "role" else name] = entity
        if kind == "user":
            iam.tagger.tags[entity.arn] = dict(version.tags)
