# SPDX-License-Identifier: GPL-3.0-or-later
"""Meshes whose lost detail is to be baked become jobs that need no service."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import bpy

from ...api import FlowsError, NotSaved
from ...core.destination import OptimizedMesh
from ...core.messages import Message, sentences
from ...core.text import plain_reason
from ...jobs import BAKE as TEMPLATE
from ...jobs import Job, Request
from ...scene.bake.original import NoOriginal, Original, check, whole
from ...scene.bake.settings import BAKE, BakeSettings
from ...scene.export.snapshot import snapshot_name, write_snapshot
from ...scene.meshes import mesh_of
from ...scene.origins import MeshDigests, Record, Source
from ..preferences import engine_settings, job_folder
from ..session import Session
from .bake_settings import bake_settings
from .choice import Choice
from .requester import Requester


def bake(
    session: Session,
    context: bpy.types.Context,
    choice: Choice,
    objects: Iterable[bpy.types.Object],
    requester: Requester,
    settings: BakeSettings | None = None,
) -> list[Job]:
    """The jobs that bake what the meshes of these objects have lost, one for each mesh.

    settings: which maps; None = as chosen in the panel. An object that cannot be baked is left out with a
    warning. Raises the FlowsError of the first if none can be baked.
    """
    settings = settings or bake_settings(context, choice)
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
        requester.report("WARNING", sentences(error.message, error.fix))
    jobs: list[Job] = []
    for item, original in wanted.values():
        if _is_under_way(session, item):
            requester.report("WARNING", Message('"{name}" is being baked already, see Jobs', name=item.name))
        else:
            jobs.append(bake_job(session, context, item, original, settings, uuid.uuid4().hex))
    return jobs


def _is_under_way(session: Session, item: bpy.types.Object) -> bool:
    """Whether the same maps are being baked already, so that a second job would bring nothing new."""
    return session.engine is not None and any(
        session.document.is_of(where := job.request.destination)
        and isinstance(where, OptimizedMesh)
        and (where.mode, where.target.uid) == (BAKE, item.session_uid)
        and not (job.finished or job.status.cancelling)
        for job in session.engine.unfinished()
    )


def bake_job(
    session: Session,
    context: bpy.types.Context,
    item: bpy.types.Object,
    original: Original,
    settings: BakeSettings,
    token: str,
    then_lods: int = 0,
) -> Job:
    """The job that bakes what the mesh of `item` has lost, with a snapshot of its own.

    then_lods: how many levels of detail are made afterwards, with the maps. Raises NotSaved.
    """
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
    source = Source(original.item, original.mesh, original.applied)
    record = Record.of([source], {"settings": settings.to_text()}, session.part(MeshDigests))
    where = session.document.for_mesh(context, BAKE, item)
    return Job(
        Request(
            service=engine_settings(context).base_url,
            template=TEMPLATE,
            name=item.name,
            source=str(snapshot),
            destination=replace(where, sent=record.to_text(), then_lods=then_lods),
        ),
        token=token,
    )
