"""Whatever is swapped is swapped whole or not at all."""

import json
from typing import Any

import bpy
import numpy as np
import pytest

from tests.blender import scenes, stacks

pytestmark = pytest.mark.usefixtures("sends_what_is_light")


def begin(addon, item: bpy.types.Object, apply: bool = True) -> bpy.types.Mesh:
    """Optimize `item` as the service would; returns its mesh before."""
    versions, before = addon.scene.versions, item.data
    after = bpy.data.meshes.new("Light")
    after.from_pydata([(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)], [], [(0, 2, 1), (0, 1, 3)])
    after[versions.REPORT] = json.dumps({})
    names = [modifier.name for modifier in addon.scene.modifiers.applicable(item)]
    versions.install([item], after, {item: names} if apply else None)
    return before


def look(item: bpy.types.Object) -> list[dict[str, Any]]:
    return [stacks.settings(modifier) for modifier in item.modifiers]


def everything() -> dict[str, list[str]]:
    kinds = ("objects", "meshes", "materials", "node_groups", "images", "collections")
    return {kind: sorted(item.name for item in getattr(bpy.data, kind)) for kind in kinds}


@pytest.mark.parametrize("kind", stacks.types())
def test_a_modifier_comes_back_as_it_was(addon, kind: str):
    item = stacks.stack(kind)
    before, shape, there = look(item), stacks.shape(item), everything()
    active = item.modifiers.active
    name = active.name if active else ""
    begin(addon, item)
    versions = addon.scene.versions
    versions.toggle(item)
    for was, now in zip(before, look(item), strict=True):
        assert {key: (was[key], now[key]) for key in was if was[key] != now.get(key)} == {}
    versions.toggle(item)
    assert {modifier.type for modifier in item.modifiers} <= addon.scene.modifiers.NEVER_APPLIED
    versions.revert(item)
    assert look(item) == before
    assert not name or item.modifiers.active.name == name
    assert stacks.shape(item).shape == shape.shape
    assert np.allclose(stacks.shape(item), shape, atol=1e-6)
    assert everything() == there


