"""Several models of one request: where they stand, and what becomes of them when one is kept."""

import itertools
from dataclasses import replace
from pathlib import Path

import bpy
import numpy as np
import pytest
from generio_flows.core.messages import Message

from tests.blender import scenes
from tests.blender.job_fixtures import generate, panel, settle, slab, until, wish


def test_variants_stand_side_by_side_and_one_is_kept(addon, sandbox):
    assert generate(variants=3) == {"FINISHED"}
    variants = [item for item in bpy.data.objects if item.name.startswith("A brass lamp")]
    assert sorted(item["generio_seed"] for item in variants) == [7, 8, 9]
    bpy.context.view_layer.update()
    spans = sorted((scenes.bounds([item])[0][0], scenes.bounds([item])[1][0]) for item in variants)
    assert all(left[1] < right[0] for left, right in itertools.pairwise(spans))
    assert sorted(row.name for row in panel().jobs) == [f"A brass lamp {number}" for number in (1, 2, 3)]
    scenes.select(variants[1])
    assert bpy.ops.generio.keep_variant() == {"FINISHED"}
    assert [item.name for item in bpy.data.objects if item.type == "MESH"] == [variants[1].name]
    with pytest.raises(RuntimeError, match="one of several variants"):
        bpy.ops.generio.keep_variant()


def test_seeds_of_variants_begin_again_after_the_largest(addon, sandbox):
    assert generate(seed=2**31 - 1, variants=2) == {"FINISHED"}
    assert sorted(row.settings for row in panel().jobs) == [
        f"low quality, seed {seed}" for seed in (0, 2**31 - 1)
    ]


def test_random_variants_have_seeds_that_are_known(addon, sandbox):
    bpy.ops.generio.generate_from_prompt(prompt="A chair", quality="LOW", variants=2)
    seeds = {item["generio_seed"] for item in bpy.data.objects if "generio_seed" in item}
    assert len(seeds) == 2
    assert all(0 <= seed < 2**31 for seed in seeds)


def test_keeping_one_cancels_the_others(addon, sandbox):
    generate(variants=2)
    carrier = addon.session.current().open_engine(bpy.context)
    group = carrier.jobs()[0].request.destination.group
    sandbox.order({"flow": {"outcome": "hang"}})  # what is over before it can be cancelled is kept
    job = wish(
        addon,
        sandbox,
        "A third",
        replace(addon.session.current().document.at_cursor(bpy.context), group=group),
    )
    token = carrier.submit(job).token
    scenes.select(bpy.data.objects["A brass lamp 1"])
    bpy.ops.generio.keep_variant()
    addon.session.waiting.run_until(bpy.context, [token])
    assert carrier.job(token).state == "cancelled"


@pytest.mark.parametrize("noted", [False, True], ids=["ready", "noted in the ledger"])
def test_keeping_one_lets_those_wait_that_are_ready(addon, sandbox, monkeypatch, noted: bool):
    bpy.ops.generio.add_box()
    generate(variants=2, where="BOX")
    carrier = addon.session.current().open_engine(bpy.context)
    token = carrier.submit(wish(addon, sandbox, "A third", carrier.jobs()[0].request.destination)).token
    with monkeypatch.context() as busy:
        busy.setattr(
            addon.session.current().placement.moment,
            "placement_blocker",
            lambda *_: "Waits for a quiet moment",
        )
        until(
            lambda: (
                addon.session.current().tick(bpy.context)
                and token in addon.session.current().placement.pending
            )
        )
    if noted:
        addon.session.current().tick(
            bpy.context
        )  # the ledger is being told, and the model would come with the next one
    scenes.select(bpy.data.objects["A brass lamp 1"])
    assert bpy.ops.generio.keep_variant() == {"FINISHED"}
    addon.session.waiting.run_until(bpy.context, [token])
    assert "A third" not in bpy.data.objects
    row = next(row for row in panel().jobs if row.name == "A third")
    assert (row.state, row.message) == ("ready", "Another variant was kept.")
    assert bpy.ops.generio.import_result(token=token) == {"FINISHED"}
    assert "A third" in bpy.data.objects


def test_a_job_list_that_is_busy_when_one_is_kept_says_so(addon, sandbox, monkeypatch):
    generate(variants=2)

    def busy(*_: object) -> None:
        raise addon.jobs.LedgerError(Message("The job list is in use."))

    monkeypatch.setattr(addon.session.current().open_engine(bpy.context), "cancel", busy)
    scenes.select(bpy.data.objects["A brass lamp 1"])
    with pytest.raises(RuntimeError, match=r"^Error: The job list is in use"):
        bpy.ops.generio.keep_variant()


