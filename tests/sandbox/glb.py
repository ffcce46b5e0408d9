"""Writes and reads GLB files (glTF 2.0, binary container), as far as the sandbox and its tests need.

Units and axes are glTF's: metres, Y up, right-handed, counter-clockwise triangles face outwards,
UV origin at the upper left.
"""

import json
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

_MAGIC, _VERSION = b"glTF", 2
_JSON_CHUNK, _BIN_CHUNK = 0x4E4F534A, 0x004E4942
_FLOAT, _UINT16, _UINT32 = 5126, 5123, 5125
_VERTICES, _INDICES = 34962, 34963
_TRIANGLES = 4


@dataclass(frozen=True)
class Material:
    """A metallic-roughness material; the images are the bytes of a PNG or JPEG file."""

    name: str = "Material"
    base_color: tuple[float, float, float, float] = (1.0, 1.0, 1.0, 1.0)
    metallic: float = 0.0
    roughness: float = 1.0
    base_color_image: bytes | None = None
    metallic_roughness_image: bytes | None = None


@dataclass(frozen=True)
class Mesh:
    """Triangles: `positions` and `normals` n x 3, `uvs` n x 2, `triangles` m x 3 indices into them."""

    positions: NDArray[np.floating]
    normals: NDArray[np.floating]
    uvs: NDArray[np.floating]
    triangles: NDArray[np.integer]
    name: str = "Mesh"
    material: int | None = None


@dataclass(frozen=True)
class Node:
    """A place in the scene; `mesh` is an index, `children` are nodes below this one."""

    name: str = "Node"
    mesh: int | None = None
    translation: tuple[float, float, float] = (0.0, 0.0, 0.0)
    rotation: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 1.0)
    scale: tuple[float, float, float] = (1.0, 1.0, 1.0)
    children: Sequence["Node"] = field(default_factory=tuple)


class _Writer:
    """Collects the document and its one buffer."""

    def __init__(self) -> None:
        self.document: dict[str, Any] = {
            "asset": {
                "version": "2.0",
                "generator": "GENERIO Flows sandbox: a stand-in, not a generated model",
            }
        }
        self._buffer = bytearray()

    def add(self, kind: str, item: dict[str, Any]) -> int:
        items = self.document.setdefault(kind, [])
        items.append(item)
        return len(items) - 1

    def view(self, data: bytes, target: int | None = None) -> int:
        self._buffer += bytes(-len(self._buffer) % 4)  # accessors of 4-byte numbers must start aligned
        view = {"buffer": 0, "byteOffset": len(self._buffer), "byteLength": len(data)}
        self._buffer += data
        return self.add("bufferViews", view if target is None else view | {"target": target})

    def attribute(self, values: NDArray[np.floating]) -> int:
        values = np.ascontiguousarray(values, dtype="<f4")
        accessor = {
            "bufferView": self.view(values.tobytes(), _VERTICES),
            "componentType": _FLOAT,
            "count": len(values),
            "type": f"VEC{values.shape[1]}",
            "min": values.min(axis=0).tolist(),
            "max": values.max(axis=0).tolist(),
        }
        return self.add("accessors", accessor)

    def indices(self, triangles: NDArray[np.integer]) -> int:
        short = int(triangles.max()) < 0xFFFF  # 0xFFFF itself is reserved
        flat = np.ascontiguousarray(triangles, dtype="<u2" if short else "<u4").reshape(-1)
        accessor = {
            "bufferView": self.view(flat.tobytes(), _INDICES),
            "componentType": _UINT16 if short else _UINT32,
            "count": len(flat),
            "type": "SCALAR",
            "min": [int(flat.min())],
            "max": [int(flat.max())],
        }
        return self.add("accessors", accessor)

    def mesh(self, mesh: Mesh) -> int:
        primitive: dict[str, Any] = {
            "attributes": {
                "POSITION": self.attribute(mesh.positions),
                "NORMAL": self.attribute(mesh.normals),
                "TEXCOORD_0": self.attribute(mesh.uvs),
            },
            "indices": self.indices(mesh.triangles),
            "mode": _TRIANGLES,
        }
        if mesh.material is not None:
            primitive["material"] = mesh.material
        return self.add("meshes", {"name": mesh.name, "primitives": [primitive]})

    def material(self, material: Material) -> int:
        surface: dict[str, Any] = {
            "baseColorFactor": list(material.base_color),
            "metallicFactor": material.metallic,
            "roughnessFactor": material.roughness,
        }
        if material.base_color_image is not None:
            surface["baseColorTexture"] = {"index": self.texture(material.base_color_image)}
        if material.metallic_roughness_image is not None:
            surface["metallicRoughnessTexture"] = {"index": self.texture(material.metallic_roughness_image)}
        return self.add("materials", {"name": material.name, "pbrMetallicRoughness": surface})

    def texture(self, image: bytes) -> int:
        mime = "image/png" if image.startswith(b"\x89PNG") else "image/jpeg"
        return self.add(
            "textures", {"source": self.add("images", {"mimeType": mime, "bufferView": self.view(image)})}
        )

    def node(self, node: Node) -> int:
        item: dict[str, Any] = {
            "name": node.name,
            "translation": list(node.translation),
            "rotation": list(node.rotation),
            "scale": list(node.scale),
        }
        if node.mesh is not None:
            item["mesh"] = node.mesh
        if node.children:
            item["children"] = [self.node(child) for child in node.children]
        return self.add("nodes", item)

    def finish(self) -> bytes:
        if self._buffer:
            self.document["buffers"] = [{"byteLength": len(self._buffer)}]
        return pack(self.document, bytes(self._buffer))


