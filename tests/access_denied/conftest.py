"""The accounts of the tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from moto.organizations.models import organizations_backends
from tests.access_denied.accounts import DEV, OTHER, PROD, REGION, Both

from xacct.testing import Sandbox


@pytest.fixture
def both() -> Iterator[Both]:
    with Sandbox([PROD, DEV, OTHER], region=REGION) as aws:
        yield Both.set_up(aws)
    # Moto keeps the members of organizations when it is reset.
    organizations_backends.master_accounts.clear()
