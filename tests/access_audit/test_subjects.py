"""Roles and resources of snapshots as subjects, and why one is not examined."""

from __future__ import annotations

from tests.access_audit.accounts import A, B, document, role, root, snapshot, statement, trust

from xacct.access_audit import audit
from xacct.access_audit.subjects import resource_policy_of, why_unreadable
from xacct.snapshot.details import ResourcePolicy


def test_a_trust_policy_that_cannot_be_parsed_is_said_with_what_the_linter_finds() -> None:
    broken = role(A, "Broken", document(statement("allow", Principal={"AWS": root(B)})))
    (text,) = audit(snapshot(A, broken)).undecided
    assert text == (
        f"trust policy of {broken.arn}: it cannot be parsed: Statement[0].Effect: 'allow' is no effect. Write Allow or "
        "Deny (effect)"
    )


def test_a_trust_policy_that_is_missing_is_said() -> None:
    assert why_unreadable(None, "trust") == "it is missing"


def test_only_a_few_mistakes_are_named() -> None:
    statements = [statement("allow", Principal={"AWS": root(B)})] * 5
    text = why_unreadable(document(*statements), "trust")
    assert text.count("(effect)") == 3
    assert text.endswith("; and 2 more")


def test_a_text_that_is_no_json_is_said() -> None:
    assert "the policy is not valid JSON" in why_unreadable("{", "resource")


def test_a_resource_is_found_by_its_arn_and_a_bucket_by_that_of_an_object() -> None:
    bucket = ResourcePolicy(arn="arn:aws:s3:::data", service="s3", policy=trust(root(B)))
    secret = ResourcePolicy(arn=f"arn:aws:secretsmanager:eu-west-1:{A}:secret:x", service="secretsmanager", policy="{}")
    snapshots = [snapshot(B), snapshot(A, resources=(bucket, secret))]
    assert resource_policy_of("arn:aws:s3:::data/a/b", snapshots) == (A, bucket)
    assert resource_policy_of("arn:aws:s3:::data", snapshots) == (A, bucket)
    assert resource_policy_of("arn:aws:s3:::data-of-others", snapshots) is None
    assert resource_policy_of(secret.arn, snapshots) == (A, secret)
    assert resource_policy_of(f"{secret.arn}/y", snapshots) is None
