"""Jobs that export: nothing of them reaches the service, and their files are where they belong, whole."""

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from generio_flows.core import destination as destinations
from generio_flows.core.destination import ExportFolder
from generio_flows.core.errors import Cancelled as Stopped
from generio_flows.core.messages import Message
from generio_flows.jobs import EXPORT, Job, Request, State, Step, exported
from generio_flows.jobs.engine import Engine
from generio_flows.jobs.settings import Settings
from generio_flows.scene.errors import ExportFailed

from tests.sandbox import Sandbox
from tests.unit.jobs.conftest import busy, finished, wait_until

Cancelled = Callable[[], bool]
Report = Callable[[float], None]


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "exports"


@pytest.fixture
def wish(sandbox: Sandbox, tmp_path: Path, target: Path) -> Job:
    order = tmp_path / "token" / "order.json"
    order.parent.mkdir()
    order.write_text("Rock")
    order.with_name("snapshot-1.blend").write_bytes(b"a mesh")
    where = ExportFolder(str(target))
    request = Request(
        service=sandbox.url, template=EXPORT, name="Rock.fbx", source=str(order), destination=where
    )
    return Job(request)


def export(order: Path, note: Path, _cancelled: Cancelled, _report: Report) -> None:
    made = note.with_name("made")
    for name in ("Rock.fbx", "own/Tree.fbx", "textures/Bark.png"):
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        (made / name).write_text(f"{order.read_text()} {name}")
    note.write_text(json.dumps({"folder": "made", "files": ["Rock.fbx", "own/Tree.fbx"]}))


class Waits:
    """An export that is half done until it may go on, or is cancelled."""

    def __init__(self) -> None:
        self.begun, self.go_on = threading.Event(), threading.Event()

    def __call__(self, order: Path, note: Path, cancelled: Cancelled, report: Report) -> None:
        report(0.5)
        self.begun.set()
        while not self.go_on.wait(0.01):
            if cancelled():
                raise Stopped
        export(order, note, cancelled, report)


def there(folder: Path) -> dict[str, str]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_text() for path in found}


ALL = {name: f"Rock {name}" for name in ("Rock.fbx", "own/Tree.fbx", "textures/Bark.png")}


def test_files_are_where_they_belong_and_nothing_is_left_of_what_they_were_made_of(
    engine: Engine, sandbox: Sandbox, wish: Job, target: Path
):
    engine._conversions.export = export
    target.mkdir()
    (target / "Rock.fbx").write_text("of yesterday")
    (target / "other.txt").write_text("the user's own")
    job = finished(engine, engine.submit(wish))
    assert (job.state, job.run.flow_id, job.status.problem) == (State.DONE, "", None)
    assert there(target) == {**ALL, "other.txt": "the user's own"}
    files = job.placement.delivered
    assert [Path(file.path) for file in files] == [target / "Rock.fbx", target / "own" / "Tree.fbx"]
    assert [file.size for file in files] == [len(ALL["Rock.fbx"]), len(ALL["own/Tree.fbx"])]
    wait_until(lambda: not busy(engine))
    order = Path(job.request.source)
    assert [*order.parent.iterdir()] == []
    assert {path.name for path in engine.folder(job.token).iterdir()} <= {"request.json"}
    assert sandbox.stats()["flows"] == {}
    assert Job.from_json(job.to_json()) == job


def test_an_export_is_shown_as_running_with_its_progress(engine: Engine, wish: Job, target: Path):
    engine._conversions.export = held = Waits()
    job = engine.submit(wish)
    held.begun.wait(60.0)
    shown = engine.job(job.token)
    assert shown is not None
    assert (shown.state, shown.run.progress) == (State.RUNNING, 0.5)
    assert not target.exists()
    held.go_on.set()
    assert finished(engine, job).status.step is Step.PLACED


