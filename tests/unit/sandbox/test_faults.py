"""Every fault that can be ordered does what `tests/sandbox/faults.py` says, seen from the wire."""

import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.sandbox import Sandbox, glb
from tests.systems import WINDOWS
from tests.unit.sandbox.caller import PROMPT, Caller, decode

pytestmark = pytest.mark.slow


def raw(sandbox: Sandbox, method: str, path: str, body: bytes = b"", *, sent: bytes | None = None) -> bytes:
    """All that the service says until it closes the connection; OSError when it resets it.

    `sent` is what is really sent of `body`, whose length is announced.
    """
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: sandbox\r\nAuthorization: Bearer {sandbox.key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    port = int(sandbox.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(head.encode() + (body if sent is None else sent))
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
        return answer


@pytest.fixture
def flow_id(caller: Caller) -> str:
    return caller.create(PROMPT)


@pytest.fixture(scope="module")
def done() -> Iterator[tuple[Sandbox, str, bytes]]:
    """Finish a model; its sandbox, the path of its output, and the body of an undisturbed download."""
    with Sandbox(speed=0.0) as sandbox, Caller(sandbox.url, sandbox.key) as caller:
        flow_id = caller.create(PROMPT, "a chair", quality="low", seed=1)
        caller.result(flow_id)
        path = f"/flows/{flow_id}/outputs/{caller.outputs(flow_id)[0]['asset_id']}"
        yield sandbox, path, caller.call("GET", path).content


NEW = json.dumps({"template": PROMPT}).encode()


# Which requests are hit


def test_after_and_times_count_only_what_matches(reference: Sandbox, caller: Caller, flow_id: str) -> None:
    reference.order(
        {"method": "get", "path": "/flows/*", "after": 1, "times": 2, "action": "status", "status": 503}
    )
    seen = []
    for _ in range(5):
        assert caller.call("GET", "/templates").status_code == 200
        assert caller.call("GET", f"/flows/{flow_id}/inputs").status_code == 200
        assert caller.call("PATCH", f"/flows/{flow_id}", json={"action": "abort"}).status_code == 409
        seen.append(caller.call("GET", f"/flows/{flow_id}").status_code)
    assert seen == [200, 503, 503, 200, 200]


def test_minus_one_never_ends_and_the_first_order_wins(reference: Sandbox, caller: Caller) -> None:
    reference.order({"action": "status", "status": 500}, {"action": "status", "status": 429, "times": -1})
    assert [caller.call("GET", "/flows").status_code for _ in range(4)] == [500, 429, 429, 429]
    reference.clear_faults()
    assert caller.call("GET", "/flows").status_code == 200


def test_faults_can_be_ordered_over_http(reference: Sandbox, caller: Caller) -> None:
    caller.call("PUT", "/_sandbox/faults", json=[{"action": "status", "status": 418, "times": -1}])
    assert caller.call("GET", "/flows").status_code == 418
    assert caller.call("PUT", "/_sandbox/faults", json=[]).status_code == 200
    assert caller.call("GET", "/flows").status_code == 200


@pytest.mark.parametrize(
    "order",
    [{}, {"action": "explode"}, {"action": "drop", "tmies": 2}, {"flow": {"outcome": "sing"}}, {"times": -2}],
)
def test_an_order_that_is_not_understood_is_refused(reference: Sandbox, caller: Caller, order: dict) -> None:
    assert caller.call("PUT", "/_sandbox/faults", json=[order]).status_code == 422
    with pytest.raises(ValueError, match=r"."):
        reference.order(order)


# Answers


def test_status(reference: Sandbox, caller: Caller) -> None:
    date = "Wed, 21 Oct 2026 07:28:00 GMT"
    reference.order(
        {"action": "status", "status": 429, "retry_after": 3},
        {"action": "status", "status": 503, "retry_after": date},
        {"action": "status", "status": 502, "body": "<html>Bad gateway</html>"},
        {
            "action": "status",
            "status": 402,
            "body": {"detail": "no credit"},
            "content_type": "application/problem+json",
        },
        {"action": "status"},
    )
    answers = [caller.call("GET", "/flows") for _ in range(5)]
    assert [answer.status_code for answer in answers] == [429, 503, 502, 402, 503]
    assert [answer.headers.get("retry-after") for answer in answers] == ["3", date, None, None, None]
    assert answers[0].json() == {"detail": "Too Many Requests"}
    assert (answers[2].text, answers[2].headers["content-type"]) == ("<html>Bad gateway</html>", "text/html")
    assert (answers[3].json(), answers[3].headers["content-type"]) == (
        {"detail": "no credit"},
        "application/problem+json",
    )


@pytest.mark.parametrize(("when", "created"), [("before", 0), ("after", 1)])
@pytest.mark.parametrize("action", ["status", "garbage", "empty", "redirect", "drop"])
def test_a_lost_answer_may_have_been_processed(action: str, when: str, created: int) -> None:
    with Sandbox(speed=0.0) as sandbox, Caller(sandbox.url, sandbox.key) as caller:
        sandbox.order({"action": action, "when": when})
        try:
            caller.call("POST", "/flows", json={"template": PROMPT})
        except requests.ConnectionError:
            assert action == "drop"
        assert len(sandbox.stats()["flows"]) == created
        assert sandbox.stats()["requests"] == {"POST /flows": 1}


def test_garbage(reference: Sandbox, caller: Caller) -> None:
    reference.order(
        {"action": "garbage"},
        {"action": "garbage", "size": 500},
        {"action": "garbage", "body": "{", "content_type": "application/json"},
        {"action": "garbage", "body": [1, None]},
    )
    page, noise, half, odd = (caller.call("GET", "/flows") for _ in range(4))
    assert {answer.status_code for answer in (page, noise, half, odd)} == {200}
    assert page.text.startswith("<!doctype html>")
    assert len(noise.content) == 500
    assert (half.text, half.headers["content-type"]) == ("{", "application/json")
    assert odd.json() == [1, None]


@pytest.mark.parametrize("status", [200, 204])
def test_empty_has_done_what_was_asked(reference: Sandbox, caller: Caller, flow_id: str, status: int) -> None:
    reference.order({"action": "empty", "status": status})
    answer = caller.call("DELETE", f"/flows/{flow_id}")
    assert (answer.status_code, answer.content) == (status, b"")
    assert caller.call("DELETE", f"/flows/{flow_id}").status_code == 404


def test_redirect(reference: Sandbox, caller: Caller) -> None:
    reference.order({"action": "redirect", "location": "https://elsewhere.example/flows"})
    answer = caller.call("GET", "/flows")
    assert (answer.status_code, answer.headers["location"]) == (307, "https://elsewhere.example/flows")


def test_delay_answers_as_usual(reference: Sandbox, caller: Caller) -> None:
    reference.order({"action": "delay", "seconds": 0.3})
    began = time.monotonic()
    assert caller.call("GET", "/flows").status_code == 200
    assert time.monotonic() - began >= 0.3


# Connections


def test_drop_says_nothing(reference: Sandbox, caller: Caller) -> None:
    reference.order({"action": "drop"})
    assert raw(reference, "GET", "/flows") == b""
    assert caller.call("GET", "/flows").status_code == 200


@pytest.mark.skipif(WINDOWS, reason="the event loop of Windows ends each connection in order")
def test_drop_can_reset(reference: Sandbox) -> None:
    reference.order({"action": "drop", "reset": True})
    with pytest.raises(ConnectionResetError):
        raw(reference, "GET", "/flows")


def test_drop_can_happen_while_the_request_is_sent(reference: Sandbox) -> None:
    before = len(reference.stats()["flows"])
    reference.order({"action": "drop", "at": 10})
    assert raw(reference, "POST", "/flows", NEW, sent=NEW[:12]) == b""
    assert len(reference.stats()["flows"]) == before


@pytest.mark.parametrize("at", [0, 1, 37, 100_000])
def test_cut_announces_all_and_sends_a_part(done: tuple[Sandbox, str, bytes], at: int) -> None:
    sandbox, path, whole = done
    sandbox.order({"path": "/flows/*/outputs/*", "action": "cut", "at": at})
    head, _, body = raw(sandbox, "GET", path).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200")
    assert f"content-length: {len(whole)}".encode() in head.lower()
    assert body == whole[:at]


def test_cut_is_an_error_for_requests(done: tuple[Sandbox, str, bytes]) -> None:
    sandbox, path, whole = done
    sandbox.order({"action": "cut", "at": len(whole) - 1})
    with Caller(sandbox.url, sandbox.key) as caller, pytest.raises(requests.exceptions.ChunkedEncodingError):
        caller.call("GET", path)


@pytest.mark.parametrize("drip", [False, True])
def test_stall_delivers_in_the_end(done: tuple[Sandbox, str, bytes], drip: bool) -> None:
    sandbox, path, whole = done
    sandbox.order({"action": "stall", "at": 20, "seconds": 0.3, "drip": drip})
    with Caller(sandbox.url, sandbox.key) as caller:
        began = time.monotonic()
        with caller.call("GET", path, stream=True) as answer:
            assert answer.raw.read(20) == whole[:20]
            assert answer.raw.read() == whole[20:]
        assert time.monotonic() - began >= 0.3


@pytest.mark.parametrize(
    "order", [{"action": "delay"}, {"action": "stall"}, {"action": "stall", "drip": True}]
)
def test_nobody_waits_for_a_client_that_has_gone(order: dict[str, Any]) -> None:
    with Sandbox(speed=0.0) as sandbox:
        sandbox.order(order | {"seconds": 1000})
        with socket.create_connection(("127.0.0.1", int(sandbox.url.rpartition(":")[2]))) as connection:
            connection.sendall(b"GET /templates HTTP/1.1\r\nHost: sandbox\r\n\r\n")
            while not sandbox.stats()["requests"]:
                pass
        # Leaving ends the service, which would otherwise wait for the answer under way.


def test_a_client_that_hangs_up_in_an_upload_leaves_nothing(reference: Sandbox, capfd) -> None:
    before = len(reference.stats()["flows"])
    port = int(reference.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port)) as connection:
        head = f"POST /flows HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {reference.key}\r\n"
        connection.sendall(f"{head}Content-Type: application/json\r\nContent-Length: 999\r\n\r\n{{".encode())
    assert len(reference.stats()["flows"]) == before
    assert capfd.readouterr() == ("", "")


# Flows


def ordered(sandbox: Sandbox, caller: Caller, outcome: str, **options: Any) -> str:
    sandbox.order({"flow": {"template": "*_fromprompt", "outcome": outcome, **options}})
    return caller.create(PROMPT, "a chair", quality="low")


def test_a_flow_can_fail_with_a_reason(reference: Sandbox, caller: Caller, quickstart: Sandbox) -> None:
    flow_id = ordered(reference, caller, "fail", reason="too odd")
    assert caller.wait(flow_id)["state"] == "failed"
    assert [output["error_message"] for output in caller.outputs(flow_id)] == ["too odd"]
    with Caller(quickstart.url, quickstart.key) as other:
        assert other.wait(ordered(quickstart, other, "fail", reason="too odd"))["error"] == "too odd"
    assert reference.stats()["flows"][flow_id]["run"] == 1


def test_a_flow_can_fail_silently(reference: Sandbox, caller: Caller, quickstart: Sandbox) -> None:
    flow_id = ordered(reference, caller, "fail_silently")
    assert caller.wait(flow_id)["state"] == "failed"
    assert caller.outputs(flow_id) == []
    with Caller(quickstart.url, quickstart.key) as other:
        flow_id = ordered(quickstart, other, "fail_silently")
        assert list(other.wait(flow_id)) == ["flow_id", "state", "progress"]


def test_a_completed_flow_can_hold_an_output_in_error(reference: Sandbox, caller: Caller) -> None:
    flow_id = ordered(reference, caller, "asset_error", reason="no texture")
    assert caller.wait(flow_id)["state"] == "completed"
    (output,) = caller.outputs(flow_id)
    assert (output["status"], output["error_message"]) == ("error", "no texture")


def test_a_flow_can_show_an_unknown_state() -> None:
    with Sandbox(speed=0.1) as sandbox, Caller(sandbox.url, sandbox.key) as caller:
        flow_id = ordered(sandbox, caller, "unknown_state")
        caller.wait_for(flow_id, "postprocessing")
        assert caller.result(flow_id).startswith(b"glTF")


def test_a_result_can_be_no_model(reference: Sandbox, caller: Caller) -> None:
    flow_id = ordered(reference, caller, "not_a_glb")
    assert caller.wait(flow_id)["state"] == "completed"
    path = f"/flows/{flow_id}/outputs/{caller.outputs(flow_id)[0]['asset_id']}"
    assert decode(caller.get(path)["data"]).startswith(b"<!doctype html>")


def test_a_result_can_be_cut_off(reference: Sandbox, caller: Caller) -> None:
    result = caller.result(ordered(reference, caller, "truncated_glb"))
    assert result.startswith(b"glTF")
    with pytest.raises(ValueError, match="bytes"):
        glb.unpack(result)


def test_a_result_can_refer_to_another_file(reference: Sandbox, caller: Caller) -> None:
    document, _ = glb.unpack(caller.result(ordered(reference, caller, "external_uri")))
    assert document["images"][-1] == {"uri": "textures/elsewhere.png"}


def test_a_flow_can_vanish(reference: Sandbox, caller: Caller) -> None:
    flow_id = ordered(reference, caller, "vanish")
    while caller.call("GET", f"/flows/{flow_id}").status_code != 404:
        pass
    counts = reference.stats()["flows"][flow_id]
    assert (counts["run"], counts["deleted"], counts["state"]) == (1, 0, "running")


@pytest.mark.parametrize("conflict", [False, True])
def test_outputs_can_come_late(reference: Sandbox, caller: Caller, conflict: bool) -> None:  # V24
    flow_id = ordered(reference, caller, "slow_outputs", reads=2, conflict=conflict)
    caller.wait(flow_id)
    for _ in range(2):
        answer = caller.call("GET", f"/flows/{flow_id}/outputs")
        assert answer.status_code == (409 if conflict else 200)
        assert answer.json().get("outputs", []) == []
    assert len(caller.outputs(flow_id)) == 1


def test_a_flow_fault_hits_only_its_template_and_only_once(reference: Sandbox, caller: Caller) -> None:
    reference.order(
        {"flow": {"template": "model_optimize", "outcome": "fail"}}, {"flow": {"outcome": "fail"}}
    )
    states = [caller.wait(caller.create(PROMPT, "a chair", quality="low"))["state"] for _ in range(2)]
    assert states == ["failed", "completed"]


def test_a_fault_can_be_meant_for_one_client() -> None:
    with (
        Sandbox(key="key-*") as sandbox,
        Caller(sandbox.url, "key-1") as one,
        Caller(sandbox.url, "key-2") as other,
        Caller(sandbox.url, "another") as stranger,
    ):
        sandbox.order({"key": "key-2", "action": "status", "times": -1})
        callers = (one, other, stranger)
        assert [caller.call("GET", "/templates").status_code for caller in callers] == [200, 503, 401]
