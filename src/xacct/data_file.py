"""Files of plain data in TOML, JSON or YAML, and the lines of their values."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from attrs import field, frozen

from xacct.errors import InvalidValue

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["DataFile", "json_members"]

ValuePath = tuple[str | int, ...]
"""The keys and positions that lead to a value, such as ``("grants", 1, "buckets")``."""

_BLANK = re.compile(r"[ \t\r\n]*")


@frozen
class DataFile:
    """A file of plain data.

    Attributes:
        path: the path, for errors.
        text: the text.
        data: what the file has.
    """

    path: str
    text: str = field(repr=False)
    data: object = field(repr=False)

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> DataFile:
        """Read a file. The suffix of its name says the format: ``.toml``, ``.json``, ``.yaml`` or ``.yml``.

        Args:
            path: the path.

        Raises:
            InvalidValue: the suffix is another, or the file is not valid; the error has the line.
            ImportError: the library for the format is not installed.
            OSError: the file cannot be read.
        """
        name, suffix = os.fspath(path), Path(path).suffix.lower()
        if suffix not in _PARSERS:
            raise InvalidValue(name, suffix, f"the suffix of the file must be {', '.join(_PARSERS)}")
        try:
            text = Path(path).read_text(encoding="utf-8-sig")
        except UnicodeDecodeError:
            raise InvalidValue(name, "(not UTF-8)", "a text in UTF-8") from None
        try:
            return cls(name, text, _PARSERS[suffix](text))
        except _BadSyntax as error:
            raise InvalidValue(f"{name}:{error.line}", "(syntax)", error.problem) from None
        except RecursionError:
            raise InvalidValue(name, "(nested too deeply)", "lists and objects in a few levels") from None

    def located(self, error: InvalidValue) -> InvalidValue:
        """Return an error with the path and the line of the field before the field.

        Args:
            error: an error whose field is a path in the data, such as ``grants[1].buckets``.
        """
        where = f"{self.path}:{self.line_of(_path_of(error.field, self.data))}"
        return InvalidValue(f"{where}: {error.field}", error.value, error.rule)

    def line_of(self, path: ValuePath) -> int:
        """Return the number of the line on which a value begins; for an item of a table, that of its key."""
        find = _FINDERS[Path(self.path).suffix.lower()]
        return find(self.text, path)


class _BadSyntax(Exception):
    """A text that cannot be parsed.

    Args:
        line: the number of the line.
        problem: what is wrong.
    """

    def __init__(self, line: int, problem: str) -> None:
        self.line, self.problem = line, problem
        super().__init__(line, problem)


def _path_of(name: str, data: object) -> ValuePath:
    """Return the path of a field that is named as in errors, as far as the data has it. A key can have dots."""
    path: list[str | int] = []
    while name:
        if isinstance(data, Mapping):
            keys = [key for key in data if isinstance(key, str) and re.match(rf"{re.escape(key)}(?![^.\[])", name)]
            if not keys:
                break
            key = max(keys, key=len)
            path.append(key)
            data, name = data[key], name[len(key) :].removeprefix(".")
        else:
            found = re.match(r"\[([0-9]+)\]\.?", name)
            if found is None or not isinstance(data, list) or int(found[1]) >= len(data):
                break
            path.append(int(found[1]))
            data, name = data[int(found[1])], name[found.end() :]
    return tuple(path)


def _has(data: Any, path: ValuePath) -> bool:
    try:
        for key in path:
            data = data[key]
    except (KeyError, IndexError):
        return False
    return True


# TOML ----------------------------------------------------------------------------------------------------------------


def _toml() -> ModuleType:
    try:
        return import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    except ImportError as error:
        message = "TOML on Python 3.10 requires tomli, which is not installed: pip install 'xacct[cli]'"
        raise ImportError(message, name="tomli") from error


def _parse_toml(text: str) -> object:
    toml = _toml()
    try:
        return toml.loads(text)
    except toml.TOMLDecodeError as error:
        problem = str(error)
        found = re.search(r" \((?:at line ([0-9]+), column [0-9]+|at end of document)\)$", problem)
        line = int(found[1]) if found and found[1] else text.rstrip("\n").count("\n") + 1
        raise _BadSyntax(line, problem[: found.start()] if found else problem) from None


def _toml_line(text: str, path: ValuePath) -> int:
    """Return the line after the longest beginning of the file that can be parsed and lacks the value."""
    toml = _toml()
    lines = text.replace("\r\n", "\n").split("\n")

    def parsed(end: int) -> Any:
        try:
            return toml.loads("\n".join(lines[:end]))
        except toml.TOMLDecodeError:  # in the middle of a value
            return None

    lacks, has = 0, len(lines)
    while True:
        middle = (lacks + has) // 2
        between = [*range(middle, lacks, -1), *range(middle + 1, has)]
        found = next(((end, data) for end in between if (data := parsed(end)) is not None), None)
        if found is None:
            return min(lacks + 1, len(lines))
        if _has(found[1], path):
            has = found[0]
        else:
            lacks = found[0]


# JSON ----------------------------------------------------------------------------------------------------------------


def _parse_json(text: str) -> object:
    try:
        data: object = json.loads(text)
    except json.JSONDecodeError as error:
        raise _BadSyntax(error.lineno, error.msg) from None
    _refuse_repeated_json(text, _after_blanks(text, 0))
    return data


def _refuse_repeated_json(text: str, start: int) -> None:
    # Python would read the last one.
    if text[start] not in "{[":
        return
    names = set()
    for member in json_members(text, start):
        if member.key in names:
            raise _BadSyntax(text.count("\n", 0, member.place) + 1, f"the key {member.key!r} is there twice")
        names.add(member.key)
        _refuse_repeated_json(text, member.value)


def _json_line(text: str, path: ValuePath) -> int:
    place = value = _after_blanks(text, 0)
    for key in path:
        place, value = next((member.place, member.value) for member in json_members(text, value) if member.key == key)
    return text.count("\n", 0, place) + 1


class _Member(NamedTuple):
    """A member of an object or a list: its key or position, where it starts, and where its value starts and ends."""

    key: str | int
    place: int
    value: int
    end: int


def json_members(text: str, start: int) -> Iterator[_Member]:
    """Yield the members of an object or a list in valid JSON.

    Args:
        text: the JSON.
        start: where the object or the list starts.

    >>> [(member.key, member.value, member.end) for member in json_members('{"a": 1, "b": [2, 3]}', 0)]
    [('a', 6, 7), ('b', 14, 20)]
    """
    decode = json.JSONDecoder().raw_decode
    is_object, place, position = text[start] == "{", _after_blanks(text, start + 1), 0
    while text[place] not in "]}":
        key, value = decode(text, place) if is_object else (position, place)
        if is_object:
            value = _after_blanks(text, _after_blanks(text, value) + 1)  # after the colon
        end = decode(text, value)[1]
        yield _Member(key, place, value, end)
        place = _after_blanks(text, end)
        place = _after_blanks(text, place + 1) if text[place] == "," else place
        position += 1


def _after_blanks(text: str, place: int) -> int:
    found = _BLANK.match(text, place)
    return place if found is None else found.end()


# YAML ----------------------------------------------------------------------------------------------------------------


def _yaml() -> ModuleType:
    try:
        return import_module("yaml")
    except ImportError as error:
        message = "YAML requires pyyaml, which is not installed: pip install 'xacct[yaml]'"
        raise ImportError(message, name="yaml") from error


def _parse_yaml(text: str) -> object:
    yaml = _yaml()
    try:
        data: object = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise _BadSyntax(1 if mark is None else mark.line + 1, str(error.problem or error.context)) from None
    except (yaml.YAMLError, ValueError) as error:  # a character or a date that is not valid
        raise _BadSyntax(1, str(error).splitlines()[0]) from None
    _refuse_repeated_yaml(yaml.compose(text, Loader=yaml.SafeLoader), set())
    return data


def _refuse_repeated_yaml(node: Any, seen: set[int]) -> None:
    # Python would read the last one. Aliases lead to nodes that were seen.
    if id(node) in seen or not isinstance(getattr(node, "value", None), list):
        return
    seen.add(id(node))
    names = set()
    for member in node.value:
        name, value = member if isinstance(member, tuple) else (None, member)
        if name is not None and str(name.value) in names:
            raise _BadSyntax(name.start_mark.line + 1, f"the key {name.value!r} is there twice")
        names |= set() if name is None else {str(name.value)}
        _refuse_repeated_yaml(value, seen)


def _yaml_line(text: str, path: ValuePath) -> int:
    yaml = _yaml()
    node = place = yaml.compose(text, Loader=yaml.SafeLoader)
    for key in path:
        if isinstance(node, yaml.MappingNode):
            pairs = [(name, value) for name, value in node.value if name.value == key]
        elif isinstance(node, yaml.SequenceNode):
            pairs = [(value, value) for value in node.value[int(key) :][:1]]
        else:
            pairs = []
        if not pairs:  # a key that is merged in
            break
        place, node = pairs[-1]
    return 1 if place is None else int(place.start_mark.line) + 1


_PARSERS: Mapping[str, Callable[[str], object]] = {
    ".toml": _parse_toml,
    ".json": _parse_json,
    ".yaml": _parse_yaml,
    ".yml": _parse_yaml,
}
_FINDERS: Mapping[str, Callable[[str, ValuePath], int]] = {
    ".toml": _toml_line,
    ".json": _json_line,
    ".yaml": _yaml_line,
    ".yml": _yaml_line,
}
