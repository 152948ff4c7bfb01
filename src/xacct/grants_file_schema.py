"""The JSON Schema of a grants file, made of that of the grants."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from xacct.access import grant_cross_account_read
from xacct.grant_data import RULES, Schema, class_schema, grant_schema
from xacct.grants import DevAccessGrant, TrustGrant
from xacct.grants_file_entries import GRANT_KINDS, AccountEntry
from xacct.limits import BUCKET_KEY_BYTES
from xacct.read_grant import ReadGrant

__all__ = ["grants_file_schema"]


def grants_file_schema() -> dict[str, object]:
    """Return the JSON Schema (2020-12) of a grants file, for editors and other tools.

    It has the types, lengths, patterns and ranges of the fields, their defaults and descriptions. `GrantsFile.read`
    also checks the rules between fields, and that the accounts of the grants are there.

    Source: https://json-schema.org/draft/2020-12/schema

    >>> schema = grants_file_schema()
    >>> schema["required"], schema["$defs"]["read"]["properties"]["role_name"]["default"]
    (['accounts', 'grants'], 'CrossAccountRoleS3')
    """
    grants: dict[str, Any] = grant_schema()
    definitions: dict[str, Any] = grants["$defs"]
    # A grants file has no password.
    del definitions["console-user"]["properties"]["password"]
    read: dict[str, Any] = class_schema(ReadGrant, _read_rules(), described_by=grant_cross_account_read)
    read["properties"]["kind"] = {"const": "read", "default": "read"}
    definitions["read"] = {**read, "description": "Read access to S3 in another account."}
    for kind in GRANT_KINDS:
        definitions[kind]["properties"] = {**_sides(), **definitions[kind]["properties"]}
        definitions[kind]["required"] = ["trusting", "trusted", *definitions[kind]["required"]]
    return deepcopy({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Grants file of xacct",
        "description": "Grants of access between AWS accounts.",
        "type": "object",
        "properties": {
            "$schema": {"description": "The schema that editors use for this file."},
            "accounts": {
                "description": "The accounts, by the names that the grants use.",
                "type": "object",
                "additionalProperties": {"$ref": "#/$defs/account"},
            },
            "grants": {
                "description": "The grants, each between two of the accounts.",
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {"kind": {"enum": list(GRANT_KINDS)}},
                    "oneOf": [{"$ref": f"#/$defs/{kind}"} for kind in GRANT_KINDS],
                },
            },
        },
        "required": ["accounts", "grants"],
        "additionalProperties": False,
        "$defs": {"account": _account_schema(), **definitions},
    })  # fmt: skip


def _read_rules() -> dict[str, Schema]:
    """Return the rules of the fields of ReadGrant, which become fields of the grants of both accounts."""
    bucket, prefix = {"minLength": 3, "maxLength": 63}, {"minLength": 1, "maxLength": BUCKET_KEY_BYTES}
    both = {**RULES[DevAccessGrant], **RULES[TrustGrant]}
    shared = {name: rule for name, rule in both.items() if name != "principals"}
    return {
        **shared,
        "buckets": {"items": bucket},
        "prefixes": {"items": prefix},
        "policy_description": both["description"],
    }


def _sides() -> dict[str, Schema]:
    return {
        "trusting": {
            "type": "string",
            "description": "The account that has the data and the role: a name in accounts.",
        },
        "trusted": {"type": "string", "description": "The account that gets access: a name in accounts."},
    }


def _account_schema() -> Schema:
    account_id = RULES[TrustGrant]["account"]
    text = {"type": "string"}
    rules: dict[str, Schema] = {
        "id": account_id,
        "role_arn": {"pattern": "^arn:[a-z-]+:iam::[0-9]{12}:role/.+$"},
    }
    both = {"required": ["profile", "role_arn"], "properties": {"profile": text, "role_arn": text}}
    return {**class_schema(AccountEntry, rules), "not": both}
