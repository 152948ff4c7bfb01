"""TrustGrant: the declared state of the trusting account, without I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from attrs import field, frozen

from xacct.arn import Arn, account_id, partition
from xacct.errors import CannotExpress, InvalidValue, PolicyError
from xacct.grants.checks import (
    arn_of,
    check_expressed,
    check_managed_policy,
    check_source_ip,
    check_third_party,
    check_trusted_principal,
)
from xacct.grants.expiry import until
from xacct.grants.fields import (
    as_documents,
    as_name,
    as_principals,
    as_tags,
    as_texts,
    in_any_order,
    tag_patterns,
    whole_seconds,
)
from xacct.iam_records import RoleRecord, grant_name_in, without_reserved_tags
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
from xacct.trust_fields import TrustFields
from xacct.validators import aware, check_text, grant_tags, integer, text

__all__ = ["ROLE_DESCRIPTION", "TrustGrant", "default_name", "notes_on"]

ROLE_DESCRIPTION = "A Role to delegate S3 access to another AWS account"

# A tag of 256 characters records a digest of each inline policy.
_INLINE_POLICIES = 25
_SHORT_EXTERNAL_ID = 6

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

    name: str = field(default=None, converter=as_name)
    account: str = field(validator=lambda _, __, value: account_id(value) and None)
    principals: tuple[Principal, ...] = field(converter=as_principals, eq=frozenset)
    managed_policy_arns: tuple[str, ...] = field(default=(), converter=as_texts, eq=frozenset)
    policies: Mapping[str, PolicyDocument] = field(default=None, converter=as_documents)
    may_write: bool = field(default=False, eq=False)
    role_name: str = field(default="CrossAccountRoleS3", validator=text(ENTITY_NAME))
    path: str = field(default="/", validator=text(PATH))
    description: str = field(default=ROLE_DESCRIPTION, validator=text(DESCRIPTION))
    tags: Mapping[str, str] = field(default=None, converter=as_tags, validator=grant_tags)
    permissions_boundary: str | None = None
    max_session_duration: int = field(
        default=DEFAULT_SESSION_SECONDS, validator=integer(MAX_SESSION_SECONDS, "seconds")
    )
    external_id: str | None = field(default=None, validator=text(EXTERNAL_ID))
    third_party: bool | None = field(default=None, eq=False)
    require_mfa: bool = False
    mfa_max_age: int | None = field(default=None, validator=integer(MFA_AGE_SECONDS, "seconds"))
    organization_id: str | None = None
    source_identity: tuple[str, ...] = field(default=(), converter=as_texts, eq=frozenset)
    session_tags: Mapping[str, tuple[str, ...]] = field(default=None, converter=tag_patterns, eq=in_any_order)
    source_ips: tuple[str, ...] = field(default=(), converter=as_texts, eq=frozenset)
    expires: datetime | None = field(default=None, converter=whole_seconds, validator=aware)
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
        arn, found = arn_of("role", role.arn), TrustFields.of(role.trust)
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
        check_expressed(role.arn, role.trust, grant.trust_policy)
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
        return until(self.expires)

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


def _member_of(organization_id: str) -> Condition:
    return Condition("StringEquals", "aws:PrincipalOrgID", organization_id)


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
