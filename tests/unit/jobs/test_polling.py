"""How often the service is asked, and how soon the end of a flow is noticed."""

import math
import random
from collections import defaultdict

import pytest
from generio_flows.jobs import polling
from hypothesis import example, given
from hypothesis import strategies as st

SECONDS = st.floats(min_value=0, max_value=1e6)
PROGRESS = st.none() | st.floats(min_value=0, max_value=1)

FLOWS = 200
LEARNED = 20
QUICKSTART_SECONDS = 5.0
USUAL = {"low": 15.0, "high": 45.0, "optimize": 30.0}
"""Seconds that the service works on a flow of a kind."""

BEGINS = 2.0
"""Seconds until it begins to."""


@given(running=SECONDS, durations=st.lists(SECONDS), progress=PROGRESS)
def test_never_more_than_once_a_second_nor_out_of_sight(running, durations, progress):
    assert polling.SHORTEST <= polling.next_poll(running, durations, progress) <= polling.FARTHEST


@given(running=SECONDS)
def test_without_experience_never_slower_than_the_vendor(running):
    assert polling.next_poll(running, [], None) <= polling.LONGEST


@given(running=SECONDS, durations=st.lists(SECONDS), progress=PROGRESS)
def test_the_time_left_is_none_or_positive(running, durations, progress):
    left = polling.time_left(running, durations, progress)
    assert left is None or left >= 0


def test_nothing_is_asked_long_before_the_usual_end():
    assert polling.next_poll(0.0, [19.0, 20.0, 21.0, 22.0], None) > 15.0
    assert polling.next_poll(19.5, [19.0, 20.0, 21.0, 22.0], None) < 2.0


def test_the_time_left_is_learned_and_no_percentage_invented():
    assert polling.time_left(10.0, [30.0, 40.0, 50.0], None) == 30.0
    assert polling.time_left(10.0, [30.0, 40.0, 50.0], 0.0) == 30.0
    assert polling.time_left(10.0, [], 0.0) is None
    assert polling.time_left(10.0, [], 0.5) == 10.0


USUAL_SECONDS = st.lists(st.floats(min_value=0.1, max_value=1e4), min_size=polling.ENOUGH)


@given(running=SECONDS, more=SECONDS, durations=USUAL_SECONDS)
@example(running=9.9, more=0.2, durations=[10.0, 10.0, 10.0, 100.0])
def test_the_estimate_never_falls_while_a_flow_runs(running, more, durations):
    before = polling.estimate(running, durations, None)
    after = polling.estimate(running + more, durations, None)
    assert 0.0 <= before.progress <= after.progress <= polling.HELD
    assert before.is_late <= after.is_late


def test_a_flow_that_takes_longer_than_those_before_is_held_near_the_end():
    late = polling.estimate(60.0, [30.0, 40.0, 50.0], None)
    assert (late.progress, late.left, late.is_late) == (polling.HELD, None, True)
    assert polling.estimate(20.0, [30.0, 40.0, 50.0], None).progress == 0.5
    assert not polling.estimate(45.0, [30.0, 40.0, 50.0], None).is_late


def test_what_the_service_tells_is_the_estimate_and_without_experience_there_is_none():
    assert polling.estimate(60.0, [30.0, 40.0, 50.0], 0.5) == (0.5, 60.0, False)
    assert polling.estimate(60.0, [30.0, 40.0], None) == (0.0, None, False)


def test_each_service_has_its_own_pace():
    learned = polling.RunTimes()
    learned.learn("https://quick", "text", 3.0)
    learned.learn("https://slow", "text", 300.0)
    assert learned.of("https://quick", "text") == (3.0,)
    assert learned.of("https://slow", "text") == (300.0,)
    assert learned.of("https://quick", "mesh") == ()


def test_a_flow_ended_somewhere_between_two_questions():
    ended = [polling.ended_after(10.0, 20.0) for _ in range(1000)]
    assert 10.0 <= min(ended) < 12.0 < 18.0 < max(ended) <= 20.0


def test_nothing_is_learned_from_a_flow_that_nobody_asked_about_for_long():
    assert polling.ended_after(10.0, 10.0 + 8 * 3600.0) == 0.0


@pytest.mark.parametrize("seed", range(5))
def test_the_end_is_noticed_twice_as_soon_as_at_a_fixed_pace_with_no_more_requests(seed: int):
    """Flows of varied length, half of which tell no progress but 0 and 1; `make bench` runs real ones."""
    chance = random.Random(seed)
    learned: dict[tuple[str, bool], list[float]] = defaultdict(list)
    late = asked = late_fixed = asked_fixed = 0.0
    for number in range(2 * LEARNED * len(USUAL) + FLOWS):
        kind, told = chance.choice(list(USUAL)), number % 2 == 0
        known = learned[kind, told]
        works = USUAL[kind] * chance.lognormvariate(0.0, 0.25)
        ends = BEGINS + works
        now = not_yet = questions = 0.0
        progress = None
        while now < ends:
            not_yet = now
            now += polling.next_poll(now, known[-LEARNED:], progress)
            progress = max(0.0, now - BEGINS) / works if told else 0.0
            questions += 1
        known.append(polling.ended_after(not_yet, now))
        if number >= 2 * LEARNED * len(USUAL):
            late, asked = late + now - ends, asked + questions
            questions_fixed = math.ceil(ends / QUICKSTART_SECONDS)
            late_fixed += questions_fixed * QUICKSTART_SECONDS - ends
            asked_fixed += 1 + questions_fixed  # the first one comes at once
    assert late_fixed / late >= 2.0
    assert asked <= asked_fixed
