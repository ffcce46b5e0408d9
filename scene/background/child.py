# SPDX-License-Identifier: GPL-3.0-or-later
"""The script that a converter runs: a Blender in the background that does one task after the other.

Tasks come as lines on standard input: {"task": one of TASKS, "source": path, "target": path}. How each went
is said on one line: GENERIO_ANSWER {"problem": "", Blender's words, or a message of ours, "memory": bytes};
how far one is, where it takes long, on lines before that: GENERIO_PROGRESS and a number from 0 to 1.
It ends when its standard input closes. There is no thread, so where the parent dies during a task, that is
done first, and its target is deleted: nobody knows of that any more. A watchdog of Python's own ends what
takes too long. Where no converter can be started, the
user's Blender uses `export_glb` and `make_png` itself.
"""

import faulthandler
import importlib
import json
import os
import re
import sys
import traceback
import types
from contextlib import suppress
from pathlib import Path
from typing import Any

import bpy
from mathutils import Vector

THUMBNAIL_PIXELS = 256
THUMBNAIL_SAMPLES = 8

LONGEST_SECONDS = 20 * 60.0
"""Of a task, whether the parent is there to end it or not."""

LONGEST_BAKE_SECONDS = 4 * 3600.0
"""The same of baking: large maps take a slow processor long."""


def module(name: str) -> Any:
    """A module of the add-on. A script is in no package, so the add-on's folder is made one."""
    package = (__package__ or "generio_child.scene.background").removesuffix(".scene.background")
    if package not in sys.modules:
        root = types.ModuleType(package)
        root.__path__ = [str(Path(__file__).parents[2])]
        sys.modules[package] = root
    return importlib.import_module(f"{package}.{name}")


markers = module("scene.markers")
files = module("core.files")
exporters = module("scene.exporters")
known = exporters.known
Message = module("core.messages").Message


def export_glb(source: str, target: str) -> None:
    """Write the bare object in the .blend `source` as GLB: its mesh, materials and textures.

    Whatever else its materials refer to is in the file, too, and not to be sent.
    """
    present = set(bpy.data.images)
    with bpy.data.libraries.load(source) as (inside, wanted):  # pyright: ignore
        wanted.objects = [name for name in inside.objects if name.startswith(markers.SUBJECT)]
    (item,) = wanted.objects
    for copy in (*bpy.data.materials, *bpy.data.images):
        if markers.ORIGINAL in copy:
            copy.name = copy[markers.ORIGINAL]
            if isinstance(copy, bpy.types.Image) and not Path(copy.filepath).exists():
                raise RuntimeError(
                    Message('the painted image "{name}" was never saved and is lost.', name=copy.name)
                )
    for image in set(bpy.data.images) - present:
        if image.source == "TILED":
            image.user_remap(first_tile(image))
    if item.data.shape_keys is not None:
        item.shape_key_clear()
    centering = module("scene.restore.centering")
    centering.move(item.data, -centering.far_middle(item.data))
    slots = module("scene.restore.material_slots")
    for slot, name in zip(item.material_slots, slots.slot_names(item), strict=True):
        if name != slots.name_of(slot.material):
            slot.link = "OBJECT"
            slot.material = slot.material.copy() if slot.material else bpy.data.materials.new(name)
            slot.material.name = name
    textures = module("scene.export.texture_limit")
    if textures.LIMIT in item:
        textures.limit_textures(item, textures.TextureLimit(*item[textures.LIMIT]))
    try:
        write_glb(item, target)
    except RuntimeError:
        if not make_plain(item):
            raise
        write_glb(item, target)
        markers.plain_materials_note(Path(source)).touch()


def write_glb(item: Any, target: str) -> None:
    """Write the object as GLB, from a scene of its own: this has to work in the user's Blender, too."""
    scene = bpy.data.scenes.new(item.name)
    scene.collection.objects.link(item)
    options = known(bpy.ops.export_scene.gltf, **exporters.GLTF)
    # The exporter appends .glb to any other name.
    glb = Path(target).with_suffix(".glb.glb")
    try:
        with bpy.context.temp_override(scene=scene, view_layer=scene.view_layers[0]):
            bpy.ops.export_scene.gltf(filepath=str(glb), **options)
        files.replace(glb, Path(target))
    finally:
        files.delete(glb)
        bpy.data.scenes.remove(scene)


