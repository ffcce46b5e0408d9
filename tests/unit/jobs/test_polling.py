"""How often the service is asked, and how soon the end of a flow is noticed."""

import random

from generio_flows.jobs import polling
from hypothesis import given
from hypothesis import strategies as st

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


def noticed(duration: float, wait) -> tuple[float, int]:
    """(seconds between the end of a flow and the question that finds it, questions)."""
    now, asked = 0.0, 0
    while True:
        now += wait(now)
        asked += 1
        if now >= duration:
            return now - duration, asked


def test_the_end_is_noticed_twice_as_soon_as_at_a_fixed_pace_with_no_more_requests():
    chance = random.Random(7)
    kinds = {"low": 15.0, "high": 45.0, "optimize": 30.0}

    def length(usual: float) -> float:
        return usual * chance.lognormvariate(0.0, 0.25)

    learned = {kind: [length(usual) for _ in range(20)] for kind, usual in kinds.items()}
    ours, fixed = [], []
    for number in range(200):
        kind = chance.choice(list(kinds))
        duration = length(kinds[kind])

        def wait(
            now: float, kind: str = kind, duration: float = duration, told: bool = number % 2 == 0
        ) -> float:
            return polling.next_poll(now, learned[kind], now / duration if told else 0.0)

        ours.append(noticed(duration, wait))
        fixed.append(noticed(duration, lambda _now: 5.0))
    delay = sum(late for late, _ in fixed) / sum(late for late, _ in ours)
    requests = sum(asked for _, asked in ours) / sum(asked for _, asked in fixed)
    assert delay >= 2.0, f"{delay:.2f} times as soon"
    assert requests <= 1.0, f"{requests:.2f} times the requests"
