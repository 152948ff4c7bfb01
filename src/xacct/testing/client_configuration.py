"""The configuration of clients of a sandbox: its region, and the config file of other programs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from xacct.arn import Partition, partition_of_region
from xacct.errors import InvalidValue
from xacct.testing.account import Account

__all__ = ["config_file", "region_in"]


def region_in(partition: Partition, region: str | None) -> str:
    """Return the region of a sandbox's sessions.

    Args:
        partition: the partition of the sandbox.
        region: the region that was asked for; None for the default one.

    Raises:
        InvalidValue: the region belongs to another partition.
    """
    if region is None:
        return "eu-central-1" if partition.name == "aws" else partition.global_region
    if partition_of_region(region) != partition:
        raise InvalidValue(
            "region", region, f"a region of partition {partition.name}, such as {partition.global_region}"
        )
    return region


def config_file(accounts: Iterable[Account], region: str, url: str, names: Mapping[str, str]) -> str:
    """Return the text of an AWS config file, with a profile for the administrator of each account.

    Args:
        accounts: the accounts.
        region: the region of the profiles.
        url: the URL of the server that other programs connect to.
        names: the names of the profiles, by account ID; by default, a profile is named as its account's ID.
    """
    blocks = (
        f"[profile {names.get(account.id, account.id)}]\nregion = {region}\nendpoint_url = {url}\n"
        f"aws_access_key_id = {account.key.access_key_id}\n"
        f"aws_secret_access_key = {account.key.secret_access_key}\n"
        for account in accounts
    )
    return "\n".join(blocks)
