"""Who from outside has access to buckets, keys, queues, topics, secrets, functions and repositories."""

from __future__ import annotations

import itertools
import json
import random
import time
from typing import Any

import pytest
from tests.access_audit.accounts import DATADOG, OUTSIDE, A, B, C, document, organization, root, snapshot, statement

from xacct.access_audit import audit
from xacct.access_audit.finding import Finding
from xacct.access_audit.report import AuditReport
from xacct.authz import AccessRequest, PolicySet, evaluate
from xacct.policy import PolicyDocument, Statement
from xacct.snapshot import ControlPolicy, Organization, OrganizationAccount
from xacct.snapshot.details import ResourcePolicy

BUCKET, OBJECTS = "arn:aws:s3:::data", "arn:aws:s3:::data/*"
KEY = f"arn:aws:kms:eu-west-1:{A}:key/0a1b"
TOPIC, QUEUE = f"arn:aws:sns:eu-west-1:{A}:news", f"arn:aws:sqs:eu-west-1:{A}:jobs"
SECRET = f"arn:aws:secretsmanager:eu-west-1:{A}:secret:db-x1y2z3"
FUNCTION, REPOSITORY = f"arn:aws:lambda:eu-west-1:{A}:function:f", f"arn:aws:ecr:eu-west-1:{A}:repository/team/app"
ELB_LOGS = "127311923021"
ALL = {"AWS": "*"}


def allow(principal: Any, action: Any, resource: Any = "*", **elements: Any) -> dict[str, Any]:
    found = statement("Allow", action, Principal=principal, **elements)
    return {**found, "Resource": resource} if resource else found


def deny(action: Any, resource: Any = "*", **conditions: Any) -> dict[str, Any]:
    found = statement("Deny", action, Principal="*", Resource=resource)
    return {**found, "Condition": conditions} if conditions else found


def report_of(arn: str, *statements: dict[str, Any], its: Organization | None = None) -> AuditReport:
    policy = ResourcePolicy(arn=arn, service=arn.split(":")[2], policy=document(*statements))
    return audit(snapshot(A, resources=(policy,)), organization=its or organization(A, B))


def findings(arn: str, *statements: dict[str, Any], **more: Any) -> tuple[Finding, ...]:
    """The findings, each checked with its witness."""
    found = report_of(arn, *statements, **more).findings
    anything = PolicyDocument([Statement.allow("*", "*")])
    for finding in found:
        assert finding.witness is not None
        assert evaluate(
            finding.witness, PolicySet(identity=[anything], resource=json.loads(document(*statements)))
        ).allowed
        assert finding.witness.resource_account == A
    return found


def kinds(arn: str, *statements: dict[str, Any], **more: Any) -> list[tuple[str, str, str]]:
    return [(f.kind, f.severity, f.principal) for f in findings(arn, *statements, **more)]


def test_a_public_bucket_is_found_with_what_everybody_can_do() -> None:
    (read,) = findings(BUCKET, allow("*", "s3:GetObject", OBJECTS))
    assert (read.kind, read.severity, read.principal, read.answer) == ("public", "high", "*", "yes")
    assert "Read (s3:GetObject). s3:GetObject needs nothing else." in read.why
    assert "Block Public Access was not read" in read.fix.text
    (write,) = findings(BUCKET, allow("*", "s3:*", [BUCKET, OBJECTS]))
    assert write.severity == "critical"
    levels = ("Permissions management (s3:PutBucketAcl)", "Write (s3:DeleteObject)", "Read (s3:GetObject)")
    assert all(level in write.why for level in levels)
    assert "List (s3:ListBucket)" in write.why


