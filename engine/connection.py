# SPDX-License-Identifier: GPL-3.0-or-later
"""The connection to the engine process: calls and answers, and another process where one has died."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..core.log import LOGGER
from ..jobs import limits, polling
from ..jobs.settings import Settings
from ..jobs.store_errors import EngineDied, LedgerError
from .process import EngineProcess
from .protocol import VERSION, Decoder, ProtocolError, encoded, error_from_data, settings_to_data

PATIENCE = 20.0
"""Seconds that a call waits for its answer; a busy machine may take a while to start a process."""

MOST_STARTS = 5
"""An engine that dies so often within RESTART_SECONDS will do so again: the user is told."""

RESTART_SECONDS = 60.0

END_SECONDS = 0.2
"""Between the end of the pipe and that of the process, if it is not killed in between."""


@dataclass(frozen=True)
class Start:
    """What an engine process is started with.

    owner: the name under which this Blender has leases. command: runs the engine, see
    `process.python_command`. store: path of the job list. patience: seconds that a call
    may wait for another process that has the job list. converter: what starts a background Blender. previews:
    whether results get pictures. log: the folder of the log. spare: runs the engine where `command` cannot
    (() = nothing does).
    """

    owner: str
    command: tuple[str, ...]
    store: Path
    patience: float
    converter: tuple[str, ...]
    previews: bool
    log: Path
    spare: tuple[str, ...] = ()


@dataclass
class Reply:
    """The answer to a call.

    parts: of its result, as they are told before that is whole. is_repeated: whether an engine died before it
    answered, so that what the call is about may have been done already.
    """

    number: int
    data: bytes = field(repr=False)  # may have the key
    parts: deque[Any] = field(default_factory=deque[Any])
    result: Any = None
    error: Exception | None = None
    is_there: bool = False
    is_repeated: bool = False

    def value(self) -> Any:
        """The result. Raises the error that came in its place."""
        if self.error is not None:
            raise self.error
        return self.result


class Connection:
    """Speaks to one engine process after the other; all methods are for the main thread.

    on_start: called when a process is started, which tells all jobs anew. on_word: gets what the process says
    that is no answer to a call.
    """

    def __init__(
        self,
        start: Start,
        settings: Settings,
        log_level: str,
        finish_jobs: bool,
        on_start: Callable[[], None],
        on_word: Callable[[dict[str, Any]], None],
    ) -> None:
        self.start = start
        self._configuration = (settings, log_level, finish_jobs)
        self._on_start, self._on_word = on_start, on_word
        self._uses_spare = False
        self._process: EngineProcess | None = None
        self._has_spoken = False
        self._decoder = Decoder()
        self._number = 0
        self._open: Reply | None = None
        self._refusal: Exception | None = None  # why an engine could not begin
        self._replies: dict[int, Reply] = {}  # calls that are not answered, in their order
        self._starts: deque[float] = deque(maxlen=MOST_STARTS)  # time.monotonic()
        self.is_closed = False
        self._begin()

    def _begin(self) -> None:
        """Start an engine, and let it have all that the one before has not answered. Raises EngineDied."""
        now = time.monotonic()
        if len(self._starts) == MOST_STARTS and now - self._starts[0] < RESTART_SECONDS:
            raise EngineDied
        self._starts.append(now)
        settings, log_level, finish_jobs = self._configuration
        self._process = self._new_process()
        self._has_spoken = False
        self._decoder = Decoder()
        self._on_start()
        unanswered = [*self._replies.values()]
        self._open = self._message(
            "open",
            version=VERSION,
            owner=self.start.owner,
            store=str(self.start.store),
            patience=self.start.patience,
            settings=settings_to_data(settings),
            converter=[*self.start.converter],
            previews=self.start.previews,
            log=str(self.start.log),
            log_level=log_level,
            finish_jobs=finish_jobs,
            waits=waits(),
        )
        self._process.send(self._open.data)
        for reply in unanswered:
            reply.is_repeated = True
            self._process.send(reply.data)

    def _new_process(self) -> EngineProcess:
        """Start an engine, in the spare way where the usual one is not possible. Raises EngineDied."""
        try:
            return EngineProcess(self.start.spare if self._uses_spare else self.start.command)
        except OSError as error:
            if not self._use_spare():
                raise EngineDied.because(error) from error
        return self._new_process()

    def _use_spare(self) -> bool:
        """Start engines in the other way from now on; False where that is done already, or there is none.

        As where a virus scanner or a policy of Windows lets Blender run, and not the Python that it brings:
        that cannot be started, or ends without a word.
        """
        if not self.start.spare or self._uses_spare:
            return False
        LOGGER.warning("the engine process cannot be started as it should, and is started by Blender itself")
        self._uses_spare = True
        return True

    @property
    def pid(self) -> int:
        """The process id of the engine; 0 where none runs."""
        return self._process.pid if self._process is not None else 0

    def close(self, patience: float = 0.0) -> None:
        """Let the engine end; jobs go on with the next one. patience: seconds to wait until it has."""
        if self._process is not None and not self.is_closed:
            self._process.send(self._message("bye").data)
            self._process.close(patience)
        self.is_closed = True

    def configure(self, settings: Settings, log_level: str, finish_jobs: bool) -> None:
        """Use other settings from now on; what waited for a key, an address or the network is tried again."""
        configuration = (settings, log_level, finish_jobs)
        if configuration != self._configuration:
            self._configuration = configuration
            self.ask(
                "configure",
                settings=settings_to_data(settings),
                log_level=log_level,
                finish_jobs=finish_jobs,
            )

    # ------------------------------------------------------------------ calls

    def ask(self, verb: str, **arguments: Any) -> Reply:
        """Call for something, and do not wait; the answer is there when `Reply.is_there`.

        After `close` the answer is EngineDied: work in slices may outlive the engine that it was begun for.
        """
        reply = self._message(verb, **arguments)
        if self.is_closed:
            reply.error, reply.is_there = EngineDied(), True
            return reply
        self._replies[reply.number] = reply
        if self._process is not None:
            self._process.send(reply.data)
        return reply

    def _message(self, verb: str, **arguments: Any) -> Reply:
        self._number += 1
        return Reply(self._number, encoded({"call": self._number, "verb": verb, "arguments": arguments}))

    def call(self, verb: str, **arguments: Any) -> Any:
        """Call for something and wait for the answer. Raises what the engine did, and EngineDied."""
        return self.answer(self.ask(verb, **arguments))

    def answer(self, reply: Reply, patience: float = 0.0) -> Any:
        """Wait for the answer to a call, for `patience` seconds (0 = PATIENCE). Raises as `call`."""
        self.wait_until(lambda: reply.is_there, patience or PATIENCE)
        return reply.value()

    def wait_until(self, condition: Callable[[], bool], patience: float = PATIENCE) -> None:
        """Take in what comes until `condition` is so. Raises EngineDied after `patience` seconds."""
        end = time.monotonic() + patience
        while not condition():
            if self.is_closed or time.monotonic() > end:
                raise EngineDied
            try:
                self.pump()
            except LedgerError:
                if not condition():
                    raise
            if not condition() and self._process is not None:
                self._process.wait(0.02)

    def pump(self, seconds: float = 0.0) -> None:
        """Take in what has come, without waiting; for at most `seconds` (0 = all).

        Raises LedgerError where the engine could not begin; it is started again the next time.
        """
        if self.is_closed:
            return
        if self._process is None:
            self._begin()
        assert self._process is not None
        self._process.flush()
        end = time.monotonic() + seconds
        while data := self._process.receive():
            try:
                for message in self._decoder.feed(data):
                    self._receive(message)
            except ProtocolError:
                LOGGER.exception("engine")
                self._process.kill()
                self._lost()
                return
            if self._refusal is not None:
                self._refused(self._refusal)
            if seconds and time.monotonic() > end:
                return
        if data is None:
            self._lost()

    def _lost(self) -> None:
        """The engine has ended; the next one is started at once. Raises EngineDied."""
        assert self._process is not None
        self._process.close(END_SECONDS)
        self._process = None
        LOGGER.warning("the engine process has ended, and is started again")
        if not self._has_spoken:
            self._use_spare()
        self._begin()

    def _refused(self, error: Exception) -> None:
        """The engine has said why it cannot begin, and ends: so it is with all that it was asked for."""
        for reply in self._replies.values():
            reply.error, reply.is_there = error, True
        self._replies.clear()
        self._starts.clear()
        assert self._process is not None
        self._process.close(END_SECONDS)
        self._process = self._refusal = None
        raise error

    def _receive(self, message: dict[str, Any]) -> None:
        self._has_spoken = True
        self._on_word(message)
        if "call" in message:
            self._answered(message)

    def _answered(self, message: dict[str, Any]) -> None:
        number = message["call"]
        opening = self._open
        is_opening = opening is not None and number == opening.number
        reply = opening if is_opening else self._replies.get(number)
        if reply is None:
            return
        if "part" in message:
            reply.parts.append(message["part"])
            return
        self._replies.pop(number, None)
        reply.result = message.get("result")
        if "error" in message:
            reply.error = error_from_data(message["error"])
        if is_opening:
            self._refusal = reply.error
        reply.is_there = True

    def kill(self) -> None:
        """End an engine that does not answer; the next call starts another one."""
        if self._process is not None:
            self._process.kill()
            self._process = None

    def withdraw(self, reply: Reply) -> None:
        """Ask no further engine for what has not been answered."""
        self._replies.pop(reply.number, None)

    @property
    def settings(self) -> Settings:
        """With what the engine works now."""
        return self._configuration[0]


def waits() -> dict[str, Any]:
    """How long this process would wait for what, which the engine process does as well."""
    return {
        "back_off": limits.BACK_OFF._asdict(),
        "limits": {name: value for name, value in vars(limits).items() if _is_number(name, value)},
        "polling": {name: value for name, value in vars(polling).items() if _is_number(name, value)},
    }


def _is_number(name: str, value: object) -> bool:
    return name.isupper() and isinstance(value, int | float)
