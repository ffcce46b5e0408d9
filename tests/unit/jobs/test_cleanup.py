"""The results folder keeps its limit, and what is not safely in a file is never deleted."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from generio_flows.api import check_glb
from generio_flows.jobs import Job, Placement, Request, Result, Settings, State, Status, Step
from generio_flows.jobs.cleanup import delete_models, select_for_eviction
from generio_flows.jobs.engine import Engine

from tests.sandbox import Sandbox

from .conftest import finished, wait_until


def done(folder: Path, number: int, size: int, step: Step = Step.PLACED, placed_in: str = "") -> Job:
    """A job that ended as the `number`th, with `size` bytes of files."""
    token = f"{number:032x}"
    (folder / token).mkdir(parents=True)
    glb = folder / token / "result-1.glb"
    glb.write_bytes(b"x" * size)
    return Job(
        Request(
            service="",
            template="",
            name=str(number),
        ),
        token=token,
        status=Status(step=step, finished_at=float(number)),
        placement=Placement(placed_in=placed_in, results=(Result(str(glb)),)),
    )


def names(jobs: list[Job]) -> list[str]:
    return [job.request.name for job in jobs]


def test_the_oldest_go_until_the_limit_is_kept(tmp_path: Path):
    jobs = [done(tmp_path, number, 100) for number in (3, 1, 2)]
    assert select_for_eviction(tmp_path, jobs, 300) == []
    assert names(select_for_eviction(tmp_path, jobs, 299)) == ["1"]
    assert names(select_for_eviction(tmp_path, jobs, 100)) == ["1", "2"]
    assert names(select_for_eviction(tmp_path, jobs, 0)) == ["1", "2", "3"]


def test_what_is_not_safely_in_a_file_stays(tmp_path: Path):
    jobs = [
        done(tmp_path, 1, 100, Step.READY),
        done(tmp_path, 2, 100, placed_in="a file that was not saved"),
        done(tmp_path, 3, 100, Step.FAILED),
        done(tmp_path, 4, 100, Step.STARTED),
        done(tmp_path, 5, 100),
    ]
    assert names(select_for_eviction(tmp_path, jobs, 0)) == ["5"]


def test_what_is_no_jobs_does_not_count_and_is_not_followed(tmp_path: Path):
    results = tmp_path / "results"
    jobs = [done(results, 1, 100)]
    (results / "my own films").mkdir()
    (results / "my own films" / "film").write_bytes(b"x" * 1000)
    (tmp_path / "elsewhere").write_bytes(b"x" * 1000)
    (results / jobs[0].token / "link").symlink_to(tmp_path / "elsewhere")
    assert select_for_eviction(results, jobs, 300) == []
    assert select_for_eviction(results / "missing", jobs, 0) == []
    delete_models(results / jobs[0].token)
    assert (tmp_path / "elsewhere").exists()


def test_the_picture_and_the_report_stay(tmp_path: Path):
    folder = tmp_path / "job"
    folder.mkdir()
    for name in (
        "result-1.glb",
        "result-1.blend",
        "result-1.png",
        "result-1.json",
        "result-1-0",
        "input.png",
        "chosen.png",
    ):
        (folder / name).write_bytes(b"x")
    delete_models(folder)
    assert {path.name for path in folder.iterdir()} == {"result-1.png", "result-1.json"}


def test_the_engine_empties_what_is_placed_and_saved(
    new_engine: Callable[..., Engine], settings: Settings, jobs: dict[str, Job]
):
    engine = new_engine(replace(settings, results_limit=1))
    placed, waits = (finished(engine, engine.submit(jobs[kind])) for kind in ("prompt", "image"))
    assert Path(placed.placement.results[0].glb).exists()
    assert engine.mark_placed(placed.token, "a file")
    engine.saved("a file", {placed.token})
    wait_until(lambda: not engine.job(placed.token).placement.results)
    wait_until(lambda: not Path(placed.placement.results[0].glb).exists())
    assert (engine.job(placed.token).state, engine.folder(placed.token).exists()) == (State.DONE, True)
    check_glb(Path(engine.job(waits.token).placement.results[0].glb))


def test_without_a_limit_everything_stays(
    new_engine: Callable[..., Engine], settings: Settings, jobs: dict[str, Job]
):
    engine = new_engine(settings)
    placed = finished(engine, engine.submit(jobs["prompt"]))
    assert engine.mark_placed(placed.token)
    engine._cleanup.needed.set()
    wait_until(lambda: not engine._cleanup.needed.is_set())
    check_glb(Path(engine.job(placed.token).placement.results[0].glb))
    engine.configure(replace(settings, results_limit=1))
    wait_until(lambda: not engine.job(placed.token).placement.results)


# ---- deleting flows


def deleted(sandbox: Sandbox) -> list[int]:
    return [flow["deleted"] for flow in sandbox.stats()["flows"].values()]


@pytest.mark.parametrize("wanted", [True, False])
def test_a_flow_is_deleted_after_its_model_is_here_where_the_user_wants_it(
    new_engine: Callable[..., Engine],
    settings: Settings,
    sandbox: Sandbox,
    jobs: dict[str, Job],
    wanted: bool,
):
    engine = new_engine(replace(settings, delete_flows=wanted))
    job = finished(engine, engine.submit(jobs["prompt"]))
    assert job.state is State.READY
    check_glb(Path(job.placement.results[0].glb))
    assert deleted(sandbox) == [int(wanted)]
    assert (job.run.flow_state == "deleted") is wanted


def test_a_delete_that_fails_costs_nothing(
    new_engine: Callable[..., Engine], settings: Settings, sandbox: Sandbox, jobs: dict[str, Job]
):
    sandbox.order({"method": "DELETE", "path": "/flows/*", "action": "status", "status": 503, "times": -1})
    engine = new_engine(replace(settings, delete_flows=True))
    assert finished(engine, engine.submit(jobs["prompt"])).state is State.READY


def test_a_flow_of_which_something_could_not_be_used_is_kept(
    new_engine: Callable[..., Engine], settings: Settings, sandbox: Sandbox, jobs: dict[str, Job]
):
    sandbox.order({"flow": {"outcome": "external_uri"}})
    engine = new_engine(replace(settings, delete_flows=True))
    assert finished(engine, engine.submit(jobs["prompt"])).state is State.FAILED
    assert deleted(sandbox) == [0]
