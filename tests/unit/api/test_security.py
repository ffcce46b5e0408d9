"""The key goes to the service and nowhere else; what a server says cannot lead anywhere else either."""

from __future__ import annotations

import copy
import logging
import pickle
import threading
import traceback
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from generio_flows.api import (
    AmbiguousPrompt,
    CertificateError,
    EmptyPrompt,
    File,
    FlowsClient,
    FlowsError,
    GarbledPrompt,
    InputRefused,
    InvalidRequest,
    KeyRefused,
    MalformedKey,
    MissingKey,
    NetworkError,
    Prompt,
    RetryPolicy,
    UnexpectedAnswer,
    UnsupportedFile,
)
from generio_flows.core.urls import redirect_target, same_origin
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.api.scripted import KEY, Answer, RawServer, Server, answer, closed_port

ONCE = RetryPolicy(attempts=1)


@pytest.fixture
def other() -> Iterator[Server]:
    """Another server: another port is another origin."""
    server = Server()
    yield server
    server.close()


# ---- the key itself ----------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["", " ", "\t\r\n", "\u00a0"])
def test_missing_key(key: str) -> None:
    with pytest.raises(MissingKey):
        FlowsClient("https://example.org", key)


@pytest.mark.parametrize(
    "key",
    [
        "a b",
        "a\nb",
        "a\r\nX-Evil: 1",
        "a\0b",
        "a\tb",
        "a\x7fb",
        "a\u00a0b",
        "a\u0085b",
        "schlüssel…",
        "ключ",
        "a\ud800",
    ],
)
def test_malformed_key(key: str) -> None:
    with pytest.raises(MalformedKey) as caught:
        FlowsClient("https://example.org", key)
    assert key not in str(caught.value)


def test_key_is_stripped(server: Server) -> None:
    server.on("GET", "/flows", answer([]))
    with FlowsClient(server.url, f" {KEY}\r\n") as client:
        client.flows()
    assert server.asked[0].headers["Authorization"] == f"Bearer {KEY}"


def test_key_is_not_shown(client: FlowsClient) -> None:
    def walk(value: Any, depth: int = 4) -> Iterator[Any]:
        yield value
        if depth and hasattr(value, "__dict__"):
            for inner in vars(value).values():
                yield from walk(inner, depth - 1)

    for value in walk(client):
        assert KEY not in repr(value)
        assert KEY not in str(value)
    assert repr(client).startswith("FlowsClient('http://127.0.0.1:")


def test_key_is_not_copied(client: FlowsClient) -> None:
    for way in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            way(client._transport._key)


@pytest.mark.parametrize("where", ["env", "home"])
def test_netrc_does_not_replace_the_key(
    server: Server, other: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, where: str
) -> None:
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\ndefault login a password b\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC" if where == "env" else "HOME", str(netrc if where == "env" else tmp_path))
    server.on("GET", "/flows", answer(b"", 302, Location=f"{other.url}/flows"))
    other.on("GET", "/flows", answer([]))
    with FlowsClient(server.url, KEY) as client:
        client.flows()
    assert server.asked[0].headers["Authorization"] == f"Bearer {KEY}"
    assert "Authorization" not in other.asked[0].headers


def everything_about(error: BaseException) -> str:
    """What a log, a crash report or a curious add-on could see of an error, without looking into frames."""
    seen: list[str] = ["".join(traceback.format_exception(error))]
    queue: list[BaseException | None] = [error]
    while queue:
        if (item := queue.pop()) is not None:
            seen += [str(item), repr(item), repr(item.args), repr(vars(item))]
            request = getattr(item, "request", None)
            seen.append(repr(getattr(request, "headers", "")))
            queue += [item.__cause__, item.__context__]
    return "\n".join(seen)


