"""What is optimized again is compared with what it was at first, as long as that is kept."""

import json
from types import ModuleType
from typing import Any

import bpy
import pytest
from generio_flows.core.messages import Message

from tests.blender import scenes


def optimize(item: bpy.types.Object, **options: object) -> dict[str, Any]:
    """Optimize `item`; returns the report."""
    scenes.select(item)
    assert bpy.ops.generio.optimize_selected(**options) == {"FINISHED"}
    found = json.loads(item.data["generio_report"])
    return found | {name: [Message.from_data(data) for data in found[name]] for name in ("lost", "told")}


def hint(addon: ModuleType) -> str:
    """What the panel says about the target."""
    addon.panels.selection_report.selection_report()._views.clear()
    panel = bpy.context.window_manager.generio
    return addon.panels.optimize._hint(
        panel, addon.panels.selection_report.selection_report().drawn(bpy.context)
    )


def test_report_percent_and_before_speak_of_the_first_mesh(addon):
    item = scenes.ball()
    item.data.materials.append(scenes.textured("Paint"))
    item.shape_key_add(name="Basis")
    heavy = scenes.triangles(item)
    panel = bpy.context.window_manager.generio
    panel.target, panel.percent = "PERCENT", 25
    assert hint(addon) == f"25% of {heavy:,}: {heavy // 4:,} triangles"
    first = optimize(item, target="PERCENT", percent=50)
    second = optimize(item, target="PERCENT", percent=10)
    assert scenes.triangles(item) <= heavy // 10, "and not a tenth of the half"
    assert scenes.triangles(item) > heavy // 12
    assert second["before"] == first["before"]
    assert second["before"]["triangles"] == heavy
    assert second["after"]["triangles"] == scenes.triangles(item)
    assert second["lost"] == ["shape keys"], "which the mesh in between had lost already"
    assert second["deviation"]["max"] > first["deviation"]["max"]
    assert hint(addon) == f"25% of {heavy:,}, no reduction"
    bpy.ops.generio.show_version(version="BEFORE")
    assert scenes.triangles(item) == second["before"]["triangles"]
    assert hint(addon) == f"25% of {heavy:,}: {heavy // 4:,} triangles"


def test_what_has_been_accepted_is_the_first_mesh_from_then_on(addon):
    item = scenes.ball()
    optimize(item, target="PERCENT", percent=50)
    half = scenes.triangles(item)
    bpy.ops.generio.accept_optimized()
    report = optimize(item, target="PERCENT", percent=50)
    assert report["before"]["triangles"] == half
    assert 0.4 * half < scenes.triangles(item) <= half / 2


def test_applied_modifiers_are_in_the_first_figures(addon):
    item = scenes.ball(segments=24, rings=12)
    item.modifiers.new("Subdivision", "SUBSURF")
    first = optimize(item, target="PERCENT", percent=50, modifier_mode="APPLY")
    made = first["before"]["triangles"]
    assert made > 2 * scenes.triangles(item) - 100
    second = optimize(item, target="PERCENT", percent=10)
    assert scenes.triangles(item) <= made / 10
    assert second["before"] == first["before"]
    bpy.ops.generio.revert_optimized()
    assert [modifier.name for modifier in item.modifiers] == ["Subdivision"]


def test_modifiers_that_are_applied_later_count_for_the_first_mesh_too(addon):
    item = scenes.ball(segments=24, rings=12)
    item.modifiers.new("Subdivision", "SUBSURF")
    made = scenes.triangles(item.evaluated_get(bpy.context.evaluated_depsgraph_get()))
    assert made > 4 * scenes.triangles(item)
    optimize(item, target="PERCENT", percent=50)
    meshes = {mesh.name for mesh in bpy.data.meshes}
    second = optimize(item, target="PERCENT", percent=10, modifier_mode="APPLY")
    assert 0.9 * made / 10 < scenes.triangles(item) <= made / 10
    assert second["before"]["triangles"] == made
    assert {mesh.name for mesh in bpy.data.meshes} == meshes, "what was made for the comparison is gone"


@pytest.mark.parametrize("choice", ["accept", "revert"])
def test_what_was_chosen_while_it_was_made_decides_what_it_is_compared_with(addon, sandbox, choice: str):
    item = scenes.ball()
    heavy = scenes.triangles(item)
    optimize(item, target="PERCENT", percent=50)
    half = scenes.triangles(item)
    versions = addon.scene.versions
    report = {"before": {"triangles": half, "vertices": len(item.data.vertices)}, "after": {}, "lost": ["a"]}
    original = versions.hidden_mesh(item)
    report["first"] = {
        "before": {"triangles": heavy, "vertices": len(original.vertices), "materials": 0},
        "lost": ["b"],
    }
    getattr(versions, choice)(item)
    told = versions.since_the_first(item, report)
    assert (told["before"]["triangles"], told["lost"]) == (
        (half, ["a"]) if choice == "accept" else (heavy, ["b"])
    )
