"""Jobs that bake: they are like any other, but nothing of them reaches the service."""

import threading
from collections.abc import Callable
from pathlib import Path

from generio_flows.core.errors import Cancelled as Stopped
from generio_flows.core.messages import Message
from generio_flows.jobs import BAKE, Job, Request, State, Step
from generio_flows.jobs.engine import Engine
from generio_flows.scene.errors import BakeFailed

from tests.sandbox import Sandbox
from tests.unit.jobs.conftest import busy, finished, wait_until

Cancelled = Callable[[], bool]
Report = Callable[[float], None]


def wish(sandbox: Sandbox, tmp_path: Path) -> Job:
    snapshot = tmp_path / "snapshot-1.blend"
    snapshot.write_bytes(b"two meshes")
    return Job(Request(service=sandbox.url, template=BAKE, name="Vase", source=str(snapshot)))


def bake(snapshot: Path, blend: Path, _cancelled: Cancelled, _report: Report) -> None:
    blend.write_bytes(snapshot.read_bytes())


class Waits:
    """A bake that is half done until it may go on, or is cancelled."""

    def __init__(self) -> None:
        self.begun, self.go_on = threading.Event(), threading.Event()
        self.times = 0

    def __call__(self, snapshot: Path, blend: Path, cancelled: Cancelled, report: Report) -> None:
        self.times += 1
        report(0.5)
        self.begun.set()
        while not self.go_on.wait(0.01):
            if cancelled():
                raise Stopped
        bake(snapshot, blend, cancelled, report)


def requests(sandbox: Sandbox) -> dict[str, int]:
    return {route: count for route, count in sandbox.stats()["requests"].items() if count}


def test_a_bake_becomes_ready_without_a_call(engine: Engine, sandbox: Sandbox, tmp_path: Path):
    engine._conversions.bake = bake
    before = requests(sandbox)
    job = finished(engine, engine.submit(wish(sandbox, tmp_path)))
    assert (job.status.step, job.run.flow_id) == (Step.READY, "")
    (result,) = job.placement.results
    assert Path(result.blend).read_bytes() == b"two meshes"
    assert engine.folder(job.token) == Path(result.blend).parent
    assert requests(sandbox) == before
    assert engine.mark_placed(job.token, "a document")


def test_a_bake_is_shown_as_running_with_its_progress(engine: Engine, sandbox: Sandbox, tmp_path: Path):
    engine._conversions.bake = held = Waits()
    job = engine.submit(wish(sandbox, tmp_path))
    held.begun.wait(60.0)
    shown = engine.job(job.token)
    assert shown is not None
    assert (shown.state, shown.run.progress) == (State.RUNNING, 0.5)
    held.go_on.set()
    assert finished(engine, job).status.step is Step.READY


def test_a_bake_can_be_cancelled_and_made_after_all(engine: Engine, sandbox: Sandbox, tmp_path: Path):
    engine._conversions.bake = held = Waits()
    job = engine.submit(wish(sandbox, tmp_path))
    held.begun.wait(60.0)
    assert engine.cancel(job.token)
    assert finished(engine, job).status.step is Step.CANCELLED
    held.go_on.set()
    assert engine.retry(job.token)
    assert finished(engine, job).status.step is Step.READY
    assert sandbox.stats()["flows"] == {}


def test_a_bake_that_its_engine_did_not_survive_is_made_again(
    new_engine: Callable[..., Engine], sandbox: Sandbox, tmp_path: Path
):
    first = new_engine()
    first._conversions.bake = held = Waits()
    job = first.submit(wish(sandbox, tmp_path))
    held.begun.wait(60.0)
    first.close()
    second = new_engine()
    second._conversions.bake = bake
    assert finished(second, job).status.step is Step.READY
    wait_until(lambda: not busy(second))
    assert sandbox.stats()["flows"] == {}


def test_why_a_bake_failed_is_told(engine: Engine, sandbox: Sandbox, tmp_path: Path):
    def fails(snapshot: Path, _blend: Path, _cancelled: Cancelled, _report: Report) -> None:
        raise BakeFailed(snapshot.name, Message("the mesh has no faces."))

    engine._conversions.bake = fails
    job = finished(engine, engine.submit(wish(sandbox, tmp_path)))
    assert job.state is State.FAILED
    assert job.status.problem is not None
    assert str(job.status.problem.message) == "The lost detail could not be baked: the mesh has no faces."


def test_where_nothing_bakes_a_sentence_says_so(engine: Engine, sandbox: Sandbox, tmp_path: Path):
    job = finished(engine, engine.submit(wish(sandbox, tmp_path)))
    assert job.status.problem is not None
    assert job.status.problem.code == "no_baker"
