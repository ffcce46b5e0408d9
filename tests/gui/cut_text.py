# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds texts that Blender had no room for, by the three dots that it draws in place of the rest.

It knows no language: the dots look the same in each, and no text of ours has any of its own. Nothing here
needs bpy.
"""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.float32]
"""The brightness of a picture, rows from its top, 0..255."""

WIDTH, ABOVE, BELOW = 13, 6, 3  # pixels of the dots, and of what is empty above and below them, at scale 1
CONTRAST = 30  # of letters with what is behind them; their shadows have less
FAINT = 12  # that of the strokes of a greyed label, of which only the ends of three may be brighter
RUNS = 3


def read_pgm(path: Path) -> Pixels:
    """The picture that ImageMagick wrote as a binary PGM."""
    kind, size, most, data = path.read_bytes().split(b"\n", 3)
    if (kind, most) != (b"P5", b"255"):
        raise ValueError(f"not a PGM of 8 bits: {path}")
    width, height = map(int, size.split())
    return np.frombuffer(data, np.uint8).reshape(height, width).astype(np.float32)


def cut_texts(picture: Pixels) -> list[tuple[int, int]]:
    """Where texts end in three dots: the left and the top of these."""
    height = len(picture)
    is_step = np.abs(np.diff(picture, axis=1)) > CONTRAST
    counts = np.pad(is_step.cumsum(0).cumsum(1), ((1, 0), (1, 0)))  # of steps left of a place and above it

    def steps(top: int, rows: int) -> Any:
        """How many there are in so many rows, for each place where dots may begin."""
        below, above = counts[top + rows], counts[top]
        return (below[WIDTH - 1 :] - below[: 1 - WIDTH]) - (above[WIDTH - 1 :] - above[: 1 - WIDTH])

    found: list[tuple[int, int]] = []
    for top in range(ABOVE, height - BELOW - 2):
        is_clear = (steps(top - ABOVE, ABOVE) == 0) & (steps(top + 2, BELOW) == 0) & (steps(top, 2) > 0)
        left = -WIDTH
        for start in np.flatnonzero(is_clear):
            part = picture[top - ABOVE : top + 2 + BELOW, start : start + WIDTH]
            if start >= left + WIDTH and _are_dots(part):
                left = int(start)
                found.append((left, top))
    return [place for place in found if not any(_is_row_above(place, other) for other in found)]


def _is_row_above(place: tuple[int, int], other: tuple[int, int]) -> bool:
    """Whether `other` are the same dots, seen one row further up."""
    return other[1] == place[1] - 1 and abs(other[0] - place[0]) < WIDTH


def _are_dots(part: Pixels) -> bool:
    """Whether a part of a picture has nothing but three dots, in its two rows that are for these."""
    behind = float(np.median(part))
    contrast: Any = np.abs(part - behind)
    is_letter = contrast > CONTRAST
    if (contrast[:ABOVE] > FAINT).any() or is_letter[ABOVE + 2 :].any():
        return False
    dots = is_letter[ABOVE : ABOVE + 2].any(0)
    if not is_letter[ABOVE].any() or not is_letter[ABOVE + 1].any():
        return False
    edges = np.flatnonzero(np.diff(np.concatenate(([0], dots.astype(int), [0]))))
    starts, ends = edges[::2], edges[1::2]
    if len(starts) != RUNS or (ends - starts).max() > 2:
        return False
    steps = np.diff(starts + ends) / 2
    return bool((steps >= 3).all() and (steps <= 5).all() and abs(steps[0] - steps[1]) <= 1)
