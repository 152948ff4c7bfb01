"""Patterns of Resource and NotResource: wildcards, policy variables and incomplete ARNs."""

from __future__ import annotations

from attrs import frozen

from xacct.authz.access_request import AccessRequest
from xacct.authz.layers import LAYERS_THAT_COMPLETE_ARNS, LayerName
from xacct.authz.variables import Template, parse_template, without_variables
from xacct.authz.wildcard import Pattern, glob, literal_prefix

__all__ = ["ResourcePattern", "compile_resource"]


@frozen(eq=False)
class ResourcePattern:
    """A value of Resource or NotResource, compiled for repeated evaluation.

    Attributes:
        prefix: the literal text with which every resource that it covers begins; empty for a pattern with variables.
        test: the pattern; it matches nothing if it has policy variables.
        template: the pattern with its policy variables, which is compiled for each request; None if it has none.
        excludes: whether it is a value of NotResource.
        incomplete: the ARN as the policy has it, if it has fewer than six fields and AWS does not complete it.
    """

    prefix: str
    test: Pattern
    template: Template | None
    excludes: bool
    incomplete: str

    @property
    def is_constant(self) -> bool:
        """Whether the pattern alone decides which resources it covers."""
        return self.template is None and not self.incomplete

    @property
    def keys(self) -> tuple[str, ...]:
        """The context keys of the policy variables."""
        return self.template.keys if self.template else ()

    def matches(self, request: AccessRequest) -> bool | None:
        """Return whether the pattern covers the request's resource; None if that cannot be known."""
        test = self.test
        if self.template is not None:
            try:
                pieces = self.template.fill(request.context)
            except ValueError:  # a variable has several values
                return None
            if pieces is None:
                # Without a value, it matches nothing. In an Allow with NotResource, that must not widen access.
                return None if self.excludes else False
            test = glob(pieces)
        if not test(request.resource):
            return False
        return None if self.incomplete else True

    def depends_on_variables(self, resource: str) -> bool:
        """Return whether the values of policy variables decide if the pattern covers a resource.

        >>> pattern = compile_resource("arn:aws:s3:::${aws:username}/*", "2012-10-17", "identity", excludes=False)
        >>> pattern.depends_on_variables("arn:aws:s3:::dev/a"), pattern.depends_on_variables("arn:aws:sqs:::dev")
        (True, False)
        """
        return self.template is not None and (self.excludes or glob(self.template.widest)(resource))

    def problem(self, request: AccessRequest) -> str:
        """Return why it cannot be known whether the pattern covers the request's resource; empty if it can."""
        if any(len(request.context.get(key, ())) > 1 for key in self.keys):
            return "a policy variable in the resource has several values"
        if self.incomplete and self.matches(request) is None:
            return f"AWS completes the incomplete ARN {self.incomplete!r} in identity policies only"
        return ""


def compile_resource(text: str, version: str, layer: LayerName, *, excludes: bool) -> ResourcePattern:
    """Compile a value of Resource or NotResource of a statement of a document of this version.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
    """
    fields = without_variables(text, version).split(":")
    # A "*" at the end also matches colons, so that the ARN needs no more fields.
    missing = 6 - len(fields) if fields[0] == "arn" and not text.endswith("*") else 0
    complete = text + ":*" * missing
    incomplete = text if missing > 0 and layer not in LAYERS_THAT_COMPLETE_ARNS else ""
    if "${" in text:
        template = parse_template(complete, version)
        if template.keys:
            return ResourcePattern("", lambda _: False, template, excludes, incomplete)
        return ResourcePattern("", glob(template.literal), None, excludes, incomplete)
    return ResourcePattern(literal_prefix(complete), glob(complete), None, excludes, incomplete)
