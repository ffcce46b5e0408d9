"""Pictures that are in Blender become files that can be sent, and large ones become smaller."""

import importlib
import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import bpy
import numpy as np
import pytest
from generio_flows.scene.background.here import make_input_here
from PIL import Image, ImageOps

from tests.blender.conftest import EXTENSION
from tests.blender.job_fixtures import held_up, until
from tests.systems import needs_links


def panel():
    return bpy.context.window_manager.generio


def taken(name: str) -> Image.Image:
    """What the panel has after the image was chosen."""
    assert bpy.ops.generio.use_blender_image(image=name) == {"FINISHED"}
    assert panel().source == "IMAGE"
    with Image.open(panel().image) as picture:
        return picture.copy()


def painted(name: str = "Painted", size=(6, 4), **options) -> bpy.types.Image:
    """A picture whose lower left pixel is red, with half its alpha."""
    image = bpy.data.images.new(name, *size, alpha=True, **options)
    pixels = np.zeros((size[1], size[0], 4), dtype=np.float32)
    pixels[0, 0] = (1.0, 0.25, 0.0, 0.5)
    image.pixels.foreach_set(pixels.ravel())
    return image


def touched(image: bpy.types.Image) -> None:
    """Paint on it, in the colour that is there: its file will not do."""
    image.pixels[0] = image.pixels[0]


def test_a_painted_picture_that_was_never_saved(addon):
    painted()
    picture = taken("Painted")
    assert picture.size == (6, 4)
    assert picture.getpixel((0, 3)) == (255, 64, 0, 128)
    assert panel().image_note == "6 x 4, PNG"


def test_a_float_picture_is_encoded_for_the_eye(addon):
    painted(float_buffer=True)
    assert taken("Painted").getpixel((0, 3)) == (255, 188, 0, 128)  # linear 0.25, of a half


def saved_float(path: Path, kind: str, depth: str, alpha: float) -> None:
    """A file of pixels that are 124 in a picture for the eye, and linear 0.2 in Blender."""
    image = bpy.data.images.new("Light", 8, 6, alpha=True, float_buffer=True)
    image.pixels.foreach_set([*(0.2 * alpha,) * 3, alpha] * (8 * 6))
    scene = bpy.data.scenes.new("Standard")
    scene.view_settings.view_transform = "Standard"
    settings = scene.render.image_settings
    settings.file_format, settings.color_depth = kind, depth
    image.save_render(str(path), scene=scene)
    bpy.data.images.remove(image)
    bpy.data.scenes.remove(scene)


@pytest.mark.parametrize("how", ["as a file", "of Blender"])
@pytest.mark.parametrize(
    ("name", "kind", "depth", "alpha"),
    [
        ("light.exr", "OPEN_EXR", "32", 1.0),
        ("light.exr", "OPEN_EXR", "32", 0.5),
        ("light.hdr", "HDR", "32", 1.0),
        ("light.png", "PNG", "16", 0.5),
    ],
)
def test_a_float_file_is_encoded_for_the_eye(
    addon, tmp_path: Path, name: str, kind: str, depth: str, alpha: float, how: str
):
    path, target = tmp_path / name, tmp_path / "input.png"
    saved_float(path, kind, depth, alpha)
    if how == "as a file":
        make_input_here(path, target)
    else:
        touched(bpy.data.images.load(str(path)))
        taken(name).save(target)
    with Image.open(target) as picture:
        pixel = picture.convert("RGBA").getpixel((3, 3))
    np.testing.assert_allclose(pixel, (124, 124, 124, 255 * alpha), atol=1)


def test_colours_that_are_no_part_of_their_alpha_stay_as_they_are(addon):
    image = painted(float_buffer=True)
    image.alpha_mode = "CHANNEL_PACKED"
    assert taken("Painted").getpixel((0, 3)) == (255, 137, 0, 128)


def test_a_generated_picture(addon):
    image = bpy.data.images.new("Grid", 64, 64)
    image.generated_type = "COLOR_GRID"
    assert len(taken("Grid").getcolors(64 * 64)) > 10


@pytest.mark.parametrize("changed", [False, True])
def test_a_packed_picture_painted_on_or_not(addon, changed: bool):
    image = painted()
    image.pack()
    if changed:
        image.pixels[2] = 1.0
    assert taken("Painted").getpixel((0, 3)) == (255, 64, 255 if changed else 0, 128)


