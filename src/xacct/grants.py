"""The desired state of both sides of a grant, as values without I/O."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timezone

from attrs import field, frozen

from xacct.arn import Arn, account_id, partition
from xacct.console_user import ConsoleUser
from xacct.errors import InvalidValue, PolicyError
from xacct.limits import (
    DEFAULT_SESSION_SECONDS,
    DESCRIPTION,
    ENTITY_NAME,
    EXTERNAL_ID,
    INLINE_POLICY_CHARACTERS,
    MANAGED_POLICIES_PER_ENTITY,
    MAX_SESSION_SECONDS,
    MFA_AGE_SECONDS,
    PATH,
    POLICY_NAME,
)
from xacct.policy import Condition, PolicyDocument, Principal, Statement
from xacct.policy.document import check_identity_policy, check_trust_policy
from xacct.validators import aware, check_text, integer, tags, text

__all__ = ["ConsoleUser", "DevAccessGrant", "TrustGrant"]

_INLINE_CHARACTERS = INLINE_POLICY_CHARACTERS["role"]
# So that a digest of each fits into the tag that records what xacct attached, and to whom.
_INLINE_DOCUMENTS = 25
_NAMED_CARRIERS = 35


def _principals(values: Iterable[Principal | str] | Principal | str) -> tuple[Principal, ...]:
    many = (values,) if isinstance(values, (str, Principal)) else values
    return tuple(Principal.parse(value) for value in many)


def _documents(policies: Mapping[str, PolicyDocument | Mapping[str, object] | str]) -> dict[str, PolicyDocument]:
    return {name: PolicyDocument.parse(document, name=name) for name, document in policies.items()}


def _texts(values: Iterable[str] | str) -> tuple[str, ...]:
    return (values,) if isinstance(values, str) else tuple(dict.fromkeys(values))


def _copy(tags: Mapping[str, str]) -> dict[str, str]:
    return dict(tags)


def _tag_values(tags: Mapping[str, Iterable[str] | str]) -> dict[str, tuple[str, ...]]:
    return {key: _texts(values) for key, values in tags.items()}


@frozen(kw_only=True)
class TrustGrant:
    """The trusting account's side: a role, whom it trusts and under what conditions, and what it may do.

    Conditions hold for people and workloads; an AWS service among the principals gets a statement of its own with only
    the expiry, as services have no MFA, no external ID and no organization.

    Args:
        account: the trusting account's id.
        principals: who is trusted: ``Principal`` values, account ids, ARNs of users and roles, service names.
        managed_policy_arns: what the role may do, as managed policies; at most 10.
        policies: what the role may do, as inline documents by name; 10,240 characters in all.
        may_write: whether the role is meant to do more than read. Unless it is, the proof fails where it could, and
            the grant is not applied.
        role_name: the role's name.
        path: the role's path.
        description: the role's description, at most 1000 characters.
        tags: the role's own tags, beside those by which xacct knows what it made.
        permissions_boundary: ARN of the managed policy that bounds the role.
        max_session_duration: seconds that a session may last, 3600 to 43200.
        external_id: what a third party must say to assume the role; then the console cannot switch to it.
        require_mfa: whether the caller must have signed in with MFA.
        mfa_max_age: seconds since that sign-in at most; asks for MFA too.
        organization_id: the AWS organization that the caller must belong to.
        source_identity: patterns, one of which the session's source identity must match.
        session_tags: tags that the session must carry, each with the patterns that its value may match.
        source_ips: networks that the call may come from, in CIDR notation.
        expires: when the trust ends, by IAM's own clock; a datetime with a time zone.
        partition: the partition of the account.

    Raises:
        InvalidValue: a field is not valid.
        PolicyError: a document is not, or the trust policy would be too long.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create_for-user.html

    >>> grant = TrustGrant(account="111111111111", principals="222222222222", require_mfa=True,
    ...     managed_policy_arns=["arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"])
    >>> grant.role_arn
    'arn:aws:iam::111111111111:role/CrossAccountRoleS3'
    >>> grant.trust_policy.statements[0].conditions
    (Condition(operator='Bool', key='aws:MultiFactorAuthPresent', values=('true',)),)
    """

    account: str = field(validator=lambda _, __, value: account_id(value) and None)
    principals: tuple[Principal, ...] = field(converter=_principals)
    managed_policy_arns: tuple[str, ...] = field(default=(), converter=_texts)
    policies: Mapping[str, PolicyDocument] = field(factory=dict, converter=_documents)
    may_write: bool = False
    role_name: str = field(default="CrossAccountRoleS3", validator=text(ENTITY_NAME))
    path: str = field(default="/", validator=text(PATH))
    description: str = field(default="A Role to delegate S3 access to another AWS account", validator=text(DESCRIPTION))
    tags: Mapping[str, str] = field(factory=dict, converter=_copy, validator=tags)
    permissions_boundary: str | None = None
    max_session_duration: int = field(
        default=DEFAULT_SESSION_SECONDS, validator=integer(MAX_SESSION_SECONDS, "seconds")
    )
    external_id: str | None = field(default=None, validator=text(EXTERNAL_ID))
    require_mfa: bool = False
    mfa_max_age: int | None = field(default=None, validator=integer(MFA_AGE_SECONDS, "seconds"))
    organization_id: str | None = None
    source_identity: tuple[str, ...] = field(default=(), converter=_texts)
    session_tags: Mapping[str, tuple[str, ...]] = field(factory=dict, converter=_tag_values)
    source_ips: tuple[str, ...] = field(default=(), converter=_texts)
    expires: datetime | None = field(default=None, validator=aware)
    partition: str = field(default="aws", validator=lambda _, __, value: partition(value) and None)

    def __attrs_post_init__(self) -> None:
        self._check_principals()
        self._check_permissions()
        for ip in self.source_ips:
            _network(ip)
        if self.organization_id is not None:
            Principal.organization(self.organization_id)
        try:
            check_trust_policy(self.trust_policy)
        except PolicyError as error:
            raise PolicyError(f"trust policy {error.path}".strip(), error.problem) from None

    def _check_principals(self) -> None:
        if not self.principals:
            raise InvalidValue("principals", (), "name at least one principal that the role trusts")
        for principal in self.principals:
            if principal.is_anyone and not principal.conditions and not self.organization_id:
                raise InvalidValue(
                    "principals", "*", "trusts everybody: name accounts, or demand an organization with organization_id"
                )
            if principal.kind == "Federated":
                raise InvalidValue(
                    "principals", principal.value,
                    "an identity provider's users do not come by sts:AssumeRole, which is all that a grant allows",
                )  # fmt: skip
            if principal.kind == "CanonicalUser":
                raise InvalidValue("principals", principal.value, "a canonical user id cannot assume roles")
            if principal.is_deleted:
                raise InvalidValue(
                    "principals", principal.value, "this principal was deleted: name the one meant by ARN"
                )
            if principal.partition not in (None, self.partition):
                raise InvalidValue(
                    "principals", principal.value, f"no trust crosses partitions, and the role is in {self.partition}"
                )
            if principal.value == self.role_arn:
                raise InvalidValue("principals", principal.value, "a role that is being made cannot trust itself")

    def _check_permissions(self) -> None:
        if not self.managed_policy_arns and not self.policies:
            raise InvalidValue(
                "managed_policy_arns", (), "the role may do nothing: give managed_policy_arns or policies"
            )
        if len(self.managed_policy_arns) > MANAGED_POLICIES_PER_ENTITY:
            rule = f"at most {MANAGED_POLICIES_PER_ENTITY} managed policies"
            raise InvalidValue("managed_policy_arns", len(self.managed_policy_arns), rule)
        for arn in self.managed_policy_arns:
            check_managed_policy("managed_policy_arns", arn, self.account, self.partition)
        if self.permissions_boundary is not None:
            check_managed_policy("permissions_boundary", self.permissions_boundary, self.account, self.partition)
        if len(self.policies) > _INLINE_DOCUMENTS:
            raise InvalidValue("policies", len(self.policies), f"at most {_INLINE_DOCUMENTS} documents")
        for name, document in self.policies.items():
            check_text("policies", name, POLICY_NAME)
            check_identity_policy(document, limit=_INLINE_CHARACTERS)
        total = sum(document.size for document in self.policies.values())
        if total > _INLINE_CHARACTERS:
            raise InvalidValue("policies", f"{total} characters", f"at most {_INLINE_CHARACTERS} in all")

    @property
    def role_arn(self) -> str:
        """The role's ARN."""
        return str(Arn.role(self.account, self.role_name, self.path, self.partition))

    @property
    def needs_mfa(self) -> bool:
        """Whether people and workloads need MFA."""
        return self.require_mfa or self.mfa_max_age is not None

    @property
    def trust_policy(self) -> PolicyDocument:
        """Who may assume the role, and under what conditions."""
        statements: list[Statement] = []
        groups: dict[tuple[bool, tuple[Condition, ...]], list[Principal]] = {}
        for principal in self.principals:
            groups.setdefault((principal.kind == "Service", principal.conditions), []).append(principal)
        for (is_service, own), members in groups.items():
            statements += self._service_trust(members) if is_service else self._trust(members, own)
        return PolicyDocument(statements, name=f"trust policy of role {self.role_name}")

    def _service_trust(self, members: Sequence[Principal]) -> list[Statement]:
        return [Statement.allow("sts:AssumeRole", principals=members, conditions=self._expiry)]

    def _trust(self, members: Sequence[Principal], own: Sequence[Condition]) -> list[Statement]:
        shared = dict.fromkeys((*own, *self._circumstances, *self._expiry))
        tags = [Condition("StringLike", f"aws:RequestTag/{key}", values) for key, values in self.session_tags.items()]
        identity = [Condition("StringLike", "sts:SourceIdentity", self.source_identity)] if self.source_identity else []
        assume = Statement.allow("sts:AssumeRole", principals=members, conditions=(*shared, *tags, *identity))
        # Each needs its own permission beside sts:AssumeRole, and knows only its own context keys for certain.
        extras = [
            Statement.allow(action, principals=members, conditions=(*own, *conditions))
            for action, conditions in (("sts:TagSession", tags), ("sts:SetSourceIdentity", identity))
            if conditions
        ]
        return [assume, *extras]

    @property
    def _expiry(self) -> tuple[Condition, ...]:
        if self.expires is None:
            return ()
        moment = self.expires.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        return (Condition("DateLessThan", "aws:CurrentTime", moment),)

    @property
    def _circumstances(self) -> list[Condition]:
        conditions = []
        if self.external_id is not None:
            conditions.append(Condition("StringEquals", "sts:ExternalId", self.external_id))
        if self.needs_mfa:
            # Bool, not BoolIfExists: a long-term access key without MFA has no such key in its requests.
            conditions.append(Condition("Bool", "aws:MultiFactorAuthPresent", "true"))
        if self.mfa_max_age is not None:
            conditions.append(Condition("NumericLessThan", "aws:MultiFactorAuthAge", str(self.mfa_max_age)))
        if self.organization_id is not None:
            conditions.append(Condition("StringEquals", "aws:PrincipalOrgID", self.organization_id))
        if self.source_ips:
            conditions.append(Condition("IpAddress", "aws:SourceIp", self.source_ips))
        return conditions