def refuse(addon, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Let Blender copy no modifier of this name to another object."""
    copy = addon.scene.modifiers._copy

    def as_blender_would(item: bpy.types.Object, source: bpy.types.Object, wanted: str) -> None:
        if wanted == name:
            raise RuntimeError(f"Error: Copying modifier '{name}' to object '{item.name}' failed")
        copy(item, source, wanted)

    monkeypatch.setattr(addon.scene.modifiers, "_copy", as_blender_would)


@pytest.mark.parametrize("way", ["show_version", "revert_optimized"])
def test_an_object_whose_modifiers_are_refused_stands_as_before(addon, way: str, monkeypatch):
    items = [stacks.stack("SOLIDIFY"), stacks.stack("SOLIDIFY")]
    for item in items:
        begin(addon, item)
    items[0].modifiers.new("Mine", "MIRROR")
    meshes = [item.data for item in items]
    before, there = look(items[0]), everything()
    stash = items[0][addon.scene.versions.STASH]
    kept = look(stash)
    refuse(addon, monkeypatch, "Last")
    scenes.select(*items)
    with pytest.raises(RuntimeError, match=r'"Ball.*was left as it is: Copying modifier'):
        getattr(bpy.ops.generio, way)()
    assert [item.data for item in items] == meshes
    assert look(items[0]) == before
    assert items[0][addon.scene.versions.STASH] == stash
    assert look(stash) == kept
    assert everything() == there
    monkeypatch.undo()
    assert getattr(bpy.ops.generio, way)() == {"FINISHED"}
    assert [modifier.name for modifier in items[0].modifiers] == ["First", "Tried", "Last"]


def test_what_one_object_cannot_have_is_no_reason_to_leave_another(addon, monkeypatch):
    first, second = stacks.stack("SOLIDIFY"), stacks.stack("SOLIDIFY")
    second.modifiers["Last"].name = "Other"
    for item in (first, second):
        begin(addon, item)
    refuse(addon, monkeypatch, "Last")
    scenes.select(first, second)
    with pytest.raises(RuntimeError, match="was left as it is"):
        bpy.ops.generio.revert_optimized()
    assert not first.modifiers
    assert [modifier.name for modifier in second.modifiers] == ["First", "Tried", "Other"]


def test_objects_that_share_a_mesh_change_together_or_not_at_all(addon, monkeypatch):
    first = stacks.stack("SOLIDIFY")
    second = stacks.linked(first.copy())
    second.modifiers["Last"].name = "Other"
    after, versions = bpy.data.meshes.new("Light"), addon.scene.versions
    after[versions.REPORT] = "{}"
    versions.install([first, second], after, {item: ["First", "Tried"] for item in (first, second)})
    refuse(addon, monkeypatch, "Other")
    with pytest.raises(addon.scene.errors.CannotSwap):
        versions.toggle(first)
    assert first.data == second.data == after
    assert [[modifier.name for modifier in item.modifiers] for item in (first, second)] == [
        ["Last"],
        ["Other"],
    ]


def first_level(addon):
    """Where the mesh of the first level of detail belongs."""
    return addon.core.destination.OptimizedMesh(mode=addon.scene.replace_mesh.LOD, level=1)


@pytest.mark.parametrize("kind", ["HOOK", "COLLISION", "SURFACE_DEFORM"])
def test_a_level_made_again_has_every_modifier(addon, kind: str):
    item = stacks.stack(kind)
    tried = look(item)
    swap, scene = addon.scene.replace_mesh, bpy.context.scene
    levels = []
    for _time in range(2):
        levels += swap.assign_mesh(scene, item.data.copy(), [item], first_level(addon))
    assert levels[0] == levels[1]
    assert look(levels[0]) == tried


def test_a_level_gets_a_hook_that_was_added_since(addon):
    item = stacks.stack("SOLIDIFY")
    swap, scene = addon.scene.replace_mesh, bpy.context.scene
    (level,) = swap.assign_mesh(scene, item.data.copy(), [item], first_level(addon))
    item.modifiers.new("Hook", "HOOK").vertex_indices_set([1, 2, 3])
    item.modifiers.new("Collides", "COLLISION")
    item.collision.damping = 0.4
    assert swap.assign_mesh(scene, item.data.copy(), [item], first_level(addon)) == [level]
    assert look(level) == look(item)


def test_a_level_that_cannot_be_made_again_stays_and_leaves_nothing_behind(addon, monkeypatch):
    item = stacks.stack("SOLIDIFY")
    swap, scene = addon.scene.replace_mesh, bpy.context.scene
    (level,) = swap.assign_mesh(scene, item.data.copy(), [item], first_level(addon))
    mesh, fresh = level.data, item.data.copy()
    before, there = look(level), everything()
    refuse(addon, monkeypatch, "Last")
    with pytest.raises(addon.scene.errors.CannotPlace):
        swap.assign_mesh(scene, fresh, [item], first_level(addon))
    assert (level.data, look(level)) == (mesh, before)
    assert everything() == there


@pytest.mark.parametrize("apply", [True, False])
def test_a_mesh_keeps_its_name_where_no_more_fits_into_one(addon, apply: bool):
    """Else Blender cuts off what is appended, so that both versions want the same name."""
    item = stacks.stack("SOLIDIFY")
    item.data.name = item.name = "表" * 200
    mesh, name, of_object = item.data, item.data.name, item.name
    begin(addon, item, apply)
    for version in ("BEFORE", "AFTER"):
        assert (item.data.name, item.name) == (name, of_object)
        bpy.ops.generio.show_version(version=version)
    assert mesh.name != item.data.name == name
    bpy.ops.generio.accept_optimized()
    assert (item.data.name, item.name) == (name, of_object)


def test_a_copy_is_told_from_an_original_with_the_longest_of_names(addon):
    item = stacks.stack("SOLIDIFY")
    item.name = "N" * 255
    swap, name = addon.scene.replace_mesh, item.name
    where = addon.core.destination.OptimizedMesh(mode=swap.COLLECTION)
    (copy,) = swap.assign_mesh(bpy.context.scene, item.data.copy(), [item], where)
    assert copy.name.endswith("_optimized")
    assert item.name == name


def shared_group(name: str, inner: bpy.types.NodeTree | None = None) -> Any:
    """A group of shader nodes with a picture in it, and with another group."""
    group: Any = bpy.data.node_groups.new(name, "ShaderNodeTree")
    group.nodes.new("ShaderNodeTexImage").image = scenes.checks(name, 32)
    if inner is not None:
        group.nodes.new("ShaderNodeGroup").node_tree = inner
    return group


def grouped() -> bpy.types.Material:
    """A material with one picture of its own, one in a group, and one in a group of that."""
    material = scenes.textured("Grouped")
    outer = shared_group("Outer", shared_group("Inner"))
    material.node_tree.nodes.new("ShaderNodeGroup").node_tree = outer
    return material


def test_pictures_in_groups_of_nodes_count(addon):
    item = scenes.ball("Ball", 16, 8)
    item.data.materials.append(grouped())
    figures = addon.scene.restore.compare.figures(item)
    assert figures["texture_bytes"] == 4 * (64 * 64 + 32 * 32 + 32 * 32)


@pytest.mark.parametrize("kept", ["", "Inner"])
def test_what_only_the_mesh_before_showed_is_freed_also_in_groups(addon, kept: str):
    item = scenes.ball("Ball", 16, 8)
    item.data.materials.append(grouped())
    begin(addon, item, apply=False)
    if kept:
        other = scenes.textured("Other")
        other.node_tree.nodes.new("ShaderNodeGroup").node_tree = bpy.data.node_groups[kept]
        scenes.ball("Second", 8, 4).data.materials.append(other)
    left = {name for name in ("Grouped", "Outer", "Inner") if name != kept}
    addon.scene.versions.accept(item)
    there = everything()
    assert not left & {*there["materials"], *there["node_groups"], *there["images"]}
    assert not kept or kept in there["node_groups"]
    assert not kept or kept in there["images"]


def test_materials_in_geometry_nodes_are_freed_with_the_modifier(addon):
    item = stacks.stack("NODES")
    group = item.modifiers["Tried"].node_group
    group.nodes.new("GeometryNodeSetMaterial").inputs["Material"].default_value = grouped()
    lonely = bpy.data.materials.new("Unused before")
    begin(addon, item)
    addon.scene.versions.accept(item)
    there = everything()
    assert there["node_groups"] == there["images"] == []
    assert there["materials"] == [lonely.name]
