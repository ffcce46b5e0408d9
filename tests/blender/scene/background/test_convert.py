"""The child Blender converts, describes and draws; it ends with its parent and knows no secrets."""

import importlib
import io
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import numpy as np
import pytest
from generio_flows.jobs.process_id import began
from PIL import Image

from tests.blender import scenes
from tests.blender.conftest import EXTENSION
from tests.blender.job_fixtures import without_converter
from tests.sandbox.generate import from_prompt
from tests.systems import needs_proc


@pytest.fixture
def glb(tmp_path: Path) -> Path:
    path = tmp_path / "model.glb"
    path.write_bytes(from_prompt("a lamp", quality="low", seed=1, texture=True))
    return path


def never() -> bool:
    return False


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "any_glb" in metafunc.fixturenames:
        more = (
            sorted(Path(metafunc.config.getoption("models")).glob("*.glb"))
            if metafunc.config.getoption("models")
            else []
        )
        metafunc.parametrize(
            "any_glb", [None, *more], indirect=True, ids=lambda path: path.stem if path else "made"
        )


@pytest.fixture
def any_glb(request: pytest.FixtureRequest, glb: Path, tmp_path: Path) -> Path:
    """A model that the sandbox made, or a copy of one that --models names."""
    return Path(shutil.copy(request.param, tmp_path)) if request.param else glb


def looks(items: Iterable[bpy.types.Object]) -> dict[str, object]:
    """What the meshes among `items` consist of, and where they stand."""
    meshes = [item for item in items if item.type == "MESH"]
    images = [image for item in meshes for image in scenes.base_colour_images(item)]
    return {
        "vertices": sorted(len(item.data.vertices) for item in meshes),
        "uvs": sorted(
            sum(uv.vector.x + uv.vector.y for uv in layer.uv)
            for item in meshes
            for layer in item.data.uv_layers
        ),
        "slots": sorted(len(item.material_slots) for item in meshes),
        "pictures": sorted((tuple(image.size), image.filepath, image.packed_file.data) for image in images),
        "bounds": scenes.bounds(meshes).tolist(),
    }


def test_what_comes_in_equals_a_direct_import(addon, conversion, any_glb: Path):
    blend = any_glb.with_suffix(".blend")
    conversion.to_blend(any_glb, blend, never)
    bpy.ops.import_scene.gltf(filepath=str(any_glb))
    bpy.context.view_layer.update()
    direct = looks(bpy.context.selected_objects)
    before = set(bpy.data.objects)
    model = addon.scene.place.loading.Model(str(any_glb), str(blend), "lamp", {})
    addon.scene.place.place.place_models(bpy.context, [model], addon.core.destination.NewModel())
    addon.scene.place.packing.pack_all()
    bpy.context.view_layer.update()
    placed = looks(set(bpy.data.objects) - before)
    # A rotation comes as Euler angles instead of a quaternion, which moves the last of a float's bits.
    assert np.allclose(placed.pop("bounds"), direct.pop("bounds"), rtol=0, atol=1e-6)
    assert placed["vertices"] and placed == direct


@pytest.fixture
def loose(addon, conversion, glb: Path):
    """A model that was placed, and whose pictures are not packed yet."""
    blend = glb.with_suffix(".blend")
    conversion.to_blend(glb, blend, never)
    model = addon.scene.place.loading.Model(str(glb), str(blend), "lamp", {})
    (placed,) = addon.scene.place.place.place_models(bpy.context, [model], addon.core.destination.NewModel())
    assert len(addon.scene.place.packing.unpacked()) == len(scenes.base_colour_images(placed)) > 1
    return placed


