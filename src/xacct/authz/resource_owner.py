"""The context keys of the owner of a resource: for which actions AWS sets them.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-resourceaccount
"""

from __future__ import annotations

__all__ = ["has_owner_keys"]

# As AWS's page lists them, in lower case. Amazon EBS sets the keys for none of its actions.
_WITHOUT_OWNER_KEYS = frozenset(
    {
        "auditmanager:updateassessmentframeworkshare",
        "detective:acceptinvitation",
        "ds:acceptshareddirectory",
        "ec2:accepttransitgatewaypeeringattachment",
        "ec2:acceptvpcendpointconnections",
        "ec2:acceptvpcpeeringconnection",
        "ec2:copysnapshot",
        "ec2:createtransitgatewaypeeringattachment",
        "ec2:createvpcendpoint",
        "ec2:createvpcpeeringconnection",
        "ec2:deletetransitgatewaypeeringattachment",
        "ec2:deletevpcpeeringconnection",
        "ec2:rejecttransitgatewaypeeringattachment",
        "ec2:rejectvpcendpointconnections",
        "ec2:rejectvpcpeeringconnection",
        "es:acceptinboundconnection",
        "guardduty:acceptadministratorinvitation",
        "macie2:acceptinvitation",
        "route53:associatevpcwithhostedzone",
        "route53:createvpcassociationauthorization",
        "route53:deletevpcassociationauthorization",
        "route53:disassociatevpcfromhostedzone",
        "route53:listhostedzonesbyvpc",
        "securityhub:acceptadministratorinvitation",
    }
)


def has_owner_keys(action: str) -> bool:
    """Return whether requests for an action have ``aws:ResourceAccount``, ``aws:ResourceOrgID`` and ``…OrgPaths``.

    Args:
        action: the action in lower case.

    >>> has_owner_keys("s3:getobject"), has_owner_keys("ec2:copysnapshot"), has_owner_keys("ebs:getsnapshotblock")
    (True, False, False)
    """
    return action not in _WITHOUT_OWNER_KEYS and not action.startswith("ebs:")
