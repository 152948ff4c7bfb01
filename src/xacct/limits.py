"""AWS's limits and name rules, each written once: lengths, characters, quotas, durations, tags and bucket names.

The grants, the sessions and the sandbox all check against these.

Source: botocore's service models of IAM and STS, and
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

from attrs import frozen

__all__ = [
    "ACCOUNT_ID",
    "ASSUME_ROLE_SECONDS",
    "BUCKET_KEY_BYTES",
    "CHAINED_SESSION_SECONDS",
    "DEFAULT_SESSION_SECONDS",
    "DESCRIPTION",
    "ENTITY_NAME",
    "EXTERNAL_ID",
    "GROUP_NAME",
    "INLINE_POLICY_CHARACTERS",
    "MANAGED_POLICIES_PER_ENTITY",
    "MANAGED_POLICY_CHARACTERS",
    "MANAGED_POLICY_VERSIONS",
    "MAX_SESSION_SECONDS",
    "MFA_SERIAL",
    "MFA_TOKEN_CODE",
    "PASSWORD",
    "PATH",
    "POLICY_NAME",
    "ROLE_SESSION_NAME",
    "SESSION_POLICY",
    "SESSION_POLICY_ARNS",
    "SESSION_POLICY_CHARACTERS",
    "SESSION_TOKEN_SECONDS",
    "SOURCE_IDENTITY",
    "SOURCE_IDENTITY_LIVE",
    "SWITCH_ROLE_NAME_LENGTH",
    "TAG_KEY_LENGTH",
    "TAG_PATTERN",
    "TAG_VALUE_LENGTH",
    "TAGS",
    "TRUST_POLICY_CHARACTERS",
    "Range",
    "TextRule",
    "is_bucket_name",
    "is_tag_text",
    "repeated_tag_key",
]


@frozen
class TextRule:
    """What a text parameter may be.

    Args:
        characters: the pattern of one allowed character, as AWS's service model writes it.
        shortest: its least length in characters.
        longest: its greatest length in characters.
        words: the allowed characters in words.
        whole: the pattern of the whole text, where the characters alone do not say it.
    """

    characters: str
    shortest: int
    longest: int
    words: str
    whole: str | None = None

    def allows(self, value: object) -> bool:
        """Whether a value keeps the rule."""
        return isinstance(value, str) and self.shortest <= len(value) <= self.longest and self.has_valid_form(value)

    def has_valid_form(self, text: str) -> bool:
        """Whether a text has only allowed characters, in an allowed order, whatever its length."""
        return re.fullmatch(self.whole or f"{self.characters}*", text, re.ASCII) is not None

    def __str__(self) -> str:
        lengths = f"{self.shortest} to {self.longest}" if self.shortest else f"at most {self.longest}"
        return f"{lengths} {self.words}"


@frozen
class Range:
    """The least and the greatest number that AWS accepts, both included."""

    least: int
    most: int

    def __contains__(self, value: object) -> bool:
        return isinstance(value, int) and not isinstance(value, bool) and self.least <= value <= self.most

    def __str__(self) -> str:
        return f"{self.least} to {self.most}"


_NAME = r"[\w+=,.@-]"
_NAME_WORDS = "letters, digits and +=,.@_-"

ACCOUNT_ID = TextRule(r"[0-9]", 12, 12, "digits")
ENTITY_NAME = TextRule(_NAME, 1, 64, _NAME_WORDS)
GROUP_NAME = TextRule(_NAME, 1, 128, _NAME_WORDS)
POLICY_NAME = TextRule(_NAME, 1, 128, _NAME_WORDS)
PATH = TextRule(r"[!-~]", 1, 512, "printable ASCII characters, beginning and ending with '/'", r"/|/[!-~]+/")
DESCRIPTION = TextRule(
    r"[\u0009\u000A\u000D\u0020-\u007E\u00A1-\u00FF]", 0, 1000, "characters of Latin-1, tabs and line breaks"
)
PASSWORD = Range(8, 128)
"""Characters of a console password where the account has no password policy."""

ROLE_SESSION_NAME = TextRule(_NAME, 2, 64, _NAME_WORDS)
SOURCE_IDENTITY = TextRule(_NAME, 2, 64, _NAME_WORDS)
SOURCE_IDENTITY_LIVE = TextRule(_NAME, 2, 256, _NAME_WORDS)
"""What STS was seen to accept, which is more than its service model says."""
EXTERNAL_ID = TextRule(r"[\w+=,.@:\/-]", 2, 1224, "letters, digits and +=,.@:/_-")
MFA_SERIAL = TextRule(r"[\w+=/:,.@-]", 9, 256, "letters, digits and +=/:,.@_-: an ARN or a serial number")
MFA_TOKEN_CODE = TextRule(r"[\d]", 6, 6, "digits")
SESSION_POLICY = TextRule(r"[\t\n\r\x20-\xFF]", 1, 2048, "characters of Latin-1, tabs and line breaks")

ASSUME_ROLE_SECONDS = Range(900, 43_200)
MAX_SESSION_SECONDS = Range(3600, 43_200)
"""MaxSessionDuration of a role."""
SESSION_TOKEN_SECONDS = Range(900, 129_600)
DEFAULT_SESSION_SECONDS = 3600
"""Seconds that STS grants, and a role allows, where no duration is set."""
CHAINED_SESSION_SECONDS = 3600
"""Seconds that STS grants at most to a role that another role's session assumes."""

TRUST_POLICY_CHARACTERS = 2048
MANAGED_POLICY_CHARACTERS = 6144
SESSION_POLICY_CHARACTERS = 2048
SESSION_POLICY_ARNS = 10
INLINE_POLICY_CHARACTERS: Mapping[str, int] = {"role": 10_240, "user": 2048, "group": 5120}
"""Characters of all inline policies together, white space not counted."""
MANAGED_POLICIES_PER_ENTITY = 10
MANAGED_POLICY_VERSIONS = 5
SWITCH_ROLE_NAME_LENGTH = 64
"""Characters of path and role name together, for a role that the console can switch to."""

TAGS = 50
TAG_KEY_LENGTH = 128
TAG_VALUE_LENGTH = 256
TAG_PATTERN = r"[\p{L}\p{Z}\p{N}_.:/=+\-@]"
BUCKET_KEY_BYTES = 1024


def is_tag_text(value: object) -> bool:
    """Whether a text has only the characters of a tag's key or value: letters, digits, spaces and ``_.:/=+-@``.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags.html

    >>> is_tag_text("cost center"), is_tag_text("cost\\tcenter")
    (True, False)
    """
    return isinstance(value, str) and all(c in "_.:/=+-@" or unicodedata.category(c)[0] in "LZN" for c in value)


def repeated_tag_key(keys: Mapping[str, object] | list[str]) -> str | None:
    """The first key that differs from another one at most in upper and lower case, which AWS takes for the same key.

    >>> repeated_tag_key(["team", "Team"])
    'team'
    """
    lower = [key.lower() for key in keys]
    return next((key for key in keys if lower.count(key.lower()) > 1), None)


_BUCKET = re.compile(
    r"(?!xn--|sthree-|amzn-s3-demo-)(?!.*(-s3alias|--ol-s3|\.mrap|--x-s3|--table-s3)$)(?!\d+\.\d+\.\d+\.\d+$)"
    r"(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"
)


def is_bucket_name(value: object) -> bool:
    """Whether a general purpose bucket can have this name.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html

    >>> is_bucket_name("reports"), is_bucket_name("192.0.2.1"), is_bucket_name("Reports")
    (True, False, False)
    """
    return isinstance(value, str) and _BUCKET.fullmatch(value) is not None
