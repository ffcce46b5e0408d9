# SPDX-License-Identifier: GPL-3.0-or-later
"""Reserves memory for a model or image that is about to be placed or packed, so that the window waits less.

The system provides memory page by page, when a page is first written to. For the 85 MB of a million triangles
that takes longer than reading them: 37 of 51 ms. An allocator reuses memory that was freed, so arrays of the
same sizes are allocated and written to in slices, between which the window is drawn, and freed right before
Blender allocates its own.
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

TOP_BLOCK = 2**20
"""Bytes of an array above the others, because glibc returns free memory at the end of its heap."""

PIECE = PAGE * 64
"""Bytes that are written before the elapsed time is checked."""

SLICE_SECONDS = 0.002


class _Reservation:
    """Memory for the model or image `key`. arrays: as large as its own. top_block: lies above them."""

    def __init__(self, key: str, sizes: Sequence[int]) -> None:
        self.key = key
        self.arrays: list[bytearray] = []
        self.top_block: bytearray | None = None
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
        self.arrays, self.top_block = arrays(1), _unwritten(TOP_BLOCK)

    def write(self) -> bool:
        """Write to more pages, for at most SLICE_SECONDS, and return whether any are left."""
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
    """Return an array of which no page is written to yet. Raises MemoryError.

    numpy has such arrays, too, but importing it would stop the window for longer than this saves.
    """
    make = ctypes.pythonapi.PyByteArray_FromStringAndSize
    make.restype, make.argtypes = ctypes.py_object, (ctypes.c_void_p, ctypes.c_ssize_t)
    return make(None, size)


def sizes_in(blend: Path) -> Sequence[int]:
    """The bytes of each large array in a .blend, by the report beside it (see `make_blend.make_blend`)."""
    try:
        report = json.loads(blend.with_suffix(".json").read_text(encoding="utf-8"))
        return [int(size) for size in report["arrays"]]
    except (OSError, ValueError, TypeError, KeyError):  # it may be of another version
        return ()


class Reserve:
    """Reserves memory for one model or image at a time."""

    def __init__(self) -> None:
        self._reservation: _Reservation | None = None

    def prepare(self, key: str, sizes: Sequence[int]) -> None:
        """Start a reservation for `key`, and release the one before."""
        self.release()
        self._reservation = _Reservation(key, sizes)

    def is_for(self, key: str) -> bool:
        """Whether the current reservation is for `key`."""
        return self._reservation is not None and self._reservation.key == key

    def prepare_more(self) -> bool:
        """Continue the reservation for SLICE_SECONDS, and return whether it is still incomplete."""
        return self._reservation is not None and self._reservation.write()

    @contextmanager
    def handed_over(self) -> Iterator[None]:
        """Free the reserved arrays for Blender to use inside the block; then end the reservation."""
        if self._reservation is not None:
            self._reservation.arrays.clear()
        try:
            yield
        finally:
            self.release()

    def release(self) -> None:
        """End the reservation, if there is one."""
        if self._reservation is not None:
            self._reservation.arrays.clear()
        self._reservation = None
