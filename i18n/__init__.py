# SPDX-License-Identifier: GPL-3.0-or-later
"""The add-on in other languages.

Blender looks up by itself what is registered with it (labels, descriptions, items) and what is drawn as it
stands. Sentences are made in English, also in threads and in the ledger, and told in the user's language
where they are shown, by `translated`. One with gaps stands in the dictionaries as "Saved {}"; a translation
may need them in another order: "{1} … {0}". Texts without a translation stay English.

Only the language that Blender has is read, and another one when it changes: five take their time.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache, lru_cache
from importlib import import_module
from importlib.util import find_spec
from inspect import get_annotations
from pathlib import Path
from typing import Any

from . import po

RENAMED = {"zh_CN": "zh_HANS"}
"""Locales that older versions of Blender call by another name."""

OURS = "GENERIO"
"""Context of all that is ours: in its own, Blender's dictionary wins, and means others by some words."""

VERBATIM = "GENERIO verbatim"
"""Context of what users have written, for which there is no translation."""

CONTEXTS = ("*", "Operator", OURS)
"""Where Blender looks a text up: buttons of operators have a context of their own."""

GAP = "{}"
QUOTES = ('"', "“")
"""What stands before a gap for a name, which is nobody's to translate."""

_SENTENCE_END = re.compile(r"(?<=\.)(?= )")
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
    told = {(context, text): to for text, to in texts(_locale).items() for context in CONTEXTS}
    bpy.app.translations.register(_PACKAGE, {_locale: told} if told else {})


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


def translated(*said: str) -> str:
    """Texts of ours, each of one sentence or more, with gaps filled or without, in the user's language."""
    import bpy

    locale: str = bpy.app.translations.locale
    if not texts(locale):
        return " ".join(filter(None, said))
    told = [_sentence(part, locale) or part for text in said for part in _parts(text, locale)]
    return "".join(part if part.endswith("。") else f"{part} " for part in told).strip()


@lru_cache(maxsize=1000)
def _parts(text: str, locale: str) -> tuple[str, ...]:
    """The parts of a text that are told one by one: sentences, and those with further ones in their gaps."""

    def known(part: str) -> bool:
        return _sentence(part.strip(), locale) is not None

    if text in texts(locale):
        return (text,)
    parts = [""]
    for sentence in _SENTENCE_END.split(text):
        joined = parts[-1] + sentence
        # A name or a reason may have a full stop inside. So two are told apart only where both are ours, or
        # one is and the whole is not.
        if known(parts[-1]) + known(sentence) > known(joined):
            parts.append(sentence)
        else:
            parts[-1] = joined
    return tuple(part.strip() for part in parts)


def _sentence(text: str, locale: str) -> str | None:
    """The text in the user's language; None where it is none of ours."""
    import bpy

    look_up = bpy.app.translations.pgettext_iface
    if text in texts(locale):
        return look_up(text, OURS)
    if status := _STATUS.fullmatch(text):
        told = _sentence(f"{status[1]}.", locale)
        return f"{told.rstrip('.。')} ({status[2]})." if told else None
    found = recognized(text, locale)
    if found is None:
        return None
    template, gaps = found
    before = template.split(GAP)
    filled = (
        gap if head.endswith(QUOTES) else _sentence(gap, locale) or gap
        for head, gap in zip(before, gaps, strict=False)
    )
    return look_up(template, OURS).format(*filled)


@lru_cache(maxsize=1000)
def recognized(text: str, locale: str) -> tuple[str, tuple[str, ...]] | None:
    """The text with gaps, of those in a locale, that this one is, and what fills them; None for none."""
    for template, pattern in _templates(locale):
        if found := pattern.fullmatch(text):
            return template, found.groups()
    return None


@lru_cache(maxsize=1)
def _templates(locale: str) -> list[tuple[str, re.Pattern[str]]]:
    """The texts with gaps; first those that say most, since others may fit the same text."""
    gapped = sorted((text for text in texts(locale) if GAP in text), key=lambda text: (-len(text), text))
    return [(text, re.compile("(.+?)".join(map(re.escape, text.split(GAP))), re.DOTALL)) for text in gapped]
