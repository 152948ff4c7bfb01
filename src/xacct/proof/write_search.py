"""The search for a request of a role that AWS allows and that does more than read.

What reads is AWS's reference to say. Actions that the same statements cover are decided alike, so one of them is tried.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import chain

from attrs import evolve

from xacct.arn import Arn
from xacct.authz import AccessRequest, PolicySet
from xacct.authz.statement_matcher import StatementMatcher
from xacct.authz.variables import parse_template
from xacct.authz.wildcard import glob, literal_prefix
from xacct.grants import TrustGrant
from xacct.policy import PolicyDocument, Principal, Statement
from xacct.proof.access_search import AccessSearch, Searched, search
from xacct.proof.key_control import control_of
from xacct.proof.pattern_classes import TextPattern, TooManyStates, characters, one_text_per_class
from xacct.reference import Action, actions_matching, find_action, unlisted_arn_formats

__all__ = ["search_for_writes"]

# The actions by which everybody knows what is meant; they are tried first.
_WELL_KNOWN = ("s3:PutObject", "s3:DeleteObject", "iam:CreateUser", "ec2:RunInstances", "sts:AssumeRole")

_PLACEHOLDER = re.compile(r"(\$\{\w+\}|\*)")
_REGION = characters(string.ascii_lowercase + string.digits + "-", least=1)
_ACCOUNT = characters(string.digits, least=12, more=False)
_BUCKET = characters(string.ascii_letters + string.digits + "-_.", least=1)
_NAME = TextPattern.of([("?*", True)])
_VALUE = "x"


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
    undecided |= {f"the ARN {text} is not complete": None for s in statements for text in _incomplete_arns(s)}
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
    names = dict.fromkeys(_allowed_patterns(statements))
    return [name for name in names if next(actions_matching(name), None) is None]


def _incomplete_arns(matcher: StatementMatcher) -> Iterator[str]:
    for text in (*matcher.statement.resources, *matcher.statement.not_resources):
        if text.startswith("arn:") and text.count(":") < 5 and not text.endswith("*"):
            yield text


def _one_write_per_class(statements: Sequence[StatementMatcher]) -> Iterator[Action]:
    """Yield one action that does more than read for each set of statements and types of resources of such actions."""
    seen: set[object] = set()
    for action in _write_actions(_possible_patterns(statements)):
        name = str(action).lower()
        covering = [matcher for matcher in statements if matcher.matches_action(name)]
        formats = _formats(action) if any(map(_names_resources, covering)) else ()
        found = (*map(id, covering), frozenset(formats), not action.required_resource_types)
        if found not in seen:
            seen.add(found)
            if _may_be_allowed(statements, covering):
                yield action


def _possible_patterns(statements: Sequence[StatementMatcher]) -> tuple[str, ...]:
    """Return patterns of the actions that could be allowed: as few as follow from the patterns alone.

    The data of a service is read only if a pattern reaches it. What is left out is never allowed: a Deny without
    exceptions covers it, or the permissions boundary has no Allow for it.
    """
    found = list(dict.fromkeys(pattern.lower() for pattern in _allowed_patterns(statements)))
    full_denies = [m.statement for m in statements if m.denies and not m.conditions and not _names_resources(m)]
    limits = [statement.not_actions for statement in full_denies if statement.not_actions]
    boundary = [m.statement for m in statements if m.layer == "boundary" and not m.denies]
    if boundary and all(statement.actions for statement in boundary):
        limits.append(tuple(action for statement in boundary for action in statement.actions))
    for limit in limits:
        within = list(dict.fromkeys(action.lower() for action in limit))
        found = list(chain.from_iterable(within if all(_covers(p, w) for w in within) else [p] for p in found))
    denied = [action.lower() for statement in full_denies for action in statement.actions]
    return tuple(dict.fromkeys(p for p in found if not any(_covers(deny, p) for deny in denied)))


def _covers(pattern: str, other: str) -> bool:
    """Return whether a pattern of actions matches whatever the other one matches. It may be False if it does.

    >>> _covers("s3:*", "s3:get*"), _covers("s3:get*", "s3:*"), _covers("s3:?", "s3:*")
    (True, False, False)
    """
    # In a match, the other one's wildcards stand where this one has a *, which can match what they match.
    return "?" not in pattern and glob(pattern)(other)


def _names_resources(matcher: StatementMatcher) -> bool:
    return matcher.statement.resources != ("*",)


def _may_be_allowed(statements: Sequence[StatementMatcher], covering: Sequence[StatementMatcher]) -> bool:
    """Return whether each kind of policy has an Allow for an action, and no Deny of it is without exceptions."""
    needed = {matcher.layer for matcher in statements}
    allowed = {matcher.layer for matcher in covering if not matcher.denies}
    denied = any(m.denies and not m.conditions and not _names_resources(m) for m in covering)
    return allowed == {"identity"} | needed and not denied


def _write_actions(patterns: Sequence[str]) -> Iterator[Action]:
    well_known = (find_action(name) for name in _WELL_KNOWN)
    matching = (action for pattern in patterns for action in actions_matching(pattern))
    return (action for action in chain(filter(None, well_known), matching) if not action.only_reads)


def _targets(grant: TrustGrant, action: Action, statements: Sequence[StatementMatcher]) -> Iterator[Searched]:
    """Yield a resource for each way in which the statements tell the action's resources apart."""
    name = str(action).lower()
    covering = [matcher for matcher in statements if matcher.matches_action(name)]
    allowed = [p for m in covering if m.layer == "identity" and not m.denies for p in m.statement.resources or ("*",)]
    texts = {text for m in covering for text in (*m.statement.resources, *m.statement.not_resources)}
    templates = [parse_template(text, "2012-10-17") for text in sorted(texts)]
    # Policy variables have what follows from the role, and every other one the same value.
    own = AccessRequest(principal=grant.role_arn, action=str(action), resource=grant.role_arn).context
    keys = {key for template in templates for key in template.keys if control_of(key).controller != "request"}
    context = dict.fromkeys(sorted(keys), (_VALUE,))
    patterns = [TextPattern.of(pieces) for t in templates if (pieces := t.fill({**own, **context})) is not None]
    role = partial(Searched, principal=grant.role_arn, context=context)
    # The shortest ARNs first: those of a bucket's objects before those of an access point's.
    for listed in sorted(_formats(action), key=len):
        arn_format = listed.replace("${Partition}", grant.partition)
        if not any(_may_match(pattern, arn_format) for pattern in allowed):
            continue
        for account in (_literal(grant.account), _ACCOUNT):
            for resource in one_text_per_class(patterns, _form(arn_format, account)):
                owner = Arn.parse(resource).account
                yield role(resource=resource, resource_account=grant.account if owner in ("", "aws") else owner)
    if not action.required_resource_types:
        yield role(resource="*", resource_account=grant.account)


