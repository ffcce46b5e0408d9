"""A result that stands in a file that was not saved is not lost with it, and never comes twice."""

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from generio_flows.core.destination import NewModel
from generio_flows.core.messages import Message
from generio_flows.jobs import Job, Problem, State, Step, limits, process_id
from generio_flows.jobs.engine import Engine
from generio_flows.jobs.limits import LEASE_SECONDS
from generio_flows.jobs.store import JobStore

from .conftest import wait_until

DOCUMENT = "the opening of a file"


@pytest.fixture
def ready(jobs: dict[str, Job]) -> Job:
    return jobs["prompt"].advance_to(Step.READY).changed(queued=False, created_at=1.0)


@pytest.fixture
def ledger(tmp_path: Path, ready: Job) -> JobStore:
    """With one result that waits."""
    ledger = JobStore(tmp_path / "jobs.sqlite")
    ledger.add([ready], "", 0.0)
    return ledger


def dead_process() -> str:
    """An owner that is known to be dead."""
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    return f"{process_id.machine()}:{gone.pid}:x"


def on_disk(ledger: JobStore) -> Job:
    (only,) = ledger.jobs()
    return only


def now(engine: Engine) -> Job:
    (only,) = engine.jobs()
    return only


def test_what_was_not_saved_when_its_process_died_is_ready_again(
    ledger: JobStore, ready: Job, new_engine: Callable[..., Engine]
):
    placed = ledger.change(
        ready.token,
        (Step.READY,),
        lambda job: job.advance_to(Step.PLACED, placed_in=DOCUMENT),
        dead_process(),
        time.time(),
    )
    assert placed is not None
    engine = new_engine()
    wait_until(lambda: now(engine).state is State.READY)
    assert (now(engine).placement.needs_manual_import, now(engine).placement.placed_in) == (False, DOCUMENT)
    assert on_disk(ledger).status.step is Step.READY


def test_what_was_saved_before_its_process_died_is_done(
    ledger: JobStore, ready: Job, new_engine: Callable[..., Engine], monkeypatch: pytest.MonkeyPatch
):
    first = new_engine()
    assert first.mark_placed(ready.token, DOCUMENT)
    first.saved(DOCUMENT, {ready.token})
    wait_until(lambda: not on_disk(ledger).unsaved)
    first.close()
    monkeypatch.setattr(limits, "SYNC_SECONDS", 0.05)
    second = new_engine()
    time.sleep(0.3)  # it has looked at least twice
    assert on_disk(ledger).status.step is Step.PLACED
    assert not second.mark_placed(ready.token)