def make_plain(item: Any) -> bool:
    """Give each slot a material of the same name that has nothing in it; False where no slot has one."""
    full = [(slot, slot.material) for slot in item.material_slots if slot.material]
    plain: dict[Any, Any] = {}
    for material in dict.fromkeys(material for _, material in full):
        name, material.name = material.name, "GENERIO full"
        plain[material] = bpy.data.materials.new(name)
    for slot, material in full:
        slot.link = "OBJECT"
        slot.material = plain[material]
    return bool(full)


def first_tile(image: Any) -> Any:
    """A plain image for a tiled one: its first tile, or nothing where that is in no file.

    The exporter would make a material of each tile, and leave out the faces that lie in none. What comes back
    gets the image that it had.
    """
    name, image.name = image.name, "generio_tiled"
    path = bpy.path.abspath(image.filepath_raw, library=image.library)
    file = Path(path.replace("<UDIM>", str(image.tiles[0].number)))
    plain: Any = bpy.data.images.load(str(file)) if file.is_file() else bpy.data.images.new(name, 8, 8)
    plain.name = name
    plain.colorspace_settings.name = image.colorspace_settings.name
    return plain


def import_glb(source: str, target: str) -> None:
    """Write everything that `source` holds as a .blend, its pictures and a report (JSON) beside it."""
    options = known(
        bpy.ops.import_scene.gltf,
        import_pack_images=True,
        disable_bone_shape=True,
        import_scene_as_collection=False,
    )
    scene = bpy.context.scene
    with module("scene.place.extras").capture_extras(scene, Path(source)) as beside:
        bpy.ops.import_scene.gltf(filepath=source, **options)
    objects: list[Any] = list(scene.objects)
    if not objects:
        raise RuntimeError(Message("the model is empty."))
    fitted = restore_result(Path(source), objects)
    for mesh in bpy.data.meshes:
        drop_zeros(mesh)
    name = Path(target).name.partition(".")[0]
    told = report() | fitted | {"scene": beside}
    for number, image in enumerate(bpy.data.images):
        save_beside(image, Path(target).with_name(f"{name}-{number}"))
    bpy.data.libraries.write(target, set(objects))
    told["arrays"] = module("formats.blend_file").array_sizes(Path(target))  # see `memory`
    Path(target).with_name(f"{name}.json").write_text(json.dumps(told), encoding="utf-8")


def drop_zeros(mesh: Any) -> None:
    """Take away the attributes that mean the same if they are not there: the window waits for each byte."""
    import numpy as np

    for name in ("material_index", "sharp_edge", "sharp_face"):
        attribute = mesh.attributes.get(name)
        if attribute is not None:
            values = np.empty(len(attribute.data), bool if attribute.data_type == "BOOLEAN" else np.int32)
            attribute.data.foreach_get("value", values)
            if not values.any():
                mesh.attributes.remove(attribute)


def save_beside(image: Any, path: Path) -> None:
    """Let a packed picture be the file `path` instead, and say so."""
    if image.packed_file is not None:
        path.write_bytes(image.packed_file.data)
        image.unpack(method="REMOVE")
        image.filepath_raw = str(path)
        image[markers.UNPACKED] = True


def save_file(source: str, target: str) -> None:
    """Write everything that `source` holds as a .blend to open: a scene with it, images packed."""
    options = known(bpy.ops.import_scene.gltf, import_pack_images=True, import_scene_as_collection=False)
    bpy.ops.import_scene.gltf(filepath=source, **options)
    if not bpy.context.scene.objects:
        raise RuntimeError(Message("the model is empty."))
    blend = str(Path(target).with_suffix(".blend"))  # Blender appends that to any other name
    bpy.ops.wm.save_as_mainfile(filepath=blend, copy=True, check_existing=False, compress=True)
    files.replace(Path(blend), Path(target))


def restore_result(source: Path, objects: list[Any]) -> dict[str, Any]:
    """Restore the mesh data of the imported `objects` from the snapshot beside `source`, if there is one.

    Returns what goes into the report: "fit", see `restore_mesh_data`, or "misfit" if the result is elsewhere
    than the mesh that was sent; then it stays as it was received.
    """
    restore = module("scene.restore.restore")
    snapshot = markers.snapshot_of(source)
    parts = [item for item in objects if item.type == "MESH" and len(item.data.polygons)]
    if snapshot is None or not parts:
        return {}
    names = {material: material.name for material in bpy.data.materials}
    try:
        told = {"fit": restore.restore_mesh_data(parts, snapshot, names)}
    except restore.CannotRestore:
        told = {"misfit": True}
    objects[:] = parts[:1]
    return told


