"""Templates that this version does not know make models as others do, or files of whatever kind."""

import base64
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from generio_flows.api import GLB_MIME
from generio_flows.jobs import Job, Request, Settings
from generio_flows.jobs.engine import Engine
from generio_flows.jobs.model import State

from tests.sandbox import Sandbox
from tests.sandbox.optimizer import Optimizer

from .conftest import finished

OUTPUT = {"method": "GET", "path": "/flows/*/outputs/*", "action": "garbage"}


def pictured(sandbox: Sandbox) -> Job:
    request = Request(
        service=sandbox.url,
        template="image_generate_fromprompt",
        name="square",
        prompt="a blue square",
        parameters={"width": 64},
    )
    return Job(request)


@pytest.mark.parametrize("download", ["json", "raw"])
def test_a_picture_is_kept_however_it_is_wrapped(
    new_engine: Callable[..., Engine],
    settings: Settings,
    impatient: None,
    optimizer: Optimizer,
    download: str,
):
    with Sandbox(speed=0.01, optimizer=optimizer, variants={"download": download}) as sandbox:
        engine = new_engine(replace(settings, base_url=sandbox.url))
        ended = finished(engine, engine.submit(pictured(sandbox)))
        (path,) = map(Path, ended.placement.files)
        assert path.suffix == ".png"
        assert path.read_bytes().startswith(b"\x89PNG")
        assert path.parent == engine.folder(ended.token)
        assert (ended.state, ended.has_only_files) == (State.READY, True)
        assert ended.status.problem is not None
        assert ended.status.problem.remedy == "show_folder"
        assert [flow["run"] for flow in sandbox.stats()["flows"].values()] == [1]
        assert Job.from_json(ended.to_json()) == ended


def test_a_model_of_such_a_template_is_a_result(engine: Engine, sandbox: Sandbox, jobs: dict[str, Job]):
    request = Request(
        service=sandbox.url,
        template="model_retexture",
        name="model",
        input_path=jobs["optimize"].request.input_path,
        input_mime=GLB_MIME,
        parameters={"style": "brick"},
    )
    ended = finished(engine, engine.submit(Job(request)))
    (result,) = ended.placement.results
    assert Path(result.glb).name.startswith("result-")
    assert (ended.placement.files, ended.status.problem) == ((), None)


@pytest.mark.parametrize(
    ("body", "suffix", "content"),
    [
        ("data:text/csv;base64," + base64.b64encode(b"a,b").decode(), ".csv", b"a,b"),
        ({"data": "data:text/plain;base64," + base64.b64encode(b"hello").decode()}, ".txt", b"hello"),
        ({"faces": 12}, ".json", b'"faces"'),
        ("v 0 0 0", ".bin", b"v 0 0 0"),
        ({"data": "data:application/x-msdownload;base64,TVo="}, ".bin", b"MZ"),
    ],
)
def test_what_comes_is_named_by_what_it_is(
    engine: Engine, sandbox: Sandbox, body: object, suffix: str, content: bytes
):
    sandbox.order({**OUTPUT, "body": body, "times": 1})
    ended = finished(engine, engine.submit(pictured(sandbox)))
    (path,) = map(Path, ended.placement.files)
    assert path.suffix == suffix
    assert content in path.read_bytes()
    left = [other.name for other in path.parent.iterdir() if other.name.endswith(".part")]
    assert left == []


def test_a_login_page_is_waited_out(engine: Engine, sandbox: Sandbox):
    sandbox.order({**OUTPUT, "times": 2})
    ended = finished(engine, engine.submit(pictured(sandbox)))
    assert [Path(path).suffix for path in ended.placement.files] == [".png"]
