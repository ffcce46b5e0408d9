# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine process: carries out what Blender calls for, and tells what has changed.

Three threads have to do with the pipe: one reads it, so that whoever writes into it never waits; the main
thread carries out one call after the other; one tells what has changed in between. It ends when the pipe
closes, however Blender ends.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
import time
from collections.abc import Callable, Mapping, Set
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..api import RetryPolicy
from ..core.log import LOGGER
from ..jobs import limits, polling
from ..jobs.engine import Engine
from ..jobs.model import Job
from ..jobs.store import JobStore
from ..jobs.store_errors import LedgerError
from . import extras
from .conversion import Conversion
from .converters import remove_homes_of_the_dead
from .log import Log
from .process import take_input, yield_to_others
from .protocol import (
    VERSION,
    Decoder,
    ProtocolError,
    changes_from_data,
    encoded,
    error_to_data,
    job_from_data,
    job_to_data,
    problem_from_data,
    problem_to_data,
    settings_from_data,
)

RECENT = 300
"""So many finished jobs Blender is told of at the start: the newest. It asks for older ones, see `find`."""

SEND_SECONDS = 0.02
"""What changes within so short a time is told together."""

WATCH_SECONDS = 0.2
"""Between two looks for what changes without an event."""

AT_A_TIME = 20
"""Jobs in one object, so that to read one never takes Blender long."""

FINISHING_SECONDS = 30 * 60.0
"""After Blender has closed, jobs under way are finished for at most so long."""

READ = 1 << 16


