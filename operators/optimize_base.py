# SPDX-License-Identifier: GPL-3.0-or-later
"""Meshes become jobs: what is shared by the operators that have meshes optimized."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

import bpy

from ..api import MOST_TEXELS, OPTIMIZE
from ..core.files import link
from ..core.messages import EMPTY, Message, sentences
from ..formats.images import size_in
from ..i18n import translated
from ..jobs import Job, Problem, Step
from ..scene import replace_mesh
from ..scene.export.dependents import Dependents
from ..scene.export.evaluate import Batch
from ..scene.export.losses import Losses
from ..scene.export.selection import Selection
from ..scene.export.snapshot import snapshot_name, write_snapshot
from ..scene.export.texture_limit import TextureLimit, side_of, sizes_of
from ..scene.meshes import broken_vertices, has_whole_faces, mesh_of, take_edits
from ..session import current
from ..session.options import Choice
from ..session.preferences import engine_settings, job_folder, unavailable_reason
from ..session.properties import properties
from .submit_jobs import HandOver, tell_problem


class Sending(HandOver):
    """Mixin for operators that have the selected meshes optimized."""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        reason = unavailable_reason(context)
        if not reason and not any(item.type == "MESH" for item in context.selected_objects):
            reason = Message("Select a mesh object first")
        if reason:
            cls.poll_message_set(translated(reason))
        return not reason

    def choice(self, context: bpy.types.Context) -> Choice:
        """What is chosen, here or in the panel."""
        return Choice(self, properties(context))

    def selection(self, context: bpy.types.Context) -> Selection | None:
        """What can be sent; says what cannot. None where there is nothing."""
        take_edits(context.selected_objects)
        selection = Selection.of(context.selected_objects)
        if not selection.groups:
            told = [
                Message('"{name}" is left out: {reason}.', name=item.name, reason=reason)
                for item, reason in selection.refused
            ]
            message = sentences(Message("Nothing to optimize."), *told)
            remedy = "convert" if selection.convertible else ""
            tell_problem(self, Problem("nothing", message, Message("Select a mesh with faces."), remedy))
            return None
        for item, reason in selection.refused:
            left_out = Message('"{name}" is left out: {reason}', name=item.name, reason=reason)
            self.report({"WARNING"}, translated(left_out))
        return selection

    def tell_losses(self, sent: Sequence[Batch], choice: Choice, replaced: bool) -> None:
        """Say what the optimized meshes will not have of what is sent, and what is sent smaller than it is.

        replaced: whether the objects themselves get them, so that what hangs on these loses its hold.
        """
        losses = Losses(choice.carry, choice.apply)
        for batch in sent:
            for item in batch.objects:
                losses.add(item, dict.fromkeys((mesh_of(item), batch.mesh)))
        told = losses.lines()
        if replaced:
            told += Dependents.of_file().on(
                [item for batch in sent if batch.applied for item in batch.objects],
                [batch.mesh for batch in sent if not batch.applied],
            )
        if told:
            known = Message("The optimized meshes will not have: {kinds}", kinds=told)
            self.report({"WARNING"}, translated(known))
        if not choice.texture_side:
            for batch in sent:
                self._tell_textures(batch.objects[0])

    def _tell_textures(self, item: bpy.types.Object) -> None:
        """Say that the textures of `item` are too large to come back, so that smaller copies are sent."""
        sizes = sizes_of(item, size_in)
        side = side_of(TextureLimit(0, MOST_TEXELS), sizes)
        if side < max(map(max, sizes.values()), default=0):
            told = Message(
                'The textures of "{name}" are sent with at most {side:,} pixels a side',
                name=item.name,
                side=side,
            )
            self.report({"WARNING"}, translated(told))

    def by_hand(self) -> bool:
        """Whether a user clicked it, or repeats the last time; scripts know better what they want."""
        options: Any = self.options
        return not bpy.app.background and (options.is_invoke or options.is_repeat or options.is_repeat_last)

    def is_in_vain(
        self, context: bpy.types.Context, item: bpy.types.Object, mode: str, present: int, count: int
    ) -> bool:
        """Whether a click would be paid for and bring nothing; it is said why.

        present, count: triangles that the mesh of `item` has, and is to have. Scripts get what they ask for.
        """
        by_hand = self.by_hand()
        if count >= present:
            known = Message(
                '"{name}" has {present:,} triangles, no more than the {count:,} asked for',
                name=item.name,
                present=present,
                count=count,
            )
            self.report({"WARNING" if by_hand else "INFO"}, translated(known))
            return by_hand
        return by_hand and self._is_asked_already(context, item, mode, count)

    def _is_asked_already(
        self, context: bpy.types.Context, item: bpy.types.Object, mode: str, count: int
    ) -> bool:
        """Whether a job is under way that would pay for the same twice: says so."""
        asked = current().document.current_destination(context, mode, item)

        def is_same(job: Job) -> bool:
            there = job.destination
            same = all(there.get(name) == asked[name] for name in ("document", "uid", "mode"))
            under_way = not (job.finished or job.cancelling)
            coming = under_way or (job.step is Step.READY and not job.needs_manual_import)
            # Of two meshes for the same object the second would find another one there than was sent.
            return (
                same
                and coming
                and (mode == replace_mesh.KEEP or job.parameters.get("polygon_count") == count)
            )

        engine = current().engine
        if engine is None or not any(map(is_same, engine.jobs())):
            return False
        self.report(
            {"WARNING"}, translated(Message('"{name}" is being optimized already, see Jobs', name=item.name))
        )
        return True

    def with_faces(self, sent: Sequence[Batch]) -> list[Batch]:
        """Those that can be sent; says what is left out: what has no faces, and vertices that are nowhere."""
        full: list[Batch] = []
        for batch in sent:
            broken = broken_vertices(batch.mesh)
            count = int(broken.sum())
            reason = EMPTY
            if not len(batch.mesh.polygons):
                reason = Message("its modifiers make no faces")
            elif count and not has_whole_faces(batch.mesh, broken):
                reason = Message("the vertices of its faces are nowhere")
            else:
                full.append(batch)
            for item in batch.objects:
                if reason:
                    self.report(
                        {"WARNING"},
                        translated(Message('"{name}" is left out: {reason}', name=item.name, reason=reason)),
                    )
                elif count:
                    nowhere = (
                        Message("1 vertex is nowhere")
                        if count == 1
                        else Message("{count:,} vertices are nowhere", count=count)
                    )
                    told = Message(
                        '"{name}" is sent without some of its faces: {reason}', name=item.name, reason=nowhere
                    )
                    self.report({"WARNING"}, translated(told))
        return full

    def requests(
        self,
        context: bpy.types.Context,
        batch: Batch,
        choice: Choice,
        counts: Sequence[int],
        details: Sequence[dict[str, Any]],
        names: Sequence[str],
    ) -> list[Job]:
        """Jobs that make of one mesh as many as there are `counts` of triangles, from one snapshot of it.

        details: what each one's destination has besides, with its "mode". Raises RuntimeError, OSError.
        """
        first, *others = batch.objects
        tokens = [uuid.uuid4().hex for _ in counts]
        name = snapshot_name()
        snapshots = [job_folder(context, token) / name for token in tokens]
        write_snapshot(
            first,
            snapshots[0],
            choice.carry,
            evaluated=batch.mesh if batch.applied else None,
            before=batch.first if details[0]["mode"] == replace_mesh.KEEP else None,
            textures=TextureLimit(choice.texture_side, MOST_TEXELS),
            later=current().slices.add,
        )
        for snapshot in snapshots[1:]:
            link(snapshots[0], snapshot)
        return [
            Job(
                service=engine_settings(context).base_url,
                template=OPTIMIZE,
                name=name,
                token=token,
                source=str(snapshot),
                parameters={"polygon_count": count},
                destination={
                    **current().document.current_destination(context, detail["mode"], first, others),
                    **detail,
                    "applied": batch.applied,
                    "modifiers": batch.modifiers(),
                },
            )
            for token, snapshot, count, detail, name in zip(
                tokens, snapshots, counts, details, names, strict=True
            )
        ]
