"""One call that makes one file."""

import threading
from pathlib import Path

import generio_flows
import pytest
from generio_flows.api import check_glb
from generio_flows.cli import call
from generio_flows.jobs import polling

from tests.sandbox import Sandbox
from tests.sandbox.generate import from_prompt

from .conftest import Program


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GENERIO_API_KEY", raising=False)
    monkeypatch.setattr(polling, "SHORTEST", 0.05)
    (tmp_path / "in.glb").write_bytes(from_prompt("ball", quality="low", seed=1, texture=False))
    return tmp_path


@pytest.fixture
def where(sandbox: Sandbox) -> dict[str, str]:
    return {"service": sandbox.url, "api_key": sandbox.key}


def test_a_model_is_optimized_once(sandbox: Sandbox, where: dict[str, str], folder: Path):
    told: list[generio_flows.Progress] = []
    for _ in range(2):
        path = generio_flows.run(
            "model_optimize", "in.glb", polygon_count=500, on_progress=told.append, **where
        )
        assert path == folder / "in_optimized.glb"
        assert check_glb(path).triangles <= 500
    states = [progress.state for progress in told]
    assert "Running" in states
    assert [state for state in states if "Done" in state] == ["Done", "Already Done"]
    assert Program(folder, sandbox).runs() == [1]


def test_a_prompt_and_a_picture(where: dict[str, str], folder: Path):
    from PIL import Image

    Image.new("RGB", (16, 16), (200, 30, 30)).save("shoe.png")
    lamp = generio_flows.run("model_generate_fromprompt", "A lamp", quality="low", texture=False, **where)
    shoe = generio_flows.run(
        "model_generate_fromimage", Path("shoe.png"), quality="low", output="out/shoe.glb", **where
    )
    assert (lamp, shoe) == (folder / "a-lamp.glb", folder / "out/shoe.glb")
    check_glb(lamp)
    check_glb(shoe)


def test_cancelled_it_is_stopped_at_the_service(sandbox: Sandbox, where: dict[str, str], folder: Path):
    sandbox.order({"flow": {"outcome": "hang"}, "times": 1})
    cancel = threading.Event()

    def stop(progress: generio_flows.Progress) -> None:
        if progress.state == "Running":
            cancel.set()

    with pytest.raises(generio_flows.RunCancelled):
        generio_flows.run("model_optimize", "in.glb", on_progress=stop, cancel=cancel, **where)
    (flow,) = sandbox.stats()["flows"].values()
    assert flow["state"] == "aborted"
    assert not (folder / "in_optimized.glb").exists()


def test_what_fails_says_why_and_what_to_do(sandbox: Sandbox, where: dict[str, str]):
    sandbox.order({"flow": {"outcome": "fail", "reason": "too dark"}, "times": 1})
    with pytest.raises(generio_flows.RunFailed) as failed:
        generio_flows.run("model_generate_fromprompt", "A lamp", **where)
    assert (failed.value.code, "too dark" in failed.value.message) == ("flow_failed", True)
    assert failed.value.fix


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"source": "none.glb"}, "unreadable_file"),
        ({"api_key": ""}, "missing_key"),
        ({"api_key": "wrong-key"}, "key_refused"),
        ({"service": "http://example.org"}, "unsafe_address"),
    ],
)
def test_what_cannot_be_sent_is_told_and_costs_nothing(
    sandbox: Sandbox, where: dict[str, str], folder: Path, given: dict[str, str], code: str
):
    with pytest.raises(generio_flows.RunFailed) as failed:
        generio_flows.run("model_optimize", **{"source": "in.glb", **where, "patience": 5.0, **given})  # type: ignore[arg-type]
    assert failed.value.code == code
    assert ("GENERIO_API_KEY" in failed.value.fix) is (code == "missing_key")
    assert Program(folder, sandbox).runs() == []


def test_without_news_it_gives_up_and_the_same_call_goes_on(
    sandbox: Sandbox, where: dict[str, str], folder: Path
):
    sandbox.order({"method": "GET", "path": "/flows/*", "action": "drop", "times": -1})
    with pytest.raises(generio_flows.RunFailed):
        generio_flows.run("model_optimize", "in.glb", patience=2.0, **where)
    sandbox.clear_faults()
    check_glb(generio_flows.run("model_optimize", "in.glb", **where))
    assert Program(folder, sandbox).runs() == [1]


@pytest.mark.parametrize(
    ("template", "source", "output", "complaint"),
    [
        ("optimize", "in.glb", None, "template must be one of"),
        ("model_optimize", "in.glb", "./in.glb", "is the source"),
        ("model_optimize", "in.glb", "out.fbx", "must be a .glb file"),
    ],
)
def test_what_is_no_sense_is_a_value_error(template: str, source: str, output: str | None, complaint: str):
    with pytest.raises(ValueError, match=complaint):
        call.run(template, source, output=output)


def test_the_package_has_it_and_nothing_that_it_has_not():
    assert generio_flows.run is call.run
    assert generio_flows.RunCancelled is call.RunCancelled
    with pytest.raises(AttributeError):
        generio_flows.none  # noqa: B018