class Server:
    """Serves one Blender. receive, send: file descriptors of the pipe."""

    def __init__(self, receive: int, send: int) -> None:
        self._receive = receive
        self._send = send
        self._calls: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()  # of what is sent, so that what is told comes in its order
        self._engine: Engine | None = None
        self._refusal: Exception = ProtocolError("nothing is open")
        self._conversion: Conversion | None = None
        self._log: Log | None = None
        self._flags: dict[str, tuple[bool, bool]] = {}
        self._status: dict[str, Any] = {}
        self._sent: set[str] = set()  # tokens of the jobs that Blender knows
        self._changed: set[str] = set()
        self._finish_jobs = False
        self._over = threading.Event()
        self._parent = os.getppid()

    def run(self) -> None:
        """Serve until the pipe closes, or Blender says so."""
        threading.Thread(target=self._read, name="generio-pipe", daemon=True).start()
        try:
            while (call := self._calls.get()) is not None:
                self._carry_out(call)
        finally:
            self._close()

    # ------------------------------------------------------------------ the pipe

    def _read(self) -> None:
        decoder = Decoder()
        with suppress(OSError, ProtocolError):
            while data := os.read(self._receive, READ):
                for call in decoder.feed(data):
                    self._calls.put(call)
        self._calls.put(None)

    def _put(self, message: dict[str, Any]) -> None:
        """Send an object; to be called with the lock."""
        data = memoryview(encoded(message))
        with suppress(OSError):  # nobody reads any more, which `_read` notices
            while data:
                data = data[os.write(self._send, data) :]

    def _carry_out(self, call: dict[str, Any]) -> None:
        number, verb, arguments = call["call"], call["verb"], call["arguments"]
        if verb in _LONG:
            given = (number, verb, arguments)
            threading.Thread(
                target=self._carry_out_long, args=given, name=f"generio-{verb}", daemon=True
            ).start()
            return
        answer = self._outcome(number, lambda: _VERBS[verb](self, **arguments))
        tokens = {arguments["token"]} if "token" in arguments else set[str]()
        if verb in _SOON and self._engine is not None:
            # Until the answer, the next engine would be asked again.
            self._engine.when_written(lambda: self._put_answer(answer, tokens))
        else:
            self._put_answer(answer, tokens)
        if self._engine is None:  # without one there is nothing to do
            self._calls.put(None)

    def _carry_out_long(self, number: int, verb: str, arguments: Mapping[str, Any]) -> None:
        def send_part(part: object) -> None:
            with self._lock:
                self._put({"call": number, "part": part})

        self._put_answer(self._outcome(number, lambda: _LONG[verb](send_part, **arguments)))

    def _outcome(self, number: int, call: Callable[[], object]) -> dict[str, Any]:
        """Carry out a call; the answer that tells what came of it."""
        try:
            return {"call": number, "result": call()}
        except Exception as error:  # whoever called is to know
            if not isinstance(error, LedgerError | ValueError):
                LOGGER.exception("call %d", number)
            if self._engine is None:
                self._refusal = error
            return {"call": number, "error": error_to_data(error)}

    def _put_answer(self, answer: dict[str, Any], tokens: Set[str] = frozenset()) -> None:
        """Send an answer, and before it all that has changed by then.

        tokens: of the jobs that the call is about; `_watch` may have taken the events that name them, and not
        have told of them yet.
        """
        with self._lock:
            self._changed |= tokens
            self._send_changes()
            self._put(answer)

    # ------------------------------------------------------------------ what has changed

    def _watch(self) -> None:
        """In a thread: tell what changes between two calls."""
        engine = self._engine
        assert engine is not None
        watched_at = 0.0
        while not self._over.is_set():
            token = ""
            with suppress(queue.Empty):
                token = engine.events.get(timeout=WATCH_SECONDS).token
                self._over.wait(SEND_SECONDS)
            with self._lock:
                self._changed |= {token} - {""}
                now = time.monotonic()
                self._send_changes(with_flags=now - watched_at >= WATCH_SECONDS)
                if now - watched_at >= WATCH_SECONDS:
                    watched_at = now
            if self._conversion is not None:
                self._conversion.end_idle()
            # A fork of Blender, which another add-on made, may keep the pipe open.
            if os.name == "posix" and (parent := os.getppid()) != self._parent:
                self._parent = parent
                self._calls.put(None)

    def _send_changes(self, with_flags: bool = True) -> None:
        """Tell each job that has changed as it is by now, so that the order of events is no matter."""
        engine = self._engine
        if engine is None or not engine.is_loaded:
            return
        if not self._sent:
            self._send_all(engine)
        tokens, self._changed = self._changed, set()
        while not engine.events.empty():
            tokens.add(engine.events.get_nowait().token)
        if with_flags:
            tokens |= {
                token
                for token in {*self._flags, *(job.token for job in engine.unfinished())}
                if _flags_of(engine, token) != self._flags.get(token, (False, False))
            }
        jobs = [job for token in tokens if (job := engine.job(token)) is not None]
        removed = [token for token in tokens if engine.job(token) is None]
        for token in removed:
            self._flags.pop(token, None)
        self._send_jobs(engine, sorted(jobs, key=lambda job: job.created_at))
        if removed:
            self._put({"removed": removed})
        self._send_status(engine)

    def _send_all(self, engine: Engine) -> None:
        jobs = engine.jobs()
        finished = [job for job in jobs if job.final]
        older = {job.token for job in finished[:-RECENT]}
        self._send_jobs(engine, [job for job in jobs if job.token not in older])
        self._sent.add("")
        self._put({"loaded": True, "older": len(older)})

    def _send_jobs(self, engine: Engine, jobs: list[Job]) -> None:
        for first in range(0, len(jobs), AT_A_TIME):
            rows = []
            for job in jobs[first : first + AT_A_TIME]:
                self._flags[job.token] = flags = _flags_of(engine, job.token)
                if job.final:
                    del self._flags[job.token]
                rows.append([job_to_data(job), *flags])
            self._put({"jobs": rows})

    def _send_status(self, engine: Engine) -> None:
        status = {
            "notice": problem_to_data(engine.notice),
            "recovery_problem": problem_to_data(engine.recovery_problem),
        }
        if status != self._status:
            self._status = status
            self._put({"status": status})

    # ------------------------------------------------------------------ calls

    def open(
        self,
        version: int,
        owner: str,
        store: str,
        patience: float,
        settings: dict[str, Any],
        converter: list[str],
        previews: bool,
        log: str,
        log_level: str,
        finish_jobs: bool,
        waits: dict[str, Any],
    ) -> None:
        """Begin. store: path of the job list. converter: what starts one. waits: see `client.waits`."""
        if version != VERSION:
            raise ProtocolError(f"version {version} is spoken, and {VERSION} is understood")
        limits.BACK_OFF = RetryPolicy(**waits["back_off"])
        for name, value in waits["limits"].items():
            setattr(limits, name, value)
        for name, value in waits["polling"].items():
            setattr(polling, name, value)
        self._log = Log(Path(log), log_level)
        self._finish_jobs = finish_jobs
        jobs = JobStore(Path(store), patience=patience)
        self._conversion = conversion = Conversion(converter)
        self._engine = Engine(
            jobs,
            settings_from_data(settings),
            conversion.make_input,
            conversion.to_blend,
            conversion.draw_thumbnail if previews else None,
            owner=owner,
            warm=conversion.warm,
            bake=conversion.bake,
            export=conversion.export,
        )
        threading.Thread(target=self._watch, name="generio-tell", daemon=True).start()
        threading.Thread(target=remove_homes_of_the_dead, daemon=True).start()

    @property
    def engine(self) -> Engine:
        """The engine, which `open` has made."""
        if self._engine is None:
            raise self._refusal
        return self._engine

    def configure(self, settings: dict[str, Any], log_level: str, finish_jobs: bool) -> None:
        """Use other settings from now on."""
        self._finish_jobs = finish_jobs
        self.engine.configure(settings_from_data(settings))
        if self._log is not None:
            self._log.set_level(log_level)

    def submit(self, jobs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """See `Engine.submit_all`. Where the engine before this one has taken them already, all is well."""
        made = [job_from_data(job) for job in jobs]
        known = [self.engine.job(job.token) for job in made]
        if all(known):
            return [job_to_data(job) for job in known if job is not None]
        return [job_to_data(job) for job in self.engine.submit_all(made)]

    def sync(self) -> bool:
        """Whether no thread is changing a job in this moment; all that has changed is told before."""
        return self.engine.all_reported()

    def warm(self) -> None:
        """There will be something to convert soon."""
        if self._conversion is not None:
            self._conversion.warm()

    def remove(self, token: str, files: bool) -> None:
        """See `Engine.remove`."""
        self.engine.remove(token, files)

    def relocate(self, token: str, changes: dict[str, Any]) -> None:
        """See `Engine.relocate`."""
        self.engine.relocate(token, **changes_from_data(changes))

    def prepared(self, token: str, problem: dict[str, Any] | None) -> None:
        """See `Engine.prepared`."""
        self.engine.prepared(token, problem_from_data(problem))

    def notice(self, notice: dict[str, Any] | None) -> None:
        """Have this notice, or none."""
        self.engine.notice = problem_from_data(notice)

    def find(self, text: str, before: float, most: int) -> list[dict[str, Any]]:
        """Finished jobs that have all words of `text`: the newest `most` that were made before `before`."""
        words = text.casefold().split()
        found = [
            job
            for job in self.engine.jobs()
            if job.final and job.created_at < before and all(word in _search_text(job) for word in words)
        ]
        return [job_to_data(job) for job in found[-most:]]

    def log(self, level: int, text: str) -> None:
        """Write a line of Blender's into the log."""
        LOGGER.log(level, "%s", text)

    def bye(self) -> None:
        """Blender ends in good order."""
        self._calls.put(None)

    def _close(self) -> None:
        engine = self._engine
        if engine is not None and self._finish_jobs:
            engine.finish(FINISHING_SECONDS)
        self._over.set()
        if engine is not None:
            engine.close()
        if self._conversion is not None:
            self._conversion.close()
        if self._log is not None:
            self._log.close()


def _flags_of(engine: Engine, token: str) -> tuple[bool, bool]:
    return engine.is_active(token), engine.owns(token)


def _plain(name: str) -> Callable[..., object]:
    """A verb that is a method of the engine, with arguments that JSON can say."""

    def call(server: Server, **arguments: Any) -> object:
        if "problem" in arguments:
            arguments["problem"] = problem_from_data(arguments["problem"])
        return getattr(server.engine, name)(**arguments)

    return call


_VERBS: dict[str, Callable[..., object]] = {
    **{
        name: _plain(name)
        for name in (
            "retry",
            "cancel",
            "fetch_results",
            "retry_lookup",
            "resume",
            "reconsider",
            "mark_placed",
            "mark_placed_soon",
            "mark_found",
            "keep_for_import",
            "keep_for_import_soon",
            "saved",
            "closed",
            "delete_files",
        )
    },
    **{
        call.__name__: call
        for call in (
            Server.open,
            Server.configure,
            Server.submit,
            Server.remove,
            Server.sync,
            Server.warm,
            Server.prepared,
            Server.relocate,
            Server.notice,
            Server.find,
            Server.log,
            Server.bye,
        )
    },
}

_SOON = frozenset({"mark_placed_soon", "mark_found", "keep_for_import_soon", "saved", "closed", "relocate"})
"""Verbs that return before the disk has what they change."""

_LONG: dict[str, Callable[..., object]] = {
    "examine": extras.examine,
    "list_flows": extras.list_flows,
    "list_templates": extras.list_templates,
    "check_image": extras.check_image,
    "write_picture": extras.write_picture,
}
"""Verbs that take a while, each in a thread of its own. The first argument tells a part of the result."""


def _search_text(job: Job) -> str:
    """What a search looks into."""
    return f"{job.request.name}\n{job.request.prompt}\n{job.run.flow_id}".casefold()


def main() -> None:
    """Be the engine process: the pipe is our standard input and output."""
    yield_to_others()
    receive, send = take_input(), os.dup(1)
    # What else is printed goes to the terminal.
    os.dup2(2 if sys.stderr is not None else os.open(os.devnull, os.O_WRONLY), 1)
    Server(receive, send).run()
    os._exit(0)
