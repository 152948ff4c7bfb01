"""The attachment of a managed policy to a role, a user or a group."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal

from attrs import frozen

from xacct.arn import Arn
from xacct.grant_account import GrantAccount
from xacct.resources.step import Step, change
from xacct.retry import never_transient, none_if_missing, not_visible_yet

__all__ = ["Attachment", "PrincipalKind"]

PrincipalKind = Literal["role", "user", "group"]


@frozen(kw_only=True)
class Attachment:
    """A managed policy attached to a role, a user or a group.

    Attributes:
        account: the account of the principal.
        kind: ``role``, ``user`` or ``group``.
        name: the principal's name.
        policy_arn: the policy's ARN.
    """

    account: GrantAccount
    kind: PrincipalKind
    name: str
    policy_arn: str

    @property
    def key(self) -> str:
        """The key of the step that attaches or detaches the policy."""
        return f"{self.account.side} {self.kind} {self.name} {self.policy_arn}"

    @property
    def _policy_to_principal(self) -> str:
        return f"{Arn.parse(self.policy_arn).name} to {self.kind} {self.name}"

    @property
    def _policy_from_principal(self) -> str:
        return f"{Arn.parse(self.policy_arn).name} from {self.kind} {self.name}"

    @property
    def _principal_arn(self) -> str:
        return f"arn:{self.account.partition}:iam::{self.account.id}:{self.kind}/{self.name}"

    def step_to_attach(
        self, after: Iterable[str] = (), *, new_policy: bool = False, new_principal: bool = False
    ) -> Step:
        """Return the step that attaches the policy.

        Args:
            after: the keys of the steps that must finish first.
            new_policy: whether this run creates the policy, which is not visible at once.
            new_principal: whether this run creates the principal.
        """

        def is_transient(error: BaseException) -> bool:
            # IAM names the policy if it does not find the policy.
            return not_visible_yet(error) and (new_policy if self.policy_arn in str(error) else new_principal)

        return Step(
            key=self.key,
            account=self.account,
            what=f"attaching {self._policy_to_principal}",
            run=lambda: self._attach(is_transient),
            undo=self._detach,
            change=change(self.account, "attach", self._policy_to_principal),
            after=frozenset(after),
        )

    def step_to_detach(self, after: Iterable[str] = ()) -> Step:
        """Return the step that detaches the policy."""
        return Step(
            key=self.key,
            account=self.account,
            what=f"detaching {self._policy_from_principal}",
            run=self._detach,
            undo=self._attach,
            change=change(self.account, "detach", self._policy_from_principal),
            after=frozenset(after),
        )

    def _attach(self, transient: Callable[[BaseException], bool] = never_transient) -> None:
        self.account.attempt(
            self._request_attachment,
            doing=f"attaching {self._policy_to_principal}",
            resource=self._principal_arn,
            transient=transient,
        )

    def _detach(self) -> None:
        self.account.attempt(
            lambda: none_if_missing(self._request_detachment),
            doing=f"detaching {self._policy_from_principal}",
            resource=self._principal_arn,
        )

    def _request_attachment(self) -> None:
        iam = self.account.iam
        if self.kind == "role":
            iam.attach_role_policy(RoleName=self.name, PolicyArn=self.policy_arn)
        elif self.kind == "user":
            iam.attach_user_policy(UserName=self.name, PolicyArn=self.policy_arn)
        else:
            iam.attach_group_policy(GroupName=self.name, PolicyArn=self.policy_arn)

    def _request_detachment(self) -> None:
        iam = self.account.iam
        if self.kind == "role":
            iam.detach_role_policy(RoleName=self.name, PolicyArn=self.policy_arn)
        elif self.kind == "user":
            iam.detach_user_policy(UserName=self.name, PolicyArn=self.policy_arn)
        else:
            iam.detach_group_policy(GroupName=self.name, PolicyArn=self.policy_arn)
