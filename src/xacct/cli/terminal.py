"""The terminal: data on standard output, talk on standard error, color and progress only if a person looks."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from xacct.cli.error_lines import TITLES
from xacct.events import Event, OnEvent
from xacct.report_table import aligned, one_line

if TYPE_CHECKING:
    from rich.console import Console, OverflowMethod, RenderableType

    from xacct.report_table import CheckTable

__all__ = [
    "Declined",
    "changes_shown",
    "confirm",
    "print_checks",
    "print_json",
    "print_shown",
    "print_table",
    "print_text",
    "say",
    "say_error",
]


class Declined(Exception):
    """The user did not agree to the changes."""


def print_text(text: str) -> None:
    """Print text to standard output as it is."""
    sys.stdout.write(f"{text}\n")


def print_json(data: object) -> None:
    """Print data to standard output as JSON."""
    print_text(json.dumps(data, indent=2, ensure_ascii=False))


def print_shown(shown: RenderableType, plain: str) -> None:
    """Print to standard output: with colors to a terminal; as plain text to a pipe or a file.

    Args:
        shown: what a terminal shows.
        plain: the same as text.
    """
    if sys.stdout.isatty():
        _console(stderr=False).print(shown)
    else:
        print_text(plain)


def print_table(head: Sequence[str], rows: Sequence[Sequence[str]], cut: Sequence[bool] = ()) -> None:
    """Print a table to standard output. Without a terminal, columns are as wide as they need to be.

    Args:
        head: the titles of the columns.
        rows: the cells.
        cut: for each row, whether a terminal shows one line of it only; by default, it shows all of each row.
    """
    # A name cannot add lines, or change the terminal.
    rows = [[one_line(cell) for cell in row] for row in rows]
    if sys.stdout.isatty():
        from rich.table import Table
        from rich.text import Text

        table = Table(*head, box=None, header_style="bold", pad_edge=False)
        for row, is_cut in zip(rows, cut or [False] * len(rows)):
            overflow: OverflowMethod = "ellipsis" if is_cut else "fold"
            table.add_row(*(Text(cell, no_wrap=is_cut, overflow=overflow) for cell in row))
        _console(stderr=False).print(table)
        return
    print_text(aligned([head, *rows]))


def print_checks(table: CheckTable) -> None:
    """Print a verification or a proof to standard output. On a terminal, a check that succeeded has one line."""
    head, *rows = table.rows
    print_table(head, rows, cut=[check.ok is True for check in table.checks])


def say(text: str) -> None:
    """Print a message to standard error."""
    sys.stderr.write(f"{text}\n")


def say_error(lines: Sequence[str], *, details: str = "") -> None:
    """Print an error to standard error.

    Args:
        lines: what failed, why, and what to do.
        details: the whole text; empty to leave it out.
    """
    from rich.text import Text

    console = _console(stderr=True)
    for title, line in zip(TITLES, lines):
        style = "bold red" if title == "Error" else "bold"
        console.print(Text.assemble((f"{title + ':':<7}", style), line), soft_wrap=True)
    if details:
        say(f"\n{details}")


def confirm(question: str, *, yes: bool) -> None:
    """Ask whether to make changes.

    Args:
        question: the question, without its question mark.
        yes: whether the user agreed already.

    Raises:
        Declined: the user did not agree, or nobody can be asked: standard input is not a terminal.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        say("Nobody can be asked, because standard input is not a terminal. Add --yes to make the changes.")
        raise Declined
    sys.stderr.write(f"{question}? [y/N] ")
    sys.stderr.flush()
    answer = sys.stdin.readline()
    if answer.strip().lower() not in ("y", "yes"):
        raise Declined


@contextmanager
def changes_shown(total: int | None = None) -> Iterator[OnEvent]:
    """Show the progress of changes on standard error until the block ends; after Ctrl-C, say what stands.

    A first Ctrl-C ends the block: what its changes were is undone, as far as they can be. Further ones are ignored, so
    that nothing is left half undone.

    Args:
        total: the number of steps; None if it is not known.

    Yields:
        The callback for the events.
    """
    events: list[Event] = []
    with _bar(total) as show, _one_interrupt():

        def watch(event: Event) -> None:
            events.append(event)
            show(event)

        try:
            yield watch
        except KeyboardInterrupt:
            _say_what_stands(events)
            raise


@contextmanager
def _bar(total: int | None) -> Iterator[OnEvent]:
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (BarColumn(bar_width=20), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=_console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=total)
        yield lambda event: bar.update(task, description=event.what, advance=1 if event.kind == "done" else 0)


@contextmanager
def _one_interrupt() -> Iterator[None]:
    """Raise KeyboardInterrupt at the first Ctrl-C only, until the block ends."""

    def interrupt(*_: object) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        say("\nInterrupted. Waiting for the calls that were sent, and undoing what can be undone.")
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _say_what_stands(events: Sequence[Event]) -> None:
    undone = {event.what for event in events if event.kind == "rolled back"}
    for event in events:
        if event.kind == "not rolled back":
            say(f"Not undone: {event.what} in the {event.side} account {event.account}")
        elif event.kind == "rolled back":
            say(f"Undone: {event.what} in the {event.side} account {event.account}")
        elif event.kind == "done" and event.what not in undone:
            say(f"Done: {event.what} in the {event.side} account {event.account}")
    say("Run the same command again: it continues from what stands.")


def _console(*, stderr: bool) -> Console:
    from rich.console import Console

    return Console(stderr=stderr, highlight=False)
