"""The exit codes of the command."""

from __future__ import annotations

__all__ = ["CHANGES", "FAILED", "FINE", "USAGE"]

FINE = 0
"""Nothing to do, or everything is fine."""
FAILED = 1
USAGE = 2
"""An argument or a file is not valid."""
CHANGES = 3
"""There are changes or findings, as with ``terraform plan -detailed-exitcode``, whose code for them is 2."""
