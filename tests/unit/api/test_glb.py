"""What is a whole GLB that needs nothing but itself, and what is not."""

from __future__ import annotations

import base64
import json
import struct
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from generio_flows.api import (
    GlbInfo,
    NotAGlb,
    NotSelfContained,
    ResultTruncated,
    ResultUnusable,
    UnreadableFile,
    check_glb,
)
from generio_flows.formats.images import size_in
from generio_flows.formats.texels import count_texels
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.unit.api.scripted import glb

ASSET = {"asset": {"version": "2.0"}}


def check(folder: Path, content: bytes, **options: Any) -> GlbInfo:
    path = folder / "model.glb"
    path.write_bytes(content)
    return check_glb(path, **options)


def chunk(kind: bytes, content: bytes, length: int | None = None) -> bytes:
    return struct.pack("<I4s", len(content) if length is None else length, kind) + content


def container(*chunks: bytes, length: int | None = None) -> bytes:
    body = b"".join(chunks)
    return struct.pack("<4sII", b"glTF", 2, 12 + len(body) if length is None else length) + body


JSON = chunk(b"JSON", json.dumps(ASSET).encode())


def test_counts(tmp_path: Path) -> None:
    document = ASSET | {
        "meshes": [
            {"primitives": [{"attributes": {"POSITION": 0}, "indices": 1}, {"attributes": {"POSITION": 0}}]},
            {
                "primitives": [
                    {"attributes": {"POSITION": 0}, "mode": 5},
                    {"attributes": {"POSITION": 0}, "mode": 1},
                ]
            },
        ],
        "accessors": [{"count": 30}, {"count": 96}],
        "materials": [{}],
        "images": [{"bufferView": 0}, {"uri": "data:image/png;base64,AAAA"}],
        "buffers": [{"byteLength": 10}, {"uri": "data:,", "byteLength": 0}],
        "extensionsRequired": ["KHR_draco_mesh_compression"],
    }
    content = glb(document, b"x" * 10)
    info = check(tmp_path, content)
    assert info == GlbInfo(len(content), 2, 32 + 10 + 28, 1, 2, ("KHR_draco_mesh_compression",))


@pytest.mark.parametrize(
    "content",
    [
        glb(),
        glb(binary=b"1234"),
        container(JSON, chunk(b"BIN\0", b"1234"), chunk(b"XTRA", b"12345")),
        container(JSON, chunk(b"XTRA", b"")),
        glb(ASSET | {"buffers": [{"byteLength": 4}]}, b"1234"),
        glb(
            ASSET
            | {"images": None, "buffers": {}, "meshes": [None, {"primitives": 3}], "extensionsRequired": 1}
        ),
        glb(ASSET | {"meshes": [{"primitives": [{"indices": 10**30}, {"indices": -1}, {"attributes": []}]}]}),
    ],
)
def test_whole_ones(tmp_path: Path, content: bytes) -> None:
    assert check(tmp_path, content).size == len(content)


