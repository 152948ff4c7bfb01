"""The version of the package. It is read from here at build time, and by the command, which should start quickly."""

__version__ = "0.1.0"
