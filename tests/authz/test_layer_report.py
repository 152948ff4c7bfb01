"""Resource control policies: the services for which AWS lists them, and those for which it does not."""

from __future__ import annotations

import pytest

from xacct import AccessRequest, Decision, PolicyDocument, PolicySet, Principal, Statement, evaluate

ACCOUNT = "111111111111"
RCP = PolicyDocument([Statement.deny("*", "*", principals=[Principal.anyone()])])


def decide(action: str, resource: str, rcp: PolicyDocument = RCP) -> Decision:
    request = AccessRequest(principal=f"arn:aws:iam::{ACCOUNT}:user/dev", action=action, resource=resource)
    everything = PolicyDocument([Statement.allow("*", "*")])
    return evaluate(request, PolicySet(identity=[everything], rcps=[[rcp]]))


# https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps.html#rcp-supported-services
@pytest.mark.parametrize("service", ["dynamodb", "logs", "events", "cognito-idp", "sqs", "ecr", "secretsmanager"])
def test_a_deny_of_an_rcp_applies_to_the_services_that_aws_lists(service: str) -> None:
    decision = decide(f"{service}:DescribeIt", f"arn:aws:{service}:eu-west-1:{ACCOUNT}:x")
    assert (decision.effect, decision.decided_by) == ("ExplicitDeny", ("rcp",))
    assert [layer.unknown for layer in decision.layers] == [(), ()]


@pytest.mark.parametrize("service", ["sns", "ec2", "of-next-year"])
def test_a_deny_of_an_rcp_for_another_service_is_treated_as_applying_and_is_reported(service: str) -> None:
    decision = decide(f"{service}:DescribeIt", f"arn:aws:{service}:eu-west-1:{ACCOUNT}:x")
    assert (decision.effect, decision.decided_by) == ("ExplicitDeny", ("rcp",))
    text = (
        "resource control policy 1.1, statement 1: resource control policies are not known to apply to "
        f"{service}, so the Deny is treated as matching"
    )
    assert decision.layers[0].unknown == (text,)
    assert decision.to_dict()["not_evaluated"] == [text]
    assert f"  not evaluated: {text}" in str(decision).splitlines()


def test_an_rcp_that_does_not_deny_the_request_is_not_reported() -> None:
    for_others = PolicyDocument([Statement.deny("*", "arn:aws:s3:::*", principals=[Principal.anyone()])])
    decision = decide("sns:Publish", f"arn:aws:sns:eu-west-1:{ACCOUNT}:t", for_others)
    assert decision.allowed
    assert decision.to_dict()["not_evaluated"] == []
