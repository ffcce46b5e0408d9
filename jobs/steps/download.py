# SPDX-License-Identifier: GPL-3.0-or-later
"""After a flow ran: fetch what it made, and convert that."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

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
from .. import limits
from ..model import Job, Result, Step
from .files import input_copy_path, kept_name, result_path
from .turn import Turn


def download(turn: Turn, job: Job) -> Job | None:
    """Fetch every usable output into the job's folder; None = the outputs are not there yet."""
    may_come = turn.doubt.times("outputs") < limits.OUTPUT_TRIES
    try:
        assets = turn.client().outputs(job.flow_id)
    except (WrongState, InvalidRequest):
        if may_come:
            return None
        raise
    usable = [asset for asset in assets if asset.usable]
    if not usable:
        if (
            may_come
            and job.flow_state == "completed"
            and (not assets or any(asset.pending for asset in assets))
        ):
            return None
        raise _explain_no_result(turn, job, assets)
    turn.make_folder()
    results: list[Result] = []
    refused: ResultUnusable | None = None
    for asset in usable:
        path = result_path(turn.folder, job, asset.asset_id)
        try:
            if not path.exists():  # it only ever gets this name whole and checked
                turn.client().download_output(
                    job.flow_id, asset.asset_id, path, progress=turn.report_bytes, cancelled=turn.cancelled
                )
            results.append(Result(str(path)))
        except WebPage:
            raise  # the model is there, behind it
        except ResultUnusable as error:
            refused = error
    if not results and refused is not None:
        raise refused
    job = job.advance_to(Step.DOWNLOADED, results=tuple(results))
    if turn.delete_flows and job.flow_state == "completed" and len(results) == len(assets):
        turn.save(job)  # what is deleted there has to be known here
        with suppress(CallFailed, NotReady):
            turn.client().delete_flow(job.flow_id)
            job = replace(job, flow_state="deleted")
    return job


def _explain_no_result(turn: Turn, job: Job, assets: list[Asset]) -> FlowsError:
    reason = next((asset.reason for asset in assets if asset.reason), None)
    if job.flow_state == "completed" and reason is None:
        return NoResult()
    flow: Flow = turn.client().flow(job.flow_id)
    return FlowFailed(flow.reason or reason)


def convert(turn: Turn, job: Job) -> Job:
    """Make a .blend of each result; where no Blender can be had, the GLB has to do."""
    # Only now: the store has it that all is here. Before, another process may be downloading.
    for left_by_a_crash in turn.folder.glob("*.glb.*.part"):
        left_by_a_crash.unlink(missing_ok=True)
    if job.input_path:
        turn.bring_inputs_from(job, turn.resolve(job.input_path).parent)
    results: list[Result] = []
    for result in job.results:
        glb = Path(result.glb)
        if not glb.exists():  # a batch may have been moved since
            glb = turn.folder / kept_name(result.glb)
        blend = glb.with_suffix(".blend")
        try:
            turn.convert(glb, blend, turn.cancelled)
            results.append(Result(str(glb), str(blend)))
        except OSError:
            results.append(result)  # the scene side imports the GLB itself
    if job.picture:  # nobody asks for it again
        with suppress(OSError):
            input_copy_path(turn.folder, job.picture).unlink()
    return job.advance_to(Step.READY, results=tuple(results), finished_at=time.time())
