"""Models become assets of the file or of a library; pictures dropped into the view become models."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import bpy
import numpy as np
import pytest
from PIL import Image

from tests.blender import scenes
from tests.sandbox import flows as sandbox_flows

PROMPT = "A brass lamp on the table"


@pytest.fixture
def lamp(addon) -> bpy.types.Object:
    bpy.ops.generio.generate_from_prompt(prompt=PROMPT, quality="LOW", seed=7)
    item = bpy.data.objects[PROMPT]
    # The picture that a window would have had made.
    carrier = addon.session.current().open_engine(bpy.context)
    (job,) = carrier.jobs()
    Image.new("RGBA", (64, 64), (10, 200, 30, 255)).save(
        Path(job.placement.results[0].blend).with_suffix(".png")
    )
    scenes.select(item)
    addon.session.preferences.preferences(bpy.context).author = "Ada"
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


@contextmanager
def linked(path: Path) -> Iterator[SimpleNamespace]:
    """All that the file of an asset has, by name."""
    with bpy.data.libraries.load(str(path), link=True) as (inside, wanted):
        for kind in ("objects", "meshes", "collections"):
            setattr(wanted, kind, getattr(inside, kind))
    yield SimpleNamespace(
        objects={item.name: item for item in wanted.objects},
        meshes={mesh.name: mesh for mesh in wanted.meshes},
        assets=[item for item in (*wanted.objects, *wanted.collections) if item.asset_data is not None],
    )
    bpy.data.libraries.remove(bpy.data.libraries[path.name])


def test_mark_as_asset(addon, lamp):
    assert bpy.ops.generio.mark_asset() == {"FINISHED"}
    assert bpy.ops.generio.mark_asset() == {"FINISHED"}
    check(lamp.asset_data)
    assert lamp.preview.image_size[0] > 0


def test_each_model_of_a_job_has_its_own_picture(addon, monkeypatch):
    process = sandbox_flows.Store._process

    async def process_twice(self, flow):
        await process(self, flow)
        await process(self, flow)

    monkeypatch.setattr(sandbox_flows.Store, "_process", process_twice)
    bpy.ops.generio.generate_from_prompt(prompt=PROMPT, quality="LOW", seed=7)
    (job,) = addon.session.current().open_engine(bpy.context).jobs()
    pictures = [Path(result.blend).with_suffix(".png") for result in job.placement.results]
    for picture in pictures:
        Image.new("RGBA", (64, 64)).save(picture)
    lamps = [bpy.data.objects[f"{PROMPT} {number}"] for number in (1, 2)]
    picture_of = addon.operators.assets.picture_of
    assert [picture_of(lamp) for lamp in lamps] == [*map(str, pictures)]
    del lamps[0]["generio_result"]  # as a script might
    lamps[1]["generio_result"] = "edited"
    assert [picture_of(lamp) for lamp in lamps] == [str(pictures[0]), ""]


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


@pytest.mark.parametrize("overridden", [False, True], ids=["linked", "override"])
def test_what_is_linked_or_overridden_belongs_to_another_file(
    addon, lamp, library, tmp_path: Path, overridden: bool
):
    """Blender marks neither, so nothing could be written of it."""
    number, _folder = library
    file = tmp_path / "other.blend"
    bpy.data.libraries.write(str(file), {lamp}, fake_user=True)
    with bpy.data.libraries.load(str(file), link=True) as (_inside, wanted):
        wanted.objects = [PROMPT]
    item = wanted.objects[0].override_create() if overridden else wanted.objects[0]
    bpy.context.scene.collection.objects.link(item)
    scenes.select(item)
    for button in (bpy.ops.generio.mark_asset, lambda: bpy.ops.generio.save_asset(library=number)):
        with pytest.raises(RuntimeError, match="Select a model that GENERIO made"):
            button()


def test_a_part_that_was_added_joins_the_asset(addon, lamp):
    for name in ("Shade", "Cord"):
        child = scenes.ball(name, 8, 8)
        child.parent = lamp
        scenes.select(child)
        assert bpy.ops.generio.mark_asset() == {"FINISHED"}
    (collection,) = bpy.data.collections
    assert {*collection.objects} == {lamp, *lamp.children}
    assert [*bpy.context.scene.collection.all_objects] == [*collection.objects]
    assert not bpy.context.scene.collection.objects


def test_a_model_that_gets_a_first_part_becomes_one_asset_with_it(addon, lamp):
    assert bpy.ops.generio.mark_asset() == {"FINISHED"}
    lamp.asset_data.catalog_id = catalog = "12345678-1234-1234-1234-123456789abc"
    scenes.ball("Shade", 8, 8).parent = lamp
    scenes.select(lamp)
    assert bpy.ops.generio.mark_asset() == {"FINISHED"}
    (collection,) = bpy.data.collections
    check(collection.asset_data)
    assert collection.asset_data.catalog_id == catalog
    assert lamp.asset_data is None


def test_an_asset_of_the_users_keeps_what_is_in_it(addon, lamp):
    room, table, shade = (
        bpy.data.collections.new("Room"),
        scenes.ball("Table", 8, 8),
        scenes.ball("Shade", 8, 8),
    )
    bpy.context.scene.collection.children.link(room)
    for item in (lamp, table, shade):
        room.objects.link(item)
        bpy.context.scene.collection.objects.unlink(item)
    shade.parent = lamp
    room.asset_mark()
    scenes.select(lamp)
    for _ in range(2):
        assert bpy.ops.generio.mark_asset() == {"FINISHED"}
    assert {*room.objects} == {lamp, table, shade}
    (own,) = {*bpy.data.collections} - {room}
    assert {*own.objects} == {lamp, shade}
    assert {*bpy.context.scene.collection.children} == {room, own}
    assert not room.asset_data.description


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


def with_a_bone(name: str) -> bpy.types.Object:
    rig = bpy.data.objects.new(name, bpy.data.armatures.new(name))
    bpy.context.scene.collection.objects.link(rig)
    scenes.select(rig)
    bpy.ops.object.mode_set(mode="EDIT")
    rig.data.edit_bones.new("Bone").tail = (0.0, 0.0, 1.0)
    bpy.ops.object.mode_set(mode="OBJECT")
    return rig


def refer_to_each_other(lamp: bpy.types.Object) -> None:
    """Give the lamp parts that refer to it and to each other, and one thing that is no part of it."""
    rig, shade = with_a_bone("Rig"), scenes.ball("Shade", 8, 8)
    helper, outside = bpy.data.objects.new("Helper", None), bpy.data.objects.new("Outside", None)
    twin = bpy.data.objects.new("Twin", shade.data)
    for item in (helper, outside, twin):
        bpy.context.scene.collection.objects.link(item)
    for item in (helper, rig, shade, twin):
        item.parent = lamp
    outside.constraints.new("COPY_LOCATION").target = lamp
    for item in (lamp, shade):
        item.modifiers.new("Mirror", "MIRROR").mirror_object = helper
    shade.modifiers.new("Armature", "ARMATURE").object = rig
    twin.modifiers.new("Mirror", "MIRROR").mirror_object = outside
    twin.constraints.new("ARMATURE").targets.new().target = rig
    rig.pose.bones[0].constraints.new("DAMPED_TRACK").target = helper
    shade.shape_key_add(name="Basis")
    for owner, path in (
        (lamp, "empty_display_size"),
        (shade.shape_key_add(name="Wide"), "value"),
        (shade.modifiers["Mirror"], "merge_threshold"),
    ):
        variable = owner.driver_add(path).driver.variables.new()
        variable.targets[0].id, variable.targets[0].data_path = lamp, "location.x"


@pytest.mark.parametrize("lone", [True, False])
def test_what_refers_to_the_model_refers_to_it_in_the_library_too(addon, lamp, library, lone: bool):
    number, folder = library
    refer_to_each_other(lamp)
    if lone:
        for child in lamp.children:
            child.parent = None
    scenes.select(lamp)
    assert bpy.ops.generio.save_asset(library=number) == {"FINISHED"}
    with linked(folder / f"{PROMPT}.blend") as file:
        everything = {PROMPT, "Helper", "Rig", "Outside", "Shade", "Twin"}
        assert file.objects.keys() == ({PROMPT, "Helper"} if lone else everything)
        item = file.objects[PROMPT]
        assert item.modifiers["Mirror"].mirror_object == file.objects["Helper"]
        assert item.animation_data.drivers[0].driver.variables[0].targets[0].id == item
        (asset,) = file.assets
        assert (
            asset == item
            if lone
            else {*asset.objects} == {*file.objects.values()} - {file.objects["Outside"]}
        )
        if lone:
            return
        assert len(file.meshes) == 2, "a mesh that parts share is one mesh"
        helper, rig, outside, shade, twin = (
            file.objects[name] for name in ("Helper", "Rig", "Outside", "Shade", "Twin")
        )
        assert outside.constraints[0].target == item
        assert shade.modifiers["Armature"].object == rig
        assert shade.animation_data.drivers[0].driver.variables[0].targets[0].id == item
        assert shade.data.shape_keys.animation_data.drivers[0].driver.variables[0].targets[0].id == item
        assert twin.modifiers["Mirror"].mirror_object == outside
        assert twin.constraints[0].targets[0].target == rig
        assert rig.pose.bones[0].constraints[0].target == helper


def test_saving_leaves_parents_marks_and_pictures_as_they_are(addon, lamp, library):
    number, folder = library
    stand = with_a_bone("Stand")
    taken = bpy.data.collections.new(PROMPT)
    child = scenes.ball("Shade", 8, 8)
    for item in (stand, lamp, child):
        taken.objects.link(item)
    child.parent, lamp.parent, lamp.parent_type, lamp.parent_bone = lamp, stand, "BONE", "Bone"
    lamp.matrix_parent_inverse[0][3] = 5.0
    lamp.location = (1.0, 2.0, 3.0)
    child.asset_mark()
    child.asset_data.description = "The user's own"
    child.asset_data.tags.new("kept")
    child.use_fake_user = False
    scenes.select(lamp)
    assert bpy.ops.generio.save_asset(library=number) == {"FINISHED"}
    assert (lamp.parent, lamp.parent_type, lamp.parent_bone) == (stand, "BONE", "Bone")
    assert lamp.matrix_parent_inverse[0][3] == 5.0
    assert tuple(lamp.location) == (1.0, 2.0, 3.0)
    assert (lamp.asset_data, lamp.name, taken.name, child.parent) == (None, PROMPT, PROMPT, lamp)
    assert child.asset_data.description == "The user's own"
    assert [tag.name for tag in child.asset_data.tags] == ["kept"]
    assert not child.use_fake_user
    assert [*bpy.data.collections] == [taken]
    with linked(folder / f"{PROMPT}.blend") as file:
        (asset,) = file.assets
        assert (asset.name, {*file.objects}) == (PROMPT, {PROMPT, "Shade"})
        assert file.objects[PROMPT].parent is None
    bpy.data.objects.remove(child)
    assert bpy.ops.generio.save_asset(library=number) == {"FINISHED"}
    assert lamp.preview is None or "lib_id_remove_preview" not in dir(bpy.ops.ed)
    assert bpy.ops.generio.mark_asset() == {"FINISHED"}
    lamp.asset_data.description = "The user's own"
    assert bpy.ops.generio.save_asset(library=number) == {"FINISHED"}
    assert lamp.asset_data.description == "The user's own"
    assert lamp.use_fake_user
    assert lamp.preview.image_size[0] > 0


@pytest.mark.parametrize("mode", ["XYZ", "QUATERNION", "AXIS_ANGLE"])
def test_what_hung_on_something_is_saved_as_it_was_seen(addon, lamp, library, mode: str):
    number, folder = library
    stand = bpy.data.objects.new("Stand", None)
    bpy.context.scene.collection.objects.link(stand)
    stand.location, stand.rotation_euler, stand.scale = (1.0, 2.0, 3.0), (0.0, 0.0, 1.0), (2.0, 2.0, 2.0)
    lamp.parent, lamp.rotation_mode = stand, mode
    lamp.location, lamp.delta_location, lamp.delta_scale = (4.0, 0.0, 0.0), (0.0, 5.0, 0.0), (1.0, 1.0, 3.0)
    bpy.context.view_layer.update()
    seen = lamp.matrix_world.to_3x3()
    place = addon.scene.assets.PLACE
    before = [getattr(lamp, name)[:] for name in place]
    assert bpy.ops.generio.save_asset(library=number) == {"FINISHED"}
    assert [getattr(lamp, name)[:] for name in place] == before
    with bpy.data.libraries.load(str(folder / f"{PROMPT}.blend")) as (_inside, wanted):
        wanted.objects = [PROMPT]
    bpy.context.scene.collection.objects.link(wanted.objects[0])
    bpy.context.view_layer.update()
    saved = wanted.objects[0].matrix_world
    np.testing.assert_allclose(saved.to_3x3(), seen, atol=1e-5)
    np.testing.assert_allclose(saved.translation, (0.0, 0.0, 0.0), atol=1e-5)


@pytest.mark.parametrize("modifiers", ["KEEP", "APPLY"])
def test_the_mesh_from_before_stays_out_of_the_library(addon, lamp, library, modifiers: str):
    number, folder = library
    ball = scenes.ball("Shade")
    ball.modifiers.new("Bevel", "BEVEL")
    ball.parent = lamp
    scenes.select(ball)
    bpy.ops.generio.optimize_selected(polygon_count=500, modifier_mode=modifiers)
    versions = addon.scene.versions
    before = versions.hidden_mesh(ball)
    stash, report = ball.get(versions.STASH), ball.data[versions.REPORT]
    assert (stash is None) == (modifiers == "KEEP")
    scenes.select(lamp)
    assert bpy.ops.generio.save_asset(library=number) == {"FINISHED"}
    assert versions.hidden_mesh(ball) == before
    assert (ball.get(versions.STASH), ball.data[versions.REPORT]) == (stash, report)
    with linked(folder / f"{PROMPT}.blend") as file:
        assert {*file.objects} == {PROMPT, "Shade"}
        assert len(file.meshes) == 2
        mesh = file.objects["Shade"].data
        assert not {versions.OTHER, versions.REPORT} & {*mesh.keys()}


def test_a_variant_in_a_library_is_no_variant_any_more(addon, lamp, library):
    number, folder = library
    bpy.ops.generio.generate_from_prompt(prompt="A stool", quality="LOW", variants=2)
    stools = [item for item in bpy.data.objects if item.name.startswith("A stool")]
    scenes.select(*stools)
    variants = addon.scene.place.variants
    names = (variants.GROUP, variants.PLACED_AT, variants.REQUESTED_AT, variants.NAMED)
    before = [[stool[name] for name in (variants.GROUP, variants.NAMED)] for stool in stools]
    assert bpy.ops.generio.save_asset(library=number) == {"FINISHED"}
    assert [[stool[name] for name in (variants.GROUP, variants.NAMED)] for stool in stools] == before
    assert not any(variants.was_moved(stool) for stool in stools)
    assert len(variants.variants_at(stools[0][variants.GROUP], (0.0, 0.0, 0.0))) == 2
    for stool in stools:
        with linked(folder / f"{stool.name}.blend") as file:
            assert not {*names} & {*file.objects[stool.name].keys()}
            assert file.objects[stool.name]["generio_token"] == stool["generio_token"]


def test_libraries_that_refuse_say_so(addon, lamp, library):
    number, folder = library
    folder.rmdir()
    with pytest.raises(RuntimeError, match="is missing"):
        bpy.ops.generio.save_asset(library=number)
    assert not folder.exists(), "the place where a drive is missing is no library"
    folder.mkdir()
    libraries = bpy.context.preferences.filepaths.asset_libraries
    libraries[int(number)].path = str(folder / ("x" * 300))  # for which no system even looks
    with pytest.raises(RuntimeError, match=r"could not be written|is not there"):
        bpy.ops.generio.save_asset(library=number)
    libraries[int(number)].path = str(folder)
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


def test_what_is_being_edited_and_painted_is_in_the_library(addon, lamp, library):
    image = next(image for image in bpy.data.images if image.packed_file is not None)
    image.pixels[:] = [0.0, 1.0, 0.0, 1.0] * (len(image.pixels) // 4)
    image.update()
    assert image.is_dirty
    bpy.ops.object.mode_set(mode="EDIT")
    bpy.ops.mesh.select_all(action="SELECT")
    bpy.ops.mesh.subdivide()
    assert bpy.ops.generio.save_asset(library=library[0]) == {"FINISHED"}
    bpy.ops.object.mode_set(mode="OBJECT")
    (path,) = library[1].glob("*.blend")
    with bpy.data.libraries.load(str(path), link=False) as (inside, wanted):
        wanted.meshes, wanted.images = inside.meshes, inside.images
    assert len(wanted.meshes[0].polygons) == len(lamp.data.polygons)
    painted = next(other for other in wanted.images if other.name.startswith(image.name))
    np.testing.assert_allclose(painted.pixels[:4], (0.0, 1.0, 0.0, 1.0), atol=0.01)


@pytest.mark.parametrize(
    "kind", ["made here", "packed", "RGBA file", "JPEG file", "float", "deep file", "data"]
)
def test_a_painting_that_was_never_saved_is_in_the_library_and_stays_unsaved(
    addon, lamp, library, tmp_path: Path, kind: str
):
    path = tmp_path / ("file.jpg" if kind == "JPEG file" else "file.png")
    if kind == "deep file":
        Image.fromarray(np.full((8, 8), 30000, dtype=np.uint16)).save(path)
    else:
        Image.new("RGB" if kind == "JPEG file" else "RGBA", (8, 8)).save(path)
    if "file" in kind:
        image = bpy.data.images.load(str(path))
    else:
        image = bpy.data.images.new("Mine", 8, 8, alpha=True, float_buffer=kind == "float")
    if kind == "packed":
        image.pack()
    if kind == "data":
        image.colorspace_settings.name, image.alpha_mode = "Non-Color", "CHANNEL_PACKED"
    opaque = kind in ("JPEG file", "deep file")
    colour = (0.6, 0.2, 0.4, 1.0) if opaque else (0.4, 0.2, 0.1, 0.6)
    image.pixels.foreach_set(np.tile(np.float32(colour), 64))
    node = next(node for node in lamp.active_material.node_tree.nodes if node.type == "TEX_IMAGE")
    node.image = image

    def state():
        settings = ("name", "type", "source", "is_dirty", "filepath", "file_format", "depth", "alpha_mode")
        packed = image.packed_file and bytes(image.packed_file.data)
        return [*(getattr(image, name) for name in settings), packed, image.pixels[:], {*bpy.data.images}]

    before, on_disk = state(), path.read_bytes()
    assert bpy.ops.generio.save_asset(library=library[0]) == {"FINISHED"}
    assert (state(), path.read_bytes(), node.image) == (before, on_disk, image)
    (saved,) = library[1].glob("*.blend")
    name, pixels = image.name, image.pixels[:]
    bpy.ops.wm.read_homefile(use_empty=True)
    with bpy.data.libraries.load(str(saved)) as (inside, wanted):
        wanted.objects = inside.objects
    painted = next(image for image in scenes.base_colour_images(wanted.objects[0]) if image.name == name)
    assert painted.packed_file is not None
    np.testing.assert_allclose(painted.pixels[:], pixels, atol=1e-3)


def test_a_painting_that_is_not_the_models_stays_as_it_is(addon, lamp, library):
    other = bpy.data.images.new("Sketch", 8, 8)
    other.pixels[:] = [1.0] * len(other.pixels)
    other.pack()
    other.pixels[:] = [0.5] * len(other.pixels)
    assert other.is_dirty
    assert bpy.ops.generio.save_asset(library=library[0]) == {"FINISHED"}
    assert other.is_dirty
