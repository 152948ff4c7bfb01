"""The parameters of sts:AssumeRole as a value that is validated against AWS's rules before any call."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar, cast

from attrs import Attribute, field, frozen

from xacct.arn import Arn, partition, partition_of_region
from xacct.errors import InvalidValue
from xacct.limits import (
    ASSUME_ROLE_SECONDS,
    CONTEXT_ASSERTION,
    ENTITY_NAME,
    EXTERNAL_ID,
    MFA_SERIAL,
    PROVIDED_CONTEXTS,
    ROLE_SESSION_NAME,
    SESSION_POLICY_ARNS,
    SESSION_POLICY_CHARACTERS,
    SOURCE_IDENTITY,
)
from xacct.validators import check_tags, integer, text

if TYPE_CHECKING:
    from mypy_boto3_sts.type_defs import AssumeRoleRequestTypeDef

    from xacct.policy import PolicyDocument

__all__ = ["RoleRequest", "check_region", "seconds_of", "session_name_from"]

T = TypeVar("T")


def _role(value: object) -> Arn:
    arn = value if isinstance(value, Arn) else Arn.parse(str(value), name="role_arn")
    if (arn.service, arn.resource_type) == ("sts", "assumed-role"):
        raise InvalidValue("role_arn", str(arn), "this is the ARN of a role session; pass the role's ARN with its path")
    is_role = (arn.service, arn.region, arn.resource_type) == ("iam", "", "role") and arn.account.isdigit()
    if not is_role or not ENTITY_NAME.allows(arn.name):
        raise InvalidValue("role_arn", str(arn), "the ARN of an IAM role, such as arn:aws:iam::111111111111:role/Name")
    return arn


def _policy(value: PolicyDocument | Mapping[str, object] | str | None) -> str | None:
    if value is None:
        return None
    # Imported here, because most sessions have no policy.
    from xacct.policy import PolicyDocument
    from xacct.policy.document import check_identity_policy

    document = PolicyDocument.parse(value)
    check_identity_policy(document)
    policy = document.to_json()
    if len(policy) > SESSION_POLICY_CHARACTERS:
        rule = f"a session policy has at most {SESSION_POLICY_CHARACTERS} characters"
        raise InvalidValue("policy", f"{len(policy)} characters", rule)
    return policy


def _sequence(name: str, values: Iterable[T]) -> tuple[T, ...]:
    if isinstance(values, str):
        raise InvalidValue(name, values, "a sequence of strings, not a single string")
    return tuple(values)


def _policy_arns(values: Iterable[Arn | str]) -> tuple[str, ...]:
    arns = _sequence("policy_arns", values)
    if len(arns) > SESSION_POLICY_ARNS:
        raise InvalidValue("policy_arns", f"{len(arns)} ARNs", f"at most {SESSION_POLICY_ARNS}")
    for value in arns:
        arn = value if isinstance(value, Arn) else Arn.parse(value, name="policy_arns")
        if (arn.service, arn.resource_type) != ("iam", "policy"):
            raise InvalidValue("policy_arns", str(arn), "the ARN of a managed policy")
    return tuple(str(arn) for arn in arns)


def _session_tags(values: Mapping[str, str] | Iterable[Mapping[str, object]]) -> Mapping[str, str]:
    """Return session tags by key. They can be in the form of AWS's API: a list of keys and values."""
    given = cast("object", values)
    if isinstance(given, Mapping):
        return dict(given)
    rule = "a mapping, or a list in AWS's form [{'Key': 'Team', 'Value': 'Blue'}] with different keys"
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise InvalidValue("tags", given, rule)
    tags: dict[str, str] = {}
    for tag in given:
        if not isinstance(tag, Mapping) or tag.keys() != {"Key", "Value"} or tag["Key"] in tags:
            raise InvalidValue("tags", tag, rule)
        entry: Mapping[str, str] = cast("Mapping[str, str]", tag)  # the validator checks it
        tags[entry["Key"]] = entry["Value"]
    return tags


def _check_session_tags(_: object, attribute: Attribute[Mapping[str, str]], value: Mapping[str, str]) -> None:
    check_tags(attribute.name, value)


def _copied(values: Mapping[str, str]) -> Mapping[str, str]:
    return dict(values)


def _check_contexts(_: object, attribute: Attribute[Mapping[str, str]], value: Mapping[str, str]) -> None:
    if len(value) > PROVIDED_CONTEXTS:
        raise InvalidValue(attribute.name, f"{len(value)} assertions", f"at most {PROVIDED_CONTEXTS}")
    for provider, assertion in value.items():
        arn = Arn.parse(provider, name=attribute.name)
        if (arn.service, arn.resource_type) != ("iam", "contextProvider"):
            rule = "the ARN of a context provider, such as arn:aws:iam::aws:contextProvider/IdentityCenter"
            raise InvalidValue(attribute.name, provider, rule)
        if not CONTEXT_ASSERTION.allows(assertion):
            raise InvalidValue(attribute.name, "...", f"the assertion of {arn.name}: {CONTEXT_ASSERTION}")


