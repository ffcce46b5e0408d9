# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of results: they go into a scene or a file, wait for the user, or have to be made Ready again.

A result that stands in a file that was not saved since is *unsaved*: if the process dies, the file on disk
lacks it. Its lease is kept like that of an unfinished job, so whoever takes it over knows.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from ..core.messages import Message
from .cleanup import Cleanup
from .job_parts import Delivered
from .model import Job
from .problem import Problem
from .registry import JobRegistry
from .step import Step
from .writer import Writer

NOT_SAVED = Problem(
    "closed_unsaved",
    Message("The model is in no saved file: it was undone, or the file was closed."),
    Message("Use Import to get it again."),
)


class Results:
    """Writes down where results are; methods without an answer take effect soon, and each in its turn."""

    def __init__(self, registry: JobRegistry, writer: Writer, cleanup: Cleanup) -> None:
        self._registry = registry
        self._writer = writer
        self._cleanup = cleanup

    def mark_placed(self, token: str, document: str = "", again: bool = False) -> bool:
        """Note, before a result goes into a scene, that it does; False if another process was faster.

        document: the opening of a file into which it goes, see `saved`; "" where it cannot get lost there.
        again: whether one that has been placed before may be placed once more, which changes nothing here.
        """
        job = self._registry.job(token)
        if again and job is not None and job.status.step is Step.PLACED:
            return True
        return self._registry.change(
            token,
            (Step.READY,),
            lambda job: job.advance_to(Step.PLACED, needs_manual_import=False, placed_in=document),
        )

    def mark_placed_soon(self, token: str, document: str) -> None:
        """As `mark_placed`, soon, unless the user is to import it; `events` tells what became of it."""

        def placed(job: Job) -> Job | None:
            return (
                None if job.placement.needs_manual_import else job.advance_to(Step.PLACED, placed_in=document)
            )

        self._writer.write_soon(lambda: self._registry.change(token, (Step.READY,), placed), token)

    def mark_found(self, token: str, document: str) -> None:
        """A result that is Ready stands in the file that is open; `document` as for `mark_placed`."""
        self._writer.write_soon(lambda: self.mark_placed(token, document), token)

    def keep_for_import(self, token: str, problem: Problem) -> bool:
        """Keep a finished result until the user imports it, and say why."""
        return self._registry.change(
            token,
            (Step.READY, Step.PLACED),
            lambda job: job.advance_to(Step.READY, problem=problem, needs_manual_import=True, placed_in=""),
        )

    def keep_for_import_soon(self, token: str, problem: Problem) -> None:
        """As `keep_for_import`, as soon as the store takes it."""
        self._writer.write_soon(lambda: self.keep_for_import(token, problem), token)

    def mark_delivered(self, token: str, files: Sequence[Delivered]) -> bool:
        """Note, before the results of a finished job become files elsewhere, which these are.

        What was noted before stays behind that: until they are exchanged, the files there are those.
        """

        def delivered(job: Job) -> Job:
            before = [file for file in job.placement.delivered if file not in files]
            return job.changed(delivered=(*files, *before))

        return self._registry.change(token, (Step.READY, Step.PLACED), delivered)

    def saved(self, document: str, tokens: Collection[str]) -> None:
        """What went into `document` is in a file on disk now.

        tokens: of the jobs whose results that file holds; what is placed after the save is not among them.
        """
        there = frozenset(tokens)

        def in_file(job: Job) -> Job | None:
            return job.changed(placed_in="") if job.token in there else None

        self._writer.write_soon(lambda: self._change_unsaved(document, in_file))
        self._writer.write_soon(self._cleanup.needed.set)

    def closed(self, document: str, but: Collection[str] = ()) -> None:
        """`document` is open no more: what went into it since it was saved is Ready again, for the user.

        but: what was noted to go there, but has not; it is Ready as before.
        """

        def ready(job: Job) -> Job:
            if job.token in but:
                return job.advance_to(Step.READY, placed_in="")
            return job.advance_to(Step.READY, problem=NOT_SAVED, needs_manual_import=True)

        self._writer.write_soon(lambda: self._change_unsaved(document, ready))

    def _change_unsaved(self, document: str, change: Callable[[Job], Job | None]) -> None:
        """Change the jobs whose results are unsaved in `document`."""

        def change_here(job: Job) -> Job | None:
            return change(job) if job.placement.placed_in == document else None

        for job in self._registry.jobs():
            if job.unsaved and job.placement.placed_in == document:
                write = partial(self._registry.change, job.token, (Step.PLACED,), change_here)
                self._writer.write_now(write, job.token)

    def relocate(self, token: str, **changes: Any) -> None:
        """Change where a result belongs; `changes`: of fields of its destination."""

        def changed(job: Job) -> Job:  # as it is by then: another change may come first
            return job.changed(destination=replace(job.request.destination, **changes))

        self._writer.write_soon(lambda: self._registry.alter(token, changed), token)
