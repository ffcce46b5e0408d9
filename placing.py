# SPDX-License-Identifier: GPL-3.0-or-later
"""Results on their way into the open file: noted in the ledger, made room for, placed, their pictures packed.

Each of these takes a tick of its own, when nothing else goes on in the window, on the main thread.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import bpy

from .api import FlowsError
from .api.text import plain_reason
from .jobs import AlreadyThere, Engine, Job, LedgerError, Problem, Step, followup_jobs, has_followup
from .scene import boxes, memory, pictures, place, stand_in
from .scene.convert import link
from .scene.opened import document, new_document

ASIDE = Problem("put_aside", "Its stand-in was deleted.", "Use Import to have the model.")
"""Why a result waits of which the user wanted nothing to come by itself."""

DEFECT = "defect"
"""Code of the problem of a result that could not be placed for a reason that nobody thought of."""

due: set[str] = set()
"""Tokens of the finished jobs whose results belong into the open file, where they are not yet."""

here: set[str] = set()
"""Tokens of the jobs whose results were placed since the file was opened."""

hidden: dict[str, str] = {}
"""Collections that hide what was placed in them, by job."""

told: dict[str, str] = {}
"""What a service has changed that it was not asked to, in sentences, by job."""

_left_over: set[str] = set()  # of that, the jobs that were removed, whose files are still there
_undone: set[str] = set()  # what was placed, and at this point of the undo history is not there
_noted = ""  # the one of them that the ledger is being told about
_pictures_loose = True  # there may be pictures of placed models to pack
_recovered = False  # the open file came from an autosave: what is in it is not yet where it belongs


def welcome(carrier: Engine, jobs: Iterable[Job]) -> None:
    """Results whose file is open are placed by themselves, unless they stand there already."""
    ready = [job for job in jobs if job.step is Step.READY]
    present = place.tokens() if any(job.placed_in for job in ready) else set[str]()
    for job in ready:
        if job.placed_in and job.token in present:
            from_disk = job.placed_in != document() and not _recovered
            carrier.mark_found(job.token, "" if from_disk else document())
        elif not job.needs_manual_import and (has_followup(job) or place.belongs_here(job.destination)):
            due.add(job.token)


def go_on(context: bpy.types.Context, carrier: Engine) -> None:
    """What can be done in one tick: place a result or prepare that, or else pack a picture."""
    if not place.is_in_hand(context):  # a stand-in may just be dragged
        for token, location in stand_in.take_moves().items():
            send_elsewhere(carrier, token, {"location": [*location]})
    if not _place_one(context, carrier) and not is_about_to_place():
        _pack_picture(context)


def is_about_to_place() -> bool:
    """Whether a result comes with one of the next ticks; one that has to wait has no room any more."""
    return memory.is_for(_noted)


def is_busy() -> bool:
    """Whether something waits to be placed or packed."""
    return bool(due) or _pictures_loose


def is_noted(job: Job) -> bool:
    """Whether the ledger has it that a result goes into the open file, where it is not yet."""
    return job.token in due and job.step is Step.PLACED and job.placed_in == document()


def _place_one(context: bpy.types.Context, carrier: Engine) -> bool:
    """Place one finished result, if there is one and this is a good moment; returns whether it was.

    The ledger is told first, by a thread, and memory is made ready; a tick after that places.
    """
    global _noted
    for token in list(due):
        job = carrier.job(token)
        noted = job is not None and is_noted(job)
        if job is None or job.needs_manual_import or not (noted or job.step is Step.READY):
            due.discard(token)
            _forget_noted(token)
        elif job.step is Step.READY and has_followup(job):
            _begin_followers(carrier, job)
            due.discard(token)
        elif job.destination.get("aside"):  # which was told in the very tick in which the job ended
            let_wait(carrier, token, ASIDE)
        elif place.not_by_itself(context, job.destination) or stand_in.is_moved(token):
            if memory.is_for(token):
                memory.give_back()
        elif noted and memory.is_making():
            return True
        elif noted:
            place_result(context, carrier, job, job.destination)
            return True
        elif not _noted:
            _noted = token
            carrier.mark_placed_soon(token, document())
            files = [Path(result.blend) for result in job.results if result.blend]
            memory.make_room(token, [size for file in files for size in memory.sizes_in(file)])
            return True
    return False


def _begin_followers(carrier: Engine, job: Job) -> None:
    """Let the jobs begin that optimize the results of this one, which then is over."""
    results = [Path(result.glb) for result in job.results]
    for following, glb in zip(followup_jobs(job, carrier.folder), results, strict=True):
        try:
            link(glb, Path(following.input_path))
        except OSError as error:
            carrier.keep_for_import(
                job.token,
                Problem("files", f"The model cannot be sent on: {plain_reason(str(error))}", "Import it."),
            )
            return
        with suppress(AlreadyThere):  # by another Blender, or before a crash
            carrier.submit(following)
    carrier.mark_placed(job.token)


def _forget_noted(token: str) -> None:
    """A result is not about to be placed any more: it has been, or has gone elsewhere."""
    global _noted
    if token == _noted:
        _noted = ""
    if memory.is_for(token):
        memory.give_back()


def send_elsewhere(carrier: Engine, token: str, change: dict[str, object]) -> None:
    """Let a result that is not there yet go somewhere else; `change`: of its destination, see `place`."""
    job = carrier.job(token)
    ready = job is not None and job.step is Step.READY and not job.needs_manual_import  # in this very moment
    if job is not None and (not job.finished or ready or token in due):
        carrier.relocate(token, change)


def made_again(carrier: Engine, box: bpy.types.Object) -> None:
    """A box took the place of one of the same name: what was to go into that goes into this one."""
    for job in carrier.jobs():
        goes_there = job.destination.get("document") == document() and job.destination.get("box") == box.name
        if goes_there and boxes.box_of(job.destination) is None:
            send_elsewhere(carrier, job.token, {"uid": box.session_uid})


def let_wait(carrier: Engine, token: str, why: Problem) -> None:
    """A finished result that is not placed yet waits for the user to import it; `why` is told."""
    job = carrier.job(token)
    if job is not None and (is_noted(job) or (job.step is Step.READY and not job.needs_manual_import)):
        carrier.keep_for_import(token, why)
        due.discard(token)
        _forget_noted(token)


def place_result(
    context: bpy.types.Context,
    carrier: Engine,
    job: Job,
    destination: place.Destination,
    again: bool = False,
) -> list[bpy.types.Object]:
    """Put the results of `job` into the scene and return the objects; what is wrong, the job tells.

    again: see `Engine.place`. Where the model stands in the file already, what is wrong with another one is
    raised as a FlowsError: the job is done all the same.
    """
    global _pictures_loose
    stands = again and job.step is Step.PLACED and not is_undone(job.token)
    ours = is_noted(job) or carrier.mark_placed(job.token, document(), again)
    if not ours:
        now = carrier.job(job.token)  # noted in this very moment?
        ours = now is not None and is_noted(now)
    due.discard(job.token)
    if not ours:
        _forget_noted(job.token)
        return []
    try:
        shared = {"shared": True} if _is_shared(carrier, job, destination) else {}
        placed = place.place(context, _models(job), {**destination, **shared})
    except FlowsError as error:
        if stands:
            raise
        _hold(carrier, job.token, Problem.of(error))
    except Exception as error:  # whatever it is, the result is not to be lost by it
        traceback.print_exc()
        what = f"The model could not be placed: {plain_reason(str(error))}"
        _hold(carrier, job.token, Problem(DEFECT, what, "Report it.", "report"))
    else:
        _pictures_loose = True
        _undone.discard(job.token)
        here.add(job.token)
        collection = place.hidden_by(context, placed) if destination.get("mode") in place.NEW else ""
        if collection:
            hidden[job.token] = collection
        if sentences := place.told_of(placed):
            told[job.token] = " ".join(sentences)
        if bpy.app.background:  # no frame to lose, and perhaps no tick to come
            pictures.pack_all()
        return placed
    finally:
        _forget_noted(job.token)
    return []


def _hold(carrier: Engine, token: str, why: Problem) -> None:
    """What could not be placed, though the ledger has it so, waits for the user."""
    try:
        carrier.keep_for_import(token, why)
    except LedgerError:
        _undone.add(token)  # a save is not to take it for placed until then
        carrier.keep_for_import_soon(token, why)


def _is_shared(carrier: Engine, job: Job, destination: place.Destination) -> bool:
    """Whether another job's result is still to come into the box that this one fills."""
    if "box" not in destination:
        return False
    box = [destination.get(name) for name in ("document", "box", "uid")]
    others = (other for other in carrier.jobs() if other.token != job.token)
    return any(
        [other.destination.get(name) for name in ("document", "box", "uid")] == box
        and (not other.finished or other.token in due)
        for other in others
    )


