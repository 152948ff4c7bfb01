"""Trusted access of stack sets to an organization, without which none is service-managed.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-orgs-activate-trusted-access.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xacct.testing.error_responses import Refused

if TYPE_CHECKING:
    from moto.organizations.models import OrganizationsBackend

__all__ = ["activate", "check_activated", "deactivate", "is_activated"]

_SERVICE = "member.org.stacksets.cloudformation.amazonaws.com"


def activate(backend: OrganizationsBackend) -> None:
    """Give stack sets access to an organization.

    Raises:
        Refused: the account is not the management account of one.
    """
    if backend.org is None:
        raise Refused("ValidationError", "Your account is not the management account of an organization")
    backend.enable_aws_service_access(ServicePrincipal=_SERVICE)


def deactivate(backend: OrganizationsBackend) -> None:
    """Take the access away."""
    backend.disable_aws_service_access(ServicePrincipal=_SERVICE)


def is_activated(backend: OrganizationsBackend) -> bool:
    """Return whether stack sets have access to an organization."""
    return any(service["ServicePrincipal"] == _SERVICE for service in backend.services)


def check_activated(backend: OrganizationsBackend) -> None:
    """Check that stack sets have access to an organization.

    Raises:
        Refused: they have none.
    """
    if not is_activated(backend):
        text = "You must enable organizations access to operate a service managed stack set"
        raise Refused("ValidationError", text)
