from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from xacct.session.file_lock import locked

HOLD = """
import sys, pathlib
from xacct.session.file_lock import locked
with locked(pathlib.Path(sys.argv[1]), timeout=10):
    print("locked", flush=True)
    sys.stdin.read()
"""

COUNT = """
import sys, pathlib
from xacct.session.file_lock import locked
lock, counter = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
for _ in range(50):
    with locked(lock, timeout=60):
        counter.write_text(str(int(counter.read_text()) + 1))
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder" / ".lock"


@pytest.fixture
def holder(path: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "locked\n"
        yield process
        process.kill()


def test_the_file_is_the_owners_only_and_gone_at_the_end(path: Path) -> None:
    with locked(path, timeout=0):
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.parent.stat().st_mode & 0o777 == 0o700
    assert list(path.parent.iterdir()) == []
    with pytest.raises(KeyError), locked(path, timeout=0):
        raise KeyError
    assert list(path.parent.iterdir()) == []


def test_another_process_is_waited_for_no_longer_than_the_timeout(path: Path, holder: subprocess.Popen[str]) -> None:
    begun = time.monotonic()
    with pytest.raises(TimeoutError, match=r"was locked for 0\.2 s"), locked(path, timeout=0.2):
        pytest.fail("two processes have the lock")
    assert 0.2 <= time.monotonic() - begun < 5
    assert path.exists()


def test_the_lock_is_free_when_the_other_process_leaves_it(path: Path, holder: subprocess.Popen[str]) -> None:
    assert holder.stdin is not None
    threading.Timer(0.1, holder.stdin.close).start()
    with locked(path, timeout=30):
        pass


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_a_killed_process_leaves_no_lock(path: Path, holder: subprocess.Popen[str]) -> None:
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    assert path.exists()
    with locked(path, timeout=0):
        pass
    assert not path.exists()


def test_processes_and_threads_exclude_each_other(path: Path, tmp_path: Path) -> None:
    counter = tmp_path / "counter"
    counter.write_text("0")

    def count(_: int) -> None:
        for _ in range(50):
            with locked(path, timeout=60):
                counter.write_text(str(int(counter.read_text()) + 1))

    others = [subprocess.Popen([sys.executable, "-c", COUNT, str(path), str(counter)]) for _ in range(2)]
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(count, range(2)))
    assert [other.wait(60) for other in others] == [0, 0]
    assert counter.read_text() == "200"


def test_a_folder_that_cannot_be_made_is_an_os_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"), locked(tmp_path / "file" / "lock", timeout=0):
        pass


def test_a_missing_permission_is_no_other_process(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise PermissionError("not yours")

    monkeypatch.setattr("os.open", refuse)
    with pytest.raises(PermissionError), locked(path, timeout=60):
        pass