@pytest.mark.parametrize("mode", ["L", "LA", "RGB"])
def test_pictures_with_other_channels(addon, tmp_path: Path, mode: str):
    Image.new(mode, (5, 3), 100 if mode == "L" else (100, 200) if mode == "LA" else (100, 50, 25)).save(
        tmp_path / "file.png"
    )
    touched(bpy.data.images.load(str(tmp_path / "file.png")))
    pixel = taken("file.png").getpixel((0, 0))
    assert pixel[:3] == ((100, 50, 25) if mode == "RGB" else (100, 100, 100))


def test_a_picture_whose_file_is_gone(addon):
    image = bpy.data.images.new("Lost", 4, 4)
    image.source = "FILE"
    image.filepath = "/not/there.png"
    image.reload()
    with pytest.raises(RuntimeError, match="has no pixels"):
        taken("Lost")


def test_a_picture_that_is_as_its_file_is_that_file(addon, tmp_path: Path):
    """Nobody waits for its pixels then."""
    path = tmp_path / "photo.jpg"
    Image.new("RGB", (5, 3), (200, 30, 30)).save(path)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "file.blend"))
    image = bpy.data.images.load("//photo.jpg")
    assert bpy.ops.generio.use_blender_image(image="photo.jpg") == {"FINISHED"}
    assert panel().image == str(path)
    assert not image.has_data
    touched(image)
    assert taken("photo.jpg").size == (5, 3)
    assert panel().image != str(path)
    image.pack()
    assert taken("photo.jpg").size == (5, 3)
    assert panel().image != str(path)


def test_a_sequence_that_was_not_shown_yet_is_the_file_that_was_chosen(addon, tmp_path: Path):
    for number in (1, 2, 3):
        Image.new("RGB", (5, 3), (50 * number, 0, 0)).save(tmp_path / f"frame{number}.png")
    bpy.data.images.load(str(tmp_path / "frame2.png")).source = "SEQUENCE"
    assert taken("frame2.png").getpixel((0, 0)) == (100, 0, 0)


@pytest.fixture
def rendering(addon) -> bpy.types.Scene:
    """A scene that renders a grey of 124, quickly."""
    scene = bpy.context.scene
    scene.camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    scene.collection.objects.link(scene.camera)
    scene.world = bpy.data.worlds.new("Grey")
    if scene.world.node_tree is None:  # Blender 5 always has one
        scene.world.use_nodes = True
    scene.world.node_tree.nodes["Background"].inputs["Color"].default_value = (0.2, 0.2, 0.2, 1.0)
    scene.view_settings.view_transform = "Standard"
    scene.render.engine, scene.cycles.samples = "CYCLES", 1
    scene.render.resolution_x, scene.render.resolution_y = 32, 16
    return scene


@pytest.mark.parametrize(("longest", "size"), [(0, (32, 16)), (8, (8, 4))])
def test_of_several_layers_the_first_is_sent(addon, rendering, tmp_path: Path, longest: int, size):
    path, order, target = (tmp_path / name for name in ("layers.exr", "layers.json", "input.png"))
    settings = rendering.render.image_settings
    if hasattr(settings, "media_type"):  # Blender 5
        settings.media_type = "MULTI_LAYER_IMAGE"
    settings.file_format = "OPEN_EXR_MULTILAYER"
    rendering.render.filepath = str(path)
    bpy.ops.render.render(write_still=True)
    order.write_text(json.dumps({"picture": str(path), "kept": "", "longest": longest}))
    make_input_here(order, target)
    with Image.open(target) as picture:
        assert picture.size == size
        np.testing.assert_allclose(picture.getpixel((2, 2)), (124, 124, 124, 255), atol=1)
    image = bpy.data.images.load(str(path))
    assert (image.size[0], image.type) == (0, "MULTILAYER")
    assert ("layers.exr", "layers.exr", "") in addon.operators.images._images_of_file(None, bpy.context)
    assert bpy.ops.generio.use_blender_image(image="layers.exr") == {"FINISHED"}
    assert panel().image == str(path)


@pytest.mark.parametrize("views", ["INDIVIDUAL", "STEREO_3D"])
def test_a_stereo_render(rendering, views: str):
    rendering.render.use_multiview = True
    rendering.render.image_settings.views_format = views
    bpy.ops.render.render()
    assert bpy.ops.generio.use_render() == {"FINISHED"}
    with Image.open(panel().image) as picture:
        assert picture.size == ((32, 16) if views == "INDIVIDUAL" else picture.size)
        assert picture.getpixel((2, 2))[3] == 255
    assert not [*Path(bpy.app.tempdir).glob("*render*")]


