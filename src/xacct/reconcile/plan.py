"""What would change in both accounts, and making it so."""

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
from xacct.proof import prove_access, prove_trust
from xacct.reconcile.assumable import can_be_tried, wait_until_assumable
from xacct.reconcile.execute import execute
from xacct.reconcile.observation import ObservedGrants, read, refuse_foreign, refuse_what_is_not_ours
from xacct.resources.role import Role
from xacct.resources.step import Change, Step
from xacct.retry import Patience

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_iam import IAMClient

__all__ = ["Plan", "plan", "plan_between"]

log = logging.getLogger("xacct")


@frozen(kw_only=True)
class _Passwords:
    """The console users' passwords: given, or generated when they are first needed and kept nowhere else."""

    account: GrantAccount
    made: dict[str, str] = field(factory=dict, repr=False)

    def of(self, user: ConsoleUser) -> str:
        if user.password is not None:
            return user.password
        if user.name not in self.made:
            self.made[user.name] = generate_password(self._minimum_length())
        return self.made[user.name]

    def _minimum_length(self) -> int:
        iam = self.account.iam

        def call() -> int:
            try:
                return iam.get_account_password_policy()["PasswordPolicy"].get("MinimumPasswordLength", 8)
            except iam.exceptions.NoSuchEntityException:
                return 8

        return self.account.attempt(call, doing="reading the account's password policy")


@frozen(kw_only=True)
class Plan:
    """What would change in both accounts; nothing has been written yet.

    Attributes:
        grants: what was asked for.
        changes: those whose action is ``leave`` are there by another hand and stay.
    """

    grants: tuple[TrustGrant | DevAccessGrant, ...]
    changes: tuple[Change, ...]
    _steps: tuple[Step, ...] = field(alias="steps", repr=False, eq=False)
    _trusting: GrantAccount = field(alias="trusting", repr=False, eq=False)
    _trusted: GrantAccount = field(alias="trusted", repr=False, eq=False)
    _passwords: _Passwords = field(alias="passwords", repr=False, eq=False)
    _adopt: bool = field(alias="adopt", repr=False)

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise TypeError("a Plan is not pickled: it holds live sessions, and it may hold a password. Plan again instead")

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to change."""
        return not self._steps

    @property
    def console_user(self) -> ConsoleUser | None:
        """The grants' console user, with the password if ``apply`` generated one: it can be had nowhere else."""
        users = (grant.console_user for grant in self.grants if isinstance(grant, DevAccessGrant))
        user = next((user for user in users if user is not None), None)
        return None if user is None else evolve(user, password=self._passwords.made.get(user.name, user.password))

    def __str__(self) -> str:
        signs = {"create": "+", "attach": "+", "update": "~", "detach": "-", "delete": "-", "leave": "="}
        lines = ["Nothing to change: both accounts are as the grants want them."] if self.is_empty else []
        for change in self.changes:
            lines.append(f"{signs[change.action]} {change}{' alone' if change.action == 'leave' else ''}")
            lines += [f"    {line}" for line in change.detail.splitlines()]
        return "\n".join(lines)

    def to_dict(self) -> dict[str, object]:
        """The plan for a program."""
        return {"is_empty": self.is_empty, "changes": [change.to_dict() for change in self.changes]}

    def apply(self, *, on_event: OnEvent | None = None) -> tuple[Change, ...]:
        """Make the changes, each as soon as what it depends on is there, and wait until the roles can be assumed.

        First the grants are proven, with the managed policies that the trusting side's caller may read. After a failure
        what this run made is taken back. Planning and applying again is always safe.

        Args:
            on_event: called for each step as it starts and ends, in the thread that called ``apply``.

        Returns:
            What was changed; empty where everything was as wanted.

        Raises:
            ProofFailed: a grant would give what it should not, or not what it should; nothing was changed.
            ApplyFailed: a step failed; says what was taken back, what stands, and how to go on.
        """
        for grant in self.grants:
            # What changes nothing is not worth a call.
            _refuse_unproven(grant, None if self.is_empty else self._trusting.iam)
        execute(self._steps, Reporter(on_event), roll_back=True)
        return tuple(step.change for step in self._steps if step.change)

    def destroy(self, *, on_event: OnEvent | None = None) -> tuple[Change, ...]:
        """Remove all that the grants made, and nothing that they did not. Both accounts are read anew.

        Args:
            on_event: called for each step as it starts and ends, in the thread that called ``destroy``.

        Returns:
            What was removed; empty where nothing was there.

        Raises:
            NotOurs: something of a grant's name was made by another hand; nothing was touched.
            ForeignAttachments: something that xacct did not make stands in the way. It is named before anything is
                touched; only what AWS tells no sooner than with the last delete is named then.
            ApplyFailed: a step failed; says what is still there. Run it again to go on.
        """
        observed = read(self.grants, self._trusting, self._trusted, self._passwords.of, removing=True)
        if not self._adopt:
            refuse_what_is_not_ours(observed)
        refuse_foreign(observed)
        steps = [step for observation in observed.all for step in observation.steps_to_remove()]
        execute(steps, Reporter(on_event), roll_back=False)
        return tuple(step.change for step in steps if step.change)


def _refuse_unproven(grant: TrustGrant | DevAccessGrant, iam: IAMClient | None) -> None:
    proof = prove_trust(grant, iam) if isinstance(grant, TrustGrant) else prove_access(grant)
    failed = [check for check in proof.checks if check.ok is False]
    if failed:
        words = f"role {grant.role_name}" if isinstance(grant, TrustGrant) else f"policy {grant.policy_name}"
        raise ProofFailed(words, [f"{c.name}: {c.observed}, and should be {c.expected} ({c.why})" for c in failed])
    for check in proof.checks if iam else ():
        if check.observed == "assumed":
            log.warning("%s is taken to allow what it is for: %s", check.name, check.why)


def plan(
    *grants: TrustGrant | DevAccessGrant,
    trusting: boto3.Session,
    trusted: boto3.Session,
    adopt: bool = False,
    patience: Patience | None = None,
) -> Plan:
    """Read both accounts at the same time, and say what would change.

    Args:
        grants: what is wanted: as a rule one TrustGrant and one DevAccessGrant.
        trusting: a session of the account with the roles.
        trusted: a session of the account whose principals assume them.
        adopt: whether to take over what has a wanted name and was not made by xacct. What is adopted is xacct's from
            then on, and ``destroy`` removes it.
        patience: how long to wait for IAM's eventual consistency; two minutes for each step if not given.

    Raises:
        WrongAccount: a session belongs to another account than a grant is for.
        NotOurs: something of a wanted name was made by another hand; nothing was changed.
        PermissionMissing: a caller may not read what the plan needs; says what to add.

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
    """The plan between two sides that are connected already."""
    for grant in grants:
        _refuse_wrong_account(grant, trusting if isinstance(grant, TrustGrant) else trusted)
    passwords = _Passwords(account=trusted)
    observed = read(grants, trusting, trusted, passwords.of, removing=False)
    if not adopt:
        refuse_what_is_not_ours(observed)
    steps = [
        *(step for observation in observed.all for step in observation.steps_to_apply()),
        *_waits(observed, trusted),
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


def _waits(observed: ObservedGrants, trusted: GrantAccount) -> list[Step]:
    """What is waited for: that each new role whose trust admits the trusted side's caller can be assumed."""
    new = [observation.resource for observation in observed.roles if observation.state is None]
    return [
        wait_until_assumable(role, trusted)
        for role in new
        if isinstance(role, Role) and can_be_tried(role.grant, trusted.caller)
    ]
