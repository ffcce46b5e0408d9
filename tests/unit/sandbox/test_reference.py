"""The `reference` profile against the contract, section by section."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.sandbox import Sandbox, glb
from tests.unit.sandbox.caller import (
    IMAGE,
    OPTIMIZE,
    PROMPT,
    Caller,
    decode,
    encode,
    heavy_model,
    image_files,
    picture,
)

pytestmark = pytest.mark.slow

UNKNOWN = "66bb00000000000000000010"
PNG = encode("image/png", picture())


@contextmanager
def talking_to(speed: float = 0.0, **options: Any) -> Iterator[Caller]:
    with Sandbox(speed=speed, **options) as sandbox, Caller(sandbox.url, sandbox.key) as caller:
        yield caller


def refusal(caller: Caller, method: str, path: str, status: int, **options: Any) -> Any:
    answer = caller.call(method, path, **options)
    assert answer.status_code == status, answer.text
    return answer.json()["detail"]


# 1: authentication


@pytest.mark.parametrize(
    ("header", "status"),
    [(None, 401), ("", 401), ("Bearer wrong", 401), ("Basic demo-key", 401), ("Bearer old-key", 403)],
)
def test_every_call_needs_a_valid_key(reference: Sandbox, header: str | None, status: int) -> None:
    before = reference.stats()["unauthorised"]
    with Caller(reference.url, "") as caller:
        calls = [
            ("GET", "/templates"),
            ("GET", "/flows"),
            ("POST", "/flows"),
            ("GET", f"/flows/{UNKNOWN}/outputs"),
        ]
        for method, path in calls:
            detail = refusal(caller, method, path, status, headers={"Authorization": header}, json={})
            assert isinstance(detail, str)
    assert reference.stats()["unauthorised"] == before + len(calls)


# 4.1


def test_templates_describe_themselves(caller: Caller) -> None:
    templates = {template["template_name"]: template for template in caller.get("/templates")["templates"]}
    assert {PROMPT, IMAGE, OPTIMIZE} < set(templates)
    count = templates[OPTIMIZE]["parameters"]["polygon_count"]
    assert (count["type"], count["default"]) == ("integer", 100_000)
    quality = templates[PROMPT]["parameters"]["quality"]
    assert (quality["type"], quality["default"]) == ("string", "high")
    assert templates[PROMPT]["parameters"]["texture"] == {"type": "boolean", "default": True}
    assert templates[IMAGE]["input_types"] == ["image/png", "image/jpeg", "image/webp", "image/tiff"]
    assert templates[IMAGE]["output_types"] == ["model/gltf-binary"]


# 4.3 and the life of a flow


def test_a_flow_with_inputs_starts_by_itself_and_ends_well(caller: Caller) -> None:
    created = caller.post(
        "/flows",
        template=PROMPT,
        parameters={"quality": "low", "seed": 7},
        inputs=[{"data": "A small brass desk lamp", "additional": {"ref": "lamp"}}],
        additional={"token": "t-1"},
    )
    assert created["state"] == "starting"  # V11
    flow = caller.wait(created["flow_id"])
    assert flow == {
        "flow_id": created["flow_id"],
        "template": PROMPT,
        "state": "completed",
        "progress": 1.0,
        "created_at": flow["created_at"],
        "started_at": flow["started_at"],
        "finished_at": flow["finished_at"],
        "parameters": {"quality": "low", "seed": 7},
        "additional": {"token": "t-1"},
    }
    assert flow["created_at"].endswith("Z")
    assert flow["created_at"] <= flow["started_at"] <= flow["finished_at"]
    (output,) = caller.outputs(flow["flow_id"])
    assert output == {"asset_id": output["asset_id"], "status": "ready", "additional": {"ref": "lamp"}}
    answer = caller.call("GET", f"/flows/{flow['flow_id']}/outputs/{output['asset_id']}")
    assert answer.headers["content-type"] == "application/json"
    assert list(answer.json()) == ["data"]  # V2
    model = decode(answer.json()["data"])
    assert glb.triangle_count(model) < 6_000
    (whole,) = caller.outputs(flow["flow_id"], include_data="true")
    assert decode(whole["data"]) == model


def test_a_flow_is_filled_and_started_by_hand(caller: Caller) -> None:
    flow_id = caller.create(IMAGE, quality="low")
    flow = caller.get(f"/flows/{flow_id}")
    assert (flow["state"], flow["started_at"], flow["finished_at"]) == ("created", None, None)
    added = caller.post(f"/flows/{flow_id}/inputs", data=PNG, additional={"ref": "a"})
    assert added["status"] == "available"
    listed = caller.get(f"/flows/{flow_id}/inputs")
    assert listed["flow_id"] == flow_id
    assert listed["inputs"] == [
        {"asset_id": added["asset_id"], "status": "available", "processed": False, "additional": {"ref": "a"}}
    ]
    assert caller.get(f"/flows/{flow_id}/inputs", include_data="true")["inputs"][0]["data"] == PNG
    assert caller.get(f"/flows/{flow_id}/inputs/{added['asset_id']}")["data"] == PNG
    assert caller.call("PATCH", f"/flows/{flow_id}", json={"action": "start"}).status_code == 200
    assert image_files(caller.result(flow_id)) == [picture()]
    assert caller.get(f"/flows/{flow_id}/inputs")["inputs"][0]["processed"] is True
    assert caller.get(f"/flows/{flow_id}/inputs/{added['asset_id']}")["processed"].endswith("Z")


def test_a_model_is_decimated(caller: Caller) -> None:
    source = heavy_model(edge=40)
    flow_id = caller.create(OPTIMIZE, encode("model/gltf-binary", source), polygon_count=1_000)
    assert glb.triangle_count(source) == 6_400
    assert 950 <= glb.triangle_count(caller.result(flow_id)) <= 1_000


def test_the_same_seed_gives_the_same_file(caller: Caller) -> None:
    results = [
        caller.result(caller.create(PROMPT, "A chair", quality="low", seed=seed))
        for seed in (3, 3, 4, -1, -1)
    ]
    assert results[0] == results[1]
    assert len(set(results)) == 4


def test_several_inputs_give_an_output_each_with_its_additional(caller: Caller) -> None:
    flow_id = caller.create(PROMPT, "a chair", "a table", quality="low")
    caller.wait(flow_id)
    outputs = caller.outputs(flow_id)
    assert [output["additional"] for output in outputs] == [{"ref": "a chair"}, {"ref": "a table"}]


def test_a_template_may_be_named_by_its_id(caller: Caller) -> None:  # V25
    template = caller.get("/templates")["templates"][0]
    flow_id = caller.create(template["template_id"])
    assert caller.get(f"/flows/{flow_id}")["template"] == template["template_name"]


@pytest.mark.parametrize("inputs", [{}, {"inputs": None}])
def test_no_inputs_may_be_absent_or_null(caller: Caller, inputs: dict[str, Any]) -> None:  # V13
    assert caller.post("/flows", template=PROMPT, **inputs)["state"] == "created"


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"template": None}, ["body", "template"]),
        ({"template": "model_dream"}, ["body", "template"]),
        ({"parameters": {"quality": "medium"}}, ["body", "parameters", "quality"]),
        ({"parameters": {"seed": "7"}}, ["body", "parameters", "seed"]),
        ({"parameters": {"seed": 7.5}}, ["body", "parameters", "seed"]),
        ({"parameters": {"texture": 1}}, ["body", "parameters", "texture"]),
        ({"parameters": {"polygon_count": 5}}, ["body", "parameters", "polygon_count"]),
        ({"template": OPTIMIZE, "parameters": {"polygon_count": 0}}, ["body", "parameters", "polygon_count"]),
        ({"parameters": []}, ["body", "parameters"]),
        ({"inputs": []}, ["body", "inputs"]),
        ({"inputs": [{}]}, ["body", "inputs", 0, "data"]),
        ({"inputs": [{"file_data": "x"}]}, ["body", "inputs", 0, "data"]),  # V6
        ({"inputs": [{"data": "  "}]}, ["body", "inputs", 0, "data"]),
        ({"inputs": [{"data": PNG}]}, ["body", "inputs", 0, "data"]),
        ({"template": IMAGE, "inputs": [{"data": "a chair"}]}, ["body", "inputs", 0, "data"]),
        (
            {"template": IMAGE, "inputs": [{"data": PNG.partition(",")[2]}]},
            ["body", "inputs", 0, "data"],
        ),  # V16
        ({"template": IMAGE, "inputs": [{"data": "https://x/y.png"}]}, ["body", "inputs", 0, "data"]),  # V17
        (
            {"template": IMAGE, "inputs": [{"data": "data:image/png;base64,@@"}]},
            ["body", "inputs", 0, "data"],
        ),
        (
            {"template": IMAGE, "inputs": [{"data": "data:image/png,base64;AA"}]},
            ["body", "inputs", 0, "data"],
        ),  # V18
        (
            {"template": IMAGE, "inputs": [{"data": encode("image/bmp", b"BM")}]},
            ["body", "inputs", 0, "data"],
        ),  # V8
        ({"template": OPTIMIZE, "inputs": [{"data": PNG}]}, ["body", "inputs", 0, "data"]),
    ],
)
def test_what_is_not_valid_is_refused(reference: Sandbox, caller: Caller, change: dict, where: list) -> None:
    before = len(reference.stats()["flows"])
    body = {"template": PROMPT, "parameters": {}, "additional": None} | change
    (error,) = refusal(caller, "POST", "/flows", 422, json=body)
    assert error["loc"] == where
    assert error["msg"]
    assert error["type"]
    assert len(str(error)) < 600  # no file is sent back
    assert len(reference.stats()["flows"]) == before


@pytest.mark.parametrize(
    ("body", "kind"), [(b"{", "json_invalid"), (b"[]", "model_type"), (b"", "json_invalid")]
)
def test_a_body_that_is_no_json_object_is_refused(caller: Caller, body: bytes, kind: str) -> None:
    headers = {"Content-Type": "application/json"}
    (error,) = refusal(caller, "POST", "/flows", 422, data=body, headers=headers)
    assert (error["loc"], error["type"]) == (["body"], kind)
    assert refusal(caller, "POST", "/flows", 422, data=b'{"template": "model_optimize"}')[0]["loc"] == [
        "body"
    ]


def test_a_body_over_the_limit_is_refused() -> None:
    with talking_to(body_limit=2_000) as caller:
        flow_id = caller.create(PROMPT)
        detail = refusal(caller, "POST", f"/flows/{flow_id}/inputs", 413, json={"data": "x" * 5_000_000})
        assert isinstance(detail, str)
        caller.post(f"/flows/{flow_id}/inputs", data="a chair")


# 3: what is allowed when


def test_a_flow_that_was_not_started_allows_no_abort_and_no_outputs(caller: Caller) -> None:
    flow_id = caller.create(PROMPT)
    refusal(caller, "PATCH", f"/flows/{flow_id}", 409, json={"action": "abort"})
    refusal(caller, "PATCH", f"/flows/{flow_id}", 409, json={"action": "start"})  # it has no inputs
    refusal(caller, "GET", f"/flows/{flow_id}/outputs", 409)  # V24
    refusal(caller, "GET", f"/flows/{flow_id}/outputs/{UNKNOWN}", 409)
    assert caller.call("DELETE", f"/flows/{flow_id}").status_code == 200
    refusal(caller, "GET", f"/flows/{flow_id}", 404)


def test_a_flow_at_work_allows_only_to_be_read_and_aborted() -> None:
    with Sandbox(speed=0.3) as sandbox, Caller(sandbox.url, sandbox.key) as caller:
        sandbox.order({"flow": {"outcome": "hang"}})
        flow_id = caller.create(PROMPT, "a chair")
        for state in ("starting", "running"):
            caller.wait_for(flow_id, state)
            refusal(caller, "POST", f"/flows/{flow_id}/inputs", 409, json={"data": "a table"})
            refusal(caller, "PATCH", f"/flows/{flow_id}", 409, json={"action": "start"})  # V12
            refusal(caller, "DELETE", f"/flows/{flow_id}", 409)
            refusal(caller, "GET", f"/flows/{flow_id}/outputs", 409)
            caller.get(f"/flows/{flow_id}/inputs")
        aborted = caller.call("PATCH", f"/flows/{flow_id}", json={"action": "abort"})
        assert aborted.json() == {"flow_id": flow_id, "state": "aborting"}
        assert caller.get(f"/flows/{flow_id}")["state"] == "aborting"  # V10
        refusal(caller, "PATCH", f"/flows/{flow_id}", 409, json={"action": "abort"})
        refusal(caller, "DELETE", f"/flows/{flow_id}", 409)
        assert caller.wait(flow_id)["state"] == "aborted"
        assert caller.outputs(flow_id) == []
        assert caller.call("DELETE", f"/flows/{flow_id}").status_code == 200
        counts = sandbox.stats()["flows"][flow_id]
        assert (counts["run"], counts["aborted"], counts["deleted"]) == (1, 1, 1)


def test_a_finished_flow_allows_only_to_be_read_and_deleted(caller: Caller) -> None:
    flow_id = caller.create(PROMPT, "a chair", quality="low")
    caller.wait(flow_id)
    output = caller.outputs(flow_id)[0]["asset_id"]
    refusal(caller, "POST", f"/flows/{flow_id}/inputs", 409, json={"data": "a table"})
    refusal(caller, "PATCH", f"/flows/{flow_id}", 409, json={"action": "abort"})
    refusal(caller, "PATCH", f"/flows/{flow_id}", 409, json={"action": "start"})
    for _ in range(2):  # the same output may be downloaded again
        assert caller.call("GET", f"/flows/{flow_id}/outputs/{output}").status_code == 200
    assert caller.call("DELETE", f"/flows/{flow_id}").status_code == 200
    refusal(caller, "DELETE", f"/flows/{flow_id}", 404)
    refusal(caller, "GET", f"/flows/{flow_id}/outputs/{output}", 404)


def test_only_one_of_many_starts_counts(reference: Sandbox, caller: Caller) -> None:
    flow_id = caller.create(PROMPT, quality="low")
    caller.post(f"/flows/{flow_id}/inputs", data="a chair")
    answers = [
        caller.call("PATCH", f"/flows/{flow_id}", json={"action": "start"}).status_code for _ in range(4)
    ]
    assert answers == [200, 409, 409, 409]
    caller.wait(flow_id)
    assert reference.stats()["flows"][flow_id]["run"] == 1


def test_unknown_things_are_not_found(caller: Caller) -> None:
    flow_id = caller.create(PROMPT)
    for method, path in itertools.product(("GET", "PATCH", "DELETE"), (f"/flows/{UNKNOWN}",)):
        assert refusal(caller, method, path, 404, json={"action": "abort"}) == "Flow not found"
    for path in (
        f"/flows/{UNKNOWN}/inputs",
        f"/flows/{UNKNOWN}/outputs",
        f"/flows/{flow_id}/inputs/{UNKNOWN}",
    ):
        refusal(caller, "GET", path, 404)
    refusal(caller, "POST", f"/flows/{UNKNOWN}/inputs", 404, json={"data": "a chair"})
    refusal(caller, "GET", "/credits", 404)


@pytest.mark.parametrize("body", [{}, {"action": "stop"}, {"action": None}])
def test_an_unknown_action_is_refused(caller: Caller, body: dict[str, Any]) -> None:
    (error,) = refusal(caller, "PATCH", f"/flows/{caller.create(PROMPT)}", 422, json=body)
    assert error["loc"] == ["body", "action"]


@pytest.mark.parametrize(
    ("template", "data", "reason"),
    [
        (IMAGE, encode("image/png", b"not a picture"), "not a readable image"),
        (OPTIMIZE, encode("model/gltf-binary", b"not a model"), "not a GLB"),
        (OPTIMIZE, encode("model/gltf-binary", heavy_model(1)[:-8]), "bytes"),
    ],
)
def test_unusable_content_makes_the_flow_fail(caller: Caller, template: str, data: str, reason: str) -> None:
    flow_id = caller.create(template, data)
    flow = caller.wait(flow_id)
    assert flow["state"] == "failed"
    assert "error" not in flow  # 4.4: the reference knows no such field
    (output,) = caller.outputs(flow_id)
    assert output["status"] == "error"
    assert reason in output["error_message"]  # V4
    refusal(caller, "GET", f"/flows/{flow_id}/outputs/{output['asset_id']}", 404)
    assert caller.get(f"/flows/{flow_id}/inputs")["inputs"][0]["status"] == "error"


def test_one_usable_input_is_enough(caller: Caller) -> None:
    flow_id = caller.create(IMAGE, encode("image/png", b"broken"), PNG, quality="low")
    assert caller.wait(flow_id)["state"] == "completed"
    assert [output["status"] for output in caller.outputs(flow_id)] == ["error", "ready"]


# 4.2


def test_flows_are_listed_filtered_and_sorted() -> None:
    with talking_to() as caller:
        waiting = caller.create(PROMPT)
        done = caller.create(PROMPT, "a chair", quality="low")
        caller.wait(done)
        listed = caller.get("/flows")
        assert list(listed) == ["flows"]  # V21: no word about pages
        assert [flow["flow_id"] for flow in listed["flows"]] == [waiting, done]
        assert [flow["progress"] for flow in listed["flows"]] == [0.0, 100.0]  # V9: a percentage here
        assert listed["flows"][0]["template"]["template_name"] == PROMPT  # V28
        assert listed["flows"][0]["additional"] == {"token": "t"}
        assert [flow["flow_id"] for flow in caller.get("/flows", filter_by="completed")["flows"]] == [done]
        for column in ("state", "status"):  # V19
            assert [flow["flow_id"] for flow in caller.get("/flows", sort_by=column)["flows"]] == [
                done,
                waiting,
            ]
        assert [flow["flow_id"] for flow in caller.get("/flows", sort_by="progress")["flows"]] == [
            waiting,
            done,
        ]
        assert caller.get("/flows", sort_by="finished_at")["flows"][-1]["flow_id"] == done
        for query in ({"filter_by": "starting"}, {"sort_by": "template"}):  # V20
            (error,) = refusal(caller, "GET", "/flows", 422, params=query)
            assert error["loc"] == ["query", *query]


# 4.8, 4.9, 4.12


def test_a_prompt_is_given_back_as_a_data_uri(caller: Caller) -> None:
    flow_id = caller.create(PROMPT)
    for sent in ("Stühle für 漢字", encode("text/plain", "Stühle für 漢字".encode())):
        asset = caller.post(f"/flows/{flow_id}/inputs", data=sent)["asset_id"]
        data = caller.get(f"/flows/{flow_id}/inputs/{asset}")["data"]
        assert data.startswith("data:text/plain")
        assert decode(data).decode() == "Stühle für 漢字"


def test_the_legacy_input_takes_images_of_its_own_list(caller: Caller) -> None:
    flow_id = caller.create(IMAGE, quality="low")
    path = f"/flows/{flow_id}/input"
    caller.post(path, file_data=encode("image/bmp", picture("BMP")), additional={"ref": "old"})
    for file_data in (encode("image/jpeg", picture("JPEG")), "a chair"):
        assert refusal(caller, "POST", path, 422, json={"file_data": file_data})[0]["loc"] == [
            "body",
            "file_data",
        ]
    refusal(caller, "POST", path, 422, json={"data": PNG})
    refusal(caller, "POST", f"/flows/{caller.create(PROMPT)}/input", 422, json={"file_data": PNG})
    caller.call("PATCH", f"/flows/{flow_id}", json={"action": "start"})
    assert caller.result(flow_id).startswith(b"glTF")


# Section 10: any single answer can be turned round


@pytest.mark.parametrize(
    ("variant", "expected"),
    [
        ({"progress": "null"}, {"progress": None}),
        ({"progress": "percent"}, {"progress": 0.0}),
        ({"nothing_additional": "object"}, {"additional": {}}),
        ({"template_form": "template_name"}, {"template_name": PROMPT}),
        ({"template_form": "template_id"}, {"template_id": "66aa00000000000000000001"}),
    ],
)
def test_details_vary(variant: dict[str, Any], expected: dict[str, Any]) -> None:
    with talking_to(variants=variant) as caller:
        flow = caller.get(f"/flows/{caller.post('/flows', template=PROMPT)['flow_id']}")
        assert flow == flow | expected


def test_names_of_ids_and_envelopes_vary() -> None:
    variants = {"flow_key": "id", "list_envelope": None, "nothing_additional": "absent"}
    with talking_to(variants=variants) as caller:
        flow_id = caller.post("/flows", template=PROMPT)["id"]
        (flow,) = caller.get("/flows")
        assert flow["id"] == flow_id
        assert "additional" not in flow


def test_outputs_vary() -> None:
    variants = {"asset_key": "_id", "output_status": "available", "swapped_data_uri": True}
    with talking_to(variants=variants) as caller:
        flow_id = caller.create(PROMPT, "a chair", quality="low")
        caller.wait(flow_id)
        (output,) = caller.outputs(flow_id)
        assert (output["status"], list(output)) == ("available", ["_id", "status", "additional"])
        answer = caller.call("GET", f"/flows/{flow_id}/outputs/{output['_id']}")
        assert answer.json()["data"].startswith("data:model/gltf-binary,base64;Z2xURg")
        assert len(answer.content) == int(answer.headers["content-length"])


def test_an_output_may_be_bare_base64() -> None:
    with talking_to(variants={"download": "base64"}) as caller:
        flow_id = caller.create(PROMPT, "a chair", quality="low")
        caller.wait(flow_id)
        answer = caller.call("GET", f"/flows/{flow_id}/outputs/{caller.outputs(flow_id)[0]['asset_id']}")
        assert answer.text.startswith("Z2xURg")
        assert glb.triangle_count(decode(";base64," + answer.text)) > 0


def test_an_old_service_has_only_the_legacy_input() -> None:
    with talking_to(variants={"plural_inputs": False, "image_types": ("image/png", "image/jpg")}) as caller:
        flow_id = caller.create(IMAGE)
        refusal(caller, "POST", f"/flows/{flow_id}/inputs", 405, json={"data": PNG})
        caller.post(f"/flows/{flow_id}/input", file_data=PNG)
        body = {"template": IMAGE, "inputs": [{"data": encode("image/jpeg", picture("JPEG"))}]}
        (error,) = refusal(caller, "POST", "/flows", 422, json=body)
        assert "Unsupported media type image/jpeg" in error["msg"]  # V7


# The counters


def test_everything_is_counted() -> None:
    with Sandbox(speed=0.0) as sandbox, Caller(sandbox.url, sandbox.key) as caller:
        flow_id = caller.create(PROMPT, quality="low")
        caller.post(f"/flows/{flow_id}/inputs", data="a chair")
        caller.call("PATCH", f"/flows/{flow_id}", json={"action": "start"})
        caller.result(flow_id)
        caller.call("DELETE", f"/flows/{flow_id}")
        with Caller(sandbox.url, "no key needed") as stranger:
            stats = stranger.get("/_sandbox/stats")
        assert stats == sandbox.stats()
        flow = stats["flows"][flow_id]
        assert flow == {
            "template": PROMPT,
            "created": 1,
            "uploaded": 1,
            "started": 1,
            "run": 1,
            "downloaded": 1,
            "aborted": 0,
            "deleted": 1,
            "state": "completed",
            "additional": {"token": "t"},
            "completed_at": flow["completed_at"],
        }
        assert isinstance(flow["completed_at"], float)
        assert stats["run_total"] == 1
        assert stats["requests"]["POST /flows"] == 1
        assert stats["requests"]["POST /flows/{flow_id}/inputs"] == 1
        assert stats["requests"]["GET /flows/{flow_id}/outputs/{asset_id}"] == 1
        assert not any("_sandbox" in request for request in stats["requests"])
        caller.call("POST", "/_sandbox/reset")
        assert sandbox.stats() == {"flows": {}, "requests": {}, "unauthorised": 0, "run_total": 0}


def test_the_counters_can_be_read_when_all_is_over() -> None:
    with Sandbox(speed=0.0) as sandbox, Caller(sandbox.url, sandbox.key) as caller:
        caller.wait(caller.create(PROMPT, "a chair", quality="low"))
    assert sandbox.stats()["run_total"] == 1
