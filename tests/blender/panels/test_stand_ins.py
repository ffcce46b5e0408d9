"""What is drawn for models that are still to come: where, how it is moved, and when it goes."""

import importlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import bpy
import numpy as np
import pytest
from mathutils import Vector

from tests.blender.job_fixtures import held_up, submit_into_box, until, wish


def shown(addon) -> Any:
    """What is drawn of the models that are to come."""
    return addon.session.current().part(addon.panels.placeholders.Placeholders)


def slowed(sandbox) -> None:
    """Flows take a second to tell that they are done."""
    sandbox.order({"method": "GET", "path": "/flows/*", "action": "delay", "seconds": 1})


def submit(addon, sandbox, name: str, location=(0.0, 0.0, 0.0)) -> str:
    """A job that is to come there; returns its token."""
    destination = replace(addon.session.current().document.at_cursor(bpy.context), location=location)
    return (
        addon.session.current().open_engine(bpy.context).submit(wish(addon, sandbox, name, destination)).token
    )


def handles(addon):
    return importlib.import_module(f"{addon.__name__}.panels.placeholder_gizmos")


def test_what_is_being_made_is_drawn(addon, sandbox):
    sandbox.order({"method": "GET", "path": "/flows/*", "action": "delay", "seconds": 1})
    box, token = submit_into_box(addon, sandbox)
    addon.session.current().tick(bpy.context)
    (drawn,) = shown(addon).shown
    assert drawn.text == "A chair"
    np.testing.assert_allclose(drawn.matrix() @ Vector((0.5, 0.5, 1.0)), (1.0, 1.0, 2.0), atol=1e-5)
    bpy.data.objects.remove(box)
    assert drawn.matrix() is None
    addon.session.waiting.run_until(bpy.context, [token], timeout=60.0)
    assert shown(addon).shown == ()


def test_a_place_keeps_its_number_while_one_of_its_jobs_goes_there(addon):
    placeholders, scene = shown(addon), bpy.context.scene
    kind = addon.panels.placeholders.Placeholder

    def going(token: str, x: float):
        destination = addon.core.destination
        where = destination.NewModel(scene=destination.DatablockRef(scene.name), location=(x, 0.0, 0.0))
        return kind.of(token, token, 0.0, where)

    chair, owls, lamp = going("chair", 0.0), [going(f"owl {n}", 1.0) for n in (1, 2)], going("lamp", 2.0)
    placeholders._show(bpy.context, [chair, *owls, lamp])
    assert [*placeholders.places(scene)] == [0, 1, 2]
    placeholders._show(bpy.context, [owls[1], lamp])  # what is dragged as number 1 or 2 is the same as before
    assert placeholders.places(scene) == {1: ((1.0, 0.0, 0.0), ["owl 2"]), 2: ((2.0, 0.0, 0.0), ["lamp"])}
    addon.panels.placeholder_gizmos.move(2, (5.0, 0.0, 0.0))
    assert placeholders.places(scene)[2] == ((5.0, 0.0, 0.0), ["lamp"])
    placeholders._show(bpy.context, [going("table", 9.0), owls[1], going("lamp", 5.0)])
    assert placeholders.places(scene)[0][1] == ["table"]
    assert placeholders.places(scene)[2][1] == ["lamp"]
    placeholders._show(bpy.context, [])
    assert placeholders.places(scene) == {}


def test_a_stand_in_can_be_moved_and_deleted(addon, sandbox):
    sandbox.order({"method": "GET", "path": "/flows/*", "action": "delay", "seconds": 1})
    carrier = addon.session.current().open_engine(bpy.context)
    tokens = [
        carrier.submit(
            addon.jobs.Job(
                addon.jobs.Request(
                    service=sandbox.url,
                    template="model_generate_fromprompt",
                    name=name,
                    prompt=name,
                    destination=replace(
                        addon.session.current().document.at_cursor(bpy.context), location=location
                    ),
                ),
            )
        ).token
        for name, location in (("A chair", (0.0, 0.0, 0.0)), ("A table", (5.0, 0.0, 0.0)))
    ]
    addon.session.current().tick(bpy.context)
    assert [handles(addon).location_of(place) for place in (0, 1)] == [(0.0, 0.0, 0.0), (5.0, 0.0, 0.0)]
    handles(addon).move(0, (1.0, 2.0, 3.0))
    assert handles(addon).location_of(0) == (1.0, 2.0, 3.0)  # at once
    assert bpy.ops.generio.put_aside(place=1) == {"FINISHED"}
    addon.session.waiting.run_until(bpy.context, tokens, timeout=60.0)
    np.testing.assert_allclose(bpy.data.objects["A chair"].location, (1.0, 2.0, 3.0), atol=1e-5)
    row = next(row for row in bpy.context.window_manager.generio.jobs if row.name == "A table")
    assert (row.state, row.message.rstrip(".")) == ("ready", "Its placeholder was deleted")
    assert "A table" not in bpy.data.objects
    assert bpy.ops.generio.import_result(token=row.token) == {"FINISHED"}
    assert "A table" in bpy.data.objects


