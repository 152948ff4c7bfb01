"""TrustGrant and DevAccessGrant: the declared state of the trusting and of the trusted account, without I/O."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timezone

from attrs import field, frozen

from xacct.arn import Arn, account_id, partition
from xacct.console_user import ConsoleUser, console_user_or_none
from xacct.errors import CannotExpress, InvalidValue, PolicyError
from xacct.iam_records import PolicyRecord, RoleRecord, grant_name_in, without_reserved_tags
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
from xacct.linter import check_document, documents_of_aws
from xacct.plain_data import check_kind, from_dict, to_dict
from xacct.policy import Condition, PolicyDocument, Principal, Statement
from xacct.policy.document import check_identity_policy, check_trust_policy
from xacct.policy.times import time_from_text, time_to_text
from xacct.trust_fields import TrustFields
from xacct.validators import aware, check_text, grant_tags, integer, text

__all__ = [
    "POLICY_DESCRIPTION",
    "ROLE_DESCRIPTION",
    "DevAccessGrant",
    "TrustGrant",
    "check_source_ip",
    "check_third_party",
    "check_trusted_principal",
    "default_name",
    "expiry_in",
    "notes_on",
]

ROLE_DESCRIPTION = "A Role to delegate S3 access to another AWS account"
POLICY_DESCRIPTION = "Policy for Cross Account Access"

# A tag of 256 characters records a digest of each inline policy and of each attachment.
_INLINE_POLICIES = 25
_ATTACHMENTS = 35
_SHORT_EXTERNAL_ID = 6
_NEVER = datetime.max.replace(tzinfo=timezone.utc)


def _name(value: str | None) -> str:
    if value == "":
        raise InvalidValue("name", value, str(POLICY_NAME))
    return value or ""


def _whole_seconds(value: datetime | None) -> datetime | None:
    # Policies have no fractions of seconds. The validator refuses what is no datetime.
    return value.replace(microsecond=0) if isinstance(value, datetime) else value


def _principals(values: Iterable[Principal | str] | Principal | str) -> tuple[Principal, ...]:
    many = (values,) if isinstance(values, (str, Principal)) else values
    return tuple(Principal.parse(value) for value in many)


def _documents(
    policies: Mapping[str, PolicyDocument | Mapping[str, object] | str] | None,
) -> dict[str, PolicyDocument]:
    return {name: PolicyDocument.parse(document, name=name) for name, document in (policies or {}).items()}


def _texts(values: Iterable[str] | str) -> tuple[str, ...]:
    return (values,) if isinstance(values, str) else tuple(dict.fromkeys(values))


def _tags(tags: Mapping[str, str] | None) -> dict[str, str]:
    return dict(tags or {})


def _tag_patterns(tags: Mapping[str, Iterable[str] | str] | None) -> dict[str, tuple[str, ...]]:
    return {key: _texts(values) for key, values in (tags or {}).items()}


def _in_any_order(patterns: Mapping[str, tuple[str, ...]]) -> dict[str, frozenset[str]]:
    return {key: frozenset(values) for key, values in patterns.items()}


# The fields of a TrustGrant that are conditions of the trust policy which no AWS service meets.
_CONDITIONS_OF_CALLERS = (
    "external_id",
    "mfa_max_age",
    "require_mfa",
    "organization_id",
    "session_tags",
    "source_identity",
    "source_ips",
)


@frozen(kw_only=True)
class TrustGrant:
    """A role in the trusting account: the principals that can assume it, the conditions, and the role's permissions.

    The conditions apply to users and roles. AWS services cannot meet them, so a service gets a statement of its own,
    whose only condition is the expiry. A grant for services only is refused if it has other conditions.

    Args:
        name: the grant's name, which xacct records in the tags of what it creates; by default the role's name. A grant
            that is renamed is another grant. A role that is renamed stays the same grant's if the grant's name stays.
        account: the trusting account's id.
        principals: the principals that can assume the role: ``Principal`` values, account ids, ARNs of users and roles,
            or service names.
        managed_policy_arns: ARNs of the managed policies of the role; at most 10.
        policies: the inline policies of the role by name; at most 10,240 characters together, and at most 25.
        may_write: whether the role is intended to do more than read. If False, the proof fails for a role that can
            write, and the grant is not applied. AWS does not store it, so it is ignored in comparisons.
        role_name: the role's name.
        path: the role's path.
        description: the role's description; at most 1000 characters.
        tags: the role's tags, in addition to those of xacct; at most 40.
        permissions_boundary: the ARN of the managed policy that is the role's permissions boundary.
        max_session_duration: the maximum length of a session, 3600 to 43200 seconds.
        external_id: the external ID that callers must send. The console cannot send one, so it cannot switch to the
            role.
        third_party: whether the trusted accounts belong to somebody else: then an external ID is required. None to find
            out when the grant is applied: an account outside the trusting account's organization is a third party, if
            both sessions may read their organization. AWS does not store it, so it is ignored in comparisons.
        require_mfa: whether callers must have signed in with MFA.
        mfa_max_age: the maximum time since the sign-in with MFA, 1 to 129600 seconds; requires MFA too.
        organization_id: the id of the AWS organization that callers must belong to.
        source_identity: patterns for the session's source identity, one of which must match.
        session_tags: patterns for the session's tags by key. Each tag is required, and one of its patterns must match.
        source_ips: IP networks from which calls are accepted, in CIDR notation.
        expires: the time after which IAM denies new sessions; a datetime with a time zone, of which
            fractions of a second are dropped.
        partition: the account's partition.

    Raises:
        InvalidValue: a field is not valid, or the linter finds an error in a policy, such as an action or a condition
            key that AWS's reference does not have.
        PolicyError: an inline policy is not valid, or the trust policy is too long.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create_for-user.html

    >>> grant = TrustGrant(account="111111111111", principals="222222222222", require_mfa=True,
    ...     managed_policy_arns=["arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"])
    >>> grant.role_arn
    'arn:aws:iam::111111111111:role/CrossAccountRoleS3'
    >>> grant.trust_policy.statements[0].conditions
    (Condition('Bool', 'aws:MultiFactorAuthPresent', 'true'),)
    """

    name: str = field(default=None, converter=_name)
    account: str = field(validator=lambda _, __, value: account_id(value) and None)
    principals: tuple[Principal, ...] = field(converter=_principals, eq=frozenset)
    managed_policy_arns: tuple[str, ...] = field(default=(), converter=_texts, eq=frozenset)
    policies: Mapping[str, PolicyDocument] = field(default=None, converter=_documents)
    may_write: bool = field(default=False, eq=False)
    role_name: str = field(default="CrossAccountRoleS3", validator=text(ENTITY_NAME))
    path: str = field(default="/", validator=text(PATH))
    description: str = field(default=ROLE_DESCRIPTION, validator=text(DESCRIPTION))
    tags: Mapping[str, str] = field(default=None, converter=_tags, validator=grant_tags)
    permissions_boundary: str | None = None
    max_session_duration: int = field(
        default=DEFAULT_SESSION_SECONDS, validator=integer(MAX_SESSION_SECONDS, "seconds")
    )
    external_id: str | None = field(default=None, validator=text(EXTERNAL_ID))
    third_party: bool | None = field(default=None, eq=False)
    require_mfa: bool = False
    mfa_max_age: int | None = field(default=None, validator=integer(MFA_AGE_SECONDS, "seconds"))
    organization_id: str | None = None
    source_identity: tuple[str, ...] = field(default=(), converter=_texts, eq=frozenset)
    session_tags: Mapping[str, tuple[str, ...]] = field(default=None, converter=_tag_patterns, eq=_in_any_order)
    source_ips: tuple[str, ...] = field(default=(), converter=_texts, eq=frozenset)
    expires: datetime | None = field(default=None, converter=_whole_seconds, validator=aware)
    partition: str = field(default="aws", validator=lambda _, __, value: partition(value) and None)

    def __attrs_post_init__(self) -> None:
        # Set here, because the default depends on another field.
        object.__setattr__(self, "name", self.name or self.role_name)
        object.__setattr__(self, "require_mfa", self.needs_mfa)
        check_text("name", self.name, POLICY_NAME)
        check_third_party(third_party=self.third_party, external_id=self.external_id)
        self._check_principals()
        self._check_permissions()
        for ip in self.source_ips:
            check_source_ip(ip)
        if self.organization_id is not None:
            Principal.organization(self.organization_id)
        trust = self.trust_policy
        try:
            check_trust_policy(trust)
        except PolicyError as error:
            raise PolicyError(f"trust policy {error.path}".strip(), error.problem) from None
        check_document(trust, "trust", "trust policy")

    def _check_principals(self) -> None:
        if not self.principals:
            raise InvalidValue("principals", (), "name at least one principal that can assume the role")
        for principal in self.principals:
            check_trusted_principal(principal, self.organization_id)
            if principal.partition not in (None, self.partition):
                rule = f"a role trusts principals of its own partition only, which is {self.partition}"
                raise InvalidValue("principals", principal.value, rule)
            if principal.kind == "Service" and principal.conditions:
                rule = "the trust policy of a grant has no conditions for services: name the service alone"
                raise InvalidValue("principals", principal.value, rule)
            if principal.value == self.role_arn:
                raise InvalidValue("principals", principal.value, "a new role cannot trust itself")
        if all(principal.kind == "Service" for principal in self.principals):
            self._check_conditions_of_services()

    def _check_conditions_of_services(self) -> None:
        for name in _CONDITIONS_OF_CALLERS:
            if value := getattr(self, name):
                rule = "the grant is for AWS services only, which cannot meet it: leave it out, or trust a user or role"
                raise InvalidValue(name, value, rule)

    def _check_permissions(self) -> None:
        if not self.managed_policy_arns and not self.policies:
            raise InvalidValue(
                "managed_policy_arns", (), "the role needs permissions: set managed_policy_arns or policies"
            )
        if len(self.managed_policy_arns) > MANAGED_POLICIES_PER_ENTITY:
            rule = f"at most {MANAGED_POLICIES_PER_ENTITY} managed policies"
            raise InvalidValue("managed_policy_arns", len(self.managed_policy_arns), rule)
        for arn in self.managed_policy_arns:
            check_managed_policy("managed_policy_arns", arn, self.account, self.partition)
        if self.permissions_boundary is not None:
            check_managed_policy("permissions_boundary", self.permissions_boundary, self.account, self.partition)
        self._check_inline_policies()

    def _check_inline_policies(self) -> None:
        limit = INLINE_POLICY_CHARACTERS["role"]
        if len(self.policies) > _INLINE_POLICIES:
            raise InvalidValue("policies", len(self.policies), f"at most {_INLINE_POLICIES} inline policies")
        for name, document in self.policies.items():
            check_text("policies", name, POLICY_NAME)
            check_identity_policy(document, limit=limit)
            check_document(document, "identity", f"policies.{name}")
        total = sum(document.size for document in self.policies.values())
        if total > limit:
            raise InvalidValue("policies", f"{total} characters", f"at most {limit} characters together")

    @property
    def role_arn(self) -> str:
        """The role's ARN."""
        return str(Arn.role(self.account, self.role_name, self.path, self.partition))

    @property
    def is_named_after_role(self) -> bool:
        """Whether the grant has one of the names that it gets from its role if none is given."""
        defaults = (default_name(self.role_name, account) for account in self.other_accounts)
        return self.name in (self.role_name, *defaults)

    @property
    def other_accounts(self) -> tuple[str, ...]:
        """The ids of the trusted accounts, sorted."""
        return tuple(sorted({principal.account_id for principal in self.principals if principal.account_id}))

    @property
    def needs_mfa(self) -> bool:
        """Whether users and roles must have signed in with MFA."""
        return self.require_mfa or self.mfa_max_age is not None

    @property
    def trust_policy(self) -> PolicyDocument:
        """The role's trust policy: who can assume it, and under what conditions."""
        statements: list[Statement] = []
        groups: dict[tuple[bool, tuple[Condition, ...]], list[Principal]] = {}
        for principal in self.principals:
            groups.setdefault((principal.kind == "Service", self._own_conditions(principal)), []).append(principal)
        for (is_service, own), members in groups.items():
            statements += self._service_trust(members) if is_service else self._trust(members, own)
        return PolicyDocument(statements, name=f"trust policy of role {self.role_name}")

    @classmethod
    @documents_of_aws()
    def from_role(cls, role: RoleRecord, *, may_write: bool = False) -> TrustGrant:
        """Return the grant that describes a role, made by xacct or by hand.

        A plan of the grant changes nothing but the role's tags.

        Args:
            role: the role, from :func:`xacct.read_role`.
            may_write: whether the role is intended to do more than read.

        Raises:
            CannotExpress: the role has something that no grant can express; names each.

        >>> from xacct import RoleRecord
        >>> grant = TrustGrant(account="111111111111", principals="222222222222", external_id="acme-42",
        ...     managed_policy_arns=["arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"])
        >>> role = RoleRecord(arn=grant.role_arn, trust=grant.trust_policy, attached=grant.managed_policy_arns)
        >>> TrustGrant.from_role(role).external_id
        'acme-42'
        """
        arn, found = _arn_of("role", role.arn), TrustFields.of(role.trust)
        if found.problems:
            raise CannotExpress(role.arn, found.problems)
        try:
            grant = cls(
                name=grant_name_in(role.tags),
                account=arn.account,
                principals=found.principals,
                managed_policy_arns=role.attached,
                policies=role.inline,
                may_write=may_write,
                role_name=arn.name,
                path=arn.path,
                description=role.description,
                tags=without_reserved_tags(role.tags),
                permissions_boundary=role.boundary,
                max_session_duration=role.max_session_duration,
                external_id=found.external_id,
                require_mfa=found.require_mfa,
                mfa_max_age=found.mfa_max_age,
                organization_id=found.organization_id,
                source_identity=found.source_identity,
                session_tags=found.session_tags,
                source_ips=found.source_ips,
                expires=found.expires,
                partition=arn.partition,
            )
        except (InvalidValue, PolicyError) as error:
            raise CannotExpress(role.arn, [str(error)]) from None
        _check_expressed(role.arn, role.trust, grant.trust_policy)
        return grant

    def to_dict(self) -> dict[str, object]:
        """Return the grant as plain data, which JSON can express: the fields that differ from their defaults.

        The external ID is included. ``from_dict`` returns an equal grant.

        >>> TrustGrant(account="111111111111", principals="222222222222", require_mfa=True,
        ...     managed_policy_arns=["arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"]).to_dict()
        {'kind': 'trust', 'account': '111111111111', 'principals': ['222222222222'],
         'managed_policy_arns': ['arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess'], 'require_mfa': True}
        """
        return {"kind": "trust", **to_dict(self, {"name": self.role_name})}

    @classmethod
    def from_dict(cls, data: Mapping[str, object]) -> TrustGrant:
        """Return the grant for plain data, such as that of :meth:`to_dict` or of a JSON file.

        Args:
            data: the fields, as ``xacct.grant_schema()`` describes them. ``kind`` can be left out.

        Raises:
            InvalidValue: a key is unknown, a required one is missing, or a value has the wrong type or is not valid.
                The error has the path of the field, such as ``policies.read.Statement[0]``.
            PolicyError: an inline policy is not valid for a role, or the trust policy is too long.

        >>> TrustGrant.from_dict({"account": "111111111111", "principals": ["222222222222"], "role": "Reader"})
        Traceback (most recent call last):
            ...
        xacct.errors.InvalidValue: role: '(unknown key)' is not valid: did you mean 'role_name'?
        """
        return from_dict(cls, check_kind(data, ["trust"]))

    def _service_trust(self, members: Sequence[Principal]) -> list[Statement]:
        return [Statement.allow("sts:AssumeRole", principals=members, conditions=self._expiry)]

    def _trust(self, members: Sequence[Principal], own: Sequence[Condition]) -> list[Statement]:
        shared = dict.fromkeys((*own, *self._caller_conditions, *self._expiry))
        tags = [Condition("StringLike", f"aws:RequestTag/{key}", values) for key, values in self.session_tags.items()]
        identity = [Condition("StringLike", "sts:SourceIdentity", self.source_identity)] if self.source_identity else []
        # The statement has the conditions, and its principals have none, as in a policy that is read from AWS.
        members = [Principal(member.kind, member.value) for member in members]
        assume = Statement.allow("sts:AssumeRole", principals=members, conditions=(*shared, *tags, *identity))
        # STS authorizes tags and source identity separately. Only their own context keys are sure to be present then.
        extras = [
            Statement.allow(action, principals=members, conditions=(*own, *conditions))
            for action, conditions in (("sts:TagSession", tags), ("sts:SetSourceIdentity", identity))
            if conditions
        ]
        return [assume, *extras]

    def _own_conditions(self, principal: Principal) -> tuple[Condition, ...]:
        is_for_anyone = any(other.is_anyone for other in self.principals)
        if self.organization_id is None or not is_for_anyone or principal.kind == "Service":
            return principal.conditions
        # Everybody is trusted only as a member of the organization, also in the statements on tags and identity.
        return tuple(dict.fromkeys((*principal.conditions, _member_of(self.organization_id))))

    @property
    def _expiry(self) -> tuple[Condition, ...]:
        return _until(self.expires)

    @property
    def _caller_conditions(self) -> list[Condition]:
        conditions = []
        if self.external_id is not None:
            conditions.append(Condition("StringEquals", "sts:ExternalId", self.external_id))
        if self.needs_mfa:
            # Not BoolIfExists: requests with a long-term access key lack this context key.
            conditions.append(Condition("Bool", "aws:MultiFactorAuthPresent", "true"))
        if self.mfa_max_age is not None:
            conditions.append(Condition("NumericLessThan", "aws:MultiFactorAuthAge", str(self.mfa_max_age)))
        if self.organization_id is not None:
            conditions.append(_member_of(self.organization_id))
        if self.source_ips:
            conditions.append(Condition("IpAddress", "aws:SourceIp", self.source_ips))
        return conditions


