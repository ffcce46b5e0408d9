"""Makes of a `.po` file the dictionary that a package has in its place, and checks all for a release.

    build_translations.py FILE       prints the dictionary, which Blender reads twenty times as fast
    build_translations.py --check    lists what is missing, does not fit, or is used no more

A text that is not translated is English, so that nobody has to know five languages to change one. A release
has all of them.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from scripts.messages import texts  # noqa: E402


def _reader() -> Any:
    """What reads the files, by itself: the checkout is a package of another name, or of none."""
    spec = importlib.util.spec_from_file_location("po", ROOT / "i18n/po/__init__.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


po = _reader()

LABEL = 34
"""Half-width characters that a label may have in any language: half of a tooltip's line."""

SHORT = 26
"""Up to so many characters a text is a label, which has to fit beside others."""

BESIDE = {
    20: {"Image", "Render", "View", "Paste", "Import", "Retry", "Remove", "Cancel", "Accept", "Discard"},
    14: {
        "Text",
        "Quality",
        "Texture",
        "Seed",
        "Variants",
        "Location",
        "Low",
        "High",
        "Reduce To",
        "Triangles",
    },
    9: {"Count", "Percent", "Total"},
}
"""Half-width characters that there is room for in a sidebar as Blender opens it, by how many share a row."""


def dictionary(source: Path) -> str:
    """The source of a module with the translations of a `.po` file. Raises ValueError for what is none."""
    entries = [f"    {text!r}: {translation!r},\n" for text, translation in sorted(po.read(source).items())]
    return "".join(["# SPDX-License-Identifier: GPL-3.0-or-later\n", "TEXTS = {\n", *entries, "}\n"])


def width(text: str) -> int:
    """How much room a text takes, in half-width characters."""
    return sum(1 + (char >= "\u2e80") for char in text)


def room(text: str) -> float:
    """How wide the translation of a text may be."""
    is_sentence = text.endswith(".") or (" " in text and text[-1:].islower())
    beside = (most for most, labels in BESIDE.items() if text in labels)
    return next(beside, LABEL if len(text) <= SHORT and not is_sentence else float("inf"))


def problems(root: Path = ROOT) -> list[str]:
    """What is missing, or does not fit, in the languages of the checkout in `root`, a line for each."""
    known, found = texts(root), list[str]()
    for source in sorted((root / "i18n/po").glob("*.po")):
        translated = po.read(source)
        found += [f"{source.name}: not translated: {text}" for text in sorted(known - translated.keys())]
        found += [
            f"{source.name}: too long: {translation}"
            for text, translation in sorted(translated.items())
            if width(translation) > room(text)
        ]
    return found


def unused(root: Path = ROOT) -> list[str]:
    """The translations of texts that are nowhere any more, a line for each."""
    known = texts(root)
    sources = sorted((root / "i18n/po").glob("*.po"))
    return [
        f"{source.name}: used no more: {text}"
        for source in sources
        for text in sorted(po.read(source).keys() - known)
    ]


def main(argument: str) -> str | None:
    """Do what the argument says; returns what is wrong, or None."""
    if argument != "--check":
        print(dictionary(Path(argument)), end="")
        return None
    print(*unused(), sep="\n")
    return "\n".join(problems()) or None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
