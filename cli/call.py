# SPDX-License-Identifier: GPL-3.0-or-later
"""One call that makes one file, for Python without Blender; `generio_flows` has it as `run`.

It does what the command line does for one item, with the same store beside the output: a call that was
interrupted and is made again goes on where it stopped, and what is there already costs nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

from ..api import IMAGE_TO_MODEL, OPTIMIZE, TEXT_TO_MODEL, FlowsError
from ..api.credentials import ApiKey
from ..core.file_names import absolute
from ..core.urls import check_base
from ..jobs import LedgerError
from ..jobs.limits import TAKEOVER_SECONDS
from .batch import Batch
from .exit_codes import BLOCKING_PROBLEMS, INTERRUPTED, KEY, SUCCESS, Stopped
from .items import Item, is_same_file, stem
from .job_directory import FOLDER, JobDirectory
from .report import FAILED, Event, Report
from .standalone import local_host

TEMPLATES = (TEXT_TO_MODEL, IMAGE_TO_MODEL, OPTIMIZE)


class Progress(NamedTuple):
    """How far a run is.

    state: "Preparing", "Uploading", "Running", "Downloading", "Waiting", and at the end "Done" or "Already
    Done". fraction: 0..1 of that state, None = unknown. seconds_left: until the service is probably done,
    None = no telling.
    """

    state: str
    fraction: float | None
    seconds_left: float | None


class RunFailed(Exception):
    """There is no file. code: as in the troubleshooting guide. message: what happened. fix: what to do."""

    def __init__(self, code: str, message: str, fix: str = "") -> None:
        super().__init__(f"{message} {fix}".strip())
        self.code = code
        self.message = message
        self.fix = fix


class RunCancelled(RunFailed):
    """There is no file since the caller did not want it any more."""


def run(
    template: str,
    source: str | Path,
    *,
    output: str | Path | None = None,
    on_progress: Callable[[Progress], object] | None = None,
    cancel: threading.Event | None = None,
    patience: float = 600.0,
    force: bool = False,
    api_key: str = "",
    service: str = "",
    **parameters: Any,
) -> Path:
    """Run one flow, wait for it, and return the file that it made.

    template: "model_generate_fromprompt", "model_generate_fromimage" or "model_optimize". source: the prompt,
    or the path of the picture or GLB to send. parameters: as the service names them, such as `polygon_count`,
    `quality`, `seed` or `texture`; what is left out is left to the service.

    output: the GLB to write, by default in the current folder, named after the source; beside it the folder
    `.generio` keeps the job. on_progress: is called with what is new, in the calling thread. cancel: an event
    that stops the job when it is set, here and at the service. patience: seconds without any news after
    which it gives up; the flow goes on, and the same call waits for it again. force: whether a file is
    written over that no job of that folder has written. api_key: by default that of GENERIO_API_KEY in the
    environment. service: another address.

    Raises RunFailed, RunCancelled, and ValueError for a template that is none of these, or for an output that
    is the source or no GLB. KeyboardInterrupt ends the call, and not the flow.
    """
    if template not in TEMPLATES:
        raise ValueError(f"template must be one of {', '.join(TEMPLATES)}, not {template}")
    item = _item(template, source, output, parameters)
    host = local_host(service, api_key)
    report = _RunReport(on_progress, host.key_hint)
    stop = cancel or threading.Event()
    converter = None
    if template == IMAGE_TO_MODEL:
        with suppress(OSError):
            converter = host.converter()
    try:
        check_base(host.service)
        ApiKey(host.api_key)
        directory = JobDirectory(item.output.parent / FOLDER)
        with Batch(
            host,
            directory,
            report,
            concurrent_jobs=1,
            patience=patience,
            interrupted=stop,
            converter=converter,
            all_outputs=(item.output,),
            force=force,
        ) as batch:
            task = batch.task_for(item)
            code = batch.run([task], lambda _: "")
            if code == INTERRUPTED and task.token:
                batch.cancel_after_interrupt(task.token, TAKEOVER_SECONDS)
    except Stopped as error:
        report.show_message(str(error))
        raise _error_after(error.code, report) from None
    except FlowsError as error:
        raise _run_failed(error.code, error.message, error.fix, host.key_hint) from None
    except LedgerError as error:
        raise RunFailed(error.problem.code, error.problem.message, error.problem.fix) from None
    if code != SUCCESS:
        raise _error_after(code, report)
    return item.output


def _item(template: str, source: str | Path, output: str | Path | None, parameters: dict[str, Any]) -> Item:
    """The item that is asked for. Raises ValueError."""
    prompt = str(source).strip() if template == TEXT_TO_MODEL else ""
    path = None if template == TEXT_TO_MODEL else Path(source).absolute()
    item = Item(template, Path(), prompt, path, parameters)
    ending = "_optimized" if template == OPTIMIZE else ""
    target = absolute(output or f"{stem(item)}{ending}.glb")
    if target.suffix.lower() != ".glb":
        raise ValueError(f"the output must be a .glb file, not {target.name}")
    if path is not None and is_same_file(path, target):
        raise ValueError(f"the output {target} is the source")
    return Item(template, target, prompt, path, parameters)


class _RunReport(Report):
    """Hands on what is new of the one item, and remembers what is wrong with it, and what was said last."""

    def __init__(self, on_progress: Callable[[Progress], object] | None, key_hint: str) -> None:
        super().__init__(StringIO(), 1)
        self._on_progress = on_progress
        self._key_hint = key_hint
        self.problem: RunFailed | None = None
        self.last_message = ""

    def show(self, event: Event) -> None:
        """Hand it on."""
        hint = self._key_hint
        self.problem = _run_failed(event.code, event.message, event.fix, hint) if event.code else None
        if event.state != FAILED and self._on_progress is not None:
            self._on_progress(Progress(str(event.state), event.progress, event.left))

    def show_message(self, text: str) -> None:
        """Remember why it waits, or ended."""
        self.last_message = text

    def end(self, seconds: float, advice: str) -> None:
        """The caller is told by what `run` returns or raises."""


def _run_failed(code: str, message: str, fix: str, key_hint: str) -> RunFailed:
    """The error for a problem; `key_hint` says where the key comes from, where that is the problem."""
    hint = f" {key_hint}" if key_hint and BLOCKING_PROBLEMS.get(code) == KEY else ""
    return RunFailed(code, message, f"{fix}{hint}")


def _error_after(code: int, report: _RunReport) -> RunFailed:
    """What a run that ended with `code` raises."""
    if code == INTERRUPTED:
        return RunCancelled("cancelled", "The run was canceled.")
    return report.problem or RunFailed(
        "stopped", report.last_message, "Make the same call again to continue."
    )
