"""The linter of policies: what AWS rejects, ignores or reads in another way than it looks."""

from xacct.linter.checked_document import (
    check_document as check_document,
    documents_of_aws as documents_of_aws,
)
from xacct.linter.finding import LintFinding as LintFinding, PolicyKind as PolicyKind
from xacct.linter.linter import lint as lint
