"""The permissions of Amazon CloudWatch Logs, its resource policies, and the policies of its destinations.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/iam-access-control-overview-cwl.html
"""

from __future__ import annotations

import json

from xacct.arn import Arn
from xacct.testing.moto_state import MotoState
from xacct.testing.required_permissions.service_rules import (
    Needs,
    Reference,
    ResourceState,
    ServiceRules,
    read_reference,
)

__all__ = ["RULES"]


def _read(value: str) -> Reference:
    """Return the log group of a name or of an ARN, which can end with ``:*``."""
    reference = read_reference(value)
    return Reference(name=reference.name.removesuffix(":*"), account=reference.account, region=reference.region)


def _find(state: MotoState, arn: Arn) -> ResourceState | None:
    backend = state.backend("logs", arn.account, arn.region)
    if backend is None:
        return None
    kind, _, name = arn.resource.partition(":")
    if kind == "destination":
        destination = backend.destinations.get(str(arn))
        return None if destination is None else ResourceState(policy=destination.access_policy)
    if kind != "log-group":
        return None
    group = backend.groups.get(name.partition(":")[0])
    tags = {} if group is None else backend.tagger.get_tag_dict_for_resource(group.arn)
    statements: list[object] = []
    for policy in backend.resource_policies.values():
        found = json.loads(policy.policy_document)["Statement"]
        statements += found if isinstance(found, list) else [found]
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements}) if statements else None
    return ResourceState(policy=policy, tags=tags)


_PASS_ROLE = Needs(
    action="iam:PassRole", arns="roleArn", when="roleArn", context={"iam:PassedToService": "logs.amazonaws.com"}
)
# Tags are on the group itself.
_GROUP = "arn:${Partition}:logs:${Region}:${Account}:log-group:${LogGroupName}"

RULES = ServiceRules(
    prefix="logs",
    operations={
        "CreateLogGroup": (Needs(action="CreateLogGroup"), Needs(action="TagResource", form=_GROUP, when="tags")),
        "GetLogObject": (Needs(action="GetLogEvents"),),
        "GetQueryResults": (Needs(action="GetQueryResults", form="*"),),
        "ListTagsLogGroup": (Needs(action="ListTagsLogGroup", form=_GROUP),),
        "PutDestination": (Needs(action="PutDestination"), _PASS_ROLE),
        "PutSubscriptionFilter": (Needs(action="PutSubscriptionFilter"), _PASS_ROLE),
        "TagLogGroup": (Needs(action="TagLogGroup", form=_GROUP),),
        "UntagLogGroup": (Needs(action="UntagLogGroup", form=_GROUP),),
    },
    names={
        "DeliveryDestinationName": "deliveryDestinationName || name",
        "DeliveryName": "id",
        "DeliverySourceName": "deliverySourceName || name",
        "LogGroupName": "logGroupName || logGroupNames || logGroupIdentifier || logGroupIdentifiers",
    },
    # The ARN of a group ends with that of its streams, as in "log-group:/aws/lambda/app:log-stream:".
    formats={"log-group": f"{_GROUP}:log-stream:"},
    read=_read,
    find=_find,
)