def test_an_export_can_be_cancelled_and_done_after_all(engine: Engine, wish: Job, target: Path):
    engine._conversions.export = held = Waits()
    job = engine.submit(wish)
    held.begun.wait(60.0)
    assert engine.cancel(job.token)
    assert finished(engine, job).status.step is Step.CANCELLED
    assert not target.exists()
    held.go_on.set()
    assert engine.retry(job.token)
    assert finished(engine, job).status.step is Step.PLACED
    assert there(target) == ALL


def test_an_export_that_its_engine_did_not_survive_is_done_again(
    new_engine: Callable[..., Engine], wish: Job, target: Path
):
    first = new_engine()
    first._conversions.export = held = Waits()
    job = first.submit(wish)
    held.begun.wait(60.0)
    first.close()
    second = new_engine()
    second._conversions.export = export
    assert finished(second, job).status.step is Step.PLACED
    assert there(target) == ALL


def test_why_an_export_failed_is_told(engine: Engine, wish: Job):
    def fails(order: Path, _note: Path, _cancelled: Cancelled, _report: Report) -> None:
        raise ExportFailed(order.name, Message("the model is empty."))

    engine._conversions.export = fails
    job = finished(engine, engine.submit(wish))
    assert job.state is State.FAILED
    assert job.status.problem is not None
    assert str(job.status.problem.message) == "The files could not be exported: the model is empty."


def test_a_folder_that_takes_no_files_is_told_and_tried_again(engine: Engine, wish: Job, target: Path):
    engine._conversions.export = export
    target.write_text("a file is in the way")
    job = finished(engine, engine.submit(wish))
    assert job.status.problem is not None
    assert (job.status.problem.code, job.status.problem.remedy) == ("not_delivered", "retry")
    target.unlink()
    assert engine.retry(job.token)
    assert finished(engine, job).status.step is Step.PLACED
    assert there(target) == ALL


def test_where_nothing_exports_a_sentence_says_so(engine: Engine, wish: Job):
    job = finished(engine, engine.submit(wish))
    assert job.status.problem is not None
    assert job.status.problem.code == "no_exporter"


def test_a_file_that_cannot_be_copied_leaves_the_one_that_is_there(
    tmp_path: Path, target: Path, monkeypatch: pytest.MonkeyPatch
):
    order, note = tmp_path / "order.json", tmp_path / "exported-1.json"
    order.write_text("Rock")
    export(order, note, lambda: False, lambda _share: None)
    target.mkdir()
    (target / "Rock.fbx").write_text("of yesterday")

    def breaks(_source: Path, part: Path) -> None:
        part.write_text("half of")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(exported.shutil, "copyfile", breaks)
    with pytest.raises(OSError, match="No space"):
        exported.deliver(note, target, "token")
    assert there(target) == {"Rock.fbx": "of yesterday"}


def test_a_folder_to_export_into_is_kept_as_it_is():
    where = ExportFolder("/home/me/exports")
    assert destinations.from_data(destinations.to_data(where)) == where


def test_an_export_waits_for_no_flow_and_no_flow_for_an_export(
    new_engine: Callable[..., Engine],
    settings: Settings,
    sandbox: Sandbox,
    jobs: dict[str, Job],
    wish: Job,
    tmp_path: Path,
):
    order = tmp_path / "another" / "order.json"
    order.parent.mkdir()
    order.write_text("Rock")
    sandbox.order({"flow": {"outcome": "hang"}})
    engine = new_engine(replace(settings, concurrent_jobs=1))
    engine._conversions.export = held = Waits()
    flow = engine.submit(jobs["image"])
    wait_until(lambda: engine.job(flow.token).status.step is Step.STARTED)
    job, other = engine.submit(wish), engine.submit(Job(replace(wish.request, source=str(order))))
    assert held.begun.wait(60.0)
    assert engine.job(other.token).state is State.QUEUED  # one export at a time
    prompt = engine.submit(jobs["prompt"])
    assert engine.job(prompt.token).state is State.QUEUED  # and one flow
    engine.cancel(flow.token)
    assert finished(engine, prompt).state is State.READY
    held.go_on.set()
    assert finished(engine, job).state is State.DONE
    assert finished(engine, other).state is State.DONE
