"""A job's files: made before anything is sent, found again where they were moved to, and removed with it."""

import os
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from generio_flows.api import Cancelled
from generio_flows.core.messages import Message
from generio_flows.jobs import Job, LedgerError, Settings, State, Step, limits
from generio_flows.jobs import engine as engine_module
from generio_flows.jobs.engine import Engine
from generio_flows.jobs.job_folder import JobFolder
from generio_flows.jobs.limits import LEASE_SECONDS
from generio_flows.jobs.recovery import job_tokens
from generio_flows.jobs.registry import Held
from generio_flows.jobs.steps import advance
from generio_flows.jobs.store import JobStore
from generio_flows.jobs.store_rows import Lease

from tests.sandbox import Sandbox
from tests.systems import WINDOWS
from tests.unit.jobs.engine_helpers import dead_owner

from .conftest import LONGEST, busy, copy, finished, wait_until


def test_removing_deletes_the_files(engine: Engine, jobs: dict[str, Job]):
    job = engine.submit(jobs["prompt"])
    with pytest.raises(ValueError, match="unfinished"):
        engine.remove(job.token)
    finished(engine, job)
    folder = engine.folder(job.token)
    assert folder.exists()
    engine.remove(job.token)
    assert not folder.exists()
    assert engine.jobs() == []


def test_removing_a_job_while_its_request_is_written_leaves_no_folder(
    engine: Engine, jobs: dict[str, Job], monkeypatch: pytest.MonkeyPatch
):
    writing, go_on, written = threading.Event(), threading.Event(), threading.Event()
    keep = engine_module.append_request

    def slow(folder: Path, job: Job) -> None:
        writing.set()
        go_on.wait(LONGEST)
        keep(folder, job)

    monkeypatch.setattr(engine_module, "append_request", slow)
    job = finished(engine, engine.submit(jobs["prompt"]))
    assert writing.wait(LONGEST)
    engine.remove(job.token)
    go_on.set()
    engine._writer.write_soon(written.set)
    assert written.wait(LONGEST)
    assert not engine.folder(job.token).exists()


