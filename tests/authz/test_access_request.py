"""Who a request's principal is, which context keys follow from it, and which requests are refused."""

from __future__ import annotations

from typing import Any

import pytest

from xacct import AccessRequest
from xacct.errors import InvalidValue

IAM, STS = "arn:aws:iam::222222222222:", "arn:aws:sts::222222222222:"
ROLE = "arn:aws:iam::111111111111:role/Reader"
ORIGIN = "arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity"
SERVICE_LINKED = f"{IAM}role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS"


def request(
    principal: str, *, action: str = "sts:AssumeRole", resource: str = ROLE, account: str = "", **context: str
) -> AccessRequest:
    keys = {key.replace("_", ":", 1): value for key, value in context.items()}
    return AccessRequest(principal=principal, action=action, resource=resource, resource_account=account, context=keys)


@pytest.mark.parametrize(
    ("principal", "kind", "account", "role_name"),
    [
        ("*", "anonymous", "", ""),
        ("222222222222", "account", "222222222222", ""),
        (f"{IAM}root", "root", "222222222222", ""),
        (f"{IAM}user/team/dev", "user", "222222222222", ""),
        (f"{IAM}role/team/Build", "role", "222222222222", "Build"),
        (f"{STS}assumed-role/Build/run-7", "role", "222222222222", "Build"),
        (f"{STS}federated-user/eve", "federated", "222222222222", ""),
        ("lambda.amazonaws.com", "service", "", ""),
        ("states.cn-north-1.amazonaws.com.cn", "service", "", ""),
        ("accounts.google.com", "provider", "", ""),
        ("cognito-identity.amazonaws.com", "provider", "", ""),
        ("cognito-idp.amazonaws.com", "service", "", ""),
        (f"{ORIGIN} EH1HDMB1FH2TC", "origin_access_identity", "", ""),
        (f"{IAM}saml-provider/idp", "provider", "", ""),
        (f"{IAM}oidc-provider/token.actions.githubusercontent.com", "provider", "", ""),
    ],
)
def test_the_kind_of_caller_follows_from_the_principal(principal: str, kind: str, account: str, role_name: str) -> None:
    caller = request(principal).caller
    assert (caller.kind, caller.account, caller.name, caller.role_name) == (kind, account, principal, role_name)


@pytest.mark.parametrize(
    ("principal", "expected"),
    [
        ("*", {"aws:principaltype": "Anonymous"}),
        ("222222222222", {"aws:principalaccount": "222222222222", "aws:principalisawsservice": "false"}),
        (
            f"{IAM}root",
            {
                "aws:principalaccount": "222222222222",
                "aws:principaltype": "Account",
                "aws:principalarn": f"{IAM}root",
                "aws:principalisawsservice": "false",
            },
        ),
        (
            f"{IAM}user/team/dev",
            {
                "aws:principalaccount": "222222222222",
                "aws:principaltype": "User",
                "aws:principalarn": f"{IAM}user/team/dev",
                "aws:username": "dev",
                "aws:principalisawsservice": "false",
            },
        ),
        (
            f"{IAM}role/team/Build",
            {
                "aws:principalaccount": "222222222222",
                "aws:principaltype": "AssumedRole",
                "aws:principalarn": f"{IAM}role/team/Build",
                "aws:principalisawsservice": "false",
            },
        ),
        (
            "arn:aws-cn:sts::222222222222:assumed-role/Build/run-7",
            {
                "aws:principalaccount": "222222222222",
                "aws:principaltype": "AssumedRole",
                "aws:principalarn": "arn:aws-cn:iam::222222222222:role/Build",
                "aws:principalisawsservice": "false",
            },
        ),
        (
            f"{STS}federated-user/eve",
            {
                "aws:principalaccount": "222222222222",
                "aws:principaltype": "FederatedUser",
                "aws:principalarn": f"{STS}federated-user/eve",
                "aws:principalisawsservice": "false",
            },
        ),
        (
            "lambda.amazonaws.com",
            {"aws:principalservicename": "lambda.amazonaws.com", "aws:principalisawsservice": "true"},
        ),
        (f"{IAM}saml-provider/idp", {}),
    ],
)
def test_context_keys_that_follow_from_the_principal_are_filled_in(principal: str, expected: dict[str, str]) -> None:
    context = dict(request(principal).context)
    assert context.pop("aws:resourceaccount") == ("111111111111",)
    assert context == {key: (value,) for key, value in expected.items()}


def test_context_that_is_given_replaces_what_follows_from_the_principal() -> None:
    asked = request(f"{STS}assumed-role/Build/run-7", aws_PrincipalArn=f"{IAM}role/team/Build")
    assert asked.context["aws:principalarn"] == (f"{IAM}role/team/Build",)


def test_context_values_may_be_one_string_or_several() -> None:
    asked = AccessRequest(
        principal="*", action="sts:AssumeRole", resource=ROLE, context={"aws:TagKeys": ["a", "b"], "aws:UserId": "x"}
    )
    assert (asked.context["aws:tagkeys"], asked.context["aws:userid"]) == (("a", "b"), ("x",))


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (True, ("true",)),
        (False, ("false",)),
        (3600, ("3600",)),
        (1.5, ("1.5",)),
        ("", ("",)),
        ([True, 7, "x", None], ("true", "7", "x")),
        ((), ()),
    ],
)
def test_context_values_may_be_booleans_and_numbers(value: Any, kept: tuple[str, ...]) -> None:
    asked = AccessRequest(principal="*", action="sts:AssumeRole", resource=ROLE, context={"aws:x": value})
    assert asked.context["aws:x"] == kept


