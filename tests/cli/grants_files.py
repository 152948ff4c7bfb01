"""Grants files for the commands, and what they print."""

from __future__ import annotations

from typing import Any

import pytest
from tests.cli.command import Command
from tests.cli.here import Here, here
from tests.test_data_file import toml

__all__ = ["PLAN", "ROLE", "SUMMARY", "here", "run", "write_file"]

GRANT = {"trusting": "production", "trusted": "development", "name": "reports"}
PLAN = """\
Trusting account production (111111111111), trusted account development (222222222222):
+ create policy CrossAccountPolicy in the trusted account 222222222222
    {
      "Version": "2012-10-17",
      "Statement": [
        {
          "Effect": "Allow",
          "Action": "sts:AssumeRole",
          "Resource": "arn:aws:iam::111111111111:role/CrossAccountRoleS3"
        }
      ]
    }
+ create role CrossAccountRoleS3 in the trusting account 111111111111
    trust policy:
    {
      "Version": "2012-10-17",
      "Statement": [
        {
          "Effect": "Allow",
          "Principal": {
            "AWS": "arn:aws:iam::222222222222:root"
          },
          "Action": "sts:AssumeRole"
        }
      ]
    }
+ attach AmazonS3ReadOnlyAccess to role CrossAccountRoleS3 in the trusting account 111111111111
Note: role CrossAccountRoleS3 trusts every user and role of account 222222222222 whose own policies allow assuming it. \
To trust fewer, set principals to their ARNs
"""
ROLE = "arn:aws:iam::111111111111:role/CrossAccountRoleS3"
SUMMARY = "3 to create, 0 to change, 0 to remove\n"


def write_file(command: Command, *grants: dict[str, Any]) -> None:
    """Write grants.toml; each grant is between production and development if it does not say otherwise."""
    accounts = {name: {"profile": name} for name in ("production", "development")}
    text = toml({"accounts": accounts, "grants": [{**GRANT, **grant} for grant in grants or ({},)]})
    (command.folder / "grants.toml").write_text(text)


@pytest.fixture
def run(command: Command, here: Here) -> Here:
    """Run commands in this process with the profiles of the sandbox."""
    here.use_profiles_of(command)
    return here
