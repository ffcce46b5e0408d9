"""What hangs on the vertices or faces of a mesh is named before it is sent, wherever in the file it is."""

import json
from collections.abc import Callable

import bpy
import pytest

from tests.blender import scenes, stacks


@pytest.fixture
def losses(addon) -> Callable[..., list[str]]:
    """What is said of objects before they are sent."""
    return lambda *items, **options: addon.scene.export.selection.Selection.of(items).losses(**options)


def delete_models(name: str, parent: bpy.types.Object | None = None) -> bpy.types.Object:
    item = bpy.data.objects.new(name, None)
    bpy.context.scene.collection.objects.link(item)
    item.parent = parent
    return item


def surface_deform(item: bpy.types.Object, target: bpy.types.Object) -> bpy.types.Modifier:
    modifier = item.modifiers.new("Follow", "SURFACE_DEFORM")
    modifier.target = target
    return modifier


def bind(item: bpy.types.Object, operator: str) -> None:
    scenes.select(item)
    assert getattr(bpy.ops.object, operator)(modifier="Follow") == {"FINISHED"}


def test_what_is_bound_to_a_mesh_is_named(losses):
    body, coat, glove, loose = (scenes.ball(name, 12, 6) for name in ("Body", "Coat", "Glove", "Loose"))
    coat.modifiers.new("Smooth", "SMOOTH")
    surface_deform(coat, body)
    bind(coat, "surfacedeform_bind")
    glove.scale = (0.5, 0.5, 0.5)
    glove.modifiers.new("Follow", "MESH_DEFORM").object = body
    bind(glove, "meshdeform_bind")
    surface_deform(loose, body)  # which is not bound, and so to nothing that could change
    assert losses(body) == ['the binding of "Coat"', 'the binding of "Glove"']
    assert losses(coat) == ["bindings of modifiers of 1 object"]
    assert losses(loose) == []


@pytest.mark.parametrize("kind", ["CORRECTIVE_SMOOTH", "LAPLACIANDEFORM", "MESH_DEFORM", "SURFACE_DEFORM"])
def test_what_a_modifier_is_bound_to_is_named_whatever_it_calls_that(losses, kind: str):
    item = stacks.stack(kind)
    assert "bindings of modifiers of 1 object" in losses(item)


def test_a_modifier_that_goes_by_the_order_of_vertices_is_named(losses):
    body, twin = scenes.ball("Body", 12, 6), scenes.ball("Twin", 12, 6)
    transfer = twin.modifiers.new("Transfer", "DATA_TRANSFER")
    transfer.object, transfer.use_vert_data, transfer.vert_mapping = body, True, "TOPOLOGY"
    assert losses(body) == ['the binding of "Twin"']
    transfer.vert_mapping = "NEAREST"
    assert losses(body) == []


def test_what_hangs_on_vertices_and_is_instanced_is_named(losses):
    body = scenes.ball("Body", 12, 6)
    delete_models("Buckle", body).parent_type = "VERTEX"
    delete_models("Badge", body).parent_type = "VERTEX_3"
    delete_models("Child", body)
    assert losses(body) == [
        'the vertices "Badge" is parented to',
        'the vertices "Buckle" is parented to',
    ]
    for kind, name in (("FACES", "faces"), ("VERTS", "vertices")):
        body.instance_type = kind
        assert f'the {name} on which "Child" is instanced' in losses(body)


def drive(holder: bpy.types.ID, path: str, target: bpy.types.ID, read: str) -> None:
    curve = holder.driver_add(path)
    curve = curve[0] if isinstance(curve, list) else curve
    variable = curve.driver.variables.new()
    variable.targets[0].id_type = target.id_type
    variable.targets[0].id = target
    variable.targets[0].data_path = read


def test_drivers_elsewhere_that_read_shape_keys_are_named(losses):
    face, other = scenes.ball("Face", 12, 6), scenes.ball("Other", 12, 6)
    for name in ("Basis", "Smile", "Frown"):
        face.shape_key_add(name=name)
    keys = face.data.shape_keys
    known = losses(face)
    assert known == ["shape keys of 1 object"]
    drive(keys, 'key_blocks["Frown"].value', keys, 'key_blocks["Smile"].value')  # which goes with them
    drive(delete_models("Turned"), "location", face, "location.x")
    assert losses(face) == known
    lamp, empty = bpy.data.objects.new("Lamp", bpy.data.lights.new("Sun", "SUN")), delete_models("Empty")
    bpy.context.scene.collection.objects.link(lamp)
    drive(lamp.data, "energy", keys, 'key_blocks["Smile"].value')
    drive(empty, "location", face, 'data.shape_keys.key_blocks["Smile"].value')
    other.data.materials.append(scenes.textured("Skin"))
    drive(
        other.data.materials[0].node_tree,
        "nodes[0].location",
        face.data,
        'shape_keys.key_blocks["Smile"].value',
    )
    named = [f'the shape keys that drive "{name}"' for name in ("Empty", "Lamp", "Other")]
    assert losses(face) == losses(face, apply=True) == known + named
    assert losses(other) == losses(empty) == []


