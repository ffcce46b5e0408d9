"""Files on their way: whatever the wrapping and however it is cut into blocks, the same bytes come out."""

from __future__ import annotations

import base64
import errno
import json
import os
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from generio_flows.api import (
    GLB_MIME,
    Cancelled,
    File,
    FlowsClient,
    NoResult,
    NotAGlb,
    NotSaved,
    NotSelfContained,
    ResultTooLarge,
    ResultTruncated,
    RetryPolicy,
    UnreadableFile,
    transfer,
)
from generio_flows.api.scan import Event, JsonScanner, to_text
from generio_flows.api.transfer import DataUri, JsonBody, receive
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.api.scripted import KEY, Answer, Server, answer, glb

# ---- wrappings of a model ----------------------------------------------------------------------------

HEADERS = [
    b"data:model/gltf-binary;base64,",
    b"data:model/gltf-binary,base64;",
    b"DATA:model/gltf-binary;BASE64,",
    b"data:;base64,",
    b"data:model/gltf-binary;name=a.glb;base64,",
    b"data:model/gltf-binary,",
    b"",
]


def as_is(text: bytes) -> bytes:
    return text


def url_safe(text: bytes) -> bytes:
    return text.translate(bytes.maketrans(b"+/", b"-_"))


def unpadded(text: bytes) -> bytes:
    return text.rstrip(b"=")


def folded(text: bytes) -> bytes:
    return b"\r\n".join(text[at : at + 76] for at in range(0, len(text), 76)) + b"\n"


def spaced(text: bytes) -> bytes:
    return b" \t" + b" ".join(text[at : at + 3] for at in range(0, len(text), 3))


def escaped_slashes(text: bytes) -> bytes:
    return text.replace(b"/", rb"\/")


def escaped_signs(text: bytes) -> bytes:
    return text.replace(b"+", rb"\u002b").replace(b"/", rb"\u002F").replace(b"=", rb"\u003d")


def escaped_all(text: bytes) -> bytes:
    return b"".join(b"\\u%04x" % byte for byte in text)


def escaped_lines(text: bytes) -> bytes:
    return rb"\r\n".join(text[at : at + 76] for at in range(0, len(text), 76)) + rb"\n\t"


TEXTS = [as_is, url_safe, unpadded, folded, spaced]
ESCAPES = [as_is, escaped_slashes, escaped_signs, escaped_all]
NEIGHBOURS = b'{"data": "inner", "asset_id": "x", "deep": [[{"data": ""}], "]}\\"", -1.5e3, true, null]}'
WRAPPERS: list[Callable[[bytes], bytes]] = [
    lambda text: b'{"data":"' + text + b'"}',
    lambda text: b' \r\n{ "other" : ' + NEIGHBOURS + b' , "data" :\t"' + text + b'" , "more": [] } \n',
    lambda text: b'{"file_data": "' + text + b'"}',
    lambda text: b'{"content": "AAAA", "file_data": "' + text + b'"}',
    lambda text: b'{"file_data": "AAAA", "data": "' + text + b'", "content": "AAAA"}',
    lambda text: b'{"data": null, "content": "' + text + b'"}',
    lambda text: b'{"data": "", "content": "' + text + b'"}',
    lambda text: b'{"data": {"data": "AAAA"}, "file_data": "' + text + b'"}',
    lambda text: b'{"d\\u0061ta": "' + text + b'"}',
    lambda text: b'[{"data": "' + text + b'"}, {"data": "AAAA"}]',
    lambda text: b'["' + text + b'", "AAAA"]',
    lambda text: b'"' + text + b'"',
    lambda text: b'\xef\xbb\xbf"' + text + b'"',
]


def chunked(body: bytes, cuts: list[int]) -> Iterator[bytes]:
    places = sorted({cut % (len(body) + 1) for cut in cuts} | {0, len(body)})
    for start, end in pairwise(places):
        yield body[start:end]


models = st.binary(max_size=300).map(lambda binary: glb(binary=binary))
cuts = st.lists(st.integers(0, 10_000), max_size=12)
relaxed = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)


