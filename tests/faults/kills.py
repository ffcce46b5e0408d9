"""kill -9, over and over, while jobs of all kinds are under way; then one life to the end.

Half of the deaths come from outside after a random time, from the first instant of a process on; the others
come from within at a boundary: before or after a step is written, a request leaves or is answered, in the
middle of a file, around placing and saving. After each death another process takes over the same ledger.
"""

import math
import random
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from tests.systems import DEAD

from .death import moments
from .processes import finish, last_words, worker
from .service import PROFILES, service
from .table import Report
from .verdict import MAY_ASK, judge
from .work import samples
from .worker import Plan

KILLS = 200
ENDLESS = 100_000
"""More jobs than can be done before the last kill."""

LONGEST_DELAY = 1.5
"""Seconds after which a process is killed at the latest, where that comes from outside."""

LONGEST_LIFE = 5.0
"""Seconds after which one is killed from outside that has not come to its boundary."""


def run(seed: int, share: float, folder: Path) -> Report:
    """Kill as often as `share` of KILLS says, in all profiles, and see what became of the jobs."""
    report = Report("kills")
    each = max(4, math.ceil(KILLS * share / len(PROFILES)))
    with ThreadPoolExecutor() as pool:
        campaigns = [pool.submit(_campaign, profile, seed, each, folder / profile) for profile in PROFILES]
    for campaign in campaigns:
        report.figures += campaign.result().figures
        report.complaints += campaign.result().complaints
    return report


def _campaign(profile: str, seed: int, kills: int, folder: Path) -> Report:
    dice = random.Random(f"{seed}/{profile}")
    report = Report(profile)
    samples(folder / "user")
    with service(profile, "a-key") as sandbox:
        plan = Plan(str(folder), str(folder / "user"), "scene", sandbox.url, "a-key", seed, count=ENDLESS)
        at_boundaries = 0
        for number in range(kills):
            life = replace(plan, seed=dice.randrange(1 << 30))
            if number % 2:
                life = replace(life, moment=dice.choice(moments(profile)), nth=dice.randint(1, 4))
                delay = LONGEST_LIFE
            else:
                delay = dice.uniform(0.0, LONGEST_DELAY)
            died, wrong = _live(life, delay, up=dice.random() < 0.8)
            at_boundaries += died
            report.complaints += wrong
        report.complaints += finish(replace(plan, count=0))
        verdict = judge(folder, sandbox.stats().values(), ["scene"], MAY_ASK[profile])
    ended = f"{verdict.jobs:,} / {verdict.done:,} / {verdict.asking:,}"
    report.add(f"{profile}: killed", kills)
    report.add(f"{profile}: of these exactly at a boundary", at_boundaries)
    report.add(f"{profile}: jobs / done / asking the user", ended)
    report.add(f"{profile}: flows that ran", verdict.runs)
    report.complaints = [f"{profile}: {text}" for text in (*report.complaints, *verdict.complaints)]
    return report


def _live(plan: Plan, seconds: float, *, up: bool) -> tuple[bool, list[str]]:
    """Let a worker live for so long; whether it died before that, as planned, and what is wrong about it."""
    with worker(plan, up=up) as process:
        try:
            code = process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False, []
    if code == DEAD:
        return True, []
    return False, [f"a worker ended by itself with {code}: {last_words(plan)}"]
