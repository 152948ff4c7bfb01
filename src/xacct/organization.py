"""The check whether an account belongs to the organization of another."""

from __future__ import annotations

import logging

from xacct.errors import AwsError, PermissionMissing
from xacct.grant_account import GrantAccount
from xacct.organizations_client import organizations_client

__all__ = ["organization_without"]

log = logging.getLogger("xacct")


def organization_without(trusted: GrantAccount, *, trusting: GrantAccount) -> str | None:
    """Return the ID of the trusting account's organization if the trusted account does not belong to it.

    Each account is asked about itself: only an organization's management account can list the others.

    Args:
        trusted: the account that gets access.
        trusting: the account that gives it.

    Returns:
        None if the account belongs to the organization, if there is no organization, or if the sessions may not read
        it.

    Raises:
        AwsError: a call failed for another reason than a missing permission.

    Source: https://docs.aws.amazon.com/organizations/latest/APIReference/API_DescribeOrganization.html
    """
    try:
        organization = _organization_of(trusting)
        if organization is None or organization == _organization_of(trusted):
            return None
    except PermissionMissing as error:
        log.info("It was not checked whether account %s belongs to your organization: %s", trusted.id, error)
        return None
    return organization


def _organization_of(account: GrantAccount) -> str | None:
    organizations = organizations_client(account.session)
    try:
        answer = account.attempt(organizations.describe_organization, doing="reading the organization")
    except AwsError as error:
        if error.code == "AWSOrganizationsNotInUseException":
            return None
        raise
    return str(answer["Organization"]["Id"])