def test_the_render(addon):
    with pytest.raises(RuntimeError, match="Render an image first"):
        bpy.ops.generio.use_render()
    scene = bpy.context.scene
    scene.camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    scene.collection.objects.link(scene.camera)
    scene.render.engine, scene.cycles.samples = "CYCLES", 1
    scene.render.resolution_x, scene.render.resolution_y = 32, 16
    scene.render.image_settings.file_format = "OPEN_EXR"
    scene.render.image_settings.color_depth = "32"
    bpy.ops.render.render()
    assert bpy.ops.generio.use_render() == {"FINISHED"}
    with Image.open(panel().image) as picture:
        assert picture.size == (32, 16)
    settings = scene.render.image_settings
    assert (settings.file_format, settings.color_depth) == ("OPEN_EXR", "32")


def test_a_render_that_another_program_looks_at_is_taken(addon, rendering, monkeypatch):
    """As a virus scanner does with new files: on Windows they cannot be deleted meanwhile."""
    read, looking = Path.read_bytes, []

    def looked_at(path: Path) -> bytes:
        looking.append(path.open("rb"))
        return read(path)

    bpy.ops.render.render()
    monkeypatch.setattr(Path, "read_bytes", looked_at)
    try:
        assert bpy.ops.generio.use_render() == {"FINISHED"}
    finally:
        assert looking, "a file was read"
        for file in looking:
            file.close()
    assert panel().image_problem == ""


def test_what_cannot_be_had_here_says_so(addon):
    with pytest.raises(RuntimeError, match="no picture in the clipboard"):
        bpy.ops.generio.paste_image()
    with pytest.raises(RuntimeError, match="in a 3D Viewport"):
        bpy.ops.generio.use_view()


def sent(addon) -> Path:
    """The file that the newest job has sent."""
    carrier = addon.session.current().open_engine(bpy.context)
    return Path(carrier.job(panel().jobs[0].token).request.input_path)


@pytest.mark.parametrize(("longest", "size"), [(2048, (300, 200)), (100, (100, 67)), (0, (300, 200))])
def test_large_pictures_are_sent_smaller_and_stay_as_they_are(addon, tmp_path: Path, longest: int, size):
    path = tmp_path / "large.jpg"
    Image.new("RGB", (300, 200), (200, 30, 30)).save(path)
    before = path.read_bytes()
    addon.session.preferences.preferences(bpy.context).longest_side = longest
    bpy.ops.generio.generate_from_image(filepath=str(path), quality="LOW")
    with Image.open(sent(addon)) as picture:
        assert picture.size == size
        assert picture.convert("RGB").getpixel((5, 5))[0] > 190
    assert (sent(addon) == path) == (size == (300, 200))
    assert path.read_bytes() == before
    assert "large" in bpy.data.objects
    panel().image = ""
    bpy.ops.generio.use_job_settings(token=panel().jobs[0].token)
    assert panel().image == str(path)


def test_variants_of_a_large_picture_leave_no_folder_behind(addon, tmp_path: Path):
    path = tmp_path / "large.jpg"
    Image.new("RGB", (300, 200), (200, 30, 30)).save(path)
    addon.session.preferences.preferences(bpy.context).longest_side = 100
    bpy.ops.generio.generate_from_image(filepath=str(path), quality="LOW", variants=2)
    folder = addon.session.preferences.results_folder(bpy.context)
    tokens = [row.token for row in panel().jobs]
    assert sorted(item.name for item in folder.iterdir()) == sorted(tokens)
    for token in tokens:
        carrier = addon.session.current().open_engine(bpy.context)
        with Image.open(carrier.job(token).request.input_path) as picture:
            assert picture.size == (100, 67)
        bpy.ops.generio.remove_job(token=token)
    bpy.ops.wm.read_homefile(use_empty=True)  # to which undo does not reach
    until(lambda: not [*folder.iterdir()])


def test_a_large_picture_is_made_smaller_as_it_was_chosen(addon, tmp_path: Path):
    """Until the child comes to it, somebody may have painted over it."""
    path = tmp_path / "large.jpg"
    order, kept, target = (tmp_path / name for name in ("large.jpg.json", "chosen.jpg", "input.png"))
    Image.new("RGB", (300, 200), (200, 30, 30)).save(kept)
    Image.new("RGB", (300, 200), (30, 30, 200)).save(path)
    order.write_text(json.dumps({"picture": str(path), "kept": str(kept), "longest": 100}))
    make_input_here(order, target)
    with Image.open(target) as picture:
        assert picture.size == (100, 67)
        assert picture.convert("RGB").getpixel((5, 5))[0] > 190


