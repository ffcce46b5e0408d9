# SPDX-License-Identifier: GPL-3.0-or-later
"""Meshes whose lost detail is to be baked become jobs, which no service has to do with."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Sequence
from typing import Any

import bpy

from ...api import FlowsError, NotSaved
from ...core.destination import UNKNOWN, OptimizedMesh
from ...core.messages import Message, sentences
from ...core.text import plain_reason
from ...jobs import BAKE as TEMPLATE
from ...jobs import Job, Request, Step
from ...scene.bake.original import NoOriginal, Original, check, whole
from ...scene.bake.settings import BAKE, BakeSettings
from ...scene.export.snapshot import snapshot_name, write_snapshot
from ...scene.meshes import mesh_of
from ...scene.place import place
from ...scene.place.destination import target_of
from ...scene.replace_mesh import KEEP, LOD
from ..preferences import engine_settings, job_folder
from ..session import News, Session
from .bake_settings import bake_settings
from .choice import Choice
from .meshes import Requester
from .submission import ask_to_submit


def bake(
    session: Session,
    context: bpy.types.Context,
    choice: Choice,
    objects: Iterable[bpy.types.Object],
    requester: Requester,
) -> list[Job]:
    """The jobs that bake what the meshes of these objects have lost, one for each mesh.

    What cannot be baked is left out, and told; raises its FlowsError where that is all.
    """
    settings = bake_settings(context, choice)
    wanted: dict[Any, tuple[bpy.types.Object, Original]] = {}
    refused: list[FlowsError] = []
    for item in objects:
        if item.type != "MESH" or item.data in wanted:
            continue
        try:
            wanted[item.data] = (item, check(item))
        except FlowsError as error:
            refused.append(error)
    if not wanted:
        raise refused[0] if refused else NoOriginal
    for error in refused:
        requester.tell("WARNING", sentences(error.message, error.fix))
    jobs: list[Job] = []
    for item, original in wanted.values():
        if _is_under_way(session, item):
            requester.tell("WARNING", Message('"{name}" is being baked already, see Jobs', name=item.name))
        else:
            jobs.append(_job(session, context, item, original, settings, uuid.uuid4().hex))
    return jobs


def _is_under_way(session: Session, item: bpy.types.Object) -> bool:
    """Whether the same is being baked already; its result would be exchanged for one like it."""
    return session.engine is not None and any(
        session.document.is_of(where := job.request.destination)
        and isinstance(where, OptimizedMesh)
        and (where.mode, where.target.uid) == (BAKE, item.session_uid)
        and not (job.finished or job.status.cancelling)
        for job in session.engine.unfinished()
    )


def _job(
    session: Session,
    context: bpy.types.Context,
    item: bpy.types.Object,
    original: Original,
    settings: BakeSettings,
    token: str,
) -> Job:
    """A job of its own snapshot. Raises NotSaved."""
    snapshot = job_folder(context, token) / snapshot_name()
    try:
        with whole(context, original) as mesh:
            write_snapshot(
                original.item,
                snapshot,
                evaluated=mesh,
                light=(mesh_of(item), settings),
                later=session.slices.add,
            )
    except (RuntimeError, OSError) as error:
        message = Message("The meshes cannot be written to disk: {reason}", reason=plain_reason(error))
        raise NotSaved.because(message, error) from error
    return Job(
        Request(
            service=engine_settings(context).base_url,
            template=TEMPLATE,
            name=item.name,
            source=str(snapshot),
            destination=session.document.for_mesh(context, BAKE, item),
        ),
        token=token,
    )


class Bakes:
    """Has baked what was to be baked after optimizing, as soon as the optimized mesh is in the file."""

    def update(self, context: bpy.types.Context, session: Session, news: News) -> None:
        """See `Observer`."""
        for token in news.tokens & session.placement.placed:
            job = news.engine.job(token)
            where = job.request.destination if job is not None else UNKNOWN
            if job is None or job.status.step is not Step.PLACED or not isinstance(where, OptimizedMesh):
                continue
            following = _following(token, session.document.id)
            if where.then_bake and news.engine.job(following) is None:
                try:
                    jobs = _jobs_after(session, context, job, where, following)
                except FlowsError as error:
                    session.placement.reported[token] = sentences(error.message, error.fix)
                else:
                    ask_to_submit(session, context, jobs)

    def reset(self) -> None:
        """What was to be baked in the file before is known by its jobs."""


def _following(token: str, document: str) -> str:
    """The token of the bake that follows a job whose result came into this opening of a file."""
    return hashlib.sha256(f"{token} baked in {document}".encode()).hexdigest()[:32]


def _jobs_after(
    session: Session, context: bpy.types.Context, job: Job, where: OptimizedMesh, token: str
) -> Sequence[Job]:
    """The bake that follows a job that is placed, where its objects are still there. Raises FlowsError."""
    placed = place.standing(job.token)
    if not placed:
        return []
    item = placed[0]
    if where.mode in (KEEP, LOD):
        original = check(item)
    else:  # a copy: nothing but its job knows of what
        source = target_of(session.document.localized(where))
        if source is None:
            return []
        original = Original(source, mesh_of(source), where.applied)
    settings = BakeSettings.from_text(where.then_bake)
    return [_job(session, context, item, original, settings, token)]
