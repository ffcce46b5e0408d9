"""When and how long to wait before a call is repeated: the pure rules, and the client that follows them."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

import pytest
from generio_flows.api import (
    Cancelled,
    CertificateError,
    EmptyPrompt,
    FlowsClient,
    FlowsError,
    InvalidRequest,
    NetworkError,
    NotFound,
    Prompt,
    RateLimited,
    RetryPolicy,
    ServiceDown,
    UnexpectedAnswer,
    decide,
    parse_retry_after,
)
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.api.scripted import KEY, Answer, Server, answer, closed_port

policies = st.builds(
    RetryPolicy,
    attempts=st.integers(1, 10),
    base=st.floats(0, 10),
    ceiling=st.floats(0, 100),
)
transient = st.sampled_from([NetworkError, RateLimited, ServiceDown])
methods = st.sampled_from(["GET", "DELETE", "POST", "PATCH"])
fractions = st.floats(0, 1)


@given(
    policies,
    methods,
    st.integers(1, 10**6),
    transient,
    st.booleans(),
    fractions,
    st.none() | st.floats(0, 1e9),
)
def test_waits_are_bounded(
    policy: RetryPolicy,
    method: str,
    attempt: int,
    kind: type[NetworkError],
    sent: bool,
    random: float,
    retry_after: float | None,
) -> None:
    pause = decide(policy, method, attempt, kind(sent=sent, retry_after=retry_after), random)
    if pause is None:
        return
    assert 0 <= pause <= policy.ceiling
    assert attempt < policy.attempts
    assert retry_after is None or pause >= retry_after


@given(policies, methods, transient, st.booleans(), fractions)
def test_the_last_attempt_is_the_last(
    policy: RetryPolicy, method: str, kind: type[NetworkError], sent: bool, random: float
) -> None:
    assert decide(policy, method, policy.attempts, kind(sent=sent), random) is None


@given(st.sampled_from([NotFound, InvalidRequest, UnexpectedAnswer, CertificateError]), methods, fractions)
def test_lasting_failures_are_not_repeated(kind: type[NotFound], method: str, random: float) -> None:
    assert decide(RetryPolicy(), method, 1, kind(sent=False), random) is None


def test_other_errors_are_not_repeated() -> None:
    for error in (EmptyPrompt(), Cancelled(), FlowsError()):
        assert decide(RetryPolicy(), "GET", 1, error, 0.5) is None


@given(st.sampled_from(["POST", "PATCH"]), transient, st.booleans(), fractions)
def test_what_may_have_worked_is_not_repeated(
    method: str, kind: type[NetworkError], sent: bool, random: float
) -> None:
    repeated = decide(RetryPolicy(), method, 1, kind(sent=sent), random) is not None
    assert repeated == (not sent or kind is RateLimited)


@given(st.sampled_from(["GET", "DELETE"]), transient, st.booleans(), fractions)
def test_what_changes_nothing_is_repeated(
    method: str, kind: type[NetworkError], sent: bool, random: float
) -> None:
    assert decide(RetryPolicy(), method, 1, kind(sent=sent), random) is not None


@given(fractions, st.integers(1, 200))
def test_waits_grow_to_the_ceiling_and_are_spread(random: float, attempt: int) -> None:
    policy = RetryPolicy(attempts=1000, base=1.0, ceiling=30.0)
    pause = decide(policy, "GET", attempt, NetworkError(), random)
    later = decide(policy, "GET", attempt + 1, NetworkError(), random)
    assert pause is not None
    assert later is not None
    assert pause <= later
    longest = min(30.0, 2.0 ** (attempt - 1))
    assert pause == pytest.approx(longest * (0.5 + 0.5 * random))


def test_retry_after_above_the_ceiling_gives_up() -> None:
    policy = RetryPolicy(ceiling=30)
    assert decide(policy, "GET", 1, RateLimited(retry_after=30.0), 0.0) == 30.0
    assert decide(policy, "GET", 1, RateLimited(retry_after=30.1), 0.0) is None


NOW = datetime(2026, 1, 5, 9, 0, 0, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("", None),
        ("0", 0.0),
        ("7", 7.0),
        (" 120 ", 120.0),
        ("1.5", 1.5),
        ("-3", None),
        ("1e9", None),
        ("nan", None),
        ("inf", None),
        ("9" * 5000, None),
        ("soon", None),
        ("Mon, 05 Jan 2026 09:00:30 GMT", 30.0),
        ("Monday, 05-Jan-26 09:00:30 GMT", 30.0),
        ("Mon, 05 Jan 2026 09:00:30 -0000", 30.0),
        ("Mon, 05 Jan 2026 10:00:30 +0100", 30.0),
        ("Mon, 05 Jan 2026 08:59:00 GMT", 0.0),
        ("Mon, 99 Jan 2026 08:59:00 GMT", None),
        ("Mon, 05 Jan 99999 08:59:00 GMT", None),
        ("Mon, 05 Jan 99999999999999999999 08:59:00 GMT", None),
    ],
)
def test_parse_retry_after(value: str | None, seconds: float | None) -> None:
    assert parse_retry_after(value, NOW) == seconds


@given(
    st.text(max_size=60)
    | st.from_regex(r"\w{3}, \d{1,3} \w{3} \d{1,6} \d\d:\d\d(:\d\d)? \S*", fullmatch=True)
)
def test_parse_retry_after_never_raises(value: str) -> None:
    seconds = parse_retry_after(value, NOW)
    assert seconds is None or (seconds >= 0 and math.isfinite(seconds))


@given(st.integers(0, 10**8))
def test_dates_and_seconds_agree(seconds: int) -> None:
    date = format_datetime(datetime.fromtimestamp(NOW + seconds, UTC), usegmt=True)
    assert parse_retry_after(date, NOW) == parse_retry_after(str(seconds), NOW) == seconds


# ---- the client --------------------------------------------------------------------------------------

DOWN = answer(b"", 503)
LOST = Answer(cut=-1)


def test_get_is_repeated(server: Server, client: FlowsClient, waits: list[float]) -> None:
    server.on("GET", "/flows", DOWN, LOST, answer([{"id": "f1"}]))
    assert [flow.flow_id for flow in client.flows()] == ["f1"]
    assert len(waits) == 2
    assert 0.5 <= waits[0] <= 1 <= waits[1] <= 2


def test_retry_after_is_honoured(server: Server, client: FlowsClient, waits: list[float]) -> None:
    server.on("GET", "/flows", answer(b"", 429, Retry_After="7"), answer([]))
    client.flows()
    assert len(waits) == 1
    assert 7 <= waits[0] <= 8


def test_retry_after_beyond_the_ceiling(server: Server, client: FlowsClient, waits: list[float]) -> None:
    server.on("GET", "/flows", answer(b"", 429, Retry_After="3600"), answer([]))
    with pytest.raises(RateLimited) as caught:
        client.flows()
    assert caught.value.retry_after == 3600
    assert waits == []


def test_one_attempt_means_one(server: Server) -> None:
    server.on("GET", "/flows", DOWN)
    with FlowsClient(server.url, KEY, policy=RetryPolicy(attempts=1)) as client, pytest.raises(ServiceDown):
        client.flows()
    assert len(server.asked) == 1


@pytest.mark.parametrize("trouble", [DOWN, LOST])
def test_creating_starting_and_adding_are_not_repeated(
    server: Server, client: FlowsClient, waits: list[float], trouble: Answer
) -> None:
    server.on("POST", "/flows", trouble)
    server.on("PATCH", "/flows/f1", trouble)
    server.on("POST", "/flows/f1/inputs", trouble)
    for call in (
        lambda: client.create_flow("t", inputs=[Prompt("a lamp")]),
        lambda: client.start_flow("f1"),
        lambda: client.add_input("f1", Prompt("a lamp")),
    ):
        with pytest.raises((ServiceDown, NetworkError)) as caught:
            call()
        assert caught.value.sent
    assert len(server.asked) == 3
    assert waits == []


def test_a_refused_post_is_repeated(server: Server, client: FlowsClient, waits: list[float]) -> None:
    server.on("POST", "/flows", answer(b"", 429), answer({"flow_id": "f1"}))
    client.create_flow("t", inputs=[Prompt("a lamp")])
    assert len(waits) == 1
    assert server.asked[0].body == server.asked[1].body


@pytest.mark.slow
def test_a_post_that_never_left_is_repeated(waits: list[float]) -> None:
    with (
        FlowsClient(f"http://127.0.0.1:{closed_port()}", KEY, wait=waits.append) as client,
        pytest.raises(NetworkError) as caught,
    ):
        client.create_flow("t")
    assert not caught.value.sent
    assert len(waits) == RetryPolicy().attempts - 1


@pytest.mark.parametrize("trouble", [DOWN, LOST])
def test_delete_whose_answer_was_lost(server: Server, client: FlowsClient, trouble: Answer) -> None:
    server.on("DELETE", "/flows/f1", trouble, answer(b"", 404))
    client.delete_flow("f1")
    assert len(server.asked) == 2


@pytest.mark.parametrize("first", [[], [answer(b"", 429)]])
def test_delete_of_what_never_was(server: Server, client: FlowsClient, first: list[Answer]) -> None:
    server.on("DELETE", "/flows/f1", *first, answer(b"", 404))
    with pytest.raises(NotFound):
        client.delete_flow("f1")


@pytest.mark.slow
def test_delete_that_never_left_is_not_a_lost_answer(request: pytest.FixtureRequest) -> None:
    port = closed_port()
    servers: list[Server] = []

    def wait(_: float) -> None:
        servers.append(Server(port=port))
        request.addfinalizer(servers[-1].close)

    with FlowsClient(f"http://127.0.0.1:{port}", KEY, wait=wait) as client, pytest.raises(NotFound):
        client.delete_flow("f1")
    (server,) = servers
    assert server.calls() == ["DELETE /flows/f1"]


def test_downloads_are_repeated(server: Server, client: FlowsClient, model: bytes, tmp_path: Path) -> None:
    path = "/flows/f1/outputs/o1"
    cut = Answer(200, model, cut=len(model) // 2)
    cut_chunk = Answer(200, model, cut=len(model) // 2, chunked=True)
    server.on("GET", path, cut, DOWN, cut_chunk, Answer(200, model, chunked=True))
    client.download_output("f1", "o1", tmp_path / "result.glb")
    assert (tmp_path / "result.glb").read_bytes() == model
    assert server.calls() == [f"GET {path}"] * 4


def test_the_wait_may_cancel(server: Server) -> None:
    def wait(_: float) -> None:
        raise Cancelled()

    server.on("GET", "/flows", DOWN)
    with FlowsClient(server.url, KEY, wait=wait) as client, pytest.raises(Cancelled):
        client.flows()
    assert len(server.asked) == 1