@pytest.mark.parametrize(
    "content",
    [
        b"hello, world",
        glb(version=1),
        glb(version=3),
        glb() + b"\0",
        glb({}),
        glb({"asset": {"version": "1.0"}}),
        glb({"asset": {"version": 2}}),
        glb({"asset": []}),
        container(),
        container(chunk(b"BIN\0", b"1234"), JSON),
        container(chunk(b"JSON", b"{")),
        container(chunk(b"JSON", b"[]")),
        container(chunk(b"JSON", b"\xff\xfe\xfd")),
        container(chunk(b"JSON", b"[" * 100_000)),
        container(chunk(b"JSON", b"1" * 10_000)),
        container(chunk(b"JSON", b"{}", length=99)),
        container(JSON, b"1234"),
        container(JSON, chunk(b"BIN\0", b"1234", length=1 << 31)),
        glb(ASSET | {"buffers": [{"byteLength": 5}]}, b"1234"),
        glb(ASSET | {"buffers": [{"byteLength": 4}, {"byteLength": 4}]}, b"1234"),
        container(
            chunk(b"JSON", json.dumps(ASSET | {"buffers": [{"byteLength": 4}]}).encode()),
            chunk(b"XTRA", b"1234"),
        ),
        container(  # the binary chunk is the second one (glTF 2.0, section 4.4.3), or nobody finds it
            chunk(b"JSON", json.dumps(ASSET | {"buffers": [{"byteLength": 4}]}).encode()),
            chunk(b"XTRA", b"1234"),
            chunk(b"BIN\0", b"1234"),
        ),
    ],
)
def test_damaged_ones(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(NotAGlb):
        check(tmp_path, content)


def test_a_description_beyond_reason(tmp_path: Path) -> None:
    path = tmp_path / "model.glb"
    with path.open("wb") as file:
        file.write(struct.pack("<4sIII4s", b"glTF", 2, 20 + (1 << 25), 1 << 25, b"JSON"))
        file.truncate(20 + (1 << 25))
    with pytest.raises(NotAGlb):
        check_glb(path)


@pytest.mark.parametrize("length", [1, 4, 11, 12, 20, len(glb()) - 1])
def test_cut_off(tmp_path: Path, length: int) -> None:
    with pytest.raises(ResultTruncated):
        check(tmp_path, glb()[:length])


@pytest.mark.parametrize(
    "uri", ["model.bin", "../../etc/passwd", "https://example.org/a.png", "file:///a", "", 3, []]
)
@pytest.mark.parametrize("key", ["buffers", "images"])
def test_outside_files(tmp_path: Path, uri: Any, key: str) -> None:
    with pytest.raises(NotSelfContained):
        check(tmp_path, glb(ASSET | {key: [{"uri": uri}]}))


@pytest.mark.parametrize("kind", ["missing", "empty", "folder"])
def test_nothing_to_read(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "model.glb"
    if kind == "empty":
        path.touch()
    if kind == "folder":
        path.mkdir()
    with pytest.raises(UnreadableFile):
        check_glb(path)


@pytest.mark.parametrize(
    ("content", "claimed", "text"),
    [
        (b"<!doctype html>", "model/gltf-binary", "a web page"),
        (b"v 0 0 0", "model/obj", 'of the type "model/obj"'),
        (b"v 0 0 0", "x\n" * 500, 'of the type "x x x'),
        (b"v 0 0 0", None, "not a GLB model."),
        (b"Kaydara FBX Binary  \0", None, "an FBX model"),
    ],
)
def test_what_it_is_instead(tmp_path: Path, content: bytes, claimed: str | None, text: str) -> None:
    with pytest.raises(NotAGlb) as caught:
        check(tmp_path, content, claimed=claimed)
    assert text in caught.value.message
    assert len(caught.value.message) < 150


def test_too_many_objects(tmp_path: Path) -> None:
    with pytest.raises(NotAGlb, match="do not fit together"):
        check(tmp_path, glb(ASSET | {"accessors": [{}] * 300_000}))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(st.data())
def test_any_damage_ends_in_the_tree(tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray(glb(ASSET | {"buffers": [{"byteLength": 4}], "meshes": [{}]}, b"1234"))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        check(tmp_path, bytes(content))
    except ResultUnusable as error:
        assert error.message


TRIANGLE = {
    **ASSET,
    "buffers": [{"byteLength": 36}],
    "bufferViews": [{"buffer": 0, "byteLength": 36}],
    "accessors": [{"bufferView": 0, "componentType": 5126, "count": 3, "type": "VEC3"}],
}


def triangle(**changes: Any) -> bytes:
    document = json.dumps({**TRIANGLE, **changes}).encode()
    return container(chunk(b"JSON", document + b" " * (-len(document) % 4)), chunk(b"BIN\0", bytes(36)))


def test_counts_that_the_file_holds_are_accepted(tmp_path: Path):
    assert check(tmp_path, triangle()).size == len(triangle())


@pytest.mark.parametrize(
    "changes",
    [
        {"accessors": [{"bufferView": 0, "componentType": 5126, "count": 4, "type": "VEC3"}]},
        {
            "accessors": [
                {"bufferView": 0, "byteOffset": 1, "componentType": 5126, "count": 3, "type": "VEC3"}
            ]
        },
        {"accessors": [{"bufferView": 7, "componentType": 5126, "count": 3, "type": "VEC3"}]},
        {"accessors": [{"componentType": 5126, "count": 4_000_000_000, "type": "VEC3"}]},
        {"bufferViews": [{"buffer": 0, "byteOffset": 4, "byteLength": 36}]},
        {"bufferViews": [{"buffer": 1, "byteLength": 36}]},
        {"bufferViews": [{"byteLength": 36}]},
    ],
)
def test_counts_that_the_file_cannot_hold_are_refused(tmp_path: Path, changes: dict[str, Any]):
    with pytest.raises(NotAGlb, match="do not fit together"):
        check(tmp_path, triangle(**changes))


MESHOPT = ("EXT_meshopt_compression", "KHR_meshopt_compression")


def compressed(name: str, fallback: dict[str, Any] | None = None, **packed: Any) -> bytes:
    """A triangle whose points are compressed by the extension `name`, beside a buffer without data.

    fallback: what differs of that buffer. packed: what differs of what the extension says about the view.
    """
    where: dict[str, Any] = {
        "buffer": 0,
        "byteLength": 20,
        "byteStride": 12,
        "count": 3,
        "mode": "ATTRIBUTES",
    }
    buffer: dict[str, Any] = {"byteLength": 36, "extensions": {name: {"fallback": True}}}
    return triangle(
        buffers=[{"byteLength": 36}, {**buffer, **(fallback or {})}],
        bufferViews=[{"buffer": 1, "byteLength": 36, "extensions": {name: {**where, **packed}}}],
        extensionsUsed=[name],
        extensionsRequired=[name],
    )


@pytest.mark.parametrize("name", MESHOPT)
def test_a_fallback_buffer_without_data_is_no_damage(tmp_path: Path, name: str):
    """EXT_meshopt_compression: a fallback buffer may have no data, where all readers know the extension."""
    assert check(tmp_path, compressed(name)).extensions_required == (name,)
    assert check(tmp_path, compressed(name, {"uri": "model.fallback.bin"})).extensions_required == (name,)


@pytest.mark.parametrize("name", MESHOPT)
@pytest.mark.parametrize(
    ("fallback", "packed"),
    [
        ({"extensions": {}}, {}),
        ({"extensions": {"EXT_meshopt_compression": {"fallback": 1}}}, {}),
        ({"byteLength": 35}, {}),
        ({}, {"buffer": 2}),
        ({}, {"buffer": 1}),
        ({}, {"byteLength": 37}),
        ({}, {"byteOffset": 20}),
    ],
)
def test_what_is_compressed_has_to_be_there(
    tmp_path: Path, name: str, fallback: dict[str, Any], packed: dict[str, Any]
):
    with pytest.raises(NotAGlb, match="do not fit together"):
        check(tmp_path, compressed(name, fallback, **packed))


def test_what_is_not_compressed_cannot_be_in_a_fallback_buffer(tmp_path: Path):
    buffers = [
        {"byteLength": 36},
        {"byteLength": 36, "extensions": {"EXT_meshopt_compression": {"fallback": True}}},
    ]
    with pytest.raises(NotAGlb, match="do not fit together"):
        check(tmp_path, triangle(buffers=buffers, bufferViews=[{"buffer": 1, "byteLength": 36}]))


def test_a_small_file_does_not_unpack_to_more_than_memory_holds(tmp_path: Path):
    name = "EXT_meshopt_compression"
    packed = {"buffer": 0, "byteLength": 20, "byteStride": 12, "count": 10**8, "mode": "ATTRIBUTES"}
    content = triangle(
        buffers=[{"byteLength": 36}, {"byteLength": 12 * 10**8, "extensions": {name: {"fallback": True}}}],
        bufferViews=[{"buffer": 1, "byteLength": 12 * 10**8, "extensions": {name: packed}}],
        accessors=[{"bufferView": 0, "componentType": 5126, "count": 10**8, "type": "VEC3"}],
    )
    with pytest.raises(NotAGlb, match="do not fit together"):
        check(tmp_path, content)


def test_a_fallback_file_that_a_reader_needs_who_does_not_know_the_extension(tmp_path: Path):
    """Where the extension is not required, the fallback is."""
    name = "EXT_meshopt_compression"
    fallback = {"uri": "model.fallback.bin", "byteLength": 36, "extensions": {name: {"fallback": True}}}
    with pytest.raises(NotSelfContained, match=r"model\.fallback\.bin"):
        check(tmp_path, triangle(buffers=[{"byteLength": 36}, fallback]))


def test_pictures_in_a_format_that_blender_does_not_know_are_named(tmp_path: Path):
    """KTX2 beside a PNG is taken; alone it makes the extension a required one (KHR_texture_basisu)."""
    both = {
        "extensionsUsed": ["KHR_texture_basisu"],
        "images": [{"uri": "data:image/png;base64,AAAA"}, {"uri": "data:image/ktx2;base64,q0tUWA=="}],
        "textures": [{"source": 0, "extensions": {"KHR_texture_basisu": {"source": 1}}}],
    }
    assert check(tmp_path, triangle(**both)).images == 2
    with pytest.raises(NotAGlb, match=r'extension "KHR_texture_basisu"'):
        check(tmp_path, triangle(**both, extensionsRequired=["KHR_texture_basisu"]))


def test_a_required_extension_must_be_one_that_blender_knows(tmp_path: Path):
    check(tmp_path, triangle(extensionsRequired=["KHR_mesh_quantization"]))
    check(tmp_path, triangle(extensionsUsed=["ACME_fur"]))
    with pytest.raises(NotAGlb, match="ACME_fur"):
        check(tmp_path, triangle(extensionsRequired=["ACME_fur"]))


def png_of(width: int, height: int) -> bytes:
    """The beginning of a PNG, which is all that tells its size."""
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", width, height) + bytes(5)


def with_pictures(place: str, *pictures: bytes) -> bytes:
    """A GLB with pictures in its binary chunk, in a buffer of its own, or as URIs."""
    content = b"".join(pictures)
    uris = ["data:image/png;base64," + base64.b64encode(picture).decode() for picture in pictures]
    document: dict[str, Any] = {**ASSET, "images": [{"uri": uri} for uri in uris]}
    if place != "uri":
        views: list[dict[str, Any]] = [
            {"buffer": 0, "byteOffset": len(b"".join(pictures[:at])), "byteLength": len(picture)}
            for at, picture in enumerate(pictures)
        ]
        if views[0]["byteOffset"] == 0:
            del views[0]["byteOffset"]
        buffer: dict[str, Any] = {"byteLength": len(content)}
        if place == "buffer":
            buffer["uri"] = "data:application/octet-stream;base64," + base64.b64encode(content).decode()
        images = [{"bufferView": at, "mimeType": "image/png"} for at in range(len(pictures))]
        document |= {"images": images, "bufferViews": views, "buffers": [buffer]}
    text = json.dumps(document).encode()
    chunks = [chunk(b"JSON", text + b" " * (-len(text) % 4))]
    if place == "chunk":
        chunks.append(chunk(b"BIN\0", content + bytes(-len(content) % 4)))
    return container(*chunks)


@pytest.mark.parametrize("place", ["chunk", "buffer", "uri"])
def test_pictures_that_unpack_to_more_than_memory_holds(tmp_path: Path, place: str):
    large = png_of(8192, 8192)
    assert check(tmp_path, with_pictures(place, *[large] * 8)).images == 8
    with pytest.raises(NotAGlb, match="pictures of the model are too large"):
        check(tmp_path, with_pictures(place, *[large] * 9))
    with pytest.raises(NotAGlb, match="pictures of the model are too large"):
        check(tmp_path, with_pictures(place, png_of(1, 1), png_of(60_000, 60_000)))
    with pytest.raises(NotAGlb, match="pictures of the model are too large"):
        check(tmp_path, with_pictures(place, *[b"x"] * 1001))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF"])
def test_pictures_of_any_type_are_measured(tmp_path: Path, kind: str):
    picture = BytesIO()
    Image.new("RGB", (300, 200), (200, 30, 30)).save(picture, kind)
    assert check(tmp_path, with_pictures("chunk", b"before", picture.getvalue())).images == 2
    document: list[dict[str, Any]] = [{"bufferView": 1}]
    views = [(0, 0, 6), (0, 6, len(picture.getvalue()))]
    file = BytesIO(b"start" + b"before" + picture.getvalue())
    assert count_texels(document, views, [{}], file, len(b"start")) == 300 * 200


def test_a_buffer_without_data_has_no_pictures():
    """Whatever lies at that place of the file is something else."""
    large = png_of(100, 100)
    assert count_texels([{"bufferView": 0}], [(0, 0, len(large))], [{}, {}], BytesIO(large), 0) == 100 * 100
    assert count_texels([{"bufferView": 0}], [(1, 0, len(large))], [{}, {}], BytesIO(large), 0) == 0


def test_a_jpeg_with_fill_bytes_is_measured():
    """Any number of bytes 0xFF may stand before a marker (ITU T.81, B.1.1.2)."""
    picture = BytesIO()
    Image.new("RGB", (300, 200), (200, 30, 30)).save(picture, "JPEG")
    content = picture.getvalue()
    filled = content[:2] + b"\xff" * 3 + content[2:]
    assert size_in(BytesIO(content)) == (300, 200)
    assert size_in(BytesIO(filled)) == (300, 200)
