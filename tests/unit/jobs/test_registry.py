"""The registry opens without standing still, and reads of others only what they have changed."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from generio_flows.jobs import Job, Step, limits
from generio_flows.jobs.engine import Engine
from generio_flows.jobs.registry import JobRegistry
from generio_flows.jobs.store import JobStore
from generio_flows.jobs.store_rows import Row

from .conftest import wait_until


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[threading.Thread]:
    """The threads that have made a job of a row, once for each."""
    found: list[threading.Thread] = []
    read = Row.read

    def watched(row: Row) -> Job | None:
        found.append(threading.current_thread())
        return read(row)

    monkeypatch.setattr(Row, "read", watched)
    return found


@pytest.fixture
def others(tmp_path: Path) -> Iterator[JobStore]:
    """The engine's store, as another process of this machine has it."""
    store = JobStore(tmp_path / "jobs.sqlite")
    store.mark_recovery_done()
    yield store
    store.close()


def finished_jobs(job: Job, count: int) -> list[Job]:
    return [job.changed(token=f"{n:032x}", step=Step.READY, created_at=n, queued=False) for n in range(count)]


def test_jobs_are_made_of_rows_in_a_thread_and_asking_for_one_waits_for_it(
    new_engine: Callable[..., Engine],
    jobs: dict[str, Job],
    others: JobStore,
    reads: list[threading.Thread],
    monkeypatch: pytest.MonkeyPatch,
):
    others.add(finished_jobs(jobs["prompt"], 5), "another", time.time())
    go_on = threading.Event()
    counted = Row.read

    def slow(row: Row) -> Job | None:
        go_on.wait(60.0)
        return counted(row)

    monkeypatch.setattr(Row, "read", slow)
    engine = new_engine()
    assert not engine.is_loaded
    threading.Timer(0.2, go_on.set).start()
    assert [job.created_at for job in engine.jobs()] == [0.0, 1.0, 2.0, 3.0, 4.0]
    assert engine.is_loaded
    assert len(reads) == 5
    assert threading.current_thread() not in reads


def test_a_look_at_what_others_have_done_reads_what_they_have_changed(
    new_engine: Callable[..., Engine],
    jobs: dict[str, Job],
    others: JobStore,
    reads: list[threading.Thread],
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(limits, "SYNC_SECONDS", 3600.0)
    known = finished_jobs(jobs["prompt"], 5)
    others.add(known, "another", time.time())
    engine = new_engine()
    wait_until(lambda: engine._scheduler._synced_at > 0.0 and engine.jobs())
    looks: list[int] = []

    def placed(job: Job) -> Job:
        return job.advance_to(Step.PLACED)

    for change in (
        lambda: None,
        lambda: others.change(known[1].token, (Step.READY,), placed, "another", time.time()),
        lambda: others.remove(known[2].token),
    ):
        change()
        reads.clear()
        with engine._registry.lock:
            engine._scheduler._sync_with_store()
        looks.append(len(reads))
    assert looks == [0, 1, 0]
    assert [job.status.step for job in engine.jobs()] == [Step.READY, Step.PLACED, Step.READY, Step.READY]


def test_what_was_begun_with_an_older_lease_changes_nothing(
    tmp_path: Path, jobs: dict[str, Job], others: JobStore
):
    store = JobStore(tmp_path / "jobs.sqlite")
    registry = JobRegistry(store, "me", lambda _job: None)
    registry.load()
    job = jobs["prompt"]
    with registry.locked():
        registry.add([job], is_new=True)
    before = registry.held(job.token).lease
    store.release("me")
    others.claim("another", time.time())
    others.release("another")
    with registry.locked():
        registry.sync(None)
    assert registry.is_leased(job.token), "it came back"
    prepared = job.advance_to(Step.PREPARED)
    assert not registry.save(prepared, before)
    assert registry.job(job.token).status.step is others.job(job.token).status.step is Step.REQUESTED
    assert registry.save(prepared)
    assert registry.job(job.token).status.step is others.job(job.token).status.step is Step.PREPARED
    store.close()
