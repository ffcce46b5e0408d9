# SPDX-License-Identifier: GPL-3.0-or-later
"""Models become assets: marked with what is known of them, and written into a library of the user's."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import bpy

from ..api import FlowsError
from ..api.errors import Remedy
from . import pictures
from .meshes import PREFIX

TAGS = ("GENERIO",)
LONGEST_TAG = 63  # bytes
LITTLE_WORDS = frozenset({"an", "and", "at", "by", "for", "from", "in", "of", "on", "the", "to", "with"})


class CannotSave(FlowsError):
    """The asset library refuses."""

    remedy: Remedy = "open_file_paths"
    message = "The asset could not be saved."
    fix = "Check the asset libraries in Blender's preferences."


def mark(item: bpy.types.Object, author: str, picture: str) -> None:
    """Make an asset of the model, with its prompt as description; `picture`: path of its preview, or "".

    A model of several parts becomes a collection, since an object that is an asset takes no children along.
    """
    asset = _collection_of(item) if item.children else item
    asset.asset_mark()
    _describe(asset.asset_data, item, author)
    if not _illustrate(asset, picture) and not bpy.app.background:
        asset.asset_generate_preview()  # which Blender draws a little later


def _collection_of(item: bpy.types.Object) -> bpy.types.Collection:
    """The collection that holds this hierarchy as an asset, made now if there is none."""
    parts = [item, *item.children_recursive]
    for collection in item.users_collection:
        if collection.asset_data is not None and {*parts} == {*collection.objects}:
            return collection
    around = next(iter(item.users_collection), bpy.context.scene.collection)
    own = bpy.data.collections.new(item.name)
    around.children.link(own)
    for part in parts:
        own.objects.link(part)
        if part.name in around.objects:
            around.objects.unlink(part)
    own.instance_offset = item.matrix_world.translation
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
    if not folder.is_dir():  # nor is it made: a drive that is missing would come back over the asset
        raise CannotSave(f"The folder of the library is not there: {folder}")
    path = free_path(folder, item.name)
    pictures.pack_all()  # what lies in the folder of results may be cleared away
    try:
        with _asset(item, author, picture) as asset:
            bpy.data.libraries.write(str(path), {asset}, path_remap="ABSOLUTE", fake_user=True, compress=True)
    except (RuntimeError, OSError) as error:
        raise CannotSave(f"The asset could not be written: {' '.join(str(error).split())}") from error
    return path


def free_path(folder: Path, name: str) -> Path:
    """A path in `folder` that nothing has yet, for an asset of this name."""
    stem = re.sub(r"[^\w .-]+", "_", name).strip(" ._") or "Model"
    path, number = folder / f"{stem}.blend", 1
    while path.exists():
        number += 1
        path = folder / f"{stem} {number}.blend"
    return path


@contextmanager
def _asset(item: bpy.types.Object, author: str, picture: str) -> Iterator[bpy.types.ID]:
    """What is to be written: a bare copy, or for a hierarchy a collection of copies; gone afterwards."""
    parts = [item, *item.children_recursive]
    copies: dict[bpy.types.Object, Any] = {part: part.copy() for part in parts}
    made: list[bpy.types.ID] = [*copies.values()]
    names = [part.name for part in parts]
    try:
        for part, copy in copies.items():
            if part.parent in copies:
                copy.parent = copies[part.parent]
                copy.matrix_parent_inverse = part.matrix_parent_inverse
            if copy.asset_data is not None:
                copy.asset_clear()
        root = copies[item]
        root.parent = None
        root.location = (0.0, 0.0, 0.0)
        # The copies get the names, as long as it takes.
        _rename(parts, [f"{name} (original)"[-60:] for name in names])
        _rename([*copies.values()], names)
        asset: bpy.types.ID = root
        if len(parts) > 1:
            collection = bpy.data.collections.new(item.name)
            made.append(collection)
            collection.name = names[0]
            for copy in copies.values():
                collection.objects.link(copy)
            asset = collection
        asset.asset_mark()
        _describe(asset.asset_data, item, author)
        _illustrate(asset, picture)
        yield asset
    finally:
        bpy.data.batch_remove(made)
        _rename(parts, names)


def _rename(items: Sequence[bpy.types.ID], names: Sequence[str]) -> None:
    for item, name in zip(items, names, strict=True):
        item.name = name


def model_of(item: bpy.types.Object | None) -> bpy.types.Object | None:
    """The model from the service that an object is, or a part of; None where it is neither."""
    while item is not None and (PREFIX + "flow_id") not in item:
        item = item.parent
    return item
