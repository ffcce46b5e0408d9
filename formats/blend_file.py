# SPDX-License-Identifier: GPL-3.0-or-later
"""How large the arrays in a .blend are, by the heads of its blocks. Knows no bpy.

A .blend is a head, which says how the heads of its blocks look, and the blocks: each a head with a code and a
length, and that many bytes. Blender's sources name these heads `SmallBHead8` and `LargeBHead8`.
"""

from __future__ import annotations

import struct
from pathlib import Path

ARRAY = 2**18
"""Bytes from which on an array counts; what is smaller costs nothing that anybody notices."""

_HEADS = {
    # of the file: of a block, with code, length, and what is between them
    b"BLENDER-v": (12, struct.Struct("<4si16x")),
    b"BLENDER17-01v": (17, struct.Struct("<4s12xq8x")),  # since 5.0
}


def array_sizes(blend: Path) -> list[int]:
    """The bytes of each large array in an uncompressed .blend, in its order; none in another format."""
    with blend.open("rb") as file:
        start = file.read(17)
        known = [head for magic, head in _HEADS.items() if start.startswith(magic)]
        if not known:
            return []
        ((place, head),) = known
        sizes: list[int] = []
        while True:
            file.seek(place)
            data = file.read(head.size)
            code, length = head.unpack(data) if len(data) == head.size else (b"", -1)
            if length < 0:  # the end, or nothing that Blender has written
                return sizes
            if code == b"DATA" and length >= ARRAY:
                sizes.append(length)
            place += head.size + length
