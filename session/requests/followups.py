# SPDX-License-Identifier: GPL-3.0-or-later
"""Follow-ups of a result that was placed: a lighter mesh, maps, or levels of detail are made of it.

The token of a follow-up derives from the token of the job before, so nothing that costs something is asked
for twice, whatever breaks. If a file with baked maps was lost, they are baked again, which costs nothing.
"""

from __future__ import annotations

import hashlib
import traceback
from collections.abc import Iterator, Sequence

import bpy

from ...api import FlowsError
from ...api.parameters import POLYGON_COUNT
from ...core.destination import NewModel, OptimizedMesh
from ...core.messages import Message, sentences
from ...jobs import Job, Step, follows_in_file
from ...scene.bake.original import Original, check
from ...scene.bake.settings import BakeSettings
from ...scene.export.selection import COUNT
from ...scene.meshes import mesh_of, triangle_count
from ...scene.place import place
from ...scene.place.destination import ref_of, target_of
from ...scene.replace_mesh import LOD, REPLACE
from ..properties import properties
from ..session import News, Session
from ..slices import Work
from .bake import bake_job
from .choice import Choice
from .lod_counts import by_percents
from .meshes import make_lods, optimize_in_parts, present
from .requester import Level, Requester
from .submission import ask_to_submit, submit

AS_IT_IS = {"placement": REPLACE.upper(), "modifier_mode": "KEEP", "bake": False}
"""The options for optimizing results, whatever the panel shows by then."""


class Followups:
    """Starts the follow-ups of results that were placed, one mesh in each slice of the session.

    started: the tokens of the follow-ups started so far, by the token of the job before.
    """

    def __init__(self) -> None:
        self.started: dict[str, list[str]] = {}

    def update(self, context: bpy.types.Context, session: Session, news: News) -> None:
        """See `Observer`."""
        for token in news.tokens & session.placement.placed:
            job = news.engine.job(token)
            if job is None or job.status.step is not Step.PLACED or token in self.started:
                continue
            self.started[token] = []
            session.slices.add(self._begin(session, context, job), _print_defect)

    def _begin(self, session: Session, context: bpy.types.Context, job: Job) -> Work:
        """Ask for the follow-ups of `job`, for each mesh as soon as its snapshot is written; see `Work`."""
        token, file = job.token, session.document.id
        begun: list[str] = []
        # In the background, no tick comes that could receive the answer.
        send = submit if bpy.app.background else ask_to_submit
        try:
            for part in _following(session, context, job):
                if part:
                    begun += [following.token for following in part]
                    self.started[token] = begun
                    send(session, context, part)
                yield
                if session.document.id != file:  # its objects were closed with that file
                    return
        except FlowsError as error:
            session.placement.reported[token] = sentences(error.message, error.fix)
        if not begun:
            self.started.pop(token, None)  # the next news of the job leads to another try

    def reset(self) -> None:
        """Another file was opened; the jobs themselves say what is to follow in it."""
        self.started.clear()


def _print_defect(error: Exception | None) -> None:
    if error is not None:
        traceback.print_exception(error)


def _following(session: Session, context: bpy.types.Context, job: Job) -> Iterator[Sequence[Job]]:
    """The follow-ups of a placed job whose objects still exist. Raises FlowsError."""
    where = job.request.destination
    placed = place.placed_objects(job.token)
    if not placed:
        return
    if isinstance(where, NewModel) and follows_in_file(job):
        yield from _of_new_model(session, context, job.token, where, placed)
    elif isinstance(where, OptimizedMesh) and where.then_bake:
        yield _bake(session, context, job, where, placed[0])
    elif isinstance(where, OptimizedMesh) and where.then_lods:
        yield _levels(session, context, job.token, job.token, placed[0], where.then_lods)


def _of_new_model(
    session: Session,
    context: bpy.types.Context,
    token: str,
    where: NewModel,
    placed: Sequence[bpy.types.Object],
) -> Iterator[Sequence[Job]]:
    """The jobs that optimize each mesh of a new model, or make levels of those light enough already."""
    parts = {part for root in placed for part in (root, *root.children_recursive) if part.type == "MESH"}
    meshes = {part.data: part for part in sorted(parts, key=lambda part: part.name, reverse=True)}
    total = sum(triangle_count(mesh_of(part)) for part in meshes.values())
    details = {"then_bake": where.then_bake, "then_lods": where.then_lods}
    # Anything may happen between two parts, so no reference to Blender's data is kept across them.
    for number, ref in enumerate([ref_of(part) for part in reversed([*meshes.values()])]):
        name = f"{token} then mesh {number}"
        if _is_known(session, name):
            continue
        for item in present([ref]):
            triangles = triangle_count(mesh_of(item))
            if where.then_optimize is None:
                count = round(triangles * where.then_percent / 100.0)
            else:
                count = where.then_optimize * triangles // max(total, 1)
            wish = {**AS_IT_IS, "target": COUNT, POLYGON_COUNT.name: max(1, count)}
            choice = Choice(wish, properties(context))
            requester = _requester(session, token, name)
            jobs = [
                job
                for part in optimize_in_parts(session, context, choice, [item], requester, details)
                for job in part
            ]
            yield jobs or _levels(session, context, token, name, item, where.then_lods)


def _levels(
    session: Session, context: bpy.types.Context, about: str, name: str, item: bpy.types.Object, count: int
) -> Sequence[Job]:
    """The jobs that make levels of detail of `item`, each half as heavy as the one before.

    about, name: see `_requester`.
    """
    name = f"{name} then level"
    if not count or _is_known(session, name):
        return []
    choice = Choice(AS_IT_IS, properties(context))
    counts = by_percents([100.0 * 0.5**level for level in range(1, count + 1)])
    return make_lods(session, context, choice, [item], counts, _requester(session, about, name))


def _bake(
    session: Session, context: bpy.types.Context, job: Job, where: OptimizedMesh, item: bpy.types.Object
) -> Sequence[Job]:
    """The job that bakes what the mesh of `item` has lost; its levels of detail follow that job."""
    name = f"{job.token} baked in {session.document.id}"
    if _is_known(session, name):
        return []
    if where.mode in (REPLACE, LOD):
        original = check(item)
    else:  # a copy; only its job knows its original
        source = target_of(session.document.localized(where)) or item
        original = Original(source, mesh_of(source), where.applied)
    settings = BakeSettings.from_text(where.then_bake)
    token = _numbered(name, 0)
    return [bake_job(session, context, item, original, settings, token, where.then_lods)]


def _requester(session: Session, about: str, name: str) -> Requester:
    """A requester whose jobs get tokens derived from `name`, and whose reports name the job `about`."""
    numbers = iter(range(1_000_000))
    reported: list[Message] = []

    def report(_level: Level, message: Message) -> None:
        reported.append(message)
        session.placement.reported[about] = sentences(*reported)

    return Requester(report, token=lambda: _numbered(name, next(numbers)))


def _is_known(session: Session, name: str) -> bool:
    """Whether any process has asked before for jobs with tokens derived from `name`."""
    return session.engine is not None and session.engine.job(_numbered(name, 0)) is not None


def _numbered(name: str, number: int) -> str:
    """The token derived from these words, the same each time."""
    return hashlib.sha256(f"{name} {number}".encode()).hexdigest()[:32]
