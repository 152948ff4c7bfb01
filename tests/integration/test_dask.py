"""An audit on the engine of an organization: a local cluster of Dask finds what one process finds.

`nox -s integration` installs and runs it.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

import pytest
from tests.access_audit.accounts import A, B, C, organization, role, role_arn, root, snapshot, trust, user

from xacct.access_audit import audit

if TYPE_CHECKING:
    from collections.abc import Iterator

distributed = pytest.importorskip("distributed", reason="Dask is not installed: nox -s integration")

NOW = datetime(2026, 11, 26, tzinfo=timezone.utc)


@pytest.fixture
def client() -> Iterator[distributed.Client]:
    cluster = distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None)
    with cluster, distributed.Client(cluster) as client:
        yield client


@pytest.mark.timeout(100)
@pytest.mark.filterwarnings("ignore")  # of Dask and what it imports
def test_a_cluster_finds_what_one_process_finds(client: distributed.Client) -> None:
    accounts = (
        snapshot(A, role(A, "Target", trust(role_arn(B, "Hop"))), role(A, "Open", trust("*"))),
        snapshot(B, role(B, "Hop", trust(root(C)), may_assume=[role_arn(A, "Target")])),
        snapshot(C, user(C, "dev", may_assume=[role_arn(B, "Hop")])),
    )
    alone = audit(*accounts, organization=organization(A, B, C), now=NOW)
    with client.get_executor() as executor:
        assert audit(*accounts, organization=organization(A, B, C), now=NOW, executor=executor) == alone
    assert {"public", "transitive"} <= {finding.kind for finding in alone.findings}
