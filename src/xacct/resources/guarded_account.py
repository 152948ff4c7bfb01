"""The account of a removal, which makes a call only as long as nobody else has begun to change the resource."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from attrs import field, fields, frozen

from xacct.grant_account import GrantAccount
from xacct.retry import never_transient

__all__ = ["Guard", "guarded"]

T = TypeVar("T")


class Guard(Protocol):
    """The check before a call."""

    def __call__(self, *, is_retry: bool) -> None:
        """Raise an XacctError if the call must not be made."""
        ...


@frozen(kw_only=True)
class _GuardedAccount(GrantAccount):
    guard: Guard = field(repr=False, eq=False)

    def attempt(
        self,
        call: Callable[[], T],
        *,
        doing: str,
        resource: str = "*",
        transient: Callable[[BaseException], bool] = never_transient,
    ) -> T:
        """Do what `GrantAccount.attempt` does, with the check before each try of the call."""
        tries = 0

        def guarded_call() -> T:
            nonlocal tries
            tries += 1
            self.guard(is_retry=tries > 1)
            return call()

        return super().attempt(guarded_call, doing=doing, resource=resource, transient=transient)


def guarded(account: GrantAccount, guard: Guard) -> GrantAccount:
    """Return an account that makes the check before each try of a call."""
    values = {attribute.alias or attribute.name: getattr(account, attribute.name) for attribute in fields(GrantAccount)}
    return _GuardedAccount(**values, guard=guard)
