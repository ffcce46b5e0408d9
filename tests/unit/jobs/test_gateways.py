"""Answers that a gateway, a busy service or a replica may give for a while change one call, no more."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from generio_flows.jobs import Job, Settings, State, Step, limits
from generio_flows.jobs.doubt import Doubt, OneShotServices
from generio_flows.jobs.engine import Engine
from generio_flows.jobs.errors import DELETED, MAYBE_RUNNING
from generio_flows.jobs.limits import GONE, LOOKUPS, REFUSAL

from tests.sandbox import Sandbox

from .conftest import finished, wait_until

KONG = {"message": "no Route matched with those values"}
PAGE = "<html><body>default backend - 404</body></html>"
OWN = {"detail": "Flow not found"}

FLOW, LIST = "/flows/*", "/flows"


def fault(method: str, path: str, status: int, body: Any = OWN, **more: Any) -> dict[str, Any]:
    kind = "text/html" if isinstance(body, str) else "application/json"
    return {"method": method, "path": path, "action": "status", "status": status, "body": body} | {
        "content_type": kind,
        **more,
    }


def runs(sandbox: Sandbox) -> list[int]:
    return [flow["run"] for flow in sandbox.stats()["flows"].values()]


def asked(sandbox: Sandbox, call: str) -> int:
    return sandbox.stats()["requests"].get(call, 0)


@pytest.mark.parametrize("body", [KONG, PAGE, OWN], ids=["kong", "page", "own"])
def test_a_gateway_that_knows_nothing_at_all_ends_no_job(
    engine: Engine, sandbox: Sandbox, jobs: dict[str, Job], body: Any
):
    sandbox.order({"flow": {"outcome": "hang"}})
    job = engine.submit(jobs["prompt"])
    wait_until(lambda: engine.job(job.token).status.step is Step.STARTED)
    sandbox.order(fault("*", "*", 404, body, times=-1))
    for _ in range(2 * GONE):  # for longer than a deleted flow takes to be believed
        wait_until(lambda: engine.job(job.token).status.waiting)
        assert not engine.job(job.token).finished
        assert engine.is_active(job.token)
        time.sleep(limits.LOOKUP_SECONDS)
    sandbox.clear_faults()
    wait_until(lambda: engine.job(job.token).state is State.RUNNING)
    assert runs(sandbox) == [1]


def test_a_flow_that_is_listed_is_not_gone(engine: Engine, sandbox: Sandbox, jobs: dict[str, Job]):
    sandbox.order(fault("GET", FLOW, 404, times=2 * GONE))
    assert finished(engine, engine.submit(jobs["prompt"])).state is State.READY
    assert runs(sandbox) == [1]


def test_a_flow_that_is_neither_known_nor_listed_is_gone_after_a_while(
    engine: Engine, sandbox: Sandbox, jobs: dict[str, Job]
):
    sandbox.order({"flow": {"outcome": "vanish"}})
    job = engine.submit(jobs["prompt"])
    wait_until(lambda: engine.job(job.token).status.waiting)
    assert engine.job(job.token).status.problem.code == "missing"
    ended = finished(engine, job)
    assert (ended.state, ended.status.problem.code) == (State.FAILED, DELETED)
    assert asked(sandbox, "GET /flows") >= LOOKUPS


def test_without_a_list_the_service_is_known_by_what_else_it_says(
    engine: Engine, sandbox: Sandbox, jobs: dict[str, Job]
):
    sandbox.order({"flow": {"outcome": "vanish"}}, fault("GET", LIST, 404, {"detail": "Not Found"}, times=-1))
    assert finished(engine, engine.submit(jobs["prompt"])).status.problem.code == DELETED


def test_a_new_attempt_looks_once_more_first(engine: Engine, sandbox: Sandbox, jobs: dict[str, Job]):
    """All that can be asked agreed, and was wrong: a service that came back from a backup, say."""
    sandbox.order(
        fault("GET", FLOW, 404, times=-1),
        {"method": "GET", "path": LIST, "action": "garbage", "body": '{"flows": []}', "times": -1},
    )
    job = finished(engine, engine.submit(jobs["prompt"]))
    assert job.status.problem.code == DELETED
    sandbox.clear_faults()
    engine.retry(job.token)
    ended = finished(engine, job)
    assert (ended.state, ended.run.attempt) == (State.READY, 1)
    assert runs(sandbox) == [1]


def test_a_new_attempt_waits_until_it_could_look(engine: Engine, sandbox: Sandbox, jobs: dict[str, Job]):
    sandbox.order({"flow": {"outcome": "vanish"}})
    job = finished(engine, engine.submit(jobs["prompt"]))
    sandbox.order(fault("GET", LIST, 404, KONG, times=-1))
    engine.retry(job.token)
    wait_until(lambda: engine.job(job.token).status.waiting)
    assert asked(sandbox, "POST /flows") == 1
    sandbox.clear_faults()
    assert finished(engine, job).state is State.READY


def test_a_create_that_the_user_has_repeated_is_looked_for_once_more(
    engine: Engine, sandbox: Sandbox, jobs: dict[str, Job]
):
    sandbox.order(
        fault("POST", LIST, 422, {"detail": "inputs are required"}),
        {"method": "POST", "path": LIST, "action": "drop", "when": "after"},
        {"method": "GET", "path": LIST, "action": "garbage", "body": '{"flows": []}', "times": -1},
    )
    job = engine.submit(jobs["prompt"])
    wait_until(lambda: engine.job(job.token).status.waiting and not engine.is_active(job.token))
    assert engine.job(job.token).status.problem.code == MAYBE_RUNNING
    sandbox.clear_faults()
    engine.retry(job.token)
    assert finished(engine, job).state is State.READY
    assert runs(sandbox) == [1]


CALLS = [
    ("POST", LIST),
    ("POST", "/flows/*/inputs"),
    ("PATCH", FLOW),
    ("GET", FLOW),
    ("GET", "/flows/*/outputs"),
    ("GET", "/flows/*/outputs/*"),
]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 410, 422, 423, 425])
def test_what_is_refused_for_a_moment_is_done_all_the_same(
    engine: Engine, sandbox: Sandbox, jobs: dict[str, Job], status: int
):
    """Each call of the job is refused twice, on each of them."""
    sandbox.order(*(fault(*call, status, times=LOOKUPS - 1) for call in CALLS))
    job = finished(engine, engine.submit(jobs["image"]))
    assert (job.state, job.status.problem) == (State.READY, None)
    counts = [flow for flow in sandbox.stats()["flows"].values() if flow["run"]]
    assert [(flow["uploaded"], flow["started"], flow["run"]) for flow in counts] == [(1, 1, 1)]


@pytest.mark.parametrize("status", [400, 409, 422, 425])
def test_a_start_that_was_carried_out_and_refused_runs_once(
    engine: Engine, sandbox: Sandbox, jobs: dict[str, Job], status: int
):
    sandbox.order(fault("PATCH", FLOW, status, when="after"))
    assert finished(engine, engine.submit(jobs["image"])).state is State.READY
    assert runs(sandbox) == [1]


def test_a_refused_input_goes_to_the_same_flow_again(engine: Engine, sandbox: Sandbox, jobs: dict[str, Job]):
    sandbox.order(fault("POST", "/flows/*/inputs", 409))
    assert finished(engine, engine.submit(jobs["image"])).state is State.READY
    assert asked(sandbox, "POST /flows") == 1


@pytest.mark.parametrize("broken", [{"action": "drop", "when": "after"}, {"status": 503, "when": "after"}])
def test_an_input_that_was_refused_and_then_lost_is_sent_to_another_flow(
    engine: Engine, sandbox: Sandbox, jobs: dict[str, Job], broken: dict[str, Any]
):
    """The refusal was of the request before, and the service's list lags: a flow may have the input."""
    sandbox.order(
        fault("POST", "/flows/*/inputs", 409),
        {"method": "POST", "path": "/flows/*/inputs", "action": "status", **broken},
        fault("GET", "/flows/*/inputs", 404, times=2),
    )
    assert finished(engine, engine.submit(jobs["image"])).state is State.READY
    ran = [flow["uploaded"] for flow in sandbox.stats()["flows"].values() if flow["run"]]
    assert ran == [1]


