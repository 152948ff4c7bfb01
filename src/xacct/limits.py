"""AWS's limits and name rules: lengths, characters, quotas, durations, tags and bucket names.

The grants, the sessions and the sandbox check against these values. ``tests/test_limits.py`` compares them with
botocore's service models of IAM and STS.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

from attrs import frozen

__all__ = [
    "ACCESS_KEY_ID",
    "ACCOUNT_ID",
    "ASSUME_ROLE_SECONDS",
    "BUCKET_KEY_BYTES",
    "CHAINED_SESSION_SECONDS",
    "CONTEXT_ASSERTION",
    "CONTROL_POLICY_CHARACTERS",
    "DEFAULT_SESSION_SECONDS",
    "DEFAULT_SESSION_TOKEN_SECONDS",
    "DESCRIPTION",
    "ENTITY_NAME",
    "EXTERNAL_ID",
    "FEDERATED_USER_NAME",
    "GROUP_NAME",
    "INLINE_POLICY_CHARACTERS",
    "LARGEST_TRUST_POLICY_CHARACTERS",
    "MANAGED_POLICIES_PER_ENTITY",
    "MANAGED_POLICY_CHARACTERS",
    "MANAGED_POLICY_VERSIONS",
    "MAX_SESSION_SECONDS",
    "MFA_AGE_SECONDS",
    "MFA_SERIAL",
    "MFA_TOKEN_CODE",
    "ORGANIZATION_ID",
    "PASSWORD",
    "PATH",
    "PERMISSION_SET_NAME",
    "POLICY_NAME",
    "PROVIDED_CONTEXTS",
    "RESOURCE_POLICY_BYTES",
    "ROLE_SESSION_NAME",
    "SAML_PROVIDER_NAME",
    "SESSION_POLICY",
    "SESSION_POLICY_ARNS",
    "SESSION_POLICY_CHARACTERS",
    "SESSION_TOKEN_SECONDS",
    "SOURCE_IDENTITY",
    "SWITCH_ROLE_NAME_LENGTH",
    "TAGS",
    "TAG_KEY_LENGTH",
    "TAG_PATTERN",
    "TAG_VALUE_LENGTH",
    "TRUST_POLICY_CHARACTERS",
    "Range",
    "TextRule",
    "is_bucket_name",
    "is_tag_text",
    "repeated_tag_key",
]


@frozen
class TextRule:
    """A rule for a string parameter.

    Args:
        characters: the pattern of one allowed character, as AWS's service model writes it.
        shortest: the minimum length in characters.
        longest: the maximum length in characters.
        words: a description of the allowed characters, for messages.
        whole: the pattern of the whole string, if the order of the characters matters too.
    """

    characters: str
    shortest: int
    longest: int
    words: str
    whole: str | None = None

    def allows(self, value: object) -> bool:
        """Return whether the value is a string of a valid length and form."""
        return isinstance(value, str) and self.shortest <= len(value) <= self.longest and self.has_valid_form(value)

    def has_valid_form(self, text: str) -> bool:
        """Return whether the string has only allowed characters, in an allowed order. Its length is not checked."""
        return re.fullmatch(self.whole or f"{self.characters}*", text, re.ASCII) is not None

    def __str__(self) -> str:
        lengths = f"{self.shortest} to {self.longest}" if self.shortest else f"at most {self.longest}"
        return f"{lengths} {self.words}"


@frozen
class Range:
    """The minimum and the maximum integer that AWS accepts, both inclusive."""

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
PERMISSION_SET_NAME = TextRule(_NAME, 1, 32, _NAME_WORDS)
ORGANIZATION_ID = TextRule(
    r"[a-z0-9-]", 12, 34, "characters: 'o-' and 10 to 32 lower-case letters or digits", r"o-[a-z0-9]{10,32}"
)
PATH = TextRule(r"[!-~]", 1, 512, "printable ASCII characters, beginning and ending with '/'", r"/|/[!-~]+/")
DESCRIPTION = TextRule(
    r"[\u0009\u000A\u000D\u0020-\u007E\u00A1-\u00FF]", 0, 1000, "characters of Latin-1, tabs and line breaks"
)
PASSWORD = Range(8, 128)
"""Length of a console password in characters, if the account has no password policy."""

ROLE_SESSION_NAME = TextRule(_NAME, 2, 64, _NAME_WORDS)
SOURCE_IDENTITY = TextRule(_NAME, 2, 256, _NAME_WORDS)
"""Older service models of STS document at most 64 characters. STS accepts 256."""
FEDERATED_USER_NAME = TextRule(_NAME, 2, 32, _NAME_WORDS)
"""The name of a federated user of GetFederationToken."""
SAML_PROVIDER_NAME = TextRule(r"[\w._-]", 1, 128, "letters, digits and ._-")
ACCESS_KEY_ID = TextRule(r"[\w]", 16, 128, "letters and digits")
EXTERNAL_ID = TextRule(r"[\w+=,.@:\/-]", 2, 1224, "letters, digits and +=,.@:/_-")
MFA_SERIAL = TextRule(r"[\w+=/:,.@-]", 9, 256, "letters, digits and +=/:,.@_-: an ARN or a serial number")
MFA_TOKEN_CODE = TextRule(r"[\d]", 6, 6, "digits")
CONTEXT_ASSERTION = TextRule(r"[!-~]", 4, 3072, "printable ASCII characters")
"""A signed context assertion of AssumeRole's ProvidedContexts. AWS documents its length only."""
SESSION_POLICY = TextRule(r"[\u0009\u000A\u000D\u0020-\u00FF]", 1, 2048, "characters of Latin-1, tabs and line breaks")

