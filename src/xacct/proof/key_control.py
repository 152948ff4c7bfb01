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

__all__ = ["Control", "Controller", "control_of"]

Controller = Literal[
    "caller", "caller's account", "AWS", "request", "resource's account", "identity provider", "unknown"
]
"""Who decides the value of a key.

``caller``: whoever sends the request, by its parameters, its network, its sign-in or its time.
``caller's account``: the administrators of the caller's account.
``AWS``: AWS assigns the value, and nobody else can have it.
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
    """

    controller: Controller
    form: TextPattern = ANY_TEXT


def _text(prefix: str, rest: TextPattern) -> TextPattern:
    return TextPattern.of([(prefix, False)]).then(rest)


_CODE = string.ascii_lowercase + string.digits
_ORGANIZATION = _text("o-", characters(_CODE, least=10))
_SLASH_AND_CODE = _CODE + "/-"

_CONTROL: Mapping[str, Control] = {
    **dict.fromkeys(
        # Parameters of the request, and how and when it is sent. Every network has some address, so an address alone
        # tells nothing of the account.
        (
            "sts:externalid", "sts:rolesessionname", "sts:sourceidentity", "sts:transitivetagkeys",
            "aws:sourceidentity", "aws:tagkeys", "aws:useragent", "aws:referer", "aws:requestedregion",
            "aws:securetransport", "aws:sourceip", "aws:vpcsourceip", "aws:currenttime", "aws:epochtime",
            "aws:tokenissuetime", "aws:multifactorauthpresent", "aws:multifactorauthage", "aws:calledvia",
            "aws:calledviafirst", "aws:calledvialast", "aws:viaawsservice", "aws:viaawsmcpservice", "aws:assumedroot",
            "s3:prefix", "s3:delimiter", "s3:max-keys", "s3:versionid", "s3:tlsversion", "s3:authtype",
        ),
        Control("caller"),
    ),
    "aws:userid": Control("AWS", TextPattern.of([("A?????????????????????*", True)])),
    "aws:principalorgid": Control("AWS", _ORGANIZATION),
    "aws:principalorgpaths": Control("AWS", _ORGANIZATION.then(_text("/", characters(_SLASH_AND_CODE, least=1)))),
    "aws:sourcevpc": Control("AWS", _text("vpc-", characters(string.hexdigits[:16], least=8))),
    "aws:sourcevpce": Control("AWS", _text("vpce-", characters(string.hexdigits[:16], least=8))),
    "aws:vpceaccount": Control("AWS", characters(string.digits, least=12, more=False)),
    "aws:vpceorgid": Control("AWS", _ORGANIZATION),
    "aws:vpceorgpaths": Control("AWS", _ORGANIZATION.then(_text("/", characters(_SLASH_AND_CODE, least=1)))),
    "aws:sourcevpcarn": Control("AWS", _text("arn:", characters(_CODE + ":/-", least=1))),
    # They follow from the principal and the resource, and the request has them only as far as it says.
    **dict.fromkeys(
        (
            "aws:principalarn", "aws:principalaccount", "aws:principaltype", "aws:username",
            "aws:principalisawsservice", "aws:principalservicename", "aws:principalservicenameslist",
            "aws:resourceaccount", "aws:sourceaccount", "aws:sourcearn", "aws:sourceorgid", "aws:sourceorgpaths",
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
    ("cognito-identity.amazonaws.com:", Control("identity provider")),
    ("accounts.google.com:", Control("identity provider")),
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
    return next((control for prefix, control in _BY_PREFIX if name.startswith(prefix)), Control("unknown"))
