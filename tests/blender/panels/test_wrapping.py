"""Sentences in panels are broken where they have to be, as long as the font says."""

from itertools import pairwise

import blf
import pytest


@pytest.fixture
def lines(addon):
    blf.size(0, 11)
    return addon.panels.widgets.lines


def test_a_line_is_as_long_as_there_is_room(lines):
    text = "Réessayez, ou modifiez l'entrée ou ses réglages, and wwwwwwwwww iiiiiiiiii iiiiiiiiii"
    broken = lines(text, 120)
    assert " ".join(broken) == text
    assert all(blf.dimensions(0, line)[0] <= 120 for line in broken)
    longer = [f"{line} {after.split()[0]}" for line, after in pairwise(broken)]
    assert all(blf.dimensions(0, line)[0] > 120 for line in longer)


def test_a_word_that_is_too_long_is_broken(lines):
    text = "The job list /home/somebody/with/a/long/way/to/it.sqlite cannot be opened"
    broken = lines(text, 120)
    assert "".join(broken).replace(" ", "") == text.replace(" ", "")
    assert all(blf.dimensions(0, line)[0] <= 120 for line in broken)


def test_no_line_begins_with_a_mark_that_closes_or_ends_with_one_that_opens(lines):
    text = "もう一度試すか、「入力」や「設定」を変えてください。もう一度。"
    for room in range(40, 200, 3):
        broken = lines(text, room)
        assert "".join(broken) == text
        assert not [line for line in broken if line[0] in "、。」" or line[-1] == "「"]
