"""The entry point of the command.

``--help``, ``--version``, ``credentials`` and ``exec`` import only what they need, and need no extra.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from xacct._version import __version__
from xacct.garbage_collection import no_garbage_collection

__all__ = ["main"]

_WITHOUT_COMMAND = frozenset({"-h", "--help", "-v", "--verbose", "--debug"})
_FOR_PROGRAMS = ("credentials", "exec")
_INTERRUPTED = 130
"""The exit code after Ctrl-C, as shells report it."""


def main(words: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        words: the words after the program's name; None for those of this process.

    Returns:
        The exit code: 0 if there is nothing to do or everything is fine, 1 after an error, 2 after wrong usage, 3 if
        there are changes or findings. ``exec`` returns the exit code of its program.
    """
    try:
        return _run(list(sys.argv[1:] if words is None else words))
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted.\n")
        return _INTERRUPTED
    except BrokenPipeError:  # the reader of a pipe, such as head, has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _INTERRUPTED


def _run(given: list[str]) -> int:
    if given == ["--version"]:
        return _print_version()
    if _WITHOUT_COMMAND.issuperset(given):
        return _print_overview()
    if given[:1] and given[0] in _FOR_PROGRAMS:
        return _run_for_programs(given[0], given[1:])
    try:
        with no_garbage_collection(kept=True):
            from xacct.cli.app import run
    except ImportError as error:
        sys.stderr.write(f"xacct: this command needs an extra: pip install 'xacct[cli]' ({error})\n")
        return 1
    return run(given)


def _print_version() -> int:
    sys.stdout.write(f"{__version__}\n")
    return 0


def _print_overview() -> int:
    from xacct.cli.overview import print_overview

    print_overview()
    return 0


def _run_for_programs(name: str, words: Sequence[str]) -> int:
    from importlib import import_module

    from xacct.errors import XacctError

    # Under `python -m xacct`, the program's name is that of this file.
    program = "python -m xacct" if sys.argv[0].endswith("__main__.py") else "xacct"
    try:
        with no_garbage_collection(kept=True):
            module = import_module(f"xacct.cli.{name}")
        code: int = module.command(words, program)
    except XacctError as error:
        if "--debug" in (words[: words.index("--")] if "--" in words else words):
            raise
        if name == "exec":
            from xacct.cli.error_lines import error_text

            sys.stderr.write(f"{error_text(error)}\n")
        else:
            # Programs that read credentials show it in a line of their own, and the message can have several.
            sys.stderr.write(f"xacct: {' '.join(str(error).split())}\n")
        return 1
    return code
