"""Grants as plain data: a grant of either kind from its data, and the JSON Schema of that data."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from copy import deepcopy
from datetime import datetime
from inspect import getdoc
from types import NoneType
from typing import Any, get_args, get_origin, get_type_hints

from attrs import NOTHING, AttrsInstance, fields

from xacct.console_user import ConsoleUser
from xacct.grants import DevAccessGrant, TrustGrant
from xacct.limits import (
    ACCOUNT_ID,
    DESCRIPTION,
    ENTITY_NAME,
    EXTERNAL_ID,
    MANAGED_POLICIES_PER_ENTITY,
    MAX_SESSION_SECONDS,
    MFA_AGE_SECONDS,
    ORGANIZATION_ID,
    PASSWORD,
    PATH,
    POLICY_NAME,
    TAG_KEY_LENGTH,
    TAG_VALUE_LENGTH,
    Range,
    TextRule,
)
from xacct.plain_data import TIME_PATTERN, check_kind
from xacct.policy import PolicyDocument, Principal

__all__ = ["RULES", "Schema", "class_schema", "grant_from_dict", "grant_schema"]

Schema = dict[str, object]

_KINDS: Mapping[str, type[TrustGrant | DevAccessGrant]] = {"trust": TrustGrant, "dev-access": DevAccessGrant}


def grant_from_dict(data: Mapping[str, object]) -> TrustGrant | DevAccessGrant:
    """Return the grant for plain data, whose member ``kind`` is ``trust`` or ``dev-access``.

    Args:
        data: the fields, as :func:`grant_schema` describes them.

    Raises:
        InvalidValue: ``kind`` or another key is missing, unknown or not valid. The error has the path of the field.
        PolicyError: a policy is not valid.

    >>> grant = grant_from_dict({"kind": "dev-access", "account": "222222222222",
    ...     "role_arns": ["arn:aws:iam::111111111111:role/Reader"]})
    >>> grant.policy_arn
    'arn:aws:iam::222222222222:policy/CrossAccountPolicy'
    """
    members = check_kind(data, _KINDS)
    return _KINDS[str(data["kind"])].from_dict(members)


def grant_schema() -> dict[str, object]:
    """Return the JSON Schema (2020-12) of a document with one grant of either kind.

    Editors and other tools can check documents with it. It has the types, lengths, patterns and ranges of the fields;
    ``from_dict`` also checks the rules between fields, and the size of policies.

    Source: https://json-schema.org/draft/2020-12/schema

    >>> schema = grant_schema()
    >>> schema["$defs"]["trust"]["properties"]["role_name"]["maxLength"]
    64
    """
    definitions = {kind: class_schema(grant, RULES[grant], kind) for kind, grant in _KINDS.items()}
    definitions["trust"]["anyOf"] = [
        {"required": ["managed_policy_arns"], "properties": {"managed_policy_arns": {"minItems": 1}}},
        {"required": ["policies"], "properties": {"policies": {"minProperties": 1}}},
    ]
    schema: Schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Grant",
        "description": "One side of the cross-account access that xacct grants.",
        "type": "object",
        "properties": {"kind": {"enum": list(_KINDS)}},
        "required": ["kind"],
        "oneOf": [{"$ref": f"#/$defs/{kind}"} for kind in _KINDS],
        "$defs": {**definitions, "console-user": class_schema(ConsoleUser, RULES[ConsoleUser]), **_policy_schemas()},
    }
    # Its parts are shared, also with the next schema.
    return deepcopy(schema)


# Rules of the fields -------------------------------------------------------------------------------------------------


def _ascii(pattern: str) -> str:
    # JSON Schema's \w has the letters of ASCII only in some implementations. IAM's has in all.
    return pattern.replace(r"\w", "A-Za-z0-9_")


def _text(rule: TextRule) -> Schema:
    pattern = f"^({_ascii(rule.whole)})$" if rule.whole else f"^{_ascii(rule.characters)}*$"
    return {"minLength": rule.shortest, "maxLength": rule.longest, "pattern": pattern}


def _range(numbers: Range) -> Schema:
    return {"minimum": numbers.least, "maximum": numbers.most}


def _list(*, items: Schema | None = None, **rules: object) -> Schema:
    return {**({"items": items} if items else {}), **rules}


_PARTITION = "aws(-[a-z]+)*"
_MANAGED_POLICY: Schema = {"pattern": f"^arn:{_PARTITION}:iam::(aws|[0-9]{{12}}):policy/[^*]+$"}
_ROLE: Schema = {"pattern": f"^arn:{_PARTITION}:iam::[0-9]{{12}}:role/[^*?]+$"}
_NAMES = _list(items=_text(ENTITY_NAME))
_GRANT: Mapping[str, Schema] = {
    "name": _text(POLICY_NAME),
    "account": _text(ACCOUNT_ID),
    "path": _text(PATH),
    "description": _text(DESCRIPTION),
    "tags": {
        "propertyNames": {"minLength": 1, "maxLength": TAG_KEY_LENGTH},
        "additionalProperties": {"maxLength": TAG_VALUE_LENGTH},
    },
    "partition": {"pattern": f"^{_PARTITION}$"},
}

# What the types of the fields do not say. The members are added to the schema of the type.
RULES: Mapping[type[AttrsInstance], Mapping[str, Schema]] = {
    TrustGrant: {
        **_GRANT,
        "principals": _list(minItems=1),
        "managed_policy_arns": _list(items=_MANAGED_POLICY, maxItems=MANAGED_POLICIES_PER_ENTITY),
        "policies": {"propertyNames": _text(POLICY_NAME)},
        "role_name": _text(ENTITY_NAME),
        "permissions_boundary": _MANAGED_POLICY,
        "max_session_duration": _range(MAX_SESSION_SECONDS),
        "external_id": _text(EXTERNAL_ID),
        "mfa_max_age": _range(MFA_AGE_SECONDS),
        "organization_id": _text(ORGANIZATION_ID),
    },
    DevAccessGrant: {
        **_GRANT,
        "role_arns": _list(items=_ROLE, minItems=1),
        "policy_name": _text(POLICY_NAME),
        "users": _NAMES,
        "groups": _NAMES,
        "roles": _NAMES,
    },
    ConsoleUser: {
        "name": _text(ENTITY_NAME),
        "password": {"minLength": PASSWORD.least, "maxLength": PASSWORD.most, "writeOnly": True},
        "managed_policy_arns": _list(items=_MANAGED_POLICY, maxItems=MANAGED_POLICIES_PER_ENTITY - 1),
    },
}


# Schemas of classes and types ----------------------------------------------------------------------------------------


def class_schema(
    kind: type[AttrsInstance],
    rules: Mapping[str, Schema],
    name: str | None = None,
    *,
    described_by: Callable[..., object] | None = None,
) -> Schema:
    """Return the schema of an attrs class.

    Args:
        kind: the class.
        rules: what the types of the fields do not say, by field.
        name: the value of the required member ``kind``; None for no such member.
        described_by: the class or function whose docstring describes the fields; by default the class.
    """
    descriptions, types = _argument_descriptions(described_by or kind), get_type_hints(kind)
    properties: dict[str, Schema] = {"kind": {"const": name}} if name else {}
    required = list(properties)
    for field in fields(kind):
        key = field.alias or field.name
        # A field that repr does not show is a secret: a text, whatever the class keeps it in.
        schema = _type_schema(types[field.name] if field.repr else str | None)
        properties[key] = _merged(schema, rules.get(key, {}))
        if key in descriptions:
            properties[key]["description"] = descriptions[key]
        if field.default is NOTHING:
            required.append(key)
        elif isinstance(field.default, (str, int)):
            properties[key]["default"] = field.default
    return {
        "description": _plain((getdoc(kind) or "").split("\n\n")[0]),
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


_SIMPLE: Mapping[object, Schema] = {
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    datetime: {"type": "string", "format": "date-time", "pattern": f"^{TIME_PATTERN}$"},
    Principal: {"$ref": "#/$defs/principal"},
    PolicyDocument: {"$ref": "#/$defs/policy"},
    ConsoleUser: {"$ref": "#/$defs/console-user"},
}


def _type_schema(kind: Any) -> Schema:
    arguments = get_args(kind)
    if NoneType in arguments:
        (some,) = (argument for argument in arguments if argument is not NoneType)
        schema = _type_schema(some)
        # Rules for texts and numbers do not apply to null.
        return (
            {**schema, "type": [schema["type"], "null"]} if "type" in schema else {"anyOf": [schema, {"type": "null"}]}
        )
    if get_origin(kind) is tuple:
        return {"type": "array", "items": _type_schema(arguments[0])}
    if get_origin(kind) is Mapping:
        return {"type": "object", "additionalProperties": _type_schema(arguments[1])}
    return dict(_SIMPLE[kind])


def _merged(schema: Schema, rules: Schema) -> Schema:
    merged = {**schema, **rules}
    for key in ("items", "additionalProperties"):
        base, rule = schema.get(key), rules.get(key)
        if isinstance(base, dict) and isinstance(rule, dict):
            merged[key] = {**base, **rule}
    return merged


def _argument_descriptions(kind: Callable[..., object]) -> dict[str, str]:
    """Return the descriptions in the Args section of a docstring; empty if Python dropped the docstrings."""
    section = re.search(r"^Args:\n(.*?)\n\n", getdoc(kind) or "", re.DOTALL | re.MULTILINE)
    entries = re.findall(r"^ {4}(\w+): (.*?)(?=\n {4}\w|\Z)", section[1] if section else "", re.DOTALL | re.MULTILINE)
    return {name: _plain(text) for name, text in entries}


def _plain(text: str) -> str:
    return " ".join(re.sub(r":\w+:`([^`]*)`", r"\1", text).replace("``", "").split())


# Schemas of policies -------------------------------------------------------------------------------------------------


def _one_or_more(item: Schema, least: int = 1) -> Schema:
    return {"anyOf": [item, {"type": "array", "items": item, "minItems": least}]}


def _policy_schemas() -> dict[str, Schema]:
    """Return the schemas of principals, of identity policies and of their parts."""
    texts = _one_or_more({"type": "string", "minLength": 1})
    values = _one_or_more({"type": ["string", "number", "boolean"]}, least=0)
    operators: Schema = {"type": "object", "additionalProperties": values}
    return {
        "principal": {
            "description": "An account id, an ARN, a service or '*'; or an object with conditions or an explicit kind.",
            "anyOf": [
                {"type": "string", "minLength": 1},
                {
                    "type": "object",
                    "properties": {
                        "kind": {"enum": ["AWS", "Service"]},
                        "value": {"type": "string", "minLength": 1},
                        "conditions": {"$ref": "#/$defs/conditions"},
                    },
                    "required": ["value"],
                    "additionalProperties": False,
                },
            ],
        },
        "conditions": {
            "description": "Conditions as in a policy: values by operator and context key.",
            "type": "object",
            "additionalProperties": operators,
        },
        "policy": {
            "description": "An identity policy.",
            "type": "object",
            "properties": {
                "Version": {"enum": ["2012-10-17", "2008-10-17"], "default": "2008-10-17"},
                "Id": {"type": "string"},
                "Statement": _one_or_more({"$ref": "#/$defs/statement"}),
            },
            "required": ["Statement"],
            "additionalProperties": False,
        },
        "statement": {
            "description": "A statement of an identity policy.",
            "type": "object",
            "properties": {
                "Sid": {"type": "string"},
                "Effect": {"enum": ["Allow", "Deny"]},
                **dict.fromkeys(("Action", "NotAction", "Resource", "NotResource"), texts),
                "Condition": {"$ref": "#/$defs/conditions"},
            },
            "required": ["Effect"],
            "allOf": [
                {"oneOf": [{"required": [f"{prefix}{name}"]} for prefix in ("", "Not")]}
                for name in ("Action", "Resource")
            ],
            "additionalProperties": False,
        },
    }
