"""Reads what a snapshot is made of from a session: the account's IAM, and the resource policies of services."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from datetime import datetime, timezone
from difflib import get_close_matches
from functools import partial
from typing import TYPE_CHECKING, TypeVar, cast, get_args

from attrs import define, field, frozen
from botocore.exceptions import BotoCoreError

from xacct.arn import partition_of_region
from xacct.concurrency import run_concurrently
from xacct.errors import AwsError, InvalidValue, SessionExpired
from xacct.grant_account import GrantAccount, connect_one
from xacct.resources.account_listing import EntityKind, read_details
from xacct.retry import Patience
from xacct.snapshot.details import ResourcePolicy, document_text
from xacct.snapshot.missing import missing_entry, reason_of
from xacct.snapshot.resource_policies import SERVICES, Place, Resource, ServiceClient, ServiceName, client_of

if TYPE_CHECKING:
    import boto3

__all__ = ["AccountReader"]

T = TypeVar("T")

_REGION = re.compile(r"[a-z]{2,5}(-[a-z]+)+-[0-9]{1,2}")


@define
class AccountReader:
    """Reads an account. What a service refuses is noted, and ends nothing else.

    Attributes:
        account: the account.
        services: the services whose resource policies are wanted.
        regions: the regions in which they are wanted.
        taken: when the reading began.
        read_services: the services of which something could be listed.
        missing: what could not be read.
    """

    account: GrantAccount
    services: tuple[ServiceName, ...]
    regions: tuple[str, ...]
    taken: datetime
    read_services: set[str] = field(factory=set)
    missing: list[str] = field(factory=list)

    @classmethod
    def connect(cls, session: boto3.Session, services: Iterable[str], regions: Iterable[str] | None) -> AccountReader:
        """Return the reader for a session.

        Raises:
            InvalidValue: an argument is not valid.
            AwsError: the caller could not be read.
        """
        wanted = _checked_services(services)
        account = connect_one(session, "session", patience=Patience(deadline=30))
        places = _checked_regions(regions, account) if wanted else ()
        return cls(account, wanted, places, datetime.now(timezone.utc))

    def details(self) -> Sequence[Mapping[str, object]]:
        """Return the pages of the account authorization details.

        Raises:
            AwsError: the caller may not, or a call failed.
        """
        return read_details(self.account, get_args(EntityKind))

    def resource_policies(self) -> list[ResourcePolicy]:
        """Return the resource policies of all services and regions.

        Raises:
            SessionExpired: the session's credentials have expired.
        """
        clients = _Clients(self.account.session)
        places: list[tuple[ServiceName, str]] = [
            (name, region)
            for name in self.services
            for region in (self.regions if SERVICES[name].has_regions else self.regions[:1])
        ]
        # A session creates its clients in this thread, because it is not thread-safe.
        listings = [partial(self._resources, name, region, clients.get(name, region)) for name, region in places]
        reads = [
            partial(self._policy, name, resource, clients.get(name, resource.region or region))
            for (name, region), found in zip(places, run_concurrently(*listings))
            for resource in found
        ]
        return [policy for policy in run_concurrently(*reads) if policy is not None]

    def _resources(self, name: ServiceName, region: str, client: ServiceClient) -> list[Resource]:
        """Return the resources of a service in a region; none, and noted, if they could not be listed."""
        place = Place(self.account.partition, region, self.account.id)
        found = self._attempt(
            partial(SERVICES[name].resources, client, place),
            what=f"{name} in {region}" if SERVICES[name].has_regions else name,
            doing=f"listing the resources of {name}",
            resource=f"arn:{place.partition}:{name}:{place.region}:{place.account}:*",
        )
        if found is None:
            return []
        self.read_services.add(name)
        return found

    def _policy(self, name: ServiceName, resource: Resource, client: ServiceClient) -> ResourcePolicy | None:
        """Return the resource policy of a resource; None if it has none, or, noted, if it could not be read."""
        text = self._attempt(
            partial(SERVICES[name].policy, client, resource),
            what=f"resource policy of {resource.arn}",
            doing=f"reading the policy of {resource.arn}",
            resource=resource.arn,
            absent=SERVICES[name].absent,
        )
        return ResourcePolicy(arn=resource.arn, service=name, policy=document_text(text)) if text else None

    def _attempt(
        self, call: Callable[[], T], *, what: str, doing: str, resource: str, absent: Container[str | None] = ()
    ) -> T | None:
        try:
            return self.account.attempt(call, doing=doing, resource=resource)
        except SessionExpired:
            raise
        except (AwsError, BotoCoreError) as error:
            if not isinstance(error, AwsError) or error.code not in absent:
                self.missing.append(missing_entry(what, reason_of(error)))
        return None


@frozen
class _Clients:
    """The clients of a session, one for each service and region."""

    _session: boto3.Session
    _made: dict[tuple[ServiceName, str], ServiceClient] = field(factory=dict)

    def get(self, service: ServiceName, region: str) -> ServiceClient:
        if (service, region) not in self._made:
            self._made[service, region] = client_of(self._session, service, region)
        return self._made[service, region]


def _checked_services(services: Iterable[str]) -> tuple[ServiceName, ...]:
    if services == "all":
        return tuple(SERVICES)
    names = (services,) if isinstance(services, str) else tuple(services)
    for name in names:
        if name not in SERVICES:
            nearest = get_close_matches(str(name).lower(), SERVICES, n=1)
            rule = f"did you mean {nearest[0]!r}? " if nearest else ""
            raise InvalidValue("services", name, f"{rule}The services are {', '.join(SERVICES)}; 'all' is for all")
    return tuple(dict.fromkeys(cast("tuple[ServiceName, ...]", names)))


def _checked_regions(regions: Iterable[str] | None, account: GrantAccount) -> tuple[str, ...]:
    if regions is None:
        region = account.session.region_name
        if region is None:
            raise InvalidValue("regions", None, "name the regions: the session has none")
        return (region,)
    names = (regions,) if isinstance(regions, str) else tuple(dict.fromkeys(regions))
    if not names:
        raise InvalidValue("regions", names, "at least one region, or None for the session's")
    for name in names:
        if not isinstance(name, str) or not _REGION.fullmatch(name):
            raise InvalidValue("regions", name, "the name of a region, such as eu-central-1")
        if partition_of_region(name).name != account.partition:
            raise InvalidValue("regions", name, f"must be a region of {account.partition}, the account's partition")
    return names
