"""Cancelling ends at the service, too, and never nowhere."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace

import pytest
from generio_flows.api import Asset, FlowsClient
from generio_flows.jobs import Job, Settings, State, Step
from generio_flows.jobs.engine import Engine
from generio_flows.jobs.limits import LEASE_SECONDS
from generio_flows.jobs.problem import FLOW_STILL_RUNNING
from generio_flows.jobs.store import JobStore

from tests.sandbox import Sandbox
from tests.unit.api.scripted import KEY, Server, answer
from tests.unit.jobs.engine_helpers import anywhere

from .conftest import LONGEST, finished, wait_until


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
    assert "could not be stopped at the service" in ended.status.problem.message


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


def test_cancelling_a_flow_that_was_deleted_ends(engine: Engine, sandbox: Sandbox, jobs: dict[str, Job]):
    sandbox.order(
        {"flow": {"outcome": "hang"}},
        {"method": "PATCH", "path": "/flows/*", "after": 1, "action": "status", "status": 404, "times": -1},
    )
    job = engine.submit(jobs["prompt"])
    wait_until(lambda: engine.job(job.token).status.step is Step.STARTED)
    engine.cancel(job.token)
    assert finished(engine, job).state is State.CANCELLED


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


@pytest.mark.parametrize("sandbox", ["quickstart"], indirect=True)
def test_cancel_of_what_may_be_running_says_so(engine: Engine, sandbox: Sandbox, jobs: dict[str, Job]):
    sandbox.order({"method": "POST", "path": "/flows", "after": 1, "action": "drop", "when": "after"})
    job = engine.submit(jobs["prompt"])
    wait_until(lambda: engine.job(job.token).status.waiting and not engine.is_active(job.token))
    engine.cancel(job.token)
    ended = finished(engine, job)
    assert (ended.state, ended.status.problem.code) == (State.CANCELLED, FLOW_STILL_RUNNING)
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
    assert (ended.state, ended.status.problem.code) == (State.CANCELLED, FLOW_STILL_RUNNING)
