# SPDX-License-Identifier: GPL-3.0-or-later
"""Models that are to be exported for a game engine become one job that needs no service."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator

import bpy

from ...api import NotSaved
from ...core.destination import ExportFolder
from ...core.messages import Message
from ...core.text import plain_reason
from ...jobs import EXPORT, Job, Request
from ...scene.export.snapshot import snapshot_name
from ...scene.game.export import NothingToExport, Plan
from ...scene.game.snapshot import write_seen
from ...scene.lookup import find
from ...scene.place.destination import ref_of
from ..preferences import engine_settings, job_folder
from ..session import Session


def export_in_parts(session: Session, context: bpy.types.Context, plan: Plan) -> Iterator[list[Job]]:
    """The job that exports what was planned; the snapshots of its meshes are written one after the other.

    The window can be drawn between two snapshots. Raises NotSaved, and NothingToExport if a mesh has vanished
    by then.
    """
    token = uuid.uuid4().hex
    folder = job_folder(context, token)
    meshes = plan.order.meshes()
    # Anything may happen between two parts, so no reference to Blender's data is kept across them.
    parts = [ref_of(item) for item in plan.items]
    plan.items.clear()
    try:
        for mesh, ref in zip(meshes, parts, strict=True):
            item = find(bpy.data.objects, ref.name, ref.uid)
            if item is None or item.type != "MESH":
                raise NothingToExport(Message('"{name}" was deleted before it was exported.', name=ref.name))
            mesh.file = snapshot_name()
            write_seen(context, item, folder / mesh.file, session.slices.add)
            yield []
        source = folder / "order.json"
        plan.order.write(source)
    except BaseException as error:
        shutil.rmtree(folder, ignore_errors=True)  # also if the job is not wanted any more
        if not isinstance(error, RuntimeError | OSError):
            raise
        message = Message("The meshes cannot be written to disk: {reason}", reason=plain_reason(error))
        raise NotSaved.because(message, error) from error
    files = plan.order.files
    yield [
        Job(
            Request(
                service=engine_settings(context).base_url,
                template=EXPORT,
                name=files[0].path if len(files) == 1 else plan.folder.name or str(plan.folder),
                source=str(source),
                destination=ExportFolder(str(plan.folder)),
            ),
            token=token,
        )
    ]
