# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks that a file is a complete glTF 2 binary, which needs nothing but itself.

The layout is that of the glTF 2.0 specification, section 4.4: a header of 12 bytes (magic, version, length),
then chunks of (length, type, content), of which the first is JSON and the second, if any, BIN.
"""

import json
import struct
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, cast

from ..core.errors import (
    NotAGlb,
    NotSelfContained,
    ResultTruncated,
    ResultUnusable,
    TexturesTooLarge,
    UnreadableFile,
)
from ..core.messages import EMPTY, Message
from ..core.text import tidy
from .images import read_head
from .texels import Views, count_texels

MAGIC = b"glTF"
_JSON, _BIN = 0x4E4F534A, 0x004E4942
_LONGEST_JSON = 16 << 20  # bytes; a description of that length would stall Blender's importer as well
_MOST_OBJECTS = 200_000  # objects and lists in it; so would these

_MOST_PICTURES = 1_000
MOST_TEXELS = 1 << 29
"""Pixels of all pictures together, 4 bytes each: eight of 8K. More would fill the memory."""

_BYTES = {"5120": 1, "5121": 1, "5122": 2, "5123": 2, "5125": 4, "5126": 4}
_COMPONENTS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT2": 4, "MAT3": 9, "MAT4": 16}
_BEST_COMPRESSION = 64  # elements that a byte of the file may stand for, generously
_FEW_ELEMENTS = 1_000_000  # so many are no trouble, however small the file is
_LONGEST_ELEMENT = 16  # bytes; of what is compressed, each attribute has a view of its own
_MESHOPT = ("KHR_meshopt_compression", "EXT_meshopt_compression")  # they differ in nothing that is read here
_LIBRARIES = {"KHR_draco_mesh_compression": "draco", **dict.fromkeys(_MESHOPT, "meshopt")}
_EXTENSIONS = frozenset(  # those that the importers of Blender 4.2 to 5.2 know
    [
        "KHR_animation_pointer",
        "KHR_draco_mesh_compression",
        "KHR_lights_punctual",
        "KHR_materials_anisotropy",
        "KHR_materials_clearcoat",
        "KHR_materials_dispersion",
        "KHR_materials_emissive_strength",
        "KHR_materials_ior",
        "KHR_materials_iridescence",
        "KHR_materials_pbrSpecularGlossiness",
        "KHR_materials_sheen",
        "KHR_materials_specular",
        "KHR_materials_transmission",
        "KHR_materials_unlit",
        "KHR_materials_variants",
        "KHR_materials_volume",
        "KHR_mesh_quantization",
        "KHR_meshopt_compression",
        "KHR_texture_transform",
        "EXT_mesh_gpu_instancing",
        "EXT_meshopt_compression",
        "EXT_texture_webp",
    ]
)


class GlbInfo(NamedTuple):
    """What a checked GLB says about itself: its size in bytes, and counts of what it defines."""

    size: int
    meshes: int
    triangles: int
    materials: int
    images: int
    extensions_required: tuple[str, ...]


def check_glb(path: Path, *, claimed: str | None = None) -> GlbInfo:
    """Check the file at `path` (contract section 6, step 6) and say what is in it.

    `claimed` is the MIME type that came with it, for the error's text. Raises NotAGlb, ResultTruncated or
    NotSelfContained; UnreadableFile when there is nothing to read.
    """
    head = read_head(path, 64)
    if not MAGIC.startswith(head[:4]):
        raise NotAGlb(not_a_glb(head, claimed))
    with path.open("rb") as file:
        return _info(read_document(file, path.stat().st_size), path.stat().st_size)


def required_extension_in(path: Path, words: str) -> str | None:
    """The extension that the GLB at `path` needs and that Blender's `words` are about, or None.

    The libraries that unpack meshes are left out of some builds of Blender, and named by its words then.
    """
    try:
        names = check_glb(path).extensions_required
    except (ResultUnusable, UnreadableFile):
        return None
    lowered = words.lower()
    return next(
        (name for name in names if name.lower() in lowered or _LIBRARIES.get(name, name) in lowered), None
    )


def read_document(file: BinaryIO, size: int) -> dict[str, Any]:
    """Walk through the chunks and return the JSON one; the others are only measured."""
    header = file.read(12)
    if len(header) < 12:
        raise ResultTruncated()
    version, declared = struct.unpack("<4xII", header)
    if version != 2:
        raise NotAGlb(
            Message(
                "The model is a GLB of version {version}, and only version 2 can be opened.", version=version
            )
        )
    if size < declared:
        raise ResultTruncated(
            Message(
                "The model is cut off: {size:,} of {declared:,} bytes are there.",
                size=size,
                declared=declared,
            )
        )
    if size > declared:
        raise NotAGlb(
            Message("The model is a damaged GLB: it has {count:,} bytes too many.", count=size - declared)
        )
    document: dict[str, Any] | None = None
    place, binary, start, number = 12, 0, 0, 0
    while place < declared:
        chunk = file.read(8)
        if len(chunk) < 8:
            raise _damaged()
        length, kind = struct.unpack("<II", chunk)
        place += 8 + length
        if place > declared:
            raise _damaged()
        if document is None:
            if kind != _JSON or length > _LONGEST_JSON:
                raise _damaged()
            document = _parse(file.read(length))
        else:
            if kind == _BIN and number == 1:  # anywhere else it is not the one that is meant
                binary, start = length, place - length
            file.seek(length, 1)
        number += 1
    if document is None:
        raise _damaged()
    _check_buffers(document, binary)
    _check_extensions(document)
    views = _views(document, declared)
    _check_accessors(document, views, declared)
    _check_pictures(document, views, file, start)
    return document


def _parse(content: bytes) -> dict[str, Any]:
    if content.count(b"{") + content.count(b"[") > _MOST_OBJECTS:
        raise _damaged()
    try:
        document: object = json.loads(content)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise _damaged()
    document = cast(dict[str, Any], document)
    version = _object(document.get("asset")).get("version")
    if not (isinstance(version, str) and version.startswith("2.")):
        raise _damaged()
    return document


def _check_buffers(document: dict[str, Any], binary: int) -> None:
    """Everything that the document refers to has to be inside the file, but for what is to be unpacked."""
    needs_unpacking = any(name in _MESHOPT for name in _required(document))
    for entry in _objects(document, "buffers") + _objects(document, "images"):
        uri = entry.get("uri")
        if uri is None or (needs_unpacking and _is_fallback(entry)):
            continue
        if not isinstance(uri, str) or uri[:5].lower() != "data:":
            name = tidy(str(uri), 60)
            raise NotSelfContained(
                Message('The model needs the file "{name}", which it does not contain.', name=name)
            )
    for index, entry in enumerate(_objects(document, "buffers")):
        length = _count(entry.get("byteLength"))
        if "uri" not in entry and not _is_fallback(entry) and (index > 0 or length > binary):
            raise _damaged()


def _is_fallback(buffer: dict[str, Any]) -> bool:
    """Whether a buffer needs no data, since all of its views are compressed ones in another buffer.

    See EXT_meshopt_compression, "Fallback buffers".
    """
    return _meshopt(buffer).get("fallback") is True


def _meshopt(entry: dict[str, Any]) -> dict[str, Any]:
    """What the extension says about a buffer or a view; nothing where it says nothing."""
    extensions = _object(entry.get("extensions"))
    return _object(next((extensions[name] for name in _MESHOPT if name in extensions), None))


def _check_extensions(document: dict[str, Any]) -> None:
    """A required extension that Blender does not know makes the model unreadable (glTF 2.0, section 3.12)."""
    for name in _required(document):
        if name not in _EXTENSIONS:
            raise NotAGlb(
                Message(
                    'The model needs the glTF extension "{name}", which Blender does not know.',
                    name=tidy(name, 60),
                )
            )


def _required(document: dict[str, Any]) -> list[str]:
    """The extensions without which the model cannot be read."""
    names = document.get("extensionsRequired")
    return [str(name) for name in cast(list[object], names)] if isinstance(names, list) else []


def _views(document: dict[str, Any], size: int) -> Views:
    """The buffer views, none of which may claim more than its buffer holds (section 3.6.1).

    size: bytes of the file, of which what is compressed is a part.
    """
    buffers = _objects(document, "buffers")
    lengths = [_count(entry.get("byteLength")) for entry in buffers]
    views: list[tuple[int, int, int]] = []
    for view in _objects(document, "bufferViews"):
        index, start, length = _span(view, lengths)
        packed = _meshopt(view)
        if packed:
            where, _, _ = _span(packed, lengths)
            if _is_fallback(buffers[where]) or length > _most_elements(size) * _LONGEST_ELEMENT:
                raise _damaged()
        elif _is_fallback(buffers[index]) and "uri" not in buffers[index]:
            raise _damaged()
        views.append((index, start, length))
    return views


def _span(view: dict[str, Any], lengths: list[int]) -> tuple[int, int, int]:
    """Which buffer, and the first byte and the number of bytes in it. lengths: of the buffers."""
    index, start, length = (
        view.get("buffer"),
        _count(view.get("byteOffset")),
        _count(view.get("byteLength")),
    )
    if not isinstance(index, int) or not 0 <= index < len(lengths) or start + length > lengths[index]:
        raise _damaged()
    return index, start, length


def _most_elements(size: int) -> int:
    """How many elements a file of `size` bytes may unpack to."""
    return max(_FEW_ELEMENTS, size * _BEST_COMPRESSION)


def _check_accessors(document: dict[str, Any], views: Views, size: int) -> None:
    """No accessor may claim more than its buffer view holds (section 3.6.2): importers believe it."""
    for accessor in _objects(document, "accessors"):
        count, index = _count(accessor.get("count")), accessor.get("bufferView")
        if index is None:
            # All zeros, sparse, or compressed by an extension: nothing to measure by but the file itself.
            if count > _most_elements(size):
                raise _damaged()
            continue
        width = _BYTES.get(str(accessor.get("componentType")), 1)
        width *= _COMPONENTS.get(str(accessor.get("type")), 1)
        if not isinstance(index, int) or not 0 <= index < len(views):
            raise _damaged()
        _, _, length = views[index]
        if _count(accessor.get("byteOffset")) + count * width > length:
            raise _damaged()


def _check_pictures(document: dict[str, Any], views: Views, file: BinaryIO, start: int) -> None:
    """Together they must fit into memory, into which importers unpack them."""
    buffers, images = _objects(document, "buffers"), _objects(document, "images")
    if len(images) > _MOST_PICTURES or count_texels(images, views, buffers, file, start) > MOST_TEXELS:
        raise TexturesTooLarge


def _info(document: dict[str, Any], size: int) -> GlbInfo:
    return GlbInfo(
        size=size,
        meshes=len(_objects(document, "meshes")),
        triangles=sum(_triangles(document, mesh) for mesh in _objects(document, "meshes")),
        materials=len(_objects(document, "materials")),
        images=len(_objects(document, "images")),
        extensions_required=tuple(tidy(name, 80) for name in _required(document)),
    )


def _triangles(document: dict[str, Any], mesh: dict[str, Any]) -> int:
    """Triangles of one mesh: lists (mode 4) hold a third of their corners, strips and fans two less."""
    accessors = _objects(document, "accessors")
    total = 0
    for primitive in _objects(mesh, "primitives"):
        corners = primitive.get("indices", _object(primitive.get("attributes")).get("POSITION"))
        if not isinstance(corners, int) or not 0 <= corners < len(accessors):
            continue
        count = _count(accessors[corners].get("count"))
        mode = primitive.get("mode", 4)
        total += count // 3 if mode == 4 else max(0, count - 2) if mode in (5, 6) else 0
    return total


def _object(value: object) -> dict[str, Any]:
    return cast(dict[str, Any], value) if isinstance(value, dict) else {}


def _objects(parent: dict[str, Any], key: str) -> list[dict[str, Any]]:
    """Members of a list, with their indices kept: what is no object counts as an empty one."""
    value = parent.get(key)
    return [_object(entry) for entry in cast(list[object], value)] if isinstance(value, list) else []


def _count(value: object) -> int:
    return value if isinstance(value, int) and value > 0 else 0


def _damaged() -> NotAGlb:
    return NotAGlb(Message("The model is a damaged GLB: its parts do not fit together."))


def not_a_glb(head: bytes, claimed: str | None = None) -> Message:
    """Sentence for what does not begin like a GLB: `head` is its beginning, `claimed` its MIME type."""
    kind = kind_of(head) or (Message('of the type "{type}"', type=tidy(claimed, 60)) if claimed else EMPTY)
    return (
        Message("The result is {kind}, not a GLB model.", kind=kind)
        if kind
        else Message("The result is not a GLB model.")
    )


def kind_of(head: bytes) -> Message:
    """Name in plain words for what begins with `head`; empty when it could be anything."""
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:32].lower()
    for signature, name in _KINDS:
        if start.startswith(signature):
            return name
    return EMPTY


WEB_PAGE = Message("a web page")

_KINDS = (
    (b"<!doctype html", WEB_PAGE),
    (b"<html", WEB_PAGE),
    (b"<", Message("an XML text")),
    (b"{", Message("a JSON text")),
    (b"[", Message("a JSON text")),
    (b'"', Message("a JSON text")),
    (b"\x89png", Message("a PNG picture")),
    (b"\xff\xd8\xff", Message("a JPEG picture")),
    (b"pk\x03\x04", Message("a ZIP archive")),
    (b"\x1f\x8b", Message("a compressed file")),
    (b"kaydara fbx", Message("an FBX model")),
    (b"blender", Message("a Blender file")),
    (b"ply\n", Message("a PLY model")),
)
