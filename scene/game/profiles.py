# SPDX-License-Identifier: GPL-3.0-or-later
"""What each game engine expects of a file, with the pages that document it."""

from __future__ import annotations

from enum import Enum
from typing import Any, NamedTuple

from ...core.messages import Message


class Levels(Enum):
    """How a file says which meshes are levels of detail."""

    LOD_GROUP = "an FBX LodGroup with the levels in it"
    SUFFIX = "objects whose names end with _LOD0, _LOD1 …"
    RANGES = "the same, and the distances in extras"
    EXTENSION = "the glTF extension MSFT_lod"
    FIRST = "the first level only"


class Profile(NamedTuple):
    """What a game engine, or a format that belongs to none, expects of a file.

    prefix: of the names of models. units: how many of its units a meter has. hull, box: patterns of the names
    of collision shapes; "" = they are not written. most_triangles: the limit of a hull. options: of Blender's
    exporter, beside those that every file of the format gets.
    """

    label: str
    description: str
    suffix: str
    levels: Levels
    prefix: str = ""
    units: float = 1.0
    hull: str = ""
    box: str = ""
    most_triangles: int = 255
    options: dict[str, Any] = {}  # noqa: RUF012 - never changed

    def shape_name(self, model: str, is_box: bool, number: int, has_levels: bool) -> str:
        """The name of collision shape `number`, from 1, of a model."""
        first = f"{model}_LOD0" if has_levels and self.levels is Levels.LOD_GROUP else model
        return (self.box if is_box else self.hull).format(model=first, number=number)


PROFILES = {
    # Centimeters, Z up: the importer turns axes. It takes levels from a LodGroup, and from names UCX_ and
    # UBX_ the shapes of the mesh that they name, here that of level 0, with two digits at the end. Meshes
    # have to be triangles; without tangents in the file it makes its own.
    # https://dev.epicgames.com/documentation/en-us/unreal-engine/fbx-static-mesh-pipeline-in-unreal-engine
    # https://dev.epicgames.com/documentation/en-us/unreal-engine/importing-static-mesh-lods-in-unreal-engine
    # Names: .../recommended-asset-naming-conventions-in-unreal-engine-projects
    "unreal": Profile(
        "Unreal",
        "FBX with a LOD group, UCX_ collision shapes and SM_ names, in centimeters",
        ".fbx",
        Levels.LOD_GROUP,
        prefix="SM_",
        units=100.0,
        hull="UCX_{model}_{number:02}",
        box="UBX_{model}_{number:02}",
        options={"use_tspace": True, "apply_scale_options": "FBX_SCALE_NONE"},
    ),
    # Meters and Y up in the data, so that nothing is turned or scaled in the scene. Names that end with _LOD0
    # and so on make a LOD Group. Collision shapes have no names of their own: a convex Mesh Collider takes
    # them, of at most 255 triangles. Tangents are calculated by the importer.
    # https://docs.unity3d.com/Manual/importing-lod-meshes.html
    # https://docs.unity3d.com/Manual/mesh-colliders-introduction.html
    # https://docs.unity3d.com/Manual/FBXImporter-Model.html
    "unity": Profile(
        "Unity",
        "FBX with names that make a LOD Group, and shapes for convex Mesh Colliders",
        ".fbx",
        Levels.SUFFIX,
        hull="{model}_Collider_{number:02}",
        box="{model}_Collider_{number:02}",
        options={"apply_scale_options": "FBX_SCALE_ALL"},
    ),
    # glTF is the format that it recommends. -convcolonly makes a body with a convex shape, and no mesh.
    # Levels that somebody made are switched by visibility ranges, which no name sets: the script
    # extras/godot/generio_lods.gd sets them on import, from the nodes' extras.
    # https://docs.godotengine.org/en/stable/tutorials/assets_pipeline/importing_3d_scenes/node_type_customization.html
    # https://docs.godotengine.org/en/stable/tutorials/3d/visibility_ranges.html
    "godot": Profile(
        "Godot",
        "GLB with collision bodies, and level distances for the import script",
        ".glb",
        Levels.RANGES,
        hull="{model}_{number:02}-convcolonly",
        box="{model}_{number:02}-convcolonly",
    ),
    # https://registry.khronos.org/glTF/specs/2.0/glTF-2.0.html (meters, Y up; tangents by MikkTSpace)
    # https://github.com/KhronosGroup/glTF/tree/main/extensions/2.0/Vendor/MSFT_lod
    "gltf": Profile(
        "glTF with MSFT_lod",
        "GLB with levels for viewers that support MSFT_lod; others show the first level",
        ".glb",
        Levels.EXTENSION,
    ),
    "glb": Profile("GLB", "GLB with the model only", ".glb", Levels.FIRST),
    "fbx": Profile(
        "FBX",
        "FBX with the model only",
        ".fbx",
        Levels.FIRST,
        options={"apply_scale_options": "FBX_SCALE_UNITS"},
    ),
    # https://openusd.org/release/api/group___usd_geom_up_axis__group.html, …_linear_units__group.html
    "usd": Profile("USD", "USD with the model only", ".usdc", Levels.FIRST),
}
"""The profiles, by the words that the command line and scripts use for them."""

BOX_SHAPES, HULL_SHAPES, NO_SHAPES = "BOX", "HULL", "NONE"
SHAPES = (
    (NO_SHAPES, "None", "No new collision shapes; existing ones are exported"),
    (HULL_SHAPES, "Convex Hull", "A tight skin around the model, with few triangles"),
    (BOX_SHAPES, "Box", "A box around the model"),
)
"""Collision shapes, as an enumeration of Blender's."""

UNITY_HINT = Message("In Unity, give the objects with Collider in their names a convex Mesh Collider")
