# SPDX-License-Identifier: GPL-3.0-or-later
"""What a command shows while it works: bars on a terminal, lines in a pipe, and JSON for programs."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, TextIO

from ..core.durations import clock
from ..jobs import STATES, State
from .console import is_broken_pipe, takes_escapes
from .exit_codes import INPUT_PROBLEMS
from .measures import Measurement
from .table import table

DONE, READY, FAILED = (STATES[state].label for state in (State.DONE, State.READY, State.FAILED))
ALREADY_DONE = "Already Done"
FINAL_STATES = (DONE, ALREADY_DONE, READY, FAILED)
"""The states in which an item is finished. READY: the result is here, and a window places it."""

REDRAW_SECONDS = 0.1
TICK_SECONDS = 1.0
BAR = 24  # characters
GAP = "..."


@dataclass(frozen=True)
class Event:
    """A change of one item. Its fields are the keys of the JSON objects that programs read.

    item: the output, as the user would write it. state: one of FINAL_STATES, or the label of a job's state.
    progress: 0..1 within that state, None = unknown. job: the job's token, "" before there is a job. outputs:
    the files that were written. message, fix, code: what went wrong, see `jobs.Problem`. source: the input
    file, or "". left: the estimated seconds until the flow ends, None = unknown. report: the figures of each
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
    report: tuple[Measurement, ...] = ()


_JSON_FIELDS = [field.name for field in fields(Event) if field.name != "report"]


