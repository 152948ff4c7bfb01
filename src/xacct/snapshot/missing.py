"""Entries of `missing`: what a snapshot or an organization lacks, each with the reason."""

from __future__ import annotations

from xacct.errors import AwsError, PermissionMissing

__all__ = ["missing_entry", "reason_of", "what_is_missing"]


def missing_entry(what: str, why: str) -> str:
    """Return an entry.

    >>> missing_entry("policy arn:aws:iam::aws:policy/ReadOnlyAccess", "its document is not in the details")
    'policy arn:aws:iam::aws:policy/ReadOnlyAccess (its document is not in the details)'
    """
    return f"{what} ({why})"


def what_is_missing(entry: str) -> str:
    """Return what an entry is about, without the reason.

    >>> what_is_missing("trust policy of role arn:aws:iam::111111111111:role/R (its document is not JSON)")
    'trust policy of role arn:aws:iam::111111111111:role/R'
    """
    return entry.partition(" (")[0]


def reason_of(error: Exception) -> str:
    """Return why something could not be read, in a few words.

    >>> reason_of(AwsError("reading it failed", doing="reading it", code="InternalFailure"))
    'InternalFailure'
    """
    if isinstance(error, PermissionMissing):
        return f"the caller may not {error.action}"
    code = error.code if isinstance(error, AwsError) else None
    return code or str(error)
