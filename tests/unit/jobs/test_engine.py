"""Jobs of every kind reach their end through a real service, once, whatever it does."""

import base64
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests
from generio_flows.api import Asset, Cancelled, FlowsClient, FlowsError, Prompt, check_glb
from generio_flows.core.destination import ORIGIN, NewModel
from generio_flows.core.errors import NoChildBlender
from generio_flows.core.messages import Message
from generio_flows.jobs import Job, LedgerError, Problem, Settings, State, Step, limits, polling, process_id
from generio_flows.jobs import engine as engine_module
from generio_flows.jobs.engine import Engine
from generio_flows.jobs.errors import DELETED, MAYBE_RUNNING
from generio_flows.jobs.input_copy import copy_input
from generio_flows.jobs.job_folder import JobFolder
from generio_flows.jobs.limits import LEASE_SECONDS, LOOKUPS
from generio_flows.jobs.model import GOES_ON
from generio_flows.jobs.recovery import job_tokens
from generio_flows.jobs.registry import Held
from generio_flows.jobs.scheduler import Scheduler
from generio_flows.jobs.steps import advance
from generio_flows.jobs.store import JobStore
from generio_flows.jobs.store_rows import Lease

from tests.sandbox import Sandbox
from tests.systems import WINDOWS, needs_proc
from tests.unit.api.scripted import KEY, Server, answer

from .conftest import LONGEST, busy, copy, finished, threads, wait_until

INPUTS_WANTED = {
    "method": "POST",
    "path": "/flows",
    "action": "status",
    "status": 422,
    "body": {"detail": "The inputs are missing"},
}
"""A service that takes no empty create, and says so."""

BOTH_PROFILES = pytest.mark.parametrize("sandbox", ["reference", "quickstart"], indirect=True)
KINDS = pytest.mark.parametrize("kind", ["prompt", "image", "optimize"])


@pytest.fixture
def other_ledger(tmp_path: Path) -> Iterator[JobStore]:
    """The engines' ledger, as another process has it."""
    ledger = JobStore(tmp_path / "jobs.sqlite")
    yield ledger
    ledger.close()


def runs(sandbox: Sandbox) -> list[int]:
    return [flow["run"] for flow in sandbox.stats()["flows"].values() if flow["run"]]


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


@pytest.mark.parametrize("change", [b"painted over", None])
def test_a_queued_job_sends_the_picture_as_it_was_chosen(
    new_engine: Callable[..., Engine],
    settings: Settings,
    sandbox: Sandbox,
    jobs: dict[str, Job],
    change: bytes | None,
):
    sandbox.order({"flow": {"outcome": "hang"}, "times": 1})
    engine = new_engine(replace(settings, concurrent_jobs=1))
    first = engine.submit(jobs["prompt"])
    wait_until(lambda: engine.job(first.token).state is State.RUNNING)
    path = Path(jobs["image"].request.input_path)
    chosen = path.read_bytes()
    job = engine.submit(jobs["image"].changed(picture=str(path)))
    wait_until(lambda: JobFolder(engine.folder(job.token)).input_copy(str(path)).exists())
    if change:
        path.write_bytes(change)
    else:
        path.unlink()
    engine.cancel(first.token)
    done = finished(engine, job)
    assert done.state is State.READY
    answer = requests.get(
        f"{sandbox.url}/flows/{done.run.flow_id}/inputs?include_data=true",
        headers={"Authorization": f"Bearer {sandbox.key}"},
        timeout=LONGEST,
    )
    data = answer.json()["inputs"][0]["data"]
    assert base64.b64decode(data.rpartition(",")[2]) == chosen
    assert not JobFolder(engine.folder(job.token)).input_copy(str(path)).exists(), "it has served"


def test_a_picture_that_cannot_be_kept_is_sent_from_where_it_is(
    engine: Engine, jobs: dict[str, Job], tmp_path: Path
):
    job = jobs["image"].changed(picture=jobs["image"].request.input_path)
    copy_input(tmp_path / "picture.png" / "no folder", job.request.picture)
    copy_input(tmp_path / "job", str(tmp_path / "gone.png"))
    assert [*(tmp_path / "job").iterdir()] == []
    JobFolder(engine.folder(job.token)).input_copy(job.request.picture).mkdir(parents=True)
    assert finished(engine, engine.submit(job)).state is State.READY


def test_a_picture_is_made_after_the_result_is_told(
    new_engine: Callable[..., Engine], sandbox: Sandbox, jobs: dict[str, Job]
):
    told: list[State] = []

    def draw(source: Path, target: Path, cancelled: Callable[[], bool]) -> None:
        told.append(engine.jobs()[0].state)
        copy(source, target, cancelled)

    engine = new_engine(render_preview=draw)
    job = finished(engine, engine.submit(jobs["prompt"]))
    wait_until(Path(job.placement.results[0].blend).with_suffix(".png").exists)
    assert told == [State.READY]


