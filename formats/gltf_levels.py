# SPDX-License-Identifier: GPL-3.0-or-later
"""Levels of detail in a glTF binary, which Blender's exporter has no words for.

The layout of the file is that of the glTF 2.0 specification, section 4.4; MSFT_lod is described in
https://github.com/KhronosGroup/glTF/tree/main/extensions/2.0/Vendor/MSFT_lod.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..core.files import atomic_path

EXTENSION, COVERAGE = "MSFT_lod", "MSFT_screencoverage"

_HEADER, _CHUNK, _JSON = struct.Struct("<4sII"), struct.Struct("<II"), 0x4E4F534A


def link_levels(path: Path, levels: Mapping[str, tuple[Sequence[str], Sequence[float]]]) -> None:
    """Make levels of detail of nodes of a file.

    levels: by the name of the node that has the most detail, the names of the others, and below which part of
    the picture's height each of those is shown. They are no longer in the scene by themselves.
    """
    document, rest = _read(path)
    nodes: list[dict[str, Any]] = document["nodes"]
    numbers = {node.get("name"): number for number, node in enumerate(nodes)}
    for name, (others, sizes) in levels.items():
        ids = [numbers[other] for other in others]
        node = nodes[numbers[name]]
        node.setdefault("extensions", {})[EXTENSION] = {"ids": ids}
        # The last number is that below which nothing is shown at all.
        node.setdefault("extras", {})[COVERAGE] = [*sizes, 0.0]
        for scene in document.get("scenes", ()):
            scene["nodes"] = [number for number in scene.get("nodes", ()) if number not in ids]
    if levels:
        document["extensionsUsed"] = sorted({*document.get("extensionsUsed", ()), EXTENSION})
    _write(path, document, rest)


def add_extras(path: Path, extras: Mapping[str, Mapping[str, Any]]) -> None:
    """Give nodes of a file extras; by the nodes' names."""
    document, rest = _read(path)
    for node in document["nodes"]:
        if node.get("name") in extras:
            node.setdefault("extras", {}).update(extras[node["name"]])
    _write(path, document, rest)


def _read(path: Path) -> tuple[dict[str, Any], bytes]:
    """The description in a file, and the chunks behind it."""
    content = path.read_bytes()
    length, _kind = _CHUNK.unpack_from(content, _HEADER.size)
    start = _HEADER.size + _CHUNK.size
    return json.loads(content[start : start + length]), content[start + length :]


def _write(path: Path, document: dict[str, Any], rest: bytes) -> None:
    text = json.dumps(document, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    total = _HEADER.size + _CHUNK.size + len(text) + len(rest)
    with atomic_path(path) as part:
        part.write_bytes(_HEADER.pack(b"glTF", 2, total) + _CHUNK.pack(len(text), _JSON) + text + rest)
