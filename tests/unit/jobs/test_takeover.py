"""Several processes with one store: each job is carried by one of them, and taken over from the dead."""

import os
import shutil
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from generio_flows.api import FlowsClient, Prompt
from generio_flows.core.destination import ORIGIN, NewModel
from generio_flows.core.errors import NoChildBlender
from generio_flows.jobs import Job, Settings, State, Step, limits, process_id
from generio_flows.jobs.engine import Engine
from generio_flows.jobs.job_folder import JobFolder
from generio_flows.jobs.limits import LEASE_SECONDS
from generio_flows.jobs.store import JobStore
from generio_flows.jobs.store_rows import Lease

from tests.sandbox import Sandbox
from tests.systems import needs_proc
from tests.unit.jobs.engine_helpers import anywhere, dead_owner, runs, waiting_for_the_user

from .conftest import LONGEST, busy, copy, finished, wait_until


@pytest.mark.parametrize("moment", [Step.CREATED, Step.UPLOADED, Step.STARTED, Step.COMPLETED])
def test_another_engine_carries_on(
    new_engine: Callable[..., Engine], sandbox: Sandbox, jobs: dict[str, Job], moment: Step
):
    sandbox.order(
        {"method": "POST", "path": "/flows/*/inputs", "action": "delay", "seconds": 0.3},
        {"method": "PATCH", "path": "/flows/*", "action": "delay", "seconds": 0.3},
        {"method": "GET", "path": "/flows/*/outputs", "action": "delay", "seconds": 0.3},
    )
    first = new_engine()
    job = first.submit(jobs["image"])
    reached = list(Step).index(moment)
    wait_until(lambda: list(Step).index(first.job(job.token).status.step) >= reached)
    first.close()
    second = new_engine()
    assert finished(second, job).state is State.READY
    assert runs(sandbox) == [1]


def test_an_engine_that_is_no_heir_goes_on_with_what_is_named_only(
    new_engine: Callable[..., Engine], settings: Settings, sandbox: Sandbox, jobs: dict[str, Job]
):
    first = new_engine(replace(settings, api_key="wrong-key"))
    left = [first.submit(jobs[kind]) for kind in ("prompt", "image")]
    wait_until(lambda: all(first.job(job.token).status.waiting for job in left))
    first.close()
    second = new_engine(adopt_orphans=False)
    second.resume(left[0].token)
    assert finished(second, left[0]).state is State.READY
    own = finished(second, second.submit(jobs["optimize"]))
    assert own.state is State.READY
    assert not second.is_active(left[1].token)
    assert second.job(left[1].token).status.waiting
    assert runs(sandbox) == [1, 1]


def test_what_a_dead_process_left_is_taken_over_when_its_lease_is_over(
    new_engine: Callable[..., Engine],
    sandbox: Sandbox,
    jobs: dict[str, Job],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
):
    monkeypatch.setattr(limits, "SYNC_SECONDS", 0.05)
    ledger, gone = JobStore(tmp_path / "jobs.sqlite"), f"{process_id.machine()}:gone:x"
    ledger.add([jobs["prompt"]], gone, time.time() + 3600.0)
    engine = new_engine()
    looked = engine._scheduler._synced_at
    wait_until(lambda: engine._scheduler._synced_at > looked)
    assert not engine.is_active(jobs["prompt"].token)
    ledger.renew(gone, time.time() - LEASE_SECONDS)
    ledger.close()
    assert finished(engine, jobs["prompt"]).state is State.READY


@pytest.mark.parametrize("clock", [365 * 86400.0, -365 * 86400.0], ids=["ahead", "behind"])
def test_a_job_of_a_dead_machine_is_taken_over_whatever_its_clock_said(
    new_engine: Callable[..., Engine],
    jobs: dict[str, Job],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    clock: float,
):
    monkeypatch.setattr(limits, "SYNC_SECONDS", 0.05)
    monkeypatch.setattr(limits, "LEASE_SECONDS", 0.3)
    ledger = JobStore(tmp_path / "jobs.sqlite")
    ledger.add([jobs["prompt"]], "another machine:1:x", time.time() + clock)
    ledger.close()
    assert finished(new_engine(), jobs["prompt"]).state is State.READY


def test_what_waits_until_a_date_of_another_clock_is_tried_again(
    engine: Engine, sandbox: Sandbox, jobs: dict[str, Job], monkeypatch: pytest.MonkeyPatch
):
    sandbox.order({"method": "POST", "path": "/flows", "action": "status", "status": 402, "times": -1})
    job = engine.submit(jobs["prompt"])
    wait_until(lambda: engine.job(job.token).status.waiting and not engine.is_active(job.token))
    sandbox.clear_faults()
    with engine._registry.lock:
        waiting = engine.job(job.token).changed(retry_at=time.time() + 365 * 86400.0)
        assert engine._registry.save(waiting)
    monkeypatch.setattr(limits, "SYNC_SECONDS", 0.05)
    engine.resume("")  # look at the ledger now
    assert finished(engine, job).state is State.READY