def photo(orientation: int) -> Image.Image:
    """White where the camera's left is, red at its upper left, and held like this."""
    picture = Image.new("RGB", (300, 200))
    picture.paste((255, 255, 255), (0, 0, 60, 200))
    picture.paste((255, 0, 0), (0, 0, 60, 60))
    picture.getexif()[0x0112] = orientation
    return picture


@pytest.mark.parametrize(
    ("kind", "orientation"),
    [*(("jpg", number) for number in range(1, 9)), ("webp", 6), ("tif", 6)],
)
def test_a_large_photo_is_sent_as_the_camera_was_held(addon, tmp_path: Path, kind: str, orientation: int):
    """The small one tells the service itself."""
    path, order, target = (tmp_path / name for name in (f"photo.{kind}", "photo.json", "input.png"))
    picture = photo(orientation)
    picture.save(path, exif=picture.getexif())
    order.write_text(json.dumps({"picture": str(path), "kept": "", "longest": 150}))
    make_input_here(order, target)
    seen = ImageOps.exif_transpose(picture)
    seen.thumbnail((150, 150))
    with Image.open(target) as sent:
        assert sent.size == seen.size
        difference = np.abs(np.asarray(sent.convert("RGB"), int) - np.asarray(seen, int))
    assert difference.mean() < 4


def test_a_deep_photo_is_turned_too(addon, tmp_path: Path):
    path, target = tmp_path / "photo.tif", tmp_path / "input.png"
    rows = np.full((20, 30), 30000, dtype=np.uint16)
    rows[:, :10] = 60000
    Image.fromarray(rows).save(path, tiffinfo={0x0112: 6})
    make_input_here(path, target)
    with Image.open(target) as sent:
        assert sent.size == (20, 30)
        assert [sent.getpixel((10, y))[0] for y in (4, 25)] == [233, 117]


def test_a_float_file_needs_no_view_that_a_studio_may_not_have(addon, tmp_path: Path, monkeypatch):
    before = Path(bpy.utils.system_resource("DATAFILES", path="colormanagement"))
    shutil.copytree(before, tmp_path / "color")
    config = tmp_path / "color" / "config.ocio"
    config.write_text(
        config.read_text().replace("name: Standard", "name: House").replace("Standard,", "House,")
    )
    image = painted(float_buffer=True)
    image.filepath_raw, image.file_format = str(tmp_path / "deep.exr"), "OPEN_EXR"
    image.save()
    monkeypatch.setenv("OCIO", str(config))
    kind = importlib.import_module(f"{EXTENSION}.engine.conversion").Conversion
    conversion = kind(addon.scene.background.here.converter_command())  # which has the variable
    conversion.make_input(tmp_path / "deep.exr", tmp_path / "input.png", lambda: False)
    conversion.close()
    with Image.open(tmp_path / "input.png") as picture:
        assert picture.size == (6, 4)


def test_of_a_film_the_image_button_takes_a_frame(addon, tmp_path: Path):
    frames = [Image.new("RGB", (8, 6), color) for color in ((200, 30, 30), (30, 30, 200))]
    frames[0].save(tmp_path / "film.gif", save_all=True, append_images=frames[1:])
    film = bpy.data.images.load(str(tmp_path / "film.gif"))
    assert film.source == "MOVIE"
    assert taken(film.name).size == (8, 6)
    assert panel().image.endswith(".png")


def test_an_image_whose_drive_does_not_even_tell_what_is_there(addon, tmp_path: Path):
    image = bpy.data.images.new("Grid", 8, 8)
    image.source = "FILE"
    image.filepath = str(tmp_path / ("x" * 300 + ".png"))
    assert addon.scene.export.image_capture.file_of(image) is None


def test_a_taken_picture_is_made_smaller_too(addon):
    addon.session.preferences.preferences(bpy.context).longest_side = 50
    image = bpy.data.images.new("Half", 200, 100)
    pixels = np.zeros((100, 200, 4), dtype=np.float32)
    pixels[50:, :, 0] = pixels[..., 3] = 1.0
    image.pixels.foreach_set(pixels.ravel())
    picture = taken("Half")
    assert picture.size == (50, 25)
    assert picture.getpixel((10, 3)) == (255, 0, 0, 255)
    assert picture.getpixel((10, 20)) == (0, 0, 0, 255)
    assert picture.getpixel((10, 12))[0] == 128  # the mean of the rows that it covers


