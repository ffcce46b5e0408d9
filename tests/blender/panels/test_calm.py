# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done by habit, or one after the other, does what is meant."""

import itertools
import time
from types import SimpleNamespace
from typing import Any

import bpy

from tests.blender import scenes
from tests.blender.job_fixtures import generate, panel


def ask(prompt: str) -> set[str]:
    return bpy.ops.generio.generate_from_prompt(prompt=prompt, quality="LOW", variants=1)


def spans(*names: str) -> list[tuple[float, float]]:
    """From where to where objects are along X, from the left."""
    bpy.context.view_layer.update()
    ends = (scenes.bounds([bpy.data.objects[name]]) for name in names)
    return sorted((low[0], high[0]) for low, high in ends)


def are_apart(*names: str) -> bool:
    return all(left[1] <= right[0] for left, right in itertools.pairwise(spans(*names)))


def test_the_second_click_of_a_double_click_does_nothing(addon, monkeypatch):
    done: list[str] = []

    def invoke(self: Any, _context: bpy.types.Context, _event: Any) -> set[str]:
        done.append(self.bl_idname)
        return {"FINISHED"}

    click = addon.operators.submit_jobs.clicked_once(invoke)
    chair, table = SimpleNamespace(bl_idname="chair"), SimpleNamespace(bl_idname="table")
    bpy.context.preferences.inputs.mouse_double_click_time = 1000
    assert click(chair, bpy.context, None) == {"FINISHED"}
    assert click(chair, bpy.context, None) == {"CANCELLED"}
    assert click(table, bpy.context, None) == {"FINISHED"}, "another button is another wish"
    bpy.context.preferences.inputs.mouse_double_click_time = 1
    monkeypatch.setattr(addon.operators.submit_jobs, "LEAST_SECONDS", 0.0)
    time.sleep(0.01)
    assert click(chair, bpy.context, None) == {"FINISHED"}, "a click much later is one of its own"
    assert done == ["chair", "table", "chair"]


def test_a_script_may_ask_twice_at_once(addon, sandbox):
    for _ in range(2):
        assert ask("A chair") == {"FINISHED"}
    assert len(panel().jobs) == 2


def test_separate_requests_at_one_cursor_stand_beside_each_other(addon, sandbox):
    for prompt in ("A chair", "A table", "A lamp"):
        ask(prompt)
    assert are_apart("A chair", "A table", "A lamp")
    assert bpy.data.objects["A chair"].location.length == 0.0


def test_variants_stand_beside_what_is_there_already(addon, sandbox):
    ask("A chair")
    generate(variants=2)
    assert are_apart("A chair", "A brass lamp 1", "A brass lamp 2")


def test_the_place_of_a_model_that_was_moved_is_free(addon, sandbox):
    ask("A chair")
    bpy.data.objects["A chair"].location.x += 10.0
    ask("A table")
    assert bpy.data.objects["A table"].location.length == 0.0


def test_another_place_and_another_scene_are_free(addon, sandbox):
    ask("A chair")
    bpy.context.scene.cursor.location = (0.0, 5.0, 0.0)
    ask("A table")
    assert bpy.data.objects["A table"].location[:] == (0.0, 5.0, 0.0)
    bpy.context.scene.cursor.location = (0.0, 0.0, 0.0)
    bpy.context.window.scene = bpy.data.scenes.new("Another")
    ask("A lamp")
    assert bpy.data.objects["A lamp"].location.length == 0.0