def test_the_parts_of_a_variant_stand_for_it(addon, sandbox):
    generate(variants=2)
    first = bpy.data.objects["A brass lamp 1"]
    part = bpy.data.objects.new("part", None)
    bpy.context.collection.objects.link(part)
    part.parent = first
    scenes.select(part)
    assert bpy.ops.generio.mark_asset() == {"FINISHED"}
    (collection,) = first.users_collection
    assert collection.asset_data is not None
    assert bpy.ops.generio.keep_variant() == {"FINISHED"}
    assert "A brass lamp 2" not in bpy.data.objects
    assert "A brass lamp 1" in bpy.data.objects


def placed_variants(addon, tmp_path: Path, count: int = 2, moved=None) -> list[bpy.types.Object]:
    """Variants of one request, each a body with an arm, as they stand in the scene.

    moved: where the user puts the first one before the others come.
    """
    blend = tmp_path / "model.blend"
    body = slab("Body")
    arm = slab("Arm", parent=body)
    bpy.data.libraries.write(str(blend), {body, arm})
    bpy.data.batch_remove([body, arm])
    place = addon.scene.place.place
    destination = replace(addon.session.current().document.at_cursor(bpy.context), group="a request")
    roots = []
    for number in range(count):
        model = place.Model("", str(blend), f"Robot {number}", {"token": f"job {number}"})
        roots += place.place_models(bpy.context, [model], destination)
        if moved and number == 0:
            roots[0].location = moved
    bpy.context.view_layer.update()
    return roots


@pytest.mark.parametrize("order", [*itertools.permutations((1, 2, 3))])
def test_variants_stand_in_order_whichever_comes_first(addon, order: tuple[int, ...]):
    for number in order:
        item = slab(f"Slab {number}", size=(number, 1.0, 1.0))
        settle(addon, item, group="group", number=number)
    spans = [
        (scenes.bounds([item])[0][0], scenes.bounds([item])[1][0])
        for item in (bpy.data.objects[f"Slab {number}"] for number in (1, 2, 3))
    ]
    assert all(0.0 < right[0] - left[1] < 0.5 for left, right in itertools.pairwise(spans)), spans


def test_a_variant_that_was_moved_makes_no_room(addon):
    moved = settle(addon, slab("Slab 2"), group="group", number=2)
    moved.location.y = 9.0
    before = moved.location.copy()
    settle(addon, slab("Slab 1"), group="group", number=1)
    assert moved.location == before


def test_one_that_was_sent_elsewhere_stands_there(addon, tmp_path: Path):
    """Its stand-in was dragged while the first one was here already."""
    first, _ = placed_variants(addon, tmp_path)
    place = addon.scene.place.place
    blend = str(tmp_path / "model.blend")
    destination = replace(
        addon.session.current().document.at_cursor(bpy.context),
        group="a request",
        location=(-30.0, 7.0, 0.0),
    )
    for number in (2, 3):
        model = place.Model("", blend, f"Robot {number}", {"token": f"job {number}"})
        (item,) = place.place_models(bpy.context, [model], destination)
        if number == 2:
            np.testing.assert_allclose(item.location, (-30.0, 7.0, 0.0), atol=1e-5)
    assert -30.0 < item.location.x < -20.0, "beside the one that is there, not beside those that are not"
    scenes.select(first)
    assert bpy.ops.generio.keep_variant() == {"FINISHED"}
    assert not [item for item in bpy.data.objects if item.name.startswith("Robot") and item != first]


@pytest.mark.parametrize("removed", [False, True], ids=["both", "the duplicate alone"])
def test_keeping_one_leaves_a_duplicate_of_its_box(addon, removed: bool):
    """Which may be for another job; the model does not jump into it."""
    bpy.ops.generio.add_box(size=2.0)
    box = bpy.context.active_object
    generate(variants=2, where="BOX")
    duplicate = box.copy()
    bpy.context.collection.objects.link(duplicate)
    duplicate.location.x = 20.0
    if removed:
        bpy.data.objects.remove(box)
    bpy.context.view_layer.update()
    first = bpy.data.objects["A brass lamp 1"]
    before = first.location.x  # the second one may have come before it
    scenes.select(first)
    assert bpy.ops.generio.keep_variant() == {"FINISHED"}
    assert [item.name for item in bpy.data.objects if item.type == "EMPTY"] == [duplicate.name]
    assert first.location.x == pytest.approx(before if removed else 0.0)


