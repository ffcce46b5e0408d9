# SPDX-License-Identifier: GPL-3.0-or-later
"""The collections in which new objects are linked."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any

import bpy

from ...core.destination import DatablockRef
from ..lookup import find
from ..meshes import NAMED


def takes_objects(collection: bpy.types.Collection) -> bool:
    """Whether objects can be linked to a collection; Blender calls overrides editable, and refuses."""
    return collection.is_editable and collection.override_library is None


def collection_called(
    scene: bpy.types.Scene, name: str, is_meant: Callable[[bpy.types.Collection], bool] = lambda _found: True
) -> bpy.types.Collection:
    """The collection of this name in the scene that is meant, made where there is none.

    Where there is another one of this name, Blender numbers it, so that it has the name as a property, too;
    one that the user has called otherwise is meant no more.
    """
    inside = [item for item in scene.collection.children_recursive if takes_objects(item) and is_meant(item)]
    numbered = re.compile(re.escape(name) + r"\.\d+")
    found = next((item for item in inside if item.name == name), None) or next(
        (item for item in inside if item.get(NAMED) == name and numbered.fullmatch(item.name)), None
    )
    if found is None:
        found = bpy.data.collections.new(name)
        found[NAMED] = name
        scene.collection.children.link(found)
    return found


def hide_collection(collection: bpy.types.Collection) -> None:
    """Close the eye of a collection in every view layer, and leave it out of renders; a click opens it."""
    collection.hide_render = True
    for scene in bpy.data.scenes:
        for view_layer in scene.view_layers:
            for layer in _layers(view_layer.layer_collection):
                if layer.collection == collection:
                    layer.hide_viewport = True


def _layers(layer: bpy.types.LayerCollection) -> Iterator[bpy.types.LayerCollection]:
    """A layer collection and those below it."""
    yield layer
    for below in layer.children:
        yield from _layers(below)


def show_in_local_views(context: bpy.types.Context, items: Sequence[bpy.types.Object]) -> None:
    """What is new is seen in 3D views that show a few objects only, too, as what Blender's own Add makes."""
    for window in context.window_manager.windows:
        for area in window.screen.areas:
            space: Any = area.spaces.active
            if area.type == "VIEW_3D" and space.local_view is not None:
                for item in items:
                    with suppress(RuntimeError):  # it is in another scene
                        item.local_view_set(space, True)


def active_then(
    context: bpy.types.Context, scene: bpy.types.Scene, active: DatablockRef
) -> bpy.types.Collection:
    """The collection that was active when a model was asked for; the scene's own where it is not seen."""
    collection = find(bpy.data.collections, active.name, active.uid)
    layer = context.view_layer if scene == context.scene else scene.view_layers[0]
    assert layer is not None
    if collection is None or not takes_objects(collection):
        return scene.collection
    return collection if collection in _included(layer.layer_collection) else scene.collection


def _included(layer: bpy.types.LayerCollection) -> Iterator[bpy.types.Collection]:
    """A collection and those below it, but for those whose objects the view layer leaves out."""
    if not layer.exclude:
        yield layer.collection
    for below in layer.children:
        yield from _included(below)
