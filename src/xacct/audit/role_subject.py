"""A role of a snapshot as what the checks look at."""

from __future__ import annotations

from collections.abc import Mapping

from xacct.audit.identities import Levels, document_of, known_of_resource
from xacct.audit.subject import Subject
from xacct.authz import PolicySet
from xacct.snapshot import RoleDetail

__all__ = ["role_subject"]


def role_subject(
    role: RoleDetail,
    account: str,
    *,
    rcps: Levels = (),
    paths: Mapping[str, str] | None = None,
    owner: str = "",
) -> Subject | None:
    """Return a role as what is examined; None if its trust policy was not read or cannot be parsed."""
    document = None if role.trust_policy is None else document_of(role.trust_policy)
    if document is None:
        return None
    return Subject(
        account=account,
        partition=role.arn.split(":")[1],
        arn=role.arn,
        service="iam",
        side=PolicySet(resource=document, rcps=rcps),
        owner=owner,
        known=known_of_resource(account, role.tags, paths),
    )
