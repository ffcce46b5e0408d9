"""How much memory and disk there is."""

from pathlib import Path

from generio_flows.core import memory


def test_there_is_some_of_both(tmp_path: Path):
    assert (memory.free_memory() or 0) > 1 << 20
    assert (memory.free_disk(tmp_path) or 0) > 1 << 20


def test_of_a_disk_that_is_not_there_nothing_is_known(tmp_path: Path):
    assert memory.free_disk(tmp_path / "none") is None
