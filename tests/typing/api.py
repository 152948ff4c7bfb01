"""Typed uses of the public names, as a user writes them. Never run: mypy and pyright read it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from functools import partial
from pathlib import Path

import boto3
from typing_extensions import assert_type

from xacct import (
    AccessRequest,
    Account,
    AccountEntry,
    ApplyFailed,
    Arn,
    CannotExpress,
    Cause,
    Change,
    Check,
    Condition,
    ConsoleUser,
    CrossAccountAccess,
    Decision,
    DevAccessGrant,
    Event,
    FanOut,
    GrantEntry,
    GrantRecord,
    GrantsFailed,
    GrantsFile,
    GrantsPlan,
    InvalidValue,
    LayerReport,
    LintFinding,
    Mismatch,
    NearMiss,
    Organization,
    PairPlan,
    Patience,
    PermissionMissing,
    Plan,
    PolicyDocument,
    PolicyError,
    PolicyRecord,
    PolicySet,
    Principal,
    Proof,
    ReadGrant,
    RoleRecord,
    Snapshot,
    StalePlan,
    Statement,
    SwitchRoleLink,
    Target,
    TrustGrant,
    Unread,
    Verification,
    XacctError,
    accounts_in_organization,
    assume_role,
    assume_role_with_web_identity,
    console_url,
    credential_process,
    credentials_endpoint,
    environment_variables,
    evaluate,
    explain,
    fan_out,
    grant_cross_account_read,
    grant_from_dict,
    grant_schema,
    grants_file_schema,
    grants_in,
    lambda_session_name,
    lint,
    load_access,
    plan,
    profile_block,
    prove,
    read_policy,
    read_role,
    run_with_role,
    s3_read_policy,
    sweep,
    write_profile,
)

assert_type(Arn.parse("arn:aws:iam::111111111111:role/Reader"), Arn)
assert_type(Arn.role("111111111111", "Reader").account, str)

trust = PolicyDocument(
    [
        Statement.allow(
            "sts:AssumeRole",
            principals=[Principal.account("222222222222"), Principal.service("ec2.amazonaws.com")],
            conditions=[Condition("Bool", "aws:MultiFactorAuthPresent", "true")],
        )
    ],
    name="trust",
)
assert_type(trust.statements, tuple[Statement, ...])
assert_type(trust == PolicyDocument.parse(trust.to_dict()), bool)
assert_type(trust.to_json(indent=2), str)

grant = TrustGrant(
    account="111111111111",
    principals=["222222222222", Principal.service("ec2.amazonaws.com")],
    policies={"read": s3_read_policy(["reports"]), "more": {"Statement": []}, "raw": "{}"},
    source_ips=["192.0.2.0/24"],
)
assert_type(grant.trust_policy, PolicyDocument)
assert_type(grant.role_arn, str)
assert_type(grant.external_id, str | None)
trusted = DevAccessGrant(
    account="222222222222", role_arns=grant.role_arn, console_user=ConsoleUser("dev", managed_policy_arns=[])
)
assert_type(trusted.assume_role_policy, PolicyDocument)
assert_type(prove(grant), Proof)
assert_type(lint(grant.trust_policy, "trust"), tuple[LintFinding, ...])
assert_type(lint("{}", "scp")[0].value, str | None)

question = AccessRequest(
    principal="arn:aws:iam::222222222222:user/dev",
    action="sts:AssumeRole",
    resource=grant.role_arn,
    context={"aws:MultiFactorAuthPresent": "true"},
)
decision = evaluate(question, PolicySet(resource=grant.trust_policy, identity=[trusted.assume_role_policy, "{}"]))
assert_type(decision, Decision)
assert_type(decision.layers, tuple[LayerReport, ...])
assert_type(decision.layers[0].near_misses, tuple[NearMiss, ...])
assert_type(decision.layers[0].near_misses[0].mismatches, tuple[Mismatch, ...])
assert_type(decision.policies.lint(), tuple[LintFinding, ...])
assert_type(decision.allowed, bool)
assert_type(decision.depends_on, tuple[str, ...])

production, development = boto3.Session(profile_name="production"), boto3.Session(profile_name="development")


def tell(event: Event) -> None:
    assert_type(event.what, str)


proposal = plan(grant, trusted, trusting=production, trusted=development, adopt=True, patience=Patience(deadline=60))
assert_type(proposal, Plan)
assert_type(prove(trusted, development).checks, tuple[Check, ...])
assert_type(prove(grant).undecided, tuple[Check, ...])
assert_type([check.name for check in prove(grant).undecided], list[str])
assert_type(proposal.is_empty, bool)
assert_type(proposal.changes, tuple[Change, ...])
try:
    assert_type(proposal.apply(on_event=tell), tuple[Change, ...])
except ApplyFailed as failed:
    assert_type(failed.remaining, tuple[str, ...])
except PermissionMissing as missing:
    assert_type(missing.action, str)
assert_type(proposal.destroy(), tuple[Change, ...])

access = grant_cross_account_read(
    production,
    development,
    buckets=["reports"],
    prefixes=["2026/"],
    principals=[Principal.permission_set("222222222222", "Developers"), "arn:aws:iam::222222222222:user/dev"],
    console_user=ConsoleUser("dev", password="correct horse 9 Battery", password_reset_required=True),
    tags={"team": "data"},
    accept=["policy arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"],
    on_event=tell,
)
assert_type(access, CrossAccountAccess)
assert_type(access.console_user, ConsoleUser | None)
assert_type(access.switch_role_link, SwitchRoleLink)
assert_type(access.session(duration=900), boto3.Session)
assert_type(access.verify(), Verification)
assert_type(access.verify().checks, tuple[Check, ...])
assert_type(access.name, str)
assert_type(access.expires, datetime | None)
assert_type(access.drift, tuple[Change, ...])
end = datetime(2099, 1, 31, tzinfo=timezone.utc)
assert_type(access.extend(end), CrossAccountAccess)
assert_type(access.extend(end, accept={"policy arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"}), CrossAccountAccess)
assert_type(access.end_sessions(now=end), Change)
assert_type(access.revoke(), list[Change])

previewed = grant_cross_account_read(
    production,
    development,
    name="reports",
    description="Reads the reports",
    policy_description="May read the reports",
    path="/team/",
    permissions_boundary="arn:aws:iam::aws:policy/PowerUserAccess",
    groups=["developers"],
    organization_id="o-a1b2c3d4e5",
    source_ips={"192.0.2.0/24"},
    expires=end,
    external_id="acme-42",
    third_party=True,
    versions=True,
    display_name="Production",
    color="red",
    dry_run=True,
)
assert_type(previewed, Plan)
assert_type(previewed.notes, tuple[str, ...])
assert_type(previewed.drift, tuple[Change, ...])
assert_type(previewed.to_dict(), dict[str, object])
assert_type(Plan.from_dict(previewed.to_dict(), trusting=production, trusted=development), Plan)
assert_type(grant_cross_account_read(production, development, dry_run=False), CrossAccountAccess)

assert_type(grants_in(production), tuple[GrantRecord, ...])
record = grants_in(development)[0]
assert_type(record.created, datetime | None)
assert_type(record.incomplete, tuple[str, ...])
assert_type(record.is_expired(end), bool)
assert_type(load_access(production, development, record.name), CrossAccountAccess)
assert_type(read_role(production, "Reader"), RoleRecord)
assert_type(read_policy(development, "arn:aws:iam::222222222222:policy/CrossAccountPolicy"), PolicyRecord)
try:
    assert_type(TrustGrant.from_role(read_role(production, "Reader"), may_write=True), TrustGrant)
    assert_type(DevAccessGrant.from_policy(read_policy(development, trusted.policy_arn)), DevAccessGrant)
except CannotExpress as inexpressible:
    assert_type(inexpressible.items, tuple[str, ...])
try:
    assert_type(sweep(production), tuple[Change, ...])
    assert_type(sweep(development, end, on_event=tell), tuple[Change, ...])
except GrantsFailed as some_failed:
    assert_type(some_failed.failures, dict[str, Exception])
    assert_type(some_failed.succeeded, tuple[str, ...])
assert_type(grant_from_dict(grant.to_dict()), TrustGrant | DevAccessGrant)
assert_type(grant_schema(), dict[str, object])
try:
    plan(grant, trusted, trusting=production, trusted=development, on_error="collect").apply()
except StalePlan as stale:
    assert_type(stale.new_plan, str)

assert_type(assume_role(development, access.role_arn, session_name="audit", mfa_token=lambda: "123456"), boto3.Session)
assert_type(assume_role_with_web_identity(access.role_arn, Path("token"), duration=timedelta(hours=2)), boto3.Session)
assert_type(assume_role_with_web_identity(access.role_arn, lambda: "token"), boto3.Session)
assert_type(console_url(access.session(), "s3", duration=timedelta(hours=2)), str)
assume_role(development, access.role_arn, tags=[{"Key": "Team", "Value": "Blue"}])
assume_role(development, access.role_arn, session_name=lambda_session_name())
assert_type(run_with_role(access.session(), ["terraform", "apply"], renew=True), int)
assert_type(run_with_role(access.session(), (Path("/usr/bin/env"), "-0")), int)
with credentials_endpoint(access.session()) as variables:
    assert_type(variables, dict[str, str])
assert_type(environment_variables(access.session()), dict[str, str])
assert_type(credential_process(access.session()), str)
assert_type(write_profile(profile_block("production", access.role_arn, source_profile="development")), Path)

explanation = explain("AccessDenied", production, development, principal="*", action="s3:GetObject", resource="*")
assert_type(explanation.causes, tuple[Cause, ...])
assert_type(explain("AccessDenied", production).certain, bool)
assert_type(explanation.unread, tuple[Unread, ...])
assert_type(explanation.causes[0].wanted, tuple[str, ...])

snapshot = Snapshot.read(production, ["s3", "kms"], regions=["eu-central-1"])
assert_type(snapshot, Snapshot)
assert_type(Snapshot.from_authorization_details(b"{}", "111111111111"), Snapshot)
assert_type(Snapshot.from_authorization_details(production.client("iam").get_account_authorization_details()), Snapshot)
assert_type(Snapshot.from_dict(snapshot.to_dict()).merge(snapshot).redact(), Snapshot)
assert_type(snapshot.roles[0].trust_policy, str | None)
assert_type(fan_out([production], partial(Snapshot.read, services="all")).results["111111111111"], Snapshot)
accounts = accounts_in_organization(production, "r-ab12", exclude=["111111111111"], tags={"stage": "test"})
assert_type(accounts, tuple[Account, ...])
regional = fan_out(accounts, partial(Snapshot.read, services="all"), role_names="Reader", regions="all", timeout=30)
assert_type(regional.failed, Mapping[str, Target])
assert_type(regional | fan_out(regional.failed, Snapshot.read), FanOut[Snapshot])
for outcome in fan_out([Target(access.role_arn, duration=900), access.role_arn], Snapshot.read, stream=True):
    assert_type(outcome.result, Snapshot | None)
organization = Organization.read(production)
assert_type(organization, Organization | None)
if organization is not None:
    PolicySet(scps=organization.levels("111111111111", "scp"), rcps=organization.levels("111111111111", "rcp"))

file = GrantsFile.read(Path("grants.toml"))
assert_type(file.accounts, Mapping[str, AccountEntry])
assert_type(file.grants[0].grant, ReadGrant | TrustGrant | DevAccessGrant)
file = GrantsFile(
    accounts={"production": AccountEntry(profile="production")},
    grants=[GrantEntry(trusting="production", trusted="production", grant=ReadGrant(buckets=["reports"]))],
)
of_file = file.plan(on_error="collect")
assert_type(of_file, GrantsPlan)
assert_type(of_file.pairs, tuple[PairPlan, ...])
assert_type(of_file.pairs[0].plan, Plan)
assert_type(of_file.apply(accept=["policy x"]), tuple[Change, ...])
assert_type(of_file.password_of("development", "eve"), str | None)
assert_type(file.prove(), dict[str, Proof])
assert_type(grants_file_schema(), dict[str, object])

link = SwitchRoleLink(account="111111111111", role_name="Reader", display_name="Production", color="red")
assert_type(link.url, str)
assert_type(SwitchRoleLink.parse(link.url), SwitchRoleLink)

try:
    PolicyDocument.parse("{}")
except InvalidValue as invalid:
    assert_type(invalid.field, str)
except PolicyError as malformed:
    assert_type(malformed.path, str)
except XacctError:
    raise
