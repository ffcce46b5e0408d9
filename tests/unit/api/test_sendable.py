"""What of a GLB is found out before it is sent, and paid for."""

from __future__ import annotations

import struct
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from generio_flows.api import InputRefused, UnreadableFile, UnsupportedFile, UnusableModel, check_sendable
from PIL import Image

from tests.sandbox.generate import from_prompt
from tests.unit.api.scripted import glb

NAN, INFINITE, FAR = float("nan"), float("inf"), 3e38


def triangle(*numbers: float, stride: int = 12, ahead: int = 0) -> bytes:
    """A GLB of one triangle with these nine coordinates, each point in a record of `stride` bytes."""
    points = b"".join(
        struct.pack("<3f", *numbers[at : at + 3]) + b"\xff" * (stride - 12) for at in range(0, 9, 3)
    )
    binary = b"\xff" * ahead + points
    view: dict[str, Any] = {"buffer": 0, "byteLength": len(points), "byteOffset": ahead}
    if stride != 12:
        view["byteStride"] = stride
    document = {
        "asset": {"version": "2.0"},
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}}]}],
        "accessors": [{"bufferView": 0, "componentType": 5126, "count": 3 - (stride != 12), "type": "VEC3"}],
        "bufferViews": [view],
        "buffers": [{"byteLength": len(binary)}],
    }
    return glb(document, binary)


def refused(folder: Path, content: bytes) -> InputRefused:
    path = folder / "model.glb"
    path.write_bytes(content)
    with pytest.raises(InputRefused) as caught:
        check_sendable(path)
    return caught.value


def test_a_model_that_is_whole_can_be_sent(tmp_path: Path):
    for content in (
        from_prompt("ball", quality="low", seed=1, texture=True),
        triangle(0, 0, 0, 1, 0, 0, 0, 1, 0),
        triangle(*[1e17] * 9),
        triangle(0, 0, 0, 1, 0, 0, 0, 1, 0, stride=24, ahead=8),
        glb({"asset": {"version": "2.0"}, "meshes": [{"primitives": [{"attributes": {"POSITION": 7}}]}]}),
    ):
        path = tmp_path / "model.glb"
        path.write_bytes(content)
        check_sendable(path)


@pytest.mark.parametrize("wrong", [NAN, INFINITE, -INFINITE, FAR, -FAR])
@pytest.mark.parametrize("place", [0, 4, 5])
def test_vertices_that_are_nowhere_are_found_wherever_they_lie(tmp_path: Path, wrong: float, place: int):
    numbers = [0.0] * 9
    numbers[place] = wrong
    for content in (triangle(*numbers), triangle(*numbers, stride=20, ahead=4)):
        error = refused(tmp_path, content)
        assert isinstance(error, UnusableModel)
        assert "without a valid position" in error.message


def test_what_is_damaged_or_something_else_is_refused_with_what_to_do(tmp_path: Path):
    whole = from_prompt("ball", quality="low", seed=1, texture=False)
    for content, kind, words in (
        (b"Kaydara FBX Binary", UnsupportedFile, "is not a GLB model. Export it as GLB."),
        (b"", UnreadableFile, "is empty"),
        (whole[:-100], UnusableModel, "The model is cut off"),
        (whole + b"more", UnusableModel, "4 bytes too many. Export it again"),
        (whole[:12] + bytes(len(whole) - 12), UnusableModel, "its parts do not fit together"),
        (
            glb({"asset": {"version": "2.0"}, "buffers": [{"uri": "a.bin", "byteLength": 1}]}),
            UnusableModel,
            '"a.bin", which it does not contain',
        ),
    ):
        error = refused(tmp_path, content)
        assert isinstance(error, kind)
        assert words in str(error)
        assert "result" not in str(error), "nothing has come back yet"


def test_textures_that_could_not_come_back_are_not_sent(tmp_path: Path):
    picture = BytesIO()
    Image.new("1", (8192, 8192)).save(picture, "PNG")
    content = picture.getvalue()
    document: dict[str, Any] = {
        "asset": {"version": "2.0"},
        "images": [{"bufferView": 0, "mimeType": "image/png"}] * 9,
        "bufferViews": [{"buffer": 0, "byteLength": len(content)}],
        "buffers": [{"byteLength": len(content)}],
    }
    error = refused(tmp_path, glb(document, content))
    assert "too large" in error.message
    assert "smaller textures" in error.fix
