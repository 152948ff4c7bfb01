"""The members of moto's responses have the values that moto gives them."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from moto.core.serialize import DefaultAttributePicker, QuerySerializer, XFormedAttributePicker
from moto.core.utils import get_service_model

from xacct.testing.response_members import value_of_member


class Role:
    name = "of a class with the name of the structure"
    Path = "of the member's name"
    path = "of its snake case"


class Snake:
    role_name = "of an attribute"
    path = "of another"


class Aliases:
    class Meta:
        serialization_aliases: ClassVar = {"RoleName": "called"}

    called = "of an alias"


class Failing:
    def __getitem__(self, name: str) -> str:
        raise TypeError(name)


def serializer(operation: str, **options: Any) -> QuerySerializer:
    model = get_service_model("iam").operation_model(operation)
    return QuerySerializer(model, **{"value_picker": XFormedAttributePicker(), **options})


def values(of: QuerySerializer, response: object, name: str) -> tuple[object, object]:
    """Return the value that moto finds, and the one that is found here."""
    shape = of.operation_model.output_shape.members["Role"].members[name]
    return of.get_value(response, name, shape), value_of_member(of, response, name, shape)


@pytest.mark.parametrize("name", ["RoleName", "Path", "Tags"])
@pytest.mark.parametrize(
    "response",
    [
        {"RoleName": "of a key", "path": "/", "Path": None},
        {"role_name": ""},
        {},
        [],
        "text",
        None,
        Role(),
        Snake(),
        Aliases(),
        Failing(),
    ],
)
def test_a_value_is_found_under_the_names_of_each_kind_of_object(response: object, name: str) -> None:
    shared = serializer("GetRole")
    for _ in range(2):
        moto, ours = values(shared, response, name)
        assert moto == ours


def test_the_names_belong_to_the_kind_of_object() -> None:
    shared = serializer("GetRole")
    found = [values(shared, kind, "RoleName")[1] for kind in ({"RoleName": "key"}, Role(), Snake(), Aliases())]
    assert found == ["key", Role.name, Snake.role_name, Aliases.called]


@pytest.mark.parametrize(
    ("operation", "path", "expected"),
    [
        ("GetRole", ["GetRole", "Role"], ["x", "x"]),
        ("CreateRole", ["CreateRole", "Role"], ["X", "X"]),
    ],
)
def test_a_value_is_transformed_at_its_path_only(operation: str, path: list[str], expected: list[str]) -> None:
    picker = XFormedAttributePicker(response_transformers={"Create.Path": repr, "CreateRole.Role.Path": str.upper})
    transforming = serializer(operation, value_picker=picker)
    transforming.path = path
    assert [*values(transforming, {"Path": "x"}, "Path")] == expected


def test_other_ways_to_find_a_value_are_left_alone() -> None:
    plain = serializer("GetRole", value_picker=DefaultAttributePicker())
    assert values(plain, {"role_name": "not looked for"}, "RoleName") == (None, None)
