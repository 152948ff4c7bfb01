"""The constraints of an API's model on the values of parameters: lengths, ranges and enumerations.

Source: botocore's models, and answers recorded from AWS
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

__all__ = ["violations"]


def violations(value: Any, shape: Any, path: str = "") -> Iterator[str]:
    """Iterate over the constraints that a value violates, as AWS's error messages name them.

    Args:
        value: the value of a parameter, or of all parameters.
        shape: botocore's model of the value.
        path: the name of the value in the message.
    """
    if shape.type_name == "structure":
        for name, member in shape.members.items():
            if value.get(name) is not None:
                yield from violations(value[name], member, f"{path}.{name[0].lower()}{name[1:]}".lstrip("."))
        return
    constraints = shape.metadata
    is_number = shape.type_name in ("integer", "long")
    size, kind = (value, "value") if is_number else (len(value) if hasattr(value, "__len__") else None, "length")
    shown = f"Value '{value}'" if is_number or shape.type_name == "string" else "Value"
    broken = f"{shown} at '{path}' failed to satisfy constraint: Member must"
    if size is not None and size < constraints.get("min", size):
        yield f"{broken} have {kind} greater than or equal to {constraints['min']}"
    if size is not None and size > constraints.get("max", size):
        yield f"{broken} have {kind} less than or equal to {constraints['max']}"
    enum = getattr(shape, "enum", None)
    if enum and value not in enum:
        yield f"{broken} satisfy enum value set: [{', '.join(enum)}]"
    if shape.type_name == "list":
        for number, entry in enumerate(value, 1):
            yield from violations(entry, shape.member, f"{path}.{number}.member")
