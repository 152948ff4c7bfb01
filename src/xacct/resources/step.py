"""A change, and the step that makes it."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from typing import Literal, cast

from attrs import field, frozen

from xacct.grant_account import GrantAccount, Side
from xacct.policy import PolicyDocument

__all__ = ["Action", "Change", "Step", "change", "document_of", "policy_diff"]

Action = Literal["create", "update", "attach", "detach", "delete", "leave"]


@frozen(kw_only=True)
class Change:
    """One thing that a plan would change, or will not touch.

    Attributes:
        action: what happens; ``leave`` for what is there by another hand and stays.
        side: ``trusting`` or ``trusted``.
        account: the account's id.
        resource: what it happens to, in words, such as ``role CrossAccountRoleS3``.
        detail: more to read, such as the difference between two policies.
    """

    action: Action
    side: Side
    account: str
    resource: str
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.action} {self.resource} in the {self.account} account {self.account}"

    def to_dict(self) -> dict[str, str]:
        """The change for a program."""
        return {
            "action": self.action,
            "side": self.account,
            "account": self.account,
            "resource": self.resource,
            "detail": self.detail,
        }


@frozen(kw_only=True, eq=False)
class Step:
    """One call, or a few that belong together, that moves an account towards the desired state.

    Attributes:
        key: what other steps name it by.
        after: the keys of the steps that must have ended before.
        what: what is being done, in words, such as ``creating role CrossAccountRoleS3``.
        change: what it changes; None for a step that only waits.
        run: does it. Safe to do again.
        undo: takes it back, also where only a part was done; None where there is nothing to take back.
    """

    key: str
    account: GrantAccount
    what: str
    run: Callable[[], None] = field(repr=False)
    undo: Callable[[], None] | None = field(default=None, repr=False)
    change: Change | None = None
    after: frozenset[str] = frozenset()


def change(account: GrantAccount, action: Action, resource: str, detail: str = "") -> Change:
    """A change in the account of a side."""
    return Change(action=action, side=account.side, account=account.id, resource=resource, detail=detail)


def document_of(answer: object) -> PolicyDocument:
    """The policy in an answer of IAM's, which botocore has decoded although its type says text."""
    return PolicyDocument.parse(cast("Mapping[str, object] | str", answer))


def policy_diff(before: PolicyDocument, after: PolicyDocument) -> str:
    """The lines that differ between two policies, in their canonical form.

    >>> from xacct.policy import Statement
    >>> old, new = (PolicyDocument((Statement.allow(action, "*"),)) for action in ("s3:GetObject", "s3:ListBucket"))
    >>> print(policy_diff(old, new))
         {
           "Effect": "Allow",
    -      "Action": "s3:GetObject",
    +      "Action": "s3:ListBucket",
           "Resource": "*"
         }
    """
    lines = difflib.unified_diff(before.to_json(2).splitlines(), after.to_json(2).splitlines(), lineterm="", n=2)
    return "\n".join(line for line in lines if not line.startswith(("---", "+++", "@@")))