def test_where_a_picture_has_vanished_the_model_comes_from_its_glb_and_only_once(
    addon, conversion, glb: Path
):
    blend = glb.with_suffix(".blend")
    conversion.to_blend(glb, blend, never)
    glb.with_name("model-0").unlink()  # where its first picture lies
    before = {*bpy.data.objects, *bpy.data.meshes, *bpy.data.materials}
    model = addon.scene.place.loading.Model(str(glb), str(blend), "lamp", {})
    (placed,) = addon.scene.place.place.place_models(bpy.context, [model], addon.core.destination.NewModel())
    arrived = {*bpy.data.objects, *bpy.data.meshes, *bpy.data.materials} - before
    assert arrived == {placed, placed.data, *placed.data.materials}
    assert len(scenes.base_colour_images(placed)) > 0


def test_only_pictures_of_one_folder_are_packed(addon, loose, glb: Path, tmp_path: Path):
    pictures = addon.scene.place.packing
    before = len(pictures.unpacked())
    pictures.pack_from(tmp_path / "another")
    assert len(pictures.unpacked()) == before
    pictures.pack_from(glb.parent)
    assert not pictures.unpacked()
    assert all(image.packed_file for image in scenes.base_colour_images(loose))


def test_removing_a_job_packs_only_its_own_pictures(addon, request: pytest.FixtureRequest):
    bpy.ops.generio.generate_from_prompt(prompt="A chair", quality="LOW")
    request.getfixturevalue("loose")
    before = len(addon.scene.place.packing.unpacked())
    bpy.ops.generio.remove_job(token=bpy.context.window_manager.generio.jobs[0].token)
    assert len(addon.scene.place.packing.unpacked()) == before


def test_pictures_are_packed_one_at_a_time_and_before_saving(addon, loose, tmp_path: Path):
    count = len(addon.scene.place.packing.unpacked())
    packer = addon.scene.place.packing.Packer(addon.scene.place.memory.Reserve())
    assert packer.pack_next()
    assert len(addon.scene.place.packing.unpacked()) == count, "there has to be memory first"
    while len(addon.scene.place.packing.unpacked()) == count:
        assert packer.pack_next()
    assert len(addon.scene.place.packing.unpacked()) == count - 1 > 0
    assert bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "saved.blend")) == {"FINISHED"}
    assert not addon.scene.place.packing.unpacked()
    assert not packer.pack_next()
    assert all(image.packed_file for image in scenes.base_colour_images(loose))


def test_a_job_that_is_removed_leaves_the_pictures_in_the_file(addon):
    bpy.ops.generio.generate_from_prompt(prompt="A chair", quality="LOW", texture=True)
    images = scenes.base_colour_images(bpy.data.objects["A chair"])
    (row,) = bpy.context.window_manager.generio.jobs
    folder = addon.session.preferences.job_folder(bpy.context, row.token)
    assert folder.exists()
    bpy.ops.generio.remove_job(token=row.token)
    assert {path.suffix for path in folder.iterdir()}.isdisjoint({".glb", ".blend"}), "undo needs no more"
    assert images
    for image in images:
        image.reload()
        assert image.packed_file and image.size[0] and image.filepath == ""


def test_a_result_whose_pictures_are_gone_is_imported_from_the_glb(addon, conversion, glb: Path):
    blend = glb.with_suffix(".blend")
    conversion.to_blend(glb, blend, never)
    for beside in glb.parent.glob(f"{glb.stem}-[0-9]*"):
        beside.unlink()
    model = addon.scene.place.loading.Model(str(glb), str(blend), "lamp", {})
    (placed,) = addon.scene.place.place.place_models(bpy.context, [model], addon.core.destination.NewModel())
    images = scenes.base_colour_images(placed)
    assert images and all(image.packed_file and image.size[0] for image in images)
    assert len(bpy.data.objects) == 1 and len(bpy.data.images) == len(images)


