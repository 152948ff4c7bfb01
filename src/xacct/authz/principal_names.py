"""The forms in which a policy can name a caller, and how direct each form is."""

from __future__ import annotations

import re
from enum import IntEnum
from functools import lru_cache

from xacct.authz.caller import Caller
from xacct.policy import Principal

__all__ = ["Grade", "name_and_grade", "names_to_exclude"]


class Grade(IntEnum):
    """How directly a statement names the caller. Within one account, AWS limits what a less direct Allow grants.

    NONE: the statement does not match. ACCOUNT: it names the caller's account. ROLE: it names the role of a session.
    FULL: it names the user or the session, anyone, or nobody in particular, as in an identity policy.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-basics-rdp.html
    """

    NONE = 0
    ACCOUNT = 1
    ROLE = 2
    FULL = 3


@lru_cache(maxsize=4096)
def name_and_grade(principal: Principal) -> tuple[str, Grade]:
    """Return the name in `Caller.names` of the callers that a principal names, and how direct the name is."""
    value = principal.value
    if principal.kind != "AWS":
        return f"{principal.kind}:{value}", Grade.FULL
    if principal.is_anyone:
        return "*", Grade.FULL
    if principal.is_account:
        return f"account:{principal.account_id}", Grade.ACCOUNT
    if principal.is_deleted:
        return f"id:{value}", Grade.ROLE if value.startswith("AROA") else Grade.FULL
    if found := re.fullmatch(r"arn:[\w-]+:iam::([0-9]{12}):role/(?:.*/)?([^/]+)", value):
        return f"role:{found[1]}/{found[2]}", Grade.ROLE
    return f"AWS:{value}", Grade.FULL


def names_to_exclude(caller: Caller) -> list[str]:
    """Return the names all of which a Deny with NotPrincipal must list to exclude the caller.

    They are the account, the user or session, and the role. An anonymous caller has none and is never excluded.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html
    """
    if caller.kind == "anonymous":
        return []
    if not caller.account:
        kind = {"service": "Service", "provider": "Federated"}.get(caller.kind, "AWS")
        return [f"{kind}:{caller.name}"]
    names = [f"account:{caller.account}"]
    # A role's own ARN stands for all of its sessions, so that only a session has a name besides.
    if caller.kind not in ("account", "root") and not (caller.role_name and ":iam:" in caller.name):
        names.append(f"AWS:{caller.name}")
    if caller.role_name:
        names.append(f"role:{caller.account}/{caller.role_name}")
    return names
