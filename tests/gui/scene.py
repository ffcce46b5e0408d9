# SPDX-License-Identifier: GPL-3.0-or-later
"""The scene of a story: what is put there before a person begins, and what a test reads from it afterwards.

Objects are looked up by name each time, for undo and opening a file replace them all.
"""

from pathlib import Path

import bmesh
import bpy

from scripts.owl import add_owl

HEAVY = "Suzanne"


def clear_view(bring_aside: str = "") -> None:
    """Leave only camera and light, and look at the origin; one object may stay, further left."""
    for item in [item for item in bpy.data.objects if item.type == "MESH" and item.name != bring_aside]:
        bpy.data.objects.remove(item)
    if bring_aside:
        aside = bpy.data.objects[bring_aside]
        aside.location, aside.scale = (-0.9, -0.7, 0.3), (0.3, 0.3, 0.3)
    for view in views():
        view.region_3d.view_location = (0.3, 0.2, 0.5)
        view.region_3d.view_distance = 5.0
    remember("the beginning")


def show_textures() -> None:
    """Draw textures; for pictures only, for software GL takes up to two seconds to begin with it."""
    for view in views():
        view.shading.color_type = "TEXTURE"


def views() -> list[bpy.types.SpaceView3D]:
    areas = bpy.context.window_manager.windows[0].screen.areas
    return [area.spaces.active for area in areas if area.type == "VIEW_3D"]


def add_heavy_mesh() -> None:
    """Put a monkey of some 60,000 triangles into the view, turned and scaled, and select it alone."""
    work = bmesh.new()
    bmesh.ops.create_monkey(work)
    bmesh.ops.subdivide_edges(work, edges=work.edges[:], cuts=7, smooth=1.0, use_grid_fill=True)
    mesh = bpy.data.meshes.new(HEAVY)
    work.to_mesh(mesh)
    work.free()
    monkey = bpy.data.objects.new(HEAVY, mesh)
    monkey.location, monkey.rotation_euler, monkey.scale = (0.0, 0.0, 0.7), (0.0, 0.0, 0.6), (0.9, 0.9, 0.9)
    monkey.show_wire = monkey.show_all_edges = True
    bpy.context.scene.collection.objects.link(monkey)
    for item in bpy.context.view_layer.objects:
        item.select_set(item == monkey)
    bpy.context.view_layer.objects.active = monkey
    remember(f"add {HEAVY}")


def remember(what: str) -> None:
    """Push an undo step, as a person's own work would."""
    bpy.ops.ed.undo_push(message=what)


def paint(path: Path, file_format: str = "PNG") -> None:
    """Save a picture of 256 x 256 pixels."""
    image = bpy.data.images.new("painted", 256, 256)
    image.generated_type = "COLOR_GRID"
    image.file_format = file_format
    image.filepath_raw = str(path)
    image.save()
    bpy.data.images.remove(image)


def photograph_owl(path: Path) -> None:
    """Save a picture of 512 x 512 pixels, of an owl in front of a plain background."""
    studio = bpy.data.scenes.new("Studio")
    owl = add_owl("Model", 320, 160, 1024)
    camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    camera.location, camera.rotation_euler = (0.0, -4.0, 0.55), (1.5708, 0.0, 0.0)
    camera.data.lens = 90.0
    for item in (owl, camera):
        studio.collection.objects.link(item)
    studio.camera, studio.world = camera, bpy.data.worlds.new("Studio")
    studio.world.color = (0.8, 0.78, 0.72)
    studio.display.shading.color_type = "TEXTURE"
    studio.view_settings.view_transform = "Standard"
    render = studio.render
    render.engine, render.filepath = "BLENDER_WORKBENCH", str(path)
    render.resolution_x = render.resolution_y = 512
    bpy.ops.render.render(write_still=True, scene=studio.name)
    bpy.data.scenes.remove(studio)
    for item in (owl, camera):
        bpy.data.objects.remove(item)


def pixels(path: Path) -> tuple[tuple[int, ...], list[float]]:
    """The size of a picture, and what it shows."""
    image = bpy.data.images.load(str(path))
    found = tuple(image.size), list(image.pixels)
    bpy.data.images.remove(image)
    return found


def models(word: str) -> list[bpy.types.Object]:
    """The objects with this word in their names."""
    return [item for item in bpy.data.objects if word in item.name.lower()]


def triangles(name: str) -> int:
    """How many triangles the object has."""
    return sum(len(polygon.vertices) - 2 for polygon in bpy.data.objects[name].data.polygons)


def selection() -> tuple[str, list[str]]:
    """The names of the active object, and of those that are selected."""
    layer = bpy.context.view_layer
    active = layer.objects.active
    return active.name if active else "", sorted(item.name for item in layer.objects if item.select_get())


def pictures_on(item: bpy.types.Object) -> list[bytes]:
    """The files of the images that the object's materials show."""
    return [image.packed_file.data for image in _images_on(item) if image.packed_file]


def all_packed(word: str) -> bool:
    """Whether there are images on the models with this word, all of them with their files in the .blend."""
    images = [image for item in models(word) for image in _images_on(item)]
    return bool(images) and all(image.packed_file for image in images)


def _images_on(item: bpy.types.Object) -> list[bpy.types.Image]:
    nodes = (node for slot in item.material_slots for node in slot.material.node_tree.nodes)
    return [node.image for node in nodes if node.type == "TEX_IMAGE" and node.image]
