"""The prompts that were used before."""

from pathlib import Path

import pytest
from generio_flows.session.prompt_history import MOST_PROMPTS, PromptHistory


def test_the_last_ones_are_kept_newest_first_and_each_once(tmp_path: Path):
    history = PromptHistory(tmp_path / "prompts.json")
    assert history.prompts() == []
    for number in range(MOST_PROMPTS + 5):
        history.add(f"Chair {number}")
    history.add("Chair 10")
    found = PromptHistory(tmp_path / "prompts.json").prompts()
    assert len(found) == MOST_PROMPTS
    assert found[:2] == ["Chair 10", f"Chair {MOST_PROMPTS + 4}"]
    assert found.count("Chair 10") == 1


def test_two_blenders_share_it(tmp_path: Path):
    one, other = (PromptHistory(tmp_path / "prompts.json") for _ in range(2))
    one.add("Ein Stuhl, 椅子\nmit zwei Zeilen")
    other.add("A table")
    one.add("A lamp")
    assert one.prompts() == ["A lamp", "A table", "Ein Stuhl, 椅子\nmit zwei Zeilen"]


@pytest.mark.parametrize("content", [b"", b"{", b'{"a": 1}', b'[1, null, "", "A chair"]', b"\xff\xfe"])
def test_a_broken_file_does_no_harm(tmp_path: Path, content: bytes):
    path = tmp_path / "prompts.json"
    path.write_bytes(content)
    history = PromptHistory(path)
    assert history.prompts() in ([], ["A chair"])
    history.add("A table")
    assert PromptHistory(path).prompts()[0] == "A table"


def test_a_disk_that_refuses_does_no_harm(tmp_path: Path):
    history = PromptHistory(tmp_path / "not there" / "prompts.json")
    history.add("A table")
    assert history.prompts() == ["A table"]