def test_arrays_of_zeros_do_not_come_and_others_do(addon, conversion, tmp_path: Path):
    """Each array is memory that the window waits for; see `make_blend.drop_zeros`."""
    plain, hard = scenes.ball("Plain"), scenes.ball("Hard")
    hard.data.materials.append(scenes.textured("Paint"))
    for polygon in hard.data.polygons[:3]:
        polygon.use_smooth = False
    for polygon in (*plain.data.polygons, *hard.data.polygons[3:]):
        polygon.use_smooth = True
    glb, blend = tmp_path / "two.glb", tmp_path / "two.blend"
    bpy.ops.export_scene.gltf(filepath=str(glb))
    scenes.select()
    bpy.data.batch_remove([plain, hard])
    conversion.to_blend(glb, blend, never)
    with bpy.data.libraries.load(str(blend)) as (inside, wanted):
        wanted.objects = inside.objects
    arrays = {item.name.partition(".")[0]: {*item.data.attributes.keys()} for item in wanted.objects}
    assert not arrays["Plain"] & {"material_index", "sharp_face", "sharp_edge"}
    assert arrays["Hard"] & {"sharp_face", "sharp_edge"}


def test_a_report_and_a_picture_are_made(conversion, glb: Path):
    blend, picture = glb.with_suffix(".blend"), glb.with_suffix(".png")
    conversion.to_blend(glb, blend, never)
    report = json.loads(glb.with_suffix(".json").read_text())
    assert report["triangles"] > 1000
    assert report["uv_maps"] == 1
    assert report["textures"]
    assert max(report["size"]) == pytest.approx(1.0, abs=0.1)
    conversion.draw_thumbnail(blend, picture, never)
    with Image.open(picture) as image:
        assert image.size == (256, 256)
        covered = sum(image.getchannel("A").histogram()[128:])
        colours = image.convert("RGB").getcolors(65536)
    assert 0.1 < covered / 256**2 < 0.9
    assert len(colours) > 100, "a picture of something has shades"


def test_a_broken_model_is_refused_in_blenders_words(addon, conversion, tmp_path: Path):
    broken = tmp_path / "broken.glb"
    broken.write_bytes(b"glTF" + bytes(100))
    with pytest.raises(addon.scene.errors.ConversionFailed, match=r"broken\.glb"):
        conversion.to_blend(broken, tmp_path / "broken.blend", never)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["broken.glb"]


def test_a_child_stops_when_asked_and_leaves_nothing(addon, conversion, glb: Path):
    before = set(glb.parent.iterdir())
    with pytest.raises(addon.api.Cancelled):
        conversion.to_blend(glb, glb.with_suffix(".blend"), lambda: True)
    assert set(glb.parent.iterdir()) == before


def converters() -> ModuleType:
    """The module of the add-on's own package."""
    return importlib.import_module(f"{EXTENSION}.engine.converters")


