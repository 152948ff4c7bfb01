"""The errors that xacct raises.

Each message says what failed, on which resource, in which account, why, and what to do next. No error holds a password,
a secret key or a session token, and each survives ``pickle`` and ``copy.deepcopy`` with all its fields.

- XacctError

  - InvalidValue: a value that AWS would reject, or that would be unsafe
  - PolicyError: a policy document that is not well formed
  - WrongAccount: a session of another account than the grant
  - ProofFailed: a grant that would allow too much or too little
  - ProofNotDecided: a grant for which a proof cannot tell that
  - NotOurs: a resource that xacct did not create
  - GrantConflict: a resource that belongs to another grant
  - CannotExpress: a role or policy that a grant cannot express
  - CannotChange: a property of a resource that AWS cannot change
  - StalePlan: the accounts changed after a plan was made
  - GrantsFailed: some of several grants failed
  - ForeignAttachments: attachments that xacct did not create block a removal
  - ApplyFailed: a step of a plan failed
  - TargetTimedOut: a target of fan_out did not end in time
  - AwsError: AWS refused a call

    - PermissionMissing: the caller lacks a permission
    - NotPropagated: a write was not visible everywhere before the deadline
    - AssumeRoleDenied: STS denied sts:AssumeRole
    - SessionExpired: the credentials of a session have expired
    - InvalidCredentials: a session has no credentials, or AWS rejects them
    - MfaRejected: the MFA code was wrong or not available
    - RegionDisabled: STS is not active in the region
    - PackedPolicyTooLarge: session policies and tags are too large
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

__all__ = [
    "ApplyFailed",
    "AssumeRoleDenied",
    "AwsError",
    "CannotChange",
    "CannotExpress",
    "ForeignAttachments",
    "GrantConflict",
    "GrantsFailed",
    "InvalidCredentials",
    "InvalidValue",
    "MfaRejected",
    "NotOurs",
    "NotPropagated",
    "PackedPolicyTooLarge",
    "PermissionMissing",
    "PolicyError",
    "ProofFailed",
    "ProofNotDecided",
    "RegionDisabled",
    "SessionExpired",
    "StalePlan",
    "TargetTimedOut",
    "WrongAccount",
    "XacctError",
]


class XacctError(Exception):
    """The base class of every error of xacct."""

    def __reduce__(self) -> tuple[object, ...]:
        return _restored, (type(self), self.args, dict(self.__dict__))


def _restored(kind: type[XacctError], args: tuple[object, ...], fields: dict[str, object]) -> XacctError:
    # __init__ is not called: it builds the message from the fields, and its signature differs between the classes.
    error = kind.__new__(kind, *args)
    error.__dict__.update(fields)
    return error


class InvalidValue(XacctError, ValueError):
    """A value that AWS would reject, or that would be unsafe. It is refused before any call to AWS.

    Args:
        field: the name of the argument.
        value: the value given.
        rule: what is valid, or why this value is not.
    """

    def __init__(self, field: str, value: object, rule: str) -> None:
        self.field, self.value, self.rule = field, value, rule
        super().__init__(f"{field}: {value!r} is not valid: {rule}")


class PolicyError(XacctError, ValueError):
    """A policy document that is not well formed.

    Args:
        path: the element, such as ``Statement[0].Condition.Bool``; empty for the whole document.
        problem: what is wrong, and what is valid.
    """

    def __init__(self, path: str, problem: str) -> None:
        self.path, self.problem = path, problem
        super().__init__(f"{path}: {problem}" if path else problem)


class WrongAccount(XacctError):
    """A session belongs to another account than the grant.

    Args:
        side: ``trusting`` or ``trusted``.
        wanted: the account of the grant.
        given: the account of the session.
    """

    def __init__(self, side: str, wanted: str, given: str) -> None:
        self.side, self.wanted, self.given = side, wanted, given
        super().__init__(
            f"The {side} session belongs to account {given}, but the grant is for account {wanted}. "
            f"Pass a session of account {wanted}"
        )


class ProofFailed(XacctError):
    """The proof of a grant failed: it would allow too much or too little. Nothing was changed.

    Args:
        grant: a description of the grant, such as ``role Reader``.
        failures: a description of each failed check.
    """

    def __init__(self, grant: str, failures: Sequence[str]) -> None:
        self.grant, self.failures = grant, tuple(failures)
        super().__init__(
            f"The proof of {grant} failed: {'; '.join(failures)}. Nothing was changed. "
            "Fix the grant; print(prove(grant)) shows every check"
        )


class ProofNotDecided(XacctError):
    """The proof of a grant cannot tell whether it would allow too much or too little. Nothing was changed.

    Args:
        grant: a description of the grant, such as ``role Reader``.
        undecided: why each check is not decided, by the check's name.
    """

    def __init__(self, grant: str, undecided: Mapping[str, str]) -> None:
        self.grant, self.undecided = grant, dict(undecided)
        lines = "".join(f"\n- {name}: {why}" for name, why in undecided.items())
        super().__init__(
            f"The proof of {grant} is not decided. Nothing was changed. Fix the causes; or accept them by the names of "
            f"the checks: accept={[*undecided]!r}.{lines}"
        )


class NotOurs(XacctError):
    """A resource with the wanted name exists, and it does not have xacct's ownership tags. Nothing was changed.

    Args:
        account: the account's id.
        names: a description of each such resource, such as ``role Reader``.
    """

    def __init__(self, account: str, names: Sequence[str]) -> None:
        self.account, self.names = account, tuple(names)
        super().__init__(
            f"Account {account} already has {', '.join(names)}, which xacct did not create. "
            "Choose another name, or pass adopt=True to adopt it"
        )


class GrantConflict(XacctError):
    """A resource that a grant needs belongs to another grant. Nothing was changed.

    Args:
        account: the id of the account that has the resources.
        names: a description of each such resource, such as ``role Reader``.
        owner: the grant that they belong to, such as ``grant 'reports' with 222222222222``.
        wanted: the grant that needs them.
    """

    def __init__(self, account: str, names: Sequence[str], *, owner: str, wanted: str) -> None:
        self.account, self.names, self.owner, self.wanted = account, tuple(names), owner, wanted
        super().__init__(
            f"{', '.join(names)} in account {account} belongs to {owner}, so {wanted} cannot use it. Nothing was "
            "changed. Choose another role_name or policy_name; or widen the existing grant; or pass adopt=True to take "
            "it over, which ends the access of the other grant"
        )


class CannotExpress(XacctError):
    """A role or a policy has something that no grant can express, so no grant was made of it.

    Args:
        arn: the ARN of the role or the policy.
        items: a description of each such thing, such as ``statement 2 has the effect Deny``.
    """

    def __init__(self, arn: str, items: Sequence[str]) -> None:
        self.arn, self.items = arn, tuple(items)
        super().__init__(
            f"{arn} cannot be expressed as a grant: {'; '.join(items)}. Change these by hand, or declare a grant that "
            "you want instead and pass adopt=True, which replaces them"
        )


class CannotChange(XacctError):
    """A resource has a property that differs from the grant's, and AWS cannot change it. Nothing was changed.

    Args:
        account: the account's id.
        resource: the resource, such as ``role Reader``.
        attribute: the argument of the grant, such as ``path``.
        current: the value that the resource has.
        wanted: the value that the grant has.
    """

    def __init__(self, account: str, resource: str, attribute: str, *, current: str, wanted: str) -> None:
        self.account, self.resource, self.attribute = account, resource, attribute
        self.current, self.wanted = current, wanted
        super().__init__(
            f"{resource} in account {account} has {attribute} {current!r}, and AWS cannot change it to {wanted!r}. "
            f"Nothing was changed. Keep {current!r}; or choose another name for the resource; or revoke the grant and "
            "make it again"
        )


class StalePlan(XacctError):
    """The accounts changed after a plan was made, so it was not applied.

    Args:
        account: the id of the account that changed.
        names: a description of each resource that changed, such as ``role Reader``.
        new_plan: what a plan that is made now would change, as text.
    """

    def __init__(self, account: str, names: Sequence[str], *, new_plan: str = "") -> None:
        self.account, self.names, self.new_plan = account, tuple(names), new_plan
        changes = f" A plan that is made now:\n{new_plan}" if new_plan else ""
        super().__init__(
            f"The plan is out of date: {', '.join(names)} in account {account} changed after the plan was made, "
            f"perhaps by another run. Nothing was changed. Plan again, look at the changes, and apply them.{changes}"
        )


class GrantsFailed(XacctError):
    """Some of several grants failed, and the others succeeded.

    Args:
        failures: the error of each grant that failed, by the grant's name.
        succeeded: the names of the grants that succeeded.
    """

    def __init__(self, failures: Mapping[str, Exception], succeeded: Sequence[str]) -> None:
        self.failures, self.succeeded = dict(failures), tuple(succeeded)
        lines = "".join(f"\n- {name}: {error}" for name, error in failures.items())
        super().__init__(
            f"{len(failures)} of {len(failures) + len(succeeded)} grants failed; the others are in effect. Fix the "
            f"causes and run again.{lines}"
        )


class ForeignAttachments(XacctError):
    """Attachments that xacct did not create block a removal.

    Args:
        doing: the operation, such as ``removing the grant``.
        account: the account's id.
        names: a description of each attachment that xacct did not create.
        touched: whether something had been removed before AWS reported the attachment.
    """

    def __init__(self, doing: str, account: str, names: Sequence[str], *, touched: bool = False) -> None:
        self.doing, self.account, self.names, self.touched = doing, account, tuple(names), touched
        state = "Resources that are reported as removed are gone" if touched else "Nothing was changed"
        super().__init__(
            f"{doing} in account {account} failed: not created by xacct: {'; '.join(names)}. {state}. "
            "Remove these attachments and run again"
        )


class ApplyFailed(XacctError):
    """A step of a plan failed.

    Args:
        doing: the step that failed, such as ``creating role Reader``.
        cause: why it failed.
        remaining: what remains to be rolled back or removed; empty if the accounts are as they were before.
        rolled_back: changes of this run that were rolled back.
    """

    def __init__(
        self, doing: str, cause: str, *, remaining: Sequence[str] = (), rolled_back: Sequence[str] = ()
    ) -> None:
        self.doing, self.cause, self.remaining, self.rolled_back = doing, cause, tuple(remaining), tuple(rolled_back)
        # The message of an AwsError already begins with what failed.
        failure = cause if cause.startswith(doing) else f"{doing} failed: {cause}"
        super().__init__(f"{failure.rstrip('.')}. {self._state()}")

    def _state(self) -> str:
        if self.remaining:
            return (
                f"Remaining: {'; '.join(self.remaining)}. "
                "Fix the cause and run again; it resumes from here. destroy() removes what remains"
            )
        if self.rolled_back:
            return f"Rolled back: {'; '.join(self.rolled_back)}. The accounts are as they were before"
        return "Nothing was changed"


class TargetTimedOut(XacctError):
    """A target of fan_out did not end in time, and was abandoned. The other targets are not affected.

    Args:
        account: the account's id.
        doing: what did not end, such as ``assuming arn:aws:iam::111111111111:role/Reader``.
        seconds: the time limit.
    """

    def __init__(self, account: str, *, doing: str, seconds: float) -> None:
        self.account, self.doing, self.seconds = account, doing, seconds
        super().__init__(
            f"{doing} in account {account} did not end: after {seconds:g} s the account was abandoned. No further call "
            "is made with the role's session, but a call that was sent can still take effect. Run again for this "
            "account, or raise timeout="
        )


class AwsError(XacctError):
    """AWS refused a call, and retries do not help.

    Args:
        message: the whole message.
        doing: the operation, such as ``reading role Reader``.
        account: the account's id, if it is known.
        code: AWS's error code, such as ``AccessDenied``.
        ambiguous: whether the call may have taken effect: the response was lost, or the server failed.
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
    """The caller lacks a permission that xacct needs.

    Args:
        doing: the operation, such as ``creating role Reader``.
        account: the caller's account.
        action: the IAM action that was denied, such as ``iam:CreateRole``.
        resource: the ARN of the resource.
        message: AWS's message.

    Attributes:
        statement: the statement that allows it, for the caller's identity policy.
    """

    def __init__(self, *, doing: str, account: str, action: str, resource: str, message: str) -> None:
        self.action, self.resource, self.message = action, resource, message
        self.statement: Mapping[str, str] = {"Effect": "Allow", "Action": action, "Resource": resource}
        super().__init__(
            f"{doing} in account {account} failed: the caller may not {action} on {resource}. Add to its identity "
            f"policy: {json.dumps(self.statement)}. If that does not help, another policy denies it. "
            f"AWS's message: {message}",
            doing=doing,
            account=account,
            code="AccessDenied",
        )


