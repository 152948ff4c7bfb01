"""What the sandbox has to know about a service beside AWS's reference and botocore's models, as values.

The actions, resource types and condition keys of an operation are those of the reference, and the resource's ARN is
its format with the parameters that have the names of its placeholders. The rules of a service are the exceptions, and
how moto keeps the policy and the tags of a resource.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from attrs import field, frozen

from xacct.arn import Arn
from xacct.testing.http_messages import Call
from xacct.testing.moto_state import MotoState
from xacct.testing.required_permissions.permission import Context

__all__ = ["Needs", "Reference", "ResourceState", "ServiceRules", "read_reference"]


@frozen(kw_only=True)
class Needs:
    """A permission that an operation needs.

    Expressions are those of JMESPath, over the operation's parameters.

    Attributes:
        action: the action; with the prefix of its service if it is one of another service.
        names: the expressions of the names in the resource's ARN, by placeholder. They override those of the service.
        arns: an expression for the ARNs of the resources; empty if they are made of their names.
        form: the format of the resource's ARN; empty for those of the action's resource types.
        when: an expression for whether the operation needs the permission; empty if it always does.
        context: context keys of the permission.
    """

    action: str
    names: Mapping[str, str] = field(factory=dict)
    arns: str = ""
    form: str = ""
    when: str = ""
    context: Context = field(factory=dict)


@frozen(kw_only=True)
class Reference:
    """The name of a resource in a request, and its owner and region if the request says so.

    Attributes:
        name: the name, without the type.
        account: the owner; empty if the request does not say it.
        region: the region; empty if the request does not say it.
    """

    name: str
    account: str = ""
    region: str = ""


@frozen(kw_only=True)
class ResourceState:
    """What moto knows about a resource.

    Attributes:
        arn: its ARN; empty if it is the one that the request has.
        policy: its resource policy, as JSON text; None if it has none.
        tags: its tags.
        kms_key: the id, ARN or alias of the KMS key that encrypts it; empty for a key that AWS owns or manages.
    """

    arn: str = ""
    policy: str | None = None
    tags: Mapping[str, str] = field(factory=dict)
    kms_key: str = ""


def read_reference(value: str) -> Reference:
    """Return the name of a resource that a request names, or gives the ARN of.

    >>> read_reference("arn:aws:dynamodb:eu-central-1:111111111111:table/orders").name
    'orders'
    """
    if not value.startswith("arn:") or value.count(":") < 5:
        return Reference(name=value)
    _, _, _, region, account, resource = value.split(":", 5)
    ends = [end for end in (resource.find("/"), resource.find(":")) if end >= 0]
    return Reference(name=resource[min(ends) + 1 :] if ends else resource, account=account, region=region)


def _no_state(_state: MotoState, _arn: Arn) -> ResourceState | None:
    return None


def _no_statements(_call: Call) -> list[tuple[Needs, Mapping[str, object]]] | None:
    return None


def _no_context(_call: Call, _state: MotoState, _resource: str) -> Context:
    return {}


@frozen(kw_only=True, eq=False)
class ServiceRules:
    """The exceptions of a service, and its resources in moto.

    Attributes:
        prefix: the service's prefix in IAM actions.
        operations: what the operations need whose actions or resources are not those of the same name.
        statements: returns what the statements of a query language in a call need, each with parameters that name its
            resource; None for a call without statements.
        names: the expressions of the names in the ARNs of resources, by placeholder of the reference's formats, if no
            parameter has the placeholder's name.
        similar_names: whether a parameter with a similar name is taken, too, as ``DBInstanceIdentifier`` for
            ``DbInstanceName``.
        formats: the formats of the ARNs of resource types that are not those of the reference. A part in square
            brackets is left out without its names.
        ignored: the resource types of the reference that moto does not have.
        owner: an expression for the account that owns the resource.
        read: reads the value of a name.
        find: returns the state of a resource; None if it does not exist.
        keys: the expressions of condition keys, if no parameter has the key's name.
        context: returns further context keys, for a call and the ARN of a resource.
        tag_keys: the condition keys of the tags of a resource, without the tag's key.
        shown: the parameters by whose text the service's messages name a resource; none if they have its ARN.
        own_account_only: the actions that a resource policy cannot allow other accounts.
        kms_service: the name of the service in ``kms:ViaService``; empty if its calls need no permission on keys.
        kms_context: the key of the encryption context that has the ARN of the resource.
        kms_when: an expression for whether the call uses the key; empty if it always does.
        kms_actions: the actions of KMS that the caller needs on the key of the resource, by action of the service.
    """

    prefix: str
    operations: Mapping[str, tuple[Needs, ...]] = field(factory=dict)
    statements: Callable[[Call], list[tuple[Needs, Mapping[str, object]]] | None] = _no_statements
    names: Mapping[str, str] = field(factory=dict)
    similar_names: bool = False
    formats: Mapping[str, str] = field(factory=dict)
    ignored: frozenset[str] = frozenset()
    owner: str = ""
    read: Callable[[str], Reference] = read_reference
    find: Callable[[MotoState, Arn], ResourceState | None] = _no_state
    keys: Mapping[str, str] = field(factory=dict)
    context: Callable[[Call, MotoState, str], Context] = _no_context
    tag_keys: tuple[str, ...] = ("aws:ResourceTag",)
    shown: tuple[str, ...] = ()
    own_account_only: frozenset[str] = frozenset()
    kms_service: str = ""
    kms_context: str = ""
    kms_when: str = ""
    kms_actions: Mapping[str, tuple[str, ...]] = field(factory=dict)
