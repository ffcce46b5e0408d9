"""Property by property: what an optimized object keeps, in every mode, in scenes where much hangs on it."""

import json
from collections import Counter
from pathlib import Path

import bpy
import numpy as np
import pytest
from mathutils import Matrix, Vector
from PIL import Image

from tests.blender import mesh_fixtures, scenes

TRIED: Counter[str] = Counter()
KEPT: Counter[str] = Counter()
MODES = ("REPLACE", "BESIDE", "COLLECTION", "HIDE")

OF_THE_ORIGINAL = {
    "REPLACE": set(),
    "BESIDE": set(),
    "COLLECTION": set(),
    "HIDE": {"visible", "selected", "hide_render"},
}
"""What the mode is there to change on the objects that were optimized."""

OF_THE_COPY = {
    "name",
    "uid",
    "children",
    "mesh name",
    "mates",
    "selected",
}
"""In what a copy differs from its original in any mode."""

MORE_OF_THE_COPY = {
    "BESIDE": {"matrix_world", "matrix_local", "matrix_basis", "location", "delta_location"},
    "COLLECTION": {"collections", "scenes"},
    "HIDE": set(),
}


@pytest.fixture(scope="module", autouse=True)
def numbers():
    yield
    for mode, tried in TRIED.items():
        print(f"\nproperties kept, {mode}: {KEPT[mode]} of {tried}")  # noqa: T201


def compare(mode: str, before: dict, after: dict, but: set[str]) -> None:
    for name in before.keys() - but:
        TRIED[mode] += 1
        assert after[name] == before[name], name
        KEPT[mode] += 1


def look(items: list[bpy.types.Object]) -> list[dict]:
    bpy.context.view_layer.update()
    return [mesh_fixtures.properties(item) for item in items]


def optimize(items: list[bpy.types.Object], **options: object) -> None:
    scenes.select(*items)
    assert bpy.ops.generio.optimize_selected(target="PERCENT", percent=40, **options) == {"FINISHED"}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("scene", mesh_fixtures.SCENES)
def test_everything_but_the_mesh_is_kept(addon, sandbox, scene: str, mode: str):
    items = mesh_fixtures.SCENES[scene]()
    scenes.select(*items)
    before = look(items)
    heavy = [scenes.triangles(item) for item in items]
    objects = set(bpy.data.objects)
    optimize(items, placement=mode)
    for was, now in zip(before, look(items), strict=True):
        compare(mode, was, now, OF_THE_ORIGINAL[mode])
    copies = [item for item in bpy.data.objects if item not in objects]
    if mode == "REPLACE":
        assert not copies
        light = [scenes.triangles(item) for item in items]
    else:
        assert len(copies) == len(items)
        assert [scenes.triangles(item) for item in items] == heavy
        copies = [bpy.data.objects[f"{item.name}_optimized"] for item in items]
        for was, now in zip(before, look(copies), strict=True):
            compare(f"{mode} (copies)", was, now, OF_THE_COPY | MORE_OF_THE_COPY[mode])
        light = [scenes.triangles(item) for item in copies]
    assert all(few <= 0.41 * many for few, many in zip(light, heavy, strict=True))
    assert sandbox.stats()["run_total"] == len({item.data for item in items})


@pytest.mark.parametrize("scene", mesh_fixtures.SCENES)
def test_revert_brings_everything_back_also_after_saving_and_opening(addon, tmp_path: Path, scene: str):
    items = mesh_fixtures.SCENES[scene]()
    scenes.select(*items)
    names = [item.name for item in items]
    before = plain(look(items))
    heavy = [scenes.triangles(item) for item in items]
    meshes = len(bpy.data.meshes)
    optimize(items, modifier_mode="APPLY")
    path = tmp_path / "saved.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    bpy.ops.wm.open_mainfile(filepath=str(path))
    items = [bpy.data.objects[name] for name in names]
    scenes.select(*items)
    assert bpy.ops.generio.revert_optimized() == {"FINISHED"}
    now = plain(look(items))
    assert [scenes.triangles(item) for item in items] == heavy
    for was, is_now in zip(before, now, strict=True):
        compare("reverted", was, is_now, {"uid"})
    assert len(bpy.data.meshes) == meshes
    assert not [item.name for item in bpy.data.objects if not item.users_collection]


def plain(looks: list[dict]) -> list[dict]:
    """The same with names in the place of data, which are others once a file has been opened."""
    text = json.dumps(looks, default=lambda value: value.name)
    return json.loads(text)