def test_pictures_that_a_process_did_not_come_to_are_made_at_the_next_start(
    new_engine: Callable[..., Engine], sandbox: Sandbox, jobs: dict[str, Job]
):
    engine = new_engine()
    older, newer = (
        Path(finished(engine, engine.submit(jobs[name])).placement.results[0].blend)
        for name in ("prompt", "image")
    )
    engine.close()
    tried: list[Path] = []

    def draw(source: Path, target: Path, cancelled: Callable[[], bool]) -> None:
        tried.append(source)
        if len(tried) == 2:
            raise NoChildBlender("no child starts")
        copy(source, target, cancelled)

    new_engine(render_preview=draw)
    wait_until(lambda: len(tried) == 2)
    assert tried == [newer, older]
    new_engine(render_preview=draw)
    wait_until(older.with_suffix(".png").exists)
    assert tried == [newer, older, older]


def test_many_jobs_each_run_once(engine: Engine, sandbox: Sandbox, jobs: dict[str, Job]):
    submitted = [engine.submit(jobs["prompt"].changed(token=f"{number:032x}")) for number in range(12)]
    assert {finished(engine, job).state for job in submitted} == {State.READY}
    assert runs(sandbox) == [1] * 12


@pytest.mark.parametrize("step", [Step.STARTED, Step.UPLOADING])
def test_cancel_stops_the_flow_at_the_service(
    engine: Engine, sandbox: Sandbox, jobs: dict[str, Job], step: Step
):
    sandbox.order(
        {"flow": {"outcome": "hang"}, "times": -1},
        {
            "method": "POST",
            "path": "/flows/*/inputs",
            "action": "delay",
            "seconds": 10 * LONGEST if step is Step.UPLOADING else 0,
        },
    )
    job = engine.submit(jobs["image"])
    wait_until(lambda: engine.job(job.token).status.step is step)
    engine.cancel(job.token)
    assert finished(engine, job).state is State.CANCELLED
    (flow,) = sandbox.stats()["flows"].values()
    assert flow["aborted"] == (1 if step is Step.STARTED else 0)
    assert flow["deleted"] == (0 if step is Step.STARTED else 1)


def test_cancel_ends_an_upload_that_stands_still(
    new_engine: Callable[..., Engine], settings: Settings, jobs: dict[str, Job]
):
    server, go_on = Server(), threading.Event()

    def stand_still(_asked: object):
        go_on.wait(60.0)
        return answer({"asset_id": "a1"})

    server.on("POST", "/flows", answer({"flow_id": "f1", "state": "created"}))
    server.on("POST", "/flows/f1/inputs", stand_still)
    server.on("DELETE", "/flows/f1", answer({}))
    engine = new_engine(replace(settings, base_url=server.url, api_key=KEY))
    job = engine.submit(jobs["image"].changed(service=server.url))
    wait_until(lambda: "POST /flows/f1/inputs" in server.calls())
    engine.cancel(job.token)
    wait_until(lambda: engine.job(job.token).state is State.CANCELLED)
    assert not go_on.is_set()
    assert server.calls("DELETE") == ["DELETE /flows/f1"]
    go_on.set()
    engine.close()
    server.close()


def test_cancel_before_anything_was_sent(
    new_engine: Callable[..., Engine], settings: Settings, sandbox: Sandbox, jobs: dict[str, Job]
):
    engine = new_engine(replace(settings, api_key=""))
    job = engine.submit(jobs["prompt"])
    wait_until(lambda: engine.job(job.token).state is State.WAITING)
    engine.cancel(job.token)
    assert finished(engine, job).state is State.CANCELLED
    assert sandbox.stats()["flows"] == {}


@pytest.mark.parametrize("sandbox", ["quickstart"], indirect=True)
def test_cancel_where_the_service_cannot_stop_says_so(engine: Engine, sandbox: Sandbox, jobs: dict[str, Job]):
    sandbox.order({"flow": {"outcome": "hang"}, "times": -1})
    job = engine.submit(jobs["prompt"])
    wait_until(lambda: engine.job(job.token).status.step is Step.STARTED)
    engine.cancel(job.token)
    ended = finished(engine, job)
    assert ended.state is State.CANCELLED
    assert ended.status.problem is not None
    assert "could not be told to stop" in ended.status.problem.message


def test_a_model_that_was_finished_before_the_cancel_is_kept(
    engine: Engine, sandbox: Sandbox, jobs: dict[str, Job]
):
    sandbox.order({"method": "GET", "path": "/flows/*/outputs", "action": "status", "times": -1})
    job = engine.submit(jobs["prompt"])
    wait_until(lambda: engine.job(job.token).status.step is Step.COMPLETED)
    engine.cancel(job.token)
    sandbox.clear_faults()
    ended = finished(engine, job)
    assert (ended.state, ended.placement.needs_manual_import) == (State.READY, True)


