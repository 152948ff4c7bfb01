"""The permissions of Amazon SNS, and the policies of its topics.

Source: https://docs.aws.amazon.com/sns/latest/dg/sns-access-policy-language-api-permissions-reference.html
"""

from __future__ import annotations

from xacct.arn import Arn
from xacct.testing.moto_state import MotoState
from xacct.testing.required_permissions.service_rules import Needs, Reference, ResourceState, ServiceRules

__all__ = ["RULES"]


def _read(value: str) -> Reference:
    """Return the topic of an ARN of a topic or of a subscription, or the endpoint of its ARN."""
    if not value.startswith("arn:") or value.count(":") < 5:
        return Reference(name=value)
    _, _, _, region, account, resource = value.split(":", 5)
    return Reference(name=resource.partition(":")[0], account=account, region=region)


def _find(state: MotoState, arn: Arn) -> ResourceState | None:
    backend = state.backend("sns", arn.account, arn.region)
    topic = None if backend is None else backend.topics.get(str(arn))
    if topic is None:
        return None
    return ResourceState(policy=topic.policy, tags=topic._tags, kms_key=topic.kms_master_key_id or "")


RULES = ServiceRules(
    prefix="sns",
    operations={
        "CreateTopic": (
            Needs(action="CreateTopic"),
            Needs(action="TagResource", when="Tags", names={"TopicName": "Name"}),
        ),
        # A message to a phone number has no topic.
        "Publish": (
            Needs(action="Publish", when="TopicArn || TargetArn"),
            Needs(action="Publish", when="PhoneNumber && !TopicArn && !TargetArn", form="*"),
        ),
        "PublishBatch": (Needs(action="Publish"),),
    },
    names={"TopicName": "TopicArn || TargetArn || SubscriptionArn || ResourceArn || Name"},
    read=_read,
    find=_find,
    # https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
    kms_service="sns",
    kms_context="aws:sns:topicArn",
    kms_actions={"sns:Publish": ("kms:GenerateDataKey", "kms:Decrypt")},
)
