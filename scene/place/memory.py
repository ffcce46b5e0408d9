# SPDX-License-Identifier: GPL-3.0-or-later
"""Memory for what is about to be placed or packed, made ready before, so that the window waits less.

A system gives memory page by page, when a page is first written to. For the 85 MB of a million triangles that
takes longer than to read them: 37 of 51 ms. An allocator hands out again what has come back to it, so arrays
of the same sizes are written to in slices, between which the window is drawn, and come back right before
Blender asks for its own.
"""

from __future__ import annotations

import ctypes
import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

HEAD = 64
"""Bytes that Blender may ask for beside an array."""

PAGE = 4096
"""Bytes of the smallest pages that systems have."""

LID = 2**20
"""Bytes of the array above the others: glibc gives the system back what is free at the end of its heap."""

PIECE = PAGE * 64
"""Bytes written to before the clock is looked at."""

SLICE_SECONDS = 0.002


class _Room:
    """Memory for one thing. what: says which. arrays: as large as its own. lid: lies above them."""

    def __init__(self, what: str, sizes: Sequence[int]) -> None:
        self.what = what
        self.arrays: list[bytearray] = []
        self.lid: bytearray | None = None
        self._written = 0  # arrays
        self._offset = 0  # bytes of the next one
        if sizes:
            with suppress(MemoryError):
                self._lay_out([size + HEAD for size in sizes])

    def _lay_out(self, sizes: list[int]) -> None:
        def arrays(times: int) -> list[bytearray]:
            return [_unwritten(size) for size in sizes * times]

        # The allocators of TBB (Blender 5) and glibc keep only what is as large as something that came back.
        arrays(2).clear()
        # jemalloc (Blender 4) keeps no large array, but where one was.
        _unwritten(sum(sizes))
        self.arrays, self.lid = arrays(1), _unwritten(LID)

    def write(self) -> bool:
        """Write to more of the pages, for at most SLICE_SECONDS; returns whether there are others left."""
        end = time.perf_counter() + SLICE_SECONDS
        while self._written < len(self.arrays) and time.perf_counter() < end:
            array = self.arrays[self._written]
            pages = range(*slice(self._offset, self._offset + PIECE, PAGE).indices(len(array)))
            array[pages.start : pages.stop : PAGE] = bytes(len(pages))
            self._offset += PIECE
            if self._offset >= len(array):
                self._written, self._offset = self._written + 1, 0
        return self._written < len(self.arrays)


def _unwritten(size: int) -> bytearray:
    """An array of which no page is written to yet. Raises MemoryError.

    numpy has such, too, but to import it stops the window for longer than is gained.
    """
    make = ctypes.pythonapi.PyByteArray_FromStringAndSize
    make.restype, make.argtypes = ctypes.py_object, (ctypes.c_void_p, ctypes.c_ssize_t)
    return make(None, size)


def sizes_in(blend: Path) -> Sequence[int]:
    """The bytes of each large array in a .blend, by the report beside it (see `child.import_glb`)."""
    try:
        told = json.loads(blend.with_suffix(".json").read_text(encoding="utf-8"))
        return [int(size) for size in told["arrays"]]
    except (OSError, ValueError, TypeError, KeyError):  # it may be of another version
        return ()


class Reserve:
    """Memory for one thing at a time."""

    def __init__(self) -> None:
        self._room: _Room | None = None

    def prepare(self, what: str, sizes: Sequence[int]) -> None:
        """Begin to make memory ready: for `what`, and for nothing else any more."""
        self.release()
        self._room = _Room(what, sizes)

    def is_for(self, what: str) -> bool:
        """Whether that is what memory was last made ready for."""
        return self._room is not None and self._room.what == what

    def prepare_more(self) -> bool:
        """Go on making it ready, for SLICE_SECONDS; returns whether it is not ready yet."""
        return self._room is not None and self._room.write()

    @contextmanager
    def spent(self) -> Iterator[None]:
        """Meanwhile what was made ready is there for Blender to take, and afterwards not ours any more."""
        if self._room is not None:
            self._room.arrays.clear()
        try:
            yield
        finally:
            self.release()

    def release(self) -> None:
        """Nothing is to be placed or packed now."""
        if self._room is not None:
            self._room.arrays.clear()
        self._room = None
