"""Plans: the changes that bring both accounts to what some grants declare, and the operations that make them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn, SupportsIndex

from attrs import evolve, field, frozen

from xacct.console_user import ConsoleUser, generate_password
from xacct.errors import InvalidValue, ProofFailed, WrongAccount
from xacct.events import OnEvent, Reporter
from xacct.grant_account import GrantAccount, connect
from xacct.grants import DevAccessGrant, TrustGrant
from xacct.limits import PASSWORD
from xacct.proof import prove_with_client
from xacct.reconcile.assumable import is_assumable_by, wait_until_assumable
from xacct.reconcile.execute import execute
from xacct.reconcile.observation import (
    ObservedGrants,
    read_grants,
    refuse_foreign_attachments,
    refuse_resources_not_ours,
)
from xacct.resources.role import Role
from xacct.resources.step import Change, Step
from xacct.retry import Patience, none_if_missing

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_iam import IAMClient

__all__ = ["Plan", "plan", "plan_between"]

log = logging.getLogger("xacct")


@frozen(kw_only=True)
class _Passwords:
    """The console users' passwords: those that were passed, and those that are generated on first use."""

    account: GrantAccount
    generated: dict[str, str] = field(factory=dict, repr=False)

    def password_for(self, user: ConsoleUser) -> str:
        if user.password is not None:
            return user.password
        if user.name not in self.generated:
            self.generated[user.name] = generate_password(self._minimum_length())
        return self.generated[user.name]

    def _minimum_length(self) -> int:
        iam = self.account.iam
        policy = self.account.attempt(
            lambda: none_if_missing(lambda: iam.get_account_password_policy()["PasswordPolicy"]),
            doing="reading the password policy",
        )
        return PASSWORD.least if policy is None else policy.get("MinimumPasswordLength", PASSWORD.least)


@frozen(kw_only=True)
class Plan:
    """The changes that bring both accounts to what some grants declare. Print it as a diff, then `apply` it.

    A plan is made by :func:`plan`, which only reads.

    Attributes:
        grants: the grants.
        changes: the changes, in no particular order. Those with the action ``leave`` are not created by xacct and stay.
    """

    grants: tuple[TrustGrant | DevAccessGrant, ...]
    changes: tuple[Change, ...]
    _steps: tuple[Step, ...] = field(alias="steps", repr=False, eq=False)
    _trusting: GrantAccount = field(alias="trusting", repr=False, eq=False)
    _trusted: GrantAccount = field(alias="trusted", repr=False, eq=False)
    _passwords: _Passwords = field(alias="passwords", repr=False, eq=False)
    _adopt: bool = field(alias="adopt", repr=False)

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise TypeError(
            "a Plan cannot be pickled: it holds open sessions, and may hold a password. Call plan() again instead"
        )

    @property
    def is_empty(self) -> bool:
        """Whether both accounts match the grants already."""
        return not self._steps

    @property
    def console_user(self) -> ConsoleUser | None:
        """The grants' console user. If `apply` generated a password, only this attribute has it."""
        users = (grant.console_user for grant in self.grants if isinstance(grant, DevAccessGrant))
        user = next((user for user in users if user is not None), None)
        return None if user is None else evolve(user, password=self._passwords.generated.get(user.name, user.password))

    def __str__(self) -> str:
        signs = {"create": "+", "attach": "+", "update": "~", "detach": "-", "delete": "-", "leave": "="}
        lines = ["Nothing to change: both accounts match the grants."] if self.is_empty else []
        for change in self.changes:
            lines.append(
                f"{signs[change.action]} {change}{' (not created by xacct)' if change.action == 'leave' else ''}"
            )
            lines += [f"    {line}" for line in change.detail.splitlines()]
        return "\n".join(lines)

    def to_dict(self) -> dict[str, object]:
        """Return the plan as a dictionary that JSON can express."""
        return {"is_empty": self.is_empty, "changes": [change.to_dict() for change in self.changes]}

    def apply(self, *, on_event: OnEvent | None = None) -> tuple[Change, ...]:
        """Make the changes, and wait until the new roles can be assumed.

        First each grant is proved, with the managed policies that the trusting session may read. Independent changes
        are made concurrently. After a failure, the changes of this run are rolled back. It is always safe to plan and
        apply again.

        Args:
            on_event: called for each step as it starts and ends, in the thread that called `apply`.

        Returns:
            The changes; empty if the accounts matched the grants already.

        Raises:
            ProofFailed: a grant gives access that it should not give, or lacks access that it should give. Nothing was
                changed.
            ApplyFailed: a step failed; says what was rolled back, what was not, and what to do next.
        """
        for grant in self.grants:
            # Without changes, no call is spent on reading managed policies.
            _refuse_unproven(grant, None if self.is_empty else self._trusting.iam)
        execute(self._steps, Reporter(on_event), roll_back=True)
        return tuple(step.change for step in self._steps if step.change)

    def destroy(self, *, on_event: OnEvent | None = None) -> tuple[Change, ...]:
        """Remove everything that xacct created for the grants, and nothing else. Both accounts are read again.

        Args:
            on_event: called for each step as it starts and ends, in the thread that called `destroy`.

        Returns:
            What was removed; empty if there was nothing to remove.

        Raises:
            NotOurs: a resource with a grant's name was not created by xacct. Nothing was changed.
            ForeignAttachments: something that xacct did not create prevents the removal. Nothing was changed, unless
                only AWS's refusal of the last deletion showed it; `touched` says which.
            ApplyFailed: a step failed; says what was not removed. Run `destroy` again to continue.
        """
        observed = read_grants(
            self.grants,
            trusting=self._trusting,
            trusted=self._trusted,
            password=self._passwords.password_for,
            removing=True,
        )
        if not self._adopt:
            refuse_resources_not_ours(observed)
        refuse_foreign_attachments(observed)
        steps = [step for observation in observed.all for step in observation.steps_to_remove()]
        execute(steps, Reporter(on_event), roll_back=False)
        return tuple(step.change for step in steps if step.change)


