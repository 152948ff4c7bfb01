"""Whether an ARN of a policy, with wildcards and variables, can be an ARN of a certain format."""

from __future__ import annotations

import re
from functools import lru_cache

__all__ = ["arns_overlap"]

# The symbols of a pattern besides literal characters.
_ANY = "?"
_MANY = "*"
_MANY_BUT_SLASH = "\0"

# In a format, a placeholder or a wildcard; in an ARN of a policy, a variable or a wildcard.
_FORMAT_PART = re.compile(r"\$\{(\w[^}]*)\}|\{[^}]*\}|\*")
_ARN_PART = re.compile(r"\$\{[^}]*\}|\*+")


@lru_cache(maxsize=16384)
def arns_overlap(arn_format: str, arn: str) -> bool:
    """Return whether some ARN of the format matches the ARN of a policy.

    Args:
        arn_format: the format of a resource type, with placeholders such as ``${BucketName}``. The name of a bucket
            has no slash, and every other placeholder can be any text.
        arn: the ARN of a policy, with the wildcards ``*`` and ``?``, and policy variables. It must have six parts.

    >>> arns_overlap("arn:${Partition}:s3:::${BucketName}/${ObjectName}", "arn:aws:s3:::reports/*")
    True
    >>> arns_overlap("arn:${Partition}:s3:::${BucketName}", "arn:aws:s3:::reports/*")
    False
    """
    ours = _ARN_PART.sub(_MANY, arn).split(":", 5)
    # The text of a placeholder has no colon.
    theirs = _FORMAT_PART.sub(_symbol, arn_format).split(":", 5)
    return all(_overlap(one, other) for one, other in zip(theirs, ours))


def _symbol(found: re.Match[str]) -> str:
    return _MANY_BUT_SLASH if found[1] == "BucketName" else _MANY


def _overlap(one: str, other: str) -> bool:
    """Return whether some text matches both patterns, of which only the first has `_MANY_BUT_SLASH`."""
    if other == _MANY or one == _MANY:
        return True
    length = min(_literal_length(one), _literal_length(other))
    if one[:length] != other[:length]:
        return False
    # Each entry says whether one[:i] and other[:j] have a text in common; the rows are those of `one`.
    reachable = [True, *(False for _ in other)]
    for j, symbol in enumerate(other, 1):
        reachable[j] = reachable[j - 1] and symbol == _MANY
    for mine in one:
        previous = reachable
        reachable = [previous[0] and mine in (_MANY, _MANY_BUT_SLASH)]
        for j, symbol in enumerate(other, 1):
            if mine in (_MANY, _MANY_BUT_SLASH):
                can_take = symbol != "/" or mine == _MANY
                reachable.append(previous[j] or (can_take and reachable[j - 1]))
            elif symbol == _MANY:
                reachable.append(previous[j] or reachable[j - 1])
            else:
                reachable.append(previous[j - 1] and (mine == symbol or _ANY in (mine, symbol)))
    return reachable[-1]


def _literal_length(pattern: str) -> int:
    return next((i for i, symbol in enumerate(pattern) if symbol in (_ANY, _MANY, _MANY_BUT_SLASH)), len(pattern))
