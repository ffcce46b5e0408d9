# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the pictures in docs/images from those that the last `make gui-test` took: cropped and small."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
TAKEN = ROOT / "build/gui"
IMAGES = ROOT / "docs/images"
LARGEST = 150_000  # bytes

# Parts of the screen, in pixels: left, top, right, bottom. The rig's windows are always the same size.
VIEW = (330, 84, 1152, 812)
SET_UP = (822, 84, 1152, 364)
SCREEN = (330, 84, 1400, 812)
SIDEBAR = (822, 84, 1152, 812)


@dataclass(frozen=True)
class Picture:
    """One picture of the documentation: its name, the name of what was taken, and the part of it."""

    name: str
    taken: str
    part: tuple[int, int, int, int]


PICTURES = (
    Picture("first-run", "first-run", SET_UP),
    Picture("generate-running", "stand-in-moved", VIEW),
    Picture("generate-done", "generate-done", VIEW),
    Picture("optimize-before", "optimize", VIEW),
    Picture("optimize-done", "optimize-done", VIEW),
    Picture("image", "image", SIDEBAR),
    Picture("variants", "variants-done", VIEW),
    Picture("box", "box-running", VIEW),
    Picture("drop", "drop-dialog", (100, 84, 812, 812)),
    Picture("assets", "assets-browser", SCREEN),
    Picture("before-and-after", "versions-after", SIDEBAR),
    Picture("connection", "doctor-key", SIDEBAR),
    Picture("job-failed", "failure-failed", SIDEBAR),
)


def newest() -> Path:
    """The folder with the pictures of the newest Blender that has them all. Raises SystemExit if none has."""
    by_version = sorted(TAKEN.glob("[0-9]*.[0-9]*"), key=lambda folder: [*map(int, folder.name.split("."))])
    for folder in reversed(by_version):
        if all((folder / f"{picture.taken}.png").is_file() for picture in PICTURES):
            return folder
    raise SystemExit("There are no pictures yet; run make gui-test.")


def save(picture: Picture, folder: Path) -> Path:
    """Write one picture from `folder`, in 256 colours, and return its path."""
    path = IMAGES / f"{picture.name}.png"
    with Image.open(folder / f"{picture.taken}.png") as taken:
        part = taken.convert("RGB").crop(picture.part)
    part.quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)
    return path


def main() -> int:
    """Make all pictures; the exit code is 1 when one is too large for the repository."""
    folder = newest()
    IMAGES.mkdir(parents=True, exist_ok=True)
    paths = [save(picture, folder) for picture in PICTURES]
    for path in paths:
        print(f"{path.relative_to(ROOT)}  {path.stat().st_size // 1000} kB, of Blender {folder.name}")
    return int(any(path.stat().st_size > LARGEST for path in paths))


if __name__ == "__main__":
    sys.exit(main())
