"""Converters stay for many tasks, and none of them takes others down with it."""

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from generio_flows.core.errors import Cancelled, NoChildBlender
from generio_flows.core.messages import Message
from generio_flows.engine import conversion, converters
from generio_flows.engine.conversion import Conversion
from generio_flows.engine.converters import ConverterDied, Converters, TookTooLong
from generio_flows.formats.raw_pixels import RawPicture
from generio_flows.jobs.process_id import began
from generio_flows.scene import markers
from generio_flows.scene.errors import ConversionFailed

from tests.systems import needs_signals

from .conftest import LONGEST

pytestmark = pytest.mark.slow
FAKE = (sys.executable, str(Path(__file__).parents[2] / "fake_converter.py"))


def never() -> bool:
    return False


@pytest.fixture
def pool() -> Iterator[Converters]:
    made = Converters(FAKE)
    yield made
    made.close()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    path.write_text("model")
    return path


def by(pool: Converters, source: Path, name: str = "target") -> str:
    """The process id of the converter that made a copy."""
    target = source.with_name(name)
    assert pool.do("copy", source, target, never) == ""
    return target.read_text().split()[2]


def wait_until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + LONGEST
    while not condition():
        assert time.monotonic() < end, "this never came"
        time.sleep(0.01)


def test_one_converter_does_one_task_after_the_other(pool: Converters, source: Path) -> None:
    assert len({by(pool, source, f"target-{number}") for number in range(5)}) == 1


def test_what_went_wrong_is_told_in_blenders_words_or_ours(pool: Converters, source: Path) -> None:
    assert pool.do("refuse", source, source, never) == "Error: no glTF"
    said = pool.do("message", source, source, never)
    assert isinstance(said, Message)
    assert said == "the model is empty."


def test_no_more_run_at_once_than_may(source: Path, pool: Converters) -> None:
    with ThreadPoolExecutor(8) as threads:
        pids = {*threads.map(lambda number: by(pool, source, f"target-{number}"), range(40))}
    assert len(pids) <= converters.MOST


def test_a_model_that_kills_a_used_converter_is_tried_in_a_fresh_one(pool: Converters, source: Path) -> None:
    before = by(pool, source)
    assert pool.do("die used", source, source.with_name("died"), never) == ""
    assert by(pool, source) != before


def test_a_model_that_kills_each_converter_is_told(pool: Converters, source: Path) -> None:
    by(pool, source)
    with pytest.raises(ConverterDied):
        pool.do("die", source, source, never)
    assert by(pool, source)


def test_what_is_cancelled_ends_with_its_converter(pool: Converters, source: Path) -> None:
    before, asked = by(pool, source), threading.Event()
    timer = threading.Timer(0.2, asked.set)
    timer.start()
    with pytest.raises(Cancelled):
        pool.do("hang", source, source, asked.is_set)
    timer.join()
    wait_until(lambda: began(int(before)) is None)


