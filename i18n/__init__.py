# SPDX-License-Identifier: GPL-3.0-or-later
"""The add-on in other languages.

Blender looks up by itself what is registered with it (labels, descriptions, items) and what is drawn as it
stands. All else is a `Message`, wherever it comes from, of which `translated` looks up the id and fills the
gaps afterwards. Texts without a translation stay English.

Only the language that Blender has is read, and another one when it changes: five take their time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from inspect import get_annotations
from pathlib import Path
from typing import Any

from ..core.messages import SENTENCES, Message, filled, sentences
from . import po

RENAMED = {"zh_CN": "zh_HANS"}
"""Locales that older versions of Blender call by another name."""

OURS = "GENERIO"
"""Context of all that is ours: in its own, Blender's dictionary wins, and means others by some words."""

VERBATIM = "GENERIO verbatim"
"""Context of what users have written, for which there is no translation."""

CONTEXTS = ("*", "Operator", OURS)
"""Where Blender looks a text up: buttons of operators have a context of their own."""


def claim(cls: Any) -> None:
    """Give a class that is about to be registered, and its properties, our context, unless they have one."""
    if hasattr(cls, "bl_label"):
        cls.bl_translation_context = OURS
    for base in cls.__mro__:
        for annotation in get_annotations(base).values():
            if hasattr(annotation, "keywords"):  # a property
                annotation.keywords.setdefault("translation_context", OURS)


@cache
def texts(locale: str) -> Mapping[str, str]:
    """What our texts are in one of Blender's locales, or in its language; nothing where they stay English.

    A checkout has the `.po` files themselves, so that a change in one is seen at the next start; a package
    has what scripts/build_translations.py makes of them.
    """
    for name in dict.fromkeys((RENAMED.get(locale, locale), locale.partition("_")[0])):
        source = Path(po.__file__).with_name(f"{name}.po")
        if source.is_file():
            return po.read(source)
        if name.isidentifier() and find_spec(f"{po.__name__}.{name}"):
            return import_module(f"{po.__name__}.{name}").TEXTS
    return {}


_PACKAGE = __name__.rpartition(".")[0]
"""The add-on's, under which Blender keeps its texts."""

_locale = ""  # whose texts Blender has


def register() -> None:
    """Hand our texts to Blender in the language that it has."""
    global _locale
    import bpy

    _locale = bpy.app.translations.locale
    translations = {(context, text): to for text, to in texts(_locale).items() for context in CONTEXTS}
    bpy.app.translations.register(_PACKAGE, {_locale: translations} if translations else {})


def unregister() -> None:
    """Take them back."""
    import bpy

    bpy.app.translations.unregister(_PACKAGE)


def follow() -> bool:
    """Hand them over anew where Blender has another language by now; returns whether it has."""
    import bpy

    if bpy.app.translations.locale == _locale:
        return False
    unregister()
    register()
    return True


def translated(*messages: Message) -> str:
    """Messages, one after the other, in the user's language."""
    return _translate(sentences(*messages))


def translated_list(parts: Iterable[Message | str]) -> str:
    """A list in the user's language; names in it stay as they are."""
    return _translate(Message("{parts}", parts=[*parts]))


def looked_up(text: str) -> str:
    """A text that Blender shows by itself elsewhere, such as a property's name, in that language."""
    import bpy

    known = text in texts(bpy.app.translations.locale)
    return bpy.app.translations.pgettext_iface(text, OURS) if known else text


def _translate(message: Message) -> str:
    if not message.values:
        return looked_up(message.id)
    text = filled(looked_up(message.id), message.values, _translate)
    return text.replace("。 ", "。") if message.id == SENTENCES else text