def round_trip(model: bytes, blocks: Iterator[bytes], folder: Path, wanted: str | None = None) -> None:
    path = folder / "result.glb"
    info = receive(blocks, path, wanted=wanted)
    assert path.read_bytes() == model
    assert info.size == len(model)
    assert [entry.name for entry in folder.iterdir()] == ["result.glb"]


@relaxed
@given(
    models,
    st.sampled_from(HEADERS),
    st.sampled_from(TEXTS),
    st.sampled_from(ESCAPES),
    st.sampled_from(WRAPPERS),
    cuts,
)
def test_json_round_trip(
    tmp_path: Path,
    model: bytes,
    header: bytes,
    text: Callable[[bytes], bytes],
    escape: Callable[[bytes], bytes],
    wrap: Callable[[bytes], bytes],
    cuts: list[int],
) -> None:
    body = wrap(escape(header + text(base64.b64encode(model))))
    round_trip(model, chunked(body, cuts), tmp_path)


@relaxed
@given(models, st.sampled_from(HEADERS), st.sampled_from(TEXTS), cuts)
def test_text_round_trip(
    tmp_path: Path, model: bytes, header: bytes, text: Callable[[bytes], bytes], cuts: list[int]
) -> None:
    round_trip(model, chunked(header + text(base64.b64encode(model)), cuts), tmp_path)


@relaxed
@given(models, cuts)
def test_raw_round_trip(tmp_path: Path, model: bytes, cuts: list[int]) -> None:
    round_trip(model, chunked(model, cuts), tmp_path)


@pytest.mark.parametrize("wrap", [*WRAPPERS, as_is, lambda text: base64.b64decode(text)])
@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_every_wrapping_in_tiny_blocks(
    tmp_path: Path, model: bytes, wrap: Callable[[bytes], bytes], size: int
) -> None:
    body = wrap(base64.b64encode(model))
    round_trip(model, (body[at : at + size] for at in range(0, len(body), size)), tmp_path)


def test_escaped_line_ends(tmp_path: Path, model: bytes) -> None:
    body = b'{"data": "' + escaped_lines(base64.b64encode(model)) + b'"}'
    round_trip(model, iter([body]), tmp_path)


IDS = ["o1", "ö/😀", 'a"b\\', "7"]


@relaxed
@given(
    models,
    st.permutations(["asset_id", "data", "status"]),
    st.integers(0, 3),
    st.sampled_from(IDS),
    st.booleans(),
    cuts,
)
def test_asset_out_of_a_list(
    tmp_path: Path, model: bytes, order: list[str], index: int, name: str, bare: bool, cuts: list[int]
) -> None:
    """Whatever order its fields come in, and whatever the other assets hold."""
    uri = "data:model/gltf-binary;base64," + base64.b64encode(model).decode()
    values = {"asset_id": name, "data": uri, "status": "ready"}
    others: list[Any] = [
        {"asset_id": "other", "data": "data:model/gltf-binary;base64,AAAA"},
        {"data": "not base64 at all!", "id": "bad", "additional": {"asset_id": name, "data": "AAAA"}},
        {"id": 8, "data": None},
    ]
    outputs = [*others[:index], {key: values[key] for key in order}, *others[index:]]
    value = outputs if bare else {"flow_id": name, "data": "AAAA", "outputs": outputs}
    round_trip(model, chunked(json.dumps(value).encode(), cuts), tmp_path, wanted=name)


def test_an_asset_without_id_is_nobodys(tmp_path: Path, model: bytes) -> None:
    outputs = [{"asset_id": "o1", "data": None}, {"data": base64.b64encode(model).decode()}]
    with pytest.raises(NoResult):
        receive(iter([json.dumps(outputs).encode()]), tmp_path / "result.glb", wanted="o1")


