"""Every error that xacct raises, on one page.

Each message says what was being done, in which account, what was wanted, what was given, and what to do next. None
carries a password, a secret key or a session token.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import boto3

__all__ = [
    "ApplyFailed",
    "AssumeRoleDenied",
    "AwsError",
    "ForeignAttachments",
    "InvalidValue",
    "MfaRejected",
    "NotOurs",
    "NotPropagated",
    "PackedPolicyTooLarge",
    "PermissionMissing",
    "PolicyError",
    "ProofFailed",
    "RegionDisabled",
    "SessionExpired",
    "WrongAccount",
    "XacctError",
]


class XacctError(Exception):
    """The base class of every error of xacct. Each survives ``pickle`` and ``copy.deepcopy`` with all its fields."""

    def __reduce__(self) -> tuple[object, ...]:
        return _restored, (type(self), self.args, dict(self.__dict__))


def _restored(kind: type[XacctError], args: tuple[object, ...], fields: dict[str, object]) -> XacctError:
    # Without calling __init__, which makes the message from the fields and has another signature in each class.
    error = kind.__new__(kind, *args)
    error.__dict__.update(fields)
    return error


class InvalidValue(XacctError, ValueError):
    """A value that AWS would refuse, or that would be unsafe; refused before any call.

    Args:
        field: the name of the argument.
        value: what was given.
        rule: what would be right.
    """

    def __init__(self, field: str, value: object, rule: str) -> None:
        self.field, self.value, self.rule = field, value, rule
        super().__init__(f"{field}: {value!r} is not valid: {rule}")


class PolicyError(XacctError, ValueError):
    """A policy document that is not well formed.

    Args:
        path: where, in the document's own terms, such as ``Statement[0].Condition.Bool``.
        problem: what is wrong there, and what would be right.
    """

    def __init__(self, path: str, problem: str) -> None:
        self.path, self.problem = path, problem
        super().__init__(f"{path}: {problem}" if path else problem)


class WrongAccount(XacctError):
    """A session that belongs to another account than the grant is for."""

    def __init__(self, side: str, wanted: str, given: str) -> None:
        self.side, self.wanted, self.given = side, wanted, given
        super().__init__(
            f"the {side} session belongs to account {given}, but the grant is for account {wanted}: "
            f"pass a session of account {wanted}"
        )


class ProofFailed(XacctError):
    """A grant whose proof fails: it would give what it should not, or not give what it should. Nothing was changed.

    Args:
        grant: the grant in words.
        failures: each check that failed, in words.
    """

    def __init__(self, grant: str, failures: Sequence[str]) -> None:
        self.grant, self.failures = grant, tuple(failures)
        super().__init__(
            f"the proof of {grant} fails: {'; '.join(failures)}. Nothing was changed: mend the grant, and print its "
            "prove() for the whole table"
        )


class NotOurs(XacctError):
    """Something of the wanted name is there and does not carry xacct's ownership tags.

    Nothing was changed. Choose another name, or pass ``adopt=True`` to take it over.
    """

    def __init__(self, account: str, names: Sequence[str]) -> None:
        self.account, self.names = account, tuple(names)
        super().__init__(
            f"account {account} already has {', '.join(names)}, which xacct did not make: "
            "choose another name, or pass adopt=True to take it over"
        )


class ForeignAttachments(XacctError):
    """What somebody else attached stands in the way of a removal.

    Args:
        doing: what was being done.
        account: the account's id.
        names: each thing that is foreign, in words.
        touched: whether anything had been removed before AWS reported it.
    """

    def __init__(self, doing: str, account: str, names: Sequence[str], *, touched: bool = False) -> None:
        self.account, self.names, self.touched = account, tuple(names), touched
        state = "what is listed as removed is gone" if touched else "nothing was touched"
        super().__init__(
            f"{doing} in account {account}: {state}; xacct did not make {'; '.join(names)}. "
            "Remove these by hand and run it again"
        )


class ApplyFailed(XacctError):
    """A step failed.

    Args:
        doing: the step that failed, in words.
        cause: why.
        stands: what this run made and could not take back (empty: the accounts are as they were).
        restored: what this run made and took back.
    """

    def __init__(self, doing: str, cause: str, *, stands: Sequence[str] = (), restored: Sequence[str] = ()) -> None:
        self.doing, self.cause, self.stands, self.restored = doing, cause, tuple(stands), tuple(restored)
        super().__init__(f"{doing} failed: {cause}. {self._state()}")

    def _state(self) -> str:
        if self.stands:
            return (
                f"Still standing: {'; '.join(self.stands)}. "
                "Mend the cause and run it again: what stands is taken up from there; destroy() removes it"
            )
        if self.restored:
            return f"Rolled back: {'; '.join(self.restored)}. The accounts are as they were"
        return "Nothing had been changed"


class AwsError(XacctError):
    """A refusal by AWS that retries do not mend.

    Args:
        message: the whole text.
        doing: what was being done, in words.
        account: the account's id, where it is known.
        code: AWS's error code, such as ``AccessDenied``.
        ambiguous: whether the call may have taken effect all the same: its answer was lost, or the server broke.
    """

    def __init__(
        self,
        message: str,
        *,
        doing: str,
        account: str | None = None,
        code: str | None = None,
        ambiguous: bool = False,
    ) -> None:
        self.doing, self.account, self.code, self.ambiguous = doing, account, code, ambiguous
        super().__init__(message)


class PermissionMissing(AwsError):
    """The caller itself may not make a call that xacct needs.

    Args:
        doing: what was being done.
        account: the caller's account.
        action: the IAM action that was refused, such as ``iam:CreateRole``.
        resource: the ARN that it was refused on.
        message: AWS's own words.
    """

    def __init__(self, *, doing: str, account: str, action: str, resource: str, message: str) -> None:
        self.action, self.resource = action, resource
        self.statement: Mapping[str, str] = {"Effect": "Allow", "Action": action, "Resource": resource}
        super().__init__(
            f"{doing} in account {account}: the caller may not {action} on {resource}. Add to its identity policy "
            f"{json.dumps(self.statement)}, unless another layer denies it. AWS said: {message}",
            doing=doing,
            account=account,
            code="AccessDenied",
        )


class NotPropagated(AwsError):
    """What was written had not become visible everywhere when the deadline passed."""


class Explains(Protocol):
    """What an error knows of the :class:`xacct.Explanation` that it carries.

    Attributes:
        certain: whether policies that were read refuse, whatever those say that could not be read.
        notes: what the policies do not say by themselves.
        unread: what could not be read, and why.
    """

    @property
    def certain(self) -> bool: ...
    @property
    def notes(self) -> Sequence[str]: ...
    @property
    def unread(self) -> Sequence[str]: ...


class AssumeRoleDenied(AwsError):
    """sts:AssumeRole was refused.

    Attributes:
        trusting: a session of the role's account, by which `explain` reads its side too; None where nobody has one.
    """

    trusting: boto3.Session | None = None
    _read: Callable[[boto3.Session | None], Explains | None] | None = None

    def explained_by(self, read: Callable[[boto3.Session | None], Explains | None]) -> None:
        """Let `explain` be what this reads.

        Args:
            read: reads the policies, with a session of the role's account where there is one, and decides the request
                again; None where nothing can be told.
        """
        self._read = read

    def explain(self, trusting: boto3.Session | None = None) -> Explains | None:
        """Why, by the policies that can be read: an :class:`xacct.Explanation`, or None where nothing can be told.

        Args:
            trusting: a session of the role's account; without one, only what the caller may read is known.
        """
        return self._read(trusting or self.trusting) if self._read else None

    @cached_property
    def explanation(self) -> Explains | None:
        """What `explain` finds, read when this is asked for the first time."""
        return self.explain()


class SessionExpired(AwsError):
    """The credentials that would assume the role have expired."""


class MfaRejected(AwsError):
    """The MFA code was refused, or one was needed and none could be had."""


class RegionDisabled(AwsError):
    """STS is not activated for the account in this region."""


class PackedPolicyTooLarge(AwsError):
    """Session policies and tags take more than the packed space.

    Args:
        percent: how much of the space they take, where AWS says so.
    """

    def __init__(
        self,
        message: str,
        *,
        doing: str,
        account: str | None = None,
        code: str | None = None,
        percent: int | None = None,
    ) -> None:
        self.percent = percent
        super().__init__(message, doing=doing, account=account, code=code)