TRANSIENT = [
    {"action": "status", "status": 503},
    {"action": "status", "status": 429, "retry_after": 0},
    {"action": "status", "status": 502, "body": "<html>Bad Gateway</html>", "content_type": "text/html"},
    {"action": "drop", "when": "before"},
    {"action": "drop", "when": "after"},
    {"action": "status", "status": 500, "when": "after"},
]
STEPS = [
    {"method": "POST", "path": "/flows"},
    {"method": "POST", "path": "/flows/*/inputs"},
    {"method": "PATCH", "path": "/flows/*"},
    {"method": "GET", "path": "/flows/*"},
    {"method": "GET", "path": "/flows/*/outputs"},
    {"method": "GET", "path": "/flows/*/outputs/*"},
]


@pytest.mark.parametrize(
    "fault", TRANSIENT, ids=lambda fault: f"{fault['action']}-{fault.get('status', fault.get('when'))}"
)
@pytest.mark.parametrize("step", STEPS, ids=lambda step: f"{step['method']} {step['path']}")
def test_a_passing_fault_at_any_step_neither_loses_nor_repeats_the_job(
    engine: Engine, sandbox: Sandbox, jobs: dict[str, Job], step: dict[str, str], fault: dict[str, object]
):
    sandbox.order({**step, **fault})
    job = finished(engine, engine.submit(jobs["image"]))
    assert (job.state, job.status.problem) == (State.READY, None)
    assert runs(sandbox) == [1]
    assert [flow["uploaded"] for flow in sandbox.stats()["flows"].values() if flow["run"]] == [1]


@pytest.mark.parametrize("sandbox", ["quickstart"], indirect=True)
def test_a_lost_answer_that_cannot_be_looked_up_asks_the_user(
    engine: Engine, sandbox: Sandbox, jobs: dict[str, Job]
):
    # The first create is the empty one, which this service refuses.
    sandbox.order({"method": "POST", "path": "/flows", "after": 1, "action": "drop", "when": "after"})
    job = engine.submit(jobs["prompt"])
    wait_until(lambda: engine.job(job.token).status.waiting and not engine.is_active(job.token))
    waiting = engine.job(job.token)
    assert waiting.status.problem.code == MAYBE_RUNNING
    assert runs(sandbox) == [1]
    engine.retry(job.token)
    assert finished(engine, job).state is State.READY
    assert runs(sandbox) == [1, 1]


def test_a_lost_one_shot_create_is_found_by_its_token(engine: Engine, sandbox: Sandbox, jobs: dict[str, Job]):
    sandbox.order(
        INPUTS_WANTED,
        {"method": "POST", "path": "/flows", "action": "drop", "when": "after"},
    )
    job = finished(engine, engine.submit(jobs["prompt"]))
    assert job.state is State.READY
    assert runs(sandbox) == [1]


@pytest.mark.parametrize(
    ("status", "code"), [(401, "key_refused"), (403, "key_refused"), (402, "payment_required")]
)
def test_what_only_the_user_can_mend_waits_and_goes_on(
    engine: Engine, settings: Settings, sandbox: Sandbox, jobs: dict[str, Job], status: int, code: str
):
    sandbox.order({"method": "GET", "path": "/flows/*", "action": "status", "status": status, "times": -1})
    job = engine.submit(jobs["prompt"])
    wait_until(lambda: engine.job(job.token).status.waiting and not engine.is_active(job.token))
    assert engine.job(job.token).status.problem.code == code
    sandbox.clear_faults()
    engine.configure(replace(settings, concurrent_jobs=3))
    assert finished(engine, job).state is State.READY
    assert runs(sandbox) == [1]


def test_another_service_address_does_not_get_the_job(
    engine: Engine, settings: Settings, sandbox: Sandbox, jobs: dict[str, Job]
):
    sandbox.order({"flow": {"outcome": "hang"}, "times": -1})
    job = engine.submit(jobs["prompt"])
    wait_until(lambda: engine.job(job.token).status.step is Step.STARTED)
    with Sandbox(speed=0.01) as other:
        engine.configure(replace(settings, base_url=other.url))
        wait_until(lambda: engine.job(job.token).status.waiting)
        assert engine.job(job.token).status.problem.code == "other_service"
        assert other.stats()["requests"] == {}
    engine.configure(settings)
    wait_until(lambda: engine.job(job.token).state is State.RUNNING)


NOWHERE = "http://127.0.0.1:1"


@pytest.mark.parametrize("kind", ["prompt", "image", "optimize"])
def test_what_never_reached_a_service_goes_to_the_address_that_was_mended(
    new_engine: Callable[..., Engine], settings: Settings, sandbox: Sandbox, jobs: dict[str, Job], kind: str
):
    mistyped = replace(settings, base_url=NOWHERE)
    engine = new_engine(mistyped)
    job = engine.submit(jobs[kind].changed(service=NOWHERE))
    wait_until(lambda: engine.job(job.token).status.waiting)
    engine.configure(settings)
    done = finished(engine, job)
    assert (done.state, done.request.service) == (State.READY, sandbox.url)


