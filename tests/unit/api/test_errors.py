"""The tree of errors, and which failure of a call becomes which error."""

from __future__ import annotations

import inspect
import re
import socket
from pathlib import Path
from typing import get_args

import pytest
import requests
from generio_flows.api import transport
from generio_flows.api.client import FlowsClient
from generio_flows.api.models import Prompt
from generio_flows.api.retry import RetryPolicy
from generio_flows.core import call_errors, disk_errors, errors
from generio_flows.core.call_errors import (
    CallFailed,
    CertificateError,
    FlowFailed,
    InvalidRequest,
    KeyRefused,
    MethodNotAllowed,
    NetworkError,
    NotFound,
    PaymentRequired,
    RateLimited,
    ServiceDown,
    TooLarge,
    UnexpectedAnswer,
    WrongState,
)
from generio_flows.core.errors import FlowsError, NotAGlb, ResultTooLarge, UnsafeAddress, WebPage
from generio_flows.core.messages import Message

from tests.unit.api.scripted import KEY, Answer, RawServer, Server, answer, closed_port

MEMBERS = [inspect.getmembers(each, inspect.isclass) for each in (errors, call_errors, disk_errors)]
CLASSES = sorted(
    {kind for members in MEMBERS for _, kind in members if issubclass(kind, FlowsError)},
    key=lambda kind: kind.__name__,
)
REMEDIES = {*get_args(errors.Remedy)}
ONCE = RetryPolicy(attempts=1)


def test_the_docstring_is_the_tree() -> None:
    """Names and parents as drawn are those of the classes."""
    parents: list[str] = []
    drawn: dict[str, str] = {}
    for line in (errors.__doc__ or "").splitlines():
        if match := re.match(r"([│ ├└─]*)([A-Z]\w+)(?:\s{2,}|$)", line):
            depth = len(match[1]) // 4
            del parents[depth:]
            drawn[match[2]] = parents[-1] if parents else "Exception"
            parents.append(match[2])
    assert drawn == {kind.__name__: kind.__mro__[1].__name__ for kind in CLASSES}


@pytest.mark.parametrize("kind", CLASSES)
def test_every_error_speaks_to_people(kind: type[FlowsError]) -> None:
    error = kind()
    for text in (error.message, error.fix):
        assert text[0].isupper()
        assert text.endswith((".", "!"))
        assert not re.search(r"HTTP|JSON|4\d\d|5\d\d|None|\bNaN\b", text)
    assert str(error) == f"{error.message} {error.fix}"
    assert error.remedy in REMEDIES
    assert error.code == error.code.lower()


@pytest.mark.parametrize(
    ("kind", "remedy"), [(ResultTooLarge, "edit_input"), (WebPage, "check_address"), (NotAGlb, "retry")]
)
def test_the_remedy_does_what_the_fix_says(kind: type[FlowsError], remedy: str) -> None:
    assert kind().remedy == remedy
    assert kind(remedy="report").remedy == "report", "a place that knows better gives its own"


def test_a_message_with_the_words_of_others_ends_before_the_fix() -> None:
    assert str(FlowsError(Message("It broke: boom"), Message("Mend it."))) == "It broke: boom. Mend it."
    assert FlowsError(Message("It broke: boom!")).message == "It broke: boom!"


def test_codes_are_slugs_of_the_names() -> None:
    codes = {kind.__name__: kind.code for kind in CLASSES}
    assert codes["NotAGlb"] == "not_a_glb"
    assert codes["UnsafeAddress"] == "unsafe_address"
    assert codes["FlowsError"] == "flows_error"
    assert len(set(codes.values())) == len(codes)


def test_flow_failed_has_the_reason_or_says_that_there_is_none() -> None:
    assert FlowFailed("too dark").message == "The service could not make the model: too dark."
    assert "no reason" in FlowFailed(None).message
    assert "no reason" in FlowFailed("").message
    assert FlowFailed(None).reason == ""


STATUSES = {
    400: InvalidRequest,
    401: KeyRefused,
    402: PaymentRequired,
    403: KeyRefused,
    404: NotFound,
    405: MethodNotAllowed,
    408: ServiceDown,
    409: WrongState,
    410: InvalidRequest,
    413: TooLarge,
    415: InvalidRequest,
    418: InvalidRequest,
    422: InvalidRequest,
    429: RateLimited,
    500: ServiceDown,
    501: ServiceDown,
    502: ServiceDown,
    503: ServiceDown,
    504: ServiceDown,
    599: ServiceDown,
    300: UnexpectedAnswer,
    304: UnexpectedAnswer,
    600: ServiceDown,
}


