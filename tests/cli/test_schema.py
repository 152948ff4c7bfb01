"""``xacct schema``: the JSON Schema of a grants file."""

from __future__ import annotations

import json

from tests.cli.command import Command

from xacct import grants_file_schema


def test_the_schema_is_printed_without_credentials(command: Command) -> None:
    ended = command("schema", environment={"AWS_CONFIG_FILE": "/dev/null"})
    assert (ended.code, json.loads(ended.out), ended.err) == (0, grants_file_schema(), "")
