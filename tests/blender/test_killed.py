"""A real Blender is killed half way, its real child at work; the next one brings the result, and once."""

import time
from pathlib import Path

import pytest
from generio_flows.jobs.process_id import began

from tests.blender import crash_points
from tests.blender.session import Session
from tests.systems import DEAD

ASK = """
from tests.blender import crash_points, scenes
from pathlib import Path
scenes.select(scenes.ball())
bpy.ops.wm.save_as_mainfile(filepath={file!r})
crash_points.wait_for(addon, {moment!r}, Path({note!r}))
bpy.ops.generio.optimize_selected(polygon_count=500, placement="BESIDE")
bpy.ops.wm.save_mainfile()
"""
OPEN = "bpy.ops.wm.open_mainfile(filepath={file!r})"
SEEN = "result = sorted(len(item.data.polygons) <= 500 for item in bpy.data.objects)"


@pytest.mark.parametrize("moment", crash_points.MOMENTS)
def test_a_blender_that_is_killed_loses_nothing_and_repeats_nothing(sandbox, tmp_path: Path, moment: str):
    file, note, home = str(tmp_path / "ball.blend"), tmp_path / "child", tmp_path / "home"
    with Session(home, sandbox.url, sandbox.key) as first:
        with pytest.raises(AssertionError, match="this Blender has ended"):
            first.do(ASK.format(file=file, moment=moment, note=str(note)))
        assert first.gone() == DEAD
    assert note.exists() == moment.endswith("begun")
    if note.exists():
        end = time.monotonic() + 60
        while began(int(note.read_text())) is not None:
            assert time.monotonic() < end, "the child outlived its parent"
            time.sleep(0.05)
        assert not list(home.rglob("*.part")), "the child finished its work without its parent"
    with Session(home, sandbox.url, sandbox.key) as second:
        second.do(f"{OPEN.format(file=file)}; tick_until(lambda: len(bpy.data.objects) == 2)")
        second.do("tick_for(0.5); bpy.ops.wm.save_mainfile(); tick_until(settled)")
        assert second.do(SEEN) == [False, True]
        second.kill()
    with Session(home, sandbox.url, sandbox.key) as third:
        third.do(f"{OPEN.format(file=file)}; tick_until(lambda: rows() and settled()); tick_for(0.5)")
        assert third.do(SEEN) == [False, True]
        assert third.do("result = len(rows())") == 1
        third.quit()
    counted = [
        {name: flow[name] for name in ("uploaded", "started", "run", "downloaded", "deleted")}
        for flow in sandbox.stats()["flows"].values()
    ]
    assert counted == [{"uploaded": 1, "started": 1, "run": 1, "downloaded": 1, "deleted": 0}]
    assert not [*home.rglob("*.part"), *home.rglob("snapshot-*.blend")]
