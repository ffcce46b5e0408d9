"""Apply takes what is seen, also where that comes from the frames before."""

from typing import Any

import bpy
import numpy as np
import pytest

from tests.blender import scenes, stacks

pytestmark = pytest.mark.usefixtures("sends_what_is_light")

LAST = 12
"""The frame that is looked at."""


def play(first: int = 1) -> None:
    scene = bpy.context.scene
    scene.frame_start, scene.frame_end = 1, LAST
    for frame in range(first, LAST + 1):
        scene.frame_set(frame)
        bpy.context.view_layer.update()


def grid(name: str = "Flag") -> bpy.types.Object:
    bpy.ops.mesh.primitive_grid_add(x_subdivisions=8, y_subdivisions=8)
    item = bpy.context.object
    item.name = item.data.name = name
    return item


def falls(modifier: Any) -> None:
    """A simulation zone in which everything moves down a little on each frame."""
    group: Any = bpy.data.node_groups.new("Falls", "GeometryNodeTree")
    for way in ("INPUT", "OUTPUT"):
        group.interface.new_socket("Geometry", in_out=way, socket_type="NodeSocketGeometry")
    first, last = map(group.nodes.new, ("NodeGroupInput", "NodeGroupOutput"))
    begin, end = map(group.nodes.new, ("GeometryNodeSimulationInput", "GeometryNodeSimulationOutput"))
    begin.pair_with_output(end)
    move = group.nodes.new("GeometryNodeSetPosition")
    move.inputs["Offset"].default_value = (0.0, 0.0, -0.1)
    group.links.new(first.outputs[0], begin.inputs["Geometry"])
    group.links.new(begin.outputs["Geometry"], move.inputs["Geometry"])
    group.links.new(move.outputs["Geometry"], end.inputs["Geometry"])
    group.links.new(end.outputs["Geometry"], last.inputs[0])
    modifier.node_group = group


def simulated(kind: str) -> bpy.types.Object:
    item = grid()
    modifier: Any = item.modifiers.new("Simulated", kind)
    if kind == "NODES":
        falls(modifier)
    elif kind == "SOFT_BODY":
        modifier.settings.goal_default = 0.1
    return item


def points(mesh: bpy.types.Mesh) -> np.ndarray:
    values = np.empty((len(mesh.vertices), 3), dtype=np.float32)
    mesh.vertices.foreach_get("co", values.ravel())
    return values


def applied(addon, items: list[bpy.types.Object]) -> np.ndarray:
    """Where the vertices of what is sent of `items`, which share a mesh, are."""
    groups = {items[0].data: items}
    with addon.scene.export.evaluate.batches(bpy.context, groups, True, True) as (batch,):
        return points(batch.mesh)


@pytest.mark.parametrize("kind", ["CLOTH", "SOFT_BODY", "NODES"])
def test_a_simulation_is_applied_as_it_is_seen_on_this_frame(addon, kind: str):
    item = simulated(kind)
    flat = points(item.data)
    item.modifiers.new("Thick", "SOLIDIFY")
    play()
    seen, there = stacks.shape(item), [modifier.name for modifier in item.modifiers]
    assert np.abs(seen[: len(flat)] - flat).max() > 0.02
    assert np.allclose(applied(addon, [item]), seen, atol=1e-6)
    assert [modifier.name for modifier in item.modifiers] == there
    assert np.allclose(stacks.shape(item), seen, atol=1e-6)
    assert not [group.name for group in bpy.data.node_groups if group.name.startswith("GENERIO")]


def test_as_blender_itself_applies_it(addon):
    item = simulated("CLOTH")
    play()
    ours = applied(addon, [item])
    scenes.select(item)
    bpy.ops.object.modifier_apply(modifier="Simulated")
    assert np.allclose(ours, points(item.data), atol=1e-6)


def test_an_armature_is_left_out_of_an_applied_simulation_and_stays_on(addon):
    item = simulated("CLOTH")
    bones = bpy.data.objects.new("Bones", bpy.data.armatures.new("Bones"))
    bpy.context.scene.collection.objects.link(bones)
    scenes.select(bones)
    bpy.ops.object.mode_set(mode="EDIT")
    bone = bones.data.edit_bones.new("Bone")
    bone.tail = (0.0, 0.0, 1.0)
    bpy.ops.object.mode_set(mode="OBJECT")
    item.vertex_groups.new(name="Bone").add(range(len(item.data.vertices)), 1.0, "REPLACE")
    play()
    fallen = stacks.shape(item)
    armature = item.modifiers.new("Armature", "ARMATURE")
    armature.object = bones
    bones.pose.bones["Bone"].location.x = 3.0
    active = item.modifiers.active.name
    posed = stacks.shape(item)
    assert np.abs(posed - fallen).max() > 2
    assert np.allclose(applied(addon, [item]), fallen, atol=1e-6)
    assert armature.show_viewport
    assert item.modifiers.active.name == active
    assert np.allclose(stacks.shape(item), posed, atol=1e-6)


def test_what_is_seen_comes_to_the_object(addon):
    item = simulated("CLOTH")
    play()
    lowest = stacks.shape(item)[:, 2].min()
    assert lowest < -0.02
    scenes.select(item)
    assert bpy.ops.generio.optimize_selected(polygon_count=10_000, modifier_mode="APPLY") == {"FINISHED"}
    assert not item.modifiers
    assert points(item.data)[:, 2].min() == pytest.approx(lowest, abs=1e-5)
