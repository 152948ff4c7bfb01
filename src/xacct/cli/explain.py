"""``xacct explain``: why AWS denied a request."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Annotated, Literal

from cyclopts import Parameter

from xacct import explain
from xacct.cli.exit_codes import CHANGES, FINE
from xacct.cli.options import Region, TrustedProfile, TrustingProfile
from xacct.cli.sessions import open_session
from xacct.cli.standard_input import FileOrStandardInput
from xacct.cli.terminal import print_json, print_text, say
from xacct.errors import InvalidValue

__all__ = ["command"]


def command(
    message: Annotated[str, FileOrStandardInput] = "-",
    /,
    *,
    trusting_profile: TrustingProfile,
    trusted_profile: TrustedProfile,
    region: Region = None,
    principal: str | None = None,
    action: str | None = None,
    resource: str | None = None,
    context: Annotated[tuple[str, ...], Parameter(negative="", show_default=False)] = (),
    format: Literal["table", "json"] = "table",
) -> int:
    """Explain an AccessDenied: which policy denies it, in which account, and what to do.

    Reads the policies of both accounts, and changes nothing. The exit code is 0
    if a cause was found, and 3 if the policies that could be read allow the
    request.

    Example: aws s3 ls s3://reports 2>&1 | xacct explain --trusting-profile production --trusted-profile development

    Args:
        message: AWS's message, or a text that has it, such as a log; - for standard input.
        principal: The caller's ARN, if the message does not have it.
        action: The action, if the message does not have it.
        resource: The ARN of the resource, if the message does not have it.
        context: A context key of the request, such as sts:ExternalId=acme-42. Repeat for several, also of the same key.
        format: How to print the explanation.
    """
    values = _context(context)
    trusting, trusted = open_session(trusting_profile, region), open_session(trusted_profile, region)
    text = _from_standard_input() if message == "-" else message
    explanation = explain(
        text, trusting, trusted, principal=principal, action=action, resource=resource, context=values
    )
    if format == "json":
        print_json(explanation.to_dict())
    else:
        print_text(str(explanation))
    return FINE if explanation.explained else CHANGES


def _from_standard_input() -> str:
    if sys.stdin.isatty():
        say("Paste AWS's message, or the log that has it, and press Ctrl-D on a line of its own.")
    return sys.stdin.read()


def _context(words: Iterable[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for word in words:
        key, sign, value = word.partition("=")
        if not sign or not key:
            raise InvalidValue("--context", word, "KEY=VALUE, such as sts:ExternalId=acme-42")
        found.setdefault(key, []).append(value)
    return found
