"""The accounts that ``audit``, ``who-can`` and ``what-can`` look at: files, profiles, or a whole organization."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING, Annotated, TypeAlias

from attrs import frozen
from cyclopts import Parameter

from xacct import Organization, Snapshot
from xacct.access_audit.table import number
from xacct.cli.error_lines import error_lines
from xacct.cli.standard_input import FileOrStandardInput, read_bytes
from xacct.cli.terminal import say
from xacct.errors import InvalidValue, XacctError
from xacct.report_table import one_line

if TYPE_CHECKING:
    import boto3

    from xacct import Account, FanOut

__all__ = ["Accounts", "Dump", "Sources", "read_accounts", "say_gaps"]

log = logging.getLogger("xacct")

# An account with thousands of buckets takes minutes.
_SECONDS_FOR_AN_ACCOUNT = 900
# Many accounts can fail in the same way.
_LENGTH_OF_AN_ERROR = 250

Dump: TypeAlias = Annotated[
    Path,
    FileOrStandardInput,
    Parameter(
        help="A file with what aws iam get-account-authorization-details printed, or with a saved snapshot, for each "
        "account; - for standard input. Without one, the account of the profile is read."
    ),
]
_Many: TypeAlias = Annotated[tuple[str, ...], Parameter(negative="", show_default=False)]


@Parameter(name="*")
@frozen(kw_only=True)
class Sources:
    """Accounts to read from AWS.

    Attributes:
        profile: A profile in ~/.aws/config whose account is read. Repeat for several.
        organization: Read all active accounts of the organization, by way of one profile: that of the management
            account or of a delegated administrator.
        role: The name of the role that is assumed in each account of the organization. The account of the profile
            itself is read without it.
        exclude: The ID of an account or of an organizational unit to leave out. Repeat for several.
        services: The services whose resource policies are read too, such as s3,kms, or all.
        region: A region in which resource policies are read; default: that of the profile. Repeat for several.
    """

    profile: _Many = ()
    organization: Annotated[bool, Parameter(negative="", show_default=False)] = False
    role: str | None = None
    exclude: _Many = ()
    services: str | None = None
    region: _Many = ()

    def check(self) -> None:
        """Check that the options fit together.

        Raises:
            InvalidValue: they do not.
        """
        if self.organization and not self.role:
            raise InvalidValue("--role", self.role, "--organization needs the name of a role to assume in each account")
        if self.organization and len(self.profile) > 1:
            raise InvalidValue("--profile", ", ".join(self.profile), "--organization takes one profile")
        for option, value in (("--role", self.role), ("--exclude", self.exclude)):
            if value and not self.organization:
                raise InvalidValue(option, value, "it is only for --organization")


@frozen(kw_only=True)
class Accounts:
    """What was read.

    Attributes:
        snapshots: the accounts.
        organization: the organization; None if it was not read.
        complete: whether every account could be read.
    """

    snapshots: tuple[Snapshot, ...]
    organization: Organization | None = None
    complete: bool = True

    @property
    def missing(self) -> tuple[str, ...]:
        """What the data lacks, each with the reason."""
        found = [text for snapshot in self.snapshots for text in snapshot.missing]
        return tuple(dict.fromkeys([*(self.organization.missing if self.organization else ()), *found]))


def read_accounts(dumps: Iterable[Path], sources: Sources) -> Accounts:
    """Read the accounts. Those that could not be read are named on standard error.

    Args:
        dumps: the files.
        sources: what to read from AWS. The default profile is read if there is neither a file nor a profile.

    Raises:
        InvalidValue: the options do not fit together, or a file has something else.
        XacctError: no account could be read, or the accounts of the organization could not be listed.
    """
    sources.check()
    snapshots = [_read_dump(path) for path in dumps]
    organization: Organization | None = None
    live: FanOut[Snapshot] | None = None
    if sources.organization:
        base = _session(sources, *sources.profile)
        organization = Organization.read(base)
        live = _read(_organization_targets(base, sources), sources, base)
    elif sources.profile or not snapshots:
        profiles = sources.profile or (None,)
        live = _read({name or "default": _session(sources, name) for name in profiles}, sources)
    if live is None:
        return Accounts(snapshots=tuple(snapshots))
    snapshots += live.results.values()
    if not snapshots and len(live.errors) == 1:
        raise next(iter(live.errors.values()))
    for key, error in live.errors.items():
        _say_unread(key, live.targets[key].name, error)
    if not snapshots:
        raise XacctError(f"none of the {len(live.errors)} accounts could be read")
    return Accounts(snapshots=tuple(snapshots), organization=organization, complete=live.ok)


def say_gaps(gaps: Sequence[str]) -> None:
    """Print to standard error how much was not read or not decided, and with ``-v`` what.

    Args:
        gaps: what was not read or not decided.
    """
    if gaps:
        verbose = log.isEnabledFor(logging.INFO)
        say(
            f"Incomplete: {number(len(gaps), 'thing')} {'was' if len(gaps) == 1 else 'were'} not read or not decided"
            + (":" if verbose else "; -v lists them.")
        )
        for text in gaps if verbose else ():
            say(f"  {one_line(text)}")


def _read_dump(path: Path) -> Snapshot:
    try:
        return Snapshot.from_json(read_bytes(path))
    except InvalidValue as error:
        raise InvalidValue(f"{path}, {error.field}", error.value, error.rule) from None


def _session(sources: Sources, profile: str | None = None) -> boto3.Session:
    from xacct.cli.sessions import open_session  # it imports boto3, which takes long and which files do not need

    return open_session(profile, sources.region[0] if sources.region else None)


def _organization_targets(base: boto3.Session, sources: Sources) -> Mapping[str, boto3.Session | Account]:
    """Return the accounts of the organization. That of the session is read with the session itself."""
    from xacct import accounts_in_organization
    from xacct.grant_account import connect_one

    own = connect_one(base, "profile").id
    accounts = accounts_in_organization(base, exclude=sources.exclude)
    return {account.id: base if account.id == own else account for account in accounts}


def _read(
    targets: Mapping[str, boto3.Session | Account], sources: Sources, base: boto3.Session | None = None
) -> FanOut[Snapshot]:
    from xacct import fan_out

    services = [name.strip() for name in (sources.services or "").split(",") if name.strip()]
    return fan_out(
        targets,
        partial(Snapshot.read, services=services, regions=sources.region or None),
        base=base,
        role_names=sources.role or (),
        timeout=_SECONDS_FOR_AN_ACCOUNT,
    )


def _say_unread(key: str, name: str, error: Exception) -> None:
    what, why, _ = error_lines(error)
    about = shorten(f"{what}: {why}", _LENGTH_OF_AN_ERROR, placeholder=" …")
    say(f"Not read: {key}{f' ({name})' if name else ''}: {about}")
    log.info("%s", error)
