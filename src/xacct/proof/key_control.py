"""The table of condition keys by who decides their values.

Of a key that AWS assigns, a caller can have a value of its own, but never the value of somebody else: a stranger has an
organization with an ID that begins with ``o-``, and not yours.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
"""

from __future__ import annotations

import string
from collections.abc import Mapping
from typing import Literal

from attrs import frozen

from xacct.proof.pattern_classes import ANY_TEXT, TextPattern, characters
from xacct.reference import is_identity_provider_key

__all__ = ["Control", "Controller", "control_of"]

Controller = Literal[
    "caller", "caller's account", "AWS", "AWS service", "request", "resource's account", "identity provider", "unknown"
]
"""Who decides the value of a key.

``caller``: whoever sends the request, by its parameters, its network, its sign-in or its time.
``caller's account``: the administrators of the caller's account.
``AWS``: AWS assigns the value, and nobody else can have it.
``AWS service``: an AWS service sends it in its own requests, and names what it acts for. No other caller has it.
``request``: it follows from the principal and the resource of the request.
``resource's account``: the administrators of the account that has the resource.
``identity provider``: the provider that signed the caller in.
"""


@frozen
class Control:
    """Who decides the value of a key, and which values it can have.

    Attributes:
        controller: who decides.
        form: the pattern of the values.
        is_clock: whether it is the time of the request, which every request has.
        least: the least number that it can be; None if there is none.
    """

    controller: Controller
    form: TextPattern = ANY_TEXT
    is_clock: bool = False
    least: int | None = None


def _text(prefix: str, rest: TextPattern) -> TextPattern:
    return TextPattern.of([(prefix, False)]).then(rest)


_CODE = string.ascii_lowercase + string.digits
_HEX = string.hexdigits[:16]
_ACCOUNT = characters(string.digits, least=12, more=False)
_ORGANIZATION = _text("o-", characters(_CODE, least=10))
_PATHS = _ORGANIZATION.then(_text("/", characters(_CODE + "/-", least=1)))
_VPC = _text("vpc-", characters(_HEX, least=8))
# The ARN of a resource of an account.
_ARN = TextPattern.of_arn([("arn:aws*:?*:*:", True)]).then(_ACCOUNT).then(TextPattern.of([(":?*", True)]))
# A unique ID, and for sessions a name that the caller chooses; the account's ID for its root user.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html#principaltable
_USER_ID = characters(string.ascii_uppercase + string.digits, least=12).then(ANY_TEXT)

_CONTROL: Mapping[str, Control] = {
    **dict.fromkeys(
        # Parameters of the request, and how it is sent. Every network has some address, so an address alone tells
        # nothing of the account. Anybody can send a request through an AWS service or an MCP server of AWS:
        # https://docs.aws.amazon.com/agent-toolkit/latest/userguide/security_iam_service-with-iam.html
        (
            "sts:externalid", "sts:rolesessionname", "sts:sourceidentity", "sts:transitivetagkeys",
            "aws:sourceidentity", "aws:tagkeys", "aws:useragent", "aws:referer", "aws:requestedregion",
            "aws:securetransport", "aws:sourceip", "aws:vpcsourceip", "aws:tokenissuetime",
            "aws:multifactorauthpresent", "aws:calledvia", "aws:calledviafirst", "aws:calledvialast",
            "aws:viaawsservice", "aws:viaawsmcpservice", "aws:calledviaawsmcp", "aws:ismcpserviceaction",
            "aws:assumedroot", "s3:prefix", "s3:delimiter", "s3:max-keys", "s3:versionid", "s3:tlsversion",
            "s3:authtype",
        ),
        Control("caller"),
    ),
    # The number of seconds since the sign-in.
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-multifactorauthage
    "aws:multifactorauthage": Control("caller", least=0),
    "aws:currenttime": Control("caller", is_clock=True),
    "aws:epochtime": Control("caller", is_clock=True),
    # What the caller's account runs: its instances choose their addresses and how they get credentials, and its roles
    # are assumed by services.
    **dict.fromkeys(
        (
            "aws:ec2instancesourceprivateipv4", "ec2:roledelivery", "glue:credentialissuingservice",
            "glue:roleassumedby",
        ),
        Control("caller's account"),
    ),
    "aws:userid": Control("AWS", _USER_ID),
    "identitystore:userid": Control("AWS", characters(_HEX + "-", least=36)),
    "aws:principalorgid": Control("AWS", _ORGANIZATION),
    "aws:principalorgpaths": Control("AWS", _PATHS),
    "aws:sourcevpc": Control("AWS", _VPC),
    "aws:ec2instancesourcevpc": Control("AWS", _VPC),
    "aws:sourcevpce": Control("AWS", _text("vpce-", characters(_HEX, least=8))),
    "aws:vpceaccount": Control("AWS", _ACCOUNT),
    # The account of the caller, or of the resource that a service acts for.
    # https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-caller-account
    # https://docs.aws.amazon.com/sns/latest/dg/sns-access-policy-use-cases.html#source-account-versus-source-owner
    "kms:calleraccount": Control("AWS", _ACCOUNT),
    "aws:sourceowner": Control("AWS", _ACCOUNT),
    "aws:vpceorgid": Control("AWS", _ORGANIZATION),
    "aws:vpceorgpaths": Control("AWS", _PATHS),
    # The ARN has the account of the caller's network, function, instance, build, sign-in or chat channel.
    **dict.fromkeys(
        (
            "aws:sourcevpcarn", "aws:signinsessionarn", "aws:chatbotsourcearn", "codebuild:buildarn",
            "codebuild:projectarn", "ec2:sourceinstancearn", "lambda:sourcefunctionarn", "ssm:sourceinstancearn",
        ),
        Control("AWS", _ARN),
    ),
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html
    "aws:sourceaccount": Control("AWS service", _ACCOUNT),
    "aws:sourcearn": Control("AWS service", TextPattern.of_arn([("arn:aws*:?*:*:*:?*", True)])),
    "aws:sourceorgid": Control("AWS service", _ORGANIZATION),
    "aws:sourceorgpaths": Control("AWS service", _PATHS),
    # They follow from the principal and the resource, and the request has them only as far as it says.
    **dict.fromkeys(
        (
            "aws:principalarn", "aws:principalaccount", "aws:principaltype", "aws:username",
            "aws:principalisawsservice", "aws:principalservicename", "aws:principalservicenameslist",
            "aws:resourceaccount",
        ),
        Control("request"),
    ),
    "aws:resourceorgid": Control("resource's account", _ORGANIZATION),
    "aws:resourceorgpaths": Control("resource's account"),
    "aws:federatedprovider": Control("identity provider"),
}  # fmt: skip

_BY_PREFIX: tuple[tuple[str, Control], ...] = (
    ("aws:requesttag/", Control("caller")),
    ("aws:principaltag/", Control("caller's account")),
    ("aws:resourcetag/", Control("resource's account")),
    ("iam:resourcetag/", Control("resource's account")),
    ("s3:existingobjecttag/", Control("resource's account")),
    ("saml:", Control("identity provider")),
)


def control_of(key: str) -> Control:
    """Return who decides the value of a condition key, given in any letter case.

    >>> control_of("sts:ExternalId").controller, control_of("aws:PrincipalTag/team").controller
    ('caller', "caller's account")
    >>> control_of("custom:Key").controller
    'unknown'
    """
    name = key.lower()
    if name in _CONTROL:
        return _CONTROL[name]
    if is_identity_provider_key(name):
        return Control("identity provider")
    return next((control for prefix, control in _BY_PREFIX if name.startswith(prefix)), Control("unknown"))
