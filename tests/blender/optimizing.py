"""Asks for meshes to be optimized, and looks at what came of that."""

import json

import bpy
import numpy as np
from generio_flows.core.messages import Message

from tests.blender import scenes


def optimize(*items: bpy.types.Object, **options: object) -> None:
    scenes.select(*items)
    assert bpy.ops.generio.optimize_selected(**options) == {"FINISHED"}


def runs(sandbox) -> int:
    return sandbox.stats()["run_total"]


def report(item: bpy.types.Object) -> dict:
    found = json.loads(item.data["generio_report"])
    return found | {name: [Message.from_data(data) for data in found[name]] for name in ("lost", "told")}


def posed(item: bpy.types.Object) -> np.ndarray:
    shape = item.evaluated_get(bpy.context.evaluated_depsgraph_get()).data
    points = np.empty(len(shape.vertices) * 3, dtype=np.float32)
    shape.vertices.foreach_get("co", points)
    return points.reshape(-1, 3)


def grid() -> bpy.types.Object:
    bpy.ops.mesh.primitive_grid_add(x_subdivisions=40, y_subdivisions=40, size=0.002)
    return bpy.context.object
