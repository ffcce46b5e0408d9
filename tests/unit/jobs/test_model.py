"""A job's states, and the form in which the ledger keeps it."""

import json
from dataclasses import fields
from itertools import product

import pytest
from generio_flows.core.messages import Message, verbatim
from generio_flows.jobs import (
    STATES,
    Delivered,
    Job,
    Placement,
    Problem,
    Request,
    Result,
    Run,
    State,
    Status,
    Step,
)
from hypothesis import given
from hypothesis import strategies as st

MESSAGES = st.builds(verbatim, st.text()) | st.builds(
    lambda name: Message("{name} is new", name=name), st.text()
)
PROBLEM = Problem("network_error", Message("No connection."), Message("Check the network."), "retry")


def job(**changes: object) -> Job:
    plain = Job(
        Request(service="https://flows.example", template="model_optimize", name="x"),
        status=Status(queued=False),
    )
    return plain.changed(**changes)


@given(
    step=st.sampled_from(Step),
    name=st.text(),
    results=st.lists(st.builds(Result, st.text(), st.text())).map(tuple),
    problem=st.none() | st.builds(Problem, st.text(), MESSAGES, MESSAGES, st.text()),
    parameters=st.dictionaries(st.text(), st.integers() | st.booleans() | st.text()),
)
def test_a_job_survives_the_ledger(step, name, results, problem, parameters):
    before = Job(
        Request(service="s", template="t", name=name, parameters=parameters),
        status=Status(step=step, problem=problem),
        placement=Placement(results=results),
    )
    assert Job.from_json(before.to_json()) == before


def test_a_job_from_before_outputs_were_noted_is_read():
    noted = job(delivered=(Delivered("../lamp.glb", 7, "ab"),))
    assert Job.from_json(noted.to_json()) == noted
    document = json.loads(noted.to_json())
    del document["delivered"]
    assert Job.from_json(json.dumps(document)) == job(token=noted.token)


def test_no_two_parts_of_a_job_have_a_field_of_the_same_name():
    names = [field.name for kind in (Job, Request, Run, Placement, Status) for field in fields(kind)]
    assert len(set(names)) == len(names)


def test_a_change_goes_to_the_part_that_has_the_field():
    before = job(token="a" * 32)
    after = before.changed(token="b" * 32, name="y", flow_id="F", placed_in="document", step=Step.READY)
    assert (after.token, after.request.name, after.run.flow_id) == ("b" * 32, "y", "F")
    assert (after.placement.placed_in, after.status.step) == ("document", Step.READY)
    assert before == job(token="a" * 32)
    with pytest.raises(TypeError):
        before.changed(flow="F")


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({"queued": True}, State.QUEUED),
        ({}, State.PREPARING),
        ({"step": Step.UPLOADING}, State.UPLOADING),
        ({"step": Step.STARTED}, State.RUNNING),
        ({"step": Step.STARTED, "waiting": True}, State.WAITING),
        ({"step": Step.STARTED, "waiting": True, "cancelling": True}, State.CANCELLING),
        ({"step": Step.COMPLETED}, State.DOWNLOADING),
        ({"step": Step.READY, "queued": True}, State.READY),
        ({"step": Step.PLACED}, State.DONE),
        ({"step": Step.FAILED, "waiting": True}, State.FAILED),
    ],
)
def test_what_a_user_sees(changes: dict[str, object], state: State):
    assert job(**changes).state is state


def test_every_step_has_a_state():
    assert all(job(step=step).state in State for step in Step)


def test_every_state_has_an_appearance():
    assert [*STATES] == [*State]


def test_a_list_of_what_goes_on_has_what_is_not_finished():
    flags = ("queued", "waiting", "cancelling")
    jobs = [
        job(step=step, **dict(zip(flags, values, strict=True)))
        for step in Step
        for values in product((False, True), repeat=len(flags))
    ]
    assert {one.state for one in jobs} == {*State}
    for one in jobs:
        assert ("OPEN" in STATES[one.state].filters) is not one.finished


def test_a_step_on_ends_the_waiting():
    blocked = job().blocked(PROBLEM)
    assert (blocked.status.waiting, blocked.status.problem) == (True, PROBLEM)
    on = blocked.advance_to(Step.CREATED, flow_id="1")
    assert (on.status.waiting, on.status.problem, on.run.flow_id) == (False, None, "1")


def test_another_attempt_has_another_ref():
    first = job()
    assert first.ref != job(token=first.token, attempt=2).ref
