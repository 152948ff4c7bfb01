"""Measure the audit of organizations of generated accounts: how its cost grows, alone, in processes and on Dask.

Arguments: the numbers of accounts; by default 200, 400 and 1,000. Each account has 50 roles.
"""

from __future__ import annotations

import resource
import sys
import time
from concurrent.futures import Executor, ProcessPoolExecutor
from importlib.util import find_spec

from organizations import one_account, organization, snapshots

from xacct import AuditReport, Organization, Snapshot, audit


def timed(
    accounts: list[Snapshot], its: Organization | None = None, executor: Executor | None = None
) -> tuple[float, AuditReport]:
    """Return the seconds that an audit takes, and its report."""
    start = time.perf_counter()
    report = audit(*accounts, organization=its, executor=executor)
    return time.perf_counter() - start, report


def on_dask(accounts: list[Snapshot], its: Organization) -> tuple[float, AuditReport]:
    """Return what `timed` does, on a local cluster of two workers, without the time to start it."""
    import distributed  # pyright: ignore[reportMissingImports] # only nox -s bench installs it

    cluster = distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None)
    with cluster, distributed.Client(cluster) as client:
        client.gather(
            [client.submit(__import__, "xacct.access_audit", pure=False, workers=[w]) for w in client.nthreads()]
        )
        with client.get_executor() as executor:
            return timed(accounts, its, executor)


def main() -> None:
    """Print seconds, findings and memory for more and more accounts."""
    account = Snapshot.from_authorization_details(one_account())
    times = [timed([account])[0] for _ in range(5)]
    print(
        f"one account of {len(account.users)} users, {len(account.roles)} roles and {len(account.policies)} policies: "
        f"{times[0]:.2f} s, then {min(times):.2f} s; budget: at most 0.5 s\n"
    )
    sizes = [int(text) for text in sys.argv[1:]] or [200, 400, 1_000]
    has_dask = find_spec("distributed") is not None
    print("accounts    roles  findings  ways in | one process  two processes  Dask, two workers | largest memory")
    for number in sizes:
        accounts, its = list(snapshots(number)), organization(number)
        alone, report = timed(accounts, its)
        with ProcessPoolExecutor(2) as executor:
            both, same = timed(accounts, its, executor)
        dask, third = on_dask(accounts, its) if has_dask else (0.0, same)
        assert report.findings == same.findings == third.findings
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        print(
            f"{number:8,} {report.roles:8,} {len(report.findings):9,} {len(report.edges):8,} | {alone:9.1f} s "
            f"{both:12.1f} s  {f'{dask:15.1f} s' if has_dask else 'not installed':>17} | {memory:10.2f} GiB"
        )
    print("budget for 1,000 accounts: at most 60 s on two cores, and 1.5 GiB")


if __name__ == "__main__":
    main()
