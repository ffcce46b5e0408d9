"""What gateways, proxies and replicas do to several jobs at once, between them and a second service.

Each scenario has an engine, a key and an account of its own at the independent service, with the manners and
tricks that its number gives it. Times are scaled down (see `impatience.SCALE`): what lasts 60 s for a user
lasts 3 s here. Some processes play all scenarios, many at once, each with a service of its own.
"""

import json
import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from generio_flows.jobs import Job
from generio_flows.jobs.store import JobStore

from .impatience import SCALE, hurry
from .independent import Manners, Service, digest, running
from .service import ROOT
from .table import Report
from .tricks import BROKEN, SHAPES, Trick
from .verdict import judge
from .work import samples
from .worker import NeverDone, Plan, Worker

SCENARIOS = 1000
JOBS = 3
"""For each scenario: the answer to one may come to another."""

PROCESSES = 2
AT_ONCE = 12
PATIENCE = 1500.0
"""Seconds for all scenarios together; never a measure of speed."""

DEADLINE = 60.0
"""Seconds after which a job is not done; the longest trouble is over after 6."""

CALLS = ("create", "poll", "patch", "input", "outputs", "download")
"""What every job asks for; the others are looked at where an answer was lost, or at the end."""

ALL_CALLS = (*CALLS, "inputs", "list", "delete", "templates")

LOOKED_FOR = {
    "list": Trick("reset after", ("create",), after=1, times=1),
    "inputs": Trick("reset after", ("input",), times=1),
}
"""What has to be lost for a call to be made at all."""

GATEWAYS = (400, 401, 403, 404, 405, 408, 409, 410, 422, 423, 425, 429, 500, 502, 503, 504)
NOT_YET = (400, 409, 422, 423, 425)
KINDS = (
    "interim",
    "replica",
    "gateway",
    "broken",
    "unusual",
    "lost",
    "mixed up",
    "processing",
    "lagging 404",
)


@dataclass(frozen=True)
class Scenario:
    """What the service of one engine is like, and what lies between them."""

    number: int
    kind: str
    manners: Manners
    tricks: Sequence[Trick]
    delete_flows: bool = False

    @property
    def key(self) -> str:
        """The key with which the engine of this scenario comes."""
        return f"key-{self.number}"

    def __str__(self) -> str:
        plain = {
            name: value for name, value in asdict(self.manners).items() if value != getattr(Manners, name)
        }
        tricks = [
            {name: value for name, value in asdict(trick).items() if value != getattr(Trick, name, None)}
            for trick in self.tricks
        ]
        return f"#{self.number} ({self.kind}, {json.dumps(plain)}, {json.dumps(tricks)})"


def scenarios(seed: int, count: int) -> list[Scenario]:
    """Make up so many scenarios; the same ones for the same seed."""
    return [_scenario(random.Random(f"{seed}/{number}"), number) for number in range(count)]


def _scenario(dice: random.Random, number: int) -> Scenario:
    kind = KINDS[number % len(KINDS)]
    manners = Manners(run_seconds=dice.uniform(2.0, 20.0) * SCALE, raw=dice.random() < 0.5)
    tricks = _tricks(dice, kind)
    match kind:
        case "replica":
            manners = replace(manners, lag=dice.uniform(1.0, 10.0) * SCALE)
        case "processing":
            seconds = dice.uniform(1.0, 20.0) * SCALE
            manners = replace(manners, processing=seconds, refusal=dice.choice(NOT_YET))
    for _ in range(dice.choice((0, 0, 1, 1, 2, 3))):
        tricks += _tricks(dice, dice.choice(KINDS))
    if dice.random() < 0.2:
        manners = replace(manners, lag=dice.uniform(1.0, 10.0) * SCALE)
    if dice.random() < 0.15:
        manners = replace(manners, one_shot=True)
    asked = {call for trick in tricks for call in trick.calls}
    tricks = [lost for call, lost in LOOKED_FOR.items() if call in asked] + tricks
    return Scenario(number, kind, manners, tricks, dice.random() < 0.2 or "delete" in asked)


def _tricks(dice: random.Random, kind: str) -> list[Trick]:
    calls = () if dice.random() < 0.2 else (dice.choice(ALL_CALLS if dice.random() < 0.3 else CALLS),)
    pause = dice.choice((0.0, 0.5, 5.0, 80.0)) * SCALE  # the last is beyond the client's time-out
    seconds = dice.uniform(1.0, 60.0) * SCALE
    some = {"calls": calls, "chance": dice.choice((0.2, 0.4)), "seconds": seconds}
    few = {"calls": calls, "after": dice.randrange(3), "times": dice.randint(1, 4)}
    match kind:
        case "interim":
            return [Trick("interim", **some, status=dice.choice((102, 103, 199)), pause=pause)]
        case "gateway":
            status = dice.choice(GATEWAYS)
            pages = ("html", "own") if status in (401, 403) else ("html", "json", "text", "empty", "own")
            page = dice.choice(pages)
            act = "answer instead" if status >= 500 and dice.random() < 0.5 else "refuse"
            return [Trick(act, calls, dice.randrange(4), seconds=seconds, status=status, page=page)]
        case "broken":
            return [Trick(dice.choice(tuple(BROKEN)), **few)]
        case "unusual":
            act = dice.choice((*SHAPES, "until close", "slow"))
            return [Trick(act, calls, pause=dice.choice((0.5, 5.0)) * SCALE)]
        case "lost":
            act = dice.choice(("reset", "reset after", "stall", "slow"))
            return [Trick(act, **few, pause=dice.choice((10.0, 80.0)) * SCALE)]
        case "mixed up":
            if dice.random() < 0.3:
                act = dice.choice(("twice", "late 408"))
                return [Trick(act, **some, pause=dice.choice((0.1, 1.0)) * SCALE)]
            return [Trick("other flow", (dice.choice(("create", "poll", "outputs")),), **_without_calls(few))]
        case "lagging 404":
            of_flow = (dice.choice(("poll", "patch", "input", "outputs", "download", "delete")),)
            return [Trick("refuse", of_flow, seconds=seconds, status=404, page="not found")]
    return []


