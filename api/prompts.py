# SPDX-License-Identifier: GPL-3.0-or-later
"""Which prompts can be sent."""

import unicodedata

from ..core.errors import AmbiguousPrompt, EmptyPrompt, GarbledPrompt

_LAYOUT = frozenset("\t\n\r")
"""Control characters that are part of a text."""


def check_prompt(text: str) -> None:
    """Raise one of InputRefused's classes for a prompt that the service could not use (contract section 6).

    Half of a surrogate pair is what is left of bytes that are no UTF-8, and control characters of those of
    another encoding: the service would take them, and make a model of something else.
    """
    if not text.strip():
        raise EmptyPrompt
    if text.lstrip()[:5].lower() == "data:":
        raise AmbiguousPrompt
    if any(unicodedata.category(char) in ("Cc", "Cs") for char in text if char not in _LAYOUT):
        raise GarbledPrompt
