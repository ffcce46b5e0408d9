"""Jobs that another process, an older list of jobs or a copy of it has had are not run once more."""

import shutil
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from generio_flows.api.transfer import digest_of
from generio_flows.jobs import Job, LedgerError, State, Step, limits
from generio_flows.jobs.engine import Engine
from generio_flows.jobs.store import JobStore

from tests.sandbox import Sandbox
from tests.systems import WINDOWS

from .conftest import finished, wait_until


def runs(sandbox: Sandbox) -> list[int]:
    return [flow["run"] for flow in sandbox.stats()["flows"].values()]


def refused(method: str, path: str, status: int, text: str, times: int = -1) -> dict[str, Any]:
    body = {"detail": text}
    return {
        "method": method,
        "path": path,
        "action": "status",
        "status": status,
        "body": body,
        "times": times,
    }


@pytest.mark.parametrize("listed", [True, False])
def test_an_older_list_of_jobs_pays_for_nothing_again(
    new_engine: Callable[..., Engine], sandbox: Sandbox, jobs: dict[str, Job], tmp_path: Path, listed: bool
):
    sandbox.order({"method": "POST", "path": "/flows", "action": "status", "status": 503, "times": -1})
    first = new_engine()
    job = first.submit(jobs["prompt"])
    wait_until(lambda: first.job(job.token).status.step is Step.PREPARED)
    with (
        closing(sqlite3.connect(tmp_path / "jobs.sqlite")) as ledger,
        closing(sqlite3.connect(tmp_path / "backup.sqlite")) as backup,
    ):
        ledger.backup(backup)
    sandbox.clear_faults()
    finished(first, job)
    first.close()
    for ending in ("", "-wal", "-shm"):
        (tmp_path / f"jobs.sqlite{ending}").unlink(missing_ok=True)
    shutil.copy(tmp_path / "backup.sqlite", tmp_path / "jobs.sqlite")
    if not listed:  # then the job's folder knows the flow
        sandbox.order({"method": "GET", "path": "/flows", "action": "garbage", "body": "[]", "times": -1})
    second = new_engine()
    second._store.release(first.owner)
    second.resume(job.token)
    assert finished(second, job).state is State.READY
    assert runs(sandbox) == [1]


def test_a_file_that_has_changed_is_not_sent_for_the_one_that_was_asked_for(
    engine: Engine, sandbox: Sandbox, jobs: dict[str, Job]
):
    path = Path(jobs["image"].request.input_path)
    asked = jobs["image"].changed(input_digest=digest_of(path))
    sandbox.order({"method": "POST", "path": "/flows/*/inputs", "action": "status", "status": 503})
    job = engine.submit(asked)
    wait_until(lambda: sandbox.stats()["requests"].get("POST /flows/{flow_id}/inputs"))
    path.write_bytes(path.read_bytes() + b"\0")
    ended = finished(engine, job)
    assert (ended.state, ended.status.problem.code) == (State.FAILED, "unreadable_file")
    assert "has changed" in ended.status.problem.message
    assert runs(sandbox) == [0] * len(runs(sandbox))


@pytest.mark.parametrize("status", [400, 402, 403, 409])
def test_a_limit_of_the_account_is_waited_for_while_other_jobs_run(
    engine: Engine, sandbox: Sandbox, jobs: dict[str, Job], status: int
):
    sandbox.order({"flow": {"outcome": "hang"}})
    first = engine.submit(jobs["prompt"])
    wait_until(lambda: engine.job(first.token).status.step is Step.STARTED)
    sandbox.order(refused("POST", "/flows", status, "Maximum number of concurrent flows reached"))
    second = engine.submit(jobs["prompt"].changed(token="b" * 32))
    wait_until(lambda: engine.job(second.token).status.waiting)
    for _ in range(2 * limits.REFUSAL):
        time.sleep(limits.LOOKUP_SECONDS)
        assert engine.is_active(second.token)
    # Between two tries nothing holds it up.
    wait_until(
        lambda: (found := engine.job(second.token).status.problem) and "Maximum number" in found.message
    )
    sandbox.clear_faults()
    assert finished(engine, second).state is State.READY


def test_what_cannot_be_written_down_is_not_created(
    engine: Engine,
    sandbox: Sandbox,
    jobs: dict[str, Job],
    monkeypatch: pytest.MonkeyPatch,
):
    save = engine._store.save

    def busy(job: Job, *rest: Any) -> bool:
        if job.status.step in (Step.PREPARED, Step.CREATED):
            raise engine._store.busy()
        return save(job, *rest)

    monkeypatch.setattr("generio_flows.jobs.limits.BUSY_DISK_SECONDS", 0.05)
    monkeypatch.setattr(engine._store, "save", busy)
    job = engine.submit(jobs["prompt"].changed(step=Step.PREPARED))
    wait_until(lambda: engine.job(job.token).status.waiting)
    time.sleep(0.5)  # for some tries
    assert sandbox.stats()["flows"] == {}
    monkeypatch.setattr(engine._store, "save", save)
    assert finished(engine, job).state is State.READY
    assert len(runs(sandbox)) == 1


@pytest.mark.skipif(WINDOWS, reason="Windows lets nobody move a file that is open")
def test_a_job_list_that_was_moved_says_so(jobs: dict[str, Job], tmp_path: Path):
    ledger = JobStore(tmp_path / "jobs.sqlite", shared=True)
    ledger.path.rename(tmp_path / "elsewhere.sqlite")
    with pytest.raises(LedgerError, match="was moved or deleted"):
        ledger.add([jobs["prompt"]], "me", 1.0)
    ledger.close()