def _models(job: Job) -> list[place.Model]:
    several = len(job.results) > 1
    ours = {"flow_id": job.flow_id, "template": job.template, "token": job.token}
    provenance = {**job.parameters, **ours}  # whatever the service calls its parameters
    if job.prompt:
        provenance["prompt"] = job.prompt
    return [
        place.Model(
            glb=result.glb,
            blend=result.blend,
            name=f"{job.name} {number}" if several else job.name,
            provenance={**provenance, "result": number},
        )
        for number, result in enumerate(job.results, start=1)
    ]


def _pack_picture(context: bpy.types.Context) -> None:
    """Pack one picture of a placed model, if there is one and this is a good moment."""
    global _pictures_loose
    if not _pictures_loose:
        return
    if place.not_now(context, []):
        memory.give_back()
    else:
        _pictures_loose = pictures.pack_next()


def remove(carrier: Engine, token: str) -> None:
    """Forget a finished job. Raises as `Engine.remove`.

    Where the model was placed in this file its files stay until that is left: undo and redo bring it back as
    it came, with pictures that are still to be packed.
    """
    pictures.pack_from(carrier.folder(token))
    carrier.remove(token, files=token not in here)
    if token in here:
        _left_over.add(token)


def is_undone(token: str) -> bool:
    """Whether a model was placed, and is not there at this point of the undo history."""
    return token in _undone


