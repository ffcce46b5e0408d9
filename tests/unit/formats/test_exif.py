"""How a camera was held is read of a few bytes, whatever these say."""

import random
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from generio_flows.formats.exif import orientation_of, upright
from PIL import Image, ImageOps


def photo(orientation: int, kind: str, **options: object) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = BytesIO()
    Image.new("RGB", (4, 3)).save(content, kind, exif=exif, **options)
    return content.getvalue()


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "TIFF"])
def test_it_is_found(tmp_path: Path, kind: str, orientation: int):
    path = tmp_path / "photo"
    path.write_bytes(photo(orientation, kind))
    assert orientation_of(path) == orientation


@pytest.mark.parametrize("order", ["II", "MM"])
def test_either_order_of_bytes_and_other_segments_before(tmp_path: Path, order: str):
    endian = "little" if order == "II" else "big"
    number = lambda value, length: value.to_bytes(length, endian)  # noqa: E731
    tag = number(0x0112, 2) + number(3, 2) + number(1, 4) + number(8, 2) + bytes(2)
    tiff = order.encode() + number(42, 2) + number(8, 4) + number(1, 2) + tag
    comment = b"\xff\xfe\0\x05abc"
    path = tmp_path / "photo"
    path.write_bytes(b"\xff\xd8" + comment + b"\xff\xff\xe1\0\x40Exif\0\0" + tiff)
    assert orientation_of(path) == 8
    path.write_bytes(b"RIFF\0\0\0\0WEBPALPH\x03\0\0\0abc\0EXIF\x40\0\0\0Exif\0\0" + tiff)
    assert orientation_of(path) == 8


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xd8\xff" + b"\xff" * 100_000,
        b"\xff\xd8" + b"\xff\xe1\0\0" * 1000,
        b"RIFF\0\0\0\0WEBP" + b"JUNK\0\0\0\0" * 100_000 + b"EXIF",
        b"II*\0\xff\xff\xff\xff",
        b"II*\0\x08\0\0\0\xff\xff",
        photo(9, "JPEG"),
        photo(0, "WEBP"),
    ],
)
def test_what_tells_nothing_is_upright(tmp_path: Path, content: bytes):
    path = tmp_path / "photo"
    path.write_bytes(content)
    assert orientation_of(path) == 1
    assert orientation_of(tmp_path) == 1


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "TIFF"])
def test_whatever_a_file_says_it_is_one_of_eight(tmp_path: Path, kind: str):
    dice, whole = random.Random(1), photo(6, kind)
    path = tmp_path / "photo"
    for _ in range(300):
        content = bytearray(whole[: dice.randrange(len(whole) + 1)])
        for _ in range(min(len(content), 4)):
            content[dice.randrange(len(content))] = dice.randrange(256)
        path.write_bytes(content)
        assert 1 <= orientation_of(path) <= 8


@pytest.mark.slow
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_turned_as_others_turn_it(orientation: int):
    rows = np.arange(12, dtype=np.uint8).reshape(3, 4)
    picture = Image.fromarray(rows)
    picture.getexif()[0x0112] = orientation
    np.testing.assert_array_equal(upright(rows, orientation), np.asarray(ImageOps.exif_transpose(picture)))