def test_another_engine_sees_what_this_one_does(
    new_engine: Callable[..., Engine], sandbox: Sandbox, jobs: dict[str, Job], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(limits, "SYNC_SECONDS", 0.05)
    working, watching = new_engine(), new_engine()
    job = finished(working, working.submit(jobs["prompt"]))
    wait_until(lambda: watching.job(job.token) is not None and watching.job(job.token).finished)
    assert working.mark_placed(job.token)
    assert not watching.mark_placed(job.token)
    assert runs(sandbox) == [1]


def test_a_turn_from_before_the_job_was_lost_changes_nothing(
    new_engine: Callable[..., Engine], sandbox: Sandbox, jobs: dict[str, Job], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(limits, "SYNC_SECONDS", 3600.0)
    sandbox.order({"flow": {"outcome": "hang"}, "times": -1})
    held, go_on = threading.Event(), threading.Event()

    def slow(source: Path, target: Path, cancelled: Callable[[], bool]) -> None:
        held.set()
        go_on.wait(60.0)
        copy(source, target, cancelled)

    sleeper = new_engine()
    sleeper._conversions.make_input = slow
    picture = jobs["image"].request.input_path
    job = sleeper.submit(jobs["image"].changed(input_path="", input_mime="", source=picture))
    held.wait(60.0)
    sleeper._store.release(sleeper.owner)  # it sleeps past its lease
    other = new_engine()
    wait_until(lambda: other.job(job.token).status.step is Step.STARTED)
    other.close()  # which falls asleep as well
    with sleeper._registry.lock:
        sleeper._scheduler._sync_with_store()
    go_on.set()
    wait_until(lambda: not busy(sleeper))
    wait_until(lambda: sleeper.job(job.token).state is State.RUNNING)
    assert len(sandbox.stats()["flows"]) == 1


def run_by_another(ledger: JobStore, sandbox: Sandbox, token: str) -> None:
    """Another process takes the job over, as its owner sleeps, has it run, and falls asleep as well."""
    ((job, lease),) = ledger.claim("another", time.time() + 2 * LEASE_SECONDS, {token}, here=anywhere)
    with FlowsClient(sandbox.url, sandbox.key) as client:
        flow = client.create_flow(job.request.template, job.request.parameters, [Prompt("a lamp")])
    started = job.advance_to(Step.STARTED, flow_id=flow.flow_id, started_at=time.time(), starts_itself=True)
    assert ledger.save(started, lease, time.time())
    ledger.release("another")


def test_a_job_that_another_runs_before_it_is_known_here_runs_once(
    new_engine: Callable[..., Engine],
    sandbox: Sandbox,
    jobs: dict[str, Job],
    monkeypatch: pytest.MonkeyPatch,
    other_ledger: JobStore,
):
    monkeypatch.setattr(limits, "SYNC_SECONDS", 0.02)
    engine = new_engine()
    add = engine._store.add

    def add_and_sleep(jobs: Sequence[Job], owner: str, now: float) -> Lease:
        lease = add(jobs, owner, now)
        run_by_another(other_ledger, sandbox, jobs[0].token)
        time.sleep(0.3)  # what the other has left may be claimed in this time
        return lease

    monkeypatch.setattr(engine._store, "add", add_and_sleep)
    assert finished(engine, engine.submit(jobs["prompt"])).state is State.READY
    assert runs(sandbox) == [1]


def test_a_file_made_here_of_what_another_runs_meanwhile_is_not_sent(
    new_engine: Callable[..., Engine], sandbox: Sandbox, jobs: dict[str, Job], other_ledger: JobStore
):
    def no_child(_source: Path, _target: Path, _cancelled: Callable[[], bool]) -> None:
        raise NoChildBlender

    engine = new_engine()
    engine._conversions.make_input = no_child
    source = jobs["optimize"].request.input_path
    job = engine.submit(jobs["prompt"].changed(source=source))
    wait_until(lambda: engine.job(job.token).status.waiting)
    sandbox.order({"flow": {"outcome": "hang"}})
    run_by_another(other_ledger, sandbox, job.token)
    with engine._registry.lock:
        engine._scheduler._sync_with_store()
    shutil.copy(source, JobFolder(engine.folder(job.token)).made_input(job))
    engine.prepared(job.token, None)
    assert engine.job(job.token).status.step is Step.STARTED
    assert len(sandbox.stats()["flows"]) == 1


class Waits:
    """A `make_input` that waits until it may go on."""

    def __init__(self) -> None:
        self.begun, self.go_on = threading.Event(), threading.Event()

    def __call__(self, source: Path, target: Path, _cancelled: Callable[[], bool]) -> None:
        self.begun.set()
        self.go_on.wait(60.0)
        shutil.copy(source, target)


def asleep_in_a_turn(engine: Engine, job: Job) -> tuple[Job, Waits]:
    """A job whose file is just being made, and whose lease has run out meanwhile."""
    engine._conversions.make_input = held = Waits()
    job = engine.submit(job.changed(input_path="", input_mime="", source=job.request.input_path))
    held.begun.wait(60.0)
    engine._store.release(engine.owner)
    return job, held


@pytest.mark.parametrize("by", ["relocating", "sharing"])
def test_a_turn_does_not_begin_anew_what_came_back_finished(
    new_engine: Callable[..., Engine], sandbox: Sandbox, jobs: dict[str, Job], by: str
):
    sleeper = new_engine()
    job, held = asleep_in_a_turn(sleeper, jobs["image"].changed(destination=NewModel()))
    other = new_engine()
    assert finished(other, job).state is State.READY
    if by == "relocating":
        sleeper.relocate(job.token, location=(1.0, 2.0, 3.0))
        assert finished(sleeper, job).state is State.READY
        assert sleeper.mark_placed(job.token, "a document")
    else:
        assert other.mark_placed(job.token, "a document")
        other.close()  # and the file was not saved
        with sleeper._registry.lock:
            sleeper._scheduler._sync_with_store()
        assert sleeper.job(job.token).state is State.READY
    before = sleeper.job(job.token)
    held.go_on.set()
    wait_until(lambda: not busy(sleeper))
    assert sleeper.job(job.token) == before
    assert sleeper._store.job(job.token) == before
    assert runs(sandbox) == [1]
    assert before.request.destination == NewModel(location=(1.0, 2.0, 3.0) if by == "relocating" else ORIGIN)


def test_what_was_lost_in_sleep_is_shown_as_the_other_has_it(
    new_engine: Callable[..., Engine],
    settings: Settings,
    sandbox: Sandbox,
    jobs: dict[str, Job],
    other_ledger: JobStore,
):
    engine = new_engine(replace(settings, concurrent_jobs=1))
    job = waiting_for_the_user(engine, jobs["prompt"])
    with engine._registry.lock:
        engine._registry.save(engine.job(job.token).changed(step=Step.STARTED, flow_id="f1"))
    ((theirs, lease),) = other_ledger.claim("another", time.time() + 2 * LEASE_SECONDS, here=anywhere)
    theirs = theirs.unblocked(progress=0.5)
    assert other_ledger.save(theirs, lease, time.time())
    assert not engine.cancel(job.token), "it is another's by now"
    assert not engine.is_active(job.token)
    with engine._registry.lock:
        engine._scheduler._sync_with_store()
    assert engine.job(job.token) == theirs
    assert not engine.retry(job.token)
    assert finished(engine, engine.submit(jobs["image"])).state is State.READY, "no place is taken for ever"


def test_waiting_jobs_that_were_lost_in_sleep_are_let_go(
    new_engine: Callable[..., Engine], sandbox: Sandbox, jobs: dict[str, Job], other_ledger: JobStore
):
    engine = new_engine()
    job = waiting_for_the_user(engine, jobs["prompt"])
    other_ledger.claim("another", time.time() + 2 * LEASE_SECONDS, here=anywhere)
    with engine._registry.lock:
        engine._scheduler._sync_with_store()
    assert not engine.owns(job.token)


@pytest.mark.parametrize("by", ["sharing", "placing"])
def test_what_another_removed_is_forgotten(
    new_engine: Callable[..., Engine], sandbox: Sandbox, jobs: dict[str, Job], by: str
):
    engine, other = new_engine(), new_engine()
    job = finished(engine, engine.submit(jobs["prompt"]))
    other.remove(job.token)
    while not engine.events.empty():
        engine.events.get()
    if by == "placing":
        engine.mark_placed_soon(job.token, "a document")
    else:
        with engine._registry.lock:
            engine._scheduler._sync_with_store()
    wait_until(lambda: engine.job(job.token) is None)
    assert engine.events.get(timeout=LONGEST) == job, "so that its row goes"
    engine.remove(job.token)
    assert not engine.retry(job.token)
    assert not engine.cancel(job.token)


def test_a_process_of_another_sandbox_is_not_taken_for_dead():
    assert process_id.is_alive("another-host:1:x") is None
    assert process_id.is_alive(f"{process_id.machine()}-else:999999:x") is None


@needs_proc
def test_a_process_of_another_computer_of_the_same_name_is_not_taken_for_dead(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    here = process_id.machine()
    (tmp_path / "boot_id").write_text("another\n")
    monkeypatch.setattr(process_id, "BOOT", tmp_path / "boot_id")
    assert process_id.machine() != here
    assert process_id.is_alive(f"{here}:999999:x") is None


def test_the_lease_of_a_process_that_is_known_to_be_dead_is_over_at_once(
    new_engine: Callable[..., Engine], sandbox: Sandbox, jobs: dict[str, Job], tmp_path: Path
):
    ledger = JobStore(tmp_path / "jobs.sqlite")
    ledger.add([jobs["prompt"]], dead_owner(), time.time())
    ledger.add([jobs["image"]], f"{process_id.machine()}:{os.getpid()}:x", time.time())
    ledger.close()
    engine = new_engine()
    assert finished(engine, jobs["prompt"]).state is State.READY
    assert not engine.is_active(jobs["image"].token), "its process is alive"
