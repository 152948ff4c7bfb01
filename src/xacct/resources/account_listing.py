"""The roles, policies, users and groups of an account, read in pages.

For many grants, that takes far fewer calls than reading each resource.

Source: https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountAuthorizationDetails.html
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from attrs import field, frozen

from xacct.errors import PermissionMissing
from xacct.grant_account import GrantAccount
from xacct.resources.attachment import PrincipalKind

if TYPE_CHECKING:
    from mypy_boto3_iam.type_defs import (
        AttachedPolicyTypeDef,
        GetAccountAuthorizationDetailsResponseTypeDef as DetailsPage,
        ListRolesResponseTypeDef as RolesPage,
        RoleDetailTypeDef,
        RoleTypeDef,
        UserDetailTypeDef,
    )

__all__ = ["AccountListing", "attached_arns", "list_details", "list_policies", "list_roles", "read_details"]

log = logging.getLogger("xacct")

Page = TypeVar("Page", "DetailsPage", "RolesPage")
EntityKind = Literal["User", "Role", "Group", "LocalManagedPolicy", "AWSManagedPolicy"]

_READ_ONE_BY_ONE = "The resources in account %s are read one by one, and not listed: %s"

# The most items that IAM returns in one page.
_PAGE_SIZE = 1000


@frozen(kw_only=True)
class AccountListing:
    """What an account had when it was listed.

    Attributes:
        roles: the details of each role, by name. They lack the description and the maximum session duration.
        role_settings: each role as ListRoles returns it, by name: with these two, and without tags and boundary.
        users: the details of each user, by name.
        policy_versions: the documents of each customer managed policy, by ARN and version. The details of a policy
            lack its description and its tags: only GetPolicy returns both.
        principals: the users, groups and roles that have each managed policy, by its ARN.
    """

    roles: Mapping[str, RoleDetailTypeDef] = field(factory=dict)
    role_settings: Mapping[str, RoleTypeDef] = field(factory=dict)
    users: Mapping[str, UserDetailTypeDef] = field(factory=dict)
    policy_versions: Mapping[str, Mapping[str, object]] = field(factory=dict)
    principals: Mapping[str, frozenset[tuple[PrincipalKind, str]]] = field(factory=dict)

    @classmethod
    def of(cls, details: Iterable[DetailsPage], roles: Iterable[RolesPage] = ()) -> AccountListing:
        """Return the listing of some pages of account authorization details and of ListRoles."""
        details = list(details)
        return cls(
            roles={role["RoleName"]: role for page in details for role in page["RoleDetailList"]},
            role_settings={role["RoleName"]: role for page in roles for role in page["Roles"]},
            users={user["UserName"]: user for page in details for user in page["UserDetailList"]},
            policy_versions={
                policy["Arn"]: {version["VersionId"]: version["Document"] for version in policy["PolicyVersionList"]}
                for page in details
                for policy in page["Policies"]
            },
            principals=_principals(details),
        )

    def role(self, name: str) -> RoleTypeDef | None:
        """Return what GetRole returns of a role that was listed; None if it was replaced while it was listed."""
        detail, settings = self.roles[name], self.role_settings.get(name)
        if settings is None or settings["RoleId"] != detail["RoleId"]:
            return None
        role: RoleTypeDef = {
            **settings,
            "AssumeRolePolicyDocument": detail["AssumeRolePolicyDocument"],
            "Tags": detail.get("Tags", []),
        }
        if "PermissionsBoundary" in detail:
            role["PermissionsBoundary"] = detail["PermissionsBoundary"]
        return role


def list_roles(account: GrantAccount, *, most_pages: int) -> AccountListing | None:
    """List the roles of an account.

    Args:
        account: the account.
        most_pages: the number of pages above which reading each resource is cheaper.

    Returns:
        The listing; None if the caller may not list, or if there are more pages. The roles are to be read one by one.

    Raises:
        AwsError: a call failed.
    """

    def read() -> AccountListing:
        with ThreadPoolExecutor(max_workers=1) as threads:
            roles = threads.submit(_pages, account, account.iam.list_roles, most_pages)
            details = read_details(account, ("Role",), most_pages)
        return AccountListing.of(details, roles.result())

    return _none_if_not_listed(account, read, _READ_ONE_BY_ONE)


def list_details(account: GrantAccount, kinds: Iterable[EntityKind], unchecked: str) -> AccountListing | None:
    """List the details of an account's users, roles, groups and policies, however many there are.

    Args:
        account: the account.
        kinds: what to list.
        unchecked: what is not checked if the caller may not list, for the log.

    Returns:
        The listing, without role settings; None if the caller may not list.

    Raises:
        AwsError: a call failed.
    """
    message = f"It was not checked in account %s {unchecked}: %s"
    return _none_if_not_listed(account, lambda: AccountListing.of(read_details(account, kinds)), message)


def list_policies(account: GrantAccount, *, most_pages: int) -> AccountListing | None:
    """List the customer managed policies of an account, and the users, groups and roles, which have them.

    Args:
        account: the account.
        most_pages: the number of pages above which reading each resource is cheaper.

    Returns:
        The listing, without role settings; None if the caller may not list, or if there are more pages.

    Raises:
        AwsError: a call failed.
    """
    kinds: tuple[EntityKind, ...] = ("LocalManagedPolicy", "User", "Group", "Role")
    read = partial(read_details, account, kinds, most_pages)
    return _none_if_not_listed(account, lambda: AccountListing.of(read()), _READ_ONE_BY_ONE)


def attached_arns(entity: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the ARNs of the managed policies of a user, group or role in account authorization details, sorted."""
    attached: Iterable[AttachedPolicyTypeDef] = entity.get("AttachedManagedPolicies", [])
    return tuple(sorted(policy["PolicyArn"] for policy in attached))


