"""``python -m xacct`` is the command ``xacct``."""

from __future__ import annotations

import sys

from xacct.cli.main import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
