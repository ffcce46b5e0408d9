# SPDX-License-Identifier: GPL-3.0-or-later
"""The prompts that were used last, kept in a small file in the extension's own folder. Knows no bpy."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..core.files import atomic_path

MOST_PROMPTS = 50
"""How many prompts are kept."""


class PromptHistory:
    """The last prompts, newest first, each once.

    path: the JSON file. It is read when it is first asked for; one that cannot be read counts as empty, and
    one that cannot be written is let be: a history is nice to have.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._prompts: list[str] | None = None

    def prompts(self) -> list[str]:
        """All of them, newest first."""
        if self._prompts is None:
            self._prompts = self._read()
        return self._prompts

    def add(self, prompt: str) -> None:
        """Put a prompt that has just been used at the top."""
        self._prompts = [prompt, *(former for former in self._read() if former != prompt)][:MOST_PROMPTS]
        with suppress(OSError), atomic_path(self._path) as part:
            part.write_text(json.dumps(self._prompts, ensure_ascii=False, indent=0), encoding="utf-8")

    def _read(self) -> list[str]:
        found: Any = None
        with suppress(OSError, ValueError):
            found = json.loads(self._path.read_text(encoding="utf-8"))
        entries: list[Any] = found if isinstance(found, list) else []
        return [entry for entry in entries if isinstance(entry, str) and entry.strip()][:MOST_PROMPTS]
