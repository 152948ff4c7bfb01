"""``xacct schema``: the JSON Schema of a grants file."""

from __future__ import annotations

from xacct import grants_file_schema
from xacct.cli.exit_codes import FINE
from xacct.cli.terminal import print_json

__all__ = ["command"]


def command() -> int:
    """Print the JSON Schema of a grants file, with which editors complete and check it.

    Example: xacct schema > grants-file.schema.json
    """
    print_json(grants_file_schema())
    return FINE