def test_as_long_as_its_process_lives_a_result_stays_placed(
    ledger: JobStore, ready: Job, new_engine: Callable[..., Engine], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(limits, "SYNC_SECONDS", 0.05)
    first = new_engine()
    assert first.mark_placed(ready.token, DOCUMENT)
    soon = time.time() + LEASE_SECONDS
    new_engine()

    def lease_until() -> float:
        (until,) = ledger._db.execute("SELECT lease_until FROM jobs").fetchone()
        return until

    wait_until(lambda: lease_until() > soon)
    assert on_disk(ledger).unsaved


def test_a_process_that_was_stopped_for_longer_than_its_lease_still_has_its_file_open(
    ledger: JobStore, ready: Job, new_engine: Callable[..., Engine]
):
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as stopped:
        owner = f"{process_id.machine()}:{stopped.pid}:x"
        long_ago = time.time() - LEASE_SECONDS - 60.0
        ledger.change(
            ready.token,
            (Step.READY,),
            lambda job: job.advance_to(Step.PLACED, placed_in=DOCUMENT),
            owner,
            long_ago,
        )
        first = new_engine()
        wait_until(lambda: first._scheduler._synced_at > 0.0)
        first.close()
        assert on_disk(ledger).unsaved
    second = new_engine()
    wait_until(lambda: now(second).state is State.READY)


def test_closing_a_file_that_was_not_saved_leaves_the_result_to_the_user(
    ledger: JobStore, ready: Job, new_engine: Callable[..., Engine]
):
    engine = new_engine()
    assert engine.mark_placed(ready.token, DOCUMENT)
    engine.closed("another file")
    engine.closed(DOCUMENT)
    wait_until(lambda: now(engine).state is State.READY)
    assert (now(engine).placement.needs_manual_import, now(engine).status.problem.code) == (
        True,
        "closed_unsaved",
    )
    engine.mark_found(ready.token, "")  # and it was there after all: an autosave was opened
    wait_until(lambda: on_disk(ledger).status.step is Step.PLACED)
    assert (
        on_disk(ledger).unsaved,
        on_disk(ledger).placement.needs_manual_import,
        on_disk(ledger).status.problem,
    ) == (
        False,
        False,
        None,
    )


def test_what_was_noted_to_be_placed_and_was_not_is_ready_as_before(
    ledger: JobStore, ready: Job, new_engine: Callable[..., Engine]
):
    engine = new_engine()
    engine.mark_placed_soon(ready.token, DOCUMENT)
    engine.saved(DOCUMENT, set())
    wait_until(lambda: now(engine).unsaved)
    engine.closed(DOCUMENT, but={ready.token})
    wait_until(lambda: now(engine).status.step is Step.READY)
    assert (
        now(engine).placement.needs_manual_import,
        now(engine).placement.placed_in,
        now(engine).status.problem,
    ) == (False, "", None)


def test_a_note_waits_for_a_ledger_that_is_busy(
    ledger: JobStore, ready: Job, new_engine: Callable[..., Engine], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(limits, "BUSY_DISK_SECONDS", 0.05)
    engine = new_engine()
    engine._store._db.execute("PRAGMA busy_timeout = 20")
    ledger._db.execute("BEGIN IMMEDIATE")
    engine.mark_placed_soon(ready.token, DOCUMENT)
    wait_until(lambda: now(engine).status.problem is not None)
    assert now(engine).status.problem.message.startswith("Another program holds the job list")
    ledger._db.execute("ROLLBACK")
    wait_until(lambda: now(engine).unsaved and now(engine).status.problem is None)


def test_of_two_that_are_to_place_one_is_told_that_the_other_has(
    ledger: JobStore, ready: Job, new_engine: Callable[..., Engine]
):
    first, second = new_engine(), new_engine()
    first.mark_placed_soon(ready.token, "one")
    wait_until(lambda: now(first).unsaved)
    second.mark_placed_soon(ready.token, "two")
    wait_until(lambda: now(second).unsaved)
    assert now(second).placement.placed_in == "one"


def test_a_placing_that_failed_is_not_looked_for_in_the_file(
    ledger: JobStore, ready: Job, new_engine: Callable[..., Engine]
):
    engine = new_engine()
    assert engine.mark_placed(ready.token, DOCUMENT)
    assert engine.keep_for_import(ready.token, Problem("gone", Message("The object is gone.")))
    assert now(engine).placement.placed_in == ""


def test_a_result_can_be_removed_though_its_file_was_not_saved(
    ledger: JobStore, ready: Job, new_engine: Callable[..., Engine]
):
    engine = new_engine()
    assert engine.mark_placed(ready.token, DOCUMENT)
    engine.remove(ready.token)
    assert ledger.jobs() == []


@pytest.mark.parametrize("step", [Step.REQUESTED, Step.READY, Step.FAILED])
def test_a_job_belongs_into_the_file_whatever_that_is_called_by_now(
    tmp_path: Path, jobs: dict[str, Job], new_engine: Callable[..., Engine], settings, step: Step
):
    engine = new_engine(replace(settings, api_key=""))
    job = engine.submit(jobs["prompt"].changed(step=step, destination=NewModel()))
    engine.relocate(job.token, placeholder_deleted=True)
    engine.relocate(job.token, file="chair.blend")
    ledger = JobStore(tmp_path / "jobs.sqlite")
    changed = NewModel(file="chair.blend", placeholder_deleted=True)
    wait_until(lambda: on_disk(ledger).request.destination == changed)
    engine.configure(settings)
    if step is Step.REQUESTED:
        wait_until(lambda: on_disk(ledger).state is State.READY)
    assert on_disk(ledger).request.destination == changed
    ledger.close()
