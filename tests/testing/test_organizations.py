"""Organizations: the control policies that apply, the context keys, and who may call the API."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError

from xacct import InvalidValue, PolicyDocument
from xacct.testing import Sandbox, SandboxOrganization

HOME, PROD, DEV, OUTSIDE = "111111111111", "222222222222", "333333333333", "444444444444"
VERSION = "2012-10-17"
DENY_S3 = {"Version": VERSION, "Statement": {"Effect": "Deny", "Action": "s3:*", "Resource": "*"}}
ALLOW_S3 = {"Version": VERSION, "Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}}
NOTHING = {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "*"}
RCP = {"Version": VERSION, "Statement": {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*"}}


@pytest.fixture
def aws() -> Iterator[Sandbox]:
    with Sandbox([HOME, PROD, DEV, OUTSIDE]) as aws:
        yield aws


@pytest.fixture
def organization(aws: Sandbox) -> SandboxOrganization:
    return aws.organization({"Workloads/Production": [PROD], "Workloads/Development": [DEV]})


def client(aws: Sandbox, account: str, service: str = "organizations") -> Any:
    return aws.account(account).session.client(service)  # type: ignore[call-overload]


def error(function: Any, **parameters: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        function(**parameters)
    found = caught.value.response["Error"]
    return str(found["Code"]), str(found["Message"])


def message(function: Any, **parameters: Any) -> str:
    return error(function, **parameters)[1]


def may_list_buckets(aws: Sandbox, account: str) -> bool:
    try:
        client(aws, account, "s3").list_buckets()
    except ClientError:
        return False
    return True


def user(aws: Sandbox, account: str, *statements: Mapping[str, Any], name: str = "alice") -> Any:
    iam = client(aws, account, "iam")
    iam.create_user(UserName=name)
    document = {"Version": VERSION, "Statement": statements}
    iam.put_user_policy(UserName=name, PolicyName="Own", PolicyDocument=json.dumps(document))
    return aws.sign_in(f"arn:aws:iam::{account}:user/{name}")


def create_bucket(aws: Sandbox, account: str, name: str, *statements: Mapping[str, Any]) -> None:
    s3 = client(aws, account, "s3")
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    s3.put_object(Bucket=name, Key="k", Body=b"x")
    if statements:
        s3.put_bucket_policy(Bucket=name, Policy=json.dumps({"Version": VERSION, "Statement": statements}))


# Service control policies


@pytest.mark.parametrize("target", ["/", "Workloads", "Workloads/Production", PROD])
def test_a_deny_at_each_level_applies_to_the_accounts_under_it(
    aws: Sandbox, organization: SandboxOrganization, target: str
) -> None:
    policy = organization.attach_scp(target, DENY_S3)
    assert "explicit deny in a service control policy" in message(client(aws, PROD, "s3").list_buckets)
    assert may_list_buckets(aws, DEV) == (target not in ("/", "Workloads"))
    assert may_list_buckets(aws, OUTSIDE)
    organization.detach(target, policy)
    assert may_list_buckets(aws, PROD)


def test_the_management_account_is_exempt(aws: Sandbox, organization: SandboxOrganization) -> None:
    organization.attach_scp("/", DENY_S3)
    organization.attach_scp(HOME, DENY_S3)
    assert may_list_buckets(aws, HOME)


@pytest.mark.parametrize("target", ["/", "Workloads", "Workloads/Production", PROD])
def test_each_level_must_allow(aws: Sandbox, organization: SandboxOrganization, target: str) -> None:
    organization.attach_scp(target, ALLOW_S3)
    organization.detach(target, "p-FullAWSAccess")
    assert may_list_buckets(aws, PROD)
    text = message(client(aws, PROD, "iam").list_users)
    assert text.endswith("because no service control policy allows the iam:ListUsers action")


def test_the_explanation_names_the_policy(aws: Sandbox, organization: SandboxOrganization) -> None:
    organization.attach_scp("Workloads", PolicyDocument.parse(DENY_S3, name="NoStorage"))
    organization.attach_scp("Workloads/Production", DENY_S3)
    may_list_buckets(aws, PROD)
    text = str(aws.calls[-1])
    assert "SCP NoStorage" in text
    assert "SCP Workloads/Production" in text


def test_the_root_user_of_a_member_is_bound(aws: Sandbox, organization: SandboxOrganization) -> None:
    organization.attach_scp("/", DENY_S3)
    root = aws.sign_in(f"arn:aws:iam::{PROD}:root").client("s3")
    assert "service control policy" in message(root.list_buckets)


def test_service_linked_roles_are_exempt(aws: Sandbox, organization: SandboxOrganization) -> None:
    role = client(aws, PROD, "iam").create_service_linked_role(AWSServiceName="autoscaling.amazonaws.com")["Role"]
    s3 = aws.sign_in(role["Arn"]).client("s3")
    # The role's own permissions do not include S3: what is missing is not the Allow of an SCP.
    organization.attach_scp("/", DENY_S3)
    assert "no identity-based policy allows" in message(s3.list_buckets)


def test_an_scp_binds_the_caller_of_another_account_too(aws: Sandbox, organization: SandboxOrganization) -> None:
    everybody = {"Effect": "Allow", "Principal": {"AWS": PROD}, "Action": "s3:GetObject", "Resource": "*/*"}
    create_bucket(aws, OUTSIDE, "outside", everybody | {"Resource": "arn:aws:s3:::outside/*"})
    s3 = client(aws, PROD, "s3")
    s3.get_object(Bucket="outside", Key="k")
    organization.attach_scp("/", DENY_S3)
    # S3 gives no reason across the border of an organization.
    assert error(s3.get_object, Bucket="outside", Key="k") == ("AccessDenied", "Access Denied")


def test_a_policy_applies_while_its_type_is_enabled(aws: Sandbox, organization: SandboxOrganization) -> None:
    organizations = client(aws, HOME)
    organization.attach_scp("/", DENY_S3)
    organizations.disable_policy_type(RootId=organization.root, PolicyType="SERVICE_CONTROL_POLICY")
    assert may_list_buckets(aws, PROD)
    # Enabling it again does not attach what was attached before.
    organizations.enable_policy_type(RootId=organization.root, PolicyType="SERVICE_CONTROL_POLICY")
    assert may_list_buckets(aws, PROD)


def test_moving_an_account_changes_what_applies_to_it(aws: Sandbox, organization: SandboxOrganization) -> None:
    organization.attach_scp("Workloads/Production", DENY_S3)
    organization.move(PROD, "Workloads/Development")
    assert may_list_buckets(aws, PROD)
    organization.move(DEV, "Workloads/Production")
    assert not may_list_buckets(aws, DEV)
    organization.move(DEV, "/")
    assert may_list_buckets(aws, DEV)


# Resource control policies


def test_an_rcp_protects_the_resources_of_members_from_everybody(
    aws: Sandbox, organization: SandboxOrganization
) -> None:
    for account, name in ((PROD, "prod"), (HOME, "home")):
        allow = {"Effect": "Allow", "Principal": {"AWS": OUTSIDE}, "Action": "s3:GetObject"}
        create_bucket(aws, account, name + "-data", allow | {"Resource": f"arn:aws:s3:::{name}-data/*"})
    outside = client(aws, OUTSIDE, "s3")
    outside.get_object(Bucket="prod-data", Key="k")
    organization.attach_rcp("Workloads", RCP)
    assert error(outside.get_object, Bucket="prod-data", Key="k")[0] == "AccessDenied"
    own = message(client(aws, PROD, "s3").get_object, Bucket="prod-data", Key="k")
    assert own.endswith("with an explicit deny in a resource control policy")
    # The management account's resources are not protected.
    organization.attach_rcp("/", RCP)
    outside.get_object(Bucket="home-data", Key="k")


def test_a_perimeter_of_the_organization(aws: Sandbox, organization: SandboxOrganization) -> None:
    allow = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::prod-data/*"}
    client(aws, PROD, "s3")
    create_bucket(aws, PROD, "prod-data")
    client(aws, PROD, "s3").delete_public_access_block(Bucket="prod-data")
    policy = {"Version": VERSION, "Statement": allow}
    client(aws, PROD, "s3").put_bucket_policy(Bucket="prod-data", Policy=json.dumps(policy))
    others = {"StringNotEqualsIfExists": {"aws:PrincipalOrgID": organization.id}}
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*", "Condition": others}
    organization.attach_rcp("/", {"Version": VERSION, "Statement": deny})
    for account, allowed in ((DEV, True), (HOME, True), (OUTSIDE, False)):
        s3 = client(aws, account, "s3")
        if allowed:
            s3.get_object(Bucket="prod-data", Key="k")
        else:
            assert error(s3.get_object, Bucket="prod-data", Key="k")[0] == "AccessDenied"


def test_an_rcp_does_not_apply_to_services_that_are_not_under_rcps(
    aws: Sandbox, organization: SandboxOrganization
) -> None:
    everything = {"Effect": "Deny", "Principal": "*", "Action": ["iam:*", "sts:AssumeRole"], "Resource": "*"}
    organization.attach_rcp("/", {"Version": VERSION, "Statement": everything})
    client(aws, PROD, "iam").list_users()
    role = f"arn:aws:iam::{PROD}:role/OrganizationAccountAccessRole"
    assert error(client(aws, HOME, "sts").assume_role, RoleArn=role, RoleSessionName="test")[0] == "AccessDenied"


# Context keys


@pytest.mark.parametrize("key", ["aws:PrincipalOrgID", "aws:PrincipalOrgPaths"])
def test_a_trust_policy_can_name_the_organization_of_the_caller(
    aws: Sandbox, organization: SandboxOrganization, key: str
) -> None:
    condition = (
        {"StringEquals": {key: organization.id}}
        if key == "aws:PrincipalOrgID"
        else {"ForAnyValue:StringLike": {key: organization.path("Workloads") + "*"}}
    )
    statement = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole", "Condition": condition}
    document = json.dumps({"Version": VERSION, "Statement": statement})
    role = client(aws, HOME, "iam").create_role(RoleName="Shared", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    client(aws, PROD, "sts").assume_role(RoleArn=role, RoleSessionName="test")
    assume = client(aws, OUTSIDE, "sts").assume_role
    assert error(assume, RoleArn=role, RoleSessionName="test")[0] == "AccessDenied"


def test_the_keys_of_the_principal_and_of_the_resource(aws: Sandbox, organization: SandboxOrganization) -> None:
    create_bucket(aws, DEV, "dev-data")
    error(client(aws, PROD, "s3").get_object, Bucket="dev-data", Key="k")
    context = aws.calls[-1].decisions[-1].request.context
    assert context["aws:principalorgid"] == context["aws:resourceorgid"] == (organization.id,)
    assert context["aws:principalorgpaths"] == (organization.path("Workloads/Production"),)
    assert context["aws:resourceorgpaths"] == (organization.path("Workloads/Development"),)
    units = [organization.units[name] for name in ("Workloads", "Workloads/Production")]
    assert organization.path("Workloads/Production") == "/".join([organization.id, organization.root, *units, ""])
    assert context["aws:resourceaccount"] == (DEV,)
    assert context["aws:principalisawsservice"] == ("false",)
    error(client(aws, OUTSIDE, "s3").get_object, Bucket="dev-data", Key="k")
    context = aws.calls[-1].decisions[-1].request.context
    assert not {"aws:principalorgid", "aws:principalorgpaths"} & set(context)
    assert context["aws:resourceorgid"] == (organization.id,)


def test_without_an_organization_the_account_of_the_resource_is_a_key(aws: Sandbox) -> None:
    client(aws, PROD, "iam").list_users()
    context = aws.calls[-1].decisions[-1].request.context
    assert context["aws:resourceaccount"] == (PROD,)
    assert not [key for key in context if "org" in key]


def test_within_an_organization_s3_gives_the_reason(aws: Sandbox, organization: SandboxOrganization) -> None:
    create_bucket(aws, DEV, "dev-data")
    text = message(client(aws, PROD, "s3").get_object, Bucket="dev-data", Key="k")
    assert "because no resource-based policy allows the s3:GetObject action" in text
    text = message(client(aws, OUTSIDE, "s3").get_object, Bucket="dev-data", Key="k")
    assert text == "Access Denied"


# Accounts


@pytest.mark.parametrize("name", [None, "Enter"])
def test_a_created_account_can_be_entered_from_the_management_account(aws: Sandbox, name: str | None) -> None:
    organizations = client(aws, HOME)
    organizations.create_organization(FeatureSet="ALL")
    role = {"RoleName": name} if name else {}
    asked = organizations.create_account(AccountName="new", Email="new@example.com", **role)["CreateAccountStatus"]
    assert (asked["State"], asked["AccountName"], "AccountId" in asked) == ("IN_PROGRESS", "new", False)
    status = organizations.describe_create_account_status(CreateAccountRequestId=asked["Id"])["CreateAccountStatus"]
    assert status["State"] == "SUCCEEDED"
    account = status["AccountId"]
    arn = f"arn:aws:iam::{account}:role/{name or 'OrganizationAccountAccessRole'}"
    keys = client(aws, HOME, "sts").assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
    inside = aws.account(account).session.client(
        "iam",
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )
    inside.create_user(UserName="alice")
    found: Any = inside.get_role(RoleName=arn.rpartition("/")[2])["Role"]
    assert (found["Arn"], found["Path"]) == (arn, "/")
    principal = found["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]
    assert principal == {"AWS": f"arn:aws:iam::{HOME}:root"}
    assert error(client(aws, PROD, "sts").assume_role, RoleArn=arn, RoleSessionName="test")[0] == "AccessDenied"


def test_a_created_account_is_one_of_the_sandbox(aws: Sandbox) -> None:
    organizations = client(aws, HOME)
    organizations.create_organization(FeatureSet="ALL")
    organizations.create_account(AccountName="new", Email="new@example.com")
    account = next(one["Id"] for one in organizations.list_accounts()["Accounts"] if one["Name"] == "new")
    administrator = aws.account(account)
    assert administrator is aws.account(account)
    assert administrator.session.client("sts").get_caller_identity()["Account"] == account
    aws.sign_in(f"arn:aws:iam::{account}:root").client("iam").list_users()


@pytest.mark.parametrize("role", [None, "Enter"])
def test_members_have_the_role_that_was_asked_for(aws: Sandbox, role: str | None) -> None:
    aws.organization({"/": [PROD]}, management=DEV, access_role=role)
    names = [found["RoleName"] for found in client(aws, PROD, "iam").list_roles()["Roles"]]
    assert names == [role] * (role is not None)


def test_an_existing_role_of_that_name_stays_as_it_is(aws: Sandbox) -> None:
    trust = json.dumps({"Version": VERSION, "Statement": []}).replace(
        "[]", '{"Effect":"Allow","Principal":{"AWS":"333333333333"},"Action":"sts:AssumeRole"}'
    )
    iam = client(aws, PROD, "iam")
    iam.create_role(RoleName="OrganizationAccountAccessRole", AssumeRolePolicyDocument=trust)
    aws.organization({"/": [PROD]})
    assert iam.list_attached_role_policies(RoleName="OrganizationAccountAccessRole")["AttachedPolicies"] == []


@pytest.mark.parametrize(
    ("units", "problem"),
    [
        ({"Workloads": ["999999999999"]}, "'999999999999' is not valid: an account of the sandbox"),
        ({"Workloads": PROD}, "a list of account IDs"),
        ({"Workloads//Production": [PROD]}, "the names of units, separated by slashes"),
        ({"Workloads": [HOME]}, "leave out the management account"),
        ({"Workloads": [PROD], "/": [PROD]}, "an account can be in one unit only"),
    ],
)
def test_a_malformed_organization_is_refused(aws: Sandbox, units: Any, problem: str) -> None:
    with pytest.raises(InvalidValue, match=problem):
        aws.organization(units)


def test_an_account_is_in_one_organization(aws: Sandbox, organization: SandboxOrganization) -> None:
    assert error(aws.organization)[0] == "AlreadyInOrganizationException"
    with pytest.raises(InvalidValue, match="'222222222222' is not valid: the account is in another organization"):
        aws.organization({"/": [PROD]}, management=OUTSIDE)
    assert error(client(aws, PROD).create_organization)[0] == "AlreadyInOrganizationException"


def test_an_account_that_was_removed_is_free_again(aws: Sandbox, organization: SandboxOrganization) -> None:
    organization.attach_scp("/", DENY_S3)
    for account in (PROD, DEV):
        client(aws, HOME).remove_account_from_organization(AccountId=account)
    assert may_list_buckets(aws, PROD)
    for unit in [*organization.units.values()][::-1]:
        client(aws, HOME).delete_organizational_unit(OrganizationalUnitId=unit)
    client(aws, HOME).delete_organization()
    assert error(client(aws, HOME).list_accounts)[0] == "AWSOrganizationsNotInUseException"
    aws.organization({"Workloads": [PROD]}, management=DEV)


@pytest.mark.parametrize("partition", ["aws-cn", "aws-us-gov"])
def test_other_partitions_have_organizations(partition: str) -> None:
    with Sandbox([HOME, PROD], partition=partition) as aws:
        organization = aws.organization({"Workloads": [PROD]})
        role = f"arn:{partition}:iam::{PROD}:role/OrganizationAccountAccessRole"
        client(aws, HOME, "sts").assume_role(RoleArn=role, RoleSessionName="test")
        organization.attach_scp("Workloads", DENY_S3)
        assert not may_list_buckets(aws, PROD)


def test_an_unknown_target_is_refused(organization: SandboxOrganization) -> None:
    for function in (organization.path, lambda unit: organization.attach_scp(unit, DENY_S3)):
        with pytest.raises(InvalidValue, match="target: 'Nowhere' is not valid: one of /, Workloads, "):
            function("Nowhere")


def test_the_next_sandbox_has_no_organization() -> None:
    with Sandbox([HOME, PROD]) as aws:
        aws.organization({"/": [PROD]}).attach_scp("/", DENY_S3)
    with Sandbox([HOME, PROD]) as aws:
        assert may_list_buckets(aws, PROD)
        assert error(client(aws, PROD).describe_organization)[0] == "AWSOrganizationsNotInUseException"
        aws.organization({"/": [PROD]})


# Who may call the API


def test_an_account_without_an_organization(aws: Sandbox) -> None:
    not_in_use = ("AWSOrganizationsNotInUseException", "Your account is not a member of an organization.")
    for operation in (client(aws, HOME).list_accounts, client(aws, HOME).describe_organization):
        assert error(operation) == not_in_use
    # IAM is asked first.
    assert error(user(aws, HOME, NOTHING).client("organizations").list_accounts)[0] == "AccessDeniedException"


def test_a_member_can_only_describe_the_organization(aws: Sandbox, organization: SandboxOrganization) -> None:
    member = client(aws, PROD)
    assert member.describe_organization()["Organization"]["MasterAccountId"] == HOME
    refused = ("AccessDeniedException", "You don't have permissions to access this resource.")
    assert error(member.list_accounts) == error(member.list_roots) == refused
    assert error(member.describe_account, AccountId=DEV) == refused
    assert error(member.create_account, AccountName="new", Email="new@example.com") == refused


def test_a_delegated_administrator_reads_and_does_not_write(aws: Sandbox, organization: SandboxOrganization) -> None:
    client(aws, HOME).register_delegated_administrator(AccountId=PROD, ServicePrincipal="ssm.amazonaws.com")
    member = client(aws, PROD)
    assert {account["Id"] for account in member.list_accounts()["Accounts"]} == {HOME, PROD, DEV}
    assert member.describe_account(AccountId=DEV)["Account"]["Id"] == DEV
    assert error(member.create_account, AccountName="new", Email="n@example.com")[0] == "AccessDeniedException"
    # Its identity policies decide as well.
    alice = user(aws, PROD, {"Effect": "Allow", "Action": "organizations:ListAccounts", "Resource": "*"})
    alice.client("organizations").list_accounts()
    assert "no identity-based policy allows the organizations:DescribeAccount action" in message(
        alice.client("organizations").describe_account, AccountId=DEV
    )


def test_permissions_are_on_the_resources_of_the_call(aws: Sandbox, organization: SandboxOrganization) -> None:
    account = f"arn:aws:organizations::{HOME}:account/{organization.id}/{PROD}"
    alice = user(
        aws,
        HOME,
        {"Effect": "Allow", "Action": "organizations:DescribeAccount", "Resource": account},
        {
            "Effect": "Allow",
            "Action": "organizations:AttachPolicy",
            "Resource": ["arn:aws:organizations::*:policy/*", account],
            "Condition": {"StringEquals": {"organizations:PolicyType": "SERVICE_CONTROL_POLICY"}},
        },
    ).client("organizations")
    alice.describe_account(AccountId=PROD)
    text = message(alice.describe_account, AccountId=DEV)
    other = account.replace(PROD, DEV)
    assert text.startswith(
        f"User: arn:aws:iam::{HOME}:user/alice is not authorized to perform: organizations:DescribeAccount "
        f"on resource: {other}"
    )
    created = client(aws, HOME).create_policy(
        Name="Guard", Description="", Type="SERVICE_CONTROL_POLICY", Content=json.dumps(DENY_S3)
    )
    policy = created["Policy"]["PolicySummary"]["Id"]
    alice.attach_policy(PolicyId=policy, TargetId=PROD)
    assert error(alice.attach_policy, PolicyId=policy, TargetId=organization.root)[0] == "AccessDeniedException"
    assert not may_list_buckets(aws, PROD)