def test_what_follows_the_wanted_asset_is_not_read(tmp_path: Path, model: bytes) -> None:
    def blocks() -> Iterator[bytes]:
        yield json.dumps({"outputs": [{"id": 7, "data": base64.b64encode(model).decode()}, {}]}).encode()
        pytest.fail("read on")

    round_trip(model, blocks(), tmp_path, wanted="7")


# ---- what is no model --------------------------------------------------------------------------------

BROKEN: list[tuple[bytes, type[Exception], str]] = [
    (b"", NoResult, "no model"),
    (b" \r\n", NoResult, "no model"),
    (b"{}", NoResult, "no model"),
    (b"[]", NoResult, "no model"),
    (b'""', NoResult, "no model"),
    (b"[[]]", NoResult, "no model"),
    (b'{"data": null}', NoResult, "no model"),
    (b'{"data": ""}', NoResult, "no model"),
    (b'{"data": 17, "detail": "later"}', NoResult, "no model"),
    (b'{"data": "data:model/gltf-binary;base64,"}', NoResult, "no model"),
    (b'[null, {"data": "AAAA"}]', NoResult, "no model"),
    (b"<!DOCTYPE html><html><body>Sign in</body></html>", NotAGlb, "a web page"),
    (b"\n<HTML>", NotAGlb, "a web page"),
    (b"<?xml version='1.0'?>", NotAGlb, "an XML text"),
    (b"\x89PNG\r\n\x1a\n" + b"\0" * 100, NotAGlb, "a PNG picture"),
    (b"PK\x03\x04" + b"\0" * 100, NotAGlb, "a ZIP archive"),
    (b'{"data": "' + base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"\0" * 100) + b'"}', NotAGlb, "a PNG picture"),
    (
        b'{"data": "data:model/obj;base64,' + base64.b64encode(b"v 1 2 3\nv 4 5 6\n") + b'"}',
        NotAGlb,
        "model/obj",
    ),
    (b'{"data": "data:text/plain,hello, world!"}', NotAGlb, "text/plain"),
    (b'{"data": "not base64!"}', NotAGlb, "not a GLB"),
    (b'{"data": "Z2xURg==Z2xURg=="}', NotAGlb, "not a GLB"),
    (b"data:" + b"x" * 5000, NotAGlb, "not a GLB"),
    (b"data:" + b"x" * 5000 + b",AAAA", NotAGlb, "not a GLB"),
    (b'{"data": "\\x"}', NotAGlb, "broken JSON"),
    (b'{"data": "\\u12g4AAAAAAAA"}', NotAGlb, "broken JSON"),
    (b"{'data': 1}", NotAGlb, "broken JSON"),
    (b'{"data": hello}', NotAGlb, "broken JSON"),
    (b'{"data" "x"}', NotAGlb, "broken JSON"),
    (b'{"a": 1,}', NotAGlb, "broken JSON"),
    (b"[1,]", NotAGlb, "broken JSON"),
    (b"[1}", NotAGlb, "broken JSON"),
    (b'{"a": 1]', NotAGlb, "broken JSON"),
    (b'{"a": 01}', NotAGlb, "broken JSON"),
    (b"{} {}", NotAGlb, "broken JSON"),
    (b"[" * 100, NotAGlb, "broken JSON"),
    (b'{"' + b"k" * 5000 + b'": 1}', NotAGlb, "broken JSON"),
    (b'{"a": ' + b"1" * 5000 + b"}", NotAGlb, "broken JSON"),
    (b"{", ResultTruncated, "cut off"),
    (b'{"data": "Z2xURg', ResultTruncated, "cut off"),
    (b'{"data": "Z2xURg\\', ResultTruncated, "cut off"),
    (b'{"data": "Z2xURg"', ResultTruncated, "cut off"),
    (b'{"a": 12', ResultTruncated, "cut off"),
    (b'"Z2xU', ResultTruncated, "cut off"),
    (b"gl", ResultTruncated, "cut off"),
    (b"glTF", ResultTruncated, "cut off"),
]


