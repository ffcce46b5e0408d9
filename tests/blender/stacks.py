"""Modifiers of every type that Blender has for meshes, set up so that a copy can be told from a new one."""

from collections.abc import Callable
from typing import Any

import bpy
import numpy as np

from tests.blender import scenes

PASSING = {
    "bake_directory",
    "bakes",
    "execution_time",
    "is_active",
    "is_override_data",
    "node_warnings",
    "panels",
    "particle_system",
    "persistent_uid",
    "point_cache",
    "point_caches",
    "rna_type",
    "show_expanded",
    "solver_result",
}
"""What is no setting, or refers to the object itself."""


def types() -> list[str]:
    """The types of modifiers that a mesh of this Blender can have."""
    item = bpy.data.objects.new("Any", bpy.data.meshes.new("Any"))
    found: list[str] = []
    for entry in bpy.types.Modifier.bl_rna.properties["type"].enum_items:
        if item.modifiers.new(entry.identifier, entry.identifier) is not None:
            found.append(entry.identifier)
    bpy.data.objects.remove(item)
    return found


def linked(item: bpy.types.Object) -> bpy.types.Object:
    bpy.context.scene.collection.objects.link(item)
    return item


def stack(kind: str) -> bpy.types.Object:
    """A ball that has a modifier of this type between two others, in a place where it does something."""
    helpers = _helpers()
    small = kind == "SKIN"  # which takes seconds for a hundred vertices
    item = scenes.ball("Ball", 4 if small else 16, 3 if small else 8)
    item.vertex_groups.new(name="Group").add(range(len(item.data.vertices) // 2), 0.7, "REPLACE")
    item.modifiers.new("First", "SMOOTH").factor = 0.3
    modifier = item.modifiers.new("Tried", kind)
    item.modifiers.new("Last", "TRIANGULATE").min_vertices = 5
    _set_numbers(modifier)
    _set_objects(modifier, helpers)
    if kind in SPECIAL:
        SPECIAL[kind](item, item.modifiers["Tried"])
    bpy.context.view_layer.update()
    return item


def _helpers() -> list[bpy.types.Object]:
    """Objects that modifiers refer to: one of each type."""
    cage = scenes.ball("Helper", 12, 6, radius=1.6)
    curve = linked(bpy.data.objects.new("Curve", bpy.data.curves.new("Curve", "CURVE")))
    spline = curve.data.splines.new("POLY")
    spline.points.add(1)
    spline.points[1].co = (0.0, 0.0, 2.0, 1.0)
    lattice = linked(bpy.data.objects.new("Lattice", bpy.data.lattices.new("Lattice")))
    bones = linked(bpy.data.objects.new("Bones", bpy.data.armatures.new("Bones")))
    camera = linked(bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera")))
    empty = linked(bpy.data.objects.new("Empty", None))
    empty.location = (0.3, 0.1, 0.2)
    bpy.context.view_layer.update()
    return [cage, curve, lattice, bones, camera, empty]


def _set_numbers(modifier: Any) -> None:
    for entry in modifier.bl_rna.properties:
        if entry.type == "FLOAT" and not entry.is_readonly and not entry.is_array:
            value = getattr(modifier, entry.identifier) * 1.25 + 0.01
            setattr(modifier, entry.identifier, min(max(value, entry.hard_min), entry.hard_max))


def _set_objects(modifier: Any, helpers: list[bpy.types.Object]) -> None:
    for entry in modifier.bl_rna.properties:
        if entry.type == "POINTER" and not entry.is_readonly and entry.fixed_type == bpy.types.Object.bl_rna:
            for helper in helpers:
                setattr(modifier, entry.identifier, helper)
                if getattr(modifier, entry.identifier) is not None:
                    break


def _bound(operator: str, **options: Any) -> Callable[[bpy.types.Object, Any], None]:
    def bind(item: bpy.types.Object, modifier: Any) -> None:
        for name, value in options.items():
            setattr(modifier, name, value)
        bpy.context.view_layer.update()
        getattr(bpy.ops.object, operator)(modifier=modifier.name)
        assert modifier.is_bound if hasattr(modifier, "is_bound") else modifier.is_bind

    return bind


def _hook(item: bpy.types.Object, modifier: Any) -> None:
    empty = bpy.data.objects["Empty"]
    modifier.object = empty
    modifier.vertex_indices_set([1, 5, 9, 30])
    modifier.falloff_type = "CURVE"
    modifier.falloff_curve.curves[0].points.new(0.3, 0.8)
    empty.location.z += 0.7


def _collision(item: bpy.types.Object, _modifier: Any) -> None:
    item.collision.damping = 0.3
    item.collision.cloth_friction = 11.0


def _multires(item: bpy.types.Object, modifier: Any) -> None:
    bpy.ops.object.multires_subdivide(modifier=modifier.name)
    item.modifiers.remove(item.modifiers["First"])  # the base for sculpted levels is the mesh


def _nodes(item: bpy.types.Object, modifier: Any) -> None:
    given = ("Vector", "Object", "Object")
    group: Any = bpy.data.node_groups.new("Inputs", "GeometryNodeTree")
    for way, kind in (("INPUT", "Geometry"), *(("INPUT", kind) for kind in given), ("OUTPUT", "Geometry")):
        group.interface.new_socket(kind, in_out=way, socket_type=f"NodeSocket{kind}")
    first, move, last = map(group.nodes.new, ("NodeGroupInput", "GeometryNodeSetPosition", "NodeGroupOutput"))
    group.links.new(first.outputs[0], move.inputs["Geometry"])
    group.links.new(first.outputs[1], move.inputs["Offset"])
    group.links.new(move.outputs[0], last.inputs[0])
    modifier.node_group = group
    inputs = [socket for socket in group.interface.items_tree if socket.in_out == "INPUT"]
    for socket, value in zip(inputs[1:], ((0.2, 0.4, -0.3), bpy.data.objects["Empty"], item), strict=True):
        if hasattr(modifier, "properties"):  # from Blender 5.2 on
            getattr(modifier.properties.inputs, socket.identifier).value = value
        else:
            modifier[socket.identifier] = value


def _dynamic_paint(_item: bpy.types.Object, modifier: Any) -> None:
    bpy.ops.dpaint.type_toggle(type="CANVAS")
    modifier.canvas_settings.canvas_surfaces[0].dry_speed = 77


def _fluid(_item: bpy.types.Object, modifier: Any) -> None:
    modifier.fluid_type = "FLOW"
    modifier.flow_settings.temperature = 3.5


def _cloth(_item: bpy.types.Object, modifier: Any) -> None:
    modifier.settings.mass = 0.77
    modifier.collision_settings.distance_min = 0.03


def _soft_body(_item: bpy.types.Object, modifier: Any) -> None:
    modifier.settings.mass = 0.77


def _weights(_item: bpy.types.Object, modifier: Any) -> None:
    modifier.vertex_group = "Group"
    modifier.falloff_type = "CURVE"
    modifier.map_curve.curves[0].points.new(0.3, 0.8)


SPECIAL: dict[str, Callable[[bpy.types.Object, Any], None]] = {
    "CLOTH": _cloth,
    "COLLISION": _collision,
    "CORRECTIVE_SMOOTH": _bound("correctivesmooth_bind", rest_source="BIND"),
    "DYNAMIC_PAINT": _dynamic_paint,
    "FLUID": _fluid,
    "HOOK": _hook,
    "LAPLACIANDEFORM": _bound("laplaciandeform_bind", vertex_group="Group"),
    "MESH_DEFORM": _bound("meshdeform_bind", precision=2),
    "MULTIRES": _multires,
    "NODES": _nodes,
    "SOFT_BODY": _soft_body,
    "SURFACE_DEFORM": _bound("surfacedeform_bind"),
    "VERTEX_WEIGHT_EDIT": _weights,
}


def settings(thing: Any, depth: int = 5) -> dict[str, Any]:
    """All that can be set on a modifier, and on what it has inside."""
    values: dict[str, Any] = {}
    if isinstance(thing, bpy.types.NodesModifier) and not hasattr(thing, "properties"):
        values = {name: _plain(value, depth) for name, value in thing.items()}
    for entry in thing.bl_rna.properties:
        name = entry.identifier
        if name not in PASSING:
            values[name] = _plain(getattr(thing, name), depth)
    if isinstance(thing, bpy.types.CollisionModifier):
        values["of the object"] = settings(thing.id_data.collision)
    return values


def _plain(value: Any, depth: int) -> Any:
    if isinstance(value, bpy.types.ID | str | int | float | bool | set) or value is None:
        return value
    if isinstance(value, bpy.types.bpy_struct):
        return settings(value, depth - 1) if depth else ""
    return [_plain(part, depth) for part in value]


def shape(item: bpy.types.Object) -> np.ndarray:
    """Where the vertices of `item` are seen, N x 3."""
    bpy.context.view_layer.update()
    seen = item.evaluated_get(bpy.context.evaluated_depsgraph_get())
    mesh = seen.to_mesh()
    points = np.empty((len(mesh.vertices), 3), dtype=np.float32)
    mesh.vertices.foreach_get("co", points.ravel())
    seen.to_mesh_clear()
    return points
