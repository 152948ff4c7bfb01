from tests.cli.command import command

__all__ = ["command"]
