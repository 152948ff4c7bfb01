"""The app of cyclopts: the commands, the options that all of them have, and the exit codes."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated

from cyclopts import App, CycloptsError, Group, Parameter

from xacct._version import __version__
from xacct.cli.error_lines import error_lines
from xacct.cli.exit_codes import FAILED, FINE, USAGE
from xacct.cli.overview import COMMANDS, DEBUG, VERBOSE
from xacct.cli.terminal import Declined, say, say_error
from xacct.errors import InvalidValue, XacctError

__all__ = ["run"]

_EVERYWHERE = Group("Options of all commands")


def _everywhere(help_text: str, *names: str) -> Parameter:
    """Return an option that all commands have."""
    return Parameter(name=names, help=help_text, group=_EVERYWHERE, negative="", show_default=False)


def _app(words: Sequence[str]) -> App:
    summaries = {name: summary for commands in COMMANDS.values() for name, summary in commands.items()}
    chosen = next((word for word in words if word in summaries), None)
    app = App(
        name="xacct",
        version=__version__,
        help_format="plaintext",
        result_action="return_value",
        exit_on_error=False,
        print_error=False,
        suppress_keyboard_interrupt=False,
    )
    for name, summary in summaries.items():
        # The module is imported when the command runs. The help of a command is the docstring of its function.
        module = f"xacct.cli.{name.replace('-', '_')}"
        app.command(f"{module}:command", name=name, help=None if name == chosen else summary)
    return app


def run(words: Sequence[str]) -> int:
    """Run a command, and return its exit code.

    Args:
        words: the words after ``xacct``.
    """
    app = _app(words)
    app.meta.suppress_keyboard_interrupt = False

    @app.meta.default
    def _launch(
        *tokens: Annotated[str, Parameter(show=False, allow_leading_hyphen=True)],
        verbose: Annotated[bool, _everywhere(VERBOSE, "--verbose", "-v")] = False,
        debug: Annotated[bool, _everywhere(DEBUG, "--debug")] = False,
    ) -> int:
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
