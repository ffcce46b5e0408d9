# SPDX-License-Identifier: GPL-3.0-or-later
"""The moving picture at the top of README: words become a model, and a heavy mesh a light one.

Made of what scripts/renders.py rendered, with the figures that it counted; the words and the box are drawn.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

LIGHT, DARK, BLUE, TEAL = (248, 244, 238), (38, 30, 26), (71, 114, 179), (111, 199, 203)
BOX = (270, 108, 492, 384)  # where the model will be
BEHIND = (36, -28)  # the far side of the box, seen from there
FIELD = (190, 388, 610, 428)


@dataclass
class Film:
    """Frames, and for how many milliseconds each is shown."""

    frames: list[Image.Image] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)

    def show(self, frame: Image.Image, milliseconds: int) -> None:
        """Add a frame."""
        self.frames.append(frame)
        self.lengths.append(milliseconds)

    def save(self, path: Path) -> None:
        """Write it as a WebP that goes round."""
        first, *rest = self.frames
        first.save(
            path, save_all=True, append_images=rest, duration=self.lengths, loop=0, quality=88, method=4
        )


def moving_picture(folder: Path, path: Path) -> Iterator[Path]:
    """Make the picture `path` of what is in `folder`, and tell its path; nothing where nothing is."""
    if not (folder / "figures.json").is_file():
        print("There are no renders for the moving picture, which is left as it is")
        return
    figures = json.loads((folder / "figures.json").read_text("utf-8"))
    empty, model, before, after = (
        Image.open(folder / f"{name}.png").convert("RGB") for name in ("empty", "model", "before", "after")
    )
    film = Film()
    prompt = figures["model"]["name"]
    for end in range(len(prompt) + 1):
        film.show(_typed(empty, prompt[:end] + "|"), 75 if end else 500)
    film.show(_typed(empty, prompt), 300)
    for step in range(13):
        film.show(_placeholder(empty, prompt, step / 12), 110)
    film.show(_labeled(model, prompt), 1700)

    heavy, light = (f"{figures[name]['triangles']:,} triangles" for name in ("before", "after"))
    film.show(_labeled(before, heavy), 1500)
    for step in range(1, 20):
        film.show(_wiped(before, after, heavy, light, step / 20), 70)
    film.show(_labeled(after, f"{light}, detail baked"), 2600)
    film.save(path)
    yield path


def _typed(scene: Image.Image, words: str) -> Image.Image:
    """The scene with a field below, in which these words stand."""
    frame = scene.copy()
    draw = ImageDraw.Draw(frame)
    draw.rounded_rectangle(FIELD, 8, fill=DARK)
    draw.text((FIELD[0] + 16, (FIELD[1] + FIELD[3]) // 2), words, LIGHT, _font(20), anchor="lm")
    return frame


def _placeholder(scene: Image.Image, name: str, part: float) -> Image.Image:
    """The scene with the box in which the model will stand, its name, and how much of it is done."""
    frame = scene.copy()
    draw = ImageDraw.Draw(frame)
    left, top, right, bottom = BOX
    x, y = BEHIND
    far = (left + x, top + y, right + x, bottom + y)
    draw.rectangle(far, outline=TEAL, width=1)
    for corner in ((left, top), (right, top), (left, bottom), (right, bottom)):
        draw.line((*corner, corner[0] + x, corner[1] + y), TEAL, 1)
    draw.rectangle(BOX, outline=TEAL, width=2)
    draw.text(((left + right) // 2, bottom + 20), name, DARK, _font(18), anchor="mm")
    draw.rounded_rectangle((left, bottom + 36, right, bottom + 46), 5, fill=LIGHT)
    draw.rounded_rectangle(
        (left, bottom + 36, left + max(10, part * (right - left)), bottom + 46), 5, fill=BLUE
    )
    return frame


def _labeled(scene: Image.Image, words: str) -> Image.Image:
    """The scene with words on a plate below."""
    frame = scene.copy()
    _plate(ImageDraw.Draw(frame), frame.width // 2, words)
    return frame


def _wiped(before: Image.Image, after: Image.Image, heavy: str, light: str, part: float) -> Image.Image:
    """`after` to the left of a line that has come so far, `before` to the right of it."""
    frame, edge = before.copy(), round(part * before.width)
    frame.paste(after.crop((0, 0, edge, after.height)), (0, 0))
    draw = ImageDraw.Draw(frame)
    draw.line((edge, 0, edge, frame.height), LIGHT, 3)
    for words, middle in ((light, edge - 150), (heavy, edge + 150)):
        if 130 < middle < frame.width - 130:
            _plate(draw, middle, words)
    return frame


def _plate(draw: ImageDraw.ImageDraw, middle: int, words: str) -> None:
    half = draw.textlength(words, _font(20)) / 2 + 18
    draw.rounded_rectangle((middle - half, FIELD[1], middle + half, FIELD[3]), 8, fill=DARK)
    draw.text((middle, (FIELD[1] + FIELD[3]) // 2), words, LIGHT, _font(20), anchor="mm")


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
