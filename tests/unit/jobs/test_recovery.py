"""Flows without a job get one again, from an id or after the ledger was lost; nothing is started by that."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import requests
from generio_flows.api import IMAGE_TO_MODEL, TEXT_TO_MODEL, File, Flow, FlowsClient, Prompt, check_glb
from generio_flows.core.destination import NewModel
from generio_flows.core.errors import NoChildBlender
from generio_flows.jobs import Job, Settings, State, Step, limits, recovery
from generio_flows.jobs.engine import Engine
from generio_flows.jobs.errors import NotStarted, UnknownFlow
from generio_flows.jobs.job_folder import JobFolder
from generio_flows.jobs.store import JobStore

from tests.sandbox import Sandbox

from .conftest import finished, wait_until

PLACE = NewModel(location=(1.0, 2.0, 3.0))


@pytest.fixture
def client(sandbox: Sandbox):
    with FlowsClient(sandbox.url, sandbox.key) as client:
        yield client


def runs(sandbox: Sandbox) -> list[int]:
    return [flow["run"] for flow in sandbox.stats()["flows"].values()]


def changing_calls(sandbox: Sandbox) -> list[str]:
    return [call for call in sandbox.stats()["requests"] if not call.startswith("GET")]


def wait_for_end(client: FlowsClient, flow_id: str) -> None:
    wait_until(lambda: client.flow(flow_id).state.terminal)


# ---- by its id


@pytest.mark.parametrize("ended", [False, True])
def test_a_flow_is_recovered_by_its_id(engine: Engine, sandbox: Sandbox, client: FlowsClient, ended: bool):
    flow = client.create_flow(
        TEXT_TO_MODEL, {"quality": "low", "seed": 7}, [Prompt("a  brass\nlamp")], {"client": "another"}
    )
    if ended:
        wait_for_end(client, flow.flow_id)
    before = changing_calls(sandbox)
    job = finished(engine, engine.recover(flow.flow_id, PLACE))
    assert (job.state, job.placement.needs_manual_import, job.status.problem) == (State.READY, True, None)
    assert (job.request.name, job.request.prompt, job.request.destination) == (
        "a brass lamp",
        "a  brass\nlamp",
        PLACE,
    )
    assert (job.request.template, job.request.parameters["seed"]) == (TEXT_TO_MODEL, 7)
    check_glb(Path(job.placement.results[0].glb))
    assert engine.job_of_flow(flow.flow_id) == job
    assert engine.job_of_flow("another") is None
    assert changing_calls(sandbox) == before
    assert runs(sandbox) == [1]


@pytest.mark.parametrize("sandbox", ["quickstart"], indirect=True)
def test_a_flow_is_recovered_where_there_are_no_inputs_to_be_read(
    engine: Engine, sandbox: Sandbox, client: FlowsClient
):
    flow = client.create_flow(TEXT_TO_MODEL, {}, [Prompt("a lamp")])
    job = finished(engine, engine.recover(flow.flow_id, PLACE))
    assert (job.state, job.request.name) == (State.READY, "Recovered Model")


def test_a_flow_that_was_never_started_is_started_by_the_user_only(
    engine: Engine, sandbox: Sandbox, client: FlowsClient, jobs: dict[str, Job]
):
    flow = client.create_flow(IMAGE_TO_MODEL, {"quality": "low"})
    client.add_input(flow.flow_id, File(Path(jobs["image"].request.input_path), "image/png"))
    job = engine.recover(flow.flow_id, PLACE)
    wait_until(lambda: engine.job(job.token).status.waiting)
    assert engine.job(job.token).status.problem.code == NotStarted.code
    assert not engine.is_active(job.token)
    assert runs(sandbox) == [0]
    engine.retry(job.token)
    assert finished(engine, job).state is State.READY
    assert runs(sandbox) == [1]


def test_a_flow_that_is_still_created_after_a_restart_is_not_started(
    new_engine: Callable[..., Engine], sandbox: Sandbox, client: FlowsClient
):
    flow = client.create_flow(TEXT_TO_MODEL, {})
    first = new_engine()
    job = first.recover(flow.flow_id, PLACE)
    wait_until(lambda: first.job(job.token).status.waiting)
    first.close()
    second = new_engine()
    wait_until(lambda: second.job(job.token).status.waiting and not second.is_active(job.token))
    second.cancel(job.token)
    assert finished(second, job).state is State.CANCELLED
    assert (runs(sandbox), client.flow(flow.flow_id).state) == ([0], "created")


def test_an_id_that_nobody_knows_says_so_and_runs_nothing_when_retried(engine: Engine, sandbox: Sandbox):
    job = finished(engine, engine.recover("66bb00000000000000000010", PLACE))
    assert (job.state, job.status.problem.code) == (State.FAILED, UnknownFlow.code)
    engine.retry(job.token)
    wait_until(lambda: engine.job(job.token).state is State.FAILED and sandbox.stats()["requests"])
    assert changing_calls(sandbox) == []


@pytest.mark.parametrize("ref", ["../../etc/passwd", "a/b?c=d", "\u0001", "..", "{}"])
def test_an_id_is_never_a_path(engine: Engine, sandbox: Sandbox, ref: str):
    job = finished(engine, engine.recover(ref, PLACE))
    assert job.state is State.FAILED
    assert job.status.problem.code in (UnknownFlow.code, "unexpected_answer", "invalid_request")
    assert changing_calls(sandbox) == []


def test_a_flow_that_failed_is_looked_at_again_and_not_run_again(
    engine: Engine, sandbox: Sandbox, client: FlowsClient
):
    sandbox.order({"flow": {"outcome": "fail", "reason": "too thin"}})
    flow = client.create_flow(TEXT_TO_MODEL, {}, [Prompt("a lamp")])
    job = finished(engine, engine.recover(flow.flow_id, PLACE))
    assert "too thin" in job.status.problem.message
    engine.retry(job.token)
    wait_until(lambda: engine.job(job.token).status.step is Step.FAILED)
    assert runs(sandbox) == [1]


def test_recovering_waits_for_what_is_missing(
    new_engine: Callable[..., Engine], settings: Settings, client: FlowsClient
):
    flow = client.create_flow(TEXT_TO_MODEL, {}, [Prompt("a lamp")])
    engine = new_engine(replace(settings, api_key=""))
    job = engine.recover(flow.flow_id, PLACE)
    wait_until(lambda: engine.job(job.token).status.waiting)
    engine.configure(settings)
    assert finished(engine, job).state is State.READY


# ---- after the ledger was lost


def damage(tmp_path: Path) -> None:
    (tmp_path / "jobs.sqlite").write_bytes(b"no database" * 1000)


def test_jobs_of_a_damaged_ledger_come_back_and_nothing_runs_or_is_fetched_twice(
    new_engine: Callable[..., Engine], sandbox: Sandbox, jobs: dict[str, Job], tmp_path: Path
):
    first = new_engine()
    done = finished(first, first.submit(jobs["image"]))
    sandbox.order({"flow": {"outcome": "hang"}})
    running = first.submit(jobs["prompt"].changed(destination=PLACE))
    wait_until(lambda: first.job(running.token).status.step is Step.STARTED)
    removed = finished(first, first.submit(jobs["optimize"]))
    first.remove(removed.token)
    first.close()
    damage(tmp_path)
    second = new_engine()
    wait_until(lambda: second.notice and "2 jobs were found again" in second.notice.message)
    assert "is kept as jobs.damaged-" in second.notice.message
    assert finished(second, done).placement.needs_manual_import
    again = second.job(done.token)
    assert (again.request.name, again.placement.results, again.run.flow_id) == (
        done.request.name,
        done.placement.results,
        done.run.flow_id,
    )
    assert sandbox.stats()["flows"][done.run.flow_id]["downloaded"] == 1
    wait_until(lambda: second.job(running.token).status.step is Step.STARTED)
    assert (second.job(running.token).request.prompt, second.job(running.token).request.destination) == (
        "a lamp",
        PLACE,
    )
    assert runs(sandbox) == [1, 1, 1]
    assert second.job(removed.token) is None
    second.close()
    third = new_engine()
    assert (third.notice, len(third.jobs())) == (None, 2)


def test_the_search_goes_on_until_the_service_can_be_asked(
    new_engine: Callable[..., Engine],
    settings: Settings,
    sandbox: Sandbox,
    jobs: dict[str, Job],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(limits, "SEARCH_SECONDS", 0.05)
    first = new_engine()
    job = finished(first, first.submit(jobs["prompt"]))
    first.close()
    damage(tmp_path)
    second = new_engine(replace(settings, api_key=""))
    wait_until(lambda: second.notice)
    assert second.jobs() == []
    second.close()
    third = new_engine()
    assert finished(third, job).state is State.READY
    assert runs(sandbox) == [1]


@pytest.mark.parametrize("sandbox", ["quickstart"], indirect=True)
def test_results_on_disk_come_back_where_the_service_has_no_list(
    new_engine: Callable[..., Engine], sandbox: Sandbox, jobs: dict[str, Job], tmp_path: Path
):
    first = new_engine()
    done = finished(first, first.submit(jobs["prompt"]))
    first.close()
    (tmp_path / "jobs.sqlite").unlink()
    second = new_engine()
    again = finished(second, done)
    assert (
        again.state,
        again.placement.needs_manual_import,
        again.request.name,
        again.placement.results,
    ) == (
        State.READY,
        True,
        done.request.name,
        done.placement.results,
    )
    assert runs(sandbox) == [1]


def test_a_flow_that_was_created_and_not_started_is_left_alone(
    new_engine: Callable[..., Engine], sandbox: Sandbox, jobs: dict[str, Job], tmp_path: Path
):
    sandbox.order({"method": "PATCH", "path": "/flows/*", "action": "status", "status": 402, "times": -1})
    first = new_engine()
    job = first.submit(jobs["image"])
    wait_until(lambda: first.job(job.token).status.waiting)
    first.close()
    damage(tmp_path)
    second = new_engine()
    wait_until(lambda: second._store.recovery_done)
    assert second.jobs() == []
    assert runs(sandbox) == [0]


def test_what_others_write_into_additional_is_no_job(
    new_engine: Callable[..., Engine], settings: Settings, sandbox: Sandbox, tmp_path: Path
):
    for additional in (None, 7, "token", ["token"], {"token": 7}, {"token": "x"}, {"token": "a.b.c"}):
        for client in ("generio-flows-blender", "another"):
            value = {**additional, "client": client} if isinstance(additional, dict) else additional
            requests.post(
                f"{sandbox.url}/flows",
                json={"template": TEXT_TO_MODEL, "additional": value},
                headers={"Authorization": f"Bearer {sandbox.key}"},
                timeout=10,
            ).raise_for_status()
    (settings.folder / ("0" * 32)).mkdir(parents=True)
    (settings.folder / ("1" * 32)).write_text("a file")
    (settings.folder / "notes").mkdir()
    engine = new_engine()
    wait_until(lambda: engine._store.recovery_done)
    assert engine.jobs() == []


def test_two_engines_that_search_bring_each_job_back_once(
    new_engine: Callable[..., Engine], sandbox: Sandbox, jobs: dict[str, Job], tmp_path: Path
):
    first = new_engine()
    job = finished(first, first.submit(jobs["prompt"]))
    first.close()
    damage(tmp_path)
    engines = [new_engine(), new_engine()]
    wait_until(lambda: all(engine._store.recovery_done for engine in engines))
    ledger = JobStore(tmp_path / "jobs.sqlite")
    wait_until(lambda: [kept.state for kept in ledger.jobs()] == [State.READY])
    ledger.close()
    assert runs(sandbox) == [1]
    assert sandbox.stats()["flows"][job.run.flow_id]["downloaded"] == 1


# ---- two faults at once: the ledger is lost, and something else goes wrong


PAGE = {"action": "garbage", "body": "<html><title>404</title>default backend</html>"}
TOKEN = "a" * 32


def listing(*flows: tuple[str, int]) -> FlowsClient:
    """A client whose service lists flows of one job: their states, and the attempts that they were."""

    class Listing(FlowsClient):
        def flows(self) -> list[Flow]:
            return [
                Flow.parse(
                    {
                        "flow_id": f"{state} {attempt}",
                        "state": state,
                        "additional": {"client": "generio-flows-blender", "token": f"{TOKEN}.{attempt}"},
                    }
                )
                for state, attempt in flows
            ]

    return Listing("http://127.0.0.1:1", "key")


@pytest.mark.parametrize(
    ("furthest", "other"),
    [
        (("running", 1), ("created", 1)),
        (("completed", 1), ("created", 1)),
        (("completed", 1), ("running", 1)),
        (("completed", 1), ("created", 2)),
        (("completed", 1), ("failed", 2)),
        (("running", 1), ("aborted", 2)),
        (("running", 2), ("completed", 1)),
        (("failed", 1), ("created", 2)),
        (("postprocessing", 1), ("aborting", 1)),
    ],
)
def test_of_several_flows_of_a_job_the_one_that_went_furthest_is_found(
    furthest: tuple[str, int], other: tuple[str, int]
):
    for flows in ((furthest, other), (other, furthest)):
        with listing(*flows) as client:
            assert recovery.remote_flows_by_token(client)[TOKEN].flow.flow_id == "{} {}".format(*furthest)


def test_a_lost_create_and_a_lost_ledger_find_the_flow_that_has_the_result(
    new_engine: Callable[..., Engine], sandbox: Sandbox, jobs: dict[str, Job], tmp_path: Path
):
    sandbox.order({"method": "POST", "path": "/flows", "action": "drop", "when": "after"})
    first = new_engine(convert=unwilling)
    job = first.submit(jobs["prompt"])
    wait_until(lambda: first.job(job.token).status.step is Step.STARTED)
    assert len(sandbox.stats()["flows"]) == 2
    lose(first, job, tmp_path)
    again = finished(new_engine(), job)
    assert (again.state, again.run.flow_id) == (State.READY, first.job(job.token).run.flow_id)
    assert sorted(runs(sandbox)) == [0, 1]


def unwilling(*_: object) -> None:
    raise NoChildBlender("there is no Blender")


def lose(engine: Engine, job: Job, tmp_path: Path, files: bool = True) -> None:
    """Close the engine and lose its ledger, and the job's `files` but for what was asked for."""
    engine.close()
    damage(tmp_path)
    for path in engine.folder(job.token).iterdir() if files else ():
        if path != JobFolder(path.parent).request:
            path.unlink()


