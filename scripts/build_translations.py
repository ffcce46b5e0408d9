"""Prints the dictionary that a package has in the place of a `.po` file: `build_translations.py FILE`.

Blender starts with a dictionary, which Python has compiled, twenty times as fast as with the file itself.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from i18n import po


def dictionary(source: Path) -> str:
    """The source of a module with the translations of a `.po` file. Raises ValueError for what is none."""
    entries = [f"    {text!r}: {translation!r},\n" for text, translation in sorted(po.read(source).items())]
    return "".join(["# SPDX-License-Identifier: GPL-3.0-or-later\n", "TEXTS = {\n", *entries, "}\n"])


if __name__ == "__main__":
    print(dictionary(Path(sys.argv[1])), end="")
