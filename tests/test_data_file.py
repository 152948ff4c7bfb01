"""Files of plain data: the formats, the lines of values, and what is not valid."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings, strategies as st

from xacct.data_file import DataFile
from xacct.errors import InvalidValue


def values(keys: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    """Return a strategy of objects of lists and objects."""
    inner: st.SearchStrategy[Any] = st.recursive(
        st.none(),
        lambda inner: st.dictionaries(keys, inner, min_size=1, max_size=3) | st.lists(inner, min_size=1, max_size=3),
        max_leaves=8,
    )
    return st.dictionaries(keys, inner, min_size=1, max_size=3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


def read(folder: Path, name: str, text: str) -> DataFile:
    (folder / name).write_text(text, "utf-8")
    return DataFile.read(folder / name)


def problem(folder: Path, name: str, text: str) -> str:
    with pytest.raises(InvalidValue) as caught:
        read(folder, name, text)
    return str(caught.value).removeprefix(f"{folder}/")


def numbered(data: Any, numbers: Iterator[int]) -> Any:
    """Return data with a number of its own in place of each leaf."""
    if isinstance(data, dict):
        return {key: numbered(value, numbers) for key, value in data.items()}
    return [numbered(value, numbers) for value in data] if isinstance(data, list) else next(numbers)


def leaves(
    data: Any, path: tuple[str | int, ...] = (), name: str = ""
) -> Iterator[tuple[tuple[str | int, ...], str, int]]:
    """Yield the path of each leaf, the same as errors name it, and the leaf."""
    if isinstance(data, dict):
        for key, value in data.items():
            yield from leaves(value, (*path, key), f"{name}.{key}" if name else key)
    elif isinstance(data, list):
        for position, value in enumerate(data):
            yield from leaves(value, (*path, position), f"{name}[{position}]")
    else:
        yield path, name, data


def toml_value(value: Any) -> str:
    """Return a value as TOML, in one line."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{toml_value(key)} = {toml_value(item)}' for key, item in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(toml_value, value))}]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def toml(data: dict[str, Any]) -> str:
    """Return data as TOML: lists of objects as arrays of tables, objects as tables, all else in a line each."""
    lines, tables = [], []
    for key, value in data.items():
        if isinstance(value, dict):
            tables += ["", f"[{toml_value(key)}]", *(f"{toml_value(k)} = {toml_value(v)}" for k, v in value.items())]
        elif isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
            for item in value:
                tables += ["# a table", f"[[{toml_value(key)}]]"]
                tables += [f"{toml_value(k)} = {toml_value(v)}" for k, v in item.items()]
        else:
            lines.append(f"{toml_value(key)} = {toml_value(value)}")
    return "\n".join([*lines, *tables, ""])


WRITERS: dict[str, Callable[[Any], str]] = {
    "data.json": lambda data: json.dumps(data, indent=1, ensure_ascii=False),
    "data.yaml": lambda data: yaml.safe_dump(data, allow_unicode=True, sort_keys=False),
    "data.toml": toml,
}


@pytest.mark.parametrize("name", WRITERS)
@settings(max_examples=40)
@given(shape=values(st.sampled_from(["a", "b", "a.b", "a[0]", "ä b", 'q"'])))
def test_each_value_is_found_on_its_line(folder: Path, name: str, shape: Any) -> None:
    data = numbered(shape, iter(range(1000, 2000)))
    file = read(folder, name, WRITERS[name](data))
    assert file.data == data
    lines = file.text.split("\n")
    for path, _, leaf in leaves(data):
        assert str(leaf) in lines[file.line_of(path) - 1]


@pytest.mark.parametrize("name", WRITERS)
@settings(max_examples=40)
@given(shape=values(st.sampled_from(["a", "b", "ab", "ä b"])))
def test_an_error_gets_the_line_of_its_field(folder: Path, name: str, shape: Any) -> None:
    data = numbered(shape, iter(range(1000, 2000)))
    file = read(folder, name, WRITERS[name](data))
    for path, field, _ in leaves(data):
        located = file.located(InvalidValue(field, "x", "a rule"))
        assert located.field == f"{file.path}:{file.line_of(path)}: {field}"


def test_a_key_with_dots_is_found(tmp_path: Path) -> None:
    file = read(tmp_path, "data.json", '{"tags": {\n"a": {},\n"a.b[0]": "x"}}')
    assert file.located(InvalidValue("tags.a.b[0]", "x", "a rule")).field.endswith("data.json:3: tags.a.b[0]")


