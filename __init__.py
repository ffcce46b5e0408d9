# SPDX-License-Identifier: GPL-3.0-or-later
"""GENERIO Flows: words, pictures and heavy meshes become clean models, inside Blender.

Importable without bpy, so that `api` and `jobs` can be used and tested anywhere; Blender calls
`register` and `unregister`.
"""


def _classes() -> tuple[type, ...]:
    from . import operators, panels
    from .panels import preferences
    from .session import properties

    return (*preferences.CLASSES, *properties.CLASSES, *operators.CLASSES, *panels.CLASSES)


def __getattr__(name: str) -> type:
    """What Blender's glTF exporter looks for in every add-on, and nothing else that needs bpy."""
    if name != "glTF2ExportUserExtension":
        raise AttributeError(name)
    from .scene.gltf_export import glTF2ExportUserExtension

    return glTF2ExportUserExtension


def register() -> None:
    """Add the add-on to Blender, and begin its session."""
    import bpy

    from . import i18n, panels, session
    from .cli import command
    from .panels import menus
    from .session import handlers, properties

    for cls in _classes():
        i18n.claim(cls)
        bpy.utils.register_class(cls)
    properties.register()
    i18n.register()
    menus.register()
    handlers.register()
    panels.observe(session.current())
    command.register()


def unregister() -> None:
    """Take away what `register` added, in reverse."""
    import bpy

    from . import i18n
    from .cli import command
    from .panels import menus
    from .session import handlers, properties

    command.unregister()
    handlers.unregister()
    menus.unregister()
    i18n.unregister()
    properties.unregister()
    for cls in reversed(_classes()):
        bpy.utils.unregister_class(cls)
