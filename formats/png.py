# SPDX-License-Identifier: GPL-3.0-or-later
"""Pixels become a PNG file, smaller if need be. Knows no bpy, so that any thread may do it."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

from ..core.files import atomic_path

Pixels = Any
"""A numpy array (height, width, 4), bottom row first as in Blender: bytes, or floats 0..1."""

LEVEL = 3
"""Of compression: three times as fast as zlib's own choice, and hardly larger."""


def save_png(
    pixels: Pixels, path: Path, longest: int = 0, linear: bool = False, premultiplied: bool = False
) -> None:
    """Write `pixels` as an RGBA PNG, which appears at `path` only when it is whole. Raises OSError.

    longest: of the sides, in pixels; a larger picture is made smaller (0 = never). linear: whether floats are
    linear light, to be encoded as sRGB. premultiplied: whether they are multiplied with their alpha.
    """
    import numpy as np

    pixels = shrunk(pixels, longest)
    if pixels.dtype != np.uint8:
        if premultiplied:
            alpha = pixels[..., 3:]
            colour = pixels[..., :3] / np.where(alpha > 0.0, alpha, 1.0)
            pixels = np.concatenate((colour, alpha), axis=2)
        pixels = np.clip(pixels, 0.0, 1.0)
        if linear:
            colour = pixels[..., :3]
            colour[...] = np.where(
                colour <= 0.0031308, colour * 12.92, 1.055 * np.power(colour, 1 / 2.4) - 0.055
            )
        pixels = np.rint(pixels * 255.0).astype(np.uint8)
    with atomic_path(path) as part:
        part.write_bytes(_encoded(pixels[::-1]))


def shrunk(pixels: Pixels, longest: int) -> Pixels:
    """The picture so small that no side has more than `longest` pixels, each the mean of those it covers."""
    import numpy as np

    height, width = pixels.shape[:2]
    if not longest or max(height, width) <= longest:
        return pixels
    scale = longest / max(height, width)
    mean = pixels.astype(np.float32)
    for axis, length in ((0, height), (1, width)):
        target = max(1, round(length * scale))
        edges = np.arange(target) * length // target
        counts = np.diff([*edges, length]).astype(np.float32)
        mean = np.add.reduceat(mean, edges, axis=axis)
        mean /= counts[:, None, None] if axis == 0 else counts[None, :, None]
    return np.rint(mean).astype(np.uint8) if pixels.dtype == np.uint8 else mean


def _encoded(rows: Pixels) -> bytes:
    """A PNG of bytes (height, width, 4), top row first; each row as its difference from the one above."""
    import numpy as np

    height, width = rows.shape[:2]
    lines = np.zeros((height, 1 + width * 4), dtype=np.uint8)
    flat = np.ascontiguousarray(rows).reshape(height, width * 4)
    lines[:, 0] = 2  # the filter "up"
    lines[0, 1:] = flat[0]
    np.subtract(flat[1:], flat[:-1], out=lines[1:, 1:])
    header = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    data = zlib.compress(lines.tobytes(), LEVEL)
    chunks = ((b"IHDR", header), (b"sRGB", b"\0"), (b"IDAT", data), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, content) for name, content in chunks)


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
