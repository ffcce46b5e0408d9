# SPDX-License-Identifier: GPL-3.0-or-later
"""The bake itself, in a background Blender: of two objects, maps and figures."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import bpy
import numpy as np

from ...core.messages import Message
from ..meshes import mesh_of
from ..restore.surfaces import Surface
from . import uv_maps
from .channels import Channels
from .materials import new_material
from .settings import (
    COLORS,
    METALLIC,
    NORMAL,
    OCCLUSION,
    ORM,
    ROUGHNESS,
    SURFACE,
    BakeSettings,
)
from .shading import Rays, ShadingComparison

if TYPE_CHECKING:
    Array = np.ndarray[Any, Any]

Report = Callable[[float], None]
"""Takes how much is done, 0 to 1."""

REACHES = (0.4, 0.7, 1.25, 2.0, 3.2)
"""How far outside of the light mesh rays may begin, as multiples of the distance that 99 % of it keep."""

MOST_FAULTS, LEAST_AGREEMENT, MOST_APART = 0.5, 0.5, 0.25
"""Otherwise these are not two meshes of one thing."""

MIDDLE = 0.5
"""What a normal map has where a normal is 0 along an axis."""

LEAST = 1e-4
"""How far they begin at least, as a share of the diagonal."""

OCCLUSION_SAMPLES = 32

SAME_SPOT = 0.01
"""How far apart in a UV map two places may be that are the same, as a share of the map."""

TYPES: dict[str, Any] = {NORMAL: "NORMAL", OCCLUSION: "AO"}
"""What Blender's baker calls a pass; all others are light that is given, see `channels`."""


NO_FACES = Message("one of the two meshes has no faces.")


class Baked(NamedTuple):
    """What was baked: images by their kinds, for how many triangles, and the figures of the report."""

    images: dict[str, Any]
    triangles: int
    figures: dict[str, Any]


def bake_onto(
    original: bpy.types.Object, light: bpy.types.Object, settings: BakeSettings, report: Report
) -> Baked:
    """Bake what `light` has lost of `original`; both are in the scene, at its origin, and nothing else is.

    Their materials are not what they were afterwards; `light` has a new UV map where its own are not fit.
    Raises RuntimeError with a message.
    """
    began = time.monotonic()
    for item in (original, light):
        if not len(mesh_of(item).polygons):
            raise RuntimeError(NO_FACES)
    _set_up_cycles(settings)
    uv_map, uv_figures, is_new = uv_maps.choose(light, settings.size, settings.margin)
    own = _own_figures(light, uv_map, settings.size)
    report(0.05)
    comparison = _compare(original, light)
    extrusion, rays = _reach(comparison)
    channels = Channels(material for material in mesh_of(original).materials if material)
    passes = [*_passes(settings, channels, comparison, original, light)]
    report(0.15)
    made: dict[str, Any] = {}
    for number, kind in enumerate(passes):
        if kind in SURFACE:
            channels.show(kind)
        made[kind] = _bake_one(original, light, kind, uv_map, settings, extrusion)
        report(0.15 + 0.75 * (number + 1) / len(passes))
    without = comparison.error()
    shape = normals = made[NORMAL]
    _turn_outwards(normals)
    if channels.flatten():  # what the original's own normal maps show is no error of the mesh
        shape = _bake_one(original, light, NORMAL, uv_map, settings, extrusion)
        _turn_outwards(shape)
    with_map = comparison.error(uv_map, _pixels(shape), settings.directx)
    if shape != normals:
        bpy.data.images.remove(shape)
    if settings.orm:
        made[ORM] = _packed_orm(made, settings)
    figures = {
        "maps": [*made],
        "size": settings.size,
        "uv_map": uv_map,
        "new_uv_map": is_new,
        "directx": settings.directx,
        "uv": uv_figures._asdict(),
        "own_uv": own,
        "extrusion": extrusion,
        "misses": rays.missed,
        "without": without._asdict(),
        "with": with_map._asdict(),
        "at_best": rays.error._asdict(),
        "distance": float(np.percentile(comparison.distances, 99)) if len(comparison.distances) else 0.0,
        "seconds": time.monotonic() - began,
        "device": bpy.context.scene.cycles.device,
    }
    return Baked(made, len(comparison.after.corners), figures)