def test_keeping_one_leaves_what_is_the_users_own(addon, tmp_path: Path):
    first, second = placed_variants(addon, tmp_path)
    duplicate = first.copy()
    bpy.context.collection.objects.link(duplicate)
    hat = scenes.ball("Hat", 8, 8, location=(3.0, 2.0, 1.0))
    hat.parent = second.children[0]
    bpy.context.view_layer.update()
    before = hat.matrix_world.copy()
    scenes.select(first)
    assert bpy.ops.generio.keep_variant() == {"FINISHED"}
    bpy.context.view_layer.update()
    assert {item for item in bpy.data.objects if item.parent is None} == {first, duplicate, hat}
    assert len(bpy.data.objects) == 4, "the first one's arm stays, the second one's went with it"
    np.testing.assert_allclose(hat.matrix_world, before, atol=1e-6)
    scenes.select(duplicate)
    assert not bpy.ops.generio.keep_variant.poll()


def test_keeping_one_leaves_duplicates_of_the_others(addon, tmp_path: Path):
    first, second = placed_variants(addon, tmp_path)
    mine = second.copy()
    bpy.context.collection.objects.link(mine)
    bpy.ops.scene.new(type="FULL_COPY")
    copies = [*bpy.context.scene.objects]
    bpy.context.window.scene = bpy.data.scenes[0]
    scenes.select(first)
    assert bpy.ops.generio.keep_variant() == {"FINISHED"}
    assert "Robot 1" not in bpy.data.objects
    assert mine.name in bpy.data.objects
    assert all(item.name in bpy.data.objects for item in copies)


def test_a_linked_variant_can_neither_be_kept_nor_goes(addon, tmp_path: Path):
    linked, first, _second = placed_variants(addon, tmp_path, 3)
    there = tmp_path / "other.blend"
    bpy.data.libraries.write(str(there), {linked})
    name = linked.name
    bpy.data.batch_remove([linked, *linked.children_recursive])
    with bpy.data.libraries.load(str(there), link=True) as (_inside, wanted):
        wanted.objects = [name]
    bpy.context.collection.objects.link(wanted.objects[0])
    scenes.select(wanted.objects[0])
    assert not bpy.ops.generio.keep_variant.poll()
    scenes.select(first)
    assert bpy.ops.generio.keep_variant() == {"FINISHED"}
    assert wanted.objects[0].name == name
    assert "Robot 2" not in bpy.data.objects


def test_a_variant_that_was_moved_takes_the_next_ones_nowhere(addon, tmp_path: Path):
    first, second, third = placed_variants(addon, tmp_path, 3, moved=(500.0, 0.0, 0.0))
    assert first.location.x == 500.0
    assert abs(second.location.x) < 1e-4, "it stands where the first one stood"
    assert 0.0 < third.location.x < 50.0


@pytest.mark.parametrize("moved", [False, True])
def test_the_kept_one_comes_into_the_box_unless_it_was_moved(addon, sandbox, moved: bool):
    bpy.ops.generio.add_box(size=2.0)
    box = bpy.context.active_object
    box.location = (10.0, 0.0, 1.0)
    generate(variants=2, where="BOX")
    lamps = [item for item in bpy.data.objects if item.name.startswith("A brass lamp")]
    second = max(lamps, key=lambda item: item.location.x)
    assert second.location.x > 11.0
    if moved:
        second.location.y = 5.0
    place = tuple(second.location)
    scenes.select(second)
    assert bpy.ops.generio.keep_variant() == {"FINISHED"}
    assert "Model Box" not in bpy.data.objects
    np.testing.assert_allclose(second.location, place if moved else (10.0, 0.0, 0.0), atol=1e-4)


def test_a_kept_one_that_hangs_on_something_stays_there(addon, sandbox):
    bpy.ops.generio.add_box(size=2.0)
    generate(variants=2, where="BOX")
    chosen = bpy.data.objects["A brass lamp 1"]
    holder = bpy.data.objects.new("Holder", None)
    bpy.context.collection.objects.link(holder)
    chosen.parent, holder.location = holder, (7.0, 0.0, 0.0)
    bpy.context.view_layer.update()
    before = chosen.matrix_world.translation.copy()
    scenes.select(chosen)
    assert bpy.ops.generio.keep_variant() == {"FINISHED"}
    bpy.context.view_layer.update()
    np.testing.assert_allclose(chosen.matrix_world.translation, before, atol=1e-5)


def test_only_a_selected_variant_can_be_kept(addon, tmp_path: Path):
    first, _second = placed_variants(addon, tmp_path)
    scenes.select(first)
    assert bpy.ops.generio.keep_variant.poll()
    first.select_set(False)
    assert not bpy.ops.generio.keep_variant.poll()
