"""A pause of the garbage collector, for code that makes many objects of which none is garbage."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["no_garbage_collection"]


@contextmanager
def no_garbage_collection(*, kept: bool = False) -> Iterator[None]:
    """Import modules, create clients or compile policies without the garbage collector.

    The collector would look through all that was made before, again and again, and find next to nothing to collect.
    A collector that is off stays off.

    Args:
        kept: whether what there is at the end stays as long as the process, so that the collector never looks at it.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if kept:
            gc.freeze()
        if was_enabled:
            gc.enable()