def _set_up_cycles(settings: BakeSettings) -> None:
    """Let Cycles compute with the user's devices; without them, with the processor."""
    scene: Any = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.cycles.device = "CPU"
    scene.cycles.samples = 1
    scene.cycles.use_denoising = False
    scene.cycles.use_adaptive_sampling = False
    scene.render.bake.view_from = "ABOVE_SURFACE"
    if settings.device == "NONE":
        return
    chosen: Any = bpy.context.preferences.addons["cycles"].preferences
    try:
        chosen.compute_device_type = settings.device
        chosen.refresh_devices()
    except (TypeError, AttributeError):  # this machine has no such devices, or no more
        return
    for device in chosen.devices:
        device.use = device.id in settings.device_ids
    if any(device.use and device.type != "CPU" for device in chosen.devices):
        scene.cycles.device = "GPU"


def _own_figures(light: bpy.types.Object, uv_map: str, size: int) -> dict[str, float] | None:
    """The figures of the UV map that the mesh came with and that is not fit; None where that is taken."""
    mesh = mesh_of(light)
    number = next((number for number, layer in enumerate(mesh.uv_layers) if layer.active_render), -1)
    if number < 0 or mesh.uv_layers[number].name == uv_map:
        return None
    return uv_maps.measure(Surface(mesh), number, size)._asdict()


def _compare(original: bpy.types.Object, light: bpy.types.Object) -> ShadingComparison:
    """Both meshes at the same points; the light one is measured without faces of many corners."""
    mesh = mesh_of(light)
    counts = np.empty(len(mesh.polygons), dtype=np.int32)
    mesh.polygons.foreach_get("loop_total", counts)
    if counts.max(initial=0) > 4:  # of which there are no tangents
        modifier: Any = light.modifiers.new("Triangulate", "TRIANGULATE")
        modifier.min_vertices = 5
        if hasattr(modifier, "keep_custom_normals"):
            modifier.keep_custom_normals = True
        graph = bpy.context.evaluated_depsgraph_get()
        made: Any = bpy.data.meshes.new_from_object(
            light.evaluated_get(graph), preserve_all_data_layers=True, depsgraph=graph
        )
        light.modifiers.clear()
        light = bpy.data.objects.new("GENERIO triangles", made)
    return ShadingComparison(original, light, bpy.context.evaluated_depsgraph_get())


def _diagonal(comparison: ShadingComparison) -> float:
    points = comparison.before.points
    return float(np.linalg.norm(points.max(axis=0) - points.min(axis=0)))


def _apart(comparison: ShadingComparison) -> float:
    """How far the bounds of the two meshes are from each other, as a share of the diagonal."""
    before, after = comparison.before.points, comparison.after.points
    low, high = after.min(axis=0) - before.min(axis=0), after.max(axis=0) - before.max(axis=0)
    diagonal = _diagonal(comparison)
    return float(np.linalg.norm([low, high], axis=1).max() / diagonal) if diagonal else 0.0


def _reach(comparison: ShadingComparison) -> tuple[float, Rays]:
    """How far outside of the light mesh rays begin, and what they find.

    Where they begin too near, they miss what stands out; where too far, they find other parts first.
    """
    least = LEAST * _diagonal(comparison)
    farthest = float(np.percentile(comparison.distances, 99)) if len(comparison.distances) else 0.0
    tried: list[tuple[float, float, Rays]] = []
    for factor in REACHES:
        extrusion = max(farthest * factor, least)
        rays = comparison.rays(extrusion, 2 * extrusion)
        tried.append((rays.missed + rays.wrong, extrusion, rays))
    faults, extrusion, rays = min(tried)
    if faults > MOST_FAULTS or comparison.agreement < LEAST_AGREEMENT or _apart(comparison) > MOST_APART:
        raise RuntimeError(
            Message(
                "its faces are far from those of the original, or point inward: recalculate the normals, "
                "and undo Apply Transforms."
            )
        )
    return extrusion, rays


