# SPDX-License-Identifier: GPL-3.0-or-later
"""Files for game engines, written by Blender's own exporters."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import bpy

from ...core.file_names import fitting
from ...formats.gltf_levels import add_extras, link_levels
from ..exporters import GLTF, known
from .profiles import PROFILES, Levels, Profile
from .staging import Staged, staged
from .subjects import FileContent
from .textures import Textures

GODOT_VIEW = math.radians(75.0)
"""How high the picture of a new camera in Godot is, as an angle:
https://docs.godotengine.org/en/stable/classes/class_camera3d.html."""

TEXTURES = "textures"
"""The folder of textures beside a file."""


def path_of(name: str, profile: Profile, own_folder: bool) -> Path:
    """The path of a model's file, in the common folder; own_folder: whether it has a folder of its own."""
    stem = fitting(re.sub(r"[^\w .-]+", "_", name).strip(" ._") or "Model")
    if not stem.startswith(profile.prefix):
        stem = profile.prefix + stem
    return Path(stem if own_folder else "", f"{stem}{profile.suffix}")


def write(
    context: bpy.types.Context,
    content: FileContent,
    engine: str,
    path: Path,
    textures: Textures,
    embed: bool = True,
) -> None:
    """Write a file for a game engine.

    engine: of PROFILES. textures: of all files of an order. embed: whether they are in the file, where the
    format can have them there; else they are in a folder beside it. Raises RuntimeError and OSError, as
    Blender's exporters do.
    """
    profile = PROFILES[engine]
    objects = [item for subject in content.subjects for item in subject.levels]
    path.parent.mkdir(parents=True, exist_ok=True)
    with staged(context, content, profile) as stage:
        layer = stage.scene.view_layers[0]
        with context.temp_override(scene=stage.scene, view_layer=layer, selected_objects=[]):
            layer.update()
            _WRITERS[profile.suffix](path, profile, embed, partial(textures.in_files, objects))
        if profile.suffix == ".glb":
            _write_levels(path, stage, profile)


InFiles = Callable[[Path], AbstractContextManager[None]]
"""Has the textures be files in a folder for a while: Blender's exporters know them by these files' names."""


def _write_fbx(path: Path, profile: Profile, embed: bool, in_files: InFiles) -> None:
    """Options for Y up and -Z forward in the data, so that the objects are neither rotated nor scaled."""
    options: dict[str, Any] = {
        "object_types": {"EMPTY", "MESH"},
        "use_mesh_modifiers": False,
        "mesh_smooth_type": "OFF",  # normals say what is smooth, so an importer need not guess
        "use_space_transform": True,
        "bake_space_transform": True,
        "axis_forward": "-Z",
        "axis_up": "Y",
        "apply_unit_scale": True,
        "bake_anim": False,
        "use_custom_props": False,
        "path_mode": "COPY" if embed else "RELATIVE",
        "embed_textures": embed,
        **profile.options,
    }
    with TemporaryDirectory() as passing, in_files(Path(passing) if embed else path.parent / TEXTURES):
        operator = bpy.ops.export_scene.fbx
        operator(filepath=str(path), **known(operator, **options))


def _write_glb(path: Path, _profile: Profile, _embed: bool, _in_files: InFiles) -> None:
    operator = bpy.ops.export_scene.gltf
    operator(filepath=str(path), **known(operator, **GLTF))


def _write_usd(path: Path, _profile: Profile, _embed: bool, in_files: InFiles) -> None:
    operator = bpy.ops.wm.usd_export
    options = known(
        operator,
        export_animation=False,
        export_textures=False,
        export_textures_mode="KEEP",
        relative_paths=True,
        generate_preview_surface=True,
        export_custom_properties=False,
        convert_world_material=False,
        convert_orientation=True,
        export_global_forward_selection="NEGATIVE_Z",
        export_global_up_selection="Y",
        convert_scene_units="METERS",
        triangulate_meshes=False,
    )
    with in_files(path.parent / TEXTURES):
        operator(filepath=str(path), **options)


_WRITERS = {".fbx": _write_fbx, ".glb": _write_glb, ".usdc": _write_usd}


def _write_levels(path: Path, stage: Staged, profile: Profile) -> None:
    """Write into a GLB at which distances or sizes its levels are switched."""
    if profile.levels is Levels.EXTENSION:
        link_levels(path, stage.levels)
    elif profile.levels is Levels.RANGES and stage.levels:
        ranges: dict[str, dict[str, float]] = {}
        for first, (others, sizes) in stage.levels.items():
            starts = [0.0, *(distance(stage.radii[first], size) for size in sizes)]
            for name, start, end in zip([first, *others], starts, [*starts[1:], 0.0], strict=True):
                ranges[name] = {"visibility_range_begin": start, "visibility_range_end": end}
        add_extras(path, ranges)


def distance(radius: float, size: float) -> float:
    """The distance, in meters, at which a model fills the share `size` of the height of Godot's picture.

    radius: half the diagonal of its bounds, in meters. The camera is a new one, with its default angle.
    """
    return round(radius / (max(size, 1e-3) * math.tan(GODOT_VIEW / 2)), 3)