def test_names_of_stand_ins_never_stand_on_each_other(addon):
    above = addon.panels.placeholders.above
    texts: list[tuple[float, ...]] = []
    for left, bottom in ((0, 0), (50, 10), (500, 5), (30, 0), (60, 45)):
        texts.append(above(texts, (left, bottom, left + 100, bottom + 20)))
    assert texts == [
        (0, 0, 100, 20),
        (50, 20, 150, 40),
        (500, 5, 600, 25),
        (30, 40, 130, 60),
        (60, 60, 160, 80),
    ]


def test_where_a_stand_in_is_dragged_is_told_when_the_hand_lets_go(addon, sandbox, monkeypatch):
    slowed(sandbox)
    token, moment = submit(addon, sandbox, "A chair"), addon.session.current().placement.moment
    carrier = addon.session.current().open_engine(bpy.context)
    told: list[object] = []
    relocate = carrier.relocate
    monkeypatch.setattr(
        carrier, "relocate", lambda token, **what: (told.append(what), relocate(token, **what))
    )
    addon.session.current().tick(bpy.context)
    with monkeypatch.context() as dragging:
        dragging.setattr(moment, "is_user_interacting", lambda _context: True)
        for x in (1.0, 2.0, 3.0):
            handles(addon).move(0, (x, 0.0, 0.0))
            addon.session.current().tick(bpy.context)
            assert handles(addon).location_of(0) == (x, 0.0, 0.0), "one step back"
        assert told == []
    addon.session.current().tick(bpy.context)
    assert told == [{"location": (3.0, 0.0, 0.0)}]
    addon.session.waiting.run_until(bpy.context, [token], timeout=60.0)
    assert len(told) == 1
    np.testing.assert_allclose(bpy.data.objects["A chair"].location, (3.0, 0.0, 0.0), atol=1e-5)


def ready_in_edit_mode(addon, sandbox) -> str:
    """A job whose model has to wait for Object Mode."""
    bpy.ops.mesh.primitive_cube_add()
    bpy.ops.object.mode_set(mode="EDIT")
    token = submit(addon, sandbox, "A chair")
    until(
        lambda: (
            addon.session.current().tick(bpy.context) and token in addon.session.current().placement.pending
        )
    )
    addon.session.current().tick(bpy.context)
    return token


def test_a_finished_model_that_waits_can_still_be_moved(addon, sandbox):
    token = ready_in_edit_mode(addon, sandbox)
    (drawn,) = shown(addon).shown
    assert (drawn.token, drawn.progress) == (token, 1.0)
    handles(addon).move(0, (0.0, 4.0, 0.0))
    addon.session.current().tick(bpy.context)
    bpy.ops.object.mode_set(mode="OBJECT")
    addon.session.waiting.run_until(bpy.context, [token], timeout=60.0)
    np.testing.assert_allclose(bpy.data.objects["A chair"].location, (0.0, 4.0, 0.0), atol=1e-5)
    addon.session.current().tick(bpy.context)
    assert shown(addon).shown == ()


def test_a_finished_model_that_waits_can_still_be_put_aside(addon, sandbox):
    token = ready_in_edit_mode(addon, sandbox)
    assert bpy.ops.generio.put_aside(place=0) == {"FINISHED"}
    bpy.ops.object.mode_set(mode="OBJECT")
    until(
        lambda: addon.session.current().tick(bpy.context) and not addon.session.current().placement.is_busy()
    )
    assert "A chair" not in bpy.data.objects
    (row,) = bpy.context.window_manager.generio.jobs
    assert (row.token, row.state) == (token, "ready")
    assert "placeholder was deleted" in row.message


def test_a_move_that_comes_as_the_job_ends_is_told(addon, sandbox):
    token = submit(addon, sandbox, "A chair")
    carrier = addon.session.current().open_engine(bpy.context)
    addon.session.current().tick(bpy.context)
    handles(addon).move(0, (7.0, 0.0, 0.0))
    until(lambda: carrier.job(token).state == "ready")
    addon.session.current().placement.process_next(
        bpy.context, carrier
    )  # as where it ended after a tick had looked what is new
    assert token not in addon.session.current().placement.pending
    addon.session.waiting.run_until(bpy.context, [token], timeout=60.0)
    np.testing.assert_allclose(bpy.data.objects["A chair"].location, (7.0, 0.0, 0.0), atol=1e-5)


