"""The explanation of a decision: one expected text for each kind of denial in ``golden.json``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from xacct.authz import AccessRequest, PolicySet, evaluate

GOLDEN = json.loads((Path(__file__).parent / "cases" / "golden.json").read_text())


@pytest.mark.parametrize("case", GOLDEN, ids=[case["name"] for case in GOLDEN])
def test_each_kind_of_denial_has_the_expected_text(case: dict[str, Any]) -> None:
    decision = evaluate(AccessRequest(**case["request"]), PolicySet(**case["policies"]))
    assert str(decision).splitlines() == case["text"]


def suggested(case: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """The case's policies with every suggested statement added, and whether each layer has a suggested statement."""
    decision = evaluate(AccessRequest(**case["request"]), PolicySet(**case["policies"]))
    policies = dict(case["policies"])
    suggestions: Any = decision.to_dict()["suggestions"]
    for layer, text in zip(decision.decided_by, suggestions):
        if "{" not in text:
            return policies, False
        statement = json.loads(text[text.index("{") :])
        document = {"Version": "2012-10-17", "Statement": [statement]}
        before = policies.get(layer)
        if layer in ("identity", "session"):
            policies[layer] = [*(before or []), document]
        else:
            policies[layer] = {**document, "Statement": [*(before or {"Statement": []})["Statement"], statement]}
    return policies, bool(suggestions)


REFUSALS = json.loads((Path(__file__).parent / "cases" / "decisions.json").read_text())


@pytest.mark.parametrize(
    "case",
    [pytest.param(c, id=c["name"]) for c in REFUSALS if c["effect"] == "ImplicitDeny" and suggested(c)[1]],
)
def test_adding_the_suggested_statements_allows_the_request(case: dict[str, Any]) -> None:
    policies, _ = suggested(case)
    decision = evaluate(AccessRequest(**case["request"]), PolicySet(**policies))
    # The decision on a second action, such as sts:TagSession, is explained next.
    if decision.action == case["request"]["action"]:
        assert decision.allowed, str(decision)


def test_to_dict_is_json_with_every_mismatch() -> None:
    case = next(case for case in GOLDEN if case["name"] == "the external ID is missing")
    found: Any = evaluate(AccessRequest(**case["request"]), PolicySet(**case["policies"])).to_dict()
    resource = next(layer for layer in json.loads(json.dumps(found))["layers"] if layer["name"] == "resource")
    assert resource["near_misses"][0]["mismatches"] == [
        {"element": "Condition", "wanted": "StringEquals sts:ExternalId 'a'", "given": "none"}
    ]
    assert found["depends_on"] == ["sts:ExternalId"]
