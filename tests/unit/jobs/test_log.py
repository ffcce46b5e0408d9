"""What the log says of a job, and what it never says."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from generio_flows.core.log import FILE, log_tail
from generio_flows.engine.log import Log
from generio_flows.jobs import Job, State
from generio_flows.jobs.engine import Engine

from tests.sandbox import Sandbox

from .conftest import finished


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    log = Log(tmp_path, "ERROR")
    yield log
    log.close()


def test_each_step_and_call_of_a_job_is_in_the_log(
    log: Log, engine: Engine, jobs: dict[str, Job], sandbox: Sandbox, tmp_path: Path
):
    job = engine.submit(jobs["image"])
    assert finished(engine, job).state is State.READY
    log.close()
    text = "\n".join(log_tail(tmp_path / FILE))
    assert f"job {job.token}: created -> uploading" in text
    assert f"job {job.token}: lease 1 is ours" in text
    assert "POST /flows: 200 after" in text
    assert re.search(r"PATCH /flows/\w+: 200 after \d", text)
    assert sandbox.key not in text
    assert "Bearer" not in text


def test_neither_prompts_nor_names_are_in_the_log(
    log: Log, engine: Engine, jobs: dict[str, Job], sandbox: Sandbox, tmp_path: Path
):
    sandbox.order({"flow": {"outcome": "fail", "reason": "a secret reason"}})
    job = engine.submit(jobs["prompt"])
    assert finished(engine, job).state is State.FAILED
    log.close()
    text = "\n".join(log_tail(tmp_path / FILE))
    assert f"job {job.token}: completed -> failed, flow_failed" in text
    for private in (job.request.prompt, job.request.name, "a secret reason", sandbox.key):
        assert private not in text