def test_another_process_takes_what_was_not_sent_to_its_own_address(
    new_engine: Callable[..., Engine], settings: Settings, sandbox: Sandbox, jobs: dict[str, Job]
):
    engine = new_engine(replace(settings, base_url=NOWHERE))
    job = engine.submit(jobs["prompt"].changed(service=NOWHERE))
    wait_until(lambda: engine.job(job.token).status.waiting)
    engine.close()
    assert finished(new_engine(), job).state is State.READY


def test_a_retried_job_that_was_not_sent_goes_to_the_new_address(
    new_engine: Callable[..., Engine], settings: Settings, sandbox: Sandbox, jobs: dict[str, Job]
):
    engine = new_engine(replace(settings, base_url=NOWHERE))
    job = engine.submit(jobs["prompt"].changed(service=NOWHERE))
    wait_until(lambda: engine.job(job.token).status.waiting)
    engine.cancel(job.token)
    wait_until(lambda: engine.job(job.token).state is State.CANCELLED)
    engine.configure(settings)
    assert engine.retry(job.token)
    assert finished(engine, job).state is State.READY


def test_it_is_noted_when_a_flow_was_last_seen_running(
    engine: Engine, sandbox: Sandbox, jobs: dict[str, Job]
):
    sandbox.order({"flow": {"outcome": "hang"}})
    job = engine.submit(jobs["prompt"])
    wait_until(lambda: engine.job(job.token).run.asked_at > engine.job(job.token).run.started_at > 0.0)


def test_offline_waits(new_engine: Callable[..., Engine], settings: Settings, jobs: dict[str, Job]):
    elsewhere = replace(settings, base_url="https://flows.example", online=False)
    engine = new_engine(elsewhere)
    job = engine.submit(jobs["prompt"].changed(service="https://flows.example"))
    wait_until(lambda: engine.job(job.token).status.waiting)
    assert engine.job(job.token).status.problem.remedy == "go_online"


