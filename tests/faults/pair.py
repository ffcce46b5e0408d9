"""Two engines on one ledger: each job runs once, and is placed once.

At *once*: they compete for what a third left when it was killed, do what each is asked for, and both try to
place every result. In *turns*: each places what belongs into its own file, and falls asleep now and then at
some boundary for longer than its lease, as a laptop does that is closed; the other takes over meanwhile.
"""

import signal
import subprocess
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from .processes import PATIENCE, last_words, worker
from .service import service
from .table import Report
from .verdict import judge
from .work import samples
from .worker import ANY, Plan

JOBS = 100
LEASE = 1.0
"""Seconds."""

WAKE_SECONDS = 3 * LEASE
"""Between two calls that wake whoever is asleep."""


def run(seed: int, share: float, folder: Path) -> Report:
    """Have as many jobs done as `share` of JOBS says, half of them each way."""
    report = Report("pair")
    half = max(10, round(JOBS * share / 2))
    samples(folder / "user")
    with service("reference", "a-key") as sandbox:
        plan = Plan(str(folder), str(folder / "user"), "one", sandbox.url, "a-key", seed)
        for way, play in (("at once", _at_once), ("in turns", _in_turns)):
            own = folder / way
            own.mkdir()
            slept, wrong = play(replace(plan, folder=str(own)), half)
            verdict = judge(own, sandbox.stats().values(), ["one", "other"])
            report.complaints += [f"{way}: {text}" for text in (*wrong, *verdict.complaints)]
            figures = f"{verdict.jobs} / {verdict.done} / {verdict.runs}"
            report.add(f"{way}: jobs / done / flows that ran", figures)
    report.add("in turns: fell asleep", slept)
    return report


def _at_once(plan: Plan, count: int) -> tuple[int, list[str]]:
    """Compete for everything; nobody sleeps."""
    plan = replace(plan, belongs_to=ANY)
    left_over = count // 3
    third = replace(plan, count=left_over, at_once=left_over, moment="after saving uploaded", nth=4)
    with worker(third) as process:
        process.wait(PATIENCE)
    # What the third has not come to ask for, the one does.
    one = replace(plan, count=(left_over + count) // 2)
    return _both(one, _other(one, count - one.count))


def _in_turns(plan: Plan, count: int) -> tuple[int, list[str]]:
    """Sleep, and find one's jobs carried on."""
    one = replace(plan, first=JOBS, count=count // 2, lease=LEASE, naps=max(2, count // 10))
    return _both(one, _other(one, count - one.count))


def _other(one: Plan, count: int) -> Plan:
    return replace(one, scene="other", first=one.first + one.count, count=count, seed=one.seed + 1)


def _both(*plans: Plan) -> tuple[int, list[str]]:
    """Let both work to the end; how often they fell asleep, and what is wrong about their ends."""
    slept, wrong = 0, list[str]()
    with ExitStack() as stack:
        processes = [stack.enter_context(worker(plan, up=False)) for plan in plans]
        for process, plan in zip(processes, plans, strict=True):
            if not _wait(process, processes):
                wrong.append(f"{plan.scene} never came to an end")
            elif process.returncode:
                wrong.append(f"{plan.scene} ended with {process.returncode}: {last_words(plan)}")
            elif plan.naps:
                assert process.stdout is not None
                slept += int(process.stdout.read().split()[-1])
    return slept, wrong


def _wait(process: subprocess.Popen[str], everybody: list[subprocess.Popen[str]]) -> bool:
    """Wait for a process to end, and wake everybody from time to time; whether it did."""
    for _ in range(round(PATIENCE / WAKE_SECONDS)):
        try:
            process.wait(WAKE_SECONDS)
            return True
        except subprocess.TimeoutExpired:
            for sleeper in everybody:
                sleeper.send_signal(signal.SIGCONT)
    return False
