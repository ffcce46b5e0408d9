"""One Blender without Blender: the engine, a scene, and somebody who wants models; it may be killed.

`python -m tests.faults.worker plan.json` prints "up" when it works, does all that the plan asks for, and
ends. What is real: the engine, the ledger, the HTTP, the files. What is not: making a file to send and
converting a result are copies (in two halves, so that a crash can come in between), and the scene is a file
of its own kind.
"""

import json
import os
import random
import sys
import time
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from generio_flows.core.destination import NewModel
from generio_flows.engine.client import EngineClient
from generio_flows.engine.connection import Start
from generio_flows.engine.process import python_command
from generio_flows.jobs import Job, NoConverter, Settings, Step, limits
from generio_flows.jobs.engine import Engine
from generio_flows.jobs.errors import MAYBE_RUNNING
from generio_flows.jobs.process_id import new_owner

from .death import Death, Naps, WatchedStore
from .impatience import hurry
from .scene import Scene
from .work import SNAPSHOTS
from .work import job as job_of

FAKE_CONVERTER = Path(__file__).parents[1] / "fake_converter.py"

LONGEST = 90.0
"""Seconds without any news after which the worker gives up, and says what is not done."""


ASKING = (MAYBE_RUNNING, NoConverter.code)
"""What a job waits for that has to be told by the user, or done by a window."""


ENDLESS = 100_000
"""More jobs than anybody gets done."""

ANY = "any"
"""The name of a file that everybody has open."""


class NeverDone(Exception):
    """Jobs that are neither over nor getting anywhere."""


@dataclass(frozen=True)
class Plan:
    """What a worker is to do.

    folder: of the ledger, the results, and the scenes. user: see `work.samples`. scene: the name of the file
    that is open. belongs_to: of the one in which the results belong, "" = that one. first, count: the numbers
    of the jobs to have done; those that are in the ledger are not asked for again. at_once: how many may be
    unfinished. lease: seconds until the jobs of a process are free that gives no sign of life. moment, nth:
    see `Death`. naps: how often to fall asleep, see `Naps`. busy: see `WatchedStore`.
    delete_flows: see `Settings`. deadline: seconds after which it gives up, whatever is new (0 = never).
    own_process: whether the engine is a process of its own, as in Blender, with converters that copy.
    """

    folder: str
    user: str
    scene: str
    url: str
    key: str
    seed: int
    first: int = 0
    count: int = 0
    belongs_to: str = ""
    at_once: int = 6
    lease: float = 30.0
    moment: str = ""
    nth: int = 1
    naps: int = 0
    busy: float = 0.0
    delete_flows: bool = False
    deadline: float = 0.0
    own_process: bool = False

    def write(self, path: Path) -> Path:
        """Write the plan for a worker to read."""
        path.write_text(json.dumps(asdict(self)))
        return path


