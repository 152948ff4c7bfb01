"""The linter of policies: what AWS rejects, ignores or reads in another way than it looks."""

from xacct.linter.finding import LintFinding as LintFinding, PolicyKind as PolicyKind
from xacct.linter.linter import lint as lint
