"""DevAccessGrant: the declared state of the trusted account, without I/O."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from attrs import field, frozen

from xacct.arn import Arn, account_id, partition
from xacct.console_user import ConsoleUser, console_user_or_none
from xacct.errors import CannotExpress, InvalidValue, PolicyError
from xacct.grants.checks import arn_of, check_expressed, check_managed_policy
from xacct.grants.expiry import expiry_in, until
from xacct.grants.fields import as_name, as_tags, as_texts, whole_seconds
from xacct.iam_records import PolicyRecord, grant_name_in, without_reserved_tags
from xacct.limits import DESCRIPTION, ENTITY_NAME, PATH, POLICY_NAME
from xacct.linter import check_document
from xacct.plain_data import check_kind, from_dict, to_dict
from xacct.policy import PolicyDocument, Statement
from xacct.policy.document import check_identity_policy
from xacct.validators import aware, check_text, grant_tags, text

__all__ = ["POLICY_DESCRIPTION", "DevAccessGrant"]

POLICY_DESCRIPTION = "Policy for Cross Account Access"

# A tag of 256 characters records a digest of each attachment.
_ATTACHMENTS = 35


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

    name: str = field(default=None, converter=as_name)
    account: str = field(validator=lambda _, __, value: account_id(value) and None)
    role_arns: tuple[str, ...] = field(converter=as_texts, eq=frozenset)
    policy_name: str = field(default="CrossAccountPolicy", validator=text(POLICY_NAME))
    path: str = field(default="/", validator=text(PATH))
    description: str = field(default=POLICY_DESCRIPTION, validator=text(DESCRIPTION))
    console_user: ConsoleUser | None = field(default=None, validator=console_user_or_none)
    users: tuple[str, ...] = field(default=(), converter=as_texts, eq=frozenset)
    groups: tuple[str, ...] = field(default=(), converter=as_texts, eq=frozenset)
    roles: tuple[str, ...] = field(default=(), converter=as_texts, eq=frozenset)
    session_tags: bool = False
    source_identity: bool = False
    expires: datetime | None = field(default=None, converter=whole_seconds, validator=aware)
    tags: Mapping[str, str] = field(default=None, converter=as_tags, validator=grant_tags)
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
        statement = Statement.allow(actions, self.role_arns, conditions=until(self.expires))
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
        arn = arn_of("policy", policy.arn)
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
        check_expressed(policy.arn, policy.document, grant.assume_role_policy)
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
