# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks the meshes of one request, and makes their snapshots and jobs."""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import bpy

from ...api import MOST_TEXELS, OPTIMIZE, InputRefused, NotSaved
from ...api.parameters import POLYGON_COUNT
from ...core.destination import OptimizedMesh
from ...core.errors import Remedy
from ...core.files import link
from ...core.messages import EMPTY, Message, sentences
from ...core.text import plain_reason
from ...formats.images import size_in
from ...jobs import Job, Request, Step
from ...scene import lods, replace_mesh
from ...scene.bake.original import CannotBake, check_tiles
from ...scene.export.dependents import Dependents
from ...scene.export.evaluate import Batch, batches, mesh_digest
from ...scene.export.losses import Losses
from ...scene.export.selection import COUNT, Selection
from ...scene.export.snapshot import snapshot_name, write_snapshot
from ...scene.export.texture_limit import TextureLimit, side_of, sizes_of
from ...scene.meshes import broken_vertices, flush_edits, has_whole_faces, mesh_of
from ...scene.origins import MeshDigests, Record, Source
from ..preferences import engine_settings, job_folder
from ..session import Session
from .bake_settings import then_bake
from .choice import Choice
from .requester import Requester
from .submission import check_available

SAME = ("modifier_mode", "texture_limit", "carry_colors", "carry_normals")
"""The options that are recorded, so that a mesh can be made again with them."""


class NothingToOptimize(InputRefused):
    """None of the objects has a mesh that can be sent."""

    message = Message("Nothing to optimize.")
    fix = Message("Select a mesh with faces.")


def is_light_enough(present: int, count: int) -> bool:
    """Whether so many triangles are at the target already, or below it."""
    return count >= present


