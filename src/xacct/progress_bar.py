"""A progress bar on standard error, for work that takes long."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from xacct.events import Event, OnEvent

__all__ = ["Progress", "account_progress", "progress_bar", "step_progress"]

Progress = Callable[[int, int, str], object]
"""Called with the number of finished accounts, the total, and the ID of the account that finished last."""

# The largest number of grants for which no progress is shown.
_FEW_GRANTS = 5


@contextmanager
def progress_bar(total: int, unit: str, *, shown: bool | None = None) -> Iterator[Callable[[int], object]]:
    """Show a progress bar of the library rich until the block ends.

    Args:
        total: the number of things to do.
        unit: what is counted, in the plural, such as ``accounts``.
        shown: whether to show it; None for a bar if standard error is a terminal and rich is installed
            (``pip install 'xacct[progress]'``).

    Yields:
        A function to call with the number of things that are done.

    >>> with progress_bar(2, "accounts", shown=False) as show:
    ...     show(1)
    """
    if shown is None:
        shown = sys.stderr.isatty() and find_spec("rich") is not None
    if not shown:
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (BarColumn(), MofNCompleteColumn(), TextColumn(unit), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("", total=total)
        yield lambda done: bar.update(task, completed=done)


@contextmanager
def account_progress(progress: Progress | bool | None, total: int) -> Iterator[Progress]:
    """Show the progress of work in many accounts, or report it to the caller, until the block ends.

    Args:
        progress: the caller's function; or whether to show a bar, as `progress_bar` takes it.
        total: the number of accounts.

    Yields:
        The function to call after each account.
    """
    if callable(progress):
        yield progress
    else:
        with progress_bar(total, "accounts", shown=progress) as show:
            yield lambda done, _, __: show(done)


@contextmanager
def step_progress(on_event: OnEvent | None, *, steps: int, grants: int) -> Iterator[OnEvent | None]:
    """Show the progress of the steps of a plan, if it has many grants and the caller does not watch the events.

    Args:
        on_event: the caller's callback; it is passed on, and no bar is shown.
        steps: the number of steps.
        grants: the number of grants; up to 5 are too few for a bar.

    Yields:
        The callback to call for each event.
    """
    if on_event is not None or grants <= _FEW_GRANTS:
        yield on_event
        return
    done = 0
    with progress_bar(steps, "steps") as show:

        def count(event: Event) -> None:
            nonlocal done
            if event.kind == "done":
                done += 1
                show(done)

        yield count
