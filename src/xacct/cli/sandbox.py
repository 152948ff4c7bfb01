"""``xacct sandbox``: AWS accounts on this machine that enforce IAM."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from xacct.cli.exit_codes import FINE

__all__ = ["command"]


def command(
    *,
    port: int = 5000,
    account: Annotated[tuple[str, ...], Parameter(negative="")] = ("111111111111", "222222222222"),
    region: str | None = None,
    strict: Annotated[bool, Parameter(negative="", show_default=False)] = False,
    aws_config: Path | None = None,
) -> int:
    """Serve AWS accounts that enforce IAM on this machine.

    They are for the AWS CLI, Terraform and programs in any language, until Ctrl-C. Needs the extra xacct[testing].

    Example: xacct sandbox --aws-config sandbox.ini

    Args:
        port: The port to listen on; 0 for a free one.
        account: An account ID. Repeat for several.
        region: The region of the accounts; default: eu-central-1.
        strict: Deny calls whose required permissions are not known.
        aws_config: A file to write a profile for each account to. Set AWS_CONFIG_FILE to its path to use them.
    """
    from xacct.testing.__main__ import serve

    serve(account, port=port, region=region, strict=strict, aws_config=aws_config)
    return FINE
