"""Jobs of every kind reach their end through a real service, once, whatever it does."""

import sqlite3
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from generio_flows.api import FlowsError, check_glb
from generio_flows.core.errors import NoChildBlender
from generio_flows.core.messages import Message
from generio_flows.jobs import Job, LedgerError, Problem, Settings, State, Step, limits
from generio_flows.jobs.engine import Engine
from generio_flows.jobs.errors import MAYBE_RUNNING
from generio_flows.jobs.limits import LOOKUPS
from generio_flows.jobs.scheduler import Scheduler
from generio_flows.jobs.store import JobStore

from tests.sandbox import Sandbox
from tests.unit.jobs.engine_helpers import BOTH_PROFILES, runs, waiting_for_the_user

from .conftest import LONGEST, busy, copy, finished, threads, wait_until

KINDS = pytest.mark.parametrize("kind", ["prompt", "image", "optimize"])


@BOTH_PROFILES
@KINDS
def test_a_job_runs_once_and_its_model_is_on_disk(
    engine: Engine, sandbox: Sandbox, jobs: dict[str, Job], kind: str
):
    job = finished(engine, engine.submit(jobs[kind]))
    assert (job.state, job.status.problem) == (State.READY, None)
    (result,) = job.placement.results
    assert Path(result.glb).parent == engine.folder(job.token)
    check_glb(Path(result.glb))
    assert Path(result.blend).read_bytes() == Path(result.glb).read_bytes()
    assert runs(sandbox) == [1]


def test_each_change_is_told(engine: Engine, jobs: dict[str, Job]):
    job = finished(engine, engine.submit(jobs["image"]))
    seen: list[str] = []
    while seen[-1:] != ["ready"]:  # which is told a moment after it has become true
        told = engine.events.get(timeout=LONGEST)
        if told.state not in seen[-1:]:
            seen.append(told.state)
    assert seen == ["queued", "preparing", "uploading", "running", "downloading", "ready"]
    assert engine.mark_placed(job.token)
    assert engine.events.get().state == "done"


def test_the_flow_knows_its_job_and_nothing_private(engine: Engine, sandbox: Sandbox, jobs: dict[str, Job]):
    job = finished(engine, engine.submit(jobs["image"]))
    additional = sandbox.stats()["flows"][job.run.flow_id]["additional"]
    assert additional == {"client": "generio-flows-blender", "token": job.ref}


def test_no_more_jobs_at_once_than_the_limit(
    new_engine: Callable[..., Engine], settings: Settings, sandbox: Sandbox, jobs: dict[str, Job]
):
    sandbox.order({"flow": {"outcome": "hang"}, "times": -1})
    engine = new_engine(replace(settings, concurrent_jobs=2))
    all_jobs = [
        engine.submit(jobs["prompt"].changed(token=f"{number:032x}", prompt=f"lamp {number}"))
        for number in range(5)
    ]

    def states() -> list[State]:
        return [job.state for job in engine.jobs()]

    wait_until(lambda: states().count(State.RUNNING) == 2)
    assert states().count(State.QUEUED) == 3
    engine.cancel(all_jobs[0].token)
    assert finished(engine, all_jobs[0]).state is State.CANCELLED
    wait_until(lambda: states().count(State.RUNNING) == 2 and states().count(State.QUEUED) == 2)
    assert len(sandbox.stats()["flows"]) == 3