def test_going_offline_ends_the_call_that_is_under_way(
    engine: Engine,
    settings: Settings,
    sandbox: Sandbox,
    jobs: dict[str, Job],
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr("generio_flows.jobs.clients.is_loopback", lambda _url: False)
    sandbox.order({"method": "GET", "path": "/flows/*/outputs/*", "action": "stall", "seconds": 10 * LONGEST})
    job = engine.submit(jobs["prompt"])
    wait_until(lambda: "GET /flows/{flow_id}/outputs/{asset_id}" in sandbox.stats()["requests"])
    engine.configure(replace(settings, online=False))
    wait_until(lambda: (found := engine.job(job.token).status.problem) and found.remedy == "go_online")
    sandbox.clear_faults()
    engine.configure(settings)
    assert finished(engine, job).state is State.READY
    assert runs(sandbox) == [1]


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


def test_removing_deletes_the_files(engine: Engine, jobs: dict[str, Job]):
    job = engine.submit(jobs["prompt"])
    with pytest.raises(ValueError, match="unfinished"):
        engine.remove(job.token)
    finished(engine, job)
    folder = engine.folder(job.token)
    assert folder.exists()
    engine.remove(job.token)
    assert not folder.exists()
    assert engine.jobs() == []


def test_removing_a_job_while_its_request_is_written_leaves_no_folder(
    engine: Engine, jobs: dict[str, Job], monkeypatch: pytest.MonkeyPatch
):
    writing, go_on, written = threading.Event(), threading.Event(), threading.Event()
    keep = engine_module.append_request

    def slow(folder: Path, job: Job) -> None:
        writing.set()
        go_on.wait(LONGEST)
        keep(folder, job)

    monkeypatch.setattr(engine_module, "append_request", slow)
    job = finished(engine, engine.submit(jobs["prompt"]))
    assert writing.wait(LONGEST)
    engine.remove(job.token)
    go_on.set()
    engine._writer.write_soon(written.set)
    assert written.wait(LONGEST)
    assert not engine.folder(job.token).exists()


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


# ---- nothing is run twice because something went wrong here


def test_a_login_page_in_the_way_is_waited_out(engine: Engine, sandbox: Sandbox, jobs: dict[str, Job]):
    sandbox.order(
        {"method": "GET", "path": "/flows/*", "action": "garbage", "times": 3},
        {"method": "POST", "path": "/flows", "action": "garbage"},
        {"method": "POST", "path": "/flows/*/inputs", "action": "garbage"},
        {"method": "PATCH", "path": "/flows/*", "action": "garbage"},
    )
    assert finished(engine, engine.submit(jobs["image"])).state is State.READY
    assert runs(sandbox) == [1]


def test_retry_after_a_defect_looks_at_the_flow_that_runs(
    engine: Engine, sandbox: Sandbox, jobs: dict[str, Job], monkeypatch: pytest.MonkeyPatch
):
    sandbox.order({"flow": {"outcome": "hang"}})
    job = engine.submit(jobs["prompt"])
    wait_until(lambda: engine.job(job.token).status.step is Step.STARTED)

    def broken(*_arguments: object) -> float:
        raise ZeroDivisionError("oops")

    with monkeypatch.context() as patched:
        patched.setattr(polling, "next_poll", broken)
        assert finished(engine, job).state is State.FAILED
    engine.retry(job.token)
    wait_until(lambda: engine.job(job.token).state is State.RUNNING)
    assert len(sandbox.stats()["flows"]) == 1


def test_a_garbled_answer_to_a_one_shot_create_is_looked_up(
    engine: Engine, sandbox: Sandbox, jobs: dict[str, Job]
):
    sandbox.order(
        INPUTS_WANTED,
        {"method": "POST", "path": "/flows", "action": "garbage", "when": "after"},
        {"method": "GET", "path": "/flows", "action": "status", "status": 503},
    )
    assert finished(engine, engine.submit(jobs["prompt"])).state is State.READY
    assert runs(sandbox) == [1]


def test_an_incomplete_list_is_no_proof_that_nothing_runs(
    engine: Engine, sandbox: Sandbox, jobs: dict[str, Job]
):
    sandbox.order(
        INPUTS_WANTED,
        {"method": "POST", "path": "/flows", "action": "drop", "when": "after"},
        {"method": "GET", "path": "/flows", "action": "garbage", "body": '{"flows": []}', "times": -1},
    )
    job = engine.submit(jobs["prompt"])
    wait_until(lambda: engine.job(job.token).status.waiting and not engine.is_active(job.token))
    assert engine.job(job.token).status.problem.code == MAYBE_RUNNING
    assert runs(sandbox) == [1]


def test_retry_repeats_a_create_only_when_the_user_was_told(
    engine: Engine, settings: Settings, sandbox: Sandbox, jobs: dict[str, Job]
):
    sandbox.order(
        INPUTS_WANTED,
        {"method": "POST", "path": "/flows", "action": "drop", "when": "after"},
        {"method": "GET", "path": "/flows", "action": "status", "status": 402, "times": -1},
    )
    job = engine.submit(jobs["prompt"])
    wait_until(lambda: engine.job(job.token).status.waiting and not engine.is_active(job.token))
    assert engine.job(job.token).status.problem.code == "payment_required"
    sandbox.clear_faults()
    engine.retry(job.token)
    assert finished(engine, job).state is State.READY
    assert runs(sandbox) == [1]


@BOTH_PROFILES
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/flows"),
        ("PATCH", "/flows/*"),
        ("GET", "/flows/*"),
        ("GET", "/flows/*/outputs"),
        ("GET", "/flows/*/outputs/*"),
    ],
)
def test_a_gateway_that_knows_nothing_for_a_moment_is_no_deleted_flow(
    engine: Engine, sandbox: Sandbox, jobs: dict[str, Job], method: str, path: str
):
    fault = {"action": "garbage", "status": 404, "times": LOOKUPS - 1}
    sandbox.order({"method": method, "path": path, **fault})
    assert finished(engine, engine.submit(jobs["prompt"])).state is State.READY
    assert runs(sandbox) == [1]


@pytest.mark.parametrize("status", [404, 405])
def test_a_list_of_flows_that_is_missing_for_a_moment_is_asked_for_again(
    engine: Engine, sandbox: Sandbox, jobs: dict[str, Job], status: int
):
    fault = {"action": "garbage", "status": status, "times": LOOKUPS - 1}
    sandbox.order(
        INPUTS_WANTED,
        {"method": "POST", "path": "/flows", "action": "drop", "when": "after"},
        {"method": "GET", "path": "/flows", **fault},
    )
    job = engine.submit(jobs["prompt"])
    wait_until(lambda: not engine.is_active(job.token))
    assert (engine.job(job.token).state, engine.job(job.token).status.problem) == (State.READY, None)
    assert runs(sandbox) == [1]


def test_outputs_that_are_not_there_yet_make_no_moment_of_a_gateway_a_deleted_flow(
    engine: Engine, sandbox: Sandbox, jobs: dict[str, Job]
):
    empty = LOOKUPS - 1
    sandbox.order(
        {"flow": {"outcome": "slow_outputs", "reads": empty}},
        {"method": "GET", "path": "/flows/*/outputs", "after": empty, "action": "garbage", "status": 404},
    )
    job = finished(engine, engine.submit(jobs["prompt"]))
    assert (job.state, job.status.problem) == (State.READY, None)
    assert runs(sandbox) == [1]


def test_cancelling_a_flow_that_was_deleted_ends(engine: Engine, sandbox: Sandbox, jobs: dict[str, Job]):
    sandbox.order(
        {"flow": {"outcome": "hang"}},
        {"method": "PATCH", "path": "/flows/*", "after": 1, "action": "status", "status": 404, "times": -1},
    )
    job = engine.submit(jobs["prompt"])
    wait_until(lambda: engine.job(job.token).status.step is Step.STARTED)
    engine.cancel(job.token)
    assert finished(engine, job).state is State.CANCELLED


