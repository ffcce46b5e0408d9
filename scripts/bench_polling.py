# SPDX-License-Identifier: GPL-3.0-or-later
"""How soon the end of a flow is noticed, and for how many requests, beside the quickstart; in `make bench`.

Flows of varied length run at two sandboxes, one of which tells no progress but 0 and 1. First some that the
engine learns from, then FLOWS that it is measured with, then as many that are asked about every 5 s.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import Any

import requests

from scripts.bench_network import KEY, bearer, client_package, sandbox
from scripts.bench_rows import Row

FLOWS = 200
LEARNED = 80
FIXED_SECONDS = 5.0
"""The quickstart's pace."""

SERVICES = ("reference", "quickstart")
"""Profiles of the sandbox; the first tells no progress but 0 and 1."""

SPEED = 2.0
"""Flows of low quality then take 16 s, of high quality 40 s."""

VARY = 0.25
QUALITIES = ("low", "high")


@dataclass(frozen=True)
class Noticed:
    """late: seconds between the end of a flow and the question that found it, the mean; asked: questions."""

    late: float
    asked: float


class Service:
    """A sandbox, and what it counts of the flows since it was looked at last."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._ended: set[str] = set()
        self._asked = 0

    def news(self) -> tuple[dict[str, float], int]:
        """When each new flow ended, seconds since the epoch, by its id; and the new questions about flows."""
        told = requests.get(f"{self.url}/_sandbox/stats", timeout=60).json()
        ended = {name: flow["completed_at"] for name, flow in told["flows"].items()}
        new = {name: when for name, when in ended.items() if name not in self._ended}
        asked = told["requests"].get("GET /flows/{flow_id}", 0)
        self._ended, self._asked, before = set(ended), asked, self._asked
        return new, asked - before


def polling_rows(folder: Path) -> Iterator[Row]:
    """The figures, per flow; the engines keep their files in `folder` for a while."""
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        services = [Service(stack.enter_context(sandbox(name, SPEED, VARY))) for name in SERVICES]
        jobs, api, engine = (client_package(name) for name in ("jobs", "api", "jobs.engine"))
        home = Path(stack.enter_context(TemporaryDirectory(dir=folder)))
        engines = [
            (each.url, stack.enter_context(closing(_engine(jobs, engine, each.url, home))))
            for each in services
        ]
        _run_engines(jobs, api, engines, LEARNED)
        _sum(services, {})
        ours = _sum(services, _run_engines(jobs, api, engines, FLOWS))
        fixed = _sum(services, _run_quickstart(services, FLOWS))
    yield Row("polling: end noticed after", "s", ours.late, fixed.late)
    yield Row("polling: requests for each flow", "", ours.asked, fixed.asked)


def _sum(services: list[Service], noticed: dict[str, float]) -> Noticed:
    """What the services count since the last time, beside when the end of each flow was noticed."""
    news = [service.news() for service in services]
    ended = {name: when for new, _ in news for name, when in new.items()}
    late = [seconds - ended[name] for name, seconds in noticed.items()]
    count = max(len(late), 1)
    return Noticed(sum(late) / count, sum(asked for _, asked in news) / count)


# ---------------------------------------------------------------------- ours


def _engine(jobs: Any, engine: Any, url: str, home: Path) -> Any:
    """An engine that keeps what it receives as it is, in a folder of its own in `home`."""

    def convert(_source: Path, target: Path, _cancelled: object) -> None:
        target.touch()

    folder = Path(mkdtemp(dir=home))
    settings = jobs.Settings(folder, url, KEY, concurrent_jobs=FLOWS)
    return engine.Engine(engine.JobStore(folder / "jobs.sqlite"), settings, convert, convert)


def _run_engines(jobs: Any, api: Any, engines: list[tuple[str, Any]], count: int) -> dict[str, float]:
    """Run `count` flows, and return when the end of each was noticed, by its id.

    engines: each with the address of its service.
    """
    for number in range(count):
        url, carrier = engines[number % len(engines)]
        quality = QUALITIES[number // len(engines) % len(QUALITIES)]
        job = jobs.Job(
            jobs.Request(
                url,
                api.TEXT_TO_MODEL,
                f"Chair {number}",
                prompt="A modern office chair",
                parameters={"quality": quality, "texture": False, "seed": number},
            ),
        )
        carrier.submit(job)
    noticed: dict[str, float] = {}
    over: set[str] = set()
    while len(over) < count:
        for _, carrier in engines:
            while True:
                try:
                    job = carrier.events.get_nowait()
                except queue.Empty:
                    break
                if job.status.step in (jobs.Step.FAILED, jobs.Step.CANCELLED):
                    raise SystemExit(f"{job.request.name} ended {job.state}: {job.status.problem}")
                if job.status.step is jobs.Step.COMPLETED:
                    noticed.setdefault(job.run.flow_id, time.time())
                if job.finished:
                    over.add(job.token)
        time.sleep(0.01)
    return noticed


# ---------------------------------------------------------------------- the quickstart's way


def _run_quickstart(services: list[Service], count: int) -> dict[str, float]:
    """The same, each flow in a thread that does what the vendor's quickstart does."""
    noticed: dict[str, float] = {}

    def wait(url: str, number: int) -> None:
        quality = QUALITIES[number // len(services) % len(QUALITIES)]
        payload = {
            "template": "model_generate_fromprompt",
            "parameters": {"quality": quality, "texture": False, "seed": number},
            "inputs": [{"data": "A modern office chair", "additional": None}],
            "additional": None,
        }
        flow_id = requests.post(f"{url}/flows", headers=bearer(), json=payload, timeout=60).json()["flow_id"]
        while True:
            state = requests.get(f"{url}/flows/{flow_id}", headers=bearer(), timeout=60).json()["state"]
            if state in ("completed", "failed", "aborted"):
                break
            time.sleep(FIXED_SECONDS)
        noticed[flow_id] = time.time()

    threads = [
        threading.Thread(target=wait, args=(services[number % len(services)].url, number))
        for number in range(count)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return noticed
