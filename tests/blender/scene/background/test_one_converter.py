"""What a converter makes of a model does not depend on the models that it had before.

200 models go through one converter, and in another order through a second one; a dozen of them also through
a fresh converter each.
"""

import importlib
import io
import json
import os
import random
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import bpy
import numpy as np
import pytest
from PIL import Image

from tests.blender import scenes
from tests.blender.conftest import EXTENSION
from tests.faults.mutate import mutated_value
from tests.sandbox import glb
from tests.sandbox.generate import from_prompt

COUNT = 200
EXPORTS = 60
"""So many of these are snapshots that become a GLB; the others are GLB files that become a .blend."""

FRESH = 12
NAMES = (
    "Scene",
    "Cube",
    "Material",
    "Material.001",
    "Ä",
    "Lamp",
    "Lamp",
    "x" * 70,
    "Collection",
    "UVMap",
    "",
)


def picture(dice: random.Random) -> bytes:
    out = io.BytesIO()
    side = dice.choice((1, 4, 16))
    colour = tuple(dice.randrange(256) for _ in range(3))
    Image.new("RGB", (side, side), colour).save(out, dice.choice(("PNG", "JPEG")))
    return out.getvalue()


def odd_glb(dice: random.Random) -> bytes:
    """Meshes, empties and materials, many of the same names."""
    materials = [
        glb.Material(
            dice.choice(NAMES),
            tuple(dice.random() for _ in range(4)),  # type: ignore[arg-type]
            dice.random(),
            dice.random(),
            picture(dice) if dice.random() < 0.5 else None,
            picture(dice) if dice.random() < 0.2 else None,
        )
        for _ in range(dice.randrange(4))
    ]
    meshes = []
    for _ in range(dice.randrange(1, 5)):
        count = dice.randrange(3, 40)
        points = np.array([[dice.uniform(-1, 1) for _ in range(3)] for _ in range(count)], np.float32)
        triangles = np.array([dice.sample(range(count), 3) for _ in range(2 * count)])
        up = np.tile(np.float32([0, 1, 0]), (count, 1))
        material = dice.randrange(len(materials)) if materials and dice.random() < 0.8 else None
        meshes.append(glb.Mesh(points, up, points[:, :2], triangles, dice.choice(NAMES), material))
    nodes = [glb.Node(dice.choice(NAMES), mesh=number) for number in range(len(meshes))]
    for _ in range(dice.randrange(3)):
        child = nodes.pop()
        place = tuple(dice.uniform(-3, 3) for _ in range(3))
        nodes.append(
            glb.Node(dice.choice(NAMES), None, place, children=(child, glb.Node(dice.choice(NAMES))))
        )
    return glb.build(meshes, materials, nodes)


def broken(dice: random.Random, content: bytes) -> bytes:
    document, buffer = glb.unpack(content)
    text = json.dumps(mutated_value(dice, document)).encode("utf-8", "surrogatepass")
    text += b" " * (-len(text) % 4)
    chunks = (
        struct.pack("<I4s", len(text), b"JSON") + text + struct.pack("<I4s", len(buffer), b"BIN\0") + buffer
    )
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks


def glbs(addon, folder: Path, count: int) -> Iterator[Path]:
    """Files that pass the first check, as all that comes to a converter; every fifth is broken."""
    number = made = 0
    while made < count:
        dice, path = random.Random(number), folder / f"model-{number}.glb"
        kind = number % 5
        path.write_bytes(
            from_prompt(f"lamp {number}", quality="low", seed=number, texture=number % 2 == 0)
            if kind == 0 and number % 4 == 0
            else broken(dice, odd_glb(dice))
            if kind == 1
            else odd_glb(dice)
        )
        number += 1
        try:
            addon.api.check_glb(path)
        except addon.api.FlowsError:
            continue
        made += 1
        yield path


