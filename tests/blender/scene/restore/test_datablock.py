"""What a mesh has beside its geometry stays, and what reads it goes on reading it."""

from typing import Any

import bpy
import pytest

from tests.blender import scenes


def optimize(item: bpy.types.Object, **options: Any) -> None:
    scenes.select(item)
    assert bpy.ops.generio.optimize_selected(target="PERCENT", percent=40, **options) == {"FINISHED"}


def furnished() -> bpy.types.Object:
    """A ball whose mesh has all kinds of settings, properties and animation."""
    item = scenes.ball("Ball", 16, 8)
    mesh: Any = item.data
    mesh.use_auto_texspace = False
    mesh.texspace_location, mesh.texspace_size = (0.5, 0.25, 0.125), (3.0, 2.0, 1.0)
    mesh.texture_mesh = bpy.data.meshes.new("Coordinates")
    mesh.use_mirror_x = mesh.use_mirror_topology = True
    mesh.remesh_mode, mesh.remesh_voxel_size = "QUAD", 0.25
    mesh.use_remesh_preserve_volume = not mesh.use_remesh_preserve_volume
    mesh["level"], mesh["share"], mesh["note"], mesh["parts"] = 3, 0.5, "keep me", [1.0, 2.0]
    mesh["group"] = {"inner": 4}
    mesh["friend"] = bpy.data.materials.new("Friend")
    mesh.id_properties_ui("level").update(min=0, max=10, description="Level of detail")
    mesh.id_properties_ui("share").update(soft_max=0.75, precision=2, subtype="FACTOR")
    mesh.property_overridable_library_set('["level"]', True)
    for frame, value in ((1, 0), (20, 8)):
        mesh["level"] = value
        mesh.keyframe_insert('["level"]', frame=frame)
    track = mesh.animation_data.nla_tracks.new()
    track.name, track.mute = "Track", True
    strip = track.strips.new("Strip", 30, mesh.animation_data.action)
    strip.repeat, strip.blend_type = 2.0, "ADD"
    reads(mesh.driver_add('["share"]'), mesh, '["level"]')
    mesh.animation_data.drivers[0].driver.expression = "value / 10"
    bpy.context.scene.frame_set(20)
    return item


def reads(curve: Any, mesh: bpy.types.Mesh, path: str) -> None:
    """Let a driver read a property of a mesh."""
    variable = curve.driver.variables.new()
    variable.name = "value"
    variable.targets[0].id_type, variable.targets[0].id = "MESH", mesh
    variable.targets[0].data_path = path
    curve.driver.expression = "value"


def look(mesh: Any) -> dict[str, Any]:
    data = mesh.animation_data
    strips = [strip for track in data.nla_tracks for strip in track.strips]
    return {
        "texture space": (mesh.use_auto_texspace, mesh.texspace_location[:], mesh.texspace_size[:]),
        "coordinates": mesh.texture_mesh,
        "symmetry": (mesh.use_mirror_x, mesh.use_mirror_y, mesh.use_mirror_topology),
        "remesh": (mesh.remesh_mode, mesh.remesh_voxel_size, mesh.use_remesh_preserve_volume),
        "note": mesh["note"],
        "parts": list(mesh["parts"]),
        "group": mesh["group"].to_dict(),
        "friend": mesh["friend"],
        "level": mesh.id_properties_ui("level").as_dict(),
        "share": mesh.id_properties_ui("share").as_dict(),
        "overridable": mesh.is_property_overridable_library('["level"]'),
        "action": data.action,
        "slot": getattr(data, "action_slot", None),
        "drivers": [
            (curve.data_path, curve.driver.expression, curve.driver.variables[0].targets[0].id == mesh)
            for curve in data.drivers
        ],
        "tracks": [(track.name, track.mute) for track in data.nla_tracks],
        "strips": [
            (strip.name, strip.action, strip.frame_start, strip.frame_end, strip.repeat, strip.blend_type)
            for strip in strips
        ],
    }


@pytest.mark.parametrize("placement", ["REPLACE", "BESIDE"])
def test_settings_properties_and_animation_are_kept(addon, placement: str):
    item = furnished()
    before = look(item.data)
    optimize(item, placement=placement)
    got = item if placement == "REPLACE" else bpy.data.objects["Ball_optimized"]
    assert scenes.triangles(got) < 224
    assert look(got.data) == before
    bpy.context.scene.frame_set(10)
    level = got.data["level"]
    bpy.context.scene.frame_set(15)
    assert got.data["level"] > level


def dependents(mesh: bpy.types.Mesh) -> list[tuple[Any, str]]:
    """Whatever else can read a property of a mesh: owners of animation data, and where that is."""
    empty = bpy.data.objects.new("Reader", None)
    bpy.context.scene.collection.objects.link(empty)
    material = scenes.textured("Reads")
    value = material.node_tree.nodes.new("ShaderNodeValue")
    world = bpy.data.worlds.new("Reads")
    scenes.ball("Other", 8, 4).shape_key_add(name="Basis")
    key = bpy.data.objects["Other"].shape_key_add(name="Up")
    reads(empty.driver_add("location", 0), mesh, '["level"]')
    reads(value.outputs[0].driver_add("default_value"), mesh, '["level"]')
    reads(world.driver_add("color", 0), mesh, '["level"]')
    reads(key.driver_add("value"), mesh, '["level"]')
    reads(bpy.context.scene.driver_add("gravity", 2), mesh, '["level"]')
    world["mesh"] = mesh
    return [empty, material.node_tree, world, key.id_data, bpy.context.scene]


