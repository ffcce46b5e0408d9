"""How much is made between two drawings of the window."""

from itertools import count, repeat
from types import ModuleType, SimpleNamespace

import pytest


@pytest.mark.parametrize(
    ("between", "parts"),
    [
        (0.001, 7),  # a small scene: half a frame
        (0.06, 29),  # thousands of objects: half of what drawing them takes
        (3.0, 99),  # a window that stood still for other reasons
    ],
)
def test_more_is_made_where_drawing_takes_long(
    addon: ModuleType, monkeypatch: pytest.MonkeyPatch, between: float, parts: int
) -> None:
    """Each look at the clock is a millisecond later than the one before."""
    module, clock = addon.operators.submit_jobs, count(1000)
    made: list[object] = []
    monkeypatch.setattr(module, "time", SimpleNamespace(perf_counter=lambda: next(clock) / 1000))
    operator = SimpleNamespace(
        _parts=(made.append(part) or part for part in repeat([])), _slice_ended=1.0 - between
    )
    assert module.SubmitJobs._submit_some(operator, None) is None
    assert len(made) == parts
