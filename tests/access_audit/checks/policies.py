"""Policies for the tests of checks."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from xacct.access_audit.subject import Subject, Surroundings
from xacct.authz import PolicySet
from xacct.policy import PolicyDocument

ACCOUNT, OTHER, STRANGER = "111111111111", "222222222222", "999999999999"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/Deploy"
NOW = datetime(2026, 11, 26, 12, tzinfo=timezone.utc)
SURROUNDINGS = Surroundings(organization_id="o-abcdefghij", own_accounts={ACCOUNT: "prod", OTHER: "dev"}, now=NOW)


def subject(
    *statements: dict[str, Any], arn: str = ROLE, service: str = "iam", rcps: tuple[Any, ...] = (), owner: str = ""
) -> Subject:
    """Return a role or a resource with a policy of these statements. Effect is Allow unless it is given."""
    document = PolicyDocument.parse(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement} for statement in statements]}
    )
    return Subject(
        account=ACCOUNT,
        partition="aws",
        arn=arn,
        service=service,
        side=PolicySet(resource=document, rcps=[rcps] if rcps else []),
        owner=owner,
    )
