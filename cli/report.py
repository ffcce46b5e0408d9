# SPDX-License-Identifier: GPL-3.0-or-later
"""What a command tells while it works: bars on a terminal, lines in a pipe, JSON for programs."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, TextIO

from ..core.durations import clock
from ..jobs import STATES, State
from .console import has_lost_its_reader, takes_escapes
from .exit_codes import OF_THE_INPUT
from .measures import Measured
from .table import table

DONE, READY, FAILED = (STATES[state].label for state in (State.DONE, State.READY, State.FAILED))
ALREADY_DONE = "Already Done"
ENDS = (DONE, ALREADY_DONE, READY, FAILED)
"""READY: it is here, and a window puts it into its scene."""

REDRAW_SECONDS = 0.1
TICK_SECONDS = 1.0
BAR = 24  # characters
GAP = "..."


@dataclass(frozen=True)
class Event:
    """How one item is doing.

    item: its output, as the user would write it. state: one of ENDS, or the label of a job's state. progress:
    0..1 of that state, None = unknown. job: the job's token, "" before there is one. outputs: the files that
    were written. message, fix, code: what went wrong, as `jobs.Problem` says it. source: the input file, or
    "". left: seconds until the flow will probably have ended, None = no telling. report: the figures of each
    output.
    """

    item: str
    state: str
    progress: float | None = None
    job: str = ""
    outputs: tuple[str, ...] = ()
    message: str = ""
    fix: str = ""
    code: str = ""
    source: str = ""
    left: float | None = None
    report: tuple[Measured, ...] = ()


_PLAIN = [field.name for field in fields(Event) if field.name != "report"]


class OutputLost(Exception):
    """What is told goes nowhere any more; `reason` is why, "" where only nobody reads it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def write(out: TextIO, text: str) -> None:
    """Write, so that it is there at once. Raises OutputLost."""
    try:
        out.write(text)
        out.flush()
    except OSError as error:
        raise OutputLost("" if has_lost_its_reader(error) else error.strerror or str(error)) from error
    except ValueError as error:  # it was closed
        raise OutputLost(str(error)) from error


class Report:
    """Counts what it is told; the subclasses show it."""

    def __init__(self, out: TextIO, total: int) -> None:
        self.out = out
        self.total = total
        self.counts: dict[str, int] = dict.fromkeys(ENDS, 0)
        self.rows: list[Measured] = []
        self.problems: set[str] = set()
        """The codes of what went wrong."""

    def tell(self, event: Event) -> None:
        """Take in that an item has come so far."""
        if event.state in ENDS:
            self.counts[event.state] += 1
        self.rows += event.report
        if event.state == FAILED:
            self.problems.add(event.code)
        self.show(event)

    def show(self, event: Event) -> None:
        """Show it."""
        raise NotImplementedError

    def say(self, text: str) -> None:
        """Show a sentence that is about no item in particular."""
        self._write(text)

    def tick(self) -> None:
        """Show how the time goes by."""

    @property
    def warnings(self) -> list[str]:
        """What is not as it should be of any item, in sentences."""
        return [warning for row in self.rows for warning in row.warnings]

    @property
    def done(self) -> int:
        """How many are done, whenever that was."""
        return sum(self.counts.values()) - self.counts[FAILED]

    def end(self, seconds: float, advice: str) -> None:
        """Show how it went altogether, and what to do now, if anything."""
        done, failed = self.done, self.counts[FAILED]
        left = self.total - done - failed
        for line in table(self.rows):
            self._write(line)
        for warning in self.warnings:
            self._write(warning)
        parts = [f"{done} of {self.total} done"]
        parts += [f"{self.counts[ALREADY_DONE]} of them before"] if self.counts[ALREADY_DONE] else []
        parts += [f"{failed} failed"] if failed else []
        parts += [f"{left} not finished"] if left else []
        self.say(f"{', '.join(parts)}, after {seconds:.0f} s.")
        if advice:
            self.say(advice)

    def _write(self, line: str) -> None:
        write(self.out, line + "\n")


class Lines(Report):
    """One line for each change of state."""

    def __init__(self, out: TextIO, total: int) -> None:
        super().__init__(out, total)
        self._states: dict[str, tuple[str, str]] = {}

    def show(self, event: Event) -> None:
        """Say it, unless only the progress is new."""
        if self._states.get(event.item) != (event.state, event.message):
            self._states[event.item] = (event.state, event.message)
            self._write(sentence(event))