def stepped(carrier: Engine | None) -> None:
    """Undo or redo: pictures may be loose again, and models that were placed may be gone, or back."""
    global _pictures_loose
    place.stepped()
    _pictures_loose = True
    _undone.clear()
    if carrier is not None:
        loose = {job.token for job in carrier.jobs() if job.unsaved and job.placed_in == document()}
        if loose:
            _undone.update(loose - place.tokens() - due)


def opened(recovered: bool, carrier: Engine | None) -> None:
    """Another file is open, into which other results belong. recovered: from an autosave."""
    global _recovered, _pictures_loose
    new_document()
    _recovered = recovered
    _pictures_loose = True
    if carrier is not None:
        welcome(carrier, carrier.jobs())


def saved(carrier: Engine) -> None:
    """What was placed is in a file on disk now, and what is on its way belongs into that file."""
    global _recovered
    _recovered = False
    carrier.saved(document(), but=due | _undone)
    for job in carrier.jobs():
        change = place.renamed(job.destination)
        if change:
            carrier.relocate(job.token, change)


def leave(carrier: Engine | None) -> None:
    """The open file is left: what was placed since it was saved is no longer anywhere."""
    global _noted
    if carrier is not None:
        carrier.closed(document(), but=frozenset(due))
        carrier.delete_files(_left_over)
    memory.give_back()
    for tokens in (due, hidden, told, _undone, here, _left_over):
        tokens.clear()
    _noted = ""
