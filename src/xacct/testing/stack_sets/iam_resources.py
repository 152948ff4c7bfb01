"""The IAM resources of a stack: they are made, changed and deleted with calls to IAM of the account.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_IAM.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from attrs import frozen
from botocore.exceptions import ClientError

from xacct.limits import DEFAULT_SESSION_SECONDS
from xacct.testing.stack_sets.template import TemplateError

__all__ = ["Deployed", "create", "delete", "is_replaced", "update"]

Properties = Mapping[str, Any]

# What policies are attached to and written in.
_ENTITIES = ("Role", "User", "Group")


@frozen
class Deployed:
    """A resource of a stack that exists.

    Attributes:
        logical_id: the logical ID in the template.
        type: the type, such as ``AWS::IAM::Role``.
        properties: its properties, without functions.
        attributes: what ``Ref`` and ``Fn::GetAtt`` return.
    """

    logical_id: str
    type: str
    properties: Properties
    attributes: Mapping[str, str]


@frozen
class _Kind:
    create: Callable[[Any, Properties, str], Mapping[str, str]]
    update: Callable[[Any, Deployed, Properties], None]
    delete: Callable[[Any, Deployed], None]
    # The properties whose change replaces the resource.
    identity: tuple[str, ...]


def create(iam: Any, logical_id: str, kind: str, properties: Properties, generated_name: str) -> Deployed:
    """Create a resource.

    Args:
        iam: a client of IAM of the account.
        logical_id: the logical ID.
        kind: the type.
        properties: the properties, without functions.
        generated_name: the name, if the properties have none.

    Raises:
        TemplateError: the sandbox does not deploy resources of this type.
        ClientError: IAM refuses it.
    """
    attributes = _kind(kind).create(iam, properties, generated_name)
    return Deployed(logical_id, kind, properties, attributes)


def is_replaced(deployed: Deployed, properties: Properties) -> bool:
    """Return whether CloudFormation replaces a resource to give it these properties."""
    identity = _kind(deployed.type).identity
    return any(deployed.properties.get(name) != properties.get(name) for name in identity)


def update(iam: Any, deployed: Deployed, properties: Properties) -> Deployed:
    """Change a resource, and return it.

    Raises:
        ClientError: IAM refuses it.
    """
    _kind(deployed.type).update(iam, deployed, properties)
    return Deployed(deployed.logical_id, deployed.type, properties, deployed.attributes)


def delete(iam: Any, deployed: Deployed) -> None:
    """Delete a resource.

    Raises:
        ClientError: IAM refuses it, such as because something is attached that is not of the stack.
    """
    _kind(deployed.type).delete(iam, deployed)


def _kind(kind: str) -> _Kind:
    if kind not in _KINDS:
        raise TemplateError(f"The sandbox does not deploy resources of type {kind}, only {', '.join(_KINDS)}")
    return _KINDS[kind]


def _create_role(iam: Any, properties: Properties, generated_name: str) -> Mapping[str, str]:
    parameters = {"Path", "Description", "PermissionsBoundary", "Tags"} & properties.keys()
    name = properties.get("RoleName", generated_name)
    role = iam.create_role(
        RoleName=name,
        AssumeRolePolicyDocument=json.dumps(properties.get("AssumeRolePolicyDocument")),
        **{parameter: properties[parameter] for parameter in parameters},
        **_duration(properties),
    )["Role"]
    attributes = {"Ref": name, "Arn": role["Arn"], "RoleId": role["RoleId"]}
    with _deleted_if_it_fails(lambda: _delete_new_role(iam, name)):
        _sync_policies_of_role(iam, name, {}, properties)
    return attributes


def _delete_new_role(iam: Any, name: str) -> None:
    for policy in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]:
        iam.detach_role_policy(RoleName=name, PolicyArn=policy["PolicyArn"])
    for policy_name in iam.list_role_policies(RoleName=name)["PolicyNames"]:
        iam.delete_role_policy(RoleName=name, PolicyName=policy_name)
    iam.delete_role(RoleName=name)


def _update_role(iam: Any, deployed: Deployed, properties: Properties) -> None:
    name, before = deployed.attributes["Ref"], deployed.properties
    trust = json.dumps(properties.get("AssumeRolePolicyDocument"))
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=trust)
    duration = _duration(properties) or _duration({"MaxSessionDuration": DEFAULT_SESSION_SECONDS})
    iam.update_role(RoleName=name, Description=properties.get("Description", ""), **duration)
    boundary = properties.get("PermissionsBoundary")
    if boundary:
        iam.put_role_permissions_boundary(RoleName=name, PermissionsBoundary=boundary)
    elif before.get("PermissionsBoundary"):
        iam.delete_role_permissions_boundary(RoleName=name)
    dropped = {tag["Key"] for tag in before.get("Tags") or ()} - {tag["Key"] for tag in properties.get("Tags") or ()}
    if dropped:
        iam.untag_role(RoleName=name, TagKeys=sorted(dropped))
    if properties.get("Tags"):
        iam.tag_role(RoleName=name, Tags=properties["Tags"])
    _sync_policies_of_role(iam, name, before, properties)


def _duration(properties: Properties) -> Mapping[str, int]:
    # A parameter of a template is a text.
    seconds = properties.get("MaxSessionDuration")
    return {} if seconds is None else {"MaxSessionDuration": int(seconds)}


def _sync_policies_of_role(iam: Any, name: str, before: Properties, after: Properties) -> None:
    """Attach and write the policies of a role, and take away those that it no longer has."""
    for arn in _dropped(before.get("ManagedPolicyArns"), after.get("ManagedPolicyArns")):
        iam.detach_role_policy(RoleName=name, PolicyArn=arn)
    for arn in after.get("ManagedPolicyArns") or ():
        iam.attach_role_policy(RoleName=name, PolicyArn=arn)
    inline = {policy["PolicyName"]: policy["PolicyDocument"] for policy in after.get("Policies") or ()}
    for policy in _dropped((one["PolicyName"] for one in before.get("Policies") or ()), inline):
        iam.delete_role_policy(RoleName=name, PolicyName=policy)
    for policy, document in inline.items():
        iam.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=json.dumps(document))


def _delete_role(iam: Any, deployed: Deployed) -> None:
    name = deployed.attributes["Ref"]
    _sync_policies_of_role(iam, name, deployed.properties, {})
    iam.delete_role(RoleName=name)


def _create_managed_policy(iam: Any, properties: Properties, generated_name: str) -> Mapping[str, str]:
    parameters = {"Path", "Description", "Tags"} & properties.keys()
    policy = iam.create_policy(
        PolicyName=properties.get("ManagedPolicyName", generated_name),
        PolicyDocument=json.dumps(properties.get("PolicyDocument")),
        **{parameter: properties[parameter] for parameter in parameters},
    )["Policy"]
    arn = policy["Arn"]
    with _deleted_if_it_fails(lambda: _delete_new_policy(iam, arn)):
        _sync_attachments(iam, arn, {}, properties)
    return {"Ref": arn, "PolicyArn": arn, "PolicyId": policy["PolicyId"]}


def _delete_new_policy(iam: Any, arn: str) -> None:
    entities = iam.list_entities_for_policy(PolicyArn=arn)
    attached = {f"{kind}s": [one[f"{kind}Name"] for one in entities[f"Policy{kind}s"]] for kind in _ENTITIES}
    _sync_attachments(iam, arn, attached, {})
    iam.delete_policy(PolicyArn=arn)


def _update_managed_policy(iam: Any, deployed: Deployed, properties: Properties) -> None:
    arn = deployed.attributes["Ref"]
    if deployed.properties.get("PolicyDocument") != properties.get("PolicyDocument"):
        versions = iam.list_policy_versions(PolicyArn=arn)["Versions"]
        for version in versions:
            if not version["IsDefaultVersion"]:
                iam.delete_policy_version(PolicyArn=arn, VersionId=version["VersionId"])
        document = json.dumps(properties.get("PolicyDocument"))
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=document, SetAsDefault=True)
    _sync_attachments(iam, arn, deployed.properties, properties)


def _sync_attachments(iam: Any, arn: str, before: Properties, after: Properties) -> None:
    for entity in _ENTITIES:
        for name in _dropped(before.get(f"{entity}s"), after.get(f"{entity}s")):
            getattr(iam, f"detach_{entity.lower()}_policy")(**{f"{entity}Name": name}, PolicyArn=arn)
        for name in after.get(f"{entity}s") or ():
            getattr(iam, f"attach_{entity.lower()}_policy")(**{f"{entity}Name": name}, PolicyArn=arn)


def _delete_managed_policy(iam: Any, deployed: Deployed) -> None:
    arn = deployed.attributes["Ref"]
    _sync_attachments(iam, arn, deployed.properties, {})
    for version in iam.list_policy_versions(PolicyArn=arn)["Versions"]:
        if not version["IsDefaultVersion"]:
            iam.delete_policy_version(PolicyArn=arn, VersionId=version["VersionId"])
    iam.delete_policy(PolicyArn=arn)


def _create_inline_policy(iam: Any, properties: Properties, _: str) -> Mapping[str, str]:
    _sync_inline_policy(iam, {}, properties)
    return {"Ref": properties["PolicyName"]}


def _update_inline_policy(iam: Any, deployed: Deployed, properties: Properties) -> None:
    _sync_inline_policy(iam, deployed.properties, properties)


def _delete_inline_policy(iam: Any, deployed: Deployed) -> None:
    _sync_inline_policy(iam, deployed.properties, {})


def _sync_inline_policy(iam: Any, before: Properties, after: Properties) -> None:
    policy = (after or before)["PolicyName"]
    for entity in _ENTITIES:
        for name in _dropped(before.get(f"{entity}s"), after.get(f"{entity}s")):
            getattr(iam, f"delete_{entity.lower()}_policy")(**{f"{entity}Name": name}, PolicyName=policy)
        for name in after.get(f"{entity}s") or ():
            document = json.dumps(after.get("PolicyDocument"))
            put = getattr(iam, f"put_{entity.lower()}_policy")
            put(**{f"{entity}Name": name}, PolicyName=policy, PolicyDocument=document)


@contextmanager
def _deleted_if_it_fails(undo: Callable[[], object]) -> Iterator[None]:
    """Delete a new resource if the block fails, in which it gets its policies or attachments."""
    try:
        yield
    except (ClientError, LookupError):
        with suppress(ClientError):
            undo()
        raise


def _dropped(before: Iterable[str] | None, after: Iterable[str] | None) -> list[str]:
    return sorted(set(before or ()) - set(after or ()))


_KINDS: Mapping[str, _Kind] = {
    "AWS::IAM::Role": _Kind(_create_role, _update_role, _delete_role, ("RoleName", "Path")),
    "AWS::IAM::ManagedPolicy": _Kind(
        _create_managed_policy, _update_managed_policy, _delete_managed_policy, ("ManagedPolicyName", "Path")
    ),
    "AWS::IAM::Policy": _Kind(_create_inline_policy, _update_inline_policy, _delete_inline_policy, ("PolicyName",)),
}
