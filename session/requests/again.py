# SPDX-License-Identifier: GPL-3.0-or-later
"""Results whose originals were edited since are made again, with the options that were used then."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import Any

import bpy

from ...api import InputRefused
from ...core.messages import Message
from ...jobs import Job
from ...scene import lods, versions
from ...scene.bake.settings import BakeSettings
from ...scene.lods.sets import WANTED
from ...scene.origins import MAPS, MeshDigests, Owners, Record, record_of, record_of_maps
from ...scene.place.destination import ref_of
from ..properties import properties
from ..session import Session
from .bake import bake
from .choice import Choice
from .lod_counts import by_counts
from .meshes import make_lods, optimize_in_parts
from .requester import Requester


class NothingOutdated(InputRefused):
    """Nothing in the selection was made from a mesh that has been edited since."""

    message = Message("Nothing needs to be made again.")
    fix = Message("Select an optimized object whose original was edited since.")


def make_again(
    session: Session,
    context: bpy.types.Context,
    objects: Iterable[bpy.types.Object],
    requester: Requester,
) -> list[Job]:
    """The jobs that make the outdated meshes, levels of detail and maps of these objects again.

    An object that still has its mesh before shows that until the new one comes, because it is sent. Raises
    FlowsError.
    """
    owners, digests = Owners.of_file(), session.part(MeshDigests)
    jobs: list[Job] = []
    done: set[Any] = set()
    for item in objects:
        part = _finished(digests.outdated(item, owners))
        known = lods.set_of(item) if lods.LEVEL in item else None
        subject = known.collection if known is not None else item.data
        if not part or subject in done:
            continue
        done.add(subject)
        maps, made = record_of_maps(item), record_of(item)
        if part == MAPS and maps is not None:
            settings = BakeSettings.from_text(maps.options["settings"])
            jobs += bake(session, context, Choice({}, properties(context)), [item], requester, settings)
        elif made is not None:
            jobs += _mesh_again(session, context, item, owners, requester, made, maps)
    if not done:
        raise NothingOutdated
    return jobs


def _mesh_again(
    session: Session,
    context: bpy.types.Context,
    item: bpy.types.Object,
    owners: Owners,
    requester: Requester,
    made: Record,
    maps: Record | None,
) -> list[Job]:
    choice = Choice(made.options, properties(context))
    details: dict[str, Any] = {"then_bake": maps.options["settings"] if maps is not None else ""}
    if versions.hidden_mesh(item) is not None:
        is_after = versions.shows_after(item)
        if is_after:
            versions.toggle(item)
        jobs: list[Job] = []
        try:
            for part in optimize_in_parts(session, context, choice, [item], requester, details):
                jobs += part
        finally:
            if is_after and not jobs:
                versions.toggle(item)
        return jobs
    original = owners.of(item)[0]
    known = lods.set_of(item) if lods.LEVEL in item else None
    if known is not None:
        counts = [level[WANTED] for number, level in known.levels.items() if number]
        return make_lods(session, context, choice, [original], by_counts(counts), requester, details=details)
    details["renews"] = ref_of(item)
    parts = optimize_in_parts(session, context, choice, [original], requester, details)
    return [job for part in parts for job in part]


def _finished(work: Generator[int, None, str]) -> str:
    """What the generator `work` returns, after running to its end."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            return end.value
