"""The contract's table of variants, a test for each row: V1 … V29."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from generio_flows.api import (
    GLB_MIME,
    IMAGE_TO_MODEL,
    OPTIMIZE,
    PRODUCTION_URL,
    TEXT_TO_MODEL,
    Asset,
    File,
    Flow,
    FlowsClient,
    FlowState,
    InvalidRequest,
    MethodNotAllowed,
    NotFound,
    Prompt,
    Template,
    UnexpectedAnswer,
    UnreadableFile,
    UnsafeAddress,
    UnsupportedFile,
    WrongState,
)

from tests.unit.api.scripted import KEY, Answer, Server, answer

PICTURES = {
    "image/png": b"\x89PNG\r\n\x1a\n....",
    "image/jpeg": b"\xff\xd8\xff\xe0....",
    "image/webp": b"RIFF\x10\0\0\0WEBPVP8 ",
    "image/tiff": b"II*\x00........",
}
CREATED = answer({"flow_id": "f1", "state": "created"})


@pytest.fixture
def jpeg(tmp_path: Path) -> File:
    path = tmp_path / "picture.jpg"
    path.write_bytes(PICTURES["image/jpeg"])
    return File(path, "image/jpeg")


def test_v01_asset_id_key(server: Server, client: FlowsClient) -> None:
    """V1: `asset_id`, then `id`, then `_id`; items with none are skipped."""
    entries: list[Any] = [
        {"asset_id": "a", "id": "x", "_id": "y"},
        {"id": "b", "_id": "y"},
        {"_id": "c"},
        {"id": 7},
        {"status": "ready"},
        {"id": None},
        {"id": ""},
        "d",
    ]
    server.on("GET", "/flows/f1/outputs", answer({"flow_id": "f1", "outputs": entries}))
    assert [asset.asset_id for asset in client.outputs("f1")] == ["a", "b", "c", "7"]


@pytest.mark.parametrize("flavour", ["reference", "quickstart"])
def test_v02_output_body(
    server: Server, client: FlowsClient, model: bytes, tmp_path: Path, flavour: str
) -> None:
    """V2: JSON with a data URI, or the raw bytes; decided by content, whatever the Content-Type says."""
    uri = "data:model/gltf-binary;base64," + base64.b64encode(model).decode()
    body = model if flavour == "quickstart" else json.dumps({"data": uri}).encode()
    server.on("GET", "/flows/f1/outputs/o1", answer(body, Content_Type="text/plain"))
    client.download_output("f1", "o1", tmp_path / "result.glb")
    assert (tmp_path / "result.glb").read_bytes() == model


@pytest.mark.parametrize(
    ("status", "usable", "pending"),
    [
        ("ready", True, False),
        ("available", True, False),
        (None, True, False),
        ("something new", True, False),
        (17, True, False),
        ("error", False, False),
        ("failed", False, False),
        ("FAILED", False, False),
        ("processing", False, True),
    ],
)
def test_v03_good_asset_status(status: Any, usable: bool, pending: bool) -> None:
    """V3: bad only if `error` or `failed`, pending if `processing`, else worth a download."""
    asset = Asset.parse({"id": "a", "status": status})
    assert (asset.usable, asset.pending) == (usable, pending)


@pytest.mark.parametrize("key", ["error", "error_message", "message", "detail"])
def test_v04_asset_error_text(key: str) -> None:
    """V4: the first present of four keys, as text or as an object that holds one."""
    assert Asset.parse({"id": "a", key: "too dark"}).reason == "too dark"
    assert Asset.parse({"id": "a", key: {"message": "too dark"}}).reason == "too dark"
    assert Asset.parse({"id": "a", "error": None, key: "too dark"}).reason == "too dark"
    assert Asset.parse({"id": "a"}).reason is None


@pytest.mark.parametrize("status", [404, 405])
def test_v05_legacy_input_endpoint(server: Server, client: FlowsClient, jpeg: File, status: int) -> None:
    """V5: `/inputs` with `data` first; `/input` with `file_data` when that is missing and the flow exists."""
    server.on("POST", "/flows/f1/inputs", answer({"detail": "Not Found"}, status))
    server.on("GET", "/flows/f1", CREATED)
    server.on("POST", "/flows/f1/input", answer({"id": "a1"}))
    assert client.add_input("f1", jpeg) == Asset("a1")
    assert server.calls() == ["POST /flows/f1/inputs", "GET /flows/f1", "POST /flows/f1/input"]
    assert set(server.asked[0].json) == {"data", "additional"}
    assert set(server.asked[2].json) == {"file_data", "additional"}


def test_v05_current_endpoint_is_enough(server: Server, client: FlowsClient, jpeg: File) -> None:
    """V5: the legacy endpoint is never called first."""
    server.on("POST", "/flows/f1/inputs", answer({"asset_id": "a1"}))
    client.add_input("f1", jpeg)
    assert server.calls() == ["POST /flows/f1/inputs"]


def test_v05_a_missing_flow_is_no_missing_endpoint(server: Server, client: FlowsClient, jpeg: File) -> None:
    """V5: when the flow itself is unknown, nothing goes to the legacy endpoint."""
    with pytest.raises(NotFound):
        client.add_input("f1", jpeg)
    assert server.calls() == ["POST /flows/f1/inputs", "GET /flows/f1"]


def test_v05_neither_endpoint(server: Server, client: FlowsClient, jpeg: File) -> None:
    """V5: flow there, endpoints not: the caller learns that this service takes inputs only at creation."""
    server.on("GET", "/flows/f1", CREATED)
    with pytest.raises(MethodNotAllowed):
        client.add_input("f1", jpeg)
    with pytest.raises(MethodNotAllowed):
        client.add_input("f1", Prompt("a lamp"))
    assert server.calls("POST") == ["POST /flows/f1/inputs", "POST /flows/f1/input", "POST /flows/f1/inputs"]


def test_v06_input_item_key(server: Server, client: FlowsClient, jpeg: File) -> None:
    """V6: items of `POST /flows` have `data`."""
    server.on("POST", "/flows", CREATED)
    client.create_flow(IMAGE_TO_MODEL, inputs=[jpeg, Prompt("a lamp")])
    for item in server.asked[0].json["inputs"]:
        assert set(item) == {"data", "additional"}


COMPLAINTS = [
    answer({"detail": "Unsupported MIME type"}, 422),
    answer({"detail": [{"loc": ["body", "data"], "msg": "image/jpeg is not accepted", "type": "x"}]}, 422),
    answer({"detail": "wrong media"}, 400),
    answer(b"", 415),
]


@pytest.mark.parametrize("complaint", COMPLAINTS)
@pytest.mark.parametrize("way", ["create", "add"])
def test_v07_jpeg_is_repeated_as_jpg(
    server: Server, client: FlowsClient, jpeg: File, complaint: Answer, way: str
) -> None:
    """V7: `image/jpeg` first; once more as `image/jpg` when a 4xx complains about the type."""
    path = "/flows" if way == "create" else "/flows/f1/inputs"
    server.on("POST", path, complaint, CREATED)
    if way == "create":
        client.create_flow(IMAGE_TO_MODEL, inputs=[jpeg])
        sent = [asked.json["inputs"][0]["data"] for asked in server.asked]
    else:
        client.add_input("f1", jpeg)
        sent = [asked.json["data"] for asked in server.asked]
    payload = base64.b64encode(PICTURES["image/jpeg"]).decode()
    assert sent == [f"data:image/jpeg;base64,{payload}", f"data:image/jpg;base64,{payload}"]


def test_v07_only_once_and_only_for_jpeg(
    server: Server, client: FlowsClient, jpeg: File, model_file: Path
) -> None:
    """V7: a second complaint is final; neither other files nor other complaints are repeated."""
    server.on("POST", "/flows/f1/inputs", answer({"detail": "unsupported type"}, 422))
    with pytest.raises(InvalidRequest):
        client.add_input("f1", jpeg)
    assert len(server.asked) == 2
    with pytest.raises(InvalidRequest):
        client.add_input("f1", File(model_file, GLB_MIME))
    assert len(server.asked) == 3
    server.on("POST", "/flows/f1/inputs", answer({"detail": "seed out of range"}, 422))
    with pytest.raises(InvalidRequest):
        client.add_input("f1", jpeg)
    assert len(server.asked) == 4


def test_v07_jpg_from_the_caller_is_the_same(server: Server, client: FlowsClient, jpeg: File) -> None:
    """V7: whoever says `image/jpg` means JPEG, which is sent as `image/jpeg` first."""
    server.on("POST", "/flows/f1/inputs", answer({}))
    client.add_input("f1", File(jpeg.path, "image/jpg"))
    assert server.asked[0].json["data"].startswith("data:image/jpeg;base64,")


def test_v08_image_types(server: Server, client: FlowsClient, tmp_path: Path) -> None:
    """V8: png, jpeg, webp and tiff are sent; everything else has to be converted first."""
    server.on("POST", "/flows/f1/inputs", answer({}))
    path = tmp_path / "picture"
    for mime, content in PICTURES.items():
        path.write_bytes(content)
        client.add_input("f1", File(path, mime))
        assert server.asked[-1].json["data"].startswith(f"data:{mime};base64,")
    path.write_bytes(b"BM......")
    for mime in ("image/bmp", "image/png", "image/x-exr", "application/pdf", ""):
        with pytest.raises(UnsupportedFile):
            client.add_input("f1", File(path, mime))
    assert len(server.asked) == len(PICTURES)


@pytest.mark.parametrize(
    ("said", "progress"),
    [
        ("0", 0.0),
        ("0.25", 0.25),
        ("1", 1.0),
        ("1.0", 1.0),
        ("25", 0.25),
        ("100", 1.0),
        ("250", 1.0),
        ("-1", 0.0),
        ("null", None),
        ("NaN", None),
        ("Infinity", None),
        ("-Infinity", None),
        ("true", None),
        ('"half"', None),
        ("[]", None),
        ("1" + "0" * 400, None),
    ],
)
def test_v09_progress(server: Server, client: FlowsClient, said: str, progress: float | None) -> None:
    """V9: a fraction; above 1 a percentage; clamped; else indeterminate; never decides completion."""
    server.on(
        "GET", "/flows/f1", answer(b'{"flow_id": "f1", "state": "running", "progress": %s}' % said.encode())
    )
    flow = client.flow("f1")
    assert flow.progress == progress
    assert not flow.state.terminal


def test_v09_progress_is_absent() -> None:
    """V9: absent is indeterminate."""
    assert Flow.parse({"flow_id": "f1", "state": "running"}).progress is None


def test_v10_aborting_and_unknown_states() -> None:
    """V10: `aborting` is known and goes on, and so does any state that nobody has heard of."""
    terminal = {"completed", "failed", "aborted"}
    for name in ("created", "starting", "running", "aborting", *terminal):
        state = Flow.parse({"flow_id": "f1", "state": name}).state
        assert (state, state.known, state.terminal) == (name, True, name in terminal)
    for odd in ("Queued in line", "", None, 3, [], {}):
        state = Flow.parse({"flow_id": "f1", "state": odd}).state
        assert (state.known, state.terminal) == (False, False)
    assert Flow.parse({"flow_id": "f1", "state": "Queued"}).state == "queued"
    assert Flow.parse({"flow_id": "f1", "state": " COMPLETED"}).state is FlowState.COMPLETED


@pytest.mark.parametrize("state", ["created", "starting", "running", "completed", "queued", None])
def test_v11_state_after_create_with_inputs(server: Server, client: FlowsClient, state: str | None) -> None:
    """V11: any state is fine, and so is none."""
    server.on("POST", "/flows", answer({"flow_id": "f1"} | ({"state": state} if state else {})))
    assert client.create_flow(TEXT_TO_MODEL, inputs=[Prompt("a lamp")]).state == (state or "unknown")


def test_v12_no_start_after_create_with_inputs(server: Server, client: FlowsClient) -> None:
    """V12: a flow made with inputs starts by itself; starting it is a call of its own, never implied."""
    server.on("POST", "/flows", answer({"flow_id": "f1", "state": "created"}))
    client.create_flow(TEXT_TO_MODEL, inputs=[Prompt("a lamp")])
    assert server.calls() == ["POST /flows"]


@pytest.mark.parametrize("inputs", [None, [], ()])
def test_v13_inputs_when_none(server: Server, client: FlowsClient, inputs: Any) -> None:
    """V13: left out, never []."""
    server.on("POST", "/flows", CREATED)
    client.create_flow(OPTIMIZE, inputs=inputs)
    assert "inputs" not in server.asked[0].json


def test_v14_additional_when_none(server: Server, client: FlowsClient) -> None:
    """V14: an object or null is sent; null, {} and absent are equal when read."""
    server.on("POST", "/flows", CREATED)
    client.create_flow(TEXT_TO_MODEL, inputs=[Prompt("a lamp")])
    assert server.asked[0].json["additional"] is None
    assert server.asked[0].json["inputs"][0]["additional"] is None
    for parse in (Flow.parse, Asset.parse):
        assert (
            parse({"id": "a", "additional": {}})
            == parse({"id": "a", "additional": None})
            == parse({"id": "a"})
        )
        assert parse({"id": "a", "additional": {"ref": 1}}).additional == {"ref": 1}


@pytest.mark.parametrize("text", ["a lamp", " a lamp\n", "Zürich “lamp” 😀", "https://example.org/lamp.png"])
def test_v15_prompt_is_bare_text(server: Server, client: FlowsClient, text: str) -> None:
    """V15: neither prefix nor base64."""
    server.on("POST", "/flows/f1/inputs", answer({}))
    client.add_input("f1", Prompt(text))
    assert server.asked[0].json["data"] == text


@pytest.mark.parametrize("quoted", [True, False])
def test_v16_bare_base64(
    server: Server, client: FlowsClient, model_file: Path, model: bytes, tmp_path: Path, quoted: bool
) -> None:
    """V16: data URIs are sent, bare base64 is accepted."""
    server.on("POST", "/flows/f1/inputs", answer({}))
    client.add_input("f1", File(model_file, GLB_MIME))
    assert server.asked[0].json["data"].startswith("data:model/gltf-binary;base64,")
    bare = base64.b64encode(model)
    server.on("GET", "/flows/f1/outputs/o1", answer(b'"%s"' % bare if quoted else bare))
    client.download_output("f1", "o1", tmp_path / "result.glb")
    assert (tmp_path / "result.glb").read_bytes() == model


def test_v17_a_url_is_never_sent_as_model(server: Server, client: FlowsClient) -> None:
    """V17: a file is always read from disk, so an address in its place is a file that is missing."""
    with pytest.raises(UnreadableFile):
        client.add_input("f1", File(Path("https://example.org/model.glb"), GLB_MIME))
    assert server.asked == []


def test_v18_data_uri_punctuation(
    server: Server, client: FlowsClient, model_file: Path, model: bytes, tmp_path: Path
) -> None:
    """V18: the standard form is sent; swapped separators are understood."""
    server.on("POST", "/flows/f1/inputs", answer({}))
    client.add_input("f1", File(model_file, GLB_MIME))
    assert server.asked[0].json["data"].startswith("data:model/gltf-binary;base64,Z2xURg")
    swapped = "data:model/gltf-binary,base64;" + base64.b64encode(model).decode()
    server.on("GET", "/flows/f1/outputs/o1", answer({"data": swapped}))
    client.download_output("f1", "o1", tmp_path / "result.glb")
    assert (tmp_path / "result.glb").read_bytes() == model


def test_v19_v20_no_sorting_and_filtering_by_the_service(server: Server, client: FlowsClient) -> None:
    """V19, V20: neither `sort_by` nor `filter_by` is sent; the order of the answer is kept."""
    flows = [{"flow_id": name, "state": "starting"} for name in "cab"]
    server.on("GET", "/flows", answer({"flows": flows}))
    assert [flow.flow_id for flow in client.flows()] == ["c", "a", "b"]
    assert server.calls() == ["GET /flows"]


@pytest.mark.parametrize("envelope", ["flows", "items", "data", None])
def test_v21_pagination(server: Server, client: FlowsClient, envelope: str | None) -> None:
    """V21: fields of paging do not disturb, in whichever envelope the list comes."""
    flows = [{"flow_id": "f1"}]
    paging = {"next": "/flows?page=2", "total": 12, "page": 1, "limit": 1, "has_more": True}
    server.on("GET", "/flows", answer(paging | {envelope: flows} if envelope else flows))
    assert [flow.flow_id for flow in client.flows()] == ["f1"]


def test_v21_no_list_at_all(server: Server, client: FlowsClient) -> None:
    """V21: tolerance ends where there is no list."""
    for body in ({}, {"flows": {}}, "flows", 1, None):
        server.on("GET", "/flows", answer(body))
        with pytest.raises(UnexpectedAnswer):
            client.flows()


@pytest.mark.parametrize("value", ["2026-01-05T09:02:10Z", True, False, None])
def test_v22_processed_is_opaque(value: Any) -> None:
    """V22: a timestamp or a flag; kept for display, never for a decision."""
    asset = Asset.parse({"id": "a", "processed": value})
    assert asset.processed == value
    assert asset.usable
    assert Asset.parse({"id": "a"}).processed is None
    assert Asset.parse({"id": "a", "processed": {"at": 1}}).processed is None


def test_v23_host() -> None:
    """V23: any https host, production by default; plain http only to this computer."""
    assert PRODUCTION_URL == "https://flows.generio.ai"
    fine = [
        PRODUCTION_URL,
        "https://test-flows.generio.ai/",
        " https://example.org:8443/prefix/ ",
        "http://127.0.0.1:8377",
        "http://127.1.2.3",
        "http://localhost:1/",
        "http://[::1]:8377",
        "HTTPS://Example.org",
    ]
    for url in fine:
        with FlowsClient(url, KEY):
            pass
    unsafe = [
        "http://flows.generio.ai",
        "http://127.0.0.1.example.org",
        "http://localhost.example.org",
        "http://2130706433",
        "http://0.0.0.0",
        "http://[::2]",
        "ftp://127.0.0.1",
        "file:///etc/passwd",
        "flows.generio.ai",
        "//flows.generio.ai",
        "https://",
        "https:///flows",
        "https://user@example.org",
        "https://user:password@example.org",
        "https://:@example.org",
        "https://example.org?a=b",
        "https://example.org/#x",
        "https://example.org:port",
        "https://example.org:99999",
        "https://exa mple.org",
        "https://example.org\\@evil.example",
        "https://example.org\r\nX: y",
        "https://" + "a" * 70 + ".org",
        "https://[::1",
        "",
    ]
    for url in unsafe:
        with pytest.raises(UnsafeAddress):
            FlowsClient(url, KEY)


def test_v23_prefix_is_kept(server: Server, model: bytes) -> None:
    """V23: a base URL may have a path, with or without a slash at its end."""
    server.on("GET", "/prefix/flows", answer([]))
    for slash in ("", "/", "//"):
        with FlowsClient(f"{server.url}/prefix{slash}", KEY) as client:
            assert client.flows() == []


@pytest.mark.parametrize(
    "not_yet",
    [answer({"outputs": []}), answer({"detail": "not yet"}, 409), answer({"detail": "not yet"}, 400)],
)
def test_v24_outputs_of_a_just_finished_flow(
    server: Server, client: FlowsClient, waits: list[float], not_yet: Answer
) -> None:
    """V24: "not yet" or an empty list is asked again a few times."""
    there = answer({"outputs": [{"id": "o1"}]})
    server.on("GET", "/flows/f1/outputs", not_yet, not_yet, there)
    assert [asset.asset_id for asset in client.outputs("f1")] == ["o1"]
    assert len(waits) == 2


def test_v24_outputs_that_never_come(server: Server, client: FlowsClient, waits: list[float]) -> None:
    """V24: a few times, not for ever; and not at all when the caller says so."""
    server.on("GET", "/flows/f1/outputs", answer({"outputs": []}))
    assert client.outputs("f1") == []
    assert len(server.asked) == 4
    assert client.outputs("f1", expect_outputs=False) == []
    assert len(server.asked) == 5
    server.on("GET", "/flows/f1/outputs", answer({"detail": "not yet"}, 409))
    for expected in (True, False):
        with pytest.raises(WrongState):
            client.outputs("f1", expect_outputs=expected)
    assert len(server.asked) == 10


def test_v25_template_is_sent_by_name(server: Server, client: FlowsClient) -> None:
    """V25: names are sent; a template that has only an id goes by that."""
    server.on("POST", "/flows", CREATED)
    client.create_flow(Template.parse({"template_id": "66aa", "template_name": "model_optimize"}).name)
    client.create_flow(Template.parse({"_id": "66aa"}).name)
    assert [asked.json["template"] for asked in server.asked] == ["model_optimize", "66aa"]


def test_v26_posts_and_patches_have_bodies(server: Server, client: FlowsClient) -> None:
    """V26: unlike the reference's samples."""
    server.on("POST", "/flows", CREATED)
    server.on("POST", "/flows/f1/inputs", answer({}))
    server.on("PATCH", "/flows/f1", answer({}))
    client.create_flow(TEXT_TO_MODEL)
    client.add_input("f1", Prompt("a lamp"))
    client.start_flow("f1")
    client.abort_flow("f1")
    for asked in server.asked:
        assert asked.headers["Content-Type"] == "application/json"
        assert isinstance(asked.json, dict)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 226])
