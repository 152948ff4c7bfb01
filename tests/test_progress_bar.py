"""The progress bar: when it is shown, and what it counts."""

from __future__ import annotations

import re
import sys

import pytest

from xacct import progress_bar as module
from xacct.events import Event, EventKind
from xacct.progress_bar import progress_bar, step_progress


def event(kind: EventKind = "done") -> Event:
    return Event(kind=kind, what="creating role Reader", side="trusting", account="111111111111")


def written(capsys: pytest.CaptureFixture[str]) -> str:
    """What was written to standard error, without the control sequences of the terminal."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", capsys.readouterr().err)


def use_terminal(patch: pytest.MonkeyPatch) -> None:
    """Make standard error a terminal. It is another object in the fixtures than in the test."""
    patch.setattr(sys.stderr, "isatty", lambda: True)
    patch.setenv("TERM", "xterm")


def test_a_bar_shows_how_many_are_done(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar(3, "accounts", shown=True) as show:
        show(2)
    out, err = capsys.readouterr()
    assert "2/3 accounts" in err
    assert out == ""


def test_a_bar_is_shown_in_a_terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    use_terminal(monkeypatch)
    with progress_bar(3, "steps") as show:
        show(3)
    assert "3/3 steps" in written(capsys)


def test_no_bar_is_shown_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar(3, "steps") as show:
        show(3)
    assert capsys.readouterr().err == ""


def test_no_bar_is_shown_on_request(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    use_terminal(monkeypatch)
    with progress_bar(3, "steps", shown=False) as show:
        show(3)
    assert capsys.readouterr().err == ""


def test_no_bar_is_shown_without_rich(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    use_terminal(monkeypatch)
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with progress_bar(3, "steps") as show:
        show(3)
    assert capsys.readouterr().err == ""


def test_the_steps_that_are_done_are_counted(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    use_terminal(monkeypatch)
    with step_progress(None, steps=4, grants=6) as on_event:
        assert on_event is not None
        for kind in ("started", "done", "started", "failed", "started", "done"):
            on_event(event(kind))
    assert "2/4 steps" in written(capsys)


def test_few_grants_have_no_bar(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    use_terminal(monkeypatch)
    with step_progress(None, steps=4, grants=5) as on_event:
        assert on_event is None
    assert capsys.readouterr().err == ""


def test_who_watches_the_events_gets_them_and_no_bar(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    use_terminal(monkeypatch)
    events: list[Event] = []
    with step_progress(events.append, steps=4, grants=6) as on_event:
        assert on_event is not None
        on_event(event())
    assert events == [event()]
    assert capsys.readouterr().err == ""


def test_a_bar_ends_when_the_work_fails(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    use_terminal(monkeypatch)
    with pytest.raises(ValueError, match="stop"), step_progress(None, steps=2, grants=6):
        raise ValueError("stop")
    assert "0/2 steps" in written(capsys)