@pytest.mark.parametrize("answer", [{"flows": []}, {"detail": "Not Found"}], ids=["half a list", "no list"])
def test_a_lost_ledger_and_a_list_without_the_flow_find_it_by_its_id(
    new_engine: Callable[..., Engine],
    sandbox: Sandbox,
    jobs: dict[str, Job],
    tmp_path: Path,
    answer: dict[str, object],
):
    first = new_engine()
    job = finished(first, first.submit(jobs["image"]))
    lose(first, job, tmp_path)
    status = 404 if "detail" in answer else 200
    sandbox.order(
        {"method": "GET", "path": "/flows", "action": "status", "status": status, "body": answer, "times": -1}
    )
    again = finished(new_engine(), job)
    assert (again.state, again.run.flow_id, again.request.name) == (
        State.READY,
        job.run.flow_id,
        job.request.name,
    )
    assert runs(sandbox) == [1]


@pytest.mark.parametrize("path", ["/flows", "/flows/*"], ids=["the list", "the flow"])
@pytest.mark.parametrize("status", [404, 405, 403, 502])
def test_a_lost_ledger_and_a_gateway_that_knows_nothing_look_again_later(
    new_engine: Callable[..., Engine],
    sandbox: Sandbox,
    jobs: dict[str, Job],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    path: str,
):
    monkeypatch.setattr(limits, "SEARCH_SECONDS", 0.05)
    first = new_engine()
    job = finished(first, first.submit(jobs["prompt"]))
    lose(first, job, tmp_path)
    empty = {"method": "GET", "path": "/flows", "action": "status", "status": 200, "body": {"flows": []}}
    page = {"method": "GET", "path": path, **PAGE, "status": status, "times": 3}
    sandbox.order(page, *[{**empty, "times": -1}][: path != "/flows"])
    again = finished(new_engine(), job)
    assert (again.state, again.run.flow_id) == (State.READY, job.run.flow_id)
    assert runs(sandbox) == [1]


