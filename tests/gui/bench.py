# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures inside a Blender: `blender --python bench.py -- TASK OUT [ARGUMENTS]`, or the same with Python.

TASK is a function of bench_tasks.py, bench_many.py, bench_crowd.py or bench_bakes.py. OUT is then JSON:
{"blender": version, "error": text or null, "times": {name: [seconds, …]},
"pauses": {name: longest pause of the main loop, seconds}, "notes": […]}.
In a window the task is stepped from a timer while another timer is the heartbeat of the main loop; without
one it just runs, and there are no pauses.
"""

import json
import os
import sys
import time
import traceback
from collections import defaultdict
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import bpy

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).parents[2]))

T = TypeVar("T")
Task = Generator[float, None, None]

HEARTBEAT = 0.005  # seconds
SETTLED = 0.6  # seconds, after which Blender has drawn what there is to draw


class Watch:
    """Times calls on the main thread, and the pauses of the main loop around them."""

    def __init__(self) -> None:
        self.times: dict[str, list[float]] = defaultdict(list)
        self.pauses: dict[str, float] = defaultdict(float)
        self.notes: list[str] = []
        self._phase = ""
        self._last_beat = time.perf_counter()

    def time(self, name: str, call: Callable[[], T]) -> T:
        """Call it, note how long that took, and return what it did."""
        started = time.perf_counter()
        result = call()
        self.times[name].append(time.perf_counter() - started)
        return result

    def stall(self, name: str, call: Callable[[], T]) -> Generator[float, None, T]:
        """The same, and wait until the window is at rest again; its longest pause meanwhile is noted, too."""
        os.sync()  # else a call that writes waits for the disk to take what those before it wrote
        self._phase, self._last_beat = name, time.perf_counter()
        result = self.time(name, call)
        if not bpy.app.background:
            yield SETTLED
        self._phase = ""
        return result

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Meanwhile the longest pause of the main loop is noted."""
        self._phase, self._last_beat = name, time.perf_counter()
        yield
        self._phase = ""

    def forget(self) -> None:
        """Begin anew: what was timed so far was only to warm up."""
        self.times.clear()
        self.pauses.clear()

    def beat(self) -> float:
        """Between two calls of this the main loop stood still, or nearly so."""
        now = time.perf_counter()
        if self._phase:
            self.pauses[self._phase] = max(self.pauses[self._phase], now - self._last_beat)
        self._last_beat = now
        return HEARTBEAT

    def write(self, path: Path, error: str | None) -> None:
        """Say how it went."""
        told = {
            "blender": bpy.app.version_string,
            "error": error,
            "times": self.times,
            "pauses": self.pauses,
            "notes": self.notes,
        }
        path.write_text(json.dumps(told), encoding="utf-8")


def main() -> None:
    from tests.gui import bench_bakes, bench_crowd, bench_many, bench_tasks

    name, out, *arguments = sys.argv[sys.argv.index("--") + 1 :]
    watch = Watch()
    rooms = (bench_tasks, bench_many, bench_crowd, bench_bakes)
    task: Task = next(getattr(room, name) for room in rooms if hasattr(room, name))(watch, *arguments)

    def step() -> float:
        try:
            return next(task)
        except StopIteration:
            watch.write(Path(out), None)
        except Exception:
            watch.write(Path(out), traceback.format_exc())
        sys.stdout.flush()
        os._exit(0)  # what is in the scene is of no interest, and freeing it takes time

    if bpy.app.background:
        while True:
            time.sleep(step())
    beat = watch.beat  # one object: a bound method is a new one at each look
    bpy.app.timers.register(beat, persistent=True)
    bpy.app.timers.register(step, persistent=True, first_interval=SETTLED)


main()
