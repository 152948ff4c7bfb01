"""Who decides the values of condition keys."""

from __future__ import annotations

import pytest

from xacct.proof.key_control import control_of
from xacct.reference import GLOBAL_KEYS

FORMS = {
    "aws:userid": ["AIDAEXAMPLEEXAMPLEEXA", "AROAEXAMPLEEXAMPLEEXA:session", "111111111111", "111111111111:name"],
    "identitystore:userid": ["94482488-3041-7026-18f3-be45837cd0e4", "906702f2ab-94482488-3041-7026-18f3-be45837cd0e4"],
    "aws:principalorgid": ["o-a1b2c3d4e5"],
    "aws:principalorgpaths": ["o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/"],
    "aws:sourcevpc": ["vpc-1a2b3c4d", "vpc-0123456789abcdef0"],
    "aws:ec2instancesourcevpc": ["vpc-0123456789abcdef0"],
    "aws:sourcevpce": ["vpce-1a2b3c4d"],
    "aws:vpceaccount": ["111111111111"],
    "aws:vpceorgid": ["o-a1b2c3d4e5"],
    "aws:vpceorgpaths": ["o-a1b2c3d4e5/r-ab12/"],
    "aws:sourcevpcarn": ["arn:aws-us-gov:ec2:us-gov-west-1:111111111111:vpc/vpc-1a2b3c4d"],
    "aws:signinsessionarn": ["arn:aws:signin:us-east-1:111111111111:session/1"],
    "aws:chatbotsourcearn": ["arn:aws:chatbot::111111111111:chat-configuration/slack-channel/Name"],
    "codebuild:buildarn": ["arn:aws:codebuild:us-east-1:111111111111:build/My_Project:1"],
    "codebuild:projectarn": ["arn:aws:codebuild:us-east-1:111111111111:project/My_Project"],
    "ec2:sourceinstancearn": ["arn:aws:ec2:us-east-1:111111111111:instance/i-1a2b3c4d"],
    "lambda:sourcefunctionarn": ["arn:aws:lambda:us-east-1:111111111111:function:My_Function"],
    "ssm:sourceinstancearn": ["arn:aws:ssm:us-east-1:111111111111:managed-instance/mi-1"],
    "aws:sourceaccount": ["111111111111"],
    "aws:sourceowner": ["111111111111"],
    "aws:sourcearn": ["arn:aws:s3:::My.Bucket", "arn:aws:sns:us-east-1:111111111111:Topic"],
    "aws:sourceorgid": ["o-a1b2c3d4e5"],
    "aws:sourceorgpaths": ["o-a1b2c3d4e5/r-ab12/"],
}


@pytest.mark.parametrize("key", GLOBAL_KEYS)
def test_each_global_condition_key_is_decided_by_somebody(key: str) -> None:
    assert control_of(key).controller != "unknown"


@pytest.mark.parametrize("key", FORMS)
def test_values_of_keys_that_aws_assigns_have_the_form_that_aws_documents(key: str) -> None:
    assert all(control_of(key).form.matches(value) for value in FORMS[key])
    assert not control_of(key).form.matches("")


def test_every_key_that_aws_assigns_has_a_form() -> None:
    assigned = {key for key in GLOBAL_KEYS if control_of(key).controller in ("AWS", "AWS service")}
    assert assigned == FORMS.keys()


@pytest.mark.parametrize(
    ("key", "controller"),
    [
        ("STS:ExternalID", "caller"),
        ("aws:RequestTag/team", "caller"),
        ("aws:SourceIp", "caller"),
        ("aws:CurrentTime", "caller"),
        ("aws:PrincipalTag/team", "caller's account"),
        ("aws:userid", "AWS"),
        ("kms:CallerAccount", "AWS"),
        ("AWS:SourceOwner", "AWS"),
        ("aws:PrincipalOrgID", "AWS"),
        ("aws:PrincipalArn", "request"),
        ("aws:SourceArn", "AWS service"),
        ("aws:ResourceTag/team", "resource's account"),
        ("s3:ExistingObjectTag/team", "resource's account"),
        ("saml:sub", "identity provider"),
        ("token.actions.githubusercontent.com:sub", "identity provider"),
        ("custom:key", "unknown"),
        ("aws:NoSuchKey", "unknown"),
    ],
)
def test_keys_are_decided_by(key: str, controller: str) -> None:
    assert control_of(key).controller == controller


def test_only_the_keys_of_the_current_time_are_clocks() -> None:
    assert {key for key in GLOBAL_KEYS if control_of(key).is_clock} == {"aws:currenttime", "aws:epochtime"}
