"""The ledger keeps every job, for one process at a time."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from generio_flows.jobs import AlreadyThere, Job, LedgerBusy, LedgerError, Request, Step
from generio_flows.jobs.limits import LEASE_SECONDS
from generio_flows.jobs.store import JobStore
from generio_flows.jobs.store_rows import Lease, Leased
from generio_flows.jobs.store_schema import SCHEMA_VERSION

from tests.systems import WINDOWS


def job(name: str = "x") -> Job:
    return Job(Request(service="https://flows.example", template="model_optimize", name=name), created_at=1.0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "jobs.sqlite"


def test_a_job_is_there_after_closing(path: Path):
    ledger = JobStore(path)
    first = job()
    lease = ledger.add([first], "me", now=0.0)
    assert ledger.save(first.advance_to(Step.CREATED, flow_id="7"), lease, now=1.0)
    ledger.close()
    again = JobStore(path)
    (read,) = again.jobs()
    assert (read.token, read.status.step, read.run.flow_id) == (first.token, Step.CREATED, "7")
    again.close()


def test_several_jobs_are_added_all_or_none(path: Path):
    ledger = JobStore(path)
    first, second = job(), job()
    ledger.add([first], "me", now=0.0)
    with pytest.raises(AlreadyThere):
        ledger.add([second, first], "me", now=0.0)
    assert ledger.jobs() == [first]
    ledger.close()


def test_only_who_has_the_last_lease_writes(path: Path):
    ledger = JobStore(path)
    first = job()
    mine = ledger.add([first], "me", now=0.0)
    assert not ledger.save(first.advance_to(Step.FAILED), Lease("you", mine.number), now=1.0)
    ledger.release("me")
    ((_, yours),) = ledger.claim("you", now=1.0)
    ledger.release("you")
    ((_, mine_again),) = ledger.claim("me", now=1.0)
    for old in (mine, yours):
        assert not ledger.save(first.advance_to(Step.FAILED), old, now=1.0)
    assert ledger.jobs()[0].status.step is Step.REQUESTED
    assert ledger.save(first.advance_to(Step.CREATED), mine_again, now=1.0)
    ledger.close()


def anywhere(_owner: str) -> bool:
    return True


def jobs_of(claimed: list[Leased]) -> list[Job]:
    return [job for job, _lease in claimed]


CLOCKS = (0.0, 365 * 86400.0, -365 * 86400.0)


def watched(ledger: JobStore, begin: float, seconds: float) -> list[Job]:
    """What is taken by somebody who begins to look at a time of his, for so many seconds, as engines do."""
    looks = [begin + at for at in range(0, round(seconds) + 1, 10)]
    return [job for now in looks for job, _lease in ledger.claim("you", now)]


@pytest.mark.parametrize("clock", CLOCKS)
def test_a_lease_runs_out_by_its_age_whatever_the_clock_of_its_owner_says(path: Path, clock: float):
    ledger = JobStore(path)
    first = job()
    ledger.add([first], "me", now=1e9 + clock)
    assert watched(ledger, 1e9, LEASE_SECONDS - 10) == []
    assert jobs_of(ledger.claim("you", 1e9 + LEASE_SECONDS)) == [first]
    ledger.close()


@pytest.mark.parametrize("clock", CLOCKS)
def test_a_lease_that_is_renewed_is_never_taken_over_whatever_the_clock_of_its_owner_says(
    path: Path, clock: float
):
    ledger = JobStore(path)
    ledger.add([job()], "me", now=1e9 + clock)
    for at in range(0, 300, 10):
        assert ledger.claim("you", 1e9 + at) == []
        ledger.renew("me", 1e9 + clock + at)
    ledger.close()


@pytest.mark.parametrize("clock", [3600.0, -3600.0], ids=["forward", "back"])
def test_who_slept_or_had_the_clock_set_begins_to_watch_anew(path: Path, clock: float):
    ledger = JobStore(path)
    first = job()
    ledger.add([first], "me", now=1e9)
    assert watched(ledger, 1e9, LEASE_SECONDS - 10) == []
    assert watched(ledger, 1e9 + clock, LEASE_SECONDS - 10) == []
    assert jobs_of(ledger.claim("you", 1e9 + clock + LEASE_SECONDS)) == [first]
    ledger.close()


def test_of_a_process_with_the_same_clock_the_date_is_enough(path: Path):
    ledger = JobStore(path)
    first = job()
    ledger.add([first], "me", now=0.0)
    assert ledger.claim("you", LEASE_SECONDS - 1.0, here=anywhere) == []
    assert jobs_of(ledger.claim("you", LEASE_SECONDS + 1.0, here=lambda owner: owner == "me")) == [first]
    ledger.close()


def test_a_released_job_can_be_taken_at_once(path: Path):
    ledger = JobStore(path)
    ledger.add([job()], "me", now=5.0)
    ledger.release("me")
    assert len(ledger.claim("you", now=5.0)) == 1
    ledger.close()


def test_finished_jobs_are_not_claimed(path: Path):
    ledger = JobStore(path)
    first = job()
    lease = ledger.add([first], "me", now=0.0)
    ledger.save(first.advance_to(Step.READY), lease, now=0.0)
    assert ledger.claim("you", now=1000.0) == []
    ledger.close()


def test_of_two_processes_one_changes_a_finished_job(path: Path):
    mine, yours = JobStore(path), JobStore(path)
    first = job()
    lease = mine.add([first], "me", now=0.0)
    mine.save(first.advance_to(Step.READY), lease, now=0.0)

    def place(ready: Job) -> Job:
        return ready.advance_to(Step.PLACED)

    placed = yours.change(first.token, (Step.READY,), place, "you", now=1.0)
    assert placed is not None
    assert placed.job.status.step is Step.PLACED
    assert mine.change(first.token, (Step.READY,), place, "me", now=1.0) is None
    mine.close()
    yours.close()


def test_a_removed_job_is_forgotten(path: Path):
    ledger = JobStore(path)
    first = job()
    lease = ledger.add([first], "me", now=0.0)
    assert not ledger.remove(first.token), "it is unfinished"
    ledger.save(first.advance_to(Step.FAILED), lease, now=0.0)
    assert ledger.remove(first.token)
    assert ledger.jobs() == []
    ledger.close()


def overwrite(path: Path, at: int, size: int) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(b"\xa5" * size)


def other_tables(path: Path, version: int = SCHEMA_VERSION) -> None:
    path.unlink()
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE jobs (something TEXT)")
        db.execute(f"PRAGMA user_version = {version}")
    db.close()


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(b"this is no database, and long enough to be looked at" * 100),
        lambda path: overwrite(path, 0, 100),
        lambda path: overwrite(path, 4096, 4096),
        lambda path: overwrite(path, 3 * 4096, 2000),
        lambda path: path.write_bytes(path.read_bytes()[: 4096 + 100]),
        other_tables,
        lambda path: other_tables(path, 2),
    ],
    ids=["text", "head", "table", "leaf", "cut", "other-tables", "other-tables-2"],
)
def test_a_damaged_ledger_is_put_aside_and_a_new_one_begun(path: Path, damage: Callable[[Path], object]):
    ledger = JobStore(path)
    for number in range(50):
        ledger.add([job().changed(prompt="x" * number * 20)], "me", now=0.0)
    ledger.close()
    damage(path)
    before = path.read_bytes()
    ledger = JobStore(path)
    assert ledger.jobs() == []
    assert not ledger.recovery_done
    assert ledger.quarantined_path is not None
    assert ledger.quarantined_path.read_bytes() == before
    assert ".damaged-" in ledger.quarantined_path.name
    ledger.add([job()], "me", now=0.0)
    ledger.close()
    again = JobStore(path)
    assert (again.quarantined_path, len(again.jobs())) == (None, 1)
    again.close()


def test_a_second_damage_in_the_same_second_overwrites_nothing(path: Path):
    for _ in range(2):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"this is no database, and long enough to be looked at" * 100)
        JobStore(path).close()
    assert len(list(path.parent.glob("*.damaged-*"))) == 2


def test_damage_while_it_is_open_is_told_from_a_full_disk(path: Path):
    ledger = JobStore(path)
    for number in range(50):
        ledger.add([job().changed(prompt="x" * number * 20)], "me", now=0.0)
    ledger._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    ledger._db.execute("PRAGMA cache_size = 0")
    overwrite(path, 4096, path.stat().st_size - 4096)
    with pytest.raises(LedgerError, match="is damaged") as caught:
        ledger.jobs()
    assert "Restart Blender" in caught.value.fix
    ledger.close()
    with pytest.raises(LedgerError, match="cannot be read"):
        ledger.jobs()


def test_a_ledger_that_cannot_be_opened_is_left_alone(path: Path):
    path.mkdir(parents=True)  # a folder in its place
    with pytest.raises(LedgerError, match="cannot be opened"):
        JobStore(path)
    assert path.is_dir()


def test_a_ledger_of_a_newer_version_is_left_alone(path: Path):
    path.parent.mkdir()
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("CREATE TABLE jobs (something TEXT)")
    db.execute("PRAGMA user_version = 99")
    db.close()
    before = path.read_bytes()
    with pytest.raises(LedgerError, match="newer version"):
        JobStore(path)
    assert path.read_bytes() == before


def test_a_row_that_cannot_be_read_hides_no_other(path: Path):
    ledger = JobStore(path)
    broken, whole = job("broken"), job("whole")
    ledger.add([broken], "me", now=0.0)
    ledger.add([whole], "me", now=0.0)
    db = sqlite3.connect(path)
    db.execute("UPDATE jobs SET step = 'dancing' WHERE token = ?", (broken.token,))
    db.commit()
    db.close()
    assert [read.request.name for read in ledger.jobs()] == ["whole"]
    ledger.close()


def names(ledger: JobStore, since: int) -> list[str]:
    return [row.read().request.name for row in ledger.changes(since).rows]


def test_each_change_of_a_job_has_a_revision_and_renewing_its_lease_is_none(path: Path):
    ledger, other = JobStore(path), JobStore(path)
    first, second = job("first"), job("second")
    lease = ledger.add([first, second], "me", now=0.0)
    begin = other.changes(0)
    assert [row.read() for row in begin.rows] == [first, second]
    ledger.renew("me", now=1.0)
    ledger.release("me")
    assert other.changes(begin.revision) == (begin.revision, [], None)
    assert ledger.save(first.changed(step=Step.READY), lease, now=1.0)
    saved = other.changes(begin.revision)
    assert [(row.read().status.step, row.lease) for row in saved.rows] == [(Step.READY, lease)]
    other.claim("you", now=1.0)
    claimed = ledger.changes(saved.revision)
    assert [(row.token, row.lease) for row in claimed.rows] == [(second.token, Lease("you", 2))]
    other.change(first.token, (Step.READY,), lambda ready: ready.advance_to(Step.PLACED), "you", now=2.0)
    assert names(ledger, claimed.revision) == ["first"]
    assert names(ledger, 0) == ["second", "first"]
    for store in (ledger, other):
        store.close()


def test_a_removal_is_a_change_even_of_the_last_that_was_changed(path: Path):
    ledger, other = JobStore(path), JobStore(path)
    first, second = job("first"), job("second")
    lease = ledger.add([first, second], "me", now=0.0)
    ledger.save(second.advance_to(Step.FAILED), lease, now=0.0)
    known = other.changes(0).revision
    assert ledger.remove(second.token)
    removed = other.changes(known)
    assert (removed.rows, removed.tokens) == ([], {first.token})
    ledger.add([job("third")], "me", now=0.0)
    added = other.changes(removed.revision)
    assert ([row.read().request.name for row in added.rows], added.tokens) == (["third"], None)
    for store in (ledger, other):
        store.close()


def test_what_a_statement_typed_by_hand_changes_has_a_revision_too(path: Path):
    ledger = JobStore(path)
    ledger.add([job("first"), job("second")], "me", now=0.0)
    known = ledger.changes(0).revision
    with sqlite3.connect(path) as db:
        db.execute("UPDATE jobs SET owner = 'you' WHERE token = (SELECT max(token) FROM jobs)")
    db.close()
    assert [row.owner for row in ledger.changes(known).rows] == ["you"]
    ledger.close()


def test_a_token_is_taken_once(path: Path):
    mine, yours = JobStore(path), JobStore(path)
    first = job()
    mine.add([first], "me", now=0.0)
    with pytest.raises(AlreadyThere):
        yours.add([first.advance_to(Step.FAILED)], "you", now=1.0)
    assert yours.jobs() == [first]
    mine.close()
    yours.close()


def test_only_what_is_named_is_claimed(path: Path):
    ledger = JobStore(path)
    jobs = [job(name) for name in "abc"]
    for one in jobs:
        ledger.add([one], "me", now=0.0)
    ledger.release("me")
    assert jobs_of(ledger.claim("you", now=1.0, tokens={jobs[1].token})) == [jobs[1]]
    assert ledger.claim("you", now=1.0, tokens=set()) == []
    assert jobs_of(ledger.claim("you", now=1.0)) == [jobs[0], jobs[2]]
    ledger.close()


def test_a_shared_ledger_needs_no_memory_that_machines_would_have_to_share(path: Path):
    ledger = JobStore(path, shared=True)
    ledger.add([job()], "me", now=0.0)
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    ledger.close()


def test_a_ledger_that_was_read_for_too_long_is_written_again_afterwards(path: Path):
    ledger, other = JobStore(path, shared=True, patience=0.05), sqlite3.connect(path, isolation_level=None)
    first = job()
    lease = ledger.add([first], "me", now=0.0)
    other.execute("BEGIN")
    other.execute("SELECT * FROM jobs").fetchall()
    with pytest.raises(LedgerError, match="Another program"):
        ledger.save(first.advance_to(Step.CREATED), lease, now=1.0)
    other.close()
    assert ledger.save(first.advance_to(Step.CREATED), lease, now=2.0)
    ledger.close()


def test_what_was_loose_in_a_dead_process_is_ready_when_it_is_claimed(path: Path):
    ledger = JobStore(path)
    first = job().advance_to(Step.READY)
    ledger.add([first], "", now=0.0)
    ledger.change(
        first.token,
        (Step.READY,),
        lambda job: job.advance_to(Step.PLACED, placed_in="a document"),
        "me",
        now=0.0,
    )
    ((claimed, _lease),) = ledger.claim("you", now=2 * LEASE_SECONDS, here=anywhere)
    assert (claimed.status.step, claimed.placement.placed_in) == (Step.READY, "a document")
    assert ledger.jobs() == [claimed], "in one transaction: what is claimed and loose would be nobody's"
    assert ledger.claim("another", now=4 * LEASE_SECONDS, here=anywhere) == []
    ledger.close()


# ---- what to do about a disk that refuses


def test_only_a_full_disk_wants_room(path: Path):
    ledger = JobStore(path)
    ledger.add([job()], "me", now=0.0)
    ledger._db.execute("PRAGMA max_page_count = 4")
    with pytest.raises(LedgerError, match="disk is full") as caught:
        ledger.add([job("x" * 50_000)], "me", now=0.0)
    assert caught.value.fix == "Free some disk space; jobs continue by themselves."
    ledger.close()


def test_who_may_only_read_is_told_so(path: Path, monkeypatch: pytest.MonkeyPatch):
    JobStore(path).close()
    reading = sqlite3.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None, check_same_thread=False)
    monkeypatch.setattr(sqlite3, "connect", lambda *_, **__: reading)
    ledger = JobStore(path)
    with pytest.raises(LedgerError, match="readonly") as caught:
        ledger.add([job()], "me", now=0.0)
    assert caught.value.fix == "Get write permission for its folder."
    ledger.close()


def test_a_name_that_is_too_long_is_told_so(tmp_path: Path):
    words = "cannot be opened: " if WINDOWS else "cannot be opened: File name too long"
    with pytest.raises(LedgerError, match=words) as caught:
        JobStore(tmp_path / ("x" * 300) / "jobs.sqlite")
    assert caught.value.fix == "Choose a folder with a shorter path."


def test_who_holds_it_is_waited_for_and_told_apart(path: Path):
    ledger = JobStore(path, shared=True, patience=0.05)
    holding = sqlite3.connect(path, isolation_level=None)
    holding.execute("BEGIN EXCLUSIVE")
    for use in (lambda: ledger.add([job()], "me", now=0.0), ledger.jobs):
        with pytest.raises(LedgerBusy):
            use()
    holding.close()
    assert ledger.jobs() == []
    ledger.close()
