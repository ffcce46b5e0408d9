# SPDX-License-Identifier: GPL-3.0-or-later
"""What is sent of a mesh object: a partial .blend, quick to write, from which a child makes the GLB."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import bpy

from .child import BARE
from .meshes import mesh_of, triangle_count


def write_snapshot(source: bpy.types.Object, path: Path) -> None:
    """Write the mesh of `source` with its materials and images to the .blend file `path`.

    The mesh is written in object space and without modifiers, so that the result fits the same object again,
    wherever it stands by then. Raises RuntimeError where the file cannot be written.
    """
    source.update_from_editmode()
    path.parent.mkdir(parents=True, exist_ok=True)
    # A bare object with the same mesh: nothing else that `source` refers to comes along.
    bare = bpy.data.objects.new(BARE + uuid.uuid4().hex, source.data)
    try:
        for own, slot in zip(bare.material_slots, source.material_slots, strict=True):
            own.link = slot.link
            own.material = slot.material
        # Absolute paths, since the child opens the file from another folder.
        bpy.data.libraries.write(str(path), {bare}, path_remap="ABSOLUTE")
    finally:
        bpy.data.objects.remove(bare)


@dataclass(frozen=True)
class Selection:
    """The selected meshes, each mesh once, however many objects share it.

    objects: one for each mesh that can be sent; refused: the others, each with why; triangles: of `objects`.
    """

    objects: list[bpy.types.Object]
    refused: list[tuple[bpy.types.Object, str]]
    triangles: int

    @classmethod
    def of(cls, selected: Iterable[bpy.types.Object]) -> Selection:
        """What of `selected` can be sent; objects that are no meshes are not spoken of."""
        chosen: dict[bpy.types.Mesh, bpy.types.Object] = {}
        refused: list[tuple[bpy.types.Object, str]] = []
        triangles = 0
        for item in selected:
            if item.type != "MESH" or (mesh := mesh_of(item)) in chosen:
                continue
            item.update_from_editmode()
            if not item.is_editable or not mesh.is_editable:
                refused.append((item, "it is linked from another file"))
            elif not len(mesh.polygons):
                refused.append((item, "it has no faces"))
            else:
                chosen[mesh] = item
                triangles += triangle_count(mesh)
        return cls(list(chosen.values()), refused, triangles)

    def losses(self) -> list[str]:
        """What a GLB cannot carry of these objects, each with how many have it."""
        kinds = {
            "shape keys": lambda item: mesh_of(item).shape_keys is not None,
            "vertex groups": lambda item: bool(item.vertex_groups),
        }
        counts = {kind: sum(map(has, self.objects)) for kind, has in kinds.items()}
        return [f"{kind} of {count} objects" for kind, count in counts.items() if count]

    def shares(self, count: int) -> list[int]:
        """`count` triangles spread over the objects by what each has now; at least one each."""
        return [
            max(1, round(count * triangle_count(mesh_of(item)) / self.triangles)) for item in self.objects
        ]
