"""The passwords of console users: those that were passed, and those that are generated."""

from __future__ import annotations

from attrs import field, frozen

from xacct.console_user import ConsoleUser, Secret, generate_password
from xacct.grant_account import GrantAccount
from xacct.limits import PASSWORD
from xacct.retry import none_if_missing

__all__ = ["Passwords"]


@frozen(kw_only=True)
class Passwords:
    """The console users' passwords: those that were passed, and those that are generated on first use.

    Args:
        account: the account of the users.
        generated: the generated passwords by user name.
    """

    account: GrantAccount
    generated: dict[str, Secret] = field(factory=dict, repr=False)

    def password_for(self, user: ConsoleUser) -> Secret:
        """Return a user's password; generate it on first use if none was passed."""
        if user.hidden_password is not None:
            return user.hidden_password
        if user.name not in self.generated:
            self.generated[user.name] = generate_password()
        return self.generated[user.name]

    def generate_longer(self, user: ConsoleUser) -> Secret:
        """Return a new password for a user, as long as the account's password policy requires.

        A generated password meets every policy except for one that requires more characters. Such policies are rare, so
        the policy is read only after AWS refused a password.
        """
        self.generated[user.name] = generate_password(self._minimum_length())
        return self.generated[user.name]

    def _minimum_length(self) -> int:
        iam = self.account.iam
        policy = self.account.attempt(
            lambda: none_if_missing(lambda: iam.get_account_password_policy()["PasswordPolicy"]),
            doing="reading the password policy",
        )
        return PASSWORD.least if policy is None else policy.get("MinimumPasswordLength", PASSWORD.least)
