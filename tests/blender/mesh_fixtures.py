"""Scenes in which much hangs on an object, and everything about an object that optimizing must keep."""

from pathlib import Path
from typing import Any

import bpy

from tests.blender import scenes

OWN = "generio_"
NO_SETTINGS = ("bound_box", "dimensions", "session_uid", "name_full", "users", "tag")
"""What follows from the mesh, stands there by another name, or counts what refers to the object."""

PASSING = ("execution_time", "is_active", "is_bound", "persistent_uid")  # no settings


def character() -> list[bpy.types.Object]:
    """A body with weights for three bones of an armature that is animated, and posed on this frame."""
    bones = bpy.data.objects.new("Rig", bpy.data.armatures.new("Rig"))
    bpy.context.scene.collection.objects.link(bones)
    scenes.select(bones)
    bpy.ops.object.mode_set(mode="EDIT")
    for number in range(3):
        bone = bones.data.edit_bones.new(f"Bone {number}")
        bone.head, bone.tail = (0, 0, number - 1), (0, 0, number)
        if number:
            bone.parent = bones.data.edit_bones[f"Bone {number - 1}"]
    bpy.ops.object.mode_set(mode="OBJECT")
    for frame, angle in ((1, 0.0), (20, 0.7)):
        bones.pose.bones["Bone 1"].rotation_mode = "XYZ"
        bones.pose.bones["Bone 1"].rotation_euler.x = angle
        bones.pose.bones["Bone 1"].keyframe_insert("rotation_euler", frame=frame)
    body = scenes.ball("Body", 48, 24)
    for vertex in body.data.vertices:
        vertex.co.z *= 2.0
    for number in range(3):
        group = body.vertex_groups.new(name=f"Bone {number}")
        for vertex in body.data.vertices:
            weight = max(0.0, 1.0 - abs(vertex.co.z - (number - 0.5)))
            if weight:
                group.add([vertex.index], weight, "REPLACE")
    body.vertex_groups.new(name="Empty").lock_weight = True
    body.vertex_groups.active_index = 1
    body.parent = bones
    body.modifiers.new("Armature", "ARMATURE").object = bones
    body.modifiers.new("Smooth", "SUBSURF").levels = 1
    body.data.materials.append(scenes.textured("Skin"))
    bpy.context.scene.frame_set(15)
    return [body]