def test_a_refusal_that_stays_is_final(engine: Engine, sandbox: Sandbox, jobs: dict[str, Job]):
    sandbox.order(fault("PATCH", FLOW, 409, {"detail": "Not today"}, times=-1))
    job = engine.submit(jobs["prompt"])
    wait_until(lambda: engine.job(job.token).status.waiting)
    assert "Not today" in engine.job(job.token).status.problem.message
    ended = finished(engine, job)
    assert (ended.state, ended.status.problem.code, ended.status.stopped_at) == (
        State.FAILED,
        "wrong_state",
        Step.STARTING,
    )
    assert asked(sandbox, "PATCH /flows/{flow_id}") > LOOKUPS
    assert runs(sandbox) == [0]


def test_what_the_service_says_of_a_field_is_believed_sooner(
    engine: Engine, sandbox: Sandbox, jobs: dict[str, Job]
):
    word = {"detail": [{"loc": ["body", "parameters", "seed"], "msg": "too large"}]}
    sandbox.order(fault("POST", LIST, 422, word, times=-1))
    job = finished(engine, engine.submit(jobs["prompt"]))
    assert (job.state, "too large" in job.status.problem.message) == (State.FAILED, True)
    assert asked(sandbox, "POST /flows") == 2


def test_a_question_about_a_flow_never_ends_its_job(engine: Engine, sandbox: Sandbox, jobs: dict[str, Job]):
    sandbox.order(fault("GET", FLOW, 422, times=4 * REFUSAL))
    job = engine.submit(jobs["prompt"])
    wait_until(lambda: engine.job(job.token).status.waiting)
    assert engine.is_active(job.token)
    assert finished(engine, job).state is State.READY