@pytest.mark.parametrize("when", ["before", pytest.param("while", marks=needs_links)])
def test_a_picture_that_cannot_be_written_says_so(addon, tmp_path: Path, when: str):
    image = painted()
    taken(image.name)
    before = panel().image
    folder = Path(before).parent
    shutil.rmtree(folder)
    if when == "before":
        folder.write_text("no folder")
    else:
        folder.symlink_to("/proc")  # which is a folder, and takes no files
    try:
        with pytest.raises(RuntimeError, match=r"could not be written: .*\. Choose a picture file"):
            bpy.ops.generio.use_blender_image(image=image.name)
    finally:
        folder.unlink()
    assert panel().image == before
    if when == "while":  # what a thread finds out the panel says
        assert "could not be written" in panel().image_problem
    assert taken(image.name).size == (6, 4)
    assert panel().image_problem == ""


@pytest.mark.parametrize("when", ["capture_image", "to_png"])
def test_a_picture_for_which_there_is_no_memory_says_so(addon, monkeypatch, when: str):
    def too_large(*_: object) -> None:
        raise MemoryError

    painted()
    owner = addon.scene.export.image_capture if when == "capture_image" else addon.formats.raw_pixels
    monkeypatch.setattr(owner, when, too_large)
    with pytest.raises(RuntimeError, match=r"not enough memory for the picture\. Make it smaller"):
        bpy.ops.generio.use_blender_image(image="Painted")


@pytest.fixture
def window(addon, monkeypatch: pytest.MonkeyPatch) -> list[Callable]:
    """As in a window, where pictures are written meanwhile; gives the timers."""
    timers: list[Callable] = []

    def register(timer: Callable, first_interval: float = 0.0, persistent: bool = False) -> None:
        assert persistent, "another file may be opened before it is written"
        timers.append(timer)

    there = SimpleNamespace(
        app=SimpleNamespace(
            background=False,
            timers=SimpleNamespace(is_registered=lambda _: bool(timers), register=register),
        ),
        context=bpy.context,
        data=bpy.data,
    )
    monkeypatch.setattr(addon.operators.images, "bpy", there)
    monkeypatch.setattr(addon.session.slices, "bpy", there)
    return timers


def ring(timers: list[Callable]) -> None:
    if timers and timers[0]() is None:
        timers.clear()


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_of_pictures_taken_quickly_the_panel_has_the_last(addon, window, order):
    """The engine may be done with them in any order; the panel ends with the newest."""
    for size in ((4, 4), (8, 8)):
        painted(f"Size {size[0]}", size=size)
        bpy.ops.generio.use_blender_image(image=f"Size {size[0]}")
    captures = addon.session.current().part(addon.operators.images.Captures)
    until(lambda: addon.session.current().slices.run() or len(captures.replies) == 2)
    replies = [*captures.replies.values()]
    until(lambda: all(reply.is_there for reply in replies))
    for reply in replies:
        reply.is_there = False
    for number in order:
        replies[number].is_there = True
        ring(window)
    assert panel().image_note == "8 x 8, PNG"
    assert not window


def test_a_picture_that_the_engine_cannot_write_says_so(addon, window):
    painted()
    folder = addon.session.preferences.user_folder(bpy.context) / "pictures"
    bpy.ops.generio.use_blender_image(image="Painted")
    with held_up(addon):
        addon.session.current().slices.run()
        captures = addon.session.current().part(addon.operators.images.Captures)
        assert captures.replies
        for raw in folder.glob("*.pixels"):
            raw.unlink()
    until(lambda: ring(window) or not window)
    assert "could not be written" in panel().image_problem


def test_choosing_an_image_loads_none(addon, tmp_path: Path):
    Image.new("RGB", (5, 3)).save(tmp_path / "file.png")
    image = bpy.data.images.load(str(tmp_path / "file.png"))
    painted()
    items = addon.operators.images._images_of_file(None, bpy.context)
    assert {name: note for name, _, note in items} == {"file.png": "", "Painted": "6 x 4"}
    assert not image.has_data


