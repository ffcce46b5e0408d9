"""What comes into a job's folder once its flow has ended, and what does not."""

from pathlib import Path

import pytest
from generio_flows.jobs import Job
from generio_flows.jobs.engine import Engine
from generio_flows.jobs.states import State

from tests.sandbox import Sandbox

from .conftest import finished


@pytest.mark.parametrize("status", [400, 409, 422])
def test_outputs_that_are_refused_because_they_are_not_there_yet_are_asked_for_again(
    engine: Engine, sandbox: Sandbox, jobs: dict[str, Job], status: int
):
    outputs = {"method": "GET", "path": "/flows/*/outputs"}
    sandbox.order(
        {**outputs, "action": "status", "status": status, "body": {"detail": "not yet"}, "times": 2}
    )
    ended = finished(engine, engine.submit(jobs["prompt"]))
    assert (ended.state, ended.status.problem) == (State.READY, None)
    assert [flow["run"] for flow in sandbox.stats()["flows"].values()] == [1]


def test_what_lies_beside_a_chosen_picture_stays_where_it_is(engine: Engine, jobs: dict[str, Job]):
    """It is the user's; only a job's own folder holds what a conversion looks for."""
    private = Path(jobs["image"].request.input_path).with_name("private.blend")
    private.write_bytes(b"BLENDER")
    ended = finished(engine, engine.submit(jobs["image"]))
    assert ended.state is State.READY
    assert not (engine.folder(ended.token) / private.name).exists()
