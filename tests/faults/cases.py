"""The cases of the fuzzer: each family makes one of a seed, and has `api/` take it.

A case raises nothing, or a FlowsError. Everything is of the seed, so that a number names a case for good.
"""

import base64
import gzip
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from generio_flows.api import FlowsClient, Prompt, RetryPolicy, check_glb
from generio_flows.api.transfer import receive

from tests.sandbox import glb

from .answers import Answers
from .mutate import mutated, mutated_value, text_of

KEY = "a-secret-key"
URI = b"data:model/gltf-binary;base64,"
REFUSALS = (204, 302, 400, 401, 402, 403, 404, 405, 408, 409, 413, 422, 429, 500, 503)
FLOW: dict[str, Any] = {
    "flow_id": "66aa00000000000000000001",
    "template": {"template_id": "66aa", "template_name": "model_optimize"},
    "state": "running",
    "progress": 42.5,
    "created_at": "2025-12-16T10:00:00.000Z",
    "started_at": None,
    "finished_at": None,
    "parameters": {"quality": "low", "seed": -1, "texture": True},
    "additional": {"client": "x", "token": "y"},
    "error": {"message": "too thin", "detail": [{"loc": ["body", "seed"], "msg": "wrong"}]},
}
ASSET: dict[str, Any] = {
    "asset_id": "66aa00000000000000000002",
    "status": "ready",
    "processed": True,
    "additional": {"ref": "1"},
    "data": "data:model/gltf-binary;base64,Z2xURg==",
    "error_message": "none",
}
TEMPLATE: dict[str, Any] = {
    "template_id": "66aa",
    "template_name": "model_optimize",
    "description": "Lowers the count",
    "input_types": ["model/gltf-binary"],
    "output_types": ["model/gltf-binary"],
    "parameters": {"polygon_count": {"type": "integer", "default": 100000}},
}
COMPLAINT: dict[str, Any] = {
    "detail": [{"loc": ["body", "inputs", 0], "msg": "wrong", "type": "value_error"}]
}


