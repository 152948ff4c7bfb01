"""The policies that apply to a request, grouped into layers, compiled once for many evaluations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from attrs import evolve

from xacct.authz.access_request import AccessRequest
from xacct.authz.fixed_rules import ALWAYS_ALLOWED, fixed_rule
from xacct.authz.layers import AWS_WORDS, LAYER_TITLES, LayerName, rcps_apply
from xacct.authz.principal_names import Grade
from xacct.authz.statement_index import StatementIndex
from xacct.authz.statement_matcher import StatementMatcher, compile_document
from xacct.garbage_collection import no_garbage_collection
from xacct.policy import PolicyDocument

if TYPE_CHECKING:
    from xacct.linter import LintFinding, PolicyKind

__all__ = ["AWS_WORDS", "LAYER_TITLES", "Layer", "LayerName", "PolicySet", "Source"]

Source = PolicyDocument | Mapping[str, object] | str | bytes

# A name of this module is looked up faster than a member of an enumeration.
_NONE, _FULL = Grade.NONE, Grade.FULL

_SINGLE = ("resource", "boundary", "vpc_endpoint")

_KINDS: Mapping[LayerName, PolicyKind] = {
    "identity": "identity", "resource": "resource", "boundary": "boundary", "session": "session", "scp": "scp",
    "rcp": "rcp", "vpc_endpoint": "resource",
}  # fmt: skip

# The greatest number of distinct actions in a layer's cache.
_CACHED_ACTIONS = 4096

# A layer with more statements has an index.
_LARGE = 50


class Layer:
    """The policies of one kind that AWS evaluates together. For SCPs and RCPs, those of one organization level.

    Attributes:
        name: the kind of policy.
        statements: the compiled statements of every policy.
    """

    __slots__ = ("_by_action", "_documents", "_findings", "_index", "name", "statements")

    def __init__(self, name: LayerName, sources: Iterable[Source], level: str = "") -> None:
        title = LAYER_TITLES[name]
        self.name: LayerName = name
        documents: list[tuple[str, Source]] = []
        statements: list[StatementMatcher] = []
        self._findings: tuple[LintFinding, ...] | None = None
        with no_garbage_collection():
            for number, source in enumerate(sources, 1):
                document = PolicyDocument.parse(source)
                policy = document.name or (title if name in _SINGLE else f"{title} {level}{number}")
                documents.append((policy, source))
                statements += compile_document(document, policy, name)
            self._documents = tuple(documents)
            self.statements = tuple(statements)
            self._index = StatementIndex(self.statements) if len(self.statements) > _LARGE else None
        self._by_action: dict[str, tuple[StatementMatcher, ...]] = {}

    def lint(self) -> tuple[LintFinding, ...]:
        """Return what the linter finds in the policies. It reads them when it is asked for the first time."""
        if self._findings is None:
            # Imported here, because the linter uses the operators of this package.
            from xacct.linter import lint

            kind = "trust" if self._is_trust_policy else _KINDS[self.name]
            self._findings = tuple(
                evolve(finding, policy=policy)
                for policy, source in self._documents
                for finding in lint(source, kind)
                if finding.rule != "size"
            )
        return self._findings

    @property
    def _is_trust_policy(self) -> bool:
        """Whether it is the policy of a role: it names no resource, and has an action of STS."""
        if self.name != "resource" or any(s.statement.resources or s.statement.not_resources for s in self.statements):
            return False
        return any(action.lower().startswith("sts:") for s in self.statements for action in s.statement.actions)

    def evaluate(self, request: AccessRequest, action: str, has_boundary: bool) -> tuple[bool, Grade]:
        """Return whether a statement denies the request, and if none does, the grade of the most direct Allow."""
        best = _NONE
        statements = self._by_action.get(action)
        # Deny statements come first: the first one that matches decides.
        for statement in self._candidates(request, action) if statements is None else statements:
            grade = statement.match(request, has_boundary)
            if grade:
                if statement.denies:
                    return True, _NONE
                if grade > best:
                    best = grade
                    if best is _FULL:
                        break
        return False, best

    def _candidates(self, request: AccessRequest, action: str) -> tuple[StatementMatcher, ...]:
        """Return the statements that cover an action and could match the request, the Deny statements first."""
        if self._index is not None:
            return self._index.candidates(request, action.lower())
        if len(self._by_action) >= _CACHED_ACTIONS:
            self._by_action.clear()
        name = action.lower()
        covering = (s for s in self.statements if s.matches_action(name))
        self._by_action[action] = found = tuple(sorted(covering, key=lambda s: not s.denies))
        return found

    def __repr__(self) -> str:
        count = len(self.statements)
        return f"<{LAYER_TITLES[self.name]}: {count} statement{'' if count == 1 else 's'}>"


class PolicySet:
    """The policies that apply to a request.

    Each policy is a PolicyDocument, a mapping or JSON text.

    Args:
        identity: the policies attached to the caller and to its groups.
        resource: the resource policy, such as a bucket policy or a role's trust policy.
        boundary: the caller's permissions boundary.
        session: the session policies. Empty means that there are none.
        scps: the service control policies of the caller's account, one list for each level from the organization's
            root down to the account. Empty means that none apply: the account is in no organization, or is the
            management account.
        rcps: the resource control policies of the resource's account, in the same form. Leave out RCPFullAWSAccess,
            which is always attached. A Deny is treated as applying also to services for which AWS does not list them.
        vpc_endpoint: the policy of the VPC endpoint that the request goes through.

    Raises:
        PolicyError: a document is not valid. The error has the path of the element.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html

    >>> PolicySet(identity=[{"Version": "2012-10-17", "Statement": {
    ...     "Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}}])
    PolicySet(<identity policy: 1 statement>)
    """

    __slots__ = ("_applicable", "boundary", "identity", "rcps", "resource", "scps", "session", "vpc_endpoint")

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
        sessions = tuple(session)
        self.identity = Layer("identity", identity)
        self.resource = None if resource is None else Layer("resource", [resource])
        self.boundary = None if boundary is None else Layer("boundary", [boundary])
        self.session = Layer("session", sessions) if sessions else None
        self.scps = tuple(Layer("scp", level, f"{n}.") for n, level in enumerate(scps, 1))
        self.rcps = tuple(Layer("rcp", level, f"{n}.") for n, level in enumerate(rcps, 1))
        self.vpc_endpoint = None if vpc_endpoint is None else Layer("vpc_endpoint", [vpc_endpoint])
        self._applicable: dict[tuple[bool, bool, bool, bool], tuple[Layer, ...]] = {}

    @property
    def layers(self) -> tuple[Layer, ...]:
        """Every layer, in AWS's order of evaluation."""
        found = (*self.rcps, *self.scps, self.resource, self.identity, self.boundary, self.session, self.vpc_endpoint)
        return tuple(layer for layer in found if layer is not None)

    def lint(self) -> tuple[LintFinding, ...]:
        """Return what :func:`xacct.lint` finds in the policies, in AWS's order of evaluation of the policies.

        Each finding has the name of its policy. The size of a policy is not looked at, because the quota depends on
        how the policy is attached.

        >>> typo = {"Version": "2012-10-17", "Statement": {
        ...     "Effect": "Allow", "Action": "s3:GetObjects", "Resource": "*"}}
        >>> print(*PolicySet(identity=[typo]).lint())
        error: identity policy 1, Statement.Action: AWS's reference has no action s3:GetObjects: did you mean
        s3:GetObject? (unknown-action)
        """
        return tuple(finding for layer in self.layers for finding in layer.lint())

    def with_resource_side(self, other: PolicySet) -> PolicySet:
        """Return these policies of a caller together with another set's policies of a resource.

        Args:
            other: the set that has the resource policy, the RCPs and the VPC endpoint policy.
        """
        both = PolicySet()
        both.identity, both.boundary, both.session, both.scps = self.identity, self.boundary, self.session, self.scps
        both.resource, both.rcps = other.resource, other.rcps
        both.vpc_endpoint = other.vpc_endpoint or self.vpc_endpoint
        return both

    def applicable_layers(self, request: AccessRequest) -> tuple[Layer, ...]:
        """Return the layers that apply to the request's caller and resource, in AWS's order of evaluation."""
        caller = request.caller
        if request.action_name in ALWAYS_ALLOWED:
            rule = fixed_rule(request)
            if rule is not None and rule.allows:  # only the network is in its way
                return () if self.vpc_endpoint is None else (self.vpc_endpoint,)
        with_rcps = bool(self.rcps) and rcps_apply(request)
        key = (with_rcps, caller.service_linked, bool(caller.account), caller.kind == "root")
        layers = self._applicable.get(key)
        if layers is None:
            layers = self._applicable[key] = tuple(self._layers(*key))
        return layers

    def _layers(self, with_rcps: bool, service_linked: bool, has_account: bool, is_root: bool) -> Iterator[Layer]:
        if with_rcps:
            yield from self.rcps
        if has_account and not service_linked:
            yield from self.scps
        if self.resource is not None:
            yield self.resource
        if has_account and not is_root:
            yield self.identity
            if self.boundary is not None:
                yield self.boundary
        if has_account and self.session is not None:
            yield self.session
        if self.vpc_endpoint is not None:
            yield self.vpc_endpoint

    def __repr__(self) -> str:
        return f"PolicySet({', '.join(repr(layer) for layer in self.layers if layer.statements)})"
