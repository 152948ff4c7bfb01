"""The checks of what a role can do: read its buckets and prefixes, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from attrs import evolve, frozen

from xacct.arn import Arn
from xacct.authz import AccessRequest, Decision, PolicySet, evaluate
from xacct.authz.wildcard import glob
from xacct.grants import TrustGrant
from xacct.policy import PolicyDocument
from xacct.proof.decision_check import decision_check, example_match, search_check
from xacct.proof.write_search import search_for_writes
from xacct.report_table import Check
from xacct.s3_read import is_s3_read_policy

__all__ = ["RolePolicies", "permission_checks"]

_ANY_BUCKET = ("any-bucket", "")
"""The bucket and prefix that are tried for a policy that names no bucket."""


@frozen(kw_only=True)
class RolePolicies:
    """The policies of a grant's role, as far as they are known."""

    grant: TrustGrant
    documents: Sequence[PolicyDocument]
    boundary: PolicyDocument | None

    @property
    def has_only_s3_read_policies(self) -> bool:
        """Whether s3_read_policy made every document."""
        return all(map(is_s3_read_policy, self.documents))

    def decide(self, action: str, bucket: str, *, key: str = "", prefix: str | None = None) -> Decision:
        """Decide a request to S3."""
        request = AccessRequest(
            principal=self.grant.role_arn,
            action=action,
            resource=str(Arn.bucket(bucket, self.grant.partition)) + (f"/{key}" if key else ""),
            resource_account=self.grant.account,
            context={} if prefix is None else {"s3:prefix": prefix},
        )
        return evaluate(request, PolicySet(identity=self.documents, boundary=self.boundary))


def permission_checks(role: RolePolicies) -> Iterator[Check]:
    """Check that a role can read what its policies name, cannot read their neighbours, and cannot write."""
    locations = list(dict.fromkeys(found for document in role.documents for found in _readable_locations(document)))
    for location in locations:
        yield from _read_checks(role, *location)
        yield from _neighbour_checks(role, *location, locations)
        yield from _write_checks(role, *location)
    if role.documents and not locations:
        yield from _read_checks(role, *_ANY_BUCKET)
        yield from _write_checks(role, *_ANY_BUCKET)
    if role.documents:
        yield _more_than_read_check(role)


def _read_checks(role: RolePolicies, bucket: str, prefix: str) -> Iterator[Check]:
    location = f"s3://{bucket}/{prefix}"
    listing = role.decide("s3:ListBucket", bucket, prefix=prefix)
    yield decision_check(
        f"the role lists {location}", "allowed", listing, grant_decides=not role.has_only_s3_read_policies
    )
    reading = role.decide("s3:GetObject", bucket, key=f"{prefix}example")
    yield decision_check(
        f"the role reads {location}example", "allowed", reading, grant_decides=(bucket, prefix) == _ANY_BUCKET
    )


def _neighbour_checks(
    role: RolePolicies, bucket: str, prefix: str, locations: Sequence[tuple[str, str]]
) -> Iterator[Check]:
    """Check that a bucket and a prefix with similar names cannot be read, unless the grant names them too."""
    neighbours = []
    if (other := f"{bucket}-neighbour"[-63:]) not in [name for name, _ in locations]:
        neighbours.append((other, f"{prefix}example"))
    key = f"neighbour-of-{prefix}example"
    if not any(name == bucket and key.startswith(start) for name, start in locations):
        neighbours.append((bucket, key))
    for name, key in neighbours:
        decision = role.decide("s3:GetObject", name, key=key)
        yield decision_check(
            f"the role reads s3://{name}/{key}", "refused", decision, grant_decides=not role.has_only_s3_read_policies
        )


def _write_checks(role: RolePolicies, bucket: str, prefix: str) -> Iterator[Check]:
    for verb, action in (("writes", "s3:PutObject"), ("deletes", "s3:DeleteObject")):
        decision = role.decide(action, bucket, key=f"{prefix}example")
        name = f"the role {verb} s3://{bucket}/{prefix}example"
        yield decision_check(name, "refused", decision, grant_decides=role.grant.may_write)


def _more_than_read_check(role: RolePolicies) -> Check:
    """Search for a request of the role that AWS allows and that is not for reading."""
    found = search_for_writes(role.grant, role.documents, role.boundary)
    check = search_check("the role does more than read", found)
    if check.ok and not found.cases:
        return evolve(check, why="all its actions are Read or List")
    if role.grant.may_write and not check.ok:
        # Writing is intended, so it is listed, and it need not be decided.
        return evolve(check, ok=None, observed="not known" if check.is_undecided else check.observed)
    if check.ok is not False:
        return check
    return evolve(check, why=f"{check.why}. If this is intended, set may_write=True")


def _readable_locations(document: PolicyDocument) -> Iterator[tuple[str, str]]:
    """Yield the buckets and prefixes whose objects a document allows reading."""
    for statement in document.statements:
        if statement.effect == "Allow" and any(glob(pattern.lower())("s3:getobject") for pattern in statement.actions):
            for resource in statement.resources:
                match = re.fullmatch(r"arn:[\w-]+:s3:::([^/*?$]+)/(.*)\*", resource)
                if match and not re.search(r"(?<!\{)[*?]", match[2]):
                    yield match[1], example_match(match[2])
