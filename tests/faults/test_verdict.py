"""What the faults' verdict calls left behind."""

from pathlib import Path

import pytest
from generio_flows.jobs.store import JobStore

from tests.faults.verdict import judge


@pytest.mark.parametrize(
    ("name", "data", "left"),
    [
        ("iqf5cem2", b"", False),  # what Python left, killed between opening and writing
        ("iqf5cem2", b"blat", False),
        ("iqf5cem2", b"glTF", True),
        ("a-model.glb", b"", True),
    ],
)
def test_a_probe_of_pythons_is_not_left_behind(name: str, data: bytes, left: bool, tmp_path: Path) -> None:
    JobStore(tmp_path / "jobs.sqlite").close()
    (tmp_path / "asked-for.txt").touch()
    (tmp_path / "tmp").mkdir()
    (tmp_path / "tmp" / name).write_bytes(data)
    assert judge(tmp_path, [], []).complaints == ([f"left behind: tmp/{name}"] if left else [])