@pytest.mark.parametrize(
    ("arn", "action", "severity"),
    [
        (KEY, "kms:Decrypt", "high"),
        (KEY, "kms:CreateGrant", "critical"),
        (TOPIC, "sns:Publish", "critical"),
        (QUEUE, "sqs:ReceiveMessage", "high"),
        (QUEUE, "sqs:SendMessage", "critical"),
        (SECRET, "secretsmanager:GetSecretValue", "high"),
        (FUNCTION, "lambda:InvokeFunction", "critical"),
        (REPOSITORY, "ecr:BatchGetImage", "high"),
        (BUCKET, "s3:PutBucketAcl", "critical"),
        (BUCKET, "s3:ListBucket", "high"),
    ],
)
def test_each_service_has_its_actions(arn: str, action: str, severity: str) -> None:
    resource = "" if arn == REPOSITORY else arn
    assert kinds(arn, allow(ALL, action, resource)) == [("public", severity, "*")]
    assert kinds(arn, allow({"AWS": OUTSIDE}, action, resource)) == [("external-account", "medium", OUTSIDE)]
    assert kinds(arn, allow({"AWS": A}, action, resource)) == []


@pytest.mark.parametrize(
    ("arn", "action"),
    [
        (BUCKET, ["s3:PutBucketPolicy", "s3:GetBucketPolicy", "s3:DeleteBucketPolicy"]),
        (BUCKET, "s3:ListAllMyBuckets"),
        (KEY, ["kms:PutKeyPolicy", "kms:ScheduleKeyDeletion"]),
        (QUEUE, ["sqs:SetQueueAttributes", "sqs:DeleteQueue"]),
        (SECRET, "s3:GetObject"),
    ],
)
def test_what_a_service_lets_only_the_own_account_do_is_not_reported(arn: str, action: Any) -> None:
    assert kinds(arn, allow(ALL, action)) == []


def test_the_default_policies_of_aws_are_silent() -> None:
    assert report_of(KEY, allow({"AWS": root(A)}, "kms:*")).edges == ()
    for condition in ({"kms:CallerAccount": A, "kms:ViaService": "ec2.eu-west-1.amazonaws.com"},):
        report = report_of(KEY, allow(ALL, ["kms:Decrypt", "kms:CreateGrant"], Condition={"StringEquals": condition}))
        assert (report.findings, report.undecided) == ((), ())
    owner = {"StringEquals": {"AWS:SourceOwner": A}}
    report = report_of(TOPIC, allow(ALL, ["SNS:Publish", "SNS:Subscribe", "SNS:Receive"], TOPIC, Condition=owner))
    assert (report.findings, report.undecided, report.edges) == ((), (), ())


