"""Job lists that older versions have left are carried on, whatever happens meanwhile."""

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from generio_flows.api import FlowsClient, Prompt
from generio_flows.jobs import Job, Step, limits
from generio_flows.jobs.engine import Engine
from generio_flows.jobs.store import JobStore
from generio_flows.jobs.store_rows import Lease

from tests.sandbox import Sandbox
from tests.sandbox.generate import from_prompt

from .conftest import wait_until

ROOT = Path(__file__).parents[3]
OWNER = "host/pid[1]:77:abcdef01"


def restored(path: Path, name: str, **values: str) -> None:
    """Make the file that the SQL of this name describes."""
    text = (Path(__file__).parent / "data" / name).read_text()
    for word, value in values.items():
        text = text.replace(word.replace("_", "-"), value)
    path.parent.mkdir(parents=True, exist_ok=True)
    with sqlite3.connect(path) as db:
        db.executescript(text)
    db.close()


def anywhere(_owner: str) -> bool:
    return True


def by_name(jobs: list[Job]) -> dict[str, Job]:
    return {job.request.name: job for job in jobs}


def test_a_store_of_version_1_is_migrated(tmp_path: Path):
    path = tmp_path / "jobs.sqlite"
    restored(path, "version-1.sql")
    migrated = JobStore(path)
    jobs = by_name(migrated.jobs())
    assert [*jobs] == ["requested", "submitting", "started", "ready", "placed", "failed"]
    assert jobs["started"].run.flow_id == "66bb00000000000000000001"
    assert jobs["placed"].final, "nobody knows whether its file was saved, so it is not placed again"
    claimed = migrated.claim("you", now=2e9, here=anywhere)
    assert [job.request.name for job, _lease in claimed] == ["requested", "submitting", "started"]
    migrated.close()
    JobStore(path).close()


def test_a_store_of_version_2_is_migrated(tmp_path: Path):
    path = tmp_path / "jobs.sqlite"
    restored(path, "version-2.sql")
    migrated = JobStore(path)
    assert (migrated.quarantined_path, migrated.recovery_done) == (None, True)
    jobs = by_name(migrated.jobs())
    assert [*jobs] == [*Step, "unsaved", "waiting"]
    assert [job.status.step for job in jobs.values()] == [*Step, Step.PLACED, Step.PREPARED]
    assert (jobs["started"].run.flow_id, jobs["failed"].status.stopped_at) == ("FLOW-started", Step.STARTED)
    assert jobs["ready"].placement.needs_manual_import
    assert jobs["ready"].status.problem.code == "closed_unsaved"
    assert {row.lease for row in migrated.changes(0).rows} == {Lease(OWNER, 1)}
    claimed = migrated.claim("you", now=2e9, here=anywhere)
    final = {"ready", "placed", "failed", "cancelled"}
    assert [job.request.name for job, _lease in claimed] == [name for name in jobs if name not in final]
    migrated.close()


def test_a_row_that_cannot_be_read_stays_as_it_was(tmp_path: Path):
    path = tmp_path / "jobs.sqlite"
    restored(path, "version-2.sql")
    with sqlite3.connect(path) as db:
        db.execute("UPDATE jobs SET document = 'dancing' WHERE document LIKE '%\"name\":\"ready\"%'")
    db.close()
    migrated = JobStore(path)
    assert len(migrated.jobs()) == len(Step) + 1
    assert [row.document for row in migrated.changes(0).rows if row.read() is None] == ["dancing"]
    migrated.close()


def test_what_a_job_s_folder_says_since_version_2_is_read(tmp_path: Path):
    """Each line of `request.json` is what version 2 of the job list had in its documents."""
    path = tmp_path / "jobs.sqlite"
    restored(path, "version-2.sql")
    with sqlite3.connect(path) as db:
        texts = [text for (text,) in db.execute("SELECT document FROM jobs")]
    db.close()
    jobs = by_name([Job.from_json(text) for text in texts])
    assert [name for name, job in jobs.items() if job.placement.needs_manual_import] == ["adopted", "ready"]


