# SPDX-License-Identifier: GPL-3.0-or-later
"""Models to measure with: a wavy sheet of so many triangles, plain or with three 4K textures, as GLB."""

from __future__ import annotations

import io
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

QUADS = {10_000: (100, 50), 100_000: (250, 200), 1_000_000: (1000, 500)}
"""Columns and rows that make so many triangles."""

SIDE = 4096
GRAIN = 6
"""By how many of 256 levels neighbouring pixels differ: about as hard to compress as a photograph."""

FLOAT, UNSIGNED = 5126, 5125
VERTICES, INDICES = 34962, 34963


def write_model(path: Path, triangles: int, textures: list[tuple[str, bytes]]) -> None:
    """Write a GLB of one mesh with normals and UVs.

    triangles: a key of QUADS. textures: none, or (MIME type, file) of colour, of metal and roughness, and of
    normals.
    """
    columns, rows = QUADS[triangles]
    u, v = np.meshgrid(np.linspace(0, 1, columns + 1), np.linspace(0, 1, rows + 1))
    height = 0.05 * np.sin(u * 40) * np.cos(v * 30)
    points = np.stack([u, height, v], axis=-1).reshape(-1, 3).astype(np.float32)
    normals = np.stack(
        [-2 * np.cos(u * 40) * np.cos(v * 30), np.ones_like(u), 1.5 * np.sin(u * 40) * np.sin(v * 30)],
        axis=-1,
    ).reshape(-1, 3)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    coordinates = np.stack([u, v], axis=-1).reshape(-1, 2)
    corner = (np.arange(rows)[:, None] * (columns + 1) + np.arange(columns)).reshape(-1, 1)
    indices = corner + np.array([0, columns + 1, 1, 1, columns + 1, columns + 2])

    binary = bytearray()
    views: list[dict[str, Any]] = []
    accessors: list[dict[str, Any]] = []

    def add_view(data: bytes, **more: int) -> int:
        views.append({"buffer": 0, "byteOffset": len(binary), "byteLength": len(data), **more})
        binary.extend(data + bytes(-len(data) % 4))
        return len(views) - 1

    def add_accessor(data: np.ndarray, kind: str, component: int, target: int, **more: Any) -> int:
        view = add_view(data.tobytes(), target=target)
        count = len(points) if target == VERTICES else indices.size
        accessors.append(
            {"bufferView": view, "componentType": component, "count": count, "type": kind, **more}
        )
        return len(accessors) - 1

    extent = {"min": points.min(axis=0).tolist(), "max": points.max(axis=0).tolist()}
    attributes = {
        "POSITION": add_accessor(points, "VEC3", FLOAT, VERTICES, **extent),
        "NORMAL": add_accessor(normals.astype(np.float32), "VEC3", FLOAT, VERTICES),
        "TEXCOORD_0": add_accessor(coordinates.astype(np.float32), "VEC2", FLOAT, VERTICES),
    }
    primitive = {
        "attributes": attributes,
        "indices": add_accessor(indices.astype(np.uint32), "SCALAR", UNSIGNED, INDICES),
        "material": 0,
    }
    images = [{"bufferView": add_view(data), "mimeType": mime} for mime, data in textures]
    document: dict[str, Any] = {
        "asset": {"version": "2.0"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0, "name": "Sheet"}],
        "meshes": [{"primitives": [primitive]}],
        "materials": [_material(bool(textures))],
        "accessors": accessors,
        "bufferViews": views,
        "buffers": [{"byteLength": len(binary)}],
    }
    if images:
        document |= {"images": images, "textures": [{"source": index} for index in range(len(images))]}
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    with path.open("wb") as file:
        file.write(struct.pack("<4sII", b"glTF", 2, 12 + 8 + len(text) + 8 + len(binary)))
        file.write(struct.pack("<I4s", len(text), b"JSON") + text)
        file.write(struct.pack("<I4s", len(binary), b"BIN\0") + binary)


def _material(textured: bool) -> dict[str, Any]:
    if not textured:
        return {"name": "Sheet"}
    surface = {"baseColorTexture": {"index": 0}, "metallicRoughnessTexture": {"index": 1}}
    return {"name": "Sheet", "pbrMetallicRoughness": surface, "normalTexture": {"index": 2}}


def paint_textures() -> list[tuple[str, bytes]]:
    """Colour and normals as PNG, metal and roughness as JPEG, with soft shapes and grain."""
    return [
        ("image/png", _paint(1, "PNG")),
        ("image/jpeg", _paint(2, "JPEG")),
        ("image/png", _paint(3, "PNG")),
    ]


def _paint(seed: int, form: str) -> bytes:
    random = np.random.default_rng(seed)
    coarse = Image.fromarray(random.integers(40, 200, (32, 32, 3), dtype=np.uint8))
    soft = np.asarray(coarse.resize((SIDE, SIDE), Image.Resampling.BICUBIC))
    grain = random.integers(0, GRAIN, (SIDE, SIDE, 1), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(soft + grain).save(file, form, compress_level=1, quality=92)
    return file.getvalue()
