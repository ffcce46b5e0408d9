"""Engine processes that talk to a real sandbox; nothing here needs Blender."""

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pytest
from generio_flows.api import TEXT_TO_MODEL, RetryPolicy
from generio_flows.engine.client import EngineClient
from generio_flows.engine.connection import Start
from generio_flows.engine.process import python_command
from generio_flows.jobs import Job, Request, Settings, limits, polling
from generio_flows.jobs.process_id import new_owner

from tests.sandbox import Sandbox
from tests.sandbox.optimizer import Optimizer

Found = TypeVar("Found")

LONGEST = 60.0
"""Seconds after which a test that waits has failed; never a measure of speed."""

COMMAND = (*python_command(sys.executable, ""), "--engine")


@pytest.fixture
def sandbox(optimizer: Optimizer) -> Iterator[Sandbox]:
    with Sandbox(speed=0.01, optimizer=optimizer) as service:
        yield service


@pytest.fixture
def settings(tmp_path: Path, sandbox: Sandbox) -> Settings:
    return Settings(folder=tmp_path / "results", base_url=sandbox.url, api_key=sandbox.key)


@pytest.fixture
def start(tmp_path: Path) -> Start:
    """Engines on one job list, without anything that could convert."""
    return Start(
        owner=new_owner(),
        command=COMMAND,
        store=tmp_path / "jobs.sqlite",
        patience=0.2,
        converter=("/no/such/program",),
        previews=False,
        log=tmp_path,
    )


@pytest.fixture
def new_client(
    start: Start, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[], EngineClient]]:
    """Makes clients, each of a Blender of its own, and closes them."""
    monkeypatch.setattr(limits, "BACK_OFF", RetryPolicy(attempts=1_000_000, base=0.02, ceiling=0.1))
    monkeypatch.setattr(limits, "LOOKUP_SECONDS", 0.05)
    monkeypatch.setattr(limits, "SYNC_SECONDS", 0.2)
    monkeypatch.setattr(polling, "SHORTEST", 0.05)
    clients: list[EngineClient] = []

    def make() -> EngineClient:
        clients.append(
            EngineClient(replace(start, owner=new_owner()), settings, "CRITICAL", finish_jobs=False)
        )
        return clients[-1]

    yield make
    for client in clients:
        client.close(LONGEST)


@pytest.fixture
def client(new_client: Callable[[], EngineClient]) -> EngineClient:
    return new_client()


def lamp(sandbox: Sandbox, **changes: object) -> Job:
    """A job that is not submitted yet."""
    request = Request(sandbox.url, TEXT_TO_MODEL, "lamp", parameters={"quality": "low"}, prompt="a lamp")
    return Job(request).changed(**changes)


def pump_until(client: EngineClient, condition: Callable[[], Found]) -> Found:
    """Return what `condition` gives as soon as it holds, as a Blender that ticks."""
    end = time.monotonic() + LONGEST
    while not (found := condition()):
        assert time.monotonic() < end, "this never came"
        client.pump()
        time.sleep(0.01)
    return found


def finished(client: EngineClient, token: str) -> Job:
    """The job as it ended."""

    def over() -> Job | None:
        job = client.job(token)
        return job if job is not None and job.finished else None

    ended = pump_until(client, over)
    assert ended is not None
    return ended
