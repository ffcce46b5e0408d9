# SPDX-License-Identifier: GPL-3.0-or-later
"""When Blender calls the session: a timer, and files that are opened, saved and stepped through.

Blender keeps handlers over the opening of a file only if they are plain functions, so these hand on.
"""

from __future__ import annotations

import atexit
from pathlib import Path

import bpy
from bpy.app.handlers import persistent

from ..scene.origins import MeshDigests
from ..scene.place import packing
from . import begin, current, end, is_running
from .document import LAST_SESSION, Document, last_opening
from .preferences import user_folder
from .session import IDLE_SECONDS, Session


def tick() -> float:
    """A Blender timer."""
    return current().tick(bpy.context)


@persistent
def _before_load(_file: str) -> None:
    current().form.remember(bpy.context)


@persistent
def _after_load(file: str) -> None:
    session = current()
    session.placement.leave(session.engine)
    session.form.restore(bpy.context)
    name = Path(file).name
    # It is read at once: the next Blender that ends writes another one.
    continues = last_opening(_note_of_the_last(bpy.context)) if name == LAST_SESSION else ""
    session.opened(recovered=name != Path(bpy.data.filepath).name, continues=continues)


def _note_of_the_last(context: bpy.types.Context) -> Path:
    return user_folder(context) / "last_opening.json"


@persistent
def _after_save(file: str) -> None:
    """What was placed is in a file on disk now."""
    session = current()
    if session.engine is not None and file == bpy.data.filepath:  # else a copy was saved
        session.placement.saved(session.engine)


@persistent
def _before_save(_file: str) -> None:
    """A file is never saved with images that lie among the results; it may go to another folder."""
    packing.pack_all()
    current().form.make_image_absolute(bpy.context)


@persistent
def _before_undo(_scene: bpy.types.Scene) -> None:
    placement = current().placement
    placement.undo.before_step(placement.placed)


@persistent
def _after_undo(_scene: bpy.types.Scene) -> None:
    session = current()
    session.placement.stepped(session.engine)


@persistent
def _after_update(_scene: bpy.types.Scene, graph: bpy.types.Depsgraph) -> None:
    """Blender has evaluated what was changed. This is called for each frame, and may take no time."""
    if graph.id_type_updated("MESH"):
        current().part(MeshDigests).outdate()


HANDLERS = (
    ("depsgraph_update_post", _after_update),
    ("load_pre", _before_load),
    ("load_post", _after_load),
    ("save_pre", _before_save),
    ("save_post", _after_save),
    ("undo_pre", _before_undo),
    ("redo_pre", _before_undo),
    ("undo_post", _after_undo),
    ("redo_post", _after_undo),
)


def _stop() -> None:
    """Blender ends."""
    if is_running():
        if not bpy.app.background:
            current().document.note_end(_note_of_the_last(bpy.context))
        current().stop()


def register() -> None:
    """Begin a session; nothing is opened, and no thread runs, before there is something to do."""
    begin(Session(Document()))
    bpy.app.timers.register(tick, first_interval=IDLE_SECONDS, persistent=True)
    for name, handler in HANDLERS:
        getattr(bpy.app.handlers, name).append(handler)
    atexit.register(_stop)


def unregister() -> None:
    """End it; jobs go on when the add-on is enabled again."""
    if bpy.app.timers.is_registered(tick):
        bpy.app.timers.unregister(tick)
    for name, handler in HANDLERS:
        getattr(bpy.app.handlers, name).remove(handler)
    atexit.unregister(_stop)
    packing.pack_all()  # the images' files go now
    current().document.store()
    current().close()
    end()