@pytest.mark.parametrize(
    "body",
    [
        {"detail": f"unknown key {KEY}"},
        {"detail": [{"loc": ["header", KEY], "msg": f"Bearer {KEY} is no good"}]},
        {"error": {"message": KEY}},
        {"detail": "x" * 380 + KEY},
        KEY,
        [KEY],
    ],
)
@pytest.mark.parametrize("status", [400, 401, 402, 409, 422, 500])
def test_an_echoed_key_is_masked(server: Server, body: Any, status: int) -> None:
    server.on("GET", "/flows", answer(body, status))
    with FlowsClient(server.url, KEY, policy=ONCE) as client, pytest.raises(FlowsError) as caught:
        client.flows()
    assert KEY not in everything_about(caught.value)
    assert KEY[:16] not in everything_about(caught.value)


def test_an_echoed_key_is_masked_in_answers(server: Server, client: FlowsClient) -> None:
    entry = {"id": "f1", "state": "failed", "error": f"no credit for {KEY}", "additional": {"a": [KEY]}}
    server.on("GET", "/flows", answer([entry]))
    server.on("GET", "/flows/f1/outputs", answer([entry]))
    (flow,), (asset,) = client.flows(), client.outputs("f1")
    assert KEY not in repr(flow) + repr(asset)
    assert flow.reason == "no credit for •••"
    assert flow.additional == {"a": ["•••"]}