def _principals(pages: Iterable[DetailsPage]) -> Mapping[str, frozenset[tuple[PrincipalKind, str]]]:
    found: dict[str, set[tuple[PrincipalKind, str]]] = defaultdict(set)
    for page in pages:
        entities: list[tuple[PrincipalKind, str, Mapping[str, Any]]] = [
            *(("user", user["UserName"], user) for user in page["UserDetailList"]),
            *(("group", group["GroupName"], group) for group in page["GroupDetailList"]),
            *(("role", role["RoleName"], role) for role in page["RoleDetailList"]),
        ]
        for kind, name, entity in entities:
            for arn in attached_arns(entity):
                found[arn].add((kind, name))
    return {arn: frozenset(principals) for arn, principals in found.items()}


class _TooManyPages(Exception):
    """The account has more pages than reading the resources one by one takes calls."""

    def __init__(self, pages: int) -> None:
        super().__init__(f"it has more than {pages} pages of roles, policies, users and groups")


def _none_if_not_listed(
    account: GrantAccount, read: Callable[[], AccountListing], message: str
) -> AccountListing | None:
    try:
        return read()
    except (PermissionMissing, _TooManyPages) as error:
        log.info(message, account.id, error)
        return None


def read_details(
    account: GrantAccount, kinds: Iterable[EntityKind], most_pages: int | None = None
) -> list[DetailsPage]:
    """Read the pages of the details of an account's users, roles, groups and policies.

    Args:
        account: the account.
        kinds: what to read.
        most_pages: the largest number of pages; None for no limit.

    Raises:
        AwsError: a call failed.
    """
    request = partial(account.iam.get_account_authorization_details, Filter=list(kinds))
    return _pages(account, request, most_pages)


def _pages(account: GrantAccount, request: Callable[..., Page], most_pages: int | None) -> list[Page]:
    """Read every page, each with its own retries.

    Raises:
        _TooManyPages: there are more pages than allowed.
        AwsError: a call failed.
    """
    pages: list[Page] = []
    marker: dict[str, str] = {}
    while most_pages is None or len(pages) < most_pages:
        page = account.attempt(partial(request, MaxItems=_PAGE_SIZE, **marker), doing="listing IAM's resources")
        pages.append(page)
        if not page["IsTruncated"]:
            return pages
        marker = {"Marker": page["Marker"]}
    raise _TooManyPages(most_pages)
