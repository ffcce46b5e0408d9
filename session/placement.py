# SPDX-License-Identifier: GPL-3.0-or-later
"""Places the results of jobs in the open file: reserves them, and memory for them, and packs their images.

Each of these steps takes a tick of its own on the main thread, when nothing else goes on in the window.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Iterable
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

import bpy

from ..core.destination import UNKNOWN, DatablockRef, InFile, NewModel
from ..core.errors import FlowsError
from ..core.files import link
from ..core.messages import Message, sentences
from ..core.text import plain_reason
from ..engine.client import EngineClient
from ..jobs import AlreadyThere, Job, LedgerError, Problem, Step, followup_jobs, has_followup
from ..scene.place import boxes, packing, place
from ..scene.place.destination import ref_of, renamed
from ..scene.place.memory import Reserve, sizes_in
from ..scene.place.moment import Moment
from .document import Document
from .dragged_models import DraggedModels
from .result_models import models_of
from .undo_history import UndoHistory

PLACING_SECONDS = 0.008
"""The share of a tick in which small results are placed; the last one may take longer."""

SMALL_BYTES = 1 << 20
"""The most bytes of arrays of a small result; reserving memory for it would gain nothing."""

MOST_SMALL = 32
"""The most small results that are reserved in the store at a time."""

PLACEHOLDER_DELETED = Problem(
    "put_aside", Message("Its placeholder was deleted."), Message("Use Import to get the model.")
)
"""The problem of a result that waits because the user has deleted its placeholder."""

DEFECT = "defect"
"""Code of the problem of a result that an unexpected exception has kept from being placed."""


class PlacementQueue:
    """The finished jobs whose results belong into the open file.

    Tokens of jobs: `pending`: their results are still to be placed; `placed`: they were placed since the file
    was opened. By token: `arrivals`: notices about placed results; `hidden`: the collections that hide them;
    `reported`: sentences about unrequested changes by the service. `moment` knows when a result may be
    placed, `dragged` where the user wants it, and `undo` which results undo has removed.
    """

    def __init__(self, document: Document) -> None:
        self.moment = Moment()
        self.dragged = DraggedModels()
        self.undo = UndoHistory()
        self.pending: set[str] = set()
        self.placed: set[str] = set()
        self.arrivals: dict[str, Message] = {}
        self.hidden: dict[str, str] = {}
        self.reported: dict[str, Message] = {}
        self._document = document
        self._reserve = Reserve()
        self._packer = packing.Packer(self._reserve)
        self._reserved = ""  # the pending job that is being reserved in the store
        self._small: set[str] = set()  # the small ones that are being reserved
        self._folders_to_delete: set[str] = set()  # of placed jobs that were removed from the list
        self._may_have_unpacked = True  # there may be images of placed models to pack
        self._recovered = False  # The file came from an autosave, so no result is saved in its own path.

    def enqueue_ready(self, engine: EngineClient, jobs: Iterable[Job]) -> None:
        """Results whose file is open are placed by themselves, unless they stand there already."""
        ready = [job for job in jobs if job.status.step is Step.READY]
        present = place.tokens_in_file() if any(job.placement.placed_in for job in ready) else set[str]()
        for job in ready:
            if job.placement.placed_in and job.token in present:
                from_disk = job.placement.placed_in != self._document.id and not self._recovered
                engine.mark_found(job.token, "" if from_disk else self._document.id)
            elif not job.placement.needs_manual_import and (
                has_followup(job) or self._document.belongs_here(job.request.destination)
            ):
                self.pending.add(job.token)

    def process_next(self, context: bpy.types.Context, engine: EngineClient) -> None:
        """What can be done in one tick: place a result or prepare that, or else pack a picture."""
        if not self.moment.is_user_interacting(context):  # a placeholder may just be dragged
            for token, location in self.dragged.pop_unsaved().items():
                self.relocate(engine, token, location=location)
        if not self._place_next(context, engine) and not self.is_about_to_place():
            self._pack_image(context)

    def is_about_to_place(self) -> bool:
        """Whether a result comes with one of the next ticks; one that has to wait has no room any more."""
        return bool(self._small) or self._reserve.is_for(self._reserved)

    def is_busy(self) -> bool:
        """Whether something waits to be placed or packed."""
        return bool(self.pending) or self._may_have_unpacked

    def is_reserved(self, job: Job) -> bool:
        """Whether the store has it that a result goes into the open file, where it is not yet."""
        is_noted = job.status.step is Step.PLACED and job.placement.placed_in == self._document.id
        return is_noted and job.token in self.pending

    def is_to_come(self, job: Job) -> bool:
        """Whether the result of a finished job still comes into the open file by itself."""
        if job.status.step is Step.READY:
            return not job.placement.needs_manual_import and (
                has_followup(job) or self._document.belongs_here(job.request.destination)
            )
        return self.is_reserved(job)

    def _place_next(self, context: bpy.types.Context, engine: EngineClient) -> bool:
        """Place a finished result, or several small ones; returns whether there was something to do.

        The store is told first, and memory is made ready; a tick after that places. Small ones need no memory
        to be made ready, and are placed together, as one undo step, as long as a tick has time for it.
        """
        names: list[str] = []
        end = time.perf_counter() + PLACING_SECONDS
        try:
            return self._place_some(context, engine, names, end) or bool(names)
        finally:
            if names:
                name = names[0] if len(names) == 1 else Message("{count:,} models", count=len(names))
                place.push_undo(str(name))

    def _place_some(
        self, context: bpy.types.Context, engine: EngineClient, names: list[str], end: float
    ) -> bool:
        """Place what there is time for until `end`; whether that was, or is about to be, a large result.

        names: gets those of the small ones that were placed.
        """
        for token in list(self.pending):
            if names and time.perf_counter() > end:
                return False
            job = engine.job(token)
            noted = job is not None and self.is_reserved(job)
            where = job.request.destination if job is not None else UNKNOWN
            if (
                job is None
                or job.placement.needs_manual_import
                or not (noted or job.status.step is Step.READY)
                or not isinstance(where, InFile)
            ):
                self.pending.discard(token)
                self._unreserve(token)
            elif job.status.step is Step.READY and has_followup(job):
                self._start_followups(engine, job)
                self.pending.discard(token)
            elif where.placeholder_deleted:  # in the very tick in which the job ended
                self.defer_to_import(engine, token, PLACEHOLDER_DELETED)
            elif self.blocker(context, job) or token in self.dragged:
                if self._reserve.is_for(token):
                    self._reserve.release()
            elif token in self._small:
                if noted and self.place_result(context, engine, job, where, is_one_step=False):
                    names.append(job.request.name)
            elif noted and self._reserve.prepare_more():
                return True
            elif noted:
                self.place_result(context, engine, job, where)
                return True
            elif len(self._small) < MOST_SMALL:
                files = [Path(result.blend) for result in job.placement.results if result.blend]
                sizes = [size for file in files for size in sizes_in(file)]
                if sum(sizes) < SMALL_BYTES:
                    self._small.add(token)
                    engine.mark_placed_soon(token, self._document.id)
                elif not self._reserved:
                    self._reserved = token
                    engine.mark_placed_soon(token, self._document.id)
                    self._reserve.prepare(token, sizes)
                    return True
        return False

    def _start_followups(self, engine: EngineClient, job: Job) -> None:
        """Let the jobs begin that optimize the results of this one, which then is over."""
        results = [Path(result.glb) for result in job.placement.results]
        try:
            jobs = followup_jobs(job, engine.folder)
            for following, glb in zip(jobs, results, strict=True):
                link(glb, Path(following.request.input_path))
        except (OSError, FlowsError) as error:
            reason = error.message if isinstance(error, FlowsError) else plain_reason(error)
            engine.keep_for_import(
                job.token,
                Problem(
                    "files",
                    Message("The model cannot be passed on: {reason}", reason=reason),
                    Message("Import it."),
                ),
            )
            return
        for following in jobs:
            with suppress(AlreadyThere):  # by another Blender, or before a crash
                engine.submit(following)
        engine.mark_placed(job.token)

    def _unreserve(self, token: str) -> None:
        """A result is not about to be placed any more: it has been, or has gone elsewhere."""
        self._small.discard(token)
        if token == self._reserved:
            self._reserved = ""
        if self._reserve.is_for(token):
            self._reserve.release()

    def relocate(self, engine: EngineClient, token: str, **changes: Any) -> None:
        """Let a result that is not there yet go somewhere else; `changes`: of its destination's fields."""
        job = engine.job(token)
        ready = (
            job is not None and job.status.step is Step.READY and not job.placement.needs_manual_import
        )  # in this very moment
        if job is not None and (not job.finished or ready or token in self.pending):
            engine.relocate(token, **changes)

    def box_replaced(self, engine: EngineClient, box: bpy.types.Object) -> None:
        """A box took the place of one of the same name: what was to go into that goes into this one."""
        for job in engine.jobs():
            where = job.request.destination
            meant = where.box if self._document.is_of(where) and isinstance(where, NewModel) else None
            if meant is not None and meant.name == box.name and boxes.box_of(meant) is None:
                self.relocate(engine, job.token, box=ref_of(box))

    def defer_to_import(self, engine: EngineClient, token: str, why: Problem) -> None:
        """A finished result that is not placed yet waits for the user to import it; `why` is told."""
        job = engine.job(token)
        if job is not None and (
            self.is_reserved(job) or (job.status.step is Step.READY and not job.placement.needs_manual_import)
        ):
            engine.keep_for_import(token, why)
            self.pending.discard(token)
            self._unreserve(token)

    def place_result(
        self,
        context: bpy.types.Context,
        engine: EngineClient,
        job: Job,
        where: InFile,
        again: bool = False,
        is_one_step: bool = True,
    ) -> list[bpy.types.Object]:
        """Place the results of `job` and return the objects; errors become the job's problem.

        again: see `Engine.mark_placed`. If the model is in the file already, an error in placing another copy
        is raised as a FlowsError, because the job stays done. is_one_step: whether to push an undo step; if
        not, the caller pushes one.
        """
        stands = again and job.status.step is Step.PLACED and not self.undo.is_undone(job.token)
        ours = self.is_reserved(job) or engine.mark_placed(job.token, self._document.id, again)
        if not ours:
            now = engine.job(job.token)  # noted in this very moment?
            ours = now is not None and self.is_reserved(now)
        self.pending.discard(job.token)
        if not ours:
            self._unreserve(job.token)
            return []
        try:
            where = self._document.localized(where)
            more_to_come = self._is_shared(engine, job, where)
            with self._reserve.handed_over() if is_one_step else nullcontext():
                placed = place.place_models(context, models_of(job), where, more_to_come, is_one_step)
        except FlowsError as error:
            if stands:
                raise
            self._defer_failed(engine, job.token, Problem.of(error))
        except Exception as error:  # whatever it is, the result is not to be lost by it
            traceback.print_exc()
            what = Message("The model could not be placed: {reason}", reason=plain_reason(error))
            self._defer_failed(
                engine, job.token, Problem(DEFECT, what, Message("Please report this error."), "report")
            )
        else:
            self._may_have_unpacked = True
            self.undo.mark_placed(job.token)
            self.placed.add(job.token)
            self.arrivals[job.token] = place.placed_message(context, job.request.name, placed, where)
            collection = place.hidden_by(context, placed) if isinstance(where, NewModel) else ""
            if collection:
                self.hidden[job.token] = collection
            if lines := place.placement_remarks(placed, where):
                self.reported[job.token] = sentences(*lines)
            if bpy.app.background:  # no frame to lose, and perhaps no tick to come
                packing.pack_all()
            return placed
        finally:
            self._unreserve(job.token)
        return []

    def _defer_failed(self, engine: EngineClient, token: str, why: Problem) -> None:
        """What could not be placed, though the store has it so, waits for the user."""
        try:
            engine.keep_for_import(token, why)
        except LedgerError:
            self.undo.mark_undone(token)  # Otherwise a save would count it as placed meanwhile.
            engine.keep_for_import_soon(token, why)

    def _is_shared(self, engine: EngineClient, job: Job, where: InFile) -> bool:
        """Whether another job's result is still to come into the box that this one fills."""
        if not isinstance(where, NewModel) or where.box is None:
            return False
        box = where.box
        others = (other for other in engine.jobs() if other.token != job.token)
        return any(
            self._goes_into(other, box) and (not other.finished or other.token in self.pending)
            for other in others
        )

    def _goes_into(self, job: Job, box: DatablockRef) -> bool:
        """Whether the model of a job goes into the box that a localized destination names."""
        if not self._document.belongs_here(job.request.destination):
            return False
        theirs = self._document.localized(job.request.destination)
        return isinstance(theirs, NewModel) and theirs.box == box

    def _pack_image(self, context: bpy.types.Context) -> None:
        """Pack one picture of a placed model, if there is one and this is a good moment."""
        if not self._may_have_unpacked:
            return
        if self.moment.placement_blocker(context, []):
            self._reserve.release()
        else:
            self._may_have_unpacked = self._packer.pack_next()

    def remove(self, engine: EngineClient, token: str) -> None:
        """Forget a finished job. Raises as `Engine.remove`.

        Where the model was placed in this file its files stay until that is left: undo and redo bring it back
        as it came, with images that are still to be packed.
        """
        packing.pack_from(engine.folder(token))
        engine.remove(token, files=token not in self.placed)
        if token in self.placed:
            self._folders_to_delete.add(token)

    def blocker(self, context: bpy.types.Context, job: Job) -> Message:
        """Why the result of a job cannot come by itself at this moment, or nothing."""
        return self.moment.auto_placement_blocker(context, self._document.localized(job.request.destination))

    def stepped(self, engine: EngineClient | None) -> None:
        """Undo or redo has happened: images may be unpacked again, and models may be gone, or back."""
        self.moment.stepped()
        self._may_have_unpacked = True
        self.undo.after_step(engine, self._document.id, self.pending)

    def opened(self, recovered: bool, engine: EngineClient | None, continues: str = "") -> None:
        """Another file is open, into which other results belong.

        recovered: from an autosave. continues: see `Document`.
        """
        self._document.renew(continues)
        self._recovered = recovered
        self._may_have_unpacked = True
        if engine is not None:
            self.enqueue_ready(engine, engine.jobs())

    def saved(self, engine: EngineClient) -> None:
        """What was placed is in a file on disk now, and what is on its way belongs into that file."""
        self._recovered = False
        jobs = engine.jobs()
        there = {job.token for job in jobs if job.placement.placed_in == self._document.id}
        engine.saved(
            self._document.id,
            {token for token in there - self.pending if not self.undo.is_undone(token)},
        )
        for job in jobs:
            changes = (
                renamed(job.request.destination) if self._document.is_of(job.request.destination) else {}
            )
            if changes:
                engine.relocate(job.token, **changes)

    def leave(self, engine: EngineClient | None) -> None:
        """The open file is left: what was placed since it was saved is no longer anywhere."""
        if engine is not None:
            engine.closed(self._document.id, but=frozenset(self.pending))
            engine.delete_files(self._folders_to_delete)
        self._reserve.release()
        self.dragged.clear()
        self.undo.clear()
        for known in (self.arrivals, self.hidden, self.reported):
            known.clear()
        for tokens in (self.pending, self.placed, self._small, self._folders_to_delete):
            tokens.clear()
        self._reserved = ""