def _formats(action: Action) -> tuple[str, ...]:
    """Return the formats of the ARNs that an action may take: those of its types, and those that AWS does not list."""
    return (*(kind.arn_format for kind in action.resource_types), *unlisted_arn_formats(action.service))


def _may_match(pattern: str, arn_format: str) -> bool:
    """Return whether a pattern and the format of an ARN begin alike, up to the first wildcard or placeholder."""
    beginnings = [literal_prefix(text.partition("${")[0]) for text in (pattern, arn_format)]
    return beginnings[0].startswith(beginnings[1]) or beginnings[1].startswith(beginnings[0])


def _form(arn_format: str, account: TextPattern) -> TextPattern:
    """Return the pattern of the ARNs of a format."""
    arn, partition, service, region, owner, name = arn_format.split(":", 5)
    segments = [
        _literal(f"{arn}:{partition}"),
        _literal(service) if "$" not in service else _REGION,
        _literal(region) if set(region).isdisjoint("$*") else _REGION,
        _literal(owner) if owner in ("", "aws") else account,
    ]
    form = segments[0]
    for segment in segments[1:]:
        form = form.then(_literal(":")).then(segment)
    form = form.then(_literal(":"))
    for part in _PLACEHOLDER.split(name):
        form = form.then({"${BucketName}": _BUCKET}.get(part, _NAME if part[:1] in ("$", "*") else _literal(part)))
    return form


def _literal(text: str) -> TextPattern:
    return TextPattern.of([(text, False)])
