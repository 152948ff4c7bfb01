"""The rules as tables. Each group of rows in ``cases`` names the AWS page that it follows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from xacct.authz import AccessRequest, PolicySet, evaluate
from xacct.authz.operators import compile_condition
from xacct.authz.variables import parse_template
from xacct.authz.wildcard import glob
from xacct.policy import Condition

CASES = Path(__file__).parent / "cases"


def table(name: str) -> list[Any]:
    groups = json.loads((CASES / name).read_text())
    return [pytest.param(*row, id="-".join(map(str, row))) for group in groups for row in group["rows"]]


DECISIONS = json.loads((CASES / "decisions.json").read_text())


@pytest.mark.parametrize(("operator", "wanted", "given", "holds"), table("conditions.json"))
def test_conditions_are_evaluated_as_documented(operator: str, wanted: Any, given: Any, holds: bool) -> None:
    condition = compile_condition(Condition(operator, "key", wanted), "2012-10-17")
    context = {} if given is None else {"key": (given,) if isinstance(given, str) else tuple(given)}
    assert condition.evaluate(context) is holds
    assert condition.problem(context) == ""


@pytest.mark.parametrize(("pattern", "text", "matches"), table("wildcards.json"))
def test_wildcards_match_as_documented(pattern: str, text: str, matches: bool) -> None:
    assert glob(pattern)(text) is matches


@pytest.mark.parametrize(("pattern", "context", "text", "matches"), table("variables.json"))
def test_variables_are_filled_as_documented(pattern: str, context: dict[str, Any], text: str, matches: bool) -> None:
    values = {key: (value,) if isinstance(value, str) else tuple(value) for key, value in context.items()}
    pieces = parse_template(pattern, "2012-10-17").fill(values)
    assert (pieces is not None and glob(pieces)(text)) is matches


@pytest.mark.parametrize("case", DECISIONS, ids=[case["name"] for case in DECISIONS])
def test_decisions_are_as_documented(case: dict[str, Any]) -> None:
    decision = evaluate(AccessRequest(**case["request"]), PolicySet(**case["policies"]))
    assert (decision.effect, list(decision.decided_by)) == (case["effect"], case["decided_by"]), str(decision)
    assert str(decision)
    # The explanation agrees with the decision.
    denying = {layer.name for layer in decision.layers if layer.effect == "ExplicitDeny"}
    assert (decision.effect == "ExplicitDeny") is bool(denying)
    assert decision.to_dict()["effect"] == decision.effect