def test_a_snapshot_outlives_a_note_that_could_not_be_written(
    engine: Engine, jobs: dict[str, Job], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(limits, "BUSY_DISK_SECONDS", 0.05)
    snapshot = engine.folder(jobs["optimize"].token) / "snapshot.blend"
    snapshot.parent.mkdir(parents=True)
    snapshot.write_bytes(Path(jobs["optimize"].request.input_path).read_bytes())
    save, refused = engine._store.save, threading.Event()

    def save_later(job: Job, owner: str, now: float) -> bool:
        if job.status.step is Step.PREPARED and not refused.is_set():
            refused.set()
            raise LedgerError(Message("busy"))
        return save(job, owner, now)

    monkeypatch.setattr(engine._store, "save", save_later)
    job = engine.submit(jobs["optimize"].changed(input_path="", input_mime="", source=str(snapshot)))
    assert (finished(engine, job).state, refused.is_set()) == (State.READY, True)
    assert snapshot.exists(), "the result is fitted onto it, and then it goes"


def test_what_a_crash_left_of_a_download_is_removed(engine: Engine, jobs: dict[str, Job]):
    part = engine.folder(jobs["prompt"].token) / "result-1.glb.12345678.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(b"glTF")
    assert finished(engine, engine.submit(jobs["prompt"])).state is State.READY
    assert not part.exists()


def test_a_download_that_another_process_has_under_way_is_left_alone(
    new_engine: Callable[..., Engine], settings: Settings, sandbox: Sandbox, jobs: dict[str, Job]
):
    stall = {"action": "stall", "at": 100, "seconds": 3}
    sandbox.order({"method": "GET", "path": "/flows/*/outputs/*", **stall})
    owner = new_engine()
    job = owner.submit(jobs["prompt"])
    wait_until(lambda: [*owner.folder(job.token).glob("*.part")])
    other = new_engine()
    lease = Lease(other.owner, 1)  # it had the job, slept past its lease, and does not know that yet
    other._registry._held[job.token] = Held(lease)
    with pytest.raises(Cancelled):
        advance(other._workers._turn(owner.job(job.token), lease, settings), owner.job(job.token))
    assert [*owner.folder(job.token).glob("*.part")], "the first one is not done yet"
    assert finished(owner, job).state is State.READY
    assert [*owner.folder(job.token).glob("*.part")] == []


@pytest.mark.parametrize("sandbox", ["quickstart"], indirect=True)
def test_what_never_left_the_computer_is_not_asked_about(
    new_engine: Callable[..., Engine], settings: Settings, sandbox: Sandbox, jobs: dict[str, Job]
):
    engine = new_engine()
    assert (
        finished(engine, engine.submit(jobs["prompt"])).state is State.READY
    )  # the service takes all in one
    engine.configure(replace(settings, api_key=""))
    job = engine.submit(jobs["image"])
    wait_until(lambda: engine.job(job.token).status.waiting)
    assert engine.job(job.token).status.step is Step.PREPARED
    engine.configure(settings)
    assert finished(engine, job).state is State.READY
    gone = engine.submit(jobs["image"].changed(token="f" * 32, input_path=str(settings.folder / "gone.png")))
    failed = finished(engine, gone)
    assert (failed.state, failed.status.stopped_at) == (State.FAILED, Step.PREPARED)


def test_results_are_converted_where_the_folder_was_moved_to(
    new_engine: Callable[..., Engine],
    settings: Settings,
    sandbox: Sandbox,
    jobs: dict[str, Job],
    other_ledger: JobStore,
):
    engine = new_engine()
    job = finished(engine, engine.submit(jobs["prompt"]))
    engine.close()
    moved = settings.folder.with_name("moved")
    settings.folder.rename(moved)
    for blend in (moved / job.token).glob("*.blend"):
        blend.unlink()
    assert other_ledger.change(
        job.token, (Step.READY,), lambda job: job.advance_to(Step.DOWNLOADED), "somebody", -LEASE_SECONDS
    )
    again = finished(new_engine(replace(settings, folder=moved)), job)
    assert again.state is State.READY
    assert [Path(result.blend).parent for result in again.placement.results] == [moved / job.token]


def test_two_results_in_any_order_are_both_kept(engine: Engine, sandbox: Sandbox, jobs: dict[str, Job]):
    job = finished(engine, engine.submit(jobs["prompt"]))
    (result,) = job.placement.results
    again = job.changed(attempt=2)
    names = {
        JobFolder(engine.folder(job.token)).result(each, asset).name
        for each in (job, again)
        for asset in ("one", "../two")
    }
    assert len(names) == 4
    assert all(name.startswith("result-") and name.endswith(".glb") for name in names)
    assert Path(result.glb).name.startswith("result-")


def test_a_results_folder_that_cannot_be_had_is_known_before_anything_is_sent(
    new_engine: Callable[..., Engine],
    settings: Settings,
    sandbox: Sandbox,
    jobs: dict[str, Job],
    tmp_path: Path,
):
    (tmp_path / "drive").write_text("which is not mounted")
    engine = new_engine(replace(settings, folder=tmp_path / "drive" / "results"))
    job = finished(engine, engine.submit(jobs["prompt"]))
    assert (job.status.problem.code, job.status.problem.remedy) == ("not_saved", "open_preferences")
    assert engine.retry(job.token)
    wait_until(lambda: engine.job(job.token).run.attempt == 2)
    assert finished(engine, job).status.problem.code == "not_saved"
    assert sandbox.stats()["flows"] == {}


def test_what_was_removed_before_a_thread_took_it_up_stops_no_thread(
    new_engine: Callable[..., Engine], sandbox: Sandbox, jobs: dict[str, Job]
):
    engine = new_engine()
    job = finished(engine, engine.submit(jobs["prompt"]))
    other = finished(engine, engine.submit(jobs["optimize"]))
    for gone in (job, other):
        engine._registry._held[gone.token] = Held(busy=True)
        engine.remove(gone.token)
    engine._scheduler.polls.put(job.token)
    engine._scheduler.work.put(other.token)
    wait_until(lambda: not busy(engine))
    assert finished(engine, engine.submit(jobs["image"])).state is State.READY


def test_what_is_left_of_a_removed_job_goes_later(
    new_engine: Callable[..., Engine], settings: Settings, sandbox: Sandbox, jobs: dict[str, Job]
):
    engine = new_engine()
    jobs_left = [finished(engine, engine.submit(jobs[kind])) for kind in ("prompt", "image", "optimize")]
    for job in jobs_left:
        wait_until((engine.folder(job.token) / "request.json").exists)
        (engine.folder(job.token) / "result-1-0.jpg").write_bytes(b"a texture")
        engine.remove(job.token, files=False)
    first, second, third = (engine.folder(job.token) for job in jobs_left)
    assert {path.suffix for path in first.iterdir()}.isdisjoint({".glb", ".blend"})
    engine._previews._render = copy
    engine._previews.render(jobs_left[0])  # the picture is done when the job is gone
    assert (first / "result-1-0.jpg").exists()
    assert job_tokens(settings.folder) == [], "they count no more, and are no jobs"
    engine.delete_files([jobs_left[0].token])
    wait_until(lambda: not first.exists())
    JobFolder(second).removed.write_text(dead_owner())
    new_engine()
    wait_until(lambda: not second.exists())
    assert third.exists(), "whose process lives"


def test_the_files_of_a_job_are_found_after_another_folder_was_chosen(
    engine: Engine, settings: Settings, jobs: dict[str, Job], tmp_path: Path
):
    job = finished(engine, engine.submit(jobs["prompt"]))
    engine.mark_placed(job.token)
    folder = engine.folder(job.token)
    engine.configure(replace(settings, folder=tmp_path / "another"))
    assert engine.folder(job.token) == folder
    engine.remove(job.token)
    assert not folder.exists()


@pytest.mark.parametrize("one_shot", [False, True])
def test_a_damaged_model_is_refused_before_the_service_hears_of_it(
    new_engine: Callable[..., Engine], jobs: dict[str, Job], sandbox: Sandbox, one_shot: bool
):
    """Whichever way it is sent, and also where it was damaged after the job had been written down."""
    model = Path(jobs["optimize"].request.input_path)
    model.write_bytes(model.read_bytes()[:-7])
    engine = new_engine()
    if one_shot:
        engine._workers._one_shot_services.learn(sandbox.url, time.monotonic())
    job = finished(engine, engine.submit(jobs["optimize"]))
    assert job.state is State.FAILED
    assert (job.status.problem.code, "cut off" in job.status.problem.message) == ("unusable_model", True)
    assert sandbox.stats()["flows"] == {}


@pytest.mark.skipif(WINDOWS, reason="Wine knows no longest path, and Windows may be told to know none")
def test_a_results_folder_with_too_long_a_path_is_known_before_anything_is_sent(
    new_engine: Callable[..., Engine],
    settings: Settings,
    sandbox: Sandbox,
    jobs: dict[str, Job],
    tmp_path: Path,
):
    """The folder of a job fits, and what is in it does not; on Windows 260 characters are too many."""
    folder, room = tmp_path, os.pathconf(tmp_path, "PC_PATH_MAX") - 60
    while len(str(folder)) < room - 210:
        folder /= "x" * 200
    folder /= "x" * (room - len(str(folder)) - 1)
    engine = new_engine(replace(settings, folder=folder))
    job = finished(engine, engine.submit(jobs["prompt"]))
    assert job.status.problem.fix == "Choose a results folder with a shorter path in the preferences."
    assert sandbox.stats()["flows"] == {}
