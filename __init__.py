# SPDX-License-Identifier: GPL-3.0-or-later
"""GENERIO Flows: words, pictures and heavy meshes become clean models, inside Blender.

Importable without bpy, so that `api` and `jobs` can be used and tested anywhere; Blender calls
`register` and `unregister`.
"""


def _classes() -> tuple[type, ...]:
    from . import operators, panels, preferences, properties

    return (*preferences.CLASSES, *properties.CLASSES, *operators.CLASSES, *panels.CLASSES)


def __getattr__(name: str) -> type:
    """What Blender's glTF exporter looks for in every add-on, and nothing else that needs bpy."""
    if name != "glTF2ExportUserExtension":
        raise AttributeError(name)
    from .scene.exported import glTF2ExportUserExtension

    return glTF2ExportUserExtension


def register() -> None:
    """Add the add-on to Blender."""
    import bpy

    from . import bridge, properties, translations
    from .cli import command
    from .panels import menus

    for cls in _classes():
        translations.claim(cls)
        bpy.utils.register_class(cls)
    properties.register()
    translations.register(__package__ or "")
    menus.register()
    bridge.register()
    command.register()


def unregister() -> None:
    """Take away what `register` added, in reverse."""
    import bpy

    from . import bridge, properties, translations
    from .cli import command
    from .operators import connection
    from .panels import menus, survey, thumbnails

    command.unregister()
    connection.unregister()
    bridge.unregister()
    menus.unregister()
    thumbnails.unregister()
    survey.unregister()
    translations.unregister(__package__ or "")
    properties.unregister()
    for cls in reversed(_classes()):
        bpy.utils.unregister_class(cls)
