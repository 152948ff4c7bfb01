"""The statements of a resource's policies that could cover somebody. The others cannot change a decision about them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from attrs import evolve

from xacct.access_audit.subject import Subject
from xacct.arn import account_in
from xacct.authz import AccessRequest, PolicySet
from xacct.authz.operators import compile_condition
from xacct.limits import ACCOUNT_ID
from xacct.policy import Condition, PolicyDocument, Principal, Statement
from xacct.proof.callers import name_patterns
from xacct.proof.find_access import account_ids_in, named_accounts
from xacct.proof.key_control import control_of

__all__ = ["KEYS_OF_ACCOUNTS", "ResourceStatements", "accounts_in"]

KEYS_OF_ACCOUNTS = ("kms:calleraccount", "aws:sourceowner")
"""Keys of services that have the caller's account."""

_ANYBODY = "*"
_POSITIVE = ("stringequals", "stringequalsignorecase", "stringlike", "arnequals", "arnlike")

# More than policies have in practice. A search of more takes minutes.
_MOST_NAMES = 60
_MOST_VALUES = 60
# Values with a wildcard that is not at the end: their combinations are as many as their subsets.
_MOST_LOOSE_VALUES = 6


def accounts_in(statement: Statement) -> Iterator[str]:
    """Yield the accounts that a statement names: in principals, and in conditions on the caller's account."""
    yield from named_accounts(statement)
    for condition in statement.conditions:
        if condition.key.lower() in KEYS_OF_ACCOUNTS:
            for value in condition.values:
                yield from account_ids_in(value)


class ResourceStatements:
    """The statements of a resource policy and of the control policies of its account.

    Args:
        subject: the resource.

    Attributes:
        all: the statements. What is said of some of them is said by their places here.
        keys: the keys of their conditions, in lower case.
    """

    def __init__(self, subject: Subject) -> None:
        layers = [layer for layer in subject.side.layers if layer.name in ("resource", "rcp")]
        self.all = [matcher for layer in layers for matcher in layer.statements]
        self.keys = frozenset(condition.key for matcher in self.all for condition in matcher.conditions)
        self._principals = [_by_account(matcher.statement) for matcher in self.all]
        self._rcps = subject.side.rcps

    def of_account(self, account: str) -> frozenset[int]:
        """Return the statements that could cover a principal of an account."""
        return self._places(account, lambda condition: _excludes_account(condition, account))

    def of_strangers(self, organization: str = "") -> frozenset[int]:
        """Return the statements that could cover somebody whom no policy names.

        Args:
            organization: the organization of the account of a stranger.
        """
        return self._places(_ANYBODY, lambda condition: _excludes_strangers(condition, organization))

    def _places(self, account: str, excludes: Callable[[Condition], bool]) -> frozenset[int]:
        return frozenset(
            place
            for place, matcher in enumerate(self.all)
            if self._may_name(place, account)
            and (matcher.denies or not any(map(excludes, matcher.statement.conditions)))
        )

    def _may_name(self, place: int, account: str) -> bool:
        by_account, matcher = self._principals[place], self.all[place]
        return matcher.has_canonical_user or not by_account or _ANYBODY in by_account or account in by_account

    def of_resource(self, request: AccessRequest, places: Iterable[int]) -> frozenset[int]:
        """Return those of some statements that could cover the resource of a request."""
        return frozenset(
            place
            for place in places
            if self.all[place].matches_resource(request) or any(pattern.keys for pattern in self.all[place].resources)
        )

    def have_allow(self, places: Iterable[int]) -> bool:
        """Return whether one of some statements is an Allow of the resource policy."""
        return any(not self.all[place].denies and self._is_of_policy(place) for place in places)

    def only(self, places: Iterable[int], account: str = _ANYBODY) -> PolicySet:
        """Return the policies with some statements of the resource policy only.

        Args:
            places: the statements.
            account: the account of the principals that the statements keep, besides everybody.
        """
        statements = [self._with_principals(place, account) for place in sorted(places) if self._is_of_policy(place)]
        side = PolicySet(resource=PolicyDocument(statements))
        side.rcps = self._rcps
        return side

    def _is_of_policy(self, place: int) -> bool:
        return self.all[place].layer == "resource"

    def _with_principals(self, place: int, account: str) -> Statement:
        statement, by_account = self.all[place].statement, self._principals[place]
        kept = [principal for one in dict.fromkeys((_ANYBODY, account)) for principal in by_account.get(one, ())]
        return evolve(statement, principals=tuple(kept)) if kept else statement

    @staticmethod
    def are_too_many(side: PolicySet) -> bool:
        """Return whether policies tell too many callers or values of condition keys apart for a search."""
        statements = [matcher.statement for layer in side.layers for matcher in layer.statements]
        values: dict[str, set[str]] = {}
        loose: dict[str, set[str]] = {}
        for statement in statements:
            for condition in statement.conditions:
                key = condition.key.lower()
                values.setdefault(key, set()).update(condition.values)
                if "like" in condition.operator.lower() and "arn" not in condition.operator.lower():
                    loose.setdefault(key, set()).update(v for v in condition.values if "*" in v.rstrip("*"))
        return (
            len(name_patterns(statements)) > _MOST_NAMES
            or any(len(found) > _MOST_VALUES for found in values.values())
            or any(len(found) > _MOST_LOOSE_VALUES for found in loose.values())
        )


def _by_account(statement: Statement) -> dict[str, list[Principal]]:
    """Return the principals of a statement by account; those that mean everybody are at ``*``."""
    found: dict[str, list[Principal]] = {}
    for principal in statement.principals:
        found.setdefault(_ANYBODY if principal.is_anyone else principal.account_id or "", []).append(principal)
    return found


def _excludes_account(condition: Condition, account: str) -> bool:
    """Return whether no principal of an account meets a condition. It may be False if none does."""
    key = condition.key.lower()
    if key == "aws:principalaccount" or key in KEYS_OF_ACCOUNTS:
        return compile_condition(condition, "2012-10-17").evaluate({key: (account,)}) is False
    if key != "aws:principalarn" or condition.operator.lower() not in _POSITIVE:
        return False
    return all(_is_other_account(account_in(value), account) for value in condition.values)


def _excludes_strangers(condition: Condition, organization: str) -> bool:
    """Return whether nobody whom policies do not name meets a condition. It may be False if nobody does."""
    key, operator = condition.key.lower(), condition.operator.lower().removeprefix("foranyvalue:")
    if operator not in _POSITIVE:
        return False
    if key == "aws:principalaccount":
        return all(map(ACCOUNT_ID.allows, condition.values))
    if key == "aws:principalarn":
        return all(_is_other_account(account_in(value), "") for value in condition.values)
    if control_of(key).controller not in ("AWS", "AWS service"):
        return False
    # What AWS assigns to one holder, a stranger does not have.
    holders = set(map(_holder, condition.values))
    return not any(set("*?$") & set(holder) for holder in holders) and organization not in holders


def _holder(value: str) -> str:
    """Return the part of a value that says whose it is: the account of an ARN, or an ID before a colon or a slash."""
    if value.startswith("arn:"):
        return account_in(value) or value
    return value.split(":", maxsplit=1)[0].split("/", maxsplit=1)[0]


def _is_other_account(found: str, account: str) -> bool:
    return ACCOUNT_ID.allows(found) and found != account