def test_what_is_linked_from_a_library_is_left_out_with_why(addon, sandbox, tmp_path: Path, capfd):
    local, away = mesh_fixtures.library_linked(tmp_path)
    scenes.select(local, away)
    before = look([away, local])
    optimize([local, away])
    assert '"Away" is left out: it is linked from another file' in capfd.readouterr().out
    for was, now in zip(before, look([away, local]), strict=True):
        compare("beside what is linked", was, now, set())
    assert sandbox.stats()["run_total"] == 1
    assert scenes.triangles(away) == 224


@pytest.mark.parametrize("own_mesh", [False, True])
def test_an_override_is_left_out_with_why(addon, sandbox, tmp_path: Path, capfd, own_mesh: bool):
    """Opened again, it would have its modifiers once more, and not know its mesh before any more."""
    local, away = mesh_fixtures.library_linked(tmp_path)
    hero = away.override_create(remap_local_usages=True)
    if own_mesh:
        hero.data = scenes.ball("Own", 16, 8).data
    else:
        hero.data.override_create(remap_local_usages=True)
    assert hero.is_editable
    assert hero.data.is_editable
    hero.modifiers.new("Subdivision", "SUBSURF")
    mesh = hero.data
    optimize([local, hero], modifier_mode="APPLY")
    told = capfd.readouterr().out
    assert f'"{hero.name}" is left out: it is a library override; make it local first' in told
    assert (hero.data, [modifier.name for modifier in hero.modifiers]) == (mesh, ["Subdivision"])
    assert sandbox.stats()["run_total"] == 1


@pytest.mark.usefixtures("sends_what_is_light")
@pytest.mark.parametrize("percent", [50, 100])
@pytest.mark.parametrize("far", [Vector((1e6, 0, 0)), Vector((-3e5, 2e5, 8e5))])
def test_a_mesh_far_from_its_origin_is_as_exact_as_any(addon, far: Vector, percent: int):
    """Such as a house in the coordinates of its country."""
    item = scenes.ball("House", 32, 16, radius=2)
    item.data.transform(Matrix.Translation(far))
    sent = scenes.world_points(item)
    scenes.select(item)
    assert bpy.ops.generio.optimize_selected(target="PERCENT", percent=percent) == {"FINISHED"}
    made = scenes.world_points(item)
    if percent == 100:
        assert np.array_equal(made, sent)
        return
    assert 200 < scenes.triangles(item) <= 480
    apart = np.linalg.norm(made - np.array(far), axis=1)
    assert apart.min() > 1.7 and apart.max() < 2.3
    report = json.loads(item.data["generio_report"])
    assert not report["came"]["shifted"] and report["drift"] < 0.03


def picture(path: Path) -> np.ndarray:
    """What Cycles makes of the scene from the front right and above, in 256 steps."""
    scene = bpy.context.scene
    bpy.context.view_layer.update()
    low, high = scenes.bounds([item for item in scene.objects if item.type == "MESH"])
    size = float(np.linalg.norm(high - low))
    lens = bpy.data.cameras.new("Camera")
    lens.type, lens.ortho_scale, lens.clip_end = "ORTHO", size, 10 * size
    camera = bpy.data.objects.new("Camera", lens)
    way = Vector((0.45, -1.0, 0.4)).normalized()
    camera.location = Vector((low + high) / 2) + 3 * size * way
    camera.rotation_euler = (-way).to_track_quat("-Z", "Y").to_euler()
    sun = bpy.data.objects.new("Sun", bpy.data.lights.new("Sun", "SUN"))
    sun.rotation_euler = (0.7, 0.3, 0.5)
    for item in (camera, sun):
        scene.collection.objects.link(item)
    scene.camera = camera
    scene.render.engine, scene.cycles.samples, scene.cycles.use_denoising = "CYCLES", 4, False
    scene.render.resolution_x = scene.render.resolution_y = 128
    scene.render.image_settings.file_format = "PNG"
    scene.render.filepath = str(path)
    bpy.ops.render.render(write_still=True)
    bpy.data.batch_remove([camera, sun, lens, sun.data])
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB")).astype(int)


@pytest.mark.usefixtures("sends_what_is_light")
@pytest.mark.parametrize("scene", mesh_fixtures.SCENES)
def test_with_nothing_reduced_the_pictures_are_the_same(addon, tmp_path: Path, scene: str):
    items = mesh_fixtures.SCENES[scene]()
    for item in items:
        item.hide_render = False
    before = picture(tmp_path / "before.png")
    assert before.std() > 1, "there is something to be seen"
    scenes.select(*items)
    assert bpy.ops.generio.optimize_selected(target="PERCENT", percent=100) == {"FINISHED"}
    assert all("generio_report" in item.data for item in items)
    assert np.abs(picture(tmp_path / "after.png") - before).max() <= 2
