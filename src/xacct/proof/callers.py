"""The callers that a policy can tell apart: users, roles and federated users with names that matter, and root users."""

from __future__ import annotations

import re
import string
from collections.abc import Iterable, Iterator
from itertools import count

from xacct.authz.variables import parse_template
from xacct.policy import Condition, Statement
from xacct.proof.pattern_classes import TextPattern, characters, one_text_per_class

__all__ = ["account_besides", "callers_of", "name_patterns", "stranger_accounts"]

_KINDS = ("iam::{}:user/", "iam::{}:role/", "sts::{}:federated-user/")
_IN_NAME = string.ascii_letters + string.digits + "+=,.@_-"
_PATH_AND_NAME = characters(_IN_NAME + "/", least=0).then(characters(_IN_NAME, least=1, more=False))
_ACCOUNT = characters(string.digits, least=12, more=False)
_KEYS = ("aws:principalarn", "aws:principalaccount")


def account_besides(accounts: Iterable[str]) -> str:
    """Return the ID of an account that is none of some accounts."""
    taken = frozenset(accounts)
    return next(account for number in count(666_666_666_666) if (account := f"{number:012}") not in taken)


def stranger_accounts(
    accounts: Iterable[str], partition: str, statements: Iterable[Statement], patterns: list[TextPattern]
) -> list[str]:
    """Return accounts that are none of some accounts: one for each way in which statements tell others apart.

    Args:
        accounts: the accounts.
        partition: the partition.
        statements: the statements.
        patterns: the patterns of ARNs of callers of the statements.

    Raises:
        TooManyStates: the patterns tell too many callers apart.
    """
    taken = frozenset(accounts)
    conditions = (c for s in statements for c in s.conditions if c.key.lower() in _KEYS)
    # A wildcard beside a digit can stand for a part of an account id.
    if not any(re.search(r"[*?][0-9]|[0-9][*?]", value) for condition in conditions for value in condition.values):
        return [account_besides(taken)]
    of_taken = [TextPattern.of([(f"arn:*::{account}:*", True)]) for account in sorted(taken)]
    found: dict[str, None] = {}
    for kind in _KINDS:
        before, after = (TextPattern.of([(text, False)]) for text in f"arn:{partition}:{kind}".split("{}"))
        form = before.then(_ACCOUNT).then(after).then(_PATH_AND_NAME)
        found.update(dict.fromkeys(name.split(":")[4] for name in one_text_per_class([*patterns, *of_taken], form)))
    return [account for account in found if account not in taken]


def name_patterns(statements: Iterable[Statement]) -> list[TextPattern]:
    """Return the patterns of ARNs of callers that statements have: as principals, and in conditions on their names."""
    patterns = []
    for statement in statements:
        for principal in (*statement.principals, *statement.not_principals):
            if principal.value.startswith("arn:"):
                patterns.append(TextPattern.of([(principal.value, False)]))
            if (role := principal.value.partition(":role/"))[1]:
                # Roles are compared by their names alone.
                patterns.append(
                    TextPattern.of([(f"{role[0]}:role/", False), ("*/", True), (role[2].split("/")[-1], False)])
                )
        patterns += [pattern for condition in statement.conditions for pattern in _of_condition(condition)]
    return list(dict.fromkeys(patterns))


def _of_condition(condition: Condition) -> Iterator[TextPattern]:
    key, operator = condition.key.lower(), condition.operator.lower()
    if key not in (*_KEYS, "aws:username"):
        return
    ignores_case = "ignorecase" in operator
    for value in condition.values:
        pieces = parse_template(value, "2012-10-17").literal
        if "like" not in operator and "arn" not in operator:
            pieces = [("".join(text for text, _ in pieces), False)]
        if key == "aws:principalaccount":
            yield TextPattern.of([("arn:*::", True), *pieces, (":*", True)])
        elif key == "aws:username":
            # The name is what follows the last slash of the ARN.
            yield TextPattern.of([("arn:*:iam::*:user/", True), *pieces], ignores_case=ignores_case)
            yield TextPattern.of([("arn:*:iam::*:user/*/", True), *pieces], ignores_case=ignores_case)
        else:
            yield TextPattern.of_arn(pieces) if "arn" in operator else TextPattern.of(pieces, ignores_case=ignores_case)


def callers_of(account: str, partition: str, patterns: list[TextPattern], *, federated: bool = False) -> list[str]:
    """Return the callers of an account that some patterns tell apart.

    Args:
        account: the account's ID.
        partition: the account's partition.
        patterns: patterns of ARNs.
        federated: whether to return federated users too. STS refuses them.

    Raises:
        TooManyStates: the patterns tell too many callers apart.
    """
    callers = [f"arn:{partition}:iam::{account}:root"]
    for kind in _KINDS if federated else _KINDS[:2]:
        callers += one_text_per_class(patterns, _PATH_AND_NAME, prefix=f"arn:{partition}:{kind.format(account)}")
    return [*callers[1:], callers[0]]
