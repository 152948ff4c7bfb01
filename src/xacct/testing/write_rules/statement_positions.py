"""Where the statements of a policy are in its text, as IAM's policy simulator says it."""

from __future__ import annotations

from collections.abc import Iterator

from xacct.data_file import json_members

__all__ = ["statement_positions"]


def statement_positions(text: str) -> list[tuple[dict[str, int], dict[str, int]]]:
    """Return where each statement begins and ends: after the bracket or comma before it, and after its own end.

    Args:
        text: the policy, as JSON text.

    >>> statement_positions('{"Version": "2012-10-17", "Statement": [{"Effect": "Allow"}]}')
    [({'Line': 1, 'Column': 41}, {'Line': 1, 'Column': 60})]
    """
    return [(_line_and_column(text, start), _line_and_column(text, end)) for start, end in _offsets(text)]


def _line_and_column(text: str, offset: int) -> dict[str, int]:
    before = text[:offset]
    return {"Line": before.count("\n") + 1, "Column": offset - (before.rfind("\n") + 1) + 1}


def _offsets(text: str) -> Iterator[tuple[int, int]]:
    found = next(member for member in json_members(text, text.index("{")) if member.key == "Statement")
    start = found.value + 1
    if text[found.value] == "{":
        yield start, found.end
        return
    for statement in json_members(text, found.value):
        yield start, statement.end
        start = text.find(",", statement.end) + 1