@frozen(kw_only=True)
class DevAccessGrant:
    """The trusted account's side: the policy that allows assuming the roles, and whom it is attached to.

    Args:
        account: the trusted account's id.
        role_arns: the roles that may be assumed; no wildcards.
        policy_name: the name of the managed policy.
        path: its path.
        description: its description, at most 1000 characters.
        console_user: a user to create, who carries the policy.
        users: names of users of the account that get the policy.
        groups: names of groups that get it.
        roles: names of roles that get it.
        session_tags: whether sessions may be tagged, where the roles ask for it.
        source_identity: whether sessions may carry a source identity, where the roles ask for it.
        tags: tags of the policy and of the console user.
        partition: the partition of the account.

    Raises:
        InvalidValue: a field is not valid.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_permissions-to-switch.html

    >>> grant = DevAccessGrant(account="222222222222", role_arns="arn:aws:iam::111111111111:role/CrossAccountRoleS3")
    >>> grant.policy_arn
    'arn:aws:iam::222222222222:policy/CrossAccountPolicy'
    >>> grant.assume_role_policy.statements[0].resources
    ('arn:aws:iam::111111111111:role/CrossAccountRoleS3',)
    """

    account: str = field(validator=lambda _, __, value: account_id(value) and None)
    role_arns: tuple[str, ...] = field(converter=_texts)
    policy_name: str = field(default="CrossAccountPolicy", validator=text(POLICY_NAME))
    path: str = field(default="/", validator=text(PATH))
    description: str = field(default="Policy for Cross Account Access", validator=text(DESCRIPTION))
    console_user: ConsoleUser | None = None
    users: tuple[str, ...] = field(default=(), converter=_texts)
    groups: tuple[str, ...] = field(default=(), converter=_texts)
    roles: tuple[str, ...] = field(default=(), converter=_texts)
    session_tags: bool = False
    source_identity: bool = False
    tags: Mapping[str, str] = field(factory=dict, converter=_copy, validator=tags)
    partition: str = field(default="aws", validator=lambda _, __, value: partition(value) and None)

    def __attrs_post_init__(self) -> None:
        if not self.role_arns:
            raise InvalidValue("role_arns", (), "name at least one role to assume")
        for role_arn in self.role_arns:
            arn = Arn.parse(role_arn, name="role_arns")
            if arn.service != "iam" or arn.resource_type != "role" or "*" in role_arn or "?" in role_arn:
                raise InvalidValue("role_arns", role_arn, "the ARN of exactly one IAM role")
            if arn.partition != self.partition:
                raise InvalidValue(
                    "role_arns", role_arn, f"no trust crosses partitions, and the policy is in {self.partition}"
                )
        named = (*self.users, *self.groups, *self.roles)
        for name in named:
            check_text("users, groups and roles", name, ENTITY_NAME)
        if len(named) > _NAMED_CARRIERS:
            raise InvalidValue(
                "users, groups and roles", len(named), f"at most {_NAMED_CARRIERS}: use a group for more"
            )
        if self.console_user is not None:
            if not isinstance(self.console_user, ConsoleUser):
                raise InvalidValue("console_user", self.console_user, "a ConsoleUser, such as ConsoleUser('ada')")
            if self.console_user.name in self.users:
                raise InvalidValue("users", self.console_user.name, "the console user carries the policy already")
            for policy in self.console_user.managed_policy_arns:
                check_managed_policy("console_user.managed_policy_arns", policy, self.account, self.partition)
        check_identity_policy(self.assume_role_policy)

    @property
    def policy_arn(self) -> str:
        """The ARN of the managed policy."""
        return str(Arn.policy(self.account, self.policy_name, self.path, self.partition))

    @property
    def console_user_arn(self) -> str | None:
        """The ARN of the console user, where one is asked for."""
        user = self.console_user
        return None if user is None else str(Arn.user(self.account, user.name, "/", self.partition))

    @property
    def assume_role_policy(self) -> PolicyDocument:
        """The permission to assume the roles."""
        extras = (("sts:TagSession", self.session_tags), ("sts:SetSourceIdentity", self.source_identity))
        actions = ["sts:AssumeRole", *(action for action, wanted in extras if wanted)]
        return PolicyDocument((Statement.allow(actions, self.role_arns),), name=self.policy_name)


def check_managed_policy(name: str, value: str, account: str, partition_name: str) -> None:
    """Refuse anything but the ARN of a managed policy that a principal of the account can carry.

    Raises:
        InvalidValue: it is something else.
    """
    arn = Arn.parse(value, name=name)
    if arn.service != "iam" or arn.resource_type != "policy" or not arn.name or "*" in value:
        raise InvalidValue(name, value, "the ARN of a managed policy")
    if arn.partition != partition_name:
        raise InvalidValue(name, value, f"a policy of another partition cannot be attached in {partition_name}")
    if arn.account not in ("aws", account):
        raise InvalidValue(name, value, f"a policy of AWS or of account {account} itself")


def _network(value: str) -> None:
    try:
        ipaddress.ip_network(value)
    except ValueError as error:
        raise InvalidValue("source_ips", value, f"a network in CIDR notation ({error})") from None
