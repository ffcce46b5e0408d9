"""Pictures are known by their content."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from generio_flows.api import SENDABLE, UnreadableFile, detect_image


@pytest.mark.parametrize(
    ("content", "mime"),
    [
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "image/png"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", "image/jpeg"),
        (b"\xff\xd8\xff\xe1\0\x10Exif", "image/jpeg"),
        (b"RIFF\x24\0\0\0WEBPVP8 ", "image/webp"),
        (b"II*\0\x08\0\0\0", "image/tiff"),
        (b"MM\0*\0\0\0\x08", "image/tiff"),
        (b"BM\x36\0\0\0", "image/bmp"),
        (b"GIF89a\x01\0", "image/gif"),
        (b"v/1\x01\x02\0\0\0", "image/x-exr"),
        (b"#?RADIANCE\n", "image/vnd.radiance"),
        (b"RIFF\x24\0\0\0WAVEfmt ", None),
        (b"\x89PN", None),
        (b"glTF\x02\0\0\0", None),
        (b"<svg xmlns=''>", None),
        (b"hello", None),
        (b"\0", None),
    ],
)
def test_detect(tmp_path: Path, content: bytes, mime: str | None) -> None:
    path = tmp_path / "picture.png"  # whose name says nothing
    path.write_bytes(content)
    assert detect_image(path) == mime


def test_sendable() -> None:
    assert {"image/png", "image/jpeg", "image/webp", "image/tiff"} == SENDABLE


@pytest.mark.parametrize("kind", ["missing", "empty", "folder"])
def test_nothing_to_read(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "picture.png"
    if kind == "empty":
        path.touch()
    if kind == "folder":
        path.mkdir()
    with pytest.raises(UnreadableFile, match=r"picture\.png"):
        detect_image(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(UnreadableFile, match="pipe or device"):
        detect_image(tmp_path / "pipe.png")
