"""What AWS Organizations refuses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from xacct.testing import Sandbox, SandboxOrganization

HOME, PROD = "111111111111", "222222222222"
SCP, RCP = "SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY"
DENY = {"Effect": "Deny", "Action": "s3:*", "Resource": "*"}


def document(*statements: dict[str, Any], version: str = "2012-10-17") -> str:
    return json.dumps({"Version": version, "Statement": list(statements)})


@pytest.fixture
def organization() -> Iterator[SandboxOrganization]:
    with Sandbox([HOME, PROD]) as aws:
        yield aws.organization({"Workloads": [PROD]})


@pytest.fixture
def client(organization: SandboxOrganization) -> Any:
    return organization.session.client("organizations")


def code(function: Any, **parameters: Any) -> str:
    with pytest.raises(ClientError) as caught:
        function(**parameters)
    return str(caught.value.response["Error"]["Code"])


def create_policy(client: Any, name: str = "Guard", kind: str = SCP, content: str = document(DENY)) -> str:
    created = client.create_policy(Name=name, Description="", Type=kind, Content=content)
    return str(created["Policy"]["PolicySummary"]["Id"])


def test_a_policy_of_a_type_that_is_not_enabled_can_be_neither_attached_nor_detached(
    client: Any, organization: SandboxOrganization
) -> None:
    policy = create_policy(client)
    client.disable_policy_type(RootId=organization.root, PolicyType=SCP)
    for call in (client.attach_policy, client.detach_policy):
        assert code(call, PolicyId=policy, TargetId=PROD) == "PolicyTypeNotEnabledException"


def test_disabling_a_type_detaches_its_policies(client: Any, organization: SandboxOrganization) -> None:
    policy = organization.attach_scp("Workloads", document(DENY))
    assert client.list_targets_for_policy(PolicyId=policy)["Targets"]
    client.disable_policy_type(RootId=organization.root, PolicyType=SCP)
    assert client.list_targets_for_policy(PolicyId=policy)["Targets"] == []
    client.delete_policy(PolicyId=policy)


def test_a_policy_is_attached_once(client: Any, organization: SandboxOrganization) -> None:
    policy = organization.attach_scp(PROD, document(DENY))
    assert code(client.attach_policy, PolicyId=policy, TargetId=PROD) == "DuplicatePolicyAttachmentException"


def test_a_target_has_at_most_five_policies_of_a_type(organization: SandboxOrganization) -> None:
    for _ in range(4):  # and FullAWSAccess
        organization.attach_scp(PROD, document(DENY))
    assert code(organization.attach_scp, target=PROD, policy=document(DENY)) == "ConstraintViolationException"


def test_the_last_scp_of_a_target_stays(client: Any, organization: SandboxOrganization) -> None:
    detach = {"PolicyId": "p-FullAWSAccess", "TargetId": organization.units["Workloads"]}
    assert code(client.detach_policy, **detach) == "ConstraintViolationException"
    organization.attach_scp("Workloads", document({**DENY, "Effect": "Allow"}))
    client.detach_policy(**detach)


def test_the_rcp_that_allows_everything_stays(organization: SandboxOrganization) -> None:
    organization.attach_rcp("/", document({**DENY, "Principal": "*"}))
    assert code(organization.detach, target="/", policy_id="p-RCPFullAWSAccess") == "ConstraintViolationException"


def test_what_is_not_attached_cannot_be_detached(client: Any) -> None:
    policy = create_policy(client)
    assert code(client.detach_policy, PolicyId=policy, TargetId=PROD) == "PolicyNotAttachedException"


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        (SCP, "not JSON"),
        (SCP, document({**DENY, "Principal": "*"})),
        (SCP, document({**DENY, "Effect": "Maybe"})),
        (SCP, document(DENY, version="2008-10-17")),
        (SCP, document({**DENY, "Resource": ["arn:aws:s3:::" + "x" * 11000]})),
        (RCP, document(DENY)),
        (RCP, document({**DENY, "Principal": "*", "Effect": "Allow"})),
        (RCP, document({**DENY, "Principal": "*", "Action": "*"})),
    ],
)
def test_a_document_that_is_no_such_policy_is_refused(client: Any, kind: str, content: str) -> None:
    create = {"Name": "Guard", "Description": "", "Type": kind, "Content": content}
    assert code(client.create_policy, **create) == "MalformedPolicyDocumentException"


def test_an_action_that_aws_may_have_added_since_is_accepted(client: Any) -> None:
    policy = create_policy(client, content=document({**DENY, "Action": "s3:FutureAction"}))
    update = {"PolicyId": policy, "Content": document({**DENY, "NotPrincipal": "*"})}
    assert code(client.update_policy, **update) == "MalformedPolicyDocumentException"
    client.update_policy(PolicyId=policy, Name="Renamed")


def test_policies_of_aws_cannot_be_changed(client: Any) -> None:
    for call, parameters in ((client.update_policy, {"Content": document(DENY)}), (client.delete_policy, {})):
        assert code(call, PolicyId="p-FullAWSAccess", **parameters) == "InvalidInputException"


def test_an_account_is_moved_from_where_it_is(client: Any, organization: SandboxOrganization) -> None:
    unit = organization.units["Workloads"]
    move = {"AccountId": PROD, "SourceParentId": organization.root, "DestinationParentId": unit}
    assert code(client.move_account, **move) == "SourceParentNotFoundException"


def test_names_of_units_are_unique_under_one_parent(client: Any, organization: SandboxOrganization) -> None:
    create = client.create_organizational_unit
    assert code(create, ParentId=organization.root, Name="Workloads") == "DuplicateOrganizationalUnitException"
    create(ParentId=organization.units["Workloads"], Name="Workloads")
    assert code(create, ParentId="r-abcd", Name="Other") == "ParentNotFoundException"


def test_units_are_nested_at_most_five_levels_deep(client: Any, organization: SandboxOrganization) -> None:
    parent = organization.root
    for level in range(5):
        created = client.create_organizational_unit(ParentId=parent, Name=str(level))
        parent = created["OrganizationalUnit"]["Id"]
    assert code(client.create_organizational_unit, ParentId=parent, Name="6") == "ConstraintViolationException"


def test_a_unit_with_accounts_or_units_is_not_deleted(client: Any, organization: SandboxOrganization) -> None:
    unit = organization.units["Workloads"]
    assert code(client.delete_organizational_unit, OrganizationalUnitId=unit) == "OrganizationalUnitNotEmptyException"
    organization.move(PROD, "/")
    client.delete_organizational_unit(OrganizationalUnitId=unit)
