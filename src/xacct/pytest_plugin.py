"""The pytest plugin: fixtures for tests of cross-account code. pytest loads it wherever xacct is installed."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import boto3

    from xacct.testing import Sandbox

__all__ = ["trusted_identity", "trusted_session", "trusting_session", "xacct_sandbox"]

_TRUSTING, _TRUSTED = "111111111111", "222222222222"


@pytest.fixture
def xacct_sandbox() -> Iterator[Sandbox]:
    """Two new AWS accounts that enforce IAM for each test: 111111111111 (trusting) and 222222222222 (trusted)."""
    from xacct.testing import Sandbox

    with Sandbox([_TRUSTING, _TRUSTED]) as aws:
        yield aws


@pytest.fixture
def trusting_session(xacct_sandbox: Sandbox) -> boto3.Session:
    """A session of the trusting account's administrator."""
    return xacct_sandbox.account(_TRUSTING).session


@pytest.fixture
def trusted_session(xacct_sandbox: Sandbox) -> boto3.Session:
    """A session of the trusted account's administrator."""
    return xacct_sandbox.account(_TRUSTED).session


@pytest.fixture
def trusted_identity(xacct_sandbox: Sandbox, trusted_session: boto3.Session) -> Iterator[boto3.Session]:
    """Make the trusted account's administrator the identity of plain clients, such as ``boto3.client("s3")``."""
    with xacct_sandbox.acting_as(trusted_session) as session:
        yield session


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the last refused call, with the decision, to the report of a failed test."""
    report = yield
    sandbox: Sandbox | None = getattr(item, "funcargs", {}).get("xacct_sandbox")
    if sandbox is not None and report.failed:
        refused = [call for call in sandbox.calls if call.code][-1:]
        report.sections += [("AWS refused", str(call)) for call in refused]
    return report