def test_what_hangs_on_an_object_that_shares_the_mesh_is_named_unless_it_keeps_its_own(losses):
    body = scenes.ball("Body", 12, 6)
    twin = body.copy()
    bpy.context.scene.collection.objects.link(twin)
    delete_models("Buckle", twin).parent_type = "VERTEX"
    assert losses(body) == ['the vertices "Buckle" is parented to']
    assert losses(body, apply=True) == [], "the twin does not get what the modifiers of this one make"


def test_copies_leave_what_hangs_on_the_originals_alone(addon, capfd):
    body = scenes.ball("Body", 12, 6)
    delete_models("Buckle", body).parent_type = "VERTEX"
    scenes.select(body)
    for placement, is_named in (("BESIDE", False), ("REPLACE", True)):
        assert bpy.ops.generio.optimize_selected(polygon_count=60, placement=placement) == {"FINISHED"}
        assert ("Buckle" in capfd.readouterr().out) == is_named


def test_caches_and_simulations_of_these_vertices_are_named(losses):
    flag = scenes.ball("Flag", 8, 4)
    flag.modifiers.new("Cache", "MESH_CACHE")
    cloth = flag.modifiers.new("Cloth", "CLOTH")
    cloth.point_cache.frame_end = 3
    assert losses(flag) == ["mesh caches of 1 object"]
    for frame in (1, 2, 3):
        bpy.context.scene.frame_set(frame)
    with bpy.context.temp_override(point_cache=cloth.point_cache, scene=bpy.context.scene):
        bpy.ops.ptcache.bake_from_cache()
    assert cloth.point_cache.is_baked
    assert losses(flag) == ["mesh caches of 1 object", "baked physics of 1 object"]
    assert losses(flag, apply=True) == ["baked physics of 1 object"]


def test_a_bake_in_memory_that_revert_does_not_bring_back_is_named(addon, capfd):
    flag = scenes.ball("Flag", 16, 8)
    cloth = flag.modifiers.new("Cloth", "CLOTH")
    cloth.point_cache.frame_end = 3
    for frame in (1, 2, 3):
        bpy.context.scene.frame_set(frame)
    with bpy.context.temp_override(point_cache=cloth.point_cache, scene=bpy.context.scene):
        bpy.ops.ptcache.bake_from_cache()
    scenes.select(flag)
    assert bpy.ops.generio.optimize_selected(polygon_count=100, modifier_mode="APPLY") == {"FINISHED"}
    assert "will not have: baked physics of 1 object" in capfd.readouterr().out
    scenes.select(flag)
    assert bpy.ops.generio.revert_optimized() == {"FINISHED"}
    assert [modifier.name for modifier in flag.modifiers] == ["Cloth"]
    assert not flag.modifiers["Cloth"].point_cache.is_baked


def test_a_hook_is_named_with_what_it_hangs_on(losses):
    body, handle = scenes.ball("Body", 12, 6), delete_models("Handle")
    hook = body.modifiers.new("Hook", "HOOK")
    assert losses(body) == ["hooked vertices of 1 object"]
    hook.object = handle
    assert losses(body) == ['vertices hooked to "Handle" of 1 object']
    body.vertex_groups.new(name="All")
    hook.vertex_group = "All"  # which comes back
    assert losses(body) == []


def test_the_radii_of_a_skin_are_named(losses):
    """Blender keeps them for each vertex, and not as an attribute."""
    body = scenes.ball("Body", 12, 6)
    assert losses(body) == []
    body.modifiers.new("Skin", "SKIN")
    assert losses(body) == ["skin radii of 1 object"]


def test_pins_are_named_where_there_are_some(addon, losses):
    body = scenes.ball("Body", 12, 6)
    scenes.select(body)
    bpy.ops.object.mode_set(mode="EDIT")
    assert losses(body) == [], "while a mesh is edited, each of its UV maps could have some"
    bpy.ops.object.mode_set(mode="OBJECT")
    body.data.attributes.new(".pn.UVMap", "BOOLEAN", "CORNER").data[0].value = True
    assert losses(body) == ["pins in UV maps of 1 object"]
    assert bpy.ops.generio.optimize_selected(target="PERCENT", percent=50) == {"FINISHED"}
    assert json.loads(body.data["generio_report"])["lost"] == [{"id": "pins in UV maps", "values": {}}]


