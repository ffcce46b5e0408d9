# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine of a command: it takes jobs as the store has them, and goes on with no others."""

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
from ..jobs.model import UNSENT
from ..jobs.store import JobStore
from .items import Item, wish_of
from .job_directory import Home, Host
from .ledger import GLANCE, closing_on_error, opened, patiently
from .outputs import Outputs

if TYPE_CHECKING:
    from ..engine.conversion import Conversion

NOT_OURS = "another process is running it, or it is over. Stop that process first."


class Carrier:
    """Has jobs carried, and stopped; to be closed, since its engine has threads.

    home: where its jobs are kept. at_once: how many are under way together. patience: seconds for which a
    store is waited for that somebody holds, `say` being told so. interrupted: set from outside to end that
    early. wanted: the outputs of all models that the command is about, other shares included. force: whether
    files are written over that are not ours. Raises LedgerError, and Stopped.
    """

    def __init__(
        self,
        host: Host,
        home: Home,
        *,
        at_once: int,
        patience: float,
        interrupted: threading.Event,
        say: Callable[[str], None],
        converter: Conversion | None,
        wanted: Sequence[Path],
        force: bool,
    ) -> None:
        self.home = home
        self.service = host.service
        self._converter = converter
        settings = Settings(
            folder=home.results,
            base_url=host.service,
            api_key=host.api_key,
            online=host.online,
            concurrent_jobs=at_once,
            patience=0.0,  # the command has its own
        )

        def start() -> tuple[JobStore, Engine]:
            with closing_on_error(opened(home)) as ledger:
                return ledger, Engine(ledger, settings, self._make_input, self._convert, adopt_orphans=False)

        self._ledger, self.engine = patiently(start, patience, interrupted, say)
        self.outputs = Outputs(home, self.engine, wanted, force)
        # What was asked of a mistyped address has a token of that, and goes to the one that is set now.
        self._wishes = {
            wish: job
            for job in self.engine.jobs()
            if (wish := wish_of(job, home)) and (job.unsent or job.request.service == self.service)
        }

    def close(self) -> None:
        """End the engine; jobs go on with the next one."""
        self.engine.close()
        if self._converter is not None:
            self._converter.close()

    @property
    def recovery_done(self) -> bool:
        """Whether the jobs of a store that was lost were looked for. Raises LedgerError."""
        return self._ledger.recovery_done

    def begin(self, item: Item) -> str:
        """See to it that an item's job is in the engine's hands, and return its token. Raises FlowsError."""
        job = self.as_known(item.job(self.service, self.home))
        self.submit(job)
        return job.token

    def as_known(self, job: Job) -> Job:
        """The job, or the one of the ledger that is for the same item and may go to the same service."""
        if self.engine.job(job.token) is not None:
            return job
        return self._wishes.get(wish_of(job, self.home), job)

    def submit(self, job: Job) -> None:
        """Hand a job to the engine, or go on with it where the ledger has it already. Raises FlowsError."""
        # Another process may have taken it, and be done with it, since the engine has looked last.
        known = self.engine.job(job.token) or self._ledger.job(job.token)
        if known is None:
            self.outputs.check(job)
            try:
                self.engine.submit(job)
                return
            except AlreadyThere:
                known = job
        self.take(known)

    def take(self, job: Job, sure: bool = False) -> None:
        """Go on with a job that the ledger has; a failed or cancelled one gets another try.

        One whose flow is gone would be paid for a second time: unless the user is `sure`, that flow is asked
        for once more, and nothing else. Raises FlowsError.
        """
        if was_deleted(job) and not sure:
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
        """Stop a job, and wait for that; returns why that could not be done, or "".

        patience: seconds. interrupted: set from outside to give up.
        """
        self.engine.resume(token)
        end = time.monotonic() + patience
        asked = False
        while not interrupted.wait(GLANCE):
            job = self.engine.job(token)
            late = time.monotonic() > end
            if asked and job is not None and job.status.step is Step.CANCELLED:
                return job.status.problem.message if job.status.problem else ""
            if job is None or job.finished or (late and not asked):
                return NOT_OURS
            if late and job.status.problem is not None:
                return f"{job.status.problem.message} `jobs resume` tries again to stop it."
            if not asked and self.engine.owns(token):
                with suppress(LedgerError):  # then once more
                    self.engine.cancel(token)
                    asked = True
        return "interrupted."

    def _make_input(self, source: Path, target: Path, cancelled: Callable[[], bool]) -> None:
        if self._converter is None:
            raise NoChildBlender("there is no Blender to convert with")
        self._converter.make_input(source, target, cancelled)

    def _convert(self, glb: Path, blend: Path, cancelled: Callable[[], bool]) -> None:
        """Only where a .blend or maps are wanted: the verified GLB is what most commands are after."""
        job = self.engine.job(glb.parent.name)
        where = job.request.destination if job is not None else None
        if job is not None and isinstance(where, OutputFile) and where.bake:
            if self._converter is None:
                raise NoBaker
            source = Path(os.path.normpath(glb.parent / job.request.input_path))
            baked = JobFolder.baked_glb(glb)
            self._converter.bake_glb(source, glb, where.bake, baked, cancelled)
            glb = baked
        wanted = (
            isinstance(where, OutputFile) and where.optimize is None and where.path.lower().endswith(".blend")
        )
        if not wanted or self._converter is None:
            raise NoChildBlender("no .blend is wanted")
        self._converter.to_file(glb, blend, cancelled)


def was_deleted(job: Job) -> bool:
    """Whether it ended since the service says that its flow is gone."""
    return job.status.problem is not None and job.status.problem.code == DELETED
