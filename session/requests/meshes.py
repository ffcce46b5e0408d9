# SPDX-License-Identifier: GPL-3.0-or-later
"""Meshes become jobs: one for each mesh, or one for each level of detail of each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Literal

import bpy

from ...core.destination import DatablockRef
from ...core.messages import Message
from ...jobs import Job
from ...scene import copies, lods, replace_mesh
from ...scene.export.evaluate import Batch
from ...scene.export.losses import Losses
from ...scene.export.selection import BUDGET
from ...scene.lookup import find
from ...scene.meshes import triangle_count
from ...scene.place.destination import ref_of
from ..session import Session
from .choice import Choice
from .lod_counts import LodCounts
from .mesh_request import MeshRequest
from .requester import Requester

LodShow = Literal["HIDE", "BESIDE", "SWITCH"]
"""How levels of detail are shown."""


def optimize(
    session: Session,
    context: bpy.types.Context,
    choice: Choice,
    objects: Iterable[bpy.types.Object],
    requester: Requester,
) -> list[Job]:
    """The jobs that make the meshes of these objects lighter, if any would be. Raises FlowsError."""
    parts = optimize_in_parts(session, context, choice, objects, requester)
    return [job for part in parts for job in part]


def optimize_in_parts(
    session: Session,
    context: bpy.types.Context,
    choice: Choice,
    objects: Iterable[bpy.types.Object],
    requester: Requester,
    details: Mapping[str, Any] = MappingProxyType({}),
) -> Iterator[list[Job]]:
    """As `optimize`, but mesh by mesh, so that the window can be drawn in between.

    An object that has vanished by then is left out. The losses of all are reported at the end. details:
    fields of the destinations that nobody chooses. Raises FlowsError.
    """
    request = MeshRequest(session, context, choice, requester)
    mode = choice.placement.lower()
    is_replaced = mode == replace_mesh.REPLACE
    selection = request.selection([*objects])
    items = [item for group in selection.groups.values() for item in group]
    detail = {**({"offset": copies.beside(items)} if mode == replace_mesh.BESIDE else {}), **details}
    # Anything may happen between two parts, so no reference to Blender's data is kept across them.
    groups = [[ref_of(item) for item in group] for group in selection.groups.values()]
    total = sum(map(triangle_count, selection.groups))
    if choice.goal.kind == BUDGET and choice.apply:
        total = 0
        for group in groups:
            with request.batches(present(group), choice.apply, is_replaced) as sent:
                total += sum(batch.triangles for batch in sent)
            yield []
    losses = Losses(choice.carry, choice.apply)
    lost: list[Message] = []
    for group in groups:
        with request.sent(present(group), choice.apply, is_replaced) as full:
            wanted = [
                (batch, count)
                for batch in full
                for count in [choice.goal.of(batch.triangles, batch.first_triangles, total)]
                if not request.is_useless(batch, mode, count)
            ]
            lost += request.losses([batch for batch, _ in wanted], losses, replaced=is_replaced)
            jobs = [
                job
                for batch, count in wanted
                for job in request.jobs(batch, [count], mode, [detail], [batch.objects[0].name])
            ]
        yield jobs
    request.report_losses([*losses.lines(), *dict.fromkeys(lost)])


def present(refs: Iterable[DatablockRef]) -> list[bpy.types.Object]:
    """Those of the mesh objects that still exist."""
    found = [find(bpy.data.objects, ref.name, ref.uid) for ref in refs]
    return [item for item in found if item is not None and item.type == "MESH"]


def make_lods(
    session: Session,
    context: bpy.types.Context,
    choice: Choice,
    objects: Iterable[bpy.types.Object],
    counts: LodCounts,
    requester: Requester,
    show: LodShow = "HIDE",
    details: Mapping[str, Any] = MappingProxyType({}),
) -> list[Job]:
    """The jobs that make levels of detail of the meshes of these objects. Raises FlowsError.

    They are made from the originals, even if levels are given, the lightest last. Levels that exist already,
    made from the same mesh, are left out. show: whether the levels are hidden, stand beside the objects, or
    are switched by their size in the picture. details: as for `optimize_in_parts`.
    """
    request = MeshRequest(session, context, choice, requester)
    selection = request.selection(lods.sources(objects))
    items = [item for group in selection.groups.values() for item in group]
    step = copies.beside(items) if show == "BESIDE" else 0.0
    with request.sent(items, choice.apply, is_replaced=False) as full:
        wanted: list[tuple[Batch, str, dict[int, int]]] = []
        for batch in full:
            made_of = request.made_of(batch)
            levels = request.stale_levels(batch, made_of, counts(batch.triangles))
            if levels:
                wanted.append((batch, made_of, levels))
        losses = Losses(choice.carry, choice.apply)
        lost = request.losses([batch for batch, *_ in wanted], losses, replaced=False)
        request.report_losses([*losses.lines(), *lost])
        return [
            job
            for batch, made_of, levels in wanted
            for job in request.jobs(
                batch,
                [*levels.values()],
                replace_mesh.LOD,
                [
                    {
                        "level": level,
                        "offset": step * level,
                        "made_of": made_of,
                        "wanted": count,
                        "switched": show == "SWITCH",
                        **details,
                    }
                    for level, count in levels.items()
                ],
                [f"{batch.objects[0].name} LOD{level}" for level in levels],
            )
        ]
