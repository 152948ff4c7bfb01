"""The app: the list of commands, the options that all of them have, and the exit codes."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Annotated

from cyclopts import App, CycloptsError, Group, Parameter

from xacct._version import __version__
from xacct.cli.error_lines import error_lines
from xacct.cli.exit_codes import FAILED, FINE, USAGE
from xacct.cli.terminal import Declined, say, say_error
from xacct.errors import InvalidValue, XacctError

__all__ = ["COMMANDS", "run"]

COMMANDS: Mapping[str, Mapping[str, str]] = {
    "Grants": {
        "grant": "Give an account read access to S3 in another account.",
        "list": "List the grants of an account.",
        "show": "Show a grant, and what differs from it on its resources.",
        "verify": "Use a grant: check that reads work and that writes are denied.",
        "revoke": "Remove everything that a grant created.",
        "sweep": "Remove the grants of an account that have expired.",
    },
    "Audit": {
        "audit": "Find who from outside gets into accounts, and which trusts lead nowhere.",
        "who-can": "Show everybody who can do an action on a resource.",
        "what-can": "Show the roles that a user or a role can assume.",
        "explain": "Explain an AccessDenied: which policy denies it, and what to do.",
        "lint": "Find mistakes in policies.",
    },
    "Grants in a file": {
        "plan": "Show what the grants in a file would change.",
        "apply": "Make the changes for the grants in a file.",
        "prove": "Prove that the grants in a file give the access that they should, and no more.",
        "schema": "Print the JSON Schema of a grants file.",
    },
    "Sessions": {
        "exec": "Run a program with a role's credentials.",
        "credentials": "Print a role's credentials, for credential_process or a shell.",
        "console": "Open the AWS console with a role's session.",
        "whoami": "Show whose credentials are used.",
    },
    "Without AWS": {
        "demo": "Show the main commands in AWS accounts on this machine that enforce IAM.",
        "sandbox": "Serve AWS accounts that enforce IAM on this machine.",
    },
}
"""The commands with their summaries, by group. The module of a command has the command's name."""

_EPILOGUE = (
    "Exit codes: 0 nothing to do, or everything is fine; 1 failed; 2 wrong usage; 3 there are changes or findings.\n\n"
    "Standard output has data only; messages, questions and progress go to standard error. NO_COLOR turns off colors."
)

_EVERYWHERE = Group("Options of all commands", sort_key=len(COMMANDS))


def _app(chosen: str | None) -> App:
    app = App(
        name="xacct",
        help="Cross-account access on AWS: grant it in both accounts, prove it, use it, verify it, revoke it.",
        version=__version__,
        help_format="plaintext",
        help_epilogue=_EPILOGUE,
        result_action="return_value",
        exit_on_error=False,
        print_error=False,
        suppress_keyboard_interrupt=False,
    )
    for order, (title, commands) in enumerate(COMMANDS.items()):
        group = Group(title, sort_key=order)
        for place, (name, summary) in enumerate(commands.items()):
            # The module is imported when the command runs. The help of a command is the docstring of its function.
            app.command(
                f"xacct.cli.{name.replace('-', '_')}:command",
                name=name,
                help=None if name == chosen else summary,
                help_epilogue="",
                group=group,
                sort_key=place,
            )
    return app


def run(words: Sequence[str]) -> int:
    """Run a command, and return its exit code.

    Args:
        words: the words after ``xacct``.
    """
    names = {name for commands in COMMANDS.values() for name in commands}
    app = _app(next((word for word in words if word in names), None))

    app.meta.suppress_keyboard_interrupt = False

    @app.meta.default
    def _launch(
        *tokens: Annotated[str, Parameter(show=False, allow_leading_hyphen=True)],
        verbose: Annotated[
            bool, Parameter(name=("--verbose", "-v"), group=_EVERYWHERE, negative="", show_default=False)
        ] = False,
        debug: Annotated[bool, Parameter(group=_EVERYWHERE, negative="", show_default=False)] = False,
    ) -> int:
        """Launch a command.

        Args:
            verbose: Show each step, and the whole text of an error.
            debug: Show where in the code an error was raised.
        """
        with _log(shown=verbose or debug):
            return _exit_code(app, tokens, verbose=verbose or debug, debug=debug)

    app.register_install_completion_command(name="--install-completion", add_to_startup=False)
    try:
        result = app.meta(list(words))
    except CycloptsError as error:
        return _usage(error)
    return FINE if result is None else int(result)


def _exit_code(app: App, words: Sequence[str], *, verbose: bool, debug: bool) -> int:
    try:
        result = app(list(words))
    except CycloptsError as error:
        return _usage(error)
    except Declined:
        say("Nothing was changed.")
        return FAILED
    except (XacctError, OSError, ImportError) as error:
        if debug:
            raise
        say_error(error_lines(error), details=str(error) if verbose else "")
        return USAGE if isinstance(error, InvalidValue) else FAILED
    return FINE if result is None else int(result)


def _usage(error: CycloptsError) -> int:
    why = " ".join(str(error).split()).rstrip(".")
    say_error(("the command line is not valid", why, "Add --help to see the arguments and examples"))
    return USAGE


@contextmanager
def _log(*, shown: bool) -> Iterator[None]:
    """Show the log of the library on standard error until the block ends."""
    log, handler = logging.getLogger("xacct"), logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    handler.setLevel(logging.INFO if shown else logging.ERROR)
    level = log.level
    log.addHandler(handler)
    log.setLevel(logging.INFO if shown else logging.ERROR)
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(level)
