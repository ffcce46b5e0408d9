# SPDX-License-Identifier: GPL-3.0-or-later
"""How the stories in windows find a label among the words that were read."""

import pytest

from tests.gui.screen_reader import Box, Line, Word, begins, find


def line(*words: tuple[str, int]) -> Line:
    """Words of 8 pixels for each letter, each with the pixels to the one before."""
    found: Line = []
    left = 0
    for text, gap in words:
        left += gap
        found.append(Word(text, Box(left, 20, 8 * len(text), 10)))
        left = found[-1].box.right
    return found


# As Tesseract read a row of Blender 5.2 whose middle button has its edge counted in.
ROW = line(("Target", 0), ("”", 10), ("Count", 8), ("Percent", 14), ("Total", 8))


@pytest.mark.parametrize("label", ["Count", "Percent", "Total"])
def test_a_button_is_found_in_a_row_that_was_read_as_one_line(label: str):
    (word,) = (word for word in ROW if word.text == label)
    assert find([ROW], label, whole=True) == word.box


@pytest.mark.parametrize("seen", [line(("Generate", 6), ("Model", 7)), line(("2", 0), ("Generate", 5))])
def test_a_label_is_not_found_in_a_longer_one(seen: Line):
    assert find([seen], "Generate", whole=True) is None
    assert find([seen], "Generate", whole=False) is not None


def test_an_icon_is_no_word_of_a_label():
    assert find([line(("Y", 0), ("Generate", 6))], "Generate", whole=True) == Box(14, 20, 64, 10)


def test_a_label_of_many_words_spans_them():
    seen = line(("Optimize", 0), ("2", 5), ("Mes", 4), ("hes", 3))
    assert find([seen], "Optimize 2 Meshes", whole=True) == Box(0, 20, 132, 10)


def test_of_several_labels_of_one_name_the_number_counts_from_the_top():
    lower, upper = (Word("Options", Box(10, top, 56, 10)) for top in (200, 100))
    seen = [[lower], [upper]]
    assert find(seen, "Options", whole=True) == upper.box
    assert find(seen, "Options", whole=True, number=1) == lower.box
    assert find(seen, "Options", whole=True, number=2) is None


@pytest.mark.parametrize("label", ["amodemoffl", "amod", "bamodenmoffl"])
def test_a_name_that_has_no_room_is_known_by_how_it_begins(label: str):
    """Read from the screen, "rn" may be an m, and an icon a letter."""
    assert begins("A modern office chair", label)
    assert not begins("A brass lamp", label)
