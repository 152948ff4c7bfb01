"""The tokens of strangers: of each kind that the conditions of a policy tell apart, one.

A stranger registers any name that a policy does not name in full: ``repo:octo-*/app:*`` lets the owner octo-b in, and
``repo:octo/*`` lets nobody in but octo.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache

from attrs import evolve

from xacct.access_audit.checks.oidc_providers import Claim, OidcProvider, form_pattern
from xacct.access_audit.checks.statement_requests import Values
from xacct.authz.variables import parse_template
from xacct.policy import Condition
from xacct.proof.pattern_classes import TextPattern, one_text_per_class

__all__ = ["closes", "owner_in", "tokens", "unlike"]

Conditions = Mapping[str, Sequence[Condition]]

_REPOSITORY = re.compile(r"repo(?:sitory)?:([^/:@]+)(?:@[0-9]+)?/([^/:@]+)")

_texts = lru_cache(maxsize=1024)(one_text_per_class)


def tokens(
    provider: OidcProvider, name: str, conditions: Conditions, *, of_strangers: bool = True
) -> Iterator[dict[str, list[Values]]]:
    """Yield the claims of tokens as condition keys, each with the values to try.

    Args:
        provider: the provider.
        name: its name in IAM.
        conditions: the conditions of the policies, by key.
        of_strangers: whether to leave out those that only an owner can have whom the conditions name in full.

    Raises:
        TooManyStates: the policies tell too many tokens apart.
    """
    keys = {claim: f"{name}:{claim}".lower() for claim in provider.claims}
    asked = {claim: tuple(conditions.get(key, ())) for claim, key in keys.items()}
    values = {
        keys[claim]: list(_values(details, asked[claim], of_strangers=of_strangers))
        for claim, details in provider.claims.items()
        if claim != "sub" and (asked[claim] or details.is_shown)
    }
    if "sub" not in keys:
        yield values
        return
    repository = asked.get("repository", ())
    # The subject of a token of GitHub names the repository too.
    in_subject = [pattern for c in repository for value in c.values for pattern in _in_subject(c, value)]
    taken = _pins(provider.claims["repository"], repository) if repository and of_strangers else ()
    for subject in _values(provider.claims["sub"], asked["sub"], in_subject, of_strangers=of_strangers):
        token = {**values, keys["sub"]: [subject]}
        if repository and (found := _REPOSITORY.match(subject[0])):
            named = f"{found[1]}/{found[2]}"
            if any(pin.matches(named) for pin in taken):
                continue
            token[keys["repository"]] = [(named,)]
        yield token


def closes(provider: OidcProvider, name: str, conditions: Iterable[Condition]) -> bool:
    """Return whether a condition of a statement names the owner in full in each of its values.

    No stranger's token meets such a condition, so that none has to be built.
    """
    prefix = f"{name}:".lower()
    for condition in conditions:
        key = condition.key.lower()
        claim = provider.claims.get(key[len(prefix) :]) if key.startswith(prefix) else None
        operator = condition.operator.lower().removeprefix("foranyvalue:")
        if claim is not None and operator in ("stringequals", "stringlike", "stringequalsignorecase"):
            like = operator == "stringlike"
            if all(next(_pinned(claim, value, like=like), None) is not None for value in condition.values):
                return True
    return False


def owner_in(provider: OidcProvider, conditions: Iterable[Condition]) -> str:
    """Return the owner that conditions name in full; empty if they name none or several."""
    claim = provider.claims.get("sub")
    names: set[str] = set()
    if claim is not None and claim.ownership == "named":
        for condition in conditions:
            for value in condition.values if condition.key.lower().endswith(":sub") else ():
                names |= {owner for key, owner, _ in _owners(claim, value) if key == claim.owner_keys[0][0]}
    return names.pop() if len(names) == 1 else ""


def unlike(example: str, conditions: Sequence[Condition]) -> list[Values]:
    """Return texts that have nothing in common with those that conditions name: an example, and one of each kind."""
    return list(_values(Claim(ownership="unrelated", example=example), conditions))


def _values(
    claim: Claim, conditions: Sequence[Condition], more: Sequence[TextPattern] = (), *, of_strangers: bool = True
) -> Iterator[Values]:
    """Yield the values of a claim that the conditions tell apart, the usual ones first."""
    if not conditions and not more:
        yield (claim.example,)
        return
    patterns = tuple(dict.fromkeys([*(_pattern(c, value) for c in conditions for value in c.values), *more]))
    if claim.ownership == "free":
        # A value that the policy names is as good as any other, and says more.
        named = [value for c in conditions for value in c.values if not set("*?$") & set(value)]
        yield from ((value,) for value in dict.fromkeys([*named, claim.example]))
        if claim.is_list:
            yield from ((claim.example, value) for value in named if value != claim.example)
    pins = _pins(claim, conditions) if of_strangers else ()
    if claim.ownership != "free" and not any(pin.matches(claim.example) for pin in pins):
        yield (claim.example,)
    for form in claim.forms if claim.ownership != "free" else ("{any}",):
        for text in _texts((*patterns, *pins), form_pattern(form)):
            if text and not any(pin.matches(text) for pin in pins):
                yield (text,)
    if claim.optional:
        yield ()


def _pins(claim: Claim, conditions: Iterable[Condition]) -> tuple[TextPattern, ...]:
    """Return the patterns of what only the owners that conditions name in full can have."""
    pins = (pin for c in conditions for value in c.values for pin in _pinned(claim, value, like="like" in _base(c)))
    return tuple(dict.fromkeys(pins))


def _base(condition: Condition) -> str:
    return condition.operator.lower()


def _pattern(condition: Condition, value: str) -> TextPattern:
    operator, pieces = _base(condition), parse_template(value, "2012-10-17").literal
    if "arn" in operator:
        return TextPattern.of_arn(pieces)
    if "like" not in operator:
        pieces = [("".join(text for text, _ in pieces), False)]
    return TextPattern.of(pieces, ignores_case="ignorecase" in operator)


def _pinned(claim: Claim, value: str, *, like: bool) -> Iterator[TextPattern]:
    """Yield the patterns of what only the owner that a value names in full can have."""
    wild = bool(set("*?$" if like else "$") & set(value))
    if claim.ownership == "assigned" and not wild:
        yield TextPattern.of([(value, False)])
    if claim.ownership == "unrelated" and set(value) - set("*?" if like else ""):
        yield TextPattern.of([(value, like)])
    if claim.ownership == "named":
        for key, owner, end in _owners(claim, value):
            # Names of owners are unique in lower and upper case. A colon within a value is encoded, so that a key with
            # its colon is nowhere else in a text.
            before = [("*", True), (key, False)] if key else []
            after = [(end, False), ("*", True)] if end else []
            yield TextPattern.of([*before, (owner, False), *after], ignores_case=True)


def _owners(claim: Claim, value: str) -> Iterator[tuple[str, str, str]]:
    """Yield the owners that a text names in full: what precedes each, its name, and what can follow it."""
    for key, ends in claim.owner_keys:
        before = "^" if not key else "" if key == "@" else "(?<![A-Za-z_])"
        owner = "[0-9]+" if key == "@" else "[^*?$/:@]+"
        end = "|".join("$" if one == "$" else re.escape(one) for one in ends)
        for found in re.finditer(f"{before}{re.escape(key)}({owner})(?:{end})", value, re.IGNORECASE):
            yield from ((key, found[1], one.replace("$", "")) for one in ends)


def _in_subject(condition: Condition, value: str) -> list[TextPattern]:
    """Return the patterns of subjects whose repository matches a value of a condition on the claim repository."""
    name = TextPattern(tuple(evolve(token, forbidden=frozenset(":")) for token in _pattern(condition, value).tokens))
    begun = TextPattern.of([("repo:", False)]).then(name)
    return [begun, begun.then(TextPattern.of([(":*", True)]))]