ASSUME_ROLE_SECONDS = Range(900, 43_200)
MAX_SESSION_SECONDS = Range(3600, 43_200)
"""A role's MaxSessionDuration."""
MFA_AGE_SECONDS = Range(1, 129_600)
"""Seconds since the sign-in with MFA that aws:MultiFactorAuthAge can be limited to."""
SESSION_TOKEN_SECONDS = Range(900, 129_600)
DEFAULT_SESSION_TOKEN_SECONDS = 43_200
"""The default DurationSeconds of GetSessionToken and GetFederationToken."""
DEFAULT_SESSION_SECONDS = 3600
"""The default of AssumeRole's DurationSeconds and of a role's MaxSessionDuration."""
CHAINED_SESSION_SECONDS = 3600
"""The maximum duration of a role session that was started from another role session (role chaining)."""

TRUST_POLICY_CHARACTERS = 2048
LARGEST_TRUST_POLICY_CHARACTERS = 8192
"""The maximum size of a trust policy after an increase of the account's quota."""
MANAGED_POLICY_CHARACTERS = 6144
SESSION_POLICY_CHARACTERS = SESSION_POLICY.longest
"""The maximum size of a session policy and the ARNs of managed session policies together."""
SESSION_POLICY_ARNS = 10
PROVIDED_CONTEXTS = 5
"""The number of trusted context assertions of one call of AssumeRole."""
INLINE_POLICY_CHARACTERS: Mapping[str, int] = {"role": 10_240, "user": 2048, "group": 5120}
"""The maximum total size of an entity's inline policies in characters, without white space."""
CONTROL_POLICY_CHARACTERS = 5120
"""The maximum size of a service or resource control policy, with white space.

Source: https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html
"""
RESOURCE_POLICY_BYTES: Mapping[str, tuple[int, str]] = {
    "s3": (20_480, "https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-iam-policies.html"),
    "kms": (32_768, "https://docs.aws.amazon.com/kms/latest/APIReference/API_PutKeyPolicy.html"),
    "sqs": (8192, "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-policies.html"),
    "secretsmanager": (20_480, "https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html"),
    "dynamodb": (20_480, "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_PutResourcePolicy.html"),
}
"""The maximum size of the policy of a resource in bytes, with white space, and the page that says so, by service."""
MANAGED_POLICIES_PER_ENTITY = 10
MANAGED_POLICY_VERSIONS = 5
SWITCH_ROLE_NAME_LENGTH = 64
"""The maximum combined length of a role's path and name, if the console is to switch to the role."""

TAGS = 50
TAG_KEY_LENGTH = 128
TAG_VALUE_LENGTH = 256
TAG_PATTERN = r"[\p{L}\p{Z}\p{N}_.:/=+\-@]"
BUCKET_KEY_BYTES = 1024


def is_tag_text(value: object) -> bool:
    """Return whether the value is a string of the characters that tag keys and values may have.

    These are letters, digits and spaces of all scripts, and ``_.:/=+-@``.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags.html

    >>> is_tag_text("cost center"), is_tag_text("cost\\tcenter")
    (True, False)
    """
    return isinstance(value, str) and all(c in "_.:/=+-@" or unicodedata.category(c)[0] in "LZN" for c in value)


def repeated_tag_key(keys: Mapping[str, object] | list[str]) -> str | None:
    """Return the first tag key that another key equals if case is ignored, as AWS does; None if all keys differ.

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
    """Return whether a general purpose bucket can have this name.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html

    >>> is_bucket_name("reports"), is_bucket_name("192.0.2.1"), is_bucket_name("Reports")
    (True, False, False)
    """
    return isinstance(value, str) and _BUCKET.fullmatch(value) is not None
