"""A process carries the jobs, and may die at any moment: nothing is lost, and nothing runs twice."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from generio_flows.core.destination import DatablockRef, NewModel
from generio_flows.core.messages import Message
from generio_flows.engine import connection
from generio_flows.engine.client import EngineClient
from generio_flows.engine.connection import Start
from generio_flows.engine.process import python_command
from generio_flows.formats.raw_pixels import RawPicture
from generio_flows.jobs import Job, LedgerError, Problem, Settings, Step
from generio_flows.jobs.process_id import began
from generio_flows.jobs.store import JobStore

from tests.sandbox import Sandbox
from tests.systems import KILL, goes_first, needs_proc, needs_signals, suspend

from .conftest import LONGEST, finished, lamp, pump_until

ROOT = Path(__file__).resolve().parents[3]
OUTPUT_SECONDS = 3.0
"""Until the service gives the output that a dead Blender has asked for."""


def kill(client: EngineClient) -> int:
    """Kill the engine as a crash would; returns its process id."""
    pid = client.pid
    os.kill(pid, KILL)
    return pid


def runs(sandbox: Sandbox) -> int:
    """How often flows have run."""
    return sandbox.stats()["run_total"]


def test_a_job_is_carried_to_its_end_in_another_process(client: EngineClient, sandbox: Sandbox) -> None:
    job = client.submit(lamp(sandbox))
    ended = finished(client, job.token)
    assert ended.status.step is Step.READY
    assert Path(ended.placement.results[0].glb).read_bytes().startswith(b"glTF")
    assert client.pid != os.getpid()
    assert {event.token for event in client.events()} == {job.token}
    assert client.jobs() == [ended]


@pytest.mark.parametrize("step", [Step.UPLOADING, Step.STARTED, Step.COMPLETED])
def test_when_the_engine_is_killed_the_next_one_goes_on(
    client: EngineClient, sandbox: Sandbox, step: Step
) -> None:
    client.jobs()
    job = client.submit(lamp(sandbox))
    order = [*Step]

    def there() -> bool:
        known = client.job(job.token)
        return known is not None and order.index(known.status.step) >= order.index(step)

    pump_until(client, there)
    before = kill(client)
    # The job may have been over by then; that the engine has died is noticed all the same.
    pump_until(client, lambda: client.pid not in (0, before))
    assert finished(client, job.token).status.step is Step.READY
    assert runs(sandbox) == 1


def test_a_call_that_was_not_answered_is_made_again(client: EngineClient, sandbox: Sandbox) -> None:
    client.jobs()
    suspend(client.pid)
    jobs = [lamp(sandbox, name=str(number)) for number in range(3)]
    reply = client.ask_to_submit(jobs)
    kill(client)
    assert [data["token"] for data in client.answer(reply)] == [job.token for job in jobs]
    for job in jobs:
        finished(client, job.token)
    assert runs(sandbox) == 3


def test_a_call_that_was_carried_out_is_not_carried_out_twice(client: EngineClient, sandbox: Sandbox) -> None:
    """The engine dies between the disk and the answer: its successor gets the call once more."""
    client.jobs()
    job = client.submit(lamp(sandbox))
    reply = client.ask_to_submit([job])
    assert client.answer(reply)[0]["token"] == job.token
    finished(client, job.token)
    assert runs(sandbox) == 1


def test_what_stands_in_an_unsaved_file_stays_there_when_the_engine_dies(
    client: EngineClient, sandbox: Sandbox
) -> None:
    job = client.submit(lamp(sandbox))
    finished(client, job.token)
    assert client.mark_placed(job.token, "document")
    kill(client)
    other = client.submit(lamp(sandbox))
    finished(client, other.token)
    placed = client.job(job.token)
    assert placed is not None
    assert (placed.status.step, placed.placement.placed_in) == (Step.PLACED, "document")
    client.closed("document")
    pump_until(client, lambda: client.job(job.token).status.step is Step.READY)  # type: ignore[union-attr]


def test_what_changes_is_known_as_soon_as_a_call_is_answered(client: EngineClient, sandbox: Sandbox) -> None:
    job = client.submit(lamp(sandbox))
    finished(client, job.token)
    assert client.keep_for_import(job.token, Problem("later", Message("Later.")))
    kept = client.job(job.token)
    assert kept is not None
    assert kept.placement.needs_manual_import
    client.remove(job.token)
    assert client.job(job.token) is None
    with pytest.raises(ValueError, match="unfinished"):
        running = client.submit(lamp(sandbox))
        client.remove(running.token)


def test_a_job_list_that_cannot_be_used_is_told_and_tried_again(start: Start, client: EngineClient) -> None:
    client.jobs()
    client.close(LONGEST)
    with sqlite3.connect(start.store) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    other = EngineClient(client.connection.start, client.connection.settings, "CRITICAL", finish_jobs=False)
    for _ in range(8):
        with pytest.raises(LedgerError, match="newer version"):
            other.call("sync")
    with sqlite3.connect(start.store) as db:
        db.execute("PRAGMA user_version = 3")
    db.close()
    assert other.jobs() == []
    other.close(LONGEST)


def test_an_engine_that_cannot_be_started_is_told(start: Start, settings: Settings) -> None:
    with pytest.raises(LedgerError, match="cannot be started"):
        EngineClient(replace(start, command=("/no/such/python",)), settings, "CRITICAL", finish_jobs=False)


def test_what_another_program_tells_python_is_nothing_to_the_engine(
    new_client: Callable[[], EngineClient],
    sandbox: Sandbox,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As installers of other Pythons on Windows leave it in the environment of all programs."""
    for module in ("requests", "sitecustomize", "usercustomize"):
        (tmp_path / f"{module}.py").write_text("raise SystemExit('another Python')")
    told = {
        "PYTHONHOME": str(tmp_path / "Python27"),
        "PYTHONPATH": str(tmp_path),
        "PYTHONSTARTUP": str(tmp_path / "requests.py"),
        "PYTHONINSPECT": "1",
        "PYTHONIOENCODING": "cp932",
    }
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    client = new_client()
    assert finished(client, client.submit(lamp(sandbox)).token).status.step is Step.READY