def wet(item: bpy.types.Object) -> None:
    """Geometry nodes that give the mesh an attribute."""
    group = bpy.data.node_groups.new("Wet", "GeometryNodeTree")
    for way in ("INPUT", "OUTPUT"):
        group.interface.new_socket("Geometry", in_out=way, socket_type="NodeSocketGeometry")
    first, store, last = map(
        group.nodes.new, ("NodeGroupInput", "GeometryNodeStoreNamedAttribute", "NodeGroupOutput")
    )
    store.inputs["Name"].default_value = "wetness"
    group.links.new(first.outputs[0], store.inputs[0])
    group.links.new(store.outputs[0], last.inputs[0])
    item.modifiers.new("Wet", "NODES").node_group = group


def test_with_apply_what_modifiers_make_is_what_counts(addon, losses, capfd):
    item = scenes.ball("Ball", 12, 6)
    item.shape_key_add(name="Basis")
    wet(item)
    item.modifiers.new("Hook", "HOOK")
    bpy.context.view_layer.update()
    assert losses(item) == ["shape keys of 1 object", "hooked vertices of 1 object"]
    assert losses(item, apply=True) == ["shape keys of 1 object", 'the attribute "wetness" of 1 object']
    scenes.select(item)
    assert bpy.ops.generio.optimize_selected(polygon_count=60, modifier_mode="APPLY") == {"FINISHED"}
    told = capfd.readouterr().out
    assert 'will not have: shape keys of 1 object, the attribute "wetness" of 1 object' in told


def test_nothing_is_said_of_what_is_not_sent(addon, capfd):
    heavy, light = scenes.ball("Heavy"), scenes.ball("Light", 8, 4)
    for item in (heavy, light):
        item.shape_key_add(name="Basis")
    scenes.select(heavy, light)
    by_hand, sending = (
        addon.operators.optimize_base.OptimizeBase.by_hand,
        addon.operators.optimize_base.OptimizeBase,
    )
    sending.by_hand = lambda _operator: True
    try:
        assert bpy.ops.generio.optimize_selected(target="COUNT", polygon_count=500) == {"FINISHED"}
    finally:
        sending.by_hand = by_hand
    assert "will not have: shape keys of 1 object" in capfd.readouterr().out


# ---------------------------------------------------------------------- vertices that are nowhere


@pytest.mark.parametrize("wrong", [float("nan"), float("inf")])  # Blender makes 3.4e38 of the latter
def test_vertices_that_are_nowhere_are_not_sent(addon, capfd, wrong: float):
    item = scenes.ball()
    item.data.vertices[5].co.x = wrong
    scenes.select(item)
    assert bpy.ops.generio.optimize_selected(polygon_count=600) == {"FINISHED"}
    assert (
        '"Ball" is sent without some of its faces: 1 vertex has no valid position' in capfd.readouterr().out
    )
    assert 500 < scenes.triangles(item) <= 600
    assert abs(scenes.world_points(item)).max() < 1.05


def test_a_mesh_that_is_nowhere_as_a_whole_is_left_out(addon, sandbox, capfd):
    item, other = scenes.ball("Lost", 8, 4), scenes.ball("Other")
    for vertex in item.data.vertices:
        vertex.co.z = float("nan")
    scenes.select(item, other)
    assert bpy.ops.generio.optimize_selected(target="COUNT", polygon_count=600) == {"FINISHED"}
    assert '"Lost" is left out: the vertices of its faces have no valid position' in capfd.readouterr().out
    assert sandbox.stats()["run_total"] == 1


# ---------------------------------------------------------------------- groups of few vertices


def test_no_group_ends_up_empty_and_what_hangs_on_it_stays(addon):
    item = scenes.ball()
    tip = max(item.data.vertices, key=lambda vertex: vertex.co.x + 0.3 * vertex.co.y + 0.2 * vertex.co.z)
    item.vertex_groups.new(name="Socket").add([tip.index], 1.0, "REPLACE")
    item.vertex_groups.new(name="Half").add([tip.index], 0.5, "REPLACE")
    item.vertex_groups.new(name="Unused")
    everywhere = item.vertex_groups.new(name="All")
    everywhere.add(range(len(item.data.vertices)), 0.25, "REPLACE")
    place = tip.co.copy()
    sword = delete_models("Sword")
    hold = sword.constraints.new("COPY_LOCATION")
    hold.target, hold.subtarget = item, "Socket"
    scenes.select(item)
    assert bpy.ops.generio.optimize_selected(target="PERCENT", percent=5) == {"FINISHED"}
    bpy.context.view_layer.update()
    assert (sword.matrix_world.translation - place).length < 0.1
    names = [group.name for group in item.vertex_groups]
    assert names == ["Socket", "Half", "Unused", "All"]
    weights: dict[str, list[float]] = {name: [] for name in names}
    for vertex in item.data.vertices:
        for entry in vertex.groups:
            weights[names[entry.group]].append(entry.weight)
    assert sum(weights["Socket"]) == pytest.approx(1.0, abs=0.01)
    assert sum(weights["Half"]) == pytest.approx(0.5, abs=0.01)
    assert not any(weights["Unused"])
    assert weights["All"] == pytest.approx([0.25] * len(item.data.vertices), abs=0.01)