def test_a_stand_in_that_is_deleted_as_the_job_ends_is_not_placed(addon, sandbox):
    token = submit(addon, sandbox, "A chair")
    carrier = addon.session.current().open_engine(bpy.context)
    until(lambda: carrier.job(token).state == "ready")
    addon.session.current().placement.enqueue_ready(carrier, carrier.jobs())
    carrier.relocate(
        token, placeholder_deleted=True
    )  # as `put_aside` of what is not finished, a moment before
    until(
        lambda: addon.session.current().tick(bpy.context) and not addon.session.current().placement.is_busy()
    )
    assert "A chair" not in bpy.data.objects
    (row,) = bpy.context.window_manager.generio.jobs
    assert (row.state, row.message.rstrip(".")) == ("ready", "Its placeholder was deleted")


def test_what_another_blender_makes_cannot_be_moved_here(addon, sandbox, monkeypatch):
    slowed(sandbox)
    submit(addon, sandbox, "A chair")
    monkeypatch.setattr(addon.session.current().open_engine(bpy.context), "owns", lambda _token: False)
    addon.session.current().tick(bpy.context)
    assert len(shown(addon).shown) == 1
    assert shown(addon).places(bpy.context.scene) == {}


def test_a_stand_in_that_was_deleted_stays_so_when_the_file_is_saved_at_once(addon, sandbox, tmp_path: Path):
    slowed(sandbox)
    token = submit(addon, sandbox, "A chair")
    addon.session.current().tick(bpy.context)
    carrier = addon.session.current().open_engine(bpy.context)
    with held_up(addon):
        assert bpy.ops.generio.put_aside(place=0) == {"FINISHED"}
        bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "chair.blend"))
    addon.session.waiting.run_until(bpy.context, [token], timeout=60.0)
    assert carrier.job(token).state == "ready"
    assert "A chair" not in bpy.data.objects


def test_of_many_places_those_that_are_left_can_be_grasped(addon):
    placeholders, scene = shown(addon), bpy.context.scene
    kind = addon.panels.placeholders.Placeholder
    model = addon.core.destination.NewModel
    going = [kind.of(str(number), "", 0.0, model(location=(float(number), 0.0, 0.0))) for number in range(10)]
    placeholders._show(bpy.context, going)
    assert [*placeholders.places(scene)] == [*range(10)]
    placeholders._show(bpy.context, going[7:])
    assert {number: tokens for number, (_place, tokens) in placeholders.places(scene).items()} == {
        7: ["7"],
        0: ["8"],
        1: ["9"],
    }
    placeholders._show(bpy.context, [])


def test_a_scene_and_a_collection_may_be_renamed_meanwhile(addon, sandbox):
    slowed(sandbox)
    scene = bpy.context.scene
    home = bpy.data.collections.new("Home")
    scene.collection.children.link(home)
    bpy.context.view_layer.active_layer_collection = bpy.context.view_layer.layer_collection.children["Home"]
    token = submit(addon, sandbox, "A chair")
    bpy.context.window.scene = bpy.data.scenes.new("Another")
    scene.name, home.name = "Renamed", "Also Renamed"
    bpy.data.collections.new("Home")
    addon.session.current().tick(bpy.context)
    placeholders = shown(addon)
    assert [*placeholders.places(scene)] == [0]
    assert placeholders.places(bpy.context.scene) == {}
    addon.session.waiting.run_until(bpy.context, [token], timeout=60.0)
    chair = bpy.data.objects["A chair"]
    assert [*chair.users_scene] == [scene]
    assert [*chair.users_collection] == [home]


def test_a_collection_that_is_left_out_by_then_takes_no_model(addon, sandbox):
    home = bpy.data.collections.new("Home")
    bpy.context.scene.collection.children.link(home)
    layer = bpy.context.view_layer
    layer.active_layer_collection = layer.layer_collection.children["Home"]
    token = submit(addon, sandbox, "A chair")
    layer.layer_collection.children["Home"].exclude = True
    addon.session.waiting.run_until(bpy.context, [token], timeout=60.0)
    assert [*bpy.data.objects["A chair"].users_collection] == [bpy.context.scene.collection]


@pytest.mark.parametrize("hidden", ["exclude", "hide_viewport"])
def test_a_model_in_a_hidden_collection_of_the_users_choice_is_told_so(addon, sandbox, hidden: str):
    home = bpy.data.collections.new("Home")
    bpy.context.scene.collection.children.link(home)
    setattr(bpy.context.view_layer.layer_collection.children["Home"], hidden, True)
    addon.session.preferences.preferences(bpy.context).collection = "Home"
    bpy.ops.generio.generate_from_prompt(prompt="A chair")
    addon.session.current().tick(bpy.context)
    assert [*bpy.data.objects["A chair"].users_collection] == [home]
    bar = addon.session.current().part(addon.panels.status_bar.StatusBar)
    assert (bar.text, bar.icon) == ('"A chair" is in "Home", which is hidden', "HIDE_ON")