def build(meshes: Sequence[Mesh], materials: Sequence[Material], nodes: Sequence[Node]) -> bytes:
    """Write a GLB with one scene that holds `nodes`; several nodes may show the same mesh."""
    writer = _Writer()
    for material in materials:
        writer.material(material)
    for mesh in meshes:
        writer.mesh(mesh)
    roots = [writer.node(node) for node in nodes]
    writer.document |= {"scenes": [{"nodes": roots}], "scene": 0}
    return writer.finish()


def pack(document: dict[str, Any], buffer: bytes) -> bytes:
    """Put a glTF document and its binary buffer into the GLB container."""
    text = json.dumps(document, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    buffer += bytes(-len(buffer) % 4)
    chunks = struct.pack("<II", len(text), _JSON_CHUNK) + text
    if buffer:
        chunks += struct.pack("<II", len(buffer), _BIN_CHUNK) + buffer
    return _MAGIC + struct.pack("<II", _VERSION, 12 + len(chunks)) + chunks


def unpack(data: bytes) -> tuple[dict[str, Any], bytes]:
    """Split a GLB into its glTF document and its binary buffer; ValueError when it is not whole."""
    if len(data) < 20 or data[:4] != _MAGIC:
        raise ValueError("not a GLB file")
    version, length = struct.unpack_from("<II", data, 4)
    if version != _VERSION:
        raise ValueError(f"GLB version {version} is not supported")
    if length != len(data):
        raise ValueError(f"the GLB says it has {length} bytes and has {len(data)}")
    (size, kind) = struct.unpack_from("<II", data, 12)
    if kind != _JSON_CHUNK or 20 + size > len(data):
        raise ValueError("the GLB does not begin with a JSON chunk")
    document = json.loads(data[20 : 20 + size])
    if not isinstance(document, dict):
        raise ValueError("the GLB's document is not an object")
    return document, data[28 + size :]


def instances(document: dict[str, Any]) -> Iterator[int]:
    """List the mesh index of each node that shows a mesh."""
    return (node["mesh"] for node in document.get("nodes", []) if "mesh" in node)


def triangle_count(data: bytes) -> int:
    """Count the triangles that the GLB shows; a mesh counts once for each node that shows it."""
    document, _ = unpack(data)
    counts = [
        sum(document["accessors"][primitive["indices"]]["count"] // 3 for primitive in mesh["primitives"])
        for mesh in document.get("meshes", [])
    ]
    return sum(counts[index] for index in instances(document))
