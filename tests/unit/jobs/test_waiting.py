"""What passes is waited for, with its reason, and the job goes on by itself when it has passed."""

import shutil
import sqlite3
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from generio_flows.api import TEXT_TO_MODEL
from generio_flows.core.destination import UNKNOWN
from generio_flows.core.messages import Message
from generio_flows.jobs import Job, LedgerBusy, LedgerError, Problem, Settings, State, Step, limits, polling
from generio_flows.jobs.engine import Engine
from generio_flows.jobs.steps import NOTHING_NEW, run
from generio_flows.jobs.store import JobStore

from tests.sandbox import Sandbox
from tests.systems import WINDOWS
from tests.unit.api.scripted import KEY, Server, answer, closed_port, glb

from .conftest import LONGEST, finished, wait_until


def waiting(engine: Engine, job: Job) -> Job:
    def waits() -> Job | None:
        now = engine.job(job.token)
        return now if now.status.waiting else None

    return wait_until(waits)


@pytest.fixture
def server() -> Iterator[Server]:
    """To be named before the engines, which have to hang up first."""
    server = Server()
    yield server
    server.close()


def script(server: Server) -> None:
    """One flow that has ended."""
    flow = {"flow_id": "f1", "template": TEXT_TO_MODEL, "state": "completed", "progress": 1.0}
    server.on("GET", "/flows/f1", answer(flow))
    server.on("GET", "/flows/f1/inputs", answer({"inputs": []}))
    server.on("GET", "/flows/f1/outputs", answer({"outputs": [{"id": "o1", "status": "ready"}]}))
    server.on("GET", "/flows/f1/outputs/o1", answer(glb(binary=b"x" * 64)))


def test_a_break_that_the_service_asks_for_is_counted_down(
    engine: Engine, sandbox: Sandbox, jobs: dict[str, Job], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(limits, "QUIET_SECONDS", 1.0)
    sandbox.order(
        {"method": "GET", "path": "/flows/*", "action": "status", "status": 429, "retry_after": 2},
    )
    began = time.time()
    job = waiting(engine, engine.submit(jobs["prompt"]))
    assert job.status.problem.code == "rate_limited"
    assert began + 2.0 <= job.status.retry_at <= time.time() + 3.0
    assert engine.is_active(job.token)
    ended = finished(engine, job)
    assert (ended.state, ended.status.retry_at) == (State.READY, 0.0)


def test_a_break_has_an_end_whatever_the_service_asks_for(
    engine: Engine, sandbox: Sandbox, jobs: dict[str, Job]
):
    sandbox.order(
        {"method": "GET", "path": "/flows/*", "action": "status", "status": 429, "retry_after": 999_999_999},
    )
    job = waiting(engine, engine.submit(jobs["prompt"]))
    assert 0.0 < job.status.retry_at - time.time() <= limits.LONGEST_BREAK


def test_all_that_wait_are_tried_again_at_once_and_run_once(
    engine: Engine, sandbox: Sandbox, jobs: dict[str, Job]
):
    sandbox.order(
        {"method": "GET", "path": "/flows/*", "action": "status", "status": 429, "retry_after": 999},
        {"method": "GET", "path": "/flows/*", "action": "status", "status": 429, "retry_after": 999},
    )
    asked = [waiting(engine, engine.submit(jobs[kind])) for kind in ("prompt", "image")]
    engine.reconsider()
    assert [finished(engine, job).state for job in asked] == [State.READY, State.READY]
    assert sandbox.stats()["run_total"] == 2


@pytest.mark.parametrize(("status", "code"), [(401, "key_refused"), (402, "payment_required")])
def test_what_was_mended_at_the_service_is_noticed(
    new_engine: Callable[..., Engine],
    sandbox: Sandbox,
    jobs: dict[str, Job],
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    code: str,
):
    monkeypatch.setattr(limits, "SYNC_SECONDS", 0.05)
    monkeypatch.setattr(limits, "REFUSED_SECONDS", 0.5)
    sandbox.order({"method": "GET", "path": "/flows/*", "action": "status", "status": status, "times": -1})
    engine = new_engine()
    job = waiting(engine, engine.submit(jobs["prompt"]))
    assert job.status.problem.code == code
    sandbox.clear_faults()
    assert finished(engine, job).state is State.READY


def test_a_service_that_is_away_is_waited_for(new_engine: Callable[..., Engine], settings: Settings):
    port = closed_port()
    engine = new_engine(replace(settings, base_url=f"http://127.0.0.1:{port}", api_key=KEY))
    job = waiting(engine, engine.recover("f1", UNKNOWN))
    assert job.status.problem.message == "Nothing answers at the service's address."
    assert job.status.problem.fix
    assert job.status.retry_at
    server = Server(port=port)
    script(server)
    assert finished(engine, job).state is State.READY
    engine.close()
    server.close()


def test_a_name_that_is_not_found_is_tried_again(new_engine: Callable[..., Engine], settings: Settings):
    engine = new_engine(replace(settings, base_url="https://flows.invalid"))
    job = waiting(engine, engine.recover("f1", UNKNOWN))
    assert job.status.problem.code == "network_error"
    assert job.status.problem.message == "The service's address was not found."
    before = job.status.retry_at
    wait_until(lambda: engine.job(job.token).status.retry_at > before)
    assert engine.is_active(job.token)


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    openssl = shutil.which("openssl")
    if WINDOWS and openssl is None:
        pytest.skip("Windows brings no openssl, which makes the certificate")
    assert openssl is not None
    path, private = tmp_path / "certificate.pem", tmp_path / "private.pem"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject]
    subprocess.run([*command, "-keyout", private, "-out", path], check=True, capture_output=True)
    return path