@frozen(kw_only=True)
class DevAccessGrant:
    """A managed policy in the trusted account that allows assuming roles, and the users, groups and roles that get it.

    Args:
        name: the grant's name, which xacct records in the tags of what it creates; by default the policy's name.
        account: the trusted account's id.
        role_arns: ARNs of the roles that can be assumed; no wildcards.
        policy_name: the policy's name.
        path: the policy's path.
        description: the policy's description; at most 1000 characters.
        console_user: a user to create, with the policy attached.
        users: names of existing users to attach the policy to.
        groups: names of existing groups to attach the policy to.
        roles: names of existing roles to attach the policy to.
        session_tags: whether to allow session tags, for roles that require them.
        source_identity: whether to allow a source identity, for roles that require one.
        expires: the time after which IAM denies new sessions; a datetime with a time zone, of which
            fractions of a second are dropped.
        tags: tags of the policy and of the console user, in addition to those of xacct; at most 40.
        partition: the account's partition.

    Raises:
        InvalidValue: a field is not valid.
        PolicyError: the policy is too long.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_permissions-to-switch.html

    >>> grant = DevAccessGrant(account="222222222222", role_arns="arn:aws:iam::111111111111:role/CrossAccountRoleS3")
    >>> grant.policy_arn
    'arn:aws:iam::222222222222:policy/CrossAccountPolicy'
    >>> grant.assume_role_policy.statements[0].resources
    ('arn:aws:iam::111111111111:role/CrossAccountRoleS3',)
    """

    name: str = field(default=None, converter=_name)
    account: str = field(validator=lambda _, __, value: account_id(value) and None)
    role_arns: tuple[str, ...] = field(converter=_texts, eq=frozenset)
    policy_name: str = field(default="CrossAccountPolicy", validator=text(POLICY_NAME))
    path: str = field(default="/", validator=text(PATH))
    description: str = field(default=POLICY_DESCRIPTION, validator=text(DESCRIPTION))
    console_user: ConsoleUser | None = field(default=None, validator=console_user_or_none)
    users: tuple[str, ...] = field(default=(), converter=_texts, eq=frozenset)
    groups: tuple[str, ...] = field(default=(), converter=_texts, eq=frozenset)
    roles: tuple[str, ...] = field(default=(), converter=_texts, eq=frozenset)
    session_tags: bool = False
    source_identity: bool = False
    expires: datetime | None = field(default=None, converter=_whole_seconds, validator=aware)
    tags: Mapping[str, str] = field(default=None, converter=_tags, validator=grant_tags)
    partition: str = field(default="aws", validator=lambda _, __, value: partition(value) and None)

    def __attrs_post_init__(self) -> None:
        # Set here, because the default depends on another field.
        object.__setattr__(self, "name", self.name or self.policy_name)
        check_text("name", self.name, POLICY_NAME)
        self._check_role_arns()
        self._check_attachments()
        policy = check_identity_policy(self.assume_role_policy)
        check_document(policy, "identity", "policy")

    def _check_role_arns(self) -> None:
        if not self.role_arns:
            raise InvalidValue("role_arns", (), "name at least one role to assume")
        for role_arn in self.role_arns:
            arn = Arn.parse(role_arn, name="role_arns")
            if arn.service != "iam" or arn.resource_type != "role" or "*" in role_arn or "?" in role_arn:
                raise InvalidValue("role_arns", role_arn, "the ARN of exactly one IAM role")
            if arn.partition != self.partition:
                rule = f"principals can assume roles of their own partition only, which is {self.partition}"
                raise InvalidValue("role_arns", role_arn, rule)

    def _check_attachments(self) -> None:
        names = (*self.users, *self.groups, *self.roles)
        for name in names:
            check_text("users, groups and roles", name, ENTITY_NAME)
        if len(names) > _ATTACHMENTS:
            raise InvalidValue("users, groups and roles", len(names), f"at most {_ATTACHMENTS}: use a group for more")
        if self.console_user is not None:
            if self.console_user.name in self.users:
                rule = "the policy is attached to the console user already: name only other users"
                raise InvalidValue("users", self.console_user.name, rule)
            for policy in self.console_user.managed_policy_arns:
                check_managed_policy("console_user.managed_policy_arns", policy, self.account, self.partition)

    @property
    def policy_arn(self) -> str:
        """The policy's ARN."""
        return str(Arn.policy(self.account, self.policy_name, self.path, self.partition))

    @property
    def other_accounts(self) -> tuple[str, ...]:
        """The ids of the trusting accounts, sorted."""
        return tuple(sorted({Arn.parse(role).account for role in self.role_arns}))

    @property
    def console_user_arn(self) -> str | None:
        """The console user's ARN; None without a console user."""
        user = self.console_user
        return None if user is None else str(Arn.user(self.account, user.name, "/", self.partition))

    @property
    def assume_role_policy(self) -> PolicyDocument:
        """The policy document, which allows assuming the roles."""
        extras = (("sts:TagSession", self.session_tags), ("sts:SetSourceIdentity", self.source_identity))
        actions = ["sts:AssumeRole", *(action for action, allowed in extras if allowed)]
        statement = Statement.allow(actions, self.role_arns, conditions=_until(self.expires))
        return PolicyDocument((statement,), name=self.policy_name)

    @classmethod
    def from_policy(cls, policy: PolicyRecord, *, console_user: ConsoleUser | None = None) -> DevAccessGrant:
        """Return the grant that describes a policy, made by xacct or by hand, which allows assuming roles.

        Args:
            policy: the policy, from :func:`xacct.read_policy`.
            console_user: the user among those that have the policy who is the grant's console user.

        Raises:
            CannotExpress: the policy has something that no grant can express; names each.

        >>> from xacct import PolicyRecord
        >>> grant = DevAccessGrant(account="222222222222", role_arns="arn:aws:iam::111111111111:role/Reader")
        >>> policy = PolicyRecord(arn=grant.policy_arn, document=grant.assume_role_policy, description="Read reports")
        >>> DevAccessGrant.from_policy(policy).role_arns
        ('arn:aws:iam::111111111111:role/Reader',)
        """
        arn = _arn_of("policy", policy.arn)
        actions = {action.lower() for statement in policy.document.statements for action in statement.actions}
        attached: dict[str, list[str]] = {"user": [], "group": [], "role": []}
        for kind, name in sorted(policy.principals):
            attached[kind].append(name)
        created = () if console_user is None else (console_user.name,)
        try:
            grant = cls(
                name=grant_name_in(policy.tags),
                account=arn.account,
                role_arns=[r for statement in policy.document.statements for r in statement.resources],
                policy_name=arn.name,
                path=arn.path,
                description=policy.description,
                console_user=console_user,
                users=[name for name in attached["user"] if name not in created],
                groups=attached["group"],
                roles=attached["role"],
                session_tags="sts:tagsession" in actions,
                source_identity="sts:setsourceidentity" in actions,
                expires=expiry_in(policy.document),
                tags=without_reserved_tags(policy.tags),
                partition=arn.partition,
            )
        except (InvalidValue, PolicyError) as error:
            raise CannotExpress(policy.arn, [str(error)]) from None
        _check_expressed(policy.arn, policy.document, grant.assume_role_policy)
        return grant

    def to_dict(self) -> dict[str, object]:
        """Return the grant as plain data, which JSON can express: the fields that differ from their defaults.

        The console user's password is left out. ``from_dict`` returns an equal grant.

        >>> DevAccessGrant(account="222222222222", role_arns="arn:aws:iam::111111111111:role/Reader").to_dict()
        {'kind': 'dev-access', 'account': '222222222222', 'role_arns': ['arn:aws:iam::111111111111:role/Reader']}
        """
        return {"kind": "dev-access", **to_dict(self, {"name": self.policy_name})}

    @classmethod
    def from_dict(cls, data: Mapping[str, object]) -> DevAccessGrant:
        """Return the grant for plain data, such as that of :meth:`to_dict` or of a JSON file.

        Args:
            data: the fields, as ``xacct.grant_schema()`` describes them. ``kind`` can be left out. The console user can
                have a password.

        Raises:
            InvalidValue: a key is unknown, a required one is missing, or a value has the wrong type or is not valid.
                The error has the path of the field, such as ``console_user.name``.
            PolicyError: the policy is too long.

        >>> DevAccessGrant.from_dict({"account": "222222222222", "role_arns": [5]})
        Traceback (most recent call last):
            ...
        xacct.errors.InvalidValue: role_arns[0]: 5 is not valid: must be a string
        """
        return from_dict(cls, check_kind(data, ["dev-access"]))


