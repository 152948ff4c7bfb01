"""Measure the time that `import xacct` adds to the start of a Python interpreter. The budget is 40 ms."""

from __future__ import annotations

import subprocess
import sys
import time

BUDGET = 0.040
ROUNDS = 15


def seconds(code: str) -> float:
    """Return the seconds that a new interpreter takes to run the code."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - start


def main() -> None:
    """Compare the best rounds. The rounds alternate, so that other load affects both alike."""
    seconds("import xacct")  # writes the bytecode cache
    rounds = [(seconds("pass"), seconds("import xacct")) for _ in range(ROUNDS)]
    bare, with_xacct = (min(column) for column in zip(*rounds, strict=True))
    cost = with_xacct - bare
    budget = f"budget: {BUDGET * 1e3:.0f} ms"
    print(f"import xacct: {cost * 1e3:.1f} ms more than a bare interpreter ({bare * 1e3:.1f} ms); {budget}")
    if cost > BUDGET:
        raise SystemExit("import xacct exceeds its budget")


if __name__ == "__main__":
    main()
