"""How far optimized meshes are shaded from their originals, with the baked maps and without, as a table.

    .venv/bin/python scripts/measure_bakes.py [--size 2048] [--keep 0.06] [--models FOLDER]

The models are made here: forms with fine displacement, some with UV maps and some without; and whatever OBJ
files are in FOLDER. Each is reduced by Blender's own decimation to the share that is kept, and baked as a
converter does it. Exits with 1 where the error is not a fifth or less.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
import tempfile
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bpy

ROOT = Path(__file__).resolve().parents[1]

MOST_OF_ERROR = 0.2


def module(name: str) -> Any:
    """A module of the checkout, as a package."""
    if "measured" not in sys.modules:
        package = types.ModuleType("measured")
        package.__path__ = [str(ROOT)]
        sys.modules["measured"] = package
    return importlib.import_module(f"measured.{name}")


def add(operator: Callable[..., object], **options: Any) -> Any:
    """The object that an operator adds."""
    operator(**options)
    return bpy.context.object


def displaced(item: Any, levels: int, *waves: tuple[Any, float, float]) -> Any:
    """The object, subdivided and displaced by textures: kind, size and strength of each, Blender units."""
    if levels:
        item.modifiers.new("Subdivide", "SUBSURF").levels = levels
    for number, (kind, size, strength) in enumerate(waves):
        texture: Any = bpy.data.textures.new(f"{kind} {number}", kind)
        texture.noise_scale = size
        modifier = item.modifiers.new("Displace", "DISPLACE")
        modifier.texture, modifier.strength = texture, strength
    bpy.ops.object.convert(target="MESH")
    bpy.ops.object.shade_smooth()
    return item


def without_uvs(item: Any) -> Any:
    """The object, without UV maps."""
    while item.data.uv_layers:
        item.data.uv_layers.remove(item.data.uv_layers[0])
    return item


def pebble() -> Any:
    """A form like a sculpt, with its own UV map."""
    item = add(bpy.ops.mesh.primitive_cube_add)
    return displaced(item, 7, ("CLOUDS", 0.35, 0.12), ("CLOUDS", 0.08, 0.03))


def rock() -> Any:
    """A rough form without a UV map."""
    item = without_uvs(add(bpy.ops.mesh.primitive_ico_sphere_add, subdivisions=7))
    return displaced(item, 0, ("VORONOI", 0.5, 0.2), ("CLOUDS", 0.1, 0.04))


def scales() -> Any:
    """A ring of scales."""
    item = add(bpy.ops.mesh.primitive_torus_add, major_segments=320, minor_segments=160)
    return displaced(item, 0, ("VORONOI", 0.12, 0.03))


def cloth() -> Any:
    """A rectangle with folds, which is open."""
    item = add(bpy.ops.mesh.primitive_grid_add, x_subdivisions=300, y_subdivisions=300)
    return displaced(item, 0, ("CLOUDS", 0.5, 0.3), ("CLOUDS", 0.05, 0.01))


def monkey() -> Any:
    """Blender's head of a monkey, with rough skin; its UV map overlaps."""
    item = add(bpy.ops.mesh.primitive_monkey_add)
    return displaced(item, 4, ("CLOUDS", 0.06, 0.015))


MADE = {maker.__name__: maker for maker in (pebble, rock, scales, cloth, monkey)}


def loaded(path: Path) -> Any:
    """The model in an OBJ file, as it stands in that: the importer turns the object."""
    bpy.ops.wm.obj_import(filepath=str(path))
    item = bpy.context.selected_objects[0]
    item.matrix_basis.identity()
    bpy.context.view_layer.objects.active = item
    bpy.ops.object.shade_smooth()
    return item


def lightened(item: Any, share: float) -> Any:
    """What Blender's decimation makes of it."""
    modifier = item.modifiers.new("Decimate", "DECIMATE")
    modifier.ratio, modifier.use_collapse_triangulate = share, True
    graph = bpy.context.evaluated_depsgraph_get()
    mesh = bpy.data.meshes.new_from_object(
        item.evaluated_get(graph), preserve_all_data_layers=True, depsgraph=graph
    )
    item.modifiers.clear()
    return mesh


def measured(name: str, make: Callable[[], Any], size: int, share: float) -> bool:
    """Print a row of the table; returns whether the error is small enough."""
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    item = make()
    light = lightened(item, share)
    count = module("scene.meshes").triangle_count
    before, after = count(item.data), count(light)
    settings = module("scene.bake.settings").BakeSettings(size=size)
    with tempfile.TemporaryDirectory() as folder:
        snapshot, result = Path(folder, "snapshot-1.blend"), Path(folder, "result-1.blend")
        module("scene.export.snapshot").write_snapshot(item, snapshot, light=(light, settings))
        bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
        module("scene.bake.run").bake(str(snapshot), str(result), lambda _: None)
        figures = json.loads(result.with_suffix(".json").read_text(encoding="utf-8"))["bake"]
    without, with_maps = figures["without"], figures["with"]
    share_left = with_maps["mean"] / without["mean"]
    print(
        f"| {name} | {before:,} | {after:,} | {'new' if figures['new_uv_map'] else 'own'} | "
        f"{without['mean']:.2f} ({without['p95']:.1f}) | {with_maps['mean']:.2f} ({with_maps['p95']:.1f}) | "
        f"{share_left:.0%} | {figures['misses']:.2%} | {figures['seconds']:.1f} |",
        file=sys.stderr,
        flush=True,
    )
    return share_left <= MOST_OF_ERROR


def chosen(folder: Path | None) -> dict[str, Callable[[], Any]]:
    """The models that are made here, and those in a folder: what brings each into the file, by name."""
    models: dict[str, Callable[[], Any]] = {**MADE}
    for path in sorted(folder.glob("*.obj")) if folder else ():
        models[path.stem] = lambda path=path: loaded(path)
    return models


def main() -> None:
    """Measure all models, and say so."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=2048)
    parser.add_argument("--keep", type=float, default=0.06)
    parser.add_argument("--models", type=Path)
    options = parser.parse_args()
    print(
        "| model | triangles | kept | UVs | without: mean (p95) ° | with ° | left | misses | s |\n"
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
        file=sys.stderr,
    )
    models = chosen(options.models).items()
    good = [measured(name, make, options.size, options.keep) for name, make in models]
    sys.stderr.flush()
    os._exit(0 if all(good) else 1)  # without Blender's teardown, which as a module may wait for ever


if __name__ == "__main__":
    main()
