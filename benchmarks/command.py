"""Measure how long the command `xacct` takes to start, compared with Python and boto3 on the same machine.

`xacct credentials` runs before every call of programs that use it as credential_process. It is compared with the
shortest code that does the same: import boto3 and call AssumeRole. A local server answers after 100 ms.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from slow_aws import aws

ROLE = "arn:aws:iam::111111111111:role/Reader"
ROUNDS = 15
BARE = ["-c", "pass"]
SHORTEST = f"""
import boto3
sts = boto3.Session(profile_name="development").client("sts")
print(sts.assume_role(RoleArn={ROLE!r}, RoleSessionName="nightly")["Credentials"]["AccessKeyId"])
"""
BOTO3 = ["-c", SHORTEST]
CREDENTIALS = ["-m", "xacct", "credentials", "--profile", "development", "--session-name", "nightly", ROLE]
CREDENTIALS_BUDGET = 1.15
BUDGETS = {"--help": 0.200, "--version": 0.060}


def seconds(words: list[str]) -> float:
    """Return the seconds that a new interpreter takes."""
    start = time.perf_counter()
    subprocess.run([sys.executable, *words], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def compare_credentials() -> bool:
    """Compare pairs of runs, one after the other, so that other load affects both alike."""
    seconds(CREDENTIALS)  # writes the bytecode cache
    pairs = [(seconds(BOTO3), seconds(CREDENTIALS)) for _ in range(ROUNDS)]
    ratio = statistics.median(ours / plain for plain, ours in pairs)
    plain, ours = (min(column) for column in zip(*pairs, strict=True))
    print(
        f"xacct credentials: {ours * 1e3:.0f} ms; boto3 and the call alone: {plain * 1e3:.0f} ms; "
        f"median of {ROUNDS} pairs: {ratio:.2f} times (budget {CREDENTIALS_BUDGET})"
    )
    return ratio <= CREDENTIALS_BUDGET


def measure_start() -> bool:
    """Measure what needs no call, best of several."""
    ok = True
    bare = min(seconds(BARE) for _ in range(ROUNDS))
    for option, budget in BUDGETS.items():
        best = min(seconds(["-m", "xacct", option]) for _ in range(ROUNDS))
        print(f"xacct {option}: {best * 1e3:.0f} ms (budget {budget * 1e3:.0f} ms; Python alone: {bare * 1e3:.0f} ms)")
        ok &= best <= budget
    return ok


def main() -> None:
    """Run both measurements."""
    with tempfile.TemporaryDirectory() as folder, aws() as url:
        config = Path(folder) / "config"
        config.write_text(
            "[profile development]\nregion = eu-west-1\naws_access_key_id = AKIAEXAMPLE\naws_secret_access_key = s\n"
        )
        os.environ |= {
            "AWS_ENDPOINT_URL": url, "AWS_CONFIG_FILE": str(config), "AWS_SHARED_CREDENTIALS_FILE": os.devnull
        }  # fmt: skip
        results = [compare_credentials(), measure_start()]
    if not all(results):
        raise SystemExit("The command exceeds a budget")


if __name__ == "__main__":
    main()
