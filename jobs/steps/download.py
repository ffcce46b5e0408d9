# SPDX-License-Identifier: GPL-3.0-or-later
"""After a flow ran: fetch what it made, and convert that."""

from __future__ import annotations

import time
from contextlib import suppress
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
from ...core import files
from ...core.errors import NoChildBlender
from .. import limits
from ..errors import folder_unusable
from ..job_folder import JobFolder
from ..model import Job, Result, Step
from .turn import Turn


def download(turn: Turn, job: Job) -> Job | None:
    """Fetch every usable output into the job's folder; None = the outputs are not there yet."""
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
    results: list[Result] = []
    refused: ResultUnusable | None = None
    for asset in usable:
        path = JobFolder(turn.folder).result(job, asset.asset_id)
        try:
            if not path.exists():  # it only ever gets this name whole and checked
                turn.client().download_output(
                    job.run.flow_id,
                    asset.asset_id,
                    path,
                    progress=turn.report_bytes,
                    cancelled=turn.cancelled,
                )
            results.append(Result(str(path)))
        except WebPage:
            raise  # the model is there, behind it
        except ResultUnusable as error:
            refused = error
    if not results and refused is not None:
        raise refused
    job = job.advance_to(Step.DOWNLOADED, results=tuple(results))
    if turn.delete_flows and job.run.flow_state == "completed" and len(results) == len(assets):
        turn.save(job)  # what is deleted there has to be known here
        with suppress(CallFailed, NotReady):
            turn.client().delete_flow(job.run.flow_id)
            job = job.changed(flow_state="deleted")
    return job


def _explain_no_result(turn: Turn, job: Job, assets: list[Asset]) -> FlowsError:
    reason = next((asset.reason for asset in assets if asset.reason), None)
    if job.run.flow_state == "completed" and reason is None:
        return NoResult()
    flow: Flow = turn.client().flow(job.run.flow_id)
    return FlowFailed(flow.reason or reason)


def convert(turn: Turn, job: Job) -> Job:
    """Make a .blend of each result; where no Blender can be had, the GLB has to do."""
    # Only now: the store has it that all is here. Before, another process may be downloading.
    for left_by_a_crash in JobFolder(turn.folder).unfinished_results():
        files.delete(left_by_a_crash)
    if job.request.input_path:
        turn.bring_inputs_from(job, turn.resolve(job.request.input_path).parent)
    results: list[Result] = []
    for result in job.placement.results:
        glb = Path(result.glb)
        if not glb.exists():  # a batch may have been moved since
            glb = JobFolder(turn.folder).kept(result.glb)
        blend = glb.with_suffix(".blend")
        try:
            turn.convert(glb, blend, turn.cancelled)
            results.append(Result(str(glb), str(blend)))
        except NoChildBlender:
            results.append(result)  # the scene side imports the GLB itself
        except OSError as error:
            raise folder_unusable(error) from None
    if job.request.picture:  # nobody asks for it again
        files.delete(JobFolder(turn.folder).input_copy(job.request.picture))
    return job.advance_to(Step.READY, results=tuple(results), finished_at=time.time())
