"""ConsoleUser, an IAM user with a console password, and the generator of passwords."""

from __future__ import annotations

import re
import secrets
import string
from collections.abc import Callable, Iterable, Mapping

from attrs import Attribute, field, frozen

from xacct.errors import InvalidValue, XacctError
from xacct.limits import ENTITY_NAME, MANAGED_POLICIES_PER_ENTITY, PASSWORD
from xacct.plain_data import from_dict, to_dict
from xacct.validators import text

__all__ = ["ConsoleUser", "Secret", "console_user_or_none", "generate_password"]

_SYMBOLS = "!@#$%^&*()_+-=[]{}|'"

# Source: https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateLoginProfile.html
_PASSWORD_CHARACTERS = re.compile(r"[\t\n\r\u0020-\u00FF]*")


class Secret:
    """A text that error reports do not show, although they print the local variables of each stack frame.

    It has no field to print: the text is the result of a function. Two secrets are never equal, and a secret cannot be
    pickled.

    Args:
        text: the text, or a secret that has it.

    >>> password = Secret("correct horse 9 Battery")
    >>> password
    Secret('(not shown)')
    >>> len(password.reveal())
    23
    """

    __slots__ = ("_reveal",)

    _reveal: Callable[[], str]

    def __init__(self, text: str | Secret) -> None:
        self._reveal = text._reveal if isinstance(text, Secret) else lambda: text

    def __repr__(self) -> str:
        return "Secret('(not shown)')"

    def __reduce__(self) -> tuple[object, ...]:
        raise XacctError("a secret cannot be pickled or copied: pickle the values without it")

    def reveal(self) -> str:
        """Return the text. Do not assign it to a variable: reports of later errors would print it."""
        return self._reveal()

    def redact(self, message: str) -> str:
        """Return a message without the text.

        >>> Secret("hunter22").redact("'hunter22' is too short")
        "'(not shown)' is too short"
        """
        return message.replace(self._reveal(), "(not shown)")


def _hidden(password: str | Secret | None) -> Secret | None:
    return None if password is None else Secret(password)


def _check_password(_user: object, _attribute: Attribute[Secret | None], value: Secret | None) -> None:
    if value is None:
        return
    if not (isinstance(value.reveal(), str) and len(value.reveal()) in PASSWORD):
        raise InvalidValue("password", "(not shown)", f"{PASSWORD} characters")
    if not _PASSWORD_CHARACTERS.fullmatch(value.reveal()):
        raise InvalidValue("password", "(not shown)", "characters of Latin-1, tabs and line breaks")


def _arns(values: Iterable[str] | str) -> tuple[str, ...]:
    return (values,) if isinstance(values, str) else tuple(dict.fromkeys(values))


@frozen(init=False)
class ConsoleUser:
    """An IAM user with a console password.

    The password is not shown by ``repr``, ``attrs.asdict`` or error reports, and is ignored in comparisons. A user with
    a password cannot be pickled.

    Args:
        name: the user's name: 1 to 64 letters, digits and ``+=,.@_-``.
        password: 8 to 128 characters of Latin-1, as a string or a :class:`Secret`. None generates a password that meets
            the account's password policy.
        password_reset_required: whether the user must choose a new password at the first sign-in.
        managed_policy_arns: ARNs of managed policies to attach to the user; at most 9.

    Raises:
        InvalidValue: a field is not valid.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_passwords_admin-change-user.html

    >>> ConsoleUser("dev", password="correct horse 9 Battery")
    ConsoleUser(name='dev', password_reset_required=False, managed_policy_arns=())
    """

    name: str = field(validator=text(ENTITY_NAME))
    _password: Secret | None = field(default=None, repr=False, eq=False, converter=_hidden, validator=_check_password)
    password_reset_required: bool = False
    managed_policy_arns: tuple[str, ...] = field(default=(), converter=_arns)

    def __init__(
        self,
        name: str,
        password: str | Secret | None = None,
        password_reset_required: bool = False,
        managed_policy_arns: Iterable[str] | str = (),
    ) -> None:
        # The variable is replaced, so that no frame of an error has the text.
        password = _hidden(password)
        initialize = self.__attrs_init__  # pyright: ignore[reportAttributeAccessIssue] # pyright knows no __attrs_init__
        initialize(name, password, password_reset_required, managed_policy_arns)

    @property
    def password(self) -> str | None:
        """The password; None if one is to be generated, or was generated in another run."""
        return None if self._password is None else self._password.reveal()

    @property
    def hidden_password(self) -> Secret | None:
        """The password, as a value that error reports do not show."""
        return self._password

    def to_dict(self) -> dict[str, object]:
        """Return the user as plain data, which JSON can express, without the password.

        >>> ConsoleUser("ada", password="correct horse 9 Battery", password_reset_required=True).to_dict()
        {'name': 'ada', 'password_reset_required': True}
        """
        return to_dict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, object]) -> ConsoleUser:
        """Return the user for plain data, such as that of :meth:`to_dict`.

        Args:
            data: the fields; ``password`` is a string.

        Raises:
            InvalidValue: a key is unknown, the name is missing, or a value has the wrong type or is not valid.

        >>> ConsoleUser.from_dict({"name": "ada"})
        ConsoleUser(name='ada', password_reset_required=False, managed_policy_arns=())
        """
        return from_dict(cls, data)

    def __attrs_post_init__(self) -> None:
        if len(self.managed_policy_arns) >= MANAGED_POLICIES_PER_ENTITY:
            rule = f"at most {MANAGED_POLICIES_PER_ENTITY - 1}, because the grant attaches one of its own"
            raise InvalidValue("managed_policy_arns", len(self.managed_policy_arns), rule)

    def __reduce__(self) -> tuple[object, ...]:
        if self._password is not None:
            raise XacctError(
                f"console user {self.name!r} has a password, so it cannot be pickled: remove the password first, as in "
                f"attrs.evolve(user, password=None)"
            )
        return type(self), (self.name, None, self.password_reset_required, self.managed_policy_arns)


def console_user_or_none(_: object, attribute: Attribute[ConsoleUser | None], value: object) -> None:
    """Check that a field is a ConsoleUser or None."""
    if value is not None and not isinstance(value, ConsoleUser):
        raise InvalidValue(attribute.name, value, "a ConsoleUser, such as ConsoleUser('ada')")


def generate_password(minimum_length: int = 8) -> Secret:
    """Return a random password that every password policy accepts: at least 24 characters of all four classes.

    Args:
        minimum_length: the minimum length of the account's password policy, in characters.

    >>> len(generate_password(30).reveal())
    30
    """
    classes = (string.ascii_lowercase, string.ascii_uppercase, string.digits, _SYMBOLS)
    characters = [secrets.choice(kind) for kind in classes]
    characters += [secrets.choice("".join(classes)) for _ in range(max(24, minimum_length) - len(classes))]
    secrets.SystemRandom().shuffle(characters)
    return Secret("".join(characters))
