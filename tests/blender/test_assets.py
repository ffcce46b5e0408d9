"""Models become assets of the file or of a library; pictures dropped into the view become models."""

from pathlib import Path
from types import SimpleNamespace

import bpy
import numpy as np
import pytest
from PIL import Image

from tests.blender import scenes

PROMPT = "A brass lamp on the table"


@pytest.fixture
def lamp(addon) -> bpy.types.Object:
    bpy.ops.generio.generate_from_prompt(prompt=PROMPT, quality="LOW", seed=7)
    item = bpy.data.objects[PROMPT]
    # The picture that a window would have had made.
    carrier = addon.bridge.engine(bpy.context)
    (job,) = carrier.jobs()
    Image.new("RGBA", (64, 64), (10, 200, 30, 255)).save(Path(job.results[0].blend).with_suffix(".png"))
    scenes.select(item)
    addon.preferences.preferences(bpy.context).author = "Ada"
    return item


@pytest.fixture
def library(tmp_path: Path):
    folder = tmp_path / "library"
    folder.mkdir()
    libraries = bpy.context.preferences.filepaths.asset_libraries
    made = libraries.new(name="Mine", directory=str(folder))
    yield str(list(libraries).index(made)), folder
    libraries.remove(made)


def check(data) -> None:
    assert (data.description, data.author) == (PROMPT, "Ada")
    assert {tag.name for tag in data.tags} == {"GENERIO", "brass", "lamp", "table"}


def test_mark_as_asset(addon, lamp):
    assert bpy.ops.generio.mark_asset() == {"FINISHED"}
    assert bpy.ops.generio.mark_asset() == {"FINISHED"}
    check(lamp.asset_data)
    assert lamp.preview.image_size[0] > 0


def test_a_hierarchy_is_marked_as_a_collection(addon, lamp):
    child = scenes.ball("Shade", 8, 8)
    child.parent = lamp
    lamp.location = (1.0, 2.0, 3.0)
    others = scenes.ball("Other", 8, 8)
    scenes.select(child)
    bpy.context.view_layer.update()
    for _ in range(2):
        assert bpy.ops.generio.mark_asset() == {"FINISHED"}
    (collection,) = bpy.data.collections
    check(collection.asset_data)
    assert lamp.asset_data is None
    assert {*collection.objects} == {lamp, child}
    assert others.name in bpy.context.scene.collection.objects
    assert tuple(collection.instance_offset) == (1.0, 2.0, 3.0)
    assert lamp.name in bpy.context.view_layer.objects


def test_what_is_linked_belongs_to_another_file(addon, lamp, library, tmp_path: Path):
    number, _folder = library
    file = tmp_path / "other.blend"
    bpy.data.libraries.write(str(file), {lamp}, fake_user=True)
    with bpy.data.libraries.load(str(file), link=True) as (_inside, wanted):
        wanted.objects = [PROMPT]
    bpy.context.scene.collection.objects.link(wanted.objects[0])
    scenes.select(wanted.objects[0])
    for button in (bpy.ops.generio.mark_asset, lambda: bpy.ops.generio.save_asset(library=number)):
        with pytest.raises(RuntimeError, match="Select a model that GENERIO made"):
            button()


def test_save_to_a_library_changes_nothing_here_and_overwrites_nothing(addon, lamp, library):
    number, folder = library
    lamp.location.x = 3.0
    before = {item.name for item in (*bpy.data.objects, *bpy.data.meshes, *bpy.data.materials)}
    for _ in range(2):
        assert bpy.ops.generio.save_asset(library=number) == {"FINISHED"}
    assert {item.name for item in (*bpy.data.objects, *bpy.data.meshes, *bpy.data.materials)} == before
    assert lamp.asset_data is None
    files = sorted(path.name for path in folder.iterdir())
    assert files == [f"{PROMPT} 2.blend", f"{PROMPT}.blend"]
    with bpy.data.libraries.load(str(folder / files[1]), assets_only=True) as (inside, wanted):
        assert inside.objects == [PROMPT]
        wanted.objects = inside.objects
    (saved,) = wanted.objects
    check(saved.asset_data)
    assert tuple(saved.location) == (0.0, 0.0, 0.0)
    assert scenes.base_colour_images(saved)[0].packed_file is not None
    bpy.data.batch_remove([saved])


