"""grant_cross_account_read and CrossAccountAccess, on two accounts of the sandbox."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from xacct import (
    ApplyFailed,
    ConsoleUser,
    Event,
    InvalidValue,
    PermissionMissing,
    Principal,
    ProofNotDecided,
    Statement,
    grant_cross_account_read,
    load_access,
)
from xacct.testing import Sandbox
from xacct.testing.http_messages import Call

TRUSTING, TRUSTED = "111111111111", "222222222222"


class Accounts:
    """Sessions of both accounts, and the names of the calls that they make."""

    def __init__(self, aws: Sandbox) -> None:
        self.aws = aws
        self.calls: list[str] = []
        self.production, self.development = self._session(TRUSTING), self._session(TRUSTED)

    def _session(self, account: str) -> boto3.Session:
        session = self.aws.account(account).session
        session.events.register("before-call.*.*", lambda model, **_: self.calls.append(model.name))
        return session

    def grant(self, **options: Any) -> Any:
        return grant_cross_account_read(self.production, self.development, **options)

    def bucket(self, name: str, key: str | None = None) -> None:
        s3 = self.production.client("s3")
        s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        if key is not None:
            rule: Any = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}}
            s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": [rule]})


@pytest.fixture
def accounts() -> Iterator[Accounts]:
    with Sandbox([TRUSTING, TRUSTED]) as aws:
        yield Accounts(aws)


@pytest.fixture
def reports(accounts: Accounts) -> Accounts:
    accounts.bucket("reports")
    return accounts


def test_named_buckets_get_a_least_privilege_policy_and_no_managed_policy(reports: Accounts) -> None:
    access = reports.grant(buckets=["reports"], prefixes=["2026/"])
    assert access.trust.managed_policy_arns == ()
    (policy,) = access.trust.policies.values()
    assert policy.statements[2].resources == ("arn:aws:s3:::reports/2026/*",)
    assert access.verify().checks[1].name == "list s3://reports/2026/"


@pytest.mark.parametrize("form", ["Arn", "KeyId", "alias", "alias ARN"])
def test_a_bucket_with_a_kms_key_adds_decryption_with_exactly_that_key(accounts: Accounts, form: str) -> None:
    kms = accounts.production.client("kms")
    key = kms.create_key()["KeyMetadata"]
    kms.create_alias(AliasName="alias/reports", TargetKeyId=key["KeyId"])
    alias = {"alias": "alias/reports", "alias ARN": f"arn:aws:kms:eu-central-1:{TRUSTING}:alias/reports"}
    accounts.bucket("reports", alias.get(form) or str(key[form]))  # type: ignore[literal-required]
    access = accounts.grant(buckets=["reports"])
    (decrypt,) = (s for s in access.trust.policies["S3Read"].statements if s.actions == ("kms:Decrypt",))
    assert decrypt.resources == (key["Arn"],)


def test_a_bucket_without_a_kms_key_adds_no_decryption(reports: Accounts) -> None:
    statements = reports.grant(buckets=["reports"]).trust.policies["S3Read"].statements
    assert [s for s in statements if "kms:Decrypt" in s.actions] == []


def test_a_missing_bucket_is_an_error_before_any_change(accounts: Accounts) -> None:
    with pytest.raises(InvalidValue, match=r"missing-bucket.* account 111111111111 has no bucket of this name"):
        accounts.grant(buckets=["missing-bucket"])
    assert not {"CreateRole", "CreatePolicy"} & set(accounts.calls)


def test_named_users_and_roles_are_trusted_and_get_the_policy(reports: Accounts) -> None:
    iam = reports.development.client("iam")
    iam.create_user(UserName="dev")
    trust = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}}'
    iam.create_role(RoleName="Builder", AssumeRolePolicyDocument=trust)
    people = [Principal.user(TRUSTED, "dev"), f"arn:aws:iam::{TRUSTED}:role/Builder"]
    access = reports.grant(buckets=["reports"], principals=people)
    assert (access.dev_access.users, access.dev_access.roles) == (("dev",), ("Builder",))
    assert [p.value.rsplit("/")[-1] for p in access.trust.principals] == ["dev", "Builder"]
    entities = iam.list_entities_for_policy(PolicyArn=access.dev_access.policy_arn)
    assert [user["UserName"] for user in entities["PolicyUsers"]] == ["dev"]
    access.revoke()
    assert iam.get_user(UserName="dev")


def test_a_console_user_that_is_a_principal_is_created_before_the_role(reports: Accounts) -> None:
    user = ConsoleUser("EC2UserForCrossAccount", password="correct horse 9 Battery")
    access = reports.grant(
        buckets=["reports"], console_user=user, principals=[Principal.user(TRUSTED, "EC2UserForCrossAccount")]
    )
    assert access.dev_access.users == ()
    assert reports.calls.index("CreateUser") < reports.calls.index("CreateRole")
    assert access.console_user.password == "correct horse 9 Battery"


def test_the_session_is_in_the_role_and_sends_the_external_id(reports: Accounts) -> None:
    access = reports.grant(buckets=["reports"], external_id="customer-17")
    identity = access.session(session_name="audit").client("sts").get_caller_identity()
    assert identity["Arn"] == f"arn:aws:sts::{TRUSTING}:assumed-role/CrossAccountRoleS3/audit"
    with pytest.raises(InvalidValue, match="cannot send an external ID"):
        _ = access.switch_role_link


def test_the_profile_has_the_settings_that_the_role_requires(reports: Accounts) -> None:
    access = reports.grant(buckets=["reports"], external_id="acme-42", require_mfa=True)
    serial = "arn:aws:iam::222222222222:mfa/phone"
    block = access.profile_block("production", source_profile="development", mfa_serial=serial, duration=900)
    assert block.splitlines() == [
        "[profile production]",
        f"role_arn = {access.role_arn}",
        "source_profile = development",
        "external_id = acme-42",
        f"mfa_serial = {serial}",
        "duration_seconds = 900",
    ]
    with pytest.raises(InvalidValue, match="mfa_serial: None is not valid: the role requires MFA"):
        access.profile_block("production", source_profile="development")
    with pytest.raises(
        InvalidValue, match="duration: 7200 is not valid: the role's maximum session duration is 3600 seconds"
    ):
        access.profile_block("production", source_profile="development", mfa_serial=serial, duration=7200)


def test_a_session_that_required_mfa_can_be_verified(reports: Accounts) -> None:
    iam = reports.development.client("iam")
    device = iam.create_virtual_mfa_device(VirtualMFADeviceName="phone")["VirtualMFADevice"]["SerialNumber"]
    first = reports.aws.mfa_code(device)
    reports.aws.clock.advance(30)
    second = reports.aws.mfa_code(device)
    iam.enable_mfa_device(
        UserName="Administrator", SerialNumber=device, AuthenticationCode1=first, AuthenticationCode2=second
    )
    access = reports.grant(buckets=["reports"], require_mfa=True)
    session = access.session(mfa_serial=device, mfa_token=reports.aws.mfa_code(device))
    assert access.verify(session).ok
    assert not access.verify().ok


def test_the_refused_write_of_a_verification_is_denied_by_iam(reports: Accounts) -> None:
    reports.production.client("s3").put_object(Bucket="reports", Key="k", Body=b"42")
    verification = reports.grant(buckets=["reports"]).verify()
    refused = [check for check in verification.checks if check.expected == "refused"]
    assert [check.ok for check in refused if check.observed != "not tried"] == [True, True]
    told = [call for call in reports.aws.calls if call.operation == "UploadPart"]
    assert [(call.code, call.decisions[0].decided_by) for call in told] == [("AccessDenied", ("identity",))]


def test_the_switch_role_link_has_account_role_and_colour(reports: Accounts) -> None:
    link = reports.grant(buckets=["reports"], role_name="Reader").switch_role_link
    assert (link.account, link.role_name, link.display_name) == (TRUSTING, "Reader", "Reader")
    assert "color=" in link.url


def test_a_second_call_changes_nothing_and_a_narrower_one_changes_the_policy(reports: Accounts) -> None:
    reports.grant(buckets=["reports"])
    assert reports.grant(buckets=["reports"]).changes == ()
    changes = reports.grant(buckets=["reports"], prefixes=["2026/"]).changes
    assert [change.resource for change in changes] == ["inline policy S3Read of role CrossAccountRoleS3"]


def test_a_second_revoke_removes_nothing(reports: Accounts) -> None:
    access = reports.grant(buckets=["reports"])
    assert [change.action for change in access.revoke()] == ["delete", "detach", "delete"]
    assert access.revoke() == []


def test_role_policy_and_user_get_the_tags(reports: Accounts) -> None:
    access = reports.grant(buckets=["reports"], tags={"team": "data"}, console_user=ConsoleUser("dev"))
    role = reports.production.client("iam").get_role(RoleName="CrossAccountRoleS3")["Role"]
    iam = reports.development.client("iam")
    policy = iam.get_policy(PolicyArn=access.dev_access.policy_arn)["Policy"]
    for tags in (role["Tags"], policy["Tags"], iam.get_user(UserName="dev")["User"]["Tags"]):
        assert {"Key": "team", "Value": "data"} in tags


def test_each_step_is_reported_to_the_callback_and_to_the_log(
    reports: Accounts, caplog: pytest.LogCaptureFixture
) -> None:
    events: list[Event] = []
    with caplog.at_level(logging.INFO, "xacct"):
        reports.grant(buckets=["reports"], on_event=events.append).revoke()
    told = [f"{event.kind} {event.what}" for event in events]
    assert "done creating role CrossAccountRoleS3" in told
    assert "done deleting role CrossAccountRoleS3" in told
    messages = [record.message for record in caplog.records if record.name == "xacct"]
    assert messages[0].startswith("role CrossAccountRoleS3 trusts every user and role of account 222222222222")
    assert [str(event) for event in events] == messages[1:]


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"buckets": "reports"}, "buckets"),
        ({"buckets": ["Reports"]}, "buckets"),
        ({"prefixes": ["2026/"]}, "prefixes"),
        ({"buckets": ["reports"], "prefixes": ["/2026"]}, "prefixes"),
        ({"principals": ["nobody"]}, "Principal.AWS"),
        ({"principals": ["*"]}, "principals"),
        ({"role_name": "a b"}, "role_name"),
        ({"policy_name": "a b"}, "policy_name"),
        ({"external_id": "x"}, "external_id"),
        ({"max_session_duration": 60}, "max_session_duration"),
        ({"tags": {"aws:x": "y"}}, "tags"),
        ({"tags": {"a\tb": "c"}}, "tags"),
        ({"console_user": "dev"}, "console_user"),
        ({"principals": [Principal.federated("cognito-identity.amazonaws.com")]}, "principals"),
        ({"principals": ["AIDAIOSFODNN7EXAMPLE1"]}, "principals"),
    ],
)
def test_bad_input_is_refused_before_any_call(accounts: Accounts, options: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        accounts.grant(**options)
    assert caught.value.field == field
    assert accounts.calls == []


def _denied(operation: str) -> Any:
    def refuse(**_: object) -> Any:
        from botocore.awsrequest import AWSResponse
        from botocore.compat import HTTPHeaders

        text = f"User: dev is not authorized to perform: iam:{operation}"
        body = f"<ErrorResponse><Error><Code>AccessDenied</Code><Message>{text}</Message></Error></ErrorResponse>"
        response: Any = AWSResponse("https://iam", 403, HTTPHeaders(), None)
        response._content = body.encode()
        return response

    return refuse


def test_a_missing_read_permission_is_reported_with_account_action_and_statement(reports: Accounts) -> None:
    reports.production.events.register("before-send.iam.GetRole", _denied("GetRole"))
    with pytest.raises(PermissionMissing) as caught:
        reports.grant(buckets=["reports"])
    assert (caught.value.account, caught.value.action) == (TRUSTING, "iam:GetRole")
    assert Statement.parse(caught.value.statement).resources == (f"arn:aws:iam::{TRUSTING}:role/CrossAccountRoleS3",)


def test_a_missing_write_permission_rolls_back_the_other_changes(reports: Accounts) -> None:
    reports.development.events.register("before-send.iam.CreatePolicy", _denied("CreatePolicy"))
    with pytest.raises(ApplyFailed, match="iam:CreatePolicy") as caught:
        reports.grant(buckets=["reports"])
    assert isinstance(caught.value.__cause__, PermissionMissing)
    assert [role["RoleName"] for role in reports.production.client("iam").list_roles()["Roles"]] == []


def role_of(accounts: Accounts, name: str = "CrossAccountRoleS3") -> Any:
    return accounts.production.client("iam").get_role(RoleName=name)["Role"]


def policy_of(accounts: Accounts, access: Any) -> Any:
    return accounts.development.client("iam").get_policy(PolicyArn=access.dev_access.policy_arn)["Policy"]


def conditions_of(accounts: Accounts) -> Any:
    (statement,) = role_of(accounts)["AssumeRolePolicyDocument"]["Statement"]
    return statement.get("Condition")


def test_the_name_is_recorded_on_the_role_and_on_the_policy(accounts: Accounts) -> None:
    access = accounts.grant(name="reports")
    assert access.name == "reports"
    for resource in (role_of(accounts), policy_of(accounts, access)):
        assert {"Key": "xacct:grant", "Value": "reports"} in resource["Tags"]


def test_the_default_name_has_the_trusted_account(accounts: Accounts) -> None:
    assert accounts.grant(role_name="Reader").name == f"Reader-{TRUSTED}"


def test_both_descriptions_reach_aws(accounts: Accounts) -> None:
    access = accounts.grant(description="Reads the reports", policy_description="May read the reports")
    assert role_of(accounts)["Description"] == "Reads the reports"
    assert policy_of(accounts, access)["Description"] == "May read the reports"


def test_the_path_is_that_of_the_role_and_of_the_policy(accounts: Accounts) -> None:
    access = accounts.grant(path="/team/")
    assert role_of(accounts)["Arn"] == access.role_arn == f"arn:aws:iam::{TRUSTING}:role/team/CrossAccountRoleS3"
    assert policy_of(accounts, access)["Path"] == "/team/"
    assert access.verify().ok


def test_the_permissions_boundary_is_put_on_the_role(accounts: Accounts) -> None:
    boundary = "arn:aws:iam::aws:policy/PowerUserAccess"
    accounts.grant(permissions_boundary=boundary)
    assert role_of(accounts)["PermissionsBoundary"]["PermissionsBoundaryArn"] == boundary


def test_the_groups_get_the_policy(accounts: Accounts) -> None:
    iam = accounts.development.client("iam")
    iam.create_group(GroupName="developers")
    access = accounts.grant(groups=["developers"])
    attached = iam.list_attached_group_policies(GroupName="developers")["AttachedPolicies"]
    assert [policy["PolicyArn"] for policy in attached] == [access.dev_access.policy_arn]
    access.revoke()
    assert iam.list_attached_group_policies(GroupName="developers")["AttachedPolicies"] == []


def test_the_organization_and_the_networks_are_conditions_of_the_trust(accounts: Accounts) -> None:
    accounts.grant(organization_id="o-a1b2c3d4e5", source_ips=["192.0.2.0/24"])
    assert conditions_of(accounts) == {
        "StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"},
        "IpAddress": {"aws:SourceIp": "192.0.2.0/24"},
    }


def test_the_end_is_a_condition_in_both_accounts(accounts: Accounts) -> None:
    access = accounts.grant(expires=datetime(2099, 1, 31, 2, tzinfo=timezone(timedelta(hours=2))))
    end = {"DateLessThan": {"aws:CurrentTime": "2099-01-31T00:00:00Z"}}
    assert conditions_of(accounts) == end
    version = accounts.development.client("iam").get_policy_version(
        PolicyArn=access.dev_access.policy_arn, VersionId="v1"
    )
    document: Any = version["PolicyVersion"]["Document"]
    assert [statement["Condition"] for statement in document["Statement"]] == [end]


def test_old_versions_and_tags_can_be_read_if_asked_for(reports: Accounts) -> None:
    s3 = reports.production.client("s3")
    s3.put_bucket_versioning(Bucket="reports", VersioningConfiguration={"Status": "Enabled"})
    old = s3.put_object(Bucket="reports", Key="k", Body=b"old")["VersionId"]
    s3.put_object(Bucket="reports", Key="k", Body=b"new", Tagging="team=data")
    without = reports.grant(buckets=["reports"]).session().client("s3")
    with pytest.raises(ClientError, match="AccessDenied"):
        without.get_object(Bucket="reports", Key="k", VersionId=old)
    access = reports.grant(buckets=["reports"], versions=True)
    reader = access.session().client("s3")
    assert reader.get_object(Bucket="reports", Key="k", VersionId=old)["Body"].read() == b"old"
    assert reader.get_object_tagging(Bucket="reports", Key="k")["TagSet"] == [{"Key": "team", "Value": "data"}]
    assert access.verify().ok


def test_the_link_has_the_display_name_and_the_color(accounts: Accounts) -> None:
    link = accounts.grant(display_name="Production", color="blue").switch_role_link
    assert (link.display_name, link.color) == ("Production", "83d4e8")
    assert "displayName=Production" in link.url


def test_each_bucket_is_verified_also_the_twelfth(accounts: Accounts) -> None:
    names = [f"reports-{number:02}" for number in range(12)]
    for name in names:
        accounts.bucket(name)
    access = accounts.grant(buckets=names)
    assert access.verify().ok
    accounts.production.client("s3").put_bucket_policy(
        Bucket=names[-1],
        Policy=f'{{"Version":"2012-10-17","Statement":{{"Effect":"Deny","Principal":"*","Action":"s3:ListBucket",'
        f'"Resource":"arn:aws:s3:::{names[-1]}"}}}}',
    )
    failed = [check.name for check in access.verify().checks if check.ok is False]
    assert failed == ["list s3://reports-11/"]


def test_a_role_that_can_do_more_than_the_grant_says_fails_the_verification(reports: Accounts) -> None:
    access = reports.grant(buckets=["reports"])
    reports.production.client("iam").attach_role_policy(
        RoleName="CrossAccountRoleS3", PolicyArn="arn:aws:iam::aws:policy/AmazonEC2ReadOnlyAccess"
    )
    assert not access.verify().ok


def test_everything_that_the_grant_does_not_want_is_drift(accounts: Accounts) -> None:
    access = accounts.grant(console_user=ConsoleUser("dev"))
    assert access.drift == ()
    production, development = accounts.production.client("iam"), accounts.development.client("iam")
    read_only, ec2 = "arn:aws:iam::aws:policy/ReadOnlyAccess", "arn:aws:iam::aws:policy/AmazonEC2ReadOnlyAccess"
    production.attach_role_policy(RoleName="CrossAccountRoleS3", PolicyArn=ec2)
    production.put_role_permissions_boundary(RoleName="CrossAccountRoleS3", PermissionsBoundary=read_only)
    production.update_role(RoleName="CrossAccountRoleS3", Description="changed", MaxSessionDuration=7200)
    production.tag_role(RoleName="CrossAccountRoleS3", Tags=[{"Key": "owner", "Value": "ops"}])
    development.attach_user_policy(UserName="dev", PolicyArn=ec2)
    found = {(change.side, change.action, change.resource) for change in access.drift}
    told = " ".join(f"{change} {change.detail}" for change in access.drift)
    for part in ("AmazonEC2ReadOnlyAccess", "ReadOnlyAccess", "changed", "7200", "owner", "user dev"):
        assert part in told
    assert {side for side, *_ in found} == {"trusting", "trusted"}
    accounts.calls.clear()
    assert len(access.drift) == len(found)
    assert not [name for name in accounts.calls if not name.startswith(("Get", "List"))]


S3_READ = "policy arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
END = datetime(2099, 1, 31, tzinfo=timezone.utc)


@pytest.fixture
def unreadable(accounts: Accounts) -> Accounts:
    """Accounts in which the managed policy of the role may not be read."""

    def of_aws(call: Call) -> bool:
        return str(call.params["PolicyArn"]).startswith("arn:aws:iam::aws:policy/")

    accounts.aws.faults.add("denied", operation="GetPolicyVersion", matching=of_aws)
    return accounts


def test_a_managed_policy_that_may_not_be_read_refuses_the_grant_before_any_change(unreadable: Accounts) -> None:
    with pytest.raises(ProofNotDecided, match=r"not decided\. Nothing was changed\..* accept=\['policy arn:aws:iam"):
        unreadable.grant()
    assert not any(name.startswith(("Create", "Attach")) for name in unreadable.calls)


def test_a_managed_policy_that_may_not_be_read_is_accepted_by_name(unreadable: Accounts) -> None:
    assert len(unreadable.grant(accept=[S3_READ]).changes) == 3
    assert unreadable.grant().changes == ()


def test_the_plan_of_a_dry_run_is_applied_with_what_is_accepted_then(unreadable: Accounts) -> None:
    proposal = unreadable.grant(dry_run=True, accept=[S3_READ])
    with pytest.raises(ProofNotDecided):
        proposal.apply()
    assert len(proposal.apply(accept=[S3_READ])) == 3


def test_what_is_accepted_must_be_names_and_is_checked_before_any_call(accounts: Accounts) -> None:
    accounts.calls.clear()
    with pytest.raises(InvalidValue, match="accept: 5 is not valid: the names of checks"):
        accounts.grant(accept=[5])
    assert accounts.calls == []


def test_an_extended_access_keeps_what_was_accepted(unreadable: Accounts) -> None:
    access = unreadable.grant(accept=[S3_READ], expires=END)
    for days in (1, 2):
        access = access.extend(END + timedelta(days=days))
    assert access.expires == END + timedelta(days=2)


def test_an_access_that_was_loaded_accepts_when_it_is_extended(unreadable: Accounts) -> None:
    unreadable.grant(name="reports", accept=[S3_READ], expires=END)
    access = load_access(unreadable.production, unreadable.development, "reports")
    with pytest.raises(ProofNotDecided):
        access.extend(END + timedelta(days=1))
    longer = access.extend(END + timedelta(days=1), accept=[S3_READ])
    assert longer.extend(END + timedelta(days=2)).expires == END + timedelta(days=2)
