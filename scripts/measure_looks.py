# SPDX-License-Identifier: GPL-3.0-or-later
"""How much of the base color is right on a light mesh whose UVs were lost, with the baked maps and without.

    .venv/bin/python scripts/measure_looks.py [--size 1024] [--keep 0.06] [--models FOLDER]

The models are those of measure_bakes.py, with a texture. Each is reduced by Blender's own
decimation and loses its UV maps; then it is baked as a converter does it. Eight cameras around it see the
base color, rendered by Cycles; what is told is the mean difference to the original. Exits with 1 where that
is not halved at least.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from mathutils import Matrix, Vector

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from scripts.measure_bakes import chosen, lightened, module

CAMERAS = 8
PIXELS = 192

MOST_LEFT = 0.5
"""Of the difference that there is without the maps."""


def textured(item: Any) -> Any:
    """The object, with a UV map and a picture on it."""
    if not item.data.uv_layers:
        item.data.uv_layers.new()
        bpy.context.view_layer.objects.active = item
        bpy.ops.object.mode_set(mode="EDIT")
        bpy.ops.mesh.select_all(action="SELECT")
        bpy.ops.uv.cube_project(cube_size=max(item.dimensions))  # large islands, as artists make them
        bpy.ops.object.mode_set(mode="OBJECT")
    image: Any = bpy.data.images.new("Colors", 256, 256)
    rows, columns = np.mgrid[0:256, 0:256] / 256.0
    colors = np.ones((256, 256, 4), dtype=np.float32)
    colors[:, :, 0], colors[:, :, 1] = rows, columns
    colors[:, :, 2] = (np.floor(rows * 8) + np.floor(columns * 8)) % 2
    image.pixels.foreach_set(colors.ravel())
    image.pack()
    material: Any = bpy.data.materials.new("Painted")
    if material.node_tree is None:  # before Blender 5.0 nodes had to be asked for
        material.use_nodes = True
    node = material.node_tree.nodes.new("ShaderNodeTexImage")
    node.image = image
    shader = next(node for node in material.node_tree.nodes if node.type == "BSDF_PRINCIPLED")
    material.node_tree.links.new(node.outputs["Color"], shader.inputs["Base Color"])
    item.data.materials.clear()
    item.data.materials.append(material)
    return item


def views(item: Any, name: Callable[[str], Any] = module) -> list[np.ndarray[Any, Any]]:
    """The base color of an object that stands at the origin, seen from around it: H x W x 4 each.

    name: gives a module of the add-on. The materials of the object are other ones afterwards.
    """
    portrait, channels = name("scene.portrait"), name("scene.bake.channels")
    for index, material in enumerate(item.data.materials):
        item.data.materials[index] = material.copy()
    channels.Channels(item.data.materials).show("base_color")
    scene: Any = bpy.data.scenes.new("Looks")
    scene.collection.objects.link(item)
    low, *_, high, _ = map(Vector, item.bound_box)
    portrait.set_up(scene, low, high, PIXELS, samples=4)
    first = scene.camera.matrix_basis.copy()
    seen: list[np.ndarray[Any, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(CAMERAS):
            turn = Matrix.Rotation(math.tau * number / CAMERAS, 4, "Z")
            scene.camera.matrix_basis = turn @ first
            path = Path(folder, f"{number}.png")
            portrait.draw(scene, path)
            image: Any = bpy.data.images.load(str(path))
            values = np.empty(PIXELS * PIXELS * 4, dtype=np.float32)
            image.pixels.foreach_get(values)
            bpy.data.images.remove(image)
            seen.append(values.reshape(PIXELS, PIXELS, 4))
    bpy.data.scenes.remove(scene)
    return seen


def apart(some: list[np.ndarray[Any, Any]], others: list[np.ndarray[Any, Any]]) -> float:
    """How much pictures differ where both show something, on average, 0 to 1."""
    found = [
        np.abs(one - other)[..., :3][(one[..., 3] > 0.5) & (other[..., 3] > 0.5)]
        for one, other in zip(some, others, strict=True)
    ]
    return float(np.concatenate(found).mean())


def measured(
    item: Any, light: Any, size: int, name: Callable[[str], Any] = module
) -> tuple[float, float, list[str]]:
    """The differences without the maps and with them, and which maps there are; `light` has no UV map."""
    settings = name("scene.bake.settings").BakeSettings(size=size)
    with tempfile.TemporaryDirectory() as folder:
        snapshot, result = Path(folder, "snapshot-1.blend"), Path(folder, "result-1.blend")
        name("scene.export.snapshot").write_snapshot(item, snapshot, light=(light, settings))
        before = views(item, name)
        plain = bpy.data.objects.new("Plain", light)
        without = apart(before, views(plain, name))
        bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
        name("scene.bake.run").bake(str(snapshot), str(result), lambda _: None)
        maps = sorted(path.stem.removeprefix("result-1-") for path in result.parent.glob("*.png"))
        bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
        with bpy.data.libraries.load(str(result)) as (inside, wanted):  # pyright: ignore
            wanted.objects = inside.objects
        (baked,) = wanted.objects
        return without, apart(before, views(baked, name)), maps


def main() -> None:
    """Measure all models, and say so."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=1024)
    parser.add_argument("--keep", type=float, default=0.06)
    parser.add_argument("--models", type=Path)
    options = parser.parse_args()
    print("| model | without | with | left |\n| --- | --- | --- | --- |", file=sys.stderr)
    good = True
    for name, make in chosen(options.models).items():
        bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
        item = textured(make())
        light = lightened(item, options.keep)
        while light.uv_layers:
            light.uv_layers.remove(light.uv_layers[0])
        without, with_maps, _ = measured(item, light, options.size)
        left = with_maps / without
        good = good and left <= MOST_LEFT
        print(f"| {name} | {without:.4f} | {with_maps:.4f} | {left:.0%} |", file=sys.stderr, flush=True)
    sys.stderr.flush()
    os._exit(0 if good else 1)  # without Blender's teardown, which as a module may wait for ever


if __name__ == "__main__":
    main()
