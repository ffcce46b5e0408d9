"""Every endpoint of the contract's section 4: what is sent, and what comes back."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from generio_flows.api import GLB_MIME, Asset, File, FlowsClient, Prompt
from generio_flows.api.transport import version

from tests.unit.api.scripted import KEY, Answer, Server, answer

FLOW = {
    "flow_id": "66bb00000000000000000010",
    "template": "model_generate_fromprompt",
    "state": "running",
    "progress": 0.25,
    "created_at": "2026-01-05T09:00:00Z",
    "started_at": "2026-01-05T09:00:02Z",
    "finished_at": None,
    "parameters": {"quality": "low"},
    "additional": {"ref": "x"},
}


def test_every_call_has_key_and_user_agent_and_keeps_the_connection(
    server: Server, client: FlowsClient
) -> None:
    server.on("GET", "/flows", answer({"flows": []}))
    client.flows()
    client.flows()
    for asked in server.asked:
        assert asked.headers["Authorization"] == f"Bearer {KEY}"
        assert asked.headers["User-Agent"] == f"generio-flows-blender/{version()}"
        assert asked.headers["Connection"] == "keep-alive"
        assert "Content-Type" not in asked.headers


def test_templates(server: Server, client: FlowsClient) -> None:
    entry = {
        "template_id": "66aa",
        "template_name": "model_optimize",
        "description": "Lower the polygon count",
        "input_types": [GLB_MIME],
        "output_types": [GLB_MIME],
        "parameters": {"polygon_count": {"type": "integer"}},
    }
    server.on(
        "GET", "/templates", answer({"templates": [entry, {"name": "another"}, {"description": "no name"}]})
    )
    first, second = client.templates()
    assert (first.name, first.template_id, first.input_types) == ("model_optimize", "66aa", (GLB_MIME,))
    assert first.parameters == {"polygon_count": {"type": "integer"}}
    assert second.name == "another"


def test_flows_and_flow(server: Server, client: FlowsClient) -> None:
    server.on("GET", "/flows", answer({"flows": [FLOW, {"state": "created"}]}))
    server.on("GET", f"/flows/{FLOW['flow_id']}", answer(FLOW))
    (listed,) = client.flows()
    flow = client.flow(listed.flow_id)
    assert flow == listed
    assert (flow.state, flow.progress, flow.parameters) == ("running", 0.25, {"quality": "low"})
    assert (flow.created_at, flow.finished_at, flow.additional) == (FLOW["created_at"], None, {"ref": "x"})


def test_create_flow_with_prompt(server: Server, client: FlowsClient) -> None:
    server.on("POST", "/flows", answer({"flow_id": "f1", "state": "starting"}))
    flow = client.create_flow(
        "model_generate_fromprompt",
        {"seed": 7},
        [Prompt("a brass lamp é😀", {"ref": "lamp"})],
        {"token": "t"},
    )
    assert (flow.flow_id, flow.state) == ("f1", "starting")
    assert server.asked[0].headers["Content-Type"] == "application/json"
    assert server.asked[0].json == {
        "template": "model_generate_fromprompt",
        "parameters": {"seed": 7},
        "inputs": [{"data": "a brass lamp é😀", "additional": {"ref": "lamp"}}],
        "additional": {"token": "t"},
    }


def test_start_and_abort(server: Server, client: FlowsClient) -> None:
    server.on("PATCH", "/flows/f1", answer(b""), answer({"state": "aborting"}))
    client.start_flow("f1")
    client.abort_flow("f1")
    assert [asked.json for asked in server.asked] == [{"action": "start"}, {"action": "abort"}]


def test_delete(server: Server, client: FlowsClient) -> None:
    server.on("DELETE", "/flows/f1", Answer(204))
    client.delete_flow("f1")
    assert server.calls() == ["DELETE /flows/f1"]


def test_inputs_and_input(server: Server, client: FlowsClient) -> None:
    entry = {"asset_id": "a1", "status": "available", "processed": None, "additional": {"ref": "x"}}
    server.on("GET", "/flows/f1/inputs", answer({"flow_id": "f1", "inputs": [entry]}))
    server.on("GET", "/flows/f1/inputs/a1", answer({"data": "a prompt", "status": "available"}))
    assert client.inputs("f1") == [Asset("a1", "available", additional={"ref": "x"})]
    assert client.input("f1", "a1") == Asset("a1", "available", data="a prompt")


def test_add_input_sends_the_file_as_data_uri(server: Server, client: FlowsClient, model_file: Path) -> None:
    server.on("POST", "/flows/f1/inputs", answer({"asset_id": "a1"}))
    seen: list[tuple[int, int | None]] = []
    source = File(model_file, GLB_MIME, {"ref": "x"})
    asset = client.add_input("f1", source, progress=lambda done, total: seen.append((done, total)))
    assert asset == Asset("a1")
    (asked,) = server.asked
    assert asked.headers["Content-Length"] == str(len(asked.body))
    assert "Transfer-Encoding" not in asked.headers
    assert asked.json == {
        "data": f"data:{GLB_MIME};base64," + base64.b64encode(model_file.read_bytes()).decode(),
        "additional": {"ref": "x"},
    }
    assert seen[-1] == (len(asked.body), len(asked.body))
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


@pytest.mark.parametrize(
    "said", [b"", b"null", b"[]", b'"ok"', b"{}", b"<html>", b"\xff\xfe{", b'{"asset_id": 1']
)
def test_add_input_does_not_rely_on_the_answer(server: Server, client: FlowsClient, said: bytes) -> None:
    server.on("POST", "/flows/f1/inputs", answer(said))
    assert client.add_input("f1", Prompt("a lamp")) is None
    assert len(server.asked) == 1


def test_outputs_and_download(server: Server, client: FlowsClient, model: bytes, tmp_path: Path) -> None:
    server.on("GET", "/flows/f1/outputs", answer({"outputs": [{"asset_id": "o1", "status": "ready"}]}))
    server.on("GET", "/flows/f1/outputs/o1", answer(model))
    (output,) = client.outputs("f1")
    assert output.usable
    seen: list[tuple[int, int | None]] = []
    path = tmp_path / "result.glb"
    info = client.download_output("f1", "o1", path, progress=lambda done, total: seen.append((done, total)))
    assert path.read_bytes() == model
    assert info.size == len(model)
    assert seen[-1] == (len(model), len(model))
    assert [entry.name for entry in tmp_path.iterdir()] == ["result.glb"]


def test_each_model_comes_over_a_connection_of_its_own(
    server: Server, client: FlowsClient, model: bytes, tmp_path: Path
) -> None:
    data = {"data": "data:model/gltf-binary;base64," + base64.b64encode(model).decode()}
    server.on("GET", "/flows/f1/outputs/raw", answer(model))
    server.on("GET", "/flows/f1/outputs/json", answer(data))
    server.on("GET", "/flows", answer([]))
    for name in ("raw", "json"):
        client.download_output("f1", name, tmp_path / name)
    for _ in range(3):
        client.flows()
    ports = [asked.headers["X-Peer"] for asked in server.asked]
    assert len({*ports[:3]}) == 3, "a model does not say whose it is, so no late answer may get in its place"
    assert len({*ports[2:]}) == 1, "other connections are kept"


@pytest.mark.parametrize("flow_id", ["a/b", "a?b=c", "a#b", "ü 😀", "a%2Fb", "..", ".", "", "\ud800"])
def test_ids_never_change_the_path(server: Server, client: FlowsClient, flow_id: str) -> None:
    server.on("GET", "/flows", answer([]))
    with pytest.raises(Exception, match="no longer knows"):
        client.flow(flow_id)
    (asked,) = server.asked
    assert asked.path.startswith("/flows/")
    assert asked.path.count("/") == 2
    assert not {"?", "#"} & set(asked.path)
