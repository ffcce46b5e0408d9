# SPDX-License-Identifier: GPL-3.0-or-later
"""A converter carries out an order: it writes files for a game engine."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import bpy
from mathutils import Matrix

from ...core.errors import FlowsError
from ..background.load_glb import load_joined
from ..markers import ORIGINAL, SUBJECT
from ..meshes import COLLISION, mesh_of, triangle_count
from ..paintings import check_painting
from .collision import make_shapes
from .order import MeshOrder, Order, SubjectOrder
from .profiles import NO_SHAPES, PROFILES
from .subjects import FileContent, Subject
from .textures import Textures
from .write import write

Report = Callable[[float], None]


def export(source: str, target: str, report: Report) -> None:
    """Carry out the order in the file `source`; write the files into a folder beside `target`, then that.

    `target` is the note about them, see `jobs.exported`. Raises RuntimeError with a message.
    """
    order = Order.read(Path(source))
    folder = Path(f"{target}.files")
    units: Any = bpy.context.scene.unit_settings
    units.system, units.scale_length = "METRIC", order.unit
    textures = Textures()
    meshes = _Meshes(Path(source).parent, len(order.meshes()) + len(order.files), report)
    for file in order.files:
        content = FileContent(file.name, at_origin=file.at_origin)
        try:
            for subject in file.subjects:
                content.subjects.append(_subject(subject, order, meshes))
            write(bpy.context, content, order.engine, folder / file.path, textures, order.embed)
        except FlowsError as error:
            raise RuntimeError(error.message) from error
        items = [item for subject in content.subjects for item in (*subject.levels, *subject.shapes)]
        bpy.data.batch_remove([*items, *{mesh_of(item) for item in items}])
        meshes.done()
    note = {"folder": folder.name, "files": [file.path for file in order.files]}
    Path(target).write_text(json.dumps(note), encoding="utf-8")


def _subject(wanted: SubjectOrder, order: Order, meshes: _Meshes) -> Subject:
    """A model with its levels and shapes, in the scene."""
    levels = [meshes.load(mesh) for mesh in wanted.levels]
    shapes = [meshes.load(mesh) for mesh in wanted.shapes]
    bpy.context.view_layer.update()
    if PROFILES[order.engine].hull and order.collision != NO_SHAPES and not shapes:
        shapes = make_shapes(bpy.context, levels[0], order.collision, order.triangles, order.each_part)
        bpy.context.view_layer.update()
    sizes = wanted.sizes
    if sizes is None:
        counts = [max(1, triangle_count(item.data)) for item in levels]
        sizes = [min(1.0, (count / counts[0]) ** 0.5) for count in counts[1:]]
    return Subject(wanted.name, levels, sizes, shapes)


class _Meshes:
    """Brings meshes into the scene. A material or picture that several of them use is there once.

    folder: of the order. steps: how many there are. report: receives the share of them that is done, 0 to 1.
    """

    def __init__(self, folder: Path, steps: int, report: Report) -> None:
        self._folder = folder
        self._steps = steps
        self._report = report
        self._count = 0
        self._known: dict[tuple[str, str], Any] = {}  # by kind and name
        self._anchor = bpy.data.objects.new("GENERIO anchor", None)
        bpy.context.scene.collection.objects.link(self._anchor)

    def load(self, mesh: MeshOrder) -> Any:
        """The object of a mesh of the order, where it stands."""
        path = self._folder / mesh.file
        if path.suffix == ".blend":
            item = self._of_snapshot(path)
            bpy.context.scene.collection.objects.link(item)
        else:
            item = load_joined(str(path))
        if mesh.matrix:
            item.parent = self._anchor  # an object alone cannot be sheared
            item.matrix_parent_inverse = Matrix(mesh.matrix)
        if mesh.shape:
            item[COLLISION] = mesh.shape
        self.done()
        return item

    def done(self) -> None:
        """Count a step as done, and report it."""
        self._count += 1
        self._report(self._count / self._steps)

    def _of_snapshot(self, path: Path) -> Any:
        with bpy.data.libraries.load(str(path)) as (inside, wanted):  # pyright: ignore
            wanted.objects = [name for name in inside.objects if name.startswith(SUBJECT)]
            images, materials = [*inside.images], [*inside.materials]
            wanted.images, wanted.materials = [*images], [*materials]
        self._share("image", images, wanted.images)
        self._share("material", materials, wanted.materials)
        (item,) = wanted.objects
        return item

    def _share(self, kind: str, names: Sequence[str], found: Sequence[Any]) -> None:
        """Give each of these its original name, or replace it with the one that another mesh has brought."""
        for name, item in zip(names, found, strict=True):
            original = item.get(ORIGINAL, name)
            known = self._known.setdefault((kind, original), item)
            if known is not item:
                item.user_remap(known)
                continue
            item.name = original
            if isinstance(item, bpy.types.Image):
                check_painting(item)