def _without_calls(order: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in order.items() if name != "calls"}


# ---------------------------------------------------------------------- in the children


def play(path: Path, first: int, step: int) -> dict[int, dict[str, Any]]:
    """Play every `step`-th scenario from the `first` on; what became of each, by number."""
    hurry()
    plan = json.loads(path.read_text())
    own = scenarios(plan["seed"], plan["count"])[first::step]
    with running() as service, ThreadPoolExecutor(AT_ONCE) as pool:
        ends = pool.map(lambda scenario: _play(scenario, service, path.parent), own)
        return dict(zip((scenario.number for scenario in own), ends, strict=True))


def _play(scenario: Scenario, service: Service, folder: Path) -> dict[str, Any]:
    account = service.open(scenario.key, scenario.manners, list(scenario.tricks))
    own = folder / str(scenario.number)
    own.mkdir()
    never = ""
    try:
        Worker(
            Plan(
                str(own),
                str(folder / "user"),
                "scene",
                service.url,
                scenario.key,
                scenario.number,
                first=scenario.number * JOBS,
                count=JOBS,
                delete_flows=scenario.delete_flows,
                deadline=DEADLINE,
            )
        ).run()
    except NeverDone as error:
        never = str(error)
    return {"never": never, "flows": account.evidence(), "played": sum(account.played.values())}


# ---------------------------------------------------------------------- in the parent


def run(seed: int, share: float, folder: Path) -> Report:
    """Play as many scenarios as `share` of SCENARIOS says, and see what became of each job."""
    report = Report("gateways")
    count = max(len(KINDS), round(SCENARIOS * share))
    samples(folder / "user")
    plan = folder / "scenarios.json"
    plan.write_text(json.dumps({"seed": seed, "count": count}))
    children = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.faults.gateways", str(plan), str(number)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(PROCESSES)
    ]
    with ThreadPoolExecutor() as pool:
        told = list(pool.map(lambda child: child.communicate(timeout=PATIENCE)[0], children))
    ends: dict[str, dict[str, Any]] = {}
    for text in told:
        ends |= json.loads(text)
    ended = Counter[str]()
    for scenario in scenarios(seed, count):
        end = ends[str(scenario.number)]
        own = folder / str(scenario.number)
        may_ask = "where nothing runs" if scenario.manners.one_shot else "never"
        verdict = judge(own, end["flows"], ["scene"], may_ask)
        ended.update(done=verdict.done, asking=verdict.asking, runs=verdict.runs, played=end["played"])
        wrong = [*verdict.complaints, *_mixed_up(own)]
        if end["never"]:  # from which all else follows
            wrong = [f"never came to an end: {end['never']}"]
        report.complaints += [f"{scenario}: {text}" for text in wrong]
    report.add(
        "scenarios / jobs done / asking the user", f"{count:,} / {ended['done']:,} / {ended['asking']:,}"
    )
    report.add("flows that ran", ended["runs"])
    report.add("tricks that were played", ended["played"])
    return report


def _mixed_up(folder: Path) -> list[str]:
    """Which jobs have a model that was made for another one, or of something else."""
    ledger = JobStore(folder / "jobs.sqlite")
    jobs = ledger.jobs()
    ledger.close()
    return [
        f"{job.request.name} has another's model: {extras}"
        for job in jobs
        for result in job.placement.results
        if (extras := _extras(Path(result.glb))) != _expected(job)
    ]


def _extras(glb: Path) -> dict[str, Any]:
    content = glb.read_bytes()
    length = int.from_bytes(content[12:16], "little")
    return json.loads(content[20 : 20 + length])["asset"]["extras"]


def _expected(job: Job) -> dict[str, Any]:
    made_of = (
        sha256(Path(job.request.input_path).read_bytes()).hexdigest()
        if job.request.input_path
        else digest(job.request.prompt)
    )
    return {"flow_id": job.run.flow_id, "token": job.ref, "made_of": [made_of]}


def main() -> None:
    """Play this process's share, and print what became of it as JSON."""
    ends = play(Path(sys.argv[1]), int(sys.argv[2]), PROCESSES)
    json.dump(ends, sys.stdout)
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
