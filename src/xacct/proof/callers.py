"""The callers that a policy can tell apart: users and roles with names that matter, and root users."""

from __future__ import annotations

import string
from collections.abc import Iterable, Iterator
from itertools import count

from xacct.authz.variables import parse_template
from xacct.policy import Condition, Statement
from xacct.proof.pattern_classes import TextPattern, characters, one_text_per_class

__all__ = ["account_besides", "callers_of", "name_patterns"]

_KINDS = ("user", "role")
_IN_NAME = string.ascii_letters + string.digits + "+=,.@_-"
_PATH_AND_NAME = characters(_IN_NAME + "/", least=0).then(characters(_IN_NAME, least=1, more=False))


def account_besides(accounts: Iterable[str]) -> str:
    """Return the ID of an account that is none of some accounts."""
    taken = frozenset(accounts)
    return next(account for number in count(666_666_666_666) if (account := f"{number:012}") not in taken)


def name_patterns(statements: Iterable[Statement]) -> list[TextPattern]:
    """Return the patterns of ARNs of callers that statements have: as principals, and in conditions on their names."""
    patterns = []
    for statement in statements:
        principals = (*statement.principals, *statement.not_principals)
        patterns += [TextPattern.of([(p.value, False)]) for p in principals if p.value.startswith("arn:")]
        patterns += [pattern for condition in statement.conditions for pattern in _of_condition(condition)]
    return list(dict.fromkeys(patterns))


def _of_condition(condition: Condition) -> Iterator[TextPattern]:
    key, operator = condition.key.lower(), condition.operator.lower()
    for value in condition.values:
        pieces = parse_template(value, "2012-10-17").literal
        if "like" not in operator and "arn" not in operator:
            pieces = [("".join(text for text, _ in pieces), False)]
        if key == "aws:principalarn":
            yield TextPattern.of_arn(pieces) if "arn" in operator else TextPattern.of(pieces)
        if key == "aws:username":
            # The name is what follows the last slash of the ARN.
            yield TextPattern.of([("arn:*:iam::*:user/", True), *pieces])
            yield TextPattern.of([("arn:*:iam::*:user/*/", True), *pieces])


def callers_of(account: str, partition: str, patterns: list[TextPattern]) -> list[str]:
    """Return the callers of an account that some patterns tell apart.

    Args:
        account: the account's ID.
        partition: the account's partition.
        patterns: patterns of ARNs.

    Raises:
        TooManyStates: the patterns tell too many callers apart.
    """
    principals = f"arn:{partition}:iam::{account}:"
    users, roles = (one_text_per_class(patterns, _PATH_AND_NAME, prefix=f"{principals}{kind}/") for kind in _KINDS)
    return [*users, *roles, f"{principals}root"]
