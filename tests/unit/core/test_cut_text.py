# SPDX-License-Identifier: GPL-3.0-or-later
"""The three dots of a text that had no room are found in a picture, and nothing else is taken for them."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from tests.gui.cut_text import Pixels, cut_texts, read_pgm

BEHIND, LETTER = 84.0, 220.0
DOTS = [(row, left) for row in (20, 21) for left in (40, 44, 48)]


def drawn(places: Iterable[tuple[int, int]], behind: float = BEHIND, letter: float = LETTER) -> Pixels:
    """A picture in which these pixels (row, column) are a letter's."""
    picture = np.full((40, 90), behind, np.float32)
    for place in places:
        picture[place] = letter
    return picture


@pytest.mark.parametrize(("behind", "letter"), [(BEHIND, LETTER), (220.0, 30.0)], ids=["dark", "light"])
def test_three_dots_are_found(behind: float, letter: float):
    ((left, top),) = cut_texts(drawn(DOTS, behind, letter))
    assert top == 20
    assert abs(left - 40) <= 4


def test_dots_that_are_smeared_over_two_pixels_are_found():
    picture = drawn(DOTS)
    picture[20:22, [41, 45]] = 170.0
    assert len(cut_texts(picture)) == 1


@pytest.mark.parametrize(
    "places",
    [
        [],
        [place for place in DOTS if place[1] != 48],
        [*DOTS, *((row, left) for row, left in ((row - 4, left) for row, left in DOTS))],  # a handle to drag
        [(row, left) for row in range(12, 22) for left in (40, 44, 48)],  # letters like "lll"
        [(row, left) for row in (20, 21) for left in range(40, 52)],  # a line
    ],
    ids=["nothing", "two dots", "a handle", "letters", "a line"],
)
def test_what_is_no_dots_is_not_found(places: list[tuple[int, int]]):
    assert cut_texts(drawn(places)) == []


def test_the_feet_of_greyed_letters_are_not_taken_for_dots():
    picture = drawn(DOTS, letter=BEHIND + 35.0)
    assert len(cut_texts(picture)) == 1
    picture[14:20, [40, 44, 48]] = BEHIND + 20.0
    assert cut_texts(picture) == []


def test_a_picture_is_read_as_image_magick_writes_it(tmp_path: Path):
    path = tmp_path / "seen.pgm"
    path.write_bytes(b"P5\n3 2\n255\n" + bytes(range(6)))
    assert read_pgm(path).tolist() == [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]
    path.write_bytes(b"P6\n1 1\n255\n" + bytes(3))
    with pytest.raises(ValueError, match="not a PGM"):
        read_pgm(path)