@pytest.mark.parametrize("status", [400, 401, 402, 403, 409, 413, 422, 429, 503])
def test_the_own_words_of_the_service_are_kept(server: Server, status: int) -> None:
    server.on("GET", "/flows", answer({"detail": "Only on weekdays"}, status))
    with FlowsClient(server.url, KEY, policy=ONCE) as client, pytest.raises(CallFailed) as caught:
        client.flows()
    assert "The service says: Only on weekdays" in caught.value.message


def test_a_key_that_may_not_do_this_is_not_called_rejected(server: Server) -> None:
    server.on("GET", "/flows", answer({"detail": "Not in your plan"}, 403))
    with FlowsClient(server.url, KEY, policy=ONCE) as client, pytest.raises(KeyRefused) as caught:
        client.flows()
    assert "does not allow this with your API key (403)" in caught.value.message
    assert "expired" not in caught.value.fix


@pytest.mark.parametrize(("status", "kind"), STATUSES.items())
def test_statuses(server: Server, status: int, kind: type[CallFailed]) -> None:
    server.on("GET", "/flows", answer(b"" if status in (304,) else {"detail": "no"}, status))
    with FlowsClient(server.url, KEY, policy=ONCE) as client, pytest.raises(kind) as caught:
        client.flows()
    assert type(caught.value) is kind
    assert caught.value.status == status
    assert caught.value.sent
    assert caught.value.transient == (kind in (ServiceDown, RateLimited))
    assert str(status) in caught.value.message


DETAILS = [
    ({"detail": "Flow not found"}, "Flow not found"),
    (
        {"detail": [{"loc": ["body", "template"], "msg": "field required", "type": "missing"}]},
        "template: field required",
    ),
    (
        {
            "detail": [
                {"loc": ["body", "inputs", 0, "data"], "msg": "a"},
                {"loc": [], "msg": "b"},
                {"msg": "c"},
            ]
        },
        "inputs.0.data: a; b; c",
    ),
    ({"error": {"message": "too big"}}, "too big"),
    ({"message": "line\none\x00\u202e"}, "line one"),
    (["a", "b"], "a; b"),
    ("plain", "plain"),
    ({"detail": None}, ""),
    ({"detail": {}}, ""),
    ({"detail": [[], {}, None, True]}, ""),
    ({"detail": {"loc": 3, "msg": 4}}, "3: 4"),
    ([], ""),
    (None, ""),
]


@pytest.mark.parametrize(("body", "detail"), DETAILS)
def test_detail(server: Server, client: FlowsClient, body: object, detail: str) -> None:
    server.on("GET", "/flows", answer(body, 422))
    with pytest.raises(InvalidRequest) as caught:
        client.flows()
    assert caught.value.detail == detail
    assert detail in caught.value.message


def test_detail_is_bounded(server: Server, client: FlowsClient) -> None:
    server.on("GET", "/flows", answer({"detail": "x" * 50_000}, 400))
    with pytest.raises(InvalidRequest) as caught:
        client.flows()
    assert 100 < len(caught.value.detail) <= 400
    server.on("GET", "/flows", answer({"detail": "x" * 500_000}, 400))
    with pytest.raises(InvalidRequest) as caught:
        client.flows()
    assert caught.value.detail == ""


def test_retry_after(server: Server) -> None:
    server.on("GET", "/flows", answer(None, 429, Retry_After="17"))
    with FlowsClient(server.url, KEY, policy=ONCE) as client, pytest.raises(RateLimited) as caught:
        client.flows()
    assert caught.value.retry_after == 17.0


# ---- no answer at all --------------------------------------------------------------------------------


def failure(url: str) -> FlowsError:
    with FlowsClient(url, KEY, policy=ONCE, timeout=(5, 5)) as client, pytest.raises(FlowsError) as caught:
        client.create_flow("t", inputs=[Prompt("a lamp")])
    return caught.value


@pytest.mark.slow
def test_connection_refused_was_surely_not_sent() -> None:
    error = failure(f"http://127.0.0.1:{closed_port()}")
    assert type(error) is NetworkError
    assert not error.sent
    assert error.transient
    assert error.status is None


def test_unknown_host_was_surely_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    error = failure("https://does-not-exist.invalid")
    assert type(error) is NetworkError
    assert not error.sent
    assert "not found" in error.message


@pytest.mark.slow
def test_a_lost_answer_may_have_been_sent() -> None:
    with RawServer(b"") as server:
        error = failure(server.url)
    assert type(error) is NetworkError
    assert error.sent


@pytest.mark.slow
def test_an_outer_exception_does_not_count_as_cause() -> None:
    """Whoever is just handling a refused connection must not make a lost answer look unsent."""
    try:
        requests.get(f"http://127.0.0.1:{closed_port()}", timeout=5)
    except requests.ConnectionError:
        with RawServer(b"") as server:
            error = failure(server.url)
    assert isinstance(error, NetworkError)
    assert error.sent


