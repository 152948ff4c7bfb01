"""The permissions that a call requires, from AWS's service authorization reference and botocore's models.

The reference says which resource types and condition keys an action has. The ARN of a resource is the format of its
type with the call's parameters. The rules of the service have the exceptions.

Source: https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from itertools import product
from typing import TYPE_CHECKING

import jmespath
from attrs import evolve, frozen

from xacct.arn import Arn
from xacct.errors import InvalidValue
from xacct.limits import ACCOUNT_ID
from xacct.reference import Action, find_action
from xacct.testing.credential_store import AuthenticatedPrincipal
from xacct.testing.http_messages import Call
from xacct.testing.moto_state import MotoState
from xacct.testing.required_permissions.kms import key_permission_for_service
from xacct.testing.required_permissions.permission import Context, RequiredPermission, resource_tags
from xacct.testing.required_permissions.request_tags import tags_of_request
from xacct.testing.required_permissions.service_rules import Needs, Reference, ServiceRules

if TYPE_CHECKING:
    from botocore.model import OperationModel

__all__ = ["permissions_from_reference"]

# Reads a value of the parameters of a call.
_Getter = Callable[[Mapping[str, object]], object]

_PLACEHOLDER = re.compile(r"\$\{(\w+)\}")
_OPTIONAL = re.compile(r"\[([^\]]*)\]")
# The places of the partition, the region and the account, which the call has and no parameter.
_PLACES = ("Partition", "Region", "Account")


@frozen(eq=False)
class _Format:
    """The format of the ARNs of a resource type, with the expressions of its names.

    Attributes:
        text: the format.
        getters: the getter of each name, by its placeholder; None for a name that no parameter has.
        pattern: what its ARNs match.
    """

    text: str
    getters: Mapping[str, _Getter | None]
    pattern: re.Pattern[str]

    @property
    def names(self) -> frozenset[str]:
        """The placeholders of the names."""
        return frozenset(self.getters)

    def arn(self, call: Call, caller: AuthenticatedPrincipal, partition: str, names: Mapping[str, Reference]) -> str:
        """Return the ARN of the resource with these names; an optional name that is missing is left out."""

        def optional(match: re.Match[str]) -> str:
            return match[1] if all(name in names for name in _PLACEHOLDER.findall(match[1])) else ""

        owner = next((reference.account for reference in names.values() if reference.account), caller.account)
        region = next((reference.region for reference in names.values() if reference.region), call.region)
        values = {"Partition": partition, "Region": region, "Account": owner}
        values.update((name, reference.name) for name, reference in names.items())
        return _PLACEHOLDER.sub(lambda match: values[match[1]], _OPTIONAL.sub(optional, self.text))


@frozen(eq=False)
class _Requirement:
    """A permission that an operation needs, compiled.

    Attributes:
        action: the action.
        formats: the formats of the resources that it can have.
        default: the format of the resource of a call that names none; None if the resource is then ``*``.
        arns: the getter of the resources' ARNs; None if they are made of the formats.
        when: the getter that says whether the operation needs the permission; None if it always does.
        keys: the getters of condition keys.
        context: other context keys.
    """

    action: str
    formats: tuple[_Format, ...]
    default: _Format | None
    arns: _Getter | None
    when: _Getter | None
    keys: tuple[tuple[str, _Getter], ...]
    context: Context


def permissions_from_reference(
    call: Call, caller: AuthenticatedPrincipal, state: MotoState, rules: ServiceRules
) -> list[RequiredPermission] | None:
    """Return the permissions that a call requires; None if the reference does not know the operation.

    Args:
        call: the call.
        caller: the principal that made it.
        state: the accounts.
        rules: the rules of the service.
    """
    parts = _parts(call, rules)
    if parts is None:
        return None
    owner = _owner(call, rules) or caller.account or min(state.accounts)
    acting = evolve(caller, account=owner)
    permissions: list[RequiredPermission] = []
    for requirement, part in parts:
        if requirement.when is not None and not requirement.when(part.params):
            continue
        context = _context(part, requirement)
        for resource in _resources(requirement, part, acting, state, rules):
            permissions += _permissions_on(resource, requirement.action, context, part, caller, owner, state, rules)
    return permissions


def _parts(call: Call, rules: ServiceRules) -> list[tuple[_Requirement, Call]] | None:
    """Return what a call needs, each with the call or the part of it; None if the reference does not know it."""
    if call.model is None:
        return None
    statements = rules.statements(call)
    if statements is None:
        requirements = _requirements(rules, call.model)
        return None if requirements is None else [(requirement, call) for requirement in requirements]
    found = ((_requirement(needs, rules, call.model), evolve(call, params=params)) for needs, params in statements)
    return [(requirement, part) for requirement, part in found if requirement is not None]


def _permissions_on(
    resource: str,
    action: str,
    context: Context,
    call: Call,
    caller: AuthenticatedPrincipal,
    owner: str,
    state: MotoState,
    rules: ServiceRules,
) -> Iterator[RequiredPermission]:
    """Yield the permission on a resource, and those on the key that encrypts it."""
    arn = None if resource == "*" else Arn.parse(resource)
    account = arn.account if arn is not None and ACCOUNT_ID.allows(arn.account) else owner
    if not action.startswith(f"{rules.prefix}:"):
        arn = None
    found = None if arn is None else rules.find(state, arn)
    if arn is not None:
        context = {**context, **rules.context(call, state, resource)}
    policy = None
    if found is not None:
        resource = found.arn or resource
        context = {**context, **resource_tags(found.tags, rules.tag_keys)}
        policy = None if account != caller.account and action in rules.own_account_only else found.policy
    shown = next(filter(None, map(call.text, rules.shown)), "")
    yield RequiredPermission(
        action=action, resource=resource, account=account, policy=policy, context=context, shown=shown
    )
    if found is not None and _needs_key(found.kms_key, call, account == caller.account, rules):
        for needed in rules.kms_actions.get(action, ()):
            yield key_permission_for_service(
                action=needed,
                service=rules.kms_service,
                key_reference=found.kms_key,
                encryption_context={rules.kms_context: resource},
                account=account,
                region=call.region,
                caller=caller,
                state=state,
            )


def _needs_key(key: str, call: Call, own_account: bool, rules: ServiceRules) -> bool:
    if not key or (own_account and "alias/aws/" in key):
        # All principals of the account may use its AWS managed keys through the service.
        return False
    return not rules.kms_when or bool(_getter(rules.kms_when)(call.params))


def _owner(call: Call, rules: ServiceRules) -> str:
    owner = rules.owner and _getter(rules.owner)(call.params)
    return owner if isinstance(owner, str) and ACCOUNT_ID.allows(owner) else ""


@cache
def _requirements(rules: ServiceRules, model: OperationModel) -> tuple[_Requirement, ...] | None:
    """Return what an operation needs; None if the reference does not know it."""
    name = str(model.name)
    needed = rules.operations.get(name, (Needs(action=name),))
    compiled = [_requirement(needs, rules, model) for needs in needed]
    known = tuple(requirement for requirement in compiled if requirement is not None)
    return known if len(known) == len(compiled) else None


def _requirement(needs: Needs, rules: ServiceRules, model: OperationModel) -> _Requirement | None:
    action = find_action(needs.action if ":" in needs.action else f"{rules.prefix}:{needs.action}")
    if action is None:
        return None
    if needs.form:
        texts = [needs.form]
    else:
        kinds = sorted(action.resource_types, key=lambda kind: kind not in action.required_resource_types)
        texts = [rules.formats.get(kind.name, kind.arn_format) for kind in kinds if kind.name not in rules.ignored]
    formats = [_format(text, needs, rules, model) for text in texts]
    return _Requirement(
        action=str(action),
        formats=tuple(formats),
        default=formats[0] if formats and action.required_resource_types else None,
        arns=_getter(needs.arns) if needs.arns else None,
        when=_getter(needs.when) if needs.when else None,
        keys=tuple(_keys(action, rules, model)),
        context=needs.context,
    )


def _format(text: str, needs: Needs, rules: ServiceRules, model: OperationModel) -> _Format:
    getters: dict[str, _Getter | None] = {}
    for name in _PLACEHOLDER.findall(text):
        if name not in _PLACES:
            expression = needs.names.get(name) or rules.names.get(name) or _parameter(name, model)
            if not expression and rules.similar_names:
                expression = _similar_parameter(name, model)
            getters[name] = _getter(expression) if expression else None
    required = _PLACEHOLDER.sub("\0", _OPTIONAL.sub("", text)).split("\0")
    return _Format(text, getters, re.compile(".+".join(map(re.escape, required)), re.DOTALL))


def _keys(action: Action, rules: ServiceRules, model: OperationModel) -> Iterator[tuple[str, _Getter]]:
    for key in action.condition_keys:
        prefix, _, name = key.partition(":")
        expression = rules.keys.get(key) or ("" if "/" in name else _parameter(name, model))
        if prefix == rules.prefix and expression:
            yield key, _getter(expression)


def _parameter(name: str, model: OperationModel) -> str:
    """Return the name of the parameter with this name in any letter case; empty if there is none."""
    members: Iterable[str] = model.input_shape.members if model.input_shape is not None else ()
    return next((str(member) for member in members if member.lower() == name.lower()), "")


def _similar_parameter(name: str, model: OperationModel) -> str:
    """Return the name of the parameter that names a thing of the same kind; empty if there is none."""
    members: Iterable[str] = model.input_shape.members if model.input_shape is not None else ()
    kind = _kind(name)
    return next((str(member) for member in members if kind and _kind(str(member)) == kind), "")


def _kind(name: str) -> str:
    return re.sub(r"(names?|ids?|identifiers?)$", "", name.lower())


@cache
def _getter(expression: str) -> _Getter:
    if expression.isidentifier():
        return lambda params: params.get(expression)
    search: _Getter = jmespath.compile(expression).search
    return search


def _resources(
    requirement: _Requirement, call: Call, owner: AuthenticatedPrincipal, state: MotoState, rules: ServiceRules
) -> list[str]:
    """Return the ARNs of the resources of a call on which an action is needed, or ``*`` for an action that has none."""
    found = _named_resources(requirement, call, owner, state, rules)
    # The service refuses a name that makes no ARN. Until then, the caller needs the permission on everything.
    return list(dict.fromkeys(arn if _is_arn(arn) else "*" for arn in found))


def _is_arn(text: str) -> bool:
    try:
        Arn.parse(text)
    except InvalidValue:
        return False
    return True


def _named_resources(
    requirement: _Requirement, call: Call, owner: AuthenticatedPrincipal, state: MotoState, rules: ServiceRules
) -> list[str]:
    if [form.text for form in requirement.formats] == ["*"]:
        return ["*"]
    if requirement.arns is not None:
        return [arn for arn in _texts(requirement.arns(call.params)) if arn.startswith("arn:")]
    found: list[tuple[_Format, list[str]]] = []
    nothing = False
    for form in requirement.formats:
        names = _names(form, call, rules)
        if names is None:
            nothing = True
        elif names:
            found.append((form, [form.arn(call, owner, state.partition, given) for given in names]))
        elif arns := [arn for arn in _given_arns(call) if form.pattern.fullmatch(arn)]:
            found.append((form, arns))
    if found:
        named = [form.names for form, _ in found]
        specific = (arns for form, arns in found if not any(form.names < other for other in named))
        return list(dict.fromkeys(arn for arns in specific for arn in arns))
    if nothing:
        return []
    if requirement.default is None:
        return ["*"]
    everything = {name: Reference(name="*") for name in requirement.default.names}
    return [requirement.default.arn(call, owner, state.partition, everything)]


def _names(form: _Format, call: Call, rules: ServiceRules) -> list[dict[str, Reference]] | None:
    """Return the names of each resource of a call; empty if the call has none, None if it has an empty list of them."""
    values: dict[str, list[Reference]] = {}
    optional = {name for part in _OPTIONAL.findall(form.text) for name in _PLACEHOLDER.findall(part)}
    for name, getter in form.getters.items():
        value = None if getter is None else getter(call.params)
        if value == []:
            return None
        texts = _texts(value)
        if texts:
            values[name] = [rules.read(text) for text in texts]
        elif name not in optional:
            return []
    return [dict(zip(values, one)) for one in product(*values.values())] if values else []


def _texts(value: object) -> list[str]:
    several = value if isinstance(value, list) else [value]
    found = (str(one) for one in several if isinstance(one, (str, int)) and not isinstance(one, bool))
    return list(dict.fromkeys(text for text in found if text))


def _given_arns(call: Call) -> Iterator[str]:
    return (value for value in call.params.values() if isinstance(value, str) and value.startswith("arn:"))


def _context(call: Call, requirement: _Requirement) -> Context:
    context: Context = dict(requirement.context)
    for key, getter in requirement.keys:
        value = getter(call.params)
        if isinstance(value, bool):
            context[key] = "true" if value else "false"
        elif isinstance(value, list):
            context[key] = tuple(map(str, value))
        elif isinstance(value, (str, int, float)):
            context[key] = str(value)
    return context | tags_of_request(call)