def test_a_queued_job_has_its_turn_as_soon_as_another_is_over(
    new_engine: Callable[..., Engine],
    settings: Settings,
    sandbox: Sandbox,
    jobs: dict[str, Job],
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(limits, "SYNC_SECONDS", 3600.0)  # nothing else may wake the scheduler
    engine = new_engine(replace(settings, concurrent_jobs=1))
    submitted = [engine.submit(job) for job in (jobs["prompt"], jobs["image"])]
    assert [finished(engine, job).state for job in submitted] == [State.READY, State.READY]


def test_many_jobs_each_run_once(engine: Engine, sandbox: Sandbox, jobs: dict[str, Job]):
    submitted = [engine.submit(jobs["prompt"].changed(token=f"{number:032x}")) for number in range(12)]
    assert {finished(engine, job).state for job in submitted} == {State.READY}
    assert runs(sandbox) == [1] * 12


def test_it_is_noted_when_a_flow_was_last_seen_running(
    engine: Engine, sandbox: Sandbox, jobs: dict[str, Job]
):
    sandbox.order({"flow": {"outcome": "hang"}})
    job = engine.submit(jobs["prompt"])
    wait_until(lambda: engine.job(job.token).run.asked_at > engine.job(job.token).run.started_at > 0.0)


def test_a_failed_job_can_be_run_again(engine: Engine, sandbox: Sandbox, jobs: dict[str, Job]):
    sandbox.order({"flow": {"outcome": "fail", "reason": "too thin"}})
    job = finished(engine, engine.submit(jobs["optimize"]))
    assert job.state is State.FAILED
    assert "too thin" in job.status.problem.message
    engine.retry(job.token)
    wait_until(lambda: engine.job(job.token).run.attempt == 2)
    assert finished(engine, job).state is State.READY
    assert len(runs(sandbox)) == 2


def test_a_result_that_exists_is_fetched_not_made_again(
    engine: Engine, sandbox: Sandbox, jobs: dict[str, Job]
):
    sandbox.order(
        {"method": "GET", "path": "/flows/*/outputs/*", "action": "garbage", "size": 100, "times": LOOKUPS},
        # Every other one is the list with the models in it, which is the last resort.
        *(
            {"method": "GET", "path": "/flows/*/outputs", "after": number + 1, "action": "garbage"}
            for number in range(LOOKUPS)
        ),
    )
    job = finished(engine, engine.submit(jobs["prompt"]))
    assert job.state is State.FAILED
    engine.retry(job.token)
    assert finished(engine, job).state is State.READY
    assert runs(sandbox) == [1]


def test_a_conversion_that_fails_ends_the_job_and_keeps_the_model(
    new_engine: Callable[..., Engine], jobs: dict[str, Job]
):
    def refuse(_source: Path, _target: Path, _cancelled: Callable[[], bool]) -> None:
        raise FlowsError(Message("Blender could not read it."))

    job = finished(engine := new_engine(convert=refuse), engine.submit(jobs["prompt"]))
    assert job.state is State.FAILED
    assert job.status.problem.message == "Blender could not read it."
    check_glb(Path(job.placement.results[0].glb))


def test_without_a_converter_the_model_is_ready_as_glb(
    new_engine: Callable[..., Engine], jobs: dict[str, Job]
):
    def missing(_source: Path, _target: Path, _cancelled: Callable[[], bool]) -> None:
        raise NoChildBlender("no such program")

    job = finished(engine := new_engine(convert=missing), engine.submit(jobs["prompt"]))
    assert job.state is State.READY
    assert job.placement.results[0].blend == ""


def test_a_defect_ends_one_job_and_no_other(new_engine: Callable[..., Engine], jobs: dict[str, Job]):
    once = threading.Event()

    def broken(source: Path, target: Path, cancelled: Callable[[], bool]) -> None:
        if not once.is_set():
            once.set()
            raise ZeroDivisionError("oops")
        copy(source, target, cancelled)

    engine = new_engine(convert=broken)
    job = finished(engine, engine.submit(jobs["prompt"]))
    assert job.state is State.FAILED
    assert "ZeroDivisionError" in job.status.problem.message
    assert finished(engine, engine.submit(jobs["image"])).state is State.READY


def test_a_job_may_be_over_before_the_engine_has_been_made(
    new_engine: Callable[..., Engine], jobs: dict[str, Job], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    ledger = JobStore(tmp_path / "jobs.sqlite")
    ledger.add([jobs["prompt"].changed(step=Step.DOWNLOADED)], "", 0.0)
    start = Scheduler.start

    def slow(scheduler: Scheduler) -> None:
        start(scheduler)
        wait_until(lambda: ledger.jobs()[0].status.step is Step.READY)

    monkeypatch.setattr(Scheduler, "start", slow)
    engine = new_engine()
    ledger.close()
    wait_until(lambda: not busy(engine))
    assert finished(engine, engine.submit(jobs["image"])).state is State.READY
    names = {thread.name for thread in threads(engine) if thread.is_alive()}
    assert {"generio-scheduler", "generio-poller", "generio-worker-1", "generio-writer"} <= names


def test_all_is_told_when_no_thread_is_about_to_tell(engine: Engine, jobs: dict[str, Job]):
    job = finished(engine, engine.submit(jobs["prompt"]))
    assert not engine.all_reported()
    while engine.events.get(timeout=LONGEST).status.step is not Step.READY:
        pass
    assert engine.all_reported()
    assert engine.mark_placed(job.token)
    assert not engine.all_reported()


def test_closing_leaves_no_thread(new_engine: Callable[..., Engine], sandbox: Sandbox, jobs: dict[str, Job]):
    sandbox.order({"flow": {"outcome": "hang"}, "times": -1})
    before = set(threading.enumerate())
    engine = new_engine()
    job = engine.submit(jobs["prompt"])
    wait_until(lambda: engine.job(job.token).status.step is Step.STARTED)
    engine.close()
    # It waits for them for two seconds only.
    wait_until(lambda: {each for each in threading.enumerate() if each.name.startswith("generio")} <= before)


def test_closing_does_not_wait_for_a_ledger_that_somebody_holds(
    new_engine: Callable[..., Engine], sandbox: Sandbox, jobs: dict[str, Job], tmp_path: Path
):
    sandbox.order({"flow": {"outcome": "hang"}, "times": -1})
    engine = new_engine()
    job = engine.submit(jobs["prompt"])
    wait_until(lambda: engine.job(job.token).status.step is Step.STARTED)
    engine._store._db.execute("PRAGMA busy_timeout = 60000")
    other = sqlite3.connect(tmp_path / "jobs.sqlite", isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")

    def stuck() -> bool:
        if not engine._store._lock.locked():
            return False
        if engine._registry.lock.acquire(
            blocking=False
        ):  # the search waits for the ledger, too, and without this
            engine._registry.lock.release()
            return False
        return True

    wait_until(stuck)
    let_go = threading.Timer(30.0, other.execute, ("ROLLBACK",))
    let_go.start()
    engine.close()
    assert let_go.is_alive(), "it was waited for whoever holds it"
    let_go.cancel()
    other.execute("ROLLBACK")
    other.close()
    for thread in threads(engine):
        thread.join()


def test_the_key_is_not_in_the_ledger(engine: Engine, tmp_path: Path, sandbox: Sandbox, jobs: dict[str, Job]):
    finished(engine, engine.submit(jobs["prompt"]))
    assert sandbox.key not in repr(Settings(folder=tmp_path, api_key=sandbox.key))
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert sandbox.key.encode() not in path.read_bytes()


def test_pressing_retry_often_does_not_ask_more_often(engine: Engine, sandbox: Sandbox, jobs: dict[str, Job]):
    sandbox.order({"flow": {"outcome": "hang"}})
    job = engine.submit(jobs["prompt"])
    wait_until(lambda: engine.job(job.token).status.step is Step.STARTED)
    for _ in range(20):
        engine.retry(job.token)

    def waits_once() -> bool:
        with engine._registry.lock:  # it may have its turn at any moment
            return not busy(engine) and list(engine._scheduler._due) == [job.token]

    wait_until(waits_once)


def test_a_slow_answer_holds_up_no_other_job(engine: Engine, sandbox: Sandbox, jobs: dict[str, Job]):
    sandbox.order(
        {"flow": {"outcome": "hang"}},
        {"method": "GET", "path": "/flows/*", "action": "delay", "seconds": 10 * LONGEST},
    )
    slow = engine.submit(jobs["prompt"])
    wait_until(lambda: engine.job(slow.token).status.step is Step.STARTED)
    wait_until(lambda: busy(engine))
    other = engine.submit(jobs["image"])
    wait_until(lambda: engine.job(other.token).status.step is Step.STARTED)
    assert busy(engine) >= {slow.token}, "the slow answer is still awaited"


def test_a_ledger_that_is_locked_for_a_while_stops_nothing(
    engine: Engine, sandbox: Sandbox, jobs: dict[str, Job], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(limits, "BUSY_DISK_SECONDS", 0.05)
    engine._store._db.execute("PRAGMA busy_timeout = 50")
    sandbox.order({"flow": {"outcome": "hang"}})
    job = engine.submit(jobs["prompt"])
    wait_until(lambda: engine.job(job.token).status.step is Step.STARTED)
    other = sqlite3.connect(tmp_path / "jobs.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    wait_until(
        lambda: engine.job(job.token).status.problem and engine.job(job.token).status.problem.code == "ledger"
    )
    other.execute("ROLLBACK")
    other.close()
    wait_until(lambda: engine.job(job.token).state is State.RUNNING)
    assert runs(sandbox) == [1]


@pytest.mark.parametrize("refused", ["when it is asked for", "when it has its turn"])
def test_a_job_that_the_ledger_has_is_carried_though_its_turn_cannot_be_noted(
    new_engine: Callable[..., Engine],
    settings: Settings,
    sandbox: Sandbox,
    jobs: dict[str, Job],
    monkeypatch: pytest.MonkeyPatch,
    refused: str,
):
    engine = new_engine(replace(settings, concurrent_jobs=1))
    before = engine.submit(jobs["image"]) if refused == "when it has its turn" else None
    save, tried = engine._store.save, threading.Event()

    def save_later(job: Job, owner: str, now: float) -> bool:
        if job.token == jobs["prompt"].token and not tried.is_set():
            tried.set()
            raise LedgerError(Message("busy"))
        return save(job, owner, now)

    monkeypatch.setattr(engine._store, "save", save_later)
    job = engine.submit(jobs["prompt"])  # who is told that this failed asks again, and pays twice
    assert finished(engine, job).state is State.READY
    assert tried.is_set()
    assert before is None or finished(engine, before).state is State.READY


def test_an_engine_that_cannot_read_its_ledger_leaves_no_thread(
    new_engine: Callable[..., Engine], monkeypatch: pytest.MonkeyPatch
):
    def busy(_ledger: JobStore) -> bool:
        raise LedgerError(Message("The disk is busy."))

    monkeypatch.setattr(JobStore, "recovery_done", property(busy))
    before = set(threading.enumerate())
    with pytest.raises(LedgerError):
        new_engine()
    assert set(threading.enumerate()) <= before


def test_a_retry_that_cannot_be_noted_can_be_repeated(
    engine: Engine, sandbox: Sandbox, jobs: dict[str, Job], monkeypatch: pytest.MonkeyPatch
):
    job = waiting_for_the_user(engine, jobs["prompt"])
    asked = engine.job(job.token).changed(
        step=Step.SUBMITTING,
        service=sandbox.url,
        problem=Problem(MAYBE_RUNNING, Message("It may be running.")),
    )
    with engine._registry.lock:
        engine._registry.save(asked)
    saves = engine._store.save
    count = iter(range(1000))

    def save(*what: Any) -> bool:
        if next(count) == 1:  # whatever is written second
            raise LedgerError(Message("The disk is busy."))
        return saves(*what)

    monkeypatch.setattr(engine._store, "save", save)
    assert engine.retry(job.token)
    assert finished(engine, job).state is State.READY


def test_a_retry_of_what_waits_for_its_turn_counts(
    new_engine: Callable[..., Engine], settings: Settings, sandbox: Sandbox, jobs: dict[str, Job]
):
    sandbox.order({"flow": {"outcome": "hang"}})
    engine = new_engine(replace(settings, concurrent_jobs=1))
    running = engine.submit(jobs["image"])
    wait_until(lambda: engine.job(running.token).status.step is Step.STARTED)
    job = engine.submit(jobs["prompt"])
    asked = job.advance_to(Step.SUBMITTING).blocked(Problem(MAYBE_RUNNING, Message("It may be running.")))
    with engine._registry.lock:
        assert engine._registry.save(asked)  # as it is after a restart: its question stands, and it is queued
    assert asked.status.queued
    assert engine.retry(job.token)
    assert (engine.job(job.token).status.step, engine.job(job.token).run.attempt) == (Step.PREPARED, 2)
    engine.cancel(running.token)
    assert finished(engine, job).state is State.READY
