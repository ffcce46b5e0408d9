# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures taken out of Blender, on their way to become PNG files: written raw, piece by piece.

The raw file is one line of JSON, and then the pixels as they lie in memory, or a PNG that is one already. Who
has time makes the PNG of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .png import save_png

PIECE = 1 << 21
"""Bytes written at once: less than two milliseconds."""


@dataclass(frozen=True)
class RawPicture:
    """A picture in memory.

    data: a PNG, or pixels, bottom row first, as anything that has a buffer. about: of pixels `width`,
    `height` and `channels`, `type` ("uint8", "float32"), and whether they are `linear` light and
    `premultiplied`; empty for a PNG.
    """

    data: Any
    about: dict[str, Any] = field(default_factory=dict[str, Any])

    @classmethod
    def of_pixels(cls, pixels: Any, linear: bool = False, premultiplied: bool = False) -> RawPicture:
        """The picture of a numpy array (height, width, channels)."""
        height, width, channels = pixels.shape
        about = {
            "width": width,
            "height": height,
            "channels": channels,
            "type": str(pixels.dtype),
            "linear": linear,
            "premultiplied": premultiplied,
        }
        return cls(pixels, about)

    def write(self, path: Path) -> Iterator[None]:
        """Write it raw, in pieces; the file appears at `path` when it is whole. Raises OSError."""
        part = path.with_name(path.name + ".part")
        data = memoryview(self.data).cast("B")
        try:
            with part.open("wb") as file:
                file.write(json.dumps(self.about).encode("ascii") + b"\n")
                for start in range(0, len(data), PIECE):
                    file.write(data[start : start + PIECE])
                    yield
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)

    def write_whole(self, path: Path) -> None:
        """Write it raw, at once. Raises OSError."""
        for _ in self.write(path):
            pass


def to_png(raw: Path, path: Path, longest: int) -> None:
    """Make a PNG of what was written raw, which then is gone. Raises OSError, and MemoryError.

    longest: of the sides, in pixels; a larger picture is made smaller (0 = never), but no PNG that is one.
    """
    try:
        with raw.open("rb") as file:
            about = json.loads(file.readline())
            data = file.read()
        if about:
            save_png(_rgba(_pixels(data, about)), path, longest, about["linear"], about["premultiplied"])
        else:
            part = path.with_name(path.name + ".part")
            part.write_bytes(data)
            part.replace(path)
    finally:
        raw.unlink(missing_ok=True)


def _pixels(data: bytes, about: dict[str, Any]) -> Any:
    import numpy as np

    values = np.frombuffer(data, dtype=about["type"])
    return values.reshape(about["height"], about["width"], about["channels"])


def _rgba(pixels: Any) -> Any:
    """Pixels of one to four channels with four: grey is spread, and what has no alpha is opaque."""
    import numpy as np

    channels = pixels.shape[2]
    if channels == 4:
        return pixels
    full = np.ones((*pixels.shape[:2], 4), dtype=pixels.dtype)
    full[..., :3] = pixels[..., :3] if channels == 3 else pixels[..., :1]
    return full


def keep_newest(folder: Path, count: int) -> None:
    """Delete the PNG files of a folder but for the newest `count`. Raises OSError."""
    former = sorted(folder.glob("*.png"), key=lambda file: file.stat().st_mtime)
    for file in former[:-count]:
        file.unlink()