@pytest.mark.slow
def test_slow_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # accepts in the kernel, and never says a word
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with (
            FlowsClient(url, KEY, policy=ONCE, timeout=(5, 0.05)) as client,
            pytest.raises(NetworkError) as caught,
        ):
            client.flows()
    assert caught.value.sent
    assert "too long" in caught.value.message


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*unclosed.*socket")  # urllib3 before 2 leaves it to the collector
@pytest.mark.filterwarnings("ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "does not exist"), ("", "damaged"), ("rubbish", "damaged")],
)
def test_a_certificate_bundle_that_cannot_be_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str, content: str | None, said: str
) -> None:
    bundle = tmp_path / "bundle.pem"
    if content is not None:
        bundle.write_text(content)
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    monkeypatch.setenv(variable, str(bundle))
    with socket.create_server(("127.0.0.1", 0)) as anybody:
        error = failure(f"https://127.0.0.1:{anybody.getsockname()[1]}")
    assert type(error) is CertificateError
    assert not error.transient
    assert not error.sent
    assert variable in error.message
    assert said in error.message
    assert variable in error.fix


def test_broken_proxy_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    error = failure("https://does-not-exist.invalid")
    assert isinstance(error, UnsafeAddress | NetworkError)


# ---- answers that are none ---------------------------------------------------------------------------