def test_what_takes_too_long_is_ended(
    pool: Converters, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(converters, "TIMEOUT", 0.2)
    with pytest.raises(TookTooLong):
        pool.do("hang", source, source, never)


def test_after_many_tasks_or_when_grown_another_takes_its_place(
    pool: Converters, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(converters, "MOST_TASKS", 3)
    pids = [by(pool, source) for _ in range(7)]
    assert [pids.index(pid) for pid in dict.fromkeys(pids)] == [0, 3, 6]
    monkeypatch.undo()
    pool.do("copy", source, source.with_name("again"), never)
    before = by(pool, source)
    pool.do("grow", source, source, never)
    assert by(pool, source) != before


def test_those_with_nothing_to_do_end(pool: Converters, source: Path) -> None:
    before = by(pool, source)
    pool.end_idle(LONGEST)
    assert by(pool, source) == before
    pool.end_idle(0.0)
    assert by(pool, source) != before


def test_one_is_warm_before_it_is_needed(pool: Converters, source: Path) -> None:
    pool.warm()
    wait_until(lambda: pool._free)
    (warm,) = pool._free
    pool.warm()
    assert by(pool, source) == str(warm._process.pid)
    assert pool._free == [warm]


@needs_signals
def test_ctrl_c_in_a_terminal_is_nothing_to_a_converter(pool: Converters, source: Path) -> None:
    """The terminal sends it to a whole group of processes; who started the converter decides what ends."""
    if sys.platform != "win32":
        assert os.getpgid(int(by(pool, source))) != os.getpgid(0)


def test_where_none_can_be_started_that_is_an_error_of_the_system(source: Path) -> None:
    pool = Converters(("/no/such/program",))
    pool.warm()  # which nobody hears of
    with pytest.raises(NoChildBlender):
        pool.do("copy", source, source, never)
    dying = Converters((*FAKE, "broken"))
    with pytest.raises(ConverterDied, match="3"):
        dying.do("copy", source, source, never)


def test_a_converter_leaves_nothing_behind(pool: Converters, source: Path) -> None:
    by(pool, source)
    home = Path(source.with_name("target").read_text().split()[-1])
    assert home.is_dir()
    pool.close()
    assert not home.exists()


def test_folders_of_engines_that_were_killed_are_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        pass
    for name in (f"generio-{ended.pid}-a", f"generio-{os.getpid()}-b", "generio-c", f"other-{ended.pid}-d"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").touch()
    converters.remove_homes_of_the_dead()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        [f"generio-{os.getpid()}-b", "generio-c", f"other-{ended.pid}-d"]
    )


# ---------------------------------------------------------------------- conversions


@pytest.fixture
def made() -> Iterator[Conversion]:
    conversion = Conversion(FAKE)
    yield conversion
    conversion.close()


def test_a_result_appears_only_whole(made: Conversion, tmp_path: Path) -> None:
    glb, blend = tmp_path / "result-1.glb", tmp_path / "result-1.blend"
    glb.write_text("model")
    made.to_blend(glb, blend, never)
    assert blend.read_text() == "model"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["result-1.blend", "result-1.glb"]


@pytest.mark.parametrize(
    ("task", "words"), [("refuse", "no glTF"), ("die", "ended with code"), ("hang", "took longer")]
)
def test_what_fails_is_a_sentence(
    made: Conversion, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, task: str, words: str
) -> None:
    if task == "hang":
        monkeypatch.setattr(converters, "TIMEOUT", 0.2)
    glb = tmp_path / "result-1.glb"
    glb.write_text("model")
    with pytest.raises(ConversionFailed, match=f"could not convert the model.*{words}"):
        made._run(task, glb, glb.with_suffix(".blend"), never)
    assert [*tmp_path.iterdir()] == [glb]


def test_paintings_are_waited_for_and_sent(made: Conversion, tmp_path: Path) -> None:
    """Two jobs have the same snapshot, and the one without the paintings beside it comes first."""
    import numpy as np

    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
        (folder / "snapshot-1.blend").write_text("snapshot")
    snapshot, painting = first / "snapshot-1.blend", first / "snapshot-1-0.png"
    markers.paintings_note(snapshot).write_text('["snapshot-1-0.png"]')
    picture = RawPicture.of_pixels(np.full((4, 6, 4), 128, np.uint8))
    seen: list[bool] = []
    run = made._run

    def look(*given: object) -> None:
        seen.append(painting.read_bytes().startswith(b"\x89PNG"))
        run(*given)  # type: ignore[arg-type]

    made._run = look  # type: ignore[method-assign]
    timer = threading.Timer(0.3, picture.write_whole, [markers.raw_painting(painting)])
    timer.start()
    made.make_input(second / "snapshot-1.blend", second / "input.glb", never)
    timer.join()
    assert seen == [True]
    assert sorted(path.name for path in first.iterdir()) == ["input.glb", "snapshot-1.blend"]


def test_who_waits_for_paintings_can_be_stopped(
    made: Conversion, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "job"
    folder.mkdir()
    snapshot = folder / "snapshot-1.blend"
    snapshot.write_text("snapshot")
    markers.paintings_note(snapshot).write_text('["snapshot-1-0.png"]')
    with pytest.raises(Cancelled):
        made.make_input(snapshot, folder / "input.glb", lambda: True)
    monkeypatch.setattr(conversion, "PAINTINGS_SECONDS", 0.1)
    made.make_input(snapshot, folder / "input.glb", never)
    assert (folder / "input.glb").exists(), "that it is missing is what the converter says"


def test_a_converter_gets_no_key_and_none_of_the_users_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENERIO_API_KEY", "secret")
    monkeypatch.setenv("BLENDER_USER_SCRIPTS", "/mine")
    environment = converters._environment("/nowhere")
    assert "GENERIO_API_KEY" not in environment
    assert {name: value for name, value in environment.items() if name.startswith("BLENDER_")} == {
        "BLENDER_USER_RESOURCES": "/nowhere"
    }
    assert environment["TMPDIR"] == "/nowhere"
    assert os.environ["GENERIO_API_KEY"] == "secret"
