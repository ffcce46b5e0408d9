"""Another address, another key, no network: what waits, and what goes on where."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from generio_flows.jobs import Job, Settings, State, Step
from generio_flows.jobs.engine import Engine

from tests.sandbox import Sandbox
from tests.unit.jobs.engine_helpers import runs

from .conftest import LONGEST, finished, wait_until


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