def test_of_two_images_of_one_name_either_can_be_chosen(addon, tmp_path: Path):
    painted("Sketch", size=(4, 4)).pack()
    bpy.data.libraries.write(str(tmp_path / "other.blend"), {*bpy.data.images}, fake_user=True)
    bpy.data.batch_remove([*bpy.data.images])
    painted("Sketch", size=(8, 8))
    with bpy.data.libraries.load(str(tmp_path / "other.blend"), link=True) as (_inside, wanted):
        wanted.images = ["Sketch"]
    items = addon.operators.images._images_of_file(None, bpy.context)
    assert sorted(label for _, label, _ in items) == ["Sketch", "Sketch [other.blend]"]
    assert [taken(name).size for name, _, _ in sorted(items, key=lambda item: item[1])] == [(8, 8), (4, 4)]


def test_a_picture_beside_the_file_stays_the_same_in_another_one(addon, tmp_path: Path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / name / "file.blend"))
    Image.new("RGB", (5, 3)).save(tmp_path / "two" / "sketch.png")
    panel().image = "//sketch.png"
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "one" / "file.blend"))
    assert Path(panel().image) == tmp_path / "two" / "sketch.png"
    assert panel().image_note == "5 x 3, PNG"
    panel().image = "//../two/sketch.png"
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "elsewhere.blend"))
    assert Path(panel().image).resolve() == tmp_path / "two" / "sketch.png"
    assert panel().image_note == "5 x 3, PNG"


def tick_until(addon, done: Callable[[], bool]) -> None:
    """As the timer goes on, until a thread has looked at the picture."""
    until = time.monotonic() + 10.0
    while not done():
        assert time.monotonic() < until
        addon.session.current().tick(bpy.context)
        time.sleep(0.01)


def test_a_sketch_that_is_saved_again_is_looked_at_again(addon, tmp_path: Path, monkeypatch):
    path = tmp_path / "sketch.png"
    Image.new("RGB", (5, 3)).save(path)
    panel().source, panel().image = "IMAGE", str(path)
    thumbnails = addon.panels.thumbnails

    def preview() -> tuple[int, int]:
        thumbnails.icon_of(panel().image, panel().image_version)
        return tuple(addon.session.current().part(thumbnails.Thumbnails)._pictures[panel().image].image_size)

    before = preview()
    engine = addon.session.current().open_engine(bpy.context)
    looks: list[str] = []
    ask = engine.ask
    monkeypatch.setattr(engine, "ask", lambda verb, **what: looks.append(verb) or ask(verb, **what))
    for _ in range(3):
        addon.session.current().tick(bpy.context)
    assert looks.count("check_image") <= 1, "a disk may be slow: once a second has to do"
    monkeypatch.setattr(addon.session.form, "CHECK_SECONDS", 0.0)
    addon.session.current().form._next_check = 0.0
    assert preview() == before
    Image.new("RGB", (8, 8)).save(path)
    os.utime(path, (time.time() + 10.0,) * 2)  # Blender's own cache of previews counts in seconds
    tick_until(addon, lambda: panel().image_note == "8 x 8, PNG")
    assert preview() != before
    path.unlink()
    tick_until(addon, lambda: "does not exist" in panel().image_problem)
    assert panel().image_note == ""


def test_a_disk_that_sleeps_keeps_nobody_waiting(addon, tmp_path: Path, monkeypatch):
    """The engine process looks, and it is that which sleeps."""
    path, other = tmp_path / "sketch.png", tmp_path / "other.png"
    Image.new("RGB", (5, 3)).save(path)
    Image.new("RGB", (7, 7)).save(other)
    panel().source, panel().image = "IMAGE", str(path)
    engine = addon.session.current().open_engine(bpy.context)
    engine.jobs()
    looks: list[str] = []
    ask = engine.ask
    monkeypatch.setattr(engine, "ask", lambda verb, **what: looks.append(verb) or ask(verb, **what))
    monkeypatch.setattr(addon.session.form, "CHECK_SECONDS", 0.0)
    with held_up(addon):
        addon.session.current().form._next_check = 0.0
        Image.new("RGB", (8, 8)).save(path)
        for _ in range(3):
            addon.session.current().tick(bpy.context)
        assert looks.count("check_image") == 1, "one at a time has to do"
        panel().image = str(other)
        assert panel().image_note == "7 x 7, PNG", "what one chooses one sees at once"
    tick_until(addon, lambda: looks.count("check_image") > 1)
    assert panel().image_note == "7 x 7, PNG"
    Image.new("RGB", (9, 9)).save(other)
    os.utime(other, (time.time() + 10.0,) * 2)
    tick_until(addon, lambda: panel().image_note == "9 x 9, PNG")
