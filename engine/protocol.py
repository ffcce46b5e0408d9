# SPDX-License-Identifier: GPL-3.0-or-later
"""What Blender and the engine process say to each other: JSON objects, each with its length before it.

Blender puts *calls*: {"call": number, "verb": name, "arguments": {…}}. The engine answers each of them, in
this order, with {"call": number, "result": …} or {"call": number, "error": {…}}; a call that takes a while
may have parts of its result told before: {"call": number, "part": …}. Whatever has changed by then is told
before the answer: {"jobs": […], "removed": […]} and {"status": {…}}.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..core.destination import DatablockRef
from ..core.errors import FlowsError, Remedy
from ..core.messages import Message
from ..jobs.model import Job
from ..jobs.problem import Problem
from ..jobs.settings import Settings
from ..jobs.store_errors import AlreadyThere, LedgerBusy, LedgerError

VERSION = 1
"""Of what is said here. Both sides are of the same files, unless these were updated in between."""

LARGEST = 64 << 20
"""Bytes of one object; what claims to be larger is no object of ours."""

_LENGTH = struct.Struct(">I")


class ProtocolError(Exception):
    """The other side says what nobody here would say."""


def encoded(message: dict[str, Any]) -> bytes:
    """An object as it is sent."""
    content = json.dumps(message, separators=(",", ":")).encode("ascii")
    return _LENGTH.pack(len(content)) + content


class Decoder:
    """Puts objects together from bytes as they come."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[dict[str, Any]]:
        """The objects that are whole with `data`; those that are not taken come with the next bytes.

        Raises ProtocolError.
        """
        self._buffer += data
        while (message := self._next()) is not None:
            yield message

    def _next(self) -> dict[str, Any] | None:
        if len(self._buffer) < _LENGTH.size:
            return None
        (length,) = _LENGTH.unpack_from(self._buffer)
        if length > LARGEST:
            raise ProtocolError(f"an object of {length} bytes")
        end = _LENGTH.size + length
        if len(self._buffer) < end:
            return None
        try:
            message = json.loads(self._buffer[_LENGTH.size : end])
        except ValueError as error:
            raise ProtocolError(str(error)) from error
        del self._buffer[:end]
        if not isinstance(message, dict):
            raise ProtocolError("no object")
        return message


# ---------------------------------------------------------------------- values


def settings_to_data(settings: Settings) -> dict[str, Any]:
    """Settings as JSON has them, with the key: the pipe is the only way it goes."""
    return {**asdict(settings), "folder": str(settings.folder)}


def settings_from_data(data: dict[str, Any]) -> Settings:
    """The settings that `settings_to_data` gave."""
    return Settings(**{**data, "folder": Path(data["folder"])})


def problem_to_data(problem: Problem | None) -> dict[str, Any] | None:
    """A problem, or none, as JSON has it."""
    return problem.to_data() if problem is not None else None


def problem_from_data(data: dict[str, Any] | None) -> Problem | None:
    """The problem that `problem_to_data` gave."""
    return Problem.from_data(data) if data is not None else None


def job_to_data(job: Job) -> dict[str, Any]:
    """A job as JSON has it."""
    return job.to_fields()


def job_from_data(data: dict[str, Any]) -> Job:
    """The job that `job_to_data` gave."""
    return Job.from_fields(data)


def changes_to_data(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Changed fields of a destination as JSON has them."""
    return {name: _field_to_data(value) for name, value in changes.items()}


def changes_from_data(data: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that `changes_to_data` gave."""
    return {name: _field_from_data(value) for name, value in data.items()}


def _field_to_data(value: Any) -> Any:
    if isinstance(value, DatablockRef):
        return vars(value)
    return [_field_to_data(part) for part in value] if isinstance(value, tuple) else value


def _field_from_data(value: Any) -> Any:
    if isinstance(value, dict):
        return DatablockRef(**value)
    return tuple(_field_from_data(part) for part in value) if isinstance(value, list) else value


_LEDGER_ERRORS = {kind.__name__: kind for kind in (LedgerError, LedgerBusy, AlreadyThere)}


class EngineDefect(FlowsError):
    """A call went wrong in the engine, for a reason that nobody thought of."""

    remedy: Remedy = "report"
    fix = Message("Please report this error.")


def error_to_data(error: Exception) -> dict[str, Any]:
    """An error as JSON has it."""
    if isinstance(error, LedgerError):
        return {"kind": type(error).__name__, "problem": error.problem.to_data()}
    if isinstance(error, FlowsError):
        return {"kind": "FlowsError", "problem": Problem.of(error).to_data()}
    if isinstance(error, OSError):
        return {"kind": "OSError", "number": error.errno, "text": error.strerror or str(error)}
    return {"kind": type(error).__name__, "text": str(error)}


def error_from_data(data: dict[str, Any]) -> Exception:
    """The error that `error_to_data` gave: of the job list's own kinds, ValueError, or a FlowsError."""
    kind = _LEDGER_ERRORS.get(data["kind"])
    if "problem" in data:
        problem = Problem.from_data(data["problem"])
        if kind is not None:
            return kind(problem.message, problem.fix, problem.remedy)
        return FlowsError(problem.message, problem.fix, problem.remedy)
    if data["kind"] == "OSError":
        return OSError(data["number"], data["text"])
    if data["kind"] in ("ValueError", "MemoryError"):
        return {"ValueError": ValueError, "MemoryError": MemoryError}[data["kind"]](data["text"])
    what = Message(
        "Internal error in the process that runs the jobs: {kind}: {text}",
        kind=data["kind"],
        text=data["text"],
    )
    return EngineDefect(what)
