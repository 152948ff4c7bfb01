"""The permissions of Amazon DynamoDB, the policies of its tables, and the context keys of its items.

Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from xacct.arn import Arn
from xacct.testing.http_messages import Call
from xacct.testing.moto_state import MotoState
from xacct.testing.required_permissions.permission import Context
from xacct.testing.required_permissions.service_rules import Needs, ResourceState, ServiceRules

__all__ = ["RULES"]

_NAME = re.compile(r"[#\w.-]+")


def _find(state: MotoState, arn: Arn) -> ResourceState | None:
    backend = state.backend("dynamodb", arn.account, arn.region)
    table = None if backend is None else backend.tables.get(_table_name(arn))
    if backend is None or table is None:
        return None
    # The policy of a table is that of its indexes. A stream has its own.
    own = str(arn) if "/stream/" in arn.resource else table.table_arn
    policy = backend.resource_policies.get(own)
    tags = {tag["Key"]: tag["Value"] for tag in table.tags}
    return ResourceState(policy=None if policy is None else policy.policy_doc, tags=tags)


def _table_name(arn: Arn) -> str:
    return arn.resource.removeprefix("table/").partition("/")[0]


def _context(call: Call, state: MotoState, resource: str) -> Context:
    """Return the context keys that depend on the items: their partition keys, and the attributes."""
    arn = Arn.parse(resource)
    backend = state.backend("dynamodb", arn.account, arn.region)
    table = None if backend is None else backend.tables.get(_table_name(arn))
    if table is None:
        return {}
    params = _of_table(call.params, _table_name(arn), resource)
    index = table.get_index(call.text("IndexName")) if call.text("IndexName") in _indexes(table) else None
    schema = table.schema if index is None else index.schema
    key = next(entry["AttributeName"] for entry in schema if entry["KeyType"] == "HASH")
    context: Context = {}
    leading = tuple(dict.fromkeys(value for one in params for value in _leading_keys(one, key)))
    if leading:
        context["dynamodb:LeadingKeys"] = leading
    attributes = tuple(dict.fromkeys(name for one in params for name in _attributes(one)))
    if attributes:
        context["dynamodb:Attributes"] = attributes
    return context


def _indexes(table: Any) -> set[str]:
    return {index.name for index in (*table.indexes, *table.global_indexes)}


def _of_table(params: Mapping[str, Any], name: str, arn: str) -> list[Mapping[str, Any]]:
    """Return the parts of a call that concern a table: the call itself, or the requests of a batch or transaction."""
    if "RequestItems" in params:
        found = []
        for table, requests in params["RequestItems"].items():
            if table not in (name, arn):
                continue
            if isinstance(requests, Mapping):
                found.append(requests)
            else:
                found += [part for request in requests for part in request.values()]
        return found
    if "TransactItems" in params:
        parts = (part for item in params["TransactItems"] for part in item.values())
        return [part for part in parts if part.get("TableName") in (name, arn)]
    return [params]


def _leading_keys(params: Mapping[str, Any], key: str) -> Iterator[str]:
    """Yield the values of the partition key."""
    items = [params.get("Key"), params.get("Item"), *(params.get("Keys") or ())]
    yield from (_text(item[key]) for item in items if isinstance(item, Mapping) and key in item)
    for value in (params.get("KeyConditions") or {}).get(key, {}).get("AttributeValueList", ()):
        yield _text(value)
    names = params.get("ExpressionAttributeNames") or {}
    values = params.get("ExpressionAttributeValues") or {}
    for name, value in re.findall(r"([#\w.-]+)\s*=\s*(:\w+)", params.get("KeyConditionExpression") or ""):
        if names.get(name, name) == key and value in values:
            yield _text(values[value])


def _text(value: Mapping[str, Any]) -> str:
    return str(next(iter(value.values())))


def _attributes(params: Mapping[str, Any]) -> Iterator[str]:
    """Yield the top-level attributes that a request names."""
    yield from params.get("AttributesToGet") or ()
    for name in ("Key", "Item", "AttributeUpdates", "Expected", "KeyConditions"):
        yield from params.get(name) or {}
    for key in params.get("Keys") or ():
        yield from key
    names: Mapping[str, str] = params.get("ExpressionAttributeNames") or {}
    yield from names.values()
    yield from _plain_names((params.get("ProjectionExpression") or "").split(","))


def _plain_names(paths: Iterable[str]) -> Iterator[str]:
    for path in paths:
        found = _NAME.match(path.strip())
        if found is not None and not found[0].startswith("#"):
            yield found[0].partition(".")[0]


def _in_transaction(action: str, item: str) -> Needs:
    return Needs(action=action, names={"TableName": f"TransactItems[].{item}.TableName"})


_BATCH = {"TableName": "RequestItems && keys(RequestItems)"}

# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-iam.html
_PARTIQL_ACTIONS = {
    "delete": "PartiQLDelete",
    "exists": "PartiQLSelect",
    "insert": "PartiQLInsert",
    "select": "PartiQLSelect",
    "update": "PartiQLUpdate",
}
_VERB = re.compile(r"\s*(\w+)")
_PARTIQL_TABLE = re.compile(
    r"\b(?:FROM|INTO|UPDATE)\s+(?:\"([^\"]+)\"|([\w-]+))(?:\.(?:\"([^\"]+)\"|([\w-]+)))?", re.IGNORECASE
)


def _statements(call: Call) -> list[tuple[Needs, Mapping[str, object]]] | None:
    """Return what the statements in PartiQL of a call need, each with its table and index; None if it has none."""
    params = call.params
    if call.operation not in ("BatchExecuteStatement", "ExecuteStatement", "ExecuteTransaction"):
        return None
    found: list[tuple[Needs, Mapping[str, object]]] = []
    for one in params.get("Statements") or params.get("TransactStatements") or [params]:
        text = str(one.get("Statement", ""))
        verb, table = _VERB.match(text), _PARTIQL_TABLE.search(text)
        action = _PARTIQL_ACTIONS.get(verb[1].lower() if verb else "", "PartiQLSelect")
        names = {"TableName": table and (table[1] or table[2]), "IndexName": table and (table[3] or table[4])}
        needs = Needs(action=action, names={"TableName": "TableName", "IndexName": "IndexName"})
        found.append((needs, {name: value for name, value in names.items() if value}))
    return found


RULES = ServiceRules(
    prefix="dynamodb",
    statements=_statements,
    operations={
        "BatchGetItem": (Needs(action="BatchGetItem", names=_BATCH),),
        "BatchWriteItem": (Needs(action="BatchWriteItem", names=_BATCH),),
        "CreateTable": (Needs(action="CreateTable"), Needs(action="TagResource", when="Tags")),
        "TransactGetItems": (_in_transaction("GetItem", "Get"),),
        "TransactWriteItems": (
            _in_transaction("ConditionCheckItem", "ConditionCheck"),
            _in_transaction("DeleteItem", "Delete"),
            _in_transaction("PutItem", "Put"),
            _in_transaction("UpdateItem", "Update"),
        ),
    },
    names={"TableName": "TableName || SourceTableName || TargetTableName"},
    find=_find,
    context=_context,
)
