# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures of the tab: in a dark and a light theme, at two scales, narrow, and in each language."""

from functools import partial
from importlib import import_module
from pathlib import Path

import bpy

from tests.gui import jobs, scene
from tests.gui.driver import NARROW, Driver, Steps, Story

LANGUAGES = ("en_US", "de_DE", "ja_JP", "zh_HANS", "fr_FR", "es")
THEMES = {"dark": "Blender_Dark.xml", "light": "Blender_Light.xml"}


CLOSED = (
    ("Other Templates", 0),
    ("Heavy Objects", 0),
    ("Levels of Detail", 0),
    ("Before and After", 0),
    ("Then Bake", 0),
    ("Options", 1),
    ("Selected Model", 0),
    ("Then Optimize", 0),
    ("Options", 0),
)
"""What is closed at first, from below, with their numbers where there are several of one name."""


def use_theme(name: str) -> None:
    """Switch the theme, if this Blender has it as a preset (its own dark one it may not)."""
    for folder in bpy.utils.preset_paths("interface_theme"):
        path = Path(folder) / THEMES[name]
        if path.is_file():
            menu = "USERPREF_MT_interface_theme_presets"
            bpy.ops.script.execute_preset(filepath=str(path), menu_idname=menu)


def check_context(language: str) -> None:
    """Words that Blender uses in another sense are ours where they are ours: such as "Discard"."""
    revert = bpy.ops.generio.revert_optimized.get_rna_type()
    told = bpy.app.translations.pgettext_iface("Discard", revert.translation_context)
    assert told == {"fr_FR": "Restaurer", "ja_JP": "最適化前に戻す", "zh_HANS": "还原"}.get(language, told), (
        told
    )


def check_german(blender: Driver) -> None:
    """Sentences that are put together are told in the language, and names stay what they are."""
    translated = import_module(f"{blender.package}.i18n").translated
    messages = import_module(f"{blender.package}.core.messages")
    message, verbatim = messages.Message, messages.verbatim
    for said, told in (
        (
            message("{what} ({status}).", what=message("The service rejected the API key."), status=401),
            "Der Dienst nahm den API-Schlüssel nicht an (401).",
        ),
        (
            message('"{name}" is left out: {reason}', name="Image", reason=message("it has no faces")),
            "„Image“ wird ausgelassen: hat keine Flächen",
        ),
        (
            message("{kind} of {count:,} objects", kind=message("shape keys"), count=2),
            "Formschlüssel von 2 Objekten",
        ),
        (verbatim("The kiln overheated"), "The kiln overheated"),
    ):
        assert translated(said) == told, translated(said)
    both = translated(message("Nothing to optimize."), message("Choose another input."))
    assert both == "Nichts zu optimieren. Wähle eine andere Eingabe.", both
    panel = bpy.context.window_manager.generio.bl_rna.properties
    look_up = bpy.app.translations.pgettext_iface
    assert look_up("Triangles", panel["polygon_count"].translation_context) == "Dreiecke"
    prompts = bpy.ops.generio.choose_prompt.get_rna_type().properties["prompt"]
    assert look_up("A modern office chair", prompts.translation_context) == "A modern office chair"


def pages(blender: Driver, name: str) -> Steps[None]:
    """Pictures of the whole tab, from its top to its end."""
    yield from blender.to_top()
    number, before = 1, None
    while before != (before := blender.region.view2d.region_to_view(0, 0)[1]):
        yield from blender.picture(name if number == 1 else f"{name}-{number}")
        x, y = blender.region.x + 12, blender.region.y + 40
        for value in ("PRESS", "RELEASE"):
            blender.window.event_simulate("PAGE_DOWN", value, x=x, y=y)
        yield 0.5
        number += 1


def look_at_language(blender: Driver, language: str) -> Steps[None]:
    """The tab at both widths, with all that can be said of a mesh; and its top with a picture."""
    panel = bpy.context.window_manager.generio
    for width in (0, NARROW):
        yield from blender.open_tab("GENERIO", width)
        name = f"looks-{language}" if not width else f"looks-{language}-narrow"
        panel.source, panel.where, panel.variants = "TEXT", "BOX", 3
        yield from pages(blender, name)
    panel.source, panel.where, panel.variants = "IMAGE", "CURSOR", 1
    yield from blender.to_top()
    yield from blender.picture(f"looks-{language}-narrow-image")


def speaks(blender: Driver, language: str) -> bool:
    """Whether Blender has our texts in the language that it was given."""
    text, ours = "Generate Model", import_module(f"{blender.package}.i18n").OURS
    told = bpy.app.translations.pgettext_iface(text, ours)
    return bpy.app.translations.locale == language and (told == text) == (language == "en_US")


def dress(blender: Driver) -> Steps[None]:
    """A file, in which languages are followed, with all that can be said of a mesh."""
    yield from blender.start_new_file()
    scene.clear_view(bring_aside="Cube")
    cube = bpy.data.objects["Cube"]
    cube.modifiers.new("Weld", "WELD")
    cube.shape_key_add(name="Basis")
    cube.data.color_attributes.new("Paint", "FLOAT_COLOR", "POINT")
    yield from blender.open_tab("GENERIO")


def look_at_themes(blender: Driver) -> Steps[None]:
    yield from dress(blender)
    yield from jobs.ask_for(blender, "A porcelain vase with a handle")
    yield from jobs.until(blender, "Done")
    yield from blender.wait_for(lambda: jobs.newest().thumbnail, "a picture of the model")
    yield from jobs.order(blender, "fail", reason="The kiln overheated")
    bpy.ops.generio.generate_from_prompt(prompt="A garden gnome", quality="LOW", variants=1)
    yield from jobs.until(blender, "Failed")
    for theme in ("light", "dark"):
        use_theme(theme)
        for scale in (2.0, 1.0):
            bpy.context.preferences.view.ui_scale = scale
            yield 1.0
            yield from blender.open_tab("GENERIO")
            yield from pages(blender, f"looks-{theme}-{scale:.0f}x")


def look_in(language: str) -> Story:
    """The act in which the tab is seen in a language, with a job that runs and one that failed."""

    def look(blender: Driver) -> Steps[None]:
        yield from dress(blender)
        yield from jobs.order(blender, "hang")
        bpy.ops.generio.generate_from_prompt(prompt="A spinning top", quality="LOW", variants=1)
        yield from jobs.until(blender, "Running")
        panel, view = bpy.context.window_manager.generio, bpy.context.preferences.view
        panel.active_job = next(index for index, row in enumerate(panel.jobs) if row.state == "failed")
        for name, number in CLOSED:
            yield from blender.click(name, number=number)
        yield from blender.click("Losses")
        bpy.ops.generio.list_templates()
        yield from blender.wait_for(lambda: panel.templates, "the templates")
        view.use_translate_interface = True
        view.language = language
        yield from blender.wait_for(partial(speaks, blender, language), f"our texts in {language}")
        yield 0.5
        check_context(language)
        yield from look_at_language(blender, language)
        if language == "de_DE":
            check_german(blender)
        view.language = "en_US"
        bpy.ops.generio.cancel_all_jobs()
        yield from blender.wait_for(lambda: jobs.newest().finished, "the end of the job")

    return look


ACTS = (look_at_themes, *map(look_in, LANGUAGES))