DIES = """
import os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import tests.conftest
from generio_flows.jobs import store_schema
from generio_flows.jobs.store import JobStore

migrate, count = store_schema._MIGRATIONS[2], iter(range(5))

class Dying:
    def __init__(self, db):
        self.db = db
    def execute(self, *what):
        if "INSERT INTO jobs" in what[0] and next(count, None) is None:
            os._exit(9)
        return self.db.execute(*what)

def at_the_end(db):
    migrate(db)
    os._exit(9)

store_schema._MIGRATIONS[2] = at_the_end if sys.argv[3] == "end" else lambda db: migrate(Dying(db))
JobStore(Path(sys.argv[2]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["between two jobs", "end"])
def test_a_process_that_is_killed_while_it_migrates_leaves_all_to_the_next(tmp_path: Path, moment: str):
    path = tmp_path / "jobs.sqlite"
    restored(path, "version-2.sql")
    killed = subprocess.run([sys.executable, "-c", DIES, str(ROOT), str(path), moment])
    assert killed.returncode == 9
    with sqlite3.connect(path) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (2,)
    db.close()
    migrated = JobStore(path)
    assert [*by_name(migrated.jobs())] == [*Step, "unsaved", "waiting"]
    migrated.close()


def test_an_older_process_that_has_the_file_open_writes_no_job_any_more(tmp_path: Path):
    """What its engine does then: it says so, and its jobs wait; so nothing runs twice."""
    path = tmp_path / "jobs.sqlite"
    restored(path, "version-2.sql")
    older = sqlite3.connect(path, isolation_level=None)
    older.execute("SELECT document FROM jobs").fetchall()
    migrated = JobStore(path)
    for statement in (  # which are those of version 2
        "INSERT INTO jobs VALUES ('new', 1.0, 0, 'old', 2.0, '{}') ON CONFLICT DO NOTHING",
        "UPDATE jobs SET settled = 0, lease_until = 4e9, document = '{}' WHERE owner = 'old'",
        "UPDATE jobs SET owner = 'old', lease_until = 4e9, settled = 0, document = '{}'",
        "UPDATE jobs SET lease_until = 4e9 WHERE owner = 'old' AND settled = 0",
        "SELECT settled, document FROM jobs WHERE token = 'new'",  # before it removes one
        "SELECT token, owner, lease_until FROM jobs WHERE settled = 0 AND owner != 'old'",
    ):
        with pytest.raises(sqlite3.OperationalError, match=r"settled|columns"):
            older.execute(statement)
    assert len(older.execute("SELECT document FROM jobs ORDER BY created_at").fetchall()) == len(Step) + 2
    older.execute(f"UPDATE jobs SET lease_until = 0.0 WHERE owner = '{OWNER}'")  # it is closed
    older.close()
    assert len(migrated.claim("you", now=1.0)) == len(Step) - 4 + 2, "at once, since it let go of them"
    migrated.close()


def test_jobs_at_every_step_are_carried_on(
    tmp_path: Path,
    sandbox: Sandbox,
    new_engine: Callable[..., Engine],
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(limits, "SYNC_SECONDS", 0.05)
    monkeypatch.setattr(limits, "LEASE_SECONDS", 1.0)  # its machine is another one, and gone
    results = tmp_path / "before"
    results.mkdir()
    for name in (Step.DOWNLOADED, Step.READY, Step.PLACED, "unsaved"):
        (results / f"{name}.glb").write_bytes(from_prompt("a lamp", quality="low", seed=1, texture=False))
    flows: dict[str, str] = {}
    with FlowsClient(sandbox.url, sandbox.key) as client:
        for step in ("created", "uploading", "uploaded", "starting", "started", "completed", "adopted"):
            flow = client.create_flow("model_generate_fromprompt", {"quality": "low"})
            flows[f"FLOW_{step}"] = flow.flow_id
            if step != "created":
                client.add_input(flow.flow_id, Prompt("a lamp"))
            if step in ("starting", "started", "completed", "adopted"):
                client.start_flow(flow.flow_id)
        wait_until(lambda: client.flow(flows["FLOW_completed"]).state == "completed")
    restored(
        tmp_path / "jobs.sqlite", "version-2.sql", SERVICE=sandbox.url, RESULTS=results.as_posix(), **flows
    )
    engine = new_engine()

    def steps() -> dict[str, Step]:
        return {job.request.name: job.status.step for job in engine.jobs()}

    over = dict.fromkeys([*Step, "unsaved", "waiting"], Step.READY)
    over |= {name: name for name in (Step.PLACED, Step.FAILED, Step.CANCELLED)}
    wait_until(lambda: all(job.finished or job.status.waiting for job in engine.jobs()))
    asks = over | {"submitting": Step.SUBMITTING}  # its flow is in no list, so it may run unseen
    wait_until(lambda: steps() == asks)
    runs = [flow["run"] for flow in sandbox.stats()["flows"].values()]
    assert sorted(runs) == [1] * 10, "seven that there were, and those that no service had heard of"
