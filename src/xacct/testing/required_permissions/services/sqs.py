"""The permissions of Amazon SQS, and the policies of its queues.

Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-api-permissions-reference.html
"""

from __future__ import annotations

from urllib.parse import urlsplit

from xacct.arn import Arn
from xacct.testing.moto_state import MotoState
from xacct.testing.required_permissions.service_rules import Needs, Reference, ResourceState, ServiceRules

__all__ = ["RULES"]


def _read(url: str) -> Reference:
    """Return the queue of a URL, whose path is the account and the name. SQS also takes a name alone."""
    account, _, name = urlsplit(url).path.strip("/").rpartition("/")
    return Reference(name=name, account=account.rpartition("/")[2])


def _find(state: MotoState, arn: Arn) -> ResourceState | None:
    backend = state.backend("sqs", arn.account, arn.region)
    queue = None if backend is None else backend.queues.get(arn.resource)
    if queue is None:
        return None
    return ResourceState(policy=queue.policy, tags=queue.tags, kms_key=queue.kms_master_key_id or "")


RULES = ServiceRules(
    prefix="sqs",
    operations={
        "ChangeMessageVisibilityBatch": (Needs(action="ChangeMessageVisibility"),),
        "CreateQueue": (Needs(action="CreateQueue"), Needs(action="TagQueue", when="tags")),
        "DeleteMessageBatch": (Needs(action="DeleteMessage"),),
        "SendMessageBatch": (Needs(action="SendMessage"),),
    },
    names={"QueueName": "QueueUrl || QueueName"},
    owner="QueueOwnerAWSAccountId",
    read=_read,
    find=_find,
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-customer-managed-policy-examples.html
    own_account_only=frozenset(
        f"sqs:{name}"
        for name in (
            "AddPermission",
            "CancelMessageMoveTask",
            "CreateQueue",
            "DeleteQueue",
            "ListMessageMoveTasks",
            "ListQueueTags",
            "ListQueues",
            "RemovePermission",
            "SetQueueAttributes",
            "StartMessageMoveTask",
            "TagQueue",
            "UntagQueue",
        )
    ),
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html
    kms_service="sqs",
    kms_context="aws:sqs:arn",
    kms_actions={
        "sqs:ReceiveMessage": ("kms:Decrypt",),
        "sqs:SendMessage": ("kms:GenerateDataKey", "kms:Decrypt"),
    },
)
