"""How often the service is asked."""

from generio_flows.jobs import polling
from hypothesis import given
from hypothesis import strategies as st


@given(st.floats(min_value=0, max_value=1e6))
def test_never_more_than_once_a_second_nor_slower_than_the_vendor(running: float):
    assert 1.0 <= polling.interval(running) <= 5.0


def test_long_flows_are_asked_less_often():
    assert polling.interval(1.0) < polling.interval(20.0) < polling.interval(60.0)
