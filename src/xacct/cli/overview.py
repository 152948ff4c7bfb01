"""The commands and the options that all of them have, as ``xacct --help`` shows them.

The list is printed without the framework of the commands, which takes longer to import than everything else.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

__all__ = ["COMMANDS", "DEBUG", "VERBOSE", "print_overview"]

COMMANDS: Mapping[str, Mapping[str, str]] = {
    "Grants": {
        "grant": "Give an account read access to S3 in another account.",
        "list": "List the grants of an account.",
        "show": "Show a grant, and what differs from it on its resources.",
        "verify": "Use a grant: check that reads work and that writes are denied.",
        "revoke": "Remove everything that a grant created.",
        "sweep": "Remove the grants of an account that have expired.",
    },
    "Audit": {
        "audit": "Find who gets in from outside, and which trusts lead nowhere.",
        "who-can": "Show everybody who can do an action on a resource.",
        "what-can": "Show the roles that a user or a role can assume.",
        "explain": "Explain an AccessDenied: which policy denies it, and what to do.",
        "lint": "Find mistakes in policies.",
    },
    "Grants in a file": {
        "plan": "Show what the grants in a file would change.",
        "apply": "Make the changes for the grants in a file.",
        "prove": "Prove that the grants in a file give their access, and no more.",
        "schema": "Print the JSON Schema of a grants file.",
    },
    "Sessions": {
        "exec": "Run a program with a role's credentials.",
        "credentials": "Print a role's credentials, for credential_process or a shell.",
        "console": "Open the AWS console with a role's session.",
        "whoami": "Show whose credentials are used.",
    },
    "Without AWS": {
        "demo": "Show the main commands in AWS accounts that enforce IAM.",
        "sandbox": "Serve AWS accounts that enforce IAM on this machine.",
    },
}
"""The commands with their summaries, by group. The module of a command has the command's name."""

VERBOSE = "Show each step, and the whole text of an error."
DEBUG = "Show where in the code an error was raised."

_OPTIONS: Mapping[str, Mapping[str, str]] = {
    "Options": {
        "-h, --help": "Show this list, or the arguments of a command.",
        "--version": "Show the version.",
        "--install-completion": "Complete commands and options in bash, zsh or fish.",
    },
    "Options of all commands": {"-v, --verbose": VERBOSE, "--debug": DEBUG},
}

_BEFORE = """\
Usage: xacct COMMAND [OPTIONS]

Cross-account access on AWS: grant it in both accounts, prove it, use it,
verify it, revoke it.
"""
_AFTER = """
Exit codes: 0 nothing to do, or everything is fine; 1 failed; 2 wrong usage;
3 there are changes or findings.

Standard output has data only; messages, questions and progress go to standard
error. NO_COLOR turns off colors.
"""


def print_overview() -> None:
    """Print the commands and the options that all of them have to standard output."""
    bold, plain = ("\x1b[1m", "\x1b[0m") if sys.stdout.isatty() and not os.environ.get("NO_COLOR") else ("", "")
    sys.stdout.write(_BEFORE)
    for groups in (COMMANDS, _OPTIONS):
        width = max(len(name) for group in groups.values() for name in group)
        for title, group in groups.items():
            sys.stdout.write(f"\n{bold}{title}{plain}\n")
            sys.stdout.writelines(f"  {name:<{width}}  {text}\n" for name, text in group.items())
    sys.stdout.write(_AFTER)