class OutputLost(Exception):
    """Standard output cannot be written to any more; `reason` is why, "" if its reader has closed it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


_STEERING = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")
"""Characters that a terminal does not show, but obeys."""


def write(out: TextIO, text: str, steers: bool = False) -> None:
    """Write and flush. Raises OutputLost.

    steers: whether control characters are meant; those in the name of a file never are, and a terminal does
    not get them.
    """
    try:
        out.write(text if steers or not out.isatty() else _STEERING.sub("?", text))
        out.flush()
    except OSError as error:
        raise OutputLost("" if is_broken_pipe(error) else error.strerror or str(error)) from error
    except ValueError as error:  # it was closed
        raise OutputLost(str(error)) from error


class Report:
    """Counts the events of all items; the subclasses show them."""

    def __init__(self, out: TextIO, total: int) -> None:
        self.out = out
        self.total = total
        self.counts: dict[str, int] = dict.fromkeys(FINAL_STATES, 0)
        self.rows: list[Measurement] = []
        self.problems: set[str] = set()
        """The codes of what went wrong."""

    def record(self, event: Event) -> None:
        """Count an event and show it."""
        if event.state in FINAL_STATES:
            self.counts[event.state] += 1
        self.rows += event.report
        if event.state == FAILED:
            self.problems.add(event.code)
        self.show(event)

    def show(self, event: Event) -> None:
        """Show an event."""
        raise NotImplementedError

    def show_message(self, text: str) -> None:
        """Show a sentence that is not about one item."""
        self._write(text)

    def tick(self) -> None:
        """Update the times that are shown."""

    @property
    def warnings(self) -> list[str]:
        """Sentences about results that are not as they should be."""
        return [warning for row in self.rows for warning in row.warnings]

    @property
    def done(self) -> int:
        """How many items are done, in this run or before."""
        return sum(self.counts.values()) - self.counts[FAILED]

    def end(self, seconds: float, advice: str) -> None:
        """Show the summary, and `advice` about what to do next, if any."""
        done, failed = self.done, self.counts[FAILED]
        unfinished = self.total - done - failed
        for line in table(self.rows):
            self._write(line)
        for warning in self.warnings:
            self._write(warning)
        parts = [f"{done} of {self.total} done"]
        parts += [f"{self.counts[ALREADY_DONE]} of them before"] if self.counts[ALREADY_DONE] else []
        parts += [f"{failed} failed"] if failed else []
        parts += [f"{unfinished} not finished"] if unfinished else []
        self.show_message(f"{', '.join(parts)}, after {seconds:.0f} s.")
        if advice:
            self.show_message(advice)

    def _write(self, line: str) -> None:
        write(self.out, line + "\n")


class Lines(Report):
    """One line for each change of state."""

    def __init__(self, out: TextIO, total: int) -> None:
        super().__init__(out, total)
        self._states: dict[str, tuple[str, str]] = {}

    def show(self, event: Event) -> None:
        """Write a line, unless only the progress has changed."""
        if self._states.get(event.item) != (event.state, event.message):
            self._states[event.item] = (event.state, event.message)
            self._write(sentence(event))


class Json(Report):
    """One JSON object on each line: events of items, and a summary as the last one."""

    def show(self, event: Event) -> None:
        """Write an object for an event."""
        plain = {name: getattr(event, name) for name in _JSON_FIELDS}
        self._write_object("item", {**plain, "report": [measured.to_data() for measured in event.report]})

    def show_message(self, text: str) -> None:
        """Write a message."""
        self._write_object("message", {"message": text})

    def end(self, seconds: float, advice: str) -> None:
        """Write the summary."""
        failed = self.counts[FAILED]
        counts = {"total": self.total, "done": self.done, "already_done": self.counts[ALREADY_DONE]}
        counts |= {"failed": failed, "left": self.total - self.done - failed}
        self._write_object("summary", {**counts, "seconds": round(seconds, 1), "message": advice})

    def _write_object(self, kind: str, content: Mapping[str, Any]) -> None:
        self._write(json.dumps({"event": kind, "time": round(time.time(), 3), **content}))


class Quiet(Report):
    """Shows only failures and warnings."""

    def show(self, event: Event) -> None:
        """Write a line if the item has failed."""
        if event.state == FAILED:
            self._write(sentence(event))

    def end(self, seconds: float, advice: str) -> None:
        """Write the warnings and the advice."""
        for line in (*self.warnings, advice):
            if line:
                self._write(line)


class Bars(Report):
    """A bar for each item under way, below the lines of those that are finished."""

    def __init__(self, out: TextIO, total: int) -> None:
        super().__init__(out, total)
        self._rows: dict[str, _Row] = {}
        self._drawn = 0
        self._last = 0.0

    def show(self, event: Event) -> None:
        """Draw the bars anew, with this event."""
        now = time.monotonic()
        if event.state in FINAL_STATES:
            self._rows.pop(event.item, None)
            self._erase()
            self._write(sentence(event))
            self._draw()
            return
        began = self._rows[event.item].started_at if event.item in self._rows else now
        self._rows[event.item] = _Row(event, began, now)
        if now - self._last >= REDRAW_SECONDS:
            self._erase()
            self._draw()

    def tick(self) -> None:
        """Draw the bars anew if their times are out of date."""
        if self._drawn and time.monotonic() - self._last >= TICK_SECONDS:
            self._erase()
            self._draw()

    def show_message(self, text: str) -> None:
        """Write a line where the bars were."""
        self._erase()
        self._write(text)

    def end(self, seconds: float, advice: str) -> None:
        """Erase the bars, and show the summary."""
        self._erase()
        super().end(seconds, advice)

    def _erase(self) -> None:
        if self._drawn:
            write(self.out, f"\x1b[{self._drawn}A\x1b[J", steers=True)
            self._drawn = 0

    def _draw(self) -> None:
        self._last = time.monotonic()
        width, height = (side - 1 for side in shutil.get_terminal_size())
        over = sum(self.counts.values())
        rows = [row.line(width, self._last) for row in self._rows.values()]
        rows = rows[: max(0, height - 1)]  # Lines that have scrolled out of the terminal cannot be erased.
        rows.append(f"{bar(over / self.total if self.total else 1.0)} {over} of {self.total}"[:width])
        write(self.out, "\n".join(rows) + "\n")
        self._drawn = len(rows)


@dataclass(frozen=True)
class _Row:
    """An item under way: its last event, when it started, and when that event came (monotonic seconds)."""

    event: Event
    started_at: float
    reported_at: float

    def line(self, width: int, now: float) -> str:
        """Return a line of at most `width` characters; the name is shortened, the state is not."""
        event = self.event
        state = f"{event.state}{_percent(event)} {clock(now - self.started_at)}"
        if event.left is not None and (left := event.left - (now - self.reported_at)) > 0.0:
            state += f", {clock(left)} left"
        start = bar(event.progress)
        name = shortened(event.item, width - len(start) - len(state) - 3)
        return f"{start} {name}: {state}{_reason(event)}"[:width]


def sentence(event: Event) -> str:
    """Return one line about an item."""
    subject = event.source if event.source and event.code in INPUT_PROBLEMS else event.item
    return f"{subject}: {event.state}{_percent(event)}{_reason(event)}"


def _percent(event: Event) -> str:
    return f" {event.progress:.0%}" if event.progress and event.state not in FINAL_STATES else ""


def _reason(event: Event) -> str:
    return f" ({event.message} {event.fix})".replace(" )", ")") if event.message else ""


def shortened(name: str, length: int) -> str:
    """Return the name in at most `length` characters; a longer name loses its middle."""
    if len(name) <= length:
        return name
    shown = max(0, length - len(GAP))
    return f"{name[: shown // 2]}{GAP}{name[len(name) - (shown - shown // 2) :]}"


def bar(fraction: float | None) -> str:
    """Return a bar of BAR characters that is filled to `fraction`."""
    full = round(BAR * min(1.0, max(0.0, fraction or 0.0)))
    return f"[{'#' * full}{'.' * (BAR - full)}]"


def report_for(out: TextIO, total: int, as_json: bool, quiet: bool = False) -> Report:
    """Return a report in the format that was asked for, or that suits the stream `out`."""
    if as_json:
        return Json(out, total)
    if quiet:
        return Quiet(out, total)
    return (Bars if takes_escapes(out) else Lines)(out, total)
