"""The organization in which findings are planted: accounts, and statements in every form in which people write them."""

from __future__ import annotations

import json
import string
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from random import Random
from typing import Any, TypeVar

from tests.access_audit.accounts import ORGANIZATION_ID
from tests.access_audit.planted.result import Planted, Triple

from xacct.access_audit.known_accounts import known_accounts
from xacct.access_audit.subject import KnownAccount
from xacct.policy.times import time_to_text
from xacct.snapshot import (
    ControlPolicy,
    GroupDetail,
    Organization,
    OrganizationAccount,
    PolicyDetail,
    ResourcePolicy,
    RoleDetail,
    Snapshot,
    UserDetail,
)

NOW = datetime(2026, 11, 26, 12, tzinfo=timezone.utc)
ORGANIZATION, MANAGEMENT = ORGANIZATION_ID, "100000000000"
ASSUME_ROLE = "sts:AssumeRole"
# Roles with these paths are closed to outsiders by a resource control policy, and to everybody by a service control
# policy.
CLOSED, FROZEN = "/closed/", "/frozen/"

T = TypeVar("T")


def day(days: float) -> str:
    """The time so many days from now, as policies have it."""
    return time_to_text(NOW + timedelta(days=days))


class Builder:
    """Builds the organization. Names are random, so that nothing can be read off a name.

    Args:
        seed: the same seed makes the same organization.
        accounts: how many accounts are read.

    Attributes:
        accounts: the accounts that were read.
        unread: accounts of the organization that were not read.
        incomplete: an account of which AWS's own managed policies were not read.
        own: an account outside of the organization that the user named as their own.
        auditor: a third party that the user named.
        expected: the findings that were planted.
        quiet: those of them about roles that AWS made.
    """

    def __init__(self, seed: int, accounts: int) -> None:
        self.random = Random(seed)
        self._used: set[str] = {*known_accounts(), MANAGEMENT}
        self.accounts = [self._account_id() for _ in range(accounts)]
        self.unread = [self._account_id() for _ in range(2)]
        self.incomplete = self._account_id()
        self.own = self._account_id()
        self.auditor = self._account_id()
        known = sorted(known_accounts().values(), key=lambda one: one.id)
        self._vendors = [one.id for one in known if one.kind == "vendor"]
        self._of_aws = [one.id for one in known if one.kind == "aws"]
        self.expected: Counter[Triple] = Counter()
        self.quiet: Counter[Triple] = Counter()
        self._roles: dict[str, list[RoleDetail]] = {account: [] for account in (*self.accounts, self.incomplete)}
        self._users: dict[str, list[UserDetail]] = {account: [] for account in (*self.accounts, self.incomplete)}
        self._groups: dict[str, list[GroupDetail]] = {account: [] for account in (*self.accounts, self.incomplete)}
        self._policies: dict[str, list[PolicyDetail]] = {account: [] for account in (*self.accounts, self.incomplete)}
        self._resources: dict[str, list[ResourcePolicy]] = {
            account: [] for account in (*self.accounts, self.incomplete)
        }

    def expect(self, kind: str, resource: str, principal: str) -> None:
        """Say that an audit has to find this."""
        self.expected[Triple(kind, resource, principal)] += 1

    def expect_quiet(self, kind: str, resource: str, principal: str) -> None:
        """Say that an audit has to list this apart."""
        self.quiet[Triple(kind, resource, principal)] += 1

    # Accounts and names

    def _account_id(self) -> str:
        while (found := "".join(self.random.choices(string.digits, k=12))) in self._used or found[0] == "0":
            pass
        self._used.add(found)
        return found

    def two(self) -> tuple[str, str]:
        """Two accounts of the organization: the one that has a role, and another one."""
        first, second = self.random.sample(self.accounts, 2)
        return first, second

    def unknown(self) -> str:
        """An account that nobody knows. No two roles trust the same."""
        return self._account_id()

    def vendor(self) -> str:
        """An account of a third party that xacct knows."""
        return self.random.choice(self._vendors)

    def of_aws(self) -> str:
        """An account of an AWS service."""
        return self.random.choice(self._of_aws)

    def word(self, length: int = 12) -> str:
        """A random name. Its first characters differ from those of every other."""
        letters = string.ascii_letters + string.digits
        return self.random.choice(string.ascii_letters) + "".join(self.random.choices(letters, k=length - 1))

    def unique_id(self, prefix: str) -> str:
        """A unique ID that AWS shows for a deleted principal, such as AIDA…"""
        return prefix + "".join(self.random.choices(string.ascii_uppercase + string.digits, k=17))

    def one(self, shapes: Sequence[T]) -> T:
        """One of some shapes."""
        return self.random.choice(shapes)

    def chance(self, probability: float) -> bool:
        """Whether something of a probability happens."""
        return self.random.random() < probability

    # Statements

    def statement(
        self,
        principal: Any,
        conditions: dict[str, dict[str, Any]] | None = None,
        *,
        effect: str = "Allow",
        action: str | None = ASSUME_ROLE,
        resource: Any = None,
    ) -> dict[str, Any]:
        """A statement of a trust policy or a resource policy.

        Args:
            principal: ``*``, or principals by kind. Each can be written alone or in a list.
            conditions: conditions by operator and key.
            effect: Allow or Deny.
            action: the action; it can be written in any letter case.
            resource: the resource; None for a trust policy.
        """
        if isinstance(principal, dict):
            principal = {kind: self._listed(names) for kind, names in principal.items()}
        elif principal == "*":
            principal = self.one(["*", {"AWS": "*"}, {"AWS": ["*"]}])
        found: dict[str, Any] = {"Effect": effect, "Principal": principal, "Action": self._action(action)}
        if resource is not None:
            found["Resource"] = self._listed(resource)
        if conditions:
            found["Condition"] = {
                operator: {self._key(key): self._listed(values) for key, values in keys.items()}
                for operator, keys in conditions.items()
            }
        if self.chance(0.4):
            found["Sid"] = self.word(8)
        members = list(found.items())
        self.random.shuffle(members)
        return dict(members)

    def _listed(self, values: Any) -> Any:
        if isinstance(values, str):
            return [values] if self.chance(0.3) else values
        return self.random.sample(values, len(values))

    def _key(self, key: str) -> str:
        return self.one([key, key, key, key.lower(), key.upper()])

    def _action(self, action: str | None) -> Any:
        if action == ASSUME_ROLE:
            forms = [
                ASSUME_ROLE, ASSUME_ROLE, "sts:assumerole", "STS:AssumeRole", "sts:AssumeRol?", [ASSUME_ROLE],
                [ASSUME_ROLE, "sts:TagSession"], ["sts:SetSourceIdentity", ASSUME_ROLE],
            ]  # fmt: skip
            return self.one(forms)
        return self._listed(action)

    def account_name(self, account: str) -> str:
        """An account as a principal: its ID, or the ARN of its root user."""
        return self.one([account, f"arn:aws:iam::{account}:root"])

    def document(self, statements: Sequence[dict[str, Any]], *, noise: Sequence[dict[str, Any]] = ()) -> str:
        """A policy with the statements in any order, and some that change nothing."""
        found = [*statements, *(one for one in noise if self.chance(0.25))]
        self.random.shuffle(found)
        needs_variables = "${" in json.dumps(found)
        version = {"Version": "2012-10-17" if needs_variables or self.chance(0.9) else "2008-10-17"}
        if self.chance(0.1) and not needs_variables:
            version = {}
        element: Any = found[0] if len(found) == 1 and self.chance(0.5) else found
        return json.dumps({**version, "Statement": element})

    # Roles, users and resources

    def role(self, account: str, *trust: dict[str, Any], path: str | None = None, **more: Any) -> str:
        """A role with a trust policy of some statements. Returns its ARN."""
        return self.role_at(self.role_arn(account, path), *trust, **more)

    def role_at(self, arn: str, *trust: dict[str, Any], **more: Any) -> str:
        """The role with an ARN. Returns the ARN."""
        noise = [
            self.statement("*", {"Bool": {"aws:SecureTransport": "false"}}, effect="Deny"),
            self.statement({"AWS": self.unknown()}, effect="Deny"),
            self.statement({"AWS": self.unknown()}, action="sts:TagSession"),
        ]
        if all(statement["Effect"] == "Allow" for statement in trust):  # a Deny could lock a service out
            noise.append(self.statement({"Service": "elasticmapreduce.amazonaws.com"}))
        if not more.keys() & {"created", "last_used"}:
            more = {**self._use(), **more}
        return self.add_role(RoleDetail(arn=arn, trust_policy=self.document(trust, noise=noise), **more))

    def role_arn(self, account: str, path: str | None = None, name: str = "") -> str:
        """The ARN of a role with a random name."""
        if path is None:
            path = self.one(["/", "/", f"/{self.word(5)}/", f"/{self.word(4)}/{self.word(4)}/"])
        return f"arn:aws:iam::{account}:role{path}{name or self.word()}"

    def _use(self) -> dict[str, Any]:
        """When a role was used that is in use, or of which that is not known."""
        created = NOW - timedelta(days=self.random.randint(100, 900))
        used = NOW - timedelta(days=self.random.randint(0, 90))
        return self.one([{}, {"created": created}, {"created": created, "last_used": used, "knows_last_use": True}])

    def add_role(self, role: RoleDetail) -> str:
        """Add a role as it is. Returns its ARN."""
        self._expect_problem(role.arn, role.trust_policy or "")
        self._roles[role.arn.split(":")[4]].append(role)
        return role.arn

    def resource(self, account: str, service: str, *policy: dict[str, Any], arn: str = "") -> str:
        """A resource with a resource policy of some statements. Returns its ARN."""
        arn = arn or self.resource_arn(account, service)
        document = self.document(policy)
        self._expect_problem(arn, document)
        self._resources[account].append(ResourcePolicy(arn=arn, service=service, policy=document))
        return arn

    def group(self, account: str, document: str) -> str:
        """A group without users. Returns its ARN."""
        group = GroupDetail(arn=f"arn:aws:iam::{account}:group/{self.word()}", inline={self.word(): document})
        self._groups[account].append(group)
        return group.arn

    def _expect_problem(self, arn: str, document: str) -> None:
        """Say that a condition is also met without the key that it is about, whatever it was planted for."""
        if "ForAllValues:" in document:
            self.expect("policy-problem", arn, "")

    def resource_arn(self, account: str, service: str) -> str:
        """The ARN of a resource with a random name."""
        name = self.word()
        return {
            "s3": f"arn:aws:s3:::{name.lower()}",
            "sqs": f"arn:aws:sqs:eu-west-1:{account}:{name}",
            "sns": f"arn:aws:sns:eu-west-1:{account}:{name}",
            "secretsmanager": f"arn:aws:secretsmanager:eu-west-1:{account}:secret:{name}-AbCdEf",
        }[service]

    def caller(self, account: str, *resources: str, kind: str = "", **more: Any) -> str:
        """A user or a role that may assume some roles, by a policy of any kind. Returns its ARN.

        Args:
            account: the account.
            resources: the roles' ARNs as the policy has them. None of them: a policy about other things.
            kind: ``user`` or ``role``; by default any of them.
            more: conditions of the statement as ``conditions``, statements besides it as ``others``, a boundary's
                statement as ``boundary``, and attributes of the user or role.
        """
        kind = kind or self.one(["user", "role"])
        conditions, others = more.pop("conditions", None), more.pop("others", ())
        statements = [self._permission(resources, conditions)] if resources else []
        statements += [*others, {"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"}]
        noise = [
            {"Effect": "Allow", "Action": "iam:PassRole", "Resource": self.role_arn(account)},
            {"Effect": "Deny", "Action": ASSUME_ROLE, "Resource": self.role_arn(self.one(self.accounts))},
            {"Effect": "Allow", "Action": ["s3:Get*", "s3:List*"], "NotResource": "arn:aws:s3:::x*"},
        ]
        given = self._given(account, kind, self.document(statements, noise=noise))
        boundary = more.pop("boundary", None)
        if boundary is None and self.chance(0.2):
            boundary = {"Effect": "Allow", "Action": "*", "Resource": "*"}
        if boundary is not None:
            more["boundary"] = self.managed(account, boundary)
        name = self.word()
        if kind == "user":
            path = self.one(["/", f"/{self.word(5)}/"])
            user = UserDetail(**{"arn": f"arn:aws:iam::{account}:user{path}{name}", **given, **more})
            self._users[account].append(user)
            return user.arn
        trust = self.document([self.statement({"Service": "lambda.amazonaws.com"})])
        return self.add_role(
            RoleDetail(**{"arn": self.role_arn(account, name=name), "trust_policy": trust, **given, **more})
        )

    def permission(self, *resources: str, others: Sequence[dict[str, Any]] = ()) -> dict[str, dict[str, str]]:
        """The inline policies of a role that may assume some roles, as a member."""
        if not resources:
            return {}
        return {"inline": {self.word(): self.document([self._permission(resources, None), *others])}}

    def _permission(self, resources: Sequence[str], conditions: Any) -> dict[str, Any]:
        found: dict[str, Any] = {
            "Effect": "Allow",
            "Action": self.one([self._action(ASSUME_ROLE), "sts:Assume*", "sts:*"]),
            "Resource": self._listed(list(resources) if len(resources) > 1 else resources[0]),
        }
        return {**found, "Condition": conditions} if conditions else found

    def _given(self, account: str, kind: str, document: str) -> dict[str, Any]:
        """The members of a user or a role with a policy: inline, managed, or of a group."""
        form = self.one(["inline", "managed", "group"] if kind == "user" else ["inline", "managed"])
        if form == "inline":
            return {"inline": {self.word(): document}}
        if form == "managed":
            return {"attached": (self.managed(account, document),)}
        name = self.word()
        policy = {"inline": {self.word(): document}} if self.chance(0.5) else {}
        attached = () if policy else (self.managed(account, document),)
        self._groups[account].append(
            GroupDetail(arn=f"arn:aws:iam::{account}:group/{name}", attached=attached, **policy)
        )
        return {"groups": (name,)}

    def managed(self, account: str, policy: str | dict[str, Any]) -> str:
        """A managed policy. Returns its ARN."""
        document = policy if isinstance(policy, str) else self.document([policy])
        arn = f"arn:aws:iam::{account}:policy/{self.word()}"
        self._policies[account].append(PolicyDetail(arn=arn, document=document))
        return arn

    def add_s3_read(self, account: str) -> None:
        """Add the policy of AWS for reading S3 to an account."""
        arn = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
        document = {"Effect": "Allow", "Action": ["s3:Get*", "s3:List*", "s3:Describe*"], "Resource": "*"}
        if all(policy.arn != arn for policy in self._policies[account]):
            self._policies[account].append(PolicyDetail(arn=arn, document=self.document([document])))

    def matching(self, role: str) -> str:
        """The ARN of a role, or a pattern that matches no other role."""
        account, path_and_name = role.split(":")[4], role.split(":", 5)[5]
        if self.chance(0.05):
            return f"arn:aws:iam::*:{path_and_name}"
        forms = [role, f"{role[:-3]}*", f"{role[:-1]}?", f"arn:aws:iam::{account}:role*/{role.rpartition('/')[2]}"]
        return self.one(forms)

    # The result

    def planted(self) -> Planted:
        """The organization."""
        shuffled = self.random.sample([*self.accounts, self.incomplete], len(self.accounts) + 1)
        return Planted(
            snapshots=tuple(map(self._snapshot, shuffled)),
            organization=self._organization(),
            known_accounts=(
                KnownAccount(self.auditor, "Our auditor", "vendor"), KnownAccount(self.own, "our old account", "own")
            ),
            expected=self.expected,
            quiet=self.quiet,
        )  # fmt: skip

    def _snapshot(self, account: str) -> Snapshot:
        return Snapshot(
            account=account,
            users=tuple(self._users[account]),
            groups=tuple(self._groups[account]),
            roles=tuple(self._roles[account]),
            policies=tuple(self._policies[account]),
            resources=tuple(self._resources[account]),
        )

    def control_policy(self, statement: dict[str, Any]) -> str:
        """The document of a control policy."""
        return json.dumps({"Version": "2012-10-17", "Statement": [statement]})

    def _organization(self) -> Organization:
        everything = ControlPolicy(
            id="p-FullAWSAccess", name="FullAWSAccess",
            document=self.control_policy({"Effect": "Allow", "Action": "*", "Resource": "*"}),
        )  # fmt: skip
        deny = {"Effect": "Deny", "Action": ASSUME_ROLE}
        frozen_roles = {**deny, "Resource": f"arn:aws:iam::*:role{FROZEN}*"}
        closed_roles = {
            **deny, "Principal": "*", "Resource": f"arn:aws:iam::*:role{CLOSED}*",
            "Condition": {
                "StringNotEqualsIfExists": {"aws:PrincipalOrgID": ORGANIZATION},
                "BoolIfExists": {"aws:PrincipalIsAWSService": "false"},
            },
        }  # fmt: skip
        frozen_, closed = (
            ControlPolicy(id=f"p-{name}", name=name, document=self.control_policy(one))
            for name, one in (("frozen", frozen_roles), ("closed", closed_roles))
        )
        return Organization(
            id=ORGANIZATION,
            management_account=MANAGEMENT,
            accounts=tuple(
                OrganizationAccount(id=one, name=self.word(), parents=("r-ab12", "ou-ab12-11111111"))
                for one in (*self.accounts, *self.unread, self.incomplete)
            ),
            scps={"r-ab12": (everything, frozen_), "ou-ab12-11111111": (everything,)},
            rcps={"r-ab12": (closed,)},
        )
