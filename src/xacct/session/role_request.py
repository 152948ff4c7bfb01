"""What is asked of sts:AssumeRole: a value, checked against AWS's rules before any call."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, TypeVar

from attrs import field, frozen

from xacct.arn import Arn, partition, partition_of_region
from xacct.errors import InvalidValue
from xacct.policy import PolicyDocument
from xacct.policy.document import check_identity_policy

if TYPE_CHECKING:
    from mypy_boto3_sts.type_defs import AssumeRoleRequestTypeDef

__all__ = ["DEFAULT_DURATION", "LONGEST_CHAINED", "RoleRequest", "check_region", "is_token_code", "session_name_from"]

DEFAULT_DURATION = 3600
"""Seconds that STS grants where none are asked for, whatever the role's maximum."""

LONGEST_CHAINED = 3600
"""Seconds that STS grants at most to a role that another role's session assumes."""

_SESSION_POLICY_LIMIT = 2048
_NAME_CHARACTERS = re.compile(r"[A-Za-z0-9_+=,.@-]*")
_ID_CHARACTERS = re.compile(r"[A-Za-z0-9_+=,.@:/-]*")

T = TypeVar("T")


def _text(name: str, value: object, low: int, high: int, allowed: re.Pattern[str], words: str) -> str | None:
    if value is None or (isinstance(value, str) and low <= len(value) <= high and allowed.fullmatch(value)):
        return value
    raise InvalidValue(name, value, f"{low} to {high} {words}")


def _session_name(value: object) -> str | None:
    return _text("session_name", value, 2, 64, _NAME_CHARACTERS, "letters, digits and _+=,.@-")


def _external_id(value: object) -> str | None:
    return _text("external_id", value, 2, 1224, _ID_CHARACTERS, "letters, digits and _+=,.@:/-")


def _serial(value: object) -> str | None:
    return _text(
        "mfa_serial", value, 9, 256, _ID_CHARACTERS, "letters, digits and _+=/:,.@-: an ARN or a serial number"
    )


def _source_identity(value: object) -> str | None:
    return _text("source_identity", value, 2, 64, _NAME_CHARACTERS, "letters, digits and _+=,.@-")


def _role(value: object) -> Arn:
    arn = value if isinstance(value, Arn) else Arn.parse(str(value), name="role_arn")
    if (arn.service, arn.resource_type) == ("sts", "assumed-role"):
        raise InvalidValue("role_arn", str(arn), "this is the ARN of a session; give the role's, with its path")
    named = (arn.service, arn.region, arn.resource_type) == ("iam", "", "role") and arn.account.isdigit()
    if not named or not 1 <= len(arn.name) <= 64 or not _NAME_CHARACTERS.fullmatch(arn.name):
        raise InvalidValue("role_arn", str(arn), "the ARN of an IAM role: arn:aws:iam::111111111111:role/Name")
    return arn


def _duration(value: object) -> int | None:
    if value is None or (type(value) is int and 900 <= value <= 43200):
        return value
    raise InvalidValue("duration", value, "whole seconds from 900 to 43200, and not above the role's own maximum")


def _policy(value: PolicyDocument | Mapping[str, object] | str | None) -> str | None:
    if value is None:
        return None
    document = PolicyDocument.parse(value)
    check_identity_policy(document)
    text = document.to_json()
    if len(text) > _SESSION_POLICY_LIMIT:
        raise InvalidValue(
            "policy", f"{len(text)} characters", f"a session policy has at most {_SESSION_POLICY_LIMIT} characters"
        )
    return text


def _sequence(name: str, values: Iterable[T]) -> tuple[T, ...]:
    if isinstance(values, str):
        raise InvalidValue(name, values, "a sequence, not one text")
    return tuple(values)


def _policy_arns(values: Iterable[Arn | str]) -> tuple[str, ...]:
    arns = _sequence("policy_arns", values)
    if len(arns) > 10:
        raise InvalidValue("policy_arns", f"{len(arns)} ARNs", "at most 10")
    for value in arns:
        arn = value if isinstance(value, Arn) else Arn.parse(value, name="policy_arns")
        if (arn.service, arn.resource_type) != ("iam", "policy"):
            raise InvalidValue("policy_arns", str(arn), "each is the ARN of a managed policy")
    return tuple(str(arn) for arn in arns)


def _is_tag_text(value: object, low: int, high: int) -> bool:
    return (
        isinstance(value, str)
        and low <= len(value) <= high
        and all(c in "_.:/=+-@" or unicodedata.category(c)[0] in "LZN" for c in value)
    )


def _tags(values: Mapping[str, str]) -> Mapping[str, str]:
    if len(values) > 50:
        raise InvalidValue("tags", f"{len(values)} tags", "at most 50")
    for key, value in values.items():
        if not _is_tag_text(key, 1, 128) or key.lower().startswith("aws:"):
            raise InvalidValue(
                "tags", key, "a key has 1 to 128 letters, digits, spaces and _.:/=+-@, and no aws: first"
            )
        if not _is_tag_text(value, 0, 256):
            raise InvalidValue("tags", value, f"the value of {key!r} has at most 256 letters, digits, spaces, _.:/=+-@")
    keys = [key.lower() for key in values]
    for key in values:
        if keys.count(key.lower()) > 1:
            raise InvalidValue("tags", key, "keys that differ in case only are the same key to AWS")
    return dict(values)


