"""A managed policy that a role, a user or a group carries."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from attrs import frozen

from xacct.arn import Arn
from xacct.resources.step import Step, change
from xacct.retry import not_visible_yet
from xacct.side import Side

__all__ = ["Attachment", "Carrier"]

Carrier = Literal["role", "user", "group"]


@frozen(kw_only=True)
class Attachment:
    """A managed policy on its carrier."""

    side: Side
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
        return f"{self.side.name} {self.kind} {self.name} {self.policy_arn}"

    def attach(self, after: Iterable[str] = ()) -> Step:
        """The step that attaches it."""
        return Step(
            key=self.key,
            side=self.side,
            what=f"attaching {self._attached}",
            run=self._attach,
            undo=self._detach,
            change=change(self.side, "attach", self._attached),
            after=frozenset(after),
        )

    def detach(self, after: Iterable[str] = ()) -> Step:
        """The step that detaches it."""
        return Step(
            key=self.key,
            side=self.side,
            what=f"detaching {self._detached}",
            run=self._detach,
            undo=self._attach,
            change=change(self.side, "detach", self._detached),
            after=frozenset(after),
        )

    def _attach(self) -> None:
        iam = self.side.iam

        def call() -> None:
            if self.kind == "role":
                iam.attach_role_policy(RoleName=self.name, PolicyArn=self.policy_arn)
            elif self.kind == "user":
                iam.attach_user_policy(UserName=self.name, PolicyArn=self.policy_arn)
            else:
                iam.attach_group_policy(GroupName=self.name, PolicyArn=self.policy_arn)

        self.side.attempt(
            call, doing=f"attaching {self._attached}", resource=self._carrier_arn, passing=not_visible_yet
        )

    def _detach(self) -> None:
        iam = self.side.iam

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

        self.side.attempt(call, doing=f"detaching {self._detached}", resource=self._carrier_arn)

    @property
    def _carrier_arn(self) -> str:
        return f"arn:{self.side.partition}:iam::{self.side.account}:{self.kind}/{self.name}"
