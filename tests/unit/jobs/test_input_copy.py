"""The chosen picture is sent as it was when it was chosen; results get pictures of their own."""

import base64
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import requests
from generio_flows.core.errors import NoChildBlender
from generio_flows.jobs import Job, Settings, State
from generio_flows.jobs.engine import Engine
from generio_flows.jobs.input_copy import copy_input
from generio_flows.jobs.job_folder import JobFolder

from tests.sandbox import Sandbox

from .conftest import LONGEST, copy, finished, wait_until


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
