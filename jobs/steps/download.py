# SPDX-License-Identifier: GPL-3.0-or-later
"""After a flow has ended: its outputs are downloaded and converted."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from ...api import (
    Asset,
    CallFailed,
    Flow,
    FlowFailed,
    FlowsError,
    InvalidRequest,
    NoResult,
    NotReady,
    ResultUnusable,
    WebPage,
    WrongState,
)
from ...api.forms import KNOWN
from ...core import files
from ...core.errors import NoChildBlender
from ...core.messages import Message
from .. import limits
from ..errors import folder_unusable
from ..job_folder import JobFolder
from ..job_parts import Result
from ..model import Job
from ..problem import Problem
from ..step import Step
from .turn import Turn


def download(turn: Turn, job: Job) -> Job | None:
    """Download every usable output into the job's folder. None: the outputs are not there yet."""
    may_come = turn.doubt.times("outputs") < limits.OUTPUT_TRIES
    try:
        assets = turn.client().outputs(job.run.flow_id)
    except (WrongState, InvalidRequest):
        if may_come:
            return None
        raise
    usable = [asset for asset in assets if asset.usable]
    if not usable:
        if (
            may_come
            and job.run.flow_state == "completed"
            and (not assets or any(asset.pending for asset in assets))
        ):
            return None
        raise _explain_no_result(turn, job, assets)
    turn.make_folder()
    paths: list[Path] = []
    refused: ResultUnusable | None = None
    for asset in usable:
        try:
            paths.append(_fetch(turn, job, asset.asset_id))
        except WebPage:
            raise  # a captive portal answered; the model still exists, so the download is tried again
        except ResultUnusable as error:
            refused = error
    if not paths and refused is not None:
        raise refused
    job = job.advance_to(
        Step.DOWNLOADED,
        results=tuple(Result(str(path)) for path in paths if path.suffix == ".glb"),
        files=tuple(str(path) for path in paths if path.suffix != ".glb"),
    )
    if turn.delete_flows and job.run.flow_state == "completed" and len(paths) == len(assets):
        turn.save(job)  # before the service deletes the models, the store must know that they are here
        with suppress(CallFailed, NotReady):
            turn.client().delete_flow(job.run.flow_id)
            job = job.changed(flow_state="deleted")
    return job


def _fetch(turn: Turn, job: Job, asset_id: str) -> Path:
    """Download an output, and return its path. Only templates that this version knows surely make models."""
    folder = JobFolder(turn.folder)
    path, stem = folder.result(job, asset_id), folder.file(job, asset_id)
    transfer: dict[str, Any] = {"progress": turn.report_bytes, "cancelled": turn.cancelled}
    if path.exists():  # a file gets this name only when it is complete and checked
        return path
    if job.request.template in (*KNOWN, ""):
        turn.client().download_output(job.run.flow_id, asset_id, path, **transfer)
        return path
    found = folder.finished_file(stem) or turn.client().download_file(
        job.run.flow_id, asset_id, stem, **transfer
    )
    if found.suffix != path.suffix:
        return found
    files.replace(found, path)
    return path


def _explain_no_result(turn: Turn, job: Job, assets: list[Asset]) -> FlowsError:
    reason = next((asset.reason for asset in assets if asset.reason), None)
    if job.run.flow_state == "completed" and reason is None:
        return NoResult()
    flow: Flow = turn.client().flow(job.run.flow_id)
    return FlowFailed(flow.reason or reason)


def convert(turn: Turn, job: Job) -> Job:
    """Make a .blend of each result. If no second Blender can be started, the GLB is used as it is."""
    # Only now does the store say that everything is here; until then, another process may be downloading.
    for left_by_a_crash in JobFolder(turn.folder).unfinished_results():
        files.delete(left_by_a_crash)
    if job.request.input_path:
        turn.bring_inputs_from(job, turn.resolve(job.request.input_path).parent)
    results: list[Result] = []
    for result in job.placement.results:
        glb = Path(result.glb)
        if not glb.exists():  # a batch may have been moved since
            glb = JobFolder(turn.folder).locate(result.glb)
        blend = glb.with_suffix(".blend")
        try:
            turn.convert(glb, blend, turn.cancelled)
            results.append(Result(str(glb), str(blend)))
        except NoChildBlender:
            results.append(result)  # the scene side imports the GLB itself
        except OSError as error:
            raise folder_unusable(error) from None
    if job.request.picture:  # it is not needed any more
        files.delete(JobFolder(turn.folder).input_copy(job.request.picture))
    ready = job.advance_to(Step.READY, results=tuple(results), finished_at=time.time())
    if not results and job.placement.files:  # which no scene can have
        return ready.changed(needs_manual_import=True, problem=_no_model(len(job.placement.files)))
    return ready


def _no_model(count: int) -> Problem:
    """The problem of a job that made files, none of which is a model."""
    made = (
        Message("The template made 1 file, which is not a model.")
        if count == 1
        else Message("The template made {count:,} files, none of which is a model.", count=count)
    )
    return Problem("only_files", made, Message("Show Folder opens the folder that has them."), "show_folder")