def test_modules_that_are_known_by_the_environment_alone_are_found_by_the_engine_too(
    start: Start, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where bpy and requests are in a folder that PYTHONPATH names, or Blender's own modules, on NixOS."""
    (tmp_path / "sitecustomize.py").write_text(
        "import pathlib, sys\nif '--engine' in sys.argv: pathlib.Path(__file__).with_name('found').touch()"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    command = (*python_command(sys.executable, "", isolated=False), "--engine")
    client = EngineClient(replace(start, command=command), settings, "CRITICAL", finish_jobs=False)
    client.call("sync")
    client.close(LONGEST)
    assert (tmp_path / "found").exists()


@pytest.mark.parametrize("scanner", ["refuses", "ends"])
def test_where_blenders_python_cannot_run_blender_itself_does_the_engine(
    start: Start, settings: Settings, sandbox: Sandbox, tmp_path: Path, scanner: str
) -> None:
    """As where a virus scanner or a policy of Windows lets only Blender run."""
    command = (sys.executable, "-c", "raise SystemExit(3)") if scanner == "ends" else (str(tmp_path),)
    given = replace(start, command=command, spare=start.command)
    client = EngineClient(given, settings, "CRITICAL", finish_jobs=False)
    assert finished(client, client.submit(lamp(sandbox)).token).status.step is Step.READY
    client.close(LONGEST)


@needs_proc
def test_the_engine_leaves_the_cores_to_the_window(client: EngineClient) -> None:
    client.call("sync")
    assert goes_first(os.getpid(), client.pid)


@needs_proc
def test_the_key_goes_through_the_pipe_only(
    monkeypatch: pytest.MonkeyPatch, new_client: Callable[[], EngineClient], settings: Settings
) -> None:
    monkeypatch.setenv("GENERIO_API_KEY", settings.api_key)
    client = new_client()
    client.jobs()
    about = Path(f"/proc/{client.pid}")
    secret = settings.api_key.encode()
    assert secret not in (about / "environ").read_bytes() + (about / "cmdline").read_bytes()
    assert b"--engine" in (about / "cmdline").read_bytes()


def _close_its_terminal(blender: "subprocess.Popen[str]") -> None:
    if sys.platform != "win32":
        os.killpg(blender.pid, signal.SIGHUP)


def _kill_with_a_fork_left(blender: "subprocess.Popen[str]") -> None:
    """As of an add-on that has forked a worker, which has all of Blender's pipes, and goes on."""
    if sys.platform != "win32":
        blender.send_signal(signal.SIGUSR1)
    assert blender.stdout is not None
    assert blender.stdout.readline() == "forked\n"
    blender.kill()


def _press_ctrl_c(blender: "subprocess.Popen[str]") -> None:
    if sys.platform != "win32":
        os.killpg(blender.pid, signal.SIGINT)


@pytest.mark.parametrize("finish_jobs", [False, True], ids=["ends", "finishes"])
@pytest.mark.parametrize(
    "end",
    [
        subprocess.Popen.kill,
        pytest.param(_close_its_terminal, marks=needs_signals),
        pytest.param(_press_ctrl_c, marks=needs_signals),
        pytest.param(_kill_with_a_fork_left, marks=needs_signals),
    ],
    ids=["killed", "terminal", "ctrl-c", "forked"],
)
def test_when_blender_is_killed_the_engine_ends_or_finishes_first(
    start: Start,
    settings: Settings,
    sandbox: Sandbox,
    end: Callable[["subprocess.Popen[str]"], None],
    finish_jobs: bool,
) -> None:
    sandbox.order(
        {"method": "GET", "path": "/flows/*/outputs/*", "action": "delay", "seconds": OUTPUT_SECONDS}
    )
    given = (str(start.store), str(settings.folder), settings.base_url, settings.api_key, str(finish_jobs))
    blender = subprocess.Popen(
        [sys.executable, "-m", "tests.unit.engine.blender", *given],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert blender.stdout is not None and blender.stderr is not None
    pid, token = blender.stdout.readline().split()
    end(blender)
    blender.wait(LONGEST)
    _wait_for(lambda: began(int(pid)) is None)
    if sys.platform != "win32":
        with suppress(ProcessLookupError):
            os.killpg(blender.pid, KILL)
    assert "server" not in blender.stderr.read()
    blender.stdout.close()
    blender.stderr.close()
    with sqlite3.connect(start.store) as db:
        ((step,),) = db.execute("SELECT step FROM jobs WHERE token = ?", (token,)).fetchall()
    db.close()
    assert (step == Step.READY) is finish_jobs
    other = EngineClient(start, settings, "CRITICAL", finish_jobs=False)
    assert finished(other, token).status.step is Step.READY
    assert runs(sandbox) == 1
    other.close(LONGEST)


def _wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + LONGEST
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_jobs_of_long_ago_stay_in_the_list_and_are_found(
    start: Start, new_client: Callable[[], EngineClient], sandbox: Sandbox
) -> None:
    from generio_flows.jobs.store import JobStore

    store = JobStore(start.store)
    ended = lamp(sandbox).cancelled(1.0)
    store.add(
        [
            ended.changed(token=f"{number:032x}", name=f"lamp {number}", created_at=float(number))
            for number in range(1000)
        ],
        "nobody",
        0.0,
    )
    store.close()
    client = new_client()
    known = client.jobs()
    assert (len(known), client.older) == (300, 700)
    assert known[0].request.name == "lamp 700"
    found = client.find("lamp 12", before=known[0].created_at, most=50)
    assert [job.request.name for job in found] == [
        f"lamp {number}" for number in range(700) if "12" in str(number)
    ]


def test_an_old_job_that_waits_hides_none_of_those_of_long_ago(
    start: Start, new_client: Callable[[], EngineClient], sandbox: Sandbox
) -> None:
    """Neither does one that was found: also the next engine is asked for all that are not in the list."""
    store = JobStore(start.store)
    ended, waits = lamp(sandbox).cancelled(1.0), lamp(sandbox, name="lamp that waits", created_at=1.0)
    made = [ended.changed(token=f"{number:032x}", created_at=100.0 + number) for number in range(400)]
    store.add([waits, *made], "nobody", 0.0)
    store.close()
    client = new_client()
    client.jobs()
    old = {job.token for job in made[:100]}

    def search() -> None:
        reply = client.ask_to_find("lamp", most=1000)
        client.answer(reply)
        assert {data["token"] for data in reply.result} == old
        client.found(reply)

    search()
    before = kill(client)
    pump_until(client, lambda: client.pid not in (0, before) and client._known.fresh is None)
    search()
    assert [client.is_old(job) for job in (made[0], made[-1], waits)] == [True, False, False]


def test_an_engine_that_does_not_answer_is_replaced(
    client: EngineClient, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.jobs()
    before = client.pid
    suspend(before)
    monkeypatch.setattr(connection, "PATIENCE", 10.0)  # in which the next one has to begin, also under Wine
    job = client.submit(lamp(sandbox))
    assert client.pid != before
    assert finished(client, job.token).status.step is Step.READY
    assert runs(sandbox) == 1


def test_a_job_that_nobody_took_is_not_sent_later(
    client: EngineClient, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.jobs()
    start = client.connection.start
    suspend(client.pid)
    monkeypatch.setattr(connection, "PATIENCE", 0.5)
    client.connection.start = replace(start, command=(sys.executable, "-c", "import time; time.sleep(600)"))
    with pytest.raises(LedgerError, match="does not respond"):
        client.submit(lamp(sandbox))
    client.connection.start = start
    monkeypatch.undo()
    job = client.submit(lamp(sandbox, name="the only one"))
    finished(client, job.token)
    assert [known.request.name for known in client.jobs()] == ["the only one"]
    assert runs(sandbox) == 1


def test_what_is_asked_of_a_closed_client_is_refused(client: EngineClient) -> None:
    client.jobs()
    client.close(LONGEST)
    reply = client.ask("warm")
    assert reply.is_there
    with pytest.raises(LedgerError, match="does not respond"):
        reply.value()


def test_the_log_has_what_both_sides_say(client: EngineClient, start: Start, sandbox: Sandbox) -> None:
    client.ask("log", level=20, text="Blender says hello")
    finished(client, client.submit(lamp(sandbox)).token)
    log = (start.log / "generio.log").read_text()
    assert "Blender says hello" in log
    assert "POST /flows: 200" in log
    assert sandbox.key not in log


def test_libraries_are_loaded_while_the_pipe_is_read(client: EngineClient, tmp_path: Path) -> None:
    """On Windows numpy's look at standard input, and wait as long as a thread reads that."""
    raw, png = tmp_path / "raw", tmp_path / "picture.png"
    RawPicture.of_pixels(np.full((4, 6, 4), 128, np.uint8)).write_whole(raw)
    client.call("write_picture", raw=str(raw), path=str(png), longest=0, count=1)
    assert png.read_bytes().startswith(b"\x89PNG")


def test_a_result_goes_elsewhere_when_that_is_said(client: EngineClient, sandbox: Sandbox) -> None:
    job = client.submit(lamp(sandbox, destination=NewModel()))
    box = DatablockRef("Box", 7)
    client.relocate(job.token, box=box, location=(1.0, 2.0, 3.0), placeholder_deleted=True)
    client.call("sync")
    pump_until(client, lambda: client.job(job.token).request.destination.placeholder_deleted)  # type: ignore[union-attr]
    moved = client.job(job.token)
    assert moved is not None
    assert moved.request.destination == NewModel(box=box, location=(1.0, 2.0, 3.0), placeholder_deleted=True)


def test_a_job_carries_all_of_its_fields(client: EngineClient, sandbox: Sandbox) -> None:
    given: Job = lamp(sandbox, destination=NewModel(location=(1.0, 2.0, 3.0)), queued=True)
    taken = client.submit(given)
    assert taken.changed(created_at=0.0) == given.changed(created_at=0.0)


def test_a_result_that_a_dying_engine_noted_may_be_placed(client: EngineClient, sandbox: Sandbox) -> None:
    """The engine dies between the disk and the answer: who asked again is not told that it was too late."""
    job = client.submit(lamp(sandbox))
    finished(client, job.token)
    kill(client)
    store = JobStore(client.folder(job.token).parents[1] / "jobs.sqlite", patience=LONGEST)
    try:
        noted = store.change(
            job.token,
            (Step.READY,),
            lambda job: job.advance_to(Step.PLACED, placed_in="document"),
            client.connection.start.owner,
            time.time(),
        )
    finally:
        store.close()
    assert noted is not None
    assert client.mark_placed(job.token, "document")
    assert not client.mark_placed(job.token, "another document")


def test_what_takes_effect_soon_is_asked_again_of_the_next_engine(
    client: EngineClient, sandbox: Sandbox
) -> None:
    """The engine dies before the disk, which another program holds, has what it was told."""
    job = client.submit(lamp(sandbox))
    finished(client, job.token)
    assert client.mark_placed(job.token, "document")
    with closing(sqlite3.connect(client.folder(job.token).parents[1] / "jobs.sqlite")) as other:
        other.execute("BEGIN EXCLUSIVE")
        client.saved("document", {job.token})
        client.call("warm")  # what was asked before is under way by then
        kill(client)
    pump_until(client, lambda: client.job(job.token).placement.placed_in == "")  # type: ignore[union-attr]


def test_what_is_placed_after_a_save_is_not_in_the_file(client: EngineClient, sandbox: Sandbox) -> None:
    """The engine dies before it has written what is saved; by the time it is asked again, more stands."""
    first, second = client.submit_all([lamp(sandbox, name="first"), lamp(sandbox, name="second")])
    for job in (first, second):
        finished(client, job.token)
        assert client.mark_placed(job.token, "document")
    client.saved("document", {first.token})
    pump_until(client, lambda: client.job(first.token).placement.placed_in == "")  # type: ignore[union-attr]
    assert client.job(second.token).placement.placed_in == "document"  # type: ignore[union-attr]
