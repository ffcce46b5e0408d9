# SPDX-License-Identifier: GPL-3.0-or-later
"""The add-on in other languages: one module for each, with a dictionary from the English texts.

Blender looks up by itself what is registered with it (labels, descriptions, items) and what is drawn; texts
that are put together go through `bpy.app.translations`. Texts with a missing translation stay English.
"""

from __future__ import annotations

from . import de, es, fr, ja, zh

LANGUAGES = {"de_DE": de.TEXTS, "es": es.TEXTS, "fr_FR": fr.TEXTS, "ja_JP": ja.TEXTS, "zh_HANS": zh.TEXTS}
"""The dictionaries by Blender's names of the languages."""

CONTEXTS = ("*", "Operator")
"""Where Blender looks a text up: buttons of operators have a context of their own."""


def register(package: str) -> None:
    """Hand the dictionaries to Blender, for the add-on's `package`."""
    import bpy

    texts = {
        language: {(context, text): told for text, told in dictionary.items() for context in CONTEXTS}
        for language, dictionary in LANGUAGES.items()
    }
    bpy.app.translations.register(package, texts)


def unregister(package: str) -> None:
    """Take them back."""
    import bpy

    bpy.app.translations.unregister(package)