class NotPropagated(AwsError):
    """A write was not visible everywhere before the deadline."""


class AssumeRoleDenied(AwsError):
    """STS denied to assume a role. `xacct.explain` reads the policies and says why.

    Args:
        message: the whole message.
        role_arn: the role's ARN.
        context: the context keys that the request sent, such as ``sts:ExternalId``, or that its token set.
        provider: the identity provider of the token that was sent to sts:AssumeRoleWithWebIdentity, as trust policies
            name it; None for sts:AssumeRole.
        doing: the operation.
        account: the role's account.
        code: AWS's error code.
    """

    def __init__(
        self,
        message: str,
        *,
        role_arn: str,
        context: Mapping[str, str | Sequence[str]],
        provider: str | None = None,
        doing: str,
        account: str | None = None,
        code: str | None = "AccessDenied",
    ) -> None:
        self.role_arn, self.context, self.provider = role_arn, dict(context), provider
        super().__init__(message, doing=doing, account=account, code=code)


class SessionExpired(AwsError):
    """The credentials of a session have expired, or its sign-in to IAM Identity Center."""


class InvalidCredentials(AwsError):
    """A session has no credentials, they could not be loaded, or AWS rejects them."""


class MfaRejected(AwsError):
    """The MFA code was wrong or not available."""


class RegionDisabled(AwsError):
    """STS is not active for the account in this region."""


class PackedPolicyTooLarge(AwsError):
    """Session policies and tags exceed the packed size limit.

    Args:
        message: the whole message.
        doing: the operation.
        account: the role's account.
        code: AWS's error code.
        percent: the packed size in percent of the limit, if AWS reported it.
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
