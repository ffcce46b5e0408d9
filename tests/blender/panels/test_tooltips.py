"""Whatever can be pressed or entered says what it does."""

import bpy

NOBODY_READS = {"GenerioJob", "GenerioFinding", "GenerioFlow"}  # rows, which are drawn by hand


def own_names(cls: type) -> set[str]:
    """The properties that a class has of us, and not of Blender's own classes."""
    bases = [base for base in cls.__mro__ if not base.__module__.startswith("bl_operators")]
    return {name for base in bases for name in vars(base).get("__annotations__", {})}


def test_everything_has_a_tooltip(addon):
    silent = []
    for cls in addon._classes():
        if issubclass(cls, bpy.types.Operator) and not cls.__doc__:
            silent.append(cls.bl_idname)
        if cls.__name__ in NOBODY_READS or not issubclass(
            cls, (bpy.types.Operator, bpy.types.PropertyGroup, bpy.types.AddonPreferences)
        ):
            continue
        own = own_names(cls)
        silent += [
            f"{cls.__name__}.{item.identifier}"
            for item in cls.bl_rna.properties
            if item.identifier in own
            and item.name != item.identifier
            and not item.is_hidden
            and not item.description
        ]
    assert not silent


def test_what_is_sent_names_the_default_of_the_service(addon):
    panel = bpy.context.window_manager.generio.bl_rna.properties
    for name in ("quality", "texture", "seed", "random_seed", "polygon_count", "then_count"):
        assert "service's default" in panel[name].description, name


def test_every_label_is_translated_in_the_sense_that_we_mean(addon):
    """In other contexts Blender's dictionary wins: "Accept" is "Open Folder" there, in Japanese."""
    contexts = {addon.i18n.OURS, addon.i18n.VERBATIM}
    others = []
    for cls in addon._classes():
        if issubclass(cls, (bpy.types.Operator, bpy.types.Panel, bpy.types.Menu)):
            others += [cls.__name__] * (cls.bl_translation_context not in contexts)
        own = own_names(cls)
        others += [
            f"{cls.__name__}.{item.identifier}"
            for item in (cls.bl_rna.properties if own else ())
            if item.identifier in own - {"bl_options"} and item.translation_context not in contexts
        ]
    assert not others