@pytest.mark.parametrize(("body", "kind", "text"), BROKEN, ids=[repr(body[:30]) for body, _, _ in BROKEN])
@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_broken_bodies(tmp_path: Path, body: bytes, kind: type[Exception], text: str, size: int) -> None:
    path = tmp_path / "result.glb"
    path.write_bytes(b"what was there before")
    with pytest.raises(kind, match=text):
        receive((body[at : at + size] for at in range(0, len(body), size)), path)
    assert path.read_bytes() == b"what was there before"
    assert {entry.name for entry in tmp_path.iterdir()} <= {"result.glb", "result.glb.rejected"}


@given(st.binary(max_size=200), cuts)
@relaxed
def test_any_bytes_end_in_the_tree(tmp_path: Path, body: bytes, cuts: list[int]) -> None:
    with pytest.raises((NoResult, NotAGlb, ResultTruncated)):
        receive(chunked(body, cuts), tmp_path / "result.glb")


@given(models, st.data())
@relaxed
def test_a_model_that_is_cut_off(tmp_path: Path, model: bytes, data: st.DataObject) -> None:
    end = data.draw(st.integers(4, len(model) - 1))
    wrap = data.draw(
        st.sampled_from([as_is, base64.b64encode, lambda raw: b'["%s"]' % base64.b64encode(raw)])
    )
    with pytest.raises(ResultTruncated):
        receive(iter([wrap(model[:end])]), tmp_path / "result.glb")


def test_a_cut_base64_text_is_cut_off_wherever(tmp_path: Path, model: bytes) -> None:
    text = base64.b64encode(model)
    for end in range(8, len(text) - 2):
        with pytest.raises(ResultTruncated):
            receive(iter([text[:end]]), tmp_path / "result.glb")


def test_a_model_with_outside_files_is_put_aside(tmp_path: Path, model: bytes) -> None:
    needy = glb({"asset": {"version": "2.0"}, "images": [{"uri": "skin.png"}]})
    with pytest.raises(NotSelfContained, match=r"skin\.png") as caught:
        receive(iter([needy]), tmp_path / "result.glb")
    assert caught.value.kept == tmp_path / "result.glb.rejected"
    assert caught.value.kept.read_bytes() == needy
    assert len(list(tmp_path.iterdir())) == 1
    receive(iter([model]), tmp_path / "result.glb")
    assert [entry.name for entry in tmp_path.iterdir()] == ["result.glb"]


