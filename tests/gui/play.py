# SPDX-License-Identifier: GPL-3.0-or-later
"""Plays one act of a story inside a windowed Blender: `blender --python play.py -- STORY ACT OUT SANDBOX`.

OUT/STORY-ACT.json then says how it went: the error, the notes, and each step with its length and the longest
pause of Blender's main loop in it. The exit code is 0 when the act went as it is told.
"""

import importlib
import json
import os
import sys
import time
import traceback
from dataclasses import asdict, dataclass
from pathlib import Path

import bpy

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.gui import screen_reader  # noqa: E402
from tests.gui.driver import Driver, Failed, Steps, Story  # noqa: E402

PACKAGE = "generio_flows"
STARTS = {"_thread.start_new_thread", "_thread.start_joinable_thread"}
"""Audit events of Python that tell of threads."""

HEARTBEAT = 0.005  # seconds
BASELINE = 1.0
LONG = 1000.0


@dataclass
class Step:
    """What a person does or sees, and how the window felt meanwhile."""

    name: str
    seconds: float = 0.0
    longest_pause: float = 0.0  # seconds between two heartbeats


class Play:
    """One act, stepped from a timer, while another timer is the heartbeat of the main loop."""

    def __init__(self, name: str, acts: tuple[Story, ...], act: int, out: Path, sandbox: str) -> None:
        self.name = name
        self.acts = len(acts)
        self.out = out
        self.driver = Driver(out, sandbox, self.begin)
        self.steps: list[Step] = []
        sys.addaudithook(self.listen)
        self.rest = self.told(acts[act])

    def told(self, act: Story) -> Steps[None]:
        """The act between a beginning and an end that are the same for all."""
        self.begin("start")
        yield 0.5
        # What drawing alone takes on this machine, to compare the other steps with.
        self.begin("do nothing but redraw")
        end = time.monotonic() + BASELINE
        while time.monotonic() < end:
            self.driver.area.tag_redraw()
            yield HEARTBEAT
        yield from act(self.driver)
        if self.driver.cut:
            raise Failed("texts had no room:\n" + "\n".join(self.driver.cut))
        if self.driver.threads:
            raise Failed("the add-on has started threads:\n" + "\n".join(self.driver.threads))
        self.begin("quit")
        bpy.ops.wm.quit_blender()  # only asks for it
        yield LONG

    def listen(self, event: str, _details: tuple[object, ...]) -> None:
        """Blender has no place for threads of Python, so that what starts one in the add-on is noted."""
        if event in STARTS:
            frames = traceback.extract_stack()
            if any(f"/{PACKAGE}/" in frame.filename for frame in frames):
                self.driver.threads.append("".join(traceback.format_list(frames)))

    def begin(self, name: str) -> None:
        now = time.perf_counter()
        if self.steps:
            self.steps[-1].seconds = now - self.began
        self.began = self.last_beat = now
        self.steps.append(Step(name))
        print(f"[story] {name}", flush=True)  # noqa: T201 - so that the log shows what was going on
        self.write(None)  # already now, for the step may end by killing Blender

    def beat(self) -> float:
        if self.steps:
            now = time.perf_counter()
            self.steps[-1].longest_pause = max(self.steps[-1].longest_pause, now - self.last_beat)
            self.last_beat = now
        return HEARTBEAT

    def step(self) -> float:
        try:
            return next(self.rest)
        except Exception:
            self.write(traceback.format_exc())
            screen_reader.start_picture(self.out / f"{self.name}-failed.png").wait()
            sys.stdout.flush()
            os._exit(1)

    def write(self, error: str | None) -> None:
        report = {
            "blender": bpy.app.version_string,
            "acts": self.acts,
            "error": error,
            "notes": self.driver.notes,
            "expected": self.driver.expected,
            "steps": [asdict(step) for step in self.steps],
        }
        (self.out / f"{self.name}.json").write_text(json.dumps(report, indent=1))


def main() -> None:
    story, act, out, sandbox = sys.argv[sys.argv.index("--") + 1 :]
    acts = importlib.import_module(f"tests.gui.stories.{story}").ACTS
    play = Play(f"{story}-{int(act) + 1}", acts, int(act), Path(out), sandbox)
    beat, step = play.beat, play.step  # one object each: a bound method is a new one at each look
    bpy.app.timers.register(beat, persistent=True)
    bpy.app.timers.register(step, persistent=True)


main()
