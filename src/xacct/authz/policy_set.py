"""The policies that bear on a request, compiled once and asked many times."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

from xacct.authz.access_request import AccessRequest
from xacct.authz.statement_matcher import Grade, StatementMatcher, compile_document
from xacct.policy import PolicyDocument

__all__ = ["Layer", "LayerName", "PolicySet", "Source"]

LayerName = Literal["identity", "resource", "boundary", "session", "scp", "rcp", "vpc_endpoint"]
Source = PolicyDocument | Mapping[str, object] | str

WORDS: dict[LayerName, str] = {
    "identity": "identity policy", "resource": "resource policy", "boundary": "permissions boundary",
    "session": "session policy", "scp": "service control policy", "rcp": "resource control policy",
    "vpc_endpoint": "VPC endpoint policy",
}  # fmt: skip

# How AWS's refusals name them: https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
AWS_WORDS: dict[LayerName, str] = {
    "identity": "identity-based policy", "resource": "resource-based policy", "boundary": "permissions boundary",
    "session": "session policy", "scp": "service control policy", "rcp": "resource control policy",
    "vpc_endpoint": "VPC endpoint policy",
}  # fmt: skip

_SINGLE = ("resource", "boundary", "vpc_endpoint")

# So many different actions are remembered for each layer.
_REMEMBERED = 4096


class Layer:
    """The policies of one kind that are looked at together; of SCPs and RCPs those of one level."""

    __slots__ = ("_about", "name", "statements")

    def __init__(self, name: LayerName, sources: Iterable[Source], level: str = "") -> None:
        self.name: LayerName = name
        self.statements: tuple[StatementMatcher, ...] = tuple(
            statement
            for number, source in enumerate(sources, 1)
            for statement in compile_document(
                PolicyDocument.parse(source), WORDS[name] if name in _SINGLE else f"{WORDS[name]} {level}{number}"
            )
        )
        self._about: dict[str, tuple[StatementMatcher, ...]] = {}

    def verdict(self, request: AccessRequest, action: str, *, bounded: bool) -> tuple[bool, Grade]:
        """Whether a statement denies; if none does, how directly one allows."""
        about = self._about.get(action)
        if about is None:
            if len(self._about) >= _REMEMBERED:
                self._about.clear()
            name = action.lower()
            # A Deny decides, so it is asked first.
            about = tuple(sorted((s for s in self.statements if s.is_about(name)), key=lambda s: not s.denies))
            self._about[action] = about
        best = Grade.NONE
        for statement in about:
            grade = statement.applies(request, bounded=bounded)
            if grade and statement.denies:
                return True, Grade.NONE
            if grade > best:
                best = grade
                if best is Grade.FULL:
                    break
        return False, best


class PolicySet:
    """The policies that bear on a request.

    Args:
        identity: those attached to the caller, its groups included.
        resource: the bucket's, key's or queue's policy, or the role's trust policy.
        boundary: the caller's permissions boundary.
        session: the session policies; empty means none.
        scps: the caller's organization from the root down, one list for each level; empty means no organization, or its
            management account.
        rcps: the same for the resource's account; RCPFullAWSAccess goes without saying.
        vpc_endpoint: of the endpoint that the request goes through.

    Each is a PolicyDocument, a mapping or JSON text.

    Raises:
        PolicyError: a document is not well formed, with the path of the offending element.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html

    >>> policies = PolicySet(identity=[{"Version": "2012-10-17", "Statement": {
    ...     "Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}}])
    >>> len(policies.layers)
    1
    """

    __slots__ = ("boundary", "identity", "layers", "rcps", "resource", "scps", "session", "vpc_endpoint")

    def __init__(
        self,
        *,
        identity: Iterable[Source] = (),
        resource: Source | None = None,
        boundary: Source | None = None,
        session: Iterable[Source] = (),
        scps: Iterable[Iterable[Source]] = (),
        rcps: Iterable[Iterable[Source]] = (),
        vpc_endpoint: Source | None = None,
    ) -> None:
        self.identity = Layer("identity", identity)
        self.resource = None if resource is None else Layer("resource", [resource])
        self.boundary = None if boundary is None else Layer("boundary", [boundary])
        sessions = tuple(session)
        self.session = Layer("session", sessions) if sessions else None
        self.scps = tuple(Layer("scp", level, f"{n}.") for n, level in enumerate(scps, 1))
        self.rcps = tuple(Layer("rcp", level, f"{n}.") for n, level in enumerate(rcps, 1))
        self.vpc_endpoint = None if vpc_endpoint is None else Layer("vpc_endpoint", [vpc_endpoint])
        found = (*self.rcps, *self.scps, self.resource, self.identity, self.boundary, self.session, self.vpc_endpoint)
        self.layers: tuple[Layer, ...] = tuple(layer for layer in found if layer is not None)
