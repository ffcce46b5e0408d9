# SPDX-License-Identifier: GPL-3.0-or-later
"""Memory for the arrays of a large model, made ready before it is placed, so that the window waits less.

A system gives memory page by page, when a page is first written to. For the 85 MB of a million triangles that
takes longer than to read them: 37 of 51 ms. An allocator hands out again what has come back to it, so arrays
of the same sizes are written to in a thread, and come back right before Blender asks for its own.
"""

from __future__ import annotations

import json
import mmap
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

HEAD = 64
"""Bytes that Blender may ask for beside an array."""

LID = 2**20
"""Bytes of the array above the others: glibc gives the system back what is free at the end of its heap."""

_room: list[Any] = []
_lid: list[Any] = []
_writer: threading.Thread | None = None


def make_room(blends: Iterable[Path]) -> None:
    """Begin to make memory ready for what these .blend files hold, which the reports beside them tell."""
    give_back()
    sizes = [size + HEAD for blend in blends for size in _sizes(blend)]
    if sizes and "numpy" in sys.modules:  # to import it would take longer than is gained
        with suppress(MemoryError):
            _lay_out(sizes)


def _sizes(blend: Path) -> Sequence[int]:
    try:
        told = json.loads(blend.with_suffix(".json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ()
    return told.get("arrays", ())


def is_making() -> bool:
    """Whether the memory is not ready yet."""
    return _writer is not None and _writer.is_alive()


def _lay_out(sizes: Sequence[int]) -> None:
    global _writer
    import numpy as np

    def arrays() -> list[Any]:
        return [np.empty(size, np.uint8) for size in sizes]

    # TBB's allocator (Blender 5) keeps only what is of a size that has come back before, glibc's likewise.
    arrays().clear()
    # jemalloc (Blender 4) keeps no large array, but where one was. numpy asks for large pages there.
    np.empty(sum(sizes), np.uint8)
    _room.extend(arrays())
    _lid.append(np.empty(LID, np.uint8))
    _writer = threading.Thread(target=_write_to, args=(_room,), name="generio-memory", daemon=True)
    _writer.start()


def _write_to(arrays: list[Any]) -> None:
    """Write to each page; ends early when the arrays are given back."""
    for array in arrays:
        array[:: mmap.PAGESIZE] = 0


@contextmanager
def room() -> Iterator[None]:
    """What was made ready is free meanwhile, for Blender to take, and not ours any more afterwards."""
    _room.clear()
    try:
        yield
    finally:
        give_back()


def give_back() -> None:
    """Nothing is to be placed now."""
    _room.clear()
    _lid.clear()
