"""Engines that talk to a real sandbox, with conversions that only copy."""

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from generio_flows.api import GLB_MIME, IMAGE_TO_MODEL, OPTIMIZE, TEXT_TO_MODEL, RetryPolicy
from generio_flows.jobs import Job, Request, Settings, limits, polling
from generio_flows.jobs.engine import Engine
from generio_flows.jobs.store import JobStore
from PIL import Image

from tests.sandbox import Sandbox
from tests.sandbox.generate import from_prompt
from tests.sandbox.optimizer import Optimizer

Found = TypeVar("Found")

LONGEST = 60.0
"""Seconds after which a test that waits has failed; never a measure of speed."""


def copy(source: Path, target: Path, _cancelled: Callable[[], bool]) -> None:
    shutil.copy(source, target)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time is the one thing that is not real here."""
    monkeypatch.setattr(limits, "BACK_OFF", RetryPolicy(attempts=1_000_000, base=0.02, ceiling=0.1))
    monkeypatch.setattr(limits, "LOOKUP_SECONDS", 0.05)
    monkeypatch.setattr(limits, "OUTPUT_SECONDS", 0.05)
    monkeypatch.setattr(polling, "SHORTEST", 0.05)


@pytest.fixture(params=["reference"])
def sandbox(request: pytest.FixtureRequest, optimizer: Optimizer) -> Iterator[Sandbox]:
    with Sandbox(profile=request.param, speed=0.01, optimizer=optimizer) as service:
        yield service


@pytest.fixture
def settings(tmp_path: Path, sandbox: Sandbox) -> Settings:
    return Settings(folder=tmp_path / "results", base_url=sandbox.url, api_key=sandbox.key)


@pytest.fixture
def new_engine(tmp_path: Path, settings: Settings, impatient: None) -> Iterator[Callable[..., Engine]]:
    """Makes engines on one ledger, and closes them."""
    engines: list[Engine] = []

    def make(
        settings: Settings = settings,
        convert: Callable[..., None] = copy,
        render_preview: Callable[..., None] | None = None,
        adopt_orphans: bool = True,
    ) -> Engine:
        engines.append(
            Engine(JobStore(tmp_path / "jobs.sqlite"), settings, copy, convert, render_preview, adopt_orphans)
        )
        return engines[-1]

    yield make
    for engine in engines:
        engine.close()


@pytest.fixture
def engine(new_engine: Callable[..., Engine]) -> Engine:
    return new_engine()


@pytest.fixture(scope="session")
def ball() -> bytes:
    """A textured GLB of about 5,000 triangles."""
    return from_prompt("ball", quality="low", seed=1, texture=True)


@pytest.fixture
def jobs(sandbox: Sandbox, tmp_path: Path, ball: bytes) -> dict[str, Job]:
    """One job of each kind."""
    picture = tmp_path / "picture.png"
    Image.new("RGB", (32, 32), (200, 30, 30)).save(picture)
    model = tmp_path / "model.glb"
    model.write_bytes(ball)
    return {
        "prompt": Job(
            Request(
                service=sandbox.url,
                template=TEXT_TO_MODEL,
                name="lamp",
                prompt="a lamp",
                parameters={"quality": "low"},
            ),
        ),
        "image": Job(
            Request(
                service=sandbox.url,
                template=IMAGE_TO_MODEL,
                name="picture",
                input_path=str(picture),
                input_mime="image/png",
                parameters={"quality": "low"},
            ),
        ),
        "optimize": Job(
            Request(
                service=sandbox.url,
                template=OPTIMIZE,
                name="model",
                input_path=str(model),
                input_mime=GLB_MIME,
                parameters={"polygon_count": 500},
            ),
        ),
    }


def wait_until(condition: Callable[[], Found]) -> Found:
    """Return what `condition` gives as soon as it holds."""
    end = time.monotonic() + LONGEST
    while not (found := condition()):
        assert time.monotonic() < end, "this never came"
        time.sleep(0.01)
    return found


def finished(engine: Engine, job: Job) -> Job:
    """The job as it ended."""

    def over() -> Job | None:
        now = engine.job(job.token)
        return now if now is not None and now.finished else None

    ended = wait_until(over)
    assert ended is not None
    return ended


def busy(engine: Engine) -> set[str]:
    """The tokens of the jobs that a thread works on."""
    with engine._registry.lock:
        return {token for token, held in engine._registry._held.items() if held.busy}


def threads(engine: Engine) -> list[threading.Thread]:
    """All threads that the engine has now."""
    return [thread for part in engine._parts for thread in part.threads]


@pytest.fixture
def other_ledger(tmp_path: Path) -> Iterator[JobStore]:
    """The engines' ledger, as another process has it."""
    ledger = JobStore(tmp_path / "jobs.sqlite")
    yield ledger
    ledger.close()
