"""What `import xacct` costs over a bare interpreter; the budget is 40 ms."""

from __future__ import annotations

import subprocess
import sys
import time

BUDGET = 0.040
ROUNDS = 15


def seconds(code: str) -> float:
    """How long a new interpreter takes to run the code."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - start


def main() -> None:
    """Measure in turn, so that a busy moment falls on both, and compare the best rounds."""
    seconds("import xacct")  # compiles what was not compiled yet
    rounds = [(seconds("pass"), seconds("import xacct")) for _ in range(ROUNDS)]
    bare, with_xacct = (min(column) for column in zip(*rounds, strict=True))
    cost = with_xacct - bare
    print(f"import xacct: {cost * 1e3:.1f} ms over a bare interpreter ({bare * 1e3:.1f} ms); budget {BUDGET * 1e3:.0f}")
    if cost > BUDGET:
        raise SystemExit("import xacct is over its budget")


if __name__ == "__main__":
    main()