class Json(Report):
    """One JSON object on each line: events of items, and a summary as the last one."""

    def show(self, event: Event) -> None:
        """Write it."""
        plain = {name: getattr(event, name) for name in _PLAIN}
        self._object("item", {**plain, "report": [measured.to_data() for measured in event.report]})

    def say(self, text: str) -> None:
        """Write a message."""
        self._object("message", {"message": text})

    def end(self, seconds: float, advice: str) -> None:
        """Write the summary."""
        failed = self.counts[FAILED]
        counts = {"total": self.total, "done": self.done, "already_done": self.counts[ALREADY_DONE]}
        counts |= {"failed": failed, "left": self.total - self.done - failed}
        self._object("summary", {**counts, "seconds": round(seconds, 1), "message": advice})

    def _object(self, kind: str, content: Mapping[str, Any]) -> None:
        self._write(json.dumps({"event": kind, "time": round(time.time(), 3), **content}))


class Quiet(Report):
    """Nothing but what went wrong, and what is not as it should be."""

    def show(self, event: Event) -> None:
        """Say what failed."""
        if event.state == FAILED:
            self._write(sentence(event))

    def end(self, seconds: float, advice: str) -> None:
        """Say what is to be seen to."""
        for line in (*self.warnings, advice):
            if line:
                self._write(line)


class Bars(Report):
    """A bar for each item under way, below what is over."""

    def __init__(self, out: TextIO, total: int) -> None:
        super().__init__(out, total)
        self._rows: dict[str, _Row] = {}
        self._drawn = 0
        self._last = 0.0

    def show(self, event: Event) -> None:
        """Draw it."""
        now = time.monotonic()
        if event.state in ENDS:
            self._rows.pop(event.item, None)
            self._erase()
            self._write(sentence(event))
            self._draw()
            return
        began = self._rows[event.item].began if event.item in self._rows else now
        self._rows[event.item] = _Row(event, began, now)
        if now - self._last >= REDRAW_SECONDS:
            self._erase()
            self._draw()

    def tick(self) -> None:
        """Let the clocks go on."""
        if self._drawn and time.monotonic() - self._last >= TICK_SECONDS:
            self._erase()
            self._draw()

    def say(self, text: str) -> None:
        """Write a line where the bars were."""
        self._erase()
        self._write(text)

    def end(self, seconds: float, advice: str) -> None:
        """Take the bars away first."""
        self._erase()
        super().end(seconds, advice)

    def _erase(self) -> None:
        if self._drawn:
            write(self.out, f"\x1b[{self._drawn}A\x1b[J")
            self._drawn = 0

    def _draw(self) -> None:
        self._last = time.monotonic()
        width, height = (side - 1 for side in shutil.get_terminal_size())
        over = sum(self.counts.values())
        rows = [row.line(width, self._last) for row in self._rows.values()]
        rows = rows[: max(0, height - 1)]  # what scrolls out of the terminal cannot be taken back
        rows.append(f"{bar(over / self.total if self.total else 1.0)} {over} of {self.total}"[:width])
        write(self.out, "\n".join(rows) + "\n")
        self._drawn = len(rows)


@dataclass(frozen=True)
class _Row:
    """An item under way: what was last told of it, when it began, and when that was told (monotonic)."""

    event: Event
    began: float
    told: float

    def line(self, width: int, now: float) -> str:
        """A line of at most `width` characters: the name makes way, the state stays."""
        event = self.event
        state = f"{event.state}{_percent(event)} {clock(now - self.began)}"
        if event.left is not None and (left := event.left - (now - self.told)) > 0.0:
            state += f", {clock(left)} left"
        start = bar(event.progress)
        name = shortened(event.item, width - len(start) - len(state) - 3)
        return f"{start} {name}: {state}{_reason(event)}"[:width]


def sentence(event: Event) -> str:
    """One line about an item."""
    subject = event.source if event.source and event.code in OF_THE_INPUT else event.item
    return f"{subject}: {event.state}{_percent(event)}{_reason(event)}"


def _percent(event: Event) -> str:
    return f" {event.progress:.0%}" if event.progress and event.state not in ENDS else ""


def _reason(event: Event) -> str:
    return f" ({event.message} {event.fix})".replace(" )", ")") if event.message else ""


def shortened(name: str, length: int) -> str:
    """The name in at most `length` characters, the middle of it left out where it has more."""
    if len(name) <= length:
        return name
    kept = max(0, length - len(GAP))
    return f"{name[: kept // 2]}{GAP}{name[len(name) - (kept - kept // 2) :]}"


def bar(fraction: float | None) -> str:
    """A bar of BAR characters."""
    full = round(BAR * min(1.0, max(0.0, fraction or 0.0)))
    return f"[{'#' * full}{'.' * (BAR - full)}]"


def report_for(out: TextIO, total: int, as_json: bool, quiet: bool = False) -> Report:
    """The report that suits what `out` is."""
    if as_json:
        return Json(out, total)
    if quiet:
        return Quiet(out, total)
    return (Bars if takes_escapes(out) else Lines)(out, total)
