"""A real Blender, its engine or its converter is killed half way; the result comes all the same, and once."""

import json
import time
from pathlib import Path

import pytest
from generio_flows.jobs.process_id import began

from tests.blender import crash_points
from tests.blender.another_blender import Session
from tests.systems import DEAD

ASK = """
from tests.blender import crash_points, scenes
from pathlib import Path
scenes.select(scenes.ball())
bpy.ops.wm.save_as_mainfile(filepath={file!r})
crash_points.wait_for(addon, {moment!r}, {victim!r}, Path({note!r}))
bpy.ops.generio.optimize_selected(polygon_count=500, placement="BESIDE")
bpy.ops.wm.save_mainfile()
"""
OPEN = "bpy.ops.wm.open_mainfile(filepath={file!r})"
SEEN = "result = sorted(len(item.data.polygons) <= 500 for item in bpy.data.objects)"
ONCE = {"uploaded": 1, "started": 1, "run": 1, "downloaded": 1, "deleted": 0}


def gone(process: int) -> bool:
    return began(process) is None


def wait_for_the_end_of(note: Path) -> None:
    """All that worked for the Blender that was killed ends by itself."""
    end = time.monotonic() + 120
    while not all(map(gone, json.loads(note.read_text()).values())):
        assert time.monotonic() < end, "a process outlived its parent"
        time.sleep(0.05)


def counted(sandbox) -> list[dict[str, int]]:
    return [{name: flow[name] for name in ONCE} for flow in sandbox.stats()["flows"].values()]


def look_again(sandbox, home: Path, file: str) -> None:
    """The next Blender finds the result in the file, once, and a job that is over."""
    with Session(home, sandbox.url, sandbox.key) as another:
        another.do(f"{OPEN.format(file=file)}; tick_until(lambda: rows() and settled()); tick_for(0.5)")
        assert another.do(SEEN) == [False, True]
        assert another.do("result = len(rows())") == 1
        another.quit()
    assert counted(sandbox) == [ONCE]
    assert not [*home.rglob("*.part"), *home.rglob("snapshot-*.blend")]


@pytest.mark.parametrize("moment", crash_points.MOMENTS)
def test_a_blender_that_is_killed_loses_nothing_and_repeats_nothing(sandbox, tmp_path: Path, moment: str):
    file, note, home = str(tmp_path / "ball.blend"), tmp_path / "processes", tmp_path / "home"
    with Session(home, sandbox.url, sandbox.key) as first:
        with pytest.raises(AssertionError, match="this Blender has ended"):
            first.do(ASK.format(file=file, moment=moment, victim="Blender", note=str(note)))
        assert first.gone() == DEAD
    assert note.exists() == (moment in crash_points.CONVERSIONS)
    if note.exists():
        wait_for_the_end_of(note)
        if moment.endswith("begun"):
            assert not list(home.rglob("*.part")), "the converter finished its work without its parent"
    with Session(home, sandbox.url, sandbox.key) as second:
        second.do(f"{OPEN.format(file=file)}; tick_until(lambda: len(bpy.data.objects) == 2)")
        second.do("tick_for(0.5); bpy.ops.wm.save_mainfile(); tick_until(settled)")
        assert second.do(SEEN) == [False, True]
        second.kill()
    look_again(sandbox, home, file)


@pytest.mark.parametrize("moment", crash_points.CONVERSIONS)
def test_when_its_engine_is_killed_blender_notices_nothing(sandbox, tmp_path: Path, moment: str):
    file, note, home = str(tmp_path / "ball.blend"), tmp_path / "processes", tmp_path / "home"
    with Session(home, sandbox.url, sandbox.key) as blender:
        blender.do(ASK.format(file=file, moment=moment, victim="engine", note=str(note)))
        assert blender.do(SEEN) == [False, True]
        killed = json.loads(note.read_text())["engine"]
        assert blender.do("result = session.engine.pid") != killed
        blender.do("tick_until(settled)")
        blender.quit()
    wait_for_the_end_of(note)
    look_again(sandbox, home, file)


@pytest.mark.parametrize("moment", ["export begun", "import begun"])
def test_when_a_converter_is_killed_another_one_tries(sandbox, tmp_path: Path, moment: str):
    file, note, home = str(tmp_path / "ball.blend"), tmp_path / "processes", tmp_path / "home"
    with Session(home, sandbox.url, sandbox.key) as blender:
        blender.do(ASK.format(file=file, moment=moment, victim="converter", note=str(note)))
        blender.do("tick_until(settled)")
        assert blender.do(SEEN) == [False, True]
        blender.quit()
    wait_for_the_end_of(note)
    look_again(sandbox, home, file)
