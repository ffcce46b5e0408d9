"""How far a job is said to be: never less than before, and nothing while it stands still."""

import time

import bpy
import pytest

from tests.blender.job_fixtures import tell

SECONDS = 40.0
"""How long flows of the sandbox are said to take."""


@pytest.fixture
def engine(addon):
    return addon.session.current().open_engine(bpy.context)


@pytest.fixture
def running(addon, sandbox, engine):
    """Lets a job run at the service for so many seconds, and gives it as it is then."""
    job = addon.jobs.Job(
        addon.jobs.Request(
            service=sandbox.url,
            template="model_generate_fromprompt",
            name="A chair",
        ),
        created_at=time.time(),
    )
    for _ in range(addon.jobs.polling.ENOUGH):
        engine._known.run_times.learn(job.request.service, job.request.kind, SECONDS)

    def run(seconds: float, **changes):
        now = time.time()
        known = engine.job(job.token) or job
        told = known.unblocked(queued=False).changed(
            **{"step": addon.jobs.Step.STARTED, "started_at": now - seconds, **changes}
        )
        tell(engine, told)
        return told

    return run


def timing(addon, engine, job):
    return addon.panels.progress.timing(engine, job.token)


def test_the_bar_stays_near_the_end_when_a_flow_takes_longer_than_those_before(addon, engine, running):
    assert timing(addon, engine, running(SECONDS / 2)).progress == pytest.approx(0.5, abs=0.05)
    near = timing(addon, engine, running(SECONDS - 1.0))
    late = timing(addon, engine, running(SECONDS * 2))
    assert 0.9 < near.progress <= late.progress < 1.0
    assert late.remaining == "longer than usual"


def test_the_bar_does_not_step_back_when_others_took_longer(addon, engine, running):
    before = timing(addon, engine, running(SECONDS / 2))
    for _ in range(addon.jobs.polling.RunTimes.MOST):
        engine._known.run_times.learn(
            running(SECONDS / 2).request.service, running(SECONDS / 2).request.kind, SECONDS * 10
        )
    assert timing(addon, engine, running(SECONDS / 2)).progress >= before.progress > 0.0


def test_flows_at_another_address_tell_nothing(addon, engine, running):
    job = running(SECONDS / 2)
    for _ in range(addon.jobs.polling.RunTimes.MOST):
        engine._known.run_times.learn("http://127.0.0.1:9/other", job.request.kind, 1.0)
    assert timing(addon, engine, job).progress == pytest.approx(0.5, abs=0.05)


def test_the_bar_does_not_step_back_when_the_service_tells_less(addon, engine, running):
    assert timing(addon, engine, running(10.0, progress=0.6)).progress == 0.6
    assert timing(addon, engine, running(11.0, progress=0.4)).progress == 0.6
    assert timing(addon, engine, running(12.0, progress=0.7)).progress == 0.7


def test_another_attempt_begins_anew(addon, engine, running):
    assert timing(addon, engine, running(10.0, progress=0.6)).progress == 0.6
    assert timing(addon, engine, running(1.0, attempt=2, progress=0.1)).progress == 0.1


def test_the_download_goes_on_where_the_flow_ended(addon, engine, running):
    before = timing(addon, engine, running(SECONDS - 1.0)).progress
    begun = timing(addon, engine, running(SECONDS, step=addon.jobs.Step.COMPLETED, progress=None))
    half = timing(addon, engine, running(SECONDS, step=addon.jobs.Step.COMPLETED, progress=0.5))
    assert before <= begun.progress < half.progress < 1.0


def test_a_job_that_waits_for_the_user_stands_still(addon, engine, running):
    job = running(SECONDS / 2)
    before = timing(addon, engine, job)
    assert before.remaining
    problem = addon.jobs.Problem.of(addon.core.call_errors.KeyRefused())
    tell(engine, running(SECONDS - 1.0).changed(waiting=True, problem=problem))
    waiting = timing(addon, engine, job)
    assert (waiting.progress, waiting.remaining) == (0.0, "")
    session = addon.session.current()
    session.tick(bpy.context)
    assert "left" not in session.part(addon.panels.status_bar.StatusBar).text
    assert timing(addon, engine, running(SECONDS / 2)).progress >= before.progress