def test_v27_any_2xx_is_success(server: Server, client: FlowsClient, status: int) -> None:
    """V27: whatever the number, and with an empty body where nothing is needed from it."""
    server.on("POST", "/flows", answer({"flow_id": "f1"}, status if status != 204 else 200))
    server.on("POST", "/flows/f1/inputs", Answer(status))
    server.on("PATCH", "/flows/f1", Answer(status))
    server.on("DELETE", "/flows/f1", Answer(status))
    client.create_flow(TEXT_TO_MODEL)
    client.add_input("f1", Prompt("a lamp"))
    client.start_flow("f1")
    client.abort_flow("f1")
    client.delete_flow("f1")
    assert len(server.asked) == 5


@pytest.mark.parametrize(
    "fields",
    [
        {"template": "t"},
        {"template": {"name": "t"}},
        {"template": {"template_name": "t", "template_id": "x"}},
        {"template": {"id": "t"}},
        {"template_name": "t", "template_id": "x"},
        {"template_id": "t"},
    ],
)
def test_v28_template_of_a_flow(fields: dict[str, Any]) -> None:
    """V28: a string, an object with a name, `template_name` or `template_id`."""
    assert Flow.parse({"flow_id": "f1", **fields}).template == "t"


def test_v28_no_template() -> None:
    """V28: nothing depends on it."""
    for odd in (None, [], {}, 1.5, ""):
        assert Flow.parse({"flow_id": "f1", "template": odd}).template is None


def test_v29_flow_id_key() -> None:
    """V29: `flow_id`, then `id`; without one it is no flow."""
    assert Flow.parse({"flow_id": "a", "id": "b"}).flow_id == "a"
    assert Flow.parse({"id": "b"}).flow_id == "b"
    for odd in (
        {},
        {"flow_id": None},
        {"flow_id": ["a"]},
        {"id": True},
        {"id": "a\nb"},
        {"id": "a" * 500},
        [],
        "f1",
        None,
    ):
        with pytest.raises(UnexpectedAnswer):
            Flow.parse(odd)
