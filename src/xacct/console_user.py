"""ConsoleUser, an IAM user with a console password, and the generator of passwords."""

from __future__ import annotations

import secrets
import string
from collections.abc import Iterable

from attrs import Attribute, field, frozen

from xacct.errors import InvalidValue, XacctError
from xacct.limits import ENTITY_NAME, MANAGED_POLICIES_PER_ENTITY, PASSWORD
from xacct.validators import text

__all__ = ["ConsoleUser", "console_user_or_none", "generate_password"]

_SYMBOLS = "!@#$%^&*()_+-=[]{}|'"


def _arns(values: Iterable[str] | str) -> tuple[str, ...]:
    return (values,) if isinstance(values, str) else tuple(dict.fromkeys(values))


@frozen
class ConsoleUser:
    """An IAM user with a console password.

    The password is not shown by ``repr`` and is ignored in comparisons. A user with a password cannot be pickled.

    Args:
        name: the user's name: 1 to 64 letters, digits and ``+=,.@_-``.
        password: 8 to 128 characters. None generates a password that meets the account's password policy.
        password_reset_required: whether the user must choose a new password at the first sign-in.
        managed_policy_arns: ARNs of managed policies to attach to the user; at most 9.

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
            raise XacctError(
                f"console user {self.name!r} has a password, so it cannot be pickled: remove the password first, as in "
                f"attrs.evolve(user, password=None)"
            )
        return type(self), (self.name, None, self.password_reset_required, self.managed_policy_arns)


def console_user_or_none(_: object, attribute: Attribute[ConsoleUser | None], value: object) -> None:
    """Check that a field is a ConsoleUser or None."""
    if value is not None and not isinstance(value, ConsoleUser):
        raise InvalidValue(attribute.name, value, "a ConsoleUser, such as ConsoleUser('ada')")


def generate_password(minimum_length: int = 8) -> str:
    """Return a random password that every password policy accepts: at least 24 characters of all four classes.

    Args:
        minimum_length: the minimum length of the account's password policy, in characters.

    >>> len(generate_password(30))
    30
    """
    classes = (string.ascii_lowercase, string.ascii_uppercase, string.digits, _SYMBOLS)
    characters = [secrets.choice(kind) for kind in classes]
    characters += [secrets.choice("".join(classes)) for _ in range(max(24, minimum_length) - len(classes))]
    secrets.SystemRandom().shuffle(characters)
    return "".join(characters)