def test_a_hierarchy_is_saved_as_a_collection(addon, lamp, library):
    number, folder = library
    child = scenes.ball("Shade", 8, 8)
    child.parent = lamp
    scenes.select(lamp)
    assert bpy.ops.generio.save_asset(library=number) == {"FINISHED"}
    with bpy.data.libraries.load(str(folder / f"{PROMPT}.blend"), assets_only=True) as (inside, wanted):
        assert (inside.objects, inside.collections) == ([], [PROMPT])
        wanted.collections = inside.collections
    (saved,) = wanted.collections
    assert {item.name.partition(".")[0] for item in saved.objects} == {PROMPT, "Shade"}
    assert [item.name for item in lamp.children] == ["Shade"]


def test_libraries_that_refuse_say_so(addon, lamp, library):
    number, folder = library
    folder.rmdir()
    with pytest.raises(RuntimeError, match="is not there"):
        bpy.ops.generio.save_asset(library=number)
    assert not folder.exists(), "the place where a drive is missing is no library"
    folder.mkdir()
    (folder / f"{PROMPT}.blend@").mkdir()  # what Blender writes first
    with pytest.raises(RuntimeError, match="could not be written"):
        bpy.ops.generio.save_asset(library=number)
    assert lamp.name == PROMPT
    scenes.select(scenes.ball())
    with pytest.raises(RuntimeError, match="Select a model that GENERIO made"):
        bpy.ops.generio.save_asset(library=number)


def test_a_library_that_is_gone_is_not_offered(addon, lamp, library):
    number, _folder = library
    manager = SimpleNamespace(invoke_props_dialog=lambda *_, **__: {"RUNNING_MODAL"})
    context = SimpleNamespace(preferences=bpy.context.preferences, window_manager=manager)
    dialog = SimpleNamespace(library="")  # so Blender gives a choice that is among the items no more
    addon.operators.assets.GENERIO_OT_save_asset.invoke(dialog, context, None)
    first = next(
        index for index, one in enumerate(bpy.context.preferences.filepaths.asset_libraries) if one.path
    )
    assert dialog.library == str(first)
    chosen = SimpleNamespace(library=number)
    addon.operators.assets.GENERIO_OT_save_asset.invoke(chosen, context, None)
    assert chosen.library == number


def test_names_become_files(addon, tmp_path: Path):
    free_path = addon.scene.assets.free_path
    assert free_path(tmp_path, "../a/b: c?").parent == tmp_path
    assert free_path(tmp_path, "...").name == "Model.blend"


def test_a_dropped_picture_becomes_a_model_where_it_was_dropped(addon, sandbox, tmp_path: Path):
    path = tmp_path / "shoe.png"
    Image.new("RGB", (40, 30), (200, 30, 30)).save(path)
    drop = bpy.ops.generio.drop_image
    assert drop(filepath=str(path), location=(1.0, 2.0, 0.5), quality="LOW") == {"FINISHED"}
    shoe = bpy.data.objects["shoe"]
    np.testing.assert_allclose(shoe.location, (1.0, 2.0, 0.5))
    np.testing.assert_allclose(scenes.bounds([shoe])[0][2], 0.5, atol=1e-4)
    bpy.context.scene.cursor.location = (4.0, 5.0, 6.0)  # where there is no view under the mouse
    assert drop(filepath=str(path), quality="LOW") == {"FINISHED"}
    np.testing.assert_allclose(bpy.data.objects["shoe.001"].location, (4.0, 5.0, 6.0))
    handler = bpy.types.GENERIO_FH_image
    assert handler.bl_import_operator == "generio.drop_image"
    assert {".png", ".jpg", ".webp", ".tiff", ".exr"} <= set(handler.bl_file_extensions.split(";"))
    (tmp_path / "note.png").write_text("no picture")
    with pytest.raises(RuntimeError, match=r"note\.png"):
        drop(filepath=str(tmp_path / "note.png"), location=(0.0, 0.0, 0.0))
