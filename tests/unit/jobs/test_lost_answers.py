"""Whatever answer is lost, late or wrong: no flow runs twice, and no result is lost."""

import pytest
from generio_flows.jobs import Job, Settings, State, Step, polling
from generio_flows.jobs.engine import Engine
from generio_flows.jobs.errors import DELETED, MAYBE_RUNNING
from generio_flows.jobs.limits import LOOKUPS

from tests.sandbox import Sandbox
from tests.unit.jobs.engine_helpers import BOTH_PROFILES, runs

from .conftest import finished, wait_until

INPUTS_WANTED = {
    "method": "POST",
    "path": "/flows",
    "action": "status",
    "status": 422,
    "body": {"detail": "The inputs are missing"},
}
"""A service that takes no empty create, and says so."""


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
