"""The resource policies that services refuse to store, because they are not valid policies.

The codes are those of the services' models in botocore.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial

from xacct.errors import PolicyError
from xacct.policy import PolicyDocument
from xacct.testing.error_responses import Refused
from xacct.testing.write_rules.write import Rule, Write

__all__ = ["RULES"]

_SQS = ("InvalidAttributeValue", "Invalid value for the parameter Policy.")
_SNS = ("InvalidParameter", "Invalid parameter: Policy Error: null")
_VALIDATION = ("ValidationException", "The resource policy is not valid.")

# The parameter that has the policy, and the code and message of the error. Queues and topics have it as an attribute.
_POLICIES: Mapping[tuple[str, str], tuple[str, tuple[str, str]]] = {
    ("dynamodb", "PutResourcePolicy"): ("Policy", _VALIDATION),
    ("ecr", "SetRepositoryPolicy"): (
        "policyText",
        (
            "InvalidParameterException",
            "Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Invalid repository policy provided'",
        ),
    ),
    ("events", "PutPermission"): ("Policy", _VALIDATION),
    ("logs", "PutDestinationPolicy"): ("accessPolicy", ("InvalidParameterException", "The policy is not valid.")),
    ("logs", "PutResourcePolicy"): ("policyDocument", ("InvalidParameterException", "The policy is not valid.")),
    ("secretsmanager", "PutResourcePolicy"): (
        "ResourcePolicy",
        ("MalformedPolicyDocumentException", "This resource policy contains invalid Json"),
    ),
    ("sns", "CreateTopic"): ("Attributes", _SNS),
    ("sns", "SetTopicAttributes"): ("AttributeValue", _SNS),
    ("sqs", "CreateQueue"): ("Attributes", _SQS),
    ("sqs", "SetQueueAttributes"): ("Attributes", _SQS),
}


def _check(parameter: str, error: tuple[str, str], write: Write) -> None:
    call = write.call
    text = call.params.get(parameter)
    if isinstance(text, Mapping):
        text = text.get("Policy")
    if not isinstance(text, str) or not text or call.text("AttributeName", "Policy") != "Policy":
        return
    try:
        document = PolicyDocument.parse(json.loads(text))
    except (PolicyError, ValueError):
        raise Refused(*error) from None
    if not all(statement.principals or statement.not_principals for statement in document.statements):
        raise Refused(*error)


RULES: dict[tuple[str, str], Rule] = {
    key: partial(_check, parameter, error) for key, (parameter, error) in _POLICIES.items()
}
