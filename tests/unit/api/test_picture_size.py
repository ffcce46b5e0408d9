"""Width and height of a picture, read from its first bytes."""

from pathlib import Path

import pytest
from generio_flows.api import picture_size
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

SUFFIXES = (".png", ".jpg", ".webp", ".tiff", ".bmp", ".gif")


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("size", [(1, 1), (37, 300), (4097, 3)])
def test_the_size_is_what_pillow_wrote(tmp_path: Path, suffix: str, size: tuple[int, int]):
    path = tmp_path / f"picture{suffix}"
    Image.new("RGB", size, (200, 30, 30)).save(path)
    assert picture_size(path) == size


@pytest.mark.parametrize(
    "options",
    [
        {"suffix": ".webp", "lossless": True},
        {"suffix": ".jpg", "progressive": True},
        {"suffix": ".tiff", "compression": "tiff_lzw"},
    ],
)
def test_other_ways_to_write_it(tmp_path: Path, options: dict[str, object]):
    path = tmp_path / f"picture{options.pop('suffix')}"
    exif = Image.Exif()
    exif[0x010E] = "words " * 500
    image = Image.effect_noise((123, 45), 50).convert("RGBA" if path.suffix == ".webp" else "RGB")
    image.save(path, exif=exif, **options)
    assert picture_size(path) == (123, 45)


@settings(max_examples=200)
@given(st.sampled_from(SUFFIXES), st.integers(0, 60), st.binary(max_size=40))
def test_broken_pictures_have_no_size_or_some_but_no_error(
    tmp_path_factory: pytest.TempPathFactory, suffix: str, kept: int, rest: bytes
):
    path = tmp_path_factory.getbasetemp() / f"broken{suffix}"
    Image.new("RGB", (9, 7)).save(path)
    path.write_bytes(path.read_bytes()[:kept] + rest)
    size = picture_size(path)
    assert size is None or len(size) == 2


def test_what_is_no_picture(tmp_path: Path):
    assert picture_size(tmp_path / "missing.png") is None
    (tmp_path / "note.png").write_text("words")
    assert picture_size(tmp_path / "note.png") is None
    assert picture_size(tmp_path) is None
