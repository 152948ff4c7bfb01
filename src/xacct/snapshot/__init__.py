"""An account's IAM, and an organization, as data.

A snapshot is read from a session, or made of a file that somebody else made. It needs no access to AWS afterwards.
"""

from xacct.snapshot.details import GroupDetail, PolicyDetail, ResourcePolicy, RoleDetail, UserDetail
from xacct.snapshot.organization import Organization
from xacct.snapshot.organization_parts import ControlPolicy, OrganizationAccount
from xacct.snapshot.snapshot import Snapshot

__all__ = [
    "ControlPolicy",
    "GroupDetail",
    "Organization",
    "OrganizationAccount",
    "PolicyDetail",
    "ResourcePolicy",
    "RoleDetail",
    "Snapshot",
    "UserDetail",
]
