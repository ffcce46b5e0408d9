# SPDX-License-Identifier: GPL-3.0-or-later
"""Text that came from elsewhere, made fit to be shown: short, on one line, without control characters."""

import re
from typing import Any, cast

from .messages import Message, verbatim

LONGEST_SHOWN = 400  # characters; what fits a panel or a status bar, and far more than a good reason needs


def tidy(text: str, limit: int = LONGEST_SHOWN) -> str:
    """One printable line of at most `limit` characters; what was cut off is marked by an ellipsis."""
    # The slice bounds the work; blanks and control characters may shrink the text by a good deal.
    printable = "".join(char if char.isprintable() else " " for char in text[: 16 * limit])
    line = " ".join(printable.split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


_LONGEST_REASON = 300  # characters
_NUMBER = re.compile(r"\[(?:Errno|WinError)\s-?\d+\]\s")
_PREFIXES = ("Error:", "Warning:", "Python:", "RuntimeError:")
_TRACE = "Traceback (most recent call last)"
_ERROR = re.compile(r"(?:^|(?<=\s))(?:\w+\.)*(\w*(?:Error|Exception|Warning))(?=[:\s]|$)")
_PATH = re.compile(  # what begins like an absolute one, up to its last name
    r"(?<![\w/:.\\])(?:file:/*)?(?:[A-Za-z]:[\\/]+|\\\\+|~?/)(?=[^\s/\\])"
    r"""(?:[^'"“”<>\n:,;()]*[\\/])?([^\\/'"“”<>\s:,;()]*)"""
)


def plain_reason(words: str | Exception) -> Message:
    """What `words` of a program say went wrong, as a sentence without a trace of its code.

    words: as they came, with their line ends, or an error that has them. Of the paths in them, the files'
    names are left. A message is taken as it is. What a trace ends with is for those who know the code: see
    `traced_error`.
    """
    if isinstance(words, OSError) and words.strerror:
        words = words.strerror  # without the names of files, which may be ours
    elif isinstance(words, Exception):
        words = words.args[0] if words.args and isinstance(words.args[0], Message) else str(words)
    if isinstance(words, Message):
        return words
    if _TRACE in words:
        return Message("an error in its own code.")
    reason = tidy(words, _LONGEST_REASON)
    while reason.startswith(_PREFIXES):
        reason = reason.partition(":")[2].strip()
    reason = without_paths(_NUMBER.sub("", reason))
    return verbatim(sentence(reason)) if reason else Message("it did not say why.")


def traced_error(words: str) -> str:
    """The name of the error with which the last trace in `words` ends; "" where there is none."""
    _, trace, after = words.rpartition(_TRACE)
    found: list[str] = _ERROR.findall(after) if trace else []
    return found[0] if found else ""


def without_paths(text: str) -> str:
    """`text` with the names of files in the place of their absolute paths, which are private."""
    return _PATH.sub(r"\1", text)


def sentence(text: str) -> str:
    """End `text` with a full stop, unless it ends like a sentence already."""
    return text if text.endswith((".", "!", "?", "…")) else text + "."


def scalar_text(value: object) -> str | None:
    """Turn a string or number into tidy text; None for anything else (null, flags, lists, objects)."""
    if isinstance(value, str):
        return tidy(value) or None
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return str(value)
        except ValueError:  # Python refuses to print integers of many thousand digits
            return None
    return None


REASON_KEYS = ("error", "error_message", "message", "detail", "reason")
"""Where an answer, a flow or an asset may say what went wrong, first come first (4.4, V4, section 5)."""


def reason_of(entry: dict[str, Any]) -> str | None:
    """Text of the first of REASON_KEYS that says something, else None."""
    return next((text for key in REASON_KEYS if (text := describe(entry.get(key)))), None)


def is_page(content: bytes) -> bool:
    """Whether an answer's body is a web page (or other markup), which the service never sends."""
    return content.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"<"


def describe(detail: object) -> str:
    """Say what an error says, whatever its shape (contract section 5); "" when it says nothing.

    A list (the 422 answer of a common web framework) joins each entry's `loc` and `msg`; an object gives
    what its own REASON_KEYS say; a string is taken as it is.
    """
    if isinstance(detail, list):
        parts = [describe(entry) for entry in cast(list[object], detail)[:8]]
        return tidy("; ".join(part for part in parts if part))
    if isinstance(detail, dict):
        entry = cast(dict[str, Any], detail)
        if "msg" in entry:
            place = _location(entry.get("loc"))
            reason = scalar_text(entry["msg"]) or ""
            return tidy(f"{place}: {reason}" if place else reason)
        return reason_of(entry) or ""
    return scalar_text(detail) or ""


def _location(loc: object) -> str:
    """`["body", "parameters", "seed"]` as `parameters.seed`: "body" tells a reader nothing."""
    if not isinstance(loc, list):
        return scalar_text(loc) or ""
    steps = [scalar_text(step) or "" for step in cast(list[object], loc)[:8]]
    return ".".join(step for step in steps if step and step != "body")


def size_text(count: int) -> str:
    """So many bytes as text, in kB or MB."""
    return f"{count / 1e6:,.1f} MB" if count >= 1e5 else f"{count / 1e3:,.1f} kB"