def array() -> list[bpy.types.Object]:
    """A hundred linked duplicates, some with a material of their own."""
    first = scenes.ball("Tile", 24, 12)
    first.data.materials.append(scenes.textured("Clay"))
    own = bpy.data.materials.new("Glazed")
    items = [first]
    for number in range(1, 100):
        item = first.copy()
        item.location = (3.0 * (number % 10), 3.0 * (number // 10), 0.0)
        item["row"] = number // 10
        bpy.context.scene.collection.objects.link(item)
        items.append(item)
    for item in items[::7]:
        item.material_slots[0].link = "OBJECT"
        item.material_slots[0].material = own
    return items


def chain() -> list[bpy.types.Object]:
    """Parents and children, each turned and scaled unevenly, two of them mirrored."""
    items: list[bpy.types.Object] = []
    for number, scale in enumerate(((1.0, 2.0, 0.5), (-1.0, 0.7, 1.5), (1.2, -0.6, -2.0))):
        item = scenes.ball(f"Link {number}", 24 + number, 12)
        item.location, item.rotation_euler, item.scale = (1.0, 2.0, -0.5), (0.3, 0.4 * number, 1.0), scale
        if items:
            item.parent = items[-1]
            bpy.context.view_layer.update()
            item.matrix_parent_inverse = items[-1].matrix_world.inverted()
        items.append(item)
    return items


def shared_scenes() -> list[bpy.types.Object]:
    """An object in two collections and in two scenes, hidden in one of the collections' renders."""
    item = scenes.ball("Prop", 32, 16)
    for name in ("Props", "More Props"):
        collection = bpy.data.collections.new(name)
        bpy.context.scene.collection.children.link(collection)
        collection.objects.link(item)
    other = bpy.data.scenes.new("Another")
    other.collection.objects.link(item)
    item.hide_render = True
    item.display_type = "WIRE"
    item.color = (1.0, 0.5, 0.2, 1.0)
    item.pass_index = 3
    item.show_name = True
    return [item]


def driven() -> list[bpy.types.Object]:
    """An object with drivers, a constraint, an action, custom properties and modifiers."""
    leader = bpy.data.objects.new("Leader", None)
    bpy.context.scene.collection.objects.link(leader)
    leader.location = (0.5, 0.0, 1.0)
    item = scenes.ball("Driven", 32, 16)
    item["level"], item["note"] = 4, "keep me"
    item.modifiers.new("Bevel", "BEVEL").width = 0.01
    item.modifiers.new("Weld", "WELD").merge_threshold = 1e-5
    curve = item.driver_add("location", 2)
    variable = curve.driver.variables.new()
    variable.name = "z"
    variable.targets[0].id, variable.targets[0].data_path = leader, "location.z"
    curve.driver.expression = "z * 2"
    width = item.driver_add('modifiers["Bevel"].width')
    width.driver.expression = "level * 0.01"
    variable = width.driver.variables.new()
    variable.name = "level"
    variable.targets[0].id, variable.targets[0].data_path = item, '["level"]'
    item.constraints.new("COPY_ROTATION").target = leader
    for frame, x in ((1, 0.0), (20, 2.0)):
        item.location.x = x
        item.keyframe_insert("location", index=0, frame=frame)
    bpy.context.scene.frame_set(10)
    return [item]


def falling() -> list[bpy.types.Object]:
    """A rigid body among others, with settings of all kinds, whose mesh is kept without users."""
    items = [scenes.ball("Falling", 32, 16), scenes.ball("Resting", 32, 16)]
    for item in items:
        scenes.select(item)
        bpy.ops.rigidbody.object_add()
        item.rigid_body.mass = 7.0
        item.data.use_fake_user = True
    first = items[0]
    first.animation_data_create().nla_tracks.new().name = "Track"
    first.lock_rotation = (True, False, True)
    first.delta_rotation_euler = (0.1, 0.2, 0.3)
    first.display_bounds_type = "SPHERE"
    first.lineart.usage = "INTERSECTION_ONLY"
    first.add_rest_position_attribute = True
    for name in ("visible_glossy", "show_bounds", "show_axis", "show_in_front", "show_texture_space"):
        setattr(first, name, not getattr(first, name))
    return items


def library_linked(folder: Path) -> list[bpy.types.Object]:
    """A linked object, which cannot be sent, and a local one beside it."""
    away = scenes.ball("Away", 16, 8)
    path = folder / "library.blend"
    bpy.data.libraries.write(str(path), {away})
    bpy.data.objects.remove(away)
    bpy.data.meshes.remove(bpy.data.meshes["Away"])
    with bpy.data.libraries.load(str(path), link=True) as (_inside, wanted):
        wanted.objects = ["Away"]
    bpy.context.scene.collection.objects.link(wanted.objects[0])
    local = scenes.ball("Local", 32, 16)
    return [local, wanted.objects[0]]


SCENES = {
    "character": character,
    "array": array,
    "chain": chain,
    "shared": shared_scenes,
    "driven": driven,
    "falling": falling,
}


def properties(item: bpy.types.Object) -> dict[str, Any]:
    """Everything about `item` that optimizing must keep, each with a value that can be compared."""
    mesh = item.data
    kept: dict[str, Any] = {
        "name": item.name,
        "uid": item.session_uid,
        "parent": item.parent,
        "parent_inverse": _rows(item.matrix_parent_inverse),
        "children": sorted(child.name for child in item.children if not child.name.endswith("_optimized")),
        "collections": sorted(collection.name for collection in item.users_collection),
        "scenes": sorted(scene.name for scene in item.users_scene),
        "constraints": [_values(constraint) for constraint in item.constraints],
        "modifiers": [_values(modifier) for modifier in item.modifiers],
        "animation": _animation(item),
        "custom properties": {name: value for name, value in item.items() if not name.startswith(OWN)},
        "visible": [item.visible_get(), item.hide_get(), item.hide_render, item.hide_viewport],
        "selected": item.select_get(),
        "slots": [(slot.link, slot.material) for slot in item.material_slots],
        "material names": [slot.material.name for slot in item.material_slots if slot.material],
        "vertex groups": [(group.name, group.lock_weight) for group in item.vertex_groups],
        "active group": item.vertex_groups.active_index,
        "uv maps": [(layer.name, layer.active_render) for layer in mesh.uv_layers],
        "mesh name": mesh.name,
        "mesh properties": {name: value for name, value in mesh.items() if not name.startswith(OWN)},
        "mesh fake user": mesh.use_fake_user,
        "rigid body": _values(item.rigid_body) if item.rigid_body else {},
        "line art": _values(item.lineart),
        "nla": [track.name for track in item.animation_data.nla_tracks] if item.animation_data else [],
        "mates": sorted(user.name for user in bpy.data.objects if user.data == mesh and user.users_scene),
    }
    for name in (
        "matrix_world",
        "matrix_local",
        "matrix_basis",
    ):
        kept[name] = _rows(getattr(item, name))
    for entry in item.bl_rna.properties:  # whatever this Blender knows of objects
        name = entry.identifier
        if name in kept or name in NO_SETTINGS or entry.type in ("POINTER", "COLLECTION"):
            continue
        value = getattr(item, name)
        if getattr(entry, "is_array", False):
            value = _rows(value) if name.startswith("matrix") else tuple(value)
        kept[name] = sorted(value) if isinstance(value, set) else value
    return kept


def _rows(matrix: Any) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(row) for row in matrix)


def _values(thing: Any) -> dict[str, Any]:
    """What can be set on a modifier or constraint."""
    values = {entry.identifier: getattr(thing, entry.identifier) for entry in thing.bl_rna.properties}
    return {
        name: value
        for name, value in values.items()
        if isinstance(value, str | int | float | bool | bpy.types.ID) and name not in PASSING
    }


def _targets(driver: bpy.types.Driver) -> list[bpy.types.DriverTarget]:
    return [target for variable in driver.variables for target in variable.targets]


def _animation(item: bpy.types.Object) -> list[Any]:
    data = item.animation_data
    if data is None:
        return []
    drivers = [
        (
            curve.data_path,
            curve.array_index,
            curve.driver.expression,
            curve.is_valid,
            [
                (target.id.name.removesuffix("_optimized"), target.data_path)  # a copy looks at itself
                for target in _targets(curve.driver)
            ],
        )
        for curve in data.drivers
    ]
    return [data.action, drivers]
