"""Where the UVs were lost, the baked base color halves at least what is wrong, seen from all around."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[4]

SMALL = """
import os, sys
from scripts import measure_looks
from tests.blender.sculpts import lightened, sculpt
item = measure_looks.textured(sculpt())
light = lightened(item)
while light.uv_layers:
    light.uv_layers.remove(light.uv_layers[0])
without, with_maps, maps = measure_looks.measured(item, light, 512)
print(without, with_maps, maps, flush=True)
assert "base_color" in maps
assert without > 0.1
os._exit(0 if with_maps <= without * measure_looks.MOST_LEFT else 1)
"""


def test_the_base_color_of_a_small_model_comes_back():
    done = subprocess.run(
        [sys.executable, "-c", SMALL], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