def test_no_error_holds_the_key(server: Server, caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    caplog.set_level(logging.DEBUG)
    server.on(
        "GET",
        "/flows",
        answer(b"{" + KEY.encode()),
        answer(b"", 401),
        Answer(cut=-1),
        Answer(200, b"[]  ", cut=2),
    )
    with FlowsClient(server.url, KEY, policy=ONCE) as client:
        for _ in range(4):
            with pytest.raises(FlowsError) as caught:
                client.flows()
            assert KEY not in everything_about(caught.value)
    for url in (f"http://127.0.0.1:{closed_port()}", f"https://127.0.0.1:{closed_port()}"):
        with FlowsClient(url, KEY, policy=ONCE) as client, pytest.raises(NetworkError) as refused:
            client.flows()
        assert KEY not in everything_about(refused.value)
    assert KEY not in caplog.text


@pytest.mark.slow
def test_proxy_credentials_are_not_in_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTPS_PROXY", f"http://somebody:pa55word@127.0.0.1:{closed_port()}")
    with (
        FlowsClient("https://flows.invalid", KEY, policy=ONCE) as client,
        pytest.raises(NetworkError) as caught,
    ):
        client.flows()
    assert not caught.value.sent
    assert "pa55word" not in everything_about(caught.value)


# ---- proxies and certificates ------------------------------------------------------------------------


def test_system_proxy_is_used_and_does_not_see_the_key(
    other: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, other.url)
    with FlowsClient("https://flows.invalid", KEY, policy=ONCE) as client, pytest.raises(NetworkError):
        client.flows()
    assert other.calls() == ["CONNECT flows.invalid:443"]
    assert KEY not in repr(other.asked)


def test_this_computer_needs_no_proxy(server: Server, other: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, other.url)
    server.on("GET", "/flows", answer([]))
    with FlowsClient(server.url, KEY) as client:
        client.flows()
    assert other.asked == []


def test_unknown_certificate(secure: tuple[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    with FlowsClient(secure[0], KEY) as client, pytest.raises(CertificateError) as caught:
        client.flows()
    assert not caught.value.sent
    assert KEY not in everything_about(caught.value)


def test_certificates_of_the_environment(secure: tuple[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(secure[1]))
    with FlowsClient(secure[0], KEY) as client:
        assert client.flows() == []
    with (
        FlowsClient(secure[0].replace("localhost", "127.0.0.1"), KEY) as client,
        pytest.raises(CertificateError),
    ):
        client.flows()


@pytest.mark.parametrize("encrypted", [True, False])
def test_another_thread_ends_a_call_that_stands_still(
    server: Server, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, encrypted: bool
) -> None:
    if encrypted:
        server, certificate = request.getfixturevalue("secure_server")
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    asked, go_on = threading.Event(), threading.Event()

    def stand_still(_asked: object) -> Answer:
        asked.set()
        go_on.wait(60)
        return answer([])

    server.on("GET", "/flows", stand_still)
    with FlowsClient(server.url, KEY, policy=RetryPolicy(attempts=1)) as client:
        client.hang_up()  # there is nothing to end yet
        other = threading.Thread(target=lambda: asked.wait(60) and client.hang_up())
        other.start()
        with pytest.raises(NetworkError):
            client.flows()
        assert not go_on.is_set()
        other.join()
        go_on.set()
        server.on("GET", "/flows", answer([]))
        assert client.flows() == [], "the next call has a connection of its own"


# ---- redirects ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_to_another_host_does_not_carry_the_key(
    server: Server, other: Server, client: FlowsClient, model: bytes, tmp_path: Path, status: int
) -> None:
    server.on(
        "GET", "/flows/f1/outputs/o1", answer(b"moved", status, Location=f"{other.url}/files/1?signature=x")
    )
    other.on("GET", "/files/1?signature=x", answer(model))
    client.download_output("f1", "o1", tmp_path / "result.glb")
    assert (tmp_path / "result.glb").read_bytes() == model
    assert KEY not in repr(other.asked)
    assert "Authorization" not in other.asked[0].headers


@pytest.mark.parametrize("location", ["/elsewhere", "elsewhere", "{url}/elsewhere"])
def test_redirect_within_the_service_carries_the_key(
    server: Server, client: FlowsClient, location: str
) -> None:
    server.on("GET", "/flows", answer(b"", 307, Location=location.format(url=server.url)))
    server.on("GET", "/elsewhere", answer([]))
    assert client.flows() == []
    assert server.asked[1].headers["Authorization"] == f"Bearer {KEY}"


def test_the_key_comes_back_with_the_origin(server: Server, other: Server, client: FlowsClient) -> None:
    server.on("GET", "/flows", answer(b"", 302, Location=f"{other.url}/a"))
    other.on("GET", "/a", answer(b"", 302, Location=f"{server.url}/b"))
    server.on("GET", "/b", answer([]))
    client.flows()
    assert "Authorization" not in other.asked[0].headers
    assert server.asked[1].headers["Authorization"] == f"Bearer {KEY}"


def test_redirects_end(server: Server, client: FlowsClient) -> None:
    server.on("GET", "/flows", answer(b"", 302, Location="/flows"))
    with pytest.raises(UnexpectedAnswer) as caught:
        client.flows()
    assert caught.value.status == 302
    assert len(server.asked) == 6


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_only_reading_follows_redirects(server: Server, client: FlowsClient, status: int) -> None:
    for method, path in (
        ("POST", "/flows"),
        ("POST", "/flows/f1/inputs"),
        ("PATCH", "/flows/f1"),
        ("DELETE", "/flows/f1"),
    ):
        server.on(method, path, answer(b"", status, Location=f"{server.url}/elsewhere"))
    for call in (
        lambda: client.create_flow("t"),
        lambda: client.add_input("f1", Prompt("a lamp")),
        lambda: client.start_flow("f1"),
        lambda: client.delete_flow("f1"),
    ):
        with pytest.raises(UnexpectedAnswer):
            call()
    assert len(server.asked) == 4


REMOTE, LOCAL = "https://flows.generio.ai", "http://127.0.0.1:8377"


@pytest.mark.parametrize(
    ("base", "location", "followed"),
    [
        (REMOTE, "https://cdn.example.org/a", True),
        (REMOTE, "//cdn.example.org/a", True),
        (REMOTE, "/a", True),
        (REMOTE, "http://cdn.example.org/a", False),
        (REMOTE, "http://flows.generio.ai/a", False),
        (REMOTE, "http://127.0.0.1/a", False),
        (REMOTE, "https://127.0.0.1/a", False),
        (REMOTE, "https://localhost/a", False),
        (REMOTE, "https://user:password@cdn.example.org/a", False),
        (REMOTE, "file:///etc/passwd", False),
        (REMOTE, "ftp://cdn.example.org/a", False),
        (REMOTE, "javascript:alert(1)", False),
        (REMOTE, "https://[bad", False),
        (REMOTE, "https://cdn.example.org\\@evil.example/", False),
        (REMOTE, "https://cdn.example.org/a b", False),
        (LOCAL, "http://127.0.0.1:9/a", True),
        (LOCAL, "http://[::1]:9/a", True),
        (LOCAL, "https://cdn.example.org/a", True),
        (LOCAL, "http://cdn.example.org/a", False),
    ],
)
def test_redirect_targets(base: str, location: str, followed: bool) -> None:
    assert (redirect_target(base, f"{base}/flows", location) is not None) == followed


def test_origins() -> None:
    assert same_origin("https://a.org/x", "https://A.org:443/y")
    for other in (
        "http://a.org",
        "https://b.org",
        "https://a.org:444",
        "https://x.a.org",
        "https://a.org.",
        "a.org",
    ):
        assert not same_origin("https://a.org", other)


# ---- what is sent ------------------------------------------------------------------------------------


@given(st.text())
def test_prompts_are_refused_or_bare(text: str) -> None:
    """A prompt that is empty or looks like a file is refused here; nothing else is."""
    from generio_flows.api.client import _check_source

    looks_like_file = text.strip().lower().startswith("data:")
    try:
        _check_source(Prompt(text))
        assert text.strip()
        assert not looks_like_file
    except EmptyPrompt:
        assert not text.strip()
    except AmbiguousPrompt:
        assert looks_like_file
    except GarbledPrompt:
        assert any(unicodedata.category(char) in ("Cc", "Cs") for char in text)


@pytest.mark.parametrize(
    "text", ["", " \n", "data:image/png;base64,AAAA", " DATA:x", "a l\udce4mp", "a\0lamp"]
)
def test_refused_prompts_are_not_sent(server: Server, client: FlowsClient, text: str) -> None:
    for call in (
        lambda: client.create_flow("t", inputs=[Prompt(text)]),
        lambda: client.add_input("f1", Prompt(text)),
    ):
        with pytest.raises(InputRefused):
            call()
    assert server.asked == []


@pytest.mark.parametrize("mime", ["image/png", "model/gltf-binary"])
def test_content_has_to_be_what_it_claims(
    server: Server, client: FlowsClient, tmp_path: Path, mime: str
) -> None:
    path = tmp_path / "secret.png"
    path.write_bytes(b"\xff\xd8\xff\xe0 a JPEG")
    with pytest.raises(UnsupportedFile, match=r"secret\.png"):
        client.add_input("f1", File(path, mime))
    assert server.asked == []


def test_paths_are_not_sent(server: Server, client: FlowsClient, model_file: Path) -> None:
    server.on("POST", "/flows/f1/inputs", answer({}))
    client.add_input("f1", File(model_file, "model/gltf-binary"))
    assert model_file.name.encode() not in server.asked[0].body
    assert model_file.parent.name.encode() not in server.asked[0].body


def test_an_endless_head_of_errors_is_not_read(client: FlowsClient) -> None:
    reply = b"HTTP/1.1 400 Bad\r\nContent-Length: 99999999\r\n\r\n" + b"x" * 1_000_000
    with (
        RawServer(reply) as server,
        FlowsClient(server.url, KEY, policy=ONCE) as client,
        pytest.raises(InvalidRequest),
    ):
        client.flows()


def test_bad_keys_are_told_from_bad_requests(server: Server) -> None:
    for status in (401, 403):
        server.on("GET", "/flows", answer({"detail": "Invalid API key"}, status))
        with FlowsClient(server.url, KEY) as client, pytest.raises(KeyRefused) as caught:
            client.flows()
        assert caught.value.remedy == "enter_key"
        assert caught.value.detail == "Invalid API key"
