"""A person who signs in to the trusted account's console, and the password that is made for them."""

from __future__ import annotations

import secrets
import string
from collections.abc import Iterable

from attrs import field, frozen

from xacct.errors import InvalidValue, XacctError
from xacct.limits import ENTITY_NAME, MANAGED_POLICIES_PER_ENTITY, PASSWORD
from xacct.validators import text

__all__ = ["ConsoleUser", "generate_password"]

_SYMBOLS = "!@#$%^&*()_+-=[]{}|'"


def _arns(values: Iterable[str] | str) -> tuple[str, ...]:
    return (values,) if isinstance(values, str) else tuple(dict.fromkeys(values))


@frozen
class ConsoleUser:
    """An IAM user with a console password.

    The password is in no repr, does not take part in comparison, and is not pickled.

    Args:
        name: 1 to 64 letters, digits and ``+=,.@_-``.
        password: 8 to 128 characters; None: one is generated that the account's password policy accepts.
        password_reset_required: whether the first sign-in asks for a new password.
        managed_policy_arns: what the user may do beside assuming the role.

    Raises:
        InvalidValue: a field is not valid.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_passwords_admin-change-user.html

    >>> ConsoleUser("dev", password="correct horse 9 Battery")
    ConsoleUser(name='dev', password_reset_required=False, managed_policy_arns=())
    """

    name: str = field(validator=text(ENTITY_NAME))
    password: str | None = field(default=None, repr=False, eq=False)
    password_reset_required: bool = False
    managed_policy_arns: tuple[str, ...] = field(default=(), converter=_arns)

    def __attrs_post_init__(self) -> None:
        if self.password is not None and not (isinstance(self.password, str) and len(self.password) in PASSWORD):
            raise InvalidValue("password", "(not shown)", f"{PASSWORD} characters")
        if len(self.managed_policy_arns) >= MANAGED_POLICIES_PER_ENTITY:
            rule = f"at most {MANAGED_POLICIES_PER_ENTITY - 1}, because the grant attaches one of its own"
            raise InvalidValue("managed_policy_arns", len(self.managed_policy_arns), rule)

    def __reduce__(self) -> tuple[object, ...]:
        if self.password is not None:
            raise XacctError(f"user {self.name!r} holds a password and is not pickled: pickle it without one")
        return type(self), (self.name, None, self.password_reset_required, self.managed_policy_arns)


def generate_password(minimum_length: int = 8) -> str:
    """A random password of at least 24 characters with all four classes, so that every account's policy accepts it.

    Args:
        minimum_length: what the account's password policy demands, in characters.

    >>> len(generate_password(30))
    30
    """
    classes = (string.ascii_lowercase, string.ascii_uppercase, string.digits, _SYMBOLS)
    characters = [secrets.choice(kind) for kind in classes]
    characters += [secrets.choice("".join(classes)) for _ in range(max(24, minimum_length) - len(classes))]
    secrets.SystemRandom().shuffle(characters)
    return "".join(characters)
