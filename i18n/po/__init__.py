# SPDX-License-Identifier: GPL-3.0-or-later
"""The translations, one `.po` file for each language; a package holds a dictionary made of each instead.

Blender's add-on Manage UI Translations, Poedit, Weblate and text editors write such files.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

_QUOTED = re.compile(r'"(?:[^"\\\n]|\\.)*"')
_TEXT = rf"((?:{_QUOTED.pattern}\s*)+)"
_ENTRY = re.compile(rf"msgid\s+{_TEXT}msgstr\s+{_TEXT}")
_BETWEEN = re.compile(r"(?:\s+|#.*\n?)*")
_FUZZY = re.compile(r"^#,.*\bfuzzy\b", re.MULTILINE)


def read(path: Path) -> dict[str, str]:
    """The texts of a `.po` file in its language, by the English ones.

    What is not translated, or is marked as fuzzy, which is a tool's guess that nobody has confirmed, is left
    out. Raises ValueError, with the number of the line, for what is no entry, and for a text that is there
    twice.
    """
    content = path.read_text(encoding="utf-8")
    texts: dict[str, str] = {}
    seen: set[str] = set()
    position = 0
    while (between := _BETWEEN.match(content, position)) and between.end() < len(content):
        entry = _ENTRY.match(content, between.end())
        text = _unquoted(entry[1]) if entry else ""
        if not entry or text in seen:
            raise ValueError(f"{path.name}, line {content.count(chr(10), 0, between.end()) + 1}")
        seen.add(text)
        comments = between[0].rpartition("\n\n")[2]
        translation = _unquoted(entry[2])
        if text and translation and not _FUZZY.search(comments):  # the empty text is the file's header
            texts[text] = translation
        position = entry.end()
    return texts


def _unquoted(strings: str) -> str:
    # The escapes of the format are among those of JSON.
    return "".join(json.loads(string) for string in _QUOTED.findall(strings))
