# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the pictures in docs/images: of windows, as the last `make gui-test` took them, and of renders.

A picture of a window ends where a panel does: the story has noted where that is. What was not taken is named,
and its picture left as it is.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from scripts.moving_picture import moving_picture  # noqa: E402

TAKEN = ROOT / "build/gui"
RENDERED = ROOT / "build/pictures"
IMAGES = ROOT / "docs/images"
LARGEST, LARGEST_RENDER, LARGEST_MOVING = 250_000, 400_000, 3_000_000  # bytes

# Of the screen, in pixels. The rig's windows are always the same size; what a story has noted goes before.
LEFT, TOP, RIGHT, BOTTOM = 250, 84, 1150, 1135
SIDEBAR, TABS = 857, 1121


@dataclass(frozen=True)
class Picture:
    """One picture of the documentation: its name, what was taken, and whether it shows only the sidebar."""

    name: str
    taken: str
    sidebar: bool = False
    right: int = RIGHT


@dataclass(frozen=True)
class Cut:
    """Where the sidebar begins on what was taken, and where the picture begins and ends."""

    left: int = SIDEBAR
    top: int = TOP
    bottom: int = BOTTOM


PICTURES = (
    Picture("first-run", "first-run", sidebar=True, right=TABS),
    Picture("generate-running", "contact-running"),
    Picture("generate-done", "contact-vase"),
    Picture("optimize-before", "contact-heavy"),
    Picture("optimize-done", "contact-light"),
    Picture("before-and-after", "contact-baked"),
    Picture("heavy-objects", "contact-budget"),
    Picture("image", "image", sidebar=True),
    Picture("variants", "variants-done"),
    Picture("box", "box-running"),
    Picture("drop", "drop-dialog"),
    Picture("assets", "assets-browser", right=1400),
    Picture("connection-well", "doctor-well", sidebar=True, right=TABS),
    Picture("connection", "doctor-key", sidebar=True, right=TABS),
    Picture("job-failed", "failure-failed", sidebar=True),
)


def newest() -> Path:
    """The folder with pictures of the newest Blender. Raises SystemExit if there is none."""
    by_version = sorted(TAKEN.glob("[0-9]*.[0-9]*"), key=lambda folder: [*map(int, folder.name.split("."))])
    if not by_version:
        raise SystemExit("There are no pictures yet; run make gui-test.")
    return by_version[-1]


def cuts(folder: Path) -> dict[str, Cut]:
    """By the name of what was taken: where it may be cut, as stories noted it."""
    found: dict[str, Cut] = {}
    for report in folder.glob("*.json"):
        noted = json.loads(report.read_text("utf-8"))["notes"].get("cut", {})
        for name, (left, top, bottom) in noted.items():
            found[name] = Cut(left, top or TOP, bottom or BOTTOM)
    return found


def part(taken: Path, picture: Picture, cut: Cut) -> Image.Image:
    """What the picture shows of the screen."""
    left = cut.left if picture.sidebar else LEFT
    with Image.open(taken) as screen:
        return screen.convert("RGB").crop((left, cut.top, picture.right, cut.bottom))


def windows(folder: Path) -> Iterator[Path]:
    """Write the pictures of windows in 256 colors, and tell their paths."""
    noted = cuts(folder)
    for picture in PICTURES:
        taken = folder / f"{picture.taken}.png"
        if not taken.is_file():
            print(f"{picture.name} was not taken, and is left as it is")
            continue
        path = IMAGES / f"{picture.name}.png"
        shown = part(taken, picture, noted.get(picture.taken, Cut()))
        shown.quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)
        yield path


def renders() -> Iterator[Path]:
    """Write what was rendered, and tell the paths."""
    for rendered in sorted(RENDERED.glob("*.png")):
        path = IMAGES / f"{rendered.stem}.webp"  # 256 colors would show bands on the backdrop
        with Image.open(rendered) as image:
            image.convert("RGB").save(path, quality=88, method=6)
        yield path


def main() -> int:
    """Make all pictures; the exit code is 1 when one is too large for the repository."""
    folder = newest()
    IMAGES.mkdir(parents=True, exist_ok=True)
    too_large = False
    for paths, largest in (
        (windows(folder), LARGEST),
        (moving_picture(RENDERED / "moving", IMAGES / "generio.webp"), LARGEST_MOVING),
        (renders(), LARGEST_RENDER),
    ):
        for path in paths:
            size = path.stat().st_size
            print(f"{path.relative_to(ROOT)}  {size // 1000} kB")
            too_large |= size > largest
    return int(too_large)


if __name__ == "__main__":
    sys.exit(main())