def test_retry_of_a_flow_that_was_deleted_runs_a_new_one(
    engine: Engine, sandbox: Sandbox, jobs: dict[str, Job]
):
    sandbox.order({"flow": {"outcome": "vanish"}})
    job = finished(engine, engine.submit(jobs["prompt"]))
    assert job.status.problem.code == DELETED
    engine.retry(job.token)
    assert finished(engine, job).state is State.READY
    assert runs(sandbox) == [1, 1]


def test_a_service_without_a_list_of_inputs_gets_a_fresh_flow(
    engine: Engine, sandbox: Sandbox, jobs: dict[str, Job]
):
    sandbox.order(
        {"method": "POST", "path": "/flows/*/inputs", "action": "drop", "when": "after"},
        {"method": "GET", "path": "/flows/*/inputs", "action": "status", "status": 405, "times": -1},
    )
    assert finished(engine, engine.submit(jobs["image"])).state is State.READY
    assert runs(sandbox) == [1]


def test_a_snapshot_outlives_a_note_that_could_not_be_written(
    engine: Engine, jobs: dict[str, Job], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(limits, "BUSY_DISK_SECONDS", 0.05)
    snapshot = engine.folder(jobs["optimize"].token) / "snapshot.blend"
    snapshot.parent.mkdir(parents=True)
    snapshot.write_bytes(Path(jobs["optimize"].request.input_path).read_bytes())
    save, refused = engine._store.save, threading.Event()

    def save_later(job: Job, owner: str, now: float) -> bool:
        if job.status.step is Step.PREPARED and not refused.is_set():
            refused.set()
            raise LedgerError(Message("busy"))
        return save(job, owner, now)

    monkeypatch.setattr(engine._store, "save", save_later)
    job = engine.submit(jobs["optimize"].changed(input_path="", input_mime="", source=str(snapshot)))
    assert (finished(engine, job).state, refused.is_set()) == (State.READY, True)
    assert snapshot.exists(), "the result is fitted onto it, and then it goes"


def test_what_a_crash_left_of_a_download_is_removed(engine: Engine, jobs: dict[str, Job]):
    part = engine.folder(jobs["prompt"].token) / "result-1.glb.12345678.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(b"glTF")
    assert finished(engine, engine.submit(jobs["prompt"])).state is State.READY
    assert not part.exists()


def test_a_download_that_another_process_has_under_way_is_left_alone(
    new_engine: Callable[..., Engine], settings: Settings, sandbox: Sandbox, jobs: dict[str, Job]
):
    stall = {"action": "stall", "at": 100, "seconds": 3}
    sandbox.order({"method": "GET", "path": "/flows/*/outputs/*", **stall})
    owner = new_engine()
    job = owner.submit(jobs["prompt"])
    wait_until(lambda: [*owner.folder(job.token).glob("*.part")])
    other = new_engine()
    lease = Lease(other.owner, 1)  # it had the job, slept past its lease, and does not know that yet
    other._registry._held[job.token] = Held(lease)
    with pytest.raises(Cancelled):
        advance(other._workers._turn(owner.job(job.token), lease, settings), owner.job(job.token))
    assert [*owner.folder(job.token).glob("*.part")], "the first one is not done yet"
    assert finished(owner, job).state is State.READY
    assert [*owner.folder(job.token).glob("*.part")] == []


@BOTH_PROFILES
def test_a_login_page_in_place_of_the_model_is_waited_out(
    engine: Engine, sandbox: Sandbox, jobs: dict[str, Job]
):
    sandbox.order(
        {"method": "GET", "path": "/flows/*/outputs/*", "action": "garbage", "times": 3},
        {"method": "GET", "path": "/flows/*/outputs", "after": 1, "action": "garbage"},
    )
    assert finished(engine, engine.submit(jobs["prompt"])).state is State.READY
    assert runs(sandbox) == [1]


def test_an_upload_that_got_lost_is_repeated_to_another_flow(
    engine: Engine, sandbox: Sandbox, jobs: dict[str, Job]
):
    # It may still be on its way, and a flow that gets its input twice makes two models.
    sandbox.order({"method": "POST", "path": "/flows/*/inputs", "action": "drop"})
    assert finished(engine, engine.submit(jobs["image"])).state is State.READY
    first, second = sandbox.stats()["flows"].values()
    assert (first["uploaded"], first["deleted"], second["uploaded"], second["run"]) == (0, 1, 1, 1)


# ---- turns and time


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


def waiting_for_the_user(engine: Engine, job: Job) -> Job:
    """A job of another service than the one that is set, for which nothing can be done here."""
    there = {"service": "http://elsewhere.example", "flow_id": "1"}
    job = engine.submit(job.changed(step=Step.UPLOADED, **there))
    wait_until(lambda: not engine.is_active(job.token) and engine.job(job.token).status.waiting)
    return job


def dead_owner() -> str:
    """The name of an engine whose process has ended."""
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    return f"{process_id.machine()}:{gone.pid}:x"


def anywhere(_owner: str) -> bool:
    return True


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


def test_a_flow_is_given_back_by_whoever_has_the_job_only(
    engine: Engine,
    sandbox: Sandbox,
    jobs: dict[str, Job],
    monkeypatch: pytest.MonkeyPatch,
    other_ledger: JobStore,
):
    inputs = FlowsClient.inputs

    def inputs_and_sleep(client: FlowsClient, flow_id: str) -> list[Asset]:
        found = inputs(client, flow_id)
        other_ledger.claim("another", time.time() + 2 * LEASE_SECONDS, here=anywhere)
        return found

    monkeypatch.setattr(FlowsClient, "inputs", inputs_and_sleep)
    sandbox.order({"method": "POST", "path": "/flows/*/inputs", "action": "drop"})
    job = engine.submit(jobs["image"])
    wait_until(lambda: not engine.owns(job.token))
    (flow,) = sandbox.stats()["flows"].values()
    assert flow["deleted"] == 0, "it may just be used by the one who has the job now"


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


@pytest.mark.parametrize("sandbox", ["quickstart"], indirect=True)
def test_what_never_left_the_computer_is_not_asked_about(
    new_engine: Callable[..., Engine], settings: Settings, sandbox: Sandbox, jobs: dict[str, Job]
):
    engine = new_engine()
    assert (
        finished(engine, engine.submit(jobs["prompt"])).state is State.READY
    )  # the service takes all in one
    engine.configure(replace(settings, api_key=""))
    job = engine.submit(jobs["image"])
    wait_until(lambda: engine.job(job.token).status.waiting)
    assert engine.job(job.token).status.step is Step.PREPARED
    engine.configure(settings)
    assert finished(engine, job).state is State.READY
    gone = engine.submit(jobs["image"].changed(token="f" * 32, input_path=str(settings.folder / "gone.png")))
    failed = finished(engine, gone)
    assert (failed.state, failed.status.stopped_at) == (State.FAILED, Step.PREPARED)


def test_results_are_converted_where_the_folder_was_moved_to(
    new_engine: Callable[..., Engine],
    settings: Settings,
    sandbox: Sandbox,
    jobs: dict[str, Job],
    other_ledger: JobStore,
):
    engine = new_engine()
    job = finished(engine, engine.submit(jobs["prompt"]))
    engine.close()
    moved = settings.folder.with_name("moved")
    settings.folder.rename(moved)
    for blend in (moved / job.token).glob("*.blend"):
        blend.unlink()
    assert other_ledger.change(
        job.token, (Step.READY,), lambda job: job.advance_to(Step.DOWNLOADED), "somebody", -LEASE_SECONDS
    )
    again = finished(new_engine(replace(settings, folder=moved)), job)
    assert again.state is State.READY
    assert [Path(result.blend).parent for result in again.placement.results] == [moved / job.token]


# ---- cancelling never ends nowhere


@pytest.mark.parametrize("sandbox", ["quickstart"], indirect=True)
def test_cancel_of_what_may_be_running_says_so(engine: Engine, sandbox: Sandbox, jobs: dict[str, Job]):
    sandbox.order({"method": "POST", "path": "/flows", "after": 1, "action": "drop", "when": "after"})
    job = engine.submit(jobs["prompt"])
    wait_until(lambda: engine.job(job.token).status.waiting and not engine.is_active(job.token))
    engine.cancel(job.token)
    ended = finished(engine, job)
    assert (ended.state, ended.status.problem.code) == (State.CANCELLED, GOES_ON)
    assert (ended.status.problem.fix, ended.status.problem.remedy) == (
        "Check it in your account.",
        "open_account",
    )


def test_cancel_after_the_service_address_was_changed(
    engine: Engine, settings: Settings, sandbox: Sandbox, jobs: dict[str, Job]
):
    sandbox.order({"flow": {"outcome": "hang"}})
    job = engine.submit(jobs["prompt"])
    wait_until(lambda: engine.job(job.token).status.step is Step.STARTED)
    engine.configure(replace(settings, base_url="http://127.0.0.1:9"))
    engine.cancel(job.token)
    ended = finished(engine, job)
    assert (ended.state, ended.status.problem.code) == (State.CANCELLED, GOES_ON)


def test_two_results_in_any_order_are_both_kept(engine: Engine, sandbox: Sandbox, jobs: dict[str, Job]):
    job = finished(engine, engine.submit(jobs["prompt"]))
    (result,) = job.placement.results
    again = job.changed(attempt=2)
    names = {
        JobFolder(engine.folder(job.token)).result(each, asset).name
        for each in (job, again)
        for asset in ("one", "../two")
    }
    assert len(names) == 4
    assert all(name.startswith("result-") and name.endswith(".glb") for name in names)
    assert Path(result.glb).name.startswith("result-")


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


def test_a_results_folder_that_cannot_be_had_is_known_before_anything_is_sent(
    new_engine: Callable[..., Engine],
    settings: Settings,
    sandbox: Sandbox,
    jobs: dict[str, Job],
    tmp_path: Path,
):
    (tmp_path / "drive").write_text("which is not mounted")
    engine = new_engine(replace(settings, folder=tmp_path / "drive" / "results"))
    job = finished(engine, engine.submit(jobs["prompt"]))
    assert (job.status.problem.code, job.status.problem.remedy) == ("not_saved", "open_preferences")
    assert engine.retry(job.token)
    wait_until(lambda: engine.job(job.token).run.attempt == 2)
    assert finished(engine, job).status.problem.code == "not_saved"
    assert sandbox.stats()["flows"] == {}


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


def test_what_was_removed_before_a_thread_took_it_up_stops_no_thread(
    new_engine: Callable[..., Engine], sandbox: Sandbox, jobs: dict[str, Job]
):
    engine = new_engine()
    job = finished(engine, engine.submit(jobs["prompt"]))
    other = finished(engine, engine.submit(jobs["optimize"]))
    for gone in (job, other):
        engine._registry._held[gone.token] = Held(busy=True)
        engine.remove(gone.token)
    engine._scheduler.polls.put(job.token)
    engine._scheduler.work.put(other.token)
    wait_until(lambda: not busy(engine))
    assert finished(engine, engine.submit(jobs["image"])).state is State.READY


def test_what_is_left_of_a_removed_job_goes_later(
    new_engine: Callable[..., Engine], settings: Settings, sandbox: Sandbox, jobs: dict[str, Job]
):
    engine = new_engine()
    jobs_left = [finished(engine, engine.submit(jobs[kind])) for kind in ("prompt", "image", "optimize")]
    for job in jobs_left:
        wait_until((engine.folder(job.token) / "request.json").exists)
        (engine.folder(job.token) / "result-1-0.jpg").write_bytes(b"a texture")
        engine.remove(job.token, files=False)
    first, second, third = (engine.folder(job.token) for job in jobs_left)
    assert {path.suffix for path in first.iterdir()}.isdisjoint({".glb", ".blend"})
    engine._previews._render = copy
    engine._previews.render(jobs_left[0])  # the picture is done when the job is gone
    assert (first / "result-1-0.jpg").exists()
    assert job_tokens(settings.folder) == [], "they count no more, and are no jobs"
    engine.delete_files([jobs_left[0].token])
    wait_until(lambda: not first.exists())
    JobFolder(second).removed.write_text(dead_owner())
    new_engine()
    wait_until(lambda: not second.exists())
    assert third.exists(), "whose process lives"


def test_the_files_of_a_job_are_found_after_another_folder_was_chosen(
    engine: Engine, settings: Settings, jobs: dict[str, Job], tmp_path: Path
):
    job = finished(engine, engine.submit(jobs["prompt"]))
    engine.mark_placed(job.token)
    folder = engine.folder(job.token)
    engine.configure(replace(settings, folder=tmp_path / "another"))
    assert engine.folder(job.token) == folder
    engine.remove(job.token)
    assert not folder.exists()


@pytest.mark.parametrize("one_shot", [False, True])
def test_a_damaged_model_is_refused_before_the_service_hears_of_it(
    new_engine: Callable[..., Engine], jobs: dict[str, Job], sandbox: Sandbox, one_shot: bool
):
    """Whichever way it is sent, and also where it was damaged after the job had been written down."""
    model = Path(jobs["optimize"].request.input_path)
    model.write_bytes(model.read_bytes()[:-7])
    engine = new_engine()
    if one_shot:
        engine._workers._one_shot_services.learn(sandbox.url, time.monotonic())
    job = finished(engine, engine.submit(jobs["optimize"]))
    assert job.state is State.FAILED
    assert (job.status.problem.code, "cut off" in job.status.problem.message) == ("unusable_model", True)
    assert sandbox.stats()["flows"] == {}


@pytest.mark.skipif(WINDOWS, reason="Wine knows no longest path, and Windows may be told to know none")
def test_a_results_folder_with_too_long_a_path_is_known_before_anything_is_sent(
    new_engine: Callable[..., Engine],
    settings: Settings,
    sandbox: Sandbox,
    jobs: dict[str, Job],
    tmp_path: Path,
):
    """The folder of a job fits, and what is in it does not; on Windows 260 characters are too many."""
    folder, room = tmp_path, os.pathconf(tmp_path, "PC_PATH_MAX") - 60
    while len(str(folder)) < room - 210:
        folder /= "x" * 200
    folder /= "x" * (room - len(str(folder)) - 1)
    engine = new_engine(replace(settings, folder=folder))
    job = finished(engine, engine.submit(jobs["prompt"]))
    assert job.status.problem.fix == "Choose a results folder with a shorter path in the preferences."
    assert sandbox.stats()["flows"] == {}