def _passes(
    settings: BakeSettings,
    channels: Channels,
    comparison: ShadingComparison,
    original: bpy.types.Object,
    light: bpy.types.Object,
) -> Iterator[str]:
    """The maps to bake, in this order: what shows materials as something else comes last."""
    yield NORMAL
    if settings.occlusion or settings.orm:
        yield OCCLUSION
    is_needed = settings.colors == "ALWAYS" or (
        settings.colors == "AS_NEEDED" and _is_mapped_otherwise(comparison, mesh_of(original), mesh_of(light))
    )
    for channel in SURFACE:
        is_packed = settings.orm and channel in (ROUGHNESS, METALLIC)
        if is_packed or (is_needed and channels.is_textured(channel)):
            yield channel


def _is_mapped_otherwise(
    comparison: ShadingComparison, before: bpy.types.Mesh, after: bpy.types.Mesh
) -> bool:
    """Whether the textures or vertex colors of the original are somewhere else on the light mesh, or gone."""
    names = {layer.name for layer in after.color_attributes}
    if any(layer.name not in names for layer in before.color_attributes):
        return True
    for number, layer in enumerate(before.uv_layers):
        other = after.uv_layers.find(layer.name)
        if other < 0:
            return True
        there = comparison.opposite.mixed(comparison.before, comparison.before.uvs[number])
        here = comparison.spots.mixed(comparison.after, comparison.after.uvs[other])
        if len(here) and float(np.median(np.abs(here - there).max(axis=1))) > SAME_SPOT:
            return True
    return False


def _bake_one(
    original: bpy.types.Object,
    light: bpy.types.Object,
    kind: str,
    uv_map: str,
    settings: BakeSettings,
    extrusion: float,
) -> Any:
    """Bake one map; returns its image."""
    image = _new_image(kind, settings)
    mesh = mesh_of(light)
    material = new_material(kind)
    node = material.node_tree.nodes.new("ShaderNodeTexImage")
    node.image = image
    material.node_tree.nodes.active = node
    for index in range(len(mesh.materials)):
        mesh.materials[index] = material
    if not len(mesh.materials):
        mesh.materials.append(material)
    mesh.uv_layers.active = mesh.uv_layers[uv_map]
    scene: Any = bpy.context.scene
    view_layer: Any = bpy.context.view_layer
    for item in (original, light):
        item.select_set(True)
    view_layer.objects.active = light
    scene.cycles.samples = OCCLUSION_SAMPLES if kind == OCCLUSION else 1
    bpy.ops.object.bake(
        type=TYPES.get(kind, "EMIT"),
        use_selected_to_active=True,
        cage_extrusion=extrusion,
        max_ray_distance=2 * extrusion,
        use_cage=False,
        normal_space="TANGENT",
        normal_g="NEG_Y" if settings.directx else "POS_Y",
        margin=settings.margin,
        margin_type="EXTEND",
        target="IMAGE_TEXTURES",
        save_mode="INTERNAL",
        use_clear=True,
        uv_layer=uv_map,
    )
    return image


def _new_image(kind: str, settings: BakeSettings) -> Any:
    image: Any = bpy.data.images.new(
        kind, settings.size, settings.size, alpha=False, float_buffer=settings.is_float
    )
    if kind not in COLORS:
        image.colorspace_settings.name = "Non-Color"
    return image


def _pixels(image: Any) -> Array:
    width, height = image.size
    values = np.empty(width * height * image.channels, dtype=np.float32)
    image.pixels.foreach_get(values)
    return values.reshape(height, width, image.channels)


def _turn_outwards(image: Any) -> None:
    """Turn round those pixels of a normal map that look into the surface.

    There a ray has found the back of a face, as where two lie in one place, back to back.
    """
    values = _pixels(image)
    inwards = values[:, :, 2] < MIDDLE
    if inwards.any():
        values[inwards, :3] = 1.0 - values[inwards, :3]
        image.pixels.foreach_set(values.ravel())


def _packed_orm(made: dict[str, Any], settings: BakeSettings) -> Any:
    """One image of occlusion, roughness and metallic, as glTF and game engines take it; they go."""
    image = _new_image(ORM, settings)
    values = np.ones((settings.size, settings.size, 4), dtype=np.float32)
    for channel, kind in enumerate((OCCLUSION, ROUGHNESS, METALLIC)):
        values[:, :, channel] = _pixels(made[kind])[:, :, 0]
        bpy.data.images.remove(made.pop(kind))
    image.pixels.foreach_set(values.ravel())
    return image
