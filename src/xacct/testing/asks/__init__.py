"""What a call asks of IAM: which actions, on which resources, under which circumstances."""

from __future__ import annotations

from xacct.testing.asks.ask import Ask as Ask

__all__ = ["Ask"]
