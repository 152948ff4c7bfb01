"""A process that has imported the command and forks for each run, because imports take most of the time of a run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import IO

__all__ = ["run_in_fork"]

# Standard input names one run per line; the answer is a line with its exit code.
SERVER = """
import json, os, sys

import boto3, cyclopts, rich.console
import xacct, xacct.access, xacct.cli.app, xacct.cli.credentials, xacct.cli.exec
from xacct.cli import main

for name in xacct.__all__:
    getattr(xacct, name)

for line in sys.stdin:
    run = json.loads(line)
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)
        continue
    for descriptor, (file, flags) in enumerate(zip(run["files"], (os.O_RDONLY, os.O_WRONLY, os.O_WRONLY))):
        os.dup2(os.open(file, flags), descriptor)
    sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(2, "w", errors="backslashreplace")
    os.chdir(run["folder"])
    os.environ.clear()
    os.environ.update(run["environment"])
    sys.argv = [run["program"], *run["words"]]
    sys.exit(main.main())
"""


@cache
def _server() -> subprocess.Popen[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "XACCT_"))}
    return subprocess.Popen(
        [sys.executable, "-c", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    )


def _stream(stream: IO[str] | None) -> IO[str]:
    assert stream is not None
    return stream


def run_in_fork(
    words: Sequence[str], *, folder: Path, environment: Mapping[str, str], stdin: str
) -> tuple[int, str, str]:
    """Run ``python -m xacct`` with these words, and return its exit code, standard output and standard error."""
    server = _server()
    with tempfile.TemporaryDirectory() as files:
        paths = [Path(files, name) for name in ("in", "out", "err")]
        for path, text in zip(paths, (stdin, "", "")):
            path.write_text(text)
        program = str(Path(__file__).parents[2] / "src" / "xacct" / "__main__.py")
        run = {
            "words": [*words],
            "folder": str(folder),
            "environment": {**environment},
            "files": [str(path) for path in paths],
            "program": program,
        }
        _stream(server.stdin).write(f"{json.dumps(run)}\n")
        _stream(server.stdin).flush()
        code = _stream(server.stdout).readline()
        if not code:
            raise AssertionError("the process that forks has ended")
        return int(code), paths[1].read_text(), paths[2].read_text()