@pytest.mark.parametrize(
    "condition",
    [
        {"StringEquals": {"aws:PrincipalOrgID": "o-abcdefghij"}},
        {"StringEquals": {"aws:PrincipalAccount": [A, B]}},
        {"ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{A}:role/*"}},
        {"StringEquals": {"aws:SourceVpce": "vpce-0a1b2c3d"}},
        {"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "o-abcdefghij/r-ab12/*"}},
        {"ArnEquals": {"aws:SourceArn": TOPIC}},
        {"ArnLike": {"aws:SourceArn": f"arn:aws:sns:*:{A}:*"}},
        {"ArnEquals": {"aws:SourceArn": [f"arn:aws:sns:eu-west-1:{A}:topic{n}" for n in range(100)]}},
    ],
)
def test_everybody_under_a_condition_that_strangers_cannot_meet_is_silent(condition: Any) -> None:
    assert kinds(QUEUE, allow(ALL, "sqs:SendMessage", QUEUE, Condition=condition)) == []


@pytest.mark.parametrize(
    "denied",
    [
        deny("s3:*", [BUCKET, OBJECTS]),
        deny("s3:*", [BUCKET, OBJECTS], StringNotEquals={"aws:PrincipalOrgID": "o-abcdefghij"}),
        deny("s3:Get*", "*", StringNotEquals={"aws:SourceVpce": "vpce-0a1b2c3d"}),
        deny("s3:GetObject", OBJECTS, StringNotEquals={"aws:PrincipalAccount": A}),
    ],
)
@pytest.mark.parametrize("principal", ["*", {"AWS": OUTSIDE}])
def test_a_deny_that_applies_to_strangers_closes(principal: Any, denied: dict[str, Any]) -> None:
    # An account that is named may use the endpoint that is named.
    uses_endpoint = isinstance(principal, dict) and "SourceVpce" in json.dumps(denied)
    assert len(kinds(BUCKET, allow(principal, "s3:GetObject", OBJECTS), denied)) == uses_endpoint


def test_a_deny_of_some_objects_leaves_the_others_open() -> None:
    (finding,) = findings(
        BUCKET, allow("*", "s3:GetObject", [f"{BUCKET}/a/*", f"{BUCKET}/b/*"]), deny("*", f"{BUCKET}/a*")
    )
    assert finding.witness is not None
    assert finding.witness.resource.startswith(f"{BUCKET}/b/")
    assert kinds(BUCKET, allow("*", "s3:GetObject", f"{BUCKET}/a/*"), deny("*", f"{BUCKET}/a*")) == []
    closed = statement("Deny", "*", Principal="*", NotResource=BUCKET)
    assert kinds(BUCKET, allow("*", "s3:GetObject", OBJECTS), closed) == []


def test_access_from_some_networks_only_is_less_severe_unless_they_are_wide() -> None:
    def in_networks(*networks: str) -> tuple[Finding, ...]:
        condition = {"IpAddress": {"aws:SourceIp": networks}}
        return findings(BUCKET, allow("*", "s3:PutObject", OBJECTS, Condition=condition))

    (finding,) = in_networks("203.0.113.0/24", "2001:db8::/32")
    assert (finding.severity, finding.answer, finding.conditions) == ("medium", "depends", ("IpAddress aws:SourceIp",))
    assert finding.why.startswith("Anybody in some networks has access")
    assert [finding.severity for finding in in_networks("203.0.113.0/24", "0.0.0.0/1")] == ["critical"]


def test_an_account_outside_is_reported_by_who_owns_it() -> None:
    accounts = [OUTSIDE, DATADOG, ELB_LOGS, B]
    report = report_of(BUCKET, allow({"AWS": accounts}, "s3:PutObject", OBJECTS))
    assert [(f.severity, f.principal, f.principal_name) for f in report.findings] == [
        ("medium", OUTSIDE, ""), ("low", DATADOG, "Datadog"), ("info", ELB_LOGS, "ELB logs"),
    ]  # fmt: skip
    assert "Datadog is outside of the zone of trust and has access" in report.findings[1].why
    assert [(edge.source, edge.state, edge.target) for edge in report.edges] == [
        (ELB_LOGS, "half", BUCKET), (B, "half", BUCKET), (DATADOG, "half", BUCKET), (OUTSIDE, "stranger", BUCKET),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "principal",
    [
        f"arn:aws:iam::{OUTSIDE}:role/Reader",
        f"arn:aws:iam::{OUTSIDE}:user/dev",
        f"arn:aws:sts::{OUTSIDE}:assumed-role/Reader/session",
        f"arn:aws:sts::{OUTSIDE}:federated-user/dev",
    ],
)
def test_a_user_a_role_or_a_session_of_an_account_outside_is_found(principal: str) -> None:
    (finding,) = findings(BUCKET, allow({"AWS": principal}, "s3:GetObject", OBJECTS))
    assert finding.witness is not None
    assert (finding.principal, finding.witness.principal) == (OUTSIDE, principal)


def test_an_account_that_only_a_condition_names_is_found() -> None:
    for key in ("kms:CallerAccount", "aws:PrincipalAccount"):
        condition = {"StringEquals": {key: OUTSIDE}}
        assert kinds(KEY, allow(ALL, "kms:Decrypt", Condition=condition)) == [("external-account", "medium", OUTSIDE)]


def test_an_account_that_a_deny_of_everybody_else_names_is_found() -> None:
    denied = deny("s3:*", OBJECTS, StringNotEquals={"aws:PrincipalAccount": [A, B, OUTSIDE]})
    assert kinds(BUCKET, allow("*", "s3:GetObject", OBJECTS), denied) == [("external-account", "medium", OUTSIDE)]
    # The endpoint is not known to be that of the account whom a Deny names.
    endpoint = {"StringEquals": {"aws:SourceVpce": "vpce-0a1b2c3d"}}
    denied = {**deny("s3:PutObject"), "Principal": {"AWS": OUTSIDE}}
    assert kinds(BUCKET, allow("*", "s3:GetObject", OBJECTS, Condition=endpoint), denied) == []


def test_what_everybody_can_do_is_not_reported_again_for_an_account() -> None:
    public = allow("*", "s3:GetObject", OBJECTS)
    assert kinds(BUCKET, public, allow({"AWS": OUTSIDE}, "s3:GetObject", OBJECTS)) == [("public", "high", "*")]
    both = findings(BUCKET, public, allow({"AWS": OUTSIDE}, ["s3:GetObject", "s3:PutObject"], OBJECTS))
    assert [finding.kind for finding in both] == ["public", "external-account"]
    assert "Write (s3:PutObject). " in both[1].why


def test_another_organization_is_found() -> None:
    condition = {"StringEquals": {"aws:PrincipalOrgID": ["o-zzzzzzzzzz", "o-abcdefghij"]}}
    (finding,) = findings(SECRET, allow(ALL, "secretsmanager:GetSecretValue", Condition=condition))
    assert (finding.kind, finding.principal) == ("external-account", "o-zzzzzzzzzz")


def test_an_account_outside_is_not_taken_to_be_of_the_organization() -> None:
    condition = {"StringEquals": {"aws:PrincipalOrgID": "o-abcdefghij"}}
    assert kinds(QUEUE, allow({"AWS": OUTSIDE}, "sqs:SendMessage", QUEUE, Condition=condition)) == []
    foreign = {"StringEquals": {"aws:PrincipalOrgID": "o-zzzzzzzzzz"}}
    assert kinds(QUEUE, allow({"AWS": OUTSIDE}, "sqs:SendMessage", QUEUE, Condition=foreign)) == [
        ("external-account", "medium", OUTSIDE)
    ]


def test_resource_control_policies_count() -> None:
    perimeter = deny("s3:*", "*", StringNotEquals={"aws:PrincipalOrgID": "o-abcdefghij"})
    rcp = ControlPolicy(id="p-1", name="perimeter", document=document(perimeter))
    its = Organization(
        id="o-abcdefghij", accounts=(OrganizationAccount(id=A, parents=("r-ab12",)),), rcps={"r-ab12": (rcp,)}
    )
    assert kinds(BUCKET, allow("*", "s3:GetObject", OBJECTS), its=its) == []
    assert kinds(QUEUE, allow("*", "sqs:SendMessage", QUEUE), its=its) == [("public", "critical", "*")]


def test_the_checks_of_one_policy_run_on_resource_policies() -> None:
    deleted = allow({"AWS": "AIDACKCEVSQ6C2EXAMPLE"}, "sqs:SendMessage", QUEUE)
    service = allow({"Service": "s3.amazonaws.com"}, "sqs:SendMessage", QUEUE)
    ended = {"DateLessThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}
    late = allow({"AWS": B}, "sqs:ReceiveMessage", QUEUE, Condition=ended)
    report = report_of(QUEUE, deleted, service, late)
    assert {finding.kind for finding in report.findings} == {"stale-principal", "confused-deputy", "expired"}
    assert all(finding.resource == QUEUE for finding in report.findings)


def test_what_cannot_be_decided_is_said() -> None:
    condition = {"StringEquals": {"lambda:FunctionUrlAuthType": "NONE"}}
    report = report_of(FUNCTION, allow("*", "lambda:InvokeFunctionUrl", FUNCTION, Condition=condition))
    assert report.findings == ()
    (text,) = report.undecided
    assert text.startswith(f"who has access to {FUNCTION}: a stranger: it depends on lambda:functionurlauthtype")
    owner = "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be"
    report = report_of(BUCKET, allow({"CanonicalUser": owner}, "s3:GetObject", OBJECTS))
    assert report.undecided == (f"who has access to {BUCKET}: whose canonical user ID a statement names",)


def test_a_policy_that_cannot_be_parsed_is_said_with_what_the_linter_finds() -> None:
    (text,) = report_of(QUEUE, {**allow("*", "sqs:*", QUEUE), "Effect": "allow"}).undecided
    assert text.startswith(f"policy of {QUEUE}: it cannot be parsed: Statement[0].Effect: 'allow' is no effect.")


MANY = [f"{200_000_000_000 + number}" for number in range(300)]


@pytest.mark.parametrize(
    ("statements", "accounts", "is_decided"),
    [
        ([allow({"AWS": MANY}, "s3:*", [BUCKET, OBJECTS])], 300, True),
        ([allow({"AWS": one}, "s3:GetObject", f"{BUCKET}/{one}/*") for one in MANY], 300, True),
        ([allow({"AWS": OUTSIDE}, "s3:GetObject", f"{BUCKET}/{one}/*") for one in MANY], 1, True),
        ([allow({"AWS": f"arn:aws:iam::{OUTSIDE}:role/{one}"}, "s3:GetObject", OBJECTS) for one in MANY], 1, True),
        ([
            allow("*", "s3:GetObject", OBJECTS, Condition={
                "ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": f"o-*/r-ab12/ou-{one}/*"}})
            for one in MANY
        ], 0, False),
        ([allow({"AWS": OUTSIDE}, "s3:*", OBJECTS), *(deny("s3:*", f"{BUCKET}/{one}/*") for one in MANY)], 0, False),
    ],
)  # fmt: skip
def test_a_policy_of_hundreds_of_statements_is_decided_in_time_or_said_not_to_be(
    statements: list[dict[str, Any]], accounts: int, is_decided: bool
) -> None:
    start = time.process_time()
    report = report_of(BUCKET, *statements)
    assert time.process_time() - start < 5
    assert len(report.findings) == accounts
    assert (report.undecided == ()) == is_decided


NAMES = ("user/x", "role/y", "role/path/y")
CALLERS = ("*", *(f"arn:aws:iam::{one}:{name}" for one in (OUTSIDE, C, "666666666666") for name in NAMES))
PRINCIPALS: list[Any] = ["*", {"AWS": OUTSIDE}, {"AWS": f"arn:aws:iam::{C}:role/y"}, {"AWS": [OUTSIDE, C]}, {"AWS": A}]
ACTIONS = ("s3:GetObject", "s3:PutObject", "s3:*", "s3:List*", "s3:Get*")
RESOURCES = (BUCKET, OBJECTS, "*", f"{BUCKET}/a*", [BUCKET, f"{BUCKET}/b/*"])
CONDITIONS: list[dict[str, Any]] = [
    {}, {}, {}, {"StringEquals": {"aws:PrincipalAccount": OUTSIDE}},
    {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/y"}},
]  # fmt: skip


def random_statement(chance: random.Random) -> dict[str, Any]:
    condition = chance.choice(CONDITIONS)
    found = allow(chance.choice(PRINCIPALS), chance.choice(ACTIONS), chance.choice(RESOURCES))
    found["Effect"] = chance.choice(["Allow", "Allow", "Deny"])
    return {**found, "Condition": condition} if condition else found


@pytest.mark.parametrize("seed", range(60))
def test_the_findings_are_those_of_every_caller_action_and_object_decided_one_by_one(seed: int) -> None:
    chance = random.Random(seed)
    statements = [random_statement(chance) for _ in range(chance.randint(1, 4))]
    policies = PolicySet(
        identity=[PolicyDocument([Statement.allow("*", "*")])], resource=json.loads(document(*statements))
    )
    can: dict[str, set[tuple[str, str]]] = {}
    asked = [("s3:ListBucket", BUCKET)]
    asked += itertools.product(("s3:GetObject", "s3:PutObject"), [f"{BUCKET}/{name}" for name in ("a", "b/c", "z")])
    for caller, (action, resource) in itertools.product(CALLERS, asked):
        request = AccessRequest(principal=caller, action=action, resource=resource, resource_account=A)
        if evaluate(request, policies).allowed:
            can.setdefault("*" if caller == "*" else caller.split(":")[4], set()).add((action, resource))
    everybody = can.get("666666666666", set()) | can.get("*", set())
    expected = {"*"} if everybody else set()
    actions = {action for action, _ in everybody}
    expected |= {one for one in (OUTSIDE, C) if {action for action, _ in can.get(one, ())} - actions}
    found = {finding.principal: finding for finding in findings(BUCKET, *statements)}
    assert found.keys() >= expected
    # Other actions than those that were tried can be open too.
    for principal in found.keys() - expected:
        assert not any(f"({action})" in found[principal].why for action, _ in asked)