@pytest.fixture
def secure(certificate: Path) -> Iterator[Server]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_name("private.pem"))
    server = Server(context)
    script(server)
    yield server
    server.close()


def test_a_certificate_that_is_not_trusted_is_tried_again(
    secure: Server,
    certificate: Path,
    new_engine: Callable[..., Engine],
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
):
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    url = secure.url.replace("http://127.0.0.1", "https://localhost")
    engine = new_engine(replace(settings, base_url=url, api_key=KEY))
    job = waiting(engine, engine.recover("f1", UNKNOWN))
    assert (job.status.problem.code, job.status.problem.remedy) == ("certificate_error", "check_address")
    assert secure.asked == [], "nothing was sent"
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))  # whoever runs the network has mended it
    assert finished(engine, job).state is State.READY
    engine.close()


def test_a_flow_that_tells_nothing_new_for_long_asks_the_user(
    new_engine: Callable[..., Engine], settings: Settings, sandbox: Sandbox, jobs: dict[str, Job]
):
    sandbox.order({"flow": {"outcome": "hang"}})
    engine = new_engine(replace(settings, patience=1.0))
    job = waiting(engine, engine.submit(jobs["prompt"]))
    assert (job.status.problem.code, job.status.problem.remedy) == (NOTHING_NEW, "retry")
    wait_until(lambda: not engine.is_active(job.token))

    def polls() -> int:
        return sum(sandbox.stats()["requests"].values())

    before = polls()
    time.sleep(0.5)
    assert polls() == before, "it is asked rarely now"
    engine.retry(job.token)
    wait_until(lambda: engine.job(job.token).state is State.RUNNING)
    wait_until(lambda: polls() > before + 1)
    engine.cancel(job.token)
    assert finished(engine, job).state is State.CANCELLED


def test_a_flow_that_ended_while_the_user_was_asked_is_fetched_after_a_restart(
    new_engine: Callable[..., Engine], settings: Settings
):
    server = Server()
    script(server)
    running = {"flow_id": "f1", "template": TEXT_TO_MODEL, "state": "running", "progress": 0.5}
    server.on("GET", "/flows/f1", answer(running))
    settings = replace(settings, base_url=server.url, api_key=KEY, patience=0.5)
    first = new_engine(settings)
    job = waiting(first, first.recover("f1", UNKNOWN))
    assert job.status.problem.code == NOTHING_NEW
    first.close()
    script(server)
    second = new_engine(settings)
    assert finished(second, job).state is State.READY
    second.close()
    server.close()