def _refuse_unproven(grant: TrustGrant | DevAccessGrant, iam: IAMClient | None) -> None:
    proof = prove_with_client(grant, iam)
    failed = [check for check in proof.checks if check.ok is False]
    if failed:
        label = f"role {grant.role_name}" if isinstance(grant, TrustGrant) else f"policy {grant.policy_name}"
        raise ProofFailed(label, [f"{c.name}: expected {c.expected}, observed {c.observed} ({c.why})" for c in failed])
    for check in proof.checks if iam else ():
        if check.observed == "assumed":
            log.warning("%s %s", check.name, check.why)


def plan(
    *grants: TrustGrant | DevAccessGrant,
    trusting: boto3.Session,
    trusted: boto3.Session,
    adopt: bool = False,
    patience: Patience | None = None,
) -> Plan:
    """Read both accounts, and return the changes that bring them to what the grants declare. Nothing is changed.

    Args:
        grants: usually one TrustGrant and one DevAccessGrant.
        trusting: a session of the account that has the roles.
        trusted: a session of the account whose principals assume the roles.
        adopt: whether to take over resources with the same names that xacct did not create. Adopted resources belong to
            xacct from then on: `Plan.destroy` deletes them.
        patience: how long to retry each call while IAM changes propagate; two minutes by default.

    Raises:
        WrongAccount: a session belongs to a different account than a grant.
        NotOurs: a resource with a grant's name was not created by xacct.
        PermissionMissing: a caller lacks a permission to read; says which one to add.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/tutorial_cross-account-with-roles.html

    >>> from xacct import TrustGrant, plan
    >>> from xacct.testing import Sandbox
    >>> grant = TrustGrant(account="111111111111", principals="222222222222",
    ...     managed_policy_arns=["arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"])
    >>> with Sandbox(["111111111111", "222222222222"]) as aws:
    ...     production, development = (aws.account(name).session for name in ("111111111111", "222222222222"))
    ...     [change.action for change in plan(grant, trusting=production, trusted=development).changes]
    ['create', 'attach']
    """
    if not grants:
        raise InvalidValue("grants", (), "at least one TrustGrant or DevAccessGrant")
    return plan_between(grants, *connect(trusting, trusted, patience or Patience()), adopt=adopt)


def plan_between(
    grants: Sequence[TrustGrant | DevAccessGrant], trusting: GrantAccount, trusted: GrantAccount, *, adopt: bool
) -> Plan:
    """Do what :func:`plan` does, with accounts that are connected already."""
    for grant in grants:
        _refuse_wrong_account(grant, trusting if isinstance(grant, TrustGrant) else trusted)
    passwords = _Passwords(account=trusted)
    observed = read_grants(grants, trusting=trusting, trusted=trusted, password=passwords.password_for, removing=False)
    if not adopt:
        refuse_resources_not_ours(observed)
    steps = [
        *(step for observation in observed.all for step in observation.steps_to_apply()),
        *_steps_to_wait(observed, trusted),
    ]
    return Plan(
        grants=tuple(grants),
        changes=(*(s.change for s in steps if s.change), *(c for r in observed.all for c in r.drift)),
        steps=tuple(steps),
        trusting=trusting,
        trusted=trusted,
        passwords=passwords,
        adopt=adopt,
    )


def _refuse_wrong_account(grant: TrustGrant | DevAccessGrant, account: GrantAccount) -> None:
    if (grant.account, grant.partition) != (account.id, account.partition):
        raise WrongAccount(account.side, f"{grant.account} ({grant.partition})", f"{account.id} ({account.partition})")


def _steps_to_wait(observed: ObservedGrants, trusted: GrantAccount) -> list[Step]:
    """Return the steps that wait until the new roles can be assumed, if the trusted session's caller may."""
    new = [observation.resource for observation in observed.roles if observation.state is None]
    return [
        wait_until_assumable(role, trusted)
        for role in new
        if isinstance(role, Role) and is_assumable_by(role.grant, trusted.caller)
    ]
