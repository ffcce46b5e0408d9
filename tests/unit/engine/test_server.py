"""What the engine process says, in which order."""

import os
from pathlib import Path

from generio_flows.engine.protocol import Decoder
from generio_flows.engine.server import Server
from generio_flows.jobs import Settings, Step
from generio_flows.jobs.engine import Engine
from generio_flows.jobs.store import JobStore

from tests.sandbox import Sandbox

from .conftest import lamp


def test_a_job_is_told_before_the_answer_about_it(
    tmp_path: Path, settings: Settings, sandbox: Sandbox
) -> None:
    """Whoever tells of changes in between has taken the event, and waits for more to tell together."""

    def convert(*_given: object) -> None:
        raise AssertionError("nothing is to be converted")

    engine = Engine(JobStore(tmp_path / "jobs.sqlite"), settings, convert, convert, None)
    job = engine.submit(lamp(sandbox, step=Step.READY))
    reading, writing = os.pipe()
    server = Server(receive=reading, send=writing)
    server._engine = engine
    server._send_changes()
    assert engine.mark_placed(job.token, "document")
    while not engine.events.empty():
        engine.events.get()
    server._put_answer({"call": 7, "result": True}, {job.token})
    said = [*Decoder().feed(os.read(reading, 1 << 16))]
    answered = next(index for index, one in enumerate(said) if one.get("call") == 7)
    steps = [row[0]["step"] for one in said[:answered] for row in one.get("jobs", [])]
    assert steps[-1] == Step.PLACED
    engine.close()
    os.close(reading)
    os.close(writing)
