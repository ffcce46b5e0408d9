"""The moments at which a process is killed, or put to sleep: at any time from outside, or exactly here."""

import os
import random
import signal
from typing import Any
from urllib.parse import urlsplit

from generio_flows.api.transport import Transport
from generio_flows.core.messages import Message
from generio_flows.jobs import Job, LedgerError
from generio_flows.jobs.store import JobStore
from generio_flows.jobs.store_rows import Lease

from tests.systems import die

SAVED = {
    "reference": (
        "prepared",
        "created",
        "uploading",
        "uploaded",
        "starting",
        "started",
        "completed",
        "downloaded",
        "ready",
    ),
    "one-shot": ("prepared", "submitting", "started", "completed", "downloaded", "ready"),
    "quickstart": ("prepared", "submitting", "started", "completed", "downloaded", "ready"),
}
CALLED = {
    "reference": (
        "POST /flows",
        "POST /flows/*/inputs",
        "PATCH /flows/*",
        "GET /flows/*",
        "GET /flows/*/outputs",
        "GET /flows/*/outputs/*",
    ),
    "one-shot": (
        "POST /flows",
        "GET /flows",
        "GET /flows/*",
        "GET /flows/*/outputs",
        "GET /flows/*/outputs/*",
    ),
    "quickstart": ("POST /flows", "GET /flows/*", "GET /flows/*/outputs", "GET /flows/*/outputs/*"),
}
ELSEWHERE = ("make input", "convert", "placed", "scene saved")


def moments(profile: str) -> list[str]:
    """Name every boundary of a job's life where a service has this profile."""
    found = [f"{edge} saving {step}" for step in SAVED[profile] for edge in ("before", "after")]
    found += [f"{edge} {call}" for call in CALLED[profile] for edge in ("before", "after")]
    return [*found, *ELSEWHERE]


class Death:
    """Kills this process when it comes to `moment` for the `nth` time (from 1); "" lets it live."""

    def __init__(self, moment: str, nth: int) -> None:
        self._moment = moment
        self._left = nth

    def here(self, moment: str) -> None:
        """Say that the process has come to `moment`."""
        if moment == self._moment:
            self._left -= 1
            if self._left == 0:
                self._strike()

    def _strike(self) -> None:
        die()

    def watch_calls(self) -> None:
        """Be there before each request leaves, and when the service has answered but nobody knows yet."""
        send = Transport._send

        def watched(transport: Transport, method: str, url: str, body: Any, **how: Any) -> Any:
            call = f"{method} {pattern(urlsplit(url).path)}"
            self.here(f"before {call}")
            answer = send(transport, method, url, body, **how)
            self.here(f"after {call}")
            return answer

        Transport._send = watched  # type: ignore[method-assign]


class Naps(Death):
    """Stops this process in its tracks, so many times, at moments that the dice choose; others wake it."""

    def __init__(self, dice: random.Random, count: int) -> None:
        super().__init__("", 0)
        self.taken = 0
        self._dice = dice
        self._count = count
        self._next()

    def _next(self) -> None:
        self._moment = self._dice.choice(moments("reference"))
        self._left = self._dice.randint(1, 4)

    def _strike(self) -> None:
        if self.taken < self._count:
            self.taken += 1
            self._next()
            os.kill(os.getpid(), signal.SIGSTOP)


class WatchedStore(JobStore):
    """A ledger with death around each step that it writes, on a disk that now and then takes none.

    busy: how often that is, 0..1.
    """

    death = Death("", 0)
    busy = 0.0
    dice = random.Random()

    def save(self, job: Job, lease: Lease, now: float) -> bool:
        self.death.here(f"before saving {job.status.step}")
        if self.dice.random() < self.busy:
            raise LedgerError(Message("The disk is busy."))
        saved = super().save(job, lease, now)
        self.death.here(f"after saving {job.status.step}")
        return saved


def pattern(path: str) -> str:
    """The path of a request with "*" for each id."""
    words = path.partition("?")[0].strip("/").split("/")
    return "/" + "/".join(word if word in ("flows", "inputs", "outputs") else "*" for word in words)
