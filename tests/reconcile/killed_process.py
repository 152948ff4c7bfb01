"""A program that forks a process for each line of its input. Each process applies or destroys a grant, and is killed.

Starting Python takes a second, and forking some milliseconds. A line has the action and the grants as JSON. The output
has the id of the process in one line, which begins after one more line of input, and its exit status in the next.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import boto3
from botocore.config import Config

from xacct import DevAccessGrant, TrustGrant
from xacct.reconcile import plan
from xacct.retry import Patience

ONE_TRY = Config(retries={"total_max_attempts": 1})


class Session(boto3.Session):
    """A session whose clients are created once."""

    def __init__(self, key: str, secret: str, url: str) -> None:
        super().__init__(key, secret, region_name="eu-central-1")
        create = super().client
        self.clients: dict[str, Any] = {
            name: create(name, endpoint_url=url, config=ONE_TRY)  # type: ignore[call-overload]
            for name in ("iam", "organizations", "sts")
        }
        self.client = self.clients.__getitem__  # type: ignore[method-assign, assignment]


def run(line: str, sessions: dict[str, Session]) -> None:
    action, trust, access = json.loads(line)
    grants = TrustGrant.from_dict(trust), DevAccessGrant.from_dict(access)
    planned = plan(*grants, **sessions, patience=Patience(deadline=5, first=0.001, longest=0.01))
    if action != "plan":
        getattr(planned, action)()


def sessions() -> dict[str, Session]:
    return {side: Session(*os.environ[f"XACCT_TEST_{side}"].split()) for side in ("trusting", "trusted")}


def main() -> None:
    connected = sessions()
    for line in sys.stdin:
        if json.loads(line)[0] == "plan":
            # Loads what is loaded on first use. A fork must not share the connections of these sessions.
            run(line, sessions())
            print("ready", flush=True)
            continue
        begin, end = os.pipe()
        process = os.fork()
        if process == 0:
            status = 1
            try:
                os.read(begin, 1)
                run(line, connected)
                status = 0
            finally:
                os._exit(status)
        print(process, flush=True)
        sys.stdin.readline()
        os.write(end, b"1")
        print(os.waitpid(process, 0)[1], flush=True)
        os.close(begin)
        os.close(end)


if __name__ == "__main__":
    main()