@dataclass
class Worker:
    """Carries out a plan, in ticks as Blender's timer does."""

    plan: Plan
    death: Death = field(init=False)

    def __post_init__(self) -> None:
        self._dice = random.Random(self.plan.seed)
        folder = Path(self.plan.folder)
        self.death = Death(self.plan.moment, self.plan.nth)
        if self.plan.naps:
            self.death = Naps(self._dice, self.plan.naps)
        if self.plan.moment or self.plan.naps:
            self.death.watch_calls()
            WatchedStore.death = self.death
        WatchedStore.busy, WatchedStore.dice = self.plan.busy, self._dice
        self._settings = Settings(
            folder / "results", self.plan.url, self.plan.key, delete_flows=self.plan.delete_flows
        )
        self.engine = self._client(folder) if self.plan.own_process else self._engine(folder)
        self._document = uuid.uuid4().hex
        self.scene = Scene(folder / f"{self.plan.scene}.json")
        self._wanted: deque[int] = deque()
        self.want(self.plan.first, self.plan.count)
        self._asked_for = folder / "asked-for.txt"
        self._open = {job.token for job in self.engine.jobs() if not self._over(job)}

    def _engine(self, folder: Path) -> Engine:
        return Engine(
            # Whoever falls asleep within a transaction holds it until it wakes.
            WatchedStore(folder / "jobs.sqlite", patience=LONGEST),
            self._settings,
            self._copy("make input"),
            self._convert,
        )

    def _client(self, folder: Path) -> EngineClient:
        start = Start(
            owner=new_owner(),
            command=(*python_command(sys.executable, ""), "--engine"),
            store=folder / "jobs.sqlite",
            patience=LONGEST,
            converter=(sys.executable, str(FAKE_CONVERTER)),
            previews=False,
            log=folder,
        )
        return EngineClient(start, self._settings, "CRITICAL", finish_jobs=False)

    def want(self, first: int, count: int) -> None:
        """Ask for the jobs of these numbers as soon as others are over."""
        known = {job.token for job in self.engine.jobs()}
        if isinstance(self.engine, EngineClient):  # which knows of jobs that ended long ago only when asked
            known |= {job.token for job in self.engine.find("", time.time(), ENDLESS)}
        self._wanted.extend(number for number in range(first, first + count) if f"{number:032x}" not in known)

    def run(self) -> None:
        """Do everything, save, and end; raises NeverDone."""
        self.carry()
        self._save_scene()
        self.engine.close()

    def carry(self) -> None:
        """Tick until everything is done; raises NeverDone where nothing happens any more before that."""
        began = news_at = time.monotonic()
        while self._open or self._wanted:
            if self.tick():
                news_at = time.monotonic()
            late = 0.0 < self.plan.deadline < time.monotonic() - began
            if late or time.monotonic() - news_at > LONGEST:
                self.engine.close()
                jobs = [self.engine.job(token) for token in self._open]
                raise NeverDone(
                    "; ".join(
                        f"{job.request.name} is {job.status.step}, {job.status.problem}"
                        for job in jobs
                        if job
                    )
                )
            time.sleep(0.005)

    def tick(self) -> bool:
        """Take the news and act on them; whether there were any."""
        events = self._events()
        self._open.update(job.token for job in events)
        for token in list(self._open):
            job = self.engine.job(token)
            assert job is not None, f"job {token} is gone"
            if job.status.step is Step.READY and self._belongs_here(job):
                self._welcome(job)
            elif self._over(job):
                self._open.discard(token)
        while self._wanted and len(self._open) < self.plan.at_once:
            self._ask_for(self._wanted.popleft())
        return bool(events)

    def _events(self) -> list[Job]:
        if isinstance(self.engine, EngineClient):
            self.engine.pump()
            return self.engine.events()
        events: list[Job] = []
        while not self.engine.events.empty():
            events.append(self.engine.events.get())
        return events

    def _over(self, job: Job) -> bool:
        """Whether nothing more happens to a job without the user, who is not here."""
        asks = job.status.waiting and job.status.problem is not None and job.status.problem.code in ASKING
        lost = (
            job.unsaved
            and job.request.destination.file == self.plan.scene
            and job.placement.placed_in != self._document
        )
        elsewhere = job.status.step is Step.READY and not self._belongs_here(job)
        return (
            (job.status.step in (Step.PLACED, Step.FAILED, Step.CANCELLED) and not lost) or asks or elsewhere
        )

    def _belongs_here(self, job: Job) -> bool:
        return job.request.destination.file in (self.plan.scene, ANY)

    def _ask_for(self, number: int) -> None:
        job = job_of(number, self.plan.url, Path(self.plan.user), self._settings.folder)
        job = self.engine.submit(
            job.changed(destination=NewModel(file=self.plan.belongs_to or self.plan.scene))
        )
        with self._asked_for.open("a") as file:  # from here on the user counts on it
            file.write(job.token + "\n")
        self._open.add(job.token)

    def _welcome(self, job: Job) -> None:
        """As `placing.welcome`: place a result, unless it stands in the scene already."""
        if job.placement.placed_in and job.token in self.scene.placed:
            self.engine.mark_found(
                job.token, "" if job.placement.placed_in != self._document else self._document
            )
            self._open.discard(job.token)  # the engine's answer is news
        elif self.engine.mark_placed(job.token, self._document):  # the ledger knows before the scene has it
            self.death.here("placed")
            self.scene.placed.append(job.token)
            if self._dice.random() < 0.5:
                self._save_scene()

    def _save_scene(self) -> None:
        self.scene.save()
        self.death.here("scene saved")
        self.engine.saved(self._document, self.scene.placed)

    def _convert(self, source: Path, target: Path, cancelled: Callable[[], bool]) -> None:
        """As the converter does: with the model, the snapshot that it was made from has done its work."""
        self._copy("convert")(source, target, cancelled)
        for snapshot in source.parent.glob(SNAPSHOTS):
            snapshot.unlink()

    def _copy(self, what: str) -> Callable[[Path, Path, Callable[[], bool]], None]:
        def copy(source: Path, target: Path, _cancelled: Callable[[], bool]) -> None:
            content = source.read_bytes()
            part = target.with_name(target.name + ".part")
            with part.open("wb") as file:
                file.write(content[: len(content) // 2])
                file.flush()
                self.death.here(what)
                file.write(content[len(content) // 2 :])
            part.replace(target)

        return copy


def main() -> None:
    """Carry out the plan that is named on the command line."""
    hurry()
    plan = Plan(**json.loads(Path(sys.argv[1]).read_text()))
    limits.LEASE_SECONDS = plan.lease
    worker = Worker(plan)
    sys.stdout.write("up\n")
    sys.stdout.flush()
    worker.run()
    if isinstance(worker.death, Naps):
        sys.stdout.write(f"{worker.death.taken}\n")
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
