"""The values of the members of moto's responses, without the work that moto does again for each member."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING, Any

from moto.core.serialize import AttributePickerContext, ResponseSerializer, XFormedAttributePicker

if TYPE_CHECKING:
    from moto.core.model import Shape

__all__ = ["value_of_member"]

_value_of_member = ResponseSerializer.get_value
_compute_names = XFormedAttributePicker.get_possible_keys
_MISSING = object()


def value_of_member(serializer: ResponseSerializer, response: object, name: str, shape: Shape) -> object:
    """Return the value of a member of a structure. Moto looks for it under several names, and may transform it.

    Args:
        serializer: the serializer of the response.
        response: what moto's backend returned for the structure.
        name: the name of the member.
        shape: the member's shape.
    """
    picker = serializer._value_picker
    if type(picker) is not XFormedAttributePicker:
        return _value_of_member(serializer, response, name, shape)
    # They live as long as the shape, like what moto keeps there: it makes new shapes for each error.
    known: dict[tuple[str, type], tuple[str, ...]] = vars(shape).setdefault("xacct_names", {})
    names = known.get((name, type(response)))
    if names is None:
        context = AttributePickerContext(response, name, shape)
        names = known[name, type(response)] = tuple(dict.fromkeys(_compute_names(picker, context)))
    value = _first_value(response, names)
    transformers = picker.response_transformers
    if _may_be_transformed(tuple(transformers), name):
        path = ".".join((*serializer.path, name))
        for end, transform in transformers.items():
            if path.endswith(end):
                return transform(value)
    return value


@cache
def _may_be_transformed(ends: tuple[str, ...], name: str) -> bool:
    """Return whether the path of a member can have one of these ends, according to the member's name."""
    return any(name.endswith(end.rpartition(".")[2]) for end in ends)


def _first_value(response: Any, names: Iterable[str]) -> object:
    """Return what moto's ``get_value`` finds first; None if it finds nothing."""
    if hasattr(response, "__getitem__"):
        for name in names:
            try:
                return response[name]
            except (KeyError, IndexError, TypeError, AttributeError):  # noqa: PERF203 # most have the first name
                pass
        return None
    for name in names:
        value: object = getattr(response, name, _MISSING)
        if value is not _MISSING:
            return value
    return None