def _arn_of(kind: str, value: str) -> Arn:
    arn = Arn.parse(value, name="arn")
    if (arn.service, arn.resource_type) != ("iam", kind):
        raise InvalidValue("arn", value, f"the ARN of an IAM {kind}")
    return arn


def _check_expressed(arn: str, found: PolicyDocument, expressed: PolicyDocument) -> None:
    """Check that a grant's policy is the one that was found.

    Raises:
        CannotExpress: it is not; names the statements that differ.
    """
    if expressed == found:
        return
    differing = [
        f"statement {number}"
        for number, statement in enumerate(found.statements, start=1)
        if statement not in expressed.statements
    ]
    raise CannotExpress(arn, differing or ["its Version, or the lack of a statement that a grant has"])


def _member_of(organization_id: str) -> Condition:
    return Condition("StringEquals", "aws:PrincipalOrgID", organization_id)


def _until(expires: datetime | None) -> tuple[Condition, ...]:
    if expires is None:
        return ()
    return (Condition("DateLessThan", "aws:CurrentTime", time_to_text(expires)),)


def notes_on(grant: TrustGrant) -> tuple[str, ...]:
    """Return what to know about a grant before it is applied.

    >>> print(*notes_on(TrustGrant(account="111111111111", principals="222222222222",
    ...     managed_policy_arns=["arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"])))
    role CrossAccountRoleS3 trusts every user and role of account 222222222222 whose own policies allow assuming it. ...
    """
    whole = [p.account_id for p in grant.principals if p.is_account and not p.conditions]
    notes = [
        f"role {grant.role_name} trusts every user and role of account {account} whose own policies allow assuming it. "
        "To trust fewer, set principals to their ARNs"
        for account in whole
    ]
    if grant.external_id is not None and len(grant.external_id) < _SHORT_EXTERNAL_ID:
        notes.append(
            f"the external ID of role {grant.role_name} has only {len(grant.external_id)} characters, so it can be "
            "guessed: use a random one, such as str(uuid.uuid4())"
        )
    return tuple(notes)


