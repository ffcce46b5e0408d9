"""Files that appear whole or not at all."""

from pathlib import Path

import pytest
from generio_flows.core.files import atomic_path


def names(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_a_file_appears_when_it_is_whole(tmp_path: Path):
    (tmp_path / "lamp.glb").write_text("before")
    with atomic_path(tmp_path / "lamp.glb") as part:
        part.write_text("after")
        assert names(tmp_path) == {"lamp.glb": "before", "lamp.glb.part": "after"}
    assert names(tmp_path) == {"lamp.glb": "after"}


def test_where_writing_fails_nothing_changes(tmp_path: Path):
    (tmp_path / "lamp.glb").write_text("before")
    with pytest.raises(OSError, match="full"), atomic_path(tmp_path / "lamp.glb") as part:
        part.write_text("half")
        raise OSError("the disk is full")
    assert names(tmp_path) == {"lamp.glb": "before"}


def test_what_another_process_has_written_meanwhile_may_stay(tmp_path: Path):
    with atomic_path(tmp_path / "lamp.glb", overwrite=False) as part:
        part.write_text("ours")
        (tmp_path / "lamp.glb").write_text("theirs")
    assert names(tmp_path) == {"lamp.glb": "theirs"}


def test_a_file_may_be_written_under_a_name_of_its_own(tmp_path: Path):
    with atomic_path(tmp_path / "lamp.glb", tmp_path / "mine") as part:
        part.write_text("whole")
        assert names(tmp_path) == {"mine": "whole"}
    assert names(tmp_path) == {"lamp.glb": "whole"}