OK = b"HTTP/1.1 200 OK\r\n"
HOSTILE = {
    "nothing": b"",
    "noise": b"\x00\xff" * 100,
    "no http": b"SSH-2.0-OpenSSH_9.0\r\n",
    "half a head": b"HTTP/1.1 200 OK\r\nContent-Le",
    "bad status": b"HTTP/1.1 abc OK\r\n\r\n",
    "strange status": b"HTTP/1.1 999 What\r\n\r\n",
    "informational": b"HTTP/1.1 199 What\r\n\r\n",
    "long line": OK + b"X: " + b"y" * 70000 + b"\r\n\r\n",
    "many headers": OK + b"X: y\r\n" * 200 + b"\r\n",
    "bad length": OK + b"Content-Length: abc\r\n\r\n[]x",
    "negative length": OK + b"Content-Length: -5\r\n\r\n{",
    "huge length": OK + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n{",
    "two lengths": OK + b"Content-Length: 5\r\nContent-Length: 7\r\n\r\n[]   ",
    "cut body": OK + b"Content-Length: 100\r\n\r\n[]",
    "cut chunk": OK + b"Transfer-Encoding: chunked\r\n\r\n64\r\n[]",
    "no last chunk": OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n",
    "bad chunk": OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n[]",
    "bad charset": OK + b"Content-Type: text/html; charset\r\nContent-Length: 1\r\n\r\n{",
    "unknown charset": OK + b"Content-Type: text/html; charset=x\xff\r\nContent-Length: 1\r\n\r\n{",
    "not gzip": OK + b"Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\n[abc",
    "bad cookie": OK + b"Set-Cookie: \xff=;;=; expires=x\r\nContent-Length: 1\r\n\r\n{",
    "not utf-8": OK + b'Content-Length: 4\r\n\r\n["\xff"',
    "html": OK + b"\r\n<html></html>",
    "deep": OK + b"\r\n" + b"[" * 200_000,
    "deep and closed": OK + b"\r\n" + b"[" * 300 + b"]" * 300,
    "huge integer": OK + b'\r\n{"flow_id": ' + b"1" * 5000 + b"}",
    "two documents": OK + b"\r\n[][]",
    "bare words": OK + b"\r\nhello, world",
    "bad redirect": b"HTTP/1.1 302 Found\r\nLocation: http://[bad\r\n\r\n",
    "odd redirect": b"HTTP/1.1 302 Found\r\nLocation: \xff\xfe://\x01\r\n\r\n",
    "no location": b"HTTP/1.1 302 Found\r\n\r\n",
}


@pytest.mark.slow
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_answers_end_in_the_tree(name: str, tmp_path: Path) -> None:
    """Whatever a server sends: an error of the tree, or tolerated; no foreign exception stays attached."""
    with (
        RawServer(HOSTILE[name]) as server,
        FlowsClient(server.url, KEY, policy=ONCE, timeout=(5, 5)) as client,
    ):
        calls = [
            client.flows,
            client.templates,
            lambda: client.flow("f1"),
            lambda: client.create_flow("t"),
            lambda: client.start_flow("f1"),
            lambda: client.delete_flow("f1"),
            lambda: client.add_input("f1", Prompt("a lamp")),
            lambda: client.input("f1", "a1"),
            lambda: client.outputs("f1"),
            lambda: client.download_output("f1", "o1", tmp_path / "result.glb"),
        ]
        failed = 0
        for call in calls:
            try:
                call()
            except FlowsError as error:
                failed += 1
                assert KEY not in str(error)
                seen: BaseException | None = error
                while seen is not None:
                    assert not isinstance(seen, requests.RequestException)
                    seen = seen.__cause__ or seen.__context__
        assert failed >= 6
    assert list(tmp_path.iterdir()) == []


def test_too_many_values(server: Server, client: FlowsClient, tmp_path: Path) -> None:
    server.on("GET", "/flows", answer(b"[" + b"[]," * 300_000 + b"[]]"))
    with pytest.raises(UnexpectedAnswer, match="far too long"):
        client.flows()
    server.on("GET", "/flows/f1/outputs/o1", answer(b"{" + b'"a":1,' * 300_000 + b'"a":1}'))
    with pytest.raises(NotAGlb, match="too many values"):
        client.download_output("f1", "o1", tmp_path / "result.glb")


BLAMELESS = [
    (400, b"<html>no</html>"),
    (403, b"\xef\xbb\xbf \n<!doctype html>"),
    (404, b"<h1>404</h1>"),
    (401, b"<x/>"),
]


@pytest.mark.parametrize(("status", "page"), BLAMELESS)
def test_a_page_of_a_gateway_blames_neither_key_nor_request(
    server: Server, client: FlowsClient, status: int, page: bytes
) -> None:
    server.on("GET", "/flows", answer(page, status))
    with pytest.raises(UnexpectedAnswer, match="in place of the service") as caught:
        client.flows()
    assert (caught.value.status, caught.value.own_word) == (status, False)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
def test_a_place_for_files_that_refuses_blames_no_key(
    server: Server, client: FlowsClient, tmp_path: Path, status: int
) -> None:
    storage = Server()
    try:
        storage.on("GET", "/o1", answer({"detail": "link has expired"}, status))
        server.on("GET", "/flows/f1/outputs/o1", answer(status=307, Location=f"{storage.url}/o1"))
        with pytest.raises(UnexpectedAnswer, match="file storage"):
            client.download_output("f1", "o1", tmp_path / "result.glb")
        assert "Authorization" not in storage.asked[0].headers
    finally:
        storage.close()


def test_a_place_for_files_that_is_down_is_told_as_such(
    server: Server, client: FlowsClient, tmp_path: Path
) -> None:
    storage = Server()
    try:
        storage.on("GET", "/o1", answer({"detail": "oops"}, 500))
        server.on("GET", "/flows/f1/outputs/o1", answer(status=307, Location=f"{storage.url}/o1"))
        with pytest.raises(ServiceDown):
            client.download_output("f1", "o1", tmp_path / "result.glb")
    finally:
        storage.close()


def test_the_services_own_word_is_known_by_its_shape(server: Server, client: FlowsClient) -> None:
    seen: list[tuple[bool, bool]] = []
    field = {"loc": ["body", "parameters"], "msg": "no"}
    for body in (
        {"detail": "Flow not found"},
        {"message": "no Route matched"},
        {"detail": [field]},
        b"",
        {"detail": ""},
    ):
        server.on("GET", "/flows", answer(body, 422))
        with pytest.raises(InvalidRequest) as caught:
            client.flows()
        seen.append((caught.value.own_word, caught.value.validation))
    assert seen == [(True, False), (False, False), (True, True), (False, False), (False, False)]


def test_too_long_an_answer(server: Server, client: FlowsClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "_LONGEST_ANSWER", 1000)
    server.on("GET", "/flows", answer([{"flow_id": "f1"}]), Answer(200, b"[" + b" " * 1000 + b"]"))
    assert len(client.flows()) == 1
    with pytest.raises(UnexpectedAnswer):
        client.flows()


def test_odd_fields_everywhere(server: Server, client: FlowsClient) -> None:
    """Wrong types in every field: parsed, or refused for want of an id."""
    for odd in (None, True, -1, 1.5, 10**30, "", "x\x00\ud800", [], [[]], {}, {"a": {"b": []}}, "x" * 10_000):
        keys = [
            "template",
            "state",
            "status",
            "progress",
            "created_at",
            "started_at",
            "finished_at",
            "parameters",
            "additional",
            "error",
            "message",
            "detail",
            "reason",
            "data",
            "processed",
            "description",
            "input_types",
            "output_types",
        ]
        entry = {"id": "a1"} | dict.fromkeys(keys, odd)
        for path, call in {"/flows": client.flows, "/templates": client.templates}.items():
            server.on("GET", path, answer([entry, odd]))
            assert len(call()) >= 1
        server.on("GET", "/flows/f1/outputs", answer([entry, odd]))
        (asset,) = client.outputs("f1")
        (flow,) = client.flows()
        for text in (asset.status, asset.reason, flow.reason, flow.state, flow.template, flow.created_at):
            assert text is None or (text.isprintable() and len(text) <= 400)
