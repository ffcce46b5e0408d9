"""How much is made between two drawings of the window."""

from types import ModuleType

import pytest


@pytest.mark.parametrize(
    ("between", "seconds"),
    [
        (0.001, 0.008),  # a small scene: half a frame
        (0.012, 0.008),
        (0.06, 0.03),  # thousands of objects: half of what drawing them takes
        (3.0, 0.1),  # a window that stood still for other reasons
    ],
)
def test_more_is_made_where_drawing_takes_long(addon: ModuleType, between: float, seconds: float) -> None:
    assert addon.operators.submit_jobs.slice_seconds(between) == pytest.approx(seconds)
