"""What the tests of the sandbox call it with: plain requests, and models and pictures to send."""

import base64
import io
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import requests
from PIL import Image

from tests.sandbox import glb

PROMPT = "model_generate_fromprompt"
IMAGE = "model_generate_fromimage"
OPTIMIZE = "model_optimize"
TERMINAL = ("completed", "failed", "aborted")


class Caller:
    """One keep-alive session with a key; closes with `with`."""

    def __init__(self, url: str, key: str) -> None:
        self._url = url
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers["Authorization"] = f"Bearer {key}"

    def __enter__(self) -> "Caller":
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        return self._session.request(method, self._url + path, timeout=60, allow_redirects=False, **options)

    def get(self, path: str, **query: Any) -> Any:
        answer = self.call("GET", path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, **body: Any) -> Any:
        answer = self.call("POST", path, json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def create(self, template: str, *data: str, **parameters: Any) -> str:
        """Create a flow, which starts at once when there is data; its id."""
        inputs = (
            {"inputs": [{"data": item, "additional": {"ref": item[:8]}} for item in data]} if data else {}
        )
        return self.post(
            "/flows", template=template, parameters=parameters, additional={"token": "t"}, **inputs
        )["flow_id"]

    def wait(self, flow_id: str) -> dict[str, Any]:
        """Poll until the flow has ended; its details."""
        while True:
            flow = self.get(f"/flows/{flow_id}")
            if flow["state"] in TERMINAL:
                return flow
            time.sleep(0.01)

    def wait_for(self, flow_id: str, state: str) -> None:
        """Poll until the flow is in `state`, through which it is known to pass."""
        while (now := self.get(f"/flows/{flow_id}")["state"]) != state:
            assert now not in TERMINAL
            time.sleep(0.005)

    def outputs(self, flow_id: str, **query: Any) -> list[dict[str, Any]]:
        return self.get(f"/flows/{flow_id}/outputs", **query)["outputs"]

    def result(self, flow_id: str) -> bytes:
        """Download the first output of a flow that ends well."""
        flow = self.wait(flow_id)
        assert flow["state"] == "completed", flow
        output = self.outputs(flow_id)[0]
        answer = self.call("GET", f"/flows/{flow_id}/outputs/{output.get('asset_id') or output['id']}")
        assert answer.status_code == 200
        return answer.content if answer.content.startswith(b"glTF") else decode(answer.json()["data"])


def encode(mime: str, data: bytes) -> str:
    return f"data:{mime};base64,{base64.b64encode(data).decode()}"


def decode(uri: str) -> bytes:
    return base64.b64decode(uri.partition(";base64,")[2], validate=True)


def picture(form: str = "PNG", size: tuple[int, int] = (96, 48), mode: str = "RGB") -> bytes:
    """Paint an image file with a gradient and a bright disc."""
    width, height = size
    across, down = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    disc = (across - 0.5) ** 2 + (down - 0.5) ** 2 < 0.1
    channels = {"R": across, "G": down, "B": disc, "A": disc, "L": across}
    pixels = (np.stack([channels[letter] for letter in mode], axis=-1) * 255).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels[..., 0] if len(mode) == 1 else pixels).save(file, form)
    return file.getvalue()


def bumpy_sheet(edge: int) -> glb.Mesh:
    """Make a square of 2 * edge * edge triangles, 2 m wide, with UVs and the first material."""
    line = np.linspace(0.0, 1.0, edge + 1)
    across, up = np.meshgrid(line, line)
    height = 0.1 * np.sin(9 * across) * np.cos(7 * up)
    corner = np.arange((edge + 1) ** 2).reshape(edge + 1, edge + 1)
    here, right, above, beyond = corner[:-1, :-1], corner[:-1, 1:], corner[1:, :-1], corner[1:, 1:]
    triangles = np.concatenate([np.stack([here, right, beyond], -1), np.stack([here, beyond, above], -1)])
    positions = np.stack([2 * across - 1, 2 * up - 1, height], axis=-1).reshape(-1, 3).astype(float)
    normals = np.broadcast_to((0.0, 0.0, 1.0), positions.shape)
    uvs = np.stack([across, 1 - up], axis=-1).reshape(-1, 2).astype(float)
    return glb.Mesh(positions, normals, uvs, triangles.reshape(-1, 3), "Sheet", material=0)


def heavy_model(edge: int = 160) -> bytes:
    """Make a GLB of 4 * edge * edge triangles: a textured mesh, shown by a node and by its child."""
    material = glb.Material("Painted", base_color_image=picture(), roughness=0.3)
    child = glb.Node("Child", mesh=0, translation=(0.0, 0.0, 1.0))
    turned = (0.0, 0.7071067811865476, 0.0, 0.7071067811865476)
    parent = glb.Node(
        "Parent",
        mesh=0,
        translation=(3.0, 2.0, 1.0),
        rotation=turned,
        scale=(2.0, 2.0, 2.0),
        children=[child],
    )
    return glb.build([bumpy_sheet(edge)], [material], [parent])


def mesh_data(data: bytes) -> Mapping[str, np.ndarray]:
    """POSITION, NORMAL, TEXCOORD_0 and the triangles (as "indices") of a GLB's first primitive."""
    document, buffer = glb.unpack(data)
    primitive = document["meshes"][0]["primitives"][0]
    kinds = {5126: "<f4", 5123: "<u2", 5125: "<u4", 5121: "u1"}
    columns = {"SCALAR": 3, "VEC2": 2, "VEC3": 3}

    def read(index: int) -> np.ndarray:
        accessor = document["accessors"][index]
        start = document["bufferViews"][accessor["bufferView"]].get("byteOffset", 0)
        width = columns[accessor["type"]]
        count = accessor["count"] * (1 if accessor["type"] == "SCALAR" else width)
        kind = kinds[accessor["componentType"]]
        return np.frombuffer(buffer, kind, count, start + accessor.get("byteOffset", 0)).reshape(-1, width)

    return {name: read(index) for name, index in primitive["attributes"].items()} | {
        "indices": read(primitive["indices"])
    }


def image_files(data: bytes) -> list[bytes]:
    """List the embedded image files of a GLB."""
    document, buffer = glb.unpack(data)
    views = [document["bufferViews"][image["bufferView"]] for image in document.get("images", [])]
    return [buffer[view["byteOffset"] : view["byteOffset"] + view["byteLength"]] for view in views]
