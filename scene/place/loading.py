# SPDX-License-Identifier: GPL-3.0-or-later
"""A result comes into the file, linked nowhere yet: appended from the .blend that a child made of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import bpy

from ...core.messages import Message
from ...core.text import plain_reason
from ...formats.glb import required_extension_in
from ..errors import CannotPlace, ExtensionUnknown, FilesGone
from . import extras, packing
from .new_data import NewData
from .unique_names import names_left_free


class Model(NamedTuple):
    """A result on disk: the GLB, the .blend made of it ("" = none), its name, and where it came from."""

    glb: str
    blend: str
    name: str
    provenance: Mapping[str, str | int | float | bool]


class Loaded(NamedTuple):
    """What came in with a model.

    materials: by their names in the GLB; beside: what the GLB says of the scene, see `extras.capture_extras`.
    """

    objects: list[bpy.types.Object]
    materials: dict[str, bpy.types.Material]
    beside: Mapping[str, Any]


def is_there(path: str) -> bool:
    """Whether there is such a file; a drive that is out of reach has none."""
    try:
        return bool(path) and Path(path).exists()
    except OSError:
        return False


def load(model: Model, new_data: NewData) -> Loaded:
    """Bring a model in; `arrivals` tells what came. Raises FilesGone, CannotPlace or ExtensionUnknown."""
    if not is_there(model.blend):
        if not is_there(model.glb):
            raise FilesGone(Path(model.glb).parent)
        return _import_directly(model, new_data)
    with bpy.data.libraries.load(model.blend) as (inside, wanted):  # pyright: ignore
        wanted.objects = inside.objects
        wanted.materials = inside.materials
        names = list(inside.materials)
    if not all(packing.is_there(image) for image in new_data.of("images") if image in packing.unpacked()):
        bpy.data.batch_remove(wanted.objects)
        new_data.remove_unused()
        return _import_directly(model, new_data)
    materials = dict(zip(names, wanted.materials, strict=True))
    return Loaded(list(wanted.objects), materials, _beside(Path(model.blend)))


def _beside(blend: Path) -> Mapping[str, Any]:
    """What the child has told of the scene in a GLB; an earlier version told nothing."""
    try:
        return json.loads(blend.with_suffix(".json").read_text(encoding="utf-8"))["scene"]
    except (OSError, ValueError, KeyError):
        return {}


def _import_directly(model: Model, new_data: NewData) -> Loaded:
    """The way without a child Blender: the window stands still meanwhile."""
    importer: Any = bpy.ops.import_scene.gltf
    known = importer.get_rna_type().properties
    options = {"import_scene_as_collection": False} if "import_scene_as_collection" in known else {}
    layer = bpy.context.view_layer
    assert layer is not None
    selected, active = list(bpy.context.selected_objects), layer.objects.active
    unit: Any = bpy.context.scene.unit_settings
    scale, unit.scale_length = unit.scale_length, 1.0  # as in a child; the importer divides by it
    try:
        with names_left_free(), extras.capture_extras(bpy.context.scene, Path(model.glb)) as beside:
            importer(filepath=model.glb, **options)
            materials = {item.name: item for item in new_data.of("materials")}
    except RuntimeError as error:
        if extension := required_extension_in(Path(model.glb), str(error)):
            raise ExtensionUnknown(extension) from error
        raise CannotPlace(
            Message("Blender cannot read the model: {reason}", reason=plain_reason(error))
        ) from error
    finally:
        unit.scale_length = scale
    objects = new_data.of("objects")
    for item in objects:
        for collection in item.users_collection:
            collection.objects.unlink(item)
    for item in selected:  # older importers select what comes in, and nothing else
        item.select_set(True)
    layer.objects.active = active
    return Loaded(objects, materials, beside)