def default_name(role_name: str, trusted: str) -> str:
    """Return the name of the grant of a role to one trusted account, if none is given."""
    return f"{role_name}-{trusted}"


def expiry_in(document: PolicyDocument) -> datetime | None:
    """Return when the access that a policy gives ends; None if a statement gives it without an end.

    >>> from datetime import datetime, timezone
    >>> grant = DevAccessGrant(account="222222222222", role_arns="arn:aws:iam::111111111111:role/Reader",
    ...     expires=datetime(2027, 1, 31, tzinfo=timezone.utc))
    >>> str(expiry_in(grant.assume_role_policy))
    '2027-01-31 00:00:00+00:00'
    """
    ends = [_expiry_of(statement) for statement in document.statements if statement.effect == "Allow"]
    return max((end for end in ends if end is not None), default=None) if None not in ends else None


def _expiry_of(statement: Statement) -> datetime | None:
    # All conditions must be met, and of the values of one condition any.
    ends = [
        max(time_from_text(value) or _NEVER for value in condition.values)
        for condition in statement.conditions
        if (condition.operator, condition.key.lower()) == ("DateLessThan", "aws:currenttime")
    ]
    return min((end for end in ends if end < _NEVER), default=None)


def check_trusted_principal(principal: Principal, organization_id: str | None = None) -> None:
    """Check that a principal can be trusted by a grant, whatever the account.

    Args:
        principal: the principal.
        organization_id: the organization that all principals must belong to.

    Raises:
        InvalidValue: it cannot assume roles, was deleted, or is everybody.
    """
    if principal.is_anyone and not principal.conditions and not organization_id:
        rule = "this trusts everybody: name accounts, or use Principal.organization"
    elif principal.kind == "Federated":
        rule = "federated users call sts:AssumeRoleWithSAML or WithWebIdentity, but a grant allows only sts:AssumeRole"
    elif principal.kind == "CanonicalUser":
        rule = "a canonical user id cannot assume roles"
    elif principal.is_deleted:
        rule = "this is the unique id of a deleted principal: name the principal by ARN"
    else:
        return
    raise InvalidValue("principals", principal.value, rule)


