"""How often the service is asked, and how soon the end of a flow is noticed."""

import pytest
from generio_flows.jobs import polling
from hypothesis import given
from hypothesis import strategies as st

from scripts.bench_polling import simulate

SECONDS = st.floats(min_value=0, max_value=1e6)
PROGRESS = st.none() | st.floats(min_value=0, max_value=1)


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


@pytest.mark.parametrize("seed", range(5))
def test_the_end_is_noticed_twice_as_soon_as_at_a_fixed_pace_with_no_more_requests(seed: int):
    ours, fixed = simulate(polling.next_poll, seed)
    assert fixed.late / ours.late >= 2.0
    assert ours.asked <= fixed.asked