def test_a_flow_that_ends_while_the_user_is_asked_is_fetched(
    new_engine: Callable[..., Engine],
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(limits, "SYNC_SECONDS", 0.05)
    monkeypatch.setattr(limits, "REFUSED_SECONDS", 0.5)
    server = Server()
    script(server)
    running = {"flow_id": "f1", "template": TEXT_TO_MODEL, "state": "running", "progress": 0.5}
    server.on("GET", "/flows/f1", answer(running))
    engine = new_engine(replace(settings, base_url=server.url, api_key=KEY, patience=0.5))
    job = waiting(engine, engine.recover("f1", UNKNOWN))
    assert job.status.problem.code == NOTHING_NEW
    script(server)
    assert finished(engine, job).state is State.READY
    engine.close()
    server.close()


def test_news_of_a_flow_begin_the_patience_anew(
    server: Server, new_engine: Callable[..., Engine], settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    script(server)
    progress = iter(range(60, 1000))
    ahead = 0.0
    monkeypatch.setattr(run, "time", SimpleNamespace(time=lambda: time.time() + ahead))
    monkeypatch.setattr(polling, "FARTHEST", polling.SHORTEST)

    def advancing(_asked: object):
        nonlocal ahead
        ahead += 40 * 60.0
        done = next(progress)
        if done > 70:
            return answer({"flow_id": "f1", "state": "completed"})
        return answer({"flow_id": "f1", "state": "running", "progress": done / 100})

    server.on("GET", "/flows/f1", advancing)
    engine = new_engine(replace(settings, base_url=server.url, api_key=KEY, patience=3600.0))
    job = engine.recover("f1", UNKNOWN)
    while not engine.job(job.token).finished:
        assert engine.job(job.token).status.problem is None
        time.sleep(0.01)
    assert ahead > 3600.0


def test_other_settings_are_used_though_the_ledger_is_busy(
    new_engine: Callable[..., Engine],
    settings: Settings,
    jobs: dict[str, Job],
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(limits, "BUSY_DISK_SECONDS", 0.05)
    engine = new_engine(replace(settings, api_key=""))
    job = waiting(engine, engine.submit(jobs["prompt"]))
    wait_until(lambda: not engine.is_active(job.token))
    engine._store._db.execute("PRAGMA busy_timeout = 20")
    other = sqlite3.connect(engine._store.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    engine.configure(settings)  # raises nothing, and waits for nothing
    time.sleep(0.3)
    other.execute("ROLLBACK")
    other.close()
    assert finished(engine, job).status.step is Step.READY


# ---- the ledger cannot be written


@contextmanager
def held(engine: Engine, ledger: JobStore) -> Iterator[str]:
    """Another process has the ledger for as long as it likes."""
    ledger._db.execute("BEGIN IMMEDIATE")
    yield "Another program holds the job list"
    ledger._db.execute("ROLLBACK")


@contextmanager
def read_only(engine: Engine, ledger: JobStore) -> Iterator[str]:
    """The rights have changed."""
    engine._store._db.execute("PRAGMA query_only = 1")
    yield "cannot be written"
    engine._store._db.execute("PRAGMA query_only = 0")


@pytest.mark.parametrize("trouble", [held, read_only])
def test_a_ledger_that_cannot_be_written_is_told_in_the_rows_and_in_the_list(
    engine: Engine,
    sandbox: Sandbox,
    jobs: dict[str, Job],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    trouble: Callable[[Engine, JobStore], AbstractContextManager[str]],
):
    monkeypatch.setattr(limits, "BUSY_DISK_SECONDS", 0.05)
    monkeypatch.setattr(limits, "SYNC_SECONDS", 0.05)
    monkeypatch.setattr(limits, "REPORTED_FAILURES", 1)
    monkeypatch.setattr(polling, "LONGEST", 0.1)
    engine._store._db.execute("PRAGMA busy_timeout = 20")
    sandbox.order({"flow": {"outcome": "hang"}})
    job = engine.submit(jobs["prompt"])
    wait_until(lambda: engine.job(job.token).status.step is Step.STARTED)
    ledger = JobStore(tmp_path / "jobs.sqlite")
    with trouble(engine, ledger) as what:
        wait_until(lambda: engine.job(job.token).status.problem is not None and engine.notice is not None)
        assert what in engine.job(job.token).status.problem.message
        assert what in engine.notice.message
        engine.notice = None  # which the user may do, and nothing is mended by that
        assert engine.notice is not None
    wait_until(lambda: engine.job(job.token).status.problem is None and engine.notice is None)
    ledger.close()
    engine.cancel(job.token)
    assert finished(engine, job).state is State.CANCELLED


def test_a_job_that_waits_for_the_ledger_has_tried_it_once(
    engine: Engine, sandbox: Sandbox, jobs: dict[str, Job], monkeypatch: pytest.MonkeyPatch
):
    """Each try takes as long as the ledger's patience, and nobody is told before that."""
    tried: list[Step] = []
    save = JobStore.save

    def refuse(ledger: JobStore, job: Job, owner: str, at: float) -> bool:
        if job.status.step is Step.UPLOADING:
            tried.append(job.status.step)
            raise LedgerError(Message("busy"))
        if tried:
            tried.append(job.status.step)
        return save(ledger, job, owner, at)

    monkeypatch.setattr(JobStore, "save", refuse)
    monkeypatch.setattr(limits, "BUSY_DISK_SECONDS", 600.0)
    job = engine.submit(jobs["prompt"])
    wait_until(lambda: engine.job(job.token).status.waiting)
    assert tried == [Step.UPLOADING]


@pytest.mark.parametrize(
    "call", ["submit", "retry", "cancel", "remove", "mark_placed", "keep_for_import", "resume"]
)
def test_a_call_does_not_wait_for_a_thread_that_waits_for_the_ledger(
    engine: Engine, sandbox: Sandbox, jobs: dict[str, Job], call: str
):
    job = finished(engine, engine.submit(jobs["prompt"]))
    held, over = threading.Event(), threading.Event()

    def hold() -> None:
        with engine._registry.lock:
            held.set()
            over.wait(LONGEST)

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(LONGEST)
    calls: dict[str, Callable[[], object]] = {
        "submit": lambda: engine.submit(jobs["prompt"].changed(token="a" * 32)),
        "keep_for_import": lambda: engine.keep_for_import(job.token, Problem("told", Message("Told."))),
    }
    try:
        with pytest.raises(LedgerBusy):
            calls.get(call, lambda: getattr(engine, call)(job.token))()
        assert not engine.all_reported(), "it may be about to tell something"
    finally:
        over.set()
        holder.join()


def test_a_look_into_the_ledger_does_not_wait_for_another_that_waits(tmp_path: Path):
    ledger = JobStore(tmp_path / "jobs.sqlite", patience=0.05)
    with ledger._lock, ThreadPoolExecutor() as pool, pytest.raises(LedgerBusy):
        pool.submit(ledger.owners).result()
    ledger.close()
