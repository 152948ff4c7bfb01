"""What a call asks of IAM: which actions, on which resources, under which circumstances.

Source: https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

from __future__ import annotations

from collections.abc import Callable

from xacct.testing.asks import iam, kms, s3, sts
from xacct.testing.asks.ask import Ask as Ask, Context as Context
from xacct.testing.caller import Caller
from xacct.testing.state import State
from xacct.testing.wire import Call

__all__ = ["Ask", "Context", "asks_of"]

_SERVICES: dict[str, Callable[[Call, Caller, State], list[Ask] | None]] = {
    "iam": iam.asks, "kms": kms.asks, "s3": s3.asks, "sts": sts.asks,
}  # fmt: skip


def asks_of(call: Call, caller: Caller, state: State) -> list[Ask] | None:
    """The permissions that a call needs, in the order in which AWS looks at them.

    Args:
        call: what was called.
        caller: by whom.
        state: the accounts.

    Returns:
        None where the sandbox does not know; empty where AWS asks for none.
    """
    service = _SERVICES.get(call.service)
    return service(call, caller, state) if service else None
