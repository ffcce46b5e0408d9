# SPDX-License-Identifier: GPL-3.0-or-later
"""Nothing moves under the mouse, a double click makes one model, and models at one cursor stand apart."""

from itertools import pairwise

import bpy
from mathutils import Vector

from tests.gui import scene
from tests.gui.driver import Driver, Steps

STAY = ("Generate Model", "Optimize Selected", "Make LODs", "Heavy Objects")
ROUNDING = 2  # pixels
MANY = 9


def places(blender: Driver) -> Steps[dict[str, int]]:
    found: dict[str, int] = {}
    for label in STAY:
        found[label] = yield from blender.where(label)
    return found


def stay_in_place(blender: Driver) -> Steps[None]:
    scene.clear_view()
    yield from blender.open_tab("GENERIO")
    yield from blender.click("Options", number=1)
    for name in ("Selected Model", "Before and After", "Levels of Detail"):
        yield from blender.click(name)
    before = yield from places(blender)
    yield from blender.picture("calm-nothing-selected")

    def check(what: str) -> Steps[None]:
        now = yield from places(blender)
        moved = {label for label in STAY if abs(now[label] - before[label]) > ROUNDING}
        assert not moved, f"{moved} moved when {what}: {before} {now}"

    bpy.context.window_manager.generio.prompt = "A stone owl"
    yield 0.5
    yield from check("a prompt was entered")
    scene.add_heavy_mesh()
    monkey = bpy.data.objects[scene.HEAVY]
    monkey.modifiers.new("Weld", "WELD")
    monkey.shape_key_add(name="Basis")
    monkey.data.color_attributes.new("Paint", "FLOAT_COLOR", "POINT")
    scene.remember("dress it")
    yield 0.5
    yield from check("a mesh with much to lose was selected")
    yield from blender.picture("calm-much-to-lose")
    bpy.context.window_manager.generio.percent = 25.0
    heavy = scene.triangles(scene.HEAVY)
    yield from blender.click("Optimize Selected")
    yield from blender.wait_for(lambda: scene.triangles(scene.HEAVY) < heavy, "the light mesh")
    yield 1.0
    yield from check("it was optimized")
    yield from blender.picture("calm-optimized")
    bpy.ops.generio.generate_from_prompt(prompt="A stone owl", quality="LOW", variants=2)
    yield from blender.wait_for(lambda: len(scene.models("owl")) == 2, "two owls")
    owl = scene.models("owl")[0]
    monkey = bpy.data.objects[scene.HEAVY]
    monkey.select_set(False)
    owl.select_set(True)
    bpy.context.view_layer.objects.active = owl
    scene.remember("select an owl")
    yield 0.5
    assert not (yield from blender.is_greyed("Keep This One"))
    yield from check("a variant was selected")


def edit_an_original(blender: Driver) -> Steps[None]:
    """That an original was edited is told while others are used, and moves nothing."""
    scene.clear_view()
    scene.add_heavy_mesh()
    yield from blender.open_tab("GENERIO")
    yield from blender.click("Levels of Detail")
    original = bpy.data.objects[scene.HEAVY]
    bpy.ops.generio.optimize_selected(percent=50.0, placement="BESIDE")
    yield from blender.wait_for(lambda: len(copies()) == 1, "the copy")
    original.select_set(False)
    (copy,) = copies()
    copy.select_set(True)
    bpy.context.view_layer.objects.active = copy
    scene.remember("select the copy")
    yield 1.0
    before = yield from places(blender)
    original.data.vertices[0].co.z += 1.0
    original.data.update()
    scene.remember("edit the original")
    yield 2.0
    yield from blender.see("edited")
    now = yield from places(blender)
    yield from blender.picture("calm-original-edited")
    moved = {label for label in STAY if abs(now[label] - before[label]) > ROUNDING}
    assert not moved, f"{moved} moved: {before} {now}"


def copies() -> list[bpy.types.Object]:
    """The mesh objects beside the heavy one."""
    return [item for item in bpy.context.scene.objects if item.type == "MESH" and item.name != scene.HEAVY]


def double_click(blender: Driver) -> Steps[None]:
    scene.clear_view()
    rows = bpy.context.window_manager.generio.jobs
    before = len(rows)
    yield from blender.open_tab("GENERIO")
    yield from blender.type_into("Prompt", "A paper crane")
    yield from blender.click("Low")
    yield from blender.click("Generate Model", double=True)
    yield 3.0
    assert len(rows) == before + 1, [row.name for row in rows]
    yield from blender.wait_for(lambda: scene.models("crane"), "the crane")


def stand_apart(blender: Driver) -> Steps[None]:
    scene.clear_view()
    yield from blender.open_tab("GENERIO")
    for number in range(MANY):
        bpy.ops.generio.generate_from_prompt(prompt=f"Brass bell {number}", quality="LOW", variants=1)
    yield 2.0
    yield from blender.picture("calm-many-at-one-cursor")
    yield from blender.wait_for(lambda: len(scene.models("bell")) == MANY, "all bells")
    bpy.context.view_layer.update()
    spans = sorted(span(item) for item in scene.models("bell"))
    assert all(left[1] <= right[0] for left, right in pairwise(spans)), spans
    scene.views()[0].region_3d.view_distance = 25.0
    yield from blender.picture("calm-beside-each-other")


def span(item: bpy.types.Object) -> tuple[float, float]:
    """From where to where a model is along X."""
    parts = [part for part in (item, *item.children_recursive) if part.type == "MESH"]
    ends = [(part.matrix_world @ corner).x for part in parts for corner in map(Vector, part.bound_box)]
    return min(ends), max(ends)


ACTS = (stay_in_place, edit_an_original, double_click, stand_apart)