def check_third_party(
    *, third_party: bool | None, external_id: str | None, reason: str = "", way_out: str = ""
) -> None:
    """Check that a third party's role requires an external ID.

    Args:
        third_party: whether the trusted account belongs to somebody else; None if that is not known.
        external_id: the external ID that callers must send.
        reason: what the error says first: why the account is a third party, if the caller of xacct did not say so.
        way_out: what the error says last.

    Raises:
        InvalidValue: it does not.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_common-scenarios_third-party.html
    """
    if third_party and external_id is None:
        rule = (
            f"{reason}a third party's role needs an external ID, so that another customer of the third party cannot "
            f"use it: pass one that is unique to this grant, such as str(uuid.uuid4()){way_out}"
        )
        raise InvalidValue("external_id", None, rule)


def check_managed_policy(name: str, value: str, account: str, partition_name: str) -> None:
    """Check that a value is the ARN of a managed policy that can be attached in an account.

    Raises:
        InvalidValue: it is not.
    """
    arn = Arn.parse(value, name=name)
    if arn.service != "iam" or arn.resource_type != "policy" or not arn.name or "*" in value:
        raise InvalidValue(name, value, "the ARN of a managed policy")
    if arn.partition != partition_name:
        raise InvalidValue(name, value, f"the policy is of another partition than the account's, {partition_name}")
    if arn.account not in ("aws", account):
        raise InvalidValue(name, value, f"the policy must be AWS's or of account {account}")


def check_source_ip(value: str) -> None:
    """Check that a text is an IP network.

    Raises:
        InvalidValue: it is not.
    """
    try:
        ipaddress.ip_network(value)
    except ValueError as error:
        raise InvalidValue(
            "source_ips", value, f"an IP network in CIDR notation, such as 192.0.2.0/24 ({error})"
        ) from None
