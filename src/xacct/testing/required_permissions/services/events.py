"""The permissions of Amazon EventBridge, and the policies of its event buses.

Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-bus-perms.html
"""

from __future__ import annotations

from xacct.arn import Arn
from xacct.testing.moto_state import MotoState
from xacct.testing.required_permissions.service_rules import Needs, ResourceState, ServiceRules

__all__ = ["RULES"]

_BUS = "arn:${Partition}:events:${Region}:${Account}:event-bus/${BusName}"


def _find(state: MotoState, arn: Arn) -> ResourceState | None:
    backend = state.backend("events", arn.account, arn.region)
    kind, _, name = arn.resource.partition("/")
    if backend is None or kind not in ("event-bus", "rule"):
        return None
    tags = backend.tagger.get_tag_dict_for_resource(str(arn))
    bus = backend.event_buses.get(name if kind == "event-bus" else name.rpartition("/")[0] or "default")
    return None if bus is None else ResourceState(policy=bus.policy, tags=tags)


def _on_bus(action: str, name: str) -> tuple[Needs, ...]:
    return (Needs(action=action, form=_BUS, names={"BusName": name}),)


def _pass_role(arns: str) -> Needs:
    return Needs(action="iam:PassRole", arns=arns, when=arns, context={"iam:PassedToService": "events.amazonaws.com"})


RULES = ServiceRules(
    prefix="events",
    operations={
        "CreateEventBus": _on_bus("CreateEventBus", "Name"),
        "DeleteEventBus": _on_bus("DeleteEventBus", "Name"),
        "DescribeEventBus": _on_bus("DescribeEventBus", "Name || 'default'"),
        "PutEvents": _on_bus("PutEvents", "Entries[].[EventBusName || 'default'] | []"),
        "PutPermission": (Needs(action="PutPermission", form="*"),),
        "PutRule": (Needs(action="PutRule"), Needs(action="TagResource", when="Tags"), _pass_role("RoleArn")),
        "PutTargets": (Needs(action="PutTargets"), _pass_role("Targets[].RoleArn")),
    },
    names={
        "ApiDestinationName": "Name",
        "ConnectionName": "Name || ConnectionArn",
        "EndpointName": "Name",
        "EventBusName": "EventBusName != 'default' && EventBusName",
        "EventSourceName": "Name",
        "RuleName": "Rule || Name",
    },
    # Rules of the default bus have ARNs without its name.
    formats={
        "rule-on-custom-event-bus": "arn:${Partition}:events:${Region}:${Account}:rule/[${EventBusName}/]${RuleName}"
    },
    ignored=frozenset({"alias", "event-busv2", "event-sourcev2", "key", "rule-on-default-event-bus", "subscriber"}),
    find=_find,
    keys={
        "events:TargetArn": "Targets[].Arn",
        "events:detail-type": "Entries[].DetailType",
        "events:source": "Entries[].Source",
    },
)
