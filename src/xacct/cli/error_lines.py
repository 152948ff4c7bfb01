"""Errors in three lines: what failed, why, and what to do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from xacct.errors import (
    ApplyFailed,
    AssumeRoleDenied,
    AwsError,
    CannotChange,
    CannotExpress,
    ForeignAttachments,
    GrantConflict,
    GrantsFailed,
    InvalidCredentials,
    InvalidValue,
    MfaRejected,
    NotOurs,
    NotPropagated,
    PackedPolicyTooLarge,
    PermissionMissing,
    PolicyError,
    ProofFailed,
    ProofNotDecided,
    RegionDisabled,
    SessionExpired,
    StalePlan,
    TargetTimedOut,
    WrongAccount,
    XacctError,
)

__all__ = ["TITLES", "error_lines", "error_text"]

TITLES = ("Error", "Why", "Do")

Lines = tuple[str, str, str]


def error_lines(error: BaseException) -> Lines:
    """Return what failed, why, and what to do.

    The messages of the library advise on Python's arguments. Here the advice names the options of the command.

    Args:
        error: an error of xacct, of the operating system or of a missing extra.
    """
    for kind in type(error).__mro__:
        if kind in _LINES:
            what, why, advice = _LINES[kind](error)
            return _one_line(what), _one_line(why), _one_line(advice)
    return type(error).__name__, _one_line(str(error)), "Run again with --debug, and report what it shows"


def error_text(error: BaseException) -> str:
    """Return the lines of `error_lines` as text, each with its title."""
    return "\n".join(f"{title + ':':<7}{line}" for title, line in zip(TITLES, error_lines(error)))


def _one_line(text: str) -> str:
    return " ".join(text.split()).rstrip(".")


def _aws(advice: str) -> Callable[[Any], Lines]:
    """Return the lines of an error of AWS, whose message says all that is known."""

    def lines(error: AwsError) -> Lines:
        where = f" in account {error.account}" if error.account and error.account not in error.doing else ""
        message = str(error)
        head = f"{error.doing} failed: "
        return f"{error.doing}{where} failed", message.removeprefix(head), advice

    return lines


def _apply_failed(error: ApplyFailed) -> Lines:
    if error.remaining:
        advice = f"Fix the cause and run the same command again; it continues. Remaining: {'; '.join(error.remaining)}"
    elif error.rolled_back:
        advice = f"Fix the cause and run again. Rolled back: {'; '.join(error.rolled_back)}"
    else:
        advice = "Fix the cause and run again. Nothing was changed"
    return f"{error.doing} failed", error.cause, advice


def _permission_missing(error: PermissionMissing) -> Lines:
    what = f"{error.doing} in account {error.account} failed"
    why = f"the caller may not {error.action} on {error.resource}"
    return what, why, f"Add to the caller's identity policy: {_json(error.statement)}"


def _json(data: object) -> str:
    import json

    return json.dumps(data)


def _names(names: Sequence[str]) -> str:
    return ", ".join(names)


_LINES: dict[type[BaseException], Callable[[Any], Lines]] = {
    InvalidValue: lambda e: (f"{e.field}: {e.value!r} is not valid", e.rule, "Correct it and run again"),
    PolicyError: lambda e: (
        f"the policy is not valid{f' at {e.path}' if e.path else ''}", e.problem, "Correct the policy and run again",
    ),
    WrongAccount: lambda e: (
        f"the {e.side} profile belongs to account {e.given}",
        f"the grant is for account {e.wanted}",
        f"Name a profile of account {e.wanted}",
    ),
    ProofFailed: lambda e: (
        f"the proof of {e.grant} failed; nothing was changed", "; ".join(e.failures), "Correct the grant and run again",
    ),
    ProofNotDecided: lambda e: (
        f"the proof of {e.grant} is not decided; nothing was changed",
        "; ".join(f"{name}: {why}" for name, why in e.undecided.items()),
        "Fix the causes, or add " + " ".join(f"--accept {name!r}" for name in e.undecided),
    ),
    NotOurs: lambda e: (
        f"account {e.account} already has {_names(e.names)}; nothing was changed",
        "xacct did not create it",
        "Choose another name, or add --adopt to take it over",
    ),
    GrantConflict: lambda e: (
        f"{_names(e.names)} in account {e.account} cannot be used by {e.wanted}; nothing was changed",
        f"it belongs to {e.owner}",
        "Choose another --role-name or --policy-name, or widen that grant; --adopt takes it over and ends that access",
    ),
    CannotExpress: lambda e: (
        f"{e.arn} cannot be expressed as a grant",
        "; ".join(e.items),
        "Change these by hand, or make the grant that you want with --adopt, which replaces them",
    ),
    CannotChange: lambda e: (
        f"{e.resource} in account {e.account} has {e.attribute} {e.current!r}; nothing was changed",
        f"AWS cannot change it to {e.wanted!r}",
        f"Keep {e.current!r}, choose another name, or revoke the grant and make it again",
    ),
    StalePlan: lambda e: (
        f"the plan is out of date: {_names(e.names)} in account {e.account}; nothing was changed",
        "it changed after the plan was made, perhaps by another run",
        "Plan again, look at the changes, and apply them",
    ),
    GrantsFailed: lambda e: (
        f"{len(e.failures)} of {len(e.failures) + len(e.succeeded)} grants failed; the others are in effect",
        "; ".join(f"{name}: {error_lines(failure)[1]}" for name, failure in e.failures.items()),
        "Fix the causes and run again; add -v for the whole messages",
    ),
    ForeignAttachments: lambda e: (
        f"{e.doing} in account {e.account} failed"
        + ("; what was reported as removed is gone" if e.touched else "; nothing was changed"),
        f"not created by xacct: {'; '.join(e.names)}",
        "Remove these attachments and run again",
    ),
    ApplyFailed: _apply_failed,
    TargetTimedOut: lambda e: (
        f"{e.doing} in account {e.account} did not end", f"it took more than {e.seconds:g} s", "Run again",
    ),
    PermissionMissing: _permission_missing,
    NotPropagated: _aws("Run again: IAM needed more time than usual"),
    AssumeRoleDenied: _aws("xacct explain reads the policies of both accounts and says why"),
    SessionExpired: _aws("Sign in again, for example with aws sso login, and run again"),
    InvalidCredentials: _aws("Check the profile with xacct whoami --profile NAME"),
    MfaRejected: _aws("Wait for the next code of the device and run again"),
    RegionDisabled: _aws("Choose another --region, or activate STS in this one in the account's settings"),
    PackedPolicyTooLarge: _aws("Shorten the session policy or the session tags"),
    AwsError: _aws("Run again; add -v for each call"),
    XacctError: lambda e: ("the command failed", str(e), "Add -v to see each step"),
    OSError: lambda e: (
        f"{e.filename or 'reading or writing'} failed", e.strerror or str(e), "Check the path and its permissions",
    ),
    ImportError: lambda e: ("a library is missing", str(e), "Install the extra that it names and run again"),
}  # fmt: skip