def test_a_child_has_no_key_and_none_of_the_users_settings(addon, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("GENERIO_API_KEY", "secret")
    environment = converters()._environment("/nowhere")
    assert "GENERIO_API_KEY" not in environment
    assert [name for name in environment if name.startswith("BLENDER_USER")] == ["BLENDER_USER_RESOURCES"]
    assert environment["BLENDER_USER_RESOURCES"] == "/nowhere"


def test_a_child_leaves_nothing_among_temporary_files(
    addon, glb: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    monkeypatch.setenv("TMPDIR", str(temporary))
    conversion = importlib.import_module(f"{EXTENSION}.engine.conversion").Conversion(
        addon.scene.background.here.converter_command()
    )
    conversion.to_blend(glb, glb.with_suffix(".blend"), never)
    assert [*temporary.iterdir()] != []
    with pytest.raises(Exception, match=r"Canceled"):
        conversion.draw_thumbnail(glb.with_suffix(".blend"), glb.with_suffix(".png"), lambda: True)
    conversion.close()
    assert [*temporary.iterdir()] == []


@needs_proc  # whose /dev/stdin is a picture that never comes
def test_a_child_ends_with_its_parent_and_leaves_nothing(addon, tmp_path: Path):
    home = tmp_path / f"{converters().HOME}1-a"
    home.mkdir()
    environment, command = (
        converters()._environment(str(home)),
        addon.scene.background.here.converter_command(),
    )
    code = (
        "import subprocess, sys, time\n"
        f"child = subprocess.Popen({command!r}, env={environment!r}, "
        "stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 60
    while began(pid) is not None:
        assert time.monotonic() < deadline, "the child outlived its parent"
        time.sleep(0.05)
    assert [*tmp_path.iterdir()] == []


def test_a_child_whose_parent_is_gone_deletes_what_nobody_waits_for(addon, glb: Path, tmp_path: Path):
    home, target = tmp_path / f"{converters().HOME}1-a", tmp_path / "out" / "model.blend.1.part"
    home.mkdir()
    target.parent.mkdir()
    child = subprocess.Popen(
        addon.scene.background.here.converter_command(),
        env=converters()._environment(str(home)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdout.close()  # as that of one which was killed
    child.stdin.write(json.dumps({"task": "import", "source": str(glb), "target": str(target)}).encode())
    child.stdin.close()
    child.wait(120)
    assert target.with_name("model.json").exists()  # it did the task
    assert not target.exists()
    assert not home.exists()


def test_nothing_reads_standard_input_while_libraries_are_loaded(addon, tmp_path: Path):
    """On Windows a library that looks at it then waits until a thread that reads it has got something."""
    code = (
        "import builtins, runpy, threading\n"
        "start = threading.Thread.start\n"
        "threading.Thread.start = lambda thread: print('STEP thread', flush=True) or start(thread)\n"
        f"runpy.run_path({str(addon.scene.background.child.__file__)!r}, run_name='__main__')\n"
    )
    task = {"task": "picture", "source": "missing.png", "target": str(tmp_path / "x.png")}
    done = subprocess.run(
        [sys.executable, "-c", code], input=json.dumps(task) + "\n", capture_output=True, text=True
    )
    assert "GENERIO_ANSWER" in done.stdout, done.stdout + done.stderr
    assert "STEP thread" not in done.stdout


def test_no_gltf_operator_runs_in_the_users_blender(addon, capfd: pytest.CaptureFixture[str]):
    item = scenes.ball()
    scenes.select(item)
    capfd.readouterr()
    bpy.ops.generio.generate_from_prompt(prompt="A chair", quality="LOW")
    bpy.ops.generio.optimize_selected(polygon_count=500)
    assert "glTF" not in capfd.readouterr().out, (
        "the importer and the exporter of Blender say so when they run"
    )
    assert scenes.triangles(item) <= 500


def test_without_a_child_the_model_is_imported_directly(addon, monkeypatch: pytest.MonkeyPatch):
    without_converter(addon, monkeypatch)
    assert bpy.ops.generio.generate_from_prompt(prompt="A chair", quality="LOW") == {"FINISHED"}
    assert bpy.data.objects["A chair"].type == "MESH"
    (row,) = bpy.context.window_manager.generio.jobs
    assert row.state == "done"
    assert "no second Blender" in row.message


def test_without_a_child_the_file_to_send_is_made_directly(addon, sandbox, monkeypatch: pytest.MonkeyPatch):
    without_converter(addon, monkeypatch)
    item = scenes.ball()
    item.data.materials.append(scenes.textured("Paint"))
    bpy.context.scene.unit_settings.scale_length = 0.01
    box = scenes.bounds([item])
    scenes.select(item)
    before = {kind: len(getattr(bpy.data, kind)) for kind in addon.scene.place.new_data.KINDS}
    assert bpy.ops.generio.optimize_selected(polygon_count=500) == {"FINISHED"}
    assert scenes.triangles(item) <= 500
    assert np.abs(scenes.bounds([item]) - box).max() < 0.1
    assert bpy.context.scene.unit_settings.scale_length == pytest.approx(0.01)
    assert bpy.context.selected_objects == [item] and bpy.context.object == item
    bpy.ops.generio.accept_optimized()
    assert {kind: len(getattr(bpy.data, kind)) for kind in addon.scene.place.new_data.KINDS} == before
    assert sandbox.stats()["run_total"] == 1


@pytest.mark.usefixtures("sends_what_is_light")
def test_without_a_child_materials_keep_their_slots_whatever_names_are_taken(addon, monkeypatch):
    without_converter(addon, monkeypatch)
    item = scenes.ball(segments=24, rings=12)
    names = (
        "Material",
        "Material.001",
        "Material.002",
        "A name that is as long as names in Blender can be, to its " + "e" * 5,
    )
    materials = [scenes.textured(name) for name in names]
    assert [material.name for material in materials] == list(names)
    for material in materials:
        item.data.materials.append(material)
    item.data.materials.append(None)
    for face in item.data.polygons:
        face.material_index = min(4, int((face.center.z + 1) * 2.5))
    driver = item.driver_add(
        "location", 0
    ).driver.variables.new()  # whatever refers to a material, still does
    driver.targets[0].id_type = "MATERIAL"
    driver.targets[0].id = materials[1]
    scenes.select(item)
    assert bpy.ops.generio.optimize_selected(polygon_count=10_000_000) == {"FINISHED"}
    assert list(item.data.materials) == [*materials, None]
    assert len({face.material_index for face in item.data.polygons}) == 5
    assert [material.name for material in materials] == list(names)
    assert driver.targets[0].id == materials[1]
    assert set(bpy.data.materials) == set(materials)


def test_pictures_outside_the_file_are_sent_too(addon, conversion, tmp_path: Path):
    picture = tmp_path / "paint.png"
    Image.new("RGB", (32, 32), (200, 30, 30)).save(picture)
    item = scenes.ball()
    material = scenes.textured("Paint")
    (texture,) = [node for node in material.node_tree.nodes if node.type == "TEX_IMAGE"]
    texture.image = bpy.data.images.load(str(picture))
    item.data.materials.append(material)
    snapshot, glb = tmp_path / "snapshot.blend", tmp_path / "input.glb"
    addon.scene.export.snapshot.write_snapshot(item, snapshot)
    conversion.make_input(snapshot, glb, never)
    assert addon.api.check_glb(glb).images == 1


@pytest.mark.parametrize("kind", ["generated", "file", "float"])
def test_a_painting_that_was_never_saved_is_sent_as_it_is(addon, conversion, tmp_path: Path, kind: str):
    item = scenes.ball()
    material = scenes.textured("Paint")
    (texture,) = [node for node in material.node_tree.nodes if node.type == "TEX_IMAGE"]
    if kind == "file":
        picture = tmp_path / "paint.png"
        Image.new("RGB", (32, 32)).save(picture)
        texture.image = bpy.data.images.load(str(picture))
    else:
        texture.image = bpy.data.images.new("Painting", 32, 32, float_buffer=kind == "float")
    texture.image.pixels.foreach_set(np.tile(np.float32([1.0, 0.5, 0.0, 1.0]), 32 * 32))
    item.data.materials.append(material)
    folder = tmp_path / "job"
    snapshot, glb = folder / addon.scene.export.snapshot.snapshot_name(), folder / "input.glb"
    addon.scene.export.snapshot.write_snapshot(item, snapshot)
    assert texture.image.is_dirty and texture.image.packed_file is None
    conversion.make_input(snapshot, glb, never)
    assert sorted(folder.iterdir()) == sorted([snapshot, glb])
    (sent,) = images_of(glb)
    green = 188 if kind == "float" else 128  # linear light is sent as sRGB
    assert np.abs(np.asarray(sent.convert("RGB"), dtype=int) - [255, green, 0]).max() <= 1


def images_of(glb: Path) -> list[Image.Image]:
    """The pictures in a GLB."""
    data = glb.read_bytes()
    (length,) = struct.unpack_from("<I", data, 12)
    document, binary = json.loads(data[20 : 20 + length]), data[28 + length :]
    views = [document["bufferViews"][image["bufferView"]] for image in document["images"]]
    return [
        Image.open(io.BytesIO(binary[view.get("byteOffset", 0) :][: view["byteLength"]])) for view in views
    ]


def test_paintings_stay_until_all_that_have_the_same_snapshot_have_their_glb(
    addon, conversion, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
        (folder / "snapshot-1.blend").touch()
    painting, glb = first / "snapshot-1-0.png", first / "input.glb"
    painting.touch()
    note = addon.scene.markers.paintings_note(first / "snapshot-1.blend")
    note.write_text(json.dumps([painting.name]))
    glb.write_bytes(b"made before a crash")
    with monkeypatch.context() as patch, pytest.raises(OSError, match="crash"):
        patch.setattr(sys.modules[type(conversion).__module__], "link", crash)
        conversion.make_input(first / "snapshot-1.blend", glb, never)
    assert painting.exists()
    conversion.make_input(first / "snapshot-1.blend", glb, never)
    assert (second / "input.glb").read_bytes() == glb.read_bytes()
    assert not painting.exists() and not note.exists()


def crash(*_: Path) -> None:
    raise OSError("crash")


def test_a_painting_that_is_lost_is_told_and_not_sent(addon, conversion, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(sys.modules[type(conversion).__module__], "PAINTINGS_SECONDS", 0.2)
    item = scenes.ball()
    material = scenes.textured("Paint")
    (texture,) = [node for node in material.node_tree.nodes if node.type == "TEX_IMAGE"]
    texture.image = bpy.data.images.new("Painting", 32, 32)
    texture.image.pixels[0] = 1.0
    item.data.materials.append(material)
    snapshot = tmp_path / addon.scene.export.snapshot.snapshot_name()
    addon.scene.export.snapshot.write_snapshot(item, snapshot)
    addon.scene.markers.raw_painting(tmp_path / f"{snapshot.stem}-0.png").unlink()
    with pytest.raises(
        addon.api.FlowsError, match='the painted image "Painting" was never saved and is lost'
    ):
        conversion.make_input(snapshot, tmp_path / "input.glb", never)


def test_the_first_frame_of_an_animated_gif(conversion, tmp_path: Path):
    colours = ((200, 30, 30), (30, 200, 30))
    first, second = (Image.new("RGB", (32, 32), colour) for colour in colours)
    first.save(tmp_path / "shoe.gif", save_all=True, append_images=[second])
    conversion.make_input(tmp_path / "shoe.gif", tmp_path / "input.png", never)
    with Image.open(tmp_path / "input.png") as made:
        np.testing.assert_allclose(made.convert("RGB").getpixel((16, 16)), colours[0], atol=6)


def test_a_link_is_made_though_a_crash_left_half_of_one(addon, tmp_path: Path):
    source, target = tmp_path / "source.glb", tmp_path / "target.glb"
    source.write_bytes(b"glTF")
    os.link(source, tmp_path / "target.glb.part")
    addon.core.files.link(source, target)
    assert target.read_bytes() == b"glTF"
    assert sorted(item.name for item in tmp_path.iterdir()) == ["source.glb", "target.glb"]


def test_of_two_that_convert_the_same_the_first_counts(conversion, tmp_path: Path, monkeypatch):
    (tmp_path / "model.glb").write_bytes(from_prompt("ball", quality="low", seed=1, texture=False))
    blend, do = tmp_path / "model.blend", conversion._converters.do

    def other_is_faster(*given: Any) -> str:
        problem = do(*given)
        blend.write_bytes(b"of the other one")
        return problem

    monkeypatch.setattr(conversion._converters, "do", other_is_faster)
    conversion.to_blend(tmp_path / "model.glb", blend, never)
    assert blend.read_bytes() == b"of the other one"
    assert not blend.with_name("model.blend.part").exists()
