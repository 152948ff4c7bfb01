"""Lazy public names: a package's imports for type checkers, read from its source and done on first use."""

from __future__ import annotations

import ast
import pkgutil
from functools import cache
from importlib import import_module

__all__ = ["load", "modules_by_name"]


@cache
def modules_by_name(package: str) -> dict[str, str]:
    """Return the module of each name that a package imports below ``if TYPE_CHECKING:``.

    Args:
        package: the package's name.

    Raises:
        ImportError: the package's source is not available.

    >>> modules_by_name("xacct")["Arn"]
    'xacct.arn'
    """
    try:
        source = pkgutil.get_data(package, "__init__.py") or b""
    except OSError:
        message = f"the source file of {package}/__init__.py is missing, but is needed at run time: reinstall {package}"
        raise ImportError(message, name=package) from None
    return {
        alias.asname or alias.name: node.module
        for block in ast.parse(source).body
        if isinstance(block, ast.If) and isinstance(block.test, ast.Name) and block.test.id == "TYPE_CHECKING"
        for node in block.body
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    }


def load(package: str, name: str) -> object:
    """Import a public name of a package.

    Raises:
        AttributeError: the package has no such name.
    """
    module = modules_by_name(package).get(name)
    if module is None:
        raise AttributeError(f"module {package!r} has no attribute {name!r}", name=name)
    return getattr(import_module(module), name)
