# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies of what is exported stand in a temporary scene, under the names that the game engine expects."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import bpy
from mathutils import Matrix, Vector

from ..bounds import world_matrix
from ..meshes import COLLISION, PREFIX
from .profiles import BOX_SHAPES, Levels, Profile
from .seen import seen_meshes
from .subjects import FileContent, Subject

FBX_TYPE = "fbx_type"
"""The custom property that tells Blender's FBX exporter what to make of an Empty."""


@dataclass
class Staged:
    """A scene to export.

    levels: by the name of the first level, the names of the others, and the screen size below which each is
    shown.
    radii: by the same names, half the diagonal of the model's bounds, in meters. shapes: how many collision
    shapes there are.
    """

    scene: bpy.types.Scene
    levels: dict[str, tuple[list[str], list[float]]] = field(default_factory=dict)
    radii: dict[str, float] = field(default_factory=dict)
    shapes: int = 0


@contextmanager
def staged(context: bpy.types.Context, content: FileContent, profile: Profile) -> Iterator[Staged]:
    """Yield a temporary scene with what goes into a file.

    The meshes are as they are seen, in triangles, with the rotation and scale of the objects applied; the
    copies of the objects have only a location. The unit of the scene is that of the game engine.
    """
    with ExitStack() as afterwards:
        scene = bpy.data.scenes.new(f"{content.name}_scene")  # what Godot calls the root
        afterwards.callback(bpy.data.scenes.remove, scene)
        units: Any = scene.unit_settings
        units.system, units.scale_length = "METRIC", 1.0 / profile.units
        given: Any = context.scene.unit_settings
        scale = profile.units * (given.scale_length if given.system != "NONE" else 1.0)
        found = Staged(scene)
        names = _Names(afterwards)
        origin = _place(content.subjects[0]) if content.at_origin else Vector()
        for subject in content.subjects:
            with seen_meshes(
                context, [*levels_for(subject, profile), *shapes_for(subject, profile)]
            ) as meshes:
                _stage(subject, profile, meshes, scale, origin, found, names, afterwards)
        yield found


def levels_for(subject: Subject, profile: Profile) -> Sequence[bpy.types.Object]:
    """The levels of a model that a game engine gets."""
    return subject.levels[:1] if profile.levels is Levels.FIRST else subject.levels


def shapes_for(subject: Subject, profile: Profile) -> Sequence[bpy.types.Object]:
    """The collision shapes of a model that a game engine gets."""
    return subject.shapes if profile.hull else ()


def _place(subject: Subject) -> Vector:
    return world_matrix(subject.levels[0]).translation


def _stage(
    subject: Subject,
    profile: Profile,
    meshes: Sequence[bpy.types.Mesh],
    scale: float,
    origin: Vector,
    found: Staged,
    names: _Names,
    afterwards: ExitStack,
) -> None:
    """Put copies of a model, with everything that belongs to it, into the scene."""
    levels, shapes = levels_for(subject, profile), shapes_for(subject, profile)
    first = world_matrix(subject.levels[0])
    place = first.translation
    node = _moved((place - origin) * scale)
    model = names.free(f"{profile.prefix}{_without_prefix(subject.name, profile.prefix)}")
    has_levels = len(levels) > 1
    group = None
    if has_levels and profile.levels in (Levels.LOD_GROUP, Levels.SUFFIX, Levels.RANGES):
        group = _add(found.scene, names.reserve(model), None, node, afterwards)
        if profile.levels is Levels.LOD_GROUP:
            group[FBX_TYPE] = "LodGroup"
    made: list[str] = []
    for number, mesh in enumerate(meshes[: len(levels)]):
        # All levels stand where the first one does, wherever they are arranged.
        _transform(mesh, _moved(-place) @ first, scale)
        suffix = f"_LOD{number}" if has_levels and (group is not None or number) else ""
        copy = _add(found.scene, names.reserve(f"{model}{suffix}"), mesh, node, afterwards)
        copy.parent = group
        if group is not None:
            copy.matrix_basis = Matrix()
        made.append(copy.name)
    if has_levels:
        found.levels[made[0]] = (made[1:], [*subject.sizes])
        found.radii[made[0]] = _radius(meshes[0]) / profile.units
    for number, (shape, mesh) in enumerate(zip(shapes, meshes[len(levels) :], strict=True), 1):
        _transform(mesh, _moved(-place) @ world_matrix(shape), scale)
        mesh.materials.clear()
        name = profile.shape_name(model, shape.get(COLLISION) == BOX_SHAPES, number, has_levels)
        _add(found.scene, names.reserve(name), mesh, node, afterwards)
        found.shapes += 1


def _moved(way: Any) -> Matrix:
    return Matrix.Translation(way)


def _without_prefix(name: str, prefix: str) -> str:
    return name.removeprefix(prefix) if prefix else name


def _radius(mesh: bpy.types.Mesh) -> float:
    import numpy as np

    points = np.empty((len(mesh.vertices), 3), dtype=np.float32)
    mesh.vertices.foreach_get("co", points.ravel())
    return float(np.linalg.norm(points.max(axis=0) - points.min(axis=0))) / 2 if len(points) else 0.0


def _transform(mesh: bpy.types.Mesh, matrix: Matrix, scale: float) -> None:
    """Apply rotation, scale and location to a mesh, so that its object needs none."""
    mesh.transform(Matrix.Scale(scale, 4) @ matrix)
    if matrix.is_negative:
        mesh.flip_normals()


def _add(
    scene: bpy.types.Scene,
    name: str,
    mesh: bpy.types.Mesh | None,
    place: Matrix,
    afterwards: ExitStack,
) -> bpy.types.Object:
    """A new object in the scene, with a copy of a mesh or as an Empty."""
    data = None
    if mesh is not None:
        data = cast(bpy.types.Mesh, mesh.copy())
        data.name = name
        for own in [own for own in data.keys() if own.startswith(PREFIX)]:  # noqa: SIM118
            del data[own]
        afterwards.callback(bpy.data.meshes.remove, data)
    made = bpy.data.objects.new(name, data)
    if data is None:
        afterwards.callback(bpy.data.objects.remove, made)
    made.matrix_basis = place
    scene.collection.objects.link(made)
    return made


class _Names:
    """Gives out names, also those that others in the file have, which get temporary ones meanwhile."""

    def __init__(self, afterwards: ExitStack) -> None:
        self._afterwards = afterwards
        self._taken: set[str] = set()

    def free(self, name: str) -> str:
        """The name, numbered where another model of the same file has it."""
        number, free = 1, name
        while free in self._taken:
            number += 1
            free = f"{name}_{number}"
        self._taken.add(free)
        return free

    def reserve(self, name: str) -> str:
        """Take the name away from whatever has it in the file, until the end; return it."""
        for kind in (bpy.data.objects, bpy.data.meshes):
            present: Any = kind.get((name, None))  # type: ignore[call-overload]
            if present is not None:
                present.name = PREFIX + uuid.uuid4().hex
                self._afterwards.callback(_call_again, kind, present.name, name)
        return name


def _call_again(kind: Any, present: str, name: str) -> None:
    """Give something its name back, unless it was there only for a while, as meshes with modifiers are."""
    item = kind.get((present, None))
    if item is not None:
        item.name = name
