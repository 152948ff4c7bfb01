"""Replaces account IDs, unique IDs and external IDs in plain data, each by the same value everywhere."""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Callable, Iterable, Mapping
from hashlib import sha256

from attrs import field, frozen

from xacct.arn import account_id
from xacct.errors import InvalidValue

__all__ = ["Redaction"]

_SHORTEST_SECRET = 16

# The prefixes of unique IDs and access key IDs, from which the account ID can be computed; the canonical user IDs of
# accounts, which S3 uses; account IDs.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids
_IDS = re.compile(
    "(?<![A-Za-z0-9])(?P<prefix>A(?:BIA|CCA|GPA|IDA|IPA|KIA|NPA|NVA|PKA|ROA|SCA|SIA))(?P<unique>[A-Z0-9]{12,})"
    "|(?<![0-9A-Za-z])(?P<canonical>[0-9a-f]{64})(?![0-9A-Za-z])"
    "|(?<![0-9])(?P<account>[0-9]{12})(?![0-9])"
)
# What stays in an external ID: wildcards and policy variables.
_PATTERN = re.compile(r"(\$\{[^}]*\}|[*?])")
_EXTERNAL_ID = "sts:externalid"


@frozen
class Redaction:
    """A mapping of IDs to other ones, which only those who know the secret can repeat.

    Attributes:
        keep: the account IDs that stay.
    """

    _key: bytes = field(repr=False)
    keep: frozenset[str]

    @classmethod
    def of(cls, secret: str | None, keep: Iterable[str]) -> Redaction:
        """Return the redaction of a secret; one that cannot be repeated, for None.

        Raises:
            InvalidValue: the secret is too short, or what to keep is no account ID.
        """
        if secret is None:
            key = secrets.token_bytes(32)
        elif isinstance(secret, str) and len(secret) >= _SHORTEST_SECRET:
            key = secret.encode("utf-8", "surrogatepass")
        else:
            rule = f"must be a random text of at least {_SHORTEST_SECRET} characters, such as secrets.token_urlsafe()"
            raise InvalidValue("secret", "(not shown)", rule)
        return cls(key, frozenset(account_id(account, "keep") for account in keep))

    def plain_data(self, data: object) -> object:
        """Return plain data with every ID replaced, in keys as well."""
        return self._replaced(data, self.text)

    def text(self, text: str) -> str:
        """Return a text with every ID in it replaced."""
        return _IDS.sub(self._other, text)

    def _replaced(self, data: object, change: Callable[[str], str]) -> object:
        if isinstance(data, str):
            return change(data)
        if isinstance(data, Mapping):
            return {
                self.text(str(key)): self._replaced(
                    member, self._external_id if str(key).lower() == _EXTERNAL_ID else change
                )
                for key, member in data.items()
            }
        if isinstance(data, (list, tuple)):
            return [self._replaced(item, change) for item in data]
        # A policy can have an account ID as a number.
        is_number = isinstance(data, int) and not isinstance(data, bool)
        return change(f"{data:012}") if is_number and f"{data:012}" != change(f"{data:012}") else data

    def _external_id(self, text: str) -> str:
        parts = _PATTERN.split(text)
        return "".join(
            self.text(part) if number % 2 else part and f"external-{self._digest('external ID', part)[:16]}"
            for number, part in enumerate(parts)
        )

    def _other(self, found: re.Match[str]) -> str:
        if account := found["account"]:
            return account if account in self.keep else f"{int(self._digest('account', account), 16) % 10**12:012}"
        if canonical := found["canonical"]:
            return self._digest("canonical user", canonical)
        unique = found["unique"]
        return found["prefix"] + self._digest("unique ID", unique).upper()[: len(unique)]

    def _digest(self, kind: str, value: str) -> str:
        return hmac.new(self._key, f"{kind} {value}".encode("utf-8", "surrogatepass"), sha256).hexdigest()
