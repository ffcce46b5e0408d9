# SPDX-License-Identifier: GPL-3.0-or-later
"""Models become assets: marked with what is known of them, and written into a library of the user's."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import bpy
from idprop.types import IDPropertyArray

from ..core.errors import FlowsError, Remedy
from ..core.file_names import fitting
from ..core.messages import Message
from ..core.text import plain_reason
from . import versions
from .meshes import COPY_OF, LEVELS, MADE_WITH, NAMED, ORIGIN, PREFIX, flush_edits, is_own
from .nodes import image_nodes
from .place import packing, variants

TAGS = ("GENERIO",)
LONGEST_TAG = 63  # bytes
BOOKKEEPING = (
    versions.OTHER,
    versions.REPORT,
    versions.STASH,
    variants.GROUP,
    variants.PLACED_AT,
    variants.REQUESTED_AT,
    LEVELS,
    NAMED,
    ORIGIN,
    COPY_OF,
    MADE_WITH,
)
"""Custom properties of objects and meshes that a library has no use for, some with data not shown."""

PLACE = (
    "location",
    "delta_location",
    "rotation_euler",
    "rotation_quaternion",
    "rotation_axis_angle",
    "scale",
)
"""Where an object stands, how it is turned and how large it is, beside its parent."""

LITTLE_WORDS = frozenset({"an", "and", "at", "by", "for", "from", "in", "of", "on", "the", "to", "with"})


class CannotSave(FlowsError):
    """The asset library refuses."""

    remedy: Remedy = "open_file_paths"
    message = Message("The asset could not be saved.")
    fix = Message("Check the asset libraries in Blender's preferences.")


def mark(item: bpy.types.Object, author: str, picture: str) -> None:
    """Make an asset of the model, with its prompt as description; `picture`: path of its preview, or "".

    A model of several parts becomes a collection, since an object that is an asset takes no children along.
    """
    asset = _collection_of(item) if item.children else item
    new = asset.asset_data is None
    asset.asset_mark()
    if asset is not item and item.asset_data is not None:  # until it got its first part, it was the asset
        if new:
            asset.asset_data = item.asset_data
        item.asset_clear()
    _describe(asset.asset_data, item, author)
    if not _illustrate(asset, picture) and not bpy.app.background:
        asset.asset_generate_preview()  # which Blender draws a little later


def _collection_of(item: bpy.types.Object) -> bpy.types.Collection:
    """The collection that holds this hierarchy, and nothing else, as an asset; made now if there is none.

    Other assets that the model is in, a room of the user's, keep it: so this one stands beside, not in them.
    """
    parts = [item, *item.children_recursive]
    around, own = bpy.context.scene.collection, None
    for collection in reversed(item.users_collection):
        if collection.asset_data is None:
            around = collection
        elif {*collection.all_objects} <= {*parts}:
            own = collection
    if own is None:
        own = bpy.data.collections.new(item.name)
        own.instance_offset = item.matrix_world.translation
        around.children.link(own)
    for part in parts:
        if part.name not in own.all_objects:
            own.objects.link(part)
        for beside in part.users_collection:
            if own.name in beside.children and beside.asset_data is None:
                beside.objects.unlink(part)
    return own


def _describe(data: Any, item: bpy.types.Object, author: str) -> None:
    prompt = str(item.get(PREFIX + "prompt", ""))
    data.description = prompt or f"{item.name}, made with GENERIO Flows"
    if author:
        data.author = author
    for tag in (*TAGS, *tags_of(prompt)):
        data.tags.new(tag, skip_if_exists=True)


def tags_of(prompt: str) -> list[str]:
    """The words of a prompt by which somebody may look for the model."""
    words = re.findall(r"\w[\w-]+", prompt.lower())
    return [
        word for word in dict.fromkeys(words) if word not in LITTLE_WORDS and len(word.encode()) < LONGEST_TAG
    ]


def _illustrate(item: bpy.types.ID, picture: str) -> bool:
    """Give it this preview; returns whether it has one now."""
    if picture and Path(picture).is_file():
        with suppress(RuntimeError), bpy.context.temp_override(id=item):
            return bpy.ops.ed.lib_id_load_custom_preview(filepath=picture) == {"FINISHED"}
    return False


def save_to_library(item: bpy.types.Object, folder: Path, author: str, picture: str) -> Path:
    """Write the model as an asset into a .blend file of its own in `folder`; returns its path.

    Nothing in the open file or in the library is changed. Raises CannotSave.
    """
    try:
        if not folder.is_dir():  # nor is it made: a drive that is missing would come back over the asset
            raise CannotSave(Message("The library's folder is missing: {folder}", folder=str(folder)))
        path = free_path(folder, item.name)
        packing.pack_all()  # what lies in the folder of results may be cleared away
        with _asset(item, author, picture) as asset:
            bpy.data.libraries.write(str(path), {asset}, path_remap="ABSOLUTE", fake_user=True, compress=True)
    except (RuntimeError, OSError, MemoryError) as error:
        raise CannotSave(
            Message("The asset could not be written: {reason}", reason=plain_reason(error))
        ) from error
    return path


def free_path(folder: Path, name: str) -> Path:
    """A path in `folder` that nothing has yet, for an asset of this name."""
    stem = fitting(re.sub(r"[^\w .-]+", "_", name).strip(" ._") or "Model")
    path, number = folder / f"{stem}.blend", 1
    while path.exists():
        number += 1
        path = folder / f"{stem} {number}.blend"
    return path


def _flush_edits(parts: Collection[bpy.types.Object], afterwards: ExitStack) -> None:
    """What is just being edited or painted is saved as it is seen; paintings stay unsaved here."""
    packed: dict[Any, bpy.types.Image] = {}
    flush_edits(parts)
    for part in parts:
        for slot in part.material_slots:
            if slot.material is not None and slot.material.node_tree is not None:
                for node in image_nodes(slot.material.node_tree):
                    image = node.image
                    if not (image.is_dirty and image.is_editable) or node.id_data.library is not None:
                        continue
                    if image.source == "TILED":  # of which only Blender itself knows all the pixels
                        image.pack()
                    elif image.source in ("FILE", "GENERATED"):
                        if image not in packed:
                            packed[image] = _packed_copy(image, afterwards)
                        afterwards.callback(setattr, node, "image", image)
                        node.image = packed[image]


def _packed_copy(image: Any, afterwards: ExitStack) -> bpy.types.Image:
    """The painting as it is, packed, for the time being under its name.

    To pack the painting itself cannot be undone: Blender would no longer know it as unsaved.
    """
    import numpy as np

    pixels = np.empty(len(image.pixels), dtype=np.float32)
    image.pixels.foreach_get(pixels)
    name, (width, height) = image.name, image.size
    image.name = f"{name[:50]} (other)"
    afterwards.callback(setattr, image, "name", name)
    copy: Any = bpy.data.images.new(name, width, height, alpha=True, float_buffer=image.is_float)
    afterwards.callback(bpy.data.images.remove, copy)
    space, alpha = image.colorspace_settings.name, image.alpha_mode
    # Floats become an EXR, which has them as they are in memory: linear, and multiplied with their alpha.
    if not image.is_float or space == "Non-Color":
        copy.colorspace_settings.name = space
    copy.alpha_mode = "PREMUL" if image.is_float and alpha == "STRAIGHT" else alpha
    copy.pixels.foreach_set(pixels)
    copy.pack()
    return copy


@contextmanager
def _asset(item: bpy.types.Object, author: str, picture: str) -> Iterator[bpy.types.ID]:
    """What is to be written: the model, or for a hierarchy a collection of it; as it was, afterwards.

    It is no copy: what refers to the model (its modifiers, constraints, drivers, shape keys, materials, and
    objects that these refer to) would bring the original along, too.
    """
    parts = [item, *item.children_recursive]
    with ExitStack() as afterwards:
        _flush_edits(parts, afterwards)
        for part in parts:
            if part.library is None:
                _remove_mark(part, afterwards)
            for owner in (part, part.data):
                _remove_properties(owner, afterwards)
        _detach(item, afterwards)
        asset: bpy.types.ID = item
        if len(parts) > 1:
            asset = _collected(item.name, parts, afterwards)
        else:
            afterwards.callback(setattr, item, "use_fake_user", item.use_fake_user)
            afterwards.callback(item.asset_clear)
        asset.asset_mark()
        _describe(asset.asset_data, item, author)
        if asset.preview is None or not asset.preview.image_size[0]:
            _illustrate(asset, picture)
            afterwards.callback(_remove_preview, asset)
        yield asset


def _remove_mark(part: bpy.types.Object, afterwards: ExitStack) -> None:
    """An asset is one asset, and no part of it is another."""
    if part.asset_data is None:
        return
    holder = bpy.data.objects.new(part.name, None)
    holder.asset_mark()
    holder.asset_data = part.asset_data
    had_fake_user = part.use_fake_user
    part.asset_clear()

    def restore() -> None:
        part.asset_mark()
        part.asset_data = holder.asset_data
        part.use_fake_user = had_fake_user
        bpy.data.objects.remove(holder)

    afterwards.callback(restore)


def _remove_properties(owner: Any, afterwards: ExitStack) -> None:
    """In a library there is neither a version before nor another variant."""
    if owner is None or owner.library is not None:
        return
    for name in BOOKKEEPING:
        if name in owner:
            value = owner[name]
            if isinstance(value, IDPropertyArray):  # which goes with its property
                value = value.to_list()
            afterwards.callback(owner.__setitem__, name, value)
            del owner[name]


def _detach(item: bpy.types.Object, afterwards: ExitStack) -> None:
    """The model stands at the origin and hangs on nothing, as large and turned as it was seen."""
    for name in PLACE:
        afterwards.callback(setattr, item, name, getattr(item, name)[:])
    if item.parent is not None:
        seen = item.matrix_world.copy()
        bond: dict[str, Any] = {
            "parent": item.parent,  # first, since the others depend on it
            "parent_type": item.parent_type,
            "parent_bone": item.parent_bone,
            "parent_vertices": item.parent_vertices[:],
            "matrix_parent_inverse": item.matrix_parent_inverse.copy(),
        }
        afterwards.callback(lambda: [setattr(item, name, value) for name, value in bond.items()])
        item.parent = None
        item.matrix_world = seen
    item.location = item.delta_location = (0.0, 0.0, 0.0)


def _collected(name: str, parts: Sequence[bpy.types.Object], afterwards: ExitStack) -> bpy.types.Collection:
    """A collection of the parts, and of this name."""
    namesake = bpy.data.collections.get((name, None))
    if namesake is not None:
        afterwards.callback(setattr, namesake, "name", name)
        namesake.name = f"{name[:50]} (other)"
    collection = bpy.data.collections.new(name)
    afterwards.callback(bpy.data.collections.remove, collection)
    for part in parts:
        collection.objects.link(part)
    return collection


def _remove_preview(asset: bpy.types.ID) -> None:
    with suppress(AttributeError, RuntimeError), bpy.context.temp_override(id=asset):
        bpy.ops.ed.lib_id_remove_preview()  # Blender 4.2 has none, and keeps the picture


def model_of(item: bpy.types.Object | None) -> bpy.types.Object | None:
    """The model from the service that an object is, or a part of; None where it is neither."""
    while item is not None and (PREFIX + "flow_id") not in item:
        item = item.parent
    return item


def selected_models(context: bpy.types.Context) -> list[bpy.types.Object]:
    """The selected models that came from the service; linked ones and overrides belong to another file."""
    found = {model: None for item in context.selected_objects if (model := model_of(item)) is not None}
    return [model for model in found if is_own(model)]
