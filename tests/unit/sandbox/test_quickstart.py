"""The `quickstart` profile: the vendor's published steps work, and nothing else is there."""

import pytest

from tests.sandbox import Sandbox, glb
from tests.unit.sandbox.caller import IMAGE, OPTIMIZE, PROMPT, Caller, encode, heavy_model, picture

pytestmark = pytest.mark.slow


@pytest.fixture
def caller(quickstart: Sandbox):
    with Caller(quickstart.url, quickstart.key) as caller:
        yield caller


@pytest.mark.parametrize(
    ("template", "parameters", "data"),
    [
        (PROMPT, {"quality": "low"}, "A modern office chair"),
        (PROMPT, {"quality": "high", "seed": -1, "texture": True}, "A modern wooden chair with armrests"),
        (IMAGE, {"quality": "high", "seed": -1, "texture": True}, encode("image/jpeg", picture("JPEG"))),
        (OPTIMIZE, {"polygon_count": 5_000}, encode("model/gltf-binary", heavy_model(edge=60))),
    ],
)
def test_the_published_steps_give_a_model(caller: Caller, template: str, parameters: dict, data: str) -> None:
    body = {"template": template, "parameters": parameters, "additional": None}
    created = caller.call(
        "POST", "/flows", json=body | {"inputs": [{"data": data, "additional": None}]}
    ).json()
    assert list(created) == ["flow_id"]
    while True:
        status = caller.call("GET", f"/flows/{created['flow_id']}").json()
        assert 0 <= status["progress"] * 100 <= 100
        if status["state"] in ["completed", "failed", "aborted"]:
            break
    assert status == {"flow_id": created["flow_id"], "state": "completed", "progress": 1.0}
    outputs = caller.call("GET", f"/flows/{created['flow_id']}/outputs").json()["outputs"]
    assert [list(output) for output in outputs] == [["id", "processed", "additional"]]
    model = caller.call("GET", f"/flows/{created['flow_id']}/outputs/{outputs[0]['id']}")
    assert model.headers["content-type"] == "model/gltf-binary"
    assert glb.triangle_count(model.content) > 0


def test_progress_has_values_in_between() -> None:
    with Sandbox("quickstart", speed=0.1) as sandbox, Caller(sandbox.url, sandbox.key) as caller:
        flow_id = caller.create(PROMPT, "a chair", quality="low")
        seen = []
        while (flow := caller.get(f"/flows/{flow_id}"))["state"] != "completed":
            seen.append(flow["progress"])
        assert seen == sorted(seen)
        assert len(set(seen)) > 2
        assert max(seen) < 1 == flow["progress"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/flows", 405),
        ("GET", "/templates", 404),
        ("PATCH", "/flows/{}", 405),
        ("DELETE", "/flows/{}", 405),
        ("GET", "/flows/{}/inputs", 404),
        ("POST", "/flows/{}/inputs", 404),
        ("POST", "/flows/{}/input", 404),
    ],
)
def test_it_offers_nothing_that_the_quickstart_does_not_show(
    caller: Caller, method: str, path: str, status: int
) -> None:
    flow_id = caller.create(PROMPT, "a chair", quality="low")
    answer = caller.call(method, path.format(flow_id), json={"data": "a table", "action": "abort"})
    assert answer.status_code == status


@pytest.mark.parametrize("inputs", [{}, {"inputs": None}, {"inputs": []}])
def test_an_empty_flow_is_refused(quickstart: Sandbox, caller: Caller, inputs: dict) -> None:
    before = len(quickstart.stats()["flows"])
    answer = caller.call("POST", "/flows", json={"template": PROMPT, **inputs})
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["body", "inputs"]
    assert len(quickstart.stats()["flows"]) == before


def test_a_failed_flow_says_why(caller: Caller) -> None:
    flow_id = caller.create(OPTIMIZE, encode("model/gltf-binary", b"junk"))
    assert caller.wait(flow_id)["error"] == "not a GLB file"
    assert caller.outputs(flow_id)[0]["error"] == "not a GLB file"


def test_a_key_is_needed_too(quickstart: Sandbox) -> None:
    with Caller(quickstart.url, "wrong") as stranger:
        assert stranger.call("POST", "/flows", json={}).json() == {"detail": "Invalid API key"}