def report() -> dict[str, Any]:
    """What stands in the scene: counts, pictures with sizes in pixels, and the extent in Blender units."""
    meshes: list[Any] = [item.data for item in bpy.context.scene.objects if item.type == "MESH"]
    pictures: list[Any] = [image for image in bpy.data.images if image.type == "IMAGE" and image.size[0]]
    low, high = extent()
    return {
        "triangles": sum(len(mesh.loops) - 2 * len(mesh.polygons) for mesh in meshes),
        "vertices": sum(len(mesh.vertices) for mesh in meshes),
        "materials": len({material for mesh in meshes for material in mesh.materials if material}),
        "textures": [[*image.size] for image in pictures],
        "uv_maps": max((len(mesh.uv_layers) for mesh in meshes), default=0),
        "size": [*(high - low)],
    }


def extent() -> tuple[Vector, Vector]:
    """Lowest and highest corner of all meshes, world space."""
    bpy.context.view_layer.update()
    corners = [
        item.matrix_world @ Vector(corner)
        for item in bpy.context.scene.objects
        if item.type == "MESH"
        for corner in item.bound_box
    ] or [Vector((0.0, 0.0, 0.0))]
    low = Vector([min(corner[axis] for corner in corners) for axis in range(3)])
    return low, Vector([max(corner[axis] for corner in corners) for axis in range(3)])


def draw_thumbnail(source: str, target: str) -> None:
    """Render the .blend `source` as a square PNG with a clear background, from the front right and above."""
    with bpy.data.libraries.load(source) as (inside, wanted):  # pyright: ignore
        wanted.objects = inside.objects
    scene: Any = bpy.context.scene
    for item in wanted.objects:
        scene.collection.objects.link(item)
    portrait = module("scene.portrait")
    portrait.set_up(scene, *extent(), THUMBNAIL_PIXELS, THUMBNAIL_SAMPLES)
    portrait.draw(scene, target)


def make_png(source: str, target: str) -> None:
    """Write the picture `source` as PNG; or, if that is an order (JSON), the `picture` that it names.

    An order names where that is `kept` as it was when it was chosen, which counts if it is there.
    An order says, too, how many pixels the `longest` side may have; a larger picture is made smaller.
    """
    longest = 0
    if source.endswith(".json"):
        order = json.loads(Path(source).read_text(encoding="utf-8"))
        source, longest = order["picture"], order["longest"]
        if (kept := Path(order["kept"])).is_file():
            source = str(kept)
    image: Any = bpy.data.images.load(source)
    width, height = image.size
    if image.type == "MULTILAYER":  # which has a size only where it is shown
        render_png(image, target)
        image = bpy.data.images.load(target)
        width, height = image.size
    if not width:
        raise RuntimeError(Message("it is not an image that Blender can read."))
    if longest and max(width, height) > longest:
        scale = longest / max(width, height)
        image.scale(max(1, round(width * scale)), max(1, round(height * scale)))
    turn_upright(image, Path(source))
    # Of an animated GIF the first frame can only be rendered; floats are linear light, multiplied with alpha.
    if image.source == "MOVIE" or image.is_float:
        render_png(image, target)
    else:
        image.file_format = "PNG"
        image.filepath_raw = target
        image.save()
        bpy.data.images.remove(image)
    if not Path(target).is_file():
        raise RuntimeError(Message("it is not an image that Blender can write as PNG."))


def render_png(image: Any, target: str) -> None:
    """Write what one sees of the image, of several layers the first, as PNG, and remove the image."""
    scene = bpy.data.scenes.new("as it is")
    with suppress(TypeError):  # a studio's own color management may have no such view
        scene.view_settings.view_transform = "Standard"  # pyright: ignore[reportAttributeAccessIssue]
    scene.render.image_settings.file_format = "PNG"
    image.save_render(target, scene=scene)
    bpy.data.scenes.remove(scene)
    bpy.data.images.remove(image)


def turn_upright(image: Any, source: Path) -> None:
    """Turn the picture as the camera was held: the file says so, and the PNG will not."""
    import numpy as np

    exif = module("formats.exif")
    orientation = exif.orientation_of(source)
    if orientation == exif.UPRIGHT:
        return
    width, height = image.size
    pixels = np.empty(len(image.pixels), dtype=np.float32)
    image.pixels.foreach_get(pixels)
    rows = pixels.reshape(height, width, -1)[::-1]  # Blender has the bottom row first
    rows = exif.upright(rows, orientation)[::-1]
    image.scale(rows.shape[1], rows.shape[0])
    image.pixels.foreach_set(rows.ravel())


def report_progress(share: float) -> None:
    """Say how much of a long task is done, 0 to 1."""
    print(f"\nGENERIO_PROGRESS {share:.3f}", flush=True)  # noqa: T201 - how a converter speaks