@pytest.mark.parametrize(
    ("number", "fix"),
    [
        (errno.ENOSPC, "Free some disk space"),
        (errno.EDQUOT, "Free some disk space"),
        (errno.EACCES, "Get write permission there"),
        (errno.EROFS, "Get write permission there"),
        (errno.ENAMETOOLONG, "Choose a results folder with a shorter path"),
        (errno.EIO, "Check the disk"),
    ],
)
def test_what_to_do_depends_on_why_the_disk_refused(
    tmp_path: Path, model: bytes, monkeypatch: pytest.MonkeyPatch, number: int, fix: str
) -> None:
    def refuse(_: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(NotSaved) as caught:
        receive(iter([model]), tmp_path / "result.glb")
    assert caught.value.message == f"The result could not be saved: {os.strerror(number)}."
    assert caught.value.fix.startswith(fix)
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_refuses(tmp_path: Path, model: bytes) -> None:
    with pytest.raises(NotSaved):
        receive(iter([model]), tmp_path / "missing" / "result.glb")
    (tmp_path / "folder" / "inside").mkdir(parents=True)
    with pytest.raises(NotSaved):
        receive(iter([model]), tmp_path / "folder")
    assert [entry.name for entry in tmp_path.iterdir()] == ["folder"]


# ---- the scanner itself ------------------------------------------------------------------------------

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**9), 10**9)
    | st.floats(allow_nan=False)
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def flat(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """What the scanner has to tell about `value`, by the standard library's reading of it."""
    if isinstance(value, dict | list):
        yield path, "open"
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from flat(inner, (*path, key))
        yield path, "close"
    else:
        yield path, value


@relaxed
@given(json_values.map(lambda value: [value]), st.booleans(), st.sampled_from([None, 1]), cuts)
def test_scanner_agrees_with_the_standard_library(
    value: Any, ascii_only: bool, indent: int | None, cuts: list[int]
) -> None:
    body = json.dumps(value, ensure_ascii=ascii_only, indent=indent).encode("utf-8", "surrogatepass")
    scanner = JsonScanner()
    told: list[tuple[tuple[Any, ...], Any]] = []
    text = b""
    for block in chunked(body, cuts):
        for event, piece in scanner.feed(block):
            path = tuple(scanner.path)
            match event:
                case Event.TEXT:
                    text += piece
                case Event.TEXT_END:
                    told.append((path, to_text(text)))
                    text = b""
                case Event.SCALAR:
                    told.append((path, json.loads(piece)))
                case Event.OPEN:
                    told.append((path, "open"))
                case Event.CLOSE:
                    told.append((path, "close"))
    assert scanner.complete
    assert told == list(flat(json.loads(body)))


@pytest.mark.parametrize(
    "text", ["\\\\/", "\\\\u002b", "\\\\\\/\\/", "\\/\\\\n", "\\ud83d\\ude00", "\\u00e9\\t", 'a\\"']
)
def test_escapes(text: str) -> None:
    """As the standard library reads them, also where one backslash escapes the next."""
    body = f'["{text}"]'.encode()
    for size in range(1, len(body) + 1):
        scanner = JsonScanner()
        pieces = [
            piece
            for at in range(0, len(body), size)
            for event, piece in scanner.feed(body[at : at + size])
            if event is Event.TEXT
        ]
        assert [to_text(b"".join(pieces))] == json.loads(body)


def test_a_token_without_end_is_not_collected():
    """A number that never ends would fill the memory, a block at a time."""
    scanner = JsonScanner()
    with pytest.raises(ValueError, match="too long"):
        for _ in range(100):
            assert list(scanner.feed(b"1" * 100)) == []


# ---- upwards -----------------------------------------------------------------------------------------


@relaxed
@given(st.binary(min_size=1, max_size=400), st.sampled_from([3, 6, 99, 300]))
def test_body_is_the_json_that_it_stands_for(tmp_path: Path, content: bytes, block: int) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    value = {
        "a": 'ü"\\',
        "inputs": [{"data": DataUri(path, "image/png")}, {"data": DataUri(path, "x/y"), "n": 1}],
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transfer, "_FILE_BLOCK", block)
        body = JsonBody(value)
        for _ in range(2):  # as often as it is sent
            sent = b"".join(body)
            assert len(sent) == len(body)
            text = base64.b64encode(content).decode()
            assert json.loads(sent) == {
                "a": 'ü"\\',
                "inputs": [
                    {"data": f"data:image/png;base64,{text}"},
                    {"data": f"data:x/y;base64,{text}", "n": 1},
                ],
            }


def test_body_refuses_what_is_no_json() -> None:
    with pytest.raises(TypeError):
        JsonBody({"a": object()})
    with pytest.raises(ValueError, match="not JSON compliant"):
        JsonBody({"a": float("nan")})


@pytest.mark.parametrize("size", [transfer._FILE_BLOCK + d for d in (-1, 0, 1)] + [2 * transfer._FILE_BLOCK])
@pytest.mark.parametrize("change", [-1, 0, 1, 4])
def test_a_file_that_changes_while_it_is_sent(
    server: Server, client: FlowsClient, tmp_path: Path, size: int, change: int
) -> None:
    """Not a byte too many or too few leaves under the length that was announced."""
    path = tmp_path / "model.glb"
    path.write_bytes(b"glTF" + b"\0" * (size - 4))
    done: list[int] = []

    def progress(count: int, _: int | None) -> None:
        if not done:
            with path.open("r+b") as file:
                file.truncate(size + change)
            os.utime(path, ns=(0, 0))  # clocks of file systems may be coarse
        done.append(count)

    with pytest.raises(UnreadableFile, match="changed while"):
        client.add_input("f1", File(path, GLB_MIME), progress=progress)
    assert server.asked == []


@pytest.mark.parametrize("kind", ["missing", "empty", "folder", "name"])
def test_files_that_cannot_be_read(server: Server, client: FlowsClient, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "file"
    if kind == "empty":
        path.touch()
    if kind == "folder":
        path.mkdir()
    if kind == "name":
        path = tmp_path / "a\0b"
    for mime in (GLB_MIME, "image/png"):
        with pytest.raises(UnreadableFile):
            client.add_input("f1", File(path, mime))
        with pytest.raises(UnreadableFile):
            client.create_flow("t", inputs=[File(path, mime)])
    with pytest.raises(UnreadableFile):
        DataUri(path, GLB_MIME)
    assert server.asked == []


# ---- progress, cancelling, limits --------------------------------------------------------------------


def test_cancelling_an_upload(server: Server, client: FlowsClient, tmp_path: Path) -> None:
    path = tmp_path / "model.glb"
    path.write_bytes(b"glTF" + b"\0" * 3_000_000)
    done: list[int] = []
    with pytest.raises(Cancelled):
        client.add_input(
            "f1",
            File(path, GLB_MIME),
            progress=lambda count, _: done.append(count),
            cancelled=lambda: bool(done) and done[-1] > 1_000_000,
        )
    assert 1_000_000 < done[-1] < 2_000_000
    server.on("GET", "/flows", answer([]))
    assert client.flows() == []  # on a new connection: the old one is broken


@pytest.mark.slow
def test_an_upload_outlasts_a_stall(tmp_path: Path) -> None:
    """A line that stands still for longer than connecting may take, and then goes on."""
    path = tmp_path / "model.glb"
    path.write_bytes(b"glTF" + bytes(20_000_000))  # more than the system takes off our hands
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            peer, _ = listening.accept()
            with peer:
                time.sleep(0.5)
                length = len(JsonBody({"data": DataUri(path, GLB_MIME), "additional": None}))
                body = b""
                received = 0
                while received < length and (block := peer.recv(1 << 16)):
                    if not received:  # still in the head
                        body += block
                        block = body.partition(b"\r\n\r\n")[2]
                    received += len(block)
                peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

        thread = threading.Thread(target=serve)
        thread.start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        with FlowsClient(url, KEY, timeout=(0.2, 20), policy=RetryPolicy(attempts=1)) as client:
            assert client.add_input("f1", File(path, GLB_MIME)) is None
        thread.join(20)


def test_cancelling_a_download(server: Server, client: FlowsClient, tmp_path: Path) -> None:
    server.on("GET", "/flows/f1/outputs/o1", answer(b"glTF" + b"\0" * 3_000_000))
    done: list[int] = []
    with pytest.raises(Cancelled):
        client.download_output(
            "f1",
            "o1",
            tmp_path / "result.glb",
            progress=lambda count, _: done.append(count),
            cancelled=lambda: bool(done) and done[-1] > 1_000_000,
        )
    assert 1_000_000 < done[-1] < 2_000_000
    assert list(tmp_path.iterdir()) == []
    server.on("GET", "/flows", answer([]))
    assert client.flows() == []


def test_cancelled_before_anything_is_sent(server: Server, client: FlowsClient, tmp_path: Path) -> None:
    with pytest.raises(Cancelled):
        client.download_output("f1", "o1", tmp_path / "result.glb", cancelled=lambda: True)
    assert server.asked == []


def test_progress_without_a_length(server: Server, client: FlowsClient, model: bytes, tmp_path: Path) -> None:
    server.on("GET", "/flows/f1/outputs/o1", Answer(200, model, chunked=True))
    seen: list[tuple[int, int | None]] = []
    client.download_output(
        "f1", "o1", tmp_path / "a", progress=lambda done, total: seen.append((done, total))
    )
    assert seen[-1] == (len(model), None)


@pytest.mark.parametrize("chunked", [True, False])
def test_too_large_a_download(server: Server, tmp_path: Path, chunked: bool) -> None:
    body = glb(binary=bytes(300_000))
    server.on("GET", "/flows/f1/outputs/o1", Answer(200, body, chunked=chunked))
    seen: list[int] = []
    with FlowsClient(server.url, KEY, max_download=len(body) - 1) as client, pytest.raises(ResultTooLarge):
        client.download_output(
            "f1", "o1", tmp_path / "result.glb", progress=lambda done, _: seen.append(done)
        )
    assert list(tmp_path.iterdir()) == []
    assert bool(seen) == chunked  # an announced length is enough to know
    assert len(server.asked) == 1  # asking in another way would not make it smaller
    with FlowsClient(server.url, KEY, max_download=len(body)) as client:
        client.download_output("f1", "o1", tmp_path / "result.glb")


# ---- section 6, step 7 -------------------------------------------------------------------------------

LIST = "/flows/f1/outputs?include_data=true"


@pytest.mark.parametrize("body", [b"", b"{}", b"<html></html>", b"Z2xURg==", b'{"data": "QUJD"}'])
def test_the_list_with_data_is_the_last_resort(
    server: Server, client: FlowsClient, model: bytes, tmp_path: Path, body: bytes
) -> None:
    outputs = [
        {"asset_id": "o0", "data": "AAAA"},
        {"data": "data:model/gltf-binary;base64," + base64.b64encode(model).decode(), "asset_id": "o1"},
    ]
    server.on("GET", "/flows/f1/outputs/o1", answer(body))
    server.on("GET", LIST, answer({"flow_id": "f1", "outputs": outputs}))
    client.download_output("f1", "o1", tmp_path / "result.glb")
    assert (tmp_path / "result.glb").read_bytes() == model
    assert server.calls() == ["GET /flows/f1/outputs/o1", f"GET {LIST}"]
    assert [entry.name for entry in tmp_path.iterdir()] == ["result.glb"]


@pytest.mark.parametrize(
    "there",
    [
        answer(b"", 404),
        answer({"outputs": []}),
        answer({"outputs": [{"id": "o2", "data": "AAAA"}]}),
        answer(b""),
    ],
)
def test_the_first_trouble_is_told_when_the_last_resort_fails(
    server: Server, client: FlowsClient, tmp_path: Path, there: Answer
) -> None:
    server.on("GET", "/flows/f1/outputs/o1", answer(b"<html></html>"))
    server.on("GET", LIST, there)
    with pytest.raises(NotAGlb, match="a web page"):
        client.download_output("f1", "o1", tmp_path / "result.glb")
    assert len(server.asked) == 2
    assert list(tmp_path.iterdir()) == []


def test_a_call_that_failed_has_no_last_resort(server: Server, client: FlowsClient, tmp_path: Path) -> None:
    with pytest.raises(Exception, match="no longer knows"):
        client.download_output("f1", "o1", tmp_path / "result.glb")
    assert server.calls() == ["GET /flows/f1/outputs/o1"]


def test_a_wrong_length_in_the_glb(server: Server, client: FlowsClient, model: bytes, tmp_path: Path) -> None:
    longer = model[:8] + struct.pack("<I", len(model) + 4) + model[12:]
    server.on("GET", "/flows/f1/outputs/o1", answer(longer))
    with pytest.raises(ResultTruncated):
        client.download_output("f1", "o1", tmp_path / "result.glb")


@pytest.mark.parametrize("reason", [errno.EINVAL, errno.ENOTSUP, errno.ENOSYS])
def test_a_drive_that_knows_no_fsync_takes_the_model(
    server: Server,
    client: FlowsClient,
    model: bytes,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    reason: int,
) -> None:
    def refuse(_number: int) -> None:
        raise OSError(reason, os.strerror(reason))

    monkeypatch.setattr(transfer.os, "fsync", refuse)
    server.on("GET", "/flows/f1/outputs/o1", answer(model))
    client.download_output("f1", "o1", tmp_path / "result.glb")
    assert (tmp_path / "result.glb").read_bytes() == model
