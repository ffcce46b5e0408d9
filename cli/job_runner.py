# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine of a command. It runs the jobs that it is given, and no others from the store."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ..core.destination import OutputFile
from ..core.errors import NoChildBlender
from ..jobs import AlreadyThere, Job, LedgerError, Settings, Step
from ..jobs.engine import Engine
from ..jobs.errors import DELETED, NoBaker
from ..jobs.job_folder import JobFolder
from ..jobs.step import UNSENT
from ..jobs.store import JobStore
from .items import Item, item_key
from .job_directory import Host, JobDirectory
from .outputs import Outputs
from .store_access import POLL_SECONDS, closing_on_error, open_store, retry_while_busy

if TYPE_CHECKING:
    from ..engine.conversion import Conversion

NOT_CANCELLABLE = "another process is running it, or it is over. Stop that process first."


class JobRunner:
    """Starts, resumes, and cancels jobs. The caller has to close it, because its engine has threads.

    directory: where the jobs are stored. concurrent_jobs: how many jobs run at the same time. patience: how
    many seconds to wait for a store that another process holds; `show_message` receives why it waits.
    interrupted: the caller sets it to end that wait early. all_outputs: the outputs of all items of the
    command, including those of other shards. force: whether to overwrite files that this command has not
    written. Raises LedgerError and Stopped.
    """

    def __init__(
        self,
        host: Host,
        directory: JobDirectory,
        *,
        concurrent_jobs: int,
        patience: float,
        interrupted: threading.Event,
        show_message: Callable[[str], None],
        converter: Conversion | None,
        all_outputs: Sequence[Path],
        force: bool,
    ) -> None:
        self.directory = directory
        self.service = host.service
        self._converter = converter
        settings = Settings(
            folder=directory.results,
            base_url=host.service,
            api_key=host.api_key,
            online=host.online,
            concurrent_jobs=concurrent_jobs,
            patience=0.0,  # The command measures its own patience.
        )

        def open_engine() -> tuple[JobStore, Engine]:
            with closing_on_error(open_store(directory)) as store:
                return store, Engine(store, settings, self._make_input, self._convert, adopt_orphans=False)

        self._store, self.engine = retry_while_busy(open_engine, patience, interrupted, show_message)
        self.outputs = Outputs(directory, self.engine, all_outputs, force)
        # A job for a mistyped address has a token of that address; it is sent to the current one instead.
        self._jobs_by_item = {
            wish: job
            for job in self.engine.jobs()
            if (wish := item_key(job, directory)) and (job.unsent or job.request.service == self.service)
        }

    def close(self) -> None:
        """End the engine. Unfinished jobs go on with the next engine."""
        self.engine.close()
        if self._converter is not None:
            self._converter.close()

    @property
    def recovery_done(self) -> bool:
        """Whether the recovery of jobs from a lost store is done. Raises LedgerError."""
        return self._store.recovery_done

    def start(self, item: Item) -> str:
        """Make sure that the engine has the job of an item, and return its token. Raises FlowsError."""
        job = self.known_job(item.job(self.service, self.directory))
        self.submit(job)
        return job.token

    def known_job(self, job: Job) -> Job:
        """Return the store's job for the same item that this service may run, else `job`."""
        if self.engine.job(job.token) is not None:
            return job
        return self._jobs_by_item.get(item_key(job, self.directory), job)

    def submit(self, job: Job) -> None:
        """Hand a job to the engine, or resume it if the store has it already. Raises FlowsError."""
        # Another process may have claimed and finished it since the engine last read the store.
        known = self.engine.job(job.token) or self._store.job(job.token)
        if known is None:
            self.outputs.check(job)
            try:
                self.engine.submit(job)
                return
            except AlreadyThere:
                known = job
        self.resume(known)

    def resume(self, job: Job, allow_rerun: bool = False) -> None:
        """Go on with a job in the store; a failed or cancelled job is tried again.

        A job whose flow was deleted would cost a second time. Unless the user accepts that (`allow_rerun`),
        the service is only asked for the flow once more. Raises FlowsError.
        """
        if was_deleted(job) and not allow_rerun:
            self.engine.retry_lookup(job.token)
            return
        if isinstance(job.request.destination, OutputFile) and job.status.step in (
            *UNSENT,
            Step.FAILED,
            Step.CANCELLED,
        ):
            self.outputs.check(job)
        if job.status.step in (Step.FAILED, Step.CANCELLED):
            self.engine.retry(job.token)
        elif not job.finished:
            self.engine.resume(job.token)

    def cancel(self, token: str, patience: float, interrupted: threading.Event) -> str:
        """Cancel a job and wait until it is cancelled. Return the reason if that failed, else "".

        patience: how many seconds to wait. interrupted: the caller sets it to give up early.
        """
        self.engine.resume(token)
        end = time.monotonic() + patience
        is_asked = False
        while not interrupted.wait(POLL_SECONDS):
            job = self.engine.job(token)
            is_late = time.monotonic() > end
            if is_asked and job is not None and job.status.step is Step.CANCELLED:
                return job.status.problem.message if job.status.problem else ""
            if job is None or job.finished or (is_late and not is_asked):
                return NOT_CANCELLABLE
            if is_late and job.status.problem is not None:
                return f"{job.status.problem.message} `jobs resume` tries again to stop it."
            if not is_asked and self.engine.owns(token):
                with suppress(LedgerError):  # The loop tries again.
                    self.engine.cancel(token)
                    is_asked = True
        return "interrupted."

    def _make_input(self, source: Path, target: Path, cancelled: Callable[[], bool]) -> None:
        if self._converter is None:
            raise NoChildBlender("there is no Blender to convert with")
        self._converter.make_input(source, target, cancelled)

    def _convert(self, glb: Path, blend: Path, cancelled: Callable[[], bool]) -> None:
        """Bake maps and make a .blend if the job asks for them; most commands want only the verified GLB.

        Raises NoChildBlender where no .blend is wanted, and NoBaker.
        """
        job = self.engine.job(glb.parent.name)
        destination = job.request.destination if job is not None else None
        if job is not None and isinstance(destination, OutputFile) and destination.bake:
            if self._converter is None:
                raise NoBaker
            source = Path(os.path.normpath(glb.parent / job.request.input_path))
            baked = JobFolder.baked_glb(glb)
            self._converter.bake_glb(source, glb, destination.bake, baked, cancelled)
            glb = baked
        wanted = (
            isinstance(destination, OutputFile)
            and destination.optimize is None
            and destination.path.lower().endswith(".blend")
        )
        if not wanted or self._converter is None:
            raise NoChildBlender("no .blend is wanted")
        self._converter.to_file(glb, blend, cancelled)


def was_deleted(job: Job) -> bool:
    """Whether the job failed because the service says that its flow is gone."""
    return job.status.problem is not None and job.status.problem.code == DELETED