def _tag_keys(values: Iterable[str]) -> tuple[str, ...]:
    return _sequence("transitive_tag_keys", values)


def seconds_of(duration: int | timedelta | None) -> int | None:
    """Return a duration in whole seconds; what is neither a timedelta nor valid is returned as it is.

    >>> seconds_of(timedelta(hours=1))
    3600
    """
    return int(duration.total_seconds()) if isinstance(duration, timedelta) else duration


@frozen(kw_only=True)
class RoleRequest:
    """The parameters of one call of sts:AssumeRole; `xacct.assume_role` documents each field.

    Raises:
        InvalidValue: a field breaks one of AWS's rules.
        PolicyError: the session policy is not well formed.

    Source: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html

    >>> request = RoleRequest(role_arn="arn:aws:iam::111111111111:role/Reader", external_id="42-blue", duration=900)
    >>> request.parameters("alice")["ExternalId"]
    '42-blue'
    """

    role_arn: Arn = field(converter=_role)
    session_name: str | None = field(default=None, validator=text(ROLE_SESSION_NAME))
    external_id: str | None = field(default=None, validator=text(EXTERNAL_ID))
    duration: int | None = field(default=None, converter=seconds_of, validator=integer(ASSUME_ROLE_SECONDS, "seconds"))
    policy: str | None = field(default=None, converter=_policy)
    policy_arns: tuple[str, ...] = field(default=(), converter=_policy_arns)
    tags: Mapping[str, str] = field(factory=dict, converter=_session_tags, validator=_check_session_tags)
    transitive_tag_keys: tuple[str, ...] = field(default=(), converter=_tag_keys)
    source_identity: str | None = field(default=None, validator=text(SOURCE_IDENTITY))
    mfa_serial: str | None = field(default=None, validator=text(MFA_SERIAL))
    provided_contexts: Mapping[str, str] = field(factory=dict, converter=_copied, validator=_check_contexts, repr=False)

    def __attrs_post_init__(self) -> None:
        for key in self.transitive_tag_keys:
            if key not in self.tags:
                raise InvalidValue("transitive_tag_keys", key, "must be a key of tags")

    @property
    def home_region(self) -> str | None:
        """The STS region to use if no session has one; None in ``aws``, where botocore has a default."""
        name = self.role_arn.partition
        return None if name == "aws" else partition(name).global_region

    def parameters(self, session_name: str, token_code: str | None = None) -> AssumeRoleRequestTypeDef:
        """Return the parameters of the boto3 call.

        Args:
            session_name: the role session name to use if the request has none.
            token_code: the six digits of the MFA device, if the request has its serial number.
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
        if self.provided_contexts:
            parameters["ProvidedContexts"] = [
                {"ProviderArn": provider, "ContextAssertion": assertion}
                for provider, assertion in self.provided_contexts.items()
            ]
        if token_code is not None:
            parameters["TokenCode"] = token_code
        return parameters


def check_region(request: RoleRequest, region: str | None, base_region: str | None) -> None:
    """Check that the regions belong to the role's partition.

    Args:
        request: the request for the role.
        region: the region of the new session; None for the base's.
        base_region: the region of the session that assumes the role; None if it has none.

    Raises:
        InvalidValue: a region belongs to another partition.
    """
    expected = request.role_arn.partition
    if region is not None and (not region or partition_of_region(region).name != expected):
        raise InvalidValue("region", region, f"must be a region of {expected}, the role's partition")
    if base_region is not None and partition_of_region(base_region).name != expected:
        rule = f"a role cannot be assumed from another partition, and the session's region is {base_region}"
        raise InvalidValue("role_arn", str(request.role_arn), rule)


def session_name_from(caller: Arn) -> str:
    """Return the role session name that identifies the caller in the trusting account's CloudTrail logs.

    Args:
        caller: the caller's ARN, as sts:GetCallerIdentity returns it.

    >>> session_name_from(Arn.parse("arn:aws:iam::222222222222:user/dev/alice"))
    'alice'
    >>> session_name_from(Arn.parse("arn:aws:sts::222222222222:assumed-role/Build/bob@example.com"))
    'bob@example.com'
    >>> session_name_from(Arn.parse("arn:aws:iam::222222222222:root"))
    'root@222222222222'
    """
    allowed = (c if ROLE_SESSION_NAME.has_valid_form(c) else "-" for c in caller.name)
    name = "".join(allowed)[: ROLE_SESSION_NAME.longest]
    return name if len(name) >= ROLE_SESSION_NAME.shortest and name != "root" else f"{name}@{caller.account}"
