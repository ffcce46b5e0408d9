# SPDX-License-Identifier: GPL-3.0-or-later
"""Which placed models are missing at the current point of Blender's undo history."""

from __future__ import annotations

from collections.abc import Set

from ..engine.client import EngineClient
from ..scene.place import place


class UndoHistory:
    """Compares the models in the file before and after each undo and redo, by the tokens of their jobs.

    `taken_back`: the models placed since the file was opened that undo or redo has removed.
    """

    def __init__(self) -> None:
        self.taken_back: set[str] = set()
        self._present: set[str] = set()  # the placed models that were in the file before the current step
        self._undone: set[str] = set()  # unsaved models that are not in the file now

    def is_undone(self, token: str) -> bool:
        """Whether the model of a job was placed, but is not in the file at this point of the history."""
        return token in self._undone

    def before_step(self, placed: Set[str]) -> None:
        """Note which of the `placed` models are in the file; undo or redo is about to happen."""
        self._present = {*placed} & place.tokens_in_file() if placed else set()

    def after_step(self, engine: EngineClient | None, document: str, pending: Set[str]) -> None:
        """Find the models that undo or redo has removed or brought back.

        document: the id of the open document. pending: the jobs whose models are not placed yet.
        """
        if self._present or self.taken_back:
            self.taken_back = (self.taken_back | self._present) - place.tokens_in_file()
        self._undone.clear()
        if engine is not None:
            unsaved = {
                job.token for job in engine.jobs() if job.unsaved and job.placement.placed_in == document
            }
            if unsaved:
                self._undone.update(unsaved - place.tokens_in_file() - pending)

    def mark_undone(self, token: str) -> None:
        """Note that the model of a job is not in the file, although the store says so."""
        self._undone.add(token)

    def mark_placed(self, token: str) -> None:
        """Note that the model of a job was placed just now."""
        self._undone.discard(token)
        self.taken_back.discard(token)

    def clear(self) -> None:
        """Forget everything: another file is going to be opened."""
        for tokens in (self.taken_back, self._present, self._undone):
            tokens.clear()