class Cases:
    """Makes and plays cases in `folder`, which is this process's own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.clear()  # what a child has left that was ended
        self._path = folder / "model.glb"
        self._model = _model()
        self._answers = Answers()
        self._body = b""
        self._client = FlowsClient(
            self._answers.url, KEY, timeout=(5, 5), policy=RetryPolicy(attempts=1), max_download=64 << 20
        )
        client = self._client
        self._calls: tuple[tuple[Callable[[], object], Any], ...] = (
            (client.templates, {"templates": [TEMPLATE, TEMPLATE]}),
            (client.flows, {"flows": [FLOW, FLOW]}),
            (lambda: client.create_flow("model_optimize", {"polygon_count": 5}), FLOW),
            (lambda: client.flow("66aa"), FLOW),
            (lambda: client.start_flow("66aa"), FLOW),
            (lambda: client.abort_flow("66aa"), FLOW),
            (lambda: client.delete_flow("66aa"), None),
            (lambda: client.inputs("66aa"), {"flow_id": "66aa", "inputs": [ASSET, ASSET]}),
            (lambda: client.add_input("66aa", Prompt("a lamp")), ASSET),
            (lambda: client.input("66aa", "1"), ASSET),
            (lambda: client.outputs("66aa"), {"flow_id": "66aa", "outputs": [ASSET, ASSET]}),
            (self._download, ASSET),
        )

    def prepare(self, family: str, number: int) -> None:
        """Make what takes long to make, which is not the time of who gets it."""
        if family == "giant":
            self._body = list(GIANTS.values())[number]()

    def play(self, family: str, seed: int, number: int) -> None:
        """Play one case, which was prepared; what it raises is for the caller to judge."""
        dice = random.Random(f"{seed}/{family}/{number}")
        match family:
            case "glb":
                self._path.write_bytes(self._wrong_model(dice))
                check_glb(self._path)
            case "download":
                body, wanted = self._wrong_download(dice)
                receive(_pieces(dice, body), self._path, wanted=wanted)
            case "json":
                call, value = dice.choice(self._calls)
                self._answers.reply = _http(_status(dice), _wrong_json(dice, value))
                call()
            case "http":
                call, value = dice.choice(self._calls)
                self._answers.reply = mutated(dice, _http(_status(dice), text_of(value)))
                call()
            case _:
                self._giant(list(GIANTS)[number])

    def clear(self) -> list[str]:
        """Remove what a case has written; names what it should not have left."""
        names = [path.name for path in self._folder.iterdir()]
        for name in names:
            (self._folder / name).unlink()
        return [name for name in names if name.endswith(".part")]

    def _download(self) -> object:
        return self._client.download_output("66aa", "66aa00000000000000000002", self._path)

    def _wrong_model(self, dice: random.Random) -> bytes:
        if dice.random() < 0.5:
            return mutated(dice, self._model)
        document, buffer = glb.unpack(self._model)
        model = glb.pack(mutated_value(dice, document), buffer)
        return mutated(dice, model) if dice.random() < 0.2 else model

    def _wrong_download(self, dice: random.Random) -> tuple[bytes, str | None]:
        """The body of an answer, and which asset is wanted of it."""
        model = self._wrong_model(dice) if dice.random() < 0.5 else self._model
        text = base64.b64encode(model)
        wanted = None
        match dice.randrange(6):
            case 0:
                body = model
            case 1:
                body = text
            case 2:
                body = URI + text
            case 3:
                body = b'{"data":"' + URI.replace(b";base64,", b",base64;") + text + b'"}'
            case 4:
                body = b'{"status":"ready","data":"' + URI + text.replace(b"/", b"\\/") + b'","id":7}'
            case _:
                other = base64.b64encode(b"glTF, but another").decode()
                items = [{"id": "1", "data": other}, {"id": "2", "data": (URI + text).decode()}]
                body, wanted = text_of({"outputs": items}), dice.choice(("1", "2", "3"))
        return (mutated(dice, body) if dice.random() < 0.8 else body), wanted

    def _giant(self, name: str) -> object:
        """Play what is too much."""
        body = self._body
        kind = name.partition(":")[0]
        if kind == "GLB":
            content = body + b" " * (-len(body) % 4)
            chunk = len(content).to_bytes(4, "little") + b"JSON" + content
            self._path.write_bytes(b"glTF\2\0\0\0" + (len(chunk) + 12).to_bytes(4, "little") + chunk)
            return check_glb(self._path)
        self._answers.reply = body if body.startswith(b"HTTP/") else _http(200, body)
        calls = {
            "flow": lambda: self._client.flow("66aa"),
            "outputs": lambda: self._client.outputs("66aa"),
            "download": self._download,
        }
        return calls[kind]()


def _model() -> bytes:
    """A triangle with a material and a picture, of about 1 KB."""
    corners = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]], dtype=np.float32)
    mesh = glb.Mesh(corners, np.ones((3, 3)), corners[:, :2], np.array([[0, 1, 2]]), material=0)
    picture = b"\x89PNG\r\n\x1a\n" + bytes(64)
    return glb.build([mesh], [glb.Material(base_color_image=picture)], [glb.Node(mesh=0)])


def _document(members: bytes) -> bytes:
    return b'{"asset":{"version":"2.0"},' + members + b"}"


def _status(dice: random.Random) -> int:
    return 200 if dice.random() < 0.75 else dice.choice(REFUSALS)


def _wrong_json(dice: random.Random, value: Any) -> bytes:
    sample = COMPLAINT if dice.random() < 0.2 else value
    text = text_of(mutated_value(dice, sample))
    return mutated(dice, text) if dice.random() < 0.4 else text


def _http(status: int, body: bytes, *headers: str) -> bytes:
    lines = [
        f"HTTP/1.1 {status} As It Is",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        *headers,
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def _pieces(dice: random.Random, body: bytes) -> Iterator[bytes]:
    size = dice.choice((1, 7, 64, 4096, 1 << 16))
    return (body[at : at + size] for at in range(0, len(body), size))


_MIB = 1 << 20
_ZIPPED = "Content-Encoding: gzip"

GIANTS: dict[str, Callable[[], bytes]] = {
    "flow: deep": lambda: b"[" * 1_000_000,
    "download: deep": lambda: b'{"data":' + b"[" * 1_000_000,
    "GLB: deep": lambda: b'{"asset":{"version":"2.0"},"x":' + b"[" * 1_000_000,
    "outputs: as many as fit": lambda: b"[" + b'{"id":"1"},' * (15 * _MIB // 11) + b"{}]",
    "outputs: lists in a list": lambda: b"[" + b"[]," * (5 * _MIB) + b"[]]",
    "flow: a long word": lambda: b'{"id":"' + b"x" * (15 * _MIB) + b'"}',
    "flow: a long number": lambda: b'{"id":"1","progress":' + b"9" * (15 * _MIB) + b"}",
    "flow: a long reason": lambda: b'{"id":"1","error":"' + b"\\u0020" * (2 * _MIB) + b'"}',
    "flow: endless": lambda: b" " * (40 * _MIB),
    "flow: a bomb": lambda: _http(200, gzip.compress(bytes(256 * _MIB)), _ZIPPED),
    "download: a bomb": lambda: _http(200, gzip.compress(bytes(256 * _MIB)), _ZIPPED),
    "flow: a long header": lambda: _http(200, b"{}", "X-Long: " + "x" * 100_000),
    "flow: many headers": lambda: _http(200, b"{}", *(f"X-{at}: 1" for at in range(5_000))),
    "GLB: many accessors": lambda: _document(b'"accessors":[' + b"{}," * (4 * _MIB) + b"{}]"),
    "GLB: many meshes": lambda: _document(b'"meshes":[' + b"{}," * (4 * _MIB) + b"{}]"),
    "download: blanks": lambda: b" " * (60 * _MIB),
    "download: keys": lambda: b"{" + b'"a":1,' * (2 * _MIB) + b'"a":1}',
}
"""What is too much, by what is asked for and what makes it so; made when it is needed, for it takes room."""
