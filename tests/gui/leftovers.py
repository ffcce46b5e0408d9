# SPDX-License-Identifier: GPL-3.0-or-later
"""What an add-on has put into Blender, counted without its help."""

import gc
import threading
from collections.abc import Iterator
from types import FunctionType, MethodType
from typing import Any

import bpy


def of_addon(package: str) -> dict[str, list[str]]:
    """What is registered, runs or hangs in Blender and comes from the add-on's package.

    Found by the last part of its name without endings ("bl_ext.user_default.generio_flows" -> "generio"),
    for classes, properties, threads and keys are named after it, and by the modules of functions.
    """
    word = package.rpartition(".")[2].partition("_")[0]

    def ours(name: str) -> bool:
        return word in name.lower()

    found = {
        "classes": [name for name in dir(bpy.types) if ours(name)],
        "operators": [name for name in dir(bpy.ops) if ours(name) and dir(getattr(bpy.ops, name))],
        "properties": [name for name in _properties() if ours(name)],
        "handlers": [name for name, function in _handlers() if _is_from(function, package)],
        "drawn in": [name for name, function in _draw_functions() if _is_from(function, package)],
        "timers": [function.__qualname__ for function in _timers(package)],
        "threads": [thread.name for thread in threading.enumerate() if ours(thread.name)],
        "keys": [key.idname for key in _keys() if ours(key.idname)],
        "translations": [package] if _has_translations(package) else [],
        "preferences": [addon.module for addon in bpy.context.preferences.addons if ours(addon.module)],
    }
    return {kind: sorted(names) for kind, names in found.items() if names}


def _is_from(function: Any, package: str) -> bool:
    function = getattr(function, "__func__", getattr(function, "func", function))  # a method, a partial
    return (getattr(function, "__module__", None) or "").startswith(package)


def _properties() -> Iterator[str]:
    for name in dir(bpy.types):
        if owner := getattr(getattr(bpy.types, name), "bl_rna", None):  # a few are not types
            yield from owner.properties.keys()


def _handlers() -> Iterator[tuple[str, Any]]:
    for name in dir(bpy.app.handlers):
        functions = getattr(bpy.app.handlers, name)
        if isinstance(functions, list):
            yield from ((name, function) for function in functions)


def _draw_functions() -> Iterator[tuple[str, Any]]:
    for name in dir(bpy.types):
        draw = getattr(getattr(bpy.types, name), "draw", None)
        yield from ((name, function) for function in getattr(draw, "_draw_funcs", ()))


def _timers(package: str) -> Iterator[Any]:
    """Blender has no list of timers, but tells of each function whether it is one."""
    for thing in gc.get_objects():
        is_ours = type(thing) in (FunctionType, MethodType) and _is_from(thing, package)
        if is_ours and bpy.app.timers.is_registered(thing):
            yield thing


def _keys() -> Iterator[bpy.types.KeyMapItem]:
    for keymap in bpy.context.window_manager.keyconfigs.addon.keymaps:
        yield from keymap.keymap_items


def _has_translations(package: str) -> bool:
    """Only by trying can one tell: a name that has translations cannot get others."""
    try:
        bpy.app.translations.register(package, {})
    except ValueError:
        return True
    bpy.app.translations.unregister(package)
    return False