@pytest.mark.parametrize("modifiers", ["KEEP", "APPLY"])
def test_drivers_elsewhere_read_the_mesh_that_is_shown(addon, modifiers: str):
    item = scenes.ball("Ball", 16, 8)
    item.modifiers.new("Bevel", "BEVEL")
    item.data["level"] = 3
    readers = dependents(item.data)
    first = item.data

    def read() -> set[Any]:
        curves = [owner.animation_data.drivers[0] for owner in readers]
        targets = [curve.driver.variables[0].targets[0].id for curve in curves]
        return {*targets, bpy.data.worlds["Reads"]["mesh"]}

    optimize(item, modifier_mode=modifiers)
    assert item.data != first
    assert read() == {item.data}
    bpy.ops.generio.show_version(version="BEFORE")
    assert item.data == first
    assert read() == {first}
    bpy.ops.generio.accept_optimized()
    assert read() == {item.data}
    assert item.data.name == "Ball"
    item.data["level"] = 7
    item.data.update_tag()
    bpy.context.view_layer.update()
    graph = bpy.context.evaluated_depsgraph_get()
    assert readers[0].evaluated_get(graph).location.x == 7


def test_drivers_read_on_what_is_still_seen_of_the_mesh_before(addon):
    item = scenes.ball("Ball", 16, 8)
    item.data["level"] = 3
    twin = item.copy()
    bpy.context.scene.collection.objects.link(twin)
    item.modifiers.new("Thick", "SOLIDIFY")
    (reader, *_others) = dependents(item.data)
    optimize(item, modifier_mode="APPLY")
    assert item.data != twin.data
    assert reader.animation_data.drivers[0].driver.variables[0].targets[0].id == twin.data


def test_revert_gives_everything_back_to_the_mesh_before(addon):
    item = furnished()
    before, mesh = look(item.data), item.data
    (reader, *_others) = dependents(mesh)
    optimize(item)
    bpy.ops.generio.revert_optimized()
    assert item.data == mesh
    assert look(mesh) == before
    assert reader.animation_data.drivers[0].driver.variables[0].targets[0].id == mesh


def test_a_mesh_that_is_an_asset_stays_one(addon):
    item = scenes.ball("Ball", 16, 8)
    first = item.data
    first.asset_mark()
    first.asset_data.description, first.asset_data.author = "A ball", "Somebody"
    first.asset_data.tags.new("round")

    def assets() -> list[bpy.types.Mesh]:
        return [mesh for mesh in bpy.data.meshes if mesh.asset_data is not None]

    optimize(item)
    for _step in range(2):
        assert assets() == [item.data]
        data = item.data.asset_data
        assert (data.description, data.author, [tag.name for tag in data.tags]) == (
            "A ball",
            "Somebody",
            ["round"],
        )
        assert item.data.name == "Ball"
        bpy.ops.generio.show_version()
    bpy.ops.generio.accept_optimized()
    assert assets() == [item.data] != [first]


def test_an_add_on_s_own_settings_of_a_mesh_are_kept(addon):
    group = type(
        "Settings", (bpy.types.PropertyGroup,), {"__annotations__": {"depth": bpy.props.IntProperty()}}
    )
    bpy.utils.register_class(group)
    bpy.types.Mesh.studio = bpy.props.PointerProperty(type=group)
    bpy.types.Mesh.studio_level = bpy.props.IntProperty()
    try:
        item = scenes.ball("Ball", 16, 8)
        item.data.studio.depth, item.data.studio_level = 5, 6
        optimize(item)
        assert (item.data.studio.depth, item.data.studio_level) == (5, 6)
    finally:
        del bpy.types.Mesh.studio, bpy.types.Mesh.studio_level
        bpy.utils.unregister_class(group)


def test_shape_keys_stay_those_of_their_mesh_and_what_refers_to_it_follows(addon):
    """Blender takes keys that say they are another mesh's for damage, whenever something is undone."""
    item = scenes.ball("Ball", 16, 8)
    mesh = item.data
    mesh["level"] = 3
    for name in ("Basis", "Smile"):
        item.shape_key_add(name=name)
    reader, other = bpy.data.objects.new("Reader", None), bpy.data.meshes.new("Other")
    reads(reader.driver_add("location", 0), mesh, '["level"]')
    reads(mesh.shape_keys.key_blocks["Smile"].driver_add("value"), mesh, '["level"]')
    other["friend"], other["group"] = mesh, {"inner": mesh}

    def seen_by() -> list[Any]:
        curves = [reader.animation_data.drivers[0], mesh.shape_keys.animation_data.drivers[0]]
        targets = [curve.driver.variables[0].targets[0].id for curve in curves]
        return [*targets, other["friend"], other["group"]["inner"]]

    optimize(item)
    assert item.data != mesh
    assert mesh.shape_keys.user == mesh
    assert seen_by() == [item.data] * 4
    bpy.ops.generio.show_version(version="BEFORE")
    assert item.data == mesh
    assert mesh.shape_keys.user == mesh
    assert seen_by() == [mesh] * 4