class MeshRequest:
    """One request to optimize meshes or to make levels of detail of them.

    It checks what can be sent, reports what cannot, and makes the jobs. Raises what `check_available` does.
    """

    def __init__(
        self, session: Session, context: bpy.types.Context, choice: Choice, requester: Requester
    ) -> None:
        check_available(context)
        self._session = session
        self._context = context
        self._choice = choice
        self._requester = requester
        self._dependents: Dependents | None = None
        self._unbaked: set[Any] = set()  # meshes for which no maps can be baked

    @contextmanager
    def sent(
        self, objects: Iterable[bpy.types.Object], apply: bool, is_replaced: bool
    ) -> Generator[list[Batch]]:
        """The meshes of the objects as they are sent, those that can be. Raises NotSaved.

        apply: whether modifiers are applied. is_replaced: whether the objects themselves get the new meshes.
        """
        try:
            with self.batches(objects, apply, is_replaced) as sent:
                yield self._with_faces(sent)
        except (RuntimeError, OSError) as error:
            message = Message("The selection cannot be written to disk: {reason}", reason=plain_reason(error))
            raise NotSaved.because(message, error) from error

    @contextmanager
    def batches(
        self, objects: Iterable[bpy.types.Object], apply: bool, is_replaced: bool
    ) -> Generator[list[Batch]]:
        """The meshes of the objects as they would be sent; arguments as for `sent`."""
        groups: dict[bpy.types.Mesh, list[bpy.types.Object]] = {}
        for item in objects:
            groups.setdefault(mesh_of(item), []).append(item)
        with batches(self._context, groups, apply, is_replaced) as sent:
            yield sent

    def selection(self, objects: list[bpy.types.Object]) -> Selection:
        """What can be sent; the user is warned of the rest. Raises NothingToOptimize, CannotBake."""
        flush_edits(objects)
        selection = Selection.of(objects)
        if not selection.groups:
            reasons = [
                Message('"{name}" is left out: {reason}.', name=item.name, reason=reason)
                for item, reason in selection.refused
            ]
            message = sentences(NothingToOptimize.message, *reasons)
            remedy: Remedy = "convert" if selection.convertible else ""
            raise NothingToOptimize(message, remedy=remedy)
        for item, reason in selection.refused:
            self._warn(Message('"{name}" is left out: {reason}', name=item.name, reason=reason))
        if self._choice.bake:
            self._check_bake(selection)
        return selection

    def _check_bake(self, selection: Selection) -> None:
        """Warn of objects for which no maps can be baked, before anything is paid for. Raises CannotBake."""
        for item in selection.objects:
            try:
                check_tiles(item)
            except CannotBake as error:
                if len(selection.groups) == 1:
                    raise
                self._unbaked.add(item.data)
                message = Message(
                    '"{name}" will not be baked: {reason}', name=item.name, reason=error.message
                )
                self._warn(message)

    def _with_faces(self, sent: Sequence[Batch]) -> list[Batch]:
        """The batches with faces; the user is warned of the others, and of vertices without a position."""
        full: list[Batch] = []
        for batch in sent:
            broken = broken_vertices(batch.mesh)
            count = int(broken.sum())
            reason = EMPTY
            if not len(batch.mesh.polygons):
                reason = Message("its modifiers make no faces")
            elif count and not has_whole_faces(batch.mesh, broken):
                reason = Message("the vertices of its faces have no valid position")
            else:
                full.append(batch)
            for item in batch.objects:
                if reason:
                    self._warn(Message('"{name}" is left out: {reason}', name=item.name, reason=reason))
                elif count:
                    nowhere = (
                        Message("1 vertex has no valid position")
                        if count == 1
                        else Message("{count:,} vertices have no valid position", count=count)
                    )
                    self._warn(
                        Message(
                            '"{name}" is sent without some of its faces: {reason}',
                            name=item.name,
                            reason=nowhere,
                        )
                    )
        return full

    def is_useless(self, batch: Batch, mode: str, count: int) -> bool:
        """Whether sending so many triangles would cost something for nothing; then the user is told why.

        A script may ask again for a job that is under way; a click does not. Where modifiers are applied, the
        object changes, however light the mesh is.
        """
        by_hand, item = self._requester.by_hand, batch.objects[0]
        is_applied = mode != replace_mesh.LOD and any(batch.modifiers())
        if is_light_enough(batch.triangles, count) and not is_applied:
            known = Message(
                '"{name}" has {present:,} triangles, no more than the {count:,} asked for',
                name=item.name,
                present=batch.triangles,
                count=count,
            )
            self._requester.report("WARNING" if by_hand else "INFO", known)
            return True
        if not by_hand or not self._is_under_way(item, mode, count):
            return False
        self._warn(Message('"{name}" is being optimized already, see Jobs', name=item.name))
        return True

    def made_of(self, batch: Batch) -> str:
        """A text that is the same while levels would be made of the same mesh with the same options."""
        how = (sorted(self._choice.carry), self._choice.texture_side, batch.applied)
        return hashlib.blake2b(mesh_digest(batch.mesh) + repr(how).encode(), digest_size=16).hexdigest()

    def stale_levels(self, batch: Batch, made_of: str, counts: Sequence[int]) -> dict[int, int]:
        """The levels to be made, with their triangles, numbered without gaps, the lightest last."""
        known = lods.set_of(batch.objects[0])
        useful = [
            count
            for count in sorted(counts, reverse=True)
            if not self.is_useless(batch, replace_mesh.LOD, count)
        ]
        fresh = {
            level
            for level, count in enumerate(useful, start=1)
            if known is not None and known.is_fresh(level, made_of, count)
        }
        if fresh:
            message = (
                Message('"{name}": 1 level is up to date', name=batch.objects[0].name)
                if len(fresh) == 1
                else Message(
                    '"{name}": {count:,} levels are up to date',
                    name=batch.objects[0].name,
                    count=len(fresh),
                )
            )
            self._requester.report("INFO", message)
        return {level: count for level, count in enumerate(useful, start=1) if level not in fresh}

    def _is_under_way(self, item: bpy.types.Object, mode: str, count: int) -> bool:
        """Whether a job makes the same already, so that it would be paid for twice."""
        document = self._session.document

        def is_same(job: Job) -> bool:
            there = job.request.destination
            same = (
                document.is_of(there)
                and isinstance(there, OptimizedMesh)
                and (there.target.uid, there.mode) == (item.session_uid, mode)
            )
            under_way = not (job.finished or job.status.cancelling)
            coming = under_way or (job.status.step is Step.READY and not job.placement.needs_manual_import)
            # If two meshes came for one object, the second would find another mesh there than was sent.
            return (
                same
                and coming
                and (mode == replace_mesh.REPLACE or job.request.parameters.get(POLYGON_COUNT.name) == count)
            )

        engine = self._session.engine
        return engine is not None and any(map(is_same, engine.jobs()))

    def losses(self, sent: Sequence[Batch], losses: Losses, replaced: bool) -> list[Message]:
        """Gather in `losses` which sent data the optimized meshes will lack; return what else will be lost.

        replaced: whether the objects themselves get the meshes, so that whatever depends on their vertices is
        affected. The user is told at once which textures are sent smaller.
        """
        for batch in sent:
            for item in batch.objects:
                losses.add(item, dict.fromkeys((mesh_of(item), batch.mesh)))
        if not self._choice.texture_side:
            for batch in sent:
                self._report_textures(batch.objects[0])
        if not replaced or not sent:
            return []
        if self._dependents is None:
            self._dependents = Dependents.of_file()
        return self._dependents.on(
            [item for batch in sent if batch.applied for item in batch.objects],
            [batch.mesh for batch in sent if not batch.applied],
        )

    def report_losses(self, lost: Sequence[Message]) -> None:
        """Tell the user what the optimized meshes will lack."""
        if lost:
            self._warn(Message("The optimized meshes will not have: {kinds}", kinds=lost))

    def _report_textures(self, item: bpy.types.Object) -> None:
        """Tell the user that textures of `item` are sent smaller, because they are too large to come back."""
        sizes = sizes_of(item, size_in)
        side = side_of(TextureLimit(0, MOST_TEXELS), sizes)
        if side < max(map(max, sizes.values()), default=0):
            self._warn(
                Message(
                    'The textures of "{name}" are sent with at most {side:,} pixels per side',
                    name=item.name,
                    side=side,
                )
            )

    def jobs(
        self,
        batch: Batch,
        counts: Sequence[int],
        mode: str,
        details: Sequence[dict[str, Any]],
        names: Sequence[str],
    ) -> list[Job]:
        """The jobs that make one lighter mesh for each of `counts`, in triangles, from one snapshot.

        mode: of their destinations. details: the other fields of each destination. Raises RuntimeError,
        OSError.
        """
        first, *others = batch.objects
        tokens = [self._requester.token() for _ in counts]
        file = snapshot_name()
        snapshots = [job_folder(self._context, token) / file for token in tokens]
        write_snapshot(
            first,
            snapshots[0],
            self._choice.carry,
            evaluated=batch.mesh if batch.applied else None,
            before=batch.first if mode == replace_mesh.REPLACE else None,
            textures=TextureLimit(self._choice.texture_side, MOST_TEXELS),
            later=self._session.slices.add,
        )
        for snapshot in snapshots[1:]:
            link(snapshots[0], snapshot)
        document = self._session.document
        sources = [Source(item, mesh_of(item), batch.applied) for item in batch.objects]
        digests = self._session.part(MeshDigests)
        bake = "" if first.data in self._unbaked else then_bake(self._context, self._choice)
        return [
            Job(
                Request(
                    service=engine_settings(self._context).base_url,
                    template=OPTIMIZE,
                    name=name,
                    source=str(snapshot),
                    parameters={POLYGON_COUNT.name: count},
                    destination=replace(
                        document.for_mesh(self._context, mode, first, others),
                        applied=batch.applied,
                        modifiers=batch.modifiers(),
                        sent=Record.of(sources, self._options(count, mode), digests).to_text(),
                        **{"then_bake": bake, **detail},
                    ),
                ),
                token=token,
            )
            for token, snapshot, count, detail, name in zip(
                tokens, snapshots, counts, details, names, strict=True
            )
        ]

    def _options(self, count: int, mode: str) -> dict[str, Any]:
        """The options with which the same is asked for again; see `Choice`."""
        same = {name: getattr(self._choice, name) for name in SAME}
        if mode != replace_mesh.LOD:
            same["placement"] = mode.upper()
        return {**same, "target": COUNT, POLYGON_COUNT.name: count}

    def _warn(self, message: Message) -> None:
        self._requester.report("WARNING", message)
