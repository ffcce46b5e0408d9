"""Everything a network does to requests and answers, at each step: one job, one engine, one or two faults.

The sandbox plays what can go wrong with a single request, for the client that it was ordered for; a relay
in front of it plays a proxy that dies. Stalls and the time-outs they are measured against are scaled down
together (see `impatience.SCALE`).
"""

import json
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .death import CALLED
from .impatience import SCALE
from .relay import Outage
from .service import PROFILES, ROOT, service
from .table import Report
from .verdict import MAY_ASK, judge
from .work import samples

SCENARIOS = 500
STATUSES = (408, 429, 500, 502, 503, 504)
PAGE = "<!doctype html><title>Welcome</title><h1>Sign in to use this network</h1>"
PATIENCE = 900.0
"""Seconds for all scenarios together; never a measure of speed."""

KINDS = ("lost", "cut", "burst", "page", "stall", "outage")


@dataclass(frozen=True)
class Scenario:
    """What goes wrong for one job. `faults` are the sandbox's orders, without the key that they are for."""

    number: int
    profile: str
    kind: str
    faults: Sequence[dict[str, Any]] = ()
    outage: Outage | None = None

    @property
    def key(self) -> str:
        """The key with which the engine of this scenario comes."""
        return f"key-{self.number}"

    def __str__(self) -> str:
        return f"#{self.number} ({self.profile}, {json.dumps(self.faults or asdict(self)['outage'])})"


def scenarios(seed: int, count: int) -> list[Scenario]:
    """Make up so many scenarios; the same ones for the same seed."""
    return [_scenario(random.Random(f"{seed}/{number}"), number) for number in range(count)]


def _scenario(dice: random.Random, number: int) -> Scenario:
    profile = dice.choice(PROFILES)
    kind = KINDS[number % len(KINDS)]
    if kind == "outage":
        call = dice.choice(("", *CALLED[profile]))
        when = dice.choice(("before", "within", "answer"))
        outage = Outage(call, dice.randrange(2), when, dice.uniform(0.0, 10.0) * SCALE)
        return Scenario(number, profile, kind, outage=outage)
    faults = [_fault(dice, profile, kind)]
    if dice.random() < 0.3:
        faults.append(_fault(dice, profile, dice.choice(KINDS[:-1])))
    if any((fault["method"], fault["path"]) == ("GET", "/flows") for fault in faults):
        # The list is asked for only where the answer to a create was lost.
        faults.insert(0, {"method": "POST", "path": "/flows", "after": 1, "action": "drop", "when": "after"})
    return Scenario(number, profile, kind, faults)


def _fault(dice: random.Random, profile: str, kind: str) -> dict[str, Any]:
    method, _, path = dice.choice(CALLED[profile]).partition(" ")
    # The first create of a job is the empty one, which two of the profiles refuse.
    after = dice.randrange(2) if f"{method} {path}" in ("POST /flows", "GET /flows/*") else 0
    fault = {"method": method, "path": path, "after": after}
    processed = dice.choice(("before", "after"))
    match kind:
        case "lost":
            return {**fault, "action": "drop", "when": processed, "reset": dice.random() < 0.5}
        case "cut" if method == "POST" and dice.random() < 0.5:
            return {**fault, "action": "drop", "at": dice.randrange(1, 160_000)}
        case "cut":
            longest = 160_000 if path.endswith("/outputs/*") else 120
            return {**fault, "action": "cut", "at": dice.randrange(longest)}
        case "burst":
            return {**fault, "action": "status", **_status(dice, processed), "times": dice.randint(1, 5)}
        case "page":
            status = dice.choice((200, 404, 500, 502, 503, 504))
            action = {"action": "garbage", "status": status, "body": PAGE}
            if status == 404:  # a gateway that has not passed it on; said often enough, it is true
                return {**fault, **action}
            return {**fault, **action, "when": processed, "times": dice.randint(1, 3)}
        case _:
            seconds = dice.choice((10.0, 80.0)) * SCALE  # within the client's time-out, and beyond
            action = dice.choice(({"action": "delay"}, {"action": "stall", "at": dice.randrange(100)}))
            return {**fault, **action, "seconds": seconds}


def _status(dice: random.Random, processed: str) -> dict[str, Any]:
    status = dice.choice(STATUSES)
    if status == 429:  # which says that nothing has been done
        return {"status": status, "retry_after": dice.choice((0, 0.1))}
    return {"status": status, "when": processed}


def run(seed: int, share: float, folder: Path) -> Report:
    """Play as many scenarios as `share` of SCENARIOS says, and see what became of each job."""
    report = Report("network")
    planned = scenarios(seed, max(len(KINDS), round(SCENARIOS * share)))
    samples(folder / "user")
    with ExitStack() as stack:
        services = {profile: stack.enter_context(service(profile, "key-*")) for profile in PROFILES}
        for profile, sandbox in services.items():
            sandbox.order(
                {**fault, "key": scenario.key}
                for scenario in planned
                if scenario.profile == profile
                for fault in scenario.faults
            )
        plan = folder / "scenarios.json"
        urls = {profile: sandbox.url for profile, sandbox in services.items()}
        plan.write_text(json.dumps({"urls": urls, "scenarios": [asdict(scenario) for scenario in planned]}))
        command = [sys.executable, "-m", "tests.faults.lanes", str(plan)]
        played = subprocess.run(
            command, cwd=ROOT, stdout=subprocess.PIPE, text=True, timeout=PATIENCE, check=True
        )
        never_done: dict[str, str] = json.loads(played.stdout)
        flows = {profile: list(sandbox.stats().values()) for profile, sandbox in services.items()}
        left = sum(len(sandbox.orders_left()) for sandbox in services.values())
    ended = Counter[str]()
    runs = 0
    for scenario in planned:
        own = folder / str(scenario.number)
        verdict = judge(own, flows[scenario.profile], ["scene"], MAY_ASK[scenario.profile])
        ended["done"] += verdict.done
        ended["asking"] += verdict.asking
        runs += verdict.runs
        wrong = list(verdict.complaints)
        if str(scenario.number) in never_done:
            wrong.append(f"never came to an end: {never_done[str(scenario.number)]}")
        report.complaints += [f"{scenario}: {text}" for text in wrong]
    ordered = sum(len(scenario.faults) for scenario in planned)
    report.add("scenarios / done / asking the user", f"{len(planned)} / {ended['done']} / {ended['asking']}")
    report.add("flows that ran", runs)
    report.add("faults of single requests that happened", f"{ordered - left} of {ordered}")
    return report