def _transitive(values: Iterable[str]) -> tuple[str, ...]:
    return _sequence("transitive_tag_keys", values)


@frozen(kw_only=True)
class RoleRequest:
    """What is asked for; `xacct.assume_role` documents each of the fields.

    Raises:
        InvalidValue: a field breaks one of AWS's rules.
        PolicyError: the session policy is not well formed.

    Source: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html

    >>> request = RoleRequest(role_arn="arn:aws:iam::111111111111:role/Reader", external_id="42-blue", duration=900)
    >>> request.parameters("alice")["ExternalId"]
    '42-blue'
    """

    role_arn: Arn = field(converter=_role)
    session_name: str | None = field(default=None, converter=_session_name)
    external_id: str | None = field(default=None, converter=_external_id)
    duration: int | None = field(default=None, converter=_duration)
    policy: str | None = field(default=None, converter=_policy)
    policy_arns: tuple[str, ...] = field(default=(), converter=_policy_arns)
    tags: Mapping[str, str] = field(factory=dict, converter=_tags)
    transitive_tag_keys: tuple[str, ...] = field(default=(), converter=_transitive)
    source_identity: str | None = field(default=None, converter=_source_identity)
    mfa_serial: str | None = field(default=None, converter=_serial)

    def __attrs_post_init__(self) -> None:
        for key in self.transitive_tag_keys:
            if key not in self.tags:
                raise InvalidValue("transitive_tag_keys", key, "each is the key of one of the tags")

    @property
    def home_region(self) -> str | None:
        """The region of STS where nobody named one: botocore knows what to do in ``aws``, and only there."""
        name = self.role_arn.partition
        return None if name == "aws" else partition(name).global_region

    def parameters(self, session_name: str, token_code: str | None = None) -> AssumeRoleRequestTypeDef:
        """The parameters of the call.

        Args:
            session_name: for a request that has none.
            token_code: six digits from the MFA device, for a request that has its serial number.
        """
        parameters: AssumeRoleRequestTypeDef = {
            "RoleArn": str(self.role_arn),
            "RoleSessionName": self.session_name or session_name,
        }
        if self.external_id is not None:
            parameters["ExternalId"] = self.external_id
        if self.duration is not None:
            parameters["DurationSeconds"] = self.duration
        if self.policy is not None:
            parameters["Policy"] = self.policy
        if self.policy_arns:
            parameters["PolicyArns"] = [{"arn": arn} for arn in self.policy_arns]
        if self.tags:
            parameters["Tags"] = [{"Key": key, "Value": value} for key, value in self.tags.items()]
        if self.transitive_tag_keys:
            parameters["TransitiveTagKeys"] = self.transitive_tag_keys
        if self.source_identity is not None:
            parameters["SourceIdentity"] = self.source_identity
        if self.mfa_serial is not None:
            parameters["SerialNumber"] = self.mfa_serial
        if token_code is not None:
            parameters["TokenCode"] = token_code
        return parameters


def check_region(request: RoleRequest, region: str | None, base_region: str | None) -> None:
    """Refuse regions of another partition than the role's.

    Args:
        request: for the role.
        region: of the session that is wanted; None for the base's.
        base_region: of the session that assumes the role; None where it has none.

    Raises:
        InvalidValue: one is.
    """
    wanted = request.role_arn.partition
    if region is not None and (not region or partition_of_region(region).name != wanted):
        raise InvalidValue("region", region, f"a region of {wanted}, the role's partition")
    if base_region is not None and partition_of_region(base_region).name != wanted:
        raise InvalidValue(
            "role_arn", str(request.role_arn), f"no trust crosses partitions, and the session's region is {base_region}"
        )


def is_token_code(value: object) -> bool:
    """Whether a value has the form of an MFA device's code.

    >>> is_token_code("012345"), is_token_code("12345"), is_token_code(123456)
    (True, False, False)
    """
    return isinstance(value, str) and re.fullmatch(r"[0-9]{6}", value) is not None


def session_name_from(caller: Arn) -> str:
    """The session name by which an audit in the trusting account recognizes the caller.

    Args:
        caller: the caller's ARN, as sts:GetCallerIdentity gives it.

    >>> session_name_from(Arn.parse("arn:aws:iam::222222222222:user/dev/alice"))
    'alice'
    >>> session_name_from(Arn.parse("arn:aws:sts::222222222222:assumed-role/Build/bob@example.com"))
    'bob@example.com'
    >>> session_name_from(Arn.parse("arn:aws:iam::222222222222:root"))
    'root@222222222222'
    """
    name = re.sub(r"[^A-Za-z0-9_+=,.@-]", "-", caller.name)[:64]
    return name if len(name) > 1 and name != "root" else f"{name}@{caller.account}"
