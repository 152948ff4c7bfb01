"""The XML of moto's responses is the one that xmltodict writes."""

from __future__ import annotations

from typing import Any

import pytest
import xmltodict
from hypothesis import given, strategies as st

from xacct.testing.xml_document import unparse

texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=8)
names = st.from_regex(r"[A-Za-z][A-Za-z0-9.:_-]{0,5}", fullmatch=True)
leaves = st.one_of(texts, st.booleans(), st.integers(), st.floats(), st.binary(max_size=6), st.none())


def members(values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Return structures with attributes and a text."""
    attributes = st.dictionaries(names.map("@{}".format), leaves, max_size=2)
    text = st.dictionaries(st.just("#text"), leaves, max_size=1)
    children = st.dictionaries(names, values, max_size=3)
    return st.tuples(attributes, text, children).map(lambda parts: {**parts[0], **parts[1], **parts[2]})


values = st.recursive(
    leaves,
    lambda inner: st.one_of(members(inner), st.lists(inner, max_size=3), st.tuples(inner), st.frozensets(leaves)),
    max_leaves=12,
)


@given(name=names, content=st.one_of(members(values), leaves), full=st.booleans(), short=st.booleans())
def test_a_document_is_that_of_xmltodict(name: str, content: Any, full: bool, short: bool) -> None:
    options: dict[str, Any] = {"full_document": full, "short_empty_elements": short, "pretty": False}
    assert unparse({name: content}, **options) == xmltodict.unparse({name: content}, **options)


@pytest.mark.parametrize("pretty", [True, False])
def test_it_can_be_indented(pretty: bool) -> None:
    document = {"ListRoles": {"Roles": {"member": [{"Path": "/"}, {"Path": "/team/"}]}}}
    assert unparse(document, pretty=pretty) == xmltodict.unparse(document, pretty=pretty)