def test_a_lost_ledger_and_half_a_line_of_what_was_asked_for_use_the_line_before(
    new_engine: Callable[..., Engine], sandbox: Sandbox, jobs: dict[str, Job], tmp_path: Path
):
    first = new_engine()
    job = finished(first, first.submit(jobs["prompt"].changed(destination=PLACE)))
    lose(first, job, tmp_path, files=False)
    with JobFolder(first.folder(job.token)).request.open("a") as file:
        file.write('\n{"service": "http')
    assert finished(new_engine(), job).request.destination == PLACE


def test_a_lost_ledger_and_a_results_folder_that_is_out_of_reach_look_again_later(
    new_engine: Callable[..., Engine],
    settings: Settings,
    sandbox: Sandbox,
    jobs: dict[str, Job],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(limits, "SEARCH_SECONDS", 0.05)
    drive = tmp_path / "drive"
    away = replace(settings, folder=drive / "results")
    drive.mkdir()
    first = new_engine(away)
    job = finished(first, first.submit(jobs["prompt"]))
    lose(first, job, tmp_path)
    drive.rename(tmp_path / "unplugged")
    second = new_engine(away)
    job_tokens = recovery.job_tokens
    looked: list[object] = []
    monkeypatch.setattr(recovery, "job_tokens", lambda folder: looked.append(folder) or job_tokens(folder))
    wait_until(lambda: len(looked) > 2)
    assert not second._store.recovery_done
    (tmp_path / "unplugged").rename(drive)
    assert finished(second, job).state is State.READY
    assert runs(sandbox) == [1]


WANTS_INPUTS = {"detail": [{"loc": ["body", "inputs"], "msg": "field required", "type": "missing"}]}


@pytest.mark.parametrize("lagging", [False, True], ids=["listed", "listed later"])
def test_two_lost_creates_of_a_job_find_the_one_that_runs(
    engine: Engine, sandbox: Sandbox, jobs: dict[str, Job], monkeypatch: pytest.MonkeyPatch, lagging: bool
):
    """The empty one leaves a flow that never begins, and may be all that a list shows at first."""
    if lagging:
        flows, looked = FlowsClient.flows, []

        def lag(client: FlowsClient) -> list[Flow]:
            looked.append(client)
            return [flow for flow in flows(client) if len(looked) > 2 or flow.state == "created"]

        monkeypatch.setattr(FlowsClient, "flows", lag)
    create = {"method": "POST", "path": "/flows"}
    sandbox.order(
        {**create, "action": "drop", "when": "after"},
        {**create, "action": "status", "status": 422, "body": WANTS_INPUTS},
        {**create, "action": "drop", "when": "after"},
    )
    job = finished(engine, engine.submit(jobs["prompt"]))
    assert job.state is State.READY
    assert sorted(runs(sandbox)) == [0, 1]
