"""Shading with baked maps is at most a fifth as far from the original's as without, whatever the model."""

from pathlib import Path

import pytest

from scripts import measure_bakes
from tests.blender.scene.bake.test_bake import baked


@pytest.mark.parametrize("name", measure_bakes.MADE)
def test_a_fifth_of_the_error_is_left_at_most(addon, conversion, tmp_path: Path, name: str):
    item = measure_bakes.MADE[name]()
    light = measure_bakes.lightened(item, 0.06)
    figures = baked(addon, conversion, tmp_path, item, light, size=1024)
    assert figures["with"]["mean"] <= figures["without"]["mean"] * measure_bakes.MOST_OF_ERROR
    assert figures["misses"] < 0.01
