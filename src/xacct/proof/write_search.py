"""The search for a request of a role that AWS allows and that does more than read.

What reads is AWS's reference to say. Actions that the same statements cover are decided alike, so one of them is tried.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterable, Iterator, Sequence
from functools import partial

from attrs import evolve

from xacct.arn import Arn
from xacct.authz import PolicySet
from xacct.authz.statement_matcher import StatementMatcher
from xacct.authz.variables import parse_template
from xacct.grants import TrustGrant
from xacct.policy import PolicyDocument, Principal, Statement
from xacct.proof.access_search import AccessSearch, Searched, search
from xacct.proof.pattern_classes import TextPattern, TooManyStates, characters, one_text_per_class
from xacct.reference import Action, ResourceType, actions_matching, find_action

__all__ = ["search_for_writes"]

# The actions by which everybody knows what is meant; they are tried first.
_WELL_KNOWN = ("s3:PutObject", "s3:DeleteObject", "iam:CreateUser", "ec2:RunInstances", "sts:AssumeRole")

_PLACEHOLDER = re.compile(r"\$\{(\w+)\}")
_REGION = characters(string.ascii_lowercase + string.digits + "-", least=1)
_ACCOUNT = characters(string.digits, least=12, more=False)
_VALUE = "x"
_NAME = characters(string.ascii_letters + string.digits + "-_./:", least=1)


def search_for_writes(
    grant: TrustGrant, documents: Sequence[PolicyDocument], boundary: PolicyDocument | None
) -> AccessSearch:
    """Search for a request of a grant's role that AWS allows and that does more than read.

    Args:
        grant: the grant.
        documents: the role's policies.
        boundary: the role's permissions boundary; None if it has none.
    """
    # Resource policies that delegate to the account's own policies, as those of KMS keys and roles do.
    owner = PolicyDocument([Statement.allow("*", "*", principals=[Principal.account(grant.account, grant.partition)])])
    policies = PolicySet(identity=documents, boundary=boundary, resource=owner)
    statements = [s for layer in policies.layers if layer.name != "resource" for s in layer.statements]
    undecided = {f"AWS's reference has no action {name}": None for name in _unknown_actions(statements)}
    cases = 0
    for action in _one_write_per_class(statements):
        try:
            targets = list(_targets(grant, action, statements))
        except TooManyStates:
            undecided[f"the resources of {action} are too many to tell apart"] = None
            continue
        found = search(policies, str(action), targets, granting="identity")
        cases += found.cases
        undecided.update(dict.fromkeys(found.undecided))
        if found.witness is not None:
            return evolve(found, cases=cases)
    return AccessSearch(witness=None, cases=cases, undecided=tuple(undecided))


def _allowed_patterns(statements: Iterable[StatementMatcher]) -> Iterator[str]:
    """Yield the patterns of the actions that statements of identity policies could allow."""
    for matcher in statements:
        if not matcher.denies and matcher.layer == "identity":
            yield from matcher.statement.actions or ("*",)


def _unknown_actions(statements: Sequence[StatementMatcher]) -> list[str]:
    names = (pattern for pattern in _allowed_patterns(statements) if not set("*?") & set(pattern))
    return [name for name in dict.fromkeys(names) if find_action(name) is None]


def _one_write_per_class(statements: Sequence[StatementMatcher]) -> Iterator[Action]:
    """Yield one action that does more than read for each set of statements that cover such actions."""
    seen: set[tuple[bool, ...]] = set()
    for action in _write_actions(tuple(dict.fromkeys(_allowed_patterns(statements)))):
        name = str(action).lower()
        covering = tuple(matcher.matches_action(name) for matcher in statements)
        if covering not in seen:
            seen.add(covering)
            if any(covers and not s.denies and s.layer == "identity" for covers, s in zip(covering, statements)):
                yield action


def _write_actions(patterns: Sequence[str]) -> Iterator[Action]:
    well_known = (find_action(name) for name in _WELL_KNOWN)
    matching = (action for pattern in patterns for action in actions_matching(pattern))
    return (action for action in (*filter(None, well_known), *matching) if not action.only_reads)


def _targets(grant: TrustGrant, action: Action, statements: Sequence[StatementMatcher]) -> Iterator[Searched]:
    """Yield a resource for each way in which the statements tell the action's resources apart."""
    name = str(action).lower()
    texts = {
        text
        for matcher in statements
        if matcher.matches_action(name)
        for text in (*matcher.statement.resources, *matcher.statement.not_resources)
    }
    templates = [parse_template(text, "2012-10-17") for text in sorted(texts)]
    # Every policy variable gets the same value.
    context = {key: (_VALUE,) for template in templates for key in template.keys}
    patterns = [TextPattern.of(pieces) for t in templates if (pieces := t.fill(context)) is not None]
    role = partial(Searched, principal=grant.role_arn, context=context)
    # The shortest ARNs first: those of a bucket's objects before those of an access point's.
    for kind in sorted(action.resource_types, key=lambda kind: len(kind.arn_format)):
        for account in (TextPattern.of([(grant.account, False)]), _ACCOUNT):
            for resource in one_text_per_class(patterns, _form(kind, account, grant.partition)):
                owner = "" if Arn.parse(resource).account else grant.account
                yield role(resource=resource, resource_account=owner)
    if not action.required_resource_types:
        yield role(resource="*", resource_account=grant.account)


def _form(kind: ResourceType, account: TextPattern, partition: str) -> TextPattern:
    """Return the pattern of the ARNs of a type of resource."""
    parts = _PLACEHOLDER.split(kind.arn_format)
    known = {"Partition": TextPattern.of([(partition, False)]), "Account": account, "Region": _REGION}
    form = TextPattern.of([(parts[0], False)])
    for placeholder, literal in zip(parts[1::2], parts[2::2]):
        form = form.then(known.get(placeholder, _NAME)).then(TextPattern.of([(literal, False)]))
    return form
