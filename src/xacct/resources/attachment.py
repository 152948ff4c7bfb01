"""A managed policy that a role, a user or a group carries."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from attrs import frozen

from xacct.arn import Arn
from xacct.grant_account import GrantAccount
from xacct.resources.step import Step, change
from xacct.retry import not_visible_yet

__all__ = ["Attachment", "Carrier"]

Carrier = Literal["role", "user", "group"]


@frozen(kw_only=True)
class Attachment:
    """A managed policy on its carrier."""

    account: GrantAccount
    kind: Carrier
    name: str
    policy_arn: str

    @property
    def _attached(self) -> str:
        return f"{Arn.parse(self.policy_arn).name} to {self.kind} {self.name}"

    @property
    def _detached(self) -> str:
        return f"{Arn.parse(self.policy_arn).name} from {self.kind} {self.name}"

    @property
    def key(self) -> str:
        """What other steps name the attaching or detaching by."""
        return f"{self.account.side} {self.kind} {self.name} {self.policy_arn}"

    def attach(self, after: Iterable[str] = ()) -> Step:
        """The step that attaches it."""
        return Step(
            key=self.key,
            account=self.account,
            what=f"attaching {self._attached}",
            run=self._attach,
            undo=self._detach,
            change=change(self.account, "attach", self._attached),
            after=frozenset(after),
        )

    def detach(self, after: Iterable[str] = ()) -> Step:
        """The step that detaches it."""
        return Step(
            key=self.key,
            account=self.account,
            what=f"detaching {self._detached}",
            run=self._detach,
            undo=self._attach,
            change=change(self.account, "detach", self._detached),
            after=frozenset(after),
        )

    def _attach(self) -> None:
        iam = self.account.iam

        def call() -> None:
            if self.kind == "role":
                iam.attach_role_policy(RoleName=self.name, PolicyArn=self.policy_arn)
            elif self.kind == "user":
                iam.attach_user_policy(UserName=self.name, PolicyArn=self.policy_arn)
            else:
                iam.attach_group_policy(GroupName=self.name, PolicyArn=self.policy_arn)

        self.account.attempt(
            call, doing=f"attaching {self._attached}", resource=self._carrier_arn, transient=not_visible_yet
        )

    def _detach(self) -> None:
        iam = self.account.iam

        def call() -> None:
            try:
                if self.kind == "role":
                    iam.detach_role_policy(RoleName=self.name, PolicyArn=self.policy_arn)
                elif self.kind == "user":
                    iam.detach_user_policy(UserName=self.name, PolicyArn=self.policy_arn)
                else:
                    iam.detach_group_policy(GroupName=self.name, PolicyArn=self.policy_arn)
            except iam.exceptions.NoSuchEntityException:
                return

        self.account.attempt(call, doing=f"detaching {self._detached}", resource=self._carrier_arn)

    @property
    def _carrier_arn(self) -> str:
        return f"arn:{self.account.partition}:iam::{self.account.id}:{self.kind}/{self.name}"
