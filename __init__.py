# SPDX-License-Identifier: GPL-3.0-or-later
"""GENERIO Flows: words, pictures and heavy meshes become clean models, inside Blender.

Importable without bpy, so that `run`, `api` and `jobs` can be used and tested anywhere; Blender calls
`register` and `unregister`.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .cli.call import Progress as Progress
    from .cli.call import RunCancelled as RunCancelled
    from .cli.call import RunFailed as RunFailed
    from .cli.call import run as run

_LATER = {
    **dict.fromkeys(("Progress", "RunCancelled", "RunFailed", "run"), ".cli.call"),
    "glTF2ExportUserExtension": ".scene.gltf_export",
}
"""Names that are imported when they are asked for, and where from.

What Blender's glTF exporter looks for in every add-on needs bpy; the others take longer than registering may.
"""


def _classes() -> tuple[type, ...]:
    from . import operators, panels
    from .panels import preferences
    from .session import properties

    return (*preferences.CLASSES, *properties.CLASSES, *operators.CLASSES, *panels.CLASSES)


def __getattr__(name: str) -> object:
    """What is of no use to most who import this."""
    if name not in _LATER:
        raise AttributeError(name)
    return getattr(import_module(_LATER[name], __name__), name)


def register() -> None:
    """Add the add-on to Blender, and begin its session."""
    import bpy

    from . import i18n, panels, session
    from .cli import command
    from .panels import menus, presets
    from .session import handlers, properties, requests

    for cls in _classes():
        i18n.claim(cls)
        bpy.utils.register_class(cls)
    properties.register()
    i18n.register()
    presets.register()
    menus.register()
    handlers.register()
    panels.observe(session.current())
    session.current().observers.append(session.current().part(requests.Followups))
    command.register()


def unregister() -> None:
    """Take away what `register` added, in reverse."""
    import bpy

    from . import i18n
    from .cli import command
    from .panels import menus, presets
    from .session import handlers, properties

    command.unregister()
    handlers.unregister()
    menus.unregister()
    presets.unregister()
    i18n.unregister()
    properties.unregister()
    for cls in reversed(_classes()):
        bpy.utils.unregister_class(cls)
