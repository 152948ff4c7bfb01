"""The statement to put in place of one that lets too many in."""

from __future__ import annotations

from attrs import evolve

from xacct.policy import Condition, Principal, Statement

__all__ = ["fixed_statement"]


def fixed_statement(statement: Statement, principal: Principal, *conditions: Condition) -> dict[str, object]:
    """Return a statement for one of its principals, with other conditions on some keys.

    Args:
        statement: the statement.
        principal: the principal.
        conditions: the conditions, which replace those on the same keys.

    >>> whole = Statement.allow("sts:AssumeRole", principals=[Principal.service("states.amazonaws.com")])
    >>> fixed_statement(whole, whole.principals[0], Condition("StringEquals", "aws:SourceAccount", "111111111111"))
    {'Effect': 'Allow', 'Principal': {'Service': 'states.amazonaws.com'}, 'Action': 'sts:AssumeRole',
     'Condition': {'StringEquals': {'aws:SourceAccount': '111111111111'}}}
    """
    replaced = {condition.key.lower() for condition in conditions}
    kept = (condition for condition in statement.conditions if condition.key.lower() not in replaced)
    return evolve(statement, principals=(principal,), conditions=(*kept, *conditions)).to_dict()