def test_a_value_of_several_lines_begins_on_its_first(tmp_path: Path) -> None:
    text = 'first = 1\n\n# about it\nmany = [\n  "a",\n  "b",\n]\ntext = """\n[no table]\n"""\nlast = 2\n'
    file = read(tmp_path, "data.toml", text)
    places = {"first": 1, "many": 4, "text": 8, "last": 11}
    assert {key: file.line_of((key,)) for key in places} == places
    assert file.line_of(("many", 1)) == 4


def test_a_missing_key_has_the_line_of_the_object_that_lacks_it(tmp_path: Path) -> None:
    located = read(tmp_path, "data.json", '{"a": {},\n "b": [1,\n {}]}').located(InvalidValue("b[1].c", "x", "a rule"))
    assert located.field.endswith("data.json:3: b[1].c")
    located = read(tmp_path, "data.yaml", "a: &a {x: 1}\nb:\n  <<: *a\n").located(InvalidValue("b.x", "x", "a rule"))
    assert located.field.endswith("data.yaml:2: b.x")


def test_a_value_near_the_end_of_a_long_file_is_found(tmp_path: Path) -> None:
    entry = '[[grants]]\ntrusting = "production"\nbuckets = [\n  "reports",\n]\n'
    file = read(tmp_path, "data.toml", entry * 300)
    assert file.line_of(("grants", 298, "buckets")) == 298 * 5 + 3


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.toml", 'a = 1\nb = "x\n', "a.toml:2: '(syntax)' is not valid: Illegal character '\\n'"),
        ("a.toml", "a = 1\nb = [\n", "a.toml:2: '(syntax)' is not valid: "),
        ("a.toml", "a = 1\na = 2\n", "a.toml:2: '(syntax)' is not valid: Cannot overwrite a value"),
        ("a.json", '{"a": 1,\n"b" 2}', "a.json:2: '(syntax)' is not valid: Expecting ':' delimiter"),
        ("a.json", "", "a.json:1: '(syntax)' is not valid: Expecting value"),
        (
            "a.json",
            '{"a": 1,\n"b": [{"c": 1,\n"c": 2}]}',
            "a.json:3: '(syntax)' is not valid: the key 'c' is there twice",
        ),
        ("a.yaml", "a: 1\nb: [\n", "a.yaml:3: '(syntax)' is not valid: expected the node content"),
        ("a.yml", "a: 1\nb: {c: 1,\n c: 2}\n", "a.yml:3: '(syntax)' is not valid: the key 'c' is there twice"),
        ("a.yaml", "a: \x07\n", "a.yaml:1: '(syntax)' is not valid: unacceptable character"),
        ("a.yaml", "a: !!python/name:os.system\n", "a.yaml:1: '(syntax)' is not valid: could not determine"),
        ("a.yaml", "a: 2027-13-31\n", "a.yaml:1: '(syntax)' is not valid: month must be in"),
        ("a.txt", "", "a.txt: '.txt' is not valid: the suffix of the file must be .toml, .json, .yaml, .yml"),
        ("a.json", "[" * 100_000, "a.json: '(nested too deeply)'"),
    ],
)
def test_what_is_not_valid_is_reported_with_its_line(tmp_path: Path, name: str, text: str, message: str) -> None:
    assert problem(tmp_path, name, text).startswith(message)


@pytest.mark.parametrize("name", ["a.toml", "a.yaml"])
def test_an_empty_file_has_one_line(tmp_path: Path, name: str) -> None:
    assert read(tmp_path, name, "").line_of(()) == 1


def test_a_file_that_is_not_in_utf_8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_bytes(b"a = '\xff'")
    with pytest.raises(InvalidValue, match=r"a\.toml: '\(not UTF-8\)'"):
        DataFile.read(tmp_path / "a.toml")


def test_a_byte_order_mark_and_windows_line_ends_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_bytes(b"\xef\xbb\xbfa = 1\r\nb = 2\r\n")
    file = DataFile.read(tmp_path / "a.toml")
    assert (file.data, file.line_of(("b",))) == ({"a": 1, "b": 2}, 2)


@pytest.mark.parametrize(("name", "missing", "extra"), [("a.yaml", "yaml", "yaml"), ("a.toml", "tomllib", "cli")])
def test_without_the_library_the_error_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, missing: str, extra: str
) -> None:
    (tmp_path / name).write_text("")
    monkeypatch.setitem(sys.modules, missing, None)
    monkeypatch.setitem(sys.modules, missing.replace("tomllib", "tomli"), None)
    with pytest.raises(ImportError, match=rf"pip install 'xacct\[{extra}\]'"):
        DataFile.read(tmp_path / name)
