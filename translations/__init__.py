# SPDX-License-Identifier: GPL-3.0-or-later
"""The add-on in other languages: one module for each, with a dictionary from the English texts.

Blender looks up by itself what is registered with it (labels, descriptions, items) and what is drawn as it
stands. Sentences are made in English, also in threads and in the ledger, and told in the user's language
where they are shown, by `translated`. One with gaps stands in the dictionaries as "Saved {}"; a translation
may need them in another order: "{1} … {0}". Texts without a translation stay English.
"""

from __future__ import annotations

import re
from functools import lru_cache
from inspect import get_annotations
from typing import Any

from . import de, es, fr, ja, zh

LANGUAGES = {"de_DE": de.TEXTS, "es": es.TEXTS, "fr_FR": fr.TEXTS, "ja_JP": ja.TEXTS, "zh_HANS": zh.TEXTS}
"""The dictionaries by Blender's names of the languages."""

OURS = "GENERIO"
"""Context of all that is ours: in its own, Blender's dictionary wins, and means another "Revert" than we do."""

VERBATIM = "GENERIO verbatim"
"""Context of what users have written, for which there is no translation."""

CONTEXTS = ("*", "Operator", OURS)
"""Where Blender looks a text up: buttons of operators have a context of their own."""

GAP = "{}"
QUOTES = ('"', "“")
"""What stands before a gap for a name, which is nobody's to translate."""

KNOWN = frozenset(text for dictionary in LANGUAGES.values() for text in dictionary)

_SENTENCE_END = re.compile(r"(?<=\.) +")
_STATUS = re.compile(r"(.+) \((\d{3})\)\.")
"""The status of an HTTP answer, which stands in an error's sentence."""


def claim(cls: Any) -> None:
    """Give a class that is about to be registered, and its properties, our context, unless they have one."""
    if hasattr(cls, "bl_label"):
        cls.bl_translation_context = OURS
    for base in cls.__mro__:
        for told in get_annotations(base).values():
            if hasattr(told, "keywords"):  # a property
                told.keywords.setdefault("translation_context", OURS)


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


def translated(text: str) -> str:
    """A text of ours, whole or of several sentences, with gaps filled or without, in the user's language."""
    sentences = _SENTENCE_END.split(text)
    told = [_sentence(sentence) for sentence in sentences]
    if text not in KNOWN and len(told) > 1 and None not in told:
        return "".join(part if part.endswith("。") else f"{part} " for part in map(str, told)).strip()
    return _sentence(text) or text


def _sentence(text: str) -> str | None:
    """The text in the user's language; None where it is none of ours."""
    import bpy

    look_up = bpy.app.translations.pgettext_iface
    if text in KNOWN:
        return look_up(text, OURS)
    if status := _STATUS.fullmatch(text):
        told = _sentence(f"{status[1]}.")
        return f"{told.rstrip('.。')} ({status[2]})." if told else None
    found = recognized(text)
    if found is None:
        return None
    template, gaps = found
    before = template.split(GAP)
    filled = (
        gap if head.endswith(QUOTES) else _sentence(gap) or gap
        for head, gap in zip(before, gaps, strict=False)
    )
    return look_up(template, OURS).format(*filled)


@lru_cache(maxsize=1000)
def recognized(text: str) -> tuple[str, tuple[str, ...]] | None:
    """The text with gaps that this one is, and what fills them; None where there is none."""
    for template, pattern in _templates():
        if found := pattern.fullmatch(text):
            return template, found.groups()
    return None


@lru_cache(maxsize=1)
def _templates() -> list[tuple[str, re.Pattern[str]]]:
    """The texts with gaps; first those that say most, since others may fit the same text."""
    texts = sorted((text for text in KNOWN if GAP in text), key=lambda text: (-len(text), text))
    return [(text, re.compile("(.+)".join(map(re.escape, text.split(GAP))), re.DOTALL)) for text in texts]
