"""The actions that can be done on a resource, in classes that its policies treat alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

from attrs import frozen

from xacct.access_audit.subject import Subject
from xacct.authz.statement_matcher import StatementMatcher
from xacct.authz.variables import parse_template
from xacct.proof.pattern_classes import TextPattern, TooManyStates, one_text_per_class
from xacct.reference import AccessLevel, Action, actions_matching

__all__ = ["LEVELS", "ActionClass", "action_classes", "examples_by_level", "level_of", "most_dangerous", "parts_of"]

LEVELS: tuple[AccessLevel, ...] = ("Permissions management", "Write", "Read", "List")
"""From the most dangerous to the least."""

# The actions by which everybody knows what is meant.
_WELL_KNOWN = frozenset({
    "ecr:BatchGetImage", "ecr:PutImage", "kms:CreateGrant", "kms:Decrypt", "lambda:InvokeFunction",
    "lambda:UpdateFunctionCode", "s3:DeleteObject", "s3:GetObject", "s3:ListBucket", "s3:PutBucketAcl",
    "s3:PutObject", "s3:PutObjectAcl", "secretsmanager:GetSecretValue", "secretsmanager:PutResourcePolicy",
    "secretsmanager:PutSecretValue", "sns:Publish", "sns:Subscribe", "sqs:ReceiveMessage", "sqs:SendMessage",
})  # fmt: skip

# What only the resource's own account can do, whatever the resource policy says.
# https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketPolicy.html and the pages of the other two
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-limitations-of-custom-policies.html
_OF_OWN_ACCOUNT = frozenset({
    "s3:DeleteBucketPolicy", "s3:GetBucketPolicy", "s3:PutBucketPolicy",
    "sqs:AddPermission", "sqs:CancelMessageMoveTask", "sqs:CreateQueue", "sqs:DeleteQueue", "sqs:ListMessageMoveTasks",
    "sqs:ListQueueTags", "sqs:ListQueues", "sqs:RemovePermission", "sqs:SetQueueAttributes", "sqs:StartMessageMoveTask",
    "sqs:TagQueue", "sqs:UntagQueue",
})  # fmt: skip
# Of a KMS key, other accounts can do only this.
# https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-modifying-external-accounts.html
_OF_KEYS = frozenset({
    "kms:CreateGrant", "kms:Decrypt", "kms:DeriveSharedSecret", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey",
    "kms:GenerateDataKeyPair", "kms:GenerateDataKeyPairWithoutPlaintext", "kms:GenerateDataKeyWithoutPlaintext",
    "kms:GenerateMac", "kms:GetKeyRotationStatus", "kms:GetPublicKey", "kms:ListGrants", "kms:ReEncryptFrom",
    "kms:ReEncryptTo", "kms:RetireGrant", "kms:RevokeGrant", "kms:Sign", "kms:Verify", "kms:VerifyMac",
})  # fmt: skip

# The types of the resources that have policies.
_KINDS = {
    "ecr": {"repository"}, "kms": {"key"}, "lambda": {"function"}, "s3": {"bucket", "object"},
    "secretsmanager": {"secret"}, "sns": {"topic"}, "sqs": {"queue"},
}  # fmt: skip

# A policy with more patterns of objects is decided for some objects only.
_MOST_PATTERNS = 40
_NAME = TextPattern.of([("?*", True)])


@frozen
class ActionClass:
    """Actions on a resource, or on its objects, that the same statements cover.

    Attributes:
        actions: the actions.
        statements: the places of the statements that cover them, among those of the policies.
        is_for_objects: whether they are done on the objects of a bucket.
    """

    actions: tuple[Action, ...]
    statements: frozenset[int]
    is_for_objects: bool


def level_of(action: Action) -> AccessLevel:
    """Return the access level of an action: the most dangerous one. Tagging is writing.

    >>> from xacct.reference import find_action
    >>> level_of(find_action("s3:PutBucketAcl")), level_of(find_action("kms:Decrypt"))
    ('Permissions management', 'Read')
    """
    if action.only_reads:
        return "List" if action.levels == {"List"} else "Read"
    return "Permissions management" if "Permissions management" in action.levels else "Write"


def most_dangerous(actions: Sequence[Action]) -> Action:
    """Return the action with the most dangerous level; of several, one that is well known."""
    return min(actions, key=_rank)


def examples_by_level(actions: Sequence[Action]) -> Mapping[AccessLevel, Action]:
    """Return an action of each level, the most dangerous level first."""
    found = {level_of(action): action for action in sorted(actions, key=_rank, reverse=True)}
    return {level: found[level] for level in LEVELS if level in found}


@cache
def _rank(action: Action) -> tuple[int, bool, str]:
    return LEVELS.index(level_of(action)), str(action) not in _WELL_KNOWN, str(action)


def action_classes(subject: Subject, statements: Sequence[StatementMatcher]) -> list[ActionClass]:
    """Return the actions that other accounts can do on a resource if its policy allows it, in classes.

    Args:
        subject: the resource.
        statements: the statements of its policy and of the control policies.
    """
    found: dict[tuple[frozenset[int], bool], list[Action]] = {}
    for action, is_for_objects in _actions_on(subject.service):
        name = str(action).lower()
        covering = frozenset(place for place, matcher in enumerate(statements) if matcher.matches_action(name))
        if covering:
            found.setdefault((covering, is_for_objects), []).append(action)
    return [ActionClass(tuple(actions), *key) for key, actions in found.items()]


@cache
def _actions_on(service: str) -> tuple[tuple[Action, bool], ...]:
    """Return the actions that other accounts can do on the resources of a service that have policies."""
    found = []
    for action in actions_matching(f"{service}:*"):
        names = {kind.name.lower() for kind in action.resource_types if kind.service == service}
        crosses = str(action) in _OF_KEYS if service == "kms" else str(action) not in _OF_OWN_ACCOUNT
        if crosses and names & _KINDS.get(service, set()):
            found.append((action, "object" in names))
    return tuple(found)


def parts_of(subject: Subject, of_class: ActionClass, statements: Sequence[StatementMatcher]) -> list[str]:
    """Return what of a resource the statements tell apart: the resource, or objects of a bucket.

    Of objects, there is one for each way in which the Deny statements tell apart those that an Allow covers.

    Args:
        subject: the resource.
        of_class: the actions.
        statements: the statements of its policy and of the control policies.

    Raises:
        TooManyStates: the statements tell too many objects apart.
    """
    if not of_class.is_for_objects:
        return [subject.arn]
    covering = [statements[place] for place in sorted(of_class.statements)]
    denied = [pattern for matcher in covering if matcher.denies for pattern in _patterns(matcher)]
    found: dict[str, None] = {}
    for matcher in covering:
        if not matcher.denies and matcher.layer == "resource":
            patterns = [*_patterns(matcher), *denied]
            if len(patterns) > _MOST_PATTERNS:
                raise TooManyStates
            found.update(dict.fromkeys(one_text_per_class(patterns, _NAME, prefix=f"{subject.arn}/")))
    return list(found)


def _patterns(matcher: StatementMatcher) -> list[TextPattern]:
    """Return the patterns of resources of a statement. Those with policy variables cannot be followed."""
    texts = (*matcher.statement.resources, *matcher.statement.not_resources)
    templates = [parse_template(text, "2012-10-17") for text in texts if text != "*"]
    return [TextPattern.of(template.literal) for template in templates if not template.keys]