def test_one_break_that_the_service_asks_for_is_nobodys_concern(
    engine: Engine, sandbox: Sandbox, jobs: dict[str, Job]
):
    sandbox.order(fault("GET", FLOW, 503, retry_after=1))
    job = engine.submit(jobs["prompt"])
    states: set[str] = set()
    while not engine.job(job.token).finished:
        states.add(engine.job(job.token).state)
        time.sleep(0.01)
    assert State.WAITING not in states
    assert engine.job(job.token).state is State.READY


def test_a_page_of_a_firewall_does_not_ask_for_another_key(
    engine: Engine, sandbox: Sandbox, jobs: dict[str, Job]
):
    sandbox.order(fault("GET", FLOW, 403, PAGE, times=4 * LOOKUPS))
    job = engine.submit(jobs["prompt"])
    wait_until(lambda: engine.job(job.token).status.waiting)
    assert engine.job(job.token).status.problem.code == "unexpected_answer"
    assert finished(engine, job).state is State.READY


@pytest.mark.parametrize("status", [404, 405])
def test_one_odd_answer_makes_no_job_riskier(
    engine: Engine, sandbox: Sandbox, jobs: dict[str, Job], status: int
):
    sandbox.order(fault("POST", "/flows/*/inputs", status), fault("POST", "/flows/*/input", status))
    first = finished(engine, engine.submit(jobs["image"]))
    second = finished(engine, engine.submit(jobs["image"].changed(token="f" * 32)))
    assert (first.state, second.state) == (State.READY, State.READY)
    assert [flow["started"] for flow in sandbox.stats()["flows"].values()] == [1, 1], "none starts by itself"


@pytest.mark.parametrize(("status", "body"), [(404, {"detail": "Flow not found"}), (404, PAGE), (405, PAGE)])
def test_answers_that_a_replica_or_gateway_gives_for_a_while_make_no_job_riskier(
    engine: Engine, sandbox: Sandbox, jobs: dict[str, Job], status: int, body: object
):
    sandbox.order(fault("POST", "/flows/*/inputs", status, body, times=2 * LOOKUPS))
    assert finished(engine, engine.submit(jobs["prompt"])).state is State.READY
    assert runs(sandbox).count(1) == 1
    assert asked(sandbox, "PATCH /flows/{flow_id}") == 1, "the flow did not start by itself"