def snapshots(addon, folder: Path, count: int) -> Iterator[Path]:
    """Of meshes with materials, pictures, shape keys and layers, many of the same names."""
    for number in range(count):
        dice = random.Random(number)
        item = scenes.ball(dice.choice(NAMES), dice.randrange(4, 16), dice.randrange(3, 9))
        for _ in range(dice.randrange(4)):
            made = scenes.textured if dice.random() < 0.4 else bpy.data.materials.new
            item.data.materials.append(
                made(dice.choice(NAMES) or "Material") if dice.random() < 0.9 else None
            )
        for face in item.data.polygons:
            face.material_index = dice.randrange(max(1, len(item.data.materials)))
        if dice.random() < 0.3:
            item.shape_key_add(name="Basis")
            item.shape_key_add(name=dice.choice(NAMES))
        if dice.random() < 0.3:
            item.data.color_attributes.new(dice.choice(NAMES) or "Color", "BYTE_COLOR", "CORNER")
        path = folder / f"job-{number}" / f"snapshot-{number}.blend"
        addon.scene.export.snapshot.write_snapshot(item, path)
        if number % 10 == 9:  # no file of Blender's any more
            path.write_bytes(path.read_bytes()[: dice.randrange(2000)])
        bpy.data.batch_remove([*bpy.data.objects, *bpy.data.meshes, *bpy.data.materials, *bpy.data.images])
        yield path


@pytest.fixture
def one(addon, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], Any]]:
    """Makes what has one converter, which never is replaced."""
    engine = importlib.import_module(f"{EXTENSION}.engine.conversion")
    converters = importlib.import_module(f"{EXTENSION}.engine.converters")
    monkeypatch.setattr(converters, "MOST_TASKS", 10 * COUNT)
    monkeypatch.setattr(converters, "MOST_GROWTH", 1 << 40)
    made: list[Any] = []

    def make() -> Any:
        made.append(engine.Conversion(addon.scene.background.here.converter_command()))
        return made[-1]

    yield make
    for conversion in made:
        conversion.close()


def result(conversion: Any, source: Path, folder: Path) -> object:
    """What comes of a model: the GLB, the report, or a sentence."""
    folder.mkdir()
    try:
        if source.suffix == ".blend":
            (folder / "one").mkdir()
            snapshot = folder / "one" / source.name
            os.link(source, snapshot)
            conversion.make_input(snapshot, folder / "one" / "input.glb", lambda: False)
            return (folder / "one" / "input.glb").read_bytes()
        conversion.to_blend(source, folder / "result.blend", lambda: False)
    except Exception as error:
        return f"{type(error).__name__}: {error}".replace(str(folder), "")
    pictures = sorted(path.read_bytes() for path in folder.glob("result-*"))
    return [json.loads((folder / "result.json").read_text()), pictures]


def test_what_is_made_of_a_model_does_not_depend_on_those_before(addon, one, tmp_path: Path):
    sources = [
        *glbs(addon, tmp_path, COUNT - EXPORTS),
        *snapshots(addon, tmp_path, EXPORTS),
    ]
    random.Random(7).shuffle(sources)
    rows = []
    for run, order in enumerate((sources, sources[::-1])):
        conversion = one()
        (tmp_path / f"run-{run}").mkdir()
        rows.append(
            {
                source: result(conversion, source, tmp_path / f"run-{run}" / str(number))
                for number, source in enumerate(order)
            }
        )
        (converter,) = conversion._converters._free
        assert converter._tasks == COUNT, "one did all of them"
    differ = [source.name for source in sources if rows[0][source] != rows[1][source]]
    assert differ == []
    failed = [source for source in sources if isinstance(rows[0][source], str)]
    assert 10 < len(failed) < COUNT / 4
    (tmp_path / "fresh").mkdir()
    for number, source in enumerate(sources[:: COUNT // FRESH][:FRESH]):
        conversion = one()
        assert result(conversion, source, tmp_path / "fresh" / str(number)) == rows[0][source], source.name
        conversion.close()
