# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the user has dragged the placeholders of models that are still to come."""

from __future__ import annotations

from collections.abc import Iterable

from ..core.destination import Location, NewModel
from ..jobs import Job


class DraggedModels:
    """The locations, by the jobs' tokens, as long as the jobs' destinations do not have them yet."""

    def __init__(self) -> None:
        self._locations: dict[str, Location] = {}
        self._to_save: set[str] = set()

    def __contains__(self, token: str) -> bool:
        return token in self._locations

    def move(self, tokens: Iterable[str], location: Location) -> None:
        """Note that the user drags the models of these jobs to `location`."""
        tokens = list(tokens)
        self._locations.update(dict.fromkeys(tokens, location))
        self._to_save.update(tokens)

    def pop_unsaved(self) -> dict[str, Location]:
        """Return the locations that this method has not returned yet, for the jobs' destinations."""
        unsaved = {token: self._locations[token] for token in self._to_save if token in self._locations}
        self._to_save.clear()
        return unsaved

    def location_of(self, job: Job) -> Location | None:
        """Return where the model of a job was dragged to, or None if its destination says so already."""
        location = self._locations.get(job.token)
        destination = job.request.destination
        if location is not None and isinstance(destination, NewModel) and destination.location == location:
            del self._locations[job.token]
            return None
        return location

    def forget(self, but: Iterable[str]) -> None:
        """Forget all models except those of the jobs `but`."""
        for token in self._locations.keys() - set(but):
            del self._locations[token]

    def clear(self) -> None:
        """Forget all models."""
        self._locations.clear()
        self._to_save.clear()