def test_none_is_the_same_as_leaving_the_context_key_out() -> None:
    asked = AccessRequest(
        principal=f"{IAM}user/dev",
        action="sts:AssumeRole",
        resource=ROLE,
        context={"aws:x": None, "aws:UserName": None},
    )
    assert "aws:x" not in asked.context
    assert asked.context["aws:username"] == ("dev",)


@pytest.mark.parametrize("value", [b"x", {"a": "b"}, object(), [b"x"], [["x"]], 10**5000, [{}]], ids=range(7))
def test_a_context_value_of_another_type_is_refused(value: Any) -> None:
    with pytest.raises(InvalidValue, match="the value of a context key is a string, a number, a boolean, None"):
        AccessRequest(principal="*", action="sts:AssumeRole", resource=ROLE, context={"aws:x": value})
    with pytest.raises(InvalidValue, match="a context key must be a string"):
        AccessRequest(principal="*", action="sts:AssumeRole", resource=ROLE, context={1: "x"})  # type: ignore[dict-item]


def test_a_session_of_a_service_linked_role_is_recognized_by_the_path_of_its_role() -> None:
    session = f"{STS}assumed-role/AWSServiceRoleForECS/ecs"
    assert request(SERVICE_LINKED).caller.service_linked
    assert request(session, aws_PrincipalArn=SERVICE_LINKED).caller.service_linked
    assert not request(session).caller.service_linked
    assert not request(f"{IAM}role/team/Build").caller.service_linked


def test_session_tags_and_a_source_identity_need_permissions_of_their_own() -> None:
    asked = request(f"{IAM}user/dev", **{"aws_RequestTag/team": "data", "sts_SourceIdentity": "ada"})
    assert asked.actions == ("sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity")
    assert request(f"{IAM}user/dev", aws_TagKeys="team").actions == ("sts:AssumeRole", "sts:TagSession")
    assert request(f"{IAM}user/dev", sts_ExternalId="acme-42").actions == ("sts:AssumeRole",)


def test_the_account_of_the_resource_comes_from_its_arn_or_is_given() -> None:
    bucket = "arn:aws:s3:::reports"
    assert request(f"{IAM}user/dev").resource_account == "111111111111"
    assert request(f"{IAM}user/dev", resource="*").resource_account == "222222222222"
    assert request(f"{IAM}user/dev", resource="*", account="111111111111").resource_account == "111111111111"
    assert request(f"{IAM}user/dev", resource=bucket, account="111111111111").resource_account == "111111111111"
    assert request(f"{IAM}user/dev", account="111111111111").resource_account == "111111111111"


@pytest.mark.parametrize(
    ("field", "value", "arguments"),
    [
        ("action", "s3:Get*", {"action": "s3:Get*"}),
        ("action", "sts:Assumé", {"action": "sts:Assumé"}),
        ("principal", "not an ARN", {"principal": "not an ARN"}),
        ("principal", "2", {"principal": "arn:aws:iam::2:user/dev"}),
        ("principal", f"{IAM}group/devs", {"principal": f"{IAM}group/devs"}),
        ("resource", "arn:nowhere:s3:::reports", {"resource": "arn:nowhere:s3:::reports"}),
        ("resource_account", "1234", {"account": "1234"}),
        ("resource_account", "333333333333", {"account": "333333333333"}),
        ("resource_account", "", {"resource": "arn:aws:s3:::reports"}),
        ("resource_account", "", {"resource": "arn:aws:iam::aws:policy/ReadOnlyAccess"}),
        ("aws:PrincipalArn", "role/Build", {"principal": f"{IAM}role/Build", "aws_PrincipalArn": "role/Build"}),
    ],
)
def test_a_request_of_the_wrong_form_is_refused_with_field_and_value(
    field: str, value: str, arguments: dict[str, str]
) -> None:
    with pytest.raises(InvalidValue) as refused:
        request(**{"principal": f"{IAM}user/dev", **arguments})
    assert (refused.value.field, refused.value.value) == (field, value)


@pytest.mark.parametrize(
    ("arguments", "right"),
    [
        ({"action": "s3:Get*"}, "an action has the form service:Action, without wildcards"),
        ({"principal": "not an ARN"}, "a principal is an ARN, an account id, a service or"),
        ({"principal": f"{IAM}group/devs"}, "a principal is a user, role, role session, federated user, root user or"),
        ({"resource": "arn:aws:s3:::reports"}, "required because arn:aws:s3:::reports contains no account id"),
    ],
)
def test_a_refused_request_says_what_is_right(arguments: dict[str, str], right: str) -> None:
    with pytest.raises(InvalidValue, match=right):
        request(**{"principal": f"{IAM}user/dev", **arguments})


def test_the_account_of_the_resource_is_a_key_unless_aws_does_not_set_it_for_the_action() -> None:
    resource = "arn:aws:ec2:eu-west-1:111111111111:vpc/vpc-1"
    plain = request(f"{IAM}user/dev", action="ec2:DescribeVpcs", resource=resource)
    assert plain.context["aws:resourceaccount"] == ("111111111111",)
    for action in ("ec2:CopySnapshot", "ebs:GetSnapshotBlock"):
        without = request(f"{IAM}user/dev", action=action, resource=resource)
        assert "aws:resourceaccount" not in without.context
        assert plain.with_action(action) == without
        assert without.with_action("ec2:DescribeVpcs") == plain
    given = request(f"{IAM}user/dev", action="ec2:CopySnapshot", resource=resource, aws_ResourceAccount="222222222222")
    assert given.context["aws:resourceaccount"] == ("222222222222",)