@pytest.mark.parametrize("sandbox", ["one-shot"], indirect=True)
def test_a_service_that_wants_the_input_at_once_is_asked_only_once_whether_it_does(
    engine: Engine, sandbox: Sandbox, jobs: dict[str, Job]
):
    for number in range(3):
        finished(engine, engine.submit(jobs["image"].changed(token=f"{number}" * 32)))
    assert runs(sandbox) == [1, 1, 1]
    assert asked(sandbox, "POST /flows") == 4


@pytest.mark.parametrize("sandbox", ["one-shot"], indirect=True)
def test_what_was_learned_of_a_service_is_forgotten_when_an_answer_is_lost(
    engine: Engine, sandbox: Sandbox, jobs: dict[str, Job]
):
    finished(engine, engine.submit(jobs["prompt"].changed(token="0" * 32)))
    sandbox.order({"method": "POST", "path": LIST, "action": "drop", "when": "after"})
    finished(engine, engine.submit(jobs["prompt"].changed(token="1" * 32)))
    assert asked(sandbox, "POST /flows") == 3
    finished(engine, engine.submit(jobs["prompt"].changed(token="2" * 32)))
    assert asked(sandbox, "POST /flows") == 5, "the safer way is tried again"
    assert runs(sandbox) == [1, 1, 1]


def test_stopping_a_job_that_a_gateway_hides_says_that_it_may_go_on(
    engine: Engine, sandbox: Sandbox, jobs: dict[str, Job]
):
    sandbox.order({"flow": {"outcome": "hang"}})
    job = engine.submit(jobs["prompt"])
    wait_until(lambda: engine.job(job.token).status.step is Step.STARTED)
    sandbox.order(fault("*", "*", 404, KONG, times=-1))
    engine.cancel(job.token)
    ended = finished(engine, job)
    assert (ended.state, ended.status.problem.code) == (State.CANCELLED, "goes_on")


def test_a_job_whose_flow_belongs_to_another_is_not_carried_on_with_it(
    new_engine: Callable[..., Engine], settings: Settings, sandbox: Sandbox, jobs: dict[str, Job]
):
    engine = new_engine()
    first = finished(engine, engine.submit(jobs["prompt"]))
    body = json.dumps({"flow_id": first.run.flow_id, "state": "created"})
    sandbox.order({"method": "POST", "path": LIST, "action": "garbage", "body": body})
    second = finished(engine, engine.submit(jobs["prompt"].changed(token="e" * 32)))
    assert second.state is State.READY
    assert second.run.flow_id != first.run.flow_id
    assert runs(sandbox) == [1, 1]


def test_doubt_is_about_one_thing_at_a_time():
    doubt = Doubt().heard_again("gone", Step.STARTED, 10.0).heard_again("gone", Step.STARTED, 15.0)
    assert (doubt.times("gone"), doubt.seconds("gone", 20.0)) == (2, 10.0)
    assert (doubt.times("refusal"), doubt.seconds("refusal", 20.0)) == (0, 0.0)
    assert doubt.about_step(Step.COMPLETED) == Doubt()
    other = doubt.heard_again("refusal", Step.STARTED, 30.0)
    assert (other.times("refusal"), other.seconds("refusal", 31.0), other.times("gone")) == (1, 1.0, 0)
    lost = other.interrupted()
    assert (lost.times("refusal"), lost.is_latest) == (1, False)
    assert lost.heard_again("refusal", Step.STARTED, 32.0).is_latest


def test_what_is_known_of_a_service_is_of_that_service_and_for_a_while():
    services = OneShotServices()
    services.learn("a", 100.0)
    assert services.includes("a", 100.0 + OneShotServices.LASTS - 1.0)
    assert not services.includes("b", 100.0)
    assert not services.includes("a", 100.0 + OneShotServices.LASTS)
    services.forget("a")
    assert not services.includes("a", 100.0)
