"""The console password of a user, which IAM calls the login profile."""

from __future__ import annotations

from collections.abc import Callable

from xacct.console_user import Secret
from xacct.errors import AwsError
from xacct.grant_account import GrantAccount
from xacct.retry import none_if_missing, not_visible_yet

__all__ = ["delete_password", "set_password"]


def set_password(
    account: GrantAccount, *, name: str, label: str, arn: str, password: Secret, reset_required: bool
) -> None:
    """Give a user a console password. It is safe to repeat: a password that the user has already is replaced.

    An error has neither a cause nor the stack frames of the call: botocore's frames have the password.

    Args:
        account: the user's account.
        name: the user's name.
        label: the user's kind and name, for errors, such as ``user dev``.
        arn: the user's ARN, for errors.
        password: the password.
        reset_required: whether the user must choose a new password at the next sign-in.

    Raises:
        AwsError: AWS refused, for instance because the password violates the account's password policy.

    Source: https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateLoginProfile.html
    """
    iam, doing = account.iam, f"setting the console password of {label}"

    def call() -> None:
        try:
            iam.create_login_profile(UserName=name, Password=password.reveal(), PasswordResetRequired=reset_required)
        except iam.exceptions.EntityAlreadyExistsException:
            # A response was lost. A login profile has no tags to tell whose it is, so the password is set again.
            iam.update_login_profile(UserName=name, Password=password.reveal(), PasswordResetRequired=reset_required)

    failure = _failure_of(lambda: account.attempt(call, doing=doing, resource=arn, transient=not_visible_yet))
    if failure is None:
        return
    if isinstance(failure, AwsError):
        failure.args = (_message(failure, doing, account.id, password),)
    raise failure


def delete_password(account: GrantAccount, *, name: str, label: str, arn: str) -> None:
    """Delete a user's console password, if there is one.

    Args:
        account: the user's account.
        name: the user's name.
        label: the user's kind and name, for errors, such as ``user dev``.
        arn: the user's ARN, for errors.

    Raises:
        AwsError: AWS refused.
    """
    iam = account.iam
    account.attempt(
        lambda: none_if_missing(lambda: iam.delete_login_profile(UserName=name)),
        doing=f"deleting the console password of {label}",
        resource=arn,
    )


def _failure_of(call: Callable[[], None]) -> BaseException | None:
    """Make a call, and return its error without the frames and the errors that led to it; None if there is none."""
    try:
        call()
    except BaseException as error:  # noqa: BLE001 - also an interrupt has the frames; the caller raises it again
        error.__cause__ = error.__context__ = None
        return error.with_traceback(None)
    return None


def _message(failure: AwsError, doing: str, account: str, password: Secret) -> str:
    if failure.code == "PasswordPolicyViolation":
        return (
            f"{doing} in account {account} failed: the password violates the account's password policy. Pass another "
            "password, or none to have one generated"
        )
    # IAM quotes some of the values that it rejects.
    return password.redact(str(failure))
