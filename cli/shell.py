# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands that a message shows, written so that they can be pasted into the shells of this system."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterable

_PLAIN = re.compile(r"[\w@+=:./\\-]+")
_DRIVE = re.compile(r'"([A-Za-z]:\\)(.+)"')


def join_arguments(words: Iterable[str]) -> str:
    """The words as one command: for sh, or on Windows for cmd and PowerShell alike."""
    if sys.platform != "win32":
        return shlex.join(words)
    return " ".join(map(_quoted, words))


def quoted_program(path: str) -> str:
    """A program's path as the first word of a command.

    PowerShell takes what begins with a quote for a text and not for a command; cmd takes quotes anywhere.
    """
    quoted = join_arguments([path])
    return _DRIVE.sub(r'\1"\2"', quoted) if sys.platform == "win32" else quoted


def _quoted(word: str) -> str:
    if _PLAIN.fullmatch(word):
        return word
    # A quote ends the word in one shell or the other, and no path and no address has one. What is before the
    # last quote would take that away if it was a backslash.
    bare = word.replace('"', "")
    return f'"{bare}\\"' if bare.endswith("\\") else f'"{bare}"'
