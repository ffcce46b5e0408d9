"""The ledger keeps every job, for one process at a time."""

import sqlite3
from pathlib import Path

import pytest
from generio_flows.jobs import Job, Ledger, LedgerError, Step
from generio_flows.jobs.ledger import LEASE_SECONDS


def job(name: str = "x") -> Job:
    return Job(service="https://flows.example", template="model_optimize", name=name, created_at=1.0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "jobs.sqlite"


def test_a_job_is_there_after_closing(path: Path):
    ledger = Ledger(path)
    first = job()
    ledger.add(first, "me", now=0.0)
    assert ledger.save(first.at(Step.CREATED, flow_id="7"), "me", now=1.0)
    ledger.close()
    again = Ledger(path)
    (read,) = again.jobs()
    assert (read.token, read.step, read.flow_id) == (first.token, Step.CREATED, "7")
    again.close()


def test_only_the_owner_writes(path: Path):
    ledger = Ledger(path)
    first = job()
    ledger.add(first, "me", now=0.0)
    assert not ledger.save(first.at(Step.FAILED), "you", now=1.0)
    assert ledger.jobs()[0].step is Step.REQUESTED
    ledger.close()


def test_a_lease_is_taken_over_when_it_has_run_out(path: Path):
    mine, yours = Ledger(path), Ledger(path)
    first = job()
    mine.add(first, "me", now=0.0)
    assert yours.claim("you", now=LEASE_SECONDS - 1) == []
    mine.renew("me", now=LEASE_SECONDS - 1)
    assert yours.claim("you", now=LEASE_SECONDS + 1) == []
    assert yours.claim("you", now=3 * LEASE_SECONDS) == [first]
    assert not mine.save(first.at(Step.CREATED), "me", now=3 * LEASE_SECONDS)
    mine.close()
    yours.close()


def test_a_released_job_can_be_taken_at_once(path: Path):
    ledger = Ledger(path)
    ledger.add(job(), "me", now=5.0)
    ledger.release("me")
    assert len(ledger.claim("you", now=5.0)) == 1
    ledger.close()


def test_finished_jobs_are_not_claimed(path: Path):
    ledger = Ledger(path)
    first = job()
    ledger.add(first, "me", now=0.0)
    ledger.save(first.at(Step.READY), "me", now=0.0)
    assert ledger.claim("you", now=1000.0) == []
    ledger.close()


def test_of_two_processes_one_changes_a_finished_job(path: Path):
    mine, yours = Ledger(path), Ledger(path)
    first = job()
    mine.add(first, "me", now=0.0)
    mine.save(first.at(Step.READY), "me", now=0.0)

    def place(ready: Job) -> Job:
        return ready.at(Step.PLACED)

    placed = yours.change(first.token, (Step.READY,), place, "you", now=1.0)
    assert placed is not None
    assert placed.step is Step.PLACED
    assert mine.change(first.token, (Step.READY,), place, "me", now=1.0) is None
    mine.close()
    yours.close()


def test_a_removed_job_is_forgotten(path: Path):
    ledger = Ledger(path)
    first = job()
    ledger.add(first, "me", now=0.0)
    assert not ledger.remove(first.token), "it is unfinished"
    ledger.save(first.at(Step.FAILED), "me", now=0.0)
    assert ledger.remove(first.token)
    assert ledger.jobs() == []
    ledger.close()


def test_a_damaged_ledger_is_left_alone(path: Path):
    path.parent.mkdir()
    path.write_bytes(b"this is no database, and long enough to be looked at" * 100)
    before = path.read_bytes()
    with pytest.raises(LedgerError, match="damaged"):
        Ledger(path)
    assert path.read_bytes() == before


def test_a_ledger_of_another_version_is_left_alone(path: Path):
    Ledger(path).close()
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(LedgerError, match="another version"):
        Ledger(path)


def test_a_row_that_cannot_be_read_hides_no_other(path: Path):
    ledger = Ledger(path)
    broken, whole = job("broken"), job("whole")
    ledger.add(broken, "me", now=0.0)
    ledger.add(whole, "me", now=0.0)
    db = sqlite3.connect(path)
    db.execute('UPDATE jobs SET document = \'{"step": "dancing"}\' WHERE token = ?', (broken.token,))
    db.commit()
    db.close()
    assert [read.name for read in ledger.jobs()] == ["whole"]
    ledger.close()