def bake_maps(source: str, target: str) -> None:
    """Bake the lost detail of the light mesh in the snapshot `source`; see `scene.bake.run`."""
    module("scene.bake.run").bake(source, target, report_progress)


def bake_files(source: str, target: str) -> None:
    """Bake the lost detail of a GLB, by the order `source`; see `scene.bake.files`."""

    def load(path: str) -> list[Any]:
        present = set(bpy.data.objects)
        options = known(bpy.ops.import_scene.gltf, import_pack_images=True, import_scene_as_collection=False)
        bpy.ops.import_scene.gltf(filepath=path, **options)
        return [item for item in bpy.data.objects if item not in present]

    module("scene.bake.files").bake(source, target, load, report_progress)


def export_files(source: str, target: str) -> None:
    """Write files for a game engine, by the order `source`; see `scene.game.run`."""
    module("scene.game.run").export(source, target, joined_glb, report_progress)


def joined_glb(path: str) -> Any:
    """The meshes of a GLB as one object at the origin."""
    present = set(bpy.data.objects)
    options = known(bpy.ops.import_scene.gltf, import_pack_images=True, import_scene_as_collection=False)
    bpy.ops.import_scene.gltf(filepath=path, **options)
    bpy.context.view_layer.update()
    new: list[Any] = [item for item in bpy.data.objects if item not in present]
    meshes = [item for item in new if item.type == "MESH" and len(item.data.polygons)]
    if not meshes:
        raise RuntimeError(Message("the model is empty."))
    for item in meshes:
        seen = item.matrix_world.copy()
        if item.data.users > 1:
            item.data = item.data.copy()
        item.parent = None
        item.matrix_world.identity()
        item.data.transform(seen)
        if seen.is_negative:
            item.data.flip_normals()
    first = meshes[0]
    if len(meshes) > 1:
        with bpy.context.temp_override(
            object=first, active_object=first, selected_objects=meshes, selected_editable_objects=meshes
        ):
            bpy.ops.object.join()
    return first


def error_text(error: Exception) -> Any:
    """What an error says, as JSON: a message of ours, or Blender's words, or where it happened."""
    if isinstance(error, MemoryError):
        return Message("there is not enough memory: close other programs.").to_data()
    if not isinstance(error, RuntimeError) or not error.args:
        return "".join(traceback.format_exception(error))
    said = error.args[0]
    return said.to_data() if isinstance(said, Message) else str(error)


TASKS = {
    "export": export_glb,
    "import": import_glb,
    "save": save_file,
    "picture": make_png,
    "thumbnail": draw_thumbnail,
    "bake": bake_maps,
    "bake_files": bake_files,
    "export_files": export_files,
}


def memory() -> int:
    """Bytes that this process takes now; 0 where the system does not tell in a file."""
    if sys.platform != "linux":  # not even where there is such a file, of a Linux below
        return 0
    with suppress(OSError, ValueError, IndexError):
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return 0


def do(task: str, source: str, target: str) -> bool:
    """Do a task in an empty file, and say how it went; False where nobody was there to hear that."""
    longest = LONGEST_BAKE_SECONDS if task.startswith("bake") else LONGEST_SECONDS
    faulthandler.dump_traceback_later(longest, exit=True)
    problem = ""
    try:
        # Nothing of the task before; the factory settings, which take five times as long, are there already.
        bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True, load_ui=False)
        TASKS[task](source, target)
    except Exception as error:  # the parent wants to know why, not an exit code
        problem = error_text(error)
    faulthandler.cancel_dump_traceback_later()
    said = json.dumps({"problem": problem, "memory": memory()})
    try:
        print(f"\nGENERIO_ANSWER {said}", flush=True)  # noqa: T201 - how a converter speaks
    except OSError:  # the parent was killed meanwhile, and another one does this task in a file of its own
        files.delete(Path(target))
        files.delete_folder(Path(f"{target}.files"))  # see `scene.game.run`
        return False
    return True


def main() -> None:
    """Do what is asked for until the parent ends, however that happens."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    for line in sys.stdin.buffer:
        if not do(**json.loads(line)):
            break
    home = Path(os.environ.get("BLENDER_USER_RESOURCES", ""))
    if re.fullmatch(r"generio-\d+-\w+", home.name):  # which a parent that has died does not remove
        files.delete_folder(home)
    os._exit(0)  # nothing here is worth Blender's teardown, which as a module may wait for ever


if __name__ == "__main__":
    main()
