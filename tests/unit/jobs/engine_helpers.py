"""What several tests of the engine ask for and look at."""

import subprocess
import sys

import pytest
from generio_flows.jobs import Job, Step, process_id
from generio_flows.jobs.engine import Engine

from tests.sandbox import Sandbox

from .conftest import wait_until

BOTH_PROFILES = pytest.mark.parametrize("sandbox", ["reference", "quickstart"], indirect=True)


def runs(sandbox: Sandbox) -> list[int]:
    return [flow["run"] for flow in sandbox.stats()["flows"].values() if flow["run"]]


def waiting_for_the_user(engine: Engine, job: Job) -> Job:
    """A job of another service than the one that is set, for which nothing can be done here."""
    there = {"service": "http://elsewhere.example", "flow_id": "1"}
    job = engine.submit(job.changed(step=Step.UPLOADED, **there))
    wait_until(lambda: not engine.is_active(job.token) and engine.job(job.token).status.waiting)
    return job


def dead_owner() -> str:
    """The name of an engine whose process has ended."""
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    return f"{process_id.machine()}:{gone.pid}:x"


def anywhere(_owner: str) -> bool:
    return True
